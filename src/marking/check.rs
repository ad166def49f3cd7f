//! The full report on one mark, as the `marking check` command shows it.

use serde::Serialize;

use super::diagnostic::{Diagnostic, RuleCode, Severity};
use super::model::{Code, Control, ControlSet, Marking, System, Tree};
use super::parse::{self, Kind};
use super::releasability::audience;
use super::releasability::condition::Condition;
use super::rules::Rules;

/// The report on one text.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The value, if the text is valid.
    pub marking: Option<Marking>,
    /// Every error and warning, by position.
    pub diagnostics: Vec<Diagnostic>,
    /// The canonical text, in the kind that was read.
    pub canonical: Option<String>,
    /// The effective foreign-disclosure state.
    pub effective_fdr: Option<String>,
    /// Countries to which the mark allows release, by name or as members of a named organisation.
    pub releasable_to: Vec<Code>,
    /// Countries to which the mark allows display.
    pub displayable_to: Vec<Code>,
    /// Named organisations whose members are not public.
    pub unresolved_codes: Vec<Code>,
    /// The further conditions of a release; empty when the mark authorises nobody.
    pub conditions: Vec<Condition>,
}

impl Checked {
    /// True when the text is a valid mark.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.marking.is_some()
    }

    /// The error codes, sorted, each once.
    #[must_use]
    pub fn codes(&self) -> Vec<RuleCode> {
        self.of(Severity::Error)
    }

    /// The warning codes, sorted, each once.
    #[must_use]
    pub fn warnings(&self) -> Vec<RuleCode> {
        self.of(Severity::Warning)
    }

    fn of(&self, severity: Severity) -> Vec<RuleCode> {
        let mut codes: Vec<_> = self.diagnostics.iter().filter(|d| d.severity == severity).map(|d| d.code).collect();
        codes.sort_unstable();
        codes.dedup();
        codes
    }
}

impl Rules<'_> {
    /// Parses `text` and reports everything about it. `banner` is what a portion inherits from.
    #[must_use]
    pub fn check(&self, text: &str, kind: Kind, banner: Option<&Marking>) -> Checked {
        let outcome = parse::parse(self, text, kind, banner);
        let mut checked = Checked {
            marking: outcome.marking,
            diagnostics: outcome.diagnostics,
            canonical: None,
            effective_fdr: None,
            releasable_to: Vec::new(),
            displayable_to: Vec::new(),
            unresolved_codes: Vec::new(),
            conditions: Vec::new(),
        };
        let Some(marking) = &checked.marking else { return checked };
        checked.canonical = Some(match kind {
            Kind::Banner => marking.banner(),
            Kind::Portion => marking.portion(),
        });
        checked.effective_fdr = Some(marking.disclosure_state(self.date).to_string());
        let release = audience::release(self, marking).into_audience(self.register);
        let display = audience::display(self, marking).into_audience(self.register);
        checked.releasable_to = release.countries.into_iter().collect();
        checked.displayable_to = display.countries.into_iter().collect();
        checked.unresolved_codes = display.unresolved.into_iter().collect();
        // A mark that authorises nobody has no conditions to meet.
        if !marking.rel_to.is_empty() || !marking.display_to.is_empty() {
            checked.conditions = marking.conditions();
        }
        checked
    }
}

/// The parts of a marking, with the field names of the shared test cases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Parsed {
    /// An intelligence mark.
    Mark {
        /// `US`, `NONUS`, `NATO` or `JOINT`.
        system: &'static str,
        /// The level's abbreviation.
        level: &'static str,
        /// Owners; `USA` for a US mark.
        owners: Vec<String>,
        /// SCI systems.
        sci: Vec<ParsedSystem>,
        /// Special access programs.
        sap: Vec<ParsedProgram>,
        /// Atomic energy tokens.
        aea: Vec<String>,
        /// Foreign sources.
        fgi: Option<ParsedSources>,
        /// Dissemination tokens.
        dissem: Vec<String>,
        /// The release list, USA first.
        rel_to: Vec<String>,
        /// The display list.
        display_to: Vec<String>,
        /// Non-IC tokens.
        nonic: Vec<String>,
    },
    /// A CUI mark.
    Cui {
        /// `CUI`.
        system: &'static str,
        /// Categories as written.
        categories: Vec<String>,
        /// Limited dissemination controls in this kind's form.
        ldc: Vec<String>,
    },
}

