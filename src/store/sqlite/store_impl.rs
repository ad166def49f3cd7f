//! The [`Store`] implementation on SQLite: commits go to the writer, queries to the readers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::civil::Date;
use rusqlite::Row;
use tokio::sync::oneshot;

use super::writer::Job;
use super::{SqliteStore, decode, end, queries, verify};
use crate::ident::{ExchangeId, OfficerId, PartnerId, RequestId};
use crate::ledger::{LedgerFault, Proof, SignedCheckpoint};
use crate::origin::Fingerprint;
use crate::partner::Breaker;
use crate::store::{
    Approval, ByState, Commit, Committed, Counts, Direction, Disagreement, Due, Exchange, ExchangeFilter,
    ExchangeState, Generations, IndexedEntry, Node, Officer, Part, PartCheck, Partner, RecordedPrint, Request,
    RequestFilter, SearchHit, Setting, Statement, Store, StoreError, Usage, Verification, Waiting, WholeRequest,
};
use crate::time::Time;

#[async_trait]
impl Store for SqliteStore {
    async fn commit(&self, commit: Commit) -> Result<Committed, StoreError> {
        if self.read_only {
            let why = "the disk of the store is read-only: the store can only be read".to_owned();
            return Err(StoreError::Stopped { why });
        }
        let jobs = self.jobs().clone().ok_or(StoreError::Closed)?;
        let (answer, outcome) = oneshot::channel();
        jobs.send(Job { commit, answer }).await.map_err(|_| StoreError::Closed)?;
        // A writer that ended without an answer may or may not have written.
        outcome.await.map_err(|_| StoreError::Broken { why: "the writer stopped".into() })?
    }

    async fn node(&self) -> Result<Node, StoreError> {
        queries::node(&self.reads).await
    }

    async fn generations(&self) -> Result<Generations, StoreError> {
        queries::generations(&self.reads).await
    }

    async fn counts(&self) -> Result<Counts, StoreError> {
        queries::counts(&self.reads).await
    }

    async fn setting(&self, name: &str) -> Result<Option<Setting>, StoreError> {
        queries::one(&self.reads, "SELECT * FROM setting WHERE name = ?1", name, decode::setting).await
    }

    async fn partner(&self, id: &PartnerId) -> Result<Option<Partner>, StoreError> {
        queries::one(&self.reads, "SELECT * FROM partner WHERE id = ?1", id, decode::partner).await
    }

    async fn partners(&self) -> Result<Vec<Partner>, StoreError> {
        queries::all(&self.reads, "SELECT * FROM partner ORDER BY id", decode::partner).await
    }

    async fn officer(&self, id: &OfficerId) -> Result<Option<Officer>, StoreError> {
        queries::one(&self.reads, "SELECT * FROM officer WHERE id = ?1", id, decode::officer).await
    }

    async fn officers(&self) -> Result<Vec<Officer>, StoreError> {
        queries::all(&self.reads, "SELECT * FROM officer ORDER BY id", decode::officer).await
    }

    async fn request(&self, id: &RequestId) -> Result<Option<Request>, StoreError> {
        queries::one(&self.reads, queries::REQUEST, id, decode::request).await
    }

    async fn whole_request(&self, id: &RequestId) -> Result<Option<WholeRequest>, StoreError> {
        queries::whole_request(&self.reads, id).await
    }

    async fn requests(&self, filter: &RequestFilter) -> Result<Vec<Request>, StoreError> {
        queries::requests(&self.reads, filter).await
    }

    async fn request_ids(&self) -> Result<BTreeSet<RequestId>, StoreError> {
        queries::request_ids(&self.reads).await
    }

    async fn approved_waiting(&self) -> Result<Vec<Waiting>, StoreError> {
        queries::approved_waiting(&self.reads).await
    }

    async fn approvals(&self, request: &RequestId) -> Result<Vec<Approval>, StoreError> {
        queries::many(&self.reads, queries::APPROVALS, request, decode::approval).await
    }

    async fn statements(&self, subjects: &[String]) -> Result<Vec<Statement>, StoreError> {
        queries::statements(&self.reads, subjects).await
    }

    async fn exchange(&self, id: &ExchangeId) -> Result<Option<Exchange>, StoreError> {
        queries::one(&self.reads, "SELECT * FROM whole_exchange WHERE id = ?1", id, decode::exchange).await
    }

