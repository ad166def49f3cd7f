//! `portcullis partner`: enrol, show and stop partners, and describe ourselves to them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::change::Proposing;
use super::output::{Exit, Failure, Out, grouped, shown, table};
use crate::cli::input::arguments::Limit;
use crate::cli::input::files::{cannot_write, read_text};
use crate::cli::input::open::node_at;
use crate::gateway::{ChangeRequest, PartnerView};
use crate::ident::PartnerId;
use crate::partner::{Agreement, Description, Fingerprints, Standing};

/// Enrol, show and stop partners, and describe this node to them.
#[derive(Debug, clap::Subcommand)]
pub enum PartnerCommand {
    /// Print this node's description, for a partner's operator to enrol.
    Export {
        /// Write it to a new file instead.
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// Show the fingerprints of this node's description, or of a description in a file, to compare over another channel.
    Fingerprint {
        /// A partner's description; this node's own if left out.
        file: Option<PathBuf>,
    },
    /// Propose to enrol a partner from its description and the agreement with it; two officers sign it.
    ///
    /// Read the fingerprint to the partner's operator over another channel first, and confirm the one they read to you.
    /// Nothing is trusted on first use, and no right is taken from the description.
    Add {
        /// The partner's exported description.
        file: PathBuf,
        /// The agreement with it (TOML); see policy/agreements/sample.toml.
        #[arg(long)]
        agreement: PathBuf,
        /// The description's fingerprint as the partner's operator read it out.
        #[arg(long)]
        confirm: Option<String>,
        /// A kind of product in the agreement that is new, although it is spelled like another; repeat for several.
        #[arg(long, value_name = "KIND")]
        new_kind: Vec<String>,
        #[command(flatten)]
        proposing: Proposing,
    },
    /// Take over a newer revocation list or new addresses from a partner's description, at once if its keys are the same.
    ///
    /// Other keys are proposed, and two officers sign them: confirm the fingerprint as for `add`, and give --out. What is
    /// queued for the earlier keys is then refused until it is approved anew.
    Update {
        /// The partner's newly exported description.
        file: PathBuf,
        /// The description's fingerprint as the partner's operator read it out, for other keys than are enrolled.
        #[arg(long, requires = "out")]
        confirm: Option<String>,
        /// For other keys: why, for the officers and the ledger.
        #[arg(long, default_value = "by operator")]
        why: String,
        /// For other keys: the change file to make; officers sign it with `change sign`.
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// List the partners.
    List(Limit),
    /// Show one partner: fingerprints, agreement, standing, today's use of its quotas and its circuit breaker.
    Show {
        /// The partner.
        partner: PartnerId,
    },
    /// Suspend a partner: its connections are closed, its queue is frozen, and nothing from it is accepted.
    Suspend {
        /// The partner.
        partner: PartnerId,
        /// Why, for the ledger.
        #[arg(long, default_value = "by operator")]
        why: String,
    },
    /// Propose to remove a partner, for good; two officers sign it.
    ///
    /// It cannot connect, send or receive any more, and what waits for it is cancelled. What is on record of it stays, and
    /// its keys stay reserved: no other partner is ever enrolled with one of them. `add` enrols it again.
    Remove {
        /// The partner.
        partner: PartnerId,
        #[command(flatten)]
        proposing: Proposing,
    },
    /// Close a partner's circuit breaker: waiting exchanges are retried at once.
    Retry {
        /// The partner.
        partner: PartnerId,
    },
    /// Propose to let a suspended partner in again; two officers sign it.
    Resume {
        /// The partner.
        partner: PartnerId,
        #[command(flatten)]
        proposing: Proposing,
    },
}

impl PartnerCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// [`Failure`] says what was refused or could not be read.
    pub async fn run(self, config: &Path, out: Out) -> Result<Exit, Failure> {
        match self {
            PartnerCommand::Export { out: file } => export(config, file.as_deref(), out).await,
            PartnerCommand::Fingerprint { file } => {
                let description = match file {
                    Some(file) => read_description(&file)?,
                    None => node_at(config).await?.description().map_err(Failure::trouble)?,
                };
                let prints = description.fingerprints();
                out.answer(&prints, |text| fingerprints(text, &prints));
                Ok(Exit::Done)
            }
            PartnerCommand::Add { file, agreement, confirm, new_kind, proposing } => {
                let new_kinds = new_kind.into_iter().collect();
                let wanted = ChangeRequest { new_kinds, ..proposing.wanted() };
                add(config, (&file, &agreement), confirm, wanted, proposing, out).await
            }
            PartnerCommand::Update { file, confirm, why, out: Some(change) } => {
                let description = read_description(&file)?;
                confirmed(&file, &description, confirm)?;
                let proposing = Proposing::of(change, why);
                let wanted = ChangeRequest { partners: vec![description], ..proposing.wanted() };
                proposing.write(&node_at(config).await?, wanted, out).await
            }
            PartnerCommand::Update { file, out: None, .. } => {
                let node = node_at(config).await?;
                let partner = node.update_partner(read_description(&file)?).await.map_err(Failure::from)?;
                say(out, &partner, "updated");
                Ok(Exit::Done)
            }
            PartnerCommand::List(limit) => list(config, limit, out).await,
            PartnerCommand::Show { partner } => show(config, &partner, out).await,
            PartnerCommand::Retry { partner } => {
                node_at(config).await?.close_circuit(&partner).await.map_err(Failure::from)?;
                show(config, &partner, out).await
            }
            PartnerCommand::Suspend { partner, why } => {
                let view = node_at(config).await?.suspend_partner(&partner, &why).await.map_err(Failure::from)?;
                say(out, &view, "suspended");
                Ok(Exit::Done)
            }
            PartnerCommand::Remove { partner, proposing } => {
                let wanted = ChangeRequest { removed: [partner].into(), ..proposing.wanted() };
                proposing.write(&node_at(config).await?, wanted, out).await
            }
            PartnerCommand::Resume { partner, proposing } => {
                let wanted = ChangeRequest { resumed: [partner].into(), ..proposing.wanted() };
                proposing.write(&node_at(config).await?, wanted, out).await
            }
        }
    }
}

async fn export(config: &Path, file: Option<&Path>, out: Out) -> Result<Exit, Failure> {
    let description = node_at(config).await?.description().map_err(Failure::trouble)?;
    let json = description.to_json();
    match file {
        None => out.write(json.as_bytes()),
        Some(file) => {
            crate::config::write_new(file, json.as_bytes()).map_err(|e| cannot_write(file, e))?;
            let prints = description.fingerprints();
            out.answer(&prints, |text| fingerprints(text, &prints));
        }
    }
    Ok(Exit::Done)
}

async fn add(
    config: &Path,
    (file, agreement): (&Path, &Path),
    confirm: Option<String>,
    wanted: ChangeRequest,
    proposing: Proposing,
    out: Out,
) -> Result<Exit, Failure> {
    let description = read_description(file)?;
    let agreement = Agreement::parse(&read_text(agreement)?)
        .map_err(|e| Failure::input(format!("{}: {e}", agreement.display())))?;
    confirmed(file, &description, confirm)?;
    let node = node_at(config).await?;
    let id = PartnerId::from(description.node.clone());
    if node.partner(&id).await.is_ok_and(|known| known.standing != Standing::Removed) {
        return Err(Failure::refused(format!(
            "a partner `{id}` is enrolled already: see `partner show {id}`, and `partner update` for other keys"
        )));
    }
    let agreements = [(id, agreement)].into();
    let wanted = ChangeRequest { partners: vec![description], agreements, ..wanted };
    proposing.write(&node, wanted, out).await
}

/// Refuses unless the description's fingerprint was confirmed.
fn confirmed(file: &Path, description: &Description, confirm: Option<String>) -> Result<(), Failure> {
    let prints = description.fingerprints();
    let confirmed = match confirm {
        Some(text) => text,
        None => ask(description, &prints)?,
    };
    if confirmed.trim().replace([' ', ':'], "").to_lowercase() != prints.description.to_string() {
        return Err(Failure::refused(format!(
            "fingerprint not confirmed: the description in `{}` has {}; compare it with the partner's operator over another \
             channel. Nothing was enrolled",
            file.display(),
            prints.description
        )));
    }
    Ok(())
}

/// Asks a person at a terminal for the fingerprint; refuses where there is none.
fn ask(description: &Description, prints: &Fingerprints) -> Result<String, Failure> {
    let mut text = format!("description of {} ({})\n", description.node, shown(&description.name));
    fingerprints(&mut text, prints);
    text.push_str("type the description's fingerprint as the partner's operator reads it to you: ");
    crate::cli::input::console::prompt(&text).ok_or_else(|| {
        Failure::refused("fingerprint not confirmed: give it with --confirm; it must come from the partner's operator over another channel")
    })
}

fn fingerprints(text: &mut String, prints: &Fingerprints) {
    let rows = [
        ("description", prints.description),
        ("authority", prints.ca_certificate),
        ("signing key", prints.signing_key),
        ("payload key", prints.payload_recipient),
        ("ledger key", prints.ledger_key),
    ];
    for (name, print) in rows {
        let _ = writeln!(text, "  {name:<12} {}", grouped(&print.to_string()));
    }
}

fn say(out: Out, partner: &PartnerView, done: &str) {
    out.answer(partner, |text| {
        let _ =
            writeln!(text, "{done} {} ({}), {}", out.bold(&partner.partner), shown(&partner.name), partner.standing);
    });
}

async fn list(config: &Path, limit: Limit, out: Out) -> Result<Exit, Failure> {
    let partners = limit.first(node_at(config).await?.partner_views().await.map_err(Failure::from)?);
    out.answer(&json!({ "partners": partners }), |text| {
        let rows = partners.iter().map(|p| {
            vec![
                p.partner.clone(),
                p.code.clone(),
                p.standing.clone(),
                p.agreement.clone(),
                p.ceiling.clone(),
                p.until.clone(),
            ]
        });
        text.push_str(&table(&["partner", "code", "standing", "agreement", "ceiling", "until"], rows));
    });
    Ok(Exit::Done)
}

async fn show(config: &Path, partner: &PartnerId, out: Out) -> Result<Exit, Failure> {
    let node = node_at(config).await?;
    let found = node.partner(partner).await.map_err(Failure::from)?;
    let view = PartnerView::of(&found);
    let prints = found.description.fingerprints();
    let flow = node.allowance_view(&found).await.map_err(Failure::from)?;
    out.answer(
        &json!({ "partner": view, "flow": flow, "fingerprints": prints, "agreement": found.agreement, "addresses": found.description.addresses }),
        |text| {
            let _ = writeln!(text, "{} ({}), {}", out.bold(&view.partner), shown(&view.name), view.standing);
            fingerprints(text, &prints);
            let _ = writeln!(text, "  addresses    {}", found.description.addresses.join(", "));
            let until = flow.open_until.as_ref().map(|until| format!(" until {until}")).unwrap_or_default();
            let _ = writeln!(text, "  circuit      {}{until}, {} failures in a row", flow.circuit, flow.failures);
            for (name, used) in [("sent today", flow.sent), ("received", flow.received)] {
                let _ = writeln!(
                    text,
                    "  {name:<12} {} of {} exchanges, {} of {} bytes",
                    used.exchanges, used.exchanges_max, used.bytes, used.bytes_max
                );
            }
            let _ = writeln!(text, "\n{}", found.agreement.to_toml().trim_end());
        },
    );
    Ok(Exit::Done)
}

fn read_description(file: &Path) -> Result<Description, Failure> {
    Description::parse(&read_text(file)?).map_err(|e| Failure::input(format!("{}: {e}", file.display())))
}
