//! Runs the parsers of foreign formats in a separate process, one for each file.
//!
//! Input: a task and a file. Output: the response of the process, or a fault. The node survives whatever happens to the
//! process, and a file passes only on a complete and valid response.
//!
//! It does not wait beyond a deadline, does not read an oversized response, and does not trust one: a response contains
//! the digest of its request, may use only known fault codes, and is inspected again as untrusted input.

mod protocol;
mod memory;
mod sandbox;
mod process;
mod cache;
mod serve;

pub use cache::CachingRebuilder;
pub use memory::{MEMORY_BYTES, memory_shortfall};
pub use process::{FilterProcess, ProcessLimits, digest_of};
pub use protocol::{Request, Response};
pub use sandbox::confine;
pub use serve::serve;

/// The hidden subcommand that runs this program as a filter process.
pub const COMMAND: &str = "filter";
