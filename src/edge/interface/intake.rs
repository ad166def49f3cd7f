//! What the edge asks of the gateway when a partner connects, offers and delivers.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use super::payload::PayloadSink;
use crate::envelope::Header;
use crate::ident::{ExchangeId, PartnerId};
use crate::wire::{Consistency, Extension, Offer, RefusalCode};

/// The gateway, as the edge sees it. Implementations hold keys, policy and store; the edge holds none of them.
#[async_trait]
pub trait Intake: Send + Sync {
    /// A partner offers an envelope. Checks the manifest against the agreement, without waiting for anything slow,
    /// and says whether to take it. For one exchange at most one sink may be out at a time.
    async fn offer(&self, partner: &PartnerId, offer: Offer) -> OfferAnswer;

    /// The payload offered has arrived in its sink and has the digest offered, and so has its header. Opens, checks,
    /// stores and records it, and returns the receipt that was made durable with it; asked again, the same bytes.
    async fn complete(&self, partner: &PartnerId, exchange: ExchangeId, whole: Whole) -> Result<Vec<u8>, Refusal>;

    /// An offer was refused for good before the gateway was asked.
    async fn turned_away(&self, _partner: &PartnerId, _exchange: ExchangeId, _code: RefusalCode) {}

    /// A partner took back what it had offered, before all of it had arrived; nothing of it is kept in its sink.
    async fn taken_back(&self, _partner: &PartnerId, _exchange: ExchangeId) {}

    /// What to tell a partner in our Hello.
    async fn greeting(&self, _partner: &PartnerId) -> Vec<Extension> {
        Vec::new()
    }

    /// What proves our ledger, as `ours` told it in our Hello, against what the partner `told` of it in its own.
    async fn prove(&self, _partner: &PartnerId, _ours: &[Extension], _told: &[Extension]) -> Consistency {
        Consistency::default()
    }

    /// What a partner told us in its Hello, with its proof against what `ours` told of its ledger, before anything else is
    /// taken from it. An error closes the connection.
    async fn greeted(
        &self,
        _partner: &PartnerId,
        _ours: &[Extension],
        _told: &[Extension],
        _proof: Option<&Consistency>,
    ) -> Result<(), RefusalCode> {
        Ok(())
    }

    /// A partner's link came up or went down.
    fn link_changed(&self, partner: &PartnerId, up: bool);
}

/// What has arrived, besides what its sink keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Whole {
    /// What opens the payload; `None` if nothing has to be opened.
    pub header: Option<Header>,
    /// The payload itself, if its sink handed it over.
    pub short: Option<Bytes>,
}

/// What the gateway says to an offer.
pub enum OfferAnswer {
    /// Take it, into this sink.
    Accept(Box<dyn PayloadSink>),
    /// It was received before; this is the receipt given then.
    Replay(Vec<u8>),
    /// Do not take it.
    Refuse(Refusal),
}

/// A refusal that a partner is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub code: RefusalCode,
    /// How long there is no use in trying again.
    pub retry_after: Option<Duration>,
}

impl From<RefusalCode> for Refusal {
    fn from(code: RefusalCode) -> Refusal {
        Refusal { code, retry_after: None }
    }
}
