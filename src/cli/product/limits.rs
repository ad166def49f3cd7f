//! Whose limits a product is checked with.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::gateway::Node;
use crate::product::Bounds;

/// The limits that a check uses, and whose they are.
pub(super) struct Limits {
    /// The limits.
    pub bounds: Bounds,
    /// The node whose they are, and its configuration file; none for the delivered ones.
    node: Option<(String, PathBuf)>,
}

impl Limits {
    /// Those of a node, or where there is none the delivered ones.
    pub fn of(node: Option<&Node>, config: &Path) -> Limits {
        let named = |node: &Node| (node.config().node.name.to_string(), config.to_owned());
        Limits { bounds: node.map_or_else(Bounds::default, |node| *node.bounds()), node: node.map(named) }
    }

    /// Whose they are, for a machine.
    pub fn json(&self) -> Value {
        match &self.node {
            Some((node, config)) => json!({ "node": node, "config": config }),
            None => json!({ "node": null, "config": null }),
        }
    }

    /// Whose they are, in a sentence.
    pub fn sentence(&self) -> String {
        match &self.node {
            Some((node, config)) => format!("checked with the limits of node {node} ({})", config.display()),
            None => {
                "checked with the delivered limits: no node is configured here (--config FILE uses a node's)".into()
            }
        }
    }
}
