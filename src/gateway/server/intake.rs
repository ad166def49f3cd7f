//! The gateway's side of the edge: each call goes to the node that is current at that moment.

use crate::gateway::inbound::answer::AcceptedOffer;
use crate::gateway::inbound::answer::Rejection;
use std::sync::Arc;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use tokio::sync::Notify;

use crate::edge::{CompletePayload, Intake, OfferAnswer, Refusal};
use crate::gateway::Node;
use crate::gateway::node::panics::{Panicked, contained};
use crate::gateway::node::process::exchange_locks::ExchangeLocks;
use crate::gateway::outbound::delivery::allowance::MeteredSink;
use crate::ident::{ExchangeId, PartnerId};
use crate::wire::{CheckpointExchange, Consistency, Extension, Offer, RefusalCode};

/// The gateway's side of the edge, under the policy in force at each offer.
struct Inbound {
    current: Arc<ArcSwap<Node>>,
    /// Notified when a link comes up, so that what waited for it is tried at once.
    links: Arc<Notify>,
    /// Exchanges being opened and inspected, which can take minutes; another offer of them meanwhile is refused.
    opening: ExchangeLocks,
}

#[async_trait]
impl Intake for Inbound {
    async fn offer(&self, partner: &PartnerId, offer: Offer) -> OfferAnswer {
        let exchange = offer.exchange;
        if self.opening.is_locked(exchange) {
            return OfferAnswer::Refuse(RefusalCode::InProgress.into());
        }
        let node = self.current.load_full();
        let taken = match contained(node.accept_offer(partner, offer)).await {
            Ok(taken) => taken,
            Err(Panicked) => Err(node.panicked_inbound(partner, exchange, "judging").await),
        };
        match taken {
            Ok(AcceptedOffer::Accept(partner, sink)) => {
                OfferAnswer::Accept(Box::new(MeteredSink { sink, node, partner, fresh: true }))
            }
            Ok(AcceptedOffer::Replay(receipt)) => OfferAnswer::Replay(receipt),
            Err(not) => {
                node.record_refused_offer(partner, exchange, &not).await;
                OfferAnswer::Refuse(node.refusal_for(partner, exchange, &not))
            }
        }
    }

    async fn complete(
        &self,
        partner: &PartnerId,
        exchange: ExchangeId,
        whole: CompletePayload,
    ) -> Result<Vec<u8>, Refusal> {
        let _turn = self.opening.take(exchange).ok_or(RefusalCode::InProgress)?;
        let node = self.current.load_full();
        match contained(node.complete_exchange(partner, exchange, whole)).await {
            Ok(receipt) => receipt.map_err(|not| node.refusal_for(partner, exchange, &not)),
            Err(Panicked) => {
                let not = node.panicked_inbound(partner, exchange, "opening").await;
                Err(node.refusal_for(partner, exchange, &not))
            }
        }
    }

    async fn offer_refused(&self, partner: &PartnerId, exchange: ExchangeId, code: RefusalCode) {
        let not = Rejection::new(code, "the offer exceeds what the agreement allows");
        self.current.load_full().record_refused_offer(partner, exchange, &not).await;
    }

    async fn offer_withdrawn(&self, partner: &PartnerId, exchange: ExchangeId) {
        if let Err(error) = self.current.load_full().record_cancellation(partner, exchange).await {
            tracing::error!(exchange.id = %exchange, error = %error, "the partner's cancellation could not be recorded");
        }
    }

    async fn hello_extensions(&self, partner: &PartnerId) -> Vec<Extension> {
        // A partner that has seen our checkpoint refuses a link without one, and is sent it at the next dial.
        let heads = self.current.load_full().checkpoints_for(partner).await;
        heads.ok().and_then(|heads| heads.to_extension()).into_iter().collect()
    }

    async fn prove_consistency(&self, _: &PartnerId, ours: &[Extension], told: &[Extension]) -> Consistency {
        match (CheckpointExchange::from_extensions(ours), CheckpointExchange::from_extensions(told)) {
            (Ok(Some(ours)), Ok(Some(told))) => self.current.load_full().prove_checkpoints(&ours, &told).await,
            _ => Consistency::default(),
        }
    }

    async fn check_hello(
        &self,
        partner: &PartnerId,
        ours: &[Extension],
        told: &[Extension],
        proof: Option<&Consistency>,
    ) -> Result<(), RefusalCode> {
        let heads = CheckpointExchange::from_extensions(told).map_err(|_| RefusalCode::ProtocolError)?;
        let ours = CheckpointExchange::from_extensions(ours).unwrap_or_default();
        self.current.load_full().checkpoints_from(partner, ours.as_ref(), heads.as_ref(), proof).await
    }

    fn link_changed(&self, partner: &PartnerId, up: bool) {
        tracing::info!(partner.id = %partner, up, "link changed");
        if up {
            self.links.notify_one();
        }
    }
}

/// The node as the edge sees it, whichever is current at each offer.
pub(in crate::gateway) fn intake(current: Arc<ArcSwap<Node>>, links: Arc<Notify>) -> Arc<dyn Intake> {
    Arc::new(Inbound { current, links, opening: ExchangeLocks::default() })
}

impl Node {
    /// This node as the edge sees it: it judges offers and stores payloads. `links` is notified when a link comes up.
    pub fn intake(self: &Arc<Self>, links: Arc<Notify>) -> Arc<dyn Intake> {
        intake(Arc::new(ArcSwap::new(self.clone())), links)
    }
}
