//! Inline payloads: sealed payloads short enough to be kept in the store itself, durable with their row and removed with the
//! last step that needs them.

use super::spool::{INLINE_BYTES_MAX, PayloadReader, SpoolId};
use super::{Payload, Store, StoreError};

/// The payload if `store` keeps it inline; `None` if it is, or was, in the spool.
///
/// # Errors
/// [`StoreError`] if the store cannot be read.
pub async fn inline_payload(store: &dyn Store, payload: Payload) -> Result<Option<PayloadReader>, StoreError> {
    match payload.spool {
        SpoolId::Envelope(exchange) if payload.size <= INLINE_BYTES_MAX => {
            Ok(store.inline_payload(&exchange).await?.map(PayloadReader::from))
        }
        _ => Ok(None),
    }
}
