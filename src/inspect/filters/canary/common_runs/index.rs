//! The texts that words are compared with, and an index of every run of eight words in them.

use std::collections::VecDeque;

/// The minimum length of a run, in words.
pub(in crate::inspect::filters::canary) const RUN_WORDS: usize = 8;

/// The 64-bit FNV-1a hash of a folded word.
pub(in crate::inspect::filters::canary) type Word = u64;

/// Returns the hash of a folded word.
pub(in crate::inspect::filters::canary) fn word(folded: &str) -> Word {
    folded.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, b| (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
}

/// A text of the index, with the position of each of its pieces.
pub(in crate::inspect::filters::canary) struct Text {
    pub words: Vec<Word>,
    /// The first word of each piece, ascending, and the number of the piece.
    pub pieces: Vec<(usize, usize)>,
    /// Whether only runs across the border of two pieces count, because each piece is also a text of its own.
    pub over_borders: bool,
}

impl Text {
    fn piece_at(&self, word: usize) -> usize {
        self.pieces.partition_point(|(start, _)| *start <= word) - 1
    }

    /// Returns whether a run counts: if only runs across borders do, it must cross one.
    pub(super) fn counts(&self, run: &Run) -> bool {
        !self.over_borders || self.piece_at(run.at) != self.piece_at(run.at + run.words - 1)
    }
}

/// A maximal run: no longer run around it occurs in the same text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::inspect::filters::canary) struct Run {
    /// The number of the text.
    pub text: usize,
    /// The position of its first word in the text, at its first occurrence.
    pub at: usize,
    /// The position of its first word in the scanned words.
    pub from: usize,
    /// Its length in words.
    pub words: usize,
}

/// An index of texts.
pub(in crate::inspect::filters::canary) struct Index {
    texts: Vec<Text>,
    /// The hash of every eight consecutive words, with the text they occur in, ascending.
    rows: Vec<(u64, u32)>,
    /// A bit set of the hashes: most scanned words begin no run, and need no lookup.
    filter: Vec<u64>,
}

const BASE: u64 = 0x9e37_79b9_7f4a_7c15;

/// A rolling hash of the last eight words.
#[derive(Default)]
pub(super) struct RollingHash {
    pub words: VecDeque<Word>,
    hash: u64,
}

impl RollingHash {
    /// Adds a word. Returns the hash once there are eight words.
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
    /// Indexes these texts.
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

    /// Returns the texts, in the order in which they were given.
    pub fn texts(&self) -> &[Text] {
        &self.texts
    }

    /// Returns one text by its number.
    pub(super) fn text(&self, number: u32) -> &Text {
        &self.texts[number as usize]
    }

    /// Returns the texts that may contain eight words with this hash.
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
