//! The rules in force: a register, the document's date, a profile and the operator's configuration.

use std::collections::BTreeSet;

use jiff::civil::{Date, date};

use super::diagnostic::Rejected;
use super::parse::{self, Kind};
use super::register::Register;
use super::value::Marking;

/// When the document was made. What depends on the date fails safe when it is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentDate {
    /// Made on this day.
    Known(Date),
    /// Not known: nothing that needs a date is granted (spec 1.7).
    Unknown,
}

impl DocumentDate {
    /// True when the document is known to be made on `day` or later.
    #[must_use]
    pub fn is_from(self, day: Date) -> bool {
        matches!(self, Self::Known(made) if made >= day)
    }

    /// True when the document is known to be made before `day`.
    #[must_use]
    pub fn is_before(self, day: Date) -> bool {
        matches!(self, Self::Known(made) if made < day)
    }

    /// True when a legacy EYES ONLY list still counts (M16 B.5: the waiver ended on 2017-10-01).
    #[must_use]
    pub(super) fn allows_eyes(self) -> bool {
        self.is_before(date(2017, 10, 2))
    }
}

/// Which community's rules a mark is judged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Profile {
    /// The intelligence community, strictly: what is valid in another profile only is refused.
    #[default]
    Ic,
    /// Controlled unclassified information (spec 1.12).
    Cui,
}

impl Profile {
    /// The profile that a mark is written in, a banner or a portion mark with its parentheses. Its first word tells: no mark
    /// of the intelligence community begins with `CUI` or `CONTROLLED`, and no mark of CUI with anything else.
    #[must_use]
    pub fn of(mark: &str) -> Self {
        let inner = mark.strip_prefix('(').unwrap_or(mark);
        match inner.split(|c: char| !c.is_ascii_alphanumeric()).next() {
            Some("CUI" | "CONTROLLED") => Self::Cui,
            _ => Self::Ic,
        }
    }

    /// The name used in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ic => "IC",
            Self::Cui => "CUI",
        }
    }
}

/// Which organisations roll-up may replace by their members (spec 0.1, conflict 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Expansion {
    /// Those that ISMCAT flags as decomposable.
    #[default]
    Ismcat,
    /// The three of the 2016 Manual's rule 23: TEYE, ACGU and FVEY.
    Manual2016,
}

/// How an unmarked but controlled unclassified portion takes part in roll-up (spec 0.1, conflict 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnclassifiedPolicy {
    /// As RELIDO without REL, so it blocks a REL banner (ISM-ID-00088). The stricter reading.
    #[default]
    Ism88,
    /// It follows the banner (M16 Table 2).
    Manual,
}

/// Words the public register does not hold, which an operator vouches for.
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
    pub(super) register: &'r Register,
    pub(super) date: DocumentDate,
    pub(super) profile: Profile,
    pub(super) config: Config,
    pub(super) expansion: Expansion,
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

    /// The same rules under the profile that `mark` is written in: that of a banner is the profile of all that stands
    /// beneath it.
    #[must_use]
    pub fn in_profile_of(&self, mark: &str) -> Self {
        self.clone().with_profile(Profile::of(mark))
    }

    /// The same rules with the operator's words.
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

    /// The register these rules read with.
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

    /// Reads a banner in its full or abbreviated form, as at submission.
    ///
    /// # Errors
    ///
    /// Every fault of the text, each with its span. Nothing is repaired.
    pub fn parse_banner(&self, text: &str) -> Result<Marking, Rejected> {
        parse::parse(self, text, Kind::Banner, None).into_result()
    }

    /// Reads a banner from the wire: only the exact text that [`Marking::banner`] prints.
    ///
    /// # Errors
    ///
    /// As [`parse_banner`](Self::parse_banner), and `E-FORM` for a valid banner in another form.
    pub fn parse_banner_canonical(&self, text: &str) -> Result<Marking, Rejected> {
        let marking = self.parse_banner(text)?;
        if marking.banner() == text { Ok(marking) } else { Err(parse::not_canonical(text, &marking.banner())) }
    }

    /// Reads a portion mark with its parentheses. `banner` is what `(S//REL)` and `(//JOINT S)` inherit from.
    ///
    /// # Errors
    ///
    /// Every fault of the text, each with its span. Nothing is repaired.
    pub fn parse_portion(&self, text: &str, banner: Option<&Marking>) -> Result<Marking, Rejected> {
        parse::parse(self, text, Kind::Portion, banner).into_result()
    }
}
