//! The fingerprints of a cut: one for each run of words, each paragraph as a whole, and each attachment's bytes.

use std::collections::{BTreeMap, BTreeSet};

use super::fingerprint::{Fingerprint, FingerprintKey};
use crate::cut::Cut;
use crate::digest::Digest;
use crate::product::confusable::{Folded, Readings, Way};
use crate::product::{Attachment, PortionKind, Tearline};

/// Words in a run. A shorter text is too common to be attributed to a sender.
pub(super) const RUN_WORDS: usize = 8;
/// The minimum number of letters and digits of a paragraph, title or attachment to have a fingerprint as a whole,
/// however few words it has.
const LETTERS_MIN: usize = 40;
/// The number of runs in one cut that are all fingerprinted. Later runs are sampled (winnowing), so that two texts with
/// [`LONG_WORDS`] words in common still share a fingerprint.
pub(super) const RUNS_MAX: usize = 65_536;
/// The number of words from which a run counts as long.
pub const LONG_WORDS: usize = 25;
/// The winnowing window: the number of runs that begin within a long one.
pub(super) const WINDOW: usize = LONG_WORDS - RUN_WORDS + 1;

/// The fingerprints of one cut.
#[derive(Clone, Debug, Default)]
pub struct Fingerprints {
    pub(super) texts: Vec<Text>,
}

/// A sequence of words in one cut, in one reading: all paragraphs, all lines of the front block, or one attachment.
#[derive(Clone, Debug, Default)]
pub(super) struct Text {
    /// Its parts, with their names and the offset of their first word.
    pub parts: Vec<Part>,
    /// The fingerprints of its runs, by the offset of their first word.
    pub runs: BTreeMap<usize, Fingerprint>,
    /// Whether the runs are sampled.
    pub sampled: bool,
}

/// A paragraph, a line of the front block, or an attachment.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub name: String,
    pub begins: usize,
    pub words: usize,
    /// Fingerprints of the part as a whole.
    pub whole: Vec<Fingerprint>,
    pub attachment: bool,
}

/// A text to fingerprint.
pub(super) struct Passage<'t> {
    pub name: String,
    pub text: &'t str,
    /// Whether it is more than a label. Front-block lines that only name subjects, desks and offices are common, so
    /// they have a fingerprint as a whole only from eight words on.
    pub substantive: bool,
}

impl<'t> Passage<'t> {
    /// Returns a passage that is more than a label.
    pub fn substantive(name: String, text: &'t str) -> Passage<'t> {
        Passage { name, text, substantive: true }
    }
}

impl Fingerprints {
    /// Returns the fingerprints of a cut. `before` is the tearline that it was made from, if available: an attachment
    /// that was rebuilt is then compared in its original form, too.
    pub fn of(cut: &Cut, before: Option<&Tearline>, key: &FingerprintKey) -> Fingerprints {
        let mut printed = Fingerprints::default();
        let mut kept = 0;
        let own = cut.generated_title();
        let head = cut.head().items().filter(|(_, item)| Some(&item.text) != own.as_ref());
        // The lines of the front block are read in sequence, so that a sentence split between them has the same runs of
        // words. The originator line is separate, as it names the author.
        let (alone, together): (Vec<_>, Vec<_>) = head.partition(|(kind, _)| *kind == PortionKind::Originator);
        for items in [alone, together] {
            let said = items.into_iter().map(|(kind, item)| {
                let substantive = kind == PortionKind::Title;
                Passage { name: kind.to_string(), text: item.text.as_str(), substantive }
            });
            printed.add(key, &mut kept, said);
        }
        let paragraphs = cut.portions().iter().enumerate();
        let paragraphs = paragraphs.map(|(i, p)| Passage::substantive(format!("paragraph {}", i + 1), p.text.as_str()));
        printed.add(key, &mut kept, paragraphs);
        let names = cut.attachments().iter().enumerate();
        let names =
            names.map(|(i, a)| Passage::substantive(format!("name of attachment {}", i + 1), a.name().as_str()));
        printed.add(key, &mut kept, names);
        let was = before.map_or(&[][..], Tearline::attachments);
        for (i, attachment) in cut.attachments().iter().enumerate() {
            let name = format!("attachment {}", i + 1);
            let bytes = attachment.inline().and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default();
            printed.add(key, &mut kept, [Passage::substantive(name.clone(), bytes)]);
            let same = [Some(attachment), was.get(i)].into_iter().flatten().filter(|a| a.size() > 0);
            let prints = same.map(|a| key.fingerprint("bytes", [&digest_of(a).as_bytes()[..]]));
            let whole: BTreeSet<Fingerprint> = prints.collect();
            let part = Part { name, begins: 0, words: 0, whole: whole.into_iter().collect(), attachment: true };
            printed.texts.push(Text { parts: vec![part], ..Text::default() });
        }
        printed
    }

