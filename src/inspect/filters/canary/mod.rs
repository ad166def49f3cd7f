//! The canary filter: nothing of the source but the selected tearline occurs in a cut.
//!
//! It compares words, independently of how a cut is assembled. So a title kept by mistake, a paragraph of a higher
//! tearline, or a protected name is found whatever caused it. Text that the source contains under two marks is compared
//! in `overlap`.

use std::collections::BTreeSet;
use std::sync::Arc;

mod common_runs;
mod overlap;
mod protected;
mod shingles;

pub(in crate::inspect) use self::overlap::compare;

use self::common_runs::RUN_WORDS;
use self::shingles::{RollingHash, Run, runs_of};
use crate::cut::Cut;
use crate::digest::Digest;
use crate::inspect::attachment_text::{FoldCache, is_read, lines, text_of};
use crate::inspect::filter_name::FilterName;
use crate::inspect::finding::Finding;
use crate::inspect::subject::{Filter, Source, Subject};
use crate::marking::Rules;
use crate::product::confusable::{Readings, Way, spellings};
use crate::product::{Attachment, Item, Tearline};
use crate::rebuild::{Kind, Task};

/// The canary filter.
pub(in crate::inspect) struct Canary;

impl Filter for Canary {
    fn name(&self) -> FilterName {
        FilterName::Canary
    }

    fn examine(&self, subject: &Subject<'_>) -> Vec<Finding> {
        let Some(source) = subject.source else {
            return vec![finding("canary.source", "there is no source to compare the cut with")];
        };
        let tearlines = source.product.tearlines();
        let Some(selected) = tearlines.get(source.tearline) else {
            return vec![finding("canary.source", "the source has no such tearline")];
        };
        let mut findings = subject.compared.findings.clone();
        let folds = subject.folds;
        let mut cut = texts_of_cut(subject.cut, folds);
        let mut allowed = texts(selected, folds);
        allowed.extend(front_items_for_everyone(source, selected, folds));
        let kept: BTreeSet<Digest> = selected.attachments().iter().map(digest_of).collect();
        for (attachment, reading) in subject.attachments() {
            if attachment.is_detached() {
                // The same bytes are allowed, as they are in the tearline; protected tokens in them are searched below.
                if !kept.contains(&attachment.digest()) {
                    findings
                        .push(finding("canary.stranger", "an attachment that is not part of the selected tearline"));
                }
                continue;
            }
            let Some(as_is) = text_of(attachment, reading) else {
                findings.push(finding("canary.unread", "an attachment that cannot be compared with its source"));
                continue;
            };
            // An attachment with the same bytes is in the tearline, so its text is allowed.
            let same = kept.contains(&digest_of(attachment));
            for words in [Some(as_is), reading.and_then(|r| r.text.as_deref())].into_iter().flatten() {
                cut.push(text(words, folds));
                if same {
                    allowed.push(text(words, folds));
                }
            }
            if !same {
                findings.push(finding("canary.stranger", "an attachment that is not part of the selected tearline"));
            }
        }
        runs(&cut, &allowed, subject, source, &mut findings);
        items(&cut, &allowed, source, &mut findings);
        findings.extend(protected::examine(subject, source));
        if folds.is_exhausted() {
            findings
                .push(finding("canary.unread", "more text than can be compared with its source: send less at once"));
        }
        // Every text of the cut must be a text of the selected tearline: comparing runs would miss a short one.
        let exact: BTreeSet<&str> = allowed.iter().map(|(raw, _)| raw.as_str()).collect();
        let strangers = cut.iter().filter(|(raw, _)| !exact.contains(raw.as_str())).count();
        if strangers > 0 {
            findings.push(finding(
                "canary.stranger",
                &format!("{strangers} part(s) of the cut are not parts of the selected tearline"),
            ));
        }
        findings
    }
}

fn finding(code: &'static str, message: &str) -> Finding {
    Finding { filter: FilterName::Canary, code, line: None, message: message.into() }
}

/// A text, and its folded readings.
type Text = (String, Arc<Readings>);

fn text(raw: &str, folds: &FoldCache) -> Text {
    (raw.to_owned(), folds.readings(raw))
}

/// Returns the texts of a tearline, except the contents of attachments.
fn texts(tearline: &Tearline, folds: &FoldCache) -> Vec<Text> {
    let head = tearline.head().items().map(|(_, item)| text(&item.text, folds));
    let portions = tearline.portions().iter().map(|p| text(&p.text, folds));
    let names = tearline.attachments().iter().map(|a| text(a.name().as_str(), folds));
    head.chain(portions).chain(names).collect()
}

/// Returns the texts of the inline attachments of a tearline that is not released, as far as they can be read.
fn attached(tearline: &Tearline, subject: &Subject<'_>) -> Vec<Text> {
    let read = |a: &Attachment| {
        let bytes = a.inline().unwrap_or_default();
        let as_is = std::str::from_utf8(bytes).ok().map(str::to_owned);
        let seen = Kind::of(a.media_type())
            .and_then(|kind| subject.settings.work(Task::Rebuild, kind, bytes).ok())
            .map(|rebuilt| rebuilt.text);
        [as_is, seen]
    };
    tearline.attachments().iter().flat_map(read).flatten().map(|words| text(&words, subject.folds)).collect()
}

