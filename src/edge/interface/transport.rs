//! What the gateway asks of whatever carries envelopes to partners: the edge, or a simulated network.

use async_trait::async_trait;

use super::delivery::{DeliveryFailure, KeyGate, StopSignal};
use super::payload::PayloadSource;
use crate::ident::PartnerId;
use crate::wire::Offer;

/// The way to partners as the gateway sees it: the edge, or in a simulation a network that loses what it likes.
#[async_trait]
pub trait Transport: Send + Sync {
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

    /// Why there is no link to a partner, as far as this side knows: a text for our own operator, which may go on record.
    fn link_failure(&self, partner: &PartnerId) -> Option<String>;
}
