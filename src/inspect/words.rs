//! Words that must not pass: code words, project names, names above the line.
//!
//! They are looked for in folded text, so that case, spacing, line breaks and look-alikes hide nothing. A finding
//! names the list and the number of the entry, never the entry: lists are themselves secret.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, MatchKind};

use super::reading::text_of;
use super::{FINDINGS_MAX, Filter, FilterName, Finding, Subject, stream};
use crate::digest::Digest;
use crate::product::Attachment;
use crate::product::fold::Folded;
use crate::product::readings::{Readings, spellings};

/// The first line of a word list.
const SIGNATURE: &str = "PORTCULLIS WORDS 1";

/// Entries of one list at most.
const ENTRIES_MAX: usize = 100_000;

/// One list of words that must not pass. Its text is a first line `PORTCULLIS WORDS 1`, a line `Name: ...`, a line
/// `Marking: ...` with the banner of the list itself, and then one entry a line; blank lines and lines beginning with
/// `#` are skipped.
#[derive(Clone)]
pub struct WordList {
    name: String,
    marking: String,
    digest: Digest,
    /// The line of each pattern in the list's text, to report by.
    lines: Arc<[usize]>,
    entries: usize,
    patterns: AhoCorasick,
}

impl WordList {
    /// The list's name, which findings quote.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The list's own banner, as its text states it.
    pub fn marking(&self) -> &str {
        &self.marking
    }

    /// SHA-256 of the list's text.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// How many entries the list has.
    pub fn len(&self) -> usize {
        self.entries
    }

    /// Whether the list forbids nothing.
    pub fn is_empty(&self) -> bool {
        self.entries == 0
    }

    /// The lines of the list whose entries stand in `text`, ascending.
    fn found_in(&self, text: &Folded) -> BTreeSet<usize> {
        self.patterns
            .find_overlapping_iter(text.squeezed())
            .filter(|m| text.counts(m.start(), m.end()))
            .map(|m| self.lines[m.pattern().as_usize()])
            .collect()
    }
}

impl fmt::Debug for WordList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WordList({:?}, {} entries, {})", self.name, self.entries, self.digest.short())
    }
}

/// What is wrong with a word list's text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WordListFault {
    /// The first three lines are not as they should be.
    #[error("line {line} of the word list must be {expected}")]
    Head {
        /// The line, counted from one.
        line: usize,
        /// What should stand there.
        expected: &'static str,
    },
    /// An entry of fewer than three letters and digits would stop nearly every product.
    #[error("line {line} of the word list has fewer than 3 letters and digits: lengthen or remove it")]
    Short {
        /// The line, counted from one.
        line: usize,
    },
    /// More entries than one list may have.
    #[error("word list has more than {ENTRIES_MAX} entries: split it")]
    Long,
}

impl FromStr for WordList {
    type Err = WordListFault;

    fn from_str(text: &str) -> Result<WordList, WordListFault> {
        let head = |line, expected| WordListFault::Head { line, expected };
        let mut lines = text.lines().enumerate().map(|(i, l)| (i + 1, l.trim()));
        lines.next().filter(|(_, l)| *l == SIGNATURE).ok_or(head(1, "`PORTCULLIS WORDS 1`"))?;
        let mut value = |line, key: &str, expected| {
            let found = lines.next().and_then(|(_, l)| l.strip_prefix(key)).map(str::trim).filter(|v| !v.is_empty());
            found.map(str::to_owned).ok_or(head(line, expected))
        };
        let name = value(2, "Name:", "`Name: ` and the list's name")?;
        let marking = value(3, "Marking:", "`Marking: ` and the list's own banner")?;
        let (mut numbers, mut patterns, mut entries) = (Vec::new(), Vec::new(), 0);
        for (line, entry) in lines.filter(|(_, l)| !l.is_empty() && !l.starts_with('#')) {
            let mut readings = spellings(entry);
            // A reading that is too short is none: `K@9` is not looked for as `k9`.
            readings.retain(|folded| folded.squeezed().chars().count() >= 3);
            if readings.is_empty() {
                return Err(WordListFault::Short { line });
            }
            entries += 1;
            for folded in readings {
                numbers.push(line);
                patterns.push(folded.squeezed().to_owned());
            }
        }
        if entries > ENTRIES_MAX {
            return Err(WordListFault::Long);
        }
        let patterns =
            AhoCorasick::builder().match_kind(MatchKind::Standard).build(&patterns).map_err(|_| WordListFault::Long)?;
        Ok(WordList { name, marking, digest: Digest::of(text.as_bytes()), lines: numbers.into(), entries, patterns })
    }
}

