//! Deciding again on what is queued: what may not leave any more is held, and nothing of it is lost.

use std::sync::Arc;

use super::stopped::Stopped;
use crate::digest::Digest;
use crate::gateway::node::participants::Participants;
use crate::gateway::node::process::in_flight::Attempt;
use crate::gateway::{GatewayError, Node};
use crate::ledger::{Entry, EntryKind};
use crate::store::{Direction, Exchange, ExchangeFilter, ExchangeKind, ExchangeState, PartnerState, StoreError};

impl Node {
    /// Decides again on everything queued, after policy, roster or officers changed: what is no longer permitted is
    /// held, and what was held and is permitted again goes on.
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
        // What is being sent is its attempt's, which is stopped by what stops it; see `live`.
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
                // What was said of it is not what the ledger says: it stays where it is, and does not leave.
                Err(GatewayError::Store(error @ StoreError::Altered { .. })) => {
                    tracing::error!(error = %error, "a queued exchange cannot be decided upon");
                }
                no => held.extend(no?),
            }
            if held.len() == HELD_AT_ONCE {
                self.hold_all(std::mem::take(&mut held)).await?;
            }
        }
        self.hold_all(held).await
    }

    /// Ends whatever product waits for a partner that was removed, sealed or not. What is being sent is stopped by its
    /// attempt. A notice of a recall waits: the partner may have what it withdraws, and be enrolled again.
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
            let ends = |exchange| NoLonger { exchange, why: why.clone(), stopped: Some(Stopped::Removed) };
            for some in waiting.chunks(HELD_AT_ONCE) {
                self.hold_all(some.iter().cloned().map(ends).collect()).await?;
            }
        }
        Ok(())
    }

    /// Why a queued exchange may not leave any more; `None` if it may.
    async fn decide_again(
        &self,
        exchange: Exchange,
        parties: &Arc<Participants>,
    ) -> Result<Option<NoLonger>, GatewayError> {
        let stopped = self.stopped(&exchange).await?;
        let why = match &stopped {
            Some(stopped) => Some(stopped.sentence()),
            // Parked before it was sealed: there is nothing that could leave, and to hold it would be to try it again.
            None if exchange.manifest.is_none() => None,
            None => self.why_no_longer(&exchange, parties).await?,
        };
        Ok(why.map(|why| NoLonger { exchange, why, stopped }))
    }

    /// Why what nobody has stopped may not leave any more all the same; `None` if it may.
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

    /// Why a release no longer stands whatever else is decided: approvals name the policy and the register they were
    /// given under, so that none of those it rests on counts under others.
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
            "the {what} changed after this was approved (from {} to {}), and approvals count only under the one they name",
            then.short(),
            now.short()
        ))
    }

    /// Sets exchanges aside together, and one by one where somebody else works on one of them.
    async fn hold_all(&self, held: Vec<NoLonger>) -> Result<(), GatewayError> {
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
                // Being sent since: its attempt asks the same question.
                Err(GatewayError::Store(StoreError::Conflict { .. })) | Ok(()) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Sets an exchange aside because its release no longer stands. What was sealed is kept, as ciphertext that nobody
    /// here can open: the partner may have received it whole with its receipt lost on the way, and if the release ever
    /// stands again only the same envelope is answered with that receipt. `by` is the attempt that has claimed it, if
    /// one has.
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

    /// The row of an exchange that is set aside, or has run out by now, and the entry that records it.
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
            // The partner may have it: it is asked, and not only when it would have been tried again.
            exchange.next_attempt = now;
        }
        let entry = Entry::new(now, kind, exchange.id, "gateway").with("why", why);
        exchange.state = state;
        exchange.updated = now;
        exchange.reason = Some(why.to_owned());
        (exchange, entry)
    }

    /// What follows once `row` is on record: the sealed payload of one that has run out is of no further use.
    async fn held_now(&self, before: &Exchange, row: &Exchange) -> Result<(), GatewayError> {
        let why = row.reason.as_deref().unwrap_or_default();
        tracing::warn!(exchange.id = %row.id, partner.id = %row.partner, why, "release no longer stands: held");
        match before.payload {
            Some(payload) if !row.needs_payload() => {
                self.spool().remove(payload.spool).await.map_err(|e| self.spool_trouble(&e))
            }
            _ => Ok(()),
        }
    }
}

/// A queued exchange that may not leave any more.
struct NoLonger {
    exchange: Exchange,
    why: String,
    /// What stops it whether or not it was released.
    stopped: Option<Stopped>,
}

/// How many exchanges are held in one commit.
const HELD_AT_ONCE: usize = 128;
