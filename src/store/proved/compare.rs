//! Comparison of rows with what the ledger proves: which facts differ.

use super::super::evidence::{Evidence, Facts};
use super::super::{Approval, Change, Disagreement, Exchange, Request, Statement, StatementKind, WholeRequest};
use crate::digest::Digest;
use crate::ident::RequestId;
use crate::ledger::{ABSENT, Proved, WHOLE_EXCHANGE, WHOLE_REQUEST, family};

/// A fact that differs, and the subject of the ledger entries about it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Different {
    /// The subject of the ledger entries.
    pub subject: String,
    /// The difference.
    pub what: Disagreement,
}

/// Returns the differences between all rows about a subject and the ledger's facts about it, within one family of
/// facts. A row that the ledger does not have is a difference, and so is one that the ledger has and the store does
/// not.
pub(super) fn rows<'r>(
    proved: Proved<'_>,
    subject: &str,
    of: &str,
    rows: impl IntoIterator<Item = &'r dyn Evidence>,
) -> Vec<Different> {
    let mut recorded = proved.facts(subject, of);
    let mut found = Vec::new();
    let mut named = None;
    for row in rows {
        for (fact, value) in row.facts() {
            let said = recorded.remove(fact.as_str()).unwrap_or(ABSENT);
            if said != value {
                found.push(Disagreement { what: row.what(), fact, recorded: said.to_owned(), found: value });
            }
        }
        named = Some(row.what());
    }
    let what = named.unwrap_or_else(|| format!("{of} {subject}"));
    found.extend(recorded.into_iter().map(|(fact, said)| Disagreement {
        what: what.clone(),
        fact: fact.to_owned(),
        recorded: said.to_owned(),
        found: ABSENT.to_owned(),
    }));
    found.into_iter().map(|what| Different { subject: subject.to_owned(), what }).collect()
}

/// Returns what the ledger proves about a row before this change: its subject, the family of its facts, and the
/// facts. `None` if the change writes no such row, or writes an exchange or a request that the ledger does not have.
/// A partner, an officer or a setting that the ledger does not have has no facts, so no row of it may exist.
pub(super) fn before(proved: Proved<'_>, change: &Change) -> Option<(String, &'static str, Facts)> {
    let (row, of) = written(change)?;
    let facts = proved.facts(&row.subject(), of).into_iter().filter(|(_, value)| *value != ABSENT);
    let mut facts: Facts = facts.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let settled = match change {
        Change::Exchange { row, .. } => proved.settled(&row.id).map(|whole| (WHOLE_EXCHANGE, whole)),
        Change::Request(row) => proved.settled_request(&row.id).map(|whole| (WHOLE_REQUEST, whole)),
        _ => None,
    };
    facts.extend(settled.map(|(name, whole)| (name.to_owned(), whole.to_string())));
    // An exchange or a request without facts in the ledger is new.
    let lasts = !matches!(change, Change::Request(_) | Change::Exchange { .. });
    (lasts || !facts.is_empty()).then(|| (row.subject(), of, facts))
}

/// Returns the row that a change writes and the family of its facts, if it is compared with the ledger before it is
/// written.
pub(super) fn written(change: &Change) -> Option<(&dyn Evidence, &'static str)> {
    match change {
        Change::Partner(row) => Some((&**row, "partner")),
        Change::Officer(row) => Some((&**row, "officer")),
        Change::Setting(row) => Some((&**row, "setting")),
        Change::Request(row) => Some((&**row, "request")),
        Change::Exchange { row, .. } => Some((&**row, "exchange")),
        _ => None,
    }
}

/// Compares a partner, an officer or a setting, or its absence.
pub(super) fn lasting<R: Evidence>(proved: Proved<'_>, subject: &str, of: &str, row: Option<&R>) -> Vec<Different> {
    rows(proved, subject, of, row.map(|row| row as &dyn Evidence))
}

