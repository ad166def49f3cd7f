//! Comma-separated values (RFC 4180), read strictly and written with LF line ends and only the necessary quotes. Cells
//! that a spreadsheet would evaluate as a formula are refused.

use super::{Fault, Limits, Rebuilt};

/// Maximum columns of a table.
const COLUMNS_MAX: usize = 256;

/// Maximum bytes of one cell.
const CELL_BYTES_MAX: usize = 8 * 1024;

/// Reads a table and writes it in its canonical form.
///
/// # Errors
/// A [`Fault`] with a `csv.*` code if the table is malformed, too large, or has a formula.
pub(super) fn rebuild(bytes: &[u8], limits: &Limits) -> Result<Rebuilt, Fault> {
    let text = std::str::from_utf8(bytes).map_err(|_| Fault::new("csv.form", "a table that is not UTF-8"))?;
    let mut dropped = Vec::new();
    // CR LF line ends are accepted. One inside a quoted cell would be content, and is refused as a control character.
    let unix = text.replace("\r\n", "\n");
    if unix.len() != text.len() {
        dropped.push("line ends CR LF, written as LF".to_owned());
    }
    if unix.chars().any(|c| c.is_control() && c != '\n') {
        return Err(Fault::new("csv.form", "a table with control characters"));
    }
    let rows = read(&unix)?;
    if rows.iter().map(Vec::len).sum::<usize>() > limits.values_max {
        return Err(Fault::new("csv.size", format!("a table of more than {} cells", limits.values_max)));
    }
    let printed = print(&rows);
    let mut seen = String::with_capacity(printed.len());
    for cell in rows.iter().flatten() {
        seen.push_str(cell);
        seen.push('\n');
    }
    Ok(Rebuilt { bytes: printed.into_bytes(), text: seen, dropped })
}

/// A table in canonical form, checked line by line. It holds one row in memory.
#[derive(Debug, Default)]
pub struct CsvValidator {
    /// The part of an unfinished row that was read so far.
    pending: String,
    /// Whether `pending` ends inside a quoted cell.
    open: bool,
    columns: Option<usize>,
    rows: usize,
    fault: Option<Fault>,
}

/// Maximum bytes of one row: every column with a cell of the largest size in which each byte is a doubled quote.
const ROW_BYTES_MAX: usize = 2 * COLUMNS_MAX * (CELL_BYTES_MAX + 2);

impl CsvValidator {
    /// Reads the next line of the table, given without its line end; `ended` says whether it had one. Returns whether
    /// another line is wanted.
    pub fn push_line(&mut self, line: &str, ended: bool) -> bool {
        self.pending.push_str(line);
        // Quotes come in pairs in a whole row, so a line end outside every pair ends the row.
        self.open ^= !line.bytes().filter(|b| *b == b'"').count().is_multiple_of(2);
        if ended {
            self.pending.push('\n');
        }
        if self.pending.len() > ROW_BYTES_MAX {
            self.fault = Some(Fault::new("csv.form", format!("row {}: unterminated", self.rows + 1)));
        } else if ended && !self.open {
            let row = std::mem::take(&mut self.pending);
            self.fault = self.row(&row).err();
        }
        self.fault.is_none()
    }

    /// Returns the result of the check, after the last line.
    ///
    /// # Errors
    /// The first [`Fault`] of the table.
    pub fn finish(self) -> Result<(), Fault> {
        match self.fault {
            Some(fault) => Err(fault),
            None if !self.pending.is_empty() || self.rows == 0 => {
                Err(Fault::new("csv.form", "the last row of a table does not end in LF"))
            }
            None => Ok(()),
        }
    }

    fn row(&mut self, text: &str) -> Result<(), Fault> {
        self.rows += 1;
        let form = |message: &str| Fault::new("csv.form", format!("row {}: {message}", self.rows));
        if text.chars().any(|c| c.is_control() && c != '\n') {
            return Err(form("control characters"));
        }
        let rows = parse(text).map_err(|_| form("a misplaced quote"))?;
        let [row] = &rows[..] else { return Err(form("a misplaced quote")) };
        let columns = *self.columns.get_or_insert(row.len());
        let first = (self.rows == 1).then_some(row);
        if let Some((code, message)) = faults_of_row(row, self.rows, columns, first.is_some()).into_iter().next() {
            return Err(Fault::new(code, message));
        }
        if print(&rows) != text {
            return Err(Fault::new("rebuild.other-form", "a CSV table that was not rebuilt by a gateway"));
        }
        Ok(())
    }
}

/// Returns the rows of a valid table, or its first fault.
fn read(text: &str) -> Result<Vec<Vec<String>>, Fault> {
    match examine(text).into_iter().next() {
        Some((code, message)) => Err(Fault::new(code, message)),
        None => parse(text).map_err(|message| Fault::new("csv.form", message)),
    }
}

fn print(rows: &[Vec<String>]) -> String {
    let mut out = String::new();
    for row in rows {
        for (i, cell) in row.iter().enumerate() {
            if i > 0 {
                out.push(',');
            }
            if cell.contains(['"', ',', '\n']) {
                out.push('"');
                out.push_str(&cell.replace('"', "\"\""));
                out.push('"');
            } else {
                out.push_str(cell);
            }
        }
        out.push('\n');
    }
    out
}

/// Returns every fault of a table as code and message; no message quotes a cell.
fn examine(text: &str) -> Vec<(&'static str, String)> {
    let rows = match parse(text) {
        Ok(rows) => rows,
        Err(fault) => return vec![("csv.form", fault)],
    };
    let columns = rows.first().map_or(0, Vec::len);
    let mut faults = Vec::new();
    for (i, row) in rows.iter().enumerate() {
        faults.extend(faults_of_row(row, i + 1, columns, i == 0));
        if faults.len() > 20 {
            break;
        }
    }
    faults
}

