//! Records the outcome of a delivery attempt: a receipt whatever the state of the row, a stop as a stop, and an
//! unknown outcome as unknown.
//!
//! A missing answer decides nothing: an exchange whose key was sent stays recorded as unanswered until the partner's
//! receipt, or its statement that it does not have the exchange.

use std::time::Duration;

use crate::edge::{DeliveryFailure, Transport};
use crate::gateway::node::process::in_flight::Attempt;
use crate::gateway::{GatewayError, Node};
use crate::ledger::{Entry, EntryKind};
use crate::store::{Change, Exchange, ExchangeKind, ExchangeState};
use crate::time::Time;
use crate::wire::RefusalCode;

/// Retries of recording an outcome because the row changed.
pub(in crate::gateway::outbound) const TRIES: usize = 8;
/// Delay before the retry after a local failure.
const TRY_AGAIN: Duration = Duration::from_secs(10);
/// Minimum delay before asking a partner again about a stopped exchange.
const ASK_AGAIN: Duration = Duration::from_secs(5);

impl Node {
    /// Records an attempt that did not deliver: stopped, refused by the partner, or failed for now.
    pub(in crate::gateway) async fn not_delivered(
        &self,
        attempt: &Attempt,
        failure: DeliveryFailure,
        edge: &dyn Transport,
    ) -> Result<(), GatewayError> {
        let Some(mut exchange) = self.store().exchange(&attempt.exchange).await? else { return Ok(()) };
        if exchange.lease.as_ref().is_none_or(|lease| lease.owner != attempt.owner) {
            // Another process took it over; that one records the outcome.
            return Ok(());
        }
        // An accepted or finally refused offer shows that the partner did not have it; any other end shows nothing.
        let not_received = match &failure {
            DeliveryFailure::Withdrawn => true,
            DeliveryFailure::Refused(refusal) => !refusal.code.retryable(),
            _ => false,
        };
        if not_received {
            exchange.unanswered = None;
        }
        if exchange.needs_receipt_query() {
            return self.ask_again(attempt, exchange, &failure.to_string()).await;
        }
        if ExchangeState::STOPPED.contains(&exchange.state) {
            return self.record_not_received(attempt, exchange).await;
        }
        let trouble = attempt.local_failure();
        let stopped = match (self.was_stopped(attempt, &exchange).await?, &failure) {
            (None, DeliveryFailure::Withdrawn) if trouble.is_none() => {
                Some("the release was no longer permitted when it was to be sent".into())
            }
            (stopped, _) => stopped,
        };
        if let Some(why) = stopped {
            return self.not_permitted(Some(attempt), exchange, &why).await;
        }
        if let Some(why) = trouble {
            return self.retry_after_local_failure(attempt, exchange, &why).await;
        }
        match failure {
            DeliveryFailure::Refused(refusal)
                if refusal.code == RefusalCode::DigestMismatch && !self.payload_is_whole(&exchange).await =>
            {
                // Our copy is damaged; sending it again would only be refused again.
                self.park_damaged(attempt, exchange).await
            }
            DeliveryFailure::SourceFailed => self.not_readable(attempt, exchange, &failure.to_string()).await,
            DeliveryFailure::Refused(refusal) if refusal.code.retryable() => {
                let after = refusal.retry_after.unwrap_or_default();
                self.failed(attempt, exchange, refusal.code.text(), Some(after)).await
            }
            DeliveryFailure::Refused(refusal) => {
                let why = format!("the partner refused it: {}", refusal.code.text());
                // It was sealed to the partner's key on record: the partner has changed it, or somebody is in
                // between.
                let not_opened = refusal.code == RefusalCode::CannotOpen;
                let alarm = not_opened.then(|| alarm(self.now(), &exchange, "the partner could not open it"));
                self.park(attempt, exchange, &why, Some(refusal.code), alarm.into_iter().collect()).await
            }
            DeliveryFailure::Throttled(after) => {
                self.failed(attempt, exchange, "our own limit for this partner is used up", Some(after)).await
            }
            DeliveryFailure::LinkDown => {
                let why =
                    edge.link_failure(&exchange.partner).unwrap_or_else(|| "the link to the partner is down".into());
                self.failed(attempt, exchange, &why, None).await
            }
            other => self.failed(attempt, exchange, &other.to_string(), None).await,
        }
    }

