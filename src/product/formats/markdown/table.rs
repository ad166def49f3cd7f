//! Tables: each row is a portion, with its mark in the first cell and its cells separated by ` | ` in the product.

use std::borrow::Cow;

use super::{Reader, inline, origin};
use crate::product::fault::FaultCode;
use crate::product::formats::draft::{DraftItem, Span, Spelling};
use crate::product::formats::text::Line;

/// Reads a block whose first line begins with `|` as a table.
pub(super) fn read<'t>(reader: &mut Reader<'_>, block: &[Line<'t>]) -> Vec<DraftItem<'t>> {
    let mut rows = Vec::new();
    for line in block {
        match cells(line.text) {
            Some(cells) => rows.push((*line, cells)),
            None => reader.fault(
                FaultCode::MarkdownBlock,
                *line,
                line.text,
                "a line of a table that does not begin and end with `|`",
                "write `| (mark) cell | cell |`, and a blank line after the table",
            ),
        }
    }
    let columns = rows.first().map_or(0, |(_, cells)| cells.len());
    if !rows.get(1).is_some_and(|(_, cells)| cells.iter().all(|c| is_rule(c))) {
        reader.fault(
            FaultCode::MarkdownBlock,
            block[0],
            block[0].text,
            "a table without the line of hyphens beneath its heading",
            "write a line such as `|---|---|` beneath the first row",
        );
        return Vec::new();
    }
    let mut portions = Vec::new();
    for (i, (line, cells)) in rows.iter().enumerate() {
        if cells.len() != columns {
            // A renderer drops what is too much, and the reader of the page never sees it.
            let message = format!("a row of {} cells in a table of {columns}", cells.len());
            reader.fault(
                FaultCode::MarkdownBlock,
                *line,
                line.text,
                &message,
                "give every row as many cells as the first",
            );
        }
        if i != 1 {
            portions.extend(row(reader, *line, cells));
        }
    }
    portions
}

fn row<'t>(reader: &mut Reader<'_>, line: Line<'t>, cells: &[&'t str]) -> Option<DraftItem<'t>> {
    let first = *cells.first()?;
    let close = if first.starts_with('(') { first.find(')') } else { None };
    let (mark, behind) = first.split_at(close.map_or(0, |c| c + 1));
    let mut text = String::new();
    for (i, cell) in std::iter::once(behind.trim_matches(' ')).chain(cells[1..].iter().copied()).enumerate() {
        if i > 0 {
            text.push_str(" | ");
        }
        text.push_str(&inline::read(cell, |part, message, hint| {
            reader.fault(FaultCode::MarkdownInline, line, part, message, hint);
        }));
    }
    if !mark.is_empty() && !behind.is_empty() && !behind.starts_with(' ') {
        let hint = "put one space after the mark";
        reader.fault(FaultCode::Empty, line, behind, "no space between a portion mark and its text", hint);
    }
    let marked = Span::new(Cow::Borrowed(mark), origin(line, mark, Spelling::Plain));
    let text = Span::new(Cow::Owned(text.trim_matches(' ').to_owned()), origin(line, line.text, Spelling::Whole));
    Some(DraftItem { mark: (!mark.is_empty()).then_some(marked), text })
}

/// The cells of a row, without the spaces around them. `None` if the line is no row.
fn cells(text: &str) -> Option<Vec<&str>> {
    let inner = text.trim_end_matches(' ').strip_prefix('|')?.strip_suffix('|')?;
    let (mut cells, mut start, mut escaped) = (Vec::new(), 0, false);
    for (at, c) in inner.char_indices() {
        if c == '|' && !escaped {
            cells.push(inner[start..at].trim_matches(' '));
            start = at + 1;
        }
        escaped = c == '\\' && !escaped;
    }
    // The last sign of the line must end a cell, not be part of one.
    if escaped {
        return None;
    }
    cells.push(inner[start..].trim_matches(' '));
    Some(cells)
}

/// A cell of the line beneath a table's heading.
fn is_rule(cell: &str) -> bool {
    let hyphens = cell.strip_prefix(':').unwrap_or(cell);
    let hyphens = hyphens.strip_suffix(':').unwrap_or(hyphens);
    !hyphens.is_empty() && hyphens.bytes().all(|b| b == b'-')
}
