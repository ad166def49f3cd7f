//! Content filters over a cut: small, independent of each other, run in one fixed order that every cut passes whole.
//! Each attests the digest it saw, and the next one works only on what its predecessor attested.
//!
//! It refuses to change a single byte: a cut passes as it was approved or not at all. No finding quotes what was
//! found, and a filter that panics, is missing or is out of its order refuses the cut.

mod attest;
mod canary;
mod csv;
mod stream;
mod structure;
mod text;
mod types;
mod words;

use std::panic::{AssertUnwindSafe, catch_unwind};

pub use attest::{Attestation, BrokenChain, FilterName};
pub use words::{WordList, WordListFault};

use crate::cut::Cut;
use crate::digest::{Digest, Hasher};
use crate::marking::Register;
use crate::product::{Bounds, Contents, Product};

/// What the operator configures of the filters.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Lists of words that must not pass.
    pub words: Vec<WordList>,
    /// Bounds on a cut; those on the product it came from unless the operator narrowed them.
    pub bounds: Bounds,
}

impl Settings {
    /// Identifies the settings in every attestation, so that a cut inspected under other lists is not taken for one
    /// inspected under these.
    pub fn digest(&self) -> Digest {
        let mut hasher = Hasher::new();
        for list in &self.words {
            hasher.update(list.digest().as_bytes());
        }
        hasher.update(format!("{:?}", self.bounds).as_bytes());
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
    /// The configured bounds and lists.
    pub settings: &'a Settings,
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

/// Proof that every filter, in order, passed exactly these bytes. Only [`outbound`] and [`inbound`] make one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspected {
    cut: Digest,
    settings: Digest,
    attestations: Vec<Attestation>,
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
}

/// Findings that one filter reports at most; more would only repeat them.
const FINDINGS_MAX: usize = 50;

/// Inspects a cut that we made, against the product it was made from; `contents` has the bytes of the attachments that
/// the cut only names.
///
/// # Errors
/// [`Refused`] with every finding of every filter.
pub fn outbound(
    cut: &Cut,
    source: Source<'_>,
    contents: &dyn Contents,
    settings: &Settings,
) -> Result<Inspected, Refused> {
    let subject = Subject { cut, contents, source: Some(source), settings };
    run(
        &[&text::Text, &words::Words, &types::Types, &structure::Structure, &canary::Canary],
        &FilterName::OUTBOUND,
        &subject,
    )
}

/// Inspects a cut that a partner sent. The same filters, but for the one that needs its source.
///
/// # Errors
/// [`Refused`] with every finding of every filter.
pub fn inbound(cut: &Cut, contents: &dyn Contents, settings: &Settings) -> Result<Inspected, Refused> {
    let subject = Subject { cut, contents, source: None, settings };
    run(&[&text::Text, &words::Words, &types::Types, &structure::Structure], &FilterName::INBOUND, &subject)
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
        Ok(Inspected { cut, settings, attestations })
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
