//! A proposed change, and the JSON file that officers sign and pass on.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::{Part, PartName, PolicyTexts, TextsFault};
use crate::digest::{self, Digest};
use crate::ident::{ConsentId, NodeId};
use crate::sign::Instance;
use crate::time::Time;

/// The content of a change: the texts of a node that it replaces, and the digests of the new ones. This is what officers sign.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct ChangeSet {
    /// The node that the change is for. It is not valid for any other.
    #[n(0)]
    pub node: NodeId,
    /// The same node, by its instance: a name can be reused, an instance cannot.
    #[n(1)]
    pub instance: Instance,
    /// The serial number: one more than that of the previous change, and 0 for the founding. A change can therefore take effect only
    /// once, and not after another change.
    #[n(2)]
    pub serial: u64,
    /// The texts that it replaces, in order of their names.
    #[n(3)]
    pub parts: Vec<Part>,
    /// The proposer, as they stated their name.
    #[n(4)]
    pub proposed_by: String,
    /// The reason for the change, for people.
    #[n(5)]
    pub why: String,
    /// When it was proposed, in milliseconds since the Unix epoch.
    #[n(6)]
    pub proposed_ms: i64,
    /// When it expires, in milliseconds since the Unix epoch: from this instant on it cannot take effect.
    #[n(7)]
    pub expires_ms: i64,
}

/// A change with its new texts and the signatures collected so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The content that is signed.
    pub set: ChangeSet,
    /// The new texts, by the names of their parts.
    pub(super) texts: BTreeMap<PartName, String>,
    /// The signed consents (COSE_Sign1) in order of signing, not verified.
    pub consents: Vec<Vec<u8>>,
}

/// Why a proposal is invalid or cannot be applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProposalFault {
    /// Not JSON with the expected fields.
    #[error("invalid change: {0}")]
    Form(String),
    /// There are no parts, or they are repeated or out of order.
    #[error("the parts of the change must be at least one, each once, in the order of their names")]
    Parts,
    /// A partner without an agreement, an agreement without a partner, or `policy` in anything but a founding.
    #[error(
        "the change has `{0}` alone: a partner is enrolled together with its agreement, and only a founding has `policy`"
    )]
    Alone(PartName),
    /// A text does not match its digest, is missing, or belongs to no part.
    #[error("the text for `{0}` does not match its digest: the change was altered; propose it again")]
    Text(PartName),
    /// The text in force was changed after the proposal.
    #[error("`{part}` has changed since this was proposed (expected {expected}, found {found}): propose it again")]
    Stale {
        /// The part.
        part: PartName,
        /// Short digest of the text that it was proposed against; `none` without one.
        expected: String,
        /// Short digest of the text in force; `none` without one.
        found: String,
    },
    /// The resulting policy would be invalid.
    #[error(transparent)]
    Texts(#[from] TextsFault),
}

/// The JSON form of the change file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: String,
    change: ChangeSet,
    texts: BTreeMap<PartName, String>,
    consents: Vec<String>,
}

impl ChangeSet {
    /// SHA-256 of the canonical CBOR encoding, by which ledger and officers refer to the change.
    pub fn digest(&self) -> Digest {
        Digest::of(&digest::encode(self))
    }

    /// When it expires.
    pub fn expires(&self) -> Time {
        Time::from_unix_ms(self.expires_ms)
    }

    /// The part of this name, if there is one.
    pub fn part(&self, name: &PartName) -> Option<&Part> {
        // INVARIANT: parts are in the order of their names; `Proposal::new` refuses others.
        self.parts.binary_search_by(|part| part.name.cmp(name)).ok().map(|at| &self.parts[at])
    }

    /// The consents of sources that it records.
    pub fn consents(&self) -> impl Iterator<Item = (&ConsentId, &Part)> {
        self.parts.iter().filter_map(|part| match &part.name {
            PartName::Consent(name) => Some((name, part)),
            _ => None,
        })
    }

    /// The texts of the policy that it replaces.
    pub fn policy_parts(&self) -> impl Iterator<Item = (&str, &Part)> {
        self.parts.iter().filter_map(|part| match &part.name {
            PartName::Policy(name) => Some((name.as_str(), part)),
            _ => None,
        })
    }
}

impl Proposal {
    /// The name and version of the file format.
    pub const FORMAT: &'static str = "portcullis-change/1";

