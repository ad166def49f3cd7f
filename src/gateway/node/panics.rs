//! Work on one exchange that panics ends that work and nothing else: the exchange is set aside, and somebody is told.
//!
//! It refuses to go on with what panicked: it is not tried again before an operator says so. What the panic said goes nowhere,
//! because it may quote what was being worked on; the program prints where it was.

use std::future::Future;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;

use crate::gateway::{GatewayError, Node};
use crate::ident::{ExchangeId, PartnerId};
use crate::ledger::{Entry, EntryKind};
use crate::store::{Change, Direction, Exchange, ExchangeState, StoreError};

/// Work that panicked.
pub(in crate::gateway) struct Panicked;

/// Does `work`, and comes back from it whatever becomes of it.
///
/// What it leaves half done is what a process that is killed at that place leaves: what is on record was committed whole, a
/// guard lets go of what it held, and a lock whose holder panicked is taken with what it holds.
pub(in crate::gateway) async fn contained<T>(work: impl Future<Output = T>) -> Result<T, Panicked> {
    AssertUnwindSafe(work).catch_unwind().await.map_err(|_| Panicked)
}

impl Node {
    /// Does `work` on one outbound exchange. If it panics, the exchange is parked, with an alarm on record.
    ///
    /// # Errors
    /// Whatever `work` gives, and [`GatewayError`] if the exchange cannot be parked.
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

    /// Sets an exchange aside in whose work there was a panic.
    pub(in crate::gateway) async fn park_panicked(
        &self,
        id: ExchangeId,
        doing: &'static str,
    ) -> Result<(), GatewayError> {
        use ExchangeState as S;
        let Some(row) = self.store().exchange(&id).await? else { return Ok(()) };
        let (now, why) = (self.now(), panicked(doing));
        tracing::error!(exchange.id = %id, partner.id = %row.partner, why, "exchange is set aside");
        let alarm = Entry::new(now, EntryKind::Alarm, id, "gateway").with("panic", doing).with("partner", &row.partner);
        let waits = matches!(row.state, S::Requested | S::Held | S::Approved | S::Queued | S::Sending);
        if row.direction != Direction::Out || !waits {
            return self.say_panicked(alarm).await;
        }
        // The claim of the attempt that panicked is nobody's any more.
        let by = row.lease.as_ref().map(|lease| lease.owner.clone()).filter(|owner| owner.starts_with(self.owner()));
        let parked = Entry::new(now, EntryKind::ExchangeParked, id, "gateway").with("why", &why);
        let row = Box::new(Exchange { state: S::Parked, reason: Some(why), updated: now, ..row });
        let change = Change::Exchange { row, by, sealed: None };
        match self.commit(vec![change], vec![alarm, parked]).await {
            // Somebody moved it on, who has it now.
            Err(GatewayError::Store(StoreError::Conflict { .. })) => Ok(()),
            other => other,
        }
    }

    /// Puts on record that there was a panic over an exchange that is somebody else's to move on, once while it says the same.
    pub(in crate::gateway) async fn panicked_over(
        &self,
        exchange: ExchangeId,
        partner: &PartnerId,
        doing: &'static str,
    ) {
        tracing::error!(exchange.id = %exchange, partner.id = %partner, doing, "work on an exchange panicked");
        let alarm = Entry::new(self.now(), EntryKind::Alarm, exchange, "gateway");
        if let Err(error) = self.say_panicked(alarm.with("panic", doing).with("partner", partner)).await {
            tracing::error!(error = %error, "the alarm could not be put on record");
        }
    }

    async fn say_panicked(&self, alarm: Entry) -> Result<(), GatewayError> {
        self.commit_news(Vec::new(), vec![alarm]).await
    }
}

pub(in crate::gateway) fn panicked(doing: &str) -> String {
    format!("{doing} it ended in an internal fault, which the program's output places: report it")
}
