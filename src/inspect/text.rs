//! Characters that make a reader see something else than what is there, or carry what nobody sees.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use unicode_security::MixedScript;
use unicode_security::confusable_detection::skeleton;

use super::reading::text_of;
use super::{FINDINGS_MAX, Filter, FilterName, Finding, Subject, stream, types};
use crate::unseen::Unseen;

/// The longest run of bytes without a space, comma or semicolon. Longer ones are not language: they are something encoded.
const RUN_BYTES_MAX: usize = 200;

/// The text filter.
pub(super) struct Text;

impl Filter for Text {
    fn name(&self) -> FilterName {
        FilterName::Text
    }

    fn examine(&self, subject: &Subject<'_>) -> Vec<Finding> {
        let mut findings = Vec::new();
        let Ok(text) = std::str::from_utf8(subject.cut.bytes()) else {
            return vec![finding("text.utf8", None, "the cut is not UTF-8")];
        };
        for (i, line) in text.split('\n').enumerate() {
            examine_line(line, Some(i + 1), &mut findings);
        }
        for (attachment, reading) in subject.attachments() {
            let at = Some(attachment.line());
            if attachment.is_detached() {
                findings.extend(stream::seen(attachment, reading, subject.contents).text);
                continue;
            }
            match text_of(attachment, reading) {
                Some(text) => text.split('\n').for_each(|line| examine_line(line, at, &mut findings)),
                None => findings.push(finding("text.unread", at, "an attachment whose text cannot be read")),
            }
        }
        findings.dedup();
        findings
    }
}

/// Looks at whole lines of an attachment that begins on line `at` of the cut's text; `kinds` are those of their bytes.
pub(super) fn examine_block(block: &str, kinds: u8, at: Option<usize>, findings: &mut Vec<Finding>) {
    if !is_plain(block, kinds) {
        block.split('\n').for_each(|line| examine_line(line, at, findings));
    }
}

pub(super) fn finding(code: &'static str, line: Option<usize>, message: impl Into<String>) -> Finding {
    Finding { filter: FilterName::Text, code, line, message: message.into() }
}

/// Whether every line is short and of ASCII without control characters, in which there is nothing to find.
fn is_plain(block: &str, kinds: u8) -> bool {
    kinds & (types::FOREIGN | types::CONTROL) == 0 && has_short_lines(block.as_bytes())
}

/// Whether no line is longer than [`RUN_BYTES_MAX`]. From the beginning of a line it goes on behind the last line end that
/// is not too far: what stands between is short as well.
fn has_short_lines(mut rest: &[u8]) -> bool {
    while let Some(reach) = rest.get(..=RUN_BYTES_MAX) {
        match reach.iter().rposition(|b| *b == b'\n') {
            Some(end) => rest = &rest[end + 1..],
            None => return false,
        }
    }
    true
}

fn examine_line(line: &str, at: Option<usize>, findings: &mut Vec<Finding>) {
    // A text of nothing but deceit must not cost more memory to refuse than to hold.
    if findings.len() >= FINDINGS_MAX {
        return;
    }
    if line.len() > RUN_BYTES_MAX && line.split([' ', ',', ';']).any(|run| run.len() > RUN_BYTES_MAX) {
        let message = format!(
            "a run of more than {RUN_BYTES_MAX} bytes without a space, comma or semicolon: attach what is not language"
        );
        findings.push(finding("text.run", at, message));
    }
    let kinds = types::kinds(line);
    if kinds & types::FOREIGN == 0 {
        if kinds & types::CONTROL != 0 {
            findings.push(finding("text.control", at, "a control character: remove it"));
        }
        return;
    }
    for c in line.chars() {
        if findings.len() >= FINDINGS_MAX {
            return;
        }
        if let Some((code, what)) = forbidden(c) {
            findings.push(finding(code, at, format!("{what}, U+{:04X}: remove it", u32::from(c))));
        }
    }
    if !unicode_normalization::is_nfc(line) {
        findings.push(finding("text.nfc", at, "text that is not in Unicode normalisation form C: normalise it"));
    }
    let mut stacked = 0;
    for c in line.chars() {
        stacked = if is_combining_mark(c) { stacked + 1 } else { 0 };
        if stacked == 3 {
            findings.push(finding("text.stack", at, "three or more combining marks on one letter: write it plainly"));
        }
    }
    for word in line.split(|c: char| !c.is_alphanumeric() && !is_combining_mark(c)) {
        if word.is_ascii() || findings.len() >= FINDINGS_MAX {
            continue;
        }
        if !word.is_single_script() {
            findings.push(finding("text.mixed", at, "letters of several scripts in one word: write it in one script"));
        } else if reads_as_latin(word) {
            findings.push(finding(
                "text.lookalike",
                at,
                "a word of another script that reads as a Latin one: transliterate it",
            ));
        }
    }
}

/// Whether a word without Latin letters looks as if it had nothing else.
fn reads_as_latin(word: &str) -> bool {
    let mut seen = skeleton(word).peekable();
    seen.peek().is_some() && seen.all(|c| c.is_ascii_alphanumeric()) && !is_latin(word)
}

fn is_latin(word: &str) -> bool {
    // Latin letters decompose to an ASCII letter and marks; a look-alike from another script never does.
    word.nfd().any(|c| c.is_ascii_alphabetic()) || word.chars().all(|c| c.is_numeric())
}

