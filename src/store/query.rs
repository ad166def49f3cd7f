//! Queries: filters that every backend implements, and the types of answers.

use std::collections::{BTreeMap, BTreeSet};

use super::{Approval, Direction, Exchange, ExchangeKind, ExchangeState, Request, RequestState, Statement};
use crate::ident::{ExchangeId, PartnerId, RequestId};
use crate::ledger::Entry;
use crate::origin::Fingerprint;
use crate::precedence::Precedence;
use crate::time::Time;

/// A fingerprint on record.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct RecordedPrint {
    /// The fingerprint.
    pub print: Fingerprint,
    /// Who sent the content; `None` for this node.
    pub sender: Option<PartnerId>,
    /// The first exchange that carried it.
    pub exchange: ExchangeId,
}

/// Counters that only increase, and the latest recorded time. Equal counters mean that nothing changed in between.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Generations {
    /// Increases with every transaction.
    pub all: u64,
    /// Increases when a partner, an officer, an officer's statement or a setting changes: the rows from which trust
    /// and policy are loaded.
    pub roster: u64,
    /// Increases when an approval is recorded.
    pub approvals: u64,
    /// The latest recorded time; a correct clock is not behind it.
    pub clock_high: Time,
}

/// A request that awaits its release and has approvals.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Waiting {
    /// The request.
    pub request: RequestId,
    /// Number of its approvals on record.
    pub approvals: u64,
    /// The precedence of its exchanges.
    pub precedence: Precedence,
}

/// An exchange that may be tried, reduced to the fields that decide its order: many are listed for each one that is
/// started.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Due {
    /// The exchange.
    pub exchange: ExchangeId,
    /// The recipient.
    pub partner: PartnerId,
    /// What the exchange carries.
    pub kind: ExchangeKind,
    /// Its precedence.
    pub precedence: Precedence,
    /// Number of delivery attempts so far.
    pub attempts: u32,
    /// Length of its sealed payload in bytes, if it has one.
    pub payload_size: Option<u64>,
    /// Why it waits, if that was recorded.
    pub reason: Option<String>,
    /// When its row last changed.
    pub updated: Time,
    /// Whether it was stopped although the partner may have it: nothing is sent, only its receipt is requested.
    pub receipt_query: bool,
}

impl From<&Exchange> for Due {
    fn from(row: &Exchange) -> Due {
        Due {
            exchange: row.id,
            partner: row.partner.clone(),
            kind: row.kind,
            precedence: row.precedence,
            attempts: row.attempts,
            payload_size: row.payload.map(|payload| payload.size),
            reason: row.reason.clone(),
            updated: row.updated,
            receipt_query: row.state != ExchangeState::Queued,
        }
    }
}

/// A request with everything that decisions about it need, read in one transaction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WholeRequest {
    /// The request.
    pub request: Request,
    /// Its exchanges, newest first.
    pub exchanges: Vec<Exchange>,
    /// Its approvals, in the order they were given.
    pub approvals: Vec<Approval>,
    /// The submitter's signed statement.
    pub submission: Option<Statement>,
}

/// Which exchanges to list. A field at its default does not restrict the list.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ExchangeFilter {
    /// Only those in this direction.
    pub direction: Option<Direction>,
    /// Only those in one of these states; empty for all.
    pub states: BTreeSet<ExchangeState>,
    /// Only those with this partner.
    pub partner: Option<PartnerId>,
    /// Only those of this request.
    pub request: Option<RequestId>,
    /// Only those that carry this kind of content.
    pub kind: Option<ExchangeKind>,
    /// Only those that recall or replace the content of this exchange.
    pub about: Option<ExchangeId>,
    /// Only those that a process has claimed, including expired claims.
    pub claimed: bool,
    /// Only those of the product with this identifier.
    pub product_id: Option<String>,
    /// Only those whose identifier is in this range, both ends included.
    pub between: Option<(ExchangeId, ExchangeId)>,
    /// Only those created before this one: the last one of the previous page.
    pub before: Option<ExchangeId>,
    /// Maximum number of rows; 0 means 100.
    pub limit: u32,
}

/// Which requests to list. A field at its default does not restrict the list.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RequestFilter {
    /// Only those in one of these states; empty for all.
    pub states: BTreeSet<RequestState>,
    /// Only those whose identifier is in this range, both ends included.
    pub between: Option<(RequestId, RequestId)>,
    /// Only those created before this one: the last one of the previous page.
    pub before: Option<RequestId>,
    /// Only those that expire at or before this time.
    pub expired_by: Option<Time>,
    /// Maximum number of rows; 0 means 100.
    pub limit: u32,
}

/// One result of a search.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SearchHit {
    /// The exchange.
    pub exchange: Exchange,
    /// The text that matched, with the words between `⟦` and `⟧`. It may contain part of the title, so show it only
    /// where the title may be shown.
    pub snippet: String,
}

/// A ledger entry with its index.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IndexedEntry {
    /// Its index, from 0.
    pub index: u64,
    /// The decoded entry.
    pub entry: Entry,
    /// Its exact bytes: the leaf of the tree.
    pub bytes: Vec<u8>,
}

/// Number of rows of each kind.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Exchanges by direction and state.
    pub exchanges: BTreeMap<(Direction, ExchangeState), u64>,
    /// Requests by state.
    pub requests: BTreeMap<RequestState, u64>,
    /// Partners.
    pub partners: u64,
    /// Officers.
    pub officers: u64,
    /// Ledger entries.
    pub entries: u64,
}
