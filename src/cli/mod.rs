//! The command line: one folder or file per noun; each command is an argument struct with a `run` method.
//!
//! It decides nothing: a command reads its input, calls the gateway and prints the answer.

mod output;
mod input;
mod change;
mod node;
mod partner;
mod officer;
mod consent;
mod marking;
mod request;
mod exchange;
mod product;
mod policy;
mod record;
mod demo;
mod help;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{FromArgMatches as _, Parser, Subcommand, ValueEnum as _};

pub use output::{Exit, Failure, Format, Out};

/// Returns each command (without the program's name) with its example line, in an order in which they can be run.
pub fn examples() -> impl Iterator<Item = (&'static str, &'static str)> {
    help::examples::EXAMPLES.iter().map(|example| (example.command, example.line))
}

/// A gateway for exchanging tearline products with foreign partners.
///
/// Exit status: 0 success, or the answer is yes; 1 the answer is no (refused, not valid, does not verify); 2 invalid input
/// (arguments, a configuration or key file); 3 system failure (store, disk, the node's own keys); 130 interrupted (143 by
/// SIGTERM, 129 by SIGHUP). `serve`
/// also returns 4: a failure that may be temporary (an address in use, a full disk).
#[derive(Debug, Parser)]
#[command(name = "portcullis", version, max_term_width = 120)]
pub struct Cli {
    /// The node's configuration file.
    #[arg(long, global = true, env = "PORTCULLIS_CONFIG", default_value = input::open::UNNAMED_CONFIG)]
    config: PathBuf,
    /// Output format: text for people, or JSON for programs.
    #[arg(long, global = true, value_enum, default_value = "human")]
    format: Format,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(node::init::Init),
    #[command(subcommand)]
    Found(node::founding::FoundCommand),
    #[command(subcommand)]
    Change(change::ChangeCommand),
    #[command(subcommand)]
    Config(node::config::ConfigCommand),
    Serve(node::serve::Serve),
    #[command(subcommand)]
    Partner(partner::PartnerCommand),
    #[command(subcommand)]
    Officer(officer::OfficerCommand),
    #[command(subcommand)]
    Cert(node::cert::CertCommand),
    #[command(subcommand)]
    Product(product::ProductCommand),
    Submit(request::submit::Submit),
    Approve(request::approve::Approve),
    Refuse(request::refuse::Refuse),
    #[command(subcommand)]
    Request(request::export::RequestCommand),
    Recall(request::recall::RecallCommand),
    Status(exchange::status::Status),
    Explain(request::explain::Explain),
    #[command(subcommand)]
    Exchange(exchange::manual::ExchangeCommand),
    #[command(subcommand)]
    Consent(consent::ConsentCommand),
    #[command(subcommand)]
    Clock(node::clock::ClockCommand),
    #[command(subcommand)]
    Inbox(exchange::inbox::InboxCommand),
    #[command(subcommand)]
    Store(record::store::StoreCommand),
    #[command(subcommand)]
    Ledger(record::ledger::LedgerCommand),
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    Marking(marking::MarkingArgs),
    Cut(product::select::CutArgs),
    Demo(demo::Demo),
    Completions(help::completions::Completions),
    Man(help::completions::Man),
}

impl Cli {
    /// Parses the command line of this process. Help and version are printed here.
    ///
    /// # Errors
    /// The exit status, after the help or the error was printed; an error is JSON where `--format` asks for it.
    pub fn read() -> Result<Cli, ExitCode> {
        let arguments: Vec<OsString> = std::env::args_os().collect();
        let mut command = help::command();
        let read = command.try_get_matches_from_mut(&arguments);
        let read = read.and_then(|matches| Cli::from_arg_matches(&matches).map_err(|e| e.format(&mut command)));
        read.map_err(|error| refused(&error, &arguments))
    }