/// Why a character may not leave or enter, if it may not.
fn forbidden(c: char) -> Option<(&'static str, &'static str)> {
    if let Some(unseen) = Unseen::of(c) {
        return Some(match unseen {
            Unseen::Control => ("text.control", "a control character"),
            Unseen::Separator => ("text.control", "a foreign line separator"),
            Unseen::Direction => ("text.bidi", "a bidirectional control"),
            Unseen::Tag => ("text.tag", "a tag character"),
            Unseen::Invisible => ("text.invisible", "an invisible character"),
        });
    }
    Some(match c {
        // Eight dots of Braille, none of which is raised.
        '\u{2800}' => ("text.invisible", "an invisible character"),
        _ if c.is_whitespace() && c != ' ' => ("text.space", "a space other than U+0020"),
        '\u{E000}'..='\u{F8FF}' | '\u{F0000}'..='\u{10FFFF}' => ("text.private", "a private-use character"),
        '\u{FDD0}'..='\u{FDEF}' => ("text.control", "a noncharacter"),
        _ if u32::from(c) & 0xFFFE == 0xFFFE => ("text.control", "a noncharacter"),
        '\u{FFFD}' => ("text.lost", "a replacement character, where text was lost"),
        // Latin-1 has superscripts and fractions in everyday use; every other styled form of an ASCII letter or
        // digit is there to look like one without being one.
        '\u{0080}'..='\u{00FF}' => return None,
        _ if is_styled(c) => ("text.styled", "a styled form of a letter or digit"),
        _ => return None,
    })
}

fn is_styled(c: char) -> bool {
    let one = || std::iter::once(c);
    !c.is_ascii() && one().nfkd().any(|d| d.is_ascii_alphanumeric()) && one().nfkd().ne(one().nfd())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(line: &str) -> Vec<&'static str> {
        let mut findings = Vec::new();
        examine_line(line, None, &mut findings);
        findings.iter().map(|f| f.code).collect()
    }

    #[test]
    fn passes_the_languages_that_partners_write() {
        for line in [
            "Two vessels of 40 m\u{b2} deck, at 51\u{b0} N",
            "d\u{e9}j\u{e0} vu, Stra\u{df}e, \u{141}\u{f3}d\u{17a}",
            "\u{41f}\u{440}\u{43e}\u{438}\u{437}\u{432}\u{43e}\u{434}\u{441}\u{442}\u{432}\u{43e}",
            "\u{3ba}\u{3b1}\u{3bb}\u{3b7}\u{3bc}\u{3ad}\u{3c1}\u{3b1}",
            "\u{65e5}\u{672c}\u{306e}\u{8239}",
            "\u{633}\u{641}\u{64a}\u{646}\u{629}",
            "a \u{2013} b \u{2014} c \u{201c}quoted\u{201d}",
        ] {
            assert_eq!(codes(line), Vec::<&str>::new(), "{line}");
        }
    }

    #[test]
    fn refuses_every_kind_of_deceit() {
        for (line, code) in [
            ("a\u{202e}b", "text.bidi"),
            ("a\u{2066}b", "text.bidi"),
            ("a\u{200b}b", "text.invisible"),
            ("a\u{200d}b", "text.invisible"),
            ("a\u{ad}b", "text.invisible"),
            ("a\u{fe0f}b", "text.invisible"),
            ("a\u{e0041}b", "text.tag"),
            ("a\u{7}b", "text.control"),
            ("a\u{85}b", "text.control"),
            ("a\u{2029}b", "text.control"),
            ("a\u{a0}b", "text.space"),
            ("a\u{3000}b", "text.space"),
            ("a\u{e000}b", "text.private"),
            ("a\u{fffd}b", "text.lost"),
            ("\u{ff33}ECRET", "text.styled"),
            ("\u{1d412}ECRET", "text.styled"),
            ("e\u{301}t\u{e9}", "text.nfc"),
            ("p\u{430}ssword", "text.mixed"),
            ("\u{430}\u{440}\u{435}", "text.lookalike"),
            ("x\u{323}\u{307}\u{336}", "text.stack"),
        ] {
            assert!(codes(line).contains(&code), "{line:?}: {:?}", codes(line));
        }
        assert_eq!(codes(&"a".repeat(201)), ["text.run"]);
    }

    #[test]
    fn nothing_that_a_reader_does_not_see_passes() {
        let unseen: Vec<char> = ('\0'..=char::MAX).filter(|c| *c != '\n' && Unseen::of(*c).is_some()).collect();
        assert!(unseen.len() > 4000);
        for c in unseen {
            assert!(!codes(&format!("a{c}b")).is_empty(), "U+{:04X} passed", u32::from(c));
        }
    }

    #[test]
    fn a_line_is_long_wherever_it_stands() {
        let line = |length: usize| "a".repeat(length);
        for before in [0, 1, 57, 199, 200] {
            for after in ["", "\n", "\nb"] {
                let text = |length| format!("{}\n{}\n{}{after}", line(before), line(before / 2), line(length));
                assert!(has_short_lines(text(RUN_BYTES_MAX).as_bytes()), "{before} {after:?}");
                assert!(!has_short_lines(text(RUN_BYTES_MAX + 1).as_bytes()), "{before} {after:?}");
            }
        }
        assert!(has_short_lines(b"") && has_short_lines(&[b'\n'; 1000]));
    }
}
