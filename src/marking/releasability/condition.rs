//! The conditions of a release, besides the release list (spec 1.9 item 4).

use std::collections::BTreeSet;
use std::fmt;

use crate::marking::model::{Control, Marking, System, Tree, cui};

/// One condition a marking raises. `Display` is the name an accreditation record uses, such as `SCI:SI`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Condition {
    /// The link is accredited for this SCI system, or for this compartment of one: `SI`, `SI-ABC`. Either by itself:
    /// whoever has the system has no compartment of it.
    Sci(String),
    /// Access to this program, or to this compartment or sub-compartment of one, with a bilateral arrangement: `BP`,
    /// `BP-123`, `BP-123 456`.
    Sap(String),
    /// An Atomic Energy Act section 123 or 144 agreement is recorded.
    AeaAgreement,
    /// The ATOMAL arrangement.
    Atomal,
    /// The partner is on the product's dissemination list.
    OrconList,
    /// Every foreign originator consents to release to a third country. Nobody needs their own consent.
    FgiConsent {
        /// The acknowledged sources, by their codes.
        sources: BTreeSet<String>,
        /// Whether there is one besides that is concealed, which is nobody's own.
        concealed: bool,
    },
    /// NATO read-on.
    NatoReadOn,
    /// Accreditation or permission for this control.
    Control(Control),
    /// The originator of this control's information approves, on record.
    OriginatorApproval(Control),
    /// The partner is on the named CUI dissemination list (ISM-ID-00493).
    CuiList,
    /// The partner keeps it from contractors, by the agreement (CUI NOCON, 32 CFR 2002.16).
    NoContractors,
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sci(system) => write!(f, "SCI:{system}"),
            Self::Sap(program) => write!(f, "SAP:{program}"),
            Self::AeaAgreement => f.write_str("AEA-AGREEMENT"),
            Self::Atomal => f.write_str("ATOMAL-AGREEMENT"),
            Self::OrconList => f.write_str("ORCON-LIST"),
            Self::FgiConsent { .. } => f.write_str("FGI-CONSENT"),
            Self::NatoReadOn => f.write_str("NATO-READON"),
            Self::Control(Control::Rs) => f.write_str("RSEN-LIST"),
            Self::Control(Control::Pr) => f.write_str("PROPIN-PERMISSION"),
            Self::Control(control) => write!(f, "{}-ACCREDITED", control.banner()),
            Self::OriginatorApproval(control) => write!(f, "ORIGINATOR:{}", control.id()),
            Self::CuiList => f.write_str("DL-LIST"),
            Self::NoContractors => f.write_str("NOCON-ASSURANCE"),
        }
    }
}

/// The conditions that only a consent on record meets, given for one product or a bounded class of them, by the names
/// that [`Condition`] prints: that of a source, and of whoever controls what is marked so. No standing accreditation of a link
/// stands in for it.
pub const BY_CONSENT: [&str; 15] = [
    "FGI-CONSENT",
    "ORCON-LIST",
    "DL-LIST",
    "FISA-ACCREDITED",
    "IMCON-ACCREDITED",
    "ORIGINATOR:DCNI",
    "ORIGINATOR:DS",
    "ORIGINATOR:DSEN",
    "ORIGINATOR:LES",
    "ORIGINATOR:SBU",
    "ORIGINATOR:SSI",
    "ORIGINATOR:UCNI",
    "PROPIN-PERMISSION",
    "RAWFISA-ACCREDITED",
    "RSEN-LIST",
];

/// The name that stands for programs which are not named. No accreditation meets it: to be released they must be named.
pub(in crate::marking) const UNNAMED_PROGRAMS: &str = "MULTIPLE PROGRAMS";

/// Controls that need an accreditation or permission of their own.
const ACCREDITED: [Control; 5] = [Control::Rs, Control::Imc, Control::Pr, Control::Rawfisa, Control::Fisa];
/// Controls whose originator must have approved. UCNI is released on explicit authority only (spec 4.2, FD-14).
const APPROVED: [Control; 9] = [
    Control::Dcni,
    Control::Ucni,
    Control::Dsen,
    Control::Ds,
    Control::Sbu,
    Control::SbuNf,
    Control::Les,
    Control::LesNf,
    Control::Ssi,
];

impl Marking {
    /// Every condition the marking raises, in a fixed order, whether or not anybody is authorised by it.
    #[must_use]
    pub fn conditions(&self) -> Vec<Condition> {
        let mut all = Vec::new();
        all.extend(self.sci().flat_map(|tree| names(&tree, false)).map(Condition::Sci));
        all.extend(self.sap().flat_map(|tree| names(&tree, true)).map(Condition::Sap));
        if self.has(Control::Rd) || self.has(Control::Frd) {
            all.push(Condition::AeaAgreement);
        }
        if self.has(Control::Atomal) {
            all.push(Condition::Atomal);
        }
        if self.has(Control::Oc) || self.has(Control::OcUsgov) {
            all.push(Condition::OrconList);
        }
        if self.conceals_source() {
            all.push(Condition::FgiConsent { sources: BTreeSet::new(), concealed: true });
        } else if self.system != System::Nato {
            let sources: BTreeSet<String> = self.sources().map(str::to_owned).collect();
            if !sources.is_empty() {
                all.push(Condition::FgiConsent { sources, concealed: false });
            }
        }
        if self.has_nato_information() {
            all.push(Condition::NatoReadOn);
        }
        all.extend(ACCREDITED.into_iter().filter(|c| self.has(*c)).map(Condition::Control));
        all.extend(APPROVED.into_iter().filter(|c| self.has(*c)).map(Condition::OriginatorApproval));
        if self.cui.as_ref().is_some_and(|c| c.controls.contains(&cui::DL_ONLY)) {
            all.push(Condition::CuiList);
        }
        if self.cui.as_ref().is_some_and(|c| c.controls.contains(&cui::NOCON)) {
            all.push(Condition::NoContractors);
        }
        all
    }
}

/// What a tree names, each by itself: the system or program, and its compartments. Sub-compartments follow theirs in SCI.
/// Those of programs have no form by which a reader could tell them from compartments, so each is asked for too.
fn names(tree: &Tree<'_>, subs_too: bool) -> Vec<String> {
    let mut names = vec![tree.id.to_owned()];
    for (compartment, subs) in tree.compartments() {
        let compartment = format!("{}-{compartment}", tree.id);
        let subs: Vec<String> = subs.filter(|_| subs_too).map(|sub| format!("{compartment} {sub}")).collect();
        names.push(compartment);
        names.extend(subs);
    }
    names
}
