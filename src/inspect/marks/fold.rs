//! Characters as a reader takes them: width, style, accents and look-alikes gone; case, spacing and punctuation kept.
//!
//! What is looked for here is told from prose by exactly those three, so that the fold of the word lists, which gives
//! them up, would be of no use.

use unicode_normalization::char::{decompose_compatible, is_combining_mark};
use unicode_security::confusable_detection::skeleton;

/// A text whose letters are plain, and where each of its bytes comes from.
pub(super) struct Plain<'a> {
    text: std::borrow::Cow<'a, str>,
    /// The place in the original of each byte; empty where the text is the original.
    origin: Vec<u32>,
    length: usize,
}

impl<'a> Plain<'a> {
    /// Folds `text`, which is at most 4 GiB. Linear in its length; ASCII is taken as it is.
    pub fn of(text: &'a str) -> Plain<'a> {
        let length = text.len();
        if text.is_ascii() {
            return Plain { text: text.into(), origin: Vec::new(), length };
        }
        let (mut plain, mut origin) = (String::with_capacity(length), Vec::with_capacity(length));
        for (at, c) in text.char_indices() {
            fold(c, &mut plain);
            origin.resize(plain.len(), u32::try_from(at).unwrap_or(u32::MAX));
        }
        Plain { text: plain.into(), origin, length }
    }

    /// The folded text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where in the original the byte at `at` comes from; its end for one behind the last.
    pub fn origin(&self, at: usize) -> usize {
        if self.origin.is_empty() && self.text.len() == self.length {
            return at;
        }
        self.origin.get(at).map_or(self.length, |at| *at as usize)
    }
}

/// Adds what a reader takes a character for.
fn fold(c: char, into: &mut String) {
    if c.is_ascii() {
        into.push(c);
    } else if is_unseen(c) || is_combining_mark(c) {
    } else if let Some(sign) = sign(c) {
        into.push_str(sign);
    } else if let Some(letter) = drawn_letter(c) {
        into.push(letter);
    } else {
        decompose_compatible(c, |part| match part {
            _ if part.is_ascii() => into.push(part),
            _ if is_combining_mark(part) => {}
            _ => match sign(part) {
                Some(sign) => into.push_str(sign),
                None => look_alike(part, into),
            },
        });
    }
}

/// A letter of another script as the Latin one that it looks like, in its own case.
fn look_alike(c: char, into: &mut String) {
    let mut buffer = [0; 4];
    for like in skeleton(c.encode_utf8(&mut buffer)) {
        match like {
            _ if is_combining_mark(like) => {}
            // The table of look-alikes draws a capital I as a small L.
            'l' if c.is_uppercase() => into.push('I'),
            _ if like.is_ascii_alphabetic() && c.is_uppercase() => into.push(like.to_ascii_uppercase()),
            _ => into.push(like),
        }
    }
}

/// Characters that print nothing.
fn is_unseen(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
        | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}'
        | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF9}'..='\u{FFFB}' | '\u{1BCA0}'..='\u{1BCA3}'
        | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}

/// Signs as the plain one that they stand for: brackets, slashes, dashes, bullets, quotes and spaces.
fn sign(c: char) -> Option<&'static str> {
    Some(match c {
        '\u{2028}' | '\u{2029}' | '\u{85}' => "\n",
        '\u{2800}' => " ",
        _ if c.is_whitespace() => " ",
        '\u{2AFD}' | '\u{2225}' | '\u{2016}' => "//",
        '\u{2044}' | '\u{2215}' | '\u{29F8}' | '\u{2571}' | '\u{27CB}' | '\u{3033}' | '\u{30CE}' | '\u{FF89}'
        | '\u{2F03}' | '\u{4E3F}' | '\u{1735}' | '\u{FF0F}' | '\u{2AFB}' => "/",
        '\u{2216}' | '\u{29F5}' | '\u{29F9}' | '\u{27CD}' | '\u{FE68}' | '\u{FF3C}' | '\u{2572}' => "\\",
        '\u{A6}' | '\u{2223}' | '\u{2502}' | '\u{2503}' | '\u{2758}' | '\u{23D0}' | '\u{FF5C}' | '\u{4E28}' => "|",
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
        '\u{2018}'..='\u{201F}' | '\u{AB}' | '\u{BB}' | '\u{2039}' | '\u{203A}' => "\"",
        '\u{2236}' | '\u{A789}' | '\u{2D0}' | '\u{FE13}' => ":",
        '\u{2017}' | '\u{FF3F}' => "_",
        _ if opens(c) => "(",
        _ if closes(c) => ")",
        _ => return None,
    })
}

