//! The parsers of foreign formats in a process of their own, started for one file and ended with it.
//!
//! In come a task and a file; out goes the answer of the process, or a fault. Whatever happens to that process, the node
//! answers, and a file passes only on a complete and valid answer.
//!
//! It refuses to wait beyond a deadline, to read an oversized answer, and to trust one: an answer names its question by
//! digest, has known codes only, and is inspected again as untrusted input.

mod protocol;
mod memory;
mod sandbox;
mod process;
mod cache;
mod serve;

pub use cache::Remembering;
pub use memory::{MEMORY_BYTES, short_of_room};
pub use process::{FilterProcess, Lifetime, digest_of};
pub use protocol::{Answer, Question};
pub use sandbox::confine;
pub use serve::serve;

/// The hidden command that makes this program a filter process.
pub const COMMAND: &str = "filter";
