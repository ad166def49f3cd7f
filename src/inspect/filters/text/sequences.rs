//! Sequences in which an invisible character is legitimate: joiners inside words of scripts that use them, parts of emoji,
//! and no-break spaces.
//!
//! Elsewhere such a character changes nothing visible and may carry hidden data (UAX 31, 2.3; UTS 51, 1.4).

use unicode_normalization::char::is_combining_mark;

const NON_JOINER: char = '\u{200C}';
const JOINER: char = '\u{200D}';
/// Variation selector 16: requests the emoji presentation of the character before it.
const AS_EMOJI: char = '\u{FE0F}';
/// Draws a key around the digit before it.
const KEYCAP: char = '\u{20E3}';

/// Returns whether the invisible character `c` is a legitimate part of a visible sequence, between the end of `before`
/// and the beginning of `behind`, both of the same line.
pub(in crate::inspect) fn is_part(c: char, before: &str, behind: &str) -> bool {
    match c {
        NON_JOINER => parts_arabic(before, behind) || follows_virama(before, behind),
        JOINER => joins_emoji(before, behind) || follows_virama(before, behind),
        AS_EMOJI => {
            let keycap = behind.starts_with(KEYCAP) && before.ends_with(|c: char| matches!(c, '0'..='9' | '#' | '*'));
            keycap || before.ends_with(is_pictograph)
        }
        TAG_FIRST..=TAG_LAST => is_in_flag(c, before, behind),
        _ => false,
    }
}

const TAG_FIRST: char = '\u{E0020}';
/// The end of a tag sequence.
const TAG_LAST: char = '\u{E007F}';
/// The first character of the flag of a subdivision of a country.
const BLACK_FLAG: char = '\u{1F3F4}';
/// The subdivision flags recommended by Unicode: England, Scotland and Wales.
const FLAGS: [&str; 3] = ["gbeng", "gbsct", "gbwls"];

/// Returns whether a tag character belongs to one of these flags, complete and with nothing else in it.
fn is_in_flag(c: char, before: &str, behind: &str) -> bool {
    let is_tag = |c: &char| (TAG_FIRST..=TAG_LAST).contains(c);
    // A flag has six tags; longer sequences are invalid, so no more need be read.
    let mut tags: Vec<char> = before.chars().rev().take_while(is_tag).take(6).collect();
    if before.chars().rev().nth(tags.len()) != Some(BLACK_FLAG) {
        return false;
    }
    tags.reverse();
    tags.push(c);
    tags.extend(behind.chars().take_while(is_tag).take(6));
    let ascii = tags.iter().filter_map(|tag| char::from_u32(u32::from(*tag) - 0xE0000));
    let said: String = ascii.collect();
    said.strip_suffix('\u{7F}').is_some_and(|said| FLAGS.contains(&said))
}

/// The full-width hyphen between the digits of a full-width telephone number.
const WIDE_HYPHEN: char = '\u{FF0D}';

/// Returns whether a character is the full-width form of an ASCII letter or digit.
pub(super) fn is_wide_ascii(c: char) -> bool {
    matches!(c, '\u{FF10}'..='\u{FF19}' | '\u{FF21}'..='\u{FF3A}' | '\u{FF41}'..='\u{FF5A}')
}

/// Returns the number of bytes at the beginning of `behind` that are full-width letters, digits and hyphens, and
/// whether they are next to wide East Asian letters, with which they are normally written.
pub(super) fn wide_ascii(before: &str, behind: &str) -> (usize, bool) {
    let length = behind.find(|c| !is_wide_ascii(c) && c != WIDE_HYPHEN).unwrap_or(behind.len());
    (length, begins_wide(before.chars().rev()) || begins_wide(behind[length..].chars()))
}

/// Returns whether these characters begin with a wide letter, after at most a few wide signs.
fn begins_wide(chars: impl Iterator<Item = char>) -> bool {
    let sign = |c: &char| is_wide(*c) && !c.is_alphabetic();
    chars.take(4).find(|c| !sign(c)).is_some_and(|c| is_wide(c) && c.is_alphabetic() && !is_wide_ascii(c))
}

