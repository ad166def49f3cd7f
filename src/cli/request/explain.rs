//! `portcullis explain`: which rule permits or refuses, for each partner.

use std::fmt::Write as _;
use std::path::Path;

use crate::cli::node_at;
use crate::cli::output::{Exit, Failure, Out, shown};

/// Say which rule permits or refuses a request or an exchange, for each partner.
///
/// It is the release decision itself, taken now on what is on record, with every reason.
#[derive(Debug, clap::Args)]
pub struct Explain {
    /// A request (`rq-…`) or an exchange (`ex-…`).
    subject: String,
}

impl Explain {
    /// Runs the command.
    ///
    /// # Errors
    /// [`Failure`] if there is no such subject or the node cannot be used.
    pub async fn run(self, config: &Path, out: Out) -> Result<Exit, Failure> {
        let node = node_at(config).await?;
        let explained = if self.subject.starts_with("ex-") {
            node.explain_exchange(&self.subject.parse().map_err(Failure::input)?).await
        } else {
            node.explain_request(&self.subject.parse().map_err(Failure::input)?).await
        };
        let explained = explained.map_err(Failure::from)?;
        out.answer(&explained, |text| {
            let _ = writeln!(text, "{}", out.bold(&explained.subject));
            for partner in &explained.partners {
                let verdict =
                    if partner.permitted { out.verdict("permitted", true) } else { out.verdict("refused", false) };
                let _ = writeln!(text, "  {} ({}): {verdict}", partner.partner, partner.state);
                for reason in &partner.reasons {
                    let mark = out.verdict(if reason.permits { "+" } else { "-" }, reason.permits);
                    let _ =
                        writeln!(text, "    {mark} {} [{} {}]", shown(&reason.sentence), reason.source, reason.code);
                }
            }
            for (name, said) in explained.aims.lines() {
                let _ = writeln!(text, "  {name}: {}", shown(&said));
            }
            for partner in &explained.partners {
                if !partner.effort.is_empty() {
                    let _ = writeln!(text, "  {}: counts as {}", partner.partner, shown(&partner.effort));
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
