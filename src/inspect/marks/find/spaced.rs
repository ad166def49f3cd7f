//! Marks with spaced or broken letters.

use super::super::compound::is_run_together;
use super::super::vocabulary::{APART, Folded, Term};
use super::super::words::slashes;
use super::{Finder, Hit, MarkKind};

/// The maximum number of separate letters that are read as one word.
const APART_LETTERS_MAX: usize = 12;

/// Those words of [`APART`] whose parts are not words.
const APART_LEVELS: [&str; 5] = ["CONFIDENTIAL", "RESTRICTED", "SECRET", "TOPSECRET", "UNCLASSIFIED"];

impl Finder<'_> {
    /// Finds separate letters that spell a mark, on one line or below each other.
    pub(super) fn apart(&self, i: usize) -> Option<Hit> {
        let words = self.words;
        let single = |n: usize| words.list.get(n).is_some_and(|w| w.end - w.start == 1);
        let near = |n: usize| {
            let gap = words.gap(n);
            gap.len() <= 5 && (!gap.contains("\n\n") || words.is_capitals(n))
        };
        if ![i, i + 1, i + 2].into_iter().all(single) || !near(i + 1) || !near(i + 2) {
            return None;
        }
        let most = words.list.len().min(i + APART_LETTERS_MAX + 1);
        let to = (i + 1..most).find(|n| !single(*n) || !near(*n)).unwrap_or(most);
        let whole = to - i <= APART_LETTERS_MAX && !(i > 0 && single(i - 1) && near(i));
        let letters: Vec<u8> = (i..to).map(|n| words.word(n).as_bytes()[0].to_ascii_uppercase()).collect();
        let spelt: Vec<u8> = letters.iter().map(|b| drawn(*b)).collect();
        // A short word counts only if the letters spell it and nothing else.
        let spells =
            |word: &&&str| spelt.starts_with(word.as_bytes()) && (word.len() > 4 || whole && spelt.len() == word.len());
        if let Some(word) = APART.iter().find(spells) {
            return Some(self.hit(MarkKind::Spaced, i, i + word.len()));
        }
        let capitals = (i..to).all(|n| words.is_capitals(n));
        let slashed = (i + 1..to).any(|n| slashes(words.gap(n).trim_start_matches('.')) > 0);
        (whole && slashed && capitals && is_run_together(&letters)).then(|| self.hit(MarkKind::Spaced, i, to))
    }

    /// Returns the end of `word` if it begins with word `i`, possibly broken: in any case if it is whole, and in the
    /// case of its first letter if it is broken.
    pub(super) fn spelt(&self, i: usize, word: &str) -> Option<usize> {
        let words = self.words;
        let mut rest = word.as_bytes();
        for n in i..i + word.len() {
            let part = words.word(n).as_bytes();
            let (first, behind) = rest.split_at_checked(part.len()).filter(|_| !part.is_empty())?;
            let small = n > i && words.is_capitals(i) && !words.is_capitals(n);
            if !part.eq_ignore_ascii_case(first) || small {
                return None;
            }
            rest = behind;
            let gap = words.gap(n + 1);
            if rest.is_empty() {
                return Some(n + 1);
            }
            if gap.is_empty() || gap.len() > 2 || gap == ". " || !gap.bytes().all(|b| b" \n-._*".contains(&b)) {
                return None;
            }
        }
        None
    }

    /// Finds a word of a mark that is broken into two or three parts.
    pub(super) fn broken(&self, i: usize) -> Option<Hit> {
        let words = self.words;
        let first = Folded::of(words.word(i))?;
        let begins = |joined: &[u8]| APART.iter().any(|w| w.as_bytes().starts_with(joined) && w.len() > joined.len());
        let single = first.as_bytes().len() == 1;
        if single && !words.is_capitals(i) || !begins(first.as_bytes()) {
            return None;
        }
        let mut joined = first.as_bytes().to_vec();
        for to in i + 1..(i + 4).min(words.list.len()) {
            let gap = words.gap(to);
            if gap.len() > 3
                || gap.contains("\n\n") && !words.is_capitals(to)
                || gap.contains(['(', ')', '[', ']', '"', '\''])
            {
                return None;
            }
            joined.extend_from_slice(Folded::of(words.word(to))?.as_bytes());
            if let Some(word) = APART.iter().find(|w| w.as_bytes() == joined) {
                let capitals = (i..=to).all(|n| words.is_capitals(n));
                // In capitals, `PROP IN` and `OR CON` may be two words; a broken level is never words.
                let told = match *word {
                    "CUI" => self.is_line(i, to + 1) || slashes(words.gap(to + 1)) > 0,
                    "RELTO" => (to > i + 1 || !words.is(i, "REL")) && words.term(to + 1) == Some(Term::Code),
                    word => APART_LEVELS.contains(&word) || !single && !self.is_shouted(i, to + 1),
                };
                // A hyphenated word is still an ordinary word, so small letters do not make it a mark.
                let marks = capitals && told || *word == "NOFORN";
                return marks.then(|| self.hit(MarkKind::Spaced, i, self.run(to + 1)));
            }
            if !begins(&joined) {
                return None;
            }
        }
        None
    }
}

/// Returns the letter that a single digit looks like.
fn drawn(b: u8) -> u8 {
    match b {
        b'0' => b'O',
        b'1' => b'I',
        b'3' => b'E',
        b'4' => b'A',
        b'5' => b'S',
        b'7' => b'T',
        _ => b,
    }
}
