//! Queries for exchanges, requests, decisions and ledger entries, as displayed.

use crate::gateway::views::from_record::entry_view;
use crate::gateway::views::from_record::receipt_view;
use crate::gateway::views::from_record::request_view;
use crate::gateway::views::from_record::whereabouts;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::approval::Approval;
use crate::config::Config;
use crate::digest::Digest;
use crate::gateway::node::checkpoints::known;
use crate::gateway::node::open::open_store;
use crate::gateway::officers::review::effort;
use crate::gateway::views::exchange::{
    ApprovalView, ExchangeDetail, ExchangeView, Explained, LedgerEntryView, LedgerVerified, PartnerExplained,
    ReasonView, RecordView, RequestView,
};
use crate::gateway::{GatewayError, Node};
use crate::ident::{ExchangeId, RequestId};
use crate::ledger::EntryKind;
use crate::partner::Opening;
use crate::policy::About;
use crate::progress::{Progress, Unit};
use crate::release::Stage;
use crate::sign::Signed;
use crate::store::{Exchange, ExchangeFilter, ExchangeKind, ExchangeState, Request, StatementKind, Store as _};
use crate::time::Time;

/// Ledger entries of the node that `config` describes, starting at `from`, or the last `most`. Needs only the store:
/// the ledger can be read even when the node cannot be opened.
///
/// # Errors
/// [`GatewayError`] if the store cannot be read.
pub async fn ledger_entries(
    config: &Config,
    from: Option<u64>,
    most: u64,
) -> Result<Vec<LedgerEntryView>, GatewayError> {
    let store = open_store(config).await?;
    let size = store.head().await?.size();
    let first = from.unwrap_or_else(|| size.saturating_sub(most));
    let most = u32::try_from(most).unwrap_or(u32::MAX);
    Ok(store.entries(first, most).await?.iter().map(entry_view).collect())
}

/// Recomputes the whole ledger of the node that `config` describes and compares it with the stored and signed one,
/// and with its checkpoints outside the store.
///
/// # Errors
/// [`GatewayError`] if the store cannot be read at all, or `progress` is cancelled; a broken ledger is a result, not
/// an error.
pub async fn verify_ledger(config: &Config, progress: &Progress) -> Result<LedgerVerified, GatewayError> {
    let store = Arc::new(open_store(config).await?);
    let verified = store.verify_with_progress(progress).await?;
    let rows = verified.disagreements.iter().map(ToString::to_string);
    let mut problems: Vec<String> = verified.ledger.iter().map(ToString::to_string).chain(rows).collect();
    if verified.is_good() {
        problems.extend(known::differing(config, store).await?);
    }
    Ok(LedgerVerified {
        ok: problems.is_empty(),
        size: verified.head.size(),
        root: verified.head.root().to_string(),
        checkpoint: verified.head.as_str().to_owned(),
        problems,
    })
}

impl Node {
    /// Exchanges, newest first: all, or the unfinished ones.
    ///
    /// # Errors
    /// [`GatewayError`] if the store cannot be read.
    pub async fn exchange_views(&self, all: bool) -> Result<Vec<ExchangeView>, GatewayError> {
        let finished = [
            ExchangeState::Delivered,
            ExchangeState::Refused,
            ExchangeState::Cancelled,
            ExchangeState::Expired,
            ExchangeState::Received,
            ExchangeState::Taken,
        ];
        let states: BTreeSet<ExchangeState> = if all {
            BTreeSet::new()
        } else {
            ExchangeState::ALL.iter().copied().filter(|s| !finished.contains(s)).collect()
        };
        let filter = ExchangeFilter { states, limit: u32::MAX, ..ExchangeFilter::default() };
        let answers = self.answers().await?;
        // Delivery after a stop is unfinished until it is recalled.
        let finished =
            |row: &&Exchange| !all && row.state == ExchangeState::DeliveredAfterStop && row.recalled.is_some();
        let rows = self.store().exchanges(&filter).await?;
        Ok(rows.iter().filter(|row| !finished(row)).map(|row| Node::view_with_answer(row, &answers)).collect())
    }

    /// Exchanges that carry a product, are in this state and last changed at `since` or later, newest first; at most `limit`.
    ///
    /// # Errors
    /// [`GatewayError`] if the store cannot be read.
    pub async fn exchanges_since(
        &self,
        state: ExchangeState,
        since: Time,
        limit: u32,
    ) -> Result<Vec<ExchangeView>, GatewayError> {
        let kind = Some(ExchangeKind::Product);
        let filter = ExchangeFilter { states: [state].into(), kind, limit, ..ExchangeFilter::default() };
        let rows = self.store().exchanges(&filter).await?;
        Ok(rows
            .iter()
            .filter(|row| row.updated >= since)
            .map(crate::gateway::views::from_record::exchange_view)
            .collect())
    }

