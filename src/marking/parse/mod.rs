//! Parses a mark: a text, its kind and the banner it inherits from come in; a marking or every fault with its byte span goes
//! out. One pass collects all faults and repairs nothing.
//!
//! It refuses to guess. After a fault it continues only to report the other faults of the same text; the value is discarded.

mod authority_block;
mod codes;
mod items;
mod lexical;
mod names;
mod classification;
mod sci;
mod aea;
mod release_lists;
mod segments;
mod constraints;
mod cui;

pub(super) use authority_block::is_authority_block;
pub(super) use codes::ENGLISH_CODES;

use std::ops::Range;

use super::diagnostic::{Diagnostic, Fix, Rejected, RuleCode, Severity, about};
use super::model::{Category, Control, ControlSet, Level, Marking, Profile, System};
use super::register::Row;
use super::rules::Rules;

/// The longest mark that is read, in bytes.
pub(super) const MARK_LEN_MAX: usize = 1024;
/// The most items one segment may hold.
pub(super) const ITEMS_MAX: usize = 64;
/// The most codes one list may hold.
pub(super) const CODES_MAX: usize = 256;

/// Which kind of mark a text is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A banner line.
    Banner,
    /// A portion mark in parentheses.
    Portion,
}

impl Rules<'_> {
    /// Reads a banner in its full or abbreviated form, as at submission.
    ///
    /// # Errors
    ///
    /// Every fault of the text, each with its span. Nothing is repaired.
    pub fn parse_banner(&self, text: &str) -> Result<Marking, Rejected> {
        parse(self, text, Kind::Banner, None).into_result()
    }

    /// Reads a banner from the wire: only the exact text that [`Marking::banner`] prints.
    ///
    /// # Errors
    ///
    /// As [`parse_banner`](Self::parse_banner), and `E-FORM` for a valid banner in another form.
    pub fn parse_banner_canonical(&self, text: &str) -> Result<Marking, Rejected> {
        let marking = self.parse_banner(text)?;
        if marking.banner() == text { Ok(marking) } else { Err(not_canonical(text, &marking.banner())) }
    }

    /// Reads a portion mark with its parentheses. `banner` is what `(S//REL)` and `(//JOINT S)` inherit from.
    ///
    /// # Errors
    ///
    /// Every fault of the text, each with its span. Nothing is repaired.
    pub fn parse_portion(&self, text: &str, banner: Option<&Marking>) -> Result<Marking, Rejected> {
        parse(self, text, Kind::Portion, banner).into_result()
    }
}

/// The result of reading: the value if there was no error, and every finding.
pub(super) struct Outcome {
    /// The value; `None` if there was an error.
    pub marking: Option<Marking>,
    /// Every finding, errors and warnings.
    pub diagnostics: Vec<Diagnostic>,
    guessed: bool,
}

impl Outcome {
    /// The value, or every finding.
    ///
    /// # Errors
    ///
    /// [`Rejected`] if there was an error.
    pub fn into_result(self) -> Result<Marking, Rejected> {
        self.marking.ok_or(Rejected { diagnostics: self.diagnostics })
    }
}

/// Reads `text`; `banner` is what inheriting abbreviations refer to.
pub(super) fn parse(rules: &Rules<'_>, text: &str, kind: Kind, banner: Option<&Marking>) -> Outcome {
    let mut outcome = read(rules, text, kind, banner);
    if outcome.diagnostics.len() > 1 {
        outcome.report_case_once();
    }
    if outcome.diagnostics.len() > 1 {
        outcome.diagnostics.sort_by_key(|d| (d.span.start, d.span.end, d.code));
    }
    if outcome.diagnostics.iter().any(|d| d.severity == Severity::Error) {
        outcome.offer_fix(rules, text, kind, banner);
        outcome.marking = None;
    }
    outcome
}

fn read(rules: &Rules<'_>, text: &str, kind: Kind, banner: Option<&Marking>) -> Outcome {
    let mut diagnostics = Vec::new();
    // A mark has no colon; one diagnostic says what this is, instead of one for each word and line.
    if text.contains(':') && is_authority_block(text) {
        let hint = "this is a classification authority block, not a mark";
        diagnostics.push(diagnostic(RuleCode::ClassUnknown, 0..text.len(), hint));
        return Outcome { marking: None, diagnostics, guessed: false };
    }
    let Some(lexed) = lexical::lex(text, kind, rules.profile, &mut diagnostics) else {
        return Outcome { marking: None, diagnostics, guessed: false };
    };
    let mut reader = Reader {
        rules,
        kind,
        banner,
        body: lexed.body(text),
        start: lexed.start,
        map: lexed.map.as_deref(),
        whole: 0..text.len(),
        diagnostics,
        draft: Draft::new(),
    };
    if rules.profile == Profile::Cui {
        cui::read(&mut reader);
    } else {
        reader.read_mark();
        reader.check_constraints();
    }
    let Reader { diagnostics, draft, .. } = reader;
    Outcome { marking: Some(draft.marking), diagnostics, guessed: draft.guessed }
}

