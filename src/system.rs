//! The operating system's clock and random source, which are read nowhere else; and the fault points at which a test
//! can crash the process. A release build has no fault points.

use std::io;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::time::{Clock, Time};

/// The system clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place the system clock is read")]
    fn now(&self) -> Time {
        Time::from_unix_ms(jiff::Timestamp::now().as_millisecond())
    }

    fn running(&self) -> Duration {
        // On Linux this clock stops while the machine is suspended. A gateway that was suspended then appears to have
        // had its clock set, which an operator should examine.
        static STARTED: OnceLock<Instant> = OnceLock::new();
        STARTED.get_or_init(Instant::now).elapsed()
    }
}

/// The reason of an input or output error in words, without the system's error number.
pub fn io_reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file or folder".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::AddrInUse => "the address is in use".to_owned(),
        io::ErrorKind::AddrNotAvailable => "no interface of this machine has the address".to_owned(),
        io::ErrorKind::StorageFull => "the disk is full".to_owned(),
        _ => {
            let text = error.to_string();
            text.split_once(" (os error ").map_or(text.clone(), |(reason, _)| reason.to_owned())
        }
    }
}

/// A source of random bytes: the system's in operation, a seeded one in simulations, so that they can be replayed.
pub trait Entropy: Send + Sync {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

/// The random source of the cryptographic provider.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    /// # Panics
    /// As [`entropy`].
    fn fill(&self, bytes: &mut [u8]) {
        aws_lc_rs::rand::fill(bytes).expect("the system's random source works");
    }
}

/// Returns `N` bytes from the cryptographic provider's random source.
///
/// # Panics
/// If that source fails: no identifier, nonce or key could be trusted after that, so the process ends.
pub fn entropy<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SystemEntropy.fill(&mut bytes);
    bytes
}

/// Returns the operating system account of this process: its name, or its numeric id if it has none.
pub fn account() -> String {
    let number = rustix::process::getuid().as_raw().to_string();
    let accounts = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let named = accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == number).then(|| name.to_owned())
    });
    named.unwrap_or(number)
}

/// The fault points of an exchange, in order: see [`fault_point`].
pub const FAULT_POINTS: [&str; 13] = [
    "approval-recorded",
    "release-decided",
    "payload-spooled",
    "release-recorded",
    "offer-decided",
    "attempt-claimed",
    "offer-recorded",
    "key-recorded",
    "payload-whole",
    "inbox-recorded",
    "receipt-recorded",
    "receipt-here",
    "delivery-recorded",
];

/// The fault points of commands: see [`fault_point`].
pub const COMMAND_POINTS: [&str; 6] = [
    "node-made",
    "taken-recorded",
    "policy-text-written",
    "renewal-written",
    "renewal-recorded",
    "renewal-key-switched",
];

/// A fault point. Aborts the process, like a power failure, if `PORTCULLIS_FAULT` is `place`; panics, the first time
/// it is reached, if `PORTCULLIS_PANIC` is `place`. Only in builds with debug assertions, which tests use.
pub fn fault_point(place: &'static str) {
    #[cfg(debug_assertions)]
    {
        static PANICKED: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);
        let asked = |name| std::env::var_os(name).is_some_and(|asked| asked == place);
        if asked("PORTCULLIS_FAULT") {
            std::process::abort();
        }
        if asked("PORTCULLIS_PANIC") && !PANICKED.swap(true, std::sync::atomic::Ordering::SeqCst) {
            panic!("a panic was asked for at `{place}`");
        }
    }
    #[cfg(not(debug_assertions))]
    let _ = place;
}
