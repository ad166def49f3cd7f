//! Lists of forbidden words, and the search for their entries in folded text.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, MatchKind};

use crate::digest::Digest;
use crate::product::confusable::{Folded, spellings};

/// The first line of a word list.
const SIGNATURE: &str = "PORTCULLIS WORDS 1";

/// The most entries in one list.
const ENTRIES_MAX: usize = 100_000;

/// A list of words that must not pass. Its text format: a first line `PORTCULLIS WORDS 1`, a line `Name: ...`, a line
/// `Marking: ...` with the banner of the list itself, and then one entry per line. Blank lines and lines beginning with
/// `#` are skipped.
#[derive(Clone)]
pub struct WordList {
    name: String,
    marking: String,
    digest: Digest,
    /// For each pattern, its line in the list's text, used in findings.
    lines: Arc<[usize]>,
    entries: usize,
    patterns: AhoCorasick,
}

impl WordList {
    /// Returns the name of the list, which findings quote.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the banner of the list itself, as its text states it.
    pub fn marking(&self) -> &str {
        &self.marking
    }

    /// Returns the SHA-256 of the list's text.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Returns the number of entries.
    pub fn len(&self) -> usize {
        self.entries
    }

    /// Returns whether the list has no entries.
    pub fn is_empty(&self) -> bool {
        self.entries == 0
    }

    /// Returns the length of the longest folded entry, in bytes.
    pub(super) fn longest(&self) -> usize {
        self.patterns.max_pattern_len()
    }

    /// Returns the lines of the list whose entries occur in `text`, counted from 1.
    pub(super) fn found_in(&self, text: &Folded) -> BTreeSet<usize> {
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

/// Why a word list cannot be parsed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WordListFault {
    /// One of the first three lines is invalid.
    #[error("line {line} of the word list must be {expected}")]
    Head {
        /// The line, counted from 1.
        line: usize,
        /// What is expected on this line.
        expected: &'static str,
    },
    /// An entry has fewer than three letters and digits, and would refuse nearly every product.
    #[error("line {line} of the word list has fewer than 3 letters and digits: lengthen or remove it")]
    Short {
        /// The line, counted from 1.
        line: usize,
    },
    /// The list has too many entries.
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
            // A folded form of fewer than three characters is dropped: `K@9` is not searched for as `k9`.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::product::confusable::Readings;

    const LIST: &str = "PORTCULLIS WORDS 1\nName: exercise\nMarking: SECRET//NOFORN\n\n# birds\nCopper Finch\nHERON\n";

    #[test]
    fn finds_entries_in_disguise_and_names_only_their_line() {
        let list: WordList = LIST.parse().unwrap();
        assert_eq!((list.name(), list.marking(), list.len()), ("exercise", "SECRET//NOFORN", 2));
        assert_eq!(list.found_in(&Folded::of("the c o p p e r\nf\u{456}nch and a Heron.")), BTreeSet::from([6, 7]));
        assert!(list.found_in(&Folded::of("the finch made of copper; herons")).is_empty());
        let text = format!("{list:?}");
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
