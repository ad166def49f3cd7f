//! Letters and signs that are confusable with Latin letters, in addition to the Unicode table (UTS 39).

/// Latin capitals with strokes or hooks, or turned.
const LATIN: [(char, char); 41] = [
    ('\u{1A7}', 'S'),
    ('\u{1A9}', 'E'),
    ('\u{18E}', 'E'),
    ('\u{190}', 'E'),
    ('\u{23B}', 'C'),
    ('\u{246}', 'E'),
    ('\u{14A}', 'N'),
    ('\u{A7A8}', 'S'),
    ('\u{24C}', 'R'),
    ('\u{166}', 'T'),
    ('\u{23E}', 'T'),
    ('\u{A74A}', 'O'),
    ('\u{A74C}', 'O'),
    ('\u{191}', 'F'),
    ('\u{19D}', 'N'),
    ('\u{220}', 'N'),
    ('\u{186}', 'C'),
    ('\u{187}', 'C'),
    ('\u{18A}', 'D'),
    ('\u{110}', 'D'),
    ('\u{189}', 'D'),
    ('\u{197}', 'I'),
    ('\u{248}', 'J'),
    ('\u{198}', 'K'),
    ('\u{19A}', 'l'),
    ('\u{23D}', 'L'),
    ('\u{141}', 'L'),
    ('\u{19F}', 'O'),
    ('\u{1A4}', 'P'),
    ('\u{1AC}', 'T'),
    ('\u{1AE}', 'T'),
    ('\u{1B2}', 'V'),
    ('\u{1B3}', 'Y'),
    ('\u{1B5}', 'Z'),
    ('\u{224}', 'Z'),
    ('\u{23A}', 'A'),
    ('\u{243}', 'B'),
    ('\u{181}', 'B'),
    ('\u{1E4}', 'G'),
    ('\u{193}', 'G'),
    ('\u{126}', 'H'),
];

/// Letters of other scripts that count only next to a Latin capital.
const BESIDE_CAPITALS: [(char, char); 10] = [
    ('\u{3A3}', 'E'),
    ('\u{39E}', 'E'),
    ('\u{404}', 'E'),
    ('\u{42D}', 'E'),
    ('\u{418}', 'N'),
    ('\u{42F}', 'R'),
    ('\u{398}', 'O'),
    ('\u{424}', 'O'),
    ('\u{414}', 'A'),
    ('\u{39B}', 'A'),
];

/// Signs that count only between two Latin capitals.
const BETWEEN_CAPITALS: [(char, char); 15] = [
    ('\u{20AC}', 'E'),
    ('\u{2203}', 'E'),
    ('\u{2208}', 'E'),
    ('\u{2211}', 'E'),
    ('\u{A9}', 'C'),
    ('\u{A2}', 'C'),
    ('\u{B0}', 'O'),
    ('\u{BA}', 'O'),
    ('\u{AA}', 'A'),
    ('\u{A7}', 'S'),
    ('\u{AE}', 'R'),
    ('\u{A5}', 'Y'),
    ('\u{A3}', 'L'),
    ('\u{2205}', 'O'),
    ('\u{2206}', 'A'),
];

/// The characters before and after a character.
#[derive(Clone, Copy)]
pub(super) struct Neighbours {
    pub before: Option<char>,
    pub behind: Option<char>,
}

/// Returns the Latin letter that a character looks like, for letters and signs that no table decomposes: small
/// capitals, letters in filled shapes, and signs that count only between capitals.
pub(super) fn drawn_letter(c: char, near: Neighbours) -> Option<char> {
    let capital = |c: Option<char>| c.is_some_and(|c| c.is_ascii_uppercase());
    let of = |table: &[(char, char)]| table.iter().find(|(drawn, _)| *drawn == c).map(|(_, letter)| *letter);
    let between = capital(near.before) && capital(near.behind);
    let beside = capital(near.before) || capital(near.behind);
    latin_letter(c)
        .or_else(|| of(&LATIN))
        .or_else(|| of(&BESIDE_CAPITALS).filter(|_| beside))
        .or_else(|| of(&BETWEEN_CAPITALS).filter(|_| between))
}

fn latin_letter(c: char) -> Option<char> {
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