    /// Returns the fingerprints of a text that was meant to be a cut but is not valid: of its words, of its paragraphs
    /// and lines without a leading portion mark, and of the files whose digests it contains.
    pub fn of_text(text: &str, key: &FingerprintKey) -> Fingerprints {
        let (mut printed, mut kept) = (Fingerprints::default(), 0);
        let blocks = || text.split("\n\n").filter(|block| !block.trim().is_empty());
        let said = |text| Passage::substantive(PortionKind::Paragraph.to_string(), text);
        printed.add(key, &mut kept, blocks().map(said));
        for block in blocks() {
            let unmarked = |text: &'_ str| text.find(')').map(|mark| mark + 1);
            let whole = unmarked(block).map(|from| &block[from..]);
            let lines = block.lines().filter_map(|line| unmarked(line).map(|from| &line[from..]));
            for rest in whole.into_iter().chain(lines.filter(|_| block.contains('\n'))) {
                printed.add(key, &mut kept, [said(rest)]);
            }
        }
        let digests = text.split_whitespace().filter_map(|word| word.parse::<Digest>().ok());
        let whole: BTreeSet<Fingerprint> =
            digests.map(|digest| key.fingerprint("bytes", [&digest.as_bytes()[..]])).collect();
        let name = PortionKind::Attachment.to_string();
        let part = Part { name, begins: 0, words: 0, whole: whole.into_iter().collect(), attachment: true };
        printed.texts.push(Text { parts: vec![part], ..Text::default() });
        printed
    }

    /// Returns every fingerprint once, as recorded in the store.
    pub fn to_set(&self) -> BTreeSet<Fingerprint> {
        let whole = self.texts.iter().flat_map(|text| &text.parts).flat_map(|part| part.whole.iter().copied());
        let runs =
            self.texts.iter().flat_map(|text| text.runs.values().map(move |print| print.with_sampled(text.sampled)));
        whole.chain(runs).collect()
    }

    /// Adds consecutive texts, in every reading.
    pub(super) fn add<'t>(
        &mut self,
        key: &FingerprintKey,
        kept: &mut usize,
        said: impl IntoIterator<Item = Passage<'t>>,
    ) {
        let said: Vec<Passage<'t>> = said.into_iter().collect();
        let readings: Vec<Readings> = said.iter().map(|said| Readings::of(said.text)).collect();
        let any = |way| readings.iter().any(|readings| readings.has(way));
        let (apart, small) = (any(Way::StandsApart), any(Way::Small));
        for way in Way::ALL {
            let is = match way {
                Way::Stands => true,
                Way::StandsApart => apart,
                Way::Small => small,
                Way::SmallApart => apart && small,
            };
            if is {
                let (folded, text) = read(key, &said, readings.iter().map(|readings| readings.get(way)));
                self.add_runs(key, kept, &folded, text);
            }
        }
    }

    fn add_runs(&mut self, key: &FingerprintKey, kept: &mut usize, folded: &Folded, mut text: Text) {
        let words: Vec<&str> = folded.words().collect();
        let run = |run: &[&str]| key.fingerprint("run", run.iter().map(|word| word.as_bytes()));
        let runs: Vec<Fingerprint> = words.windows(RUN_WORDS).map(run).collect();
        text.sampled = *kept + runs.len() > RUNS_MAX;
        text.runs = if text.sampled { least(&runs) } else { runs.into_iter().enumerate().collect() };
        *kept += text.runs.len();
        self.texts.push(text);
    }
}

/// Reads consecutive texts in one reading: the folded text, and the fingerprint of each as a whole.
fn read<'f>(key: &FingerprintKey, said: &[Passage<'_>], readings: impl Iterator<Item = &'f Folded>) -> (Folded, Text) {
    let (mut folded, mut text) = (Folded::default(), Text::default());
    for (Passage { name, substantive, .. }, reading) in said.iter().zip(readings) {
        let (begins, words) = (folded.words().len(), reading.words().len());
        folded.append(reading);
        // Words are joined without spaces, so that other spacing does not change the fingerprint.
        let squeezed = reading.squeezed();
        let is_whole = words >= RUN_WORDS || *substantive && squeezed.chars().count() >= LETTERS_MIN;
        let whole = is_whole.then(|| key.fingerprint("whole", [squeezed.as_bytes()])).into_iter().collect();
        text.parts.push(Part { name: name.clone(), begins, words, whole, attachment: false });
    }
    (folded, text)
}

/// Selects from each window of runs the one with the lowest fingerprint, so that equal passages of two texts select the
/// same runs.
fn least(runs: &[Fingerprint]) -> BTreeMap<usize, Fingerprint> {
    let least = |window: &[Fingerprint]| window.iter().copied().enumerate().min_by_key(|(_, print)| *print);
    let windows = runs.windows(WINDOW.min(runs.len()).max(1)).enumerate();
    windows.filter_map(|(at, window)| least(window).map(|(i, print)| (at + i, print))).collect()
}

/// Returns the SHA-256 of an attachment's bytes; for inline attachments it is computed here.
fn digest_of(attachment: &Attachment) -> Digest {
    attachment.inline().map_or(attachment.digest(), Digest::of)
}
