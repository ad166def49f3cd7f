//! The output of commands: JSON for machines or text for people, and the exit status.

pub(super) mod colour;
pub(super) mod width;
pub(super) mod progress;

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use serde::Serialize;
use serde_json::{Value, json};

use crate::invisible::is_invisible;

/// The format of a command's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Text, with colour on a terminal.
    #[value(alias = "text")]
    Human,
    /// One JSON object.
    Json,
    /// JSON lines: one line per list item, otherwise one line. Mixed lists, as in `status`, name the type in `item`. The
    /// marking commands also read requests in this form.
    Jsonl,
}

/// What a command's exit status says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The command succeeded, or the answer is yes.
    Done = 0,
    /// The answer is no: refused, not valid, does not verify.
    No = 1,
    /// Invalid input: arguments, a file, a number.
    Input = 2,
    /// A failure of the system: keys, store, disk.
    Trouble = 3,
    /// `serve` only: a temporary failure, after which a later start may succeed.
    Passing = 4,
    /// Ended by SIGHUP.
    HungUp = 129,
    /// Ended by SIGINT.
    Interrupted = 130,
    /// Ended by SIGTERM.
    Terminated = 143,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// Why a command failed.
#[derive(Debug)]
pub struct Failure {
    /// The exit status.
    pub exit: Exit,
    /// What was expected, what was found, and where.
    pub message: String,
    /// Whether the message holds after an interruption too: it is then not replaced by `interrupted`.
    pub stands: bool,
}

impl Failure {
    /// Invalid input.
    pub fn input(message: impl std::fmt::Display) -> Failure {
        Failure { exit: Exit::Input, message: message.to_string(), stands: false }
    }

    /// A failure of the system.
    pub fn trouble(message: impl std::fmt::Display) -> Failure {
        Failure { exit: Exit::Trouble, message: message.to_string(), stands: false }
    }

    /// The command was valid and is refused.
    pub fn refused(message: impl std::fmt::Display) -> Failure {
        Failure { exit: Exit::No, message: message.to_string(), stands: false }
    }
}

impl From<crate::gateway::GatewayError> for Failure {
    fn from(error: crate::gateway::GatewayError) -> Failure {
        use crate::gateway::GatewayError;
        match &error {
            GatewayError::NotFound(_) => Failure::input(error),
            GatewayError::Refused(_) => Failure::refused(error),
            GatewayError::Local(_)
            | GatewayError::Temporary(_)
            | GatewayError::Store(_)
            | GatewayError::OutcomeUnknown { .. } => {
                Failure { stands: error.is_outcome_unknown(), ..Failure::trouble(error) }
            }
        }
    }
}

/// Where a command writes its answer.
#[derive(Clone, Copy, Debug)]
pub struct Out {
    format: Format,
    colour: bool,
}

impl Out {
    /// An output in this format; colour only on a terminal, and not if `NO_COLOR` is set.
    pub fn new(format: Format) -> Out {
        let wanted = std::env::var_os("NO_COLOR").is_none();
        Out { format, colour: wanted && format == Format::Human && io::stdout().is_terminal() }
    }

    /// Whether the answer is JSON.
    pub fn json(&self) -> bool {
        self.format != Format::Human
    }

    /// Whether to write one line of JSON for each item.
    pub fn json_lines(&self) -> bool {
        self.format == Format::Jsonl
    }

    /// Whether to colour.
    pub fn colour(&self) -> bool {
        self.colour
    }

    /// Writes the answer: `value` as JSON, or what `human` writes.
    pub fn answer(&self, value: &impl Serialize, human: impl FnOnce(&mut String)) {
        let mut text = String::new();
        if self.json() {
            // INVARIANT: answers are plain data.
            text = match self.format {
                Format::Jsonl => lines(value),
                Format::Json | Format::Human => serde_json::to_string_pretty(value).map(|text| text + "\n"),
            }
            .expect("answers are plain data");
        } else {
            human(&mut text);
        }
        self.write(text.as_bytes());
    }

    /// Writes bytes unchanged to standard output. A closed pipe is not a failure of the command.
    pub fn write(&self, bytes: &[u8]) {
        let mut stdout = io::stdout().lock();
        let _ = stdout.write_all(bytes).and_then(|()| stdout.flush());
    }

    /// Writes why a command failed to standard error, and returns the exit status.
    pub fn failure(&self, failure: &Failure) -> ExitCode {
        let mut stderr = io::stderr().lock();
        let _ = if self.json() {
            writeln!(stderr, "{}", json!({ "error": failure.message, "exit": failure.exit as u8 }))
        } else {
            writeln!(stderr, "portcullis: {}", shown_lines(&failure.message))
        };
        failure.exit.into()
    }

