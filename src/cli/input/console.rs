//! Prompts at the terminal.

use crate::cli::output::Failure;

/// Prompts at the terminal. `None` if standard input is not a terminal or the answer is empty.
pub(in crate::cli) fn prompt(question: &str) -> Option<String> {
    use std::io::{BufRead as _, IsTerminal as _, Write as _};
    if !std::io::stdin().is_terminal() {
        return None;
    }
    let mut stderr = std::io::stderr().lock();
    stderr.write_all(question.as_bytes()).and_then(|()| stderr.flush()).ok()?;
    // Free for the line break that a signal writes.
    drop(stderr);
    let mut line = String::new();
    crate::cli::input::interrupt::asking(|| std::io::stdin().lock().read_line(&mut line)).ok()?;
    Some(line.trim().to_owned()).filter(|line| !line.is_empty())
}

/// Shows `text` and asks for confirmation at the terminal; `instead` names the option that skips the question.
///
/// # Errors
/// [`Failure`] if standard input is not a terminal, or the answer is not `yes`.
pub(in crate::cli) fn confirm(text: &str, what: &str, instead: &str) -> Result<(), Failure> {
    use std::io::IsTerminal as _;
    if !std::io::stdin().is_terminal() {
        return Err(Failure::refused(format!(
            "not signed: there is no terminal to confirm on (standard input is not a terminal); sign at a terminal, or \
             give {instead}"
        )));
    }
    match prompt(&format!("{text}\nSign this {what}? Type yes to confirm: ")).as_deref() {
        Some("yes") => Ok(()),
        _ => Err(Failure::refused(format!("Cancelled: confirmation not given (type yes, or give {instead})"))),
    }
}
