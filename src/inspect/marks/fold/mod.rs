//! Folds characters to what a reader sees: width, style, accents and confusables are normalised. Case, spacing and
//! punctuation are kept, because they distinguish marks from prose.

mod brackets;
mod letters;

use unicode_normalization::char::{decompose_compatible, is_combining_mark};
use unicode_security::confusable_detection::skeleton;

use super::escapes::unbroken;
use crate::product::is_phrase;
use brackets::{closes, opens};
use letters::{Neighbours, drawn_letter};

/// A text with folded letters, and the original position of each of its bytes.
pub(super) struct Plain<'a> {
    text: std::borrow::Cow<'a, str>,
    /// The original position of each byte; empty if the text is unchanged.
    origin: Vec<u32>,
    length: usize,
}

impl<'a> Plain<'a> {
    /// Folds `text`, which is at most 4 GiB long. Linear in its length; ASCII is unchanged.
    pub fn of(text: &'a str) -> Plain<'a> {
        let length = text.len();
        if text.is_ascii() {
            return Plain { text: text.into(), origin: Vec::new(), length };
        }
        let (mut plain, mut origin) = (String::with_capacity(length), Vec::with_capacity(length));
        let (mut chars, mut before) = (text.char_indices().peekable(), None);
        while let Some((at, c)) = chars.next() {
            let start = plain.len();
            fold(c, Neighbours { before, behind: chars.peek().map(|(_, c)| *c) }, &mut plain);
            if meet(&plain, start) {
                plain.insert(start, ' ');
            }
            origin.resize(plain.len(), u32::try_from(at).unwrap_or(u32::MAX));
            before = Some(c);
        }
        Plain { text: plain.into(), origin, length }
    }

    /// Like [`Plain::of`], after decoding escapes and joining hyphenated words; `None` if the text has neither.
    pub fn decoded(text: &'a str) -> Option<Plain<'a>> {
        let (seen, from) = unbroken(text)?;
        let plain = Plain::of(&seen);
        let end = u32::try_from(text.len()).unwrap_or(u32::MAX);
        let origin = (0..plain.text.len()).map(|at| from.get(plain.origin(at)).copied().unwrap_or(end)).collect();
        Some(Plain { text: plain.text.into_owned().into(), origin, length: text.len() })
    }

    /// Returns the folded text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the original position of the byte at `at`; the end of the original for a position at the end.
    pub fn origin(&self, at: usize) -> usize {
        if self.origin.is_empty() && self.text.len() == self.length {
            return at;
        }
        self.origin.get(at).map_or(self.length, |at| *at as usize)
    }
}

/// Appends what a reader takes a character for.
fn fold(c: char, near: Neighbours, into: &mut String) {
    if c.is_ascii() {
        into.push(c);
    } else if is_invisible(c) || is_combining_mark(c) {
    } else if let Some(sign) = sign(c) {
        into.push_str(sign);
    } else if let Some(letter) = drawn_letter(c, near) {
        into.push(letter);
    } else if is_note(c) {
        // The word before it is read without it.
    } else if is_trade_sign(c) {
        into.push('*');
    } else if is_phrase(c) {
        // This character is refused by the text filter, and its decomposition would be eighteen letters.
        into.push(' ');
    } else {
        decompose_compatible(c, |part| match part {
            _ if part.is_ascii() => into.push(part),
            _ if is_combining_mark(part) => {}
            _ if part.is_numeric() && !part.is_alphabetic() => into.push('0'),
            _ => match sign(part) {
                Some(sign) => into.push_str(sign),
                None => look_alike(part, into),
            },
        });
    }
}

/// Returns whether a character is a small addition next to a word: a superscript, an ordinal, a fraction.
fn is_note(c: char) -> bool {
    matches!(c,
        '\u{AA}' | '\u{B0}' | '\u{B2}' | '\u{B3}' | '\u{B9}' | '\u{BA}' | '\u{BC}'..='\u{BE}' | '\u{2070}'
        | '\u{2074}'..='\u{207C}' | '\u{2080}'..='\u{208C}' | '\u{2150}'..='\u{215F}' | '\u{2189}')
}

/// Returns whether a character is a sign after a name, such as ™, that Unicode decomposes to letters.
fn is_trade_sign(c: char) -> bool {
    matches!(c, '\u{2117}' | '\u{2120}' | '\u{2122}')
}

/// Returns whether at this position Latin letters adjoin those of a script without case, and therefore without spaces
/// between words.
fn meet(plain: &str, at: usize) -> bool {
    let uncased = |c: char| !c.is_ascii() && c.is_alphabetic() && !c.is_lowercase() && !c.is_uppercase();
    let (before, behind) = (plain[..at].chars().next_back(), plain[at..].chars().next());
    let (Some(before), Some(behind)) = (before, behind) else { return false };
    before.is_ascii_alphanumeric() && uncased(behind) || uncased(before) && behind.is_ascii_alphanumeric()
}

/// Appends the Latin letter that a letter of another script looks like, in its own case.
fn look_alike(c: char, into: &mut String) {
    let mut buffer = [0; 4];
    for like in skeleton(c.encode_utf8(&mut buffer)) {
        match like {
            _ if is_combining_mark(like) => {}
            // The confusables table maps a capital I to a small L.
            'l' if c.is_uppercase() => into.push('I'),
            _ if like.is_ascii_alphabetic() && c.is_uppercase() => into.push(like.to_ascii_uppercase()),
            _ if like.is_ascii() || like.is_alphanumeric() => into.push(like),
            // Any other sign separates words.
            _ => into.push('*'),
        }
    }
}

/// Returns whether a character prints nothing.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
        | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}'
        | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF9}'..='\u{FFFB}' | '\u{1BCA0}'..='\u{1BCA3}'
        | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}

