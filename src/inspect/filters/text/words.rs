//! Splits a line into words and separators.

use unicode_normalization::char::is_combining_mark;

/// The longest letter prefix of a type designation (`\u{421}\u{443}-27`), in letters.
const DESIGNATOR_MAX: usize = 3;

/// Returns the runs of letters, digits and marks of a line, each with the separator after it and the rest of the line.
pub(super) fn words(line: &str) -> impl Iterator<Item = (&str, &str, &str)> {
    let parts = |c: char| !c.is_alphanumeric() && !is_combining_mark(c);
    let mut rest = line.trim_start_matches(parts);
    std::iter::from_fn(move || {
        let (word, behind) = rest.split_at(rest.find(parts).unwrap_or(rest.len()));
        rest = behind.trim_start_matches(parts);
        Some((word, &behind[..behind.len() - rest.len()], rest)).filter(|(word, ..)| !word.is_empty())
    })
}

/// Returns whether a sentence ends after a word. A full stop after a single letter is an abbreviation.
pub(super) fn ends_sentence(word: &str, behind: &str, rest: &str) -> bool {
    let point = || behind.find(['.', '\u{2026}']).is_some_and(|at| at + 1 < behind.len() || rest.is_empty());
    behind.contains(['!', '?', '\u{3002}', '\u{61F}', '\u{964}', '\u{589}']) || point() && word.chars().nth(1).is_some()
}

/// Returns whether a word is part of a type designation: a few letters and a number, with or without a hyphen between
/// them.
pub(super) fn is_designator(word: &str, behind: &str, rest: &str) -> bool {
    let mut letters = word.chars().filter(|c| c.is_alphabetic());
    let digit = |c: char| c.is_ascii_digit();
    let has_number = word.contains(digit) || behind == "-" && rest.starts_with(digit);
    has_number && letters.next().is_some_and(char::is_uppercase) && letters.count() < DESIGNATOR_MAX
}

/// Returns whether a word is a symbol of a quantity or unit: one Greek letter that looks like no Latin one, with at
/// most a few Latin letters (`\u{394}t`, `\u{3bc}m`, `k\u{3a9}`).
pub(super) fn is_quantity(word: &str) -> bool {
    const BEFORE: [char; 8] = ['\u{394}', '\u{3B4}', '\u{3BC}', '\u{3BB}', '\u{3C0}', '\u{3B8}', '\u{3C6}', '\u{3C9}'];
    let short = |rest: &str, max: usize| {
        rest.len() <= max
            && rest.bytes().all(|b| b.is_ascii_alphanumeric())
            && rest.bytes().any(|b| b.is_ascii_alphabetic())
    };
    let unit = word.trim_start_matches(|c: char| c.is_ascii_digit());
    unit.strip_prefix(BEFORE).is_some_and(|rest| short(rest, 3))
        || unit.strip_suffix('\u{3A9}').is_some_and(|rest| short(rest, 1))
}

/// Returns the text of a line without the key of a front-block item and without the portion mark.
pub(super) fn text_of(line: &str) -> &str {
    const KEYS: [&str; 4] = ["Title: ", "Originator: ", "Subjects: ", "Contact: "];
    let line = KEYS.iter().find_map(|key| line.strip_prefix(key)).unwrap_or(line);
    let mark = line.strip_prefix('(').and_then(|rest| rest.split_once(") "));
    let is_mark = |mark: &str| {
        mark.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || matches!(b, b' ' | b',' | b'-' | b'/'))
    };
    mark.filter(|(mark, _)| is_mark(mark)).map_or(line, |(_, text)| text)
}