/// Returns the SHA-256 of an attachment's bytes; for inline attachments it is computed again here.
fn digest_of(attachment: &Attachment) -> Digest {
    attachment.inline().map_or(attachment.digest(), Digest::of)
}

/// Returns the texts of a cut, except a title generated by the gateway.
fn texts_of_cut(cut: &Cut, folds: &FoldCache) -> Vec<Text> {
    let own = cut.generated_title();
    texts(cut.tearline(), folds).into_iter().filter(|(raw, _)| Some(raw.as_str()) != own.as_deref()).collect()
}

/// Returns the items of the front block that are releasable to everybody who may have the selected tearline: their
/// level is not higher, and their audience not smaller.
fn front_items_for_everyone(source: Source<'_>, selected: &Tearline, folds: &FoldCache) -> Vec<Text> {
    let rules = Rules::new(source.register, source.product.as_of());
    let banner = rules.release_audience(selected.banner());
    let for_everyone = |item: &Item| {
        let own = rules.release_audience(&item.marking);
        item.marking.level() <= selected.banner().level()
            && banner.countries.is_subset(&own.countries)
            && banner.unresolved.is_subset(&own.unresolved)
    };
    let front = source.product.tearlines()[0].head();
    front.items().filter(|(_, item)| for_everyone(item)).map(|(_, item)| text(&item.text, folds)).collect()
}

fn others(source: Source<'_>) -> impl Iterator<Item = &Tearline> {
    let selected = source.tearline;
    source.product.tearlines().iter().enumerate().filter(move |(i, _)| *i != selected).map(|(_, t)| t)
}

/// Returns the runs of these texts, each once, ascending.
fn run_set<'t>(texts: impl IntoIterator<Item = &'t Text>) -> Vec<Run> {
    let mut runs: Vec<Run> = texts.into_iter().flat_map(|(_, readings)| readings.iter().flat_map(runs_of)).collect();
    runs.sort_unstable();
    runs.dedup();
    runs
}

fn runs(cut: &[Text], allowed: &[Text], subject: &Subject<'_>, source: Source<'_>, findings: &mut Vec<Finding>) {
    // Without another tearline, nothing is outside the selected one. The allowed runs are computed only if a run from
    // outside occurs in the cut.
    if others(source).next().is_none() {
        return;
    }
    let in_cut = run_set(cut);
    let stands = |run: &Run| in_cut.binary_search(run).is_ok();
    let mut found: Vec<Run> = Vec::new();
    for tearline in others(source) {
        for (_, readings) in texts(tearline, subject.folds).into_iter().chain(attached(tearline, subject)) {
            found.extend(readings.iter().flat_map(runs_of).filter(stands));
        }
    }
    // Detached attachments of the source are searched once for runs that occur in the cut, line by line.
    let detached = others(source).flat_map(Tearline::attachments).filter(|a| a.is_detached() && is_read(a));
    for attachment in detached {
        let mut row = RollingHash::default();
        let read = lines(attachment, subject.contents, &mut |line, _| {
            let readings = Readings::of(line);
            found.extend(readings.get(Way::Small).words().filter_map(|word| row.push(word)).filter(stands));
            // All found runs are runs of the cut, so duplicates can be removed at any time to bound the memory.
            if found.len() > 2 * in_cut.len() {
                found.sort_unstable();
                found.dedup();
            }
            true
        });
        if read.is_err() {
            findings.push(finding("canary.unread", "an attachment of the source that cannot be compared with the cut"));
        }
    }
    found.sort_unstable();
    found.dedup();
    let leaked = if found.is_empty() {
        0
    } else {
        let permitted = run_set(allowed);
        found.iter().filter(|run| permitted.binary_search(run).is_err()).count()
    };
    if leaked > 0 {
        findings.push(finding(
            "canary.run",
            &format!("{leaked} run(s) of {RUN_WORDS} words from outside the selected tearline occur in the cut"),
        ));
    }
}

/// Searches for whole titles, subjects, contacts and file names of other tearlines, which are too short for runs.
fn items(cut: &[Text], allowed: &[Text], source: Source<'_>, findings: &mut Vec<Finding>) {
    for tearline in others(source) {
        let names = tearline.attachments().iter().map(|a| spellings(a.name().as_str()));
        let heads = tearline.head().items().map(|(_, item)| spellings(&item.text));
        for item in heads.chain(names) {
            let stands_in =
                |texts: &[Text]| texts.iter().any(|(_, readings)| item.iter().any(|item| readings.hold(item)));
            if stands_in(cut) && !stands_in(allowed) {
                findings.push(finding(
                    "canary.item",
                    "a title, subject, contact or file name from outside the selected tearline occurs in the cut",
                ));
            }
        }
    }
    findings.dedup();
}
