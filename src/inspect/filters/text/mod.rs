//! The text filter. It refuses characters that deceive a reader or carry hidden data.

mod sequences;
mod characters;
mod words;
mod lookalike;
mod script_sets;
mod scripts;

pub(in crate::inspect) use self::sequences::is_part;

use std::collections::BTreeSet;

use unicode_normalization::char::is_combining_mark;

use self::characters::{forbidden, is_allowed_here, is_general_mark, remedy};
use self::scripts::{Paragraph, ScriptFaults};
use crate::inspect::attachment_text::text_of;
use crate::inspect::content::{CONTROL, FOREIGN, classes};
use crate::inspect::filter_name::FilterName;
use crate::inspect::finding::{FINDINGS_MAX, Finding, NO_VERDICT, failed};
use crate::inspect::subject::{Filter, Subject};

/// The longest run of letters and signs without a space, comma or semicolon, in characters. Longer runs are not
/// language but encoded data. In scripts without spaces, any punctuation ends a run as well.
const RUN_MAX: usize = 200;

/// The most combining marks on one letter, in scripts whose letters are composed with marks.
const MARKS_MAX: usize = 8;

/// The text filter.
pub(in crate::inspect) struct Text;

impl Filter for Text {
    fn name(&self) -> FilterName {
        FilterName::Text
    }

    fn examine(&self, subject: &Subject<'_>) -> Vec<Finding> {
        let mut findings = Vec::new();
        let Ok(text) = std::str::from_utf8(subject.cut.bytes()) else {
            return vec![finding("text.utf8", None, "the cut is not UTF-8")];
        };
        let mut lines = LineChecker::default();
        for (i, line) in text.split('\n').enumerate() {
            lines.check(line, Some(i + 1), &mut findings);
        }
        for (attachment, reading) in subject.attachments() {
            let at = Some(attachment.line());
            if attachment.is_detached() {
                let Some(scanned) = reading.and_then(|reading| reading.lines.as_ref()) else {
                    return vec![failed(FilterName::Text, NO_VERDICT)];
                };
                findings.extend(scanned.text.iter().cloned());
                continue;
            }
            match text_of(attachment, reading) {
                Some(text) => {
                    let mut lines = LineChecker::of_attachment();
                    text.split('\n').for_each(|line| lines.check(line, at, &mut findings));
                }
                None => findings.push(finding("text.unread", at, "an attachment whose text cannot be read")),
            }
        }
        findings.dedup();
        findings
    }
}

/// Checks consecutive lines.
#[derive(Default)]
pub(in crate::inspect) struct LineChecker {
    paragraph: Paragraph,
    /// Whether the last line had no foreign characters.
    after_plain: bool,
    /// The position in the attachment, if the lines are those of one. For lines of the cut itself, the finding has the
    /// line.
    within: Option<Within>,
}

/// A position in an attachment.
#[derive(Default)]
struct Within {
    /// The current line, counted from 1.
    line: usize,
    /// The characters already reported: each is reported once, with its first position.
    reported: BTreeSet<(&'static str, char)>,
}

impl LineChecker {
    /// Creates a checker for the lines of an attachment; its findings contain their line numbers.
    pub fn of_attachment() -> LineChecker {
        LineChecker { within: Some(Within::default()), ..LineChecker::default() }
    }

    /// Checks whole lines of an attachment that begins on line `at` of the cut's text; `kinds` are the byte classes of
    /// the block.
    pub fn block(&mut self, block: &str, kinds: u8, at: Option<usize>, findings: &mut Vec<Finding>) {
        if is_plain(block, kinds) {
            (self.paragraph, self.after_plain) = (Paragraph::default(), false);
            if let Some(within) = &mut self.within {
                within.line += block.bytes().filter(|b| *b == b'\n').count();
            }
        } else {
            // After the last line end there is no further line.
            block.split_terminator('\n').for_each(|line| self.check(line, at, findings));
        }
    }

    fn check(&mut self, line: &str, at: Option<usize>, findings: &mut Vec<Finding>) {
        if let Some(within) = &mut self.within {
            within.line += 1;
        }
        // Refusing a text full of forbidden characters must not need more memory than the text itself.
        if findings.len() >= FINDINGS_MAX {
            return;
        }
        if line.len() > RUN_MAX && longest_run(line) > RUN_MAX {
            let what = format!("a run of more than {RUN_MAX} letters without a space, comma or semicolon");
            findings.push(self.finding("text.run", at, &what, None, "attach encoded data as a file"));
        }
        let kinds = classes(line);
        if kinds & FOREIGN == 0 {
            // The context for scripts ends with an empty line, and after two lines without foreign characters.
            if self.after_plain || line.trim().is_empty() {
                self.paragraph = Paragraph::default();
            } else {
                self.paragraph.line(line);
            }
            self.after_plain = true;
            if kinds & CONTROL != 0 {
                findings.push(self.finding("text.control", at, "a control character", None, "remove it"));
            }
            return;
        }
        self.after_plain = false;
        self.characters(line, at, findings);
        if findings.len() >= FINDINGS_MAX {
            return;
        }
        let ScriptFaults { mixed, alike, word } = self.paragraph.line(line);
        if mixed {
            let what = "letters of several scripts in one word";
            findings.push(self.finding("text.mixed", at, what, word, "write it in one script"));
        }
        if alike {
            let what = "a word of another script that looks like a Latin word or a mark";
            findings.push(self.finding("text.lookalike", at, what, word, "transliterate it"));
        }
    }

