//! The word filter: entries of the operator's lists, such as code words and project names.
//!
//! They are searched in folded text, so that case, spacing, line breaks and confusables hide nothing. A finding
//! contains the list and the line of the entry, never the entry: the lists are classified themselves.

use std::collections::BTreeSet;

use crate::inspect::attachment_text::{text_of, windows};
use crate::inspect::filter_name::FilterName;
use crate::inspect::finding::{FINDINGS_MAX, Finding};
use crate::inspect::subject::{Filter, Subject};
use crate::inspect::word_list::WordList;
use crate::product::Attachment;
use crate::product::confusable::Readings;

/// The word filter.
pub(in crate::inspect) struct Words;

impl Filter for Words {
    fn name(&self) -> FilterName {
        FilterName::Words
    }

    fn examine(&self, subject: &Subject<'_>) -> Vec<Finding> {
        if subject.settings.words.is_empty() {
            return Vec::new();
        }
        let pieces = pieces(subject);
        // All parts are searched as one text as well: an entry may be split between a title and the paragraph after it.
        // Only as much text is kept as the longest entry needs.
        let mut whole = Readings::default();
        let longest = longest(&subject.settings.words);
        let mut findings = Vec::new();
        for (attachment, reading) in subject.attachments() {
            if !attachment.is_detached() && text_of(attachment, reading).is_none() {
                let message = "an attachment that cannot be searched for words".into();
                let line = Some(attachment.line());
                findings.push(Finding { filter: FilterName::Words, code: "words.unread", line, message });
            }
        }
        let mut across: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); subject.settings.words.len()];
        for (line, piece) in &pieces {
            let readings = subject.folds.readings(piece);
            if findings.len() >= FINDINGS_MAX {
                return findings;
            }
            for list in &subject.settings.words {
                let found: BTreeSet<usize> = readings.iter().flat_map(|folded| list.found_in(folded)).collect();
                findings.extend(found.into_iter().map(|entry| finding(list, entry, Some(*line))));
            }
            whole.append(&readings);
            for (list, across) in subject.settings.words.iter().zip(&mut across) {
                across.extend(whole.iter().flat_map(|folded| list.found_in(folded)));
            }
            whole.keep_last(longest);
        }
        if subject.folds.is_exhausted() {
            let message = "more text than can be searched for words: send less at once".into();
            findings.push(Finding { filter: FilterName::Words, code: "words.unread", line: None, message });
        }
        for attachment in subject.cut.detached() {
            findings.extend(detached(attachment, subject));
        }
        for (list, across) in subject.settings.words.iter().zip(across) {
            for entry in across {
                let message = finding(list, entry, None);
                if !findings.iter().any(|f| f.message == message.message) {
                    findings.push(message);
                }
            }
        }
        findings
    }
}

/// Searches a detached attachment, in windows that overlap by more than the longest entry.
fn detached(attachment: &Attachment, subject: &Subject<'_>) -> Vec<Finding> {
    let lists = &subject.settings.words;
    if lists.iter().all(WordList::is_empty) {
        return Vec::new();
    }
    let longest = longest(lists);
    let mut found = vec![BTreeSet::new(); lists.len()];
    let read = windows(attachment, subject.contents, longest, &mut |window| {
        for (list, found) in lists.iter().zip(&mut found) {
            found.extend(list.found_in(window));
        }
    });
    let at = Some(attachment.line());
    if let Err(unread) = read {
        let (code, message) = unread.fault();
        return vec![Finding { filter: FilterName::Words, code, line: at, message }];
    }
    let named = |(list, entries): (&WordList, BTreeSet<usize>)| {
        entries.into_iter().map(|entry| finding(list, entry, at)).collect::<Vec<_>>()
    };
    lists.iter().zip(found).flat_map(named).collect()
}

/// Returns the length of the longest folded entry of these lists, in bytes.
fn longest(lists: &[WordList]) -> usize {
    lists.iter().map(|list| list.longest()).max().unwrap_or_default()
}

fn finding(list: &WordList, entry: usize, line: Option<usize>) -> Finding {
    let message = format!("the entry on line {entry} of word list `{}` occurs in the cut", list.name());
    Finding { filter: FilterName::Words, code: "words.listed", line, message }
}

/// Returns every text of a cut with the line on which it begins.
fn pieces<'a>(subject: &Subject<'a>) -> Vec<(usize, &'a str)> {
    let cut = subject.cut;
    let mut pieces: Vec<(usize, &'a str)> = Vec::new();
    pieces.extend(cut.head().items().map(|(_, item)| (item.line, item.text.as_str())));
    pieces.extend(cut.portions().iter().map(|p| (p.line, p.text.as_str())));
    for (attachment, reading) in subject.attachments() {
        pieces.push((attachment.line(), attachment.name().as_str()));
        pieces.extend(text_of(attachment, reading).map(|text| (attachment.line(), text)));
        // For a format with extracted text, both the bytes and the extracted text are searched.
        pieces.extend(reading.and_then(|r| r.text.as_deref()).map(|text| (attachment.line(), text)));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_names_the_line_of_an_entry_and_not_the_entry() {
        let list: WordList =
            "PORTCULLIS WORDS 1\nName: exercise\nMarking: SECRET//NOFORN\n\n# birds\nCopper Finch\n".parse().unwrap();
        let message = finding(&list, 6, Some(1)).message;
        assert_eq!(message, "the entry on line 6 of word list `exercise` occurs in the cut");
    }
}
