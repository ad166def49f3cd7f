//! Controls of several words, and marks of other countries.

use super::super::phrases::{PHRASES, Written, foreign, leading};
use super::super::vocabulary::{Folded, Term};
use super::super::words::joins;
use super::{Finder, Hit, MarkKind};

/// The maximum number of words between `HANDLE VIA` and `CHANNELS`.
const CHANNELS_MAX: usize = 5;

impl Finder<'_> {
    /// Finds a control of several words, or a mark in another language.
    pub(super) fn phrase(&self, i: usize) -> Option<Hit> {
        let Some(first) = Folded::of(self.words.word(i)).filter(|_| self.words.word(i).is_ascii()) else {
            return self.foreign(i);
        };
        let first = first.as_bytes();
        let from = PHRASES.partition_point(|(phrase, _)| phrase.as_bytes() < first);
        let same = PHRASES[from..].iter().take_while(|(phrase, _)| phrase.as_bytes().starts_with(first));
        let found = same.filter_map(|(phrase, written)| self.is_phrase(i, phrase, *written)).max();
        let found = found.map(|to| self.hit(MarkKind::Control, i, self.run(to)));
        match first {
            b"RELEASABLE" => found.or_else(|| self.releasable(i)),
            b"HANDLE" => found.or_else(|| self.channels(i)),
            _ => found,
        }
    }

    /// Returns the end of the phrase, if it is written as a mark here.
    fn is_phrase(&self, i: usize, phrase: &str, written: Written) -> Option<usize> {
        let words = self.words;
        let mut to = i;
        for (n, part) in phrase.split(' ').enumerate() {
            let near = n == 0 || words.gap(to).len() <= 4 && !words.gap(to).contains("\n\n");
            if !near {
                return None;
            }
            to = if words.is(to, part) { to + 1 } else { self.spelt(to, part)? };
        }
        let capitals = (i..to).all(|n| words.is_capitals(n));
        let (begins, ends) = (self.begins(i), self.ends(to));
        let shouted = || self.is_shouted(i, to);
        let marks = match written {
            Written::Anyhow => true,
            Written::Capitals => {
                capitals && (begins || ends || !shouted()) || begins && ends && words.begins_capital(i)
            }
            Written::Field => words.gap(to).trim_start().starts_with(':') && begins,
            Written::Marked if self.is_line(i, to) && words.begins_capital(i) => true,
            Written::Line => capitals && self.is_line(i, to),
            Written::Marked => capitals && (begins && ends || (begins || ends) && !shouted()),
        };
        // `For Your Eyes Only` is a film.
        let yours = phrase == "EYES ONLY" && i.checked_sub(1).is_some_and(|before| words.is(before, "YOUR"));
        (marks && !yours).then_some(to)
    }

    /// `RELEASABLE TO USA`: unlike in a sentence it is in capitals, at the beginning of a phrase, or followed by no
    /// word.
    fn releasable(&self, i: usize) -> Option<Hit> {
        let words = self.words;
        let near = |gap: &str| gap.len() <= 4 && !gap.contains("\n\n");
        let to = i + 2;
        let code = words.term(to) == Some(Term::Code) && words.is_capitals(to);
        if !words.is(i + 1, "TO") || !code || !near(words.gap(i + 1)) {
            return None;
        }
        let signed = words.gap(to).trim() != "";
        let end = self.listed(to + 1);
        let goes_on = words.gap(end) == " " && words.word(end).starts_with(|c: char| c.is_ascii_lowercase());
        let capitals = words.is_capitals(i) && words.is_capitals(i + 1);
        let marks = near(words.gap(to)) && (signed || capitals || self.begins(i) || !goes_on);
        marks.then(|| self.hit(MarkKind::Control, i, end))
    }

    /// Returns the end of the list of owners and controls that continues at `from`.
    pub(super) fn listed(&self, from: usize) -> usize {
        let words = self.words;
        let mut to = from;
        while to - from < super::WORDS_MAX && words.is_capitals(to) {
            let gap = words.gap(to);
            let known = matches!(words.term(to), Some(Term::Code | Term::Weak | Term::Control));
            if !known || gap.contains('\n') || !joins(gap) && !matches!(gap.trim(), "," | ";") {
                break;
            }
            to += 1;
        }
        to
    }

    /// `HANDLE VIA ... CHANNELS ONLY`.
    fn channels(&self, i: usize) -> Option<Hit> {
        let words = self.words;
        if !words.is(i + 1, "VIA") {
            return None;
        }
        let at = (i + 2..=i + 2 + CHANNELS_MAX).find(|n| words.is(*n, "CHANNELS"))?;
        let only = words.is(at + 1, "ONLY");
        let capitals = (i..=at).all(|n| words.is_capitals(n));
        (only || capitals).then(|| self.hit(MarkKind::Control, i, at + 1 + usize::from(only)))
    }

    /// Finds a mark in a non-Latin script, where it is written as a mark.
    fn foreign(&self, i: usize) -> Option<Hit> {
        let words = self.words;
        if words.term(i) != Some(Term::Phrase) {
            return None;
        }
        let is = |mark: &&Vec<String>| {
            i.checked_sub(leading(mark)).is_some_and(|from| {
                let mut parts = mark.iter().enumerate();
                parts.all(|(n, part)| (n == 0 || words.gap(from + n).len() <= 4) && words.word(from + n) == part)
            })
        };
        let mark = foreign().iter().find(is)?;
        let from = i - leading(mark);
        let to = from + mark.len();
        let begins = self.begins(from) || words.gap(from).ends_with([':', '=']);
        // A letter at the end of the last word may have been folded to a sign.
        let ends = self.ends(to) || self.last && to >= words.list.len();
        // Unless all letters are capitals, only its isolated position distinguishes it from the ordinary word.
        let cased = mark.iter().flat_map(|part| part.chars()).all(|c| c.is_uppercase() || c.is_ascii_digit());
        (begins && ends || cased && (begins || ends)).then(|| self.hit(MarkKind::Control, from, self.run(to)))
    }
}
