//! Lists of words that must not pass, and the search for their entries in folded text.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, MatchKind};

use crate::digest::Digest;
use crate::product::fold::Folded;
use crate::product::readings::spellings;

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

    /// How long its longest entry is, folded, in bytes.
    pub(super) fn longest(&self) -> usize {
        self.patterns.max_pattern_len()
    }

    /// The lines of the list whose entries stand in `text`, ascending.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::product::readings::Readings;

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
