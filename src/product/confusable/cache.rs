//! A cache of what characters were folded to: the table of look-alikes is a search, and a text has few different
//! characters and many of each.

use super::character::{Case, fold_char, fold_in};

/// The results for the characters folded last.
#[derive(Debug, Default)]
pub(super) struct FoldCache {
    case: Case,
    /// Slots by the low bits of the character; none until one is needed.
    places: Vec<Place>,
}

/// Slots of [`FoldCache`]; a power of two.
const PLACES: usize = 512;
/// The longest result that is cached, in bytes.
const ANSWER_BYTES_MAX: usize = 11;

#[derive(Clone, Copy, Debug)]
struct Place {
    of: char,
    /// Whether its small letter is folded to something else.
    differs: bool,
    length: u8,
    answer: [u8; ANSWER_BYTES_MAX],
}

impl FoldCache {
    /// An empty cache for folding in this case.
    pub fn of(case: Case) -> FoldCache {
        FoldCache { case, places: Vec::new() }
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
        fold_in(Case::Lower, c, &mut small);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_what_is_found() {
        for case in [Case::AsWritten, Case::Lower, Case::Upper] {
            let mut kept = FoldCache::of(case);
            // Twice, and with others between that have the same place.
            for c in ('\0'..=char::MAX).step_by(31).chain('\u{370}'..'\u{5FF}').chain('\u{370}'..'\u{5FF}') {
                let (mut one, mut small, mut other) = (String::new(), String::new(), String::new());
                fold_in(case, c, &mut one);
                fold_in(Case::Lower, c, &mut small);
                let differs = [kept.fold(c, &mut other), kept.fold(c, &mut other)];
                assert_eq!(one.repeat(2), other, "U+{:04X}", u32::from(c));
                assert_eq!(differs, [one != small; 2], "U+{:04X}", u32::from(c));
            }
        }
    }
}
