//! The calls from the edge to the gateway when a partner connects, offers and delivers.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use super::payload::PayloadSink;
use crate::envelope::Header;
use crate::ident::{ExchangeId, PartnerId};
use crate::wire::{Consistency, Extension, Offer, RefusalCode};

/// The gateway as the edge calls it. Implementations have access to keys, policy and store; the edge does not.
#[async_trait]
pub trait Intake: Send + Sync {
    /// Decides on an offer of an envelope: checks the manifest against the agreement, and returns quickly. At most one sink exists
    /// for one exchange at a time.
    async fn offer(&self, partner: &PartnerId, offer: Offer) -> OfferAnswer;

    /// Completes an exchange whose payload arrived in its sink with the digest offered, and whose header arrived if it has one.
    /// Opens, checks, stores and records it, and returns the receipt that became durable in the same transaction. A repeated
    /// call returns the same receipt, byte for byte.
    ///
    /// # Errors
    /// The [`Refusal`] that the partner receives.
    async fn complete(
        &self,
        partner: &PartnerId,
        exchange: ExchangeId,
        whole: CompletePayload,
    ) -> Result<Vec<u8>, Refusal>;

    /// Reports that the edge refused an offer permanently, without calling [`Intake::offer`].
    async fn offer_refused(&self, _partner: &PartnerId, _exchange: ExchangeId, _code: RefusalCode) {}

    /// Reports that a partner withdrew an offer before all of it had arrived. The sink is discarded.
    async fn offer_withdrawn(&self, _partner: &PartnerId, _exchange: ExchangeId) {}

    /// The extensions of the Hello that this node sends to a partner.
    async fn hello_extensions(&self, _partner: &PartnerId) -> Vec<Extension> {
        Vec::new()
    }

    /// Proves that this node's ledger, with the checkpoint in `ours`, extends the checkpoint of it that the partner reported in
    /// `theirs`. Both are the extensions of the Hello messages.
    async fn prove_consistency(&self, _partner: &PartnerId, _ours: &[Extension], _theirs: &[Extension]) -> Consistency {
        Consistency::default()
    }

    /// Checks a partner's Hello before anything else is accepted on the link: the extensions in it (`theirs`), and the proof that its
    /// ledger extends the checkpoint of it in `ours`.
    ///
    /// # Errors
    /// The code with which the connection is closed.
    async fn check_hello(
        &self,
        _partner: &PartnerId,
        _ours: &[Extension],
        _theirs: &[Extension],
        _proof: Option<&Consistency>,
    ) -> Result<(), RefusalCode> {
        Ok(())
    }

    /// Reports that a partner's link came up or went down.
    fn link_changed(&self, partner: &PartnerId, up: bool);
}

/// What arrived for an exchange, other than the payload that its sink stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CompletePayload {
    /// The age header that opens the payload; `None` for an exchange without a sealed payload.
    pub header: Option<Header>,
    /// The payload itself, if the sink held it in memory.
    pub short: Option<Bytes>,
}

/// The gateway's answer to an offer.
pub enum OfferAnswer {
    /// Accept the payload into this sink.
    Accept(Box<dyn PayloadSink>),
    /// The exchange was completed before; the receipt that was sent then.
    Replay(Vec<u8>),
    /// Refuse it.
    Refuse(Refusal),
}

/// A refusal as it is sent to a partner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The reason, as a code.
    pub code: RefusalCode,
    /// How long the partner should wait before it tries again.
    pub retry_after: Option<Duration>,
}

impl From<RefusalCode> for Refusal {
    fn from(code: RefusalCode) -> Refusal {
        Refusal { code, retry_after: None }
    }
}