/// Returns whether `c`, a space other than U+0020, is legitimate: a no-break space between two words, or an ideographic
/// space in wide text, also as indentation at the beginning of a line.
pub(in crate::inspect) fn is_one_space(c: char, before: &str, behind: &str) -> bool {
    if c == '\u{3000}' && before.is_empty() {
        return behind.starts_with(is_wide);
    }
    let (Some(left), Some(right)) = (before.chars().next_back(), behind.chars().next()) else { return false };
    let seen = |c: char| !c.is_whitespace() && !crate::invisible::is_invisible(c);
    match c {
        '\u{A0}' | '\u{202F}' => seen(left) && seen(right),
        '\u{3000}' => is_wide(left) && is_wide(right),
        _ => false,
    }
}

/// Returns whether the position is between two Arabic letters that would otherwise be joined.
fn parts_arabic(before: &str, behind: &str) -> bool {
    let letter = |c: &char| !is_combining_mark(*c);
    before.chars().rev().find(letter).is_some_and(joins_both)
        && behind.chars().next().is_some_and(|c| joins_both(c) || joins_before(c))
}

/// Returns whether the position is after a virama, the sign that removes the inherent vowel of an Indic letter, and
/// before another letter of that script.
fn follows_virama(before: &str, behind: &str) -> bool {
    let block = |c: char| u32::from(c) >> 7;
    let mut before = before.chars().rev();
    let (virama, letter) = (before.next(), before.find(|c| !is_combining_mark(*c)));
    let (Some(virama), Some(letter)) = (virama.filter(|c| is_virama(*c)), letter) else { return false };
    block(letter) == block(virama)
        && behind.chars().next().is_some_and(|c| {
            !is_combining_mark(c)
                && (block(c) == block(virama) || !c.is_alphanumeric() && !crate::invisible::is_invisible(c))
        })
}

fn joins_emoji(before: &str, behind: &str) -> bool {
    let drawn = before.strip_suffix(AS_EMOJI).unwrap_or(before);
    let drawn = drawn.strip_suffix(|c| matches!(c, '\u{1F3FB}'..='\u{1F3FF}')).unwrap_or(drawn);
    drawn.ends_with(is_pictograph) && behind.starts_with(is_pictograph)
}

fn is_virama(c: char) -> bool {
    matches!(
        c,
        '\u{94D}'
            | '\u{9CD}'
            | '\u{A4D}'
            | '\u{ACD}'
            | '\u{B4D}'
            | '\u{BCD}'
            | '\u{C4D}'
            | '\u{CCD}'
            | '\u{D4D}'
            | '\u{DCA}'
    )
}

/// Returns whether a character is a wide East Asian letter or sign.
fn is_wide(c: char) -> bool {
    matches!(u32::from(c), 0x3001..=0x303F | 0x3041..=0x9FFF | 0xAC00..=0xD7A3 | 0xFF01..=0xFF60 | 0x20000..=0x3FFFF)
}

/// Returns whether an Arabic letter joins on both sides (Unicode `Joining_Type` Dual_Joining).
fn joins_both(c: char) -> bool {
    matches!(c,
        '\u{620}' | '\u{626}' | '\u{628}' | '\u{62A}'..='\u{62E}' | '\u{633}'..='\u{63F}' | '\u{641}'..='\u{647}'
        | '\u{649}'..='\u{64A}' | '\u{66E}'..='\u{66F}' | '\u{678}'..='\u{687}' | '\u{69A}'..='\u{6BF}'
        | '\u{6C1}'..='\u{6C2}' | '\u{6CC}' | '\u{6CE}' | '\u{6D0}'..='\u{6D1}' | '\u{6FA}'..='\u{6FC}' | '\u{6FF}'
        | '\u{750}'..='\u{758}' | '\u{75C}'..='\u{76A}' | '\u{76D}'..='\u{770}' | '\u{772}' | '\u{775}'..='\u{777}'
        | '\u{77A}'..='\u{77F}')
}

