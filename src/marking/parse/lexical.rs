//! Characters, case, spaces and parentheses (spec 1.1).
//!
//! A clean mark is read in place. A mark with lexical faults is copied once, with the spaces that do not belong left
//! out and its letters raised, and a map back to the input's bytes: only so that the faults behind the first are found
//! at their true place. A mark that needed a copy is never accepted.

use super::{Kind, MARK_LEN_MAX, diagnostic};
use crate::marking::diagnostic::{Diagnostic, RuleCode};
use crate::marking::model::{Profile, cui};

/// A text ready to be read.
pub(super) struct Lexed {
    copy: Option<String>,
    /// For a copy, the input offset of each of its bytes, and of its end; `None` for a clean mark.
    pub map: Option<Vec<u32>>,
    /// Where the body starts in the input, or in the copy.
    pub start: usize,
    end: usize,
}

impl Lexed {
    /// The mark without its parentheses: a slice of `text`, or the copy.
    pub fn body<'a>(&'a self, text: &'a str) -> &'a str {
        match &self.copy {
            Some(copy) => copy,
            None => &text[self.start..self.end],
        }
    }
}

/// Checks the characters, case, spaces and parentheses of `text`, and records the faults. `None` if nothing of it can be read.
pub(super) fn lex(text: &str, kind: Kind, profile: Profile, diagnostics: &mut Vec<Diagnostic>) -> Option<Lexed> {
    if text.len() > MARK_LEN_MAX {
        let hint = format!("a mark has at most {MARK_LEN_MAX} bytes; this text has {}", text.len());
        diagnostics.push(diagnostic(RuleCode::Limit, MARK_LEN_MAX..text.len(), hint));
        // One pass names the first hostile character, so that a flood of them is still explained.
        if let Some((at, found)) = text.char_indices().find(|(_, c)| !matches!(c, ' '..='~')) {
            charset(at, found, diagnostics);
        }
        return None;
    }
    if is_clean(text.as_bytes(), kind, profile) {
        let inset = usize::from(kind == Kind::Portion);
        return Some(Lexed { copy: None, map: None, start: inset, end: text.len() - inset });
    }
    if text.trim_matches(' ').is_empty() {
        diagnostics.push(diagnostic(RuleCode::Empty, 0..text.len(), "write a mark"));
        return None;
    }
    for (at, found) in text.char_indices().filter(|(_, c)| !matches!(c, ' '..='~')) {
        charset(at, found, diagnostics);
    }
    let trimmed = text.trim_matches(' ');
    let offset = text.len() - text.trim_start_matches(' ').len();
    let inset = match kind {
        Kind::Banner if trimmed.contains(['(', ')']) => {
            diagnostics.push(diagnostic(RuleCode::Paren, 0..text.len(), "a banner has no parentheses"));
            return None;
        }
        Kind::Banner => 0,
        Kind::Portion => {
            let inner = trimmed.strip_prefix('(').and_then(|t| t.strip_suffix(')'));
            match inner {
                Some(inner) if !inner.contains(['(', ')']) => {}
                _ => {
                    let hint = "portion marks are enclosed in parentheses";
                    diagnostics.push(diagnostic(RuleCode::Paren, 0..text.len(), hint));
                    return None;
                }
            }
            if inner.is_some_and(|i| i.trim_matches(' ').is_empty()) {
                diagnostics.push(diagnostic(RuleCode::Empty, 0..text.len(), "write a mark"));
                return None;
            }
            1
        }
    };
    let body = offset + inset..offset + trimmed.len() - inset;
    outer_spaces(text, offset, trimmed.len(), diagnostics);
    Some(copy_clean(text, body, profile, diagnostics))
}

/// True for a text without lexical faults, in one pass.
fn is_clean(bytes: &[u8], kind: Kind, profile: Profile) -> bool {
    let body = match kind {
        Kind::Banner => bytes,
        Kind::Portion => match bytes {
            [b'(', body @ .., b')'] => body,
            _ => return false,
        },
    };
    let mut before = b'/';
    for &byte in body {
        let fine = match byte {
            b' ' => before != b' ' && before != b'/',
            b'/' => before != b' ',
            b'(' | b')' => false,
            b'a'..=b'z' => profile == Profile::Cui,
            b'!'..=b'~' => true,
            _ => false,
        };
        if !fine {
            return false;
        }
        before = byte;
    }
    if profile == Profile::Cui && body.iter().any(u8::is_ascii_lowercase) {
        // Mixed-case words are rare: the full check handles them.
        return false;
    }
    !body.is_empty() && before != b' '
}

fn outer_spaces(text: &str, offset: usize, len: usize, diagnostics: &mut Vec<Diagnostic>) {
    if offset > 0 {
        diagnostics.push(diagnostic(RuleCode::Whitespace, 0..offset, "no leading space"));
    }
    if offset + len < text.len() {
        diagnostics.push(diagnostic(RuleCode::Whitespace, offset + len..text.len(), "no trailing space"));
    }
}