    /// A local failure, such as a disk error, which concerns neither the release nor the partner: retried for as long
    /// as it takes.
    async fn retry_after_local_failure(
        &self,
        attempt: &Attempt,
        mut exchange: Exchange,
        why: &str,
    ) -> Result<(), GatewayError> {
        let now = self.now();
        exchange.state = ExchangeState::Queued;
        exchange.updated = now;
        exchange.next_attempt = now.plus(TRY_AGAIN);
        exchange.reason = Some(why.to_owned());
        let entry = Entry::new(now, EntryKind::ExchangeQueued, exchange.id, "gateway").with("why", why);
        tracing::warn!(exchange.id = %exchange.id, partner.id = %exchange.partner, why, "not sent: will be tried again");
        self.commit_as(attempt, exchange, Vec::new(), vec![entry]).await
    }

    /// The sealed payload could not be read completely: retried, unless it is damaged.
    pub(in crate::gateway) async fn not_readable(
        &self,
        attempt: &Attempt,
        exchange: Exchange,
        why: &str,
    ) -> Result<(), GatewayError> {
        match self.payload_is_whole(&exchange).await {
            true => self.failed(attempt, exchange, why, None).await,
            false => self.park_damaged(attempt, exchange).await,
        }
    }

    /// The stored sealed payload is not what was sealed. Nothing is sent, and an operator must investigate: the disk
    /// failed, or the file was replaced.
    async fn park_damaged(&self, attempt: &Attempt, exchange: Exchange) -> Result<(), GatewayError> {
        // A recall notice can be recreated from the record.
        if exchange.kind == ExchangeKind::Recall && self.recreate_notice(exchange.clone(), Some(attempt)).await? {
            return Ok(());
        }
        let why = "the sealed payload is missing or damaged: it is not what was sealed";
        let alarm = Entry::new(self.now(), EntryKind::Alarm, exchange.id, "gateway").with("payload", "not-as-sealed");
        self.park(attempt, exchange, why, None, vec![alarm]).await
    }

    async fn payload_is_whole(&self, exchange: &Exchange) -> bool {
        match exchange.payload {
            Some(payload) => self.is_whole(payload).await,
            None => false,
        }
    }

    /// The partner has not said whether it has a stopped exchange: it is asked again, for as long as it takes.
    pub(in crate::gateway) async fn ask_again(
        &self,
        attempt: &Attempt,
        mut exchange: Exchange,
        why: &str,
    ) -> Result<(), GatewayError> {
        let parties = self.participants().await?;
        let retry = parties.partner(&exchange.partner)?.agreement.retry;
        exchange.attempts = exchange.attempts.saturating_add(1);
        let tries = exchange.attempts.min(retry.attempts_max.saturating_sub(1));
        let wait = retry.wait_after(tries, self.random::<1>()[0]).unwrap_or(ASK_AGAIN).max(ASK_AGAIN);
        exchange.updated = self.now();
        exchange.next_attempt = exchange.updated.plus(wait);
        tracing::info!(exchange.id = %exchange.id, partner.id = %exchange.partner, why, "stopped, delivery unknown: the partner will be asked again");
        self.commit_as(attempt, exchange, Vec::new(), Vec::new()).await
    }

    /// The partner states that it does not have the stopped exchange.
    async fn record_not_received(&self, attempt: &Attempt, mut exchange: Exchange) -> Result<(), GatewayError> {
        let kind = match exchange.state {
            ExchangeState::Refused => EntryKind::ExchangeRefused,
            ExchangeState::Cancelled => EntryKind::ExchangeCancelled,
            ExchangeState::Expired => EntryKind::ExchangeExpired,
            _ => EntryKind::ReleaseHeld,
        };
        exchange.updated = self.now();
        let entry = Entry::new(exchange.updated, kind, exchange.id, &exchange.partner)
            .with("why", "the partner was asked, and does not have it");
        self.commit_as(attempt, exchange, Vec::new(), vec![entry]).await
    }

