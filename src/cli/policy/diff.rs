//! `portcullis policy diff`: compares the decisions of two policies on recorded exchanges.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::cli::input::open::node_at;
use crate::cli::output::{Exit, Failure, Out, shown};
use crate::gateway::{DecisionDifference, PolicyVerdict};

/// Show which recorded exchanges two policies decide differently, and by which rules.
///
/// Makes the release decision for every recorded outbound exchange under both policies: as of the time it was decided (now, if
/// it was not), with the recorded cuts and approvals, and with partners and officers as they are now. Exit status 1 if any
/// decision differs.
#[derive(Debug, clap::Args)]
pub struct Diff {
    /// The first policy: a policy folder, a change file (the policy after that change), or `in-force`.
    old: PathBuf,
    /// The second policy, in the same forms.
    new: PathBuf,
}

impl Diff {
    /// Runs the command.
    ///
    /// # Errors
    /// [`Failure`] if a policy does not load or the node cannot be used.
    pub async fn run(self, config: &Path, out: Out) -> Result<Exit, Failure> {
        let node = node_at(config).await?;
        let (old, new) = (node.texts_named(&self.old), node.texts_named(&self.new));
        let diff = node.policy_diff(old.map_err(Failure::from)?, new.map_err(Failure::from)?).await;
        let diff = diff.map_err(Failure::from)?;
        out.answer(&diff, |text| {
            for (heading, permitted) in [
                ("permitted, and would be refused", (true, false)),
                ("refused, and would be permitted", (false, true)),
                ("refused by both, for other reasons", (false, false)),
            ] {
                let belongs = |d: &&DecisionDifference| (d.old.permitted, d.new.permitted) == permitted;
                let members: Vec<&DecisionDifference> = diff.differ.iter().filter(belongs).collect();
                if !members.is_empty() {
                    let _ = writeln!(text, "{}: {}", out.bold(heading), members.len());
                }
                for differs in members {
                    let (marking, state) = (shown(&differs.marking), &differs.state);
                    let _ = writeln!(text, "  {}  to {}  {marking}  ({state})", differs.exchange, differs.partner);
                    tell(text, "old", &differs.old);
                    tell(text, "new", &differs.new);
                }
            }
            let _ = writeln!(text, "{} of {} exchanges differ", diff.differ.len(), diff.compared);
            if diff.not_comparable > 0 {
                let _ = writeln!(text, "{} cannot be compared: their products are not kept", diff.not_comparable);
            }
        });
        Ok(if diff.differ.is_empty() { Exit::Done } else { Exit::No })
    }
}

fn tell(text: &mut String, which: &str, under: &PolicyVerdict) {
    for reason in &under.reasons {
        let sign = if reason.permits { '+' } else { '-' };
        let _ = writeln!(text, "    {which} {sign} {} [{} {}]", shown(&reason.sentence), reason.source, reason.code);
    }
}
