//! Starts a filter process, sends it a request, reads the response and ends it.

use std::io::{Read, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, Signal, prlimit};

use super::protocol::{Request, Response};
use super::sandbox::UNCONFINED;
use super::{COMMAND, MEMORY_BYTES};
use crate::digest::{Digest, Hasher};
use crate::rebuild::{DrawLimits, FairQueue, Fault, Kind, Limits, PageImages, Rebuilder, Rebuilt, Task, Ticket};

/// Resource limits of a filter process, and of all of them together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessLimits {
    /// Time from the start of the process to its complete response.
    pub wall: Duration,
    /// Processor time; at least one second.
    pub cpu: Duration,
    /// Address space, in bytes.
    pub memory_bytes: u64,
    /// The number of processes that may run at once, half of them for one party. Further files wait for a free slot,
    /// for up to [`ProcessLimits::wall`].
    pub at_once: usize,
}

impl Default for ProcessLimits {
    fn default() -> ProcessLimits {
        ProcessLimits {
            wall: Duration::from_secs(20),
            cpu: Duration::from_secs(10),
            memory_bytes: MEMORY_BYTES,
            at_once: 4,
        }
    }
}

/// A [`Rebuilder`] that runs the parsers in a separate process for each file.
#[derive(Debug)]
pub struct FilterProcess {
    program: PathBuf,
    /// The required SHA-256 of the program's file, if it is not this program.
    pinned: Option<Digest>,
    /// The identity of the file when it was last found to have that digest.
    found: Mutex<Option<Identity>>,
    arguments: Vec<String>,
    limits: Limits,
    process_limits: ProcessLimits,
    /// The queue for process slots; each party has its share.
    queue: Mutex<FairQueue>,
    changed: Condvar,
}

impl FilterProcess {
    /// Runs filter processes of this program itself.
    pub fn of_this_program(limits: Limits, process_limits: ProcessLimits) -> FilterProcess {
        // This path refers to the running program even if an upgrade has replaced the file.
        FilterProcess::new(PathBuf::from("/proc/self/exe"), vec![COMMAND.to_owned()], limits, process_limits)
    }

    /// Runs filter processes of another program, which must implement the protocol of [`super::serve()`].
    pub fn new(
        program: PathBuf,
        arguments: Vec<String>,
        limits: Limits,
        process_limits: ProcessLimits,
    ) -> FilterProcess {
        let (queue, changed) = (Mutex::new(FairQueue::new(process_limits.at_once)), Condvar::new());
        let (pinned, found) = (None, Mutex::new(None));
        FilterProcess { program, pinned, found, arguments, limits, process_limits, queue, changed }
    }

    /// Requires the program's file to have this SHA-256 at every start. Only administrators who may install programs
    /// must be able to write to the file, because it could be replaced between the check and the start.
    #[must_use]
    pub fn pinned(self, sha256: Digest) -> FilterProcess {
        FilterProcess { pinned: Some(sha256), ..self }
    }

    /// Refuses a program whose file does not have the pinned digest. The file is read again only if it has changed.
    fn check(&self) -> Result<(), Fault> {
        let Some(pinned) = self.pinned else { return Ok(()) };
        let other = || Fault::new("filter.other", "the filter program is not the one that the policy names");
        let identity = Identity::of(&self.program).ok_or_else(other)?;
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if *found != Some(identity) {
            let digest = std::fs::File::open(&self.program).and_then(digest_of).map_err(|_| other())?;
            if digest != pinned {
                return Err(other());
            }
            *found = Some(identity);
        }
        Ok(())
    }

    fn start(&self) -> Result<Child, Fault> {
        let missing = |what: &str| Fault::new("filter.missing", format!("no filter process {what}"));
        self.check()?;
        // The process inherits only the three standard streams: Rust opens every other descriptor with close-on-exec.
        let child = Command::new(&self.program)
            .args(&self.arguments)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut child = child.map_err(|_| missing("could be started"))?;
        // The limits are set before the request is sent, and a filter process does nothing before it has read its
        // request.
        if self.limit(&child).is_none() {
            kill(&mut child);
            return Err(missing("could be held to its limits"));
        }
        Ok(child)
    }

    fn limit(&self, child: &Child) -> Option<()> {
        let pid = Pid::from_raw(i32::try_from(child.id()).ok()?)?;
        let at_most = |limit| Rlimit { current: Some(limit), maximum: Some(limit) };
        prlimit(Some(pid), Resource::As, at_most(self.process_limits.memory_bytes)).ok()?;
        prlimit(Some(pid), Resource::Cpu, at_most(self.process_limits.cpu.as_secs().max(1))).ok()?;
        prlimit(Some(pid), Resource::Core, at_most(0)).ok()?;
        prlimit(Some(pid), Resource::Fsize, at_most(0)).ok()?;
        Some(())
    }

