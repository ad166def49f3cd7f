//! The parsers of foreign formats in a process of their own: started for one file, given nothing but that file, and
//! ended with it. Whatever becomes of that process, the node answers; a file is passed only on a whole and plain answer.
//!
//! It refuses to wait, to be talked to at length, and to believe: an answer names the question by its digest, carries
//! only codes that are known here, and is inspected again as if a stranger had written it.

mod answer;
mod confine;
mod process;
mod remember;
mod room;
mod serve;

pub use answer::{Answer, Question};
pub use confine::confine;
pub use process::{FilterProcess, Lifetime, digest_of};
pub use remember::Remembering;
pub use room::{MEMORY_BYTES, short_of_room};
pub use serve::serve;

/// The hidden command that makes this program a filter process.
pub const COMMAND: &str = "filter";
