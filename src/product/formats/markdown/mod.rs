//! The Markdown format: a strict subset in which the source and every rendering of it have the same text.
//!
//! In come lines; out comes a draft, or faults. [`write()`] gives a product of one tearline, every sign that could be
//! markup escaped. Whatever Markdown would hide, fold, renumber or turn into something else is refused and never
//! interpreted: renderers differ, and a mark must stand before the same words in each.

mod inline;
mod table;
mod write;

use std::borrow::Cow;

pub(super) use write::write;

use super::draft::{Draft, DraftAttachment, DraftBody, DraftItem, DraftTearline, Origin, Span, Spelling};
use super::text::{
    BEGIN, END, Entry, FRONT_KEYS, HEAD_KEYS, Line, SIGNATURE, attachment_form, entries, find, is_delimiter,
    looks_like_delimiter,
};
use crate::product::fault::{FaultCode, Faults};

/// The first line of a Markdown product.
pub(super) fn signature() -> String {
    format!("# {SIGNATURE}")
}

/// Finds the parts of a Markdown product. `None` if it does not begin as one.
pub(super) fn draft<'t>(lines: &[Line<'t>], faults: &mut Faults) -> Option<Draft<'t>> {
    let first = *lines.first()?;
    let signature = signature();
    if first.text != signature {
        faults.at(
            FaultCode::Signature,
            first.number,
            0..first.text.len(),
            "the first line does not name a supported product format",
            format!("begin the file with `{signature}`"),
        );
        return None;
    }
    let mut reader = Reader { faults };
    let (front, after) = reader.head(&lines[1..], &FRONT_KEYS);
    let mut draft = Draft {
        origin: origin(first, first.text, Spelling::Whole),
        id: find(&front, "Id").map(|e| plain(lines, e)),
        date: find(&front, "Date").map(|e| plain(lines, e)),
        kind: find(&front, "Kind").map(|e| plain(lines, e)),
        tearlines: Vec::new(),
    };
    let body = &lines[1 + after..];
    let mut start = 0;
    let mut begins = lines[after];
    let at = |i: usize| body.get(i).copied();
    let delimiters: Vec<usize> = (0..body.len()).filter(|i| is_delimiter(body[*i].text)).collect();
    for end in delimiters.into_iter().chain([body.len()]) {
        let section = &body[start..end];
        draft.tearlines.push(reader.tearline(section, begins, (start == 0).then_some((lines, &front[..]))));
        let Some(delimiter) = at(end) else { break };
        if end > 0 && !body[end - 1].is_blank() {
            reader.fault(
                FaultCode::Delimiter,
                delimiter,
                delimiter.text,
                "a tearline's delimiter directly beneath text, which Markdown takes for an underlined heading",
                "put a blank line before it",
            );
        }
        (start, begins) = (end + 1, delimiter);
    }
    Some(draft)
}

pub(super) struct Reader<'f> {
    faults: &'f mut Faults,
}

