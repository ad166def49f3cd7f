//! The limits that a product is checked with: the node's, or the default ones.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::gateway::Node;
use crate::product::Bounds;

/// The limits that a check uses, and where they come from.
pub(super) struct Limits {
    /// The limits.
    pub bounds: Bounds,
    /// The node they belong to, and its configuration file; `None` for the default limits.
    node: Option<(String, PathBuf)>,
}

impl Limits {
    /// Returns the limits of `node`, or the default limits without one.
    pub fn of(node: Option<&Node>, config: &Path) -> Limits {
        let named = |node: &Node| (node.config().node.name.to_string(), config.to_owned());
        Limits { bounds: node.map_or_else(Bounds::default, |node| *node.bounds()), node: node.map(named) }
    }

    /// Where the limits come from, as JSON.
    pub fn json(&self) -> Value {
        match &self.node {
            Some((node, config)) => json!({ "node": node, "config": config }),
            None => json!({ "node": null, "config": null }),
        }
    }

    /// Where the limits come from, in a sentence.
    pub fn sentence(&self) -> String {
        match &self.node {
            Some((node, config)) => format!("checked with the limits of node {node} ({})", config.display()),
            None => "checked with the default limits: no node is configured here (--config FILE uses a node's)".into(),
        }
    }
}
