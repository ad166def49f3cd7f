//! The [`Store`] implementation: each row is compared with the ledger before it is returned.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::civil::Date;

use super::super::evidence::Evidence;
use super::super::{
    Approval, ByState, Commit, Committed, Counts, Direction, Disagreement, Due, Exchange, ExchangeFilter,
    ExchangeState, Generations, IndexedEntry, Node, Officer, Part, PartCheck, Partner, RecordedPrint, Request,
    RequestFilter, SearchHit, Setting, Statement, Store, StoreError, Usage, Verification, Waiting, WholeRequest,
};
use super::compare::{self, Different};
use super::{Proved, ProvedStore};
use crate::ident::{ExchangeId, OfficerId, PartnerId, RequestId};
use crate::ledger::{ABSENT, LedgerFault, Proof, SignedCheckpoint, leaf_hash};
use crate::origin::Fingerprint;
use crate::partner::Breaker;
use crate::time::Time;

impl ProvedStore {
    /// Returns the identifiers that the ledger has in one family of enrolled rows.
    async fn enrolled<I: FromStr>(&self, of: &'static str) -> Result<Vec<I>, StoreError> {
        let known = self.known().await?;
        Ok(known.proved().subjects(of).filter_map(|subject| subject.parse().ok()).collect())
    }

    /// Returns the indexes of the `rows` that do not match at first sight.
    async fn doubtful<R: Evidence>(
        &self,
        rows: &[R],
        judge: impl Fn(Proved<'_>, &str, &R) -> Vec<Different>,
    ) -> Result<Vec<usize>, StoreError> {
        let known = self.known().await?;
        let proved = known.proved();
        let differs = |(place, row): (usize, &R)| (!judge(proved, &row.subject(), row).is_empty()).then_some(place);
        Ok(rows.iter().enumerate().filter_map(differs).collect())
    }

    /// Reports a row that cannot be decoded, and turns the error of reading it into [`StoreError::Altered`].
    async fn decoded<T>(&self, subject: &str, of: &str, read: Result<T, StoreError>) -> Result<T, StoreError> {
        let Err(StoreError::Damaged { what }) = &read else { return read };
        let (what, fact) = (what.clone(), format!("{of}.row"));
        self.report_undecodable(subject.to_owned(), of, StoreError::Damaged { what: what.clone() }).await?;
        Err(StoreError::Altered { what, fact })
    }

    /// Reports a row that cannot be decoded.
    async fn report_undecodable(&self, subject: String, of: &str, error: StoreError) -> Result<(), StoreError> {
        let StoreError::Damaged { what } = error else { return Err(error) };
        let fact = format!("{of}.row");
        let what = Disagreement { what, fact, recorded: "there".into(), found: ABSENT.into() };
        self.report(vec![Different { subject, what }]).await;
        Ok(())
    }
}

/// Returns a filter for all exchanges of a request.
fn of_request(request: RequestId) -> ExchangeFilter {
    ExchangeFilter { request: Some(request), limit: u32::MAX, ..ExchangeFilter::default() }
}

/// Returns every row of a kind of enrolled rows, without those that differ: an altered row does not hide the others.
macro_rules! all_enrolled {
    ($self:ident, $list:ident, $one:ident, $of:literal, $id:ty) => {{
        let ids: Vec<$id> = $self.enrolled($of).await?;
        let listed = match $self.inner.$list().await {
            Err(StoreError::Damaged { .. }) => None,
            listed => Some(listed?),
        };
        let judged = |proved: Proved<'_>, subject: &str, row: &_| compare::lasting(proved, subject, $of, Some(row));
        if let Some(rows) = listed
            && rows.len() == ids.len()
            && $self.doubtful(&rows, judged).await?.is_empty()
        {
            rows.iter().for_each(|row| $self.agree(&row.subject(), &[$of]));
            return Ok(rows);
        }
        // One by one: the rows that the ledger has and those that the backend has.
        let listed = $self.inner.$list().await.unwrap_or_default();
        let ids: BTreeSet<$id> =
            $self.enrolled($of).await?.into_iter().chain(listed.into_iter().map(|row| row.id)).collect();
        let mut rows = Vec::new();
        for id in ids {
            match $self.$one(&id).await {
                Ok(row) => rows.extend(row),
                Err(StoreError::Altered { .. }) => {}
                Err(error) => $self.report_undecodable(id.to_string(), $of, error).await?,
            }
        }
        Ok(rows)
    }};
}

#[async_trait]
impl Store for ProvedStore {
    async fn commit(&self, commit: Commit) -> Result<Committed, StoreError> {
        let commit = self.proved_commit(commit).await?;
        let subjects =
            commit.changes.iter().filter_map(compare::written).map(|(row, _)| (row.what(), row.subject())).collect();
        let committed = self.put(commit).await;
        if let Err(error) = &committed {
            self.refused(&subjects, error).await;
        }
        committed
    }

