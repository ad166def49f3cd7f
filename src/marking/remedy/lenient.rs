//! A lenient reader for refused texts: it accepts the words of the register in any form, order and separators. Its result is
//! a [`Draft`], from which a mark is composed and checked by the parser; the draft alone means nothing.

use std::collections::BTreeSet;

use super::country_names::{country, short_name};
use super::lexicon::{self, Meaning};
use super::tokenizer::{Gap, Word, phrase_at, split};
use super::{Ask, RemedyKind};
use crate::marking::model::{Control, Level, SciSystem};
use crate::marking::parse::ENGLISH_CODES;
use crate::marking::register::Register;

/// Whose mark it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Owner {
    Us,
    Nato,
    Joint(BTreeSet<String>),
    Foreign(BTreeSet<String>),
    Concealed,
}

/// The likely content of a text.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub owner: Owner,
    pub level: Option<Level>,
    /// Systems with their compartments, each with its sub-compartments: the text behind the system.
    pub sci: Vec<(String, BTreeSet<String>)>,
    pub programs: BTreeSet<String>,
    pub controls: BTreeSet<Control>,
    pub sigma: BTreeSet<String>,
    pub rel: Option<BTreeSet<String>>,
    pub display: Option<BTreeSet<String>>,
    /// The sources; an empty set is a concealed one.
    pub fgi: Option<BTreeSet<String>>,
    /// Advice, with the kind of proposal that it makes.
    pub notes: Vec<(RemedyKind, String)>,
    /// The text is ambiguous, or may exclude every foreign recipient: no mark that releases may be composed from it.
    pub open: bool,
    pub unknown: Vec<String>,
}

/// English between codes.
const ENGLISH: [&str; 8] = ["AND", "OR", "ONLY", "ALL", "THE", "TO", "PLUS", "COUNTRIES"];
impl Ask<'_, '_> {
    /// Reads a text leniently; `None` where not even a classification is found.
    pub(super) fn read_leniently(&self, text: &str) -> Option<Draft> {
        let bare = super::bare(text);
        let words = split(&bare);
        let mut reader = LenientReader { ask: self, words: &words, at: 0, draft: Draft::new() };
        // Something is missing between these separators, or the author expressed doubt.
        reader.draft.open |= bare.trim_start_matches('/').contains("///") || bare.contains(['!', '~', '^', '?']);
        reader.classification()?;
        // A mark that begins with `//` has an owner, which is unknown where it is missing.
        reader.draft.open |= bare.starts_with("//") && reader.draft.owner == Owner::Us;
        while reader.at < words.len() {
            reader.element();
        }
        Some(reader.draft)
    }
}

impl Draft {
    pub fn new() -> Self {
        Self {
            owner: Owner::Us,
            level: None,
            sci: Vec::new(),
            programs: BTreeSet::new(),
            controls: BTreeSet::new(),
            sigma: BTreeSet::new(),
            rel: None,
            display: None,
            fgi: None,
            notes: Vec::new(),
            open: false,
            unknown: Vec::new(),
        }
    }

    /// Adds advice, once.
    pub fn note(&mut self, kind: RemedyKind, text: impl Into<String>) {
        let text = text.into();
        if self.notes.iter().all(|(_, known)| *known != text) {
            self.notes.push((kind, text));
        }
    }
}

pub(super) struct LenientReader<'a> {
    pub ask: &'a Ask<'a, 'a>,
    pub words: &'a [Word],
    pub at: usize,
    pub draft: Draft,
}

