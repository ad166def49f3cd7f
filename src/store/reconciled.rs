//! The result of a reconciliation, as lists and as text.

use super::SpoolId;
use crate::ident::{ExchangeId, RequestId};
use std::fmt;

/// What a reconciliation found and did.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Reconciled {
    /// Files that no row needs, set aside.
    pub set_aside: Vec<SpoolId>,
    /// Files that were set aside before and that a row needs, restored.
    pub restored: Vec<SpoolId>,
    /// Files that could not be set aside or restored.
    pub left: Vec<SpoolId>,
    /// Payloads of which a sync failed in an earlier process; what was left of them is discarded.
    pub unsynced: Vec<SpoolId>,
    /// Outbound exchanges that were being sent, queued again.
    pub requeued: Vec<ExchangeId>,
    /// Outbound exchanges whose payload is missing or damaged, parked.
    pub parked: Vec<ExchangeId>,
    /// Inbound exchanges whose payload is missing or damaged, quarantined.
    pub quarantined: Vec<ExchangeId>,
    /// Exchanges that wait for an operator or officer and whose payload is missing or damaged.
    pub damaged: Vec<ExchangeId>,
    /// Open requests whose product is missing from the spool.
    pub products_lost: Vec<RequestId>,
    /// Expired or abandoned leases, released.
    pub unclaimed: Vec<ExchangeId>,
    /// Number of files in the spool folder that the spool did not create.
    pub unknown_files: u64,
}

impl Reconciled {
    /// Returns whether there was nothing to do.
    pub fn is_clean(&self) -> bool {
        *self == Reconciled::default()
    }
}

impl fmt::Display for Reconciled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn joined<T: fmt::Display>(ids: &[T]) -> String {
            ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        }
        let lists = [
            ("set aside", joined(&self.set_aside)),
            ("restored", joined(&self.restored)),
            ("left", joined(&self.left)),
            ("unsynced", joined(&self.unsynced)),
            ("requeued", joined(&self.requeued)),
            ("parked", joined(&self.parked)),
            ("quarantined", joined(&self.quarantined)),
            ("damaged", joined(&self.damaged)),
            ("products lost", joined(&self.products_lost)),
            ("unclaimed", joined(&self.unclaimed)),
            ("unknown files", if self.unknown_files == 0 { String::new() } else { self.unknown_files.to_string() }),
        ];
        let said: Vec<String> =
            lists.iter().filter(|(_, ids)| !ids.is_empty()).map(|(what, ids)| format!("{what}: {ids}")).collect();
        f.write_str(if said.is_empty() { "nothing" } else { "" })?;
        f.write_str(&said.join("; "))
    }
}
