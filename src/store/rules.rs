//! The rules of a commit, the same for every backend: the row is unchanged since it was read, the transition is
//! allowed, and the commit has a ledger entry about it, which is stamped with the new facts.

use std::collections::BTreeMap;

use super::evidence::{self, Evidence, Facts};
use super::{
    Approval, Change, Disagreement, Exchange, ExchangeState, INLINE_BYTES_MAX, Lease, Officer, OfficerState, Partner,
    Payload, Request, Setting, Statement, StoreError, Version,
};
use crate::approval::{NamedRecord, namesake};
use crate::digest::Digest;
use crate::ident::ExchangeId;
use crate::ledger::{ABSENT, Entry, WHOLE_EXCHANGE, WHOLE_REQUEST};
use crate::time::Time;

/// A row of any kind.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "each variant holds the row of its own name, documented there")]
pub enum Row {
    Partner(Partner),
    Officer(Officer),
    Request(Request),
    Exchange(Box<Exchange>),
    Approval(Approval),
    Statement(Statement),
    Setting(Setting),
}

/// Applies one change to the row it is about, as the backend has it: for an approval, one of the same exchange by the
/// same officer; for a statement, one of the same kind about the same subject; for a claim, the exchange. Stamps
/// `entries`, and returns the row to store.
///
/// # Errors
/// [`StoreError::Conflict`], [`StoreError::Illegal`] or [`StoreError::Unrecorded`]; the whole commit is then refused.
pub fn apply(change: &Change, before: Option<&Row>, entries: &mut [Entry]) -> Result<Row, StoreError> {
    macro_rules! before {
        ($kind:ident) => {
            match before {
                Some(Row::$kind(row)) => Some(row),
                _ => None,
            }
        };
    }
    Ok(match change {
        Change::Partner(row) => {
            let before = partner(row, before!(Partner))?;
            let row = Partner { version: row.version.next(), ..(**row).clone() };
            stamp(entries, &row, before)?;
            Row::Partner(row)
        }
        Change::Officer(row) => {
            let before = officer(row, before!(Officer))?;
            let row = Officer { version: row.version.next(), ..(**row).clone() };
            stamp(entries, &row, before)?;
            Row::Officer(row)
        }
        Change::Request(row) => {
            stamp(entries, &**row, request(row, before!(Request))?)?;
            Row::Request(Request { version: row.version.next(), ..(**row).clone() })
        }
        Change::Setting(row) => {
            let before = setting(row, before!(Setting))?;
            let row = Setting { version: row.version.next(), ..(**row).clone() };
            stamp(entries, &row, before)?;
            Row::Setting(row)
        }
        Change::Approval(row) => {
            stamp(entries, &**row, approval(row, before.is_some())?)?;
            Row::Approval((**row).clone())
        }
        Change::Statement(row) => {
            stamp(entries, &**row, statement(row, before.is_some())?)?;
            Row::Statement((**row).clone())
        }
        Change::Exchange { row, by, .. } => {
            let before = before!(Exchange).map(|row| &**row);
            let (facts, keeps_lease) = exchange(row, before, by.as_deref())?;
            stamp(entries, &**row, facts)?;
            let lease = before.and_then(|before| before.lease.clone()).filter(|_| keeps_lease);
            let header = row.stored_header().cloned();
            Row::Exchange(Box::new(Exchange { version: row.version.next(), lease, header, ..(**row).clone() }))
        }
        Change::Claim { exchange, owner, now, until } => {
            let row = before!(Exchange).filter(|row| may_claim(row, owner, *now));
            let row = row.ok_or_else(|| cannot_claim(exchange, before!(Exchange).map(|row| &**row)))?;
            let lease = Some(Lease { owner: owner.clone(), until: *until });
            Row::Exchange(Box::new(Exchange { lease, ..Exchange::clone(row) }))
        }
        Change::Unclaim { exchange, owner } => {
            let row = before!(Exchange).ok_or_else(|| cannot_claim(exchange, None))?;
            let lease = row.lease.clone().filter(|lease| lease.owner != *owner);
            Row::Exchange(Box::new(Exchange { lease, ..Exchange::clone(row) }))
        }
        Change::Traffic(_) | Change::SweepPayloads { .. } | Change::Prints { .. } => {
            let why = "it belongs to no row: the backend applies it itself".to_owned();
            return Err(StoreError::Illegal { what: "a change of traffic, payloads or prints".into(), why });
        }
    })
}

