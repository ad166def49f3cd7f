//! A part of a cut or tearline, with the words and digests used to compare it.

use std::sync::Arc;

use super::super::common_runs::{Word, word};
use crate::digest::{Digest, Hasher};
use crate::inspect::attachment_text::{FoldCache, is_read, lines};
use crate::inspect::filter_name::FilterName;
use crate::inspect::finding::Finding;
use crate::inspect::shared_run::Place;
use crate::marking::Marking;
use crate::product::confusable::{Folded, Readings, Way, Ways};
use crate::product::{Attachment, Contents, PortionKind};

/// The most bytes of detached attachments whose words are held in memory, for each side of the comparison. An attachment
/// beyond that is compared while it is read, which needs the words of the other side: two such attachments cannot be
/// compared with each other.
pub(super) const DETACHED_BYTES_MAX: u64 = 8 << 20;

/// The readings that are compared in addition to [`Way::Small`]; detached attachments are compared in that one only.
const OTHERS: [Way; 3] = [Way::Stands, Way::StandsApart, Way::SmallApart];

/// A part of a tearline of the source, or of the cut.
pub(super) struct Part<'a> {
    /// The tearline, counted from 1 at the top; 0 for the cut.
    pub tearline: u32,
    pub place: Place,
    pub marking: &'a Marking,
    /// The words as a reader sees them, in [`Way::Small`].
    pub words: Vec<Word>,
    /// The words in the other readings, if they differ.
    others: [Option<Vec<Word>>; OTHERS.len()],
    /// Digests that identify the part: of its folded text, and for a file also of its bytes.
    pub whole: Vec<Digest>,
    /// The attachment, if it is detached and still to be read.
    pub detached: Option<&'a Attachment>,
    /// Whether it is too large for its words to be held in memory.
    pub large: bool,
}

impl<'a> Part<'a> {
    /// Returns the words in [`Way::Small`].
    pub fn words(&self) -> &[Word] {
        &self.words
    }

    /// Returns the words in another reading; those of a simpler one if they do not differ.
    pub fn other(&self, way: usize) -> &[Word] {
        let [stands, stands_apart, small_apart] = &self.others;
        let words = match way {
            0 => stands.as_ref(),
            1 => stands_apart.as_ref().or(stands.as_ref()),
            _ => small_apart.as_ref().or(stands_apart.as_ref()),
        };
        words.unwrap_or(&self.words)
    }

    /// Returns whether the words in this reading differ.
    pub fn has_other(&self, way: usize) -> bool {
        self.others.get(way).is_some_and(Option::is_some)
    }

    /// Creates a part from its texts. All of them count for the digests, the last one for the words.
    pub fn new(tearline: u32, place: Place, marking: &'a Marking, texts: &[&str], folds: &FoldCache) -> Part<'a> {
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
        Part { tearline, place, marking, words: said, others, whole, detached: None, large: false }
    }

    /// Creates the part for an attachment, with its texts (the bytes, if they are text, then the extracted text) and
    /// digests.
    pub fn attachment(
        tearline: u32,
        index: usize,
        attachment: &'a Attachment,
        texts: &[&str],
        bytes: &[Digest],
        folds: &FoldCache,
    ) -> Part<'a> {
        let place = Place { part: PortionKind::Attachment, number: number(index + 1), line: number(attachment.line()) };
        let mut part = Part::new(tearline, place, attachment.marking(), texts, folds);
        // An empty file cannot be duplicated text.
        if attachment.size() > 0 {
            part.whole.extend(bytes);
        }
        part.detached = Some(attachment).filter(|a| a.is_detached() && is_read(a));
        part
    }

    /// Reads a detached attachment and passes its words to `each`. A read error is a finding.
    pub fn read(
        &mut self,
        contents: &dyn Contents,
        findings: &mut Vec<Finding>,
        each: &mut dyn FnMut(&mut Part<'a>, Word),
    ) {
        let Some(attachment) = self.detached else { return };
        let (mut whole, mut empty) = (Ways::<Hasher>::default(), true);
        let read = lines(attachment, contents, &mut |line, _| {
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

/// Returns the digest of a folded text, independent of case, spacing, punctuation and look-alikes; `None` without
/// letters and digits. Every other text is compared, however short: a name or a `yes` can be secret too.
fn whole_of(said: &Folded) -> Option<Digest> {
    (!said.is_empty()).then(|| Digest::of(said.squeezed().as_bytes()))
}

/// Returns a finding of the canary filter.
pub(super) fn finding(code: &'static str, line: Option<u32>, message: String) -> Finding {
    Finding { filter: FilterName::Canary, code, line: line.map(|line| line as usize), message }
}

/// Converts a count; the maximum if it does not fit.
pub(super) fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
