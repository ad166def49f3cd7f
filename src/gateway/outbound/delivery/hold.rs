//! Deciding again on queued exchanges: those no longer permitted are held, and nothing is lost.

use std::sync::Arc;

use super::stopped::Stopped;
use crate::digest::Digest;
use crate::gateway::node::participants::Participants;
use crate::gateway::node::process::in_flight::Attempt;
use crate::gateway::{GatewayError, Node};
use crate::ledger::{Entry, EntryKind};
use crate::store::{Direction, Exchange, ExchangeFilter, ExchangeKind, ExchangeState, PartnerState, StoreError};

impl Node {
    /// Decides again on everything queued after a change of policy, roster or officers: exchanges no longer permitted
    /// are held, and held ones that are permitted again continue.
    ///
    /// # Errors
    /// [`GatewayError`] if the store fails.
    pub async fn redecide(&self) -> Result<(), GatewayError> {
        self.end_removed().await?;
        let filter = ExchangeFilter {
            direction: Some(Direction::Out),
            kind: Some(ExchangeKind::Product),
            states: [ExchangeState::Queued, ExchangeState::Parked].into(),
            limit: u32::MAX,
            ..ExchangeFilter::default()
        };
        let mut queued = self.store().exchanges(&filter).await?;
        // Exchanges in flight are handled by their attempts; see `in_flight`.
        let now = self.now();
        queued.retain(|row| !row.is_claimed(now));
        if queued.is_empty() {
            return Ok(());
        }
        let parties = &self.participants().await?;
        let mut held = Vec::new();
        for exchange in queued {
            let id = exchange.id;
            match self.contained(id, "deciding on", self.decide_again(exchange, parties)).await {
                // Its row differs from the ledger: it stays where it is and does not leave.
                Err(GatewayError::Store(error @ StoreError::Altered { .. })) => {
                    tracing::error!(error = %error, "a queued exchange cannot be decided");
                }
                no => held.extend(no?),
            }
            if held.len() == HELD_AT_ONCE {
                self.hold_all(std::mem::take(&mut held)).await?;
            }
        }
        self.hold_all(held).await
    }

    /// Ends waiting products for a removed partner, sealed or not. Exchanges in flight are stopped by their attempts.
    /// Recall notices wait: the partner may have the product and be enrolled again.
    async fn end_removed(&self) -> Result<(), GatewayError> {
        use ExchangeState as S;
        let now = self.now();
        for partner in self.store().partners().await?.into_iter().filter(|row| row.state == PartnerState::Removed) {
            let filter = ExchangeFilter {
                direction: Some(Direction::Out),
                kind: Some(ExchangeKind::Product),
                partner: Some(partner.id),
                states: [S::Requested, S::Held, S::Approved, S::Queued, S::Parked].into(),
                limit: u32::MAX,
                ..ExchangeFilter::default()
            };
            let mut waiting = self.store().exchanges(&filter).await?;
            waiting.retain(|row| !row.is_claimed(now));
            let why = Stopped::Removed.sentence();
            let ends = |exchange| NotPermitted { exchange, why: why.clone(), stopped: Some(Stopped::Removed) };
            for some in waiting.chunks(HELD_AT_ONCE) {
                self.hold_all(some.iter().cloned().map(ends).collect()).await?;
            }
        }
        Ok(())
    }

    /// Why a queued exchange may no longer leave; `None` if it may.
    async fn decide_again(
        &self,
        exchange: Exchange,
        parties: &Arc<Participants>,
    ) -> Result<Option<NotPermitted>, GatewayError> {
        let stopped = self.stopped(&exchange).await?;
        let why = match &stopped {
            Some(stopped) => Some(stopped.sentence()),
            // Parked before it was sealed: nothing could leave, and holding it would retry it.
            None if exchange.manifest.is_none() => None,
            None => self.why_no_longer(&exchange, parties).await?,
        };
        Ok(why.map(|why| NotPermitted { exchange, why, stopped }))
    }

    /// Why an exchange that nobody stopped may no longer leave; `None` if it may.
    pub(in crate::gateway) async fn why_no_longer(
        &self,
        exchange: &Exchange,
        parties: &Arc<Participants>,
    ) -> Result<Option<String>, GatewayError> {
        match self.approved_under_another_policy(exchange) {
            Some(why) => Ok(Some(why)),
            None => Ok(self.permitted_now(exchange, Arc::clone(parties)).await?.err()),
        }
    }

