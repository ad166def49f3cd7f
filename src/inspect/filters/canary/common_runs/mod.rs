//! Finds common runs of words: each maximal run once, in one pass over each side.
//!
//! The indexed texts are kept as suffix automata, so that repetitive text costs no more than any other. Words are
//! compared by 64-bit hashes: a collision can report an additional run, but never hide one.

mod index;
mod automaton;

use std::collections::BTreeMap;

pub(super) use self::index::{Index, RUN_WORDS, Run, Text, Word, word};

use self::automaton::{Automaton, Match};
use self::index::RollingHash;

/// A scan of words, compared with every text of an index.
pub(super) struct Scan<'a> {
    index: &'a Index,
    row: RollingHash,
    read: usize,
    automata: BTreeMap<u32, Automaton>,
    /// The texts that contain at least the last eight words, each with its current match.
    open: BTreeMap<u32, Match>,
    found: Vec<Run>,
    most: usize,
    /// Whether there are more runs than `most`, so that further words do not matter.
    full: bool,
}

impl<'a> Scan<'a> {
    /// Creates a scan that keeps at most one run more than `most`, and then stops. This also bounds the number of texts
    /// that a word is compared with.
    pub fn new(index: &'a Index, most: usize) -> Scan<'a> {
        let (automata, open) = (BTreeMap::new(), BTreeMap::new());
        Scan { index, row: RollingHash::default(), read: 0, automata, open, found: Vec::new(), most, full: false }
    }

    /// Returns the number of words scanned.
    pub fn read(&self) -> usize {
        self.read
    }

    /// Scans the next word.
    pub fn word(&mut self, word: Word) {
        if self.full {
            return;
        }
        let mut ended = Vec::new();
        for (number, open) in &mut self.open {
            let (before, automaton) = (*open, &self.automata[number]);
            automaton.step(open, word);
            if open.length != before.length + 1 {
                ended.push((*number, before));
            }
        }
        for (number, open) in ended {
            self.end_of(number, open);
        }
        self.open.retain(|_, open| open.length >= RUN_WORDS);
        self.read += 1;
        let Some(hash) = self.row.push(word) else { return };
        // Each open text will yield a run, except those in which only runs across a border count.
        let mut sure = self.found.len() + self.open.keys().filter(|n| !self.index.text(**n).over_borders).count();
        for number in self.index.texts_with(hash) {
            self.full = sure > self.most;
            if self.full {
                return;
            }
            if self.open.contains_key(&number) {
                continue;
            }
            let words = &self.index.text(number).words;
            let automaton = self.automata.entry(number).or_insert_with(|| Automaton::of(words));
            let mut open = Match::default();
            self.row.words.iter().for_each(|word| automaton.step(&mut open, *word));
            if open.length >= RUN_WORDS {
                self.open.insert(number, open);
                sure += usize::from(!self.index.text(number).over_borders);
            }
        }
        self.full = sure > self.most;
    }

    /// Returns the runs, in the order in which they ended.
    pub fn end(mut self) -> Vec<Run> {
        for (number, open) in std::mem::take(&mut self.open) {
            self.end_of(number, open);
        }
        self.found
    }

    fn end_of(&mut self, number: u32, open: Match) {
        let text = self.index.text(number);
        let at = self.automata[&number].end_of(open.state) - open.length;
        let run = Run { text: number as usize, at, from: self.read - open.length, words: open.length };
        if self.found.len() <= self.most && text.counts(&run) {
            self.found.push(run);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<Word> {
        text.split_whitespace().map(word).collect()
    }

    fn alone(text: &str) -> Text {
        Text { words: words(text), pieces: vec![(0, 0)], over_borders: false }
    }

    fn runs(texts: Vec<Text>, read: &str) -> Vec<Run> {
        let index = Index::new(texts);
        let mut scan = Scan::new(&index, 1000);
        words(read).into_iter().for_each(|word| scan.word(word));
        let mut found = scan.end();
        found.sort_by_key(|run| (run.text, run.from, run.words));
        found
    }

    /// The definition, implemented directly.
    fn naive(texts: &[&str], read: &str) -> Vec<(usize, usize, usize)> {
        let read = words(read);
        let mut found = Vec::new();
        for (text, words) in texts.iter().map(|t| words(t)).enumerate() {
            let stands = |from: usize, to: usize| words.windows(to - from).any(|w| *w == read[from..to]);
            for from in 0..read.len() {
                for to in from + RUN_WORDS..=read.len() {
                    let longer = to < read.len() && stands(from, to + 1) || from > 0 && stands(from - 1, to);
                    if stands(from, to) && !longer {
                        found.push((text, from, to - from));
                    }
                }
            }
        }
        found.sort_unstable();
        found
    }

    #[test]
    fn finds_the_maximal_runs_and_no_others() {
        // Few distinct words, so that runs repeat, overlap and begin again within themselves.
        let mut dice = 0x5eed_u64;
        let mut text = |length: usize, of: u64| {
            let roll = |_| {
                dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                format!("w{} ", (dice >> 33) % of)
            };
            (0..length).map(roll).collect::<String>()
        };
        let mut all = 0;
        for n in 0..300usize {
            let (a, b, read) = (text(n % 40, 2), text(60, 2 + n as u64 % 2), text(50, 2));
            let read = format!("{read}{b}");
            let expected = naive(&[&a, &b], &read);
            let found = runs(vec![alone(&a), alone(&b)], &read);
            all += found.len();
            assert_eq!(found.iter().map(|r| (r.text, r.from, r.words)).collect::<Vec<_>>(), expected, "{n}");
            for run in found {
                let text = words([&a, &b][run.text]);
                assert_eq!(text[run.at..run.at + run.words], words(&read)[run.from..run.from + run.words]);
            }
        }
        assert!(all > 300, "{all}");
    }

    #[test]
    fn seven_words_are_no_run_and_eight_are() {
        let text = "a b c d e f g h i";
        assert_eq!(runs(vec![alone(text)], "x a b c d e f g x b c d e f g h x"), []);
        assert_eq!(runs(vec![alone(text)], "x b c d e f g h i x"), [Run { text: 0, at: 1, from: 1, words: 8 }]);
    }

    #[test]
    fn a_run_over_a_border_is_found_where_no_piece_has_it() {
        let joined = || Text { words: words("a b c d e f g h"), pieces: vec![(0, 0), (4, 1)], over_borders: true };
        assert_eq!(runs(vec![joined()], "a b c d e f g h").len(), 1);
        let piece = Text { pieces: vec![(0, 0), (8, 1)], ..joined() };
        assert_eq!(runs(vec![piece], "a b c d e f g h"), []);
    }

    #[test]
    fn a_phrase_in_more_texts_than_may_be_kept_ends_the_scan_and_one_in_as_many_does_not() {
        let phrase = "a b c d e f g h";
        let scan = |texts: usize, read: &str| {
            let index = Index::new((0..texts).map(|n| alone(&format!("{phrase} w{n}"))).collect());
            let mut scan = Scan::new(&index, 5);
            words(read).into_iter().for_each(|word| scan.word(word));
            (scan.automata.len(), scan.full, scan.end())
        };
        let (automata, full, found) = scan(2000, &format!("x {phrase} y {phrase} z"));
        assert_eq!((automata, full, found.len()), (6, true, 6));
        assert!(found.iter().all(|run| (run.from, run.words) == (1, 8)), "{found:?}");
        let (_, full, found) = scan(5, &format!("x {phrase} y"));
        assert_eq!((full, found.len()), (false, 5));
        // Many runs in sequence also end the scan.
        let (_, full, found) = scan(1, &format!("{phrase} y ").repeat(9));
        assert_eq!((full, found.len()), (true, 6));
    }

    #[test]
    fn what_repeats_itself_costs_no_more_and_stops_at_what_may_be_kept() {
        let same = "x ".repeat(20_000);
        let index = Index::new(vec![alone(&same), alone(&same)]);
        let mut scan = Scan::new(&index, 5);
        words(&"x ".repeat(60_000)).into_iter().for_each(|word| scan.word(word));
        let found = scan.end();
        assert_eq!(found.len(), 6);
        assert!(found.iter().all(|run| run.words == 20_000));
    }
}
