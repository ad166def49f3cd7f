//! The same words under two marks: a cut held against everything in its source that is not released to the partner.
//!
//! A whole part of the cut that stands there too is a contradiction between the source's own marks, and refused. A run of
//! words in common is none, and is put on record for the officers. It knows of marks only whether one releases a part to
//! this partner, and never quotes what it compares.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::folds::Folds;
use super::reading::text_of;
use super::runs::{Index, Scan, Text, Word, word};
use super::shared::{Place, RUNS_MAX, SharedRun};
use super::{FilterName, Finding, Reading, Settings, Source, stream};
use crate::cut::Cut;
use crate::digest::{Digest, Hasher};
use crate::marking::{Marking, Rules, may_go};
use crate::product::fold::Folded;
use crate::product::readings::{Readings, Way, Ways};
use crate::product::{Attachment, Contents, PortionKind, Tearline};
use crate::rebuild::{Kind, Task};

/// Bytes of attachments kept beside the text that are held in memory, as words, on either side of the comparison. Of
/// larger ones, one of the two must be small enough.
const BESIDE_BYTES_MAX: u64 = 8 << 20;

/// Ways in which words are compared besides [`Way::Small`]: what is kept beside the text is held in that one alone.
const OTHERS: [Way; 3] = [Way::Stands, Way::StandsApart, Way::SmallApart];

/// What came of the comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Compared {
    /// What refuses the cut.
    pub findings: Vec<Finding>,
    /// What the officers are shown, in the order of the cut.
    pub shared: Vec<SharedRun>,
}

/// A part of a tearline, of the cut or of the source.
struct Part<'a> {
    /// Counted from one at the top; nought for the cut.
    tearline: u32,
    place: Place,
    marking: &'a Marking,
    /// What it says, as its reader sees it, in small letters and with signs for letters.
    words: Vec<Word>,
    /// The same in other ways to read it, where that is not the same.
    others: [Option<Vec<Word>>; OTHERS.len()],
    /// What it is known by: its text folded, and of a file its bytes as well.
    whole: Vec<Digest>,
    /// The attachment, where its text is kept beside the other and is yet to be read.
    beside: Option<&'a Attachment>,
    /// Whether it is too long for its words to be held.
    large: bool,
}

/// A run in common: the part of the cut, the part withheld, and how many words.
type Pair = (usize, usize, usize);

impl<'a> Part<'a> {
    fn words(&self) -> &[Word] {
        &self.words
    }

    /// What it says in another way: as in a plainer one, where that is the same.
    fn other(&self, way: usize) -> &[Word] {
        let [stands, stands_apart, small_apart] = &self.others;
        let words = match way {
            0 => stands.as_ref(),
            1 => stands_apart.as_ref().or(stands.as_ref()),
            _ => small_apart.as_ref().or(stands_apart.as_ref()),
        };
        words.unwrap_or(&self.words)
    }

    fn has_other(&self, way: usize) -> bool {
        self.others.get(way).is_some_and(Option::is_some)
    }

    fn new(tearline: u32, place: Place, marking: &'a Marking, texts: &[&str], folds: &Folds) -> Part<'a> {
        let readings: Vec<Arc<Readings>> = texts.iter().map(|text| folds.readings(text)).collect();
        let whole = readings.iter().flat_map(|readings| readings.iter()).filter_map(whole_of).collect();
        let last = readings.last();
        let words = |folded: &Folded| folded.words().map(word).collect::<Vec<Word>>();
        let said = last.map_or_else(Vec::new, |readings| words(readings.get(Way::Small)));
        let others = OTHERS.map(|way| {
            let is_other = |readings: &&Arc<Readings>| match way {
                Way::Stands => readings.has(Way::Small),
                way => readings.has(way),
            };
            last.filter(is_other).map(|readings| words(readings.get(way)))
        });
        Part { tearline, place, marking, words: said, others, whole, beside: None, large: false }
    }

    /// An attachment of this content: as it is, where it is text, and then as its reader sees it; and under these digests.
    fn attachment(
        tearline: u32,
        index: usize,
        attachment: &'a Attachment,
        texts: &[&str],
        bytes: &[Digest],
        folds: &Folds,
    ) -> Part<'a> {
        let place = Place { part: PortionKind::Attachment, number: number(index + 1), line: number(attachment.line()) };
        let mut part = Part::new(tearline, place, attachment.marking(), texts, folds);
        // Nothing is not said twice.
        if attachment.size() > 0 {
            part.whole.extend(bytes);
        }
        part.beside = Some(attachment).filter(|a| a.is_detached() && stream::is_read(a));
        part
    }