    /// `text` in green where `good`, else in red; plain without a terminal.
    pub fn verdict(&self, text: &str, good: bool) -> String {
        match (self.colour, good) {
            (true, true) => format!("\u{1b}[32m{text}\u{1b}[0m"),
            (true, false) => format!("\u{1b}[31m{text}\u{1b}[0m"),
            (false, _) => text.to_owned(),
        }
    }

    /// The columns of the terminal; `None` if standard output is not a terminal or the answer is JSON.
    pub fn width(&self) -> Option<usize> {
        if self.json() || !io::stdout().is_terminal() {
            return None;
        }
        let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
        Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
    }

    /// `text` in the colour of this ANSI code; plain without a terminal.
    pub fn painted(&self, code: &str, text: &str) -> String {
        if self.colour && !text.is_empty() { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// `text` emphasised on a terminal.
    pub fn bold(&self, text: &str) -> String {
        if self.colour { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// JSON lines: one line for each item if `answer` is an object whose only member is an array, otherwise one line.
fn lines(answer: &impl Serialize) -> serde_json::Result<String> {
    let value = serde_json::to_value(answer)?;
    let members = value.as_object().filter(|members| members.len() == 1);
    match members.and_then(|members| members.values().next()).and_then(Value::as_array) {
        Some(items) => Ok(items.iter().fold(String::new(), |text, item| text + &item.to_string() + "\n")),
        None => serde_json::to_string(answer).map(|line| line + "\n"),
    }
}

/// A table with aligned columns and no lines, for people. On a terminal, cells wrap to its width.
pub fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>, out: Out) -> String {
    let mut table = comfy_table::Table::new();
    table
        .load_style(comfy_table::presets::NOTHING)
        .set_header(header.iter().map(|h| h.to_uppercase()).collect::<Vec<_>>());
    if let Some(width) = out.width() {
        table.set_content_arrangement(comfy_table::ContentArrangement::Dynamic);
        table.set_width(u16::try_from(width).unwrap_or(u16::MAX));
    }
    for row in rows {
        table.add_row(row.into_iter().map(|cell| shown(&cell)));
    }
    let mut text = String::new();
    for line in table.lines() {
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

/// `text` with every invisible character escaped, such as `\u{1b}`, so that nothing that a partner or producer wrote can
/// move the cursor, change a colour or reorder a line.
pub fn shown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_invisible(c) {
            let _ = write!(out, "\\u{{{:x}}}", c as u32);
        } else {
            out.push(c);
        }
    }
    out
}

/// [`shown`], line by line.
pub fn shown_lines(text: &str) -> String {
    text.lines().map(shown).collect::<Vec<_>>().join("\n")
}

/// A fingerprint of 64 hexadecimal digits in groups of eight, to be read over a telephone; any other text unchanged.
/// `--confirm` accepts it with and without spaces.
pub(in crate::cli) fn grouped(print: &str) -> String {
    match print.len() {
        64 => print.as_bytes().chunks(8).map(String::from_utf8_lossy).collect::<Vec<_>>().join(" "),
        _ => print.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_one_line_an_item_and_anything_else_one_line() {
        assert_eq!(lines(&json!({ "items": [{ "a": 1 }, { "a": 2 }] })).unwrap(), "{\"a\":1}\n{\"a\":2}\n");
        assert_eq!(lines(&json!({ "items": [] })).unwrap(), "");
        assert_eq!(lines(&json!({ "items": [1], "more": [] })).unwrap(), "{\"items\":[1],\"more\":[]}\n");
        assert_eq!(lines(&json!({ "a": 1 })).unwrap(), "{\"a\":1}\n");
    }

    #[test]
    fn nothing_shown_moves_the_cursor_or_reorders_a_line() {
        assert_eq!(shown("a\u{1b}[2Jb\u{202e}c\r\u{200b}"), "a\\u{1b}[2Jb\\u{202e}c\\u{d}\\u{200b}");
        assert_eq!(shown("Ärger, naïve, 日本"), "Ärger, naïve, 日本");
        assert_eq!(shown_lines("a\nb\u{7}"), "a\nb\\u{7}");
    }

    #[test]
    fn nothing_that_a_reader_does_not_see_is_shown_as_it_is() {
        for c in ('\0'..=char::MAX).filter(|c| is_invisible(*c)) {
            assert_eq!(shown(&format!("a{c}b")), format!("a\\u{{{:x}}}b", u32::from(c)));
        }
    }
}
