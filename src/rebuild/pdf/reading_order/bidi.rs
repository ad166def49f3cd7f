//! The logical order of lines with right-to-left letters: a page shows them in visual order, while word lists are in
//! logical order. A simplified inverse of the Unicode bidirectional algorithm (UAX #9).
//!
//! A page does not state its paragraph direction, so a line with letters of both directions is converted for either.

use unicode_normalization::UnicodeNormalization as _;

/// The class of a character in a bidirectional line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Right,
    Left,
    Digit,
    Neutral,
}

fn class(c: char) -> Class {
    match c {
        _ if c.is_numeric() && !is_right(c) => Class::Digit,
        '\u{660}'..='\u{669}' | '\u{6F0}'..='\u{6F9}' => Class::Digit,
        _ if is_right(c) => Class::Right,
        _ if c.is_alphabetic() => Class::Left,
        _ => Class::Neutral,
    }
}

/// Whether a character belongs to a right-to-left script: Hebrew, Arabic, Syriac, Thaana, N'Ko and others, their
/// presentation forms, and their combining marks.
fn is_right(c: char) -> bool {
    matches!(c,
        '\u{591}'..='\u{8FF}' | '\u{FB1D}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFC}' | '\u{10800}'..='\u{10FFF}'
        | '\u{1E800}'..='\u{1EFFF}')
}

/// Whether a character is a letter of a right-to-left script whose letters are joined.
pub(super) fn joins(c: char) -> bool {
    let joined = matches!(c, '\u{600}'..='\u{77F}' | '\u{7C0}'..='\u{7FF}' | '\u{840}'..='\u{8FF}' | '\u{FB50}'..='\u{FDFF}'
        | '\u{FE70}'..='\u{FEFC}');
    joined && class(c) == Class::Right
}

/// Returns the text of one glyph in visual order: presentation forms are replaced by the letters, and the components of
/// a ligature are reversed like other letters.
pub(super) fn visual_text(text: &str) -> String {
    let mut letters: Vec<char> = Vec::new();
    for c in text.chars() {
        match c {
            '\u{FB1D}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFC}' => letters.extend(std::iter::once(c).nfkc()),
            c => letters.push(c),
        }
    }
    if letters.iter().any(|c| class(*c) == Class::Right) {
        letters.reverse();
    }
    letters.into_iter().collect()
}

/// Appends the lines that have right-to-left letters to `text`, in logical order.
pub(super) fn append_logical_lines(text: &mut String) {
    let mut more = String::new();
    for rightward in [false, true] {
        for line in text.lines().filter(|line| line.chars().any(|c| class(c) == Class::Right)) {
            let letters: Vec<char> = line.chars().collect();
            let logical = if rightward { turned(&letters, Class::Left) } else { parts(&letters) };
            more.extend(logical);
            more.push('\n');
        }
    }
    text.push_str(&more);
}

/// Converts a line of a left-to-right paragraph: each part from the first to the last right-to-left letter is reversed.
fn parts(line: &[char]) -> Vec<char> {
    let mut out = Vec::with_capacity(line.len());
    for part in line.split_inclusive(|c| class(*c) == Class::Left) {
        let is_right = |c: &char| class(*c) == Class::Right;
        match (part.iter().position(is_right), part.iter().rposition(is_right)) {
            (Some(from), Some(to)) => {
                out.extend(part.iter().take(from));
                out.extend(turned(part.get(from..=to).unwrap_or_default(), Class::Digit));
                out.extend(part.iter().skip(to + 1));
            }
            _ => out.extend(part),
        }
    }
    out
}

/// Reverses a line or a part of one, except for numbers, and for words of letters of class `kept` with what is between
/// them.
fn turned(line: &[char], kept: Class) -> Vec<char> {
    let mut out = Vec::with_capacity(line.len());
    // The position of the last search that found no such letter, so that it is not repeated.
    let (mut end, mut barren) = (line.len(), usize::MAX);
    while let Some(last) = end.checked_sub(1).and_then(|i| line.get(i)) {
        let own = class(*last);
        let mut begin = end - 1;
        if own == Class::Digit || own == kept {
            let ahead = kept == Class::Left && begin <= barren;
            let (mut at, mut apart, mut found) = (begin, false, own == Class::Left);
            while let Some(c) = at.checked_sub(1).and_then(|i| line.get(i)) {
                match class(*c) {
                    Class::Left if kept == Class::Left => (begin, apart, found) = (at - 1, false, true),
                    Class::Digit if !apart => begin = at - 1,
                    Class::Digit if ahead => {}
                    // A single separator between digits belongs to the number.
                    Class::Neutral if begin == at && !c.is_whitespace() => {}
                    Class::Neutral if ahead => apart = true,
                    _ => break,
                }
                at -= 1;
            }
            if ahead && !found {
                barren = at;
            }
        }
        out.extend(line.get(begin..end).unwrap_or_default());
        end = begin;
    }
    out
}

#[cfg(test)]
mod tests {
    use crate::rebuild::pdf::reading_order::bidi::{append_logical_lines, visual_text};

    fn told(line: &str) -> Vec<String> {
        let mut text = format!("{line}\n");
        append_logical_lines(&mut text);
        text.lines().skip(1).map(str::to_owned).collect()
    }

    fn shown_so(word: &str) -> String {
        word.chars().rev().collect()
    }

    #[test]
    fn a_line_from_right_to_left_is_told_as_it_is_spoken() {
        let word = "נחושת אדומה";
        assert_eq!(told(&shown_so(word)), [word, word]);
        assert!(told("EXERCISE 12").is_empty());
        // Numbers and text in other scripts keep their direction, and the paragraph may run either way.
        assert_eq!(told("Copper תשוחנ"), ["Copper נחושת", "נחושת Copper"]);
        assert_eq!(told("12:30 רקובב 4.5 העשב"), ["12:30 בשעה 4.5 בבוקר", "בשעה 4.5 בבוקר 12:30"]);
        assert_eq!(told("א EXERCISE one 7 ב"), ["א EXERCISE one 7 ב", "ב EXERCISE one 7 א"]);
    }

    #[test]
    fn forms_of_letters_in_a_word_are_the_letters() {
        // A ligature of lam and alef, followed by the final form of peh.
        let line: String = ["\u{FEFB}", "\u{FB57}"].map(visual_text).concat();
        assert_eq!(line, "\u{627}\u{644}\u{67E}");
        assert_eq!(told(&line)[0], "\u{67E}\u{644}\u{627}");
        assert_eq!(visual_text("ﬁ"), "ﬁ");
    }
}
