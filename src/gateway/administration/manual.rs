//! Manual operations on an exchange that waits to be sent, or that a partner did not finish.

use crate::gateway::views::exchange::ExchangeView;
use crate::gateway::views::from_record::exchange_view;
use crate::gateway::{GatewayError, Node};
use crate::ident::ExchangeId;
use crate::ledger::{Entry, EntryKind};
use crate::store::{Direction, Exchange, ExchangeKind, ExchangeState};

/// A manual operation on an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManualOperation {
    /// Try it again now.
    Retry,
    /// Park it.
    Park,
    /// End it; of an inbound one, drop what has arrived.
    Cancel,
}

impl Node {
    /// Retries, parks or cancels an outbound exchange that has not been delivered, or drops what has arrived of an
    /// unfinished inbound one; the partner may offer that again. An outbound exchange whose sealed payload is missing
    /// or damaged is held, and continues once it is decided and sealed again.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] if its state does not allow that.
    pub async fn manual_operation(
        &self,
        id: &ExchangeId,
        operation: ManualOperation,
    ) -> Result<ExchangeView, GatewayError> {
        let mut row = self.exchange_row(id).await?;
        if row.direction != Direction::Out {
            return self.cancel_inbound(row, operation).await;
        }
        if operation == ManualOperation::Retry && row.state == ExchangeState::Parked && !self.has_payload(&row).await {
            // Our payload is damaged or missing and would only be refused again. A held exchange is decided and sealed
            // again.
            row.attempts = 0;
            self.hold(row, "the sealed payload is missing or damaged: it is sealed again", None).await?;
            return Ok(exchange_view(&self.exchange_row(id).await?));
        }
        let now = self.now();
        if row.is_claimed(now) {
            return Err(GatewayError::refused(format!(
                "exchange `{id}` is being sent: use `refuse` or `recall` to stop it, or wait until it has ended"
            )));
        }
        let (state, kind) = match (operation, row.state) {
            (ManualOperation::Retry, ExchangeState::Parked | ExchangeState::Queued) => {
                (ExchangeState::Queued, EntryKind::ExchangeQueued)
            }
            (ManualOperation::Park, ExchangeState::Queued) => (ExchangeState::Parked, EntryKind::ExchangeParked),
            (
                ManualOperation::Cancel,
                ExchangeState::Requested
                | ExchangeState::Held
                | ExchangeState::Approved
                | ExchangeState::Queued
                | ExchangeState::Parked,
            ) => (ExchangeState::Cancelled, EntryKind::ExchangeCancelled),
            (ManualOperation::Park, ExchangeState::Parked) | (ManualOperation::Cancel, ExchangeState::Cancelled) => {
                return Err(GatewayError::refused(format!("exchange `{id}` is {} already", row.state)));
            }
            (operation, state) => {
                let done = match operation {
                    ManualOperation::Retry => "retried",
                    ManualOperation::Park => "parked",
                    ManualOperation::Cancel => "cancelled",
                };
                return Err(GatewayError::refused(format!("exchange `{id}` is {state}: it cannot be {done}")));
            }
        };
        row.state = state;
        row.updated = now;
        if operation == ManualOperation::Retry {
            // The attempt count restarts: an operator who retries expects as many tries as for a new exchange.
            row.attempts = 0;
            row.next_attempt = now;
        }
        let request = row.request;
        self.commit(vec![row.into()], vec![Entry::new(now, kind, id, "operator")]).await?;
        if let (ManualOperation::Cancel, Some(request)) = (operation, request) {
            self.release_attachments(&request).await?;
        }
        Ok(exchange_view(&self.exchange_row(id).await?))
    }

    async fn cancel_inbound(&self, row: Exchange, operation: ManualOperation) -> Result<ExchangeView, GatewayError> {
        let id = row.id;
        let refused = |why: String| Err(GatewayError::refused(format!("exchange `{id}` is inbound and {why}")));
        match (operation, row.state) {
            (ManualOperation::Cancel, ExchangeState::Receiving) => {}
            (_, ExchangeState::Receiving) => return refused("is not finished: it can only be cancelled".into()),
            (_, state) => return refused(format!("is {state}: see `inbox`")),
        }
        if !self.drop_unfinished(row, "operator", "dropped by an operator").await? {
            return refused("is arriving now: wait, or suspend the partner first".into());
        }
        Ok(exchange_view(&self.exchange_row(&id).await?))
    }

    async fn has_payload(&self, exchange: &Exchange) -> bool {
        let opens = exchange.header.is_some() || exchange.kind == ExchangeKind::Recall;
        match exchange.payload.filter(|_| opens) {
            Some(payload) => self.is_whole(payload).await,
            None => false,
        }
    }
}
