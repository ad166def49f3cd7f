//! Recall orders: an officer withdraws what was sent and cancels what was not; each partner that may have it gets a
//! notice.

use crate::gateway::outbound::delivery::stopped::Stopped;
use std::collections::BTreeMap;

use crate::approval::{RecallOrder, Refusal};
use crate::envelope::{RecallCode, Receipt};
use crate::gateway::recall::notice::Notice;
use crate::gateway::views::exchange::ExchangeView;
use crate::gateway::views::from_record::exchange_view;
use crate::gateway::views::officer::RecallView;
use crate::gateway::{GatewayError, Node};
use crate::ident::{ExchangeId, PartnerId, RequestId};
use crate::ledger::{Entry, EntryKind};
use crate::sign::{Signed, Signer};
use crate::store::{
    Change, Direction, Exchange, ExchangeFilter, ExchangeKind, ExchangeState, PartnerState, Recalled, Request,
    RequestState, SpoolId, Statement, StatementKind, StoreError,
};
use crate::time::Time;

/// Retries of an order because an exchange changed meanwhile.
const TRIES: usize = 8;

/// What is to be recalled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecallOf {
    /// Everything of a request.
    Request(RequestId),
    /// What one partner got.
    Exchange(ExchangeId),
}

impl Node {
    /// Recalls a request or an exchange. What was not sent is cancelled, and every partner that has it, or may have
    /// it, is sent a notice. The order is recorded before the first notice leaves.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] if the signer has no authority to recall, or it was recalled before.
    pub async fn recall(&self, of: RecallOf, why: RecallCode, signer: &dyn Signer) -> Result<RecallView, GatewayError> {
        for _ in 1..TRIES {
            match self.try_recall(of, why, signer).await {
                // An exchange changed while the order was prepared: the next try reads its new state.
                Err(GatewayError::Store(StoreError::Conflict { .. })) => {}
                other => return other,
            }
        }
        self.try_recall(of, why, signer).await
    }

    async fn try_recall(&self, of: RecallOf, why: RecallCode, signer: &dyn Signer) -> Result<RecallView, GatewayError> {
        let now = self.now();
        let officers = self.officers().await?;
        let (officer, role) = RecallOrder::authority(&officers, signer.public(), now).map_err(GatewayError::refused)?;
        let (request, rows) = self.recalled_rows(of).await?;
        let subject = match of {
            RecallOf::Request(id) => id.to_string(),
            RecallOf::Exchange(id) => id.to_string(),
        };
        let mut still = Vec::new();
        for row in rows {
            if self.recall_order_of(&row).await?.is_none() {
                still.push(row);
            }
        }
        if still.is_empty() {
            return Err(GatewayError::refused(format!("`{subject}` was recalled already: see `status {subject}`")));
        }
        let order = RecallOrder {
            request: request.id,
            exchanges: still.iter().map(|row| row.id).collect(),
            why: why.to_string(),
            officer: officer.id.clone(),
            role,
            given_at: now,
            nonce: self.random(),
            instance: self.instance(),
        };
        let order = Signed::sign(order, signer).map_err(GatewayError::trouble)?;
        let exchanges = &order.statement().exchanges;
        RecallOrder::verify(order.bytes(), &request.id, exchanges, &self.here(&officers))
            .map_err(GatewayError::refused)?;
        let statement = Statement {
            subject: subject.clone(),
            kind: StatementKind::Recall,
            signer: officer.id.clone(),
            bytes: order.bytes().to_vec(),
            given: now,
        };
        let mut changes: Vec<Change> = vec![statement.into()];
        let mut entries = Vec::new();
        let (mut cancelled, mut notices, mut unneeded) = (Vec::new(), Vec::new(), Vec::new());
        // The spool files of the notices, held until these are on record.
        let mut held = Vec::new();
        for row in still {
            let may_have_arrived = self.may_have_arrived(&row).await?;
            // Only its attempt may change an exchange in flight: this order stops it, and the attempt records the
            // outcome.
            if !row.is_claimed(now) {
                let (row, payload) = withdraw(row.clone(), why, now);
                unneeded.extend(payload);
                if row.state == ExchangeState::Cancelled {
                    cancelled.push(row.id.to_string());
                }
                entries.push(
                    Entry::new(now, EntryKind::ExchangeRecalled, row.id, &officer.id)
                        .with("why", why)
                        .with("order", order.digest()),
                );
                changes.push(row.into());
            }
            if may_have_arrived {
                let Notice { row: notice, entry, kept, held: file } = self.notice(&row, why, now).await?;
                held.extend(file);
                notices.push(notice.id);
                entries.push(entry.with("order", order.digest()));
                changes.push(Change::with_payload(notice, kept));
            }
        }
        if let RecallOf::Request(id) = of {
            if matches!(request.state, RequestState::Open | RequestState::Approved) {
                changes.push(
                    Request { state: RequestState::Cancelled, reason: Some("it was recalled".into()), ..request }
                        .into(),
                );
            }
            entries.push(order_entry(EntryKind::RequestRecalled, &id, &order, why));
        } else {
            entries.push(order_entry(EntryKind::ExchangeRecalled, &subject, &order, why));
        }
        let made = self.commit(changes, entries).await;
        drop(held);
        if let Err(error) = made {
            // Files of notices that were not recorded are removed. If the outcome is unknown, the order may be on
            // record and needs its notices.
            for id in notices.iter().filter(|_| !error.is_outcome_unknown()) {
                let _ = self.spool().remove(SpoolId::Envelope(*id)).await;
            }
            return Err(error.of_commit(format_args!("the recall of `{subject}`"), format_args!("status {subject}")));
        }
        for payload in unneeded {
            let _ = self.spool().remove(payload).await;
        }
        self.release_attachments(&order.statement().request).await?;
        tracing::warn!(subject, officer.id = %officer.id, why = %why, notices = notices.len(), "recalled");
        let mut views = Vec::new();
        for id in notices {
            views.push(exchange_view(&self.exchange_row(&id).await?));
        }
        Ok(RecallView { subject, officer: officer.id.to_string(), why: why.to_string(), cancelled, notices: views })
    }

