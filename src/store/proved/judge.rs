//! Rows held against what the ledger proves of them: which facts differ.

use super::super::evidence::{Evidence, Facts};
use super::super::{Approval, Change, Disagreement, Exchange, Request, Statement, StatementKind, WholeRequest};
use crate::ledger::{ABSENT, Proved, WHOLE_EXCHANGE};

/// A fact that differs, and the subject of the entries about it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Different {
    pub subject: String,
    pub what: Disagreement,
}

/// What differs between all rows about a subject and the facts of one family that the ledger has of it. A row that the
/// ledger does not know differs, and so does one that it knows and that is not there.
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

/// What the ledger proves of the row that a change writes, as it was before: where it knows the row, and where a row that
/// it does not know may not be there.
pub(super) fn before(proved: Proved<'_>, change: &Change) -> Option<(String, &'static str, Facts)> {
    let (row, of) = written(change)?;
    let facts = proved.facts(&row.subject(), of).into_iter().filter(|(_, value)| *value != ABSENT);
    let mut facts: Facts = facts.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    if let Change::Exchange { row, .. } = change {
        facts.extend(proved.settled(&row.id).map(|whole| (WHOLE_EXCHANGE.to_owned(), whole.to_string())));
    }
    // A request that is finished is history, and the ledger is not asked about it. One of no fact is new.
    let lasts = !matches!(change, Change::Request(_) | Change::Exchange { .. });
    (lasts || !facts.is_empty()).then(|| (row.subject(), of, facts))
}

/// The row that a change writes, if it is held against the ledger before, and the family of its facts.
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

/// A partner, an officer or a setting, or that there is none.
pub(super) fn lasting<R: Evidence>(proved: Proved<'_>, subject: &str, of: &str, row: Option<&R>) -> Vec<Different> {
    rows(proved, subject, of, row.map(|row| row as &dyn Evidence))
}

/// An exchange: by its single facts while it may leave, else by what stands for all of them. One that the ledger does not
/// know differs, and so does one that it knows and that is not there.
pub(super) fn exchange(proved: Proved<'_>, subject: &str, row: Option<&Exchange>) -> Vec<Different> {
    if proved.fact(subject, "exchange.state").is_some() {
        return lasting(proved, subject, "exchange", row);
    }
    let absent = || ABSENT.to_owned();
    let settled = subject.parse().ok().and_then(|id| proved.settled(&id));
    let recorded = settled.map_or_else(absent, |whole| whole.to_string());
    let found = row.and_then(|row| row.facts().remove(WHOLE_EXCHANGE)).unwrap_or_else(absent);
    if recorded == found {
        return Vec::new();
    }
    let what = row.map_or_else(|| format!("exchange {subject}"), Evidence::what);
    let what = Disagreement { what, fact: WHOLE_EXCHANGE.to_owned(), recorded, found };
    vec![Different { subject: subject.to_owned(), what }]
}

/// A request, of which the same holds: without an exchange that may leave it releases nothing.
pub(super) fn request(proved: Proved<'_>, subject: &str, row: Option<&Request>) -> Vec<Different> {
    match proved.fact(subject, "request.product") {
        Some(_) => lasting(proved, subject, "request", row),
        None => Vec::new(),
    }
}

/// What officers said of one subject, as long as the ledger is asked about it.
pub(super) fn statements(proved: Proved<'_>, subject: &str, said: &[Statement]) -> Vec<Different> {
    if !proved.knows(subject) {
        return Vec::new();
    }
    let about = said.iter().filter(|row| row.subject == subject).map(|row| row as &dyn Evidence);
    rows(proved, subject, "statement", about)
}

/// The approvals of one exchange, as long as it may leave.
pub(super) fn approvals(proved: Proved<'_>, exchange: &str, given: &[Approval]) -> Vec<Different> {
    if proved.fact(exchange, "exchange.state").is_none() {
        return Vec::new();
    }
    let of = given.iter().filter(|row| row.subject() == exchange).map(|row| row as &dyn Evidence);
    rows(proved, exchange, "approval", of)
}

/// A request with everything that is decided upon with it; an exchange that may leave and is not there differs too.
pub(super) fn whole(proved: Proved<'_>, subject: &str, whole: Option<&WholeRequest>) -> Vec<Different> {
    let Some(whole) = whole else { return request(proved, subject, None) };
    let mut found = request(proved, subject, Some(&whole.request));
    for row in &whole.exchanges {
        let id = row.subject();
        found.extend(exchange(proved, &id, Some(row)));
        found.extend(approvals(proved, &id, &whole.approvals));
    }
    let there = |id: &str| whole.exchanges.iter().any(|row| row.subject() == id);
    for id in proved.unfinished_of(subject).filter(|id| !there(id)) {
        found.extend(exchange(proved, id, None));
    }
    found.extend(submission(proved, subject, whole.submission.as_ref()));
    found
}

/// What its submitter signed, as long as the ledger is asked about the request.
fn submission(proved: Proved<'_>, subject: &str, row: Option<&Statement>) -> Vec<Different> {
    let fact = format!("statement.{}", StatementKind::Submission);
    let recorded = proved.fact(subject, &fact).unwrap_or(ABSENT).to_owned();
    let found = row.and_then(|row| row.facts().remove(&fact)).unwrap_or_else(|| ABSENT.to_owned());
    if !proved.knows(subject) || recorded == found {
        return Vec::new();
    }
    let what = format!("submission of {subject}");
    vec![Different { subject: subject.to_owned(), what: Disagreement { what, fact, recorded, found } }]
}