/// Compares an exchange: fact by fact while it may still be sent, afterwards by the digest over all facts. An
/// exchange that only the ledger or only the store has is a difference.
pub(super) fn exchange(proved: Proved<'_>, subject: &str, row: Option<&Exchange>) -> Vec<Different> {
    if proved.fact(subject, "exchange.state").is_some() {
        return lasting(proved, subject, "exchange", row);
    }
    let settled = subject.parse().ok().and_then(|id| proved.settled(&id));
    finished(subject, WHOLE_EXCHANGE, settled, row)
}

/// Compares a finished row, by the digest over all of its facts.
fn finished<R: Evidence>(subject: &str, whole: &str, settled: Option<Digest>, row: Option<&R>) -> Vec<Different> {
    let absent = || ABSENT.to_owned();
    let recorded = settled.map_or_else(absent, |whole| whole.to_string());
    let found = row.and_then(|row| row.facts().remove(whole)).unwrap_or_else(absent);
    if recorded == found {
        return Vec::new();
    }
    let what = row.map_or_else(|| format!("{} {subject}", family(whole)), Evidence::what);
    let what = Disagreement { what, fact: whole.to_owned(), recorded, found };
    vec![Different { subject: subject.to_owned(), what }]
}

/// Compares a request, by the same rules. Its identifier is never reused, even after it is finished.
pub(super) fn request(proved: Proved<'_>, subject: &str, row: Option<&Request>) -> Vec<Different> {
    if proved.fact(subject, "request.product").is_some() {
        return lasting(proved, subject, "request", row);
    }
    let settled = subject.parse().ok().and_then(|id| proved.settled_request(&id));
    finished(subject, WHOLE_REQUEST, settled, row)
}

/// Compares the officers' statements about a subject: refusals and recalls always, a submission while its request is
/// still in use.
pub(super) fn statements(proved: Proved<'_>, subject: &str, said: &[Statement]) -> Vec<Different> {
    let of_use = proved.fact(subject, "request.product").is_some();
    let about = said.iter().filter(|row| row.subject == subject);
    let about = about.filter(|row| of_use || row.kind != StatementKind::Submission);
    rows(proved, subject, "statement", about.map(|row| row as &dyn Evidence))
}

/// Compares the approvals of an exchange while it may still be sent.
pub(super) fn approvals(proved: Proved<'_>, exchange: &str, given: &[Approval]) -> Vec<Different> {
    if proved.fact(exchange, "exchange.state").is_none() {
        return Vec::new();
    }
    let of = given.iter().filter(|row| row.subject() == exchange).map(|row| row as &dyn Evidence);
    rows(proved, exchange, "approval", of)
}

/// Compares a request with its exchanges and approvals. A missing exchange that may still be sent is a difference.
pub(super) fn whole(proved: Proved<'_>, subject: &str, whole: Option<&WholeRequest>) -> Vec<Different> {
    let Some(whole) = whole else { return request(proved, subject, None) };
    let mut found = request(proved, subject, Some(&whole.request));
    for row in &whole.exchanges {
        let id = row.subject();
        found.extend(exchange(proved, &id, Some(row)));
        found.extend(approvals(proved, &id, &whole.approvals));
    }
    let there = |id: &str| whole.exchanges.iter().any(|row| row.subject() == id);
    let all = subject.parse().ok().into_iter().flat_map(|id: RequestId| proved.exchanges_of(id));
    for id in all.map(|id| id.to_string()).filter(|id| !there(id)) {
        found.extend(exchange(proved, &id, None));
    }
    found.extend(submission(proved, subject, whole.submission.as_ref()));
    found
}

/// Compares the submitter's signed statement, while the ledger keeps the facts of the request.
fn submission(proved: Proved<'_>, subject: &str, row: Option<&Statement>) -> Vec<Different> {
    let fact = format!("statement.{}", StatementKind::Submission);
    let recorded = proved.fact(subject, &fact).unwrap_or(ABSENT).to_owned();
    let found = row.and_then(|row| row.facts().remove(&fact)).unwrap_or_else(|| ABSENT.to_owned());
    if proved.fact(subject, "request.product").is_none() || recorded == found {
        return Vec::new();
    }
    let what = format!("submission of {subject}");
    vec![Different { subject: subject.to_owned(), what: Disagreement { what, fact, recorded, found } }]
}
