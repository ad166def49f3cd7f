//! `portcullis inbox`: what partners sent.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::cli::input::arguments::{ExchangeArg, Limit};
use crate::cli::input::keys::signer_at;
use crate::cli::input::open::node_at;
use crate::cli::output::{Exit, Failure, Out, shown, shown_lines, table};
use crate::config::write_secret;
use crate::gateway::{InboxView, Node, Rendering, Taker};
use crate::product::Format;
use crate::system::account;

/// List, show and take what partners sent.
#[derive(Debug, clap::Subcommand)]
pub enum InboxCommand {
    /// List what is in the inbox and in quarantine.
    List(Limit),
    /// Show one product without taking it.
    Show {
        /// The exchange it came by, or the beginning of its number.
        exchange: ExchangeArg,
    },
    /// Write one product to a new file, or with attachments beside its text to a new folder, and mark it taken. What is
    /// in quarantine cannot be taken.
    Take {
        /// The exchange it came by, or the beginning of its number.
        exchange: ExchangeArg,
        /// The file or folder to make.
        #[arg(long)]
        out: PathBuf,
        /// Write this rendering beside it, instead of those that the sender's agreement names: markdown, json, stix, or
        /// html for reading and printing. Repeat for several; `text` for none.
        #[arg(long = "as", value_name = "FORMAT")]
        formats: Vec<Format>,
        /// Take it although its sender recalled it.
        #[arg(long)]
        recalled: bool,
        /// Who takes it, for the ledger; the account that runs the command if left out. The account is recorded either way.
        #[arg(long, env = "PORTCULLIS_OFFICER")]
        by: Option<String>,
    },
    /// List, show and release what failed a check.
    #[command(subcommand)]
    Quarantine(QuarantineCommand),
}

/// What failed a check on its way in. Only a disclosure officer lets it into the inbox, and signs for it.
#[derive(Debug, clap::Subcommand)]
pub enum QuarantineCommand {
    /// List everything in quarantine and what was found first.
    List(Limit),
    /// Show all that was found in one product.
    Show {
        /// The exchange it came by, or the beginning of its number.
        exchange: ExchangeArg,
        /// Show its text as well, with everything in it that does not print written out.
        #[arg(long)]
        content: bool,
    },
    /// Let one product into the inbox. The signed statement goes on the ledger.
    #[command(name = "release")]
    Admit {
        /// The exchange it came by, or the beginning of its number.
        exchange: ExchangeArg,
        /// The officer's private key.
        #[arg(long)]
        key: PathBuf,
        /// Why it may be read; goes on record.
        #[arg(long)]
        why: String,
    },
}

impl InboxCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// [`Failure`] if there is no such product or it is in quarantine.
    pub async fn run(self, config: &Path, out: Out) -> Result<Exit, Failure> {
        let node = node_at(config).await?;
        match self {
            InboxCommand::Quarantine(command) => return command.run(&node, out).await,
            InboxCommand::List(limit) => {
                let items = limit.first(node.inbox().await.map_err(Failure::from)?);
                out.answer(&json!({ "items": items }), |text| {
                    let rows = items.iter().map(|i| {
                        vec![
                            i.exchange.clone(),
                            i.partner.clone(),
                            state(i),
                            i.marking.clone(),
                            i.title.clone(),
                            i.received.clone(),
                            if i.taken.is_empty() { "-".to_owned() } else { i.taken.clone() },
                        ]
                    });
                    let header = ["exchange", "from", "state", "marking", "title", "received", "taken"];
                    text.push_str(&table(&header, rows));
                });
            }
            InboxCommand::Show { exchange } => {
                let exchange = exchange.find(&node).await?;
                let item = node.inbox_item(&exchange).await.map_err(Failure::from)?;
                out.answer(&item, |text| {
                    let _ = writeln!(
                        text,
                        "{} from {}: {}",
                        out.bold(&item.item.exchange),
                        item.item.partner,
                        item.item.state
                    );
                    tell_fate(text, &item.item, out);
                    for reason in &item.quarantine {
                        let _ = writeln!(text, "  {}", shown(reason));
                    }
                    if let Some(product) = &item.text {
                        let _ = writeln!(text, "\n{}", shown_lines(product));
                    }
                });
            }
            InboxCommand::Take { exchange, out: file, formats, recalled, by } => {
                let exchange = exchange.find(&node).await?;
                let asked: BTreeSet<Format> = formats.into_iter().collect();
                let asked = (!asked.is_empty()).then_some(&asked);
                let renderings = node.renderings(&exchange, asked).await.map_err(Failure::from)?;
                let renderings = places(renderings, &file, asked.is_some())?;
                let item = node.take(&exchange, &file, recalled, &taker(by)).await.map_err(Failure::from)?;
                let (mut written, mut left_out) = (Vec::new(), Vec::new());
                for (place, rendering) in renderings {
                    match rendering.made {
                        Ok(bytes) => {
                            write_secret(&place, &bytes).map_err(|e| not_written(&place, &e))?;
                            written.push(place);
                        }
                        Err(why) => left_out.push(why),
                    }
                }
                let answer = json!({ "exchange": item.exchange, "file": file, "marking": item.marking,
                    "renderings": written, "left_out": left_out,
                    "recalled": item.recalled, "superseded_by": item.superseded_by });
                out.answer(&answer, |text| {
                    let _ = writeln!(text, "took {} ({}) to {}", item.exchange, shown(&item.marking), file.display());
                    tell_fate(text, &item, out);
                    for place in &written {
                        let _ = writeln!(text, "  and to read it in {}", place.display());
                    }
                    for why in &left_out {
                        let _ = writeln!(text, "  without a rendering: {}", shown(why));
                    }
                });
            }
        }
        Ok(Exit::Done)
    }
}