/// Where the next `//` is. The general string search sets up tables that cost more than a mark's few bytes.
fn double_slash(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    (1..bytes.len()).find(|&at| bytes[at] == b'/' && bytes[at - 1] == b'/').map(|at| at - 1)
}

/// The fault of a valid banner that is not in its canonical form.
pub(super) fn not_canonical(text: &str, canonical: &str) -> Rejected {
    let (message, rule) = about(RuleCode::Form);
    Rejected {
        diagnostics: vec![Diagnostic {
            code: RuleCode::Form,
            span: 0..text.len(),
            severity: Severity::Error,
            message: message.to_owned(),
            hint: format!("only the canonical form is accepted here; write {canonical}"),
            rule,
            fix: Some(Fix { span: 0..text.len(), replacement: canonical.to_owned() }),
        }],
    }
}

impl Outcome {
    /// Reports lower case once, at the first word, not at each.
    fn report_case_once(&mut self) {
        let first = self.diagnostics.iter().filter(|d| d.code == RuleCode::Case).map(|d| d.span.start).min();
        self.diagnostics.retain(|d| d.code != RuleCode::Case || Some(d.span.start) == first);
    }

    /// Adds the canonical text of the value as a safe fix, where every fault is one of form only.
    fn offer_fix(&mut self, rules: &Rules<'_>, text: &str, kind: Kind, banner: Option<&Marking>) {
        let errors = || self.diagnostics.iter().filter(|d| d.severity == Severity::Error);
        let lost = |d: &Diagnostic| d.code == RuleCode::Whitespace && may_have_lost_a_word(text, &d.span);
        // A concealed source, and a list that lacks commas: one of the codes may be the source's.
        let concealed = self.marking.as_ref().is_some_and(Marking::conceals_source);
        if concealed && errors().any(|d| d.code == RuleCode::ListSeparator) {
            return;
        }
        if self.guessed || !errors().all(|d| d.code.is_formal() && !lost(d)) {
            return;
        }
        let Some(marking) = &self.marking else { return };
        let marking = &marking.ordered(rules);
        let proper = match kind {
            Kind::Banner => marking.banner(),
            Kind::Portion => marking.portion(),
        };
        // The fix is offered only if it reads back as the very same value without any error.
        let again = read(rules, &proper, kind, banner);
        let clean = again.diagnostics.iter().all(|d| d.severity != Severity::Error);
        if clean && again.marking.as_ref() == Some(marking) {
            let fix = Fix { span: 0..text.len(), replacement: proper };
            for diagnostic in self.diagnostics.iter_mut().filter(|d| d.severity == Severity::Error) {
                diagnostic.fix = Some(fix.clone());
            }
        }
    }
}

/// Whether a word may be missing at a surplus space: a source, an owner, or a part of a program's name. Elsewhere, spaces around
/// a separator are only a habit of writing.
fn may_have_lost_a_word(text: &str, space: &Range<usize>) -> bool {
    let (Some(before), Some(after)) = (text.get(..space.start), text.get(space.end..)) else { return true };
    let ends = [before.is_empty() || before.ends_with(['/', '(']), after.is_empty() || after.starts_with(['/', ')'])];
    // At the beginning, an owner or TOP may be missing.
    let begins = before.trim_start_matches('(').is_empty();
    if begins || ends == [true, true] || (space.len() > 1 && ends.contains(&true)) {
        return true;
    }
    const TAKE_MORE: [&str; 5] = ["FGI", "FOREIGN", "LES", "SBU", "UCNI"];
    let before = before.trim_start_matches(['(', ' ']).to_ascii_uppercase();
    let item = before.rsplit('/').next().unwrap_or_default();
    let next = after.split([' ', '/', ')']).next().unwrap_or_default();
    if TAKE_MORE.iter().any(|word| word.eq_ignore_ascii_case(next)) {
        return true;
    }
    let foreign = before.strip_prefix("//").is_some_and(|class| !class.contains("//"));
    let openings = ["FGI", "FOREIGN GOV", "SAR", "SPECIAL ACC", "LES", "LAW ENF", "SBU", "SENSITIVE BUT"];
    let takes_more = item.contains('-') || openings.iter().any(|opening| item.starts_with(opening));
    if takes_more {
        return true;
    }
    let around = after.starts_with('/') && after.trim_start_matches('/').starts_with(' ');
    foreign && !around
}

/// What has been read so far.
pub(super) struct Draft<'t> {
    /// The value as far as it was read.
    pub marking: Marking,
    /// The level, when one was read.
    pub level: Option<Level>,
    /// The classification segment.
    pub class: &'t str,
    /// Where each control was read, as offsets into the body.
    at: [(u16, u16); Control::ALL.len()],
    /// What SCI items need, checked once everything is read.
    needs: Vec<Need<'t>>,
    /// The categories whose segments were read.
    seen: [bool; 6],
    /// Part of the reading is a guess, so no fix is offered.
    guessed: bool,
    /// JOINT, FGI and NATO faults are judged only when the classification itself was readable.
    inherits: bool,
}

