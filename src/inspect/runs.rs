//! Runs of words that texts have in common, each found once and whole, in one pass over either side.
//!
//! What words are held against is kept as a suffix automaton, so that text which repeats itself costs no more than any
//! other. A word is its 64-bit hash: two words of one hash would be a run too many, never one too few.

use std::collections::{BTreeMap, VecDeque};

/// So many words in a row are a run.
pub(super) const RUN_WORDS: usize = 8;

/// A folded word, as it is compared (FNV-1a).
pub(super) type Word = u64;

/// The word that a folded word is compared as.
pub(super) fn word(folded: &str) -> Word {
    folded.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, b| (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
}

/// A text that others are held against, and where in it each of its pieces begins.
pub(super) struct Text {
    pub words: Vec<Word>,
    /// The first word of each piece, ascending, and which piece it is.
    pub pieces: Vec<(usize, usize)>,
    /// Only runs over the border of two pieces count: each piece is a text of its own as well.
    pub over_borders: bool,
}

impl Text {
    fn piece_at(&self, word: usize) -> usize {
        self.pieces.partition_point(|(start, _)| *start <= word) - 1
    }

    fn counts(&self, run: &Run) -> bool {
        !self.over_borders || self.piece_at(run.at) != self.piece_at(run.at + run.words - 1)
    }
}

/// A maximal run: no longer run of what was read, around this one, stands in that text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Run {
    /// Which text it stands in.
    pub text: usize,
    /// Its first word there, where it stands first.
    pub at: usize,
    /// Its first word in what was read.
    pub from: usize,
    /// How many words it has.
    pub words: usize,
}

/// The texts that words are held against.
pub(super) struct Index {
    texts: Vec<Text>,
    /// Every eight words in a row by their hash, with the text they stand in, ascending.
    rows: Vec<(u64, u32)>,
    /// Bits of the hashes there are: most words that are read begin no run, and need not be looked for.
    filter: Vec<u64>,
}

const BASE: u64 = 0x9e37_79b9_7f4a_7c15;

/// The hash of the last eight words, kept up to date word by word.
#[derive(Default)]
struct Row {
    words: VecDeque<Word>,
    hash: u64,
}

impl Row {
    /// The hash with one more word, once there are eight.
    fn push(&mut self, word: Word) -> Option<u64> {
        const LEAVES: u64 = BASE.wrapping_pow(RUN_WORDS as u32);
        self.hash = self.hash.wrapping_mul(BASE).wrapping_add(word);
        self.words.push_back(word);
        if self.words.len() > RUN_WORDS {
            let gone = self.words.pop_front().unwrap_or_default();
            self.hash = self.hash.wrapping_sub(gone.wrapping_mul(LEAVES));
        }
        (self.words.len() == RUN_WORDS).then_some(self.hash)
    }
}

impl Index {
    pub fn new(texts: Vec<Text>) -> Index {
        let mut rows = Vec::new();
        for (number, text) in (0u32..).zip(&texts) {
            let mut row = Row::default();
            rows.extend(text.words.iter().filter_map(|word| row.push(*word)).map(|hash| (hash, number)));
        }
        rows.sort_unstable();
        rows.dedup();
        let mut filter = vec![0u64; (rows.len() / 4).next_power_of_two().max(64)];
        for (hash, _) in &rows {
            let (at, bit) = bit_of(*hash, filter.len());
            filter[at] |= bit;
        }
        Index { texts, rows, filter }
    }

    pub fn texts(&self) -> &[Text] {
        &self.texts
    }

    fn text(&self, number: u32) -> &Text {
        &self.texts[number as usize]
    }

    /// The texts in which eight words of this hash stand, perhaps.
    fn texts_with(&self, hash: u64) -> impl Iterator<Item = u32> + '_ {
        let (at, bit) = bit_of(hash, self.filter.len());
        let from = if self.filter[at] & bit == 0 {
            self.rows.len()
        } else {
            self.rows.partition_point(|(other, _)| *other < hash)
        };
        self.rows[from..].iter().take_while(move |(other, _)| *other == hash).map(|(_, text)| *text)
    }
}

fn bit_of(hash: u64, words: usize) -> (usize, u64) {
    let mixed = hash.wrapping_mul(BASE) >> 20;
    ((mixed >> 6) as usize & (words - 1), 1 << (mixed & 63))
}

/// Words as they are read, held against every text of an index.
pub(super) struct Scan<'a> {
    index: &'a Index,
    row: Row,
    read: usize,
    automata: BTreeMap<u32, Automaton>,
    /// The texts of which at least eight words in a row were read last.
    open: BTreeMap<u32, Match>,
    found: Vec<Run>,
    most: usize,
    /// Whether there are more runs than `most`: nothing that is read any more can change that.
    full: bool,
}

