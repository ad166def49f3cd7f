//! The terms of a request: who asks, why, on what basis, and until when.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::ident::{OfficerId, RequestId};
use crate::invisible::is_plain;
use crate::precedence::Precedence;
use crate::time::Time;

/// What a request asks for, besides the cuts: who asks, why, on what basis, and until when.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct Terms {
    /// The request.
    #[n(0)]
    pub request: RequestId,
    /// Who submitted it. Their own approval never counts.
    #[n(1)]
    pub submitter: OfficerId,
    /// Who originated the product, as it says. The approval of an officer of that name never counts.
    #[n(2)]
    pub originator: String,
    /// The specific purpose of the release (ICD 403 by way of its published summaries: for a specific purpose).
    #[n(3)]
    pub purpose: String,
    /// The law or authority relied on.
    #[n(4)]
    pub legal_basis: String,
    /// The policy or agreement relied on.
    #[n(5)]
    pub policy_basis: String,
    /// When the permission ends; nothing leaves at or after this instant.
    #[n(6)]
    pub expires: Time,
    /// The objective of the guiding document that this serves, by its id there.
    #[n(7)]
    #[serde(default)]
    pub objective: Option<String>,
    /// Whether perspectives are to be exchanged with the partner on it (ICD 405, D.3.b).
    #[n(8)]
    #[serde(default)]
    pub engages: bool,
    /// Whether it supports advancing a preferred policy objective (ICD 405, D.3.c).
    #[n(9)]
    #[serde(default)]
    pub supports_outcome: bool,
    /// How urgent it is: it may open a partner's window and overtakes what is less so.
    #[n(10)]
    pub precedence: Precedence,
    /// The request whose product this one replaces at the partners that got it.
    #[n(11)]
    #[serde(default)]
    pub supersedes: Option<RequestId>,
}

/// What a release is to achieve beyond sharing, as the submitter states (ICD 405, D.3).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Aims {
    /// The objective of the guiding document that it serves, by its id there.
    pub objective: Option<String>,
    /// Whether perspectives are sought from the partner.
    pub engages: bool,
    /// Whether it supports the outcome that is preferred.
    pub supports_outcome: bool,
}

impl Aims {
    /// What is stated, in words, by name; empty if nothing is.
    pub fn lines(&self) -> Vec<(&'static str, String)> {
        let stated = |is: bool, what: &str| is.then(|| what.to_owned());
        [
            ("objective", self.objective.clone()),
            ("perspectives", stated(self.engages, "sought from the partner")),
            ("outcome", stated(self.supports_outcome, "the objective's preferred outcome is supported")),
        ]
        .into_iter()
        .filter_map(|(name, said)| Some((name, said?)))
        .collect()
    }
}

/// What is wrong with the terms of a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("request field `{field}` must be 1 to {max} printable characters: {why}")]
pub struct TermsFault {
    /// The field at fault.
    pub field: &'static str,
    /// The longest text it takes, in characters.
    pub max: usize,
    /// What it is for.
    pub why: &'static str,
}

#[cfg(test)]
impl Terms {
    /// Complete terms of a made-up request that ends a minute after `now`.
    pub(crate) fn exercise(now: Time) -> Terms {
        Terms {
            request: RequestId::new(now, [1; 10]),
            submitter: "exercise-analyst".parse().unwrap(),
            originator: "EXERCISE DESK".into(),
            purpose: "EXERCISE".into(),
            legal_basis: "EXERCISE".into(),
            policy_basis: "EXERCISE".into(),
            expires: now.plus(std::time::Duration::from_secs(60)),
            objective: None,
            engages: false,
            supports_outcome: false,
            precedence: Precedence::Routine,
            supersedes: None,
        }
    }
}

impl Terms {
    /// The longest purpose, basis or originator, in characters.
    pub const TEXT_MAX: usize = 500;

    /// What the release is to achieve.
    pub fn aims(&self) -> Aims {
        Aims { objective: self.objective.clone(), engages: self.engages, supports_outcome: self.supports_outcome }
    }

    /// Every fault of the terms; empty when there is none.
    ///
    /// Invisible characters are faults: they could show an officer one purpose and record another.
    pub fn faults(&self) -> Vec<TermsFault> {
        let required = [
            ("originator", self.originator.as_str(), "the record names who originated the product"),
            ("purpose", self.purpose.as_str(), "a release is for a specific purpose"),
            ("legal_basis", self.legal_basis.as_str(), "a release cites the authority it rests on"),
            ("policy_basis", self.policy_basis.as_str(), "a release cites the policy or agreement it rests on"),
        ];
        let optional = self.objective.iter().map(|o| ("objective", o.as_str(), "the id of an objective"));
        required
            .into_iter()
            .chain(optional)
            .filter(|(_, text, _)| !is_plain(text, Self::TEXT_MAX))
            .map(|(field, _, why)| TermsFault { field, max: Self::TEXT_MAX, why })
            .collect()
    }

    /// The fields in which these terms differ from `asked`.
    pub(super) fn differences(&self, asked: &Terms) -> Vec<&'static str> {
        let Terms {
            request,
            submitter,
            originator,
            purpose,
            legal_basis,
            policy_basis,
            expires,
            objective,
            engages,
            supports_outcome,
            precedence,
            supersedes,
        } = self;
        let same = [
            ("request", *request == asked.request),
            ("submitter", *submitter == asked.submitter),
            ("originator", *originator == asked.originator),
            ("purpose", *purpose == asked.purpose),
            ("legal basis", *legal_basis == asked.legal_basis),
            ("policy basis", *policy_basis == asked.policy_basis),
            ("expiry", *expires == asked.expires),
            ("objective", *objective == asked.objective),
            ("engagement", *engages == asked.engages),
            ("policy outcome", *supports_outcome == asked.supports_outcome),
            ("precedence", *precedence == asked.precedence),
            ("request to replace", *supersedes == asked.supersedes),
        ];
        same.into_iter().filter(|(_, same)| !same).map(|(field, _)| field).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms() -> Terms {
        Terms {
            request: RequestId::new(Time::from_unix_ms(1_795_341_600_000), [1; 10]),
            submitter: "exercise-analyst".parse().unwrap(),
            originator: "EXERCISE DESK".into(),
            purpose: "EXERCISE: warn a partner".into(),
            legal_basis: "EXERCISE AUTHORITY".into(),
            policy_basis: "EXERCISE-AGREEMENT-1".into(),
            expires: Time::from_unix_ms(1_795_428_000_000),
            objective: None,
            engages: false,
            supports_outcome: false,
            precedence: Precedence::Routine,
            supersedes: None,
        }
    }

    #[test]
    fn accepts_plain_terms() {
        assert_eq!(terms().faults(), []);
    }

    #[test]
    fn refuses_terms_that_are_empty_long_or_do_not_print_as_typed() {
        let long = "x".repeat(501);
        for text in ["", "   ", "a\u{202e}b", "a\u{200b}b", "a\nb", long.as_str()] {
            assert_eq!(Terms { purpose: text.into(), ..terms() }.faults().len(), 1, "{text:?} was accepted");
            assert_eq!(Terms { legal_basis: text.into(), ..terms() }.faults().len(), 1);
            assert_eq!(Terms { objective: Some(text.into()), ..terms() }.faults().len(), 1);
        }
    }

    #[test]
    fn terms_encode_and_decode_to_themselves() {
        let bytes = crate::digest::encode(&terms());
        assert_eq!(crate::digest::decode::<Terms>(&bytes), Ok(terms()));
    }
}
