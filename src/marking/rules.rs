//! The rules for one document: a register, the document's date, a profile and the operator's configuration.

use std::collections::BTreeSet;

use super::model::{DocumentDate, Profile};
use super::register::Register;

/// Which organisations roll-up may replace by their members (spec 0.1, conflict 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Expansion {
    /// Those that ISMCAT flags as decomposable.
    #[default]
    Ismcat,
    /// The three of the 2016 Manual's rule 23: TEYE, ACGU and FVEY.
    Manual2016,
}

/// How an unclassified portion with controls but without disclosure marking takes part in roll-up (spec 0.1, conflict 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnclassifiedPolicy {
    /// As RELIDO without REL, so it blocks a REL banner (ISM-ID-00088). The stricter reading.
    #[default]
    Ism88,
    /// It follows the banner (M16 Table 2).
    Manual,
}

/// Words that the public register does not have, added by the operator.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// Unpublished SCI control systems.
    pub unpublished_sci: BTreeSet<String>,
    /// NATO North Atlantic Council activities, at most ten characters each.
    pub nac_activities: BTreeSet<String>,
}

/// The rules under which a mark is read. Cheap to make: one for each document.
///
/// ```
/// use jiff::civil::date;
/// use portcullis::marking::{DocumentDate, Level, Register, Rules};
///
/// let rules = Rules::new(Register::compiled_in(), DocumentDate::Known(date(2022, 12, 1)));
/// let marking = rules.parse_banner("SECRET//SI//REL TO USA, FVEY").unwrap();
/// assert_eq!(marking.level(), Level::Secret);
/// assert_eq!(marking.portion(), "(S//SI//REL TO USA, FVEY)");
///
/// let refused = rules.parse_banner("SECRET//REL TO GBR, AUS").unwrap_err();
/// assert_eq!(refused.diagnostics[0].code.as_str(), "E-REL-NO-USA");
/// assert_eq!(refused.diagnostics[0].span, 8..23);
/// ```
#[derive(Debug, Clone)]
pub struct Rules<'r> {
    /// The vocabulary.
    pub(super) register: &'r Register,
    /// The document's date.
    pub(super) date: DocumentDate,
    /// The profile that marks are judged by.
    pub(super) profile: Profile,
    /// The operator's vocabulary.
    pub(super) config: Config,
    /// Which organisations roll-up may decompose.
    pub(super) expansion: Expansion,
    /// How unmarked unclassified portions with controls roll up.
    pub(super) unclassified: UnclassifiedPolicy,
}

impl<'r> Rules<'r> {
    /// Strict intelligence community rules for a document of this date.
    #[must_use]
    pub fn new(register: &'r Register, date: DocumentDate) -> Self {
        Self {
            register,
            date,
            profile: Profile::default(),
            config: Config::default(),
            expansion: Expansion::default(),
            unclassified: UnclassifiedPolicy::default(),
        }
    }

    /// The same rules under another profile.
    #[must_use]
    pub fn with_profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    /// The same rules under the profile that `mark` is written in: the profile of a banner applies to all
    /// portions under it.
    #[must_use]
    pub fn in_profile_of(&self, mark: &str) -> Self {
        self.clone().with_profile(Profile::of(mark))
    }

    /// The same rules with the operator's vocabulary.
    #[must_use]
    pub fn with_config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// The same rules with another roll-up expansion.
    #[must_use]
    pub fn with_expansion(mut self, expansion: Expansion) -> Self {
        self.expansion = expansion;
        self
    }

    /// The same rules with another policy for unmarked unclassified portions.
    #[must_use]
    pub fn with_unclassified_policy(mut self, policy: UnclassifiedPolicy) -> Self {
        self.unclassified = policy;
        self
    }

    /// The register of these rules.
    #[must_use]
    pub fn register(&self) -> &'r Register {
        self.register
    }

    /// The profile that marks are judged by.
    #[must_use]
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// The document's date.
    #[must_use]
    pub fn date(&self) -> DocumentDate {
        self.date
    }
}
