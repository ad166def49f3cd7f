//! The command line: one folder or file a noun, each command an argument struct that runs.
//!
//! It refuses to decide anything: commands read, call the gateway, and print what it answered.

mod output;
mod colour;
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

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use output::{Exit, Failure, Format, Out};

/// A gateway for exchanging tearline products with foreign partners.
///
/// Exit status: 0 done, or the answer is yes; 1 the answer is no (refused, not valid, does not verify); 2 invalid input
/// (arguments, a configuration or key file); 3 a failure of the system (store, disk, the node's own keys). `serve` also has
/// 4: a failure that may pass (an address in use, a full disk).
#[derive(Debug, Parser)]
#[command(name = "portcullis", version, max_term_width = 120)]
pub struct Cli {
    /// The node's configuration file.
    #[arg(long, global = true, env = "PORTCULLIS_CONFIG", default_value = input::open::UNNAMED_CONFIG)]
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
}

impl Cli {
    /// Runs the command on a runtime of its own and gives the exit status.
    pub fn start(self) -> ExitCode {
        match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
            Ok(runtime) => runtime.block_on(self.run()),
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
            Command::Cut(command) => return product::select::run(&command),
            Command::Demo(command) => command.run(out).await,
        };
        match done {
            Ok(exit) => exit.into(),
            Err(failure) => out.failure(&failure),
        }
    }
}
