//! The query language: filters that every backend understands, and the shapes of answers.

use std::collections::{BTreeMap, BTreeSet};

use super::{Approval, Direction, Exchange, ExchangeKind, ExchangeState, Request, RequestState, Statement};
use crate::ident::{ExchangeId, PartnerId, RequestId};
use crate::ledger::Entry;
use crate::origin::Fingerprint;
use crate::precedence::Precedence;
use crate::time::Time;

/// A print on record.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct PrintedBy {
    /// The print.
    pub print: Fingerprint,
    /// Who sent what it is of; `None` for ourselves.
    pub sender: Option<PartnerId>,
    /// By which exchange first.
    pub exchange: ExchangeId,
}

/// Counters that only grow, and the latest time on record; equal counters mean that nothing was changed in between.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Generations {
    /// Moves with every transaction.
    pub all: u64,
    /// Moves when a partner, an officer, an officer's statement or a setting changes: what trust and policy are loaded from.
    pub roster: u64,
    /// Moves when an approval is put on record.
    pub approvals: u64,
    /// The latest time on record, which a clock that is right is not behind of.
    pub clock_high: Time,
}

/// A request that waits for its release and has approvals.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Waiting {
    /// The request.
    pub request: RequestId,
    /// How many approvals are on record for it.
    pub approvals: u64,
    /// How urgent its exchanges are.
    pub precedence: Precedence,
}

/// An exchange that may be tried, as far as its turn depends on it: many are listed for each that is begun.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Due {
    /// The exchange.
    pub exchange: ExchangeId,
    /// To whom.
    pub partner: PartnerId,
    /// What it carries.
    pub kind: ExchangeKind,
    /// How urgent it is.
    pub precedence: Precedence,
    /// How often it was tried.
    pub attempts: u32,
    /// The length of its sealed payload in bytes, if it has one.
    pub payload_size: Option<u64>,
    /// Why it waits, if that was put on record.
    pub reason: Option<String>,
    /// When its row last changed.
    pub updated: Time,
    /// It was stopped, and may be with the partner all the same: nothing of it is sent, its receipt is asked for.
    pub asks: bool,
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
            asks: row.state != ExchangeState::Queued,
        }
    }
}

/// A request with all that is decided upon with it, as it stood at one moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WholeRequest {
    /// The request.
    pub request: Request,
    /// Its exchanges, newest first.
    pub exchanges: Vec<Exchange>,
    /// The approvals that were given of it, in the order they were given.
    pub approvals: Vec<Approval>,
    /// What its submitter signed.
    pub submission: Option<Statement>,
}

/// Which exchanges to list. What is left at its default does not restrict.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ExchangeFilter {
    /// Only those going this way.
    pub direction: Option<Direction>,
    /// Only those in one of these states; empty for all.
    pub states: BTreeSet<ExchangeState>,
    /// Only those with this partner.
    pub partner: Option<PartnerId>,
    /// Only those of this request.
    pub request: Option<RequestId>,
    /// Only those that carry this.
    pub kind: Option<ExchangeKind>,
    /// Only those that withdraw or replace what this one carried.
    pub about: Option<ExchangeId>,
    /// Only those that a process has claimed, whether or not its claim has ended.
    pub claimed: bool,
    /// Only those of the product of this number.
    pub product_id: Option<String>,
    /// Only those whose number is in this range, both ends included.
    pub between: Option<(ExchangeId, ExchangeId)>,
    /// Only those made before this one: the last of the page before.
    pub before: Option<ExchangeId>,
    /// How many; 0 stands for 100.
    pub limit: u32,
}

/// Which requests to list. What is left at its default does not restrict.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RequestFilter {
    /// Only those in one of these states; empty for all.
    pub states: BTreeSet<RequestState>,
    /// Only those whose number is in this range, both ends included.
    pub between: Option<(RequestId, RequestId)>,
    /// Only those made before this one: the last of the page before.
    pub before: Option<RequestId>,
    /// Only those whose time has passed by then.
    pub expired_by: Option<Time>,
    /// How many; 0 stands for 100.
    pub limit: u32,
}

/// One answer to a search.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    /// The exchange.
    pub exchange: Exchange,
    /// The place that matched, the words between `⟦` and `⟧`. It may hold part of the title, so it is to be shown
    /// only where the title may be.
    pub snippet: String,
}

/// One ledger entry with its place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recorded {
    /// Its number, from 0.
    pub index: u64,
    /// What it says.
    pub entry: Entry,
    /// Its exact bytes: the leaf of the tree.
    pub bytes: Vec<u8>,
}

/// How much of everything there is.
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
