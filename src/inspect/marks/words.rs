//! Tokenizer: splits a text into words and the gaps between them, from which marks are recognised.

use super::compound::{Context, inner, may_be_banner};
use super::fold::Plain;
use super::phrases::leads_foreign;
use super::vocabulary::{Folded, Term, WORD_BYTES_MAX, term};

/// The case of a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Case {
    Capitals,
    /// A capital followed by small letters.
    Title,
    /// Anything else: small letters, digits, mixed case.
    Other,
}

/// One word: consecutive letters and digits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word {
    pub start: usize,
    pub end: usize,
    /// The part of it that is a word of marks, without digits or letters attached to it; the whole word if there is
    /// none.
    core: (usize, usize),
    pub case: Case,
    pub term: Option<Term>,
    /// Whether a mark can begin here at all. Most words of most texts are skipped because of this.
    pub may_begin: bool,
}

/// A text split into words.
pub(super) struct Words<'a> {
    plain: Plain<'a>,
    pub list: Vec<Word>,
}

impl<'a> Words<'a> {
    /// Splits a text.
    pub fn of(text: &'a str) -> Words<'a> {
        Words::in_plain(Plain::of(text))
    }

    /// Splits a text after decoding escapes and joining hyphenated words; `None` if it has neither.
    pub fn decoded(text: &'a str) -> Option<Words<'a>> {
        Plain::decoded(text).map(Words::in_plain)
    }

    fn in_plain(plain: Plain<'a>) -> Words<'a> {
        let list = split(plain.text());
        Words { plain, list }
    }

    /// Returns the folded text.
    pub fn text(&self) -> &str {
        self.plain.text()
    }

    /// Returns the original position of a position in the folded text.
    pub fn origin(&self, at: usize) -> usize {
        self.plain.origin(at)
    }

    /// Returns the word, without what is attached to it.
    pub fn word(&self, i: usize) -> &str {
        self.list.get(i).map_or("", |w| &self.plain.text()[w.core.0..w.core.1])
    }

    /// Returns the role of the word in marks.
    pub fn term(&self, i: usize) -> Option<Term> {
        self.list.get(i).and_then(|w| w.term)
    }

    /// Returns whether the word exists and is in capitals.
    pub fn is_capitals(&self, i: usize) -> bool {
        self.list.get(i).is_some_and(|w| w.case == Case::Capitals)
    }

    /// Returns whether digits or other letters are attached to the word.
    pub fn is_glued(&self, i: usize) -> bool {
        self.list.get(i).is_some_and(|w| w.core != (w.start, w.end))
    }

    /// Returns whether the word exists and begins with a capital.
    pub fn begins_capital(&self, i: usize) -> bool {
        self.list.get(i).is_some_and(|w| w.case != Case::Other)
    }

    /// Returns whether the word is `word`, in any case, with digits accepted as letters.
    pub fn is(&self, i: usize, word: &str) -> bool {
        Folded::of(self.word(i)).is_some_and(|folded| folded.as_bytes() == word.as_bytes())
    }

    /// Returns the gap before word `i`; the text after the last word if `i` is the number of words, and an empty text
    /// beyond.
    pub fn gap(&self, i: usize) -> &str {
        let end = self.plain.text().len();
        let from = i.checked_sub(1).map_or(0, |before| self.list.get(before).map_or(end, |w| w.end));
        let to = self.list.get(i).map_or(end, |w| w.start);
        &self.plain.text()[from..to]
    }
}

/// Byte kinds, as needed to split words.
const UPPER: u8 = 1;
const LOWER: u8 = 2;
const DIGIT: u8 = 4;
const BEYOND: u8 = 8;
/// A sign that can stand for a letter.
const SIGN: u8 = 16;
/// An opening bracket or a slash.
const OPENS: u8 = 32;
const WORD: u8 = UPPER | LOWER | DIGIT | BEYOND;

/// The kind of each byte, as a table: it is used for every byte of files of up to a gigabyte.
const KINDS: [u8; 256] = {
    let mut kinds = [0; 256];
    let mut b = 0;
    while b < 256 {
        kinds[b] = match b as u8 {
            b'A'..=b'Z' => UPPER,
            b'a'..=b'z' => LOWER,
            b'0'..=b'9' => DIGIT,
            b'$' | b'@' | b'!' => SIGN,
            b'(' | b'[' | b'{' | b'<' | b'/' | b'\\' => OPENS,
            0x80.. => BEYOND,
            _ => 0,
        };
        b += 1;
    }
    kinds
};

fn kind(b: u8) -> u8 {
    KINDS[usize::from(b)]
}

/// Returns whether the byte at `at` is a sign that stands for a letter: a dollar before a letter, or another sign
/// between two.
#[cold]
fn is_for_letter(bytes: &[u8], at: usize) -> bool {
    let letter = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_alphabetic);
    match bytes[at] {
        b'$' => letter(at + 1),
        _ => letter(at + 1) && at.checked_sub(1).is_some_and(letter),
    }
}

fn split(text: &str) -> Vec<Word> {
    let bytes = text.as_bytes();
    let mut words = Vec::with_capacity(bytes.len() / 6);
    let mut at = 0;
    let belongs = |at: usize, kind: u8| kind & WORD != 0 || kind & SIGN != 0 && is_for_letter(bytes, at);
    while let Some(first) = bytes.get(at) {
        if !belongs(at, kind(*first)) {
            at += 1;
            continue;
        }
        let start = at;
        let (mut kinds, mut behind) = (kind(*first), 0);
        at += 1;
        while let Some(b) = bytes.get(at) {
            let kind = kind(*b);
            if !belongs(at, kind) {
                break;
            }
            behind |= kind;
            at += 1;
        }
        kinds |= behind;
        if let Some((from, to)) = glued(bytes, start, at, kinds) {
            // `TLPRED` and `reportTlpLevel` are split like `TLP RED`.
            let parts = [(start, from), (from, to), (to, at)];
            words.extend(parts.into_iter().filter(|(from, to)| from < to).map(|part| word_at(text, part)));
            continue;
        }
        words.push(word(text, (start, at), kinds, behind));
    }
    words
}

/// Returns the word at this range. `kinds` are the kinds of all its bytes, `behind` those after the first.
fn word(text: &str, (start, end): (usize, usize), kinds: u8, behind: u8) -> Word {
    let bytes = text.as_bytes();
    let case = match kinds & (UPPER | LOWER | BEYOND) {
        UPPER => Case::Capitals,
        _ if kinds & UPPER != 0 && behind & UPPER == 0 && bytes[start].is_ascii_uppercase() => Case::Title,
        _ => Case::Other,
    };
    let (case, core, term) = judge(text, (start, end), case, kinds);
    // A broken word begins in capitals, or like `NOFORN` or `traffic`.
    let short = end - start < WORD_BYTES_MAX;
    let small = |first: &[u8]| bytes.get(start..start + first.len()).is_some_and(|b| b.eq_ignore_ascii_case(first));
    let begins = case == Case::Capitals && short || end - start < 6 && small(b"n") || end - start < 7 && small(b"tr");
    let may_begin = begins || term.is_some() || end - start == 1 || follows_sign(&bytes[..start]);
    Word { start, end, core, case, term, may_begin }
}

/// Returns the word for a part of a word.
fn word_at(text: &str, (start, end): (usize, usize)) -> Word {
    let of = |bytes: &[u8]| bytes.iter().fold(0, |kinds, b| kinds | kind(*b));
    let bytes = &text.as_bytes()[start..end];
    word(text, (start, end), of(bytes), of(bytes.get(1..).unwrap_or_default()))
}

/// Returns the range of `TLP` within a longer word: at its beginning, or as a word in camel case.
fn glued(bytes: &[u8], start: usize, end: usize, kinds: u8) -> Option<(usize, usize)> {
    let word = &bytes[start..end];
    if word.len() < 5 || word.len() > WORD_BYTES_MAX || kinds & BEYOND != 0 {
        return None;
    }
    let first = word[0].eq_ignore_ascii_case(&b't') && word[..3].eq_ignore_ascii_case(b"TLP");
    if first {
        return Some((start, start + 3));
    }
    let mixed = kinds & UPPER != 0 && kinds & LOWER != 0;
    let at = mixed.then(|| word.windows(3).position(|part| part == b"TLP" || part == b"Tlp")).flatten()?;
    let parted = word[at - 1].is_ascii_lowercase() || word[at - 1].is_ascii_digit();
    parted.then_some((start + at, start + at + 3))
}

/// Returns the role of a word in marks, the part of it that has the role, and the case of that part.
fn judge(text: &str, (start, end): (usize, usize), case: Case, kinds: u8) -> (Case, (usize, usize), Option<Term>) {
    let bytes = text.as_bytes();
    let all = (start, end);
    let known = term(&bytes[start..end]);
    if known.is_some() || kinds & (UPPER | LOWER | BEYOND) == 0 {
        // Mixed case as in `sEcReT` is not used in any other word.
        let odd = known == Some(Term::Level) && case == Case::Other && kinds & UPPER != 0;
        return (if odd { Case::Capitals } else { case }, all, known);
    }
    let word = &text[start..end];
    if kinds & BEYOND != 0 && leads_foreign(word) {
        return (case, all, Some(Term::Phrase));
    }
    // Most words consist of small letters and cannot begin a mark.
    let mixed = kinds & (DIGIT | BEYOND | SIGN) != 0 || case == Case::Other && kinds & UPPER != 0;
    let long = may_be_banner(word);
    if case != Case::Capitals && !mixed && !long {
        return (case, all, None);
    }
    let at = |at: Option<usize>, signs: &[u8]| at.and_then(|at| bytes.get(at)).is_some_and(|b| signs.contains(b));
    let before = start.checked_sub(1);
    let context = Context {
        slashed: at(before, b"/\\|") || at(Some(end), b"/\\|"),
        bracketed: at(before, b"([{<") && at(Some(end), b")]}>"),
    };
    match inner(word, case == Case::Capitals, context) {
        None => (case, all, None),
        Some((part, term)) => {
            let core = (start + part.start, start + part.end);
            let capitals = bytes[core.0..core.1].iter().all(|b| !b.is_ascii_lowercase());
            (if capitals { Case::Capitals } else { case }, core, Some(term))
        }
    }
}

/// Returns whether a bracket or slash is before a word, with at most a few signs between them.
fn follows_sign(before: &[u8]) -> bool {
    before.iter().rev().take(8).map(|b| kind(*b)).take_while(|kind| kind & WORD == 0).any(|kind| kind & OPENS != 0)
}

/// The maximum number of signs between two words of a mark.
pub(super) const SIGNS_MAX: usize = 24;

/// Returns whether a character is a sign other than a bracket or line end.
pub(super) fn is_sign(c: char) -> bool {
    c.is_ascii() && !c.is_ascii_alphanumeric() && !"\n()[]{}<>".contains(c)
}

/// Returns whether the gap between two words allows them to belong to the same mark.
pub(super) fn joins(gap: &str) -> bool {
    let bytes = gap.as_bytes();
    if slashes(gap) > 0 {
        return true;
    }
    if bytes.is_empty() || bytes.len() > 6 || bytes.iter().any(|b| b"()[]{}<>\"'?!;".contains(b)) {
        return false;
    }
    let slashed = bytes.iter().any(|b| b"/\\|".contains(b));
    let lines = bytes.iter().filter(|b| **b == b'\n').count();
    let spaces = bytes.iter().filter(|b| **b == b' ').count();
    // A full stop, colon or comma followed by a space ends a phrase; between letters it joins them.
    let ends = bytes.iter().any(|b| b".:,".contains(b)) && spaces + lines > 0;
    lines <= 1 && (slashed || !ends && (lines == 0 || spaces + lines == bytes.len()))
}

/// Returns the number of slashes, or characters that look like slashes, in a gap with nothing else but spaces and at
/// most one line end.
pub(super) fn slashes(gap: &str) -> usize {
    if gap.len() > SIGNS_MAX {
        return 0;
    }
    let count = gap.bytes().filter(|b| b"/\\|".contains(b)).count();
    let lines = gap.bytes().filter(|b| *b == b'\n').count();
    let others = gap.bytes().any(|b| !b"/\\| \n".contains(&b));
    if others || lines > 1 { 0 } else { count }
}

/// Returns whether a phrase, sentence or line ends in this gap after a word.
pub(super) fn ends(gap: &str, last: bool) -> bool {
    let bytes = gap.as_bytes();
    let spaced = |at: usize| bytes.get(at + 1).map_or(last, |b| b" \n\"')".contains(b));
    last && gap.trim().is_empty()
        || bytes.iter().enumerate().any(|(at, b)| match b {
            b'\n' | b'*' | b'=' | b'#' | b'~' | b'|' | b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'<' | b'>' => true,
            b'.' | b':' | b';' | b'!' | b'?' => spaced(at),
            b'-' | b'/' => (at == 0 || bytes[at - 1] == b' ' || bytes[at - 1] == *b) && spaced(at),
            b'"' => bytes.get(at + 1).is_some_and(|b| *b == b',' || *b == b':'),
            _ => false,
        })
}

/// Returns whether a phrase, sentence or line begins in this gap before a word.
pub(super) fn begins(gap: &str, first: bool) -> bool {
    let bytes = gap.as_bytes();
    let spaced = |at: usize| bytes.get(at + 1).is_some_and(|b| b" \n\"'(".contains(b));
    first && gap.trim().is_empty()
        || bytes.iter().enumerate().any(|(at, b)| match b {
            b'\n' | b'*' | b'=' | b'#' | b'~' | b'|' | b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'<' | b'>' => true,
            b'.' | b':' | b';' | b'!' | b'?' => spaced(at),
            b'-' => spaced(at) && (at == 0 || bytes[at - 1] == b' ' || bytes[at - 1] == b'-'),
            b'"' => at.checked_sub(1).is_some_and(|before| bytes[before] == b',' || bytes[before] == b':'),
            _ => false,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_keep_their_case_and_signs_for_letters() {
        let words = Words::of("The $ECRET plan of CONF!DENTIAL 12 Men, caf\u{e9}s at a@b.example");
        let list: Vec<(&str, Case)> = words.list.iter().enumerate().map(|(i, w)| (words.word(i), w.case)).collect();
        assert_eq!(list[1], ("$ECRET", Case::Capitals));
        assert_eq!(list[4], ("CONF!DENTIAL", Case::Capitals));
        assert_eq!((list[0].1, list[5], list[6].1), (Case::Title, ("12", Case::Other), Case::Title));
        assert_eq!(list[7].0, "cafes");
    }

    #[test]
    fn tells_what_joins_from_what_ends() {
        for gap in [" ", "//", " // ", "-", "_", ".", "/\n", "\n", "*"] {
            assert!(joins(gap), "{gap:?}");
        }
        for gap in [". ", ") (", ", ", "\n\n", ": ", "", "......."] {
            assert!(!joins(gap), "{gap:?}");
        }
        assert_eq!((slashes("//"), slashes(" / / "), slashes("://"), slashes("-")), (2, 2, 0, 0));
        assert!(ends(". ", false) && ends(".", true) && ends("\n", false) && ends("", true) && !ends(".", false));
        assert!(begins("", true) && begins(". ", false) && begins("\n- ", false) && !begins(" ", false));
    }
}
