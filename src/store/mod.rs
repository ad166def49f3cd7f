//! The store: records, ledger and sealed payloads of a node.
//!
//! A commit comes in: changes to rows, and the ledger entries that record them. They become durable in one
//! transaction, under one newly signed checkpoint, before their effect is visible outside. Rows, proofs and search
//! results go out.
//!
//! The store makes no decisions and decrypts nothing: of a product it has ciphertext, digests, and the fields that
//! its marking allows to be shown. It refuses a change of a row that was changed since it was read, a transition that
//! the state table does not list, a change that no ledger entry records, and, after a failed write, every further
//! write until it is opened again.
//!
//! What all backends share is outside `sqlite`: rows and state table, facts and stamps, queries, the codec of rows,
//! the rules of a commit, reconciliation.

mod checkpoint_files;
mod spool;
mod rows;
mod error;
mod evidence;
mod traffic;
mod change;
mod query;
mod codec;
pub mod rules;
mod inline_payload;
mod reconciled;
mod reconcile;
mod proved;
mod sqlite;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::civil::Date;

pub use change::{Change, Commit, Committed, Precondition};
pub use checkpoint_files::{CheckpointFiles, FoundCheckpoints, RESTORED};
pub use error::StoreError;
pub use evidence::{Disagreement, Part, PartCheck, Verification};
pub use inline_payload::inline_payload;
pub use proved::{FactsSnapshot, ProvedStore, SnapshotDigest};
pub use query::{
    Counts, Due, ExchangeFilter, Generations, IndexedEntry, RecordedPrint, RequestFilter, SearchHit, Waiting,
    WholeRequest,
};
pub use reconcile::{Reconcile, ReconcileError, has_pending_exchanges, is_needed, is_orphan, reconcile};
pub use reconciled::Reconciled;
pub use rows::{
    Approval, Direction, Exchange, ExchangeKind, ExchangeState, Lease, Node, Officer, OfficerState, Partner,
    PartnerState, Payload, Recalled, Request, RequestState, Setting, Statement, StatementKind, Version,
    is_legal_transition,
};
pub use spool::{
    CompletePayload, Disk, ExclusiveFile, FileHold, INLINE_BYTES_MAX, Listing, LostFile, NotASpoolId, Note,
    PayloadCursor, PayloadReader, Reservation, Spool, SpoolError, SpoolFile, SpoolId, SpoolWriter, Spooled, SystemDisk,
};
pub use sqlite::SqliteStore;
pub use traffic::{ByState, Spend, TrafficChange, Usage, until_tomorrow};

use crate::ident::{ExchangeId, OfficerId, PartnerId, RequestId};
use crate::ledger::{Proof, SignedCheckpoint};
use crate::origin::Fingerprint;
use crate::partner::Breaker;
use crate::time::Time;

/// The interface between the gateway and a store. Several processes, and with some backends several machines, may use
/// one store at the same time. `tests/store/contract.rs` tests every backend against this contract.
///
/// - **Atomicity.** [`Store::commit`] applies every change, appends every entry and signs the new checkpoint, or does
///   none of it. It returns only after all of it is durable.
/// - **Compare and swap.** A row is written only if it is unchanged since it was read; otherwise the whole commit is
///   refused with [`StoreError::Conflict`], and the caller must read and decide again.
/// - **Recorded changes.** A change of a row's facts needs a ledger entry about it in the same commit. The store
///   stamps that entry with the new state and digests, so that [`Store::verify`] can compare rows with the ledger.
/// - **Ordering.** Commits are ordered. A query that begins after a commit returned sees it, from any process.
/// - **Outcome.** [`StoreError::Conflict`], [`StoreError::Illegal`], [`StoreError::Unrecorded`],
///   [`StoreError::Busy`], [`StoreError::Stopped`] and [`StoreError::Full`] mean that nothing was written. After
///   [`StoreError::Broken`] the outcome is unknown until the store is opened again: the caller must neither assume
///   success nor retry on the same handle. The same applies if the future is dropped before it completes.
#[async_trait]
pub trait Store: Send + Sync {
    /// Makes a commit durable. Commits that wait at the same time share one transaction and one checkpoint.
    async fn commit(&self, commit: Commit) -> Result<Committed, StoreError>;

    /// Returns the node to which this store belongs.
    async fn node(&self) -> Result<Node, StoreError>;
    /// Returns counters that increase when any process changes anything, or changes partners, officers or settings.
    async fn generations(&self) -> Result<Generations, StoreError>;
    /// Returns the number of rows of each kind.
    async fn counts(&self) -> Result<Counts, StoreError>;
    /// Returns a setting by name.
    async fn setting(&self, name: &str) -> Result<Option<Setting>, StoreError>;

    /// Returns a partner.
    async fn partner(&self, id: &PartnerId) -> Result<Option<Partner>, StoreError>;
    /// Returns all partners, ordered by name.
    async fn partners(&self) -> Result<Vec<Partner>, StoreError>;
    /// Returns an officer.
    async fn officer(&self, id: &OfficerId) -> Result<Option<Officer>, StoreError>;
    /// Returns all officers, ordered by name.
    async fn officers(&self) -> Result<Vec<Officer>, StoreError>;

