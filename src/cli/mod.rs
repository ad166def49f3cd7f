//! The command line: one folder or file a noun, each command an argument struct that runs.
//!
//! It refuses to decide anything: commands read, call the gateway, and print what it answered.

mod output;
mod progress;
mod interrupt;
mod examples;
mod marking;
mod product;
mod policy;
mod consent;
mod partner;
mod officer;
mod change;
mod request;
mod exchange;
mod record;
mod node;
mod demo;
mod help;
mod completions;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{FromArgMatches as _, Parser, Subcommand, ValueEnum as _};

pub use output::{Exit, Failure, Format, Out};

/// The example of each command, with the command it is for, in an order in which they can be run.
pub fn examples() -> impl Iterator<Item = (&'static str, &'static str)> {
    examples::EXAMPLES.iter().map(|example| (example.command, example.line))
}

use crate::config::Config;
use crate::gateway::Node;
use crate::system::SystemClock;

/// The configuration of whoever names none.
const UNNAMED_CONFIG: &str = "portcullis.toml";

/// A gateway for exchanging tearline products with foreign partners.
///
/// Exit status: 0 done, or the answer is yes; 1 the answer is no (refused, not valid, does not verify); 2 invalid input,
/// a configuration or key file included; 3 something around the command failed (store, disk, the node's own keys); 130
/// interrupted. `serve` also has 4: what is in the way may not be in a moment (an address, a full disk).
#[derive(Debug, Parser)]
#[command(name = "portcullis", version, max_term_width = 120)]
pub struct Cli {
    /// The node's configuration file.
    #[arg(long, global = true, env = "PORTCULLIS_CONFIG", default_value = UNNAMED_CONFIG)]
    config: PathBuf,
    /// How to answer: text for people, or JSON for machines.
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
    Completions(completions::Completions),
    Man(completions::Man),
}

impl Cli {
    /// Reads the command line of this process. Help and version are printed here.
    ///
    /// # Errors
    /// The exit status, once it was said what is wrong: as JSON where `--format` asks for it.
    pub fn read() -> Result<Cli, ExitCode> {
        let arguments: Vec<OsString> = std::env::args_os().collect();
        let mut command = help::command();
        let read = command.try_get_matches_from_mut(&arguments);
        let read = read.and_then(|matches| Cli::from_arg_matches(&matches).map_err(|e| e.format(&mut command)));
        read.map_err(|error| refused(&error, &arguments))
    }

    /// Runs the command on a runtime of its own and gives the exit status.
    pub fn start(self) -> ExitCode {
        let out = Out::new(self.format);
        match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
            // A server stops in order, by signals of its own.
            Ok(runtime) if matches!(self.command, Command::Serve(_)) => runtime.block_on(self.run()),
            Ok(runtime) => {
                let progress = progress::show(out);
                let code = runtime.block_on(interrupt::until_interrupted(&progress, out, self.run()));
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
            Err(failure) => out.failure(&interrupt::told_of(failure)),
        }
    }
}

/// Says what is wrong with the arguments, or prints the help that was asked for; gives the exit status.
fn refused(error: &clap::Error, arguments: &[OsString]) -> ExitCode {
    match machine_format(arguments).filter(|_| error.use_stderr()) {
        Some(format) => {
            let said = match error.kind() {
                clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => "a command is required".to_owned(),
                _ => error.render().to_string(),
            };
            let said = said.split("\n\nUsage:").next().unwrap_or_default();
            Out::new(format).failure(&Failure::input(said.trim_start_matches("error: ").trim()))
        }
        None => {
            // Whoever closed the stream does not want to read it.
            let _ = error.print();
            ExitCode::from(if error.use_stderr() { Exit::Input as u8 } else { Exit::Done as u8 })
        }
    }
}

/// The format for machines that the arguments ask for, wherever they do: they do not have to be valid otherwise.
fn machine_format(arguments: &[OsString]) -> Option<Format> {
    let texts: Vec<&str> = arguments.iter().filter_map(|argument| argument.to_str()).collect();
    let after = texts.iter().position(|text| *text == "--format").and_then(|at| texts.get(at + 1)).copied();
    let said = after.or_else(|| texts.iter().find_map(|text| text.strip_prefix("--format=")))?;
    Format::from_str(said, false).ok().filter(|format| *format != Format::Human)
}

/// Opens the node whose configuration is at `config`.
async fn node_at(config: &std::path::Path) -> Result<Node, Failure> {
    open_node(configuration(config)?).await
}

/// Reads the configuration at `config`.
fn configuration(config: &std::path::Path) -> Result<Config, Failure> {
    if config.is_dir() {
        let file = config.join("portcullis.toml");
        return Err(Failure::input(format!("`{}` is a folder: name the file, {}", config.display(), file.display())));
    }
    Config::read(config).map_err(Failure::input)
}

async fn open_node(config: Config) -> Result<Node, Failure> {
    Node::open_showing(config, Arc::new(SystemClock), progress::progress()).await.map_err(Failure::trouble)
}

/// The text of a file that the user named.
fn read_text(file: &std::path::Path) -> Result<String, Failure> {
    std::fs::read_to_string(file).map_err(|e| Failure::input(format!("`{}` cannot be read: {e}", file.display())))
}

/// The bytes of a file that the user named.
fn read_bytes(file: &std::path::Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(file).map_err(|e| Failure::input(format!("`{}` cannot be read: {e}", file.display())))
}

/// Asks a person at the terminal; `None` where nobody sits there or nothing was typed.
fn prompt(question: &str) -> Option<String> {
    use std::io::{BufRead as _, IsTerminal as _, Write as _};
    if !std::io::stdin().is_terminal() {
        return None;
    }
    let mut stderr = std::io::stderr().lock();
    stderr.write_all(question.as_bytes()).and_then(|()| stderr.flush()).ok()?;
    let mut line = String::new();
    interrupt::asking(|| std::io::stdin().lock().read_line(&mut line)).ok()?;
    Some(line.trim().to_owned()).filter(|line| !line.is_empty())
}

/// Asks a person at the terminal to confirm, after `text`; `instead` names the option that does without.
///
/// # Errors
/// [`Failure`] if nobody sits at a terminal, or they typed something else than yes.
fn confirm(text: &str, what: &str, instead: &str) -> Result<(), Failure> {
    use std::io::IsTerminal as _;
    if !std::io::stdin().is_terminal() {
        return Err(Failure::refused(format!(
            "not signed: standard input is no terminal, so nobody can be shown this {what} and asked; sign it at one, or give \
             {instead}"
        )));
    }
    match prompt(&format!("{text}\nsign this {what}? type yes: ")).as_deref() {
        Some("yes") => Ok(()),
        _ => Err(Failure::refused(format!("not signed: nobody typed yes (or give {instead})"))),
    }
}

/// A span of time such as `90s`, `30m`, `12h` or `7d`.
fn duration(text: &str) -> Result<std::time::Duration, String> {
    let wrong = || "expected a span such as `90s`, `30m`, `12h` or `7d`".to_owned();
    let unit = text.chars().last().ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    let number: u64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    number.checked_mul(seconds).filter(|s| *s > 0).map(std::time::Duration::from_secs).ok_or_else(wrong)
}
