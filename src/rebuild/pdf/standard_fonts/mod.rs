//! The standard text fonts that every viewer has (ISO 32000-1, 9.6.2.2): their names, encodings and glyphs.

mod glyphs;

pub(super) use self::glyphs::StandardFont;

/// The twelve standard fonts that have letters (ISO 32000-1, 9.6.2.2); Symbol and ZapfDingbats are not supported.
pub(super) const FONTS: [&str; 12] = [
    "Courier",
    "Courier-Bold",
    "Courier-BoldOblique",
    "Courier-Oblique",
    "Helvetica",
    "Helvetica-Bold",
    "Helvetica-BoldOblique",
    "Helvetica-Oblique",
    "Times-Bold",
    "Times-BoldItalic",
    "Times-Italic",
    "Times-Roman",
];

/// Returns the character of a code, in WinAnsiEncoding if `windows` is set and else in StandardEncoding.
pub(super) fn letter(code: u8, windows: bool) -> Option<char> {
    const UPPER: [u16; 32] = [
        0x20AC, 0, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0, 0x017D,
        0, 0, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0,
        0x017E, 0x0178,
    ];
    match code {
        b'\'' if !windows => Some('\u{2019}'),
        b'`' if !windows => Some('\u{2018}'),
        0x20..=0x7E => Some(char::from(code)),
        // Unused codes are bullets (Annex D.2, note 3); this is the one that tools write.
        0x7F if windows => Some('\u{2022}'),
        0x80..=0x9F if windows => char::from_u32(u32::from(UPPER[usize::from(code - 0x80)])).filter(|c| *c != '\0'),
        0xA1..=0xAC | 0xAE..=0xFF if windows => Some(char::from(code)),
        _ => None,
    }
}
