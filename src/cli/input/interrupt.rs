//! Ctrl-C and SIGTERM: a command that is told to stop undoes what it began, and says so by its exit status.
//!
//! `serve` is not among them: it stops in order, by signals of its own.

use std::future::Future;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use crate::cli::output::{Exit, Failure, Out};
use crate::progress::Progress;

/// How long work that undoes what it began may take for it.
const UNDOING: Duration = Duration::from_secs(10);
/// How long work may take to come to where it can be dropped.
const DROPPING: Duration = Duration::from_secs(2);
/// How often it is looked whether work that undoes what it began is done.
const LOOK: Duration = Duration::from_millis(10);

/// Whether a person is being asked; nothing is half done then.
static ASKING: AtomicBool = AtomicBool::new(false);
/// The exit status that the signal asks for: 128 and its number. 0 until there is one.
static TOLD: AtomicU8 = AtomicU8::new(0);
const INTERRUPTED: u8 = Exit::Interrupted as u8;

/// Asks a person. An interruption meanwhile ends the process at once.
pub(in crate::cli) fn asking<T>(ask: impl FnOnce() -> T) -> T {
    ASKING.store(true, Ordering::SeqCst);
    let answer = ask();
    ASKING.store(false, Ordering::SeqCst);
    answer
}

/// Runs a command to its end, or until a signal tells it to stop: exit status 130 after SIGINT, 143 after SIGTERM.
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
    // What was done before it could be stopped was done.
    ended.unwrap_or_else(|| out.failure(&told_of(Failure::trouble("interrupted"))))
}

/// The failure of a command, with the exit status of the signal if one ended it.
pub(in crate::cli) fn told_of(failure: Failure) -> Failure {
    match TOLD.load(Ordering::SeqCst) {
        0 => failure,
        INTERRUPTED => Failure { exit: Exit::Interrupted, ..failure },
        _ => Failure { exit: Exit::Terminated, ..failure },
    }
}

/// Completes when the work was told to stop and nothing of it undoes what it began.
async fn dropped(progress: &Progress) {
    while !progress.is_cancelled() || progress.is_busy() {
        tokio::time::sleep(LOOK).await;
    }
}

/// Waits for a signal; ends the process where the work does not end by itself, or a second signal comes.
async fn watch(progress: Progress) {
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return;
    };
    let mut told = async || {
        tokio::select! {
            _ = interrupt.recv() => INTERRUPTED,
            _ = terminate.recv() => Exit::Terminated as u8,
        }
    };
    let first = told().await;
    TOLD.store(first, Ordering::SeqCst);
    progress.cancel();
    if ASKING.load(Ordering::SeqCst) {
        std::process::exit(i32::from(first));
    }
    let grace = if progress.is_busy() { UNDOING } else { DROPPING };
    let last = tokio::select! {
        again = told() => again,
        () = tokio::time::sleep(grace) => first,
    };
    std::process::exit(i32::from(last));
}