    /// Returns a request.
    async fn request(&self, id: &RequestId) -> Result<Option<Request>, StoreError>;
    /// Returns a request with its exchanges and approvals.
    async fn whole_request(&self, id: &RequestId) -> Result<Option<WholeRequest>, StoreError>;
    /// Returns requests, newest first.
    async fn requests(&self, filter: &RequestFilter) -> Result<Vec<Request>, StoreError>;
    /// Returns the identifiers of all requests.
    async fn request_ids(&self) -> Result<BTreeSet<RequestId>, StoreError>;
    /// Returns requests that have at least one approval and an exchange that awaits its release, ordered by urgency
    /// and then by age, oldest first.
    async fn approved_waiting(&self) -> Result<Vec<Waiting>, StoreError>;
    /// Returns the approvals of a request, in the order they were given.
    async fn approvals(&self, request: &RequestId) -> Result<Vec<Approval>, StoreError>;

    /// Returns the officers' statements about any of these subjects, approvals excluded, in the order they were
    /// given.
    async fn statements(&self, subjects: &[String]) -> Result<Vec<Statement>, StoreError>;

    /// Returns an exchange.
    async fn exchange(&self, id: &ExchangeId) -> Result<Option<Exchange>, StoreError>;
    /// Returns the sealed payload stored inline with the exchange's row, if there is one.
    async fn inline_payload(&self, id: &ExchangeId) -> Result<Option<Bytes>, StoreError>;
    /// Returns which of these fingerprints, plain or not, are on record: for each print and sender, the first
    /// exchange that carried it. The sender is `None` for this node.
    async fn find_prints(&self, prints: &BTreeSet<Fingerprint>) -> Result<Vec<RecordedPrint>, StoreError>;
    /// Returns exchanges, newest first. The inbox is the inbound exchanges in state `received`.
    async fn exchanges(&self, filter: &ExchangeFilter) -> Result<Vec<Exchange>, StoreError>;
    /// Returns unclaimed exchanges that may be tried at `now`, most urgent first and first in, first out within a
    /// precedence. For each active partner there are at most `per_partner` queued ones, and at most as many that were
    /// stopped or have expired and whose receipt is still to be requested.
    async fn due(&self, now: Time, per_partner: u32) -> Result<Vec<Due>, StoreError>;
    /// Returns the oldest queued exchange of each precedence for a partner, whether or not it is due or claimed: the
    /// only ones that may be sent where delivery in order was agreed.
    async fn oldest_queued(&self, partner: &PartnerId, now: Time) -> Result<Vec<ExchangeId>, StoreError>;
    /// Returns what was used of a partner's quotas on a day, by direction. A direction without traffic is absent.
    async fn usage(&self, partner: &PartnerId, day: Date) -> Result<BTreeMap<Direction, Usage>, StoreError>;
    /// Returns the exchanges that came from a partner and are in one of these states: count and offered payload
    /// bytes, by state.
    async fn inbound_usage(&self, partner: &PartnerId, states: &[ExchangeState]) -> Result<ByState, StoreError>;
    /// Returns all stored circuit breakers, by partner.
    async fn breakers(&self) -> Result<BTreeMap<PartnerId, Breaker>, StoreError>;
    /// Returns the largest checkpoint seen of a partner's ledger, as its signed text.
    async fn partner_checkpoint(&self, partner: &PartnerId) -> Result<Option<String>, StoreError>;
    /// Returns exchanges whose title, subjects, purpose, partner, contact, marking or product identifier contain all
    /// of `words`, best match first. Every character of `words` is taken literally.
    async fn search(&self, words: &str, limit: u32) -> Result<Vec<SearchHit>, StoreError>;

    /// Returns the signed checkpoint of the ledger.
    async fn head(&self) -> Result<SignedCheckpoint, StoreError>;
    /// Returns at most `limit` ledger entries from index `first` on.
    async fn entries(&self, first: u64, limit: u32) -> Result<Vec<IndexedEntry>, StoreError>;
    /// Returns all ledger entries about a subject, oldest first.
    async fn entries_about(&self, subject: &str) -> Result<Vec<IndexedEntry>, StoreError>;
    /// Returns a proof that entry `index` is in the ledger with checkpoint `head`.
    async fn prove_inclusion(&self, index: u64, head: &SignedCheckpoint) -> Result<Proof, StoreError>;
    /// Returns a proof that the ledger with checkpoint `head` extends the ledger of `old` entries.
    async fn prove_consistency(&self, old: u64, head: &SignedCheckpoint) -> Result<Proof, StoreError>;
    /// Checks everything: entries against the tree, the tree against signed checkpoints, rows against entries. An
    /// `Err` means that the check could not be performed; the findings are in the [`Verification`].
    async fn verify(&self) -> Result<Verification, StoreError>;

    /// Checks one part of the backend's storage for damage; [`Store::verify`] checks all of it. A backend without
    /// files of its own has nothing to check.
    async fn check_part(&self, _part: Part) -> Result<PartCheck, StoreError> {
        Ok(PartCheck::default())
    }
    /// Checks the backend's storage for obvious damage, for at most `budget`.
    async fn quick_check(&self, _budget: Duration) -> Result<Vec<Disagreement>, StoreError> {
        Ok(Vec::new())
    }

    /// Completes pending writes and closes the store; later commits are refused.
    async fn close(&self);
}
