//! Characters that are not allowed in a text, each with the reason and what to write instead.

use unicode_normalization::UnicodeNormalization;

use super::sequences;
use crate::invisible::Invisible;
use crate::product::is_phrase;

/// Returns what to write instead of a forbidden character.
pub(super) fn remedy(code: &str, c: char) -> String {
    match code {
        "text.styled" => format!("write `{}`", std::iter::once(c).nfkc().collect::<String>()),
        "text.space" => "write an ordinary space, U+0020".into(),
        "text.phrase" => "write it in words".into(),
        "text.lost" => "write what was lost".into(),
        _ => "remove it".into(),
    }
}

/// Returns whether a combining mark is used with letters of any script. Marks of a specific script are parts of its
/// letters.
pub(super) fn is_general_mark(c: char) -> bool {
    matches!(u32::from(c), 0x300..=0x36F | 0x483..=0x489 | 0x1AB0..=0x1AFF | 0x1DC0..=0x1DFF | 0x20D0..=0x20FF | 0xFE20..=0xFE2F)
}

/// Returns whether a character that is normally forbidden is legitimate between `before` and `behind`.
pub(super) fn is_allowed_here(c: char, before: &str, behind: &str) -> bool {
    match c {
        // The numero sign, before a number; next to letters it would be read as two letters.
        '\u{2116}' => !before.ends_with(char::is_alphanumeric) && !behind.starts_with(char::is_alphabetic),
        // The trade mark sign, after a name. Word lists match the name without it, and with it as two letters.
        '\u{2122}' => !behind.starts_with(char::is_alphanumeric),
        _ if c.is_whitespace() => sequences::is_one_space(c, before, behind),
        _ => sequences::is_part(c, before, behind),
    }
}

/// Returns the code and reason if a character is forbidden in text that is sent or received.
pub(super) fn forbidden(c: char) -> Option<(&'static str, &'static str)> {
    if let Some(unseen) = Invisible::of(c) {
        return Some(match unseen {
            Invisible::Control => ("text.control", "a control character"),
            Invisible::Separator => ("text.control", "a foreign line separator"),
            Invisible::Direction => ("text.bidi", "a bidirectional control"),
            Invisible::Tag => ("text.tag", "a tag character"),
            Invisible::Ignorable => ("text.invisible", "an invisible character"),
        });
    }
    Some(match c {
        // The Braille pattern without dots.
        '\u{2800}' => ("text.invisible", "an invisible character"),
        _ if c.is_whitespace() && c != ' ' => ("text.space", "a space other than U+0020"),
        '\u{E000}'..='\u{F8FF}' | '\u{F0000}'..='\u{10FFFF}' => ("text.private", "a private-use character"),
        '\u{FDD0}'..='\u{FDEF}' => ("text.control", "a noncharacter"),
        _ if u32::from(c) & 0xFFFE == 0xFFFE => ("text.control", "a noncharacter"),
        _ if is_phrase(c) => ("text.phrase", "a single character for a whole phrase"),
        '\u{FFFD}' => ("text.lost", "a replacement character, where text was lost"),
        // Latin-1 superscripts and fractions are in everyday use. Every other styled form of an ASCII letter or digit
        // only imitates it.
        '\u{0080}'..='\u{00FF}' => return None,
        _ if is_styled(c) => ("text.styled", "a styled form of a letter or digit"),
        _ => return None,
    })
}

fn is_styled(c: char) -> bool {
    let one = || std::iter::once(c);
    !c.is_ascii() && one().nfkd().any(|d| d.is_ascii_alphanumeric()) && one().nfkd().ne(one().nfd())
}
