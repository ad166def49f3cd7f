//! The answer to an offer: accepted, answered again, or refused with a code for the partner and a reason for our own
//! log.

use std::time::Duration;

use bytes::Bytes;

use crate::edge::PayloadSink;
use crate::gateway::GatewayError;
use crate::partner::Partner;
use crate::store::{Exchange, StoreError};
use crate::wire::RefusalCode;

/// Retry delay for the partner when the spool could not store anything.
const FULL: Duration = Duration::from_secs(5);

/// The answer to an offer that is not refused.
pub(in crate::gateway) enum AcceptedOffer {
    /// The payload is accepted: the sender, and the sink for its payload.
    Accept(Box<Partner>, Box<dyn PayloadSink>),
    /// The exchange is complete here: its receipt.
    Replay(Vec<u8>),
}

/// Why an offer or payload is rejected: a code and a retry delay for the partner, the reason for our own log.
pub(in crate::gateway) struct Rejection {
    pub code: RefusalCode,
    pub retry_after: Option<Duration>,
    pub why: String,
}

impl Rejection {
    /// A rejection without a retry delay.
    pub(in crate::gateway) fn new(code: RefusalCode, why: impl std::fmt::Display) -> Rejection {
        Rejection { code, retry_after: None, why: why.to_string() }
    }

    /// No storage space is available now.
    pub(in crate::gateway) fn full(why: impl std::fmt::Display) -> Rejection {
        Rejection { retry_after: Some(FULL), ..Rejection::new(RefusalCode::StorageUnavailable, why) }
    }
}

impl From<GatewayError> for Rejection {
    fn from(error: GatewayError) -> Rejection {
        if let GatewayError::Store(StoreError::Quota { .. }) = &error {
            return Rejection::new(RefusalCode::Quota, error);
        }
        let code = match &error {
            GatewayError::Store(StoreError::Conflict { .. }) => RefusalCode::InProgress,
            GatewayError::Store(_) | GatewayError::OutcomeUnknown { .. } => RefusalCode::StorageUnavailable,
            GatewayError::NotFound(_) => RefusalCode::NotAuthorised,
            GatewayError::Refused(_) => RefusalCode::Refused,
            GatewayError::Local(_) | GatewayError::Temporary(_) => RefusalCode::NotCompleted,
        };
        Rejection::new(code, error)
    }
}

impl From<StoreError> for Rejection {
    fn from(error: StoreError) -> Rejection {
        GatewayError::from(error).into()
    }
}

/// An exchange whose payload has arrived, with the payload itself if the store keeps it.
pub(in crate::gateway) struct ReceivedPayload {
    pub row: Exchange,
    pub short: Option<Bytes>,
}