fn opens(c: char) -> bool {
    matches!(
        c,
        '\u{2045}'
            | '\u{207D}'
            | '\u{208D}'
            | '\u{2329}'
            | '\u{2768}'
            | '\u{276A}'
            | '\u{276C}'
            | '\u{276E}'
            | '\u{2770}'
            | '\u{2772}'
            | '\u{2774}'
            | '\u{27E6}'
            | '\u{27E8}'
            | '\u{27EA}'
            | '\u{27EE}'
            | '\u{2983}'
            | '\u{2985}'
            | '\u{2987}'
            | '\u{2997}'
            | '\u{3008}'
            | '\u{300A}'
            | '\u{300C}'
            | '\u{300E}'
            | '\u{3010}'
            | '\u{3014}'
            | '\u{3016}'
            | '\u{3018}'
            | '\u{301A}'
            | '\u{FE59}'
            | '\u{FE5B}'
            | '\u{FE5D}'
            | '\u{FF08}'
            | '\u{FF3B}'
            | '\u{FF5B}'
            | '\u{FF5F}'
            | '\u{FF62}'
    )
}

fn closes(c: char) -> bool {
    matches!(
        c,
        '\u{2046}'
            | '\u{207E}'
            | '\u{208E}'
            | '\u{232A}'
            | '\u{2769}'
            | '\u{276B}'
            | '\u{276D}'
            | '\u{276F}'
            | '\u{2771}'
            | '\u{2773}'
            | '\u{2775}'
            | '\u{27E7}'
            | '\u{27E9}'
            | '\u{27EB}'
            | '\u{27EF}'
            | '\u{2984}'
            | '\u{2986}'
            | '\u{2988}'
            | '\u{2998}'
            | '\u{3009}'
            | '\u{300B}'
            | '\u{300D}'
            | '\u{300F}'
            | '\u{3011}'
            | '\u{3015}'
            | '\u{3017}'
            | '\u{3019}'
            | '\u{301B}'
            | '\u{FE5A}'
            | '\u{FE5C}'
            | '\u{FE5E}'
            | '\u{FF09}'
            | '\u{FF3D}'
            | '\u{FF5D}'
            | '\u{FF60}'
            | '\u{FF63}'
    )
}

/// Letters that are drawn as Latin ones and that no table decomposes: small capitals, and letters in filled shapes.
fn drawn_letter(c: char) -> Option<char> {
    const SMALL: [(char, char); 26] = [
        ('\u{1D00}', 'A'),
        ('\u{299}', 'B'),
        ('\u{1D04}', 'C'),
        ('\u{1D05}', 'D'),
        ('\u{1D07}', 'E'),
        ('\u{A730}', 'F'),
        ('\u{262}', 'G'),
        ('\u{29C}', 'H'),
        ('\u{26A}', 'I'),
        ('\u{1D0A}', 'J'),
        ('\u{1D0B}', 'K'),
        ('\u{29F}', 'L'),
        ('\u{1D0D}', 'M'),
        ('\u{274}', 'N'),
        ('\u{1D0F}', 'O'),
        ('\u{1D18}', 'P'),
        ('\u{A7AF}', 'Q'),
        ('\u{280}', 'R'),
        ('\u{A731}', 'S'),
        ('\u{1D1B}', 'T'),
        ('\u{1D1C}', 'U'),
        ('\u{1D20}', 'V'),
        ('\u{1D21}', 'W'),
        ('\u{28F}', 'Y'),
        ('\u{1D22}', 'Z'),
        ('\u{1D19}', 'R'),
    ];
    let nth = |first: u32| char::from_u32(u32::from(c) - first + u32::from(b'A'));
    match u32::from(c) {
        0x1F150..=0x1F169 => nth(0x1F150),
        0x1F170..=0x1F189 => nth(0x1F170),
        0x1F1E6..=0x1F1FF => nth(0x1F1E6),
        _ => SMALL.iter().find(|(small, _)| *small == c).map(|(_, letter)| *letter),
    }
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
            ("\u{249E}", "(c)"),
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
