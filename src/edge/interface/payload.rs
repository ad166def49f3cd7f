//! Sink and source of a payload's bytes. The edge transfers them and stores none.

use async_trait::async_trait;
use bytes::Bytes;

use crate::digest::Digest;

/// Receives a payload as it arrives. Dropping a sink keeps what is durable, so that the transfer can be resumed.
#[async_trait]
pub trait PayloadSink: Send {
    /// The length in bytes of the durable prefix, and its digest.
    fn durable(&self) -> (u64, Digest);

    /// Appends bytes. They need not be durable when this returns.
    async fn write(&mut self, bytes: Bytes) -> Result<(), SinkError>;

    /// Discards everything, the durable prefix included.
    async fn discard(&mut self) -> Result<(), SinkError>;

    /// Makes everything written durable, except a payload that is held in memory, and returns the digest of the whole payload.
    async fn finish(&mut self) -> Result<Digest, SinkError>;

    /// Consumes a finished sink. Returns the payload if it was held in memory only; [`super::Intake::complete`] then makes it
    /// durable together with its record.
    fn hand_over(self: Box<Self>) -> Option<Bytes>;
}

/// Bytes could not be stored because the disk is full or failed. The partner receives the code `storage unavailable`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("payload could not be stored: {0}")]
pub struct SinkError(pub String);

/// Provides a payload as it is sent.
#[async_trait]
pub trait PayloadSource: Send {
    /// The digest of the first `length` bytes.
    async fn prefix_digest(&mut self, length: u64) -> Result<Digest, SourceError>;

    /// Reads at least one and at most `max` bytes at `offset`.
    async fn read_at(&mut self, offset: u64, max: usize) -> Result<Bytes, SourceError>;
}

/// A payload could not be read. The exchange is kept; an operator should check the disk.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("payload could not be read: {0}")]
pub struct SourceError(pub String);
