//! Content too large for memory: attachments and sealed payloads, read and written as streams.
//!
//! In come digests; out go streams of content that is encrypted at rest. It refuses content whose digest differs.

pub(super) mod payloads;
pub(super) mod pipeline;
pub(super) mod attachments;
