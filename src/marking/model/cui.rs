//! The vocabulary of controlled unclassified information (spec 1.12): limited dissemination controls, and the categories
//! whose handling the mark alone does not show.

use super::Control;

/// A limited dissemination control: banner form, portion form.
pub(in crate::marking) struct Ldc {
    /// The form in a banner.
    pub banner: &'static str,
    /// The form in a portion mark.
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

/// Categories of the same information as an intelligence control, with that control. Its conditions for a release apply to the
/// category as well (spec 1.9 item 4, 4.2 FD-14).
const COUNTERPARTS: [(&str, Control); 6] = [
    ("DCNI", Control::Dcni),
    ("FISA", Control::Fisa),
    ("FISAB", Control::Fisa),
    ("PROPIN", Control::Pr),
    ("SSI", Control::Ssi),
    ("UCNI", Control::Ucni),
];

/// Categories that count as law enforcement sensitive: the group "Law Enforcement" of the CUI registry, and those whose
/// descriptions there cover the same information (enforcement by DHS, arrests, victims and witnesses of crimes).
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

/// Categories of information that another government or an organisation provided under a treaty or agreement that protects it.
/// The mark does not name the provider, which counts as a concealed source.
const GIVEN_BY_OTHERS: [&str; 3] = ["CUI-PROVISIONAL-HSAI", "CUI-PROVISIONAL-IAIH", "INTL"];

/// The intelligence control for the same information as `category`, if there is one.
pub(in crate::marking) fn counterpart(category: &str) -> Option<Control> {
    let found = COUNTERPARTS.iter().find(|(name, _)| *name == category).map(|(_, control)| *control);
    found.or_else(|| LAW_ENFORCEMENT.contains(&category).then_some(Control::Les))
}

/// The category of information under a legal privilege. A control in the same mark only says whose privilege it is.
pub(in crate::marking) const PRIVILEGE: &str = "PRIVILEGE";

/// Categories that are never released. The law behind each, or its description in the CUI registry, restricts who may
/// have it or requires a permission that nothing here records; a release list does not override either.
const NEVER_RELEASED: [&str; 21] = [
    "ASYL",    // 8 CFR 208.6
    "BATT",    // 8 USC 1367
    "CENS",    // only persons sworn to the Census
    "CONV",    // only the parties to a tax convention
    "CVI",     // only persons covered by 6 CFR 27.400
    "FSEC",    // as FinCEN prescribes
    "ID",      // not beyond CIA channels
    "JURY",    // secret by Fed. R. Crim. P. 6(e)
    "LPROT",   // only persons named in a court order
    "NNPI",    // with CUI, a marking of the Department of Defense only: ISM-ID-00535
    "NUC",     // as RECCOM, SGI and SRI
    "PCII",    // only persons authorised by 6 CFR 29
    PRIVILEGE, // only the holder of the privilege
    "PSEC",    // patent secrecy order
    "RECCOM",  // safety of defence nuclear facilities
    "SGI",     // only persons authorised by 42 USC 2011 et seq. and 10 CFR 73
    "SRI",     // nuclear security, as SGI
    "STAT",    // statistical purposes only
    "TAI",     // 26 USC 6103
    "TAX",     // 26 USC 6103
    "VISA",    // 8 USC 1202(f)
];

/// `category` without the prefix `SP-` of a specified one.
pub(in crate::marking) fn bare(category: &str) -> &str {
    category.strip_prefix("SP-").unwrap_or(category)
}

/// What a CUI mark carries besides its release lists.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::marking) struct Cui {
    /// Categories as written, such as `SP-LES`, in canonical order.
    pub categories: Vec<Box<str>>,
    /// Limited dissemination controls as indices into [`LDC`], ascending.
    pub controls: Vec<u8>,
}

impl Cui {
    /// The control or category that forbids any release, whatever the release list: a privilege of attorney and client, which
    /// only its holder can lift, or a restricted category. Nothing here records that it was lifted.
    pub(in crate::marking) fn prohibited_by(&self) -> Option<&str> {
        let privileged = self.controls.iter().find(|control| [ATTORNEY_CLIENT, ATTORNEY_WP].contains(control));
        let control = privileged.and_then(|control| LDC.get(usize::from(*control))).map(|words| words.banner);
        control
            .or_else(|| self.categories.iter().map(|c| &**c).find(|category| NEVER_RELEASED.contains(&bare(category))))
    }

    /// Whether another government or an organisation, which the mark does not name, provided the information.
    pub(in crate::marking) fn is_given_by_others(&self) -> bool {
        self.categories.iter().any(|category| GIVEN_BY_OTHERS.contains(&bare(category)))
    }
}

/// The length of the mixed-case word that `text` begins with, or 0.
pub(in crate::marking) fn mixed_case_prefix(text: &str) -> usize {
    let ends = |rest: &str| !rest.starts_with(|c: char| c.is_ascii_alphanumeric());
    let whole = |word: &&str| text.strip_prefix(*word).is_some_and(ends);
    ["Attorney-Client", "Attorney-WP"].into_iter().find(whole).map_or(0, str::len)
}
