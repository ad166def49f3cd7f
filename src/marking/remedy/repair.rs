//! From a draft to a mark that the parser accepts: the draft itself, or changed step by step as the broken rules require.
//!
//! Each step makes the mark narrower or leaves it as narrow as it was: it adds a control, raises a level, or drops what a
//! stricter control excludes.

use super::lenient::{Draft, Owner};
use super::{Ask, Remedy, RemedyKind, parse};
use crate::marking::diagnostic::{RuleCode, Severity};
use crate::marking::model::{Control, ControlSet, Level};

/// Controls that say by themselves that something is not classified.
const OF_UNCLASSIFIED: ControlSet = ControlSet::of(&[
    Control::Fouo,
    Control::Ds,
    Control::Sbu,
    Control::SbuNf,
    Control::Les,
    Control::LesNf,
    Control::Ssi,
    Control::Dcni,
    Control::Ucni,
]);

/// How many steps lead from a draft to a proposal at most.
const STEPS_MAX: usize = 4;

/// One step: when it is tried, and what it does to a draft; false where it does nothing.
struct Step {
    upon: &'static [RuleCode],
    take: fn(&Ask<'_, '_>, &mut Draft) -> bool,
}

const STEPS: &[Step] = &[
    Step { upon: &[RuleCode::RelSoleUsa, RuleCode::RelEmpty, RuleCode::DisplayEmpty], take: nobody_named },
    Step { upon: &[RuleCode::RelNoUsa], take: name_the_united_states },
    Step { upon: &[RuleCode::CodeDeprecated], take: drop_withdrawn_codes },
    Step { upon: &[RuleCode::Exclusive], take: keep_the_stricter },
    Step { upon: &[RuleCode::FouoSuperseded], take: drop_fouo },
    Step { upon: &[RuleCode::ClassCeiling], take: drop_unclassified_controls },
    Step { upon: &[RuleCode::Requires, RuleCode::JointRel], take: release_to_the_owners },
    Step { upon: &[RuleCode::Requires], take: add_orcon },
    Step { upon: &[RuleCode::Requires, RuleCode::JointRel], take: add_noforn },
    Step { upon: &[RuleCode::SciCompartment], take: drop_unlisted_compartments },
    Step { upon: &[RuleCode::ClassFloor, RuleCode::ClassNotUs], take: raise_the_level },
];

impl Ask<'_, '_> {
    /// What the author of a text in the intelligence community's profile may have meant.
    pub(super) fn rewrite(&self, text: &str) -> Vec<Remedy> {
        let Some(draft) = self.read_leniently(text) else { return self.no_classification(text) };
        let mut remedies: Vec<Remedy> = Vec::new();
        let mark =
            if draft.unknown.is_empty() && may_be_composed(&draft) { self.settle(&draft, STEPS_MAX) } else { None };
        let mark = mark.filter(|(_, mark)| self.keeps_what_it_asks(text, mark));
        let (draft, mark) = match mark {
            Some((draft, mark)) => (draft, Some(mark)),
            None => (draft, None),
        };
        let kind = draft.notes.iter().map(|(kind, _)| *kind).max_by_key(|kind| weight(*kind));
        let mut sentences: Vec<String> = draft.notes.iter().map(|(_, text)| text.clone()).collect();
        if let Some(mark) = mark {
            if sentences.is_empty() {
                sentences.push(written_otherwise(text));
            }
            let kind = kind.unwrap_or(RemedyKind::Rewrite);
            remedies.push(Remedy { kind, text: sentences.join("; "), mark: Some(mark) });
            return remedies;
        }
        if !draft.unknown.is_empty() {
            let unknown = if self.may_be_a_system(&draft) { RemedyKind::Profile } else { RemedyKind::Rewrite };
            sentences.push(self.about_unknown(&draft));
            remedies.push(Remedy { kind: kind.unwrap_or(unknown), text: sentences.join("; "), mark: None });
        } else if !sentences.is_empty() {
            let kind = kind.unwrap_or(RemedyKind::Rewrite);
            remedies.push(Remedy { kind, text: sentences.join("; "), mark: None });
        } else if self.inherits(&draft) {
            let text = "REL stands for the list of its banner: check the portion together with its banner, or write the list out";
            remedies.push(Remedy { kind: RemedyKind::Profile, text: text.to_owned(), mark: None });
        } else if let Some(mark) = self.compose(&draft) {
            // Its words are known, and no step leads to a valid mark: the advice lists the faults of the whole.
            let read = parse::parse(self.rules, &mark, self.kind, self.banner);
            let errors = read.diagnostics.iter().filter(|d| d.severity == Severity::Error);
            let against: Vec<String> = errors.map(|d| format!("{}: {}", d.message, d.hint)).collect();
            let mut text =
                "leaving any of it out would drop a requirement: ask its originator what is meant".to_owned();
            if !against.is_empty() {
                text = format!("ask its originator what is meant ({})", against.join("; "));
            }
            remedies.push(Remedy { kind: RemedyKind::Rewrite, text, mark: None });
        }
        remedies
    }

