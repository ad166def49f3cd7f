//! Code inside a filter process cannot open files, use the network or start programs: this program confines itself with
//! the function that a filter process uses, and then tries what such code would. For each refused action there are
//! similar permitted ones.

use std::fs::File;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{Read as _, Write as _};
use std::net::{TcpStream, UdpSocket};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio, exit};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use portcullis::filter_process::{COMMAND, FilterProcess, ProcessLimits, confine};
use portcullis::rebuild::{Kind, Limits, Rebuilder as _, Task};
use rustix::process::{Pid, Resource, Signal};

/// The action that the confined process performs, and the key file that exists for it.
const DEED: &str = "PORTCULLIS_CONFINED_DEED";
const KEY: &str = "PORTCULLIS_CONFINED_KEY";

/// What existed before: a filter process inherits no descriptor of the node except one that was not opened with
/// close-on-exec.
struct Before {
    key: PathBuf,
    opened: File,
    parent: Pid,
}

/// What a filter process may do. Each exits with status 0.
const PERMITTED: [(&str, fn()); 7] = [
    (ANSWERS, || {
        let mut question = String::new();
        std::io::stdin().lock().read_to_string(&mut question).unwrap();
        std::io::stdout().lock().write_all(question.as_bytes()).unwrap();
        std::io::stdout().lock().flush().unwrap();
    }),
    (SAYS, || std::io::stderr().lock().write_all(b"EXERCISE").unwrap()),
    ("takes a hundred megabytes", || {
        let taken = vec![1u8; 100 << 20];
        assert_eq!(taken.iter().step_by(4096).map(|b| usize::from(*b)).sum::<usize>(), taken.len() / 4096);
    }),
    ("has a vector that grows and shrinks", || {
        let mut grows: Vec<u8> = Vec::with_capacity(1 << 20);
        (0..4 << 20).for_each(|n: u32| grows.push(n.to_le_bytes()[0]));
        grows.truncate(1 << 20);
        grows.shrink_to_fit();
        assert_eq!(grows[77], 77);
    }),
    ("seeds a map", || drop(RandomState::new().hash_one(1).to_string())),
    (FAILS, || assert!(std::panic::catch_unwind(|| panic!("a fault of the parser")).is_err())),
    ("ends at once", || exit(0)),
];
const ANSWERS: &str = "reads its question and answers";
const SAYS: &str = "says where it failed";
const FAILS: &str = "fails and goes on";

/// A name, and an action on what existed before.
type Refused = (&'static str, fn(Before));

/// What it may not do: the kernel kills it.
const REFUSED: [Refused; 28] = [
    ("opens a key", |before| drop(File::open(before.key))),
    ("opens a key by another call", |before| {
        drop(rustix::fs::open(before.key, rustix::fs::OFlags::PATH, rustix::fs::Mode::empty()))
    }),
    ("opens what it has itself", |_| drop(File::open("/proc/self/mem"))),
    ("looks whether a key is there", |before| drop(std::fs::metadata(before.key))),
    ("makes a file", |before| drop(File::create(before.key.with_extension("made")))),
    ("removes a key", |before| drop(std::fs::remove_file(before.key))),
    ("reads what was open before", |mut before| drop(before.opened.read(&mut [0; 4]))),
    ("writes to what was open before", |mut before| drop(before.opened.write(b"EXERCISE"))),
    ("makes room for a descriptor by closing one", |before| drop(before.opened)),
    ("makes another descriptor of one", |before| drop(before.opened.try_clone())),
    ("makes another descriptor by another call", |before| drop(rustix::io::dup(&before.opened))),
    ("takes a socket for datagrams", |_| drop(UdpSocket::bind("127.0.0.1:0"))),
    ("takes a socket for datagrams of a later kind", |_| drop(UdpSocket::bind("[::1]:0"))),
    ("connects to a machine", |_| drop(TcpStream::connect("127.0.0.1:9"))),
    ("connects to a program", |before| drop(UnixStream::connect(before.key))),
    ("takes a socket of this machine", |_| drop(UnixDatagram::unbound())),
    ("takes a pair of sockets", |_| drop(UnixStream::pair())),
    ("starts a program", |_| drop(Command::new("/bin/true").spawn())),
    ("becomes a program", |_| drop(Command::new("/bin/true").exec())),
    ("starts a thread", |_| drop(thread::Builder::new().spawn(|| ()))),
    ("ends its parent", |before| rustix::process::kill_process(before.parent, Signal::KILL).unwrap()),
    ("looks for its parent", |before| rustix::process::test_kill_process(before.parent).unwrap()),
    ("takes hold of its parent", |before| {
        drop(rustix::process::pidfd_open(before.parent, rustix::process::PidfdFlags::empty()))
    }),
    ("lets another trace it", |_| {
        rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::Dumpable).unwrap()
    }),
    ("asks for its limits", |_| assert!(rustix::process::getrlimit(Resource::Nofile).current.is_some())),
    ("goes to another folder", |_| drop(std::env::set_current_dir("/tmp"))),
    ("asks who its parent is", |_| assert!(rustix::process::getppid().is_some())),
    ("waits", |_| thread::sleep(Duration::from_millis(1))),
];

