//! Content filters over a cut: small, independent of each other, run in one fixed order that every cut passes whole.
//! Each attests the digest it saw, and the next one works only on what its predecessor attested.
//!
//! It refuses to change a single byte of a cut: it passes as it was approved or not at all. What is taken out or written
//! anew, [`prepare`] does before there is a cut. No finding quotes what was found, and a filter that panics, is missing
//! or is out of its order refuses the cut.

mod attest;
mod canary;
mod content;
mod folds;
mod look;
mod marks;
mod protected;
mod reading;
mod rebuilt;
mod runs;
mod shape;
mod shared;
mod stated;
mod stream;
mod strip;
mod structure;
mod tearlines;
mod text;
mod types;
mod withheld;
mod words;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

pub use attest::{Attestation, BrokenChain, FilterName};
pub use look::{Looked, Looks};
pub use marks::{Look, Mark, marks_in};
pub use reading::Reading;
pub use shared::{Place, SharedRun};
pub use strip::{Change, Hidden, Prepared, prepare};
pub use tearlines::{NotPassed, tearlines};
pub use words::{WordList, WordListFault};

use crate::cut::Cut;
use crate::digest::{Digest, Hasher};
use crate::marking::{LinkRights, Register};
use crate::product::{Attachment, Bounds, Contents, Product};
use crate::rebuild::{self, Fault, Kind, Limits, Nobody, Rebuilder, Rebuilt, Task};

/// What the operator configures of the filters.
#[derive(Clone)]
pub struct Settings {
    /// Lists of words that must not pass.
    pub words: Vec<WordList>,
    /// Bounds on a cut; those on the product it came from unless the operator narrowed them.
    pub bounds: Bounds,
    /// What happens to hidden characters before a cut is made.
    pub hidden: Hidden,
    /// So many words in a row that stand in the cut, and in a part of its source that is not released to the partner, are
    /// refused; fewer, from eight on, are shown to the officers.
    pub shared_words: usize,
    /// How much of a foreign format is read.
    pub limits: Limits,
    /// SHA-256 of the program that runs them, where it is another than the gateway's own.
    pub filter: Option<Digest>,
    /// Who runs the parsers of foreign formats, under [`Settings::limits`]. Nobody unless it is set, and then every file
    /// of such a format is refused.
    pub rebuilder: Arc<dyn Rebuilder>,
    /// Whose files are inspected: the partner that sent them, or the producer. It decides on no file, only on whose turn
    /// it is, and is no part of what is attested.
    pub party: String,
}

impl Settings {
    /// The same settings for files of this party's.
    #[must_use]
    pub fn of(&self, party: impl Into<String>) -> Settings {
        Settings { party: party.into(), ..self.clone() }
    }

    /// Reads a file of a format that is rebuilt. Tables are read here, by a few lines of our own over text; every other
    /// format by the rebuilder.
    fn work(&self, task: Task, kind: Kind, bytes: &[u8]) -> Result<Rebuilt, Fault> {
        let done = catch_unwind(AssertUnwindSafe(|| match kind {
            Kind::Csv => rebuild::work(task, kind, bytes, &self.limits),
            _ => self.rebuilder.work_for(&self.party, task, kind, bytes),
        }));
        done.unwrap_or_else(|_| Err(Fault::new("filter.failed", "the filter failed before it answered")))
    }
}

/// The shortest run of words in common that is refused, unless it is configured.
pub const SHARED_WORDS: usize = 25;

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            words: Vec::new(),
            bounds: Bounds::default(),
            hidden: Hidden::default(),
            shared_words: SHARED_WORDS,
            limits: Limits::default(),
            filter: None,
            rebuilder: Arc::new(Nobody),
            party: String::new(),
        }
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Settings({})", self.digest().short())
    }
}

impl Settings {
    /// Identifies the settings in every attestation, so that a cut inspected under other lists is not taken for one
    /// inspected under these.
    pub fn digest(&self) -> Digest {
        let mut hasher = Hasher::new();
        for list in &self.words {
            hasher.update(list.digest().as_bytes());
        }
        let said = format!("{:?} {:?} {} {:?}", self.bounds, self.hidden, self.shared_words, self.filter);
        hasher.update(said.as_bytes());
        hasher.update(self.limits.digest().as_bytes());
        hasher.finish()
    }
}

