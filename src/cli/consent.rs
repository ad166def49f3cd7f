//! `portcullis consent list|show|withdraw`: consents of sources. A consent is recorded with `change propose --consent`, by two
//! officers.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use super::output::{Exit, Failure, Out, shown};
use crate::cli::input::arguments::{ConsentArg, Limit};
use crate::cli::input::open::node_at;
use crate::gateway::ConsentOnRecord;
use crate::system::SystemClock;
use crate::time::{Clock as _, Time};

/// List, show and withdraw consents of sources.
///
/// Recording a consent takes two officers: see `change propose --consent`.
#[derive(Debug, clap::Subcommand)]
pub enum ConsentCommand {
    /// List every recorded consent with its status.
    List(Limit),
    /// Show a consent as it was signed.
    ///
    /// Exit status 1 if it is not in force.
    Show {
        /// The consent's name, or a unique prefix of it.
        name: ConsentArg,
    },
    /// Withdraw a consent permanently.
    ///
    /// Releases that depend on it and have not been sent are held.
    Withdraw {
        /// The consent's name, or a unique prefix of it.
        name: ConsentArg,
        /// Reason, for the ledger.
        #[arg(long)]
        why: String,
        /// The person who withdraws it.
        #[arg(long, env = "PORTCULLIS_OFFICER", default_value = "operator")]
        by: String,
    },
}

impl ConsentCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// [`Failure`] if there is no such consent or the node cannot be used.
    pub async fn run(self, config: &Path, out: Out) -> Result<Exit, Failure> {
        let node = node_at(config).await?;
        let now = SystemClock.now();
        match self {
            ConsentCommand::List(limit) => {
                let all = limit.first(node.consents().await.map_err(Failure::from)?);
                let views: Vec<Value> = all.iter().map(|kept| view(kept, now)).collect();
                out.answer(&json!({ "consents": views }), |text| {
                    for kept in &all {
                        let c = &kept.consent;
                        let _ = writeln!(
                            text,
                            "{:<24} {:<10} {} of {} until {}  {}, for {} to {}",
                            kept.name,
                            standing(kept, now),
                            c.condition,
                            shown(&c.source),
                            c.valid_until,
                            shown(&c.reference),
                            shown(&c.covers.to_string()),
                            c.partners_named()
                        );
                    }
                });
                Ok(Exit::Done)
            }
            ConsentCommand::Show { name } => {
                let name = name.find(&node).await?;
                let all = node.consents().await.map_err(Failure::from)?;
                let unknown = || Failure::refused(format!("no consent `{name}` is on record: see `consent list`"));
                let kept = all.iter().find(|kept| kept.name == name).ok_or_else(unknown)?;
                out.answer(&view(kept, now), |text| {
                    let _ =
                        writeln!(text, "consent {name} is {}, sha256 {}", standing(kept, now), kept.consent.digest());
                    if let Some((at, why)) = &kept.withdrawn {
                        let _ = writeln!(text, "withdrawn at {at}: {}", shown(why));
                    }
                    let _ = writeln!(text, "\n{}", kept.consent.to_toml().trim_end());
                });
                Ok(if standing(kept, now) == IN_FORCE { Exit::Done } else { Exit::No })
            }
            ConsentCommand::Withdraw { name, why, by } => {
                let name = name.find(&node).await?;
                let kept = node.withdraw_consent(&name, &why, &by).await.map_err(Failure::from)?;
                out.answer(&view(&kept, now), |text| {
                    let _ = writeln!(
                        text,
                        "consent {name} is withdrawn: releases that rest on it and have not left are held"
                    );
                });
                Ok(Exit::Done)
            }
        }
    }
}

const IN_FORCE: &str = "in force";

fn standing(kept: &ConsentOnRecord, now: Time) -> &'static str {
    match &kept.withdrawn {
        Some(_) => "withdrawn",
        None if kept.consent.in_force(now) => IN_FORCE,
        None if kept.consent.valid_until < now.date() => "ended",
        None => "to come",
    }
}

fn view(kept: &ConsentOnRecord, now: Time) -> Value {
    json!({
        "name": kept.name, "standing": standing(kept, now), "digest": kept.consent.digest(), "consent": kept.consent,
        "recorded": kept.recorded, "withdrawn": kept.withdrawn.as_ref().map(|(at, why)| json!({ "at": at, "why": why })),
    })
}