    /// Reads what is kept beside the text, and gives its words to `each`. What cannot be read is a finding.
    fn read(
        &mut self,
        contents: &dyn Contents,
        findings: &mut Vec<Finding>,
        each: &mut dyn FnMut(&mut Part<'a>, Word),
    ) {
        let Some(attachment) = self.beside else { return };
        let (mut whole, mut empty) = (Ways::<Hasher>::default(), true);
        let read = stream::lines(attachment, contents, &mut |line, _| {
            let readings = Readings::of(line);
            empty &= readings.iter().all(Folded::is_empty);
            whole.split(&readings);
            whole.each(|way, hasher| hasher.update(readings.get(way).squeezed().as_bytes()));
            readings.get(Way::Small).words().for_each(|w| each(self, word(w)));
            true
        });
        if !empty {
            self.whole.extend(whole.iter().cloned().map(Hasher::finish));
        }
        if read.is_err() {
            let line = (self.tearline == 0).then_some(self.place.line);
            findings.push(finding(
                "canary.unread",
                line,
                "an attachment that cannot be compared with the source".into(),
            ));
        }
    }
}

/// What a text is known by, whatever its case, spacing, punctuation and look-alikes. Without a letter or a digit there is
/// nothing that could be said twice; anything else is compared, however short: a name and a `yes` are secrets too.
fn whole_of(said: &Folded) -> Option<Digest> {
    (!said.is_empty()).then(|| Digest::of(said.squeezed().as_bytes()))
}

/// Holds `cut` against what `source` does not release to the partner.
pub(super) fn compare(
    cut: &Cut,
    source: Source<'_>,
    readings: &[Reading],
    folds: &Folds,
    contents: &dyn Contents,
    settings: &Settings,
) -> Compared {
    let mut withheld = withheld(cut, source, folds, settings);
    if withheld.is_empty() {
        return Compared::default();
    }
    let mut parts = parts_of_cut(cut, readings, folds);
    let mut compared = Compared::default();
    let (pairs, is_full) = runs(&mut parts, &mut withheld, contents, &mut compared.findings);
    contradictions(&parts, &withheld, &mut compared.findings);
    shared(&pairs, &parts, &withheld, settings, &mut compared);
    if is_full || pairs.len() > RUNS_MAX {
        compared.findings.push(finding("canary.shared", None, too_many()));
    }
    compared
}

fn finding(code: &'static str, line: Option<u32>, message: String) -> Finding {
    Finding { filter: FilterName::Canary, code, line: line.map(|line| line as usize), message }
}

fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
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
fn parts_of_cut<'a>(cut: &'a Cut, readings: &[Reading], folds: &Folds) -> Vec<Part<'a>> {
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
fn withheld<'a>(cut: &Cut, source: Source<'a>, folds: &Folds, settings: &Settings) -> Vec<Part<'a>> {
    let rules = Rules::new(source.register, source.product.as_of());
    // Asked beside the banner of the cut, which goes: a mark that says nothing of its own follows that, as in a cut.
    let is_withheld =
        |marking: &Marking| may_go(cut.marking(), std::slice::from_ref(marking), source.link, &rules).is_err();
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
    folds: &Folds,
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
                "{place} of the cut, marked `{here}`, stands whole in tearline {tearline} too, as {source} of the product, \
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
                "an attachment cannot be held against one that does not go: of two kept beside the text, one at most may be \
                 longer than {BESIDE_BYTES_MAX} bytes"
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
fn shared(pairs: &[Pair], cut: &[Part<'_>], withheld: &[Part<'_>], settings: &Settings, compared: &mut Compared) {
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
        let message = format!("{run}: {limit} words or more are refused; say it below in other words");
        compared.findings.push(finding("canary.shared", Some(run.place.line), message));
    }
}

fn too_many() -> String {
    format!(
        "more than {RUNS_MAX} runs of words stand also in parts that are not released to this partner: more than \
         anybody could look at"
    )
}