    /// Everything on record about one exchange.
    ///
    /// # Errors
    /// [`GatewayError::NotFound`] if there is none of that number.
    pub async fn exchange_detail(&self, id: &ExchangeId) -> Result<ExchangeDetail, GatewayError> {
        let row = self.exchange_row(id).await?;
        let history = self.store().entries_about(&id.to_string()).await?.iter().map(entry_view).collect();
        let text = |field: &Option<String>| field.clone().unwrap_or_default();
        Ok(ExchangeDetail {
            subjects: row.subjects.join("; "),
            contact: text(&row.contact),
            purpose: text(&row.purpose),
            cut_digest: row.cut_digest.map(|d| d.to_string()).unwrap_or_default(),
            payload_digest: row.payload.map(|p| p.digest.to_string()).unwrap_or_default(),
            expires: row.expires.to_string(),
            approvals: self.approval_views(&row).await?,
            receipt: receipt_view(&row),
            history,
            exchange: Node::view_with_answer(&row, &self.answers().await?),
        })
    }

    /// A request and its exchanges.
    ///
    /// # Errors
    /// [`GatewayError::NotFound`] if there is none of that number.
    pub async fn request_status(&self, id: &RequestId) -> Result<(RequestView, Vec<ExchangeView>), GatewayError> {
        let row = self.request_row(id).await?;
        let exchanges = self.exchanges_of(id).await?;
        let answers = self.answers().await?;
        let statements = self.store().statements(&[id.to_string()]).await?;
        let refused = statements.into_iter().find(|s| s.kind == StatementKind::Refusal);
        let view = RequestView { refused_by: refused.map(|s| s.signer.to_string()), ..request_view(&row) };
        Ok((view, exchanges.iter().map(|row| Node::view_with_answer(row, &answers)).collect()))
    }

    /// Why a request would or would not be released to each partner, decided now.
    ///
    /// # Errors
    /// [`GatewayError::NotFound`] if there is none of that number.
    pub async fn explain_request(&self, id: &RequestId) -> Result<Explained, GatewayError> {
        let row = self.request_row(id).await?;
        self.explain(id.to_string(), row, None).await
    }

    /// The same for one exchange.
    ///
    /// # Errors
    /// [`GatewayError::NotFound`] if there is none of that number, or it is inbound.
    pub async fn explain_exchange(&self, id: &ExchangeId) -> Result<Explained, GatewayError> {
        let row = self.exchange_row(id).await?;
        let request = row.request.ok_or_else(|| {
            GatewayError::NotFound(format!("exchange `{id}` is inbound and has no release decision; see `inbox show`"))
        })?;
        self.explain(id.to_string(), self.request_row(&request).await?, Some(*id)).await
    }

    async fn explain(
        &self,
        subject: String,
        request: Request,
        only: Option<ExchangeId>,
    ) -> Result<Explained, GatewayError> {
        let dossier = self.dossier(&request.id).await?;
        let mut partners = Vec::new();
        for exchange in dossier.exchanges.iter().filter(|e| only.is_none_or(|id| id == e.id)) {
            let decided = self.decide_on(Stage::Approve, &dossier, &exchange.partner)?;
            let entries = self.store().entries_about(&exchange.id.to_string()).await?;
            let taken = [
                EntryKind::ReleaseDecided,
                EntryKind::ReleaseRefused,
                EntryKind::ReleaseHeld,
                EntryKind::ExchangeExpired,
            ];
            let stopped = self.stopped(exchange).await?.map(|stopped| ReasonView {
                source: "officer".into(),
                code: stopped.code().into(),
                sentence: stopped.sentence(),
                permits: false,
            });
            let there = whereabouts(exchange).map(|(code, sentence)| ReasonView {
                source: "record".into(),
                code: code.into(),
                sentence,
                permits: false,
            });
            let partner = self.partner(&exchange.partner).await?;
            let effort = effort(self.priorities(), &dossier.terms.aims(), &partner, self.now());
            let windows = partner.agreement.windows;
            let outline = dossier.outlines.get(&exchange.partner);
            let permitted = stopped.is_none()
                && there.is_none()
                && decided.as_ref().is_some_and(crate::gateway::outbound::decision::dossier::Decided::permitted);
            let reasons: Vec<ReasonView> = there
                .into_iter()
                .chain(stopped)
                .chain(match &decided {
                    Some(decided) => decided.reasons_with_void(),
                    None => dossier.refusals.get(&exchange.partner).cloned().unwrap_or_default(),
                })
                .collect();
            partners.push(PartnerExplained {
                verdict: self.verdict(exchange.state, permitted, &reasons),
                permitted,
                reasons,
                effort,
                consents: self.consents_named(outline).await?,
                received: outline.map_or_else(Vec::new, |o| o.received.iter().map(ToString::to_string).collect()),
                window: windows.map(|windows| opening(windows.at(self.now(), exchange.precedence), exchange)),
                partner: exchange.partner.to_string(),
                exchange: exchange.id.to_string(),
                state: exchange.state.to_string(),
                decided: entries.iter().any(|e| taken.contains(&e.entry.kind())),
            });
        }
        Ok(Explained {
            subject,
            aims: dossier.terms.aims(),
            policy: self.policies().digest().to_string(),
            register: format!("{} ({})", self.register().version(), &hex::encode(self.register().digest())[..12]),
            partners,
        })
    }