/// Returns where `rows` differ from the stamps in `entries`, which are in ledger order.
pub fn disagreements<'a>(rows: &[Row], entries: impl IntoIterator<Item = &'a Entry>) -> Vec<Disagreement> {
    let mut stamps: BTreeMap<(String, String), String> = BTreeMap::new();
    for entry in entries {
        for (fact, value) in entry.stamps() {
            stamps.insert((entry.subject().to_owned(), fact.to_owned()), value.to_owned());
        }
    }
    let mut found = Vec::new();
    for row in rows.iter().map(Row::evidence) {
        for (fact, value) in row.facts() {
            let recorded = stamps.remove(&(row.subject(), fact.clone())).unwrap_or_else(|| ABSENT.to_owned());
            if recorded != value {
                found.push(Disagreement { what: row.what(), fact, recorded, found: value });
            }
        }
    }
    let unbacked = stamps.into_iter().filter(|(_, recorded)| recorded != ABSENT);
    found.extend(unbacked.map(|((what, fact), recorded)| Disagreement { what, fact, recorded, found: ABSENT.into() }));
    found
}

impl Row {
    fn evidence(&self) -> &dyn Evidence {
        match self {
            Row::Partner(row) => row,
            Row::Officer(row) => row,
            Row::Request(row) => row,
            Row::Exchange(row) => &**row,
            Row::Approval(row) => row,
            Row::Statement(row) => row,
            Row::Setting(row) => row,
        }
    }
}

/// Refuses to change a row that does not match what the ledger proves about it, if that is given. Only changed facts
/// are stamped, so an alteration of the old row would otherwise pass as recorded.
pub(super) fn check_unaltered(row: &dyn Evidence, before: &Facts, proved: Option<&Facts>) -> Result<(), StoreError> {
    let Some(proved) = proved else { return Ok(()) };
    // About a finished exchange or request, the ledger only has the digest over all facts.
    let whole = [WHOLE_EXCHANGE, WHOLE_REQUEST].iter().any(|whole| proved.contains_key(*whole));
    let differs = evidence::changed(proved, before).into_keys().find(|fact| !whole || proved.contains_key(fact));
    differs.map_or(Ok(()), |fact| Err(StoreError::Altered { what: row.what(), fact }))
}

/// Stamps the last entry about `row` with the facts that changed since `before`.
pub(super) fn stamp(entries: &mut [Entry], row: &dyn Evidence, before: Facts) -> Result<(), StoreError> {
    let changed = evidence::changed(&before, &row.facts());
    if changed.is_empty() {
        return Ok(());
    }
    let subject = row.subject();
    let unrecorded = || StoreError::Unrecorded { what: row.what() };
    let entry = entries.iter_mut().rev().find(|entry| entry.subject() == subject).ok_or_else(unrecorded)?;
    for (name, value) in changed {
        entry.stamp(&name, &value).map_err(|_| unrecorded())?;
    }
    Ok(())
}

/// Checks a change of a partner. Returns its facts before the change.
pub(super) fn partner(row: &Partner, before: Option<&Partner>) -> Result<Facts, StoreError> {
    compare(row.what(), row.version, before.map(|b| b.version), before.map_or("", |b| b.state.as_str()))?;
    let moved = before.is_some_and(|b| b.added != row.added);
    refuse_if(row, moved.then(|| "the time of enrolment never changes".to_owned()))?;
    Ok(facts(before))
}

