//! One token that must not stand in a text, and the letters, digits and signs that it may be drawn with.

use unicode_normalization::UnicodeNormalization;

use super::drawn::{DRAWN_LIKE, drawn_like};
use super::fold::{ANYWHERE_BYTES_MIN, IN_WORD_BYTES_MIN};
use super::folded::{Case, fold_in};

/// One token, as its letters and digits are looked for.
#[derive(Debug)]
pub(super) struct Token {
    /// For every folded letter, digit and sign of ASCII, at which letters of the token it may stand.
    pub at: [u128; 128],
    /// The same of letters outside ASCII.
    pub others: Vec<(char, u128)>,
    /// Where the token has a digit.
    pub digits: u128,
    /// The bit of the last letter.
    pub last: u128,
    pub reach: Reach,
    pub reads: Reads,
}

/// The case in which a token is looked for in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reads {
    /// As it stands, for the token would be another in small letters.
    Stands,
    /// In small letters.
    Small,
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

impl Token {
    /// A token in each case in which it is another, as [`spellings`](super::readings::spellings) has them.
    pub fn of(text: &str) -> Vec<Token> {
        let letters = |case| {
            let mut letters: Vec<(char, bool)> = Vec::new();
            for c in text.nfkc().filter(|c| c.is_alphanumeric()) {
                let mut folded = String::new();
                fold_in(case, c, &mut folded);
                letters.extend(folded.chars().map(|letter| (letter, c.is_ascii_digit())));
            }
            letters
        };
        let (stands, small, capitals) = (letters(Case::Stands), letters(Case::Small), letters(Case::Capitals));
        let capitals = Some((capitals, Reads::Stands)).filter(|(letters, _)| *letters != stands);
        let one = stands == small;
        let small = Some((small, Reads::Small)).filter(|_| !one);
        let first = (stands, if one { Reads::Either } else { Reads::Stands });
        let all = [Some(first), small, capitals].into_iter().flatten();
        all.filter_map(|(letters, reads)| Token::new(letters, reads)).collect()
    }

    fn new(mut letters: Vec<(char, bool)>, reads: Reads) -> Option<Token> {
        // What begins like a longer token is refused too.
        letters.truncate(128);
        let reach = match letters.len() {
            0 => return None,
            length if length >= ANYWHERE_BYTES_MIN => Reach::Anywhere,
            length if length >= IN_WORD_BYTES_MIN => Reach::InWord,
            _ => Reach::Words,
        };
        let mut token = Token { at: [0; 128], others: Vec::new(), digits: 0, last: 0, reach, reads };
        for (n, (letter, is_digit)) in letters.into_iter().enumerate() {
            token.last = 1 << n;
            token.put(letter, token.last);
            // A letter may be drawn as any sign or digit like it, and a digit as any letter.
            let signs = DRAWN_LIKE.iter().filter(|(_, letters)| letters.contains(letter));
            signs.for_each(|(sign, _)| token.put(*sign, token.last));
            if is_digit {
                token.digits |= token.last;
                drawn_like(letter).unwrap_or_default().chars().for_each(|like| token.put(like, token.last));
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
