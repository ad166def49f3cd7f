//! Finds the marks of one text.

use super::find::{Enumeration, Finder, MarkKind};
use super::words::Words;

/// A mark in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// What it looks like.
    pub kind: MarkKind,
    /// The line of the text on which it begins, counted from 0.
    pub line: usize,
}

/// Returns everything in `text` that a reader would take for a classification or control marking. The time is nearly
/// linear in the length of the text.
///
/// `alone` says that the text is a name or a heading. A classification level that is the whole text is then a mark in
/// any case of letters.
///
/// ```
/// use portcullis::inspect::marks_in;
///
/// assert_eq!(marks_in("The source says (TS) that it left.", false).len(), 1);
/// assert!(marks_in("It was a top secret that the ship(s) had left.", false).is_empty());
/// ```
pub fn marks_in(text: &str, alone: bool) -> Vec<Mark> {
    let mut marks = marks_of(text, &Words::of(text), alone);
    if let Some(words) = Words::decoded(text) {
        let more = marks_of(text, &words, alone);
        marks.extend(more.into_iter().filter(|mark| !marks.contains(mark)).collect::<Vec<_>>());
        marks.sort_by_key(|mark| mark.line);
    }
    marks
}

fn marks_of(text: &str, words: &Words<'_>, alone: bool) -> Vec<Mark> {
    let finder = Finder { words, alone, last: true, lines: 1 };
    let (mut marks, mut enumeration) = (Vec::new(), Enumeration::default());
    let (mut i, mut line, mut counted) = (0, 0, 0);
    while let Some(word) = words.list.get(i) {
        match finder.at(i, &mut enumeration) {
            Some(hit) => {
                let at = words.origin(word.start);
                line += text.as_bytes()[counted..at].iter().filter(|b| **b == b'\n').count();
                counted = at;
                marks.push(Mark { kind: hit.kind, line });
                i = hit.to.max(i + 1);
            }
            None => i += 1,
        }
    }
    marks
}