/// Checks a change of an officer. Returns its facts before the change.
pub(super) fn officer(row: &Officer, before: Option<&Officer>) -> Result<Facts, StoreError> {
    compare(row.what(), row.version, before.map(|b| b.version), before.map_or("", |b| b.state.as_str()))?;
    let fault = before.and_then(|b| {
        let back = b.state == OfficerState::Revoked && row.state != OfficerState::Revoked;
        let back = back.then(|| "a revoked officer stays revoked: enrol them anew under another identifier".to_owned());
        back.or_else(|| (b.added != row.added).then(|| "the time of enrolment never changes".to_owned()))
    });
    refuse_if(row, fault)?;
    Ok(facts(before))
}

/// Refuses an active officer whose name is spelled like that of another record, unless it is declared whether the two
/// are the same person. Call this in the transaction that writes, so that of two concurrent enrolments of one person
/// only one succeeds.
///
/// # Errors
/// [`StoreError::Illegal`] names the other record.
pub fn check_distinct_name(row: &Officer, others: &[Officer]) -> Result<(), StoreError> {
    fn named(row: &Officer) -> NamedRecord<'_> {
        NamedRecord { id: &row.id, name: &row.name, declared: &row.declared }
    }
    let other = match row.state {
        OfficerState::Active => namesake(named(row), others.iter().map(named)),
        // A wrong record can always be revoked.
        OfficerState::Revoked => None,
    };
    let why = |other| {
        format!("its name matches that of officer `{other}`, and it is not declared whether the two are one person")
    };
    refuse_if(row, other.map(why))
}

/// Checks a change of a setting. Returns its facts before the change.
pub(super) fn setting(row: &Setting, before: Option<&Setting>) -> Result<Facts, StoreError> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b);
    let named = (1..=32).contains(&row.name.len()) && row.name.bytes().all(allowed);
    refuse_if(row, (!named).then(|| "its name is not 1 to 32 of `a-z`, `0-9`, `-`, `_` and `.`".to_owned()))?;
    compare(row.what(), row.version, before.map(|b| b.version), "set")?;
    Ok(facts(before))
}

/// Checks a change of a request. Returns its facts before the change.
pub(super) fn request(row: &Request, before: Option<&Request>) -> Result<Facts, StoreError> {
    compare(row.what(), row.version, before.map(|b| b.version), before.map_or("", |b| b.state.as_str()))?;
    refuse_if(row, row.fault(before))?;
    Ok(facts(before))
}

/// Checks a new approval. `there` is true if this officer's approval of this exchange exists already.
pub(super) fn approval(row: &Approval, there: bool) -> Result<Facts, StoreError> {
    compare(row.what(), Version::NEW, there.then_some(Version(1)), "given")?;
    Ok(Facts::new())
}

/// Checks a new statement. `there` is true if a statement of this kind about this subject exists already.
pub(super) fn statement(row: &Statement, there: bool) -> Result<Facts, StoreError> {
    compare(row.what(), Version::NEW, there.then_some(Version(1)), "given")?;
    Ok(Facts::new())
}

/// Checks a change of an exchange. Returns its facts before the change, and whether it keeps its lease.
pub(super) fn exchange(
    row: &Exchange,
    before: Option<&Exchange>,
    by: Option<&str>,
) -> Result<(Facts, bool), StoreError> {
    compare(row.what(), row.version, before.map(|b| b.version), before.map_or("", |b| b.state.as_str()))?;
    // A receipt is recorded even while another process has a claim: it states a fact, and nothing has to be decided.
    let receipt = row.is_delivered() && before.is_some_and(|b| !b.is_delivered());
    if let Some(lease) = before.and_then(|b| b.lease.as_ref())
        && by != Some(&lease.owner)
        && lease.until > row.updated
        && !receipt
    {
        let expected = by.map_or("no claim".to_owned(), |owner| format!("claimed by {owner}"));
        let found = format!("claimed by {} until {}", lease.owner, lease.until);
        return Err(StoreError::Conflict { what: row.what(), expected, found });
    }
    refuse_if(row, row.fault(before))?;
    let same = before.is_some_and(|b| b.state == row.state);
    let keeps_lease = same || matches!(row.state, ExchangeState::Sending | ExchangeState::Receiving);
    Ok((facts(before), keeps_lease))
}