    async fn inline_payload(&self, id: &ExchangeId) -> Result<Option<Bytes>, StoreError> {
        let sql = "SELECT bytes FROM payload WHERE exchange = (SELECT seq FROM exchange WHERE id = ?1)";
        let bytes = |row: &Row<'_>| decode::cells(row, "payload").bytes("bytes");
        Ok(queries::one(&self.reads, sql, id, bytes).await?.map(Bytes::from))
    }

    async fn find_prints(&self, prints: &BTreeSet<Fingerprint>) -> Result<Vec<RecordedPrint>, StoreError> {
        queries::find_prints(&self.reads, prints).await
    }

    async fn exchanges(&self, filter: &ExchangeFilter) -> Result<Vec<Exchange>, StoreError> {
        queries::exchanges(&self.reads, filter).await
    }

    async fn due(&self, now: Time, per_partner: u32) -> Result<Vec<Due>, StoreError> {
        queries::due(&self.reads, now, per_partner).await
    }

    async fn oldest_queued(&self, partner: &PartnerId, now: Time) -> Result<Vec<ExchangeId>, StoreError> {
        queries::traffic::oldest_queued(&self.reads, partner, now).await
    }

    async fn usage(&self, partner: &PartnerId, day: Date) -> Result<BTreeMap<Direction, Usage>, StoreError> {
        queries::traffic::usage(&self.reads, partner, day).await
    }

    async fn inbound_usage(&self, partner: &PartnerId, states: &[ExchangeState]) -> Result<ByState, StoreError> {
        queries::traffic::inbound_usage(&self.reads, partner, states).await
    }

    async fn breakers(&self) -> Result<BTreeMap<PartnerId, Breaker>, StoreError> {
        queries::traffic::breakers(&self.reads).await
    }

    async fn partner_checkpoint(&self, partner: &PartnerId) -> Result<Option<String>, StoreError> {
        queries::traffic::partner_checkpoint(&self.reads, partner).await
    }

    async fn search(&self, words: &str, limit: u32) -> Result<Vec<SearchHit>, StoreError> {
        queries::search(&self.reads, words, limit).await
    }

    async fn head(&self) -> Result<SignedCheckpoint, StoreError> {
        let note = queries::note(&self.reads).await?;
        self.files.check()?;
        let mut head = self.head.lock().unwrap_or_else(PoisonError::into_inner);
        match &*head {
            Some(verified) if verified.as_str() == note => Ok(verified.clone()),
            _ => Ok(head.insert(SignedCheckpoint::verify(&note, &self.key).map_err(LedgerFault::from)?).clone()),
        }
    }

    async fn entries(&self, first: u64, limit: u32) -> Result<Vec<IndexedEntry>, StoreError> {
        queries::entries(&self.reads, first, limit).await
    }

    async fn entries_about(&self, subject: &str) -> Result<Vec<IndexedEntry>, StoreError> {
        let sql = "SELECT n, bytes FROM ledger WHERE subject = ?1 ORDER BY n";
        queries::many(&self.reads, sql, subject, decode::recorded).await
    }

    async fn prove_inclusion(&self, index: u64, head: &SignedCheckpoint) -> Result<Proof, StoreError> {
        let needs = Proof::inclusion_needs(index, head.size())?;
        Ok(Proof::of_inclusion(index, head.size(), &queries::hashes(&self.reads, needs).await?)?)
    }

    async fn prove_consistency(&self, old: u64, head: &SignedCheckpoint) -> Result<Proof, StoreError> {
        let needs = Proof::consistency_needs(old, head.size())?;
        Ok(Proof::of_consistency(old, head.size(), &queries::hashes(&self.reads, needs).await?)?)
    }

    async fn verify(&self) -> Result<Verification, StoreError> {
        self.verify_with_progress(&crate::progress::Progress::default()).await
    }

    async fn check_part(&self, part: Part) -> Result<PartCheck, StoreError> {
        let (key, under_way) = (self.key.clone(), self.under_way.clone());
        self.reads.query(move |conn| under_way.on(conn, |conn| verify::check_part(conn, &key, part))).await
    }

    async fn quick_check(&self, budget: Duration) -> Result<Vec<Disagreement>, StoreError> {
        self.reads.query(move |conn| verify::quick_check(conn, budget)).await
    }

    async fn close(&self) {
        drop(self.jobs().take());
        self.under_way.interrupt();
        let mut open = self.open.lock().await;
        let (open, readers) = (open.take(), self.reads.close());
        let _ = tokio::task::spawn_blocking(move || end(readers, open)).await;
    }
}
