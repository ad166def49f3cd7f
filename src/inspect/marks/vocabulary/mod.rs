//! The vocabulary of marks. It is separate from that of the marking engine: some of its words are missing here, and
//! some are additional.

mod term;
mod lexicon;

pub(super) use self::term::Term;

use self::lexicon::WORDS;

/// The longest word that is looked up, in bytes.
pub(super) const WORD_BYTES_MAX: usize = 24;

/// Words that are marks by themselves. They are also searched for with their letters apart.
pub(super) const APART: [&str; 16] = [
    "CONFIDENTIAL",
    "CUI",
    "EXDIS",
    "FOUO",
    "IMCON",
    "LIMDIS",
    "NODIS",
    "NOFORN",
    "ORCON",
    "PROPIN",
    "RELIDO",
    "RELTO",
    "RESTRICTED",
    "SECRET",
    "TOPSECRET",
    "UNCLASSIFIED",
];

/// A word in upper case. If it has letters, digits and signs in it are replaced with the letters they look like.
#[derive(Clone, Copy)]
pub(super) struct Folded {
    bytes: [u8; WORD_BYTES_MAX],
    length: usize,
}

/// Looks up the role of a word in marks. It is called for every word of every text.
pub(super) fn term(word: &[u8]) -> Option<Term> {
    if word.len() > WORD_BYTES_MAX {
        return None;
    }
    if word.iter().all(u8::is_ascii_alphabetic) {
        return among(word.first()?.to_ascii_uppercase(), |other| word.eq_ignore_ascii_case(other));
    }
    Folded::of(std::str::from_utf8(word).ok()?)?.term()
}

/// Returns the first result of `is` among the words with this initial letter.
fn among(first: u8, is: impl Fn(&[u8]) -> bool) -> Option<Term> {
    /// The position of the first word for each initial letter.
    static BEGINS: [usize; 27] = {
        let mut begins = [0; 27];
        let mut i = 0;
        while i < WORDS.len() {
            let mut later = (WORDS[i].0.as_bytes()[0] - b'A') as usize + 1;
            while later < 27 {
                begins[later] = i + 1;
                later += 1;
            }
            i += 1;
        }
        begins
    };
    let at = usize::from(first.checked_sub(b'A')?);
    let (from, to) = (*BEGINS.get(at)?, *BEGINS.get(at + 1)?);
    WORDS[from..to].iter().find(|(word, _)| is(word.as_bytes())).map(|(_, term)| *term)
}

impl Folded {
    /// Folds a word; `None` if it is longer than any word searched for, or not ASCII.
    pub fn of(word: &str) -> Option<Folded> {
        let length = word.len();
        let mut bytes = [0; WORD_BYTES_MAX];
        let into = bytes.get_mut(..length)?;
        into.copy_from_slice(word.as_bytes());
        into.make_ascii_uppercase();
        let signed = into.iter().any(|b| !b.is_ascii_uppercase());
        if signed {
            let letters = into.iter().filter(|b| b.is_ascii_uppercase()).count();
            if length < 4 || letters < 2 || !word.is_ascii() {
                return word.is_ascii().then_some(Folded { bytes, length });
            }
            into.iter_mut().for_each(|b| *b = letter(*b));
        }
        Some(Folded { bytes, length })
    }

    /// Returns the folded word.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// Looks up the role of the folded word.
    pub fn term(&self) -> Option<Term> {
        among(*self.as_bytes().first()?, |word| word == self.as_bytes())
    }
}

/// What a word means when it stands alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::inspect) enum Alone {
    /// A mark: it is no word or abbreviation in any language.
    Mark,
    /// A part of a mark that can also be something else.
    Part,
    /// Neither.
    Other,
}

/// Returns what a word means when it stands alone.
pub(in crate::inspect) fn alone(word: &str) -> Alone {
    match term(word.as_bytes()) {
        Some(Term::Level | Term::Control | Term::Cosmic) => Alone::Mark,
        Some(Term::Top | Term::Letters) => Alone::Part,
        _ => Alone::Other,
    }
}

/// Returns the letter that a digit or sign looks like.
fn letter(b: u8) -> u8 {
    match b {
        b'0' => b'O',
        b'1' | b'!' => b'I',
        b'3' => b'E',
        b'4' | b'@' => b'A',
        b'5' | b'$' => b'S',
        b'7' => b'T',
        b'8' => b'B',
        b'6' | b'9' => b'G',
        _ => b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_in_order() {
        assert!(WORDS.is_sorted_by(|a, b| a.0 < b.0));
        assert!(WORDS.iter().all(|(word, _)| word.len() <= WORD_BYTES_MAX));
    }

    #[test]
    fn digits_are_letters_beside_letters_only() {
        let term = |word: &str| Folded::of(word).unwrap().term();
        assert_eq!(term("S3CR3T"), Some(Term::Level));
        assert_eq!(term("n0f0rn"), Some(Term::Control));
        assert_eq!(term("$ECRET"), Some(Term::Level));
        assert_eq!((term("5"), term("75"), term("2026")), (None, None, None));
        assert!(Folded::of("incomprehensibilitiesesque").is_none());
    }
}
