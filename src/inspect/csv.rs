//! Comma-separated values, read strictly (RFC 4180 with LF line ends), and refused where a spreadsheet would compute.

/// Columns of a table at most.
const COLUMNS_MAX: usize = 256;

/// Bytes of one cell at most.
const CELL_BYTES_MAX: usize = 8 * 1024;

/// What is wrong with a table: codes and messages, none of which quotes a cell.
pub(super) fn examine(text: &str) -> Vec<(&'static str, String)> {
    let rows = match parse(text) {
        Ok(rows) => rows,
        Err(fault) => return vec![("csv.form", fault)],
    };
    let mut faults = Vec::new();
    let columns = rows.first().map_or(0, Vec::len);
    if columns == 0 || columns > COLUMNS_MAX {
        faults.push(("csv.columns", format!("a table of {columns} columns: expected 1 to {COLUMNS_MAX}")));
    }
    if rows.first().is_some_and(|header| header.iter().any(|h| h.trim().is_empty())) {
        faults.push(("csv.header", "a column without a name in the first row".into()));
    }
    for (i, row) in rows.iter().enumerate() {
        if row.len() != columns {
            faults.push((
                "csv.columns",
                format!("row {} has {} columns: expected {columns}, as in the first row", i + 1, row.len()),
            ));
        }
        if let Some(column) = row.iter().position(|cell| is_formula(cell)) {
            faults.push((
                "csv.formula",
                format!("row {}, column {}: a cell that a spreadsheet would compute", i + 1, column + 1),
            ));
        }
        if let Some(column) = row.iter().position(|cell| cell.len() > CELL_BYTES_MAX) {
            faults.push((
                "csv.cell",
                format!("row {}, column {}: a cell of more than {CELL_BYTES_MAX} bytes", i + 1, column + 1),
            ));
        }
        if faults.len() > 20 {
            break;
        }
    }
    faults
}

/// Whether a spreadsheet would take `cell` for a formula. A plain signed number is not one.
fn is_formula(cell: &str) -> bool {
    let cell = cell.trim_start_matches(|c: char| c.is_whitespace() || c == '\'' || c == '"');
    let Some(first) = cell.chars().next() else { return false };
    // Full-width and typographic forms count: a program that normalises its input sees the plain one.
    let starts = matches!(
        first,
        '=' | '+'
            | '-'
            | '@'
            | '|'
            | '%'
            | '\u{ff1d}'
            | '\u{ff0b}'
            | '\u{ff0d}'
            | '\u{ff20}'
            | '\u{2212}'
            | '\u{fe62}'
            | '\u{fe63}'
            | '\u{fe66}'
            | '\u{fe6b}'
    );
    starts && !is_number(cell)
}

fn is_number(cell: &str) -> bool {
    let digits = cell.strip_prefix(['+', '-']).unwrap_or(cell).trim_end();
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    all_digits(whole) && all_digits(part)
}

fn parse(text: &str) -> Result<Vec<Vec<String>>, String> {
    if !text.ends_with('\n') {
        return Err("the last row of a table does not end in LF".into());
    }
    let mut rows = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let mut row = Vec::new();
        loop {
            let (cell, after) = cell(rest).ok_or_else(|| format!("row {}: a quote out of place", rows.len() + 1))?;
            row.push(cell);
            match after.as_bytes().first() {
                Some(b',') => rest = &after[1..],
                Some(b'\n') => {
                    rest = &after[1..];
                    break;
                }
                _ => {
                    return Err(format!(
                        "row {}: a quoted cell that does not end before a comma or a line end",
                        rows.len() + 1
                    ));
                }
            }
        }
        rows.push(row);
    }
    Ok(rows)
}

/// One cell and what follows it; `None` if its quotes are not as they must be.
fn cell(text: &str) -> Option<(String, &str)> {
    let Some(mut rest) = text.strip_prefix('"') else {
        let end = text.find([',', '\n'])?;
        let cell = &text[..end];
        return (!cell.contains('"')).then(|| (cell.to_owned(), &text[end..]));
    };
    let mut cell = String::new();
    loop {
        let quote = rest.find('"')?;
        cell.push_str(&rest[..quote]);
        rest = &rest[quote + 1..];
        match rest.strip_prefix('"') {
            Some(after) => {
                cell.push('"');
                rest = after;
            }
            None => return Some((cell, rest)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(text: &str) -> Vec<&'static str> {
        examine(text).into_iter().map(|(code, _)| code).collect()
    }

    #[test]
    fn passes_a_proper_table() {
        assert!(codes("a,b\n1,-2.5\n\"x, \"\"y\"\"\nz\",+3\n,\n").is_empty());
    }

    #[test]
    fn refuses_a_table_that_two_readers_would_read_differently() {
        for text in ["a,b\n1", "a,b\n\"1\n", "a,b\n\"1\"2,3\n", "a,b\n1\"2,3\n"] {
            assert_eq!(codes(text), ["csv.form"], "{text:?}");
        }
        assert_eq!(codes("a,b\n1\n"), ["csv.columns"]);
        assert_eq!(codes("a,\n1,2\n"), ["csv.header"]);
        assert_eq!(codes(""), ["csv.form"]);
    }

    #[test]
    fn refuses_cells_that_a_spreadsheet_would_compute() {
        for cell in ["=1+1", "+cmd", "-2+3", "@SUM(A1)", " =1", "'=1", "\u{ff1d}1", "-", "+1e", "%0A"] {
            assert_eq!(codes(&format!("a\n{cell}\n")), ["csv.formula"], "{cell:?}");
        }
        for cell in ["-1", "+1.5", "1-2", "a=b", "x@example.invalid"] {
            assert!(codes(&format!("a\n{cell}\n")).is_empty(), "{cell:?}");
        }
    }
}