/// What happens to an exchange's inline payload when its row is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InlineChange {
    /// It is kept, if there is one.
    Keep,
    /// It is replaced by the one in the change.
    Replace,
    /// It is deleted: the exchange no longer needs it, or names another one.
    Delete,
}

/// Returns what happens to the inline payload of `row` when the row is written with `sealed`.
///
/// # Errors
/// [`StoreError::Illegal`] if `sealed` is too long to be stored inline, or not the payload that the row names and
/// needs.
pub fn inline_change(
    row: &Exchange,
    before: Option<&Exchange>,
    sealed: Option<&[u8]>,
) -> Result<InlineChange, StoreError> {
    // A taken product can be taken again until a later start deletes it, like files in the spool.
    let needed = row.payload.filter(|_| row.needs_payload() || row.state == ExchangeState::Taken);
    if let Some(sealed) = sealed {
        let size = sealed.len() as u64;
        let is_it =
            |named: Payload| named.size == size && size <= INLINE_BYTES_MAX && named.digest == Digest::of(sealed);
        let why = "the inline payload is too long, or not the one that the row names and needs";
        refuse_if(row, (!needed.is_some_and(is_it)).then(|| why.to_owned()))?;
        return Ok(InlineChange::Replace);
    }
    let before = before.and_then(|before| before.payload);
    if before.is_none() || needed == before { Ok(InlineChange::Keep) } else { Ok(InlineChange::Delete) }
}

/// The error for an exchange that is not in the store.
pub(super) fn no_such_exchange(id: &ExchangeId) -> StoreError {
    StoreError::Conflict { what: format!("exchange {id}"), expected: "on record".into(), found: "none".into() }
}

/// The error for an exchange that `owner` cannot claim: it does not exist, is not ready to send, or is claimed by
/// another process.
pub(super) fn cannot_claim(id: &ExchangeId, row: Option<&Exchange>) -> StoreError {
    let found = match row {
        None => "none".to_owned(),
        Some(Exchange { lease: Some(lease), .. }) => format!("claimed by {} until {}", lease.owner, lease.until),
        Some(row) => format!("`{}`", row.state),
    };
    StoreError::Conflict { what: format!("exchange {id}"), expected: "ready to send and not claimed".into(), found }
}

fn may_claim(row: &Exchange, owner: &str, now: Time) -> bool {
    use ExchangeState as S;
    // An exchange that was parked or held since it was listed as due must not be sent. One that was stopped, and that
    // the partner may have, can be claimed to request its receipt.
    (matches!(row.state, S::Queued | S::Sending) || row.needs_receipt_query())
        && row.lease.as_ref().is_none_or(|lease| lease.owner == owner || lease.until <= now)
}

/// Refuses if the row found is not the one that the caller read.
fn compare(what: String, version: Version, found: Option<Version>, state: &str) -> Result<(), StoreError> {
    let expected = match version {
        Version::NEW => "none".to_owned(),
        Version(n) => format!("version {n}"),
    };
    match found {
        None if version == Version::NEW => Ok(()),
        None => Err(StoreError::Conflict { what, expected, found: "none".into() }),
        Some(found) if found == version => Ok(()),
        Some(Version(n)) => Err(StoreError::Conflict { what, expected, found: format!("version {n}, `{state}`") }),
    }
}

fn refuse_if(row: &dyn Evidence, fault: Option<String>) -> Result<(), StoreError> {
    match fault {
        Some(why) => Err(StoreError::Illegal { what: row.what(), why }),
        None => Ok(()),
    }
}

fn facts<E: Evidence>(before: Option<&E>) -> Facts {
    before.map(Evidence::facts).unwrap_or_default()
}