impl LenientReader<'_> {
    /// The phrase of the register at the present word.
    pub fn phrase(&self) -> Option<(Meaning, usize)> {
        phrase_at(self.words, self.at)
    }

    fn register(&self) -> &Register {
        self.ask.rules.register
    }

    fn element(&mut self) {
        let word = self.words[self.at].clone();
        if is_declassification_value(&word.text) {
            let text =
                format!("{} says when to declassify; it belongs in the authority block, not in a mark", word.text);
            self.draft.note(RemedyKind::Legacy, text);
            self.at += 1;
            return;
        }
        let Some((meaning, width)) = self.phrase() else { return self.stranger(&word.text) };
        self.at += width;
        self.take(meaning, &word.text);
    }

    fn take(&mut self, meaning: Meaning, written: &str) {
        match meaning {
            Meaning::Level(_) | Meaning::Joint => self.draft.unknown.push(written.to_owned()),
            Meaning::NatoLevel(_) | Meaning::RetiredNato(..) | Meaning::NatoWith(..) => {
                self.draft.unknown.push(written.to_owned())
            }
            Meaning::Control(control) => self.control(control),
            Meaning::Retired(control, text) => {
                self.draft.note(RemedyKind::Legacy, text);
                self.control(control);
            }
            Meaning::System(system) => self.system(system.abbreviation()),
            Meaning::RetiredSystem(system, text) => {
                self.draft.note(RemedyKind::Legacy, text);
                self.system(system.abbreviation());
            }
            Meaning::Rel | Meaning::Display => {
                let codes = self.codes(false);
                let list = if meaning == Meaning::Rel { &mut self.draft.rel } else { &mut self.draft.display };
                let twice = list.is_some();
                list.get_or_insert_default().extend(codes);
                if twice {
                    self.draft.open = true;
                    self.draft.note(RemedyKind::Rewrite, "there are two lists: ask its author which one counts");
                }
            }
            Meaning::Fgi => {
                let codes = self.codes(true);
                self.draft.fgi.get_or_insert_default().extend(codes);
            }
            Meaning::EyesOnly => {
                self.draft
                    .note(RemedyKind::Legacy, "EYES ONLY ended on 2017-10-01; the originator marks again as REL TO");
                self.draft.controls.insert(Control::Nf);
                self.draft.open = true;
            }
            Meaning::Sar => self.programs(),
            Meaning::Cnwdi => self.draft.controls.extend([Control::Rd, Control::RdCnwdi]),
            Meaning::Sigma => self.sigma(),
            Meaning::Gone(text) => {
                self.draft.note(RemedyKind::Legacy, format!("{text}; the originator marks it again"));
                self.draft.open = true;
            }
            Meaning::Other(text) => {
                self.draft.note(RemedyKind::Profile, text);
                self.draft.open = true;
                // The rest of the same item belongs to it.
                while self.at < self.words.len() && self.words[self.at].gap != Gap::Double {
                    self.at += 1;
                }
            }
            Meaning::Vague(text) => {
                self.draft.note(RemedyKind::Rewrite, text);
                self.draft.open = true;
            }
            Meaning::Noise(text) => self.draft.note(RemedyKind::Rewrite, text),
        }
    }

    /// A word outside any phrase: a list without its opening, a typing error, or an unknown word.
    fn stranger(&mut self, word: &str) {
        if let Some(meant) = lexicon::near(word) {
            self.draft.note(RemedyKind::Rewrite, format!("`{word}` is not in the register; did you mean `{meant}`?"));
            if let Some((meaning, 1)) = lexicon::phrase(&[meant], |_| false) {
                self.at += 1;
                return self.take(meaning, meant);
            }
        }
        // An unpublished system that the operator listed.
        let listed = self.ask.rules.config.unpublished_sci.contains(word);
        self.at += 1;
        if listed {
            return self.system(word);
        }
        // `USA/GBR EYES ONLY`: countries, and what they are for behind them.
        let from = self.at - 1;
        self.at = from;
        let codes = self.codes_from(false, from);
        if !codes.is_empty() {
            if let Some((Meaning::EyesOnly, width)) = self.phrase() {
                self.at += width;
                self.draft
                    .note(RemedyKind::Legacy, "EYES ONLY ended on 2017-10-01; the originator marks again as REL TO");
                self.draft.rel.get_or_insert_default().extend(codes);
                return;
            }
            let text = format!("{} stands alone: write what it is for, such as REL TO or FGI", self.words[from].text);
            self.draft.note(RemedyKind::Rewrite, text);
            self.draft.open = true;
            return;
        }
        self.at = from + 1;
        self.draft.unknown.push(word.to_owned());
    }

    fn control(&mut self, control: Control) {
        self.draft.controls.insert(control);
        if matches!(control, Control::Rd | Control::Frd)
            && self.at < self.words.len()
            && self.words[self.at].text == "N"
        {
            self.at += 1;
            self.draft.note(RemedyKind::Legacy, "the suffix N was retired in favour of CNWDI");
            if control == Control::Rd {
                self.draft.controls.insert(Control::RdCnwdi);
            } else {
                self.draft.open = true;
            }
        }
    }

    fn sigma(&mut self) {
        while self.at < self.words.len() && self.words[self.at].text.bytes().all(|b| b.is_ascii_digit()) {
            self.draft.sigma.insert(self.words[self.at].text.clone());
            self.at += 1;
        }
        if self.draft.sigma.is_empty() {
            self.draft.open = true;
        }
    }

    /// The codes of a list, as they stand and as names; English between them is passed over. Sources and owners end at a
    /// slash.
    pub fn codes(&mut self, sources: bool) -> BTreeSet<String> {
        self.codes_from(sources, usize::MAX)
    }

    /// The same; the word at `begins` may stand behind `//`.
    pub fn codes_from(&mut self, sources: bool, begins: usize) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        while let Some(word) = self.words.get(self.at) {
            if (word.gap == Gap::Double && self.at != begins) || (sources && word.gap == Gap::Slash) {
                break;
            }
            let english = word.text == "AND" || (!found.is_empty() && ENGLISH.contains(&word.text.as_str()));
            if english && self.phrase().is_none() {
                if word.text == "AND" {
                    self.draft.note(RemedyKind::Rewrite, "separate the codes of a list by commas only");
                }
                self.at += 1;
                continue;
            }
            let Some((code, width, named)) = country(self.register(), &self.words[self.at..]) else { break };
            let in_capitals = self.words.iter().any(|other| !other.lowered);
            if ENGLISH_CODES.contains(&code.as_str()) || (word.lowered && in_capitals && !named) {
                let text = format!("{} may be a word and not the code of {}", word.text, short_name(self.ask, &code));
                self.draft.note(RemedyKind::Rewrite, text);
                self.draft.open = true;
            }
            if word.signed && !found.is_empty() {
                self.draft.note(RemedyKind::Rewrite, "a sign in the list may exclude somebody: ask its author");
                self.draft.open = true;
            }
            if named {
                let text = format!("`{code}` is the code of {}", short_name(self.ask, &code));
                self.draft.note(RemedyKind::Rewrite, text);
            }
            self.at += width;
            found.insert(code);
        }
        found
    }

    /// The compartments behind a system.
    fn system(&mut self, system: &str) {
        let mut compartments: BTreeSet<String> = BTreeSet::new();
        while let Some(word) = self.words.get(self.at).filter(|word| word.gap == Gap::Hyphen).cloned() {
            let mut name = word.text;
            if name == "ECI" {
                self.draft
                    .note(RemedyKind::Legacy, "the indicator ECI is no longer allowed: write the compartment alone");
                let Some(next) = self.words.get(self.at + 1).filter(|word| word.gap == Gap::Space) else {
                    self.at += 1;
                    self.draft.open = true;
                    continue;
                };
                name.clone_from(&next.text);
                self.at += 1;
            }
            let titles = SciSystem::ALL.into_iter().flat_map(SciSystem::compartment_titles);
            let known =
                titles.clone().find(|(title, id)| *title == name || *id == name).map(|(_, id)| (*id).to_owned());
            if known.is_none() && self.register().reserved.find(&name).is_some() {
                let text = format!("{name} is a marking of its own, not a compartment: write `/` or `//` before it");
                self.draft.note(RemedyKind::Rewrite, text);
                break;
            }
            let mut text = known.unwrap_or(name);
            self.at += 1;
            while let Some(sub) = self.words.get(self.at).filter(|word| word.gap == Gap::Space) {
                if self.register().reserved.find(&sub.text).is_some() {
                    break;
                }
                text.push(' ');
                text.push_str(&sub.text);
                self.at += 1;
            }
            compartments.insert(text);
        }
        match self.draft.sci.iter_mut().find(|(known, _)| known == system) {
            Some((_, known)) => known.extend(compartments),
            None => self.draft.sci.push((system.to_owned(), compartments)),
        }
    }

    /// The programs behind SAR.
    fn programs(&mut self) {
        let mut any = false;
        while let Some(word) = self.words.get(self.at) {
            let first = !any && matches!(word.gap, Gap::Hyphen | Gap::Space);
            let next = any && word.gap == Gap::Slash;
            if !(first || next) || self.register().reserved.find(&word.text).is_some() {
                break;
            }
            let mut text = String::new();
            while let Some(part) = self.words.get(self.at) {
                let within = !text.is_empty() && matches!(part.gap, Gap::Space | Gap::Hyphen);
                if !(text.is_empty() || within) || self.register().reserved.find(&part.text).is_some() {
                    break;
                }
                if within {
                    text.push(if part.gap == Gap::Hyphen { '-' } else { ' ' });
                }
                text.push_str(&part.text);
                self.at += 1;
            }
            any = true;
            self.draft.programs.insert(text);
        }
        if !any {
            self.draft.note(RemedyKind::Rewrite, "name the program: SAR-NAME");
            self.draft.open = true;
        }
    }
}

/// `X1` to `X8`, `25X1`, a date, `OADR` and their like.
fn is_declassification_value(word: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let exemption = word.split_once('X').is_some_and(|(years, number)| {
        (years.is_empty() || matches!(years, "25" | "50" | "75")) && (digits(number) || number == "I")
    });
    exemption || (word.len() == 8 && digits(word)) || matches!(word, "OADR" | "MR" | "MR1" | "MANUAL")
}
