//! `portcullis explain`: the release decision for each partner, with its reasons.

use std::fmt::Write as _;
use std::path::Path;

use crate::cli::input::arguments::SubjectArg;
use crate::cli::input::open::node_at;
use crate::cli::output::colour::{BAD, GOOD, WAITING, verdict_colour};
use crate::cli::output::{Exit, Failure, Out, shown};

/// Explain why a request or an exchange is permitted or refused.
///
/// Makes the release decision now, from what is recorded, and shows every reason for each partner. The verdict is `permitted`,
/// `pending` while only approvals are missing, `refused`, or `closed` after delivery.
#[derive(Debug, clap::Args)]
pub struct Explain {
    /// The ID of a request (`rq-…`) or an exchange (`ex-…`), or a unique prefix of it.
    subject: SubjectArg,
}

impl Explain {
    /// Runs the command.
    ///
    /// # Errors
    /// [`Failure`] if there is no such request or exchange, or the node cannot be used.
    pub async fn run(self, config: &Path, out: Out) -> Result<Exit, Failure> {
        let node = node_at(config).await?;
        let explained = match &self.subject {
            SubjectArg::Exchange(exchange) => node.explain_exchange(&exchange.find(&node).await?).await,
            SubjectArg::Request(request) => node.explain_request(&request.find(&node).await?).await,
        };
        let explained = explained.map_err(Failure::from)?;
        out.answer(&explained, |text| {
            let _ = writeln!(text, "{}", out.bold(&explained.subject));
            for partner in &explained.partners {
                let verdict = out.painted(verdict_colour(partner.verdict), partner.verdict);
                let _ = writeln!(text, "  {} ({}): {verdict}", partner.partner, partner.state);
                for reason in &partner.reasons {
                    let (mark, colour) = match (reason.permits, partner.verdict) {
                        (true, _) => ("+", GOOD),
                        (false, "pending") => ("-", WAITING),
                        (false, _) => ("-", BAD),
                    };
                    let mark = out.painted(colour, mark);
                    let _ =
                        writeln!(text, "    {mark} {} [{} {}]", shown(&reason.sentence), reason.source, reason.code);
                }
            }
            for (name, said) in explained.aims.lines() {
                let _ = writeln!(text, "  {name}: {}", shown(&said));
            }
            for partner in &explained.partners {
                if !partner.effort.is_empty() {
                    let _ = writeln!(text, "  {}: category: {}", partner.partner, shown(&partner.effort));
                }
                for consent in &partner.consents {
                    let _ = writeln!(text, "  {}: rests on consent {}", partner.partner, shown(consent));
                }
                for received in &partner.received {
                    let _ = writeln!(text, "  {}: {}", partner.partner, shown(received));
                }
                if let Some(window) = &partner.window {
                    let _ = writeln!(text, "  {}: {window}", partner.partner);
                }
            }
            let _ = writeln!(text, "  policy {}  register {}", explained.policy, explained.register);
        });
        Ok(if explained.partners.iter().all(|p| p.permitted) { Exit::Done } else { Exit::No })
    }
}
