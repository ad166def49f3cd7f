//! The spool: sealed payloads on disk, one file each, written as they arrive and whole only once they are durable.
//!
//! It holds ciphertext and never a key. It refuses names that are not made from an identifier, links in place of
//! files, directories others may enter, a prefix that does not hash to what was promised, and any payload that would
//! eat into the reserve.

mod id;

pub use id::SpoolId;
