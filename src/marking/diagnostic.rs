//! What is wrong with a mark: a stable code, the exact bytes, why, and what to do.

use std::fmt;
use std::ops::Range;

macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// The stable code of a rule of the specification (spec 1.6). Ordered as the text orders.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum RuleCode { $($(#[$doc])* $name,)* }

        impl RuleCode {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The code as text, such as `E-CLASS-FLOOR`.
            #[must_use]
            pub const fn as_str(self) -> &'static str { match self { $(Self::$name => $text,)* } }
        }
    };
}

rules! {
    /// Atomic energy modifier with no meaning on its parent.
    AeaSub = "E-AEA-SUB";
    /// A control written in another category's segment.
    CategoryMixed = "E-CATEGORY-MIXED";
    /// Categories out of order.
    CategoryOrder = "E-CATEGORY-ORDER";
    /// A category written twice.
    CategoryRepeated = "E-CATEGORY-REPEATED";
    /// Lower case.
    Case = "E-CASE";
    /// A character outside U+0020..U+007E.
    Charset = "E-CHARSET";
    /// An unclassified-only control on classified information.
    ClassCeiling = "E-CLASS-CEILING";
    /// A control below its lowest classification.
    ClassFloor = "E-CLASS-FLOOR";
    /// No classification at all.
    ClassMissing = "E-CLASS-MISSING";
    /// RESTRICTED without a foreign owner.
    ClassNotUs = "E-CLASS-NOT-US";
    /// An unknown classification.
    ClassUnknown = "E-CLASS-UNKNOWN";
    /// A code that is deprecated at the document's date.
    CodeDeprecated = "E-CODE-DEPRECATED";
    /// Codes out of order.
    CodeOrder = "E-CODE-ORDER";
    /// A code the register does not hold for this list.
    CodeUnknown = "E-CODE-UNKNOWN";
    /// An abbreviation that inherits, with nothing to inherit from.
    Context = "E-CONTEXT";
    /// DISPLAY ONLY without a list.
    DisplayEmpty = "E-DISPLAY-EMPTY";
    /// A value written twice.
    Dup = "E-DUP";
    /// An empty text.
    Empty = "E-EMPTY";
    /// Controls that exclude each other.
    Exclusive = "E-EXCLUSIVE";
    /// EYES ONLY with a country outside the five.
    EyesCountry = "E-EYES-COUNTRY";
    /// The concealed FGI form in a banner.
    FgiBanner = "E-FGI-BANNER";
    /// FGI on a mark that is not US or JOINT.
    FgiOnNonus = "E-FGI-ON-NONUS";
    /// USA as a foreign source.
    FgiUsa = "E-FGI-USA";
    /// Banner form in a portion, or portion form in a banner.
    Form = "E-FORM";
    /// FOUO next to a control that supersedes it.
    FouoSuperseded = "E-FOUO-SUPERSEDED";
    /// JOINT without USA among the owners.
    JointNoUsa = "E-JOINT-NO-USA";
    /// JOINT with fewer than two owners.
    JointOwners = "E-JOINT-OWNERS";
    /// JOINT whose REL TO does not cover its owners.
    JointRel = "E-JOINT-REL";
    /// JOINT RESTRICTED.
    JointRestricted = "E-JOINT-RESTRICTED";
    /// A retired form.
    Legacy = "E-LEGACY";
    /// Longer than the limit.
    Limit = "E-LIMIT";
    /// A list with the wrong separator.
    ListSeparator = "E-LIST-SEPARATOR";
    /// A word of the register in place of a free name, such as that of a compartment or program.
    NameReserved = "E-NAME-RESERVED";
    /// A NATO control on information that is not NATO's.
    NatoControl = "E-NATO-CONTROL";
    /// A NATO level that does not exist.
    NatoLevel = "E-NATO-LEVEL";
    /// A foreign classification without the leading double slash.
    NonusPrefix = "E-NONUS-PREFIX";
    /// USA as the owner of a foreign mark.
    NonusUsa = "E-NONUS-USA";
    /// Values of a category out of order.
    Order = "E-ORDER";
    /// Parentheses missing, unbalanced or out of place.
    Paren = "E-PAREN";
    /// Valid in another profile only.
    Profile = "E-PROFILE";
    /// REL TO without a list.
    RelEmpty = "E-REL-EMPTY";
    /// REL TO without USA.
    RelNoUsa = "E-REL-NO-USA";
    /// REL TO with USA alone.
    RelSoleUsa = "E-REL-SOLE-USA";
    /// REL TO with USA out of first place.
    RelUsaNotFirst = "E-REL-USA-NOT-FIRST";
    /// A control without what it requires.
    Requires = "E-REQUIRES";
    /// `SAR-` repeated inside one segment.
    SapRepeatedIndicator = "E-SAP-REPEATED-INDICATOR";
    /// A compartment that the system does not have, or of the wrong shape.
    SciCompartment = "E-SCI-COMPARTMENT";
    /// An empty segment or item.
    Separator = "E-SEPARATOR";
    /// A SIGMA number that is not current.
    Sigma = "E-SIGMA";
    /// A word the register does not hold.
    TokenUnknown = "E-TOKEN-UNKNOWN";
    /// A space where none belongs.
    Whitespace = "E-WHITESPACE";
    /// Restricted data without NOFORN.
    WarnAeaNf = "W-AEA-NF";
    /// HCS without a compartment.
    WarnHcsBare = "W-HCS-BARE";
    /// KLAMATH without NOFORN.
    WarnKlmNf = "W-KLM-NF";
    /// An organisation whose members are those of the register's day, in an older document.
    WarnMembershipUndated = "W-MEMBERSHIP-UNDATED";
    /// RELIDO on a mark that is not US.
    WarnRelidoNonus = "W-RELIDO-NONUS";
}

