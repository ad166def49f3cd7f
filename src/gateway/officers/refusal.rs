//! Refusals: an officer's signed statement, the exchanges that it stops, and those that were already sent.

use crate::approval::Refusal;
use crate::envelope::Receipt;
use crate::gateway::views::officer::{RefusedExchange, RefusedRequest};
use crate::gateway::{GatewayError, Node};
use crate::ident::RequestId;
use crate::ledger::{Entry, EntryKind};
use crate::sign::{Signed, Signer};
use crate::store::{self, Change, Exchange, ExchangeState, Request, RequestState, SpoolId, StatementKind, StoreError};
use crate::time::Time;

/// Retries of a refusal because an exchange changed meanwhile.
const TRIES: usize = 8;

impl Node {
    /// Refuses a request by an officer's signed statement: nothing of it that has not left will leave, and the
    /// submitter can read why. The outcome lists what has left already, by partner.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] if nothing of the request is left to stop, or the signer may not refuse it; then
    /// nothing is recorded.
    pub async fn refuse(
        &self,
        request: &RequestId,
        why: &str,
        signer: &dyn Signer,
    ) -> Result<RefusedRequest, GatewayError> {
        for _ in 1..TRIES {
            match self.try_refuse(request, why, signer).await {
                // An exchange changed while the refusal was prepared: the next try reads its new state.
                Err(GatewayError::Store(StoreError::Conflict { .. })) => {}
                other => return other,
            }
        }
        self.try_refuse(request, why, signer).await
    }

    async fn try_refuse(
        &self,
        request: &RequestId,
        why: &str,
        signer: &dyn Signer,
    ) -> Result<RefusedRequest, GatewayError> {
        let row = self.request_row(request).await?;
        let (now, officers) = (self.now(), self.officers().await?);
        let submitter = row.submitter.parse().map_err(GatewayError::trouble)?;
        let (officer, role) =
            Refusal::authority(&officers, signer.public(), &submitter, why, now).map_err(GatewayError::refused)?;
        let by = officer.id.clone();
        let rows = self.exchanges_of(request).await?;
        check_stoppable(&row, &rows, now)?;
        let statement = Refusal {
            request: *request,
            why: why.to_owned(),
            officer: by.clone(),
            role,
            given_at: now,
            nonce: self.random(),
            instance: self.instance(),
        };
        let signed = Signed::sign(statement, signer).map_err(GatewayError::trouble)?;
        Refusal::verify(signed.bytes(), request, &submitter, &self.here(&officers)).map_err(GatewayError::refused)?;
        let kept = store::Statement {
            subject: request.to_string(),
            kind: StatementKind::Refusal,
            signer: by.clone(),
            bytes: signed.bytes().to_vec(),
            given: now,
        };
        let row = Request { state: RequestState::Refused, reason: Some(why.to_owned()), ..row };
        let mut changes: Vec<Change> = vec![row.into(), kept.into()];
        let (mut entries, mut unneeded, mut exchanges) = (Vec::new(), Vec::new(), Vec::new());
        for mut exchange in rows {
            exchanges.push(what_becomes_of(&exchange, now));
            // Only its attempt may change an exchange in flight: this statement stops it.
            if waits(&exchange) && !exchange.is_claimed(now) {
                exchange.state = ExchangeState::Refused;
                exchange.updated = now;
                exchange.reason = Some("the request was refused".into());
                unneeded.extend(exchange.payload.map(|payload| payload.spool));
                entries.push(Entry::new(now, EntryKind::ExchangeRefused, exchange.id, &by).with("request", request));
                changes.push(exchange.into());
            }
        }
        entries.push(
            Entry::new(now, EntryKind::RequestRefused, request, &by)
                .with("why", why)
                .with("statement", signed.digest())
                .with("key", signed.key())
                .with("role", role),
        );
        let made = self.commit(changes, entries).await;
        made.map_err(|error| {
            error.of_commit(format_args!("the refusal of `{request}`"), format_args!("status {request}"))
        })?;
        self.remove_stored_data(request, unneeded).await?;
        tracing::info!(request.id = %request, officer.id = %by, "request refused");
        Ok(RefusedRequest {
            request: request.to_string(),
            state: "refused".into(),
            officer: by.to_string(),
            role: role.to_string(),
            why: why.to_owned(),
            exchanges,
        })
    }

    /// Deletes stored data of a refused request, now that its refusal is durable.
    async fn remove_stored_data(&self, request: &RequestId, sealed: Vec<SpoolId>) -> Result<(), GatewayError> {
        for payload in sealed {
            let _ = self.spool().remove(payload).await;
        }
        self.release_attachments(request).await
    }
}

/// Fails if a refusal would stop nothing, and names the remedy for what was sent.
fn check_stoppable(row: &Request, rows: &[Exchange], now: Time) -> Result<(), GatewayError> {
    let request = row.id;
    let ended = match row.state {
        RequestState::Open | RequestState::Approved if row.expires <= now => {
            Some(format!("expired at {}", row.expires))
        }
        RequestState::Open | RequestState::Approved => None,
        state => Some(format!("is {state} already")),
    };
    let stoppable = rows.iter().any(|exchange| waits(exchange) || exchange.state == ExchangeState::Sending);
    if ended.is_none() && stoppable {
        return Ok(());
    }
    let left: Vec<String> = rows
        .iter()
        .map(|exchange| what_becomes_of(exchange, now))
        .filter(RefusedExchange::has_left)
        .map(|exchange| format!("`{}`: {}", exchange.partner, exchange.what))
        .collect();
    let ended = ended.unwrap_or_else(|| "has nothing left to stop".to_owned());
    Err(GatewayError::refused(match &left[..] {
        [] => format!("request `{request}` {ended}: nothing is left to stop"),
        left => {
            format!("request `{request}` {ended} ({}): use `recall {request}` for what was sent", left.join("; "))
        }
    }))
}

/// Whether an exchange is waiting and can be stopped at once.
fn waits(exchange: &Exchange) -> bool {
    use ExchangeState as S;
    matches!(exchange.state, S::Requested | S::Held | S::Approved | S::Queued | S::Parked)
}

/// The effect of a refusal on an exchange.
fn what_becomes_of(exchange: &Exchange, now: Time) -> RefusedExchange {
    let (outcome, what) = if exchange.is_delivered() {
        // Verified before it was recorded; here it is only displayed.
        let receipt = exchange.receipt.as_deref().and_then(|bytes| Signed::<Receipt>::peek(bytes).ok());
        let when = receipt.map_or(exchange.updated, |receipt| Time::from_unix_ms(receipt.received_at_ms));
        (RefusedExchange::LEFT, format!("delivered at {when}"))
    } else if let Some(since) = exchange.unanswered {
        (
            RefusedExchange::UNANSWERED,
            format!("its key left at {since}, and the answer is awaited: the partner may have it"),
        )
    } else if exchange.state == ExchangeState::Sending || (waits(exchange) && exchange.is_claimed(now)) {
        let id = exchange.id;
        (RefusedExchange::STOPPING, format!("being sent, and being stopped: `status {id}` shows the outcome"))
    } else if waits(exchange) {
        (
            RefusedExchange::STOPPED,
            match exchange.state {
                ExchangeState::Requested => "stopped before approval: it will not be sent".to_owned(),
                state => format!("stopped while {state}: it will not be sent"),
            },
        )
    } else {
        (RefusedExchange::OVER, format!("{} before", exchange.state))
    };
    RefusedExchange {
        exchange: exchange.id.to_string(),
        partner: exchange.partner.to_string(),
        outcome: outcome.to_owned(),
        what,
    }
}