/// Who takes a product: `by` if somebody is named, and the account in any case.
fn taker(by: Option<String>) -> Taker {
    let account = account();
    Taker { name: by.unwrap_or_else(|| account.clone()), account }
}

/// Where each rendering goes: beside the product, under its name with the format's extension. Nothing is written over,
/// and a rendering that was asked for by name and cannot be made is no reason to take the product without it.
fn places(renderings: Vec<Rendering>, product: &Path, asked: bool) -> Result<Vec<(PathBuf, Rendering)>, Failure> {
    let mut places = Vec::new();
    for rendering in renderings {
        let extension = rendering.format.extension();
        let mut place = product.with_extension(extension);
        if place == product {
            let mut name = product.as_os_str().to_owned();
            name.push(format!(".{extension}"));
            place = name.into();
        }
        match &rendering.made {
            Err(why) if asked => return Err(Failure::refused(why)),
            Ok(_) if place.symlink_metadata().is_ok() => {
                return Err(Failure::refused(format!(
                    "`{}` exists: name a file that does not, and beside which there is room for its renderings",
                    place.display()
                )));
            }
            _ => places.push((place, rendering)),
        }
    }
    Ok(places)
}

fn not_written(place: &Path, error: &std::io::Error) -> Failure {
    Failure::trouble(format!("`{}` cannot be written: {error}; the product itself was taken", place.display()))
}

impl QuarantineCommand {
    async fn run(self, node: &Node, out: Out) -> Result<Exit, Failure> {
        match self {
            QuarantineCommand::List(limit) => {
                let items = limit.first(node.quarantined_all().await.map_err(Failure::from)?);
                out.answer(&json!({ "items": items }), |text| {
                    let rows = items.iter().map(|q| {
                        let (i, first) = (&q.item, q.verdicts.first().cloned().unwrap_or_default());
                        vec![i.exchange.clone(), i.partner.clone(), i.marking.clone(), i.received.clone(), first]
                    });
                    text.push_str(&table(&["exchange", "from", "marking", "received", "found first"], rows));
                });
            }
            QuarantineCommand::Show { exchange, content } => {
                let exchange = exchange.find(node).await?;
                let found = node.quarantined(&exchange, content).await.map_err(Failure::from)?;
                out.answer(&found, |text| {
                    let i = &found.item;
                    let _ =
                        writeln!(text, "{} from {}, {}, {}", i.exchange, shown(&i.partner), i.state, shown(&i.marking));
                    for verdict in &found.verdicts {
                        let _ = writeln!(text, "  {}", shown(verdict));
                    }
                    if let Some(product) = &found.text {
                        let _ = writeln!(text, "\n{}", shown_lines(product));
                    }
                });
            }
            QuarantineCommand::Admit { exchange, key, why } => {
                let signer = signer_at(&key)?;
                let exchange = exchange.find(node).await?;
                let item = node.admit_quarantined(&exchange, &why, &signer).await.map_err(Failure::from)?;
                out.answer(&item, |text| {
                    let _ =
                        writeln!(text, "{} is in the inbox: `inbox take {}` takes it", item.exchange, item.exchange);
                });
            }
        }
        Ok(Exit::Done)
    }
}

/// Where a product is, and whether it still holds.
fn state(item: &InboxView) -> String {
    match (item.recalled.is_empty(), item.superseded_by.is_empty()) {
        (false, _) => format!("{}, RECALLED", item.state),
        (true, false) => format!("{}, superseded", item.state),
        (true, true) => item.state.clone(),
    }
}

fn tell_fate(text: &mut String, item: &InboxView, out: Out) {
    if !item.recalled.is_empty() {
        let _ = writeln!(text, "  {}: by its sender, {}", out.verdict("RECALLED", false), shown(&item.recalled));
    }
    if !item.superseded_by.is_empty() {
        let _ = writeln!(text, "  superseded by {}", item.superseded_by);
    }
    if !item.replaces.is_empty() {
        let _ = writeln!(text, "  replaces {}", item.replaces);
    }
}
