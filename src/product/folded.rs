//! What one character is folded to, and what was found of characters before: the table of look-alikes is a search, and a
//! text has few characters and many of each.

use unicode_normalization::char::is_combining_mark;
use unicode_security::confusable_detection::skeleton;

use super::drawn::{self, is_unspaced};

/// What the characters that were met last are folded to.
#[derive(Debug, Default)]
pub(super) struct Known {
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
    length: u8,
    answer: [u8; ANSWER_BYTES_MAX],
}

impl Known {
    /// Adds what a reader would take a letter or a digit for.
    pub fn fold(&mut self, c: char, into: &mut String) {
        if c.is_ascii() {
            return fold_char(c, into);
        }
        if self.places.is_empty() {
            self.places = vec![Place { of: '\0', length: 0, answer: [0; ANSWER_BYTES_MAX] }; PLACES];
        }
        let Some(place) = self.places.get_mut(c as usize % PLACES) else { return fold_char(c, into) };
        if place.of == c
            && let Some(answer) = place.answer.get(..usize::from(place.length))
            && let Ok(answer) = std::str::from_utf8(answer)
        {
            into.push_str(answer);
            return;
        }
        let begin = into.len();
        fold_char(c, into);
        let answer = &into.as_bytes()[begin..];
        if let Some(room) = place.answer.get_mut(..answer.len()) {
            room.copy_from_slice(answer);
            (place.of, place.length) = (c, answer.len() as u8);
        }
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
    use super::super::fold::Folded;
    use super::*;

    #[test]
    fn what_is_kept_is_what_is_found() {
        let mut kept = Known::default();
        // Twice, and with others between that have the same place.
        for c in ('\0'..=char::MAX).step_by(7).chain('\u{370}'..'\u{5FF}').chain('\u{370}'..'\u{5FF}') {
            let (mut one, mut other) = (String::new(), String::new());
            fold_char(c, &mut one);
            kept.fold(c, &mut other);
            kept.fold(c, &mut other);
            assert_eq!(one.repeat(2), other, "U+{:04X}", u32::from(c));
        }
    }

    /// No character comes to more than eight times its bytes, but for those that are gaps.
    #[test]
    fn no_text_folds_to_much_more_than_it_is_long() {
        for c in '\u{80}'..=char::MAX {
            for folded in Folded::readings(&format!("a{c}b")) {
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
