//! What one character is folded to, and what was found of characters before: the table of look-alikes is a search, and a
//! text has few characters and many of each.
//!
//! Outside ASCII a capital and its small letter may be drawn like two different letters (`\u{41d}` like H, its small one
//! not), so a character is folded as it stands and, apart from that, as its small letter. To take both for one would make
//! of \u{3bd} an n, as which its capital is drawn.

use unicode_normalization::char::is_combining_mark;
use unicode_security::confusable_detection::skeleton;

use super::drawn::{self, is_unspaced};

/// In which case letters outside ASCII are compared. Those of ASCII have none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Case {
    /// As they stand.
    #[default]
    Stands,
    /// As small ones (Unicode's full case folding).
    Small,
    /// As capitals.
    Capitals,
}

/// What the characters that were met last are folded to.
#[derive(Debug, Default)]
pub(super) struct Known {
    case: Case,
    /// By the low bits of the character; nothing until one is needed.
    places: Vec<Place>,
}

/// Places of [`Known`]; a power of two.
const PLACES: usize = 512;
/// The longest answer that is kept, in bytes.
const ANSWER_BYTES_MAX: usize = 11;

#[derive(Clone, Copy, Debug)]
struct Place {
    of: char,
    /// Whether its small letter is folded to something else.
    differs: bool,
    length: u8,
    answer: [u8; ANSWER_BYTES_MAX],
}

impl Known {
    /// Nothing of characters that are folded in this case.
    pub fn of(case: Case) -> Known {
        Known { case, places: Vec::new() }
    }

    /// Adds what a reader would take a letter or a digit for; whether it is something else as a small letter.
    pub fn fold(&mut self, c: char, into: &mut String) -> bool {
        if c.is_ascii() {
            fold_char(c, into);
            return false;
        }
        if self.places.is_empty() {
            let empty = Place { of: '\0', differs: false, length: 0, answer: [0; ANSWER_BYTES_MAX] };
            self.places = vec![empty; PLACES];
        }
        let place = self.places.get_mut(c as usize % PLACES);
        if let Some(place) = &place
            && place.of == c
            && let Some(answer) = place.answer.get(..usize::from(place.length))
            && let Ok(answer) = std::str::from_utf8(answer)
        {
            into.push_str(answer);
            return place.differs;
        }
        let begin = into.len();
        fold_in(self.case, c, into);
        let answer = into.get(begin..).unwrap_or_default();
        let mut small = String::new();
        fold_in(Case::Small, c, &mut small);
        let differs = answer != small;
        if let Some(place) = place
            && let Some(room) = place.answer.get_mut(..answer.len())
        {
            room.copy_from_slice(answer.as_bytes());
            (place.of, place.differs, place.length) = (c, differs, answer.len() as u8);
        }
        differs
    }
}

/// Adds what a reader would take a letter or a digit for, were it written in this case.
pub(super) fn fold_in(case: Case, c: char, into: &mut String) {
    match case {
        Case::Stands => fold_char(c, into),
        // By way of the capital, which is the same for letters with two small forms (\u{3c3} and \u{3c2}), and two letters for
        // some that have none of their own (\u{df}).
        Case::Small => {
            let small = c.to_lowercase().flat_map(char::to_uppercase).flat_map(char::to_lowercase);
            small.for_each(|c| fold_char(c, into));
        }
        Case::Capitals => c.to_uppercase().for_each(|c| fold_char(c, into)),
    }
}