/// The process inside. Once it is confined, only the action makes system calls.
#[test]
#[ignore = "what is confined; the tests beside it run it"]
fn does_what_code_inside_would() {
    let (Ok(deed), Some(key)) = (std::env::var(DEED), std::env::var_os(KEY)) else { return };
    let key = PathBuf::from(key);
    let opened = File::options().read(true).write(true).open(&key).unwrap();
    let before = Before { key, opened, parent: rustix::process::getppid().unwrap() };
    until_the_main_thread_waits();
    match &*deed {
        "ends by abort" => {
            confine().unwrap();
            std::process::abort();
        }
        "exhausts its stack" => {
            confine().unwrap();
            exit(i32::from(deeper(0) == 0));
        }
        "another thread opens a key" => another_thread(&before.key),
        _ => {}
    }
    // Like the program: the default panic hook would query the current directory.
    std::panic::set_hook(Box::new(|_| eprintln!("EXERCISE")));
    let permitted = PERMITTED.iter().find(|(name, _)| *name == deed);
    let refused = REFUSED.iter().find(|(name, _)| *name == deed);
    confine().unwrap();
    match (permitted, refused) {
        (Some((_, deed)), _) => deed(),
        (None, Some((_, deed))) => deed(before),
        (None, None) => exit(1),
    }
    exit(0);
}

/// The thread that waits for this test is confined with it. Before it waits, it makes system calls that no filter
/// process needs and that would end the process before the action.
fn until_the_main_thread_waits() {
    let stat = format!("/proc/self/task/{}/stat", std::process::id());
    // After the program's name in parentheses: S for a sleeping thread.
    let waits = || std::fs::read_to_string(&stat).unwrap().rsplit_once(") ").unwrap().1.starts_with('S');
    while !waits() {
        thread::sleep(Duration::from_millis(1));
    }
}

/// Recurses deeper than any stack.
fn deeper(depth: u64) -> u64 {
    if depth == u64::MAX { 0 } else { std::hint::black_box(deeper(depth + 1)) + 1 }
}

/// A thread that existed before opens a key afterwards. Both threads wait without system calls.
fn another_thread(key: &std::path::Path) -> ! {
    let (confined, tried) = (AtomicBool::new(false), AtomicBool::new(false));
    let wait = |until: &AtomicBool| {
        while !until.load(Ordering::SeqCst) {
            std::hint::spin_loop();
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            wait(&confined);
            let _ = File::open(key);
            tried.store(true, Ordering::SeqCst);
        });
        confine().unwrap();
        confined.store(true, Ordering::SeqCst);
        wait(&tried);
        exit(0)
    })
}

struct Ended {
    status: ExitStatus,
    stdout: String,
    stderr: String,
}

/// Confines a new process and has it perform `deed`, with the request `QUESTION` as input.
fn inside(deed: &str) -> Ended {
    let key = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(key.path(), "AGE-SECRET-KEY EXERCISE").unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "does_what_code_inside_would", "--nocapture", "--test-threads=1"])
        .env(DEED, deed)
        .env(KEY, key.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A process that is killed at once does not read it.
    let _ = child.stdin.take().unwrap().write_all(b"QUESTION");
    let ended = child.wait_with_output().unwrap();
    let said = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    // Whatever the process did, the key file is unchanged.
    assert_eq!(std::fs::read_to_string(key.path()).unwrap(), "AGE-SECRET-KEY EXERCISE", "{deed}");
    Ended { status: ended.status, stdout: said(ended.stdout), stderr: said(ended.stderr) }
}