/// Returns whether an Arabic letter joins to the one before it only (Right_Joining).
fn joins_before(c: char) -> bool {
    matches!(c,
        '\u{622}'..='\u{625}' | '\u{627}' | '\u{629}' | '\u{62F}'..='\u{632}' | '\u{648}' | '\u{671}'..='\u{673}'
        | '\u{675}'..='\u{677}' | '\u{688}'..='\u{699}' | '\u{6C0}' | '\u{6C3}'..='\u{6CB}' | '\u{6CD}' | '\u{6CF}'
        | '\u{6D2}'..='\u{6D3}' | '\u{6D5}' | '\u{6EE}'..='\u{6EF}' | '\u{759}'..='\u{75B}' | '\u{76B}'..='\u{76C}'
        | '\u{771}' | '\u{773}'..='\u{774}' | '\u{778}'..='\u{779}')
}

/// Returns whether a character can be part of an emoji (Unicode `Extended_Pictographic`, without letters and trade
/// marks).
fn is_pictograph(c: char) -> bool {
    matches!(c,
        '\u{203C}' | '\u{2049}' | '\u{2194}'..='\u{2199}' | '\u{21A9}'..='\u{21AA}' | '\u{231A}'..='\u{231B}' | '\u{2328}'
        | '\u{23CF}' | '\u{23E9}'..='\u{23F3}' | '\u{23F8}'..='\u{23FA}' | '\u{25AA}'..='\u{25AB}' | '\u{25B6}'
        | '\u{25C0}' | '\u{25FB}'..='\u{25FE}' | '\u{2600}'..='\u{2605}' | '\u{2607}'..='\u{2612}'
        | '\u{2614}'..='\u{2685}' | '\u{2690}'..='\u{2705}' | '\u{2708}'..='\u{2712}' | '\u{2714}' | '\u{2716}'
        | '\u{271D}' | '\u{2721}' | '\u{2728}' | '\u{2733}'..='\u{2734}' | '\u{2744}' | '\u{2747}' | '\u{274C}'
        | '\u{274E}' | '\u{2753}'..='\u{2755}' | '\u{2757}' | '\u{2763}'..='\u{2767}' | '\u{2795}'..='\u{2797}'
        | '\u{27A1}' | '\u{27B0}' | '\u{27BF}' | '\u{2934}'..='\u{2935}' | '\u{2B05}'..='\u{2B07}'
        | '\u{2B1B}'..='\u{2B1C}' | '\u{2B50}' | '\u{2B55}' | '\u{1F000}'..='\u{1F0FF}' | '\u{1F249}'..='\u{1F3FA}'
        | '\u{1F400}'..='\u{1F53D}' | '\u{1F546}'..='\u{1F64F}' | '\u{1F680}'..='\u{1F6FF}' | '\u{1F7E0}'..='\u{1F7EB}'
        | '\u{1F90C}'..='\u{1F93A}' | '\u{1F93C}'..='\u{1F945}' | '\u{1F947}'..='\u{1FAFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns whether every invisible character and every space of the text is legitimate.
    fn stands(text: &str) -> bool {
        text.char_indices().all(|(at, c)| {
            let (before, behind) = (&text[..at], &text[at + c.len_utf8()..]);
            let plain = c == ' ' || !c.is_whitespace() && !crate::invisible::is_invisible(c);
            plain || is_part(c, before, behind) || is_one_space(c, before, behind)
        })
    }

    #[test]
    fn joiners_stand_in_words_that_are_written_with_them() {
        for text in [
            // Persian: a prefix and an ending; Urdu; with a vowel sign before it.
            "\u{645}\u{6cc}\u{200c}\u{62e}\u{648}\u{627}\u{647}\u{645}",
            "\u{62e}\u{627}\u{646}\u{647}\u{200c}\u{647}\u{627}",
            "\u{628}\u{64e}\u{200c}\u{647}\u{627}",
            // Sinhala, Malayalam and Hindi conjuncts.
            "\u{dc1}\u{dca}\u{200d}\u{dbb}\u{dd3}",
            "\u{d28}\u{d4d}\u{200d} \u{d15}",
            "\u{915}\u{94d}\u{200c}\u{937}",
        ] {
            assert!(stands(text), "{text:?}");
        }
        for text in [
            "a\u{200c}b",
            "a\u{200d}b",
            "\u{645}\u{200c}a",
            "a\u{200c}\u{645}",
            // After a letter that does not join, at the end of a word, twice, and between words.
            "\u{62f}\u{200c}\u{647}",
            "\u{645}\u{200c}",
            "\u{645}\u{200c}\u{200c}\u{645}",
            "\u{645}\u{200d}\u{645}",
            "\u{645} \u{200c}\u{645}",
            "\u{915}\u{200d}\u{937}",
            "\u{94d}\u{200d}\u{937}",
            "\u{915}\u{94d}\u{200d}\u{200d}\u{937}",
            "\u{915}\u{94d}\u{200d}\u{dbb}",
        ] {
            assert!(!stands(text), "{text:?}");
        }
    }

    #[test]
    fn emoji_have_their_parts_and_no_more() {
        for text in [
            "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}",
            "\u{1f3c3}\u{1f3fd}\u{200d}\u{2640}\u{fe0f}",
            "\u{2764}\u{fe0f}\u{200d}\u{1f525}",
            "1\u{fe0f}\u{20e3}",
            "\u{26a0}\u{fe0f} \u{1f6a2}",
            "\u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
            "a\u{1f3f4}\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}\u{1f3f4}\u{e0067}\u{e0062}\u{e0077}\u{e006c}\u{e0073}\u{e007f}b",
        ] {
            assert!(stands(text), "{text:?}");
        }
        for text in [
            "a\u{fe0f}",
            "1\u{fe0f}",
            "\u{2764}\u{fe0f}\u{fe0f}",
            "\u{2764}\u{fe0e}",
            "\u{1f468}\u{200d}",
            "\u{1f468}\u{200d}a",
            "\u{200d}\u{1f468}",
            "\u{1f468}\u{200d}\u{200d}\u{1f469}",
            "\u{a9}\u{fe0f}",
            "\u{1f3f4}\u{e0067}\u{e007f}",
            "\u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}",
            "\u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}\u{e007f}",
            "\u{1f3f3}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
            "\u{1f3f4}\u{e0067}\u{e0062}\u{e0061}\u{e0062}\u{e0063}\u{e007f}",
            "\u{1f3f4}\u{e0053}\u{e0045}\u{e0043}\u{e0052}\u{e0045}\u{e0054}\u{e007f}",
            "\u{845b}\u{e0100}",
        ] {
            assert!(!stands(text), "{text:?}");
        }
    }

    #[test]
    fn one_space_is_one_space() {
        for text in [
            "Que dit-il\u{202f}? \u{ab}\u{a0}Rien\u{a0}\u{bb}",
            "40\u{a0}000",
            "\u{6f14}\u{7fd2}\u{3000}\u{8239}",
            "\u{3002}\u{3000}\u{8239}",
            "\u{3000}\u{8239}",
        ] {
            assert!(stands(text), "{text:?}");
        }
        for text in [
            "a\u{a0}",
            "\u{a0}a",
            "a\u{a0}\u{a0}b",
            "a \u{a0}b",
            "a\u{a0} b",
            "a\u{202f}\u{200b}b",
            "a\u{3000}b",
            "\u{8239}\u{3000}\u{3000}\u{8239}",
            "\u{3000}\u{3000}\u{8239}",
            "\u{3000}a",
            "\u{3000}",
            "a\u{2003}b",
            "a\u{2009}b",
            "a\u{1680}b",
        ] {
            assert!(!stands(text), "{text:?}");
        }
    }
}