    async fn node(&self) -> Result<Node, StoreError> {
        let node = self.inner.node().await?;
        Ok(Node { clock_high: self.known().await?.proved().clock_high(), ..node })
    }

    async fn generations(&self) -> Result<Generations, StoreError> {
        let counted = self.inner.generations().await?;
        let known = self.known().await?;
        let proved = known.proved();
        Ok(Generations { roster: proved.roster(), clock_high: proved.clock_high(), ..counted })
    }

    async fn counts(&self) -> Result<Counts, StoreError> {
        self.inner.counts().await
    }

    async fn setting(&self, name: &str) -> Result<Option<Setting>, StoreError> {
        let judge = |proved: Proved<'_>, row: &Option<_>| compare::lasting(proved, name, "setting", row.as_ref());
        let row = self.read_consistent(|| self.inner.setting(name), judge).await?;
        self.agree(name, &["setting"]);
        Ok(row)
    }

    async fn partner(&self, id: &PartnerId) -> Result<Option<Partner>, StoreError> {
        let judge =
            |proved: Proved<'_>, row: &Option<_>| compare::lasting(proved, id.as_str(), "partner", row.as_ref());
        let row = self.read_consistent(|| self.inner.partner(id), judge).await?;
        self.agree(id.as_str(), &["partner"]);
        Ok(row)
    }

    async fn partners(&self) -> Result<Vec<Partner>, StoreError> {
        all_enrolled!(self, partners, partner, "partner", PartnerId)
    }

    async fn officer(&self, id: &OfficerId) -> Result<Option<Officer>, StoreError> {
        let judge =
            |proved: Proved<'_>, row: &Option<_>| compare::lasting(proved, id.as_str(), "officer", row.as_ref());
        let row = self.read_consistent(|| self.inner.officer(id), judge).await?;
        self.agree(id.as_str(), &["officer"]);
        Ok(row)
    }

    async fn officers(&self) -> Result<Vec<Officer>, StoreError> {
        all_enrolled!(self, officers, officer, "officer", OfficerId)
    }

    async fn request(&self, id: &RequestId) -> Result<Option<Request>, StoreError> {
        let subject = id.to_string();
        let judge = |proved: Proved<'_>, row: &Option<_>| compare::request(proved, &subject, row.as_ref());
        let row = self.read_consistent(|| self.inner.request(id), judge).await;
        let row = self.decoded(&subject, "request", row).await?;
        self.agree(&subject, &["request"]);
        Ok(row)
    }

    async fn whole_request(&self, id: &RequestId) -> Result<Option<WholeRequest>, StoreError> {
        let subject = id.to_string();
        let judge = |proved: Proved<'_>, whole: &Option<_>| compare::whole(proved, &subject, whole.as_ref());
        let whole = self.read_consistent(|| self.inner.whole_request(id), judge).await;
        let Some(mut whole) = self.decoded(&subject, "request", whole).await? else { return Ok(None) };
        let known = self.known().await?;
        if known.proved().fact(&subject, "request.product").is_some() {
            // Approvals of a finished exchange have no effect any more, and the ledger keeps no facts about them.
            let proved = |row: &Approval| known.proved().fact(&row.subject(), "exchange.state").is_some();
            whole.approvals.retain(proved);
        }
        self.agree(&subject, &["request"]);
        whole.exchanges.iter().for_each(|row| self.agree(&row.subject(), &["exchange", "approval"]));
        Ok(Some(whole))
    }

