//! `portcullis partner`: enrol, show, suspend and remove partners, and export this node's description for them.

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

/// Manage partners; export this node's description for them.
#[derive(Debug, clap::Subcommand)]
pub enum PartnerCommand {
    /// Export this node's description, for partners to enrol it.
    Export {
        /// Write to this new file instead of standard output.
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// Show the fingerprints of a node's description.
    ///
    /// Compare them with the other operator over another channel, such as the telephone.
    Fingerprint {
        /// A partner's description file; this node's own description by default.
        file: Option<PathBuf>,
    },
    /// Propose to enrol a partner; two officers sign the change.
    ///
    /// First exchange fingerprints with the partner's operator over another channel, and confirm the one they read to you.
    /// Nothing is trusted on first use, and the description grants no rights: the agreement does.
    Add {
        /// The description that the partner exported.
        file: PathBuf,
        /// The agreement with the partner (TOML); see policy/agreements/sample.toml.
        #[arg(long)]
        agreement: PathBuf,
        /// The description's fingerprint, as the partner's operator read it to you.
        #[arg(long)]
        confirm: Option<String>,
        /// Accept this new kind of product in the agreement although its name is similar to an existing one; repeat for several.
        #[arg(long, value_name = "KIND")]
        new_kind: Vec<String>,
        #[command(flatten)]
        proposing: Proposing,
    },
    /// Update a partner's revocation list, addresses or keys from its description.
    ///
    /// If its keys are unchanged, a newer revocation list and new addresses apply at once. New keys are proposed, and two officers sign them: confirm the
    /// fingerprint as for `add`, and give --out. What is queued for the earlier keys must then be approved again.
    Update {
        /// The description that the partner exported now.
        file: PathBuf,
        /// For new keys: the description's fingerprint, as the partner's operator read it to you.
        #[arg(long, requires = "out")]
        confirm: Option<String>,
        /// For new keys: reason, for the officers and the ledger.
        #[arg(long, default_value = "by operator")]
        why: String,
        /// For new keys: the change file to create; officers sign it with `change sign`.
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// List the partners.
    List(Limit),
    /// Show a partner: fingerprints, agreement, status, today's quota use and circuit breaker.
    Show {
        /// The partner.
        partner: PartnerId,
    },
    /// Suspend a partner: close its connections, send it nothing and accept nothing from it.
    Suspend {
        /// The partner.
        partner: PartnerId,
        /// Reason, for the ledger.
        #[arg(long, default_value = "by operator")]
        why: String,
    },
    /// Propose to remove a partner; two officers sign the change.
    ///
    /// The partner can no longer connect, send or receive, and its pending exchanges are cancelled. Records are kept; its
    /// keys cannot be enrolled for another partner. Use `add` to enrol it again.
    Remove {
        /// The partner.
        partner: PartnerId,
        #[command(flatten)]
        proposing: Proposing,
    },
    /// Reset a partner's circuit breaker: retry its waiting exchanges at once.
    Retry {
        /// The partner.
        partner: PartnerId,
    },
    /// Propose to resume a suspended partner; two officers sign the change.
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
    /// [`Failure`] if the gateway refuses the change, or a file or the node cannot be used.
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

/// Checks that the description's fingerprint was confirmed, with `--confirm` or at a terminal.
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

/// Prompts for the fingerprint at a terminal; an error where there is none.
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
        text.push_str(&table(&["partner", "code", "standing", "agreement", "ceiling", "until"], rows, out));
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
