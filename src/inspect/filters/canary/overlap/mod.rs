//! Text under two marks: a cut compared with everything in its source that is not released to the partner.
//!
//! A whole part of the cut that also occurs there is a contradiction between the source's own marks, and is refused. A
//! common run of words is recorded for the officers. Of marks it asks only whether one releases a part to this partner,
//! and it never quotes what it compares.

mod part;

use std::collections::BTreeMap;

use self::part::{BESIDE_BYTES_MAX, Part, finding, number};
use super::common_runs::{Index, Scan, Text, Word};
use crate::cut::Cut;
use crate::digest::Digest;
use crate::inspect::attachment_text::{AttachmentText, FoldCache, text_of};
use crate::inspect::finding::Finding;
use crate::inspect::settings::Settings;
use crate::inspect::shared_run::{Place, RUNS_MAX, SharedRun};
use crate::inspect::subject::{Comparison, Source};
use crate::marking::{Marking, Rules, may_release};
use crate::product::{Attachment, Contents, PortionKind, Tearline};
use crate::rebuild::{Kind, Task};

/// A run in common: the part of the cut, the part withheld, and how many words.
type Pair = (usize, usize, usize);

/// Holds `cut` against what `source` does not release to the partner.
pub(in crate::inspect) fn compare(
    cut: &Cut,
    source: Source<'_>,
    readings: &[AttachmentText],
    folds: &FoldCache,
    contents: &dyn Contents,
    settings: &Settings,
) -> Comparison {
    let mut withheld = withheld(cut, source, folds, settings);
    if withheld.is_empty() {
        return Comparison::default();
    }
    let mut parts = parts_of_cut(cut, readings, folds);
    let mut compared = Comparison::default();
    let (pairs, is_full) = runs(&mut parts, &mut withheld, contents, &mut compared.findings);
    contradictions(&parts, &withheld, &mut compared.findings);
    shared(&pairs, &parts, &withheld, settings, &mut compared);
    if is_full || pairs.len() > RUNS_MAX {
        compared.findings.push(finding("canary.shared", None, too_many()));
    }
    compared
}

/// Everything of a tearline but what is in its attachments: the place, the mark and the text of each part.
fn texts(tearline: &Tearline) -> impl Iterator<Item = (Place, &Marking, &str)> {
    let head = tearline.head().items().map(|(part, item)| (part, item.line, &item.marking, item.text.as_str()));
    let paragraphs = tearline.portions().iter().map(|p| (PortionKind::Paragraph, p.line, &p.marking, p.text.as_str()));
    let names = tearline.attachments().iter();
    let names = names.map(|a| (PortionKind::Attachment, a.line(), a.marking(), a.name().as_str()));
    let mut seen: BTreeMap<PortionKind, u32> = BTreeMap::new();
    head.chain(paragraphs).chain(names).map(move |(part, line, marking, text)| {
        let of_its_kind = seen.entry(part).or_default();
        *of_its_kind += 1;
        (Place { part, number: *of_its_kind, line: number(line) }, marking, text)
    })
}

/// The parts of the cut, in its order, but for a title that the gateway wrote itself.
fn parts_of_cut<'a>(cut: &'a Cut, readings: &[AttachmentText], folds: &FoldCache) -> Vec<Part<'a>> {
    let own = cut.generated_title();
    let theirs = texts(cut.tearline())
        .filter(|(place, _, text)| place.part != PortionKind::Title || Some(*text) != own.as_deref())
        .map(|(place, marking, text)| Part::new(0, place, marking, &[text], folds));
    let attached = cut.attachments().iter().enumerate().map(|(index, attachment)| {
        let reading = readings.get(index);
        let texts = [text_of(attachment, reading), reading.and_then(|r| r.text.as_deref())];
        let bytes = attachment.inline().map_or(attachment.digest(), Digest::of);
        let texts: Vec<&str> = texts.into_iter().flatten().collect();
        Part::attachment(0, index, attachment, &texts, &[bytes], folds)
    });
    theirs.chain(attached).collect()
}

/// The parts of the other tearlines whose own mark would keep the cut from the partner, were they in it.
fn withheld<'a>(cut: &Cut, source: Source<'a>, folds: &FoldCache, settings: &Settings) -> Vec<Part<'a>> {
    let rules = Rules::new(source.register, source.product.as_of());
    // Asked beside the banner of the cut, which goes: a mark that says nothing of its own follows that, as in a cut.
    let is_withheld =
        |marking: &Marking| may_release(cut.marking(), std::slice::from_ref(marking), source.link, &rules).is_err();
    let mut parts = Vec::new();
    for (index, tearline) in source.product.tearlines().iter().enumerate().filter(|(i, _)| *i != source.tearline) {
        let above = number(index + 1);
        let texts = texts(tearline).filter(|(_, marking, _)| is_withheld(marking));
        parts.extend(texts.map(|(place, marking, text)| Part::new(above, place, marking, &[text], folds)));
        let attachments = tearline.attachments().iter().enumerate().filter(|(_, a)| is_withheld(a.marking()));
        parts.extend(attachments.map(|(index, attachment)| attached(above, index, attachment, folds, settings)));
    }
    parts
}

