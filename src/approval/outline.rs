//! What an approval says of a cut and of the partner that would get it.

use std::collections::BTreeSet;

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::ReceivedContent;
use crate::cut::Cut;
use crate::digest::Digest;
use crate::ident::PartnerId;
use crate::inspect::SharedRun;
use crate::partner::Partner;

/// Everything about a cut that a release decision rests on, in a form that can be signed, stored and compared.
///
/// Officers sign all of it, so the decision before sending needs no plaintext: the digest identifies the bytes, and the
/// marks are the signed ones.
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
    /// The parts of it that came from partners.
    #[n(8)]
    #[serde(default)]
    pub received: Vec<ReceivedContent>,
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
    /// The outline of `cut`, with what its inspection found it to have in common with withheld text. Consents and
    /// received content come from the record; the caller adds them.
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

    /// Whether this is the outline of `cut` with these shared runs; consents and received content are not compared.
    pub fn is_of(&self, cut: &Cut, shared: &[SharedRun]) -> bool {
        let of = Outline::of(cut, shared);
        *self == Outline { consents: self.consents.clone(), received: self.received.clone(), ..of }
    }

    /// The length in words of the longest run that it has in common with withheld text; 0 if there is none.
    pub fn shared_words(&self) -> u32 {
        self.shared.iter().map(|run| run.words).max().unwrap_or(0)
    }

    /// The fields in which this outline differs from `expected`.
    pub(super) fn differences(&self, expected: &Outline) -> Vec<&'static str> {
        let Outline { digest, bytes, marking, portions, kind, attachments, date, consents, received, shared, subjects } =
            self;
        let same = [
            ("digest", *digest == expected.digest),
            ("size", *bytes == expected.bytes),
            ("marking", *marking == expected.marking),
            ("portion marks", *portions == expected.portions),
            ("kind", *kind == expected.kind),
            ("attachment types", *attachments == expected.attachments),
            ("date", *date == expected.date),
            ("consents", *consents == expected.consents),
            ("received words", *received == expected.received),
            ("words shared with withheld text", *shared == expected.shared),
            ("subjects", *subjects == expected.subjects),
        ];
        same.into_iter().filter(|(_, same)| !same).map(|(field, _)| field).collect()
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
    /// Fingerprint of the description that the partner is enrolled with: its identity. A partner enrolled again with other
    /// keys is another one.
    #[n(2)]
    pub enrolment: Digest,
    /// Digest of the agreement at that time. It is part of what was approved, so widening it later releases nothing.
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