    /// Creates a proposal without signatures.
    ///
    /// # Errors
    /// [`ProposalFault`] if the parts are invalid or do not match the texts.
    pub fn new(set: ChangeSet, texts: BTreeMap<PartName, String>) -> Result<Proposal, ProposalFault> {
        let in_order = set.parts.windows(2).all(|pair| pair[0].name < pair[1].name);
        if set.parts.is_empty() || !in_order {
            return Err(ProposalFault::Parts);
        }
        for part in &set.parts {
            let brought = texts.get(&part.name).map(|text| Digest::of(text.as_bytes()));
            let misused = part.name.misused(part.before.is_some(), part.after.is_some());
            if brought != part.after || part.before == part.after || misused {
                return Err(ProposalFault::Text(part.name.clone()));
            }
            // A partner's enrolment and its agreement begin together.
            let other = match &part.name {
                PartName::Partner(id) => Some(PartName::Agreement(id.clone())),
                PartName::Agreement(id) => Some(PartName::Partner(id.clone())),
                _ => None,
            };
            let other = other.filter(|_| part.before.is_none());
            let missing = other.is_some_and(|name| set.part(&name).is_none_or(|part| part.before.is_some()));
            if missing || (part.name == PartName::Manifest && set.serial != 0) {
                return Err(ProposalFault::Alone(part.name.clone()));
            }
        }
        if let Some(stray) = texts.keys().find(|name| !set.parts.iter().any(|part| part.name == **name)) {
            return Err(ProposalFault::Text(stray.clone()));
        }
        Ok(Proposal { set, texts, consents: Vec::new() })
    }

    /// Parses a change file.
    ///
    /// # Errors
    /// [`ProposalFault`] says what is malformed, or which text does not match its digest.
    pub fn parse(text: &str) -> Result<Proposal, ProposalFault> {
        let file: File = serde_json::from_str(text).map_err(|e| ProposalFault::Form(e.to_string()))?;
        if file.format != Self::FORMAT {
            return Err(ProposalFault::Form(format!("expected format `{}`", Self::FORMAT)));
        }
        let mut proposal = Proposal::new(file.change, file.texts)?;
        for consent in file.consents {
            let bytes = BASE64.decode(consent);
            proposal.consents.push(bytes.map_err(|_| ProposalFault::Form("a consent is not base64".into()))?);
        }
        Ok(proposal)
    }

    /// The change file, as indented JSON.
    pub fn to_json(&self) -> String {
        let file = File {
            format: Self::FORMAT.to_owned(),
            change: self.set.clone(),
            texts: self.texts.clone(),
            consents: self.consents.iter().map(|c| BASE64.encode(c)).collect(),
        };
        // INVARIANT: every field is plain data with text keys.
        let mut json = serde_json::to_string_pretty(&file).expect("a change is plain data");
        json.push('\n');
        json
    }

    /// The new text of a part; `None` if the part removes the text.
    pub fn text(&self, part: &PartName) -> Option<&str> {
        self.texts.get(part).map(String::as_str)
    }

    /// Applies the change to the policy `texts`.
    ///
    /// # Errors
    /// [`ProposalFault::Stale`] if a text in force is not the one that it was proposed against, [`ProposalFault::Texts`] if the result is not
    /// a valid policy.
    pub fn applied_to(&self, texts: &PolicyTexts) -> Result<PolicyTexts, ProposalFault> {
        let mut changed = Vec::new();
        for (name, part) in self.set.policy_parts() {
            self.fits(part, texts.text(name))?;
            changed.push((name.to_owned(), self.text(&part.name).map(str::to_owned)));
        }
        Ok(texts.with(changed)?)
    }

