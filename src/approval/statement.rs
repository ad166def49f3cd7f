//! What an officer signs.

use std::collections::{BTreeMap, BTreeSet};

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::{Received, Role};
use crate::cut::Cut;
use crate::digest::Digest;
use crate::ident::{OfficerId, PartnerId, RequestId};
use crate::inspect::SharedRun;
use crate::partner::Partner;
use crate::precedence::Precedence;
use crate::sign::{Instance, Statement};
use crate::time::Time;
use crate::unseen;

/// Everything about a cut that a release decision rests on, in a form that can be signed, stored and compared.
///
/// Officers sign it whole, so the decision that is taken again before the first byte leaves needs no plaintext: the
/// digest names the bytes, and the marks it is taken on are the ones that were signed.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct Outline {
    /// SHA-256 of the cut's exact bytes.
    #[n(0)]
    pub digest: Digest,
    /// Length of the cut with its detached attachments, in bytes.
    #[n(1)]
    pub bytes: u64,
    /// The cut's banner, in canonical form.
    #[n(2)]
    pub marking: String,
    /// Every distinct portion mark in the cut, canonical and in parentheses: paragraphs, title, subjects, contact and
    /// attachments alike.
    #[n(3)]
    pub portions: BTreeSet<String>,
    /// The kind of product.
    #[n(4)]
    pub kind: String,
    /// The media types of its attachments.
    #[n(5)]
    pub attachments: BTreeSet<String>,
    /// The product's date (ISO 8601, `2026-11-22`), by which its marks are judged; absent when it is not known.
    #[n(6)]
    #[serde(default)]
    pub date: Option<String>,
    /// The consents of sources that its release rests on, by the digests of their texts.
    #[n(7)]
    #[serde(default)]
    pub consents: BTreeSet<Digest>,
    /// What in it came from partners.
    #[n(8)]
    #[serde(default)]
    pub received: Vec<Received>,
    /// Every run of eight words or more that also stands in a part of the source not released to the partner: both
    /// places, both marks and its length, in canonical order.
    #[n(9)]
    #[serde(default)]
    pub shared: Vec<SharedRun>,
    /// The subjects that it names, by which consents to classes of products cover it.
    #[n(10)]
    #[serde(default)]
    pub subjects: BTreeSet<String>,
}

impl Outline {
    /// The outline of `cut`, with what its inspection found it to share with what is held back, as far as these say it:
    /// which consents it rests on, and what in it was received, is for whoever knows the record to add.
    pub fn of(cut: &Cut, shared: &[SharedRun]) -> Outline {
        Outline {
            digest: cut.digest(),
            bytes: cut.size(),
            marking: cut.marking().banner(),
            portions: cut.marked().map(|(_, marking)| marking.portion()).collect(),
            kind: cut.kind().as_str().to_owned(),
            attachments: cut.attachments().iter().map(|a| a.media_type().to_owned()).collect(),
            date: Some(cut.date().to_string()),
            consents: BTreeSet::new(),
            received: Vec::new(),
            shared: shared.to_vec(),
            subjects: cut.head().subjects.iter().map(|subject| subject.text.clone()).collect(),
        }
    }

    /// Whether this is the outline of `cut` with that in common with what is held back, whatever it adds from the record.
    pub fn is_of(&self, cut: &Cut, shared: &[SharedRun]) -> bool {
        let of = Outline::of(cut, shared);
        *self == Outline { consents: self.consents.clone(), received: self.received.clone(), ..of }
    }

    /// The words of the longest run that it shares with what is held back; nought if it shares none.
    pub fn shared_words(&self) -> u32 {
        self.shared.iter().map(|run| run.words).max().unwrap_or(0)
    }
}

/// One partner's cut among those a request would release.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct CutFor {
    /// Who would get it.
    #[n(0)]
    pub partner: PartnerId,
    /// What they would get.
    #[n(1)]
    pub cut: Outline,
    /// Fingerprint of the description they are enrolled with: who "they" are. Enrolled again under the same name with
    /// other keys, they are somebody else.
    #[n(2)]
    pub enrolment: Digest,
    /// Digest of the agreement with them as it stood: what it lets through is part of what was approved, so one that
    /// widens later releases nothing by itself.
    #[n(3)]
    pub agreement: Digest,
}

