//! Shingles: a rolling hash of every run of eight words of a text.

use super::common_runs::RUN_WORDS;
use crate::product::confusable::Folded;

/// The 128-bit hash of a run of words. It protects against accidental collisions only: a producer who could construct
/// two runs with the same hash could also write the text into the tearline directly.
pub(super) type Run = u128;

/// A rolling hash of the last eight words.
#[derive(Default)]
pub(super) struct RollingHash {
    /// The last words, in a ring buffer.
    words: [u128; RUN_WORDS],
    read: usize,
    hash: Run,
}

impl RollingHash {
    /// Adds a word. Returns the run that ends with it, once there are eight words.
    pub fn push(&mut self, word: &str) -> Option<Run> {
        const BASE: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;
        const LEAVES: u128 = BASE.wrapping_pow(RUN_WORDS as u32);
        let word = hash_of(word);
        let place = self.words.get_mut(self.read % RUN_WORDS)?;
        let gone = std::mem::replace(place, word);
        self.hash = self.hash.wrapping_mul(BASE).wrapping_add(word).wrapping_sub(gone.wrapping_mul(LEAVES));
        self.read += 1;
        (self.read >= RUN_WORDS).then_some(self.hash)
    }
}

/// Returns the 128-bit FNV-1a hash of a word.
fn hash_of(word: &str) -> u128 {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    word.bytes().fold(OFFSET, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME))
}

/// Returns every run of a text in one reading.
pub(super) fn runs_of(folded: &Folded) -> impl Iterator<Item = Run> + '_ {
    let mut row = RollingHash::default();
    folded.words().filter_map(move |word| row.push(word))
}