/// The product that a cut was made from, and the tearline that was selected. Only the sender has it.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The whole product.
    pub product: &'a Product,
    /// Which of its tearlines the cut was made from, counted from the top.
    pub tearline: usize,
    /// The register that the product was read with.
    pub register: &'a Register,
    /// What the partner may have: which parts of the product are released to it.
    pub link: &'a LinkRights,
}

/// What a filter looks at.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// The cut.
    pub cut: &'a Cut,
    /// Where the bytes of its detached attachments are.
    pub contents: &'a dyn Contents,
    /// What it was made from; `None` on the way in.
    pub source: Option<Source<'a>>,
    /// The register that marks are read with.
    pub register: &'a Register,
    /// The configured bounds and lists.
    pub settings: &'a Settings,
    /// What a reader sees of each attachment of the cut, in their order.
    pub readings: &'a [Reading],
    /// What came of holding the cut against what its source does not release to the partner.
    compared: &'a withheld::Compared,
    /// Its texts as words are looked for in them.
    folds: &'a folds::Folds,
}

impl<'a> Subject<'a> {
    /// Each attachment with what a reader sees of it, if that was read.
    fn attachments(&self) -> impl Iterator<Item = (&'a Attachment, Option<&'a Reading>)> {
        let readings: &'a [Reading] = self.readings;
        self.cut.attachments().iter().enumerate().map(move |(i, a)| (a, readings.get(i)))
    }
}

/// One content filter.
pub trait Filter {
    /// Which filter this is.
    fn name(&self) -> FilterName;

    /// Everything in the cut that must not pass. An empty answer is the filter's consent.
    fn examine(&self, subject: &Subject<'_>) -> Vec<Finding>;
}

/// One reason why a cut does not pass. Says where and what kind, never the content itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Finding {
    /// The filter that found it.
    pub filter: FilterName,
    /// The stable code, such as `text.bidi`.
    pub code: &'static str,
    /// The line of the cut's text, counted from one, where one line is at fault.
    pub line: Option<usize>,
    /// What was found, and what to do.
    pub message: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            Some(line) => write!(f, "{} [{}] at line {line} of the cut", self.message, self.code),
            None => write!(f, "{} [{}]", self.message, self.code),
        }
    }
}

/// Why a cut did not pass: every finding of every filter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cut did not pass inspection: {}{}", findings.first().map_or_else(String::new, ToString::to_string), more(findings))]
pub struct Refused {
    /// The findings, in the order of the filters; at least one.
    pub findings: Vec<Finding>,
    /// What was attested before the first filter refused.
    pub attestations: Vec<Attestation>,
}

fn more(findings: &[Finding]) -> String {
    if findings.len() > 1 { format!(" (and {} more)", findings.len() - 1) } else { String::new() }
}

/// Proof that every filter, in order, passed exactly these bytes. Only [`outbound`] and [`inbound`], and the same having
/// looked before, make one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspected {
    cut: Digest,
    settings: Digest,
    attestations: Vec<Attestation>,
    shared: Vec<SharedRun>,
}

impl Inspected {
    /// The digest of the cut that passed.
    pub fn cut(&self) -> Digest {
        self.cut
    }

    /// The digest of the settings it passed under.
    pub fn settings(&self) -> Digest {
        self.settings
    }

    /// One attestation a filter, in order; each names the digest of the one before.
    pub fn attestations(&self) -> &[Attestation] {
        &self.attestations
    }

    /// What the cut has in common with parts of its source that are not released to the partner, in canonical order. None
    /// is long enough to be refused; officers are shown all of them.
    pub fn shared(&self) -> &[SharedRun] {
        &self.shared
    }
}

/// Findings that one filter reports at most; more would only repeat them.
const FINDINGS_MAX: usize = 50;

