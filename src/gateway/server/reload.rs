//! Applies a reloaded configuration while the node runs.

use crate::config::{ChangedSetting, Config, Limits};
use crate::edge::{Edge, EdgeTuning};
use crate::gateway::Node;

/// The bounds on handshakes, as configured.
pub(super) fn tuning(limits: &Limits) -> EdgeTuning {
    EdgeTuning {
        handshakes_max: usize::try_from(limits.handshakes).unwrap_or(usize::MAX),
        attempts_per_minute: u32::try_from(limits.attempts_per_minute).unwrap_or(u32::MAX),
        ..EdgeTuning::default()
    }
}

/// The node under `file`, as far as settings may change while it runs. The log names every setting that differs and
/// those that need a restart.
pub(super) fn reloaded(node: &Node, edge: &Edge, file: Config) -> Node {
    let (next, changes) = node.config().reloaded(file);
    for ChangedSetting { setting, from, to, now } in &changes {
        match now {
            true => tracing::info!(setting, from = %from, to = %to, "setting changed"),
            false => tracing::warn!(
                setting, running = %from, file = %to,
                "setting needs a restart: the node keeps the value it was started with"
            ),
        }
    }
    let (before, after) = (tuning(&node.config().limits), tuning(&next.limits));
    let bounds = |tuning: &EdgeTuning| (tuning.handshakes_max, tuning.attempts_per_minute);
    if bounds(&before) != bounds(&after) {
        edge.retune(after.handshakes_max, after.attempts_per_minute);
    }
    let taken = changes.iter().filter(|change| change.now).count();
    tracing::info!(changed = taken, need_restart = changes.len() - taken, "configuration reloaded");
    node.reconfigured(next)
}