/// An SCI system of [`Parsed`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ParsedSystem {
    /// Its abbreviation.
    pub system: String,
    /// Its compartments.
    pub comps: Vec<ParsedCompartment>,
}

/// A program of [`Parsed`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ParsedProgram {
    /// Its identifier.
    pub program: String,
    /// Its compartments.
    pub comps: Vec<ParsedCompartment>,
}

/// A compartment of [`Parsed`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ParsedCompartment {
    /// Its identifier.
    pub id: String,
    /// Its sub-compartments.
    pub subs: Vec<String>,
}

/// The foreign sources of [`Parsed`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ParsedSources {
    /// True when the source is not named.
    pub concealed: bool,
    /// The named sources.
    pub sources: Vec<String>,
}

impl Marking {
    /// Returns the parts of the marking, for output and logs.
    #[must_use]
    pub fn parsed(&self, kind: Kind) -> Parsed {
        if let Some(cui) = &self.cui {
            let form = |c: &u8| {
                let words = &super::model::cui::LDC[usize::from(*c)];
                if kind == Kind::Portion { words.portion } else { words.banner }.to_owned()
            };
            return Parsed::Cui {
                system: System::Cui.as_str(),
                categories: cui.categories.iter().map(|c| c.to_string()).collect(),
                ldc: cui.controls.iter().map(form).collect(),
            };
        }
        let strings = |list: &super::model::CodeList| list.iter().map(str::to_owned).collect::<Vec<_>>();
        let ids = |set: ControlSet| self.controls.intersection(set).iter().map(|c| c.id().to_owned()).collect();
        let owners = if self.owners.is_empty() { vec!["USA".to_owned()] } else { strings(&self.owners) };
        let has_sources = self.system != System::Nato && (self.concealed || self.sources().next().is_some());
        Parsed::Mark {
            system: self.system.as_str(),
            level: self.level.abbreviation(),
            owners,
            sci: self.sci().map(|t| ParsedSystem { system: t.id.to_owned(), comps: compartments(&t) }).collect(),
            sap: self.sap().map(|t| ParsedProgram { program: t.id.to_owned(), comps: compartments(&t) }).collect(),
            aea: self.aea_tokens(),
            fgi: has_sources.then(|| ParsedSources {
                concealed: self.concealed,
                sources: if self.concealed { vec![] } else { self.sources().map(str::to_owned).collect() },
            }),
            dissem: ids(ControlSet::DISSEM),
            rel_to: strings(&self.rel_to),
            display_to: strings(&self.display_to),
            nonic: ids(ControlSet::NONIC),
        }
    }

    /// The ISM atomic energy tokens, such as `RD`, `RD-SG-14`.
    pub(super) fn aea_tokens(&self) -> Vec<String> {
        let mut tokens = Vec::new();
        for control in self.controls.intersection(ControlSet::AEA).iter() {
            match control {
                Control::RdSg | Control::FrdSg => {
                    tokens.extend(self.sigma().map(|n| format!("{}-{n}", control.id())));
                }
                _ => tokens.push(control.id().to_owned()),
            }
        }
        tokens
    }
}

fn compartments(tree: &Tree<'_>) -> Vec<ParsedCompartment> {
    let owned = |id: &str, subs: Vec<String>| ParsedCompartment { id: id.to_owned(), subs };
    tree.compartments().map(|(id, subs)| owned(id, subs.map(str::to_owned).collect())).collect()
}
