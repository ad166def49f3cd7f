//! Where an arriving payload is stored: a long one in the spool, a short one in memory until the commit that records
//! its outcome.

use crate::gateway::inbound::answer::Rejection;
use async_trait::async_trait;
use bytes::{Bytes, BytesMut};

use crate::digest::Digest;
use crate::edge::{PayloadSink, SinkError};
use crate::envelope::Manifest;
use crate::gateway::node::process::exchange_locks::ExchangeGuard;
use crate::gateway::{GatewayError, Node};
use crate::ident::ExchangeId;
use crate::store::{Reservation, Spool, SpoolError, SpoolId, SpoolWriter};
use crate::wire::RefusalCode;

impl Node {
    /// A sink for the payload that a manifest announces. `resumed` says that it continues a spool file.
    pub(in crate::gateway) async fn sink(
        &self,
        said: &Manifest,
        resumed: bool,
    ) -> Result<Box<dyn PayloadSink>, Rejection> {
        let (exchange, size) = (said.exchange, said.payload_size);
        let id = SpoolId::Envelope(exchange);
        let not_taken = |e: SpoolError| match e {
            SpoolError::InUse { .. } => Rejection::new(RefusalCode::InProgress, e),
            _ => Rejection::full(e),
        };
        if self.spool().is_inline(size) {
            let turn = self.arriving().take(exchange);
            let turn =
                turn.ok_or_else(|| Rejection::new(RefusalCode::InProgress, "its payload is arriving already"))?;
            let room = self.spool().reserve(size).map_err(not_taken)?;
            if self.spool().has_any(id) {
                // Begun under another threshold for short payloads.
                self.spool().remove(id).await.map_err(not_taken)?;
            }
            return Ok(Box::new(MemorySink { bytes: BytesMut::new(), size, _turn: turn, _room: Some(room) }));
        }
        let writer = match resumed {
            true => self.spool().resume(id, size, None).await,
            false => self.spool_anew(id, size).await,
        };
        let writer = writer.map_err(not_taken)?;
        if resumed {
            tracing::info!(exchange.id = %exchange, offset = writer.length(), "payload resumed");
        }
        Ok(Box::new(SpoolSink { writer, spool: self.spool().clone(), id, size, discarded: false }))
    }

    /// Removes the spool file that a refused offer began.
    pub(in crate::gateway) async fn remove_begun_file(&self, exchange: ExchangeId) -> Result<(), GatewayError> {
        self.spool().remove(SpoolId::Envelope(exchange)).await.map_err(|e| self.spool_trouble(&e))
    }
}

/// A spool file for the edge. Data after a discard begins a new file.
struct SpoolSink {
    writer: SpoolWriter,
    spool: Spool,
    id: SpoolId,
    size: u64,
    discarded: bool,
}

/// The spool's error, for the edge.
fn failed(error: SpoolError) -> SinkError {
    SinkError(error.to_string())
}

#[async_trait]
impl PayloadSink for SpoolSink {
    fn durable(&self) -> (u64, Digest) {
        if self.discarded { (0, Digest::of(b"")) } else { self.writer.durable() }
    }

    async fn write(&mut self, bytes: Bytes) -> Result<(), SinkError> {
        if self.discarded {
            self.writer = self.spool.create(self.id, self.size).await.map_err(failed)?;
            self.discarded = false;
        }
        self.writer.write(&bytes).await.map_err(failed)
    }

    async fn discard(&mut self) -> Result<(), SinkError> {
        self.writer.discard().await.map_err(failed)?;
        self.discarded = true;
        Ok(())
    }

    async fn finish(&mut self) -> Result<Digest, SinkError> {
        self.writer.finish(None).await.map(|whole| whole.digest).map_err(failed)
    }

    fn hand_over(self: Box<Self>) -> Option<Bytes> {
        None
    }
}

/// A short payload, limited to its announced length. It is not durable: an interrupted transfer restarts.
struct MemorySink {
    bytes: BytesMut,
    size: u64,
    _turn: ExchangeGuard,
    /// Its reservation of disk space, until the store has it.
    _room: Option<Reservation>,
}

#[async_trait]
impl PayloadSink for MemorySink {
    fn durable(&self) -> (u64, Digest) {
        (0, Digest::of(b""))
    }

    async fn write(&mut self, bytes: Bytes) -> Result<(), SinkError> {
        let length = self.bytes.len() as u64 + bytes.len() as u64;
        if length > self.size {
            return Err(SinkError(format!("expected {} bytes, found {length} or more", self.size)));
        }
        self.bytes.extend_from_slice(&bytes);
        Ok(())
    }

    async fn discard(&mut self) -> Result<(), SinkError> {
        self.bytes.clear();
        Ok(())
    }

    async fn finish(&mut self) -> Result<Digest, SinkError> {
        Ok(Digest::of(&self.bytes))
    }

    fn hand_over(self: Box<Self>) -> Option<Bytes> {
        Some(self.bytes.freeze())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::node::process::exchange_locks::ExchangeLocks;
    use crate::time::Time;

    fn memory_sink(size: u64) -> Box<MemorySink> {
        let turn = ExchangeLocks::default().take(ExchangeId::new(Time::EPOCH, [1; 10])).unwrap();
        Box::new(MemorySink { bytes: BytesMut::new(), size, _turn: turn, _room: None })
    }

    #[tokio::test]
    async fn a_short_payload_is_handed_over_whole_and_never_longer_than_announced() {
        let mut sink = memory_sink(8);
        sink.write(Bytes::from_static(b"EXER")).await.unwrap();
        assert_eq!(sink.durable(), (0, Digest::of(b"")), "nothing of it is durable yet");
        sink.discard().await.unwrap();
        sink.write(Bytes::from_static(b"EXERC")).await.unwrap();
        assert!(sink.write(Bytes::from_static(b"ISES")).await.is_err());
        sink.write(Bytes::from_static(b"ISE")).await.unwrap();
        assert_eq!(sink.finish().await.unwrap(), Digest::of(b"EXERCISE"));
        assert_eq!(sink.hand_over().as_deref(), Some(&b"EXERCISE"[..]));
    }
}