#[test]
fn reads_computes_answers_and_ends() {
    for (deed, _) in PERMITTED {
        let ended = inside(deed);
        assert!(ended.status.success(), "{deed}: {:?}: {}", ended.status, ended.stderr);
        assert_eq!(ended.stdout.contains("QUESTION"), deed == ANSWERS, "{deed}");
        assert_eq!(ended.stderr.contains("EXERCISE"), deed == SAYS || deed == FAILS, "{deed}");
    }
}

#[test]
fn does_nothing_else() {
    for (deed, _) in REFUSED {
        let ended = inside(deed);
        assert_eq!(ended.status.signal(), Some(Signal::SYS.as_raw()), "{deed}: {:?}: {}", ended.status, ended.stderr);
    }
}

#[test]
fn no_thread_is_left_out() {
    let ended = inside("another thread opens a key");
    assert_eq!(ended.status.signal(), Some(Signal::SYS.as_raw()), "{:?}: {}", ended.status, ended.stderr);
}

/// An out-of-memory abort is distinguishable from the forbidden actions.
#[test]
fn may_abort() {
    for deed in ["ends by abort", "exhausts its stack"] {
        let ended = inside(deed);
        assert_eq!(ended.status.signal(), Some(Signal::ABORT.as_raw()), "{deed}: {:?}: {}", ended.status, ended.stderr);
    }
}

/// Runs under the filter of another sandbox, such as that of a systemd unit, that does not allow seccomp(2); then
/// becomes a filter process of the shipped program.
#[test]
#[ignore = "where nothing can be confined; the test beside it runs it"]
fn becomes_a_filter_process_that_cannot_be_confined() {
    if std::env::var_os(DEED).is_none() {
        return;
    }
    let rules = [(libc::SYS_seccomp, Vec::new())].into();
    let here = seccompiler::TargetArch::try_from(std::env::consts::ARCH).unwrap();
    let (otherwise, refused) = (seccompiler::SeccompAction::Allow, seccompiler::SeccompAction::Errno(1));
    let filter = seccompiler::SeccompFilter::new(rules, otherwise, refused, here).unwrap();
    seccompiler::apply_filter(&seccompiler::BpfProgram::try_from(filter).unwrap()).unwrap();
    panic!("{}", Command::new(env!("CARGO_BIN_EXE_portcullis")).arg(COMMAND).exec());
}

#[test]
fn a_filter_process_that_cannot_be_confined_reads_nothing_and_the_operator_is_told_why() {
    let ask = |deed: &[&str]| {
        let this = std::env::current_exe().unwrap().to_str().unwrap().to_owned();
        let name = "becomes_a_filter_process_that_cannot_be_confined";
        let arguments = deed.iter().map(|deed| (*deed).to_owned()).chain([this]);
        let arguments =
            arguments.chain(["--ignored", "--exact", name, "--nocapture", "--test-threads=1"].map(str::to_owned));
        let lifetime = ProcessLimits { wall: Duration::from_secs(20), ..ProcessLimits::default() };
        let filter = FilterProcess::new("/usr/bin/env".into(), arguments.collect(), Limits::default(), lifetime);
        filter.work(Task::Rebuild, Kind::Json, b"[]").unwrap_err()
    };
    let fault = ask(&[&format!("{DEED}=becomes")]);
    assert_eq!(fault.code, "filter.missing");
    assert!(fault.message.contains("could be confined") && fault.message.contains("SystemCallFilter"), "{fault}");
    // Without that sandbox the same process prints something that is not a valid response.
    assert_eq!(ask(&[]).code, "filter.garbage");
}

#[test]
fn what_ends_a_filter_process_is_told_apart() {
    let code = |script: &str| {
        let arguments = vec!["-c".into(), script.into()];
        let filter = FilterProcess::new("/bin/sh".into(), arguments, Limits::default(), ProcessLimits::default());
        filter.work(Task::Rebuild, Kind::Json, b"[]").unwrap_err()
    };
    assert!(code("kill -SYS $$").message.contains("system call"));
    assert!(!code("kill -ABRT $$").message.contains("system call"));
    assert_eq!(code("cat > /dev/null; exit 77").code, "filter.missing");
    assert_eq!(code("cat > /dev/null; exit 78").code, "filter.crashed");
}
