//! The vocabulary of controlled unclassified information (spec 1.12): limited dissemination controls, and the categories
//! whose handling the mark alone does not show.

use super::Control;

/// A limited dissemination control: banner form, portion form.
pub(in crate::marking) struct Ldc {
    pub banner: &'static str,
    pub portion: &'static str,
}

/// In the alphabetical order in which they are written, letter case aside.
pub(in crate::marking) const LDC: [Ldc; 10] = [
    Ldc { banner: "Attorney-Client", portion: "AC" },
    Ldc { banner: "Attorney-WP", portion: "AWP" },
    Ldc { banner: "DISPLAY ONLY", portion: "DISPLAY ONLY" },
    Ldc { banner: "DL ONLY", portion: "DL ONLY" },
    Ldc { banner: "FED ONLY", portion: "FED ONLY" },
    Ldc { banner: "FEDCON", portion: "FEDCON" },
    Ldc { banner: "NOCON", portion: "NOCON" },
    Ldc { banner: "NOFORN", portion: "NF" },
    Ldc { banner: "REL TO", portion: "REL TO" },
    Ldc { banner: "RELIDO", portion: "RELIDO" },
];

pub(in crate::marking) const ATTORNEY_CLIENT: u8 = 0;
pub(in crate::marking) const ATTORNEY_WP: u8 = 1;
pub(in crate::marking) const DISPLAY_ONLY: u8 = 2;
pub(in crate::marking) const DL_ONLY: u8 = 3;
pub(in crate::marking) const FED_ONLY: u8 = 4;
pub(in crate::marking) const FEDCON: u8 = 5;
pub(in crate::marking) const NOCON: u8 = 6;
pub(in crate::marking) const NOFORN: u8 = 7;
pub(in crate::marking) const REL: u8 = 8;
pub(in crate::marking) const RELIDO: u8 = 9;

/// Categories that hold the very information of an intelligence control, which they bring with them: what that control
/// needs before anything goes (spec 1.9 item 4, 4.2 FD-14) is not lost by marking it as CUI.
const COUNTERPARTS: [(&str, Control); 6] = [
    ("DCNI", Control::Dcni),
    ("FISA", Control::Fisa),
    ("FISAB", Control::Fisa),
    ("PROPIN", Control::Pr),
    ("SSI", Control::Ssi),
    ("UCNI", Control::Ucni),
];

/// Categories of the group "Law Enforcement" of the CUI registry, and those by whose descriptions there it is the same
/// information (enforcement by DHS, arrests, victims and witnesses of crimes): law enforcement sensitive by whichever of them
/// it is marked.
const LAW_ENFORCEMENT: [&str; 26] = [
    "AIV",
    "CHLD",
    "CHRI",
    "CMPRS",
    "CUI-PROVISIONAL-HSEI",
    "CVIC",
    "FUND",
    "INF",
    "INV",
    "IVIC",
    "JUV",
    "LCOMM",
    "LDNA",
    "LEI",
    "LFNC",
    "LNSL",
    "LSCRN",
    "LVIC",
    "PRE",
    "PRIOR",
    "RWRD",
    "SCV",
    "SUB",
    "TRACE",
    "WHSTL",
    "WIT",
];

/// Categories of information that another government or an organisation gave under a protecting treaty or agreement. The
/// mark does not say who, so it counts as a concealed source.
const OF_OTHERS: [&str; 3] = ["CUI-PROVISIONAL-HSAI", "CUI-PROVISIONAL-IAIH", "INTL"];

/// The control whose information a category holds.
pub(in crate::marking) fn counterpart(category: &str) -> Option<Control> {
    let found = COUNTERPARTS.iter().find(|(name, _)| *name == category).map(|(_, control)| *control);
    found.or_else(|| LAW_ENFORCEMENT.contains(&category).then_some(Control::Les))
}

/// The category of information under a legal privilege. The control beside it only says whose privilege it is.
pub(in crate::marking) const PRIVILEGE: &str = "PRIVILEGE";

/// Categories that are never released here. The law behind each, or its description in the CUI registry, restricts who may
/// have it or requires a permission that nothing here records; a release list does not override either.
const KEPT: [&str; 21] = [
    "ASYL",    // 8 CFR 208.6
    "BATT",    // 8 USC 1367
    "CENS",    // those who are sworn to the Census
    "CONV",    // the parties of a tax convention
    "CVI",     // whom 6 CFR 27.400 covers
    "FSEC",    // as FinCEN lays down
    "ID",      // not beyond CIA channels
    "JURY",    // secret by Fed. R. Crim. P. 6(e)
    "LPROT",   // whom the order of a court names
    "NNPI",    // beside CUI a marking of the Department of Defense alone: ISM-ID-00535
    "NUC",     // as RECCOM, SGI and SRI
    "PCII",    // whom 6 CFR 29 authorises
    PRIVILEGE, // whoever holds the privilege
    "PSEC",    // an order of secrecy
    "RECCOM",  // on the safety of nuclear facilities of defence
    "SGI",     // whom 42 USC 2011 and after and 10 CFR 73 authorise
    "SRI",     // nuclear security, as SGI
    "STAT",    // the purposes of statistics
    "TAI",     // 26 USC 6103
    "TAX",     // 26 USC 6103
    "VISA",    // 8 USC 1202(f)
];

/// A category without the sign of a specified one.
pub(in crate::marking) fn bare(category: &str) -> &str {
    category.strip_prefix("SP-").unwrap_or(category)
}

/// What a CUI mark carries besides its release lists.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::marking) struct Cui {
    pub categories: Vec<Box<str>>,
    /// Limited dissemination controls as indices into [`LDC`], ascending.
    pub controls: Vec<u8>,
}

impl Cui {
    /// The control or category that forbids any release, whatever the release list: a privilege of attorney and client, which
    /// only its holder can lift, or a restricted category. Nothing here records that it was lifted.
    pub(in crate::marking) fn kept_by(&self) -> Option<&str> {
        let privileged = self.controls.iter().find(|control| [ATTORNEY_CLIENT, ATTORNEY_WP].contains(control));
        let control = privileged.and_then(|control| LDC.get(usize::from(*control))).map(|words| words.banner);
        control.or_else(|| self.categories.iter().map(|c| &**c).find(|category| KEPT.contains(&bare(category))))
    }

    /// Whether it was given by others, whom the mark does not name.
    pub(in crate::marking) fn is_of_others(&self) -> bool {
        self.categories.iter().any(|category| OF_OTHERS.contains(&bare(category)))
    }
}

/// The length of the mixed-case word that `text` begins with, or 0.
pub(in crate::marking) fn mixed_case_prefix(text: &str) -> usize {
    let ends = |rest: &str| !rest.starts_with(|c: char| c.is_ascii_alphanumeric());
    let whole = |word: &&str| text.strip_prefix(*word).is_some_and(ends);
    ["Attorney-Client", "Attorney-WP"].into_iter().find(whole).map_or(0, str::len)
}