    fn inherits(&self, draft: &Draft) -> bool {
        let empty_list = draft.rel.as_ref().is_some_and(std::collections::BTreeSet::is_empty);
        let no_owners = matches!(&draft.owner, Owner::Joint(owners) if owners.is_empty());
        self.kind == parse::Kind::Portion && (empty_list || no_owners)
    }

    /// The first valid mark within this number of steps.
    fn settle(&self, draft: &Draft, steps: usize) -> Option<(Draft, String)> {
        let mark = self.compose(draft)?;
        let read = parse::parse(self.rules, &mark, self.kind, self.banner);
        if read.marking.is_some() {
            return Some((draft.clone(), mark));
        }
        if steps == 0 || (self.inherits(draft) && self.banner.is_none()) {
            return None;
        }
        let errors: Vec<RuleCode> =
            read.diagnostics.iter().filter(|d| d.severity == Severity::Error).map(|d| d.code).collect();
        STEPS.iter().filter(|step| step.upon.iter().any(|code| errors.contains(code))).find_map(|step| {
            let mut next = draft.clone();
            (step.take)(self, &mut next).then(|| self.settle(&next, steps - 1)).flatten()
        })
    }
}

/// A mark composed from an ambiguous draft must not release: what was lost is unknown.
fn may_be_composed(draft: &Draft) -> bool {
    let vague = draft.notes.iter().any(|(kind, _)| matches!(kind, RemedyKind::Profile | RemedyKind::Rewrite));
    !draft.open || (!vague && draft.rel.is_none() && draft.display.is_none())
}

/// Of several kinds of notes the one that says most.
fn weight(kind: RemedyKind) -> u8 {
    match kind {
        RemedyKind::Fix | RemedyKind::Rewrite => 0,
        RemedyKind::Profile => 1,
        RemedyKind::Legacy => 2,
        RemedyKind::Foreign => 3,
        RemedyKind::Block => 4,
    }
}

fn written_otherwise(text: &str) -> String {
    let whole = !text.trim_start_matches('/').contains("//");
    if whole && text.contains('/') {
        "`/` separates the controls of one category; `//` stands between the classification and what follows".to_owned()
    } else if whole {
        "`//` stands between the classification and what follows, and `/` between controls".to_owned()
    } else {
        "the same words with the separators, order and forms of the register".to_owned()
    }
}

impl Ask<'_, '_> {
    /// The proposals for a text that does not begin with a level.
    fn no_classification(&self, text: &str) -> Vec<Remedy> {
        if self.kind == parse::Kind::Banner
            && let Some(draft) = self.read_leniently(&format!("UNCLASSIFIED//{text}"))
            && draft.controls.iter().any(|control| OF_UNCLASSIFIED.has(*control))
            && draft.unknown.is_empty()
            && let Some((draft, mark)) = self.settle(&draft, 2)
        {
            let mut text =
                "a mark begins with its classification, and this control marks unclassified information".to_owned();
            for (_, note) in &draft.notes {
                text = format!("{text}; {note}");
            }
            return vec![Remedy { kind: RemedyKind::Rewrite, text, mark: Some(mark) }];
        }
        nothing_known(text)
    }
}

fn nothing_known(text: &str) -> Vec<Remedy> {
    let words = super::tokenizer::split(&super::bare(text));
    let gone = words.iter().find_map(|word| match super::lexicon::phrase(&[&word.text], |_| false) {
        Some((super::lexicon::Meaning::Gone(text) | super::lexicon::Meaning::RetiredSystem(_, text), _)) => Some(text),
        _ => None,
    });
    let (kind, text) = match gone {
        Some(text) => (RemedyKind::Legacy, format!("{text}; the originator marks it again, with a classification")),
        None => {
            let text = "a mark must begin with a classification: TOP SECRET, SECRET, CONFIDENTIAL or UNCLASSIFIED (portions: TS, \
                        S, C, U), or `//`, its owners and their level; none was found at the beginning";
            (RemedyKind::Rewrite, text.to_owned())
        }
    };
    vec![Remedy { kind, text, mark: None }]
}

