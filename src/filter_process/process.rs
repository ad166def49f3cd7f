//! Starts a filter process, asks it, and ends it.

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

use super::protocol::{Answer, Question};
use super::sandbox::UNCONFINED;
use super::{COMMAND, MEMORY_BYTES};
use crate::digest::{Digest, Hasher};
use crate::rebuild::{DrawLimits, FairQueue, Fault, Kind, Limits, PageImages, Rebuilder, Rebuilt, Task, Ticket};

/// How long a filter process may live and how much it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// From its start to its whole answer.
    pub wall: Duration,
    /// Of the processor.
    pub cpu: Duration,
    /// Of address space, in bytes.
    pub memory_bytes: u64,
    /// How many may run at once, half of them for one party; further files wait for a place as long as [`Lifetime::wall`].
    pub at_once: usize,
}

impl Default for Lifetime {
    fn default() -> Lifetime {
        Lifetime { wall: Duration::from_secs(20), cpu: Duration::from_secs(10), memory_bytes: MEMORY_BYTES, at_once: 4 }
    }
}

/// Runs the parsers, one process a file.
#[derive(Debug)]
pub struct FilterProcess {
    program: PathBuf,
    /// The digest that the program's file must have, if it is another program than this.
    pinned: Option<Digest>,
    /// The file as it was when it was last found to have that digest.
    found: Mutex<Option<Identity>>,
    arguments: Vec<String>,
    limits: Limits,
    lifetime: Lifetime,
    /// Who may run now: each party has its share.
    places: Mutex<FairQueue>,
    changed: Condvar,
}

impl FilterProcess {
    /// Filter processes of this very program.
    pub fn of_this_program(limits: Limits, lifetime: Lifetime) -> FilterProcess {
        // By this name it is the same program even where an upgrade has replaced the file since.
        FilterProcess::new(PathBuf::from("/proc/self/exe"), vec![COMMAND.to_owned()], limits, lifetime)
    }

    /// Filter processes of another program, which must speak as [`super::serve()`] does.
    pub fn new(program: PathBuf, arguments: Vec<String>, limits: Limits, lifetime: Lifetime) -> FilterProcess {
        let (places, changed) = (Mutex::new(FairQueue::new(lifetime.at_once)), Condvar::new());
        let (pinned, found) = (None, Mutex::new(None));
        FilterProcess { program, pinned, found, arguments, limits, lifetime, places, changed }
    }

    /// The same, started only while the program's file has this SHA-256. The file must be one that only who may install
    /// programs can write: it is looked at before it is started, and not while.
    #[must_use]
    pub fn pinned(self, sha256: Digest) -> FilterProcess {
        FilterProcess { pinned: Some(sha256), ..self }
    }

