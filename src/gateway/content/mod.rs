//! Bytes that are too many to be held: attachments and sealed payloads, read and written as streams.
//!
//! In come digests; out go pieces that are encrypted at rest. It refuses bytes whose digest is another.

pub(super) mod payloads;
pub(super) mod pipeline;
pub(super) mod attachments;
