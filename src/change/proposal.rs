//! What a change consists of, and the file it travels in from one officer to the next.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::{PolicyTexts, TextsFault};
use crate::digest::{self, Digest};
use crate::ident::{ConsentId, NodeId, PartnerId};
use crate::time::Time;

/// What a change does, exactly: which texts of which node it replaces, and by what. This is what officers sign.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct ChangeSet {
    /// The node it is for; at any other it is void.
    #[n(0)]
    pub node: NodeId,
    /// The number it will have: one more than that of the last change. So it takes effect at most once, and not after
    /// any other change came between.
    #[n(1)]
    pub serial: u64,
    /// What it replaces, in the order of the names.
    #[n(2)]
    pub parts: Vec<Part>,
    /// Who proposed it, as they said.
    #[n(3)]
    pub proposed_by: String,
    /// Why.
    #[n(4)]
    pub why: String,
    /// When it was proposed, in milliseconds since the Unix epoch.
    #[n(5)]
    pub proposed_ms: i64,
    /// When it ends; it does not take effect at or after this instant, in milliseconds since the Unix epoch.
    #[n(6)]
    pub expires_ms: i64,
}

/// One text that a change replaces, adds or leaves out.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct Part {
    /// Its name: of a file in a policy folder, or `agreement/` and a partner.
    #[n(0)]
    pub name: PartName,
    /// SHA-256 of the text in force; absent where there is none yet.
    #[n(1)]
    pub before: Option<Digest>,
    /// SHA-256 of the text that takes its place; absent where none does.
    #[n(2)]
    pub after: Option<Digest>,
}

/// The name of something that a change can replace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum PartName {
    /// The agreement with a partner.
    Agreement(PartnerId),
    /// `consent/` and its name: a consent of a source ([`crate::consent::SourceConsent`]).
    Consent(ConsentId),
    /// A text of the policy.
    Policy(String),
}

/// A change with the texts it brings and the signatures gathered so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// What is signed.
    pub set: ChangeSet,
    /// The new texts, by name of their part.
    texts: BTreeMap<PartName, String>,
    /// Signed consents, in the order they were given; none of them is checked yet.
    pub consents: Vec<Vec<u8>>,
}

/// Why a proposal does not read, or does not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProposalFault {
    /// Not JSON of the expected shape.
    #[error("change does not read: {0}")]
    Form(String),
    /// A name of nothing that a change can replace.
    #[error("change names `{0}`: expected a file of a policy folder, or `agreement/` or `consent/` and a name")]
    Name(String),
    /// Parts out of order, twice, or none.
    #[error("change has no parts, or not in the order of their names, each once")]
    Parts,
    /// A text that is not the one whose digest was signed, or is missing, or is there for no part.
    #[error("change brings another text for `{0}` than its digest says: it was altered; propose it anew")]
    Text(PartName),
    /// The text in force is not the one it was proposed against.
    #[error(
        "change was proposed against another `{part}` than is in force (expected {expected}, found {found}): propose it anew"
    )]
    Stale {
        /// Which part.
        part: PartName,
        /// What it was proposed against.
        expected: String,
        /// What is in force.
        found: String,
    },
    /// What would be in force after it is no policy.
    #[error(transparent)]
    Texts(#[from] TextsFault),
}

/// The file's shape.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: String,
    change: ChangeSet,
    texts: BTreeMap<PartName, String>,
    consents: Vec<String>,
}

impl ChangeSet {
    /// SHA-256 of the canonical bytes: how ledger and officers name the change.
    pub fn digest(&self) -> Digest {
        Digest::of(&digest::encode(self))
    }

    /// When it ends.
    pub fn expires(&self) -> Time {
        Time::from_unix_ms(self.expires_ms)
    }

    /// The partners whose agreements it replaces.
    pub fn agreements(&self) -> impl Iterator<Item = (&PartnerId, &Part)> {
        self.parts.iter().filter_map(|part| match &part.name {
            PartName::Agreement(partner) => Some((partner, part)),
            _ => None,
        })
    }

    /// The consents of sources that it puts on record.
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
    /// What the file says that it is.
    pub const FORMAT: &'static str = "portcullis-change/1";

