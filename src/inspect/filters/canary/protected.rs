//! Protected tokens declared in higher tearlines, and the product's own id, must not occur in the cut of a lower one.
//!
//! The cut is read in order, part after part, so that a token split across paragraphs, cells or lines is found.
//! Detached attachments are read line by line.

use crate::inspect::attachment_text::{lines, text_of};
use crate::inspect::filter_name::FilterName;
use crate::inspect::finding::Finding;
use crate::inspect::subject::{Source, Subject};
use crate::product::confusable::{Search, Tokens};
use crate::product::{Attachment, Tearline};

/// The number of table columns that are searched downwards.
const COLUMNS_MAX: usize = 256;

/// Searches the cut for tokens of `source`. The findings do not quote them.
pub(super) fn examine(subject: &Subject<'_>, source: Source<'_>) -> Vec<Finding> {
    let tearlines = source.product.tearlines();
    let above = &tearlines[..source.tearline.min(tearlines.len())];
    let declared = above.iter().flat_map(Tearline::protected).map(String::as_str);
    let number = (source.tearline > 0).then_some(source.product.id().as_str());
    let tokens = Tokens::of(declared.chain(number));
    // Without tokens the attachments need not be read.
    if tokens.is_empty() {
        return Vec::new();
    }
    let mut findings = Vec::new();
    let finding =
        |code, message: &str| Finding { filter: FilterName::Canary, code, line: None, message: message.into() };
    let mut reader = Reader { tokens: &tokens, all: tokens.search(), body: tokens.search(), found: false };
    if !reader.cut(subject) {
        findings.push(finding("canary.unread", "an attachment that cannot be compared with its source"));
    }
    if reader.found || reader.all.found() || reader.body.found() {
        let message = "a protected token, or the source product's number, occurs in the cut";
        findings.push(finding("canary.protected", message));
    }
    findings
}

struct Reader<'t> {
    tokens: &'t Tokens,
    /// All text, in the order of the cut.
    all: Search,
    /// Paragraphs and contents of attachments, without the file names between them.
    body: Search,
    found: bool,
}

impl Reader<'_> {
    /// Reads the whole cut. Returns whether all of it could be read.
    fn cut(&mut self, subject: &Subject<'_>) -> bool {
        let cut = subject.cut;
        let own = cut.generated_title();
        let first = cut.portions().first().map_or("", |p| p.text.as_str());
        for (_, item) in cut.head().items().filter(|(_, item)| Some(&item.text) != own.as_ref()) {
            self.all.read(&item.text);
            // What is between a title and the first paragraph is not always displayed with them.
            self.alone([item.text.as_str(), first]);
        }
        for portion in cut.portions() {
            self.all.read(&portion.text);
            self.body.read(&portion.text);
        }
        let mut read = true;
        for (attachment, reading) in subject.attachments() {
            self.all.read(attachment.name().as_str());
            let mut columns = Columns::of(attachment, self.tokens);
            let mut line = |line: &str| {
                self.all.read(line);
                self.body.read(line);
                columns.iter_mut().for_each(|columns| columns.line(line));
            };
            if attachment.is_detached() {
                let all = lines(attachment, subject.contents, &mut |text, _| {
                    line(text);
                    true
                });
                read &= all.is_ok();
            } else if let Some(text) = text_of(attachment, reading) {
                text.lines().for_each(line);
            }
            self.found |= columns.is_some_and(|columns| columns.columns.iter().any(Search::found));
            // For a format with extracted text, both the bytes and the extracted text are searched.
            self.alone(reading.and_then(|r| r.text.as_deref()));
        }
        read
    }

    fn alone<'p>(&mut self, pieces: impl IntoIterator<Item = &'p str>) {
        let mut search = self.tokens.search();
        pieces.into_iter().for_each(|piece| search.read(piece));
        self.found |= search.found();
    }
}

/// A table, read column by column.
struct Columns<'t> {
    tokens: &'t Tokens,
    columns: Vec<Search>,
    at: usize,
    quoted: bool,
}

impl<'t> Columns<'t> {
    fn of(attachment: &Attachment, tokens: &'t Tokens) -> Option<Columns<'t>> {
        let table = attachment.media_type() == "text/csv";
        table.then_some(Columns { tokens, columns: Vec::new(), at: 0, quoted: false })
    }

    fn line(&mut self, line: &str) {
        let mut from = 0;
        for (to, b) in line.bytes().enumerate() {
            match b {
                b'"' => self.quoted = !self.quoted,
                b',' if !self.quoted => {
                    self.cell(&line[from..to]);
                    (from, self.at) = (to + 1, self.at + 1);
                }
                _ => {}
            }
        }
        self.cell(&line[from..]);
        // A quoted cell may continue on the next line.
        if !self.quoted {
            self.at = 0;
        }
    }

    fn cell(&mut self, cell: &str) {
        if self.at == self.columns.len() && self.at < COLUMNS_MAX {
            self.columns.push(self.tokens.search());
        }
        if let Some(column) = self.columns.get_mut(self.at) {
            column.read(cell);
        }
    }
}