/// Compartments of systems whose compartments the register lists one by one. Each of them needs NOFORN, so the rest does as well.
fn drop_unlisted_compartments(_: &Ask<'_, '_>, draft: &mut Draft) -> bool {
    let mut dropped = Vec::new();
    for (system, parts) in &mut draft.sci {
        let listed: &[&str] = match system.as_str() {
            "BUR" => &["BLG", "DTP", "WRG"],
            "HCS" => &["O", "P", "X"],
            "TK" => &["BLFH", "IDIT", "KAND"],
            _ => continue,
        };
        let unlisted = |part: &String| !listed.contains(&part.split(' ').next().unwrap_or_default());
        dropped.extend(parts.extract_if(.., unlisted).map(|part| (system.clone(), part, listed.join(", "))));
    }
    for (system, part, listed) in &dropped {
        let text = format!(
            "the register has no {system}-{part}, only {listed}; DoDM 5200.01 Vol 2 and guides of programs show others, which \
             the originator has to name in the IC form"
        );
        draft.note(RemedyKind::Profile, text);
    }
    if !dropped.is_empty() {
        draft.controls.insert(Control::Nf);
        drop_release(draft);
    }
    !dropped.is_empty()
}

/// A release list that names nobody else becomes NOFORN.
fn nobody_named(_: &Ask<'_, '_>, draft: &mut Draft) -> bool {
    let named = |codes: &Option<std::collections::BTreeSet<String>>| {
        codes.as_ref().is_some_and(|codes| codes.iter().any(|code| code != "USA"))
    };
    if named(&draft.rel) || named(&draft.display) {
        return false;
    }
    draft.note(RemedyKind::Rewrite, "the list names only the United States: use NOFORN");
    (draft.rel, draft.display) = (None, None);
    draft.controls.insert(Control::Nf);
    true
}

/// Adds USA to a release list: the United States may have its own marks in any case.
fn name_the_united_states(_: &Ask<'_, '_>, draft: &mut Draft) -> bool {
    let Some(codes) = draft.rel.as_mut().filter(|codes| !codes.is_empty()) else { return false };
    let new = codes.insert("USA".to_owned());
    draft.note(RemedyKind::Rewrite, "a list must begin with USA; a list without USA is a foreign mark");
    new
}

fn drop_withdrawn_codes(ask: &Ask<'_, '_>, draft: &mut Draft) -> bool {
    let register = ask.rules.register;
    let withdrawn = |code: &String| {
        let entry = register.by_code.find(code).map(|number| register.entry(number));
        entry.and_then(|entry| entry.deprecated_on).is_some_and(|day| !ask.rules.date.is_before(day))
    };
    let mut dropped = Vec::new();
    for codes in [&mut draft.rel, &mut draft.display].into_iter().flatten() {
        dropped.extend(codes.extract_if(.., withdrawn));
    }
    for code in &dropped {
        draft.note(RemedyKind::Legacy, format!("{code} was withdrawn; name its members or what succeeded it"));
    }
    !dropped.is_empty()
}

fn keep_the_stricter(_: &Ask<'_, '_>, draft: &mut Draft) -> bool {
    let has = |draft: &Draft, control| draft.controls.contains(&control);
    let before = (draft.controls.clone(), draft.rel.is_some(), draft.display.is_some());
    if has(draft, Control::Nf) || has(draft, Control::LesNf) || has(draft, Control::SbuNf) {
        drop_release(draft);
    }
    for (stricter, other) in [
        (Control::Oc, Control::Relido),
        (Control::Oc, Control::OcUsgov),
        (Control::Rd, Control::Frd),
        (Control::Rd, Control::Tfni),
        (Control::Frd, Control::Tfni),
        (Control::Nd, Control::Xd),
        (Control::Xd, Control::Sbu),
        (Control::Nd, Control::Sbu),
        (Control::SbuNf, Control::Sbu),
        (Control::LesNf, Control::Les),
    ] {
        if has(draft, stricter) && draft.controls.remove(&other) {
            let text = format!(
                "{} and {} exclude each other: the stricter control is kept",
                stricter.banner(),
                other.banner()
            );
            draft.note(RemedyKind::Rewrite, text);
        }
    }
    if draft.display.is_some() && draft.controls.remove(&Control::Relido) {
        draft.note(RemedyKind::Rewrite, "DISPLAY ONLY and RELIDO exclude each other");
    }
    if before == (draft.controls.clone(), draft.rel.is_some(), draft.display.is_some())
        && draft.controls.remove(&Control::OcUsgov)
    {
        draft.note(RemedyKind::Rewrite, "this compartment needs ORCON instead of ORCON-USGOV");
        draft.controls.insert(Control::Oc);
    }
    before != (draft.controls.clone(), draft.rel.is_some(), draft.display.is_some())
}

