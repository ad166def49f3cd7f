//! The main function of a filter process.

use std::io::{Read as _, Write as _};
use std::process::ExitCode;

use super::protocol::{Request, Response};
use super::sandbox::{UNCONFINED, confine};
use crate::digest::Digest;
use crate::rebuild::{Task, draw, work};

/// The longest request that is read, in bytes: the largest file that limits can allow, and its description.
const REQUEST_BYTES_MAX: u64 = 1 << 30;

/// Reads one request from standard input, writes the response to standard output, and returns. Before reading, it
/// confines the process with [`confine`]: no files, no network, no other processes, no additional privileges.
///
/// Returns a status other than success if the process cannot be confined or receives no valid request.
pub fn serve() -> ExitCode {
    if let Err(why) = confine() {
        // The node reads only the exit status; this message is for a person who starts the process manually.
        eprintln!("portcullis: cannot confine the filter process: {why}");
        return ExitCode::from(UNCONFINED);
    }
    let mut asked = Vec::new();
    if std::io::stdin().lock().take(REQUEST_BYTES_MAX).read_to_end(&mut asked).is_err() {
        return ExitCode::from(2);
    }
    let Some(request) = Request::decode(&asked) else { return ExitCode::from(2) };
    let digest = Digest::of(&asked);
    drop(asked);
    let Request { task, kind, bytes, limits, .. } = &request;
    let answer = match task {
        Task::Draw => Response::pictures(digest, draw(*kind, bytes, limits)),
        Task::Rebuild | Task::Examine => Response::new(digest, work(*task, *kind, bytes, limits)),
    };
    let answer = answer.encode();
    let mut out = std::io::stdout().lock();
    match out.write_all(&answer).and_then(|()| out.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(2),
    }
}
