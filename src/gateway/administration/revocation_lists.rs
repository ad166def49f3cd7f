//! The node's own revocation lists: built from the ledger, by one process at a time.
//!
//! It never omits a revocation, never issues two lists with one number, and never writes a list that is not on
//! record. A list that was lost or restored from an older copy is completed by the next one.

use std::collections::BTreeMap;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use crate::gateway::content::attachments::blocking;
use crate::gateway::node::files::{read, replace};
use crate::gateway::{GatewayError, Node};
use crate::ledger::{Entry, EntryKind};
use crate::pki::{
    Authority, AuthorityCertificate, PEM_REVOCATION_LIST, Profile, Revocation, RevocationList, pem_to_der,
};
use crate::time::Time;

/// The lock for issuing lists, and certificates that may appear on them, across processes.
pub(in crate::gateway) struct ListsLock {
    /// Closing the file releases the lock.
    _file: std::fs::File,
}

/// Which of the two lists.
#[derive(Clone, Copy)]
enum Which {
    Node,
    Officers,
}

impl Which {
    /// As the ledger names it.
    fn name(self) -> &'static str {
        match self {
            Which::Node => "node",
            Which::Officers => "officers",
        }
    }
}

impl Node {
    /// Takes the lock for issuing lists, and waits for it while another process has it. Blocks.
    ///
    /// # Errors
    /// [`GatewayError`] if the lock cannot be taken.
    pub(in crate::gateway) fn lists_lock(&self) -> Result<ListsLock, GatewayError> {
        let path = self.config().store.database.with_extension("lists.lock");
        let trouble = |e: std::io::Error| GatewayError::Local(format!("`{}` cannot be locked: {e}", path.display()));
        let mut options = std::fs::OpenOptions::new();
        let file = options.create(true).truncate(false).write(true).mode(0o600).open(&path).map_err(trouble)?;
        blocking(|| file.lock()).map_err(trouble)?;
        Ok(ListsLock { _file: file })
    }

    /// Issues a new revocation list of the node's own certificates.
    ///
    /// # Errors
    /// [`GatewayError`] if the authority's key cannot be used, or the list cannot be recorded or written.
    pub(in crate::gateway) async fn write_node_list(
        &self,
        lock: &ListsLock,
        authority: &Authority,
    ) -> Result<(), GatewayError> {
        let revoked = self.revoked_node_certificates().await?;
        self.write_list(lock, Which::Node, authority, revoked, "crl.pem").await
    }

    /// Issues a new list of officers' revoked and replaced certificates.
    ///
    /// # Errors
    /// As [`Node::write_node_list`].
    pub(in crate::gateway) async fn write_officers_list(
        &self,
        lock: &ListsLock,
        authority: &Authority,
    ) -> Result<(), GatewayError> {
        let revoked = self.revoked_officer_certificates().await?;
        self.write_list(lock, Which::Officers, authority, revoked, crate::gateway::officers::certification::LIST).await
    }

    /// When each certificate of the node was revoked, by serial number, from the ledger.
    pub(in crate::gateway) async fn revoked_node_certificates(&self) -> Result<BTreeMap<Vec<u8>, Time>, GatewayError> {
        let entries = self.store().entries_about(self.config().node.name.as_str()).await?;
        let revoked = entries.iter().map(|recorded| &recorded.entry).filter_map(|entry| {
            let detail = entry.detail();
            let is =
                entry.kind() == EntryKind::TrustChanged && detail.get("certificate").is_some_and(|c| c == "revoked");
            let serial = detail.get("serial").filter(|_| is)?;
            Some((hex::decode(serial).ok()?, entry.time()))
        });
        // If one was revoked twice, the first time counts.
        let mut all = BTreeMap::new();
        for (serial, at) in revoked {
            all.entry(serial).or_insert(at);
        }
        Ok(all)
    }