    /// Refuses a program that is not the one that was signed for. It is read again only when the file changed.
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
        // Nothing but the three streams is handed over: every other descriptor of a Rust program closes as it starts.
        let child = Command::new(&self.program)
            .args(&self.arguments)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut child = child.map_err(|_| missing("could be started"))?;
        // The limits stand before it is asked anything: a filter reads its question first.
        if self.limit(&child).is_none() {
            end(&mut child);
            return Err(missing("could be held to its limits"));
        }
        Ok(child)
    }

    fn limit(&self, child: &Child) -> Option<()> {
        let pid = Pid::from_raw(i32::try_from(child.id()).ok()?)?;
        let at_most = |limit| Rlimit { current: Some(limit), maximum: Some(limit) };
        prlimit(Some(pid), Resource::As, at_most(self.lifetime.memory_bytes)).ok()?;
        prlimit(Some(pid), Resource::Cpu, at_most(self.lifetime.cpu.as_secs().max(1))).ok()?;
        prlimit(Some(pid), Resource::Core, at_most(0)).ok()?;
        prlimit(Some(pid), Resource::Fsize, at_most(0)).ok()?;
        Some(())
    }

    /// Asks a process and reads its whole answer.
    fn ask(&self, question: Vec<u8>) -> Result<Vec<u8>, Fault> {
        let mut child = self.start()?;
        // INVARIANT: both were asked for as pipes.
        let (mut stdin, stdout) = (child.stdin.take().expect("a pipe"), child.stdout.take().expect("a pipe"));
        // A process that never reads must not keep us from waiting for its end, nor one that never stops writing.
        let writer = thread::spawn(move || {
            let _ = stdin.write_all(&question);
        });
        let most = u64::try_from(self.limits.bytes_max).unwrap_or(u64::MAX).saturating_mul(3).saturating_add(1 << 16);
        let (sender, receiver) = channel();
        let reader = thread::spawn(move || {
            let mut answer = Vec::new();
            let read = stdout.take(most.saturating_add(1)).read_to_end(&mut answer);
            let _ = sender.send(read.map(|_| answer));
        });
        let answered = receiver.recv_timeout(self.lifetime.wall);
        let outcome = match answered {
            Ok(Ok(answer)) if answer.len() as u64 > most => {
                end(&mut child);
                Err(Fault::new("filter.garbage", "the answer of the filter is too long"))
            }
            Ok(Ok(answer)) => {
                // Its answer is whole, so it has nothing left to do; one that stays is ended as it is.
                let ended = wait(&mut child, Duration::from_secs(1));
                end(&mut child);
                match ended {
                    Some(status) if status.success() => Ok(answer),
                    Some(status) => Err(ended_as(status)),
                    None => Err(Fault::new("filter.timeout", "the filter answered but did not exit")),
                }
            }
            Err(RecvTimeoutError::Timeout) => {
                end(&mut child);
                Err(Fault::new("filter.timeout", "the filter timed out"))
            }
            Ok(Err(_)) | Err(RecvTimeoutError::Disconnected) => {
                end(&mut child);
                Err(Fault::new("filter.crashed", "the filter exited without an answer"))
            }
        };
        // Both pipes are closed by now, so both threads end.
        drop((writer, reader));
        outcome
    }

    fn place(&self, party: &str) -> Result<Place<'_>, Fault> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let ticket = places.enqueue(party);
        // From here on whatever becomes of it is given back.
        let place = Place { of: self, ticket };
        let waits = |places: &mut FairQueue| !places.try_acquire(ticket);
        let (places, waited) =
            self.changed.wait_timeout_while(places, self.lifetime.wall, waits).unwrap_or_else(PoisonError::into_inner);
        drop(places);
        if waited.timed_out() {
            return Err(Fault::new("filter.busy", "no filter process was free in time"));
        }
        // It may be the turn of the next one too.
        self.changed.notify_all();
        Ok(place)
    }
}

/// What changes when a file is written or replaced; its change time is nobody's to set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity([u64; 3], [i64; 2]);

impl Identity {
    fn of(file: &Path) -> Option<Identity> {
        let found = std::fs::metadata(file).ok()?;
        Some(Identity([found.dev(), found.ino(), found.size()], [found.ctime(), found.ctime_nsec()]))
    }
}

/// SHA-256 of a program's file.
///
/// # Errors
/// What reading it said.
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

/// One of the processes that may run at once, or a place in the queue for one.
struct Place<'a> {
    of: &'a FilterProcess,
    ticket: Ticket,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.of.places.lock().unwrap_or_else(PoisonError::into_inner).release(self.ticket);
        self.of.changed.notify_all();
    }
}

/// Why a process that ended so gave no answer.
fn ended_as(status: ExitStatus) -> Fault {
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

fn end(child: &mut Child) {
    // It may have ended by itself, which is as well.
    let _ = child.kill();
    let _ = child.wait();
}

/// Waits for the end of a process that has closed its output.
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

/// Whose share the files have that officers look at.
const OFFICERS: &str = "officers";

impl Rebuilder for FilterProcess {
    fn work(&self, task: Task, kind: Kind, bytes: &[u8]) -> Result<Rebuilt, Fault> {
        self.work_for("", task, kind, bytes)
    }

    fn work_for(&self, party: &str, task: Task, kind: Kind, bytes: &[u8]) -> Result<Rebuilt, Fault> {
        if bytes.len() > self.limits.bytes_max {
            return Err(Fault::new("rebuild.size", format!("a file of more than {} bytes", self.limits.bytes_max)));
        }
        let question = Question::new(task, kind, &self.limits, bytes).encode();
        let digest = Digest::of(&question);
        let _place = self.place(party)?;
        let rebuilt = Answer::read(&self.ask(question)?, digest)?;
        if rebuilt.bytes.len() > self.limits.bytes_max || task == Task::Examine && rebuilt.bytes != bytes {
            return Err(Fault::new("filter.lied", "the filter returned bytes that it may not return"));
        }
        Ok(rebuilt)
    }

    fn draw(&self, kind: Kind, bytes: &[u8]) -> Result<PageImages, Fault> {
        if bytes.len() > self.limits.bytes_max {
            return Err(Fault::new("rebuild.size", format!("a file of more than {} bytes", self.limits.bytes_max)));
        }
        let question = Question::new(Task::Draw, kind, &self.limits, bytes).encode();
        let digest = Digest::of(&question);
        let _place = self.place(OFFICERS)?;
        Answer::read_drawn(&self.ask(question)?, digest, DrawLimits::under(&self.limits))
    }
}
