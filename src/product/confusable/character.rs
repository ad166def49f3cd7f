//! Folding of one character: the letters or digits that a reader would take it for.
//!
//! Outside ASCII a capital and its small letter may be drawn like two different letters (`\u{41d}` like H, its small one
//! not), so a character is folded as it stands and, apart from that, as its small letter. To take both for one would make
//! of \u{3bd} an n, as which its capital is drawn.

use unicode_normalization::char::is_combining_mark;
use unicode_security::confusable_detection::skeleton;

use crate::product::confusable::lookalikes::{self, is_unspaced};

/// In which case letters outside ASCII are compared. Those of ASCII have none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Case {
    /// As they stand.
    #[default]
    AsWritten,
    /// As small ones (Unicode's full case folding).
    Lower,
    /// As capitals.
    Upper,
}

/// Adds what a reader would take a letter or a digit for, were it written in this case.
pub(super) fn fold_in(case: Case, c: char, into: &mut String) {
    match case {
        Case::AsWritten => fold_char(c, into),
        // By way of the capital, which is the same for letters with two small forms (\u{3c3} and \u{3c2}), and two letters for
        // some that have none of their own (\u{df}).
        Case::Lower => {
            let small = c.to_lowercase().flat_map(char::to_uppercase).flat_map(char::to_lowercase);
            small.for_each(|c| fold_char(c, into));
        }
        Case::Upper => c.to_uppercase().for_each(|c| fold_char(c, into)),
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
    if let Some(letter) = lookalikes::letter(c) {
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

    use super::super::lookalikes::{is_over_nothing, is_phrase};
    use super::super::readings::Readings;
    use super::*;

    /// Every letter that Unicode has in two cases is one letter in small ones.
    #[test]
    fn a_capital_and_its_small_letter_are_one_letter() {
        let folded = |text: &str| {
            let mut folded = String::new();
            text.chars().for_each(|c| fold_in(Case::Lower, c, &mut folded));
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
