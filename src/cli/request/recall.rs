//! `portcullis recall`: withdraw what was sent.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::cli::node_at;
use crate::cli::output::{Exit, Failure, Out, table};
use crate::config::signer_from;
use crate::envelope::RecallCode;
use crate::gateway::RecallOf;

/// Withdraw a product from every partner that got it, and cancel what has not left.
///
/// One disclosure officer is enough: withdrawing is the safe direction. Each partner that has the product, or may have
/// it, is sent a signed notice and answers what had become of it; `status` shows the answers. A recall cannot unsend:
/// a partner that has taken the product can read it for ever.
#[derive(Debug, clap::Args)]
pub struct RecallCommand {
    /// A request (`rq-…`): at every partner. Or an exchange (`ex-…`): at its partner alone.
    subject: String,
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
        let of = if self.subject.starts_with("ex-") {
            RecallOf::Exchange(self.subject.parse().map_err(Failure::input)?)
        } else {
            RecallOf::Request(self.subject.parse().map_err(Failure::input)?)
        };
        let signer = signer_from(&self.key).map_err(Failure::input)?;
        let recalled = node_at(config).await?.recall(of, self.why, &signer).await.map_err(Failure::from)?;
        out.answer(&recalled, |text| {
            let _ = writeln!(text, "recalled {} ({}) by {}", recalled.subject, recalled.why, recalled.officer);
            for exchange in &recalled.cancelled {
                let _ = writeln!(text, "  {exchange} is cancelled: what had not left never will");
            }
            if recalled.notices.is_empty() {
                let _ = writeln!(text, "  it was never offered to anybody: there is nobody to tell");
            } else {
                let rows =
                    recalled.notices.iter().map(|n| vec![n.exchange.clone(), n.partner.clone(), n.about.clone()]);
                text.push_str(&table(&["notice", "to", "about"], rows));
                let _ = writeln!(text, "what was taken cannot be untaken; `status {}` shows answers", recalled.subject);
            }
        });
        Ok(Exit::Done)
    }
}
