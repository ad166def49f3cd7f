//! The pattern of one token that must not stand in a text: the letters, digits and signs that it may be drawn with.

use unicode_normalization::UnicodeNormalization;

use super::character::{Case, fold_in};
use super::folded::{ANYWHERE_BYTES_MIN, IN_WORD_BYTES_MIN};
use super::lookalikes::{LOOKS_LIKE, looks_like};

/// One token, as its letters and digits are looked for.
#[derive(Debug)]
pub(super) struct Pattern {
    /// For every folded letter, digit and sign of ASCII, at which letters of the token it may stand.
    pub at: [u128; 128],
    /// The same of letters outside ASCII.
    pub others: Vec<(char, u128)>,
    /// Where the token has a digit.
    pub digits: u128,
    /// The bit of the last letter.
    pub last: u128,
    pub reach: Reach,
    pub reads: CaseMode,
}

/// The case in which a token is looked for in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CaseMode {
    /// As it stands, for the token would be another in small letters.
    AsWritten,
    /// In small letters.
    Lower,
    /// In either, for it is the same token.
    Either,
}

/// Where a token counts, by its length: what is short would stand in half of all words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Only where it begins and ends with words.
    Words,
    /// Also inside a single word.
    InWord,
    /// Wherever its letters follow each other.
    Anywhere,
}

impl Pattern {
    /// A token in each case in which it is another, as [`spellings`](crate::product::confusable::readings::spellings) has them.
    pub fn of(text: &str) -> Vec<Pattern> {
        let letters = |case| {
            let mut letters: Vec<(char, bool)> = Vec::new();
            for c in text.nfkc().filter(|c| c.is_alphanumeric()) {
                let mut folded = String::new();
                fold_in(case, c, &mut folded);
                letters.extend(folded.chars().map(|letter| (letter, c.is_ascii_digit())));
            }
            letters
        };
        let (stands, small, capitals) = (letters(Case::AsWritten), letters(Case::Lower), letters(Case::Upper));
        let capitals = Some((capitals, CaseMode::AsWritten)).filter(|(letters, _)| *letters != stands);
        let one = stands == small;
        let small = Some((small, CaseMode::Lower)).filter(|_| !one);
        let first = (stands, if one { CaseMode::Either } else { CaseMode::AsWritten });
        let all = [Some(first), small, capitals].into_iter().flatten();
        all.filter_map(|(letters, reads)| Pattern::new(letters, reads)).collect()
    }

    fn new(mut letters: Vec<(char, bool)>, reads: CaseMode) -> Option<Pattern> {
        // What begins like a longer token is refused too.
        letters.truncate(128);
        let reach = match letters.len() {
            0 => return None,
            length if length >= ANYWHERE_BYTES_MIN => Reach::Anywhere,
            length if length >= IN_WORD_BYTES_MIN => Reach::InWord,
            _ => Reach::Words,
        };
        let mut token = Pattern { at: [0; 128], others: Vec::new(), digits: 0, last: 0, reach, reads };
        for (n, (letter, is_digit)) in letters.into_iter().enumerate() {
            token.last = 1 << n;
            token.put(letter, token.last);
            // A letter may be drawn as any sign or digit like it, and a digit as any letter.
            let signs = LOOKS_LIKE.iter().filter(|(_, letters)| letters.contains(letter));
            signs.for_each(|(sign, _)| token.put(*sign, token.last));
            if is_digit {
                token.digits |= token.last;
                looks_like(letter).unwrap_or_default().chars().for_each(|like| token.put(like, token.last));
            }
        }
        Some(token)
    }

    fn put(&mut self, c: char, bit: u128) {
        match self.at.get_mut(c as usize) {
            Some(at) => *at |= bit,
            None => match self.others.iter_mut().find(|(other, _)| *other == c) {
                Some((_, at)) => *at |= bit,
                None => self.others.push((c, bit)),
            },
        }
    }

    pub fn at(&self, c: char) -> u128 {
        match self.at.get(c as usize) {
            Some(at) => *at,
            None => self.others.iter().find(|(other, _)| *other == c).map_or(0, |(_, at)| *at),
        }
    }
}
