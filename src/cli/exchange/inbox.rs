//! `portcullis inbox`: products that partners sent.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::table::{self, Row};
use crate::cli::input::arguments::{ExchangeArg, Limit};
use crate::cli::input::keys::signer_at;
use crate::cli::input::open::node_at;
use crate::cli::output::{Exit, Failure, Out, shown, shown_lines};
use crate::config::write_secret;
use crate::gateway::{InboxView, Node, QuarantineView, Rendering, Taker};
use crate::product::Format;
use crate::system::account;

/// List, show and take received products.
#[derive(Debug, clap::Subcommand)]
pub enum InboxCommand {
    /// List the products in the inbox and in quarantine.
    List(Limit),
    /// Show one product without taking it.
    Show {
        /// The ID of the exchange by which it was received (`ex-…`), or a unique prefix of it.
        exchange: ExchangeArg,
    },
    /// Write one product to a new file, or to a new folder if it has separate attachments, and mark it taken.
    ///
    /// A product in quarantine cannot be taken.
    Take {
        /// The ID of the exchange by which it was received (`ex-…`), or a unique prefix of it.
        exchange: ExchangeArg,
        /// The file or folder to create.
        #[arg(long)]
        out: PathBuf,
        /// Also write this rendering: markdown, json, stix, html, or `text` for none. Repeat for several. If left out, the
        /// renderings that the sender's agreement names.
        #[arg(long = "as", value_name = "FORMAT")]
        formats: Vec<Format>,
        /// Take it even if its sender recalled it.
        #[arg(long)]
        recalled: bool,
        /// The person who takes it, for the ledger; if left out, the account that runs the command. The account is always
        /// recorded.
        #[arg(long, env = "PORTCULLIS_OFFICER")]
        by: Option<String>,
    },
    /// List, show and release products in quarantine.
    #[command(subcommand)]
    Quarantine(QuarantineCommand),
}

/// Products that failed a check on receipt. Releasing one into the inbox takes a disclosure officer's signature.
#[derive(Debug, clap::Subcommand)]
pub enum QuarantineCommand {
    /// List the products in quarantine, each with its first finding.
    List(Limit),
    /// Show all findings about one product.
    Show {
        /// The ID of the exchange by which it was received (`ex-…`), or a unique prefix of it.
        exchange: ExchangeArg,
        /// Also show its text, with invisible characters escaped.
        #[arg(long)]
        content: bool,
    },
    /// Release one product into the inbox. The signed statement is recorded in the ledger.
    #[command(name = "release")]
    Admit {
        /// The ID of the exchange by which it was received (`ex-…`), or a unique prefix of it.
        exchange: ExchangeArg,
        /// The officer's private key.
        #[arg(long)]
        key: PathBuf,
        /// The reason, for the ledger.
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
                let rows = || items.iter().map(|item| Row::of_inbox(item, &[], node.now())).collect::<Vec<_>>();
                out.answer(&json!({ "items": items }), |text| table::write(text, &rows(), out));
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
                    write_withdrawal(text, &item.item, out);
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
                    write_withdrawal(text, &item, out);
                    for place in &written {
                        let _ = writeln!(text, "  rendering {}", place.display());
                    }
                    for why in &left_out {
                        let _ = writeln!(text, "  no rendering: {}", shown(why));
                    }
                });
            }
        }
        Ok(Exit::Done)
    }
}

/// The person who takes a product, `by` or else the account, and the account.
fn taker(by: Option<String>) -> Taker {
    let account = account();
    Taker { name: by.unwrap_or_else(|| account.clone()), account }
}

/// The place of each rendering: next to the product, with its name and the format's extension.
///
/// # Errors
/// [`Failure`] if a file exists there, or a rendering that was requested by name cannot be made: the product is then not
/// taken at all.
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
                    "`{}` exists: name a file where neither it nor its renderings exist",
                    place.display()
                )));
            }
            _ => places.push((place, rendering)),
        }
    }
    Ok(places)
}

fn not_written(place: &Path, error: &std::io::Error) -> Failure {
    Failure::trouble(format!(
        "`{}` cannot be written: {error}; the product itself was written and is marked taken",
        place.display()
    ))
}

impl QuarantineCommand {
    async fn run(self, node: &Node, out: Out) -> Result<Exit, Failure> {
        match self {
            QuarantineCommand::List(limit) => {
                let items = limit.first(node.quarantined_all().await.map_err(Failure::from)?);
                let row =
                    |q: &QuarantineView| Row::of_inbox(&q.item, q.verdicts.get(..1).unwrap_or_default(), node.now());
                out.answer(&json!({ "items": items }), |text| {
                    table::write(text, &items.iter().map(row).collect::<Vec<_>>(), out);
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
                    let _ = writeln!(
                        text,
                        "{} is in the inbox: take it with `inbox take {}`",
                        item.exchange, item.exchange
                    );
                });
            }
        }
        Ok(Exit::Done)
    }
}

/// Writes whether the product was recalled or superseded, and what it replaces.
fn write_withdrawal(text: &mut String, item: &InboxView, out: Out) {
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
