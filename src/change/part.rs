//! One part of a change: a text that it replaces, adds or removes, and the name of that text.

use std::fmt;
use std::str::FromStr;

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::PolicyTexts;
use crate::digest::Digest;
use crate::ident::{ConsentId, OfficerId, PartnerId};
use crate::invisible::visible;
use crate::text_codec::{cbor_text_string, string_conversions};

/// One text that a change replaces, adds or removes.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cbor(map)]
pub struct Part {
    /// The name of the text.
    #[n(0)]
    pub name: PartName,
    /// SHA-256 of the text in force; absent if there is none yet.
    #[n(1)]
    pub before: Option<Digest>,
    /// SHA-256 of the new text; absent if the text is removed.
    #[n(2)]
    pub after: Option<Digest>,
}

/// The name of a text that a change can replace. The order of names is the order of parts in a change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum PartName {
    /// `officer/` and an officer: an [`Appointment`](super::Appointment).
    Officer(OfficerId),
    /// `partner/` and a partner: its description ([`crate::partner::Description`]).
    Partner(PartnerId),
    /// `agreement/` and a partner: the agreement with it ([`crate::partner::Agreement`]).
    Agreement(PartnerId),
    /// `consent/` and its name: a consent of a source ([`crate::consent::SourceConsent`]).
    Consent(ConsentId),
    /// `standing/` and a partner: reactivates a suspended partner, or removes a partner.
    Standing(PartnerId),
    /// `clock`: trusts a clock again that was in doubt.
    Clock,
    /// `ledger`: the accepted losses of this node's ledger ([`super::LostCheckpoints`]).
    Ledger,
    /// A text of the policy; the name of its file in a policy folder.
    Policy(String),
    /// `policy`: the digests of all policy texts, which a founding approves. Not allowed in other changes.
    Manifest,
}

impl PartName {
    /// Whether a part of this name must not add, replace or remove a text, given whether there is one `before` and `after`.
    pub(super) fn misused(&self, before: bool, after: bool) -> bool {
        match self {
            // None of these is deleted: an officer is revoked, a partner is removed by its standing, an agreement expires.
            PartName::Officer(_) | PartName::Partner(_) | PartName::Agreement(_) | PartName::Ledger => !after,
            // Only what was suspended or in doubt before can be restored.
            PartName::Standing(_) | PartName::Clock => !before || !after,
            // A consent never changes; a new one has a new name.
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

/// A text that is not the name of anything that a change can replace.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "change names `{0}`: expected a file of a policy folder, `clock`, `ledger`, `policy`, or `officer/`, `partner/`, \
     `agreement/`, `consent/` or `standing/` and a name"
)]
pub struct NotAPartName(String);

impl FromStr for PartName {
    type Err = NotAPartName;

    fn from_str(text: &str) -> Result<PartName, NotAPartName> {
        let wrong = || NotAPartName(visible(text, 80));
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

string_conversions!(PartName, NotAPartName);
cbor_text_string!(PartName);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_parses_from_its_text_and_nothing_else_does() {
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
