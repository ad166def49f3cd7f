//! Inline payloads: sealed payloads short enough to be stored in the database, durable together with their row and
//! deleted with the last transition that needs them.

use super::spool::{INLINE_BYTES_MAX, PayloadReader, SpoolId};
use super::{Payload, Store, StoreError};

/// Returns a reader of the payload if `store` has it inline; `None` if it belongs in the spool.
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
