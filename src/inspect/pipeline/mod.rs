//! The pipeline: runs every filter over a cut, in order.
//!
//! In come a cut, its source and the settings; out comes the proof that all filters passed it, or every finding. It refuses a cut
//! of which a filter is missing, is out of order, or fails.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::attachment_text::FoldCache;
use super::attestation::{self, Attestation};
use super::filter_name::FilterName;
use super::filters;
use super::finding::{FINDINGS_MAX, Finding, NO_VERDICT, Refused, failed};
use super::scan::{self, ScanResults};
use super::settings::Settings;
use super::shared_run::SharedRun;
use super::subject::{Comparison, Filter, Source, Subject};
use crate::cut::Cut;
use crate::digest::Digest;
use crate::marking::Register;
use crate::product::Contents;

/// Proof that every filter, in order, passed exactly these bytes. Only [`outbound`], [`inbound`] and their `_scanned`
/// variants create one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspected {
    cut: Digest,
    settings: Digest,
    attestations: Vec<Attestation>,
    shared: Vec<SharedRun>,
}

impl Inspected {
    /// Returns the SHA-256 of the cut that passed.
    pub fn cut(&self) -> Digest {
        self.cut
    }

    /// Returns the digest of the settings it passed under ([`Settings::digest`]).
    pub fn settings(&self) -> Digest {
        self.settings
    }

    /// Returns one attestation for each filter, in order; each contains the digest of the one before.
    pub fn attestations(&self) -> &[Attestation] {
        &self.attestations
    }

    /// Returns the runs of words that the cut shares with parts of its source that are not released to the partner, in
    /// canonical order. They are shorter than the limit, and shown to the officers.
    pub fn shared(&self) -> &[SharedRun] {
        &self.shared
    }
}

/// Inspects a cut made by this node, against the product it was made from, as [`prepare()`](super::prepare()) prepared
/// it; `contents` provides the bytes of detached attachments.
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

/// Inspects a cut received from a partner, whose marks are parsed with `register`. It runs the same filters, except the
/// one that needs the source.
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

/// Inspects like [`inbound`], using a scan of the attachments that was made while they were read for another purpose.
///
/// The caller guarantees that the scanned bytes are those in `contents`: they must have been hashed while they were
/// read.
///
/// # Errors
/// As [`inbound`].
pub fn inbound_scanned(
    scanned: ScanResults,
    cut: &Cut,
    register: &Register,
    contents: &dyn Contents,
    settings: &Settings,
) -> Result<Inspected, Refused> {
    inspect(None, Origin::Theirs(register), scanned, cut, contents, settings)
}

/// Inspects like [`outbound`], using a scan of the attachments that was made while they were read for another purpose.
///
/// The caller guarantees that the scanned bytes are those in `contents`: they must have been hashed while they were
/// read.
///
/// # Errors
/// As [`outbound`].
pub fn outbound_scanned(
    scanned: ScanResults,
    cut: &Cut,
    source: Source<'_>,
    contents: &dyn Contents,
    settings: &Settings,
) -> Result<Inspected, Refused> {
    inspect(None, Origin::Ours(source), scanned, cut, contents, settings)
}

/// Returns what [`outbound`] would find if the filter `left_out` passed everything: it shows which other filter also
/// catches a fault. If a filter is left out, the result is never [`Inspected`].
///
/// # Errors
/// [`Refused`] with every finding of the other filters; without findings if a filter was left out and the others passed
/// the cut.
pub fn outbound_without(
    left_out: Option<FilterName>,
    cut: &Cut,
    source: Source<'_>,
    contents: &dyn Contents,
    settings: &Settings,
) -> Result<Inspected, Refused> {
    inspect(left_out, Origin::Ours(source), ScanResults::default(), cut, contents, settings)
}

/// Returns what [`inbound`] would find if the filter `left_out` passed everything.
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
    inspect(left_out, Origin::Theirs(register), ScanResults::default(), cut, contents, settings)
}

/// The origin of a cut.
enum Origin<'a> {
    /// Made by this node from this source.
    Ours(Source<'a>),
    /// Received from a partner; its marks are parsed with this register.
    Theirs(&'a Register),
}

fn inspect(
    left_out: Option<FilterName>,
    origin: Origin<'_>,
    scanned: ScanResults,
    cut: &Cut,
    contents: &dyn Contents,
    settings: &Settings,
) -> Result<Inspected, Refused> {
    let (order, source, register): (&[FilterName], _, _) = match origin {
        Origin::Ours(source) => (FilterName::OUTBOUND, Some(source), source.register),
        Origin::Theirs(register) => (FilterName::INBOUND, None, register),
    };
    let texts = scan::read_all(cut, scanned, contents, settings);
    let folds = FoldCache::with_budget(settings.bounds.bytes_max.saturating_mul(FOLDED_TIMES));
    let compare = |source| filters::compare(cut, source, &texts, &folds, contents, settings);
    // If the comparison panics, the canary filter refuses the cut.
    let failed = |_| Comparison {
        findings: vec![failed(FilterName::Canary, "the comparison with the source failed")],
        ..Default::default()
    };
    let compared = catch_unwind(AssertUnwindSafe(|| source.map(compare).unwrap_or_default())).unwrap_or_else(failed);
    let subject =
        Subject { cut, contents, source, register, settings, texts: &texts, compared: &compared, folds: &folds };
    run_without(left_out, order, &subject)
}

/// The fold budget of one inspection, as a multiple of the largest text of a product: the cut's own text, the source's
/// text, and for each of them the extracted text of the attachments.
const FOLDED_TIMES: usize = 4;

fn run_without(
    left_out: Option<FilterName>,
    order: &[FilterName],
    subject: &Subject<'_>,
) -> Result<Inspected, Refused> {
    struct PassAll(FilterName);
    impl Filter for PassAll {
        fn name(&self) -> FilterName {
            self.0
        }

        fn examine(&self, _: &Subject<'_>) -> Vec<Finding> {
            Vec::new()
        }
    }
    let Some(left_out) = left_out else {
        return run(&order.iter().map(|name| filters::filter(*name)).collect::<Vec<_>>(), order, subject);
    };
    let pass_all = PassAll(left_out);
    let filters: Vec<&dyn Filter> = order
        .iter()
        .map(|name| if *name == left_out { &pass_all as &dyn Filter } else { filters::filter(*name) })
        .collect();
    // INVARIANT: no proof of inspection is created without every filter.
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
        // The bytes are hashed again for every filter, so that two filters cannot examine different bytes and both be
        // attested.
        let seen = Digest::of(subject.cut.bytes());
        let attested = attestation::attest(*name, position, cut, seen, settings, &attestations);
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
    if findings.is_empty() && attestation::verify(&attestations, order, cut, settings).is_ok() {
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
        .unwrap_or_else(|_| vec![failed(filter.name(), NO_VERDICT)])
}

#[cfg(test)]
mod tests;