    /// Why a release is void independently of the decision: approvals name the policy and register they were given
    /// under, and count under no other.
    fn approved_under_another_policy(&self, exchange: &Exchange) -> Option<String> {
        let register = Digest::from_bytes(self.register().digest());
        let parts = [
            ("policy", exchange.policy_digest, self.policies().digest()),
            ("marking register", exchange.register_digest, register),
        ];
        let changed =
            parts.into_iter().find_map(|(what, then, now)| Some((what, then?, now)).filter(|c| c.1 != c.2))?;
        let (what, then, now) = changed;
        Some(format!(
            "the {what} changed after the approval (from {} to {}), and approvals count only under the one they name",
            then.short(),
            now.short()
        ))
    }

    /// Holds exchanges in one commit, or one by one if another process works on one of them.
    async fn hold_all(&self, held: Vec<NotPermitted>) -> Result<(), GatewayError> {
        let (rows, entries): (Vec<Exchange>, Vec<Entry>) =
            held.iter().map(|no| self.held(no.exchange.clone(), &no.why, no.stopped.clone())).unzip();
        match self.commit(rows.iter().cloned().map(Into::into).collect(), entries).await {
            Err(GatewayError::Store(StoreError::Conflict { .. })) => {}
            outcome => {
                outcome?;
                for (no, row) in held.iter().zip(&rows) {
                    self.held_now(&no.exchange, row).await?;
                }
                return Ok(());
            }
        }
        for no in held {
            match self.hold(no.exchange, &no.why, None).await {
                // Now in flight: its attempt decides the same question.
                Err(GatewayError::Store(StoreError::Conflict { .. })) | Ok(()) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Holds an exchange whose release is no longer permitted. The sealed payload is kept, as ciphertext that nobody
    /// here can open: the partner may have received it with the receipt lost in transit, and only the same envelope
    /// is answered with that receipt if the release is permitted again. `by` is the attempt that claimed it, if any.
    pub(in crate::gateway) async fn hold(
        &self,
        exchange: Exchange,
        why: &str,
        by: Option<&Attempt>,
    ) -> Result<(), GatewayError> {
        let (row, entry) = self.held(exchange.clone(), why, self.stopped(&exchange).await?);
        match by {
            Some(attempt) => self.commit_as(attempt, row.clone(), Vec::new(), vec![entry]).await?,
            None => self.commit(vec![row.clone().into()], vec![entry]).await?,
        }
        self.held_now(&exchange, &row).await
    }

    /// The row of a held or expired exchange, and the ledger entry for it.
    fn held(&self, mut exchange: Exchange, why: &str, stopped: Option<Stopped>) -> (Exchange, Entry) {
        let now = self.now();
        let (state, kind) = match stopped {
            Some(Stopped::Recalled(recalled)) => {
                exchange.recalled = Some(recalled);
                (ExchangeState::Cancelled, EntryKind::ExchangeCancelled)
            }
            Some(Stopped::Replaced(_) | Stopped::Removed) => (ExchangeState::Cancelled, EntryKind::ExchangeCancelled),
            Some(Stopped::Refused { .. }) => (ExchangeState::Refused, EntryKind::ExchangeRefused),
            None if exchange.expires <= now => (ExchangeState::Expired, EntryKind::ExchangeExpired),
            None => (ExchangeState::Held, EntryKind::ReleaseHeld),
        };
        if state != ExchangeState::Held && exchange.unanswered.is_none() {
            (exchange.payload, exchange.manifest, exchange.header) = (None, None, None);
        }
        if exchange.unanswered.is_some() {
            // The partner may have it, and is asked at once.
            exchange.next_attempt = now;
        }
        let entry = Entry::new(now, kind, exchange.id, "gateway").with("why", why);
        exchange.state = state;
        exchange.updated = now;
        exchange.reason = Some(why.to_owned());
        (exchange, entry)
    }

    /// Clean-up once `row` is on record: the sealed payload of an expired exchange is removed.
    async fn held_now(&self, before: &Exchange, row: &Exchange) -> Result<(), GatewayError> {
        let why = row.reason.as_deref().unwrap_or_default();
        tracing::warn!(exchange.id = %row.id, partner.id = %row.partner, why, "release no longer permitted: held");
        match before.payload {
            Some(payload) if !row.needs_payload() => {
                self.spool().remove(payload.spool).await.map_err(|e| self.spool_trouble(&e))
            }
            _ => Ok(()),
        }
    }
}

/// A queued exchange that may no longer leave.
struct NotPermitted {
    exchange: Exchange,
    why: String,
    /// What stops it regardless of the release decision.
    stopped: Option<Stopped>,
}

/// Maximum number of exchanges held in one commit.
const HELD_AT_ONCE: usize = 128;