/// Returns the plain form of a sign: brackets, slashes, hyphens, bullets, quotes and spaces.
fn sign(c: char) -> Option<&'static str> {
    Some(match c {
        '\u{2028}' | '\u{2029}' | '\u{85}' => "\n",
        '\u{2800}' => " ",
        _ if c.is_whitespace() => " ",
        '\u{2AFD}' | '\u{2225}' | '\u{2016}' | '\u{1C1}' => "//",
        '\u{2044}' | '\u{2215}' | '\u{29F8}' | '\u{2571}' | '\u{27CB}' | '\u{3033}' | '\u{30CE}' | '\u{FF89}'
        | '\u{2F03}' | '\u{4E3F}' | '\u{1735}' | '\u{FF0F}' | '\u{2AFB}' => "/",
        '\u{2216}' | '\u{29F5}' | '\u{29F9}' | '\u{27CD}' | '\u{FE68}' | '\u{FF3C}' | '\u{2572}' => "\\",
        '\u{A6}' | '\u{2223}' | '\u{2502}' | '\u{2503}' | '\u{2758}' | '\u{23D0}' | '\u{FF5C}' | '\u{4E28}'
        | '\u{1C0}' => "|",
        '\u{2010}'..='\u{2015}'
        | '\u{2043}'
        | '\u{2212}'
        | '\u{2796}'
        | '\u{30FC}'
        | '\u{FE58}'
        | '\u{FE63}'
        | '\u{FF0D}'
        | '\u{4E00}'
        | '\u{2500}'
        | '\u{2501}' => "-",
        '\u{B7}' | '\u{2022}' | '\u{2023}' | '\u{2027}' | '\u{2219}' | '\u{22C5}' | '\u{25CF}' | '\u{25AA}'
        | '\u{25E6}' | '\u{30FB}' | '\u{FF65}' | '\u{25A0}' | '\u{2605}' | '\u{2606}' | '\u{2666}' => "*",
        '\u{2018}'..='\u{201F}' | '\u{2E42}' | '\u{301D}'..='\u{301F}' => "\"",
        '\u{2236}' | '\u{A789}' | '\u{2D0}' | '\u{FE13}' => ":",
        '\u{2017}' | '\u{FF3F}' => "_",
        _ if opens(c) => "(",
        _ if closes(c) => ")",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_what_a_reader_does_not_tell_apart_and_keeps_case() {
        for (text, plain) in [
            ("SECRET//NOFORN", "SECRET//NOFORN"),
            ("\u{FF33}\u{FF25}cret", "SEcret"),
            ("\u{405}\u{415}\u{421}RET", "SECRET"),
            ("N\u{39F}F\u{41E}RN \u{406}", "NOFORN I"),
            ("\u{1D412}\u{1D404}", "SE"),
            ("\u{FF08}S\u{2215}\u{2215}NF\u{FF09}", "(S//NF)"),
            ("S\u{AD}E\u{200B}C", "SEC"),
            ("\u{A731}\u{1D07}\u{1D04}", "SEC"),
            ("\u{1F182}", "S"),
            ("TR\u{C8}S d\u{E9}j\u{E0}", "TRES deja"),
            ("a\u{A0}b\u{2028}c", "a b\nc"),
            ("a\u{FDFA}b", "a b"),
            ("\u{249E}", "(c)"),
            ("SECRET\u{B9} (TS\u{B2}) NOFORN\u{AE}", "SECRET (TS) NOFORN*"),
            ("N\u{BA}FORN 5\u{B0} caf\u{E9}\u{AA}", "NOFORN 5 cafe"),
            ("SECR\u{2203}T \u{1A7}ECRET NOFO\u{42F}N", "SECRET SECRET NOFORN"),
            ("S\u{1C1}NF \u{27EC}TS\u{27ED} \u{2039}TS\u{203A} S\u{2192}NF", "S//NF (TS) (TS) S*NF"),
            ("\u{3053}\u{306E}SECRET\u{3068}", "\u{3053}\u{306E} SECRET \u{3068}"),
        ] {
            assert_eq!(Plain::of(text).text(), plain, "{text}");
        }
    }

    #[test]
    fn every_byte_knows_where_it_comes_from() {
        let text = "a\u{AD}\u{FF33}//\u{2AFD}z";
        let plain = Plain::of(text);
        assert_eq!(plain.text(), "aS////z");
        let at = |byte: usize| plain.origin(byte);
        assert_eq!((at(0), at(1), at(2), at(4), at(5), at(6), at(7)), (0, 3, 6, 8, 8, 11, text.len()));
        assert_eq!(Plain::of("abc").origin(3), 3);
    }
}
