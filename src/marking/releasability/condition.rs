//! The conditions of a release, besides the release list (spec 1.9 item 4).

use std::collections::BTreeSet;
use std::fmt;

use crate::marking::model::{Control, ControlSet, Marking, System, Tree, cui};

/// One condition a marking raises. `Display` is the name an accreditation record uses, such as `SCI:SI`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Condition {
    /// The link is accredited for this SCI system, or for this compartment of one: `SI`, `SI-ABC`. Each needs its own
    /// accreditation: that for a system includes none of its compartments.
    Sci(String),
    /// Access to this program, or to this compartment or sub-compartment of one, with a bilateral arrangement: `BP`,
    /// `BP-123`, `BP-123 456`.
    Sap(String),
    /// An Atomic Energy Act section 123 or 144 agreement is recorded.
    AeaAgreement,
    /// The partner is party to the ATOMAL arrangement.
    Atomal,
    /// The partner is on the product's dissemination list.
    OrconList,
    /// Every foreign originator consents to release to a third country. A partner's own consent is never required.
    FgiConsent {
        /// The acknowledged sources, by their codes.
        sources: BTreeSet<String>,
        /// Whether there is also a concealed source, which is never taken to be the partner itself.
        concealed: bool,
    },
    /// The partner has the NATO read-on.
    NatoReadOn,
    /// Accreditation or permission for this control.
    Control(Control),
    /// The originator of this control's information approves, on record.
    OriginatorApproval(Control),
    /// The partner is on the named CUI dissemination list (ISM-ID-00493).
    CuiList,
    /// The agreement obliges the partner to withhold it from contractors (CUI NOCON, 32 CFR 2002.16).
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

/// The conditions that only a consent on record meets, given for one product or a bounded class of products, by the names that
/// [`Condition`] prints: the consent of a source, or of whoever controls the information. No accreditation of a link replaces it.
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

/// The name in a mark for programs that it does not name. No accreditation meets it: to be released, programs must be named.
pub(in crate::marking) const UNNAMED_PROGRAMS: &str = "MULTIPLE PROGRAMS";

/// The condition that `control` raises by itself (spec 1.9 item 4). `None` for a control without a condition, and for one
/// that shares its condition with others, which [`Marking::conditions`] adds.
///
/// The match has no wildcard, so a new control does not compile until its condition is decided.
fn own_condition(control: Control) -> Option<Condition> {
    match control {
        Control::Rs | Control::Imc | Control::Pr | Control::Rawfisa | Control::Fisa => {
            Some(Condition::Control(control))
        }
        // UCNI is released on explicit authority only (spec 4.2, FD-14).
        Control::Dcni | Control::Ucni | Control::Dsen | Control::Ds | Control::Sbu | Control::SbuNf => {
            Some(Condition::OriginatorApproval(control))
        }
        Control::Les | Control::LesNf | Control::Ssi => Some(Condition::OriginatorApproval(control)),
        // Shared: `OrconList`, `AeaAgreement`, `Atomal` and `NatoReadOn`.
        Control::Oc | Control::OcUsgov => None,
        Control::Rd | Control::RdCnwdi | Control::RdSg | Control::Frd | Control::FrdSg => None,
        Control::Atomal | Control::Balk | Control::Bohemia => None,
        // The release list alone decides.
        Control::Nf | Control::Rel | Control::Relido | Control::Eyes | Control::DisplayOnly => None,
        Control::Fouo | Control::Xd | Control::Nd | Control::Tfni => None,
    }
}

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
        let (aea, others) = (self.controls.intersection(ControlSet::AEA), self.controls.without(ControlSet::AEA));
        let mut own: Vec<Condition> = aea.iter().chain(others.iter()).filter_map(own_condition).collect();
        // Accreditations before approvals; the sort is stable.
        own.sort_by_key(|condition| matches!(condition, Condition::OriginatorApproval(_)));
        all.extend(own);
        if self.cui.as_ref().is_some_and(|c| c.controls.contains(&cui::DL_ONLY)) {
            all.push(Condition::CuiList);
        }
        if self.cui.as_ref().is_some_and(|c| c.controls.contains(&cui::NOCON)) {
            all.push(Condition::NoContractors);
        }
        all
    }
}

/// The names in a tree that raise a condition each: the system or program, and its compartments. A sub-compartment of SCI is
/// covered by its compartment. Those of programs cannot be told from compartments by their form, so each has its own condition.
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The combined NOFORN forms are never released, so no consent is recorded for them.
    #[test]
    fn a_consent_meets_the_condition_of_every_control_that_can_be_released() {
        for &control in Control::ALL {
            if let Some(condition) = own_condition(control) {
                let name = condition.to_string();
                let releasable = !ControlSet::NONIC_NOFORN.has(control);
                assert_eq!(BY_CONSENT.contains(&name.as_str()), releasable, "{name}");
            }
        }
    }
}
