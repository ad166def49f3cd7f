//! Help, completion scripts and manual pages: commands grouped by noun, each with an example.

pub(super) mod examples;
pub(super) mod completions;

use std::fmt::Write as _;

use clap::builder::styling::Styles;
use clap::{Command, CommandFactory as _};

use super::Cli;
use crate::cli::help::examples::EXAMPLES;

/// The program's name.
pub(super) const NAME: &str = "portcullis";

/// The commands by subject, in the order in which help lists them.
const GROUPS: [(&str, &[&str]); 8] = [
    ("Node", &["init", "found", "config", "serve", "clock", "cert"]),
    ("Officers and partners", &["officer", "partner", "consent", "change"]),
    ("Products and markings", &["product", "cut", "marking"]),
    ("Requests", &["submit", "request", "approve", "refuse", "recall", "explain"]),
    ("Exchanges", &["status", "exchange", "inbox"]),
    ("Records", &["store", "ledger"]),
    ("Policy", &["policy"]),
    ("Program", &["demo", "completions", "man", "help"]),
];

/// The width of the list of commands, in columns.
const WIDTH: usize = 100;
/// The column at which a command's description starts.
const INDENT: usize = 15;

/// Returns the complete command line.
pub(super) fn command() -> Command {
    let command = with_examples(Cli::command(), "");
    let listed = listed(&command);
    command.help_template(format!(
        "{{before-help}}{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{listed}{options}:\n{{options}}{{after-help}}",
        options = heading("Options")
    ))
}

/// Adds examples to a command and its subcommands. A command that only groups others shows the first of their examples.
fn with_examples(command: Command, path: &str) -> Command {
    let within = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path} {name}") };
    let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    let mut command = command;
    for name in &names {
        command = command.mut_subcommand(name, |sub| with_examples(sub, &within(name)));
    }
    let own = EXAMPLES.iter().find(|example| example.command == path);
    let under = || EXAMPLES.iter().find(|example| example.command.starts_with(&format!("{path} ")) || path.is_empty());
    match own.or_else(under) {
        Some(example) => command.after_help(format!("{}:\n  {}", heading("Example"), typed(example.line))),
        None => command,
    }
}

/// Breaks a long line into several that can be typed as they are: all but the last end in a backslash.
fn typed(line: &str) -> String {
    let mut lines = vec![String::new()];
    for (number, part) in line.split(" --").enumerate() {
        let part = if number == 0 { part.to_owned() } else { format!("--{part}") };
        // INVARIANT: `lines` is never empty.
        let last = lines.last_mut().expect("a line");
        if last.is_empty() {
            *last = part;
        } else if last.len() + part.len() < WIDTH - 6 {
            let _ = write!(last, " {part}");
        } else {
            lines.push(part);
        }
    }
    lines.join(" \\\n    ")
}

/// Lists the commands under the headings of their groups.
fn listed(command: &Command) -> String {
    let about = |name: &str| match command.find_subcommand(name).and_then(Command::get_about) {
        Some(about) => about.to_string(),
        // clap adds it when the command line is read.
        None => "Print this message or the help of a command".to_owned(),
    };
    let mut text = String::new();
    for (group, names) in GROUPS {
        let _ = writeln!(text, "{}:", heading(group));
        for name in names {
            let mut line = format!("  {name:<width$}", width = INDENT - 2);
            for word in about(name).split_whitespace() {
                if line.len() + word.len() > WIDTH {
                    let _ = writeln!(text, "{}", line.trim_end());
                    line = " ".repeat(INDENT);
                }
                let _ = write!(line, "{word} ");
            }
            let _ = writeln!(text, "{}", line.trim_end());
        }
        text.push('\n');
    }
    text
}

/// Formats a heading in clap's own style; clap removes the colour where it is not supported.
fn heading(text: &str) -> String {
    let style = Styles::styled();
    let header = style.get_header();
    format!("{header}{text}{header:#}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(command: &Command, path: &str, found: &mut Vec<(String, bool)>) {
        for sub in command.get_subcommands() {
            let path = if path.is_empty() { sub.get_name().to_owned() } else { format!("{path} {}", sub.get_name()) };
            found.push((path.clone(), sub.has_subcommands()));
            paths(sub, &path, found);
        }
    }

    #[test]
    fn every_command_has_one_example_and_every_example_a_command() {
        let mut found = Vec::new();
        paths(&Cli::command(), "", &mut found);
        let commands: Vec<&str> = found.iter().filter(|(_, holds)| !holds).map(|(path, _)| path.as_str()).collect();
        for command in &commands {
            let examples = EXAMPLES.iter().filter(|example| example.command == *command).count();
            assert_eq!(examples, 1, "`{command}`");
        }
        for example in EXAMPLES {
            assert!(commands.contains(&example.command), "`{}` is no command", example.command);
            assert!(example.line.contains(&format!("portcullis {}", example.command)), "{}", example.line);
        }
    }

    #[test]
    fn every_command_is_listed_in_one_group() {
        let listed: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        for command in Cli::command().get_subcommands() {
            assert_eq!(listed.iter().filter(|name| **name == command.get_name()).count(), 1, "{}", command.get_name());
        }
        assert_eq!(listed.len(), Cli::command().get_subcommands().count() + 1, "and `help`");
    }
}