/// An attachment of a tearline that does not go, as far as anybody here can read it: as it is, and as it would have been
/// written anew, which is how it stands in a cut.
fn attached<'a>(
    tearline: u32,
    index: usize,
    attachment: &'a Attachment,
    folds: &FoldCache,
    settings: &Settings,
) -> Part<'a> {
    let Some(bytes) = attachment.inline() else {
        return Part::attachment(tearline, index, attachment, &[], &[attachment.digest()], folds);
    };
    let as_is = std::str::from_utf8(bytes).ok();
    let anew = Kind::of(attachment.media_type()).and_then(|kind| settings.work(Task::Rebuild, kind, bytes).ok());
    let texts: Vec<&str> = as_is.into_iter().chain(anew.as_ref().map(|a| a.text.as_str())).collect();
    let digests = [Digest::of(bytes), anew.as_ref().map_or(attachment.digest(), |a| Digest::of(&a.bytes))];
    Part::attachment(tearline, index, attachment, &texts, &digests, folds)
}

/// Parts of the cut that stand whole among what is withheld.
fn contradictions(cut: &[Part<'_>], withheld: &[Part<'_>], findings: &mut Vec<Finding>) {
    let mut known: BTreeMap<Digest, Vec<usize>> = BTreeMap::new();
    for (n, part) in withheld.iter().enumerate() {
        part.whole.iter().for_each(|whole| known.entry(*whole).or_default().push(n));
    }
    for part in cut {
        let mut same: Vec<usize> = part.whole.iter().filter_map(|whole| known.get(whole)).flatten().copied().collect();
        same.sort_unstable();
        same.dedup();
        for other in same.into_iter().map(|n| &withheld[n]) {
            let (here, there) = (part.marking.portion(), other.marking.portion());
            let (place, tearline, source) = (part.place, other.tearline, other.place);
            let message = format!(
                "{place} of the cut, marked `{here}`, also appears in full in tearline {tearline}, as {source} of the product, \
                 marked `{there}`, which does not release it to this partner: if it is downgraded, mark it so at both \
                 places; otherwise leave it out below"
            );
            findings.push(finding("canary.contradiction", Some(part.place.line), message));
        }
    }
}

