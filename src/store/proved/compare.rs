//! Comparison of rows with what the ledger proves: which facts differ.

use super::super::evidence::{Evidence, Facts};
use super::super::{Approval, Change, Disagreement, Exchange, Request, Statement, StatementKind, WholeRequest};
use crate::digest::Digest;
use crate::ident::RequestId;
use crate::ledger::{ABSENT, Proved, WHOLE_EXCHANGE, WHOLE_REQUEST, family};

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
    let settled = match change {
        Change::Exchange { row, .. } => proved.settled(&row.id).map(|whole| (WHOLE_EXCHANGE, whole)),
        Change::Request(row) => proved.settled_request(&row.id).map(|whole| (WHOLE_REQUEST, whole)),
        _ => None,
    };
    facts.extend(settled.map(|(name, whole)| (name.to_owned(), whole.to_string())));
    // An exchange or a request of which nothing is known is new.
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
    let settled = subject.parse().ok().and_then(|id| proved.settled(&id));
    finished(subject, WHOLE_EXCHANGE, settled, row)
}

/// What is finished, by the one fact that stands for all others.
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

/// A request, of which the same holds: its number is never another's, also when it is finished.
pub(super) fn request(proved: Proved<'_>, subject: &str, row: Option<&Request>) -> Vec<Different> {
    if proved.fact(subject, "request.product").is_some() {
        return lasting(proved, subject, "request", row);
    }
    let settled = subject.parse().ok().and_then(|id| proved.settled_request(&id));
    finished(subject, WHOLE_REQUEST, settled, row)
}

/// What officers said of one subject: of what stops or withdraws it for good, of what was submitted while the request is of
/// use.
pub(super) fn statements(proved: Proved<'_>, subject: &str, said: &[Statement]) -> Vec<Different> {
    let of_use = proved.fact(subject, "request.product").is_some();
    let about = said.iter().filter(|row| row.subject == subject);
    let about = about.filter(|row| of_use || row.kind != StatementKind::Submission);
    rows(proved, subject, "statement", about.map(|row| row as &dyn Evidence))
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
    let all = subject.parse().ok().into_iter().flat_map(|id: RequestId| proved.exchanges_of(id));
    for id in all.map(|id| id.to_string()).filter(|id| !there(id)) {
        found.extend(exchange(proved, &id, None));
    }
    found.extend(submission(proved, subject, whole.submission.as_ref()));
    found
}

/// What its submitter signed, as long as the ledger is asked about the request.
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