/// Adds what a reader would take a letter or a digit for.
pub(super) fn fold_char(c: char, into: &mut String) {
    // ASCII first: it is nearly all there is, and the table of look-alikes is a search.
    if c.is_ascii() {
        if let Some(letter) = folded_letter(c) {
            into.push(letter);
        }
        return;
    }
    if let Some(letter) = drawn::letter(c) {
        into.extend(folded_letter(letter));
        return;
    }
    let (begin, mut buffer) = (into.len(), [0; 4]);
    for s in skeleton(c.encode_utf8(&mut buffer)) {
        if is_combining_mark(s) {
            continue;
        }
        for d in s.to_lowercase() {
            match folded_letter(d) {
                Some(letter) => into.push(letter),
                None if d.is_alphanumeric() => into.push(d),
                None => {}
            }
        }
    }
    // Some characters of these scripts are drawn like a dash or a slash, and are none.
    if into.len() == begin && is_unspaced(c) && c.is_alphanumeric() && !is_combining_mark(c) {
        into.push(c);
    }
}

/// The one letter that stands for every ASCII sign drawn like it.
pub(super) fn folded_letter(c: char) -> Option<char> {
    Some(match c {
        'I' | 'i' | 'L' | 'l' | '1' => 'l',
        'O' | 'o' | '0' => 'o',
        '5' => 's',
        '3' => 'e',
        '4' => 'a',
        '7' => 't',
        _ if c.is_ascii_alphanumeric() => c.to_ascii_lowercase(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use unicode_normalization::UnicodeNormalization as _;

    use super::super::drawn::{is_over_nothing, is_phrase};
    use super::super::readings::Readings;
    use super::*;

    #[test]
    fn what_is_kept_is_what_is_found() {
        for case in [Case::Stands, Case::Small, Case::Capitals] {
            let mut kept = Known::of(case);
            // Twice, and with others between that have the same place.
            for c in ('\0'..=char::MAX).step_by(31).chain('\u{370}'..'\u{5FF}').chain('\u{370}'..'\u{5FF}') {
                let (mut one, mut small, mut other) = (String::new(), String::new(), String::new());
                fold_in(case, c, &mut one);
                fold_in(Case::Small, c, &mut small);
                let differs = [kept.fold(c, &mut other), kept.fold(c, &mut other)];
                assert_eq!(one.repeat(2), other, "U+{:04X}", u32::from(c));
                assert_eq!(differs, [one != small; 2], "U+{:04X}", u32::from(c));
            }
        }
    }

    /// Every letter that Unicode has in two cases is one letter in small ones.
    #[test]
    fn a_capital_and_its_small_letter_are_one_letter() {
        let folded = |text: &str| {
            let mut folded = String::new();
            text.chars().for_each(|c| fold_in(Case::Small, c, &mut folded));
            folded
        };
        let cased = |c: &char| c.to_lowercase().ne([*c]) || c.to_uppercase().ne([*c]);
        for c in ('\u{80}'..=char::MAX).filter(cased) {
            let stands = folded(&c.to_string());
            for other in [c.to_lowercase().to_string(), c.to_uppercase().to_string()] {
                assert_eq!(folded(&other), stands, "U+{:04X}", u32::from(c));
            }
        }
        // The neighbours: letters whose capitals only are drawn alike.
        for (one, other) in [("\u{3bd}", "n"), ("\u{43d}", "h"), ("\u{432}", "b"), ("\u{443}", "\u{43d}")] {
            assert_ne!(folded(one), folded(other));
        }
    }

    /// No character comes to more than eight times its bytes, but for those that are gaps.
    #[test]
    fn no_text_folds_to_much_more_than_it_is_long() {
        for c in '\u{80}'..=char::MAX {
            for folded in Readings::of(&format!("a{c}b")).iter() {
                let most = 2 + 8 * c.len_utf8();
                assert!(folded.squeezed().len() <= most, "U+{:04X}: {}", u32::from(c), folded.squeezed().len());
                assert!(!is_phrase(c) || folded.squeezed() == "ab");
            }
            // Nor does any letter part a word that it stands in, but for those that are words themselves.
            let parts = std::iter::once(c).nfkc().any(|part| part == ' ');
            let known = is_phrase(c) || is_over_nothing(c);
            assert!(!c.is_alphabetic() || !parts || known, "U+{:04X}", u32::from(c));
        }
    }
}
