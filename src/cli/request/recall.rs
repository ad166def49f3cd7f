//! `portcullis recall`: withdraw products that were sent.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::cli::input::arguments::SubjectArg;
use crate::cli::input::keys::signer_at;
use crate::cli::input::open::node_at;
use crate::cli::output::{Exit, Failure, Out, table};
use crate::envelope::RecallCode;
use crate::gateway::RecallOf;

/// Withdraw a product from every partner that got it, and cancel what has not left.
///
/// One disclosure officer is enough. Each partner that has the product, or may have it, is sent a signed notice and answers
/// what it had done with it; `status` shows the answers. A recall cannot retrieve copies already taken.
#[derive(Debug, clap::Args)]
pub struct RecallCommand {
    /// A request (`rq-…`): at every partner; or an exchange (`ex-…`): at its partner alone. The beginning of its number is
    /// enough.
    subject: SubjectArg,
    /// The officer's private key.
    #[arg(long)]
    key: PathBuf,
    /// Why; the partner is told this word: incorrect, mismarked, misdirected, duplicate or other.
    #[arg(long)]
    why: RecallCode,
}

impl RecallCommand {
    /// Runs the command.
    ///
    /// # Errors
    /// [`Failure`] if there is no such subject, the key may not recall, or it was recalled before.
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
                let _ = writeln!(text, "  {exchange} is cancelled: it had not left");
            }
            if recalled.notices.is_empty() {
                let _ = writeln!(text, "  it was never offered to a partner: nobody is notified");
            } else {
                let rows =
                    recalled.notices.iter().map(|n| vec![n.exchange.clone(), n.partner.clone(), n.about.clone()]);
                text.push_str(&table(&["notice", "to", "about"], rows));
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
