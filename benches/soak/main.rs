//! The long runs behind `scripts/soak`: the exchange in simulation, and as real processes that are killed; what a hostile
//! partner and strangers cost; what is taken for a marking; and what is hidden on pages.

mod account;
mod chaos;
mod detect;
#[path = "../../tests/support/edge.rs"]
mod edge;
mod exchange;
mod hidden;
mod hostile;
mod paragraphs;
mod relay;
#[path = "../../tests/hidden_text/mod.rs"]
mod pages;
#[path = "../../tests/sim/mod.rs"]
mod sim;
#[path = "../../tests/support/mod.rs"]
mod support;

use std::process::ExitCode;

use clap::Parser;

/// A kind of run and its options.
#[derive(Parser)]
#[command(name = "scripts/soak", disable_help_subcommand = true)]
enum Kind {
    /// Runs the exchange between simulated nodes, one run a seed.
    Exchange(exchange::Options),
    /// Runs real nodes over a bad network, kills them at random, and counts what came of it.
    Chaos(chaos::Options),
    /// Attacks a real node in every known way while an honest partner delivers to it, and holds what that costs to budgets.
    Hostile(hostile::Options),
    /// Counts how often ordinary English is taken for a marking.
    Detect(detect::Options),
    /// Hides words on pages by every means, and holds what is accepted to what Poppler shows.
    Hidden(hidden::Options),
}

fn main() -> ExitCode {
    // `cargo bench` adds an option of its own.
    let arguments = std::env::args().filter(|argument| argument != "--bench");
    let ok = match Kind::parse_from(arguments) {
        Kind::Exchange(options) => exchange::run(&options),
        Kind::Chaos(options) => chaos::run(&options),
        Kind::Hostile(options) => hostile::run(&options),
        Kind::Detect(options) => detect::run(&options),
        Kind::Hidden(options) => hidden::run(&options),
    };
    if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Writes an answer where it was asked for, and to the terminal.
fn report(value: &serde_json::Value, file: Option<&std::path::Path>) {
    let text = serde_json::to_string_pretty(value).expect("a value made of numbers and texts");
    println!("{text}");
    if let Some(file) = file
        && let Err(error) = std::fs::write(file, text + "\n")
    {
        eprintln!("`{}` cannot be written: {error}", file.display());
    }
}
