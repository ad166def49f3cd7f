//! The `portcullis` program: arguments to configuration to command.

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let cli = portcullis::cli::Cli::parse();
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(cli.run()),
        Err(error) => {
            eprintln!("portcullis: the runtime did not start: {error}");
            ExitCode::from(3)
        }
    }
}