impl RuleCode {
    /// Whether the code refuses the mark or only warns.
    #[must_use]
    pub fn severity(self) -> Severity {
        if self.as_str().starts_with("W-") { Severity::Warning } else { Severity::Error }
    }

    /// True for faults of form only: the meaning of the mark is clear, and correcting the form does not change it.
    #[must_use]
    pub const fn is_formal(self) -> bool {
        matches!(
            self,
            Self::Case
                | Self::Whitespace
                | Self::Form
                | Self::Order
                | Self::CodeOrder
                | Self::ListSeparator
                | Self::RelUsaNotFirst
                | Self::NonusPrefix
                | Self::Dup
        )
    }
}

impl PartialOrd for RuleCode {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for RuleCode {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl fmt::Display for RuleCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The severity of a diagnostic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The mark is valid; the release decision may still refuse it.
    Warning,
    /// The mark is refused.
    Error,
}

/// A replacement that corrects a mark without widening its release.
///
/// A fix never lowers a level and never adds a country: it only rewrites what the mark already says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// The byte range of the input to replace.
    pub span: Range<usize>,
    /// The text to put in its place.
    pub replacement: String,
}

/// One finding about a mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The rule.
    pub code: RuleCode,
    /// The byte range of the input that it is about.
    pub span: Range<usize>,
    /// Error or warning.
    pub severity: Severity,
    /// What is wrong, in a few words.
    pub message: String,
    /// What to do about it, in one line.
    pub hint: String,
    /// The source of the rule, such as `M16 H.8; ISM-ID-00033`.
    pub rule: &'static str,
    /// A safe correction, where one exists.
    pub fix: Option<Fix>,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at bytes {}..{}: {}; {}", self.code, self.span.start, self.span.end, self.message, self.hint)
    }
}

/// Why a text is not a marking: every finding, errors and warnings, in order of position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// The findings; at least one is an error.
    pub diagnostics: Vec<Diagnostic>,
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut errors = self.diagnostics.iter().filter(|d| d.severity == Severity::Error);
        match errors.next() {
            Some(first) => write!(f, "{first}")?,
            None => f.write_str("marking refused")?,
        }
        match errors.count() {
            0 => Ok(()),
            more => write!(f, " (and {more} more)"),
        }
    }
}

impl std::error::Error for Rejected {}

