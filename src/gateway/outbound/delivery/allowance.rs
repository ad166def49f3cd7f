//! A partner's current allowance: daily quota and circuit breaker, both kept in the store.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use crate::digest::Digest;
use crate::edge::{DeliveryFailure, PayloadSink, SinkError};
use crate::gateway::{GatewayError, Node};
use crate::ident::PartnerId;
use crate::ledger::{Entry, EntryKind};
use crate::partner::{Breaker, Circuit, Observed, Partner};
use crate::store::{Change, Direction, Spend, TrafficChange, Usage};
use crate::wire::RefusalCode;

/// What an attempt shows about the partner; `None` if there was no answer. A broken link shows nothing either:
/// dialling has its own back-off, and a restarted partner should not wait for ours.
pub(in crate::gateway) fn observed(result: &Result<Vec<u8>, DeliveryFailure>) -> Option<Observed> {
    match result {
        Ok(_) => Some(Observed::Answered),
        Err(DeliveryFailure::Refused(refusal)) => match refusal.code {
            RefusalCode::StorageUnavailable | RefusalCode::NotCompleted => Some(Observed::Failed),
            RefusalCode::Shutdown | RefusalCode::TimedOut => None,
            _ => Some(Observed::Answered),
        },
        Err(DeliveryFailure::TimedOut | DeliveryFailure::Protocol) => Some(Observed::Failed),
        Err(
            DeliveryFailure::Throttled(_)
            | DeliveryFailure::LinkDown
            | DeliveryFailure::Withdrawn
            | DeliveryFailure::SourceFailed,
        ) => None,
    }
}

impl Node {
    /// Counts one exchange of `bytes` with `partner` against today's quota, in the commit it belongs to.
    pub(in crate::gateway) fn spend(&self, partner: &Partner, direction: Direction, bytes: u64) -> Change {
        let limits = &partner.agreement.limits;
        TrafficChange::Spend(Spend {
            partner: partner.id.clone(),
            direction,
            day: self.now().date(),
            usage: Usage { exchanges: 1, bytes },
            quota: Usage { exchanges: limits.daily_exchanges, bytes: limits.daily_bytes },
        })
        .into()
    }

    /// Updates a partner's circuit breaker after an attempt. Opening and closing it are recorded.
    ///
    /// # Errors
    /// [`GatewayError`] if the commit fails.
    pub(in crate::gateway) async fn observe(
        &self,
        partner: &PartnerId,
        observed: Observed,
    ) -> Result<(), GatewayError> {
        // Serialised, so that two simultaneous failures are both counted.
        let _turn = self.breakers_lock().await;
        let before = self.store().breakers().await?.get(partner).copied().unwrap_or_default();
        let now = self.now();
        let after = before.after(now, observed);
        if after == before {
            return Ok(());
        }
        let change = TrafficChange::Breaker { partner: partner.clone(), breaker: after }.into();
        let entry = match (before.opened > 0, after.circuit(now)) {
            (_, Circuit::Open(until)) => {
                tracing::error!(partner.id = %partner, failures = after.failures, until = %until, "circuit breaker opened");
                let entry = Entry::new(now, EntryKind::Alarm, partner, "gateway").with("circuit", "open");
                Some(entry.with("failures", after.failures).with("until", until))
            }
            (true, Circuit::Closed) => {
                tracing::info!(partner.id = %partner, "circuit breaker closed");
                Some(Entry::new(now, EntryKind::Alarm, partner, "gateway").with("circuit", "closed"))
            }
            _ => None,
        };
        self.commit(vec![change], entry.into_iter().collect()).await
    }

    /// A partner's circuit breaker.
    ///
    /// # Errors
    /// [`GatewayError`] if the store cannot be read.
    pub async fn breaker(&self, partner: &PartnerId) -> Result<Breaker, GatewayError> {
        Ok(self.store().breakers().await?.get(partner).copied().unwrap_or_default())
    }
}

/// A sink that counts a discarded prefix, which is sent and stored a second time.
pub(in crate::gateway) struct MeteredSink {
    pub sink: Box<dyn PayloadSink>,
    pub node: Arc<Node>,
    pub partner: Box<Partner>,
    /// Whether nothing was written yet: only then does a discard come from the partner.
    pub fresh: bool,
}

#[async_trait]
impl PayloadSink for MeteredSink {
    fn durable(&self) -> (u64, Digest) {
        self.sink.durable()
    }

    async fn write(&mut self, bytes: Bytes) -> Result<(), SinkError> {
        self.fresh = false;
        self.sink.write(bytes).await
    }

    async fn discard(&mut self) -> Result<(), SinkError> {
        let (prefix, _) = self.sink.durable();
        if self.fresh && prefix > 0 {
            let again = self.node.spend(&self.partner, Direction::In, prefix);
            self.node.commit(vec![again], Vec::new()).await.map_err(|e| SinkError(e.to_string()))?;
        }
        self.sink.discard().await
    }

    async fn finish(&mut self) -> Result<Digest, SinkError> {
        self.fresh = false;
        self.sink.finish().await
    }

    fn hand_over(self: Box<Self>) -> Option<Bytes> {
        self.sink.hand_over()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::Refusal;

    #[test]
    fn a_refusal_is_an_answer_and_a_partner_that_cannot_work_is_a_failure() {
        let refused = |code: RefusalCode| observed(&Err(DeliveryFailure::Refused(Refusal::from(code))));
        for code in [RefusalCode::Busy, RefusalCode::OfferRate, RefusalCode::Quota, RefusalCode::MarkingRefused] {
            assert_eq!(refused(code), Some(Observed::Answered), "{code}");
        }
        for code in [RefusalCode::StorageUnavailable, RefusalCode::NotCompleted] {
            assert_eq!(refused(code), Some(Observed::Failed), "{code}");
        }
        // A partner that shuts down shows nothing about its health.
        for code in [RefusalCode::Shutdown, RefusalCode::TimedOut] {
            assert_eq!(refused(code), None, "{code}");
        }
        assert_eq!(observed(&Err(DeliveryFailure::TimedOut)), Some(Observed::Failed));
        assert_eq!(observed(&Err(DeliveryFailure::LinkDown)), None);
    }
}