/// Inspects a cut that we made, against the product it was made from, as [`prepare`] made that ready; `contents` has the
/// bytes of the attachments that the cut only names.
///
/// # Errors
/// [`Refused`] with every finding of every filter.
pub fn outbound(
    cut: &Cut,
    source: Source<'_>,
    contents: &dyn Contents,
    settings: &Settings,
) -> Result<Inspected, Refused> {
    outbound_without(None, cut, source, contents, settings)
}

/// Inspects a cut that a partner sent, whose marks are read with `register`. The same filters, but for the one that
/// needs its source.
///
/// # Errors
/// [`Refused`] with every finding of every filter.
pub fn inbound(
    cut: &Cut,
    register: &Register,
    contents: &dyn Contents,
    settings: &Settings,
) -> Result<Inspected, Refused> {
    inbound_without(None, cut, register, contents, settings)
}

/// As [`inbound`], where the attachments were looked at while they were read for another purpose.
///
/// Whoever calls this answers for it that what was looked at is what `contents` have: it was hashed as it was read.
///
/// # Errors
/// As [`inbound`].
pub fn inbound_having(
    looked: Looked,
    cut: &Cut,
    register: &Register,
    contents: &dyn Contents,
    settings: &Settings,
) -> Result<Inspected, Refused> {
    inspect(None, Origin::Theirs(register), looked, cut, contents, settings)
}

/// As [`outbound`], where the attachments were looked at while they were read for another purpose.
///
/// Whoever calls this answers for it that what was looked at is what `contents` have: it was hashed as it was read.
///
/// # Errors
/// As [`outbound`].
pub fn outbound_having(
    looked: Looked,
    cut: &Cut,
    source: Source<'_>,
    contents: &dyn Contents,
    settings: &Settings,
) -> Result<Inspected, Refused> {
    inspect(None, Origin::Ours(source), looked, cut, contents, settings)
}

/// What [`outbound`] would find if one filter consented to everything: it shows which other filter stands behind it.
/// Where one is left out, the answer is never [`Inspected`].
///
/// # Errors
/// [`Refused`] with every finding of the other filters; with none of them, that nothing else stands there.
pub fn outbound_without(
    left_out: Option<FilterName>,
    cut: &Cut,
    source: Source<'_>,
    contents: &dyn Contents,
    settings: &Settings,
) -> Result<Inspected, Refused> {
    inspect(left_out, Origin::Ours(source), Looked::default(), cut, contents, settings)
}

/// What [`inbound`] would find if one filter consented to everything.
///
/// # Errors
/// As [`outbound_without`].
pub fn inbound_without(
    left_out: Option<FilterName>,
    cut: &Cut,
    register: &Register,
    contents: &dyn Contents,
    settings: &Settings,
) -> Result<Inspected, Refused> {
    inspect(left_out, Origin::Theirs(register), Looked::default(), cut, contents, settings)
}

/// Where a cut comes from.
enum Origin<'a> {
    /// It was made here, from this.
    Ours(Source<'a>),
    /// A partner sent it; its marks are read with this register.
    Theirs(&'a Register),
}

fn inspect(
    left_out: Option<FilterName>,
    origin: Origin<'_>,
    looked: Looked,
    cut: &Cut,
    contents: &dyn Contents,
    settings: &Settings,
) -> Result<Inspected, Refused> {
    let (order, source, register): (&[FilterName], _, _) = match origin {
        Origin::Ours(source) => (&FilterName::OUTBOUND, Some(source), source.register),
        Origin::Theirs(register) => (&FilterName::INBOUND, None, register),
    };
    let readings = reading::all(cut, looked, contents, settings);
    let folds = folds::Folds::of(settings.bounds.bytes_max.saturating_mul(FOLDED_TIMES));
    let compare = |source| withheld::compare(cut, source, &readings, &folds, contents, settings);
    // A comparison that fails is a finding of the filter whose it is.
    let failed = |_| withheld::Compared {
        findings: vec![failed(FilterName::Canary, "the comparison with the source failed")],
        ..Default::default()
    };
    let compared = catch_unwind(AssertUnwindSafe(|| source.map(compare).unwrap_or_default())).unwrap_or_else(failed);
    let subject =
        Subject { cut, contents, source, register, settings, readings: &readings, compared: &compared, folds: &folds };
    run_but(left_out, order, &subject)
}

/// So many times a product's largest size of text is folded for one inspection: its own, that of its source, and both once
/// more as a reader of its attachments sees it.
const FOLDED_TIMES: usize = 4;

fn filter(name: FilterName) -> &'static dyn Filter {
    match name {
        FilterName::Text => &text::Text,
        FilterName::Words => &words::Words,
        FilterName::Types => &types::Types,
        FilterName::Rebuild => &rebuilt::Rebuilt,
        FilterName::Structure => &structure::Structure,
        FilterName::Marks => &marks::Marks,
        FilterName::Canary => &canary::Canary,
    }
}

