//! Checks exchanges in flight periodically and stops those that may no longer be sent.

use std::sync::Arc;

use crate::gateway::node::panics::{Panicked, contained};
use crate::gateway::node::participants::Participants;
use crate::gateway::node::process::in_flight::{Attempt, LEASE};
use crate::gateway::{GatewayError, Node};
use crate::store::{Change, Exchange, ExchangeKind, ExchangeState, StoreError};
use crate::time::Time;

impl Node {
    /// Checks exchanges in flight: renews claims and stops what may no longer be sent. Call it at least once a second
    /// while anything is in flight; otherwise it costs nothing.
    ///
    /// # Errors
    /// [`GatewayError`] if the store fails: then everything in flight is stopped.
    pub async fn check_in_flight(&self) -> Result<(), GatewayError> {
        let live = self.in_flight().all();
        if live.is_empty() {
            return Ok(());
        }
        let looked = self.check_attempts(&live).await;
        if let Err(error) = &looked {
            live.iter().for_each(|attempt| attempt.abort(&format!("it could not be decided again: {error}")));
        }
        looked
    }

    async fn check_attempts(&self, live: &[Arc<Attempt>]) -> Result<(), GatewayError> {
        let (now, roster) = (self.now(), self.store().generations().await?.roster);
        self.renew(live, now).await?;
        // Nothing stops a recall notice.
        let products = || live.iter().filter(|a| a.kind == ExchangeKind::Product && a.stop_reason().is_none());
        if let Some(doubt) = self.clock_doubt().await? {
            products().for_each(|attempt| attempt.request_stop(&doubt));
            return Ok(());
        }
        // Orders come first: they need no decision.
        let mut undecided = Vec::new();
        for attempt in products().filter(|attempt| attempt.is_to_be_decided(roster, now)) {
            let row = match self.store().exchange(&attempt.exchange).await {
                // A faulty row stops its own attempt only.
                Err(altered @ StoreError::Altered { .. }) => {
                    attempt.request_stop(&altered.to_string());
                    continue;
                }
                row => row?,
            };
            match row {
                Some(row) => match self.stopped(&row).await? {
                    Some(stopped) => attempt.request_stop(&stopped.sentence()),
                    None => {
                        // The record changed: nothing more leaves until the effect is known.
                        if attempt.is_outdated(roster) {
                            attempt.stop.pause();
                        }
                        undecided.push((attempt, row));
                    }
                },
                None => attempt.request_stop("it is no longer on record"),
            }
        }
        if undecided.is_empty() {
            return Ok(());
        }
        let current = self.current().await?;
        let node = current.as_ref().unwrap_or(self);
        let parties = node.participants().await?;
        for (attempt, row) in undecided {
            match contained(node.no_longer(&row, &parties)).await {
                // An undecidable exchange must not continue; the others are still checked.
                Err(Panicked) => {
                    node.record_panic(row.id, &row.partner, "deciding on").await;
                    attempt.request_stop("deciding on it ended in an internal fault");
                }
                Ok(no) => match no? {
                    Some(why) => attempt.request_stop(&why),
                    None => {
                        attempt.decided(parties.generation, now);
                        attempt.stop.resume();
                    }
                },
            }
        }
        Ok(())
    }

    /// Why an exchange in flight may no longer be sent; `None` if it may.
    async fn no_longer(&self, row: &Exchange, parties: &Arc<Participants>) -> Result<Option<String>, GatewayError> {
        if !matches!(row.state, ExchangeState::Queued | ExchangeState::Sending) {
            return Ok(Some(format!("it is {}", row.state)));
        }
        if row.expires <= self.now() {
            return Ok(Some(format!("it expired at {}", row.expires)));
        }
        self.why_no_longer(row, parties).await
    }

    /// Why an attempt that ended was to stop, if so: by an order, or by a change since its last decision.
    pub(in crate::gateway) async fn was_stopped(
        &self,
        attempt: &Attempt,
        row: &Exchange,
    ) -> Result<Option<String>, GatewayError> {
        let why = attempt.stop_reason();
        let still = || attempt.kind != ExchangeKind::Product || row.needs_receipt_query();
        if why.is_some() || still() || !attempt.is_outdated(self.store().generations().await?.roster) {
            return Ok(why);
        }
        let current = self.current().await?;
        let node = current.as_ref().unwrap_or(self);
        let parties = node.participants().await?;
        node.no_longer(row, &parties).await
    }

    async fn renew(&self, live: &[Arc<Attempt>], now: Time) -> Result<(), GatewayError> {
        for attempt in live {
            if now.plus(LEASE / 2) < attempt.lease() {
                continue;
            }
            let (exchange, owner, until) = (attempt.exchange, attempt.owner.clone(), now.plus(LEASE));
            match self.commit(vec![Change::Claim { exchange, owner, now, until }], Vec::new()).await {
                Ok(()) => attempt.renewed(until),
                Err(GatewayError::Store(StoreError::Conflict { .. })) => {
                    attempt.request_stop("another process has claimed it")
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