/// Removes every release control that accompanies NOFORN.
fn drop_release(draft: &mut Draft) {
    let relido = draft.controls.remove(&Control::Relido);
    if draft.rel.take().is_some() | draft.display.take().is_some() | relido {
        draft.note(RemedyKind::Rewrite, "NOFORN excludes any release: if it may be released, ask the originator");
    }
}

fn drop_fouo(_: &Ask<'_, '_>, draft: &mut Draft) -> bool {
    draft.note(RemedyKind::Rewrite, "FOUO is dropped in favour of the other control");
    draft.controls.remove(&Control::Fouo)
}

fn drop_unclassified_controls(_: &Ask<'_, '_>, draft: &mut Draft) -> bool {
    let nuclear = [Control::Dcni, Control::Ucni];
    let no_foreign = [Control::SbuNf, Control::LesNf].into_iter().chain(nuclear);
    let keep_from_all = no_foreign.into_iter().any(|control| draft.controls.contains(&control));
    let of_unclassified =
        ControlSet::of(&[Control::Fouo, Control::Ds, Control::Sbu, Control::SbuNf, Control::Dcni, Control::Ucni]);
    // A release of one of these to the list's recipients would lack its originator's approval.
    let asks = |control: &Control| of_unclassified.has(*control) && *control != Control::Fouo;
    if draft.rel.is_some() && draft.controls.iter().any(asks) {
        return false;
    }
    let dropped: Vec<Control> = draft.controls.extract_if(.., |control| of_unclassified.has(*control)).collect();
    for control in &dropped {
        let text = format!("{} is for unclassified information only: it stays in its own portions", control.banner());
        draft.note(RemedyKind::Rewrite, text);
    }
    if keep_from_all {
        draft.controls.insert(Control::Nf);
    }
    !dropped.is_empty()
}

/// Adds the owners of a JOINT mark to its release list.
fn release_to_the_owners(_: &Ask<'_, '_>, draft: &mut Draft) -> bool {
    let Owner::Joint(owners) = &draft.owner else { return false };
    if !owners.contains("USA") || draft.controls.contains(&Control::Nf) {
        return false;
    }
    let owners = owners.clone();
    draft.note(
        RemedyKind::Rewrite,
        "a JOINT mark must be released at least to its owners, which DoDM 5200.01 Vol 2 leaves out",
    );
    let list = draft.rel.get_or_insert_default();
    let before = list.len();
    list.extend(owners);
    list.len() > before
}

fn add_orcon(_: &Ask<'_, '_>, draft: &mut Draft) -> bool {
    let gamma = draft.sci.iter().any(|(system, parts)| match system.as_str() {
        "SI" => parts.iter().any(|part| part == "G" || part.starts_with("G ")),
        "HCS" => parts.iter().any(|part| part == "O" || part.starts_with("P ")),
        "KLM" => !parts.is_empty(),
        _ => false,
    });
    let new = gamma && !draft.controls.contains(&Control::OcUsgov) && draft.controls.insert(Control::Oc);
    if new {
        draft.note(RemedyKind::Rewrite, "its compartment requires ORCON");
    }
    new
}

fn add_noforn(_: &Ask<'_, '_>, draft: &mut Draft) -> bool {
    if !draft.controls.insert(Control::Nf) {
        return false;
    }
    let dod = [Control::Xd, Control::Nd].iter().any(|control| draft.controls.contains(control));
    let text = if dod {
        "one of its controls requires NOFORN in IC documents; DoDM 5200.01 Vol 2 uses it alone"
    } else {
        "one of its controls requires NOFORN"
    };
    draft.note(RemedyKind::Rewrite, text);
    drop_release(draft);
    true
}

fn raise_the_level(_: &Ask<'_, '_>, draft: &mut Draft) -> bool {
    let next = match draft.level {
        Some(Level::Unclassified | Level::Restricted) => Level::Confidential,
        Some(Level::Confidential) => Level::Secret,
        Some(Level::Secret) => Level::TopSecret,
        _ => return false,
    };
    if draft.owner == Owner::Us && draft.level == Some(Level::Restricted) {
        return false;
    }
    draft.level = Some(next);
    draft.note(RemedyKind::Rewrite, "its level is too low for one of its controls: one of the two is wrong");
    true
}
