//! Marks in brackets.

use super::super::compound::is_run_together;
use super::super::vocabulary::Term;
use super::super::words::{SIGNS_MAX, is_sign, slashes};
use super::{Enumeration, Finder, Hit, MarkKind, WORDS_MAX};

/// The maximum number of separate letters in one bracket.
const LETTERS_MAX: usize = 12;
/// The maximum depth of a section number before an item.
const NUMBERS_MAX: usize = 5;
/// The maximum distance between the items of a key, in words.
const KEY_WORDS_MAX: usize = 16;

/// Returns the text after the closing bracket of this gap, if only signs are before the bracket.
fn closed(gap: &str) -> Option<&str> {
    let signs = gap.chars().take(SIGNS_MAX).take_while(|c| is_sign(*c)).count();
    gap.get(signs..)?.strip_prefix([')', ']', '}', '>'])
}

impl Finder<'_> {
    /// A mark in brackets.
    pub(super) fn bracketed(&self, i: usize, enumeration: &mut Enumeration) -> Option<Hit> {
        let words = self.words;
        let before = words.gap(i).trim_end_matches(is_sign);
        if !before.ends_with(['(', '[', '{', '<']) {
            return None;
        }
        let mut to = i + 1;
        let closes = |to: usize| closed(words.gap(to)).is_some();
        while !closes(to) {
            let gap = words.gap(to);
            let near = gap.len() <= SIGNS_MAX && !gap.bytes().any(|b| b"\n()[]{}<>".contains(&b));
            if !near || to - i >= WORDS_MAX || to >= words.list.len() {
                return None;
            }
            to += 1;
        }
        let mark = |kind| Some(Hit { kind, from: i, to, bracketed: true, label: None });
        let (term, capitals) = (words.term(i), (i..to).all(|n| words.is_capitals(n)));
        if to - i > 1 {
            let marks = self.is_mark_of_words(i, to, capitals) || capitals && self.is_mark_of_letters(i, to, before);
            return if marks { mark(MarkKind::Portion) } else { None };
        }
        match term {
            Some(Term::Letter) if capitals && words.word(i).len() == 1 => self
                .single(i, before, enumeration)
                .then_some(Hit { kind: MarkKind::Portion, from: i, to, bracketed: true, label: None }),
            Some(Term::Letter) if capitals && self.stands_before_text(i, i + 1, before) => mark(MarkKind::Portion),
            // With digits attached they are names of other things.
            Some(Term::Letters) if capitals && !words.is_glued(i) || self.stands_before_text(i, i + 1, before) => {
                mark(MarkKind::Portion)
            }
            Some(Term::Level) if capitals || words.begins_capital(i) && self.stands_before_text(i, i + 1, before) => {
                mark(MarkKind::Portion)
            }
            Some(Term::Weak) if capitals && words.is(i, "NF") => mark(MarkKind::Control),
            Some(Term::Weak) if capitals && ["CUI", "SBU", "LES"].iter().any(|w| words.is(i, w)) => self
                .stands_before_text(i, i + 1, before)
                .then_some(Hit { kind: MarkKind::Control, from: i, to, bracketed: true, label: None }),
            Some(Term::Run) => {
                // A conjunctive normal form has the letters of a mark.
                let other = words.is(i, "CNF") && !self.stands_before_text(i, i + 1, before);
                (!other).then_some(Hit { kind: MarkKind::Portion, from: i, to, bracketed: true, label: None })
            }
            _ => {
                // Any other capital in alphabetical order continues an enumeration.
                if let ([letter @ b'A'..=b'Z'], true) = (words.word(i).as_bytes(), capitals) {
                    enumeration.next = (*letter == b'A' || enumeration.next == Some(*letter)).then(|| letter + 1);
                }
                None
            }
        }
    }

    /// Returns whether several words in brackets are a mark.
    fn is_mark_of_words(&self, i: usize, to: usize, capitals: bool) -> bool {
        let words = self.words;
        let of_mark = |n: usize| {
            let other = [Term::Tlp, Term::Colour, Term::Phrase];
            let known = words.term(n).is_some_and(|term| term.is_of_marks() && !other.contains(&term));
            known || words.is_capitals(n) && words.word(n).len() <= 15
        };
        let gaps = || (i + 1..to).map(|n| words.gap(n));
        let level = matches!(words.term(i), Some(Term::Letter | Term::Letters)) || self.level_words(i).is_some();
        let control = |n: usize| matches!(words.term(n), Some(Term::Weak | Term::Control));
        let slashed = gaps().any(|gap| slashes(gap) > 0);
        let doubled = gaps().any(|gap| slashes(gap) >= 2);
        // `(TS and NF)`: small words between its parts do not matter.
        let linked = |n: usize| ["AND", "OR"].iter().any(|word| words.is(n, word)) && !words.is_capitals(n);
        let (first, last) = (words.is_capitals(i), words.is_capitals(to - 1));
        if level && first && last && words.is(to - 1, "NF") && (i..to).all(|n| of_mark(n) || linked(n)) {
            return true;
        }
        if !(i..to).all(of_mark) {
            return false;
        }
        let written_out = self.level_words(i).is_some_and(|end| end == to);
        if written_out {
            return capitals || words.begins_capital(i) && words.begins_capital(to - 1);
        }
        let first_control = self.level_words(i).unwrap_or(i + 1);
        let forbids = (i..to).any(|n| words.is(n, "NF") || words.is(n, "REL"));
        level && doubled && (control(first_control) || capitals)
            || level && control(first_control) && (slashed || capitals && (forbids || gaps().all(|g| g != " ")))
    }

    /// Returns whether separate letters in brackets are a mark: `(T.S.)`, `(S N F)`.
    fn is_mark_of_letters(&self, i: usize, to: usize, before: &str) -> bool {
        let words = self.words;
        if to - i > LETTERS_MAX || !(i..to).all(|n| words.word(n).len() == 1) {
            return false;
        }
        let letters: Vec<u8> = (i..to).flat_map(|n| words.word(n).bytes()).collect();
        let marks = matches!(letters.as_slice(), b"TS" | b"CTS") || is_run_together(&letters);
        // Two or three letters may be initials.
        marks && (letters.len() > 3 || self.stands_before_text(i, to, before))
    }

    /// Returns whether the bracket with the words `i..to`, which begins after `before`, is where a portion mark would
    /// be, before the text that it marks.
    fn stands_before_text(&self, i: usize, to: usize, before: &str) -> bool {
        let outside = before.get(..before.len().saturating_sub(1)).unwrap_or_default().trim_end_matches(' ');
        // Before it: nothing, the end of a sentence or of another cell, or the sign of an item.
        let item = outside.trim_end_matches(['-', '*', '>', '#', ' ']);
        let first = i == 0 && item.is_empty()
            || item.ends_with('\n')
            || outside.ends_with(['.', ':', ';', '!', '?', '|', ')', '"', ','])
            || outside.is_empty() && self.is_number_of_item(i);
        let behind = self.words.gap(to);
        let text = closed(behind).unwrap_or(behind);
        // On a line of its own it marks the next line.
        let above = text.trim_start_matches(' ') == "\n" && (i == 0 || item.ends_with('\n'));
        let spaced = (text.starts_with(' ') || text.starts_with(": ")) && !text.contains('\n') || above;
        let next = self.words.word(to);
        // Without a space only before a word that can only be the beginning of a text.
        let control = matches!(self.words.term(to), Some(Term::Weak | Term::Control));
        let glued = text.is_empty() && next.len() > 1 && self.words.begins_capital(to);
        let glued = glued && (control || !self.words.is_capitals(to));
        first && (spaced || glued) && to < self.words.list.len() && next.starts_with(|c: char| !c.is_ascii_lowercase())
    }

    /// Returns whether only the number of an item is on the line before word `i`: `1.1 (S) The`.
    fn is_number_of_item(&self, i: usize) -> bool {
        let words = self.words;
        let number = |n: usize| words.word(n).bytes().all(|b| b.is_ascii_digit());
        let first = (i.saturating_sub(NUMBERS_MAX)..i).rev().take_while(|n| number(*n)).find(|n| {
            let gap = words.gap(*n);
            gap.ends_with('\n') || *n == 0 && gap.is_empty()
        });
        first.is_some_and(|first| (first + 1..i).all(|n| words.gap(n) == "."))
    }

    /// Returns whether the letter is an entry of a key, in which each letter precedes a word beginning with it: `(S)
    /// South, (N) North`.
    fn is_of_key(&self, i: usize) -> bool {
        let words = self.words;
        let item = |n: usize| {
            let letter = words.word(n).as_bytes();
            let next = words.word(n + 1).as_bytes();
            letter.len() == 1
                && words.is_capitals(n)
                && words.gap(n).ends_with('(')
                && matches!(words.gap(n + 1), ") " | "): ")
                && next.len() > 1
                && next[0] == letter[0]
        };
        let other = |n: &usize| item(*n) && words.term(*n) != Some(Term::Letter);
        let behind = (i + 1..i + 1 + KEY_WORDS_MAX).take_while(|n| !words.gap(*n).contains('\n'));
        let before = (i.saturating_sub(KEY_WORDS_MAX)..i).rev().take_while(|n| !words.gap(*n + 1).contains('\n'));
        item(i) && behind.chain(before).any(|n| other(&n))
    }

    /// Returns whether a single letter in brackets is a mark, and not a sign, an item of an enumeration or an initial.
    fn single(&self, i: usize, before: &str, enumeration: &mut Enumeration) -> bool {
        let words = self.words;
        let letter = words.word(i).as_bytes()[0];
        let item = enumeration.next == Some(letter);
        enumeration.next = item.then(|| letter + 1);
        let next = words.word(i + 1);
        let year = next.len() == 4 && next.bytes().all(|b| b.is_ascii_digit());
        let rights = ["COPYRIGHT", "COPR", "COPYLEFT"].iter().any(|w| words.is(i + 1, w)) || year;
        let claimed = i.checked_sub(1).is_some_and(|n| words.is(n, "COPYRIGHT") || words.is(n, "COPR"));
        // Dictionaries mark rare words with `[R.]`.
        let rare = letter == b'R' && words.gap(i + 1).starts_with('.');
        !item
            && !rare
            && !self.is_of_key(i)
            && !(letter == b'C' && (rights || claimed))
            && self.stands_before_text(i, i + 1, before)
    }
}
