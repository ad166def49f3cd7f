//! Look-alikes: the letters that single characters are drawn like where Unicode's table of confusables has none, signs that
//! stand for letters, and note signs and trade marks, which stand beside words and belong to none.

/// The plain letter that a letter is drawn like which neither normalisation nor the table of look-alikes takes for one:
/// small capitals, turned, reversed, hooked, open and insular letters, and letters in filled shapes.
pub(super) fn letter(c: char) -> Option<char> {
    let nth = |first: u32| char::from_u32(u32::from(c) - first + u32::from(b'a'));
    match u32::from(c) {
        0x1F150..=0x1F169 => return nth(0x1F150),
        0x1F170..=0x1F189 => return nth(0x1F170),
        0x1F1E6..=0x1F1FF => return nth(0x1F1E6),
        // As a capital it is drawn like another letter than as a small one.
        0x245 => return Some('a'),
        _ => {}
    }
    Some(match c.to_lowercase().next()? {
        '\u{1D00}' | '\u{250}' | '\u{251}' | '\u{252}' | '\u{2C65}' | '\u{245}' => 'a',
        '\u{299}' | '\u{1D03}' | '\u{253}' | '\u{183}' | '\u{180}' => 'b',
        '\u{1D04}' | '\u{188}' | '\u{255}' | '\u{23C}' => 'c',
        '\u{1D05}' | '\u{256}' | '\u{257}' | '\u{18C}' | '\u{A77A}' => 'd',
        '\u{1D07}' | '\u{25B}' | '\u{1DD}' | '\u{259}' | '\u{258}' | '\u{25C}' | '\u{247}' | '\u{2C7B}'
        | '\u{1D08}' => 'e',
        '\u{A730}' | '\u{192}' | '\u{A77C}' | '\u{A7FB}' => 'f',
        '\u{262}' | '\u{260}' | '\u{261}' | '\u{1E5}' | '\u{1D79}' | '\u{1D77}' | '\u{29B}' => 'g',
        '\u{29C}' | '\u{266}' | '\u{265}' | '\u{2C68}' | '\u{2C76}' => 'h',
        '\u{26A}' | '\u{268}' | '\u{269}' | '\u{1D09}' | '\u{1D7B}' => 'i',
        '\u{1D0A}' | '\u{249}' | '\u{29D}' | '\u{25F}' | '\u{284}' => 'j',
        '\u{1D0B}' | '\u{199}' | '\u{29E}' | '\u{2C6A}' => 'k',
        '\u{29F}' | '\u{1D0C}' | '\u{26B}' | '\u{26C}' | '\u{26D}' | '\u{19A}' | '\u{2C61}' => 'l',
        '\u{1D0D}' | '\u{271}' => 'm',
        '\u{274}' | '\u{272}' | '\u{273}' | '\u{19E}' | '\u{14B}' | '\u{1D0E}' => 'n',
        '\u{1D0F}' | '\u{1D10}' | '\u{1D11}' | '\u{254}' | '\u{2184}' | '\u{275}' => 'o',
        '\u{1D18}' | '\u{1A5}' | '\u{A7FC}' | '\u{1D7D}' | '\u{1BF}' => 'p',
        '\u{A7AF}' | '\u{2A0}' | '\u{24B}' => 'q',
        '\u{280}' | '\u{281}' | '\u{27E}' | '\u{279}' | '\u{27C}' | '\u{27D}' | '\u{27F}' | '\u{24D}' | '\u{1D19}'
        | '\u{1D1A}' | '\u{A783}' | '\u{A75B}' => 'r',
        '\u{A731}' | '\u{282}' | '\u{1A8}' | '\u{A785}' | '\u{23F}' => 's',
        '\u{1D1B}' | '\u{287}' | '\u{1AD}' | '\u{1AB}' | '\u{288}' | '\u{A787}' | '\u{2C66}' => 't',
        '\u{1D1C}' | '\u{1D1D}' | '\u{28A}' | '\u{289}' | '\u{1D7E}' => 'u',
        '\u{1D20}' | '\u{28B}' | '\u{28C}' | '\u{2C71}' => 'v',
        '\u{1D21}' | '\u{26F}' | '\u{270}' | '\u{28D}' | '\u{2C73}' => 'w',
        '\u{28F}' | '\u{1B4}' | '\u{28E}' | '\u{24F}' => 'y',
        '\u{1D22}' | '\u{1B6}' | '\u{290}' | '\u{291}' | '\u{225}' => 'z',
        _ => return None,
    })
}

/// The letter that a sign is drawn like, and whether it may stand for one only between two letters: an exclamation mark
/// behind a word is one.
pub(super) fn sign(c: char) -> Option<(char, bool)> {
    Some(match c {
        '@' | '\u{2200}' => ('a', false),
        '\u{A2}' | '\u{A9}' => ('c', false),
        '\u{20AC}' | '\u{2203}' => ('e', false),
        '\u{A3}' => ('l', false),
        '$' | '\u{A7}' => ('s', false),
        '\u{A5}' => ('y', false),
        '!' | '|' | '\u{A1}' | '\u{A6}' => ('l', true),
        '\u{AE}' => ('r', true),
        '+' => ('t', true),
        _ => return None,
    })
}