    async fn requests(&self, filter: &RequestFilter) -> Result<Vec<Request>, StoreError> {
        let mut rows = self.inner.requests(filter).await?;
        let judged = |proved: Proved<'_>, subject: &str, row: &_| compare::request(proved, subject, Some(row));
        // From the end, so that earlier indexes stay valid.
        for place in self.doubtful(&rows, judged).await?.into_iter().rev() {
            let row = rows.remove(place);
            match self.request(&row.id).await {
                Ok(Some(row)) if filter.states.is_empty() || filter.states.contains(&row.state) => {
                    rows.insert(place, row);
                }
                Ok(_) | Err(StoreError::Altered { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(rows)
    }

    async fn request_ids(&self) -> Result<BTreeSet<RequestId>, StoreError> {
        self.inner.request_ids().await
    }

    async fn approved_waiting(&self) -> Result<Vec<Waiting>, StoreError> {
        self.inner.approved_waiting().await
    }

    async fn approvals(&self, request: &RequestId) -> Result<Vec<Approval>, StoreError> {
        let judge = |proved: Proved<'_>, rows: &Vec<Approval>| {
            let of: BTreeSet<String> = rows.iter().map(Evidence::subject).collect();
            of.iter().flat_map(|exchange| compare::approvals(proved, exchange, rows)).collect()
        };
        self.read_consistent(|| self.inner.approvals(request), judge).await
    }

    async fn statements(&self, subjects: &[String]) -> Result<Vec<Statement>, StoreError> {
        let judge = |proved: Proved<'_>, rows: &Vec<_>| {
            subjects.iter().flat_map(|subject| compare::statements(proved, subject, rows)).collect()
        };
        let rows = self.read_consistent(|| self.inner.statements(subjects), judge).await?;
        subjects.iter().for_each(|subject| self.agree(subject, &["statement"]));
        Ok(rows)
    }

    async fn exchange(&self, id: &ExchangeId) -> Result<Option<Exchange>, StoreError> {
        let subject = id.to_string();
        let judge = |proved: Proved<'_>, row: &Option<_>| compare::exchange(proved, &subject, row.as_ref());
        let row = self.read_consistent(|| self.inner.exchange(id), judge).await;
        let row = self.decoded(&subject, "exchange", row).await?;
        self.agree(&subject, &["exchange"]);
        Ok(row)
    }

    async fn inline_payload(&self, id: &ExchangeId) -> Result<Option<Bytes>, StoreError> {
        self.inner.inline_payload(id).await
    }

    async fn exchanges(&self, filter: &ExchangeFilter) -> Result<Vec<Exchange>, StoreError> {
        let mut rows = self.inner.exchanges(filter).await?;
        let request = filter.request.filter(|request| *filter == of_request(*request));
        let whole = request.is_some() || filter.about.is_some();
        if let Some(request) = request {
            // A list of all exchanges of a request must be complete, even if the backend omits some.
            let there: BTreeSet<ExchangeId> = rows.iter().map(|row| row.id).collect();
            let all: Vec<ExchangeId> = self.known().await?.proved().exchanges_of(request).collect();
            for id in all.into_iter().filter(|id| !there.contains(id)) {
                rows.extend(self.exchange(&id).await?);
            }
        }
        let judged = |proved: Proved<'_>, subject: &str, row: &_| compare::exchange(proved, subject, Some(row));
        for place in self.doubtful(&rows, judged).await?.into_iter().rev() {
            let row = rows.remove(place);
            match self.exchange(&row.id).await {
                Ok(Some(row)) if filter.states.is_empty() || filter.states.contains(&row.state) => {
                    rows.insert(place, row);
                }
                // Where the list must be complete, an altered row is an error and not an omission.
                Err(StoreError::Altered { .. }) if !whole => {}
                Ok(_) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(rows)
    }

    async fn due(&self, now: Time, per_partner: u32) -> Result<Vec<Due>, StoreError> {
        let listed = self.inner.due(now, per_partner).await?;
        let doubtful: Vec<bool> = {
            let known = self.known().await?;
            let differing = self.differing();
            let says = |due: &Due| {
                let subject = due.exchange.to_string();
                let fact = |name| known.proved().fact(&subject, name).unwrap_or(ABSENT);
                let known_to_differ = differing.keys().any(|(about, _)| *about == subject);
                fact("exchange.state") != "queued"
                    || fact("exchange.with") != format!("{} {}", Direction::Out, due.partner)
                    || fact("exchange.precedence") != due.precedence.to_string()
                    || known_to_differ
            };
            listed.iter().map(says).collect()
        };
        let mut due = Vec::new();
        for (listed, doubtful) in listed.into_iter().zip(doubtful) {
            if !doubtful {
                due.push(listed);
                continue;
            }
            match self.exchange(&listed.exchange).await {
                // Its state may have changed since it was listed.
                Ok(row) => {
                    let still = |row: &Exchange| row.state == ExchangeState::Queued || row.needs_receipt_query();
                    due.extend(row.filter(still).as_ref().map(Due::from));
                }
                Err(StoreError::Altered { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(due)
    }

    async fn oldest_queued(&self, partner: &PartnerId, now: Time) -> Result<Vec<ExchangeId>, StoreError> {
        self.inner.oldest_queued(partner, now).await
    }

    async fn usage(&self, partner: &PartnerId, day: Date) -> Result<BTreeMap<Direction, Usage>, StoreError> {
        self.inner.usage(partner, day).await
    }

    async fn inbound_usage(&self, partner: &PartnerId, states: &[ExchangeState]) -> Result<ByState, StoreError> {
        self.inner.inbound_usage(partner, states).await
    }

    async fn breakers(&self) -> Result<BTreeMap<PartnerId, Breaker>, StoreError> {
        self.inner.breakers().await
    }

    async fn partner_checkpoint(&self, partner: &PartnerId) -> Result<Option<String>, StoreError> {
        self.inner.partner_checkpoint(partner).await
    }

    async fn find_prints(&self, prints: &BTreeSet<Fingerprint>) -> Result<Vec<RecordedPrint>, StoreError> {
        self.inner.find_prints(prints).await
    }

    async fn search(&self, words: &str, limit: u32) -> Result<Vec<SearchHit>, StoreError> {
        self.inner.search(words, limit).await
    }

    async fn head(&self) -> Result<SignedCheckpoint, StoreError> {
        self.inner.head().await
    }

    async fn entries(&self, first: u64, limit: u32) -> Result<Vec<IndexedEntry>, StoreError> {
        self.inner.entries(first, limit).await
    }

    /// Every entry is proved to be in the ledger and to be about the subject. Completeness is proved for exchanges,
    /// and for entries that count individually: the backend finds entries by a column that the ledger does not prove.
    async fn entries_about(&self, subject: &str) -> Result<Vec<IndexedEntry>, StoreError> {
        // Read before the entries: there may be more of them by then, but never fewer.
        let (each, entries) = {
            let known = self.known().await?;
            let proved = known.proved();
            let entries = subject.parse().map_or(0, |id| proved.entries_of(&id));
            (proved.each(subject).to_vec(), entries)
        };
        let about = self.inner.entries_about(subject).await?;
        let found: BTreeSet<u64> = about.iter().map(|recorded| recorded.index).collect();
        if let Some(index) = each.into_iter().find(|index| !found.contains(index)) {
            return Err(LedgerFault::Altered { index }.into());
        }
        if (found.len() as u64) < entries {
            let (recorded, found) = (format!("{entries} entries"), found.len().to_string());
            let fact = "exchange.entries".to_owned();
            let what = Disagreement { what: format!("exchange {subject}"), fact, recorded, found };
            let error = StoreError::Altered { what: what.what.clone(), fact: what.fact.clone() };
            self.report(vec![Different { subject: subject.to_owned(), what }]).await;
            return Err(error);
        }
        let head = self.inner.head().await?;
        for recorded in &about {
            let altered = || LedgerFault::Altered { index: recorded.index };
            if recorded.index >= head.size() || recorded.entry.subject() != subject {
                return Err(altered().into());
            }
            let proof = self.inner.prove_inclusion(recorded.index, &head).await?;
            let leaf = leaf_hash(&recorded.bytes);
            proof.check_inclusion(recorded.index, leaf, head.size(), head.root()).map_err(|_| altered())?;
        }
        Ok(about)
    }

    async fn prove_inclusion(&self, index: u64, head: &SignedCheckpoint) -> Result<Proof, StoreError> {
        self.inner.prove_inclusion(index, head).await
    }

    async fn prove_consistency(&self, old: u64, head: &SignedCheckpoint) -> Result<Proof, StoreError> {
        self.inner.prove_consistency(old, head).await
    }

    async fn verify(&self) -> Result<Verification, StoreError> {
        self.inner.verify().await
    }

    async fn check_part(&self, part: Part) -> Result<PartCheck, StoreError> {
        self.inner.check_part(part).await
    }

    async fn quick_check(&self, budget: Duration) -> Result<Vec<Disagreement>, StoreError> {
        self.inner.quick_check(budget).await
    }

    async fn close(&self) {
        self.inner.close().await;
        if let Some(heads) = self.checkpoint_files() {
            heads.sync();
        }
    }
}
