//! The store: records, ledger and sealed payloads of a node.
//!
//! A commit comes in: changes of rows, and the ledger entries that record them. They become durable in one transaction, under
//! one newly signed checkpoint, before anything outside can see their effect. Rows, proofs, and answers to searches go out.
//!
//! It decides nothing and opens nothing: of a product it keeps ciphertext, digests, and what its marking allows to be shown. It
//! refuses a change of a row that was changed since it was read, a step that the state table does not list, a change that no
//! ledger entry records, and, after one failed write, every further write until it is opened again.
//!
//! What every backend shares stands outside `sqlite`: rows and state table, facts and stamps, queries, the codec of rows, the
//! rules of a commit, reconciliation.

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

pub use change::{Change, Commit, Committed, Stands};
pub use checkpoint_files::{CheckpointFiles, FoundCheckpoints, RESTORED};
pub use error::StoreError;
pub use evidence::{Disagreement, Part, PartCheck, Verification};
pub use inline_payload::inline_payload;
pub use proved::{FactsSnapshot, ProvedStore, SnapshotDigest};
pub use query::{
    Counts, Due, ExchangeFilter, Found, Generations, PrintedBy, Recorded, RequestFilter, Waiting, WholeRequest,
};
pub use reconcile::{Reconcile, ReconcileError, awaited, is_needed, is_orphan, reconcile};
pub use reconciled::Reconciled;
pub use rows::{
    Approval, Direction, Exchange, ExchangeKind, ExchangeState, Lease, Node, Officer, OfficerState, Partner,
    PartnerState, Payload, Recalled, Request, RequestState, Setting, Statement, StatementKind, Version, legal,
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

/// What the gateway asks of a store. Several processes, and with some backends several machines, may use one store
/// at once; `tests/store/contract.rs` holds every backend to what is written here.
///
/// - **All or nothing.** [`Store::commit`] applies every change, appends every entry and signs the new head, or does
///   none of it. It returns only after all of it is durable.
/// - **Compare and swap.** A row is written only if it is still the one that was read; otherwise the whole commit is
///   refused with [`StoreError::Conflict`], and the caller reads again and decides again.
/// - **Recorded.** A change to what a row is evidence of needs a ledger entry about it in the same commit. The store
///   stamps that entry with the new state and digests, so that [`Store::verify`] can hold rows against the ledger.
/// - **Order.** Commits are ordered; a query begun after a commit returned sees it, from any process.
/// - **Outcome.** [`StoreError::Conflict`], [`StoreError::Illegal`], [`StoreError::Unrecorded`], [`StoreError::Busy`],
///   [`StoreError::Stopped`] and [`StoreError::Full`] mean that nothing happened. [`StoreError::Broken`] means that it is not known until the
///   store is opened again; acting as if it had happened is wrong, and so is trying again on the same handle. The
///   same holds when the future is dropped before it is done.
#[async_trait]
pub trait Store: Send + Sync {
    /// Makes one commit durable; commits that wait at the same time share one transaction and one checkpoint.
    async fn commit(&self, commit: Commit) -> Result<Committed, StoreError>;

    /// The node this store belongs to.
    async fn node(&self) -> Result<Node, StoreError>;
    /// Counters that move when anything, or when partners, officers or settings, were changed by any process.
    async fn generations(&self) -> Result<Generations, StoreError>;
    /// How much of everything there is.
    async fn counts(&self) -> Result<Counts, StoreError>;
    /// A setting by name.
    async fn setting(&self, name: &str) -> Result<Option<Setting>, StoreError>;

    /// One partner.
    async fn partner(&self, id: &PartnerId) -> Result<Option<Partner>, StoreError>;
    /// All partners, by name.
    async fn partners(&self) -> Result<Vec<Partner>, StoreError>;
    /// One officer.
    async fn officer(&self, id: &OfficerId) -> Result<Option<Officer>, StoreError>;
    /// All officers, by name.
    async fn officers(&self) -> Result<Vec<Officer>, StoreError>;

    /// One request.
    async fn request(&self, id: &RequestId) -> Result<Option<Request>, StoreError>;
    /// One request with its exchanges and approvals.
    async fn whole_request(&self, id: &RequestId) -> Result<Option<WholeRequest>, StoreError>;
    /// Requests, newest first.
    async fn requests(&self, filter: &RequestFilter) -> Result<Vec<Request>, StoreError>;
    /// The numbers of all requests there are rows of.
    async fn request_ids(&self) -> Result<BTreeSet<RequestId>, StoreError>;
    /// Requests with an exchange that waits for its release and with at least one approval, the most urgent first and
    /// then the eldest: what may have to be decided upon, without reading what nobody has approved.
    async fn approved_waiting(&self) -> Result<Vec<Waiting>, StoreError>;
    /// The approvals of a request, in the order they were given.
    async fn approvals(&self, request: &RequestId) -> Result<Vec<Approval>, StoreError>;

    /// What officers signed about any of these subjects besides approvals, in the order it was given.
    async fn statements(&self, subjects: &[String]) -> Result<Vec<Statement>, StoreError>;

    /// One exchange.
    async fn exchange(&self, id: &ExchangeId) -> Result<Option<Exchange>, StoreError>;
    /// The sealed payload that is kept inline, beside the exchange's row, if one is.
    async fn inline_payload(&self, id: &ExchangeId) -> Result<Option<Bytes>, StoreError>;
    /// Which of these prints are on record, plain or not: by print, who sent it and by which exchange first; `None` for ourselves.
    async fn printed(&self, prints: &BTreeSet<Fingerprint>) -> Result<Vec<PrintedBy>, StoreError>;
    /// Exchanges, newest first; the inbox is the inbound ones that are `received`.
    async fn exchanges(&self, filter: &ExchangeFilter) -> Result<Vec<Exchange>, StoreError>;
    /// Exchanges that may be tried at `now` and that nobody has claimed, most urgent first and first in first out within
    /// a precedence: at most `per_partner` for each active partner of those that are queued, and as many of those that
    /// were stopped or have expired and whose receipt is to be asked for.
    async fn due(&self, now: Time, per_partner: u32) -> Result<Vec<Due>, StoreError>;
    /// The oldest queued exchange of each precedence for a partner, whether or not it is due or claimed: what goes first
    /// where order was agreed.
    async fn eldest(&self, partner: &PartnerId, now: Time) -> Result<Vec<ExchangeId>, StoreError>;
    /// What was spent with a partner on a day, by direction; a direction in which nothing was is left out.
    async fn usage(&self, partner: &PartnerId, day: Date) -> Result<BTreeMap<Direction, Usage>, StoreError>;
    /// What came from a partner and is in one of these states: exchanges, and their payloads' sizes as offered, by state.
    async fn held(&self, partner: &PartnerId, states: &[ExchangeState]) -> Result<ByState, StoreError>;
    /// The circuit breakers that were ever written, by partner.
    async fn breakers(&self) -> Result<BTreeMap<PartnerId, Breaker>, StoreError>;
    /// The greatest head of a partner's ledger that was seen, as its signed text.
    async fn witnessed(&self, partner: &PartnerId) -> Result<Option<String>, StoreError>;
    /// Exchanges whose title, subjects, purpose, partner, contact, marking or product number contain all of `words`,
    /// best match first. Every character of `words` is taken literally.
    async fn search(&self, words: &str, limit: u32) -> Result<Vec<Found>, StoreError>;

    /// The signed head of the ledger.
    async fn head(&self) -> Result<SignedCheckpoint, StoreError>;
    /// Ledger entries from number `first` on, at most `limit`.
    async fn entries(&self, first: u64, limit: u32) -> Result<Vec<Recorded>, StoreError>;
    /// All ledger entries about one subject, oldest first.
    async fn entries_about(&self, subject: &str) -> Result<Vec<Recorded>, StoreError>;
    /// Proof that entry `index` is in the ledger with head `head`.
    async fn prove_inclusion(&self, index: u64, head: &SignedCheckpoint) -> Result<Proof, StoreError>;
    /// Proof that the ledger with head `head` begins with the ledger of `old` entries.
    async fn prove_consistency(&self, old: u64, head: &SignedCheckpoint) -> Result<Proof, StoreError>;
    /// Checks everything: entries against tree, tree against signed checkpoints, rows against entries. An `Err` means
    /// that the check could not be made; what it found is in the [`Verification`].
    async fn verify(&self) -> Result<Verification, StoreError>;

    /// Checks one part of what the backend keeps for damage; [`Store::verify`] checks all of it at once. A backend without files
    /// of its own has nothing to check.
    async fn check_part(&self, _part: Part) -> Result<PartCheck, StoreError> {
        Ok(PartCheck::default())
    }
    /// Checks what the backend keeps for obvious damage, for at most this long.
    async fn quick_check(&self, _budget: Duration) -> Result<Vec<Disagreement>, StoreError> {
        Ok(Vec::new())
    }

    /// Finishes what is being written and lets go of the store; later commits are refused.
    async fn close(&self);
}