    /// The request that is recalled, and the exchanges concerned.
    async fn recalled_rows(&self, of: RecallOf) -> Result<(Request, Vec<Exchange>), GatewayError> {
        match of {
            RecallOf::Request(id) => Ok((self.request_row(&id).await?, self.exchanges_of(&id).await?)),
            RecallOf::Exchange(id) => {
                let row = self.exchange_row(&id).await?;
                let request = row.request.filter(|_| row.direction == Direction::Out).ok_or_else(|| {
                    GatewayError::refused(format!(
                        "exchange `{id}` carries no product of ours: only what we sent can be recalled"
                    ))
                })?;
                Ok((self.request_row(&request).await?, vec![row]))
            }
        }
    }

    /// Whether the partner may have received what an exchange carries: a delivery attempt was begun.
    pub(in crate::gateway) async fn may_have_arrived(&self, row: &Exchange) -> Result<bool, GatewayError> {
        if row.is_delivered() {
            return Ok(true);
        }
        let entries = self.store().entries_about(&row.id.to_string()).await?;
        Ok(entries.iter().any(|e| e.entry.kind() == EntryKind::ExchangeOffered))
    }

    /// The recall order for what an exchange carries, if there is one.
    pub(in crate::gateway) async fn recall_order_of(&self, row: &Exchange) -> Result<Option<Recalled>, GatewayError> {
        Ok(recalled(row, &self.statements_about(row).await?))
    }

    /// Officers' statements about an exchange and its request.
    async fn statements_about(&self, row: &Exchange) -> Result<Vec<Statement>, GatewayError> {
        let subjects = [Some(row.id.to_string()), row.request.map(|request| request.to_string())];
        Ok(self.store().statements(&subjects.into_iter().flatten().collect::<Vec<_>>()).await?)
    }

    /// Why an exchange must not leave although it was released; `None` if nothing stops it.
    pub(in crate::gateway) async fn stopped(&self, row: &Exchange) -> Result<Option<Stopped>, GatewayError> {
        let statements = self.statements_about(row).await?;
        if let Some(recalled) = recalled(row, &statements) {
            return Ok(Some(Stopped::Recalled(recalled)));
        }
        // A recall notice belongs to no request, and nothing stops it.
        if row.request.is_none() {
            return Ok(None);
        }
        let partner = self.store().partner(&row.partner).await?;
        if partner.is_some_and(|partner| partner.state == PartnerState::Removed) {
            return Ok(Some(Stopped::Removed));
        }
        if let Some(refusal) = statements.into_iter().find(|s| s.kind == StatementKind::Refusal) {
            // Parsed only for its reason; it was verified before it was recorded.
            let why = Signed::<Refusal>::peek(&refusal.bytes).map(|said| said.why).unwrap_or_default();
            return Ok(Some(Stopped::Refused { by: refusal.signer.to_string(), why }));
        }
        Ok(self.replacement(row.id, Direction::Out, &row.partner).await?.map(Stopped::Replaced))
    }

