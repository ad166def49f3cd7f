//! Glyph names: the Adobe Glyph List (`glyphlist.txt`, version 2.0, Apache licence) and the base encodings of simple fonts
//! (ISO 32000-1, Annex D).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::rebuild::pdf::standard_fonts;

/// The base encoding of a font, before its own differences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Base {
    /// The encoding that is built into the program.
    Own,
    Standard,
    Windows,
    Macintosh,
}

/// The upper half of MacRomanEncoding. The no-break space is represented as an ordinary space.
const MACINTOSH: &str = "ÄÅÇÉÑÖÜáàâäãåçéèêëíìîïñóòôöõúùûü†°¢£§•¶ß®©™´¨≠ÆØ∞±≤≥¥µ∂∑∏π∫ªºΩæø¿¡¬√ƒ≈∆«»… ÀÃÕŒœ–—“”‘’÷◊ÿŸ⁄€‹›\u{FB01}\u{FB02}‡·‚„‰ÂÊÁËÈÍÎÏÌÓÔ\u{F8FF}ÒÚÛÙıˆ˜¯˘˙˚¸˝˛ˇ";

/// The upper half of StandardEncoding, from code 161 on; a point marks an unused code.
const STANDARD: &str =
    "¡¢£⁄¥ƒ§¤'“«‹›\u{FB01}\u{FB02}.–†‡·.¶•‚„”»…‰.¿.`´ˆ˜¯˘˙¨.˚¸.˝˛ˇ—................Æ.ª....ŁØŒº.....æ...ı..łøœß....";

impl Base {
    /// Returns the character of a code, if the encoding has one.
    pub fn letter(self, code: u8) -> Option<char> {
        let upper = |letters: &str, first: u8| letters.chars().nth(usize::from(code.checked_sub(first)?));
        match self {
            Base::Own => None,
            Base::Windows => match code {
                0xA0 => Some(' '),
                0xAD => Some('-'),
                _ => standard_fonts::letter(code, true),
            },
            Base::Macintosh if code < 0x80 => standard_fonts::letter(code, true).filter(|_| code < 0x7F),
            Base::Macintosh => upper(MACINTOSH, 0x80).filter(|c| *c != '\u{F8FF}'),
            Base::Standard if code < 0x7F => standard_fonts::letter(code, false),
            Base::Standard => upper(STANDARD, 0xA1).filter(|c| *c != '.'),
        }
    }
}

/// The Adobe Glyph List: characters by name.
static LIST: LazyLock<BTreeMap<&'static str, String>> = LazyLock::new(|| {
    let lines = include_str!("glyphlist.txt").lines().filter_map(|line| line.split_once(';'));
    lines
        .filter_map(|(name, codes)| {
            let letters: Option<String> = codes.split(' ').map(letter).collect();
            Some((name, letters?))
        })
        .collect()
});

/// Returns a character by its hexadecimal code point; `None` for private use, whose appearance is undefined.
fn letter(digits: &str) -> Option<char> {
    let letter = u32::from_str_radix(digits, 16).ok().and_then(char::from_u32)?;
    (!matches!(letter, '\0' | '\u{E000}'..='\u{F8FF}')).then_some(letter)
}

/// Returns the characters that a glyph name means by the rules of the Adobe Glyph List specification: a suffix after a
/// point is ignored, underscores join the components of a ligature, and `uni` and `u` are followed by code points.
/// `None` if it means none.
pub(super) fn letters(name: &str) -> Option<String> {
    let name = name.split('.').next().filter(|name| !name.is_empty())?;
    name.split('_').map(one).collect()
}

fn one(name: &str) -> Option<String> {
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b));
    if let Some(letters) = LIST.get(name) {
        return Some(letters.clone());
    }
    if let Some(rest) = name.strip_prefix("uni").filter(|rest| digits(rest) && rest.len() >= 4 && rest.len() % 4 == 0) {
        return (0..rest.len() / 4).map(|i| letter(rest.get(4 * i..4 * i + 4)?)).collect();
    }
    if let Some(rest) = name.strip_prefix('u').filter(|rest| digits(rest) && (4..=6).contains(&rest.len())) {
        return letter(rest).map(String::from);
    }
    // TeX's mathematical symbols in several sizes.
    let sized = SIZES.iter().find_map(|size| name.strip_suffix(size))?;
    LIST.get(sized).cloned()
}

const SIZES: [&str; 6] = ["display", "text", "bigg", "Bigg", "big", "Big"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_letters_by_name_and_by_code() {
        for (name, expected) in [
            ("A", Some("A")),
            ("eacute", Some("é")),
            ("ffi", Some("\u{FB03}")),
            ("f_f_i", Some("ffi")),
            ("a.sc", Some("a")),
            ("uni0430", Some("а")),
            ("u1F600", Some("😀")),
            ("summationdisplay", Some("∑")),
            ("parenleftBigg", Some("(")),
            ("uniE000", None),
            ("a136", None),
            (".notdef", None),
            ("g17", None),
        ] {
            assert_eq!(letters(name).as_deref(), expected, "{name}");
        }
        let code = |base: Base, code| base.letter(code);
        assert_eq!(code(Base::Standard, 0xAE), Some('\u{FB01}'));
        assert_eq!(code(Base::Standard, 0xFB), Some('ß'));
        assert_eq!(code(Base::Standard, 0xE1), Some('Æ'));
        assert_eq!(code(Base::Standard, 0xB0), None);
        assert_eq!(code(Base::Macintosh, 0x80), Some('Ä'));
        assert_eq!(code(Base::Macintosh, 0xFF), Some('ˇ'));
        assert_eq!(code(Base::Macintosh, 0xF0), None);
        assert_eq!(code(Base::Windows, 0x80), Some('€'));
        assert_eq!(code(Base::Own, 0x41), None);
    }
}
