//! What the gateway asks of whatever carries envelopes to partners.

use async_trait::async_trait;

use super::Edge;
use super::intake::{DeliveryFailure, KeyGate, PayloadSource, StopSignal};
use crate::ident::PartnerId;
use crate::wire::Offer;

/// The way to partners as the gateway sees it: the edge, or in a simulation a network that loses what it likes.
#[async_trait]
pub trait Carrier: Send + Sync {
    /// Offers an envelope to a partner, sends its payload, and then what opens it. Returns the receipt, which is still to
    /// be verified. `key` is asked once, when the partner has the whole payload: only its answer has the header. `stop`
    /// ends it at any moment before that.
    ///
    /// # Errors
    /// [`DeliveryFailure`]; what the partner has of the payload stays there for the next attempt.
    async fn deliver(
        &self,
        partner: &PartnerId,
        offer: Offer,
        source: Box<dyn PayloadSource>,
        key: KeyGate,
        stop: StopSignal,
    ) -> Result<Vec<u8>, DeliveryFailure>;

    /// Why there is no link to a partner, as far as this side knows; for our own operator only.
    fn link_failure(&self, partner: &PartnerId) -> Option<String>;
}

#[async_trait]
impl Carrier for Edge {
    async fn deliver(
        &self,
        partner: &PartnerId,
        offer: Offer,
        source: Box<dyn PayloadSource>,
        key: KeyGate,
        stop: StopSignal,
    ) -> Result<Vec<u8>, DeliveryFailure> {
        Edge::deliver(self, partner, offer, source, key, stop).await
    }

    fn link_failure(&self, partner: &PartnerId) -> Option<String> {
        Edge::link_failure(self, partner)
    }
}
