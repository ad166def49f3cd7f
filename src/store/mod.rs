//! The store: the node's memory. Every state change and the ledger entries that record it become durable in one
//! transaction, under one freshly signed checkpoint, before anything outside can see its effect; searching it is the
//! knowledge store.
//!
//! It refuses to decide anything and to open anything: what it keeps of a product is ciphertext, digests and what its
//! marking allows to be shown. It refuses a change whose row has changed since it was read, a step that the state
//! table does not allow, a change that no ledger entry records, and, after one failed write to disk, every further
//! write until it is opened again.

mod change;
mod error;
mod evidence;
mod exchange;
mod flow;
mod kept;
mod own_heads;
mod proved;
mod query;
mod reconcile;
mod rows;
pub mod rules;
mod spool;
mod sqlite;
mod state;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::civil::Date;

pub use change::{Change, Commit, Committed, Stands};
pub use error::StoreError;
pub use evidence::{Disagreement, Examined, Part, Verification};
pub use exchange::{Direction, Exchange, ExchangeKind, KEPT_BYTES_MAX, Lease, Payload, Recalled};
pub use flow::{ByState, FlowChange, Spend, Usage, until_tomorrow};
pub use kept::kept;
pub use own_heads::{FoundHeads, OwnHeads, RESTORED};
pub use proved::{FactsImage, KeptFacts, ProvedStore};
pub use query::{
    Counts, Due, ExchangeFilter, Found, Generations, PrintedBy, Recorded, RequestFilter, Waiting, WholeRequest,
};
pub use reconcile::{Reconcile, ReconcileError, Reconciled, awaited, is_needed, is_orphan, reconcile};
pub use rows::{
    Approval, Node, Officer, OfficerState, Partner, PartnerState, Request, RequestState, Setting, Statement,
    StatementKind, Version,
};
pub use spool::{
    Disk, Held, Listing, Loose, Lost, NotASpoolId, Note, PayloadCursor, PayloadReader, Promise, Spool, SpoolError,
    SpoolFile, SpoolId, SpoolWriter, Spooled, SystemDisk, Whole,
};
pub use sqlite::SqliteStore;
pub use state::{ExchangeState, legal};

use crate::ident::{ExchangeId, OfficerId, PartnerId, RequestId};
use crate::ledger::{Proof, SignedCheckpoint};
use crate::origin::Print;
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
    /// The sealed payload that is kept beside an exchange's row, if one is.
    async fn kept_payload(&self, id: &ExchangeId) -> Result<Option<Bytes>, StoreError>;
    /// Which of these prints are on record, plain or not: by print, who sent it and by which exchange first; `None` for ourselves.
    async fn printed(&self, prints: &BTreeSet<Print>) -> Result<Vec<PrintedBy>, StoreError>;
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

    /// Looks for damage in one part of what the backend keeps, as [`Store::verify`] does in all of it at once. A backend
    /// that keeps no file of its own has nothing to look at.
    async fn examine(&self, _part: Part) -> Result<Examined, StoreError> {
        Ok(Examined::default())
    }
    /// Looks over what the backend keeps for at most this long, and gives what is plainly damaged.
    async fn glance(&self, _budget: Duration) -> Result<Vec<Disagreement>, StoreError> {
        Ok(Vec::new())
    }

    /// Finishes what is being written and lets go of the store; later commits are refused.
    async fn close(&self);
}