/// Runs of words in common: the part of the cut, the part withheld, and how many words; and whether there are more than
/// may be kept. What is kept beside the text is read once, for its words and for what it is known by.
fn runs(
    cut: &mut [Part<'_>],
    withheld: &mut [Part<'_>],
    contents: &dyn Contents,
    findings: &mut Vec<Finding>,
) -> (Vec<Pair>, bool) {
    hold(withheld);
    withheld.iter_mut().filter(|p| !p.large).for_each(|p| p.read(contents, findings, &mut |p, w| p.words.push(w)));
    let index = Index::new(texts_of(withheld, Part::words));
    let mut scan = Scan::new(&index, RUNS_MAX);
    let mut begins: Vec<(usize, usize)> = Vec::new();
    let is_large = withheld.iter().any(|p| p.large);
    hold(cut);
    for (n, part) in cut.iter_mut().enumerate() {
        begins.push((scan.read(), n));
        part.words.iter().for_each(|w| scan.word(*w));
        // What is long on the other side is held against these words below.
        let keep = is_large && !part.large;
        part.read(contents, findings, &mut |part, w| {
            scan.word(w);
            if keep {
                part.words.push(w);
            }
        });
    }
    let found = scan.end();
    let mut is_full = found.len() > RUNS_MAX;
    let mut pairs: Vec<Pair> = found
        .iter()
        .map(|run| (piece(&begins, run.from), piece(&index.texts()[run.text].pieces, run.at), run.words))
        .collect();
    if is_large {
        if let Some(part) = cut.iter().find(|p| p.large) {
            let message = format!(
                "an attachment cannot be compared with a withheld one: of two detached attachments, at most one may be longer than {BESIDE_BYTES_MAX} bytes"
            );
            findings.push(finding("canary.large", Some(part.place.line), message));
        }
        let index = Index::new(vec![joined(cut.iter().enumerate(), false, Part::words)]);
        for (n, part) in withheld.iter_mut().enumerate().filter(|(_, p)| p.large) {
            let mut scan = Scan::new(&index, RUNS_MAX);
            part.read(contents, findings, &mut |_, w| scan.word(w));
            let found = scan.end();
            is_full |= found.len() > RUNS_MAX;
            pairs.extend(found.iter().map(|run| (piece(&index.texts()[0].pieces, run.at), n, run.words)));
        }
    }
    let has = |way| cut.iter().chain(withheld.iter()).any(|part: &Part<'_>| part.has_other(way));
    let (stands, apart) = (has(0), has(1));
    for (way, is) in [stands, apart, stands && apart].into_iter().enumerate() {
        is_full |= is && runs_otherwise(way, cut, withheld, &mut pairs);
    }
    (pairs, is_full)
}

/// Adds the runs that are there only where both sides are read in this other way; whether there are too many.
fn runs_otherwise(way: usize, cut: &[Part<'_>], withheld: &[Part<'_>], pairs: &mut Vec<Pair>) -> bool {
    let index = Index::new(texts_of(withheld, |part| part.other(way)));
    let mut scan = Scan::new(&index, RUNS_MAX);
    let mut begins: Vec<(usize, usize)> = Vec::new();
    for (n, part) in cut.iter().enumerate() {
        begins.push((scan.read(), n));
        part.other(way).iter().for_each(|w| scan.word(*w));
    }
    let found = scan.end();
    for run in &found {
        let pair = (piece(&begins, run.from), piece(&index.texts()[run.text].pieces, run.at), run.words);
        // What is known of these two parts already, and as long, is the same words.
        if !pairs.iter().any(|known| (known.0, known.1) == (pair.0, pair.1) && known.2 >= pair.2) {
            pairs.push(pair);
        }
    }
    found.len() > RUNS_MAX
}

/// Says of each part beside the text whether its words can be held with those of the parts before it.
fn hold(parts: &mut [Part<'_>]) {
    let mut held: u64 = 0;
    for part in parts {
        let size = part.beside.map_or(0, Attachment::size);
        part.large = held.saturating_add(size) > BESIDE_BYTES_MAX;
        held += if part.large { 0 } else { size };
    }
}

/// Each part as a text of its own, and for each tearline its parts one behind the other: who takes a paragraph apart, or
/// puts two together, has the same words still.
fn texts_of<'p>(parts: &'p [Part<'p>], words: impl Fn(&'p Part<'p>) -> &'p [Word] + Copy) -> Vec<Text> {
    let each = parts.iter().enumerate().map(|(n, p)| joined([(n, p)].into_iter(), false, words));
    let behind = parts.chunk_by(|a, b| a.tearline == b.tearline).scan(0, |from, tearline| {
        let parts = tearline.iter().enumerate().map(|(n, p)| (n + *from, p)).collect::<Vec<_>>();
        *from += tearline.len();
        Some(joined(parts.into_iter(), true, words))
    });
    each.chain(behind).collect()
}

fn joined<'p>(
    parts: impl Iterator<Item = (usize, &'p Part<'p>)>,
    over_borders: bool,
    words: impl Fn(&'p Part<'p>) -> &'p [Word],
) -> Text {
    let mut text = Text { words: Vec::new(), pieces: Vec::new(), over_borders };
    for (n, part) in parts {
        text.pieces.push((text.words.len(), n));
        text.words.extend(words(part));
    }
    text
}

/// Which of the pieces a word belongs to.
fn piece(begins: &[(usize, usize)], word: usize) -> usize {
    begins[begins.partition_point(|(begin, _)| *begin <= word) - 1].1
}

/// Puts the runs on record, and refuses those that are too long.
fn shared(pairs: &[Pair], cut: &[Part<'_>], withheld: &[Part<'_>], settings: &Settings, compared: &mut Comparison) {
    let run = |(here, there, words): &Pair| SharedRun {
        place: cut[*here].place,
        marking: cut[*here].marking.portion(),
        tearline: withheld[*there].tearline,
        source: withheld[*there].place,
        source_marking: withheld[*there].marking.portion(),
        words: number(*words),
    };
    compared.shared = pairs.iter().map(run).collect();
    compared.shared.sort();
    let limit = settings.shared_words;
    for run in compared.shared.iter().filter(|run| run.words as usize >= limit) {
        let message = format!("{run}: {limit} words or more are refused; reword the lower tearline");
        compared.findings.push(finding("canary.shared", Some(run.place.line), message));
    }
}

fn too_many() -> String {
    format!(
        "more than {RUNS_MAX} runs of words also occur in parts that are not released to this partner: too many to review"
    )
}
