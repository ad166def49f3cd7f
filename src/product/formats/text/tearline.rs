//! One tearline: banner, head, paragraphs, attachments.

use super::attachments::{AttachmentForm, attachment_form};
use super::front_matter::{Entry, FRONT_KEYS, HEAD_KEYS, entries, find, key_value, tidy};
use super::lines::Line;
use super::parts::Form;
use super::portion_marks as marks;
use super::reader::Reader;
use super::syntax::{BEGIN, END, looks_like_delimiter};
use crate::marking::Marking;
use crate::product::attachment::Attachment;
use crate::product::confusable::Folded;
use crate::product::fault::FaultCode;
use crate::product::model::{Head, Item, Portion, Tearline};

/// The lines of one tearline, its delimiter left out.
pub(in crate::product) struct Section<'l, 't> {
    /// The line of its delimiter; for the first, the last line of the front block.
    pub begins: usize,
    pub lines: &'l [Line<'t>],
}

impl Reader<'_, '_> {
    /// Reads one tearline from its lines. `front` holds the front block for the first, whose head it is.
    pub fn tearline(&mut self, section: &Section<'_, '_>, front: Option<&[Entry<'_>]>) -> Option<Tearline> {
        let lines = section.lines;
        let Some(at) = lines.iter().position(|l| !l.is_blank()) else {
            self.faults.at(
                FaultCode::TearlineEmpty,
                section.begins,
                0..0,
                "an empty tearline",
                "give it a banner and portions, or remove its delimiter",
            );
            return None;
        };
        let line = lines[at];
        let mut rest = &lines[at..];
        // Derived once, from the banner, and never from what stands beneath it.
        self.rules = self.rules.in_profile_of(line.text);
        let banner = if line.text.starts_with('(') || key_value(line.text, &FRONT_KEYS).is_some() {
            self.faults.at(
                FaultCode::BannerMissing,
                line.number,
                0..0,
                "a tearline that does not begin with its banner",
                "write the banner, such as `SECRET//REL TO USA, FVEY`, on a line of its own before this one",
            );
            None
        } else {
            rest = &rest[1..];
            marks::banner(line, &self.rules, self.faults)
        };
        let head_lines = if front.is_some() {
            0
        } else {
            rest.iter().take_while(|l| key_value(l.text, &FRONT_KEYS).is_some()).count()
        };
        let own = entries(&rest[..head_lines], &HEAD_KEYS, self.faults);
        let entries = front.unwrap_or(&own);
        let head = self.head(entries, banner.as_ref());
        let protected = self.protected(entries);
        let (portions, attachments) = self.blocks(&rest[head_lines..], banner.as_ref());
        if portions.is_empty() && self.faults.is_empty() {
            self.faults.at(
                FaultCode::TearlineEmpty,
                line.number,
                0..line.text.len(),
                "a tearline without a portion",
                "give it at least one marked paragraph, or remove it",
            );
        }
        Some(Tearline { banner: banner?, head, portions, attachments, protected, line: line.number })
    }

    fn head(&mut self, entries: &[Entry<'_>], banner: Option<&Marking>) -> Head {
        let title = find(entries, "Title").and_then(|e| self.item(e.line, e.value, "a title", banner));
        // An unmarked originator is no fault: it stays with the product and never leaves.
        let originator = find(entries, "Originator")
            .filter(|e| e.value.starts_with('('))
            .and_then(|e| self.item(e.line, e.value, "an originator", banner));
        let subjects = find(entries, "Subjects").map_or_else(Vec::new, |e| {
            self.bounded_list(*e).into_iter().filter_map(|s| self.item(e.line, s, "a subject", banner)).collect()
        });
        let contact = find(entries, "Contact").and_then(|e| self.item(e.line, e.value, "a contact", banner));
        Head { title, originator, subjects, contact }
    }

    fn bounded_list<'t>(&mut self, entry: Entry<'t>) -> Vec<&'t str> {
        let all: Vec<&str> = entry.value.split(';').map(|s| s.trim_matches(' ')).collect();
        if all.len() > self.bounds.entries_max {
            let max = self.bounds.entries_max;
            self.faults.at(
                FaultCode::Bounds,
                entry.line.number,
                0..entry.line.text.len(),
                format!("`{}` has {} entries; the limit is {max}", entry.key, all.len()),
                "remove some",
            );
            return Vec::new();
        }
        all
    }

    fn item(&mut self, line: Line<'_>, value: &str, what: &str, banner: Option<&Marking>) -> Option<Item> {
        let (mark, text) = marks::split(line, value, what, self.faults)?;
        let marking = marks::portion(line, mark, banner, &self.rules, self.faults);
        marks::no_marks_inside(line, text, true, self.faults);
        let text = tidy(self.behind_mark(line, text)?);
        let chars = text.chars().count();
        if chars > self.bounds.title_chars_max {
            let (at, max) = (line.column_of(value), self.bounds.title_chars_max);
            self.faults.at(
                FaultCode::Bounds,
                line.number,
                at..at + value.len(),
                format!("{what} of {chars} characters; the limit is {max}"),
                "shorten it",
            );
        }
        Some(Item { marking: marking?, text, line: line.number })
    }

