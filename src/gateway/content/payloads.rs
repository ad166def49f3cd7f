//! Sealed payloads and other encrypted data, from the store or from spool files.

use crate::gateway::{GatewayError, Node};
use crate::store::{FileHold, Payload, PayloadReader, SpoolError, SpoolFile, SpoolId, SpoolWriter, inline_payload};

impl Node {
    /// The sealed payload of an exchange, from the store or the spool.
    pub(in crate::gateway) async fn payload(&self, payload: Payload) -> Result<PayloadReader, GatewayError> {
        match inline_payload(&**self.store(), payload).await? {
            Some(reader) => Ok(reader),
            None => self.spool().read(payload.spool).await.map_err(GatewayError::trouble),
        }
    }

    /// Converts a spool error. One that means data loss has already stopped the node: the spool reports it itself.
    pub(in crate::gateway) fn spool_trouble(&self, error: &SpoolError) -> GatewayError {
        GatewayError::trouble(error)
    }

    /// A whole spool file of at most `bytes_max` bytes.
    pub(in crate::gateway) async fn spooled(&self, id: SpoolId, bytes_max: u64) -> Result<Vec<u8>, GatewayError> {
        let reader = self.spool().read(id).await.map_err(GatewayError::trouble)?;
        whole(reader, &format!("spool file `{id}`"), bytes_max).await
    }

    /// Whether the stored payload is exactly the recorded one.
    pub(in crate::gateway) async fn is_whole(&self, payload: Payload) -> bool {
        let Ok(mut reader) = self.payload(payload).await else { return false };
        let found = reader.prefix_digest(payload.size).await;
        reader.size() == payload.size && found.is_ok_and(|found| found == payload.digest)
    }

    /// Begins a spool file without a row; a complete one of that name was left by a crash before its commit.
    pub(in crate::gateway) async fn spool_anew(&self, id: SpoolId, size: u64) -> Result<SpoolWriter, SpoolError> {
        match self.spool().create(id, size).await {
            Err(SpoolError::Exists { .. }) => {
                self.spool().remove_unheld(id)?;
                self.spool().create(id, size).await
            }
            other => other,
        }
    }

    /// As [`Node::spool_anew`], where work may block.
    pub(in crate::gateway) fn spool_anew_blocking(&self, id: SpoolId, size: u64) -> Result<SpoolFile, SpoolError> {
        match self.spool().begin(id, size) {
            Err(SpoolError::Exists { .. }) => {
                self.spool().remove_unheld(id)?;
                self.spool().begin(id, size)
            }
            other => other,
        }
    }

    /// Writes bytes to the spool as one whole file, durable before this returns, and held until its row is on record.
    pub(in crate::gateway) async fn spool_bytes(
        &self,
        id: SpoolId,
        bytes: &[u8],
    ) -> Result<(Payload, FileHold), GatewayError> {
        let trouble = |e: SpoolError| self.spool_trouble(&e);
        let mut writer = self.spool_anew(id, bytes.len() as u64).await.map_err(trouble)?;
        writer.write(bytes).await.map_err(trouble)?;
        let (whole, held) = writer.finish_held().await.map_err(trouble)?;
        Ok((Payload { spool: id, size: whole.size, digest: whole.digest }, held))
    }
}

/// All of `what`, at most `bytes_max` bytes.
pub(in crate::gateway) async fn whole(
    mut reader: PayloadReader,
    what: &str,
    bytes_max: u64,
) -> Result<Vec<u8>, GatewayError> {
    let size = reader.size();
    if size > bytes_max {
        return Err(GatewayError::Local(format!("{what} has {size} bytes, expected at most {bytes_max}")));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    while (bytes.len() as u64) < size {
        let next = reader.read_at(bytes.len() as u64, 1 << 20).await.map_err(GatewayError::trouble)?;
        if next.is_empty() {
            break;
        }
        bytes.extend_from_slice(&next);
    }
    Ok(bytes)
}
