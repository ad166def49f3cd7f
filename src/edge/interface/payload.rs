//! Where the bytes of a payload go to and come from: the edge moves them and keeps none.

use async_trait::async_trait;
use bytes::Bytes;

use crate::digest::Digest;

/// Where a payload is written as it arrives. Dropping a sink keeps what is durable, for a resumption.
#[async_trait]
pub trait PayloadSink: Send {
    /// Length in bytes of the prefix that is durable, and its digest.
    fn durable(&self) -> (u64, Digest);

    /// Appends bytes. They need not be durable when this returns.
    async fn write(&mut self, bytes: Bytes) -> Result<(), SinkError>;

    /// Discards everything, the durable prefix included.
    async fn discard(&mut self) -> Result<(), SinkError>;

    /// Makes everything written durable, but for what is handed over, and returns the digest of the whole.
    async fn finish(&mut self) -> Result<Digest, SinkError>;

    /// Ends a sink that is finished. A payload that was only gathered in memory is handed over, for
    /// [`super::Intake::complete`] to make it durable with the record of it.
    fn hand_over(self: Box<Self>) -> Option<Bytes>;
}

/// Bytes could not be stored: the disk is full or failed. The partner is told `storage unavailable`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("payload could not be stored: {0}")]
pub struct SinkError(pub String);

/// Where a payload is read from as it is sent.
#[async_trait]
pub trait PayloadSource: Send {
    /// The digest of the first `length` bytes.
    async fn prefix_digest(&mut self, length: u64) -> Result<Digest, SourceError>;

    /// At least one and at most `max` bytes from `offset`.
    async fn read_at(&mut self, offset: u64, max: usize) -> Result<Bytes, SourceError>;
}

/// A payload could not be read. The exchange is not lost; an operator should check the disk.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("payload could not be read: {0}")]
pub struct SourceError(pub String);