    /// A proposal that nobody has signed yet.
    ///
    /// # Errors
    /// [`ProposalFault`] if parts and texts do not belong together.
    pub fn new(set: ChangeSet, texts: BTreeMap<PartName, String>) -> Result<Proposal, ProposalFault> {
        let in_order = set.parts.windows(2).all(|pair| pair[0].name < pair[1].name);
        if set.parts.is_empty() || !in_order {
            return Err(ProposalFault::Parts);
        }
        for part in &set.parts {
            let brought = texts.get(&part.name).map(|text| Digest::of(text.as_bytes()));
            // An agreement ends by its dates or by suspending the partner, never by leaving it out.
            let agreement =
                matches!(part.name, PartName::Agreement(_)) && (part.before.is_none() || part.after.is_none());
            // A consent is recorded once and never changes: another one has another name.
            let consent = matches!(part.name, PartName::Consent(_)) && (part.before.is_some() || part.after.is_none());
            if brought != part.after || part.before == part.after || agreement || consent {
                return Err(ProposalFault::Text(part.name.clone()));
            }
        }
        if let Some(stray) = texts.keys().find(|name| !set.parts.iter().any(|part| part.name == **name)) {
            return Err(ProposalFault::Text(stray.clone()));
        }
        Ok(Proposal { set, texts, consents: Vec::new() })
    }

    /// Reads a change file.
    ///
    /// # Errors
    /// [`ProposalFault`] says what does not read, or which text is not the one that the change names.
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

    /// The change file.
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

    /// The new text of one part; `None` where it is left out.
    pub fn text(&self, part: &PartName) -> Option<&str> {
        self.texts.get(part).map(String::as_str)
    }

    /// The policy as it would be, if it is `texts` now.
    ///
    /// # Errors
    /// [`ProposalFault::Stale`] if a part in force is not the one it was proposed against, [`ProposalFault::Texts`] if
    /// what it makes is no policy.
    pub fn applied_to(&self, texts: &PolicyTexts) -> Result<PolicyTexts, ProposalFault> {
        let mut changed = Vec::new();
        for (name, part) in self.set.policy_parts() {
            self.fits(part, texts.text(name))?;
            changed.push((name.to_owned(), self.text(&part.name).map(str::to_owned)));
        }
        Ok(texts.with(changed)?)
    }

    /// Whether `part` was proposed against the text in force.
    ///
    /// # Errors
    /// [`ProposalFault::Stale`] if not.
    pub fn fits(&self, part: &Part, in_force: Option<&str>) -> Result<(), ProposalFault> {
        let found = in_force.map(|text| Digest::of(text.as_bytes()));
        if found == part.before {
            return Ok(());
        }
        let short = |digest: Option<Digest>| digest.map_or("none".to_owned(), |d| d.short());
        Err(ProposalFault::Stale { part: part.name.clone(), expected: short(part.before), found: short(found) })
    }
}

impl fmt::Display for PartName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PartName::Agreement(partner) => write!(f, "agreement/{partner}"),
            PartName::Consent(name) => write!(f, "consent/{name}"),
            PartName::Policy(name) => f.write_str(name),
        }
    }
}

impl FromStr for PartName {
    type Err = ProposalFault;

    fn from_str(text: &str) -> Result<PartName, ProposalFault> {
        let wrong = || ProposalFault::Name(text.chars().filter(|c| !c.is_control()).take(80).collect());
        match text.split_once('/') {
            Some(("agreement", partner)) => partner.parse().map(PartName::Agreement).map_err(|_| wrong()),
            Some(("consent", name)) => name.parse().map(PartName::Consent).map_err(|_| wrong()),
            _ if PolicyTexts::is_name(text) => Ok(PartName::Policy(text.to_owned())),
            _ => Err(wrong()),
        }
    }
}

impl From<PartName> for String {
    fn from(name: PartName) -> String {
        name.to_string()
    }
}

impl TryFrom<String> for PartName {
    type Error = ProposalFault;

    fn try_from(text: String) -> Result<PartName, ProposalFault> {
        text.parse()
    }
}

impl<C> Encode<C> for PartName {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.str(&self.to_string())?.ok()
    }
}

impl<'b, C> Decode<'b, C> for PartName {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<PartName, minicbor::decode::Error> {
        d.str()?.parse().map_err(minicbor::decode::Error::message)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::texts::tests::texts;
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
    fn a_change_file_reads_back_and_applies_to_what_it_was_made_against() {
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
    fn every_field_moves_the_digest_that_is_signed() {
        let set = proposal("other rules").set;
        let others = [
            ChangeSet { node: "exercise-gbr".parse().unwrap(), ..set.clone() },
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