fn run_but(left_out: Option<FilterName>, order: &[FilterName], subject: &Subject<'_>) -> Result<Inspected, Refused> {
    struct Yes(FilterName);
    impl Filter for Yes {
        fn name(&self) -> FilterName {
            self.0
        }

        fn examine(&self, _: &Subject<'_>) -> Vec<Finding> {
            Vec::new()
        }
    }
    let Some(left_out) = left_out else {
        return run(&order.iter().map(|name| filter(*name)).collect::<Vec<_>>(), order, subject);
    };
    let yes = Yes(left_out);
    let filters: Vec<&dyn Filter> =
        order.iter().map(|name| if *name == left_out { &yes as &dyn Filter } else { filter(*name) }).collect();
    // INVARIANT: no proof of inspection is made without every filter.
    match run(&filters, order, subject) {
        Ok(_) => Err(Refused { findings: Vec::new(), attestations: Vec::new() }),
        Err(refused) => Err(refused),
    }
}

/// Runs `filters`, which must be exactly those of `order`.
fn run(filters: &[&dyn Filter], order: &[FilterName], subject: &Subject<'_>) -> Result<Inspected, Refused> {
    let (cut, settings) = (subject.cut.digest(), subject.settings.digest());
    let mut attestations: Vec<Attestation> = Vec::new();
    let mut findings = Vec::new();
    for (position, name) in order.iter().enumerate() {
        let found = match filters.get(position) {
            Some(filter) if filter.name() == *name => examine(*filter, subject),
            _ => vec![failed(*name, "the filter is missing or out of its order")],
        };
        // The bytes are hashed again for every filter: what the next one reads is what this one saw, or nothing passes.
        let seen = Digest::of(subject.cut.bytes());
        let attested = attest::attest(*name, position, cut, seen, settings, &attestations);
        match attested {
            Ok(attestation) if found.is_empty() && findings.is_empty() => attestations.push(attestation),
            Err(broken) if found.is_empty() && findings.is_empty() => findings.push(failed(*name, &broken.to_string())),
            _ => {}
        }
        findings.extend(found.into_iter().take(FINDINGS_MAX));
    }
    if filters.len() != order.len() && findings.is_empty() {
        findings.push(failed(FilterName::Structure, "there are more filters than the order names"));
    }
    if findings.is_empty() && attest::verify(&attestations, order, cut, settings).is_ok() {
        Ok(Inspected { cut, settings, attestations, shared: subject.compared.shared.clone() })
    } else {
        if findings.is_empty() {
            findings.push(failed(FilterName::Structure, "the attestations do not form one chain"));
        }
        Err(Refused { findings, attestations })
    }
}

fn examine(filter: &dyn Filter, subject: &Subject<'_>) -> Vec<Finding> {
    catch_unwind(AssertUnwindSafe(|| filter.examine(subject)))
        .unwrap_or_else(|_| vec![failed(filter.name(), "the filter failed before it came to a verdict")])
}

fn failed(filter: FilterName, message: &str) -> Finding {
    Finding { filter, code: "inspect.failed", line: None, message: message.into() }
}

#[cfg(test)]
mod tests;
