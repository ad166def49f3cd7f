//! Splits a text into words with their separators, and the phrases of the register that they begin.

use super::lexicon::{self, Meaning};

/// The separator before a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gap {
    Space,
    Hyphen,
    Comma,
    Slash,
    Double,
}

/// One word, in upper case, and what stands before it.
#[derive(Debug, Clone)]
pub(super) struct Word {
    pub text: String,
    pub gap: Gap,
    /// It was in lower case.
    pub lowered: bool,
    /// It follows a sign that lists do not have, such as a minus, a question mark or a parenthesis.
    pub signed: bool,
}

/// Splits a text into its words.
pub(super) fn split(text: &str) -> Vec<Word> {
    let signed = |gap: &str| gap.contains(['-', '!', '~', '^', '?', '(', ')', '[', ']', '\u{2013}', '\u{2014}']);
    let mut found: Vec<Word> = Vec::new();
    let (mut word, mut gap) = (String::new(), String::new());
    for c in text.chars().chain(['\n']) {
        if c.is_alphanumeric() || matches!(c, '+' | '_') {
            word.push(c);
            continue;
        }
        if !word.is_empty() {
            let lowered = word.chars().any(char::is_lowercase) && !word.chars().any(char::is_uppercase);
            let text = std::mem::take(&mut word).to_uppercase();
            found.push(Word { text, gap: kind_of(&gap), lowered, signed: signed(&gap) });
            gap.clear();
        }
        gap.push(c);
    }
    found
}

fn kind_of(gap: &str) -> Gap {
    match gap.matches('/').count() {
        0 if gap.contains([',', ';']) => Gap::Comma,
        0 if gap.contains(['-', '\u{2013}', '\u{2014}']) => Gap::Hyphen,
        0 => Gap::Space,
        1 => Gap::Slash,
        _ => Gap::Double,
    }
}

/// The phrase of the register that the words begin with at a place, and how many words that is.
pub(super) fn phrase_at(words: &[Word], at: usize) -> Option<(Meaning, usize)> {
    let rest = words.get(at..)?;
    let texts: Vec<&str> = rest.iter().take(12).map(|word| word.text.as_str()).collect();
    lexicon::phrase(&texts, |n| matches!(rest[n].gap, Gap::Space | Gap::Hyphen))
}