impl Reader<'_> {
    fn fault(&mut self, code: FaultCode, line: Line<'_>, part: &str, message: &str, hint: &str) {
        let at = line.column_of(part);
        self.faults.at(code, line.number, at..at + part.len(), message, hint);
    }

    /// The `- Key: value` lines at the beginning of `lines`, and how many they are.
    fn head<'t>(&mut self, lines: &[Line<'t>], keys: &[&str]) -> (Vec<Entry<'t>>, usize) {
        let count = lines.iter().take_while(|l| !l.is_blank()).count();
        let mut items = Vec::new();
        for line in &lines[..count] {
            match line.text.strip_prefix("- ") {
                Some(text) => items.push(Line { number: line.number, text }),
                None => self.fault(
                    FaultCode::FrontLine,
                    *line,
                    line.text,
                    "unexpected line directly beneath a heading",
                    "write `- Key: value`, or put a blank line before it",
                ),
            }
        }
        // The reader of entries counts columns from behind the list's sign.
        let mut found = self.faults.fresh();
        let entries = entries(&items, keys, &mut found);
        for mut fault in found.into_sorted() {
            fault.columns = fault.columns.start + 2..fault.columns.end + 2;
            self.faults.add(fault);
        }
        (entries, count)
    }

    fn tearline<'t>(
        &mut self,
        section: &[Line<'t>],
        begins: Line<'t>,
        front: Option<(&[Line<'t>], &[Entry<'t>])>,
    ) -> DraftTearline<'t> {
        let at = section.iter().position(|l| !l.is_blank()).unwrap_or(section.len());
        let first = section.get(at).copied().unwrap_or(begins);
        let mut tearline = DraftTearline::at(origin(first, first.text, Spelling::Whole));
        let mut rest = &section[at..];
        let banner = rest.first().and_then(|l| l.text.strip_prefix("## "));
        match banner {
            Some(banner) => {
                rest = &rest[1..];
                tearline.banner = Some(self.span(first, banner));
                self.no_closing_signs(first, banner);
            }
            // Nothing at all is for the reader of text to report.
            None if rest.is_empty() => {}
            None => {
                self.fault(
                    FaultCode::BannerMissing,
                    first,
                    first.text,
                    "a tearline that does not begin with its banner",
                    "write the banner as a heading of the second level, such as `## SECRET//REL TO USA, FVEY`",
                );
                // What neither marks nor lists anything was meant for the banner, and is not looked at again.
                if !first.text.starts_with(['(', '-', '|']) {
                    rest = &rest[1..];
                }
            }
        }
        match front {
            Some((lines, entries)) => {
                self.items(lines, entries, &mut tearline);
            }
            None if at + 1 + rest.len() == section.len() => {
                let (entries, count) = self.head(rest, &HEAD_KEYS);
                self.items(rest, &entries, &mut tearline);
                rest = &rest[count..];
            }
            None => {}
        }
        if front.is_some()
            && let Some(line) = rest.first().filter(|l| banner.is_some() && !l.is_blank())
        {
            self.fault(
                FaultCode::FrontLine,
                *line,
                line.text,
                "a line directly beneath the first banner",
                "put a blank line before it; the head of the first tearline is the list at the top",
            );
        }
        self.blocks(rest, &mut tearline);
        tearline
    }

    fn items<'t>(&mut self, lines: &[Line<'t>], entries: &[Entry<'t>], tearline: &mut DraftTearline<'t>) {
        for entry in entries {
            let Some(line) = lines.iter().find(|l| l.number == entry.line.number).copied() else { continue };
            match entry.key {
                "Title" => tearline.title = self.item(line, entry.value),
                "Originator" => tearline.originator = self.item(line, entry.value),
                "Contact" => tearline.contact = self.item(line, entry.value),
                "Subjects" => {
                    let subjects = entry.value.split(';').map(|s| s.trim_matches(' '));
                    tearline.subjects = subjects.filter_map(|s| self.item(line, s)).collect();
                }
                "Protected" => {
                    let tokens = entry.value.split(';').map(|s| s.trim_matches(' '));
                    tearline.protected = tokens.map(|t| self.span(line, t)).collect();
                }
                _ => {}
            }
        }
    }

    /// A marked text within one line.
    fn item<'t>(&mut self, line: Line<'t>, value: &'t str) -> Option<DraftItem<'t>> {
        let close = if value.starts_with('(') { value.find(')') } else { None };
        let Some(close) = close else {
            // The reader of text reports a mark that is missing or does not end.
            return Some(DraftItem { mark: None, text: self.span(line, value) });
        };
        let (mark, text) = value.split_at(close + 1);
        if text.trim_matches(' ').is_empty() || !text.starts_with(' ') {
            let (message, hint) = if text.trim_matches(' ').is_empty() {
                ("a portion mark without text", "write the text after its mark, on the same line")
            } else {
                ("no space between a portion mark and its text", "put one space after the mark")
            };
            self.fault(FaultCode::Empty, line, text, message, hint);
            return None;
        }
        let mark = Span::new(Cow::Borrowed(mark), origin(line, mark, Spelling::Plain));
        Some(DraftItem { mark: Some(mark), text: self.span(line, text.trim_matches(' ')) })
    }

    /// Text within one line, its escapes resolved.
    fn span<'t>(&mut self, line: Line<'t>, raw: &'t str) -> Span<'t> {
        if looks_like_delimiter(line.text) {
            // One fault for such a line is enough, and the reader of text has it.
            return Span::new(Cow::Borrowed(raw), origin(line, raw, Spelling::Plain));
        }
        let mut first = true;
        let text = inline::read(raw, |part, message, hint| {
            // What opens markup is reported, and not also what closes it.
            if std::mem::take(&mut first) {
                self.fault(FaultCode::MarkdownInline, line, part, message, hint);
            }
        });
        Span::new(text, origin(line, raw, Spelling::Markdown))
    }

    fn blocks<'t>(&mut self, lines: &[Line<'t>], tearline: &mut DraftTearline<'t>) {
        for block in lines.split(Line::is_blank).filter(|b| !b.is_empty()) {
            let first = block[0];
            if begins_attachment(first.text) {
                let body = block.iter().map(|l| Span::new(Cow::Borrowed(l.text), origin(*l, l.text, Spelling::Plain)));
                tearline.attachments.push(DraftAttachment {
                    mark: None,
                    fields: Vec::new(),
                    body: DraftBody::Lines(body.collect()),
                });
                continue;
            }
            if !tearline.attachments.is_empty() {
                self.fault(
                    FaultCode::AttachmentOrder,
                    first,
                    first.text,
                    "a portion after an attachment",
                    "move it before the first attachment of its tearline",
                );
            }
            match first.text.as_bytes() {
                [b'#', ..] => tearline.portions.extend(self.heading(block)),
                [b'-', b' ', ..] => self.list(block, tearline),
                [b'|', ..] => tearline.portions.extend(table::read(self, block)),
                _ => tearline.portions.extend(self.paragraph(block, first, first.text)),
            }
        }
    }

    fn heading<'t>(&mut self, block: &[Line<'t>]) -> Option<DraftItem<'t>> {
        let line = block[0];
        let level = line.text.bytes().take_while(|b| *b == b'#').count();
        let text = &line.text[level..];
        if level == 2 && text.starts_with(' ') {
            let hint = "put a line of twenty or more hyphens before it if a tearline begins here; headings of portions begin with `###`";
            self.fault(
                FaultCode::BannerStray,
                line,
                line.text,
                "a heading of the second level inside a tearline",
                hint,
            );
            return None;
        }
        if !(3..=6).contains(&level) || !text.starts_with(' ') {
            let hint = "write `### (mark) text`, or `\\#` if it is text";
            self.fault(
                FaultCode::MarkdownBlock,
                line,
                line.text,
                "a heading of a level that a portion cannot have",
                hint,
            );
            return None;
        }
        if let Some(next) = block.get(1) {
            let message = "a line directly beneath a heading";
            self.fault(FaultCode::MarkdownBlock, *next, next.text, message, "put a blank line before it");
        }
        self.no_closing_signs(line, text);
        self.item(line, text.trim_matches(' '))
    }

    /// Markdown drops number signs at the end of a heading, so they would be read by some and not by others.
    fn no_closing_signs(&mut self, line: Line<'_>, text: &str) {
        let text = text.trim_end_matches(' ');
        if text.ends_with('#') && !text.ends_with("\\#") {
            let sign = &text[text.len() - 1..];
            self.fault(FaultCode::MarkdownBlock, line, sign, "a heading closed with number signs", "remove them");
        }
    }

    fn list<'t>(&mut self, block: &[Line<'t>], tearline: &mut DraftTearline<'t>) {
        let mut items: Vec<Vec<Line<'t>>> = Vec::new();
        for line in block {
            let continued = line.text.strip_prefix("  ").filter(|t| !t.starts_with(' '));
            if line.text.starts_with("- ") {
                items.push(vec![*line]);
            } else if let (Some(_), Some(item)) = (continued, items.last_mut()) {
                item.push(*line);
            } else {
                let hint = "begin an item with `- `, and indent what continues it by two spaces";
                self.fault(
                    FaultCode::MarkdownBlock,
                    *line,
                    line.text,
                    "a line that neither begins nor continues a list item",
                    hint,
                );
            }
        }
        for item in items {
            let first = item[0];
            tearline.portions.extend(self.paragraph(&item, first, &first.text[2..]));
        }
    }

    /// A paragraph or list item: its first line from `text` on, and the lines that continue it.
    fn paragraph<'t>(&mut self, block: &[Line<'t>], first: Line<'t>, text: &'t str) -> Option<DraftItem<'t>> {
        self.no_block(first, text)?;
        let mut item = self.item(first, text)?;
        let listed = text.len() < first.text.len();
        for line in &block[1..] {
            let raw = if listed { &line.text[2..] } else { line.text };
            if self.no_block(*line, raw).is_none() {
                continue;
            }
            let continued = self.span(*line, raw.trim_end_matches(' '));
            item.text.join(continued);
        }
        Some(item)
    }

    /// Refuses a line that begins another kind of block, and would end or wrap this one. `None` if it does.
    fn no_block(&mut self, line: Line<'_>, text: &str) -> Option<()> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let after = |n: usize| text.as_bytes().get(n);
        let ends = |n: usize| matches!(after(n), None | Some(b' '));
        let found = match text.as_bytes() {
            [b' ', ..] => Some(("an indented line, which Markdown may take for code", "remove the spaces")),
            [b'>', ..] => Some(("a quotation", "write `\\>` if it is text, or say in words whose words they are")),
            [b'#', ..] => {
                Some(("a heading inside a portion", "put a blank line before it, or write `\\#` if it is text"))
            }
            [b'`', b'`', b'`', ..] | [b'~', b'~', b'~', ..] => {
                Some(("a fence of a code block", "write it as a paragraph, or attach it as a file"))
            }
            [b'|', ..] => Some(("a table's row inside a portion", "put a blank line before the table")),
            [b'-', ..] if ends(1) && after(1).is_some() => Some((
                "a list inside a portion",
                "lists have one level; put a blank line before a list, or write `\\-` if it is text",
            )),
            [b'*' | b'+', ..] if ends(1) => Some(("a list with another sign than `-`", "begin each item with `- `")),
            _ if digits > 0 && matches!(after(digits), Some(b'.' | b')')) && ends(digits + 1) => Some((
                "a numbered list, whose numbers Markdown may change",
                "write the number behind the mark: `- (U) 1. text`, or `1\\.` if it is text",
            )),
            _ => None,
        };
        let Some((message, hint)) = found else { return Some(()) };
        self.fault(FaultCode::MarkdownBlock, line, text, message, hint);
        None
    }
}

/// Whether a block is an attachment, as the reader of text tells one.
fn begins_attachment(text: &str) -> bool {
    attachment_form(text).is_some() || text == END || text.starts_with(BEGIN)
}

fn origin<'t>(line: Line<'t>, raw: &'t str, spelling: Spelling) -> Origin<'t> {
    Origin { line: line.number, column: line.column_of(raw), raw, spelling, pointer: None }
}

/// A value of the front block that holds no text of people.
fn plain<'t>(lines: &[Line<'t>], entry: &Entry<'t>) -> Span<'t> {
    let line = lines.iter().find(|l| l.number == entry.line.number).copied().unwrap_or(entry.line);
    Span::new(Cow::Borrowed(entry.value), origin(line, entry.value, Spelling::Plain))
}