fn copy_clean(text: &str, body: std::ops::Range<usize>, profile: Profile, diagnostics: &mut Vec<Diagnostic>) -> Lexed {
    let bytes = text.as_bytes();
    let mut copy = String::with_capacity(body.len());
    let mut map: Vec<u32> = Vec::with_capacity(body.len() + 1);
    let mut at = body.start;
    while at < body.end {
        let rest = &text[at..body.end];
        // Maximal runs: spaces, words of letters, or one other character.
        if bytes[at] == b' ' {
            let run = rest.len() - rest.trim_start_matches(' ').len();
            let (before, after) = (copy.bytes().last(), bytes.get(at + run).filter(|_| at + run < body.end));
            let outside = before.is_none_or(|b| b == b'/') || after.is_none_or(|b| *b == b'/');
            if outside {
                diagnostics.push(diagnostic(RuleCode::Whitespace, at..at + run, "no space around separators"));
            } else {
                if run > 1 {
                    diagnostics.push(diagnostic(RuleCode::Whitespace, at + 1..at + run, "one space"));
                }
                copy.push(' ');
                map.push(at as u32);
            }
            at += run;
        } else if bytes[at].is_ascii_alphabetic() {
            let run = rest.bytes().take_while(u8::is_ascii_alphanumeric).count();
            let exempt = if profile == Profile::Cui { cui::mixed_case_prefix(rest) } else { 0 };
            let run = run.max(exempt);
            let word = &rest[..run];
            if exempt == 0 && word.bytes().any(|b| b.is_ascii_lowercase()) {
                diagnostics.push(diagnostic(RuleCode::Case, at..at + run, "upper case"));
                copy.push_str(&word.to_ascii_uppercase());
            } else {
                copy.push_str(word);
            }
            map.extend((at..at + run).map(|i| i as u32));
            at += run;
        } else {
            let width = rest.chars().next().map_or(1, char::len_utf8);
            copy.push_str(&rest[..width]);
            map.extend((at..at + width).map(|i| i as u32));
            at += width;
        }
    }
    map.push(body.end as u32);
    let end = copy.len();
    Lexed { copy: Some(copy), map: Some(map), start: 0, end }
}

fn charset(at: usize, found: char, diagnostics: &mut Vec<Diagnostic>) {
    let hint = format!("remove U+{:04X} {}; marks hold U+0020 to U+007E only", u32::from(found), name(found));
    diagnostics.push(diagnostic(RuleCode::Charset, at..at + found.len_utf8(), hint));
}

/// The name of a character that is known to be used to deceive, or its kind.
fn name(found: char) -> &'static str {
    match found {
        '\t' => "CHARACTER TABULATION",
        '\n' => "LINE FEED",
        '\r' => "CARRIAGE RETURN",
        '\0' => "NULL",
        '\u{7f}' => "DELETE",
        '\u{a0}' => "NO-BREAK SPACE",
        '\u{ad}' => "SOFT HYPHEN",
        '\u{200b}' => "ZERO WIDTH SPACE",
        '\u{200c}' => "ZERO WIDTH NON-JOINER",
        '\u{200d}' => "ZERO WIDTH JOINER",
        '\u{200e}' => "LEFT-TO-RIGHT MARK",
        '\u{200f}' => "RIGHT-TO-LEFT MARK",
        '\u{2010}' => "HYPHEN",
        '\u{2011}' => "NON-BREAKING HYPHEN",
        '\u{2012}' => "FIGURE DASH",
        '\u{2013}' => "EN DASH",
        '\u{2014}' => "EM DASH",
        '\u{2028}' => "LINE SEPARATOR",
        '\u{2029}' => "PARAGRAPH SEPARATOR",
        '\u{202a}' => "LEFT-TO-RIGHT EMBEDDING",
        '\u{202b}' => "RIGHT-TO-LEFT EMBEDDING",
        '\u{202c}' => "POP DIRECTIONAL FORMATTING",
        '\u{202d}' => "LEFT-TO-RIGHT OVERRIDE",
        '\u{202e}' => "RIGHT-TO-LEFT OVERRIDE",
        '\u{2044}' => "FRACTION SLASH",
        '\u{2066}' => "LEFT-TO-RIGHT ISOLATE",
        '\u{2067}' => "RIGHT-TO-LEFT ISOLATE",
        '\u{2068}' => "FIRST STRONG ISOLATE",
        '\u{2069}' => "POP DIRECTIONAL ISOLATE",
        '\u{2060}' => "WORD JOINER",
        '\u{2215}' => "DIVISION SLASH",
        '\u{2212}' => "MINUS SIGN",
        '\u{3000}' => "IDEOGRAPHIC SPACE",
        '\u{feff}' => "ZERO WIDTH NO-BREAK SPACE",
        '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' => "(a space of another width)",
        '\u{370}'..='\u{3ff}' => "(a Greek character)",
        '\u{400}'..='\u{52f}' => "(a Cyrillic character)",
        '\u{ff00}'..='\u{ffef}' => "(a full-width or half-width character)",
        '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}' => "(a variation selector)",
        '\u{e0000}'..='\u{e007f}' => "(a tag character)",
        '\0'..='\u{1f}' | '\u{80}'..='\u{9f}' => "(a control character)",
        _ => "(not ASCII)",
    }
}