    /// The text behind a mark, which one space must part from it.
    fn behind_mark<'t>(&mut self, line: Line<'_>, text: &'t str) -> Option<&'t str> {
        let at = line.column_of(text);
        if text.trim_matches(' ').is_empty() {
            self.faults.at(
                FaultCode::Empty,
                line.number,
                at..at,
                "a portion mark without text",
                "write the text after its mark, on the same line",
            );
            return None;
        }
        if !text.starts_with(' ') {
            self.faults.at(
                FaultCode::Empty,
                line.number,
                at..at + 1,
                "no space between a portion mark and its text",
                "put one space after the mark",
            );
            return None;
        }
        Some(text)
    }

    fn protected(&mut self, entries: &[Entry<'_>]) -> Vec<String> {
        let Some(entry) = find(entries, "Protected").copied() else { return Vec::new() };
        if self.form == Form::Cut {
            self.faults.at(
                FaultCode::FrontLine,
                entry.line.number,
                0..entry.line.text.len(),
                "a cut declares nothing protected",
                "ask the sender for a cut in its canonical form",
            );
        }
        let tokens = self.bounded_list(entry);
        for token in &tokens {
            let folded = Folded::of(token);
            if folded.squeezed().len() < 3 || token.chars().count() > 100 {
                let at = entry.line.column_of(token);
                self.faults.at(
                    FaultCode::FrontValue,
                    entry.line.number,
                    at..at + token.len(),
                    "a protected token of fewer than 3 letters and digits, or more than 100 characters",
                    "name what must not pass, parted by `;`",
                );
            }
        }
        tokens.into_iter().map(tidy).collect()
    }

    fn blocks(&mut self, lines: &[Line<'_>], banner: Option<&Marking>) -> (Vec<Portion>, Vec<Attachment>) {
        let (mut portions, mut attachments) = (Vec::new(), Vec::new());
        let mut seen_attachment = false;
        let separates = |l: &Line<'_>| l.is_blank() || looks_like_delimiter(l.text);
        let mut at = 0;
        while at < lines.len() {
            if separates(&lines[at]) {
                at += 1;
                continue;
            }
            let first = lines[at];
            let attachment = attachment_form(first.text);
            // A base64 line may well hold no letter and no digit, so an attachment ends at a blank line only.
            let ends = |l: &Line<'_>| if attachment.is_some() { l.is_blank() } else { separates(l) };
            let length = lines[at..].iter().position(ends).unwrap_or(lines.len() - at);
            let block = &lines[at..at + length];
            at += length;
            if let Some(begins) = attachment {
                seen_attachment = true;
                attachments.extend(self.attachment(block, begins, banner));
            } else {
                if seen_attachment {
                    self.faults.at(
                        FaultCode::AttachmentOrder,
                        first.number,
                        0..first.text.len(),
                        "a paragraph after an attachment",
                        "move it before the first attachment of its tearline",
                    );
                }
                portions.extend(self.paragraph(block, banner));
            }
        }
        for (count, max, what) in [
            (portions.len(), self.bounds.portions_max, "portions"),
            (attachments.len(), self.bounds.attachments_max, "attachments"),
        ] {
            if count > max {
                let line = lines.first().map_or(1, |l| l.number);
                self.faults.at(
                    FaultCode::Bounds,
                    line,
                    0..0,
                    format!("a tearline of {count} {what}; the limit is {max}"),
                    "split the product",
                );
            }
        }
        self.names(&attachments);
        (portions, attachments)
    }

    fn paragraph(&mut self, block: &[Line<'_>], banner: Option<&Marking>) -> Option<Portion> {
        let line = block[0];
        if !line.text.starts_with('(') && self.stray(line) {
            return None;
        }
        let (mark, text) = marks::split(line, line.text, "a paragraph", self.faults)?;
        let marking = marks::portion(line, mark, banner, &self.rules, self.faults);
        let first = self.behind_mark(line, text);
        marks::no_marks_inside(line, text, true, self.faults);
        let mut lines = vec![tidy(first.unwrap_or_default())];
        for line in &block[1..] {
            marks::no_marks_inside(*line, line.text, true, self.faults);
            self.stray(*line);
            lines.push(tidy(line.text));
        }
        first?;
        Some(Portion { marking: marking?, text: lines.join("\n"), line: line.number })
    }

    /// Reports a line that begins something other than text: a banner without its delimiter, a key, an attachment's
    /// end. True if it did.
    fn stray(&mut self, line: Line<'_>) -> bool {
        // As it would be printed, and then stand at the beginning of its line.
        let text = tidy(line.text);
        let (code, message, hint) = if marks::is_banner(&text, &self.rules) {
            (
                FaultCode::BannerStray,
                "a banner inside a tearline",
                "put a line of twenty or more hyphens before it if a tearline begins here",
            )
        } else if key_value(&text, &FRONT_KEYS).is_some() {
            (
                FaultCode::FrontLine,
                "a key of the front block inside a tearline",
                "move it to the lines directly beneath the tearline's banner",
            )
        } else if text == END || text.starts_with(BEGIN) || attachment_form(&text) == Some(AttachmentForm::Inline) {
            (
                FaultCode::AttachmentBegin,
                "a line of an attachment outside one",
                "begin an attachment with its portion mark, and a blank line before it",
            )
        } else {
            return false;
        };
        self.faults.at(code, line.number, 0..line.text.len(), message, hint);
        true
    }
}
