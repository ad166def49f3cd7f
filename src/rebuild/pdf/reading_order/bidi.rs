//! The logical order of lines with right-to-left letters: a page shows them in visual order, and a listed word is written
//! in logical order. A simple inverse of the Unicode bidirectional algorithm (UAX 9).
//!
//! A page does not state its paragraph direction, so a line with letters of both is given for either.

use unicode_normalization::UnicodeNormalization as _;

/// What a character is in a line of both directions.
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

/// Whether a character is of a script that is read from right to left: Hebrew, Arabic, Syriac, Thaana, N'Ko and the like,
/// their presentation forms, and the marks upon their letters.
fn is_right(c: char) -> bool {
    matches!(c,
        '\u{591}'..='\u{8FF}' | '\u{FB1D}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFC}' | '\u{10800}'..='\u{10FFF}'
        | '\u{1E800}'..='\u{1EFFF}')
}

/// Whether a character is a letter of a script whose letters are joined, of those that are read from right to left.
pub(super) fn joins(c: char) -> bool {
    let joined = matches!(c, '\u{600}'..='\u{77F}' | '\u{7C0}'..='\u{7FF}' | '\u{840}'..='\u{8FF}' | '\u{FB50}'..='\u{FDFF}'
        | '\u{FE70}'..='\u{FEFC}');
    joined && class(c) == Class::Right
}

/// The text of one letter as a line shows it from left to right: the forms that letters take in a word are the letters,
/// and those of a ligature stand one behind the other like all others.
pub(super) fn shown(text: &str) -> String {
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

/// Tells the lines with letters that are read from right to left in logical order, behind what is told.
pub(super) fn tell(text: &mut String) {
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

/// A line of a paragraph that runs from left to right: each part from one letter that is read the other way to another is
/// turned about.
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

/// A line, or a part of one, turned about: but for numbers, and words of letters of class `kept` with what is between them.
fn turned(line: &[char], kept: Class) -> Vec<char> {
    let mut out = Vec::with_capacity(line.len());
    // Where it was last looked for such letters and none were found, so that it is looked for once.
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
                    // One sign between digits is of the number.
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
    use crate::rebuild::pdf::reading_order::bidi::{shown, tell};

    fn told(line: &str) -> Vec<String> {
        let mut text = format!("{line}\n");
        tell(&mut text);
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
        // Numbers and what is in other letters keep their direction, and the paragraph may run either way.
        assert_eq!(told("Copper תשוחנ"), ["Copper נחושת", "נחושת Copper"]);
        assert_eq!(told("12:30 רקובב 4.5 העשב"), ["12:30 בשעה 4.5 בבוקר", "בשעה 4.5 בבוקר 12:30"]);
        assert_eq!(told("א EXERCISE one 7 ב"), ["א EXERCISE one 7 ב", "ב EXERCISE one 7 א"]);
    }

    #[test]
    fn forms_of_letters_in_a_word_are_the_letters() {
        // A lam and an alef drawn as one, behind which a peh is drawn in its last form.
        let line: String = ["\u{FEFB}", "\u{FB57}"].map(shown).concat();
        assert_eq!(line, "\u{627}\u{644}\u{67E}");
        assert_eq!(told(&line)[0], "\u{67E}\u{644}\u{627}");
        assert_eq!(shown("ﬁ"), "ﬁ");
    }
}