    /// The verdict in one word: see [`PartnerExplained::verdict`].
    fn verdict(&self, state: ExchangeState, permitted: bool, reasons: &[ReasonView]) -> &'static str {
        use ExchangeState as S;
        let waits = |reason: &ReasonView| {
            let about = self.policies().rule(&reason.code).map(|rule| rule.about);
            matches!(reason.source.as_str(), "approval" | "clock")
                || matches!(about, Some(About::Approval | About::Clock))
                || matches!(reason.code.as_str(), "SUSPENDED" | "partner-suspended")
        };
        match state {
            S::Delivered | S::Cancelled | S::Expired | S::Received | S::Taken => "closed",
            S::Refused => "refused",
            _ if permitted => "permitted",
            _ if reasons.iter().filter(|reason| !reason.permits).all(waits) => "pending",
            _ => "refused",
        }
    }

    /// Exchanges whose record contains all of `words`, best first.
    ///
    /// # Errors
    /// [`GatewayError`] if the store cannot be read.
    pub async fn search(&self, words: &[String], most: u32) -> Result<Vec<RecordView>, GatewayError> {
        let answers = self.answers().await?;
        let _step = self.progress().step("searching", Unit::Entries, None);
        let mut records = Vec::new();
        for found in self.store().search(&words.join(" "), most).await? {
            let row = found.exchange;
            let text = |field: &Option<String>| field.clone().unwrap_or_default();
            records.push(RecordView {
                purpose: text(&row.purpose),
                subjects: row.subjects.join("; "),
                contact: text(&row.contact),
                approvals: self.approval_views(&row).await?,
                receipt: receipt_view(&row),
                exchange: Node::view_with_answer(&row, &answers),
            });
        }
        Ok(records)
    }

    /// The row of an exchange.
    ///
    /// # Errors
    /// [`GatewayError::NotFound`] if there is none of that number.
    pub(in crate::gateway) async fn exchange_row(&self, id: &ExchangeId) -> Result<Exchange, GatewayError> {
        let row = self.store().exchange(id).await?;
        row.ok_or_else(|| GatewayError::NotFound(format!("no exchange `{id}` is on record")))
    }

    async fn approval_views(&self, row: &Exchange) -> Result<Vec<ApprovalView>, GatewayError> {
        let Some(request) = row.request else { return Ok(Vec::new()) };
        let mut views = BTreeMap::new();
        let approvals = self.store().approvals(&request).await?;
        // A finished exchange was decided on the record at that time, and is not judged by the current one.
        let judged = !approvals.is_empty() && is_open(row.state);
        let on_file = if judged { self.approvals_on_file(&request).await? } else { Vec::new() };
        for approval in approvals {
            let statement = Digest::of(&approval.statement);
            let void =
                on_file.iter().find(|on_file| on_file.statement == statement).map(|on_file| on_file.void.clone());
            // Parsed only for the role; whether it counts is for the decision, which verifies the signature.
            let role = Signed::<Approval>::peek(&approval.statement).map(|a| a.role.to_string()).unwrap_or_default();
            let view = ApprovalView {
                officer: approval.officer.to_string(),
                role,
                given: approval.given.to_string(),
                void: void.unwrap_or_default(),
            };
            views.insert(approval.statement, view);
        }
        let mut views: Vec<_> = views.into_values().collect();
        views.sort_by(|a, b| a.given.cmp(&b.given));
        Ok(views)
    }
}

/// Whether an outbound exchange may still leave, if its approvals count.
fn is_open(state: ExchangeState) -> bool {
    use ExchangeState as S;
    matches!(state, S::Requested | S::Held | S::Approved | S::Queued | S::Sending | S::Parked)
}

/// A partner's window for an exchange, in a sentence.
fn opening(opening: Opening, exchange: &Exchange) -> String {
    match opening {
        Opening::Open => "the partner's window is open".to_owned(),
        Opening::Urgent => format!("the partner's window is closed, but {} is sent at any time", exchange.precedence),
        Opening::Closed { until } => {
            format!("the partner's window is closed to {}: it opens at {until}", exchange.precedence)
        }
    }
}
