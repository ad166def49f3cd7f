//! The texts that words are compared with, and an index of every eight words in a row of them.

use std::collections::VecDeque;

/// So many words in a row are a run.
pub(in crate::inspect::filters::canary) const RUN_WORDS: usize = 8;

/// A folded word, as it is compared (FNV-1a).
pub(in crate::inspect::filters::canary) type Word = u64;

/// The word that a folded word is compared as.
pub(in crate::inspect::filters::canary) fn word(folded: &str) -> Word {
    folded.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, b| (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
}

/// A text that others are held against, and where in it each of its pieces begins.
pub(in crate::inspect::filters::canary) struct Text {
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

    pub(super) fn counts(&self, run: &Run) -> bool {
        !self.over_borders || self.piece_at(run.at) != self.piece_at(run.at + run.words - 1)
    }
}

/// A maximal run: no longer run of what was read, around this one, stands in that text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::inspect::filters::canary) struct Run {
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
pub(in crate::inspect::filters::canary) struct Index {
    texts: Vec<Text>,
    /// Every eight words in a row by their hash, with the text they stand in, ascending.
    rows: Vec<(u64, u32)>,
    /// Bits of the hashes there are: most words that are read begin no run, and need not be looked for.
    filter: Vec<u64>,
}

const BASE: u64 = 0x9e37_79b9_7f4a_7c15;

/// The hash of the last eight words, kept up to date word by word.
#[derive(Default)]
pub(super) struct RollingHash {
    pub words: VecDeque<Word>,
    hash: u64,
}

impl RollingHash {
    /// The hash with one more word, once there are eight.
    pub fn push(&mut self, word: Word) -> Option<u64> {
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
            let mut row = RollingHash::default();
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

    pub(super) fn text(&self, number: u32) -> &Text {
        &self.texts[number as usize]
    }

    /// The texts in which eight words of this hash stand, perhaps.
    pub(super) fn texts_with(&self, hash: u64) -> impl Iterator<Item = u32> + '_ {
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
