//! The facts that a row is evidence of. The store stamps them into the ledger entry that records a change, and
//! verification compares every row with the latest stamp of each of its facts. It refuses a row that differs from them.

mod verification;

use std::collections::BTreeMap;

use super::rows::{Approval, Exchange, ExchangeKind, Officer, Partner, Request, Setting, Statement};
use crate::approval::{Aims, Declared};
use crate::digest::Digest;
use crate::ledger::{ABSENT, WHOLE_EXCHANGE, WHOLE_REQUEST};

pub use self::verification::{Disagreement, Part, PartCheck, Verification};
pub(super) use self::verification::{STRUCTURE, compare};

/// Facts by name. A fact that is absent has the value `-` in the ledger.
pub(super) type Facts = BTreeMap<String, String>;

/// A row whose facts must be recorded in the ledger.
pub(super) trait Evidence: Send + Sync {
    /// Returns the subject of the ledger entries about it.
    fn subject(&self) -> String;
    /// Returns the name of the row for errors.
    fn what(&self) -> String;
    /// Returns its facts.
    fn facts(&self) -> Facts;
}

/// Returns the facts that differ from `before`, with their new values.
pub(super) fn changed(before: &Facts, after: &Facts) -> Facts {
    let value = |facts: &Facts, name: &str| facts.get(name).map_or(ABSENT, String::as_str).to_owned();
    let names = before.keys().chain(after.keys());
    names.filter(|name| value(before, name) != value(after, name)).map(|n| (n.clone(), value(after, n))).collect()
}

fn facts<const N: usize>(pairs: [(&str, Option<String>); N]) -> Facts {
    pairs.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

fn of(bytes: &[u8]) -> Option<String> {
    Some(Digest::of(bytes).to_string())
}

/// Returns the digest over all of these facts.
fn whole(facts: &Facts) -> String {
    Digest::of(&joined(facts.iter().flat_map(|(name, value)| [name, value]))).to_string()
}

/// Joins texts, each preceded by its length as 8 bytes big-endian, so that no two lists give the same bytes.
fn joined<'t>(texts: impl IntoIterator<Item = &'t String>) -> Vec<u8> {
    texts.into_iter().flat_map(|t| (t.len() as u64).to_be_bytes().into_iter().chain(t.bytes())).collect()
}

impl Exchange {
    /// Returns the descriptive fields of the row, in the form that is hashed.
    fn described(&self) -> Vec<u8> {
        let text = |field: &Option<String>| field.clone().unwrap_or_default();
        let size = self.cut_size.map_or_else(String::new, |size| size.to_string());
        let told = [&self.product_id, &self.title, &self.title_marking, &self.contact, &self.purpose].map(text);
        let made = self.created.to_string();
        joined(told.iter().chain([&size, &made]).chain(&self.subjects))
    }
}

impl Evidence for Exchange {
    fn subject(&self) -> String {
        self.id.to_string()
    }

    fn what(&self) -> String {
        format!("exchange {}", self.id)
    }

    fn facts(&self) -> Facts {
        let mut facts = facts([
            ("exchange.state", Some(self.state.to_string())),
            ("exchange.with", Some(format!("{} {}", self.direction, self.partner))),
            ("exchange.request", self.request.map(|id| id.to_string())),
            ("exchange.cut", self.cut_digest.map(|digest| digest.to_string())),
            // A marking can be longer than a detail may be, so its digest is used.
            ("exchange.marking", self.marking.as_deref().and_then(|text| of(text.as_bytes()))),
            ("exchange.manifest", self.manifest.as_deref().and_then(of)),
            (
                "exchange.payload",
                self.payload.map(|payload| format!("{} {} {}", payload.digest, payload.size, payload.spool)),
            ),
            ("exchange.header", self.stored_header().and_then(|header| of(header.bytes()))),
            ("exchange.pieces", self.stored_pieces().map(|pieces| pieces.digest().to_string())),
            ("exchange.receipt", self.receipt.as_deref().and_then(of)),
            ("exchange.precedence", Some(self.precedence.to_string())),
            ("exchange.expires", Some(self.expires.to_string())),
            ("exchange.record", of(&self.described())),
            ("exchange.unanswered", self.unanswered.map(|time| time.to_string())),
            ("exchange.kind", (self.kind != ExchangeKind::Product).then(|| self.kind.to_string())),
            ("exchange.about", self.about.map(|id| id.to_string())),
            ("exchange.recalled", self.recalled.as_ref().map(|r| format!("{} {}", r.at, r.why))),
            ("exchange.superseded_by", self.superseded_by.map(|id| id.to_string())),
            ("exchange.opened", self.opened.map(|time| time.to_string())),
            ("exchange.taken", self.taken.map(|time| time.to_string())),
            // An officer who may admit the exchange from quarantine is shown the findings, so they are a fact.
            (
                "exchange.findings",
                self.reason.as_ref().filter(|_| self.is_in_quarantine()).and_then(|r| of(r.as_bytes())),
            ),
        ]);
        let whole = whole(&facts);
        facts.insert(WHOLE_EXCHANGE.to_owned(), whole);
        facts
    }
}

impl Evidence for Request {
    fn subject(&self) -> String {
        self.id.to_string()
    }

