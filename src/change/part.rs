//! The names of what a change can replace.

use std::fmt;
use std::str::FromStr;

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::{PolicyTexts, ProposalFault};
use crate::digest::Digest;
use crate::ident::{ConsentId, OfficerId, PartnerId};
use crate::unseen::is_unseen;

/// One text that a change replaces, adds or leaves out.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct Part {
    /// Its name.
    #[n(0)]
    pub name: PartName,
    /// SHA-256 of the text in force; absent where there is none yet.
    #[n(1)]
    pub before: Option<Digest>,
    /// SHA-256 of the text that takes its place; absent where none does.
    #[n(2)]
    pub after: Option<Digest>,
}

/// The name of something that a change can replace. Their order is the order of parts in a change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum PartName {
    /// `officer/` and an officer: who somebody is, what they may do, with which keys, and until when
    /// ([`super::Appointment`]).
    Officer(OfficerId),
    /// `partner/` and a partner: what it is enrolled with ([`crate::partner::Description`]).
    Partner(PartnerId),
    /// `agreement/` and a partner: what may flow to and from it.
    Agreement(PartnerId),
    /// `consent/` and its name: a consent of a source ([`crate::consent::SourceConsent`]).
    Consent(ConsentId),
    /// `standing/` and a partner: whether a suspended one is let in again, or one is removed.
    Standing(PartnerId),
    /// `clock`: whether a clock that was doubted is believed.
    Clock,
    /// `ledger`: which heads of our ledger partners have seen that are lost ([`super::LostHeads`]).
    Ledger,
    /// A text of the policy, under the name of its file in a policy folder.
    Policy(String),
    /// `policy`: the digests of all texts of the policy that a founding takes responsibility for; in no other change.
    Manifest,
}

impl PartName {
    /// What a part of this name may do, given whether there is a text before and after; says what is wrong.
    pub(super) fn misused(&self, before: bool, after: bool) -> bool {
        match self {
            // An officer ends by revocation, a partner by its standing, an agreement by its dates: never left out.
            PartName::Officer(_) | PartName::Partner(_) | PartName::Agreement(_) | PartName::Ledger => !after,
            // What was never suspended or doubted cannot be believed again.
            PartName::Standing(_) | PartName::Clock => !before || !after,
            // A consent is recorded once and never changes: another one has another name.
            PartName::Consent(_) => before || !after,
            PartName::Policy(_) => !before && !after,
            PartName::Manifest => before || !after,
        }
    }
}

impl fmt::Display for PartName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PartName::Officer(officer) => write!(f, "officer/{officer}"),
            PartName::Partner(partner) => write!(f, "partner/{partner}"),
            PartName::Agreement(partner) => write!(f, "agreement/{partner}"),
            PartName::Consent(name) => write!(f, "consent/{name}"),
            PartName::Standing(partner) => write!(f, "standing/{partner}"),
            PartName::Clock => f.write_str("clock"),
            PartName::Ledger => f.write_str("ledger"),
            PartName::Policy(name) => f.write_str(name),
            PartName::Manifest => f.write_str("policy"),
        }
    }
}

impl FromStr for PartName {
    type Err = ProposalFault;

    fn from_str(text: &str) -> Result<PartName, ProposalFault> {
        let wrong = || ProposalFault::Name(text.chars().filter(|c| !is_unseen(*c)).take(80).collect());
        match text.split_once('/') {
            Some(("officer", id)) => id.parse().map(PartName::Officer).map_err(|_| wrong()),
            Some(("partner", id)) => id.parse().map(PartName::Partner).map_err(|_| wrong()),
            Some(("agreement", id)) => id.parse().map(PartName::Agreement).map_err(|_| wrong()),
            Some(("consent", id)) => id.parse().map(PartName::Consent).map_err(|_| wrong()),
            Some(("standing", id)) => id.parse().map(PartName::Standing).map_err(|_| wrong()),
            None if text == "clock" => Ok(PartName::Clock),
            None if text == "ledger" => Ok(PartName::Ledger),
            None if text == "policy" => Ok(PartName::Manifest),
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
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back_and_nothing_else_is_one() {
        let names = [
            "officer/exercise-officer-1",
            "partner/exercise-gbr",
            "agreement/exercise-gbr",
            "consent/exercise-1",
            "standing/exercise-gbr",
            "clock",
            "ledger",
            "policy",
            "release.cedar",
            "inspection.toml",
            "words/exercise.txt",
        ];
        for name in names {
            assert_eq!(name.parse::<PartName>().unwrap().to_string(), name);
        }
        for name in ["", "clock/x", "officer/", "officer/Not A Name", "partner/../x", "other", "words/../x.txt"] {
            assert!(name.parse::<PartName>().is_err(), "{name}");
        }
    }
}
