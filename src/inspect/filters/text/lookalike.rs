//! Words of another script whose letters are confusable with Latin ones (UTS 39): whether a word can be read as Latin,
//! and as which word.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use unicode_security::confusable_detection::skeleton;

/// Returns whether a word without Latin letters looks like a Latin word.
pub(super) fn reads_as_latin(word: &str) -> bool {
    let mut seen = skeleton(word).filter(|c| !is_combining_mark(*c)).peekable();
    let latin = seen.peek().is_some() && seen.all(|c| c.is_ascii_alphanumeric() || small_capital(c).is_some());
    latin && !has_capitals_among_small_letters(word) && !is_latin(word)
}

/// Returns whether a word mixes small letters that look like the Latin capitals B or H with small letters that look
/// like Latin small ones. Nobody reads it as a Latin word (`\u{41c}\u{43e}\u{441}\u{43a}\u{432}\u{430}`).
fn has_capitals_among_small_letters(word: &str) -> bool {
    let small = |c: char| {
        c.is_lowercase()
            && skeleton(c.encode_utf8(&mut [0; 4])).any(|s| matches!(s, 'a' | 'b' | 'd'..='n' | 'p'..='r' | 't' | 'y'))
    };
    word.contains(['\u{432}', '\u{43D}']) && word.chars().any(small)
}

/// Returns the Latin word that a word is read as.
pub(super) fn as_latin(word: &str) -> String {
    let letters = |c: char| {
        let like: Vec<char> = skeleton(c.encode_utf8(&mut [0; 4])).collect();
        like.into_iter().map(move |like| match like {
            // The confusables table maps a capital I to a small L.
            'l' if c.is_uppercase() => 'I',
            like => small_capital(like).unwrap_or(like),
        })
    };
    word.chars().flat_map(letters).filter(|c| !is_combining_mark(*c)).collect()
}

/// Returns the letter for an entry of the confusables table that is a small capital, as those for the Cyrillic letters
/// that look like H, K, M and T.
fn small_capital(c: char) -> Option<char> {
    const ALL: [(char, char); 24] = [
        ('\u{138}', 'k'),
        ('\u{1D00}', 'a'),
        ('\u{299}', 'b'),
        ('\u{1D04}', 'c'),
        ('\u{1D05}', 'd'),
        ('\u{1D07}', 'e'),
        ('\u{262}', 'g'),
        ('\u{29C}', 'h'),
        ('\u{26A}', 'i'),
        ('\u{1D0A}', 'j'),
        ('\u{1D0B}', 'k'),
        ('\u{29F}', 'l'),
        ('\u{1D0D}', 'm'),
        ('\u{274}', 'n'),
        ('\u{1D0F}', 'o'),
        ('\u{1D18}', 'p'),
        ('\u{280}', 'r'),
        ('\u{A731}', 's'),
        ('\u{1D1B}', 't'),
        ('\u{1D1C}', 'u'),
        ('\u{1D20}', 'v'),
        ('\u{1D21}', 'w'),
        ('\u{28F}', 'y'),
        ('\u{1D22}', 'z'),
    ];
    ALL.iter().find(|(small, _)| *small == c).map(|(_, letter)| *letter)
}

fn is_latin(word: &str) -> bool {
    // Latin letters decompose to an ASCII letter and marks; a look-alike from another script never does.
    word.nfd().any(|c| c.is_ascii_alphabetic()) || word.chars().all(|c| c.is_numeric())
}
