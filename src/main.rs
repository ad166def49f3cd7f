//! The `portcullis` program: arguments to configuration to command.

use std::process::ExitCode;

fn main() -> ExitCode {
    // A panic's own message may quote what was being worked on; where it happened is enough to find the fault.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        eprintln!("portcullis: internal fault at {place}: please report it");
    }));
    // A filter process has no use for a runtime's threads, and starts none.
    if std::env::args_os().nth(1).is_some_and(|command| command == portcullis::filter_process::COMMAND) {
        return portcullis::filter_process::serve();
    }
    match portcullis::cli::Cli::read() {
        Ok(cli) => cli.start(),
        Err(status) => status,
    }
}
