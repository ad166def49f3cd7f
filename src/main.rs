//! The `portcullis` program: starts the filter process, or parses the command line and runs the command.

use std::process::ExitCode;

fn main() -> ExitCode {
    // The message of a panic may quote content of a product; its location is enough to find the fault.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        eprintln!("portcullis: internal fault at {place}: please report it");
    }));
    // A filter process must not start the threads of the runtime.
    if std::env::args_os().nth(1).is_some_and(|command| command == portcullis::filter_process::COMMAND) {
        return portcullis::filter_process::serve();
    }
    match portcullis::cli::Cli::read() {
        Ok(cli) => cli.start(),
        Err(status) => status,
    }
}
