//! Exclusions that no policy can lift: they are implemented in code that is independent of the rules.
//!
//! Covert action (ICD 405, C.5), classified military information (C.2), transclassified nuclear information (C.3) and NODIS
//! or EXDIS material never pass. The most sensitive material needs a senior disclosure officer.

use std::collections::BTreeSet;

use super::decision::{Reason, Source};
use super::decision_input::DecisionInput;
use super::lattice::document_date;
use crate::approval::{Outline, Tally};
use crate::marking::{Control, Level, Marking, Rules};
use crate::policy::Stage;

/// The accreditation that nuclear data requires (Atomic Energy Act, sections 123 and 144).
const AEA_AGREEMENT: &str = "AEA-AGREEMENT";

/// The types of attachment that do not need a senior officer.
const PLAIN: [&str; 2] = ["text/csv", "text/plain"];

/// Controls that need a senior officer, with their names for people.
const GRAVE: [(Control, &str); 11] = [
    (Control::Rd, "Restricted Data"),
    (Control::Frd, "Formerly Restricted Data"),
    (Control::Tfni, "transclassified nuclear information (TFNI)"),
    (Control::Atomal, "ATOMAL information"),
    (Control::Dcni, "controlled nuclear information (DOD UCNI)"),
    (Control::Ucni, "controlled nuclear information (DOE UCNI)"),
    (Control::Relido, "a release left to a disclosure authority (RELIDO)"),
    (Control::Oc, "originator control (ORCON)"),
    (Control::OcUsgov, "originator control (ORCON-USGOV)"),
    (Control::Fisa, "information derived under FISA"),
    (Control::Rawfisa, "raw FISA information"),
];

/// Every exclusion that applies to the cut, and every reason why the approval of a senior officer is needed and missing.
pub(super) fn against(proposal: &DecisionInput<'_>, cut: &Outline, tally: &Tally) -> Vec<Reason> {
    let marks = marks(proposal, cut);
    let has = |control| marks.iter().any(|mark| mark.has(control));
    let classified = marks.iter().any(|mark| mark.level() > Level::Unclassified);
    let mut reasons = Vec::new();
    let mut exclude = |is: bool, code: &str, sentence: &str| {
        if is {
            reasons.push(Reason::against(Source::Exclusion, code, sentence));
        }
    };
    exclude(is_kind(&cut.kind, COVERT_ACTION), "COVERT-ACTION", NEVER_PASSES);
    exclude(is_kind(&cut.kind, MILITARY_INFORMATION) && classified, "MILITARY-INFORMATION", OTHER_AUTHORITY);
    exclude(
        has(Control::Tfni) && !proposal.partner.agreement.accreditations.contains(AEA_AGREEMENT),
        "TFNI",
        "transclassified nuclear information (TFNI) is released only under an agreement under the Atomic Energy Act",
    );
    exclude(
        has(Control::Xd) || has(Control::Nd),
        "NODIS-EXDIS",
        "the Department of State limits its distribution (NODIS, EXDIS)",
    );
    if proposal.stage != Stage::Forecast && tally.senior() == 0 {
        for what in grave(cut, &marks) {
            let sentence = format!("{what} needs the approval of a senior disclosure officer");
            reasons.push(Reason::against(Source::Approval, "NO-SENIOR-OFFICER", &sentence));
        }
    }
    reasons
}

/// The parts of the cut that need a senior officer's approval, as texts for people.
fn grave(cut: &Outline, marks: &[Marking]) -> BTreeSet<&'static str> {
    let any = |is: fn(&Marking) -> bool| marks.iter().any(is);
    let stated = [
        (any(|mark| mark.level() >= Level::TopSecret), "a top secret product"),
        (any(|mark| mark.sci().next().is_some()), "a control system"),
        (any(|mark| mark.sap().next().is_some()), "a special access programme"),
        (any(Marking::conceals_source), "information of a concealed source"),
        (
            cut.attachments.iter().any(|t| !PLAIN.contains(&t.as_str())),
            "an attachment other than plain text or a table",
        ),
        (!cut.shared.is_empty(), "a product with words in common with withheld text"),
    ];
    let controls = GRAVE.iter().map(|(control, what)| (marks.iter().any(|mark| mark.has(*control)), *what));
    stated.into_iter().chain(controls).filter(|(is, _)| *is).map(|(_, what)| what).collect()
}

/// The parsed markings of a cut. Invalid ones are left out, because the marking engine refuses them.
fn marks(proposal: &DecisionInput<'_>, cut: &Outline) -> Vec<Marking> {
    let Some(date) = document_date(cut) else { return Vec::new() };
    let rules = Rules::new(proposal.register, date).in_profile_of(&cut.marking);
    let portions = cut.portions.iter().map(|portion| rules.parse_portion(portion, None).ok());
    std::iter::once(rules.parse_banner_canonical(&cut.marking).ok()).chain(portions).flatten().collect()
}

/// The exclusion of a tearline of this kind of product and level from release to any partner, if there is one.
pub fn never_passes(kind: &str, level: Level) -> Option<Reason> {
    let excluded = |code: &str, sentence: &str| Some(Reason::against(Source::Exclusion, code, sentence));
    match () {
        () if is_kind(kind, COVERT_ACTION) => excluded("COVERT-ACTION", NEVER_PASSES),
        () if is_kind(kind, MILITARY_INFORMATION) && level > Level::Unclassified => {
            excluded("MILITARY-INFORMATION", OTHER_AUTHORITY)
        }
        () => None,
    }
}

const MILITARY_INFORMATION: &str = "military information";

const OTHER_AUTHORITY: &str = "classified military information is released under other authority, not by this gateway";

const COVERT_ACTION: &str = "covert action";

const NEVER_PASSES: &str = "covert action never passes this gateway";

/// Whether a product's kind is `kind`, in any spelling: `covert-action`, `Covert Action`.
fn is_kind(stated: &str, kind: &str) -> bool {
    let bare =
        |text: &str| -> String { text.chars().filter(char::is_ascii_alphabetic).collect::<String>().to_lowercase() };
    bare(stated) == bare(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tearline_by_itself_shows_what_is_excluded_for_everybody() {
        let code = |kind, level| never_passes(kind, level).map(|reason| reason.code);
        assert_eq!(code("military-information", Level::Secret).as_deref(), Some("MILITARY-INFORMATION"));
        assert_eq!(code("military-information", Level::Unclassified), None);
        assert_eq!(code("covert-action", Level::Unclassified).as_deref(), Some("COVERT-ACTION"));
        assert_eq!(code("report", Level::Secret), None);
    }
}
