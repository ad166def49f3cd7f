//! Reconciliation of store and spool after a start: what a crash interrupted is completed, undone or set aside,
//! and recorded.
//!
//! A payload that does not exactly match its row is never sent and never shown. A file that the spool did not create
//! is left alone. A file that no row needs is set aside and not removed, because it may belong to another store.

use super::reconciled::Reconciled;
use std::collections::{BTreeMap, BTreeSet};

use super::inline_payload::inline_payload;
use super::spool::Spooled;
use super::{
    Change, Commit, Direction, Exchange, ExchangeFilter, ExchangeKind, ExchangeState, Spool, SpoolError, SpoolId,
    Store, StoreError,
};
use crate::ident::{ExchangeId, RequestId};
use crate::ledger::{Entry, EntryKind};
use crate::time::Time;

/// Rows read at a time.
const PAGE: u32 = 256;
/// The code in ledger entries about a payload that is missing or damaged.
const DAMAGED: &str = "spool-damaged";

/// Parameters of a reconciliation.
pub struct Reconcile<'a> {
    /// The store.
    pub store: &'a dyn Store,
    /// The spool.
    pub spool: &'a Spool,
    /// The current time.
    pub now: Time,
    /// The actor of the ledger entries.
    pub actor: &'a str,
    /// Returns whether the process with this name, the owner of a lease, has ended. Leases that have expired are
    /// released in any case.
    pub gone: &'a (dyn Fn(&str) -> bool + Sync),
    /// Payloads up to this size in bytes are read and hashed; of larger ones only the size is compared.
    pub hash_bytes_max: u64,
}

/// Why a reconciliation failed. What it did before stays done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReconcileError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The spool failed.
    #[error(transparent)]
    Spool(#[from] SpoolError),
}

/// Reconciles store and spool, and records the result in the ledger.
///
/// # Errors
/// [`ReconcileError`] if store or spool cannot be read or written; the node must not start then.
pub async fn reconcile(task: &Reconcile<'_>) -> Result<Reconciled, ReconcileError> {
    let mut report = Reconciled::default();
    task.restore(&mut report).await?;
    task.spool.release_space().await?;
    let listing = task.spool.list().await?;
    report.unknown_files = listing.unknown_files + task.spool.clear_pool().await?;
    let mut needed: BTreeSet<SpoolId> = BTreeSet::new();
    task.exchanges(&mut needed, &mut report).await?;
    task.requests(&listing.files, &mut report).await?;
    // The spool has a product for every request ever made. Those that have a row are not examined at a start: the
    // damage scan reads them.
    let known = task.store.request_ids().await?;
    needed.extend(known.into_iter().map(SpoolId::Product));
    for file in &listing.files {
        task.set_aside(file, &needed, &mut report).await?;
    }
    report.unsynced = listing.unsynced;
    let node = task.store.node().await?.id;
    let entry = Entry::new(task.now, EntryKind::NodeRecovered, node, task.actor)
        .with("set_aside", report.set_aside.len())
        .with("restored", report.restored.len())
        .with("left", report.left.len())
        .with("unsynced", report.unsynced.len())
        .with("requeued", report.requeued.len())
        .with("parked", report.parked.len())
        .with("quarantined", report.quarantined.len())
        .with("damaged", report.damaged.len())
        .with("products_lost", report.products_lost.len())
        .with("strangers", report.unknown_files);
    task.store.commit(Commit::new().entry(entry)).await?;
    task.spool.forget_unsynced(&report.unsynced);
    Ok(report)
}

