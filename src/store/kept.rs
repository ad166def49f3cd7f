//! Sealed payloads that are short enough to be kept in the store: durable with the row that names them, and gone with
//! the last step that needs them.

use super::{KEPT_BYTES_MAX, Payload, PayloadReader, SpoolId, Store, StoreError};

/// The payload if `store` keeps it; `None` if it is, or was, in the spool.
///
/// # Errors
/// [`StoreError`] if the store cannot be read.
pub async fn kept(store: &dyn Store, payload: Payload) -> Result<Option<PayloadReader>, StoreError> {
    match payload.spool {
        SpoolId::Envelope(exchange) if payload.size <= KEPT_BYTES_MAX => {
            Ok(store.kept_payload(&exchange).await?.map(PayloadReader::from))
        }
        _ => Ok(None),
    }
}