    /// Runs the command on a new runtime and returns the exit status.
    pub fn start(self) -> ExitCode {
        let out = Out::new(self.format);
        match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
            // The server handles signals itself and shuts down in order.
            Ok(runtime) if matches!(self.command, Command::Serve(_)) => runtime.block_on(self.run()),
            Ok(runtime) => {
                let progress = output::progress::show(out);
                let code = runtime.block_on(input::interrupt::until_interrupted(&progress, out, self.run()));
                runtime.shutdown_background();
                code
            }
            Err(error) => {
                eprintln!("portcullis: the runtime did not start: {error}");
                ExitCode::from(3)
            }
        }
    }

    async fn run(self) -> ExitCode {
        let out = Out::new(self.format);
        let config = self.config;
        let done = match self.command {
            Command::Init(command) => command.run(out).await,
            Command::Found(command) => command.run(&config, out).await,
            Command::Change(command) => command.run(&config, out).await,
            Command::Config(command) => command.run(&config, out),
            Command::Serve(command) => command.run(&config, out).await,
            Command::Partner(command) => command.run(&config, out).await,
            Command::Officer(command) => command.run(&config, out).await,
            Command::Cert(command) => command.run(&config, out).await,
            Command::Product(command) => command.run(&config, out).await,
            Command::Submit(command) => command.run(&config, out).await,
            Command::Approve(command) => command.run(&config, out).await,
            Command::Refuse(command) => command.run(&config, out).await,
            Command::Request(command) => command.run(&config, out).await,
            Command::Recall(command) => command.run(&config, out).await,
            Command::Status(command) => command.run(&config, out).await,
            Command::Explain(command) => command.run(&config, out).await,
            Command::Exchange(command) => command.run(&config, out).await,
            Command::Consent(command) => command.run(&config, out).await,
            Command::Clock(command) => command.run(&config, out).await,
            Command::Inbox(command) => command.run(&config, out).await,
            Command::Store(command) => command.run(&config, out).await,
            Command::Ledger(command) => command.run(&config, out).await,
            Command::Policy(command) => command.run(&config, out).await,
            Command::Marking(command) => return marking::run(&command, out),
            Command::Cut(command) => return product::select::run(&command, out),
            Command::Demo(command) => command.run(out).await,
            Command::Completions(command) => Ok(command.run(out)),
            Command::Man(command) => command.run(out),
        };
        match done {
            Ok(exit) => exit.into(),
            Err(failure) => out.failure(&input::interrupt::with_signal_status(failure)),
        }
    }
}

/// Prints what is wrong with the arguments, or the requested help, and returns the exit status.
fn refused(error: &clap::Error, arguments: &[OsString]) -> ExitCode {
    match machine_format(arguments).filter(|_| error.use_stderr()) {
        Some(format) => {
            let said = match error.kind() {
                clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => "a command is required".to_owned(),
                _ => error.render().to_string(),
            };
            let said = said.split("\n\nUsage:").next().unwrap_or_default();
            let said = said.split("\n\nFor more information").next().unwrap_or_default();
            Out::new(format).failure(&Failure::input(said.trim_start_matches("error: ").trim()))
        }
        None => {
            // A closed stream is no error: its reader does not want the text.
            let _ = error.print();
            ExitCode::from(if error.use_stderr() { Exit::Input as u8 } else { Exit::Done as u8 })
        }
    }
}

/// Returns the machine-readable format that `--format` requests, wherever it stands in `arguments`, which need not be valid
/// otherwise; `None` for text.
fn machine_format(arguments: &[OsString]) -> Option<Format> {
    let texts: Vec<&str> = arguments.iter().filter_map(|argument| argument.to_str()).collect();
    let after = texts.iter().position(|text| *text == "--format").and_then(|at| texts.get(at + 1)).copied();
    let said = after.or_else(|| texts.iter().find_map(|text| text.strip_prefix("--format=")))?;
    Format::from_str(said, false).ok().filter(|format| *format != Format::Human)
}
