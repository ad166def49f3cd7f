//! The safeguard for proposals that release: they must keep every requirement of the text. Also the advice for unknown words.

use super::lenient::Draft;
use super::lexicon::Meaning;
use super::tokenizer::phrase_at;
use super::{Ask, parse};
use crate::marking::model::{Control, Marking, System};

impl Ask<'_, '_> {
    /// Whether a proposal keeps every requirement of the words of the text, or releases to nobody.
    pub(super) fn keeps_what_it_asks(&self, text: &str, mark: &str) -> bool {
        let Some(read) = parse::parse(self.rules, mark, self.kind, self.banner).marking else { return false };
        if read.rel_to().is_empty() && read.display_to().is_empty() {
            return true;
        }
        let words = super::tokenizer::split(&super::bare(text));
        (0..words.len()).all(|at| {
            // Inside a longer phrase, a word has no meaning of its own.
            let inside =
                (1..=at.min(8)).any(|back| phrase_at(&words, at - back).is_some_and(|(_, width)| width > back));
            inside || phrase_at(&words, at).is_none_or(|(meaning, _)| asks_no_more(meaning, &read))
        })
    }

    /// Whether the words that are not known may be control systems: short, in capitals, and no words of the register.
    pub(super) fn may_be_a_system(&self, draft: &Draft) -> bool {
        let register = self.rules.register;
        draft.unknown.iter().all(|word| {
            let short = (2..=12).contains(&word.len());
            let shaped = word.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
            short && shaped && register.reserved.find(word).is_none() && register.by_code.find(word).is_none()
        })
    }

    /// The advice for unknown words.
    pub(super) fn about_unknown(&self, draft: &Draft) -> String {
        let known = |word: &&String| self.rules.register.reserved.find(word).is_some();
        let quoted = |words: &[&String]| words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
        let (misplaced, unknown): (Vec<&String>, Vec<&String>) = draft.unknown.iter().partition(known);
        let mut sentences = Vec::new();
        if !misplaced.is_empty() {
            sentences.push(format!("{} is misplaced", quoted(&misplaced)));
        }
        if !unknown.is_empty() {
            sentences.push(format!("{} is not in the register: ask its originator what is meant", quoted(&unknown)));
        }
        if self.may_be_a_system(draft) {
            let text = "an unpublished control system is accepted if the operator lists it (`unpublished_sci`)";
            sentences.push(text.to_owned());
        }
        sentences.join("; ")
    }
}

/// Whether a mark that releases keeps the requirement of a word of the text.
fn asks_no_more(meaning: Meaning, mark: &Marking) -> bool {
    let has = |control| mark.has(control);
    match meaning {
        Meaning::System(system) | Meaning::RetiredSystem(system, _) => {
            mark.sci().any(|tree| tree.id == system.abbreviation())
        }
        Meaning::Control(control) | Meaning::Retired(control, _) => match control {
            // These require nothing that a stricter control does not.
            Control::Fouo | Control::Relido | Control::Rel | Control::DisplayOnly | Control::Eyes => true,
            Control::Oc | Control::OcUsgov => has(Control::Oc) || has(Control::OcUsgov),
            Control::Rd | Control::Frd | Control::Tfni => {
                [Control::Rd, Control::Frd, Control::Tfni].into_iter().any(has)
            }
            Control::Les | Control::LesNf => has(Control::Les) || has(Control::LesNf),
            Control::Sbu | Control::SbuNf => has(Control::Sbu) || has(Control::SbuNf),
            other => has(other),
        },
        Meaning::Cnwdi => has(Control::RdCnwdi),
        Meaning::Sigma => has(Control::RdSg) || has(Control::FrdSg) || mark.sigma().next().is_some(),
        Meaning::NatoWith(_, control) => has(control),
        Meaning::NatoLevel(_) | Meaning::RetiredNato(..) => mark.has_nato_information(),
        Meaning::Fgi => {
            mark.conceals_source() || mark.sources().next().is_some() || mark.owned_by().any(|owner| owner != "USA")
        }
        Meaning::Sar => mark.sap().next().is_some(),
        Meaning::Joint => mark.system() == System::Joint,
        Meaning::Gone(_) | Meaning::Other(_) | Meaning::Vague(_) => false,
        Meaning::Level(_) | Meaning::Rel | Meaning::Display | Meaning::EyesOnly | Meaning::Noise(_) => true,
    }
}
