//! Words of another script whose letters are confusable with Latin ones (UTS 39): whether a word reads as Latin, and what
//! it reads as.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use unicode_security::confusable_detection::skeleton;

/// Whether a word without Latin letters looks as if it had nothing else.
pub(super) fn reads_as_latin(word: &str) -> bool {
    let mut seen = skeleton(word).filter(|c| !is_combining_mark(*c)).peekable();
    let latin = seen.peek().is_some() && seen.all(|c| c.is_ascii_alphanumeric() || small_capital(c).is_some());
    latin && !has_capitals_among_small_letters(word) && !is_latin(word)
}

/// Whether a word has small letters that are drawn like no small one of Latin, but like the capitals B and H, beside others
/// that are drawn like small ones. Nobody reads a Latin word in it (`\u{41c}\u{43e}\u{441}\u{43a}\u{432}\u{430}`).
fn has_capitals_among_small_letters(word: &str) -> bool {
    let small = |c: char| {
        c.is_lowercase()
            && skeleton(c.encode_utf8(&mut [0; 4])).any(|s| matches!(s, 'a' | 'b' | 'd'..='n' | 'p'..='r' | 't' | 'y'))
    };
    word.contains(['\u{432}', '\u{43D}']) && word.chars().any(small)
}

/// A word that reads as Latin, in the letters that are read.
pub(super) fn as_latin(word: &str) -> String {
    let letters = |c: char| {
        let like: Vec<char> = skeleton(c.encode_utf8(&mut [0; 4])).collect();
        like.into_iter().map(move |like| match like {
            // The table of look-alikes draws a capital I as a small L.
            'l' if c.is_uppercase() => 'I',
            like => small_capital(like).unwrap_or(like),
        })
    };
    word.chars().flat_map(letters).filter(|c| !is_combining_mark(*c)).collect()
}

/// The letter of what the table of look-alikes has for letters that are drawn like small capitals, as the Cyrillic ones for
/// H, K, M and T.
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
