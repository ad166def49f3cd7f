//! The main loop of a filter process.

use std::io::{Read as _, Write as _};
use std::process::ExitCode;

use super::protocol::{Answer, Question};
use super::sandbox::{UNCONFINED, confine};
use crate::digest::Digest;
use crate::rebuild::{Task, draw, work};

/// A question longer than this is not read: the largest file that limits may allow, and its description.
const QUESTION_BYTES_MAX: u64 = 1 << 30;

/// Reads one question from standard input, answers it on standard output, and ends. First of all it gives up what it
/// will not need, as [`confine`] says: opening anything, speaking to anybody, starting any process, gaining any right.
///
/// Ends with a status other than success if it cannot give that up, or was asked nothing.
pub fn serve() -> ExitCode {
    if let Err(why) = confine() {
        // The node reads the status alone; this is for whoever starts the process by hand.
        eprintln!("portcullis: a filter process that cannot be confined reads nothing: {why}");
        return ExitCode::from(UNCONFINED);
    }
    let mut asked = Vec::new();
    if std::io::stdin().lock().take(QUESTION_BYTES_MAX).read_to_end(&mut asked).is_err() {
        return ExitCode::from(2);
    }
    let Some(question) = Question::decode(&asked) else { return ExitCode::from(2) };
    let digest = Digest::of(&asked);
    drop(asked);
    let Question { task, kind, bytes, limits, .. } = &question;
    let answer = match task {
        Task::Draw => Answer::drawn(digest, draw(*kind, bytes, limits)),
        Task::Rebuild | Task::Examine => Answer::new(digest, work(*task, *kind, bytes, limits)),
    };
    let answer = answer.encode();
    let mut out = std::io::stdout().lock();
    match out.write_all(&answer).and_then(|()| out.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(2),
    }
}
