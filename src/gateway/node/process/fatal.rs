//! Fatal stop: the store or the spool can no longer make anything durable, and the server ends.
//!
//! After a failed sync the kernel may have dropped the dirty pages, and the next sync then succeeds over the gap. So
//! nothing is retried in this process; the next process rewrites what it reads back.

use std::sync::Arc;

use tokio::sync::watch;

use crate::store::{Spool, StoreError};

/// A stop request, shared by everything that writes. The first reason is kept.
#[derive(Clone, Debug)]
pub(in crate::gateway) struct FatalStop(Arc<watch::Sender<Option<String>>>);

impl Default for FatalStop {
    fn default() -> FatalStop {
        FatalStop(Arc::new(watch::Sender::new(None)))
    }
}

impl FatalStop {
    /// Asks the node to stop.
    pub(in crate::gateway) fn request(&self, why: &str) {
        self.0.send_if_modified(|reason| {
            let first = reason.is_none();
            if first {
                tracing::error!(why, "the node stops");
                *reason = Some(why.to_owned());
            }
            first
        });
    }

    /// Asks the node to stop when a sync of `spool` fails, whoever started it: its error may have been converted, or
    /// nobody may be waiting for it.
    pub(in crate::gateway) fn watch_spool(&self, spool: &Spool) {
        let halt = self.clone();
        spool.on_sync_failure(move |error| halt.request(&error.to_string()));
    }

    /// Asks the node to stop if `error` means that the store can no longer commit.
    pub(in crate::gateway) fn check_store_error(&self, error: &StoreError) {
        if stops_the_node(error) {
            self.request(&error.to_string());
        }
    }

    /// Completes with the reason once a stop was requested.
    pub(in crate::gateway) async fn requested(&self) -> String {
        let mut reason = self.0.subscribe();
        // INVARIANT: `self` holds the sender, so that waiting cannot fail.
        reason.wait_for(Option::is_some).await.ok().and_then(|why| why.clone()).unwrap_or_default()
    }
}

/// Whether a store's error means that nothing more can be recorded, so that nothing more may be done.
pub(in crate::gateway) fn stops_the_node(error: &StoreError) -> bool {
    use StoreError as E;
    matches!(
        error,
        E::Broken { .. } | E::Closed | E::Damaged { .. } | E::Replaced { .. } | E::Stopped { .. } | E::Ledger(_)
    )
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io;
    use std::path::Path;

    use super::*;
    use crate::ident::ExchangeId;
    use crate::store::{Disk, SpoolId};
    use crate::time::Time;

    #[tokio::test]
    async fn the_first_reason_stays_and_a_full_disk_is_none() {
        let halt = FatalStop::default();
        halt.check_store_error(&StoreError::Full);
        assert_eq!(*halt.0.borrow(), None);
        halt.check_store_error(&StoreError::Closed);
        halt.request("another");
        assert_eq!(halt.requested().await, StoreError::Closed.to_string());
    }

    /// A disk on which no sync succeeds.
    #[derive(Debug)]
    struct Failing;

    impl Disk for Failing {
        fn wrote(&self, _: &File, _: u64, _: u64) {}

        fn sync(&self, _: &File) -> io::Result<()> {
            Err(io::Error::other("EXERCISE"))
        }

        fn sync_folder(&self, _: &File, _: &Path) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_sync_of_the_spool_that_fails_stops_the_node_whatever_becomes_of_its_error() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(&folder.path().join("spool"), 0).unwrap().with_disk(Arc::new(Failing));
        let halt = FatalStop::default();
        halt.watch_spool(&spool);
        let id = SpoolId::Envelope(ExchangeId::new(Time::EPOCH, [1; 10]));
        let mut file = spool.begin(id, 9_000_000).unwrap();
        assert_eq!(*halt.0.borrow(), None);
        std::io::Write::write_all(&mut file, &vec![0; 4_000_000]).unwrap();
        // Its sync is pending, and nobody waits for its result.
        drop(file);
        assert!(halt.requested().await.contains("EXERCISE"));
    }
}
