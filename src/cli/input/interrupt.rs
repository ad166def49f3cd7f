//! Ctrl-C, SIGTERM and SIGHUP: an interrupted command undoes what it began, answers `interrupted` and no more, and its
//! exit status names the signal.
//!
//! `serve` handles these signals itself and shuts down in order.

use std::future::Future;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use crate::cli::output::{Exit, Failure, Out};
use crate::progress::Progress;

/// The time that work has to undo what it began.
const UNDOING: Duration = Duration::from_secs(10);
/// The time that work has to reach a point where it can be dropped.
const DROPPING: Duration = Duration::from_secs(2);
/// The interval at which the end of such work is checked.
const POLL: Duration = Duration::from_millis(10);

/// Whether a prompt is open. Nothing is half done then.
static ASKING: AtomicBool = AtomicBool::new(false);
/// The exit status for the received signal, 128 plus its number; 0 until one is received.
static SIGNAL_STATUS: AtomicU8 = AtomicU8::new(0);
const INTERRUPTED: u8 = Exit::Interrupted as u8;
const HUNG_UP: u8 = Exit::HungUp as u8;

/// Runs `ask`, which prompts a person. A signal during it ends the process at once.
pub(in crate::cli) fn asking<T>(ask: impl FnOnce() -> T) -> T {
    ASKING.store(true, Ordering::SeqCst);
    let answer = ask();
    ASKING.store(false, Ordering::SeqCst);
    answer
}

/// Runs a command until it ends or a signal stops it: exit status 130 after SIGINT, 143 after SIGTERM,
/// 129 after SIGHUP.
pub(in crate::cli) async fn until_interrupted(
    progress: &Progress,
    out: Out,
    work: impl Future<Output = ExitCode>,
) -> ExitCode {
    tokio::spawn(watch(progress.clone()));
    tokio::pin!(work);
    let ended = tokio::select! {
        biased;
        code = &mut work => Some(code),
        () = dropped(progress) => None,
    };
    // Work that ended before it could be stopped reports its own status.
    ended.unwrap_or_else(|| out.failure(&with_signal_status(Failure::trouble("interrupted"))))
}

/// `failure`, or after a signal `interrupted` with its exit status: what interrupted work found is no reliable answer.
pub(in crate::cli) fn with_signal_status(failure: Failure) -> Failure {
    let exit = match SIGNAL_STATUS.load(Ordering::SeqCst) {
        0 => return failure,
        INTERRUPTED => Exit::Interrupted,
        HUNG_UP => Exit::HungUp,
        _ => Exit::Terminated,
    };
    let message = if failure.stands { failure.message } else { "interrupted".to_owned() };
    Failure { exit, message, ..failure }
}

/// Whether SIGHUP is to be ignored, as `nohup` arranges for what it starts.
fn hangup_is_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    // One bit a signal, from signal 1, which is SIGHUP.
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

/// Completes when a stop was requested and no work is undoing what it began.
async fn dropped(progress: &Progress) {
    while !progress.is_cancelled() || progress.is_busy() {
        tokio::time::sleep(POLL).await;
    }
}

/// Waits for a signal, then ends the process if the work does not end in time or a second signal is received.
async fn watch(progress: Progress) {
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return;
    };
    let mut hangup = if hangup_is_ignored() { None } else { signal(SignalKind::hangup()).ok() };
    let mut next = async || {
        let hung_up = async {
            match &mut hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = interrupt.recv() => INTERRUPTED,
            _ = hung_up => HUNG_UP,
            _ = terminate.recv() => Exit::Terminated as u8,
        }
    };
    let first = next().await;
    SIGNAL_STATUS.store(first, Ordering::SeqCst);
    progress.cancel();
    if ASKING.load(Ordering::SeqCst) {
        // The shell's prompt begins on a line of its own.
        let _ = writeln!(std::io::stderr());
        std::process::exit(i32::from(first));
    }
    let grace = if progress.is_busy() { UNDOING } else { DROPPING };
    let last = tokio::select! {
        again = next() => again,
        () = tokio::time::sleep(grace) => first,
    };
    std::process::exit(i32::from(last));
}
