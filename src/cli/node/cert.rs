//! `portcullis cert`: shows, renews and revokes this node's certificates.

use std::fmt::Write as _;
use std::path::Path;

use crate::cli::input::open::node_at;
use crate::cli::output::{Exit, Failure, Out};

/// Show, renew and revoke this node's certificates.
#[derive(Debug, clap::Subcommand)]
pub enum CertCommand {
    /// Show the authority, the node certificate and the revocation list, with their dates.
    Show,
    /// Issue a node certificate with a new key, and a new revocation list. Partners need no update.
    Renew,
    /// Issue a new revocation list before the current one expires. Partners need the newly exported description.
    RefreshList,
    /// Revoke the current node certificate. Partners refuse it once they have the newly exported description.
    Revoke {
        /// Do not ask for confirmation.
        #[arg(long)]
        yes: bool,
    },
}

impl CertCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// [`Failure`] if the authority's key or the node cannot be used.
    pub async fn run(self, config: &Path, out: Out) -> Result<Exit, Failure> {
        let node = node_at(config).await?;
        match self {
            CertCommand::Show => {}
            CertCommand::Renew => node.renew_certificate().await.map_err(Failure::from)?,
            CertCommand::RefreshList => node.refresh_revocation_list().await.map_err(Failure::from)?,
            CertCommand::Revoke { yes } => {
                if !yes
                    && crate::cli::input::console::prompt("Revoke this node's certificate? Type yes to confirm: ")
                        .as_deref()
                        != Some("yes")
                {
                    return Err(Failure::refused("Cancelled: confirmation not given (type yes, or give --yes)"));
                }
                node.revoke_certificate().await.map_err(Failure::from)?;
            }
        }
        let view = node.certificates().map_err(Failure::from)?;
        out.answer(&view, |text| {
            let _ = writeln!(text, "authority    until {}", view.authority_until);
            let _ = writeln!(
                text,
                "node         until {}  serial {}{}",
                view.node_until,
                view.node_serial,
                if view.node_revoked { "  REVOKED" } else { "" }
            );
            let _ = writeln!(
                text,
                "revocations  until {}  number {}, {} revoked",
                view.list_until, view.list_number, view.revoked
            );
        });
        Ok(Exit::Done)
    }
}
