//! A panic in the work on one exchange ends that work and nothing else: the exchange is parked and an alarm is
//! recorded.
//!
//! It refuses to retry before an operator asks for it. The panic message is not recorded, because it may quote
//! content; the program prints where the panic was.

use std::future::Future;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;

use crate::gateway::{GatewayError, Node};
use crate::ident::{ExchangeId, PartnerId};
use crate::ledger::{Entry, EntryKind};
use crate::store::{Change, Direction, Exchange, ExchangeState, StoreError};

/// The work panicked.
pub(in crate::gateway) struct Panicked;

/// Runs `work` and catches a panic.
///
/// A panic leaves the same state as a kill at that point: commits are whole, guards release what they held, and a
/// poisoned lock is taken with its content.
pub(in crate::gateway) async fn contained<T>(work: impl Future<Output = T>) -> Result<T, Panicked> {
    AssertUnwindSafe(work).catch_unwind().await.map_err(|_| Panicked)
}

impl Node {
    /// Runs `work` on one outbound exchange. If it panics, the exchange is parked and an alarm is recorded.
    ///
    /// # Errors
    /// The error of `work`, or [`GatewayError`] if the exchange cannot be parked.
    pub(in crate::gateway) async fn contained<T: Default>(
        &self,
        exchange: ExchangeId,
        doing: &'static str,
        work: impl Future<Output = Result<T, GatewayError>>,
    ) -> Result<T, GatewayError> {
        match contained(work).await {
            Ok(done) => done,
            Err(Panicked) => {
                self.park_panicked(exchange, doing).await?;
                Ok(T::default())
            }
        }
    }

    /// Parks an exchange after a panic.
    pub(in crate::gateway) async fn park_panicked(
        &self,
        id: ExchangeId,
        doing: &'static str,
    ) -> Result<(), GatewayError> {
        use ExchangeState as S;
        let Some(row) = self.store().exchange(&id).await? else { return Ok(()) };
        let (now, why) = (self.now(), panicked(doing));
        tracing::error!(exchange.id = %id, partner.id = %row.partner, why, "exchange is parked");
        let alarm = Entry::new(now, EntryKind::Alarm, id, "gateway").with("panic", doing).with("partner", &row.partner);
        let waits = matches!(row.state, S::Requested | S::Held | S::Approved | S::Queued | S::Sending);
        if row.direction != Direction::Out || !waits {
            return self.record_panic_alarm(alarm).await;
        }
        // The attempt that panicked no longer needs its claim.
        let by = row.lease.as_ref().map(|lease| lease.owner.clone()).filter(|owner| owner.starts_with(self.owner()));
        let parked = Entry::new(now, EntryKind::ExchangeParked, id, "gateway").with("why", &why);
        let row = Box::new(Exchange { state: S::Parked, reason: Some(why), updated: now, ..row });
        let change = Change::Exchange { row, by, sealed: None };
        match self.commit(vec![change], vec![alarm, parked]).await {
            // Another process moved the exchange on and owns it now.
            Err(GatewayError::Store(StoreError::Conflict { .. })) => Ok(()),
            other => other,
        }
    }

    /// Records a panic over an exchange that this work may not change, once per text.
    pub(in crate::gateway) async fn record_panic(
        &self,
        exchange: ExchangeId,
        partner: &PartnerId,
        doing: &'static str,
    ) {
        tracing::error!(exchange.id = %exchange, partner.id = %partner, doing, "work on an exchange panicked");
        let alarm = Entry::new(self.now(), EntryKind::Alarm, exchange, "gateway");
        if let Err(error) = self.record_panic_alarm(alarm.with("panic", doing).with("partner", partner)).await {
            tracing::error!(error = %error, "the alarm could not be recorded");
        }
    }

    async fn record_panic_alarm(&self, alarm: Entry) -> Result<(), GatewayError> {
        self.commit_unless_repeated(Vec::new(), vec![alarm]).await
    }
}

/// The recorded reason for an exchange over which the program panicked; `doing` is a participle, such as `sealing`.
pub(in crate::gateway) fn panicked(doing: &str) -> String {
    format!("{doing} it ended in an internal fault: see the program's output for the place, and report it")
}