/// The message of a rule, and its source.
#[must_use]
pub(super) const fn about(code: RuleCode) -> (&'static str, &'static str) {
    use RuleCode as R;
    match code {
        R::AeaSub => ("this modifier does not exist on this control", "M16 H.6; ISM-ID-00185"),
        R::CategoryMixed => ("this control belongs in another category's segment", "M16 A.6"),
        R::CategoryOrder => ("this category is out of order", "M16 A.6, D"),
        R::CategoryRepeated => ("this category is repeated", "M16 A.6"),
        R::Case => ("marks must be in upper case", "M16 A.6"),
        R::Charset => ("this character is not allowed in a mark", "docs/MARKINGS.md 1.1"),
        R::ClassCeiling => ("this control is for unclassified information only", "ISM-ID-00030/00037/00181/00346"),
        R::ClassFloor => ("the classification is too low for this control", "M16 H.4-H.9"),
        R::ClassMissing => ("a mark must begin with a classification", "M16 H.1"),
        R::ClassNotUs => ("RESTRICTED is not a US classification", "ISM-ID-00040"),
        R::ClassUnknown => ("unknown classification", "M16 H.1-H.3"),
        R::CodeDeprecated => ("the code was withdrawn on or before the document's date", "ISMCAT 2022-NOV"),
        R::CodeOrder => ("the codes are out of order", "M16 H.8; ISM-ID-00214"),
        R::CodeUnknown => ("this code is not allowed in this list", "ISMCAT 2022-NOV"),
        R::Context => ("there is no banner to inherit from", "M16 H.3, H.8"),
        R::DisplayEmpty => ("DISPLAY ONLY has an empty list", "M16 H.8; ISM-ID-00213"),
        R::Dup => ("duplicate value", "ISM-ID-00236"),
        R::Empty => ("the mark is empty", "docs/MARKINGS.md 1.1"),
        R::Exclusive => ("these controls exclude each other", "ISM-ID-00033/00038/00148/00169/00321/00325/00341/00372"),
        R::EyesCountry => ("EYES ONLY is for the five-eyes countries", "ISM-ID-00345"),
        R::FgiBanner => ("the concealed-source form is for portion marks only", "M16 H.7"),
        R::FgiOnNonus => ("FGI is for US and JOINT marks only", "M16 H.7"),
        R::FgiUsa => ("the United States is not a foreign source", "M16 H.7"),
        R::Form => ("this form belongs to the other kind of mark", "M16 A.6, D"),
        R::FouoSuperseded => ("FOUO must not be used with this control", "ISM-ID-00327/00328"),
        R::JointNoUsa => ("the United States is not among the owners", "ISM-ID-00383"),
        R::JointOwners => ("JOINT needs at least two owners", "ISM-ID-00382"),
        R::JointRel => ("an owner is missing in REL TO", "ISM-ID-00377"),
        R::JointRestricted => ("RESTRICTED is not a JOINT level", "M16 H.3"),
        R::Legacy => ("this form is retired", "M16 F, I"),
        R::Limit => ("the mark is too long", "docs/MARKINGS.md 1.1"),
        R::ListSeparator => ("the list's separator is wrong", "M16 H.7, H.8"),
        R::NameReserved => ("a reserved word of the register cannot be a name", "docs/MARKINGS.md 1.2 (f)"),
        R::NatoControl => ("this control is for NATO information only", "ISM-ID-00163"),
        R::NatoLevel => ("NATO has no such level", "M16 G.1 Table 4"),
        R::NonusPrefix => ("a foreign, NATO or JOINT mark must begin with `//`", "M16 H.2, H.3"),
        R::NonusUsa => ("the United States cannot own a foreign mark", "M16 H.7"),
        R::Order => ("values are out of Register order", "M16 A.6"),
        R::Paren => ("the parentheses are missing or unbalanced", "M16 C, D"),
        R::Profile => ("valid in another profile only", "ISM-ID-00225/00478/00535"),
        R::RelEmpty => ("REL TO has an empty list", "ISM-ID-00031"),
        R::RelNoUsa => ("the United States is missing in REL TO", "ISM-ID-00031/00214"),
        R::RelSoleUsa => ("REL TO names the United States alone", "ISM-ID-00319"),
        R::RelUsaNotFirst => ("the United States must come first in REL TO", "ISM-ID-00214"),
        R::Requires => ("a control that this one requires is missing", "M16 H.3-H.9"),
        R::SapRepeatedIndicator => ("`SAR-` is repeated", "M16 H.5"),
        R::SciCompartment => ("the system has no such compartment", "M16 H.4; ISM SCI controls"),
        R::Separator => ("nothing stands between the separators", "M16 A.6"),
        R::Sigma => ("this SIGMA category is not current", "ISM-ID-00173/00183"),
        R::TokenUnknown => ("this word is not in the register", "M16; ISM 2021-NOVr2022-NOV"),
        R::Whitespace => ("misplaced space", "docs/MARKINGS.md 1.1"),
        R::WarnAeaNf => ("restricted data is NOFORN unless an agreement covers it", "ISM-ID-00467"),
        R::WarnHcsBare => ("HCS without a compartment is a legacy form", "ISM-ID-00474"),
        R::WarnKlmNf => ("KLAMATH is usually NOFORN", "ISM-ID-00396"),
        R::WarnMembershipUndated => {
            ("the register lists today's members, and the document is older", "docs/MARKINGS.md 1.9")
        }
        R::WarnRelidoNonus => ("RELIDO is not authorised on foreign marks", "ISM-ID-00124"),
    }
}