impl Reconcile<'_> {
    /// Checks every exchange that was in transit or claimed, and the newest ones that wait, and collects the files
    /// they need.
    ///
    /// The time a start takes does not depend on the number of waiting exchanges: a crash affects what was written
    /// last, the damage scan reads the rest while the node serves, and nothing is sent or shown without being
    /// checked.
    async fn exchanges(&self, needed: &mut BTreeSet<SpoolId>, report: &mut Reconciled) -> Result<(), ReconcileError> {
        use ExchangeState as S;
        let waiting = [
            S::Requested,
            S::Held,
            S::Approved,
            S::Queued,
            S::Sending,
            S::Parked,
            S::Offered,
            S::Receiving,
            S::Received,
            S::Quarantined,
        ];
        let on_its_way = [S::Sending, S::Offered, S::Receiving];
        let of = |states, claimed| ExchangeFilter { states, claimed, limit: PAGE, ..ExchangeFilter::default() };
        let mut rows = self.listed(of(on_its_way.into(), false), u32::MAX).await?;
        rows.extend(self.listed(of(waiting.into(), true), u32::MAX).await?);
        rows.extend(self.listed(of(waiting.into(), false), 1).await?);
        for row in rows.into_values().rev() {
            if row.direction == Direction::In && matches!(row.state, S::Offered | S::Receiving) {
                needed.insert(SpoolId::Envelope(row.id));
            }
            needed.extend(row.payload.map(|payload| payload.spool));
            self.exchange(row, report).await?;
        }
        Ok(())
    }

    /// Returns the newest exchanges, at most `pages` pages of them.
    async fn listed(
        &self,
        mut filter: ExchangeFilter,
        pages: u32,
    ) -> Result<BTreeMap<ExchangeId, Exchange>, ReconcileError> {
        let mut rows = BTreeMap::new();
        for _ in 0..pages {
            let page = self.store.exchanges(&filter).await?;
            let Some(last) = page.last() else { break };
            filter.before = Some(last.id);
            rows.extend(page.into_iter().map(|row| (row.id, row)));
        }
        Ok(rows)
    }

    async fn exchange(&self, row: Exchange, report: &mut Reconciled) -> Result<(), ReconcileError> {
        use ExchangeState as S;
        let id = row.id;
        let held = row.lease.as_ref().is_some_and(|lease| lease.until > self.now && !(self.gone)(&lease.owner));
        if held {
            // Another process is working on it, and detects damage itself.
            return Ok(());
        }
        let whole = self.is_whole(&row).await?;
        let (to, kind, list) = match (row.state, whole) {
            (S::Queued | S::Sending, false) => (S::Parked, EntryKind::ExchangeParked, &mut report.parked),
            // A recall is valid even if the payload of its notice is damaged.
            (S::Received, false) if row.kind == ExchangeKind::Product => {
                (S::Quarantined, EntryKind::ExchangeQuarantined, &mut report.quarantined)
            }
            (S::Sending, true) => (S::Queued, EntryKind::ExchangeQueued, &mut report.requeued),
            (S::Held | S::Parked | S::Quarantined, false) => {
                report.damaged.push(id);
                return Ok(());
            }
            _ if row.lease.is_some() => return self.unclaim(row, report).await,
            _ => return Ok(()),
        };
        let code = if whole { "restart" } else { DAMAGED };
        let entry = Entry::new(self.now, kind, id, self.actor).with("code", code);
        let by = row.lease.as_ref().map(|lease| lease.owner.clone());
        let mut row = Exchange { state: to, updated: self.now, ..row };
        if !whole {
            row.reason = Some("the sealed payload is missing or damaged".into());
        }
        let change = Change::Exchange { row: Box::new(row), by, sealed: None };
        if self.done(Commit::new().change(change).entry(entry)).await? {
            list.push(id);
        }
        Ok(())
    }

    async fn unclaim(&self, row: Exchange, report: &mut Reconciled) -> Result<(), ReconcileError> {
        if let Some(lease) = row.lease
            && self.done(Commit::new().change(Change::Unclaim { exchange: row.id, owner: lease.owner })).await?
        {
            report.unclaimed.push(row.id);
        }
        Ok(())
    }

    /// Commits; returns false if another process changed the row first, whose result then stands.
    async fn done(&self, commit: Commit) -> Result<bool, ReconcileError> {
        match self.store.commit(commit).await {
            Ok(_) => Ok(true),
            Err(StoreError::Conflict { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns whether the payload of `row` matches the row. A row without a payload, or whose payload is still
    /// arriving, always matches.
    async fn is_whole(&self, row: &Exchange) -> Result<bool, ReconcileError> {
        let Some(payload) = row.payload else { return Ok(true) };
        if matches!(row.state, ExchangeState::Offered | ExchangeState::Receiving) {
            return Ok(true);
        }
        let read = match inline_payload(self.store, payload).await? {
            Some(reader) => Ok(reader),
            None => self.spool.read(payload.spool).await,
        };
        let mut reader = match read {
            Ok(reader) => reader,
            Err(SpoolError::Missing { .. } | SpoolError::Failed { .. } | SpoolError::Place { .. }) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        if reader.size() != payload.size {
            return Ok(false);
        }
        if payload.size > self.hash_bytes_max {
            return Ok(true);
        }
        // A file that cannot be read is treated as damaged.
        Ok(reader.prefix_digest(payload.size).await.is_ok_and(|digest| digest == payload.digest))
    }

    /// Reports open requests, among the newest, whose product is missing.
    async fn requests(&self, files: &[Spooled], report: &mut Reconciled) -> Result<(), ReconcileError> {
        use super::RequestState as S;
        let whole: BTreeSet<SpoolId> = files.iter().filter(|file| file.whole).map(|file| file.id).collect();
        let states = [S::Open, S::Approved].into();
        let filter = super::RequestFilter { states, limit: PAGE, ..Default::default() };
        for row in self.store.requests(&filter).await? {
            let Some(product) = row.product.filter(|product| !whole.contains(product)) else { continue };
            // It may have been written since the files were listed.
            if let Err(SpoolError::Missing { .. }) = self.spool.read(product).await {
                report.products_lost.push(row.id);
            }
        }
        Ok(())
    }

    /// Sets a file aside that no row needs and no process holds.
    async fn set_aside(
        &self,
        file: &Spooled,
        needed: &BTreeSet<SpoolId>,
        report: &mut Reconciled,
    ) -> Result<(), ReconcileError> {
        if needed.contains(&file.id) || is_needed(self.store, file.id).await? {
            return Ok(());
        }
        // Another process may be about to record it, and holds the file until then. So the store is queried again
        // under the lock.
        let Some(locked) = self.spool.lock_exclusive(file).await? else { return Ok(()) };
        if is_needed(self.store, file.id).await? {
            return Ok(());
        }
        match locked.set_aside(self.now, "no row of the store needs it").await {
            Ok(()) => report.set_aside.push(file.id),
            Err(error @ SpoolError::Broken { .. }) => return Err(error.into()),
            // For example without space for a note. The file stays where it was.
            Err(_) => report.left.push(file.id),
        }
        Ok(())
    }

    /// Restores files that were set aside and that a row needs now: they were set aside with another store, or an
    /// older copy of this one.
    async fn restore(&self, report: &mut Reconciled) -> Result<(), ReconcileError> {
        for lost in self.spool.lost().await? {
            if self.spool.has_any(lost.id) || !is_needed(self.store, lost.id).await? {
                continue;
            }
            // A damaged file stays, with the note that it was set aside.
            if !self.spool.is_as_noted(&lost).await.unwrap_or(false) {
                report.left.push(lost.id);
                continue;
            }
            match self.spool.restore(&lost).await {
                Ok(()) => report.restored.push(lost.id),
                Err(error @ SpoolError::Broken { .. }) => return Err(error.into()),
                // It stays set aside, and what needs it reports it missing.
                Err(_) => report.left.push(lost.id),
            }
        }
        Ok(())
    }
}

/// Returns whether a row needs a file of this name. A row that does not match the ledger counts as needing it until
/// the row is restored.
///
/// # Errors
/// [`StoreError`] if the store cannot be read.
pub async fn is_needed(store: &dyn Store, file: SpoolId) -> Result<bool, StoreError> {
    let needed = match file {
        // A product is kept as long as its request exists, because it is what decisions were about.
        SpoolId::Product(id) => store.request(&id).await.map(|row| row.is_some_and(|row| row.product == Some(file))),
        // Attachments can be large, and the product that names them is kept, so they are removed when no exchange
        // waits for them.
        SpoolId::Attachment(id, _) => has_pending_exchanges(store, &id).await,
        // The row is read again: it may have been created after the listing.
        SpoolId::Envelope(id) | SpoolId::Inbox(id) => {
            store.exchange(&id).await.map(|row| row.is_some_and(|row| needs(&row, file)))
        }
    };
    match needed {
        Err(StoreError::Altered { .. }) => Ok(true),
        needed => needed,
    }
}

/// Returns whether the store has no row for a file: a process was killed after it wrote the file and before it wrote
/// the row, or the store was replaced by an older copy.
///
/// # Errors
/// [`StoreError`] if the store cannot be read.
pub async fn is_orphan(store: &dyn Store, file: SpoolId) -> Result<bool, StoreError> {
    let known = match file {
        SpoolId::Product(id) | SpoolId::Attachment(id, _) => store.request(&id).await.map(|row| row.is_some()),
        SpoolId::Envelope(id) | SpoolId::Inbox(id) => store.exchange(&id).await.map(|row| row.is_some()),
    };
    match known {
        Err(StoreError::Altered { .. }) => Ok(false),
        known => Ok(!known?),
    }
}

/// Returns whether anything of a request may still have to be cut, sealed or sent. Until then its attachments are
/// kept.
///
/// # Errors
/// [`StoreError`] if the store cannot be read.
pub async fn has_pending_exchanges(store: &dyn Store, request: &RequestId) -> Result<bool, StoreError> {
    use ExchangeState as S;
    let states = [S::Requested, S::Held, S::Approved, S::Queued, S::Sending, S::Parked].into();
    let filter = ExchangeFilter { request: Some(*request), states, limit: 1, ..ExchangeFilter::default() };
    if !store.exchanges(&filter).await?.is_empty() {
        return Ok(true);
    }
    // A row that does not match the ledger is in no list, and may be one that waits once it is restored.
    match store.whole_request(request).await {
        Err(StoreError::Altered { .. }) => Ok(true),
        whole => Ok(whole.map(|_| false)?),
    }
}

fn needs(row: &Exchange, file: SpoolId) -> bool {
    match row.state {
        ExchangeState::Offered | ExchangeState::Receiving => true,
        // A taken product can be taken again.
        _ => row.keeps_payload() && row.payload.is_some_and(|payload| payload.spool == file),
    }
}