    /// The release is not permitted: held, unless only because the clock is in doubt. Then the release is undecided,
    /// and the exchange waits as it is.
    pub(in crate::gateway) async fn not_permitted(
        &self,
        attempt: Option<&Attempt>,
        mut exchange: Exchange,
        why: &str,
    ) -> Result<(), GatewayError> {
        let Some(doubt) = self.clock_doubt().await? else { return self.hold(exchange, why, attempt).await };
        let now = self.now();
        exchange.reason = Some(doubt.clone());
        exchange.updated = now;
        let entry = Entry::new(now, EntryKind::ExchangeQueued, exchange.id, "gateway").with("why", doubt);
        match attempt {
            Some(attempt) => self.commit_as(attempt, exchange, Vec::new(), vec![entry]).await,
            None => self.commit(vec![exchange.into()], vec![entry]).await,
        }
    }

    /// A failed attempt: retried later, or parked after the last.
    pub(in crate::gateway) async fn failed(
        &self,
        attempt: &Attempt,
        mut exchange: Exchange,
        why: &str,
        after: Option<Duration>,
    ) -> Result<(), GatewayError> {
        let parties = self.participants().await?;
        let partner = parties.partner(&exchange.partner)?;
        let now = self.now();
        exchange.attempts += 1;
        exchange.updated = now;
        exchange.reason = Some(why.to_owned());
        let wait = partner.agreement.retry.wait_after(exchange.attempts, self.random::<1>()[0]);
        let (id, attempts) = (exchange.id, exchange.attempts);
        let entry = match wait {
            Some(wait) => {
                exchange.state = ExchangeState::Queued;
                exchange.next_attempt = now.plus(wait.max(after.unwrap_or_default()));
                Entry::new(now, EntryKind::ExchangeQueued, id, "gateway")
            }
            None => {
                exchange.state = ExchangeState::Parked;
                Entry::new(now, EntryKind::ExchangeParked, id, "gateway")
            }
        };
        let parked = exchange.state == ExchangeState::Parked;
        let entry = entry.with("attempts", attempts).with("why", why);
        self.commit_as(attempt, exchange, Vec::new(), vec![entry]).await?;
        if parked {
            tracing::error!(exchange.id = %id, partner.id = %partner.id, attempts, why, "parked after the last attempt");
        } else {
            tracing::info!(exchange.id = %id, partner.id = %partner.id, attempts, why, "not delivered: will be tried again");
        }
        Ok(())
    }

    /// Parks an exchange: it is not retried before an operator acts.
    pub(in crate::gateway::outbound) async fn park(
        &self,
        attempt: &Attempt,
        mut exchange: Exchange,
        why: &str,
        code: Option<RefusalCode>,
        alarms: Vec<Entry>,
    ) -> Result<(), GatewayError> {
        let now = self.now();
        let id = exchange.id;
        exchange.state = ExchangeState::Parked;
        exchange.attempts += 1;
        exchange.updated = now;
        exchange.refusal = code.map(|code| code.number().to_string());
        exchange.reason = Some(why.to_owned());
        let entry = Entry::new(now, EntryKind::ExchangeParked, id, &exchange.partner).with("why", why);
        let entry = match code {
            Some(code) => entry.with("code", code.number()),
            None => entry,
        };
        self.commit_as(attempt, exchange, Vec::new(), alarms.into_iter().chain([entry]).collect()).await?;
        tracing::error!(exchange.id = %id, code = code.map(RefusalCode::number), why, "parked");
        Ok(())
    }

    /// Commits the outcome of an attempt and ends its claim.
    pub(in crate::gateway) async fn commit_as(
        &self,
        attempt: &Attempt,
        exchange: Exchange,
        more: Vec<Change>,
        entries: Vec<Entry>,
    ) -> Result<(), GatewayError> {
        let (id, owner) = (exchange.id, attempt.owner.clone());
        let change = Change::Exchange { row: Box::new(exchange), by: Some(owner.clone()), sealed: None };
        // Otherwise a row that stays in its state would not be retried before the lease expires.
        let unclaim = Change::Unclaim { exchange: id, owner };
        self.commit([change, unclaim].into_iter().chain(more).collect(), entries).await
    }
}

/// The alarm for a partner's statement that an operator must check.
pub(in crate::gateway::outbound) fn alarm(now: Time, exchange: &Exchange, why: &str) -> Entry {
    Entry::new(now, EntryKind::Alarm, exchange.id, "gateway").with("why", why).with("partner", &exchange.partner)
}