/// A sign or digit, and the folded letters that it is drawn like.
pub(super) const LOOKS_LIKE: [(char, &str); 28] = [
    ('2', "z"),
    ('6', "bg"),
    ('8', "b"),
    ('9', "gq"),
    ('|', "l"),
    ('!', "l"),
    ('\u{a1}', "l"),
    ('\u{a6}', "l"),
    ('/', "l"),
    ('\\', "l"),
    ('@', "ao"),
    ('^', "a"),
    ('$', "s"),
    ('\u{a7}', "s"),
    ('+', "t"),
    ('(', "c"),
    ('[', "c"),
    ('{', "c"),
    ('<', "c"),
    ('\u{a2}', "c"),
    ('\u{20ac}', "e"),
    ('\u{a3}', "el"),
    ('\u{a5}', "y"),
    ('#', "h"),
    ('\u{a9}', "c"),
    ('\u{ae}', "r"),
    ('\u{2200}', "a"),
    ('\u{2203}', "e"),
];

/// What a sign is drawn like; nothing for what parts words and no more.
pub(super) fn looks_like(c: char) -> Option<&'static str> {
    LOOKS_LIKE.iter().find(|(sign, _)| *sign == c).map(|(_, letters)| *letters)
}

/// Whether a character is set beside words to point at a note, or as a fraction or mark of trade: raised, lowered or
/// circled digits, ordinals, fractions. Normalisation would make a digit of the word of it.
pub(super) fn is_note(c: char) -> bool {
    matches!(c,
        '\u{AA}' | '\u{B2}' | '\u{B3}' | '\u{B9}' | '\u{BA}' | '\u{BC}'..='\u{BE}' | '\u{2070}'
        | '\u{2074}'..='\u{207E}' | '\u{2080}'..='\u{208E}' | '\u{2120}' | '\u{2122}' | '\u{2150}'..='\u{215F}'
        | '\u{2189}' | '\u{2460}'..='\u{249B}' | '\u{24EA}'..='\u{24FF}' | '\u{2776}'..='\u{2793}'
        | '\u{1F100}'..='\u{1F10C}')
}

/// Whether a character is a whole phrase, which normalisation would write out: one of them comes to eighteen letters. No
/// other comes to more than six; `inspect` refuses these where they stand.
pub(crate) fn is_phrase(c: char) -> bool {
    matches!(c, '\u{FDFA}' | '\u{FDFB}')
}

/// Whether a letter is a mark that is drawn over nothing: normalisation would make a space of what it is drawn over, and so
/// part a word that it stands in.
pub(super) fn is_over_nothing(c: char) -> bool {
    matches!(c, '\u{37A}' | '\u{FC5E}'..='\u{FC63}' | '\u{FE70}'..='\u{FE7F}')
}

/// Whether an ordinal stands for its letter, as in the middle of a word.
fn is_ordinal(c: char) -> bool {
    matches!(c, '\u{AA}' | '\u{BA}')
}

/// The characters of `text` without notes, but for ordinals between two letters.
pub(super) fn without_notes(text: &str) -> impl Iterator<Item = char> + '_ {
    let (mut before, mut chars) = (' ', text.chars().peekable());
    std::iter::from_fn(move || {
        loop {
            let c = chars.next()?;
            let in_word = before.is_alphabetic() && chars.peek().is_some_and(|next| next.is_alphabetic());
            if !is_note(c) || is_ordinal(c) && in_word {
                before = c;
                return Some(c);
            }
        }
    })
}

/// Whether a character belongs to a script that writes its words without spaces: Chinese characters, Japanese kana, and
/// the scripts of South-East Asia. Each counts as a word of its own there, or a page would be one.
pub(super) fn is_unspaced(c: char) -> bool {
    matches!(u32::from(c),
        0x0E00..=0x0EFF | 0x1000..=0x109F | 0x1780..=0x17FF | 0x1950..=0x19FF | 0x1A20..=0x1AAF | 0x1B00..=0x1B7F
        | 0x2E80..=0x2FDF | 0x3005..=0x3007 | 0x3021..=0x3029 | 0x3031..=0x3035 | 0x3038..=0x303C
        | 0x3041..=0x30FF | 0x3105..=0x312F | 0x31A0..=0x31BF | 0x31F0..=0x31FF | 0x3400..=0x4DBF | 0x4E00..=0x9FFF
        | 0xA980..=0xA9FF | 0xAA60..=0xAADF | 0xF900..=0xFAFF | 0x16FE0..=0x18DFF | 0x1AFF0..=0x1B2FF | 0x20000..=0x3FFFF)
}