/// The word filter.
pub(super) struct Words;

impl Filter for Words {
    fn name(&self) -> FilterName {
        FilterName::Words
    }

    fn examine(&self, subject: &Subject<'_>) -> Vec<Finding> {
        if subject.settings.words.is_empty() {
            return Vec::new();
        }
        let pieces = pieces(subject);
        // The whole as one text as well: a name may be split between a title and the paragraph behind it. Of what was
        // read only so much is kept as an entry may reach back.
        let mut whole = Readings::default();
        let longest = longest(&subject.settings.words);
        let mut findings = Vec::new();
        for (attachment, reading) in subject.attachments() {
            if !attachment.is_detached() && text_of(attachment, reading).is_none() {
                let message = "an attachment in which words cannot be looked for".into();
                let line = Some(attachment.line());
                findings.push(Finding { filter: FilterName::Words, code: "words.unread", line, message });
            }
        }
        let mut across: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); subject.settings.words.len()];
        for (line, piece) in &pieces {
            let readings = subject.folds.readings(piece);
            if findings.len() >= FINDINGS_MAX {
                return findings;
            }
            for list in &subject.settings.words {
                let found: BTreeSet<usize> = readings.iter().flat_map(|folded| list.found_in(folded)).collect();
                findings.extend(found.into_iter().map(|entry| finding(list, entry, Some(*line))));
            }
            whole.append(&readings);
            for (list, across) in subject.settings.words.iter().zip(&mut across) {
                across.extend(whole.iter().flat_map(|folded| list.found_in(folded)));
            }
            whole.keep_last(longest);
        }
        if subject.folds.is_spent() {
            let message = "more text than words are looked for in: send less at once".into();
            findings.push(Finding { filter: FilterName::Words, code: "words.unread", line: None, message });
        }
        for attachment in subject.cut.detached() {
            findings.extend(detached(attachment, subject));
        }
        for (list, across) in subject.settings.words.iter().zip(across) {
            for entry in across {
                let message = finding(list, entry, None);
                if !findings.iter().any(|f| f.message == message.message) {
                    findings.push(message);
                }
            }
        }
        findings
    }
}

/// What stands in a detached attachment, searched in windows that overlap by more than the longest entry.
fn detached(attachment: &Attachment, subject: &Subject<'_>) -> Vec<Finding> {
    let lists = &subject.settings.words;
    if lists.iter().all(|list| list.patterns.patterns_len() == 0) {
        return Vec::new();
    }
    let longest = longest(lists);
    let mut found = vec![BTreeSet::new(); lists.len()];
    let read = stream::windows(attachment, subject.contents, longest, &mut |window| {
        for (list, found) in lists.iter().zip(&mut found) {
            found.extend(list.found_in(window));
        }
    });
    let at = Some(attachment.line());
    if let Err(unread) = read {
        let (code, message) = unread.fault();
        return vec![Finding { filter: FilterName::Words, code, line: at, message }];
    }
    let named = |(list, entries): (&WordList, BTreeSet<usize>)| {
        entries.into_iter().map(|entry| finding(list, entry, at)).collect::<Vec<_>>()
    };
    lists.iter().zip(found).flat_map(named).collect()
}

