//! Runs the filters over a cut, every one and in order, and makes the proof that all of them passed it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::attachment_text::FoldCache;
use super::attestation::{self, Attestation, FilterName};
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

/// Proof that every filter, in order, passed exactly these bytes. Only [`outbound`] and [`inbound`], and the same having
/// scanned before, make one.
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

/// Inspects a cut that we made, against the product it was made from, as [`prepare()`](super::prepare()) made that ready;
/// `contents` has the bytes of the attachments that the cut only names.
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

/// As [`inbound`], where the attachments were scanned at while they were read for another purpose.
///
/// Whoever calls this answers for it that what was scanned at is what `contents` have: it was hashed as it was read.
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

/// As [`outbound`], where the attachments were scanned at while they were read for another purpose.
///
/// Whoever calls this answers for it that what was scanned at is what `contents` have: it was hashed as it was read.
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
    inspect(left_out, Origin::Ours(source), ScanResults::default(), cut, contents, settings)
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
    inspect(left_out, Origin::Theirs(register), ScanResults::default(), cut, contents, settings)
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
    scanned: ScanResults,
    cut: &Cut,
    contents: &dyn Contents,
    settings: &Settings,
) -> Result<Inspected, Refused> {
    let (order, source, register): (&[FilterName], _, _) = match origin {
        Origin::Ours(source) => (&FilterName::OUTBOUND, Some(source), source.register),
        Origin::Theirs(register) => (&FilterName::INBOUND, None, register),
    };
    let texts = scan::read_all(cut, scanned, contents, settings);
    let folds = FoldCache::of(settings.bounds.bytes_max.saturating_mul(FOLDED_TIMES));
    let compare = |source| filters::compare(cut, source, &texts, &folds, contents, settings);
    // A comparison that fails is a finding of the filter whose it is.
    let failed = |_| Comparison {
        findings: vec![failed(FilterName::Canary, "the comparison with the source failed")],
        ..Default::default()
    };
    let compared = catch_unwind(AssertUnwindSafe(|| source.map(compare).unwrap_or_default())).unwrap_or_else(failed);
    let subject =
        Subject { cut, contents, source, register, settings, texts: &texts, compared: &compared, folds: &folds };
    run_but(left_out, order, &subject)
}

/// So many times a product's largest size of text is folded for one inspection: its own, that of its source, and both once
/// more as a reader of its attachments sees it.
const FOLDED_TIMES: usize = 4;

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
        return run(&order.iter().map(|name| filters::filter(*name)).collect::<Vec<_>>(), order, subject);
    };
    let yes = Yes(left_out);
    let filters: Vec<&dyn Filter> =
        order.iter().map(|name| if *name == left_out { &yes as &dyn Filter } else { filters::filter(*name) }).collect();
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