    /// When each officer certificate became invalid, by serial number, from the ledger: when it was replaced, or the
    /// officer was revoked.
    async fn revoked_officer_certificates(&self) -> Result<BTreeMap<Vec<u8>, Time>, GatewayError> {
        let mut revoked = BTreeMap::new();
        for officer in self.store().officers().await? {
            let mut current: Vec<Vec<u8>> = Vec::new();
            for recorded in self.store().entries_about(officer.id.as_str()).await? {
                let entry = &recorded.entry;
                let serials = match entry.kind() {
                    EntryKind::OfficerAdded | EntryKind::OfficerChanged => match entry.detail().get("serials") {
                        Some(serials) => serials.split(' ').filter_map(|serial| hex::decode(serial).ok()).collect(),
                        None => continue,
                    },
                    EntryKind::OfficerRevoked => Vec::new(),
                    _ => continue,
                };
                let before = std::mem::replace(&mut current, serials);
                for serial in before {
                    revoked.entry(serial).or_insert(entry.time());
                }
            }
        }
        Ok(revoked)
    }

    /// Issues the list that follows the one in `file`, with its entries and those on record.
    async fn write_list(
        &self,
        _: &ListsLock,
        which: Which,
        authority: &Authority,
        recorded: BTreeMap<Vec<u8>, Time>,
        file: &str,
    ) -> Result<(), GatewayError> {
        let (now, path) = (self.now(), self.config().certificates.join(file));
        // A lost list is rebuilt from the ledger.
        let before = match path.try_exists() {
            Ok(false) => None,
            _ => Some(list_in(&path, authority.certificate(), self.own_profile()?)?),
        };
        // The earlier revocation date stays.
        let earlier = before.iter().flat_map(RevocationList::revocations);
        let mut revoked: BTreeMap<Vec<u8>, Time> = earlier.map(|r| (r.serial, r.at)).collect();
        for (serial, at) in recorded {
            revoked.entry(serial).or_insert(at);
        }
        let revoked: Vec<Revocation> = revoked.into_iter().map(|(serial, at)| Revocation { serial, at }).collect();
        let before = before.as_ref().map_or(0, RevocationList::number);
        // The number is the time in milliseconds, so that a node restored from an older copy never reuses a number
        // that partners have seen.
        let number = before.max(self.last_list(which).await?).saturating_add(1);
        let number = number.max(u64::try_from(now.unix_ms()).unwrap_or_default());
        let list = authority.issue_revocation_list(&revoked, number, now).map_err(GatewayError::trouble)?;
        // Recorded before anybody sees it, so that its number is never reused.
        let entry = Entry::new(now, EntryKind::TrustChanged, &self.config().node.name, "operator")
            .with("list", which.name())
            .with("number", number)
            .with("revoked", revoked.len());
        self.record(vec![entry]).await?;
        replace(&path, list.to_pem().as_bytes(), 0o644)
    }

    /// The number of the last list on record; 0 if there is none.
    async fn last_list(&self, which: Which) -> Result<u64, GatewayError> {
        let entries = self.store().entries_about(self.config().node.name.as_str()).await?;
        let number = |entry: &Entry| {
            let detail = entry.detail();
            let is = entry.kind() == EntryKind::TrustChanged && detail.get("list").is_some_and(|l| l == which.name());
            detail.get("number").filter(|_| is)?.parse().ok()
        };
        Ok(entries.iter().filter_map(|recorded| number(&recorded.entry)).max().unwrap_or(0))
    }
}

/// Reads this authority's list from a file.
pub(in crate::gateway) fn list_in(
    path: &Path,
    authority: &AuthorityCertificate,
    profile: &Profile,
) -> Result<RevocationList, GatewayError> {
    let trouble = |e: &dyn std::fmt::Display| GatewayError::trouble(format!("`{}`: {e}", path.display()));
    let der = pem_to_der(PEM_REVOCATION_LIST, &read(path)?).map_err(|e| trouble(&e))?;
    RevocationList::parse(&der, authority, profile).map_err(|e| trouble(&e))
}
