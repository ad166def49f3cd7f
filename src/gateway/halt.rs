//! Stopping because nothing can be made durable any more: whoever meets that says so, and the server ends.
//!
//! After a failed sync the kernel may have dropped what was to be written, and the next sync then succeeds over the gap.
//! So nothing is tried again in this process: the next start reads back what there is.

use std::sync::Arc;

use tokio::sync::watch;

use crate::store::{SpoolError, StoreError};

/// A wish to stop, shared by everything that writes. The first reason stays.
#[derive(Clone, Debug)]
pub(super) struct Halt(Arc<watch::Sender<Option<String>>>);

impl Default for Halt {
    fn default() -> Halt {
        Halt(Arc::new(watch::Sender::new(None)))
    }
}

impl Halt {
    /// Asks the node to stop.
    pub(super) fn because(&self, why: &str) {
        self.0.send_if_modified(|reason| {
            let first = reason.is_none();
            if first {
                tracing::error!(why, "the node stops");
                *reason = Some(why.to_owned());
            }
            first
        });
    }

    /// Asks the node to stop if `error` says that the spool lost something.
    pub(super) fn on_spool(&self, error: &SpoolError) {
        if let SpoolError::Broken { .. } = error {
            self.because(&error.to_string());
        }
    }

    /// Asks the node to stop if `error` says that the store takes nothing more.
    pub(super) fn on_store(&self, error: &StoreError) {
        if stops_the_node(error) {
            self.because(&error.to_string());
        }
    }

    /// Completes when somebody asked, with the reason.
    pub(super) async fn asked(&self) -> String {
        let mut reason = self.0.subscribe();
        // INVARIANT: `self` holds the sender, so that waiting cannot fail.
        reason.wait_for(Option::is_some).await.ok().and_then(|why| why.clone()).unwrap_or_default()
    }
}

/// Whether a store's error means that nothing more can be put on record, so that nothing more may be done.
pub(super) fn stops_the_node(error: &StoreError) -> bool {
    use StoreError as E;
    matches!(
        error,
        E::Broken { .. } | E::Closed | E::Damaged { .. } | E::Replaced { .. } | E::Stopped { .. } | E::Ledger(_)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_reason_stays_and_a_full_disk_is_none() {
        let halt = Halt::default();
        halt.on_spool(&SpoolError::Full);
        halt.on_store(&StoreError::Full);
        assert_eq!(*halt.0.borrow(), None);
        let broken = SpoolError::Broken { what: "a payload".into(), why: "EXERCISE".into() };
        halt.clone().on_spool(&broken);
        halt.because("another");
        assert_eq!(halt.asked().await, broken.to_string());
    }
}