/// The requirement an SCI or SAP item raised.
struct Need<'t> {
    item: &'t str,
    row: Row,
}

impl Draft<'_> {
    fn new() -> Self {
        Self {
            marking: Marking::bare(System::Us, Level::TopSecret),
            level: None,
            class: "",
            at: [(0, 0); Control::ALL.len()],
            needs: Vec::new(),
            seen: [false; 6],
            guessed: false,
            inherits: false,
        }
    }
}

/// The reader of one mark.
pub(super) struct Reader<'t, 'r> {
    /// The rules that it is read under.
    pub rules: &'t Rules<'r>,
    /// The kind of mark.
    pub kind: Kind,
    /// What inheriting abbreviations refer to.
    pub banner: Option<&'t Marking>,
    /// The mark without its parentheses, normalised if it had lexical faults.
    pub body: &'t str,
    /// Where the body starts in the input, when it is a plain slice of it.
    start: usize,
    /// For a normalised body, the input offset of each of its bytes, and of its end.
    map: Option<&'t [u32]>,
    /// The span of the whole mark in the input.
    pub whole: Range<usize>,
    /// Every finding, errors and warnings.
    pub diagnostics: Vec<Diagnostic>,
    /// What was read so far.
    pub draft: Draft<'t>,
}

impl<'t> Reader<'t, '_> {
    fn read_mark(&mut self) {
        let rest = self.read_class();
        if let Some(rest) = rest {
            self.read_segments(rest);
        }
    }

    /// Records a finding about `part`, which is a slice of the body.
    #[cold]
    pub fn fault(&mut self, code: RuleCode, part: &str, hint: impl Into<String>) {
        let span = self.span(part);
        self.fault_at(code, span, hint);
    }

    /// Records a duplicate. There is no fix for it: another value may have been meant.
    #[cold]
    fn doubled(&mut self, part: &str, hint: &str) {
        self.draft.guessed = true;
        self.fault(RuleCode::Dup, part, hint);
    }

    /// Records a finding about a span of the input.
    #[cold]
    pub fn fault_at(&mut self, code: RuleCode, span: Range<usize>, hint: impl Into<String>) {
        self.diagnostics.push(diagnostic(code, span, hint));
    }

    /// The span in the input of a slice of the body.
    fn span(&self, part: &str) -> Range<usize> {
        let from = self.offset(part);
        let to = from + part.len();
        match self.map {
            None => self.start + from..self.start + to,
            Some(map) if part.is_empty() => map[from] as usize..map[from] as usize,
            // The end is one past the last byte, so that spaces dropped behind it stay outside.
            Some(map) => map[from] as usize..map[to - 1] as usize + 1,
        }
    }

    /// Where a slice of the body starts in it.
    pub(super) fn offset(&self, part: &str) -> usize {
        // INVARIANT: every `part` is a subslice of the body, so the difference is an offset into it.
        (part.as_ptr() as usize).wrapping_sub(self.body.as_ptr() as usize).min(self.body.len())
    }

    /// The part itself, or where it is empty the `width` bytes before it (after it at the start), so that there is something to underline.
    fn or_before(&self, part: &'t str, width: usize) -> &'t str {
        if !part.is_empty() {
            return part;
        }
        let at = self.offset(part);
        let range = if at >= width { at - width..at } else { 0..width };
        self.body.get(range).unwrap_or(part)
    }

    /// Notes that `control` was read at `item`; false when it was there already.
    fn note(&mut self, control: Control, item: &str) -> bool {
        if self.draft.marking.controls.has(control) {
            return false;
        }
        let from = self.offset(item) as u16;
        self.draft.marking.controls.insert(control);
        self.draft.at[control as usize] = (from, from + item.len() as u16);
        true
    }

    /// The text at which `control` was read.
    fn read_at(&self, control: Control) -> &'t str {
        let (from, to) = self.draft.at[control as usize];
        self.body.get(usize::from(from)..usize::from(to)).unwrap_or_default()
    }

    fn has(&self, control: Control) -> bool {
        self.draft.marking.controls.has(control)
    }

    fn controls(&self) -> ControlSet {
        self.draft.marking.controls
    }

    fn has_seen(&self, category: Category) -> bool {
        self.draft.seen[category as usize]
    }
}

/// A finding with the message and source of its rule.
pub(super) fn diagnostic(code: RuleCode, span: Range<usize>, hint: impl Into<String>) -> Diagnostic {
    let (message, rule) = about(code);
    Diagnostic {
        code,
        span,
        severity: code.severity(),
        message: message.to_owned(),
        hint: hint.into(),
        rule,
        fix: None,
    }
}
