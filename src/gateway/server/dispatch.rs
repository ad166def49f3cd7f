//! Starts due exchanges, as many per partner as its agreement, window, quota and circuit breaker permit.

use super::serve::Running;
use crate::gateway::GatewayError;
use crate::gateway::server::scheduler;
use crate::gateway::server::scheduler::{Candidate, PartnerSlots};
use crate::ident::PartnerId;
use crate::partner::{Circuit, Opening};
use crate::store::{Due, ExchangeKind};
use crate::time::Time;
use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::Duration;

/// Whether an exchange has waited for its partner long enough to record that, and it was not recorded recently.
pub(super) fn has_waited(exchange: &Due, now: Time) -> bool {
    let patience = if exchange.reason.is_some() { Duration::from_secs(60) } else { Duration::from_secs(2) };
    now.since(exchange.updated) >= patience
}

impl Running {
    /// Starts attempts for due exchanges, as far as there are slots, in the order of
    /// [`crate::gateway::server::scheduler`].
    pub(super) async fn send_due(&self) -> Result<(), GatewayError> {
        let now = self.node().now();
        let slots = usize::try_from(self.node().config().gateway.concurrent).unwrap_or(1);
        let breakers = self.node().store().breakers().await?;
        let (mut waiting, mut due) = (Vec::new(), BTreeMap::new());
        let mut allowances: BTreeMap<PartnerId, PartnerSlots> = BTreeMap::new();
        for exchange in self.node().store().due(now, u32::try_from(slots).unwrap_or(u32::MAX)).await? {
            if let Some(until) = self.closed(&exchange, now) {
                let why = format!("waits for the partner's window, which opens at {until}");
                if exchange.reason.as_ref() != Some(&why) {
                    self.node().note_waiting(&exchange.exchange, &why).await?;
                }
                continue;
            }
            let circuit = breakers.get(&exchange.partner).copied().unwrap_or_default().circuit(now);
            if let Some(why) = self.obstacle(&exchange.partner, circuit) {
                // Not counted as an attempt: after an outage of any length the exchange is still sent.
                if has_waited(&exchange, now) {
                    self.node().note_waiting(&exchange.exchange, &why).await?;
                }
                continue;
            }
            if !allowances.contains_key(&exchange.partner) {
                let allowance = self.allowance(&exchange.partner, circuit, slots, now).await?;
                allowances.insert(exchange.partner.clone(), allowance);
            }
            if exchange.receipt_query
                && let Some(eldest) = allowances.get_mut(&exchange.partner).and_then(|a| a.eldest.as_mut())
            {
                // The order is unknown, so nothing is sent.
                eldest.insert(exchange.exchange);
            }
            if !self.lock_busy().contains_key(&exchange.exchange) {
                let (id, partner, precedence) = (exchange.exchange, exchange.partner.clone(), exchange.precedence);
                waiting.push(Candidate { exchange: id, partner, precedence });
                due.insert(id, exchange);
            }
        }
        let running: Vec<Candidate> = self.lock_busy().values().cloned().collect();
        for exchange in scheduler::begin(&waiting, &running, &allowances, slots) {
            // INVARIANT: the scheduler returns only candidates that wait.
            let Some(candidate) = waiting.iter().find(|c| c.exchange == exchange) else { continue };
            let Some(row) = due.remove(&exchange) else { continue };
            self.lock_busy().insert(exchange, candidate.clone());
            let (node, edge, busy, ended) = (self.node(), self.edge.clone(), self.busy.clone(), self.ended.clone());
            self.attempts.spawn(async move {
                if let Err(error) = node.attempt(&*edge, row).await {
                    tracing::error!(exchange.id = %exchange, error = %error, "attempt failed locally");
                }
                busy.lock().unwrap_or_else(PoisonError::into_inner).remove(&exchange);
                ended.notify_one();
            });
        }
        Ok(())
    }

    /// When the partner's window opens, if it is closed to this exchange now. Recall notices ignore windows.
    pub(super) fn closed(&self, exchange: &Due, now: Time) -> Option<Time> {
        let windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        match windows.get(&exchange.partner)?.at(now, exchange.precedence) {
            Opening::Closed { until } if exchange.kind == ExchangeKind::Product => Some(until),
            _ => None,
        }
    }

    /// Why nothing can be sent to a partner now, if nothing can.
    pub(super) fn obstacle(&self, partner: &PartnerId, circuit: Circuit) -> Option<String> {
        if !self.edge.is_up(partner) {
            return Some(self.edge.link_failure(partner).unwrap_or_else(|| "partner unreachable: no link".to_owned()));
        }
        match circuit {
            Circuit::Open(until) => {
                Some(format!("waits until {until}: the partner failed too often, and is tried again then"))
            }
            Circuit::Closed | Circuit::HalfOpen => None,
        }
    }

    /// The partner's current allowance; one exchange at most while its circuit is half-open.
    pub(super) async fn allowance(
        &self,
        partner: &PartnerId,
        circuit: Circuit,
        slots: usize,
        now: Time,
    ) -> Result<PartnerSlots, GatewayError> {
        let share = scheduler::share(self.edge.exchanges_max(partner), slots);
        let slots = if circuit == Circuit::HalfOpen { share.min(1) } else { share };
        let in_order = self.ordered.lock().unwrap_or_else(PoisonError::into_inner).contains(partner);
        let eldest = match in_order {
            true => Some(self.node().store().oldest_queued(partner, now).await?.into_iter().collect()),
            false => None,
        };
        Ok(PartnerSlots { slots, eldest })
    }
}
