//! The calls from the gateway to the transport that carries envelopes to partners: the edge, or a simulated network.

use async_trait::async_trait;

use super::delivery::{DeliveryFailure, KeyGate, StopSignal};
use super::payload::PayloadSource;
use crate::ident::PartnerId;
use crate::wire::Offer;

/// The transport as the gateway calls it: the edge, or in a simulation an unreliable network.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Offers an envelope to a partner, sends its payload and then its header. Returns the receipt, which the caller has to verify.
    /// `key` is called once, when the partner has the whole payload, and provides the header. `stop` ends the delivery at any time
    /// before that.
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

    /// Why there is no link to a partner, if this side knows: a text for this node's operator, which may be recorded.
    fn link_failure(&self, partner: &PartnerId) -> Option<String>;
}
