//! `portcullis recall`: withdraws products that were sent.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::cli::input::arguments::SubjectArg;
use crate::cli::input::keys::signer_at;
use crate::cli::input::open::node_at;
use crate::cli::output::{Exit, Failure, Out, table};
use crate::envelope::RecallCode;
use crate::gateway::RecallOf;

/// Withdraw a product from the partners that received it, and cancel what was not sent.
///
/// One disclosure officer is enough. Each partner that has, or may have, the product is sent a signed notice and reports
/// what it did with the product; `status` shows the answers. A recall cannot retrieve copies already taken.
#[derive(Debug, clap::Args)]
pub struct RecallCommand {
    /// The ID, or a unique prefix of it, of a request (`rq-…`), for every partner, or of an exchange (`ex-…`), for its partner
    /// only.
    subject: SubjectArg,
    /// The officer's private key.
    #[arg(long)]
    key: PathBuf,
    /// Reason, sent to the partner: incorrect, mismarked, misdirected, duplicate or other.
    #[arg(long)]
    why: RecallCode,
}

impl RecallCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// [`Failure`] if there is no such request or exchange, the key may not recall it, or it was recalled before.
    pub async fn run(self, config: &Path, out: Out) -> Result<Exit, Failure> {
        let signer = signer_at(&self.key)?;
        let node = node_at(config).await?;
        let of = match &self.subject {
            SubjectArg::Exchange(exchange) => RecallOf::Exchange(exchange.find(&node).await?),
            SubjectArg::Request(request) => RecallOf::Request(request.find(&node).await?),
        };
        let recalled = node.recall(of, self.why, &signer).await.map_err(Failure::from)?;
        out.answer(&recalled, |text| {
            let _ = writeln!(text, "recalled {} ({}) by {}", recalled.subject, recalled.why, recalled.officer);
            for exchange in &recalled.cancelled {
                let _ = writeln!(text, "  {exchange} is cancelled: it had not been sent");
            }
            if recalled.notices.is_empty() {
                let _ = writeln!(text, "  it was never offered to a partner: no notice is sent");
            } else {
                let rows =
                    recalled.notices.iter().map(|n| vec![n.exchange.clone(), n.partner.clone(), n.about.clone()]);
                text.push_str(&table(&["notice", "to", "about"], rows, out));
                let _ = writeln!(
                    text,
                    "A recall cannot retrieve copies already taken. `status {}` shows the partners' answers.",
                    recalled.subject
                );
            }
        });
        Ok(Exit::Done)
    }
}