    fn what(&self) -> String {
        format!("request {}", self.id)
    }

    fn facts(&self) -> Facts {
        let (expires, created) = (self.expires.to_string(), self.created.to_string());
        let (precedence, product) = (self.precedence.to_string(), &self.product_id);
        let terms = joined([product, &self.submitter, &self.purpose, &self.basis, &expires, &precedence, &created]);
        let mut facts = facts([
            ("request.state", Some(self.state.to_string())),
            ("request.product", Some(self.product_digest.to_string())),
            ("request.terms", of(&terms)),
            ("request.supersedes", self.supersedes.map(|id| id.to_string())),
            ("request.aims", aims(&self.aims)),
        ]);
        let whole = whole(&facts);
        facts.insert(WHOLE_REQUEST.to_owned(), whole);
        facts
    }
}

/// Returns the digest of what a request is to serve; `None` if it has no aims.
fn aims(aims: &Aims) -> Option<String> {
    let Aims { objective, engages, supports_outcome } = aims;
    let said = [objective.clone().unwrap_or_default(), engages.to_string(), supports_outcome.to_string()];
    let [objective, engages, outcome] = &said;
    (*aims != Aims::default()).then(|| of(&joined([objective, engages, outcome]))).flatten()
}

impl Evidence for Partner {
    fn subject(&self) -> String {
        self.id.to_string()
    }

    fn what(&self) -> String {
        format!("partner {}", self.id)
    }

    fn facts(&self) -> Facts {
        facts([
            ("partner.state", Some(self.state.to_string())),
            ("partner.description", of(&self.description)),
            ("partner.agreement", of(&self.agreement)),
            ("partner.crl", (!self.crl.is_empty()).then(|| Digest::of(&self.crl).to_string())),
            ("partner.added", Some(self.added.to_string())),
            ("partner.version", Some(self.version.0.to_string())),
        ])
    }
}

impl Evidence for Officer {
    fn subject(&self) -> String {
        self.id.to_string()
    }

    fn what(&self) -> String {
        format!("officer {}", self.id)
    }

    fn facts(&self) -> Facts {
        let roles: Vec<&str> = self.roles.iter().map(String::as_str).collect();
        facts([
            ("officer.state", Some(self.state.to_string())),
            ("officer.name", of(self.name.as_bytes())),
            ("officer.key", Some(self.public_key.fingerprint().to_string())),
            (
                "officer.certificates",
                (!self.certificates.is_empty()).then(|| Digest::of(&self.certificates).to_string()),
            ),
            ("officer.roles", of(roles.join("\n").as_bytes())),
            ("officer.valid_until", Some(self.valid_until.to_string())),
            ("officer.added", Some(self.added.to_string())),
            ("officer.version", Some(self.version.0.to_string())),
            (
                "officer.declared",
                (self.declared != Declared::default())
                    .then(|| Digest::of(self.declared.to_string().as_bytes()).to_string()),
            ),
        ])
    }
}

impl Evidence for Approval {
    fn subject(&self) -> String {
        self.exchange.to_string()
    }

    fn what(&self) -> String {
        format!("approval of {} by {}", self.exchange, self.officer)
    }

    fn facts(&self) -> Facts {
        let said = format!("{} {}", Digest::of(&self.statement), self.request);
        BTreeMap::from([(format!("approval.{}", self.officer), said)])
    }
}

impl Evidence for Statement {
    fn subject(&self) -> String {
        self.subject.clone()
    }

    fn what(&self) -> String {
        format!("{} of {} by {}", self.kind, self.subject, self.signer)
    }

    fn facts(&self) -> Facts {
        let said = format!("{} {} {}", Digest::of(&self.bytes), self.signer, self.given);
        BTreeMap::from([(format!("statement.{}", self.kind), said)])
    }
}

impl Evidence for Setting {
    fn subject(&self) -> String {
        self.name.clone()
    }

    fn what(&self) -> String {
        format!("setting {}", self.name)
    }

    fn facts(&self) -> Facts {
        let said = format!("{} {}", Digest::of(&self.value), self.version.0);
        BTreeMap::from([(format!("setting.{}", self.name), said)])
    }
}

#[cfg(test)]
mod tests {
    use super::super::rows::{Direction, ExchangeState, is_legal_transition};
    use crate::ledger::is_final_exchange;

    #[test]
    fn final_states_of_the_ledger_are_those_that_can_never_be_sent() {
        let next = |from: ExchangeState| {
            ExchangeState::ALL.iter().copied().filter(move |to| is_legal_transition(Direction::Out, Some(from), *to))
        };
        let mut sent: Vec<ExchangeState> = vec![ExchangeState::Sending];
        while let Some(more) = ExchangeState::ALL
            .iter()
            .copied()
            .find(|state| !sent.contains(state) && next(*state).any(|to| sent.contains(&to)))
        {
            sent.push(more);
        }
        for state in ExchangeState::ALL
            .iter()
            .filter(|state| is_legal_transition(Direction::Out, None, **state) || next(**state).count() > 0)
        {
            assert_eq!(is_final_exchange(state.as_str()), !sent.contains(state), "{state}");
        }
        assert!(is_final_exchange("delivered"));
    }
}