/// What a partner is enrolled with, by digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enrolment {
    /// Fingerprint of its description.
    pub description: Digest,
    /// Digest of the agreement with it.
    pub agreement: Digest,
}

impl Enrolment {
    /// What `partner` is enrolled with.
    pub fn of(partner: &Partner) -> Enrolment {
        Enrolment { description: partner.description.fingerprint(), agreement: partner.agreement.digest() }
    }
}

/// What a request asks for, besides the cuts: who asks, why, on what basis, and until when.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct Terms {
    /// The request.
    #[n(0)]
    pub request: RequestId,
    /// Who submitted it; their own approval never counts.
    #[n(1)]
    pub submitter: OfficerId,
    /// Who originated the product, as the product says; an officer of that name never counts either.
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
    #[cbor(with = "cbor_time")]
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

/// What a release is to serve beyond sharing, as whoever submits it says (ICD 405, D.3).
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
    /// The three in words, each with what is said of it; empty if nothing is.
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

    /// What the release is to serve.
    pub fn aims(&self) -> Aims {
        Aims { objective: self.objective.clone(), engages: self.engages, supports_outcome: self.supports_outcome }
    }

    /// Every fault of the terms; empty when there is none.
    ///
    /// A text that does not print as it was typed could show an officer one purpose and record another, so controls
    /// and characters that reorder or hide text are faults.
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
}

/// An officer's approval of a request: it is over the exact cuts, for exactly these partners, on these terms.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Approval {
    /// The request's terms, as the officer saw them.
    #[n(0)]
    pub terms: Terms,
    /// The cuts, one a partner, in the order of the partners' names.
    #[n(1)]
    pub cuts: Vec<CutFor>,
    /// Digest of the policy in force when it was given.
    #[n(2)]
    pub policy: Digest,
    /// Digest of the marking register in force when it was given.
    #[n(3)]
    pub register: Digest,
    /// Who approves.
    #[n(4)]
    pub officer: OfficerId,
    /// In which role.
    #[n(5)]
    pub role: Role,
    /// When it was given, by the officer's clock.
    #[n(6)]
    #[cbor(with = "cbor_time")]
    pub given_at: Time,
    /// Sixteen random bytes, so that no two approvals are the same bytes.
    #[n(7)]
    #[cbor(with = "minicbor::bytes")]
    pub nonce: [u8; 16],
    /// The node that is to release it.
    #[n(8)]
    pub instance: Instance,
}

impl Statement for Approval {
    const CONTENT_TYPE: &'static str = "application/vnd.portcullis.approval+cbor";
}

impl Approval {
    /// The cuts of a request in the order they are signed in, each for the partner as `enrolments` has it. A partner
    /// that is not enrolled is given the digest of nothing, which is nobody's.
    pub fn cuts_of(cuts: &BTreeMap<PartnerId, Outline>, enrolments: &BTreeMap<PartnerId, Enrolment>) -> Vec<CutFor> {
        let nothing = Digest::of(b"");
        let nobody = Enrolment { description: nothing, agreement: nothing };
        let cut = |(partner, cut): (&PartnerId, &Outline)| {
            let enrolment = enrolments.get(partner).unwrap_or(&nobody);
            CutFor {
                partner: partner.clone(),
                cut: cut.clone(),
                enrolment: enrolment.description,
                agreement: enrolment.agreement,
            }
        };
        cuts.iter().map(cut).collect()
    }
}

/// Whether a text of a statement is shown as it was typed: what signs it must be what was read.
pub(super) fn is_plain(text: &str, max: usize) -> bool {
    unseen::is_plain(text, max)
}

/// Times as unsigned milliseconds since the Unix epoch.
pub(super) mod cbor_time {
    use minicbor::encode::Write;
    use minicbor::{Decoder, Encoder};

    use crate::time::Time;

    pub fn encode<C, W: Write>(
        time: &Time,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.i64(time.unix_ms())?.ok()
    }

    // A time outside the printable range is clamped, re-encodes differently, and is refused as not canonical.
    pub fn decode<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<Time, minicbor::decode::Error> {
        Ok(Time::from_unix_ms(d.i64()?))
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
