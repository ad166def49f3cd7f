//! The facts of a decision in plain terms: the agreement, the cut, the product, the request and the voters. The caller fills
//! them in; no mark in them has been read yet.

use std::collections::BTreeSet;

use jiff::civil::Date;

use crate::time::Time;

/// Which decision is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// What would be decided after approval; it releases nothing.
    Forecast,
    /// Whether the cut may be sealed.
    Approve,
    /// Whether the sealed envelope may leave now: manifest and payload, or the header that opens it.
    Send,
}

impl Stage {
    pub(super) fn action(self) -> &'static str {
        match self {
            Stage::Forecast => "forecast",
            Stage::Approve => "release",
            Stage::Send => "send",
        }
    }
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.action())
    }
}

/// A partner and its agreement, in plain terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgreementTerms {
    /// The name it is enrolled under.
    pub partner: String,
    /// The partner's code in the register.
    pub code: String,
    /// Our own country's code: never a partner, and its consent is not needed.
    pub home: String,
    /// Whether it is a multinational organisation.
    pub organisation: bool,
    /// Whether it is suspended.
    pub suspended: bool,
    /// Ceiling on the US scale: `U`, `C`, `S` or `TS`. Any other text permits nothing.
    pub ceiling: String,
    /// What the link is accredited for.
    pub accreditations: BTreeSet<String>,
    /// What the network under the link may carry, as a list of codes; `None` when it sets no bound of its own.
    pub network: Option<BTreeSet<String>>,
    /// Kinds of product.
    pub kinds: BTreeSet<String>,
    /// Media types of attachments.
    pub attachments: BTreeSet<String>,
    /// Whether we may send.
    pub sends: bool,
    /// First day in force.
    pub valid_from: Date,
    /// Last day in force.
    pub valid_until: Date,
    /// The greatest age of a product in days.
    pub age_days_max: u32,
    /// The largest product, in bytes.
    pub bytes_max: u64,
}

/// A cut, in plain terms: its marks as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CutTerms {
    /// The banner, canonical.
    pub banner: String,
    /// Every distinct portion mark, canonical, in parentheses.
    pub portions: BTreeSet<String>,
    /// The kind of product.
    pub kind: String,
    /// Media types of its attachments.
    pub attachments: BTreeSet<String>,
    /// Its size in bytes.
    pub bytes: u64,
    /// The product's date, if known.
    pub date: Option<Date>,
    /// The product it was made from.
    pub product: ProductTerms,
    /// Digests of the consents that its release is to rest on.
    pub consents: BTreeSet<String>,
    /// The codes of partners whose contributions in it need their consent.
    pub received_from: BTreeSet<String>,
    /// How many runs of eight words or more it shares with what is withheld from the partner.
    pub shared_runs: usize,
    /// The length of the longest such run, in words.
    pub shared_words: u32,
}

/// What a consent may name of the product that a cut was made from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProductTerms {
    /// Its number.
    pub number: String,
    /// SHA-256 of it as it was submitted, hexadecimal.
    pub digest: String,
    /// The subjects that the cut names.
    pub subjects: BTreeSet<String>,
    /// Its originator.
    pub originator: String,
}

/// The request, in plain terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestTerms {
    /// When the permission ends.
    pub expires: Time,
    /// Whether everything that must be stated is.
    pub complete: bool,
    /// The objective it serves; empty for none.
    pub objective: String,
    /// Whether it engages the partner.
    pub engages: bool,
    /// Whether it supports a preferred outcome.
    pub supports_outcome: bool,
}

/// An officer whose approval is valid.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct VoterTerms {
    /// The enrolled name.
    pub id: String,
    /// The display name.
    pub name: String,
    /// Whether they hold their office now.
    pub in_office: bool,
}

impl VoterTerms {
    /// Whether the free-text name `who` is this officer's: letters and digits are compared, without regard to case.
    pub(super) fn is_named(&self, who: &str) -> bool {
        let bare = |text: &str| -> String {
            text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
        };
        let who = bare(who);
        !who.is_empty() && (who == bare(&self.id) || who == bare(&self.name))
    }
}