    /// Sends a request to a new process and reads its complete response.
    fn exchange(&self, request: Vec<u8>) -> Result<Vec<u8>, Fault> {
        let mut child = self.start()?;
        // INVARIANT: both streams were configured as pipes.
        let (mut stdin, stdout) = (child.stdin.take().expect("a pipe"), child.stdout.take().expect("a pipe"));
        // Reading and writing run in threads, so that a process that never reads or never stops writing cannot block
        // the wait for its end.
        let writer = thread::spawn(move || {
            let _ = stdin.write_all(&request);
        });
        let most = u64::try_from(self.limits.bytes_max).unwrap_or(u64::MAX).saturating_mul(3).saturating_add(1 << 16);
        let (sender, receiver) = channel();
        let reader = thread::spawn(move || {
            let mut response = Vec::new();
            let read = stdout.take(most.saturating_add(1)).read_to_end(&mut response);
            let _ = sender.send(read.map(|_| response));
        });
        let answered = receiver.recv_timeout(self.process_limits.wall);
        let outcome = match answered {
            Ok(Ok(answer)) if answer.len() as u64 > most => {
                kill(&mut child);
                Err(Fault::new("filter.garbage", "the answer of the filter is too long"))
            }
            Ok(Ok(answer)) => {
                // The response is complete, so the process has nothing left to do; if it does not exit, it is killed.
                let ended = wait(&mut child, Duration::from_secs(1));
                kill(&mut child);
                match ended {
                    Some(status) if status.success() => Ok(answer),
                    Some(status) => Err(exit_fault(status)),
                    None => Err(Fault::new("filter.timeout", "the filter answered but did not exit")),
                }
            }
            Err(RecvTimeoutError::Timeout) => {
                kill(&mut child);
                Err(Fault::new("filter.timeout", "the filter timed out"))
            }
            Ok(Err(_)) | Err(RecvTimeoutError::Disconnected) => {
                kill(&mut child);
                Err(Fault::new("filter.crashed", "the filter exited without an answer"))
            }
        };
        // Both pipes are closed now, so both threads end.
        drop((writer, reader));
        outcome
    }

    fn acquire_slot(&self, party: &str) -> Result<Slot<'_>, Fault> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let ticket = queue.enqueue(party);
        // From here on the slot is released in every case.
        let slot = Slot { of: self, ticket };
        let waits = |queue: &mut FairQueue| !queue.try_acquire(ticket);
        let (queue, waited) = self
            .changed
            .wait_timeout_while(queue, self.process_limits.wall, waits)
            .unwrap_or_else(PoisonError::into_inner);
        drop(queue);
        if waited.timed_out() {
            return Err(Fault::new("filter.busy", "no filter process was free in time"));
        }
        // The next in the queue may be able to run as well.
        self.changed.notify_all();
        Ok(slot)
    }
}

/// Device, inode, size and change time of a file. The change time cannot be set by a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity([u64; 3], [i64; 2]);

impl Identity {
    fn of(file: &Path) -> Option<Identity> {
        let found = std::fs::metadata(file).ok()?;
        Some(Identity([found.dev(), found.ino(), found.size()], [found.ctime(), found.ctime_nsec()]))
    }
}

/// Returns the SHA-256 of a program's file.
///
/// # Errors
/// The error of reading the file.
pub fn digest_of(mut file: std::fs::File) -> std::io::Result<Digest> {
    let mut hasher = Hasher::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hasher.finish()),
            read => hasher.update(&buffer[..read]),
        }
    }
}

/// One of the slots for a running process, or a place in the queue for one.
struct Slot<'a> {
    of: &'a FilterProcess,
    ticket: Ticket,
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.of.queue.lock().unwrap_or_else(PoisonError::into_inner).release(self.ticket);
        self.of.changed.notify_all();
    }
}

/// Returns the fault for a process that exited with this status and without a response.
fn exit_fault(status: ExitStatus) -> Fault {
    if status.code() == Some(UNCONFINED.into()) {
        let message = "no filter process could be confined: expected a kernel with seccomp filters and whatever runs the node to \
                       let it use prlimit(2), prctl(2) and seccomp(2); under systemd set `SystemCallFilter=@system-service seccomp`";
        return Fault::new("filter.missing", message);
    }
    if status.signal() == Some(Signal::SYS.as_raw()) {
        let message = "the kernel killed the filter: it made a system call that is not allowed";
        return Fault::new("filter.crashed", message);
    }
    Fault::new("filter.crashed", "the filter exited without an answer")
}

fn kill(child: &mut Child) {
    // The process may have exited already: the error is irrelevant.
    let _ = child.kill();
    let _ = child.wait();
}

/// Waits for the exit of a process that has closed its output; `None` if it does not exit in time.
fn wait(child: &mut Child, at_most: Duration) -> Option<ExitStatus> {
    let step = Duration::from_millis(2);
    let mut waited = Duration::ZERO;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if waited < at_most => {
                thread::sleep(step);
                waited += step;
            }
            _ => return None,
        }
    }
}

/// The party that files shown to officers are queued under.
const OFFICERS: &str = "officers";

impl Rebuilder for FilterProcess {
    fn work(&self, task: Task, kind: Kind, bytes: &[u8]) -> Result<Rebuilt, Fault> {
        self.work_for("", task, kind, bytes)
    }

    fn work_for(&self, party: &str, task: Task, kind: Kind, bytes: &[u8]) -> Result<Rebuilt, Fault> {
        if bytes.len() > self.limits.bytes_max {
            return Err(Fault::new("rebuild.size", format!("a file of more than {} bytes", self.limits.bytes_max)));
        }
        let request = Request::new(task, kind, &self.limits, bytes).encode();
        let digest = Digest::of(&request);
        let _slot = self.acquire_slot(party)?;
        let rebuilt = Response::decode(&self.exchange(request)?, digest)?;
        if rebuilt.bytes.len() > self.limits.bytes_max || task == Task::Examine && rebuilt.bytes != bytes {
            return Err(Fault::new("filter.lied", "the filter returned bytes that it may not return"));
        }
        Ok(rebuilt)
    }

    fn draw(&self, kind: Kind, bytes: &[u8]) -> Result<PageImages, Fault> {
        if bytes.len() > self.limits.bytes_max {
            return Err(Fault::new("rebuild.size", format!("a file of more than {} bytes", self.limits.bytes_max)));
        }
        let request = Request::new(Task::Draw, kind, &self.limits, bytes).encode();
        let digest = Digest::of(&request);
        let _slot = self.acquire_slot(OFFICERS)?;
        Response::decode_pictures(&self.exchange(request)?, digest, DrawLimits::under(&self.limits))
    }
}