    /// Checks that `part` was proposed against the text in force.
    ///
    /// # Errors
    /// [`ProposalFault::Stale`] if it was not.
    pub fn fits(&self, part: &Part, in_force: Option<&str>) -> Result<(), ProposalFault> {
        let found = in_force.map(|text| Digest::of(text.as_bytes()));
        if found == part.before {
            return Ok(());
        }
        let short = |digest: Option<Digest>| digest.map_or("none".to_owned(), |d| d.short());
        Err(ProposalFault::Stale { part: part.name.clone(), expected: short(part.before), found: short(found) })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::policy_texts::tests::texts;
    use super::*;

    pub(in crate::change) const NOW: Time = Time::from_unix_ms(1_795_341_600_000);

    /// A change of the rules of the test texts.
    pub(in crate::change) fn proposal(rules: &str) -> Proposal {
        let name = PartName::Policy("release.cedar".into());
        let part = Part {
            name: name.clone(),
            before: texts().text("release.cedar").map(|t| Digest::of(t.as_bytes())),
            after: Some(Digest::of(rules.as_bytes())),
        };
        let set = ChangeSet {
            node: "exercise-usa".parse().unwrap(),
            instance: Instance::exercise(1),
            serial: 1,
            parts: vec![part],
            proposed_by: "operator".into(),
            why: "EXERCISE".into(),
            proposed_ms: NOW.unix_ms(),
            expires_ms: NOW.plus(std::time::Duration::from_secs(3600)).unix_ms(),
        };
        Proposal::new(set, BTreeMap::from([(name, rules.to_owned())])).unwrap()
    }

    #[test]
    fn a_change_file_parses_and_applies_to_the_texts_it_was_proposed_against() {
        let change = proposal("other rules");
        assert_eq!(Proposal::parse(&change.to_json()), Ok(change.clone()));
        let after = change.applied_to(&texts()).unwrap();
        assert_eq!(after.text("release.cedar"), Some("other rules"));
        assert_eq!(change.applied_to(&after).map_err(|e| matches!(e, ProposalFault::Stale { .. })), Err(true));
    }

    #[test]
    fn refuses_a_file_whose_text_or_digest_was_altered() {
        let json = proposal("other rules").to_json();
        assert!(matches!(Proposal::parse(&json.replace("other rules", "my rules")), Err(ProposalFault::Text(_))));
        let digest = Digest::of(b"other rules").to_string();
        let other = Digest::of(b"x").to_string();
        assert!(matches!(Proposal::parse(&json.replace(&digest, &other)), Err(ProposalFault::Text(_))));
        assert!(matches!(Proposal::parse(&json.replace("release.cedar", "../x")), Err(ProposalFault::Form(_))));
        assert!(matches!(Proposal::parse(&json.replace("change/1", "change/2")), Err(ProposalFault::Form(_))));
        // A text that no part names would be passed on with the signed change without being signed.
        let more = json.replace("\"texts\": {", "\"texts\": {\n\"words/more.txt\": \"more\",");
        assert!(json != more && matches!(Proposal::parse(&more), Err(ProposalFault::Text(_))));
    }

    #[test]
    fn refuses_parts_twice_out_of_order_or_that_change_nothing() {
        let change = proposal("other rules");
        let texts = change.texts.clone();
        let with = |parts: Vec<Part>| Proposal::new(ChangeSet { parts, ..change.set.clone() }, texts.clone());
        let part = change.set.parts[0].clone();
        assert!(with(vec![part.clone()]).is_ok());
        assert_eq!(with(vec![]), Err(ProposalFault::Parts));
        assert_eq!(with(vec![part.clone(), part.clone()]), Err(ProposalFault::Parts));
        let nothing = Part { before: part.after, ..part.clone() };
        assert!(matches!(with(vec![nothing]), Err(ProposalFault::Text(_))));
        let agreement = Part { name: "agreement/exercise-gbr".parse().unwrap(), before: part.before, after: None };
        assert!(matches!(with(vec![agreement]), Err(ProposalFault::Text(_))));
    }

    #[test]
    fn refuses_a_partner_without_agreement_an_agreement_without_partner_and_leaving_people_out() {
        /// A part's name, and its text before and after.
        type Named<'a> = (&'a str, Option<&'a str>, Option<&'a str>);
        let set = proposal("other rules").set;
        let made = |parts: &[Named<'_>], serial| {
            let digest = |text: &Option<&str>| text.map(|t| Digest::of(t.as_bytes()));
            let part = |(name, before, after): &Named<'_>| Part {
                name: name.parse().unwrap(),
                before: digest(before),
                after: digest(after),
            };
            let text = |(name, _, after): &Named<'_>| after.map(|text| (name.parse().unwrap(), text.to_owned()));
            let texts = parts.iter().filter_map(text).collect();
            Proposal::new(ChangeSet { serial, parts: parts.iter().map(part).collect(), ..set.clone() }, texts)
        };
        let (partner, agreement) = ("partner/exercise-gbr", "agreement/exercise-gbr");
        assert!(made(&[(partner, None, Some("b")), (agreement, None, Some("c"))], 1).is_ok());
        assert!(made(&[(partner, Some("a"), Some("b"))], 1).is_ok());
        let alone: [&[Named<'_>]; 4] = [
            &[(partner, None, Some("b"))],
            &[(agreement, None, Some("b"))],
            &[(partner, None, Some("b")), (agreement, Some("a"), Some("b"))],
            &[("policy", None, Some("b"))],
        ];
        for parts in alone {
            assert!(matches!(made(parts, 1), Err(ProposalFault::Alone(_))), "{parts:?}");
        }
        assert!(made(alone[3], 0).is_ok());
        for (name, before, after) in [
            ("officer/exercise-one", Some("a"), None),
            (partner, Some("a"), None),
            ("standing/exercise-gbr", None, Some("b")),
            ("clock", None, Some("b")),
            ("ledger", Some("a"), None),
        ] {
            assert!(matches!(made(&[(name, before, after)], 1), Err(ProposalFault::Text(_))), "{name}");
        }
    }

    #[test]
    fn every_field_alters_the_digest_that_is_signed() {
        let set = proposal("other rules").set;
        let others = [
            ChangeSet { node: "exercise-gbr".parse().unwrap(), ..set.clone() },
            ChangeSet { instance: Instance::exercise(2), ..set.clone() },
            ChangeSet { serial: 2, ..set.clone() },
            ChangeSet { parts: proposal("more rules").set.parts, ..set.clone() },
            ChangeSet { proposed_by: "somebody".into(), ..set.clone() },
            ChangeSet { why: "another".into(), ..set.clone() },
            ChangeSet { proposed_ms: 0, ..set.clone() },
            ChangeSet { expires_ms: 0, ..set.clone() },
        ];
        assert!(others.iter().all(|other| other.digest() != set.digest()));
    }
}