impl<'a> Scan<'a> {
    /// At most one run more than `most` is kept, and with it the scan ends: each word is held against no more texts
    /// than that, however many say the same.
    pub fn new(index: &'a Index, most: usize) -> Scan<'a> {
        let (automata, open) = (BTreeMap::new(), BTreeMap::new());
        Scan { index, row: Row::default(), read: 0, automata, open, found: Vec::new(), most, full: false }
    }

    /// How many words were read.
    pub fn read(&self) -> usize {
        self.read
    }

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
        // Each text that is open will be a run, but for those of which only runs over a border count.
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

    /// What was found, in the order in which it ended.
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

/// The longest run of a text that ends with the word that was read last.
#[derive(Clone, Copy, Default)]
struct Match {
    state: u32,
    length: usize,
}

/// A suffix automaton over words: every run of words of one text, in memory linear in its length.
struct Automaton {
    states: Vec<State>,
    /// Where a state leads besides [`State::first`]; most lead to one other only.
    more: BTreeMap<(u32, Word), u32>,
}

#[derive(Clone, Copy)]
struct State {
    /// The longest run that ends in this state.
    length: usize,
    /// The state of the longest suffix that stands elsewhere too; none of the first.
    link: Option<u32>,
    /// How many words of the text were read when its runs ended first.
    end: usize,
    first: Option<(Word, u32)>,
}

impl Automaton {
    fn of(words: &[Word]) -> Automaton {
        let start = State { length: 0, link: None, end: 0, first: None };
        let mut automaton = Automaton { states: vec![start], more: BTreeMap::new() };
        let mut last = 0;
        for word in words {
            last = automaton.add(last, *word);
        }
        automaton
    }

    /// Adds a word behind the text that ends in state `last`, and gives the state that it ends in then.
    fn add(&mut self, last: u32, word: Word) -> u32 {
        let length = self.states[last as usize].length + 1;
        let new = self.push(State { length, link: Some(0), end: length, first: None });
        let mut at = Some(last);
        while let Some(state) = at.filter(|state| self.next(*state, word).is_none()) {
            self.lead(state, word, new);
            at = self.states[state as usize].link;
        }
        let Some(state) = at else { return new };
        // INVARIANT: the walk above ended at a state that has this word.
        let next = self.next(state, word).unwrap_or(0);
        let length = self.states[state as usize].length + 1;
        if self.states[next as usize].length == length {
            self.states[new as usize].link = Some(next);
            return new;
        }
        let copy = self.push(State { length, ..self.states[next as usize] });
        let more: Vec<(Word, u32)> =
            self.more.range((next, Word::MIN)..=(next, Word::MAX)).map(|((_, word), to)| (*word, *to)).collect();
        self.more.extend(more.into_iter().map(|(word, to)| ((copy, word), to)));
        let mut at = Some(state);
        while let Some(state) = at.filter(|state| self.next(*state, word) == Some(next)) {
            self.lead(state, word, copy);
            at = self.states[state as usize].link;
        }
        self.states[next as usize].link = Some(copy);
        self.states[new as usize].link = Some(copy);
        new
    }

    fn push(&mut self, state: State) -> u32 {
        self.states.push(state);
        // INVARIANT: a product is bounded far below as many words as would not fit.
        u32::try_from(self.states.len() - 1).expect("a product has fewer words")
    }

    fn next(&self, state: u32, word: Word) -> Option<u32> {
        match self.states[state as usize].first {
            Some((first, to)) if first == word => Some(to),
            Some(_) => self.more.get(&(state, word)).copied(),
            None => None,
        }
    }

    fn lead(&mut self, state: u32, word: Word, to: u32) {
        match &mut self.states[state as usize].first {
            Some((first, _)) if *first != word => {
                self.more.insert((state, word), to);
            }
            first => *first = Some((word, to)),
        }
    }

    fn step(&self, open: &mut Match, word: Word) {
        loop {
            if let Some(next) = self.next(open.state, word) {
                *open = Match { state: next, length: open.length + 1 };
                return;
            }
            match self.states[open.state as usize].link {
                Some(link) => *open = Match { state: link, length: self.states[link as usize].length },
                None => return,
            }
        }
    }

    fn end_of(&self, state: u32) -> usize {
        self.states[state as usize].end
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

    /// What the definition says, tried out word by word.
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
        // Few words, so that runs repeat, overlap and begin again in their own middle.
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
        // More runs one after the other end it as well.
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
