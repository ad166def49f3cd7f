//! `portcullis refuse`: stops a request.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::cli::input::arguments::RequestArg;
use crate::cli::input::keys::signer_at;
use crate::cli::input::open::node_at;
use crate::cli::output::{Exit, Failure, Out};
use crate::gateway::RefusedExchange;

/// Refuse a request: nothing more of it is sent.
///
/// The refusal is a signed statement; the submitter sees the reason in `status` and `explain`. One disclosure officer is
/// enough, and submitters may withdraw their own requests. What was already sent is listed by partner; use `recall` to withdraw
/// it. A request with nothing left to send cannot be refused.
#[derive(Debug, clap::Args)]
pub struct Refuse {
    /// The request ID (`rq-…`), or a unique prefix of it.
    request: RequestArg,
    /// Reason, shown to the submitter.
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
            let rest = if left { "nothing more will be sent" } else { "nothing will be sent" };
            let _ = writeln!(text, "refused {} by {}: {rest}", refused.request, refused.officer);
            for RefusedExchange { exchange, partner, what, .. } in &refused.exchanges {
                let _ = writeln!(text, "  {exchange}  to {partner}: {what}");
            }
            if left {
                let request = &refused.request;
                let _ = writeln!(text, "  withdraw what was sent: portcullis recall {request} --key FILE --why WORD");
            }
        });
        Ok(Exit::Done)
    }
}