/// Returns the faults of one row of a table of `columns` columns; the first row holds the column names.
fn faults_of_row(row: &[String], number: usize, columns: usize, first: bool) -> Vec<(&'static str, String)> {
    let mut faults = Vec::new();
    if first && (columns == 0 || columns > COLUMNS_MAX) {
        faults.push(("csv.columns", format!("a table of {columns} columns: expected 1 to {COLUMNS_MAX}")));
    }
    if first && row.iter().any(|h| h.trim().is_empty()) {
        faults.push(("csv.header", "a column without a name in the first row".into()));
    }
    if row.len() != columns {
        faults.push((
            "csv.columns",
            format!("row {number} has {} columns: expected {columns}, as in the first row", row.len()),
        ));
    }
    if let Some(column) = row.iter().position(|cell| is_formula(cell)) {
        faults.push((
            "csv.formula",
            format!(
                "row {number}, column {}: a cell that a spreadsheet would compute: write a number (`-5.2`, `-1e-05`, \
                 `-5.2%`), a word, or a telephone number of digits and single spaces (`+44 20 7946 0000`)",
                column + 1
            ),
        ));
    }
    if let Some(column) = row.iter().position(|cell| cell.len() > CELL_BYTES_MAX) {
        faults.push((
            "csv.cell",
            format!("row {number}, column {}: a cell of more than {CELL_BYTES_MAX} bytes", column + 1),
        ));
    }
    faults
}

/// Whether a spreadsheet would evaluate `cell` as a formula. A plain signed number is not one, nor is a lone minus for
/// a missing value, nor the digits and spaces of a telephone number: none of these can form a function, a reference or
/// a sum.
fn is_formula(cell: &str) -> bool {
    let cell = cell.trim_start_matches(|c: char| c.is_whitespace() || c == '\'' || c == '"');
    let Some(first) = cell.chars().next() else { return false };
    // Full-width and typographic forms count as well: a program that normalises its input sees the ASCII character.
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
    starts && cell.trim_end() != "-" && !is_number(cell) && !is_telephone(cell)
}

/// Whether a cell is an international telephone number (ITU-T E.164): a plus and 7 to 15 digits, with single spaces
/// between groups.
fn is_telephone(cell: &str) -> bool {
    const DIGITS: std::ops::RangeInclusive<usize> = 7..=15;
    let mut digits = 0;
    let mut spaced = true;
    let plain = cell.strip_prefix('+').is_some_and(|rest| {
        rest.bytes().all(|b| {
            digits += usize::from(b.is_ascii_digit());
            let sound = b.is_ascii_digit() || b == b' ' && !spaced;
            spaced = b == b' ';
            sound
        })
    });
    plain && !spaced && DIGITS.contains(&digits)
}

/// Whether a cell is a number: digits with an optional sign, fraction, exponent and percent sign.
fn is_number(cell: &str) -> bool {
    let digits = unsigned(cell).trim_end();
    let digits = digits.strip_suffix('%').unwrap_or(digits);
    let (digits, exponent) = digits.split_once(['e', 'E']).unwrap_or((digits, "0"));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    all_digits(whole) && all_digits(part) && all_digits(unsigned(exponent))
}

/// Returns the text without its leading sign.
fn unsigned(text: &str) -> &str {
    text.strip_prefix(['+', '-']).unwrap_or(text)
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
            let (cell, after) = cell(rest).ok_or_else(|| format!("row {}: a misplaced quote", rows.len() + 1))?;
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

/// Splits off one cell; returns it and the rest, or `None` if its quotes are malformed.
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
    fn writes_one_form_that_reads_as_itself() {
        let rebuilt = rebuild(b"a,\"b\"\r\n\"1\",\"x, y\"\r\n", &Limits::default()).unwrap();
        assert_eq!(rebuilt.bytes, b"a,b\n1,\"x, y\"\n");
        assert_eq!(rebuilt.dropped.len(), 1);
        let again = rebuild(&rebuilt.bytes, &Limits::default()).unwrap();
        assert_eq!((again.bytes, again.dropped.len()), (rebuilt.bytes, 0));
        assert_eq!(rebuild(b"a,b\n1,=2\n", &Limits::default()).unwrap_err().code, "csv.formula");
        assert_eq!(rebuild(b"a\n1\r2\n", &Limits::default()).unwrap_err().code, "csv.form");
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
        for cell in [
            "=1+1",
            "+cmd",
            "-2+3",
            "@SUM(A1)",
            " =1",
            "'=1",
            "\u{ff1d}1",
            "--",
            "-inf",
            "-$5",
            "+1e",
            "-1e-",
            "-1e5+A1",
            "-5%%",
            "-%",
            "%0A",
            "+44-20-7946-0000",
            "+44 2",
        ] {
            assert_eq!(codes(&format!("a\n{cell}\n")), ["csv.formula"], "{cell:?}");
        }
        for cell in [
            "-1",
            "+1.5",
            "-1e-05",
            "-2.5E+10",
            "-5.2%",
            "-",
            "1-2",
            "a=b",
            "x@example.invalid",
            "+44 20 7946 0000",
            "+442079460000",
        ] {
            assert!(codes(&format!("a\n{cell}\n")).is_empty(), "{cell:?}");
        }
    }

    #[test]
    fn a_row_without_an_end_is_refused_while_it_is_read() {
        let piece = "x".repeat(1 << 20);
        let mut table = CsvValidator::default();
        assert!(table.push_line("\"", true), "a cell in quotes may go on");
        let read = (0..8).take_while(|_| table.push_line(&piece, true)).count();
        assert!(read < 8, "no more than a row may have is kept");
        assert_eq!(table.finish().unwrap_err().code, "csv.form");
    }
}
