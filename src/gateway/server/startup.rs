//! Start of a server, before it sends or receives anything: it locks the store and reconciles store and spool.

use crate::config::Config;
use crate::gateway::{GatewayError, Node};
use crate::ledger::{Entry, EntryKind};
use crate::store::{Reconcile, reconcile};

/// Locks the store for this server: two servers on one embedded store would each treat the other's claims as
/// abandoned.
pub(super) fn lock(node: &Node) -> Result<std::fs::File, GatewayError> {
    let path = lock_path(node.config());
    let trouble = |e: &dyn std::fmt::Display| GatewayError::Local(format!("`{}`: {e}", path.display()));
    let file =
        std::fs::OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(|e| trouble(&e))?;
    file.try_lock().map_err(|e| match e {
        std::fs::TryLockError::WouldBlock => trouble(&"another process serves this node already"),
        std::fs::TryLockError::Error(e) => trouble(&e),
    })?;
    Ok(file)
}

/// The server's lock file, if it exists.
pub(super) fn lock_file(config: &Config) -> std::io::Result<std::fs::File> {
    std::fs::File::open(lock_path(config))
}

fn lock_path(config: &Config) -> std::path::PathBuf {
    config.store.database.with_extension("lock")
}

impl Node {
    /// Reconciles store and spool before anything is sent or received, and logs what it did.
    ///
    /// # Errors
    /// [`GatewayError`] if either cannot be read or written: then the node must not serve.
    pub async fn recover(&self) -> Result<(), GatewayError> {
        let now = self.now();
        let report = reconcile(&Reconcile {
            store: &**self.store(),
            spool: self.spool(),
            now,
            actor: "gateway",
            // The lock guarantees that no other server runs on this store, so every claimant is gone.
            gone: &|_| true,
            hash_bytes_max: self.config().limits.product_bytes,
        })
        .await
        .map_err(GatewayError::trouble)?;
        tracing::info!(node.id = %self.config().node.name, recovered = %report, "store and spool reconciled");
        if let Some(orphans) = self.orphans().await? {
            tracing::warn!("{orphans}");
        }
        self.recreate_notices().await
    }

    /// Records that the server has started.
    pub(super) async fn record_start(&self) -> Result<(), GatewayError> {
        let entry = Entry::new(self.now(), EntryKind::NodeStarted, &self.config().node.name, "gateway");
        self.record(vec![entry.with("version", env!("CARGO_PKG_VERSION"))]).await
    }
}