    /// The exchange with the same partner that replaces what `id` carried, once it was released (out) or is here (in).
    pub(in crate::gateway) async fn replacement(
        &self,
        id: ExchangeId,
        direction: Direction,
        with: &PartnerId,
    ) -> Result<Option<ExchangeId>, GatewayError> {
        use ExchangeState as S;
        let filter = ExchangeFilter {
            direction: Some(direction),
            partner: Some(with.clone()),
            kind: Some(ExchangeKind::Product),
            about: Some(id),
            states: [S::Queued, S::Sending, S::Parked, S::Received, S::Taken]
                .into_iter()
                .chain(S::DELIVERED.iter().copied())
                .collect(),
            ..ExchangeFilter::default()
        };
        Ok(self.store().exchanges(&filter).await?.first().map(|row| row.id))
    }

    /// Marks an exchange as replaced, in the commit that queues its replacement: what did not leave is cancelled.
    /// Returns the sealed copy that is unneeded once that is durable.
    pub(in crate::gateway) async fn supersede(
        &self,
        by: &Exchange,
        changes: &mut Vec<Change>,
        entries: &mut Vec<Entry>,
    ) -> Result<Option<SpoolId>, GatewayError> {
        use ExchangeState as S;
        let now = self.now();
        let Some(about) = by.about else { return Ok(None) };
        let mut row = self.exchange_row(&about).await?;
        if row.is_claimed(now) {
            // In flight: its attempt finds the replacement in the queue and stops.
            return Ok(None);
        }
        let mut unneeded = None;
        if matches!(row.state, S::Requested | S::Held | S::Approved | S::Queued | S::Parked) {
            row.state = S::Cancelled;
            row.reason = Some(format!("it was replaced by {}", by.id));
            unneeded = row.payload.map(|payload| payload.spool);
        }
        row.superseded_by = Some(by.id);
        row.updated = now;
        entries.push(Entry::new(now, EntryKind::ExchangeSuperseded, row.id, "gateway").with("by", by.id));
        changes.push(row.into());
        Ok(unneeded)
    }

    /// What partners answered to recalls and replacements, by the exchange they are about.
    pub(in crate::gateway) async fn answers(&self) -> Result<BTreeMap<ExchangeId, String>, GatewayError> {
        let filter = ExchangeFilter {
            direction: Some(Direction::Out),
            kind: Some(ExchangeKind::Recall),
            limit: u32::MAX,
            ..ExchangeFilter::default()
        };
        let mut answers = BTreeMap::new();
        for row in self.store().exchanges(&filter).await?.iter().rev() {
            if let Some(about) = row.about {
                answers.insert(about, answer(row));
            }
        }
        Ok(answers)
    }

    /// A row for a list, with the outcome of its recall or replacement.
    pub(in crate::gateway) fn view_with_answer(row: &Exchange, answers: &BTreeMap<ExchangeId, String>) -> ExchangeView {
        let view = exchange_view(row);
        let answer = answers.get(&row.id).cloned().unwrap_or_else(|| view.answer.clone());
        ExchangeView { answer, ..view }
    }
}

/// The row of a recalled product, and the sealed copy that is no longer needed.
fn withdraw(mut row: Exchange, why: RecallCode, now: Time) -> (Exchange, Option<SpoolId>) {
    use ExchangeState as S;
    row.recalled = Some(Recalled { at: now, why: why.to_string() });
    if matches!(row.state, S::Requested | S::Held | S::Approved | S::Queued | S::Parked) {
        row.state = S::Cancelled;
        row.reason = Some("it was recalled".into());
    }
    row.updated = now;
    let unneeded = row.payload.filter(|_| row.state == S::Cancelled).map(|payload| payload.spool);
    (row, unneeded)
}

/// A partner's answer to a notice, or the notice's state.
fn answer(notice: &Exchange) -> String {
    let receipt = notice.receipt.as_deref().and_then(|bytes| Signed::<Receipt>::peek(bytes).ok());
    match receipt.and_then(|receipt| receipt.handled) {
        Some(handled) => handled.sentence(),
        None => format!("recall {}", notice.state),
    }
}

fn order_entry(
    kind: EntryKind,
    subject: &dyn std::fmt::Display,
    order: &Signed<RecallOrder>,
    why: RecallCode,
) -> Entry {
    let said = order.statement();
    Entry::new(said.given_at, kind, subject, &said.officer)
        .with("statement", order.digest())
        .with("key", order.key())
        .with("role", said.role)
        .with("why", why)
}

/// The order that recalls what `row` carries, from the row or from officers' statements about it.
fn recalled(row: &Exchange, statements: &[Statement]) -> Option<Recalled> {
    let ordered = || {
        let order = statements.iter().find(|statement| statement.kind == StatementKind::Recall)?;
        // Parsed only for its code; it was verified before it was recorded.
        let why = Signed::<RecallOrder>::peek(&order.bytes).map(|order| order.why).unwrap_or_default();
        Some(Recalled { at: order.given, why })
    };
    row.recalled.clone().or_else(ordered)
}
