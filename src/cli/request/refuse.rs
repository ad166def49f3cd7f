//! `portcullis refuse`: stop a request.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::cli::input::arguments::RequestArg;
use crate::cli::input::keys::signer_at;
use crate::cli::input::open::node_at;
use crate::cli::output::{Exit, Failure, Out};
use crate::gateway::RefusedExchange;

/// Refuse a request: nothing of it that has not left will leave.
///
/// The refusal is a signed statement; the submitter reads the reason with `status` and `explain`. Any one disclosure
/// officer may refuse, and the submitter may withdraw what they submitted. What has left already is named, partner by
/// partner: `recall` withdraws it. A request of which nothing is left to stop is not refused any more.
#[derive(Debug, clap::Args)]
pub struct Refuse {
    /// The request, or the beginning of its number.
    request: RequestArg,
    /// Why; the submitter is told.
    #[arg(long)]
    why: String,
    /// The officer's private key.
    #[arg(long)]
    key: PathBuf,
}

impl Refuse {
    /// Runs the command.
    ///
    /// # Errors
    /// [`Failure`] if nothing of the request is left to stop, the key may not refuse it, or the node cannot be used.
    pub async fn run(self, config: &Path, out: Out) -> Result<Exit, Failure> {
        let signer = signer_at(&self.key)?;
        let node = node_at(config).await?;
        let refused = node.refuse(&self.request.find(&node).await?, &self.why, &signer).await.map_err(Failure::from)?;
        let left = refused.exchanges.iter().any(RefusedExchange::has_left);
        out.answer(&refused, |text| {
            let rest = if left { "nothing more of it will leave" } else { "nothing of it will leave" };
            let _ = writeln!(text, "refused {} by {}: {rest}", refused.request, refused.officer);
            for RefusedExchange { exchange, partner, what, .. } in &refused.exchanges {
                let _ = writeln!(text, "  {exchange}  to {partner}: {what}");
            }
            if left {
                let request = &refused.request;
                let _ = writeln!(text, "  withdraw what has left: portcullis recall {request} --key FILE --why WORD");
            }
        });
        Ok(Exit::Done)
    }
}