    /// Returns a finding with the line of the attachment and the number of the word in its line.
    fn finding(&self, code: &'static str, at: Option<usize>, what: &str, word: Option<usize>, remedy: &str) -> Finding {
        let line = self.within.as_ref().map(|within| within.line);
        let place = match (word, line) {
            (Some(word), Some(line)) => format!(", word {word} of line {line} of the attachment"),
            (Some(word), None) => format!(", word {word} of its line"),
            (None, Some(line)) => format!(", line {line} of the attachment"),
            (None, None) => String::new(),
        };
        finding(code, at, format!("{what}{place}: {remedy}"))
    }

    /// Checks the characters of a line.
    fn characters(&mut self, line: &str, at: Option<usize>, findings: &mut Vec<Finding>) {
        // The end of the last run of full-width letters that is allowed.
        let mut wide = 0;
        for (place, c) in line.char_indices() {
            if findings.len() >= FINDINGS_MAX {
                return;
            }
            if place < wide {
                continue;
            }
            if sequences::is_wide_ascii(c)
                && let (length, true) = sequences::wide_ascii(&line[..place], &line[place..])
            {
                wide = place + length;
            } else if let Some((code, what)) = forbidden(c)
                && !is_allowed_here(c, &line[..place], &line[place + c.len_utf8()..])
                && self.within.as_mut().is_none_or(|within| within.reported.insert((code, c)))
            {
                let what = format!("{what}, U+{:04X}", u32::from(c));
                findings.push(self.finding(code, at, &what, None, &remedy(code, c)));
            }
        }
        if !unicode_normalization::is_nfc(line) {
            let what = "text that is not in Unicode normalisation form C";
            findings.push(self.finding("text.nfc", at, what, None, "normalise it"));
        }
        let (mut stacked, mut general) = (0, 0);
        for c in line.chars() {
            (stacked, general) = match c {
                _ if !is_combining_mark(c) => (0, 0),
                _ if is_general_mark(c) => (stacked + 1, general + 1),
                _ => (stacked + 1, general),
            };
            if general == 3 && is_general_mark(c) || stacked == MARKS_MAX + 1 {
                let what = "three or more combining marks on one letter";
                findings.push(self.finding("text.stack", at, what, None, "write it plainly"));
            }
        }
    }
}

/// Returns the length of the longest run without a space, comma or semicolon, in characters.
fn longest_run(line: &str) -> usize {
    let ends = |c: char| matches!(c, ' ' | ',' | ';') || !c.is_ascii() && !c.is_alphanumeric() && !is_combining_mark(c);
    let length = |run: &str| run.chars().filter(|c| !is_combining_mark(*c)).count();
    line.split(ends).map(length).max().unwrap_or(0)
}

/// Returns a finding of the text filter.
pub(in crate::inspect) fn finding(code: &'static str, line: Option<usize>, message: impl Into<String>) -> Finding {
    Finding { filter: FilterName::Text, code, line, message: message.into() }
}

/// Returns whether all lines are short and consist of ASCII without control characters: there is nothing to find.
fn is_plain(block: &str, kinds: u8) -> bool {
    kinds & (FOREIGN | CONTROL) == 0 && has_short_lines(block.as_bytes())
}

/// Returns whether no line is longer than [`RUN_MAX`]. It skips from the beginning of a line to the last line end that
/// is not too far away, as all lines between are short as well.
fn has_short_lines(mut rest: &[u8]) -> bool {
    while let Some(reach) = rest.get(..=RUN_MAX) {
        match reach.iter().rposition(|b| *b == b'\n') {
            Some(end) => rest = &rest[end + 1..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invisible::Invisible;

    fn codes(line: &str) -> Vec<&'static str> {
        let mut findings = Vec::new();
        LineChecker::default().check(line, None, &mut findings);
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
            "Que dit-il\u{202f}? \u{ab}\u{a0}Rien\u{a0}\u{bb}",
            "\u{645}\u{6cc}\u{200c}\u{62e}\u{648}\u{627}\u{647}\u{645}",
            "\u{1f6a2} \u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467} \u{26a0}\u{fe0f} 1\u{fe0f}\u{20e3}",
            "\u{43f}\u{440}\u{438}\u{43a}\u{430}\u{437} \u{2116} 5",
            "Casimir\u{2122} nets, Casimir\u{ae} lines \u{2122}",
            "\u{f56}\u{f66}\u{f92}\u{fb2}\u{f74}\u{f56}\u{f66}",
            "\u{6a29}\u{5229}\u{3002}\u{ff2e}\u{ff21}\u{ff34}\u{ff2f}\u{ff11}",
            "\u{ff2e}\u{ff21}\u{ff34}\u{ff2f}\u{4f1a}\u{8b70}",
            "\u{9023}\u{7d61}\u{5148}\u{ff1a}\u{ff10}\u{ff13}\u{ff0d}\u{ff11}\u{ff12}\u{ff13}\u{ff14}\u{ff0d}\u{ff15}\u{ff16}\u{ff17}\u{ff18}\u{ff08}",
            "\u{3000}\u{7b2c}\u{ff11}\u{9805}",
            "Out of \u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f} at dawn",
            &"\u{8239}".repeat(150),
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
            ("a\u{a0} b", "text.space"),
            ("a\u{3000}b", "text.space"),
            ("a\u{e000}b", "text.private"),
            ("a\u{fffd}b", "text.lost"),
            ("\u{fdfa}", "text.phrase"),
            ("\u{ff33}ECRET", "text.styled"),
            ("the \u{ff33}\u{ff25}\u{ff23} plan \u{8239}", "text.styled"),
            ("N\u{ff33}\u{ff25}\u{ff23}", "text.styled"),
            ("the \u{ff33}\u{ff25}\u{ff23}\u{ff01}\u{3002} plan", "text.styled"),
            ("\u{1f3f4}\u{e0053}\u{e0045}\u{e0043}\u{e007f}", "text.tag"),
            ("\u{1d412}ECRET", "text.styled"),
            ("COMPAR\u{2122}ENTED", "text.styled"),
            ("Casimir\u{2120} nets", "text.styled"),
            ("e\u{301}t\u{e9}", "text.nfc"),
            ("p\u{430}ssword", "text.mixed"),
            ("\u{430}\u{440}\u{435}", "text.lookalike"),
            ("x\u{323}\u{307}\u{336}", "text.stack"),
        ] {
            assert!(codes(line).contains(&code), "{line:?}: {:?}", codes(line));
        }
        assert_eq!(codes(&"a".repeat(201)), ["text.run"]);
        assert_eq!(codes(&"\u{8239}".repeat(201)), ["text.run"]);
        assert_eq!(codes(&format!("{}\u{3002}{0}", "\u{8239}".repeat(150))), Vec::<&str>::new());
        assert!(codes(&format!("\u{f56}{}", "\u{f74}".repeat(9))).contains(&"text.stack"));
    }

    #[test]
    fn findings_say_where_in_an_attachment_and_what_to_write() {
        let told = |mut lines: LineChecker, text: &str| {
            let mut findings = Vec::new();
            text.split('\n').for_each(|line| lines.check(line, Some(9), &mut findings));
            findings.into_iter().map(|f| f.message).collect::<Vec<_>>()
        };
        let styled = "a styled form of a letter or digit";
        let text = "It was\n21\u{2103} and 5\u{338f}, 22\u{2103}\n22\u{2103}\nan \u{430}\u{445}\u{435} was left\nthe p\u{430}ss";
        let alike = "a word of another script that looks like a Latin word or a mark";
        assert_eq!(
            told(LineChecker::of_attachment(), text),
            [
                format!("{styled}, U+2103, line 2 of the attachment: write `\u{b0}C`"),
                format!("{styled}, U+338F, line 2 of the attachment: write `kg`"),
                format!("{alike}, word 2 of line 4 of the attachment: transliterate it"),
                "letters of several scripts in one word, word 2 of line 5 of the attachment: write it in one script"
                    .into(),
            ]
        );
        assert_eq!(told(LineChecker::default(), "CO\u{2082}")[0], format!("{styled}, U+2082: write `2`"));
        assert_eq!(
            told(LineChecker::default(), "a\u{2003}b").join(""),
            "a space other than U+0020, U+2003: write an ordinary space, U+0020"
        );
        let mut lines = LineChecker::of_attachment();
        let mut findings = Vec::new();
        for block in ["one\ntwo\n", "thr\u{e9}e\n\u{fb01}ve\n"] {
            lines.block(block, classes(block), None, &mut findings);
        }
        assert_eq!(findings[0].message, format!("{styled}, U+FB01, line 4 of the attachment: write `fi`"));
    }

    #[test]
    fn nothing_that_a_reader_does_not_see_passes() {
        let unseen: Vec<char> = ('\0'..=char::MAX).filter(|c| *c != '\n' && Invisible::of(*c).is_some()).collect();
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
                assert!(has_short_lines(text(RUN_MAX).as_bytes()), "{before} {after:?}");
                assert!(!has_short_lines(text(RUN_MAX + 1).as_bytes()), "{before} {after:?}");
            }
        }
        assert!(has_short_lines(b"") && has_short_lines(&[b'\n'; 1000]));
    }
}
