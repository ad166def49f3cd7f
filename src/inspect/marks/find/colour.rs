//! The colours of the Traffic Light Protocol in every spelling: whole, broken, or with separate letters.

use super::super::vocabulary::Folded;
use super::Finder;

/// The meaning of a label, the most open first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    Clear,
    Green,
    Amber,
    Strict,
    Red,
    /// Not a label, although it is in the place of one.
    Other,
}

impl Level {
    /// Returns the name of the label; `None` if it is not understood.
    pub fn label(self) -> Option<&'static str> {
        match self {
            Level::Clear => Some("clear"),
            Level::Green => Some("green"),
            Level::Amber => Some("amber"),
            Level::Strict => Some("amber+strict"),
            Level::Red => Some("red"),
            Level::Other => None,
        }
    }

    /// Returns the level of a word in capitals.
    fn of(word: &[u8]) -> Option<Level> {
        Some(match word {
            b"CLEAR" | b"WHITE" => Level::Clear,
            b"GREEN" => Level::Green,
            b"AMBER" => Level::Amber,
            b"AMBERSTRICT" => Level::Strict,
            b"RED" => Level::Red,
            _ => return None,
        })
    }
}

/// Colours that TLP does not define, and its own colours in other languages.
pub(super) const OTHERS: [&str; 32] = [
    "AMARILLO",
    "AMBAR",
    "AMBRE",
    "AMBRA",
    "BERNSTEIN",
    "BLACK",
    "BLANC",
    "BLANCO",
    "BLAU",
    "BLUE",
    "BROWN",
    "GELB",
    "GOLD",
    "GRAY",
    "GREY",
    "GRUN",
    "JAUNE",
    "ORANGE",
    "PINK",
    "PURPLE",
    "ROJO",
    "ROOD",
    "ROSSO",
    "ROT",
    "ROUGE",
    "SILVER",
    "VERDE",
    "VERMELHO",
    "VERT",
    "VIOLET",
    "WEISS",
    "YELLOW",
];

impl Finder<'_> {
    /// Returns the level that a word in a sentence means. The open ones in small letters are ordinary words, and forbid
    /// nothing.
    pub(super) fn said(&self, n: usize) -> Option<Level> {
        let (level, _) = self.level_of(n)?;
        (level > Level::Green || self.words.is_capitals(n)).then_some(level)
    }

    /// Returns the level that begins with word `i`, even if the word is broken or its letters are separated, and the
    /// end of it.
    pub(super) fn level_of(&self, i: usize) -> Option<(Level, usize)> {
        const LETTERS_MAX: usize = 11;
        let words = self.words;
        // Every level, and every part of one, begins with one of these letters.
        let first = words.word(i).as_bytes().first().map(u8::to_ascii_uppercase)?;
        if !matches!(first, b'A' | b'C' | b'G' | b'R' | b'W' | b'4' | b'@' | b'6' | b'9') {
            return None;
        }
        let mut joined: Vec<u8> = Vec::new();
        for n in i..i + LETTERS_MAX {
            let word = Folded::of(words.word(n))?;
            let letters = word.as_bytes();
            // `R3D` is too short for the general folding of digits.
            joined.extend(letters.iter().map(|b| if *b == b'3' && letters.len() > 1 { b'E' } else { *b }));
            if let Some(level) = Level::of(&joined) {
                let strict = level == Level::Amber && words.is(n + 1, "STRICT") && words.gap(n + 1).len() <= 3;
                return Some(if strict { (Level::Strict, n + 2) } else { (level, n + 1) });
            }
            let begins = [&b"CLEAR"[..], b"WHITE", b"GREEN", b"AMBER", b"RED"].iter().any(|w| w.starts_with(&joined));
            let gap = words.gap(n + 1);
            let letter = |n: usize| words.word(n).len() == 1;
            let broken = gap == "-\n" || gap == "- \n" || gap == "-" || letter(n) && letter(n + 1) && gap.len() <= 2;
            if joined.is_empty() || !begins || !broken {
                return None;
            }
        }
        None
    }
}