/// How long the longest entry of these lists is, folded, in bytes.
fn longest(lists: &[WordList]) -> usize {
    lists.iter().map(|list| list.patterns.max_pattern_len()).max().unwrap_or_default()
}

fn finding(list: &WordList, entry: usize, line: Option<usize>) -> Finding {
    let message = format!("the entry on line {entry} of word list `{}` stands in the cut", list.name);
    Finding { filter: FilterName::Words, code: "words.listed", line, message }
}

/// Every piece of text in a cut with the line it begins on.
fn pieces<'a>(subject: &Subject<'a>) -> Vec<(usize, &'a str)> {
    let cut = subject.cut;
    let mut pieces: Vec<(usize, &'a str)> = Vec::new();
    pieces.extend(cut.head().items().map(|(_, item)| (item.line, item.text.as_str())));
    pieces.extend(cut.portions().iter().map(|p| (p.line, p.text.as_str())));
    for (attachment, reading) in subject.attachments() {
        pieces.push((attachment.line(), attachment.name().as_str()));
        pieces.extend(text_of(attachment, reading).map(|text| (attachment.line(), text)));
        // Of a text with a form of its own both are looked through: what stands there, and what it comes to.
        pieces.extend(reading.and_then(|r| r.text.as_deref()).map(|text| (attachment.line(), text)));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "PORTCULLIS WORDS 1\nName: exercise\nMarking: SECRET//NOFORN\n\n# birds\nCopper Finch\nHERON\n";

    #[test]
    fn finds_entries_in_disguise_and_names_only_their_line() {
        let list: WordList = LIST.parse().unwrap();
        assert_eq!((list.name(), list.marking(), list.len()), ("exercise", "SECRET//NOFORN", 2));
        assert_eq!(list.found_in(&Folded::of("the c o p p e r\nf\u{456}nch and a Heron.")), BTreeSet::from([6, 7]));
        assert!(list.found_in(&Folded::of("the finch made of copper; herons")).is_empty());
        let text = format!("{list:?} {}", finding(&list, 6, Some(1)));
        assert!(!text.to_lowercase().contains("finch"), "{text}");
    }

    #[test]
    fn signs_beside_an_entry_hide_it_no_more_than_signs_for_its_letters() {
        let list: WordList = format!("{LIST}CO\u{b2} SITE\n").parse().unwrap();
        assert_eq!(list.len(), 3);
        let found = |text: &str| -> BTreeSet<usize> {
            Readings::of(text).iter().flat_map(|folded| list.found_in(folded)).collect()
        };
        for text in ["@heron", "heron+stork", "a H\u{20ac}RON", "heron\u{b9} said", "$heron$", "exercise@heron.example"]
        {
            assert_eq!(found(text), BTreeSet::from([7]), "{text}");
        }
        assert_eq!(found("C@PPER F!NCH"), BTreeSet::new());
        for text in ["\u{a2}opper f|nch", "the Copper\u{b2} Finch\u{b3}"] {
            assert_eq!(found(text), BTreeSet::from([6]), "{text}");
        }
        for text in ["a CO2 site", "a CO\u{b2} site"] {
            assert_eq!(found(text), BTreeSet::from([8]), "{text}");
        }
        for text in ["herons+", "a hero$ns", "the herons!"] {
            assert_eq!(found(text), BTreeSet::new(), "{text}");
        }
    }

    #[test]
    fn refuses_lists_without_a_marking_or_with_entries_that_stop_everything() {
        let unmarked = LIST.replace("Marking: SECRET//NOFORN\n", "");
        assert!(matches!(unmarked.parse::<WordList>(), Err(WordListFault::Head { line: 3, .. })));
        assert!(matches!("HERON\n".parse::<WordList>(), Err(WordListFault::Head { line: 1, .. })));
        let short = format!("{LIST}a-b\n");
        assert_eq!(short.parse::<WordList>().unwrap_err(), WordListFault::Short { line: 8 });
    }
}
