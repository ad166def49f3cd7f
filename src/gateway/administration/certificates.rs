//! This node's own certificates: read, renewed, revoked, and described to partners.

use crate::gateway::node::files::cannot_be_written;
use crate::gateway::node::files::read;
use crate::gateway::node::files::replace;
use crate::gateway::node::files::unusable_key;
use crate::gateway::node::key_fingerprints::key_fingerprint;
use crate::gateway::node::records::Changes;
use std::path::{Path, PathBuf};

use crate::config::{folder_of, sync_folder};
use crate::digest::Digest;
use crate::gateway::administration::revocation_lists::{ListsLock, list_in};
use crate::gateway::views::operator::CertificatesView;
use crate::gateway::{GatewayError, Node};
use crate::ledger::{Entry, EntryKind};
use crate::partner::{Description, KeyPurpose};
use crate::pki::{
    Authority, AuthorityCertificate, CertificateFault, CertificateKey, Credential, NodeCertificate, ProfileName,
    RevocationList, pem_to_der,
};
use crate::seal::Opener as _;
use crate::sign::Signer as _;
use crate::system::{entropy, fault_point};

/// A node's certificate files as they are now.
struct Files {
    profile: ProfileName,
    authority: AuthorityCertificate,
    node: NodeCertificate,
}

impl Node {
    /// The description of this node for partners.
    ///
    /// # Errors
    /// [`GatewayError`] if a certificate file cannot be used.
    pub fn description(&self) -> Result<Description, GatewayError> {
        let config = self.config();
        let folder = &config.certificates;
        self.node_list(&self.certificate_files()?)?;
        Ok(Description {
            format: Description::FORMAT.to_owned(),
            node: config.node.name.clone(),
            name: config.node.organisation.clone(),
            code: config.node.code.clone(),
            addresses: config.listen.advertise.clone(),
            profile: config.listen.profile.clone(),
            ca_certificate: read(&folder.join("ca.pem"))?,
            revocation_list: read(&folder.join("crl.pem"))?,
            signing_key: self.keys().signing.public().clone(),
            ledger_key: self.ledger_key(),
            payload_recipient: self.keys().payload.recipient().to_string(),
            contact: config.node.contact.clone(),
        })
    }

    /// The certificates' dates and numbers.
    ///
    /// # Errors
    /// [`GatewayError`] if a certificate file cannot be used.
    pub fn certificates(&self) -> Result<CertificatesView, GatewayError> {
        let files = self.certificate_files()?;
        let list = self.node_list(&files)?;
        Ok(CertificatesView {
            authority_until: files.authority.not_after().to_string(),
            node_until: files.node.not_after().to_string(),
            node_serial: hex::encode(files.node.serial()),
            node_revoked: list.revokes(files.node.serial()),
            list_until: list.next_update().to_string(),
            list_number: list.number(),
            revoked: list.len(),
        })
    }

    /// What the endpoint presents to partners.
    ///
    /// # Errors
    /// [`GatewayError`] if a certificate or its key cannot be used.
    pub fn credential(&self) -> Result<Credential, GatewayError> {
        let files = self.certificate_files()?;
        let key = self.config().keys.text("node").map_err(GatewayError::trouble)?;
        let key = CertificateKey::from_pem(files.profile.profile(), &key).map_err(GatewayError::trouble)?;
        Credential::new(files.profile, &files.authority, &self.config().node.name, files.node.der(), &key)
            .map_err(GatewayError::trouble)
    }

    /// Issues a new node certificate with a new key. The old one stays valid until it expires: use
    /// [`Node::revoke_certificate`] if its key may be compromised.
    ///
    /// # Errors
    /// [`GatewayError`] if the authority's key cannot be used or a file cannot be written.
    pub async fn renew_certificate(&self) -> Result<(), GatewayError> {
        let lock = self.lists_lock()?;
        self.settle(&lock).await?;
        let files = self.certificate_files()?;
        // Both are read before anything is issued.
        let lists = self.list_authorities(&files)?;
        let issued = lists.0.issue_node(self.now(), entropy()).map_err(GatewayError::trouble)?;
        // Both remain this node's keys: nobody else is ever enrolled with one of them.
        let algorithm = files.profile.profile().algorithm();
        let key = |raw: &[u8]| key_fingerprint(raw, algorithm);
        let before = self.config().keys.text("node").ok();
        let before = before.and_then(|pem| CertificateKey::from_pem(files.profile.profile(), &pem).ok());
        let replaced = before.and_then(|before| key(before.public_bytes()));
        let renewed = key(issued.key.public_bytes());
        let keys = [("replaced", replaced), ("key", renewed)];
        let keys: Vec<_> = keys.into_iter().filter_map(|(name, key)| Some((name, key?))).collect();
        // Both files are written beside those in use before the ledger records them, and renamed afterwards. A
        // waiting certificate without its key would look like one whose key is already in place.
        let next = self.next_pair();
        replace(&next.key, issued.key.to_pem().as_bytes(), 0o600)?;
        replace(&next.certificate, issued.certificate.to_pem().as_bytes(), 0o644)?;
        fault_point("renewal-written");
        if let Err(error) = self.record_renewal(issued.certificate.serial(), keys, renewed).await {
            if !error.is_outcome_unknown() {
                next.remove()?;
            }
            return Err(error.of_commit("the renewal of the certificate", "cert show"));
        }
        fault_point("renewal-recorded");
        self.switch(&next)?;
        self.write_lists(&lock, &lists).await
    }

    /// Finishes a renewal that was interrupted after it was recorded, and discards one that was interrupted before:
    /// the node always has either the old key and certificate or the new ones.
    ///
    /// # Errors
    /// [`GatewayError`] if a file cannot be written or the ledger cannot be read.
    pub(in crate::gateway) async fn settle_certificate(&self) -> Result<(), GatewayError> {
        if !self.next_pair().is_there() {
            return Ok(());
        }
        // A renewal running now holds the lock.
        let lock = self.lists_lock()?;
        self.settle(&lock).await
    }

    async fn settle(&self, _: &ListsLock) -> Result<(), GatewayError> {
        let next = self.next_pair();
        if !next.is_there() {
            return Ok(());
        }
        // An unreadable pair is not discarded: it may be the recorded one.
        let serial = next.serial(self)?;
        let entries = self.store().entries_about(self.config().node.name.as_str()).await?;
        let recorded = serial.is_some_and(|serial| {
            let serial = hex::encode(serial);
            entries.iter().map(|recorded| recorded.entry.detail()).any(|detail| {
                detail.get("certificate").is_some_and(|what| what == "renewed") && detail.get("serial") == Some(&serial)
            })
        });
        match recorded {
            true => {
                tracing::warn!("finished a certificate renewal that was interrupted after it was recorded");
                self.switch(&next)
            }
            false => {
                tracing::warn!("discarded a certificate renewal that was interrupted before it was recorded");
                next.remove()
            }
        }
    }

    fn next_pair(&self) -> NextPair {
        NextPair {
            key: self.config().keys.file("node.next"),
            certificate: self.config().certificates.join("node.next.pem"),
        }
    }

    /// Activates a recorded pair: first the key, then the certificate, whose waiting file remains until this is done.
    fn switch(&self, next: &NextPair) -> Result<(), GatewayError> {
        if next.key.exists() {
            rename_durably(&next.key, &self.config().keys.file("node"))?;
        }
        fault_point("renewal-key-switched");
        rename_durably(&next.certificate, &self.config().certificates.join("node.pem"))
    }

    /// Records that the node has a new certificate, with the fingerprint of its key.
    async fn record_renewal(
        &self,
        serial: &[u8],
        keys: Vec<(&'static str, Digest)>,
        key: Option<Digest>,
    ) -> Result<(), GatewayError> {
        let entry = self.trust_entry("renewed", serial, keys);
        let mut changes: Changes = Vec::new();
        let mut entries = vec![entry];
        if let Some((setting, entry)) = self.key_replaced("node", key).await? {
            changes.push(setting.into());
            entries.push(entry);
        }
        self.commit(changes, entries).await
    }

    /// Issues new revocation lists from the record.
    ///
    /// # Errors
    /// [`GatewayError`] if an authority's key cannot be used or a file cannot be written.
    pub async fn refresh_revocation_list(&self) -> Result<(), GatewayError> {
        let lock = self.lists_lock()?;
        self.write_lists(&lock, &self.list_authorities(&self.certificate_files()?)?).await
    }

    /// The node's authority and the officer authority, which issue its two revocation lists.
    fn list_authorities(&self, files: &Files) -> Result<(Authority, Authority), GatewayError> {
        let node = self.authority(files)?;
        self.make_officer_authority()?;
        Ok((node, self.officer_authority()?))
    }

    async fn write_lists(
        &self,
        lock: &ListsLock,
        (node, officers): &(Authority, Authority),
    ) -> Result<(), GatewayError> {
        self.write_node_list(lock, node).await?;
        self.write_officers_list(lock, officers).await
    }

    /// Revokes the current node certificate. The revocation is recorded first: if this is interrupted, the next list
    /// includes it.
    ///
    /// # Errors
    /// [`GatewayError`] if the authority's key cannot be used or the file cannot be written.
    pub async fn revoke_certificate(&self) -> Result<(), GatewayError> {
        let lock = self.lists_lock()?;
        let files = self.certificate_files()?;
        let authority = self.authority(&files)?;
        let serial = files.node.serial();
        if !self.revoked_node_certificates().await?.contains_key(serial) {
            self.record_trust("revoked", serial, Vec::new()).await?;
        }
        self.write_node_list(&lock, &authority).await
    }

    /// The raw public keys of the node's authority and certificate, and of its officers' authority, with what each is for.
    pub(in crate::gateway) fn certificate_keys(&self) -> Result<Vec<(Vec<u8>, KeyPurpose)>, GatewayError> {
        let files = self.certificate_files()?;
        let profile = files.profile.profile();
        let key = self.config().keys.text("node").map_err(GatewayError::trouble)?;
        let key = CertificateKey::from_pem(profile, &key).map_err(GatewayError::trouble)?;
        let path = self.config().certificates.join(crate::gateway::officers::certification::CERTIFICATE);
        let officers = pem_to_der("CERTIFICATE", &read(&path)?).map_err(|e| GatewayError::trouble(e.to_string()))?;
        let officers = AuthorityCertificate::parse(&officers, profile).map_err(GatewayError::trouble)?;
        Ok(vec![
            (files.authority.public_bytes().to_vec(), KeyPurpose::Authority),
            (key.public_bytes().to_vec(), KeyPurpose::Connection),
            (officers.public_bytes().to_vec(), KeyPurpose::OfficerAuthority),
        ])
    }

    async fn record_trust(
        &self,
        what: &str,
        serial: &[u8],
        keys: Vec<(&'static str, Digest)>,
    ) -> Result<(), GatewayError> {
        self.record(vec![self.trust_entry(what, serial, keys)]).await
    }

    fn trust_entry(&self, what: &str, serial: &[u8], keys: Vec<(&'static str, Digest)>) -> Entry {
        let entry = Entry::new(self.now(), EntryKind::TrustChanged, &self.config().node.name, "operator")
            .with("certificate", what)
            .with("serial", hex::encode(serial));
        keys.into_iter().fold(entry, |entry, (name, key)| entry.with(name, key))
    }

    /// Fingerprints of the current and past keys of this node's certificates, from the ledger; the first key appears
    /// only once it was replaced.
    pub(in crate::gateway) async fn past_certificate_keys(&self) -> Result<Vec<Digest>, GatewayError> {
        let entries = self.store().entries_about(self.config().node.name.as_str()).await?;
        let changed = entries.iter().filter(|recorded| recorded.entry.kind() == EntryKind::TrustChanged);
        let keys = changed.flat_map(|recorded| ["replaced", "key"].map(|name| recorded.entry.detail().get(name)));
        Ok(keys.flatten().filter_map(|key| key.parse().ok()).collect())
    }

    fn authority(&self, files: &Files) -> Result<Authority, GatewayError> {
        let key = self.config().keys.text("ca").map_err(GatewayError::trouble)?;
        let profile = files.profile.profile();
        let trouble = |e: &dyn std::fmt::Display| unusable_key(&self.config().keys.file("ca"), e);
        let key = CertificateKey::from_pem(profile, &key).map_err(|e| trouble(&e))?;
        Authority::load(&self.config().node.name, profile, files.authority.der(), key).map_err(|e| trouble(&e))
    }

    fn certificate_files(&self) -> Result<Files, GatewayError> {
        let config = self.config();
        let profile: ProfileName = config.listen.profile.parse().map_err(GatewayError::trouble)?;
        let wrong = |file: &str, e: &dyn std::fmt::Display| {
            let path = config.certificates.join(file);
            GatewayError::trouble(format!("`{}`: {e}: restore the file from its backup", path.display()))
        };
        let der = |file: &str| {
            let text = read(&config.certificates.join(file))
                .map_err(|e| GatewayError::trouble(format!("{e}: restore the file from its backup")))?;
            pem_to_der("CERTIFICATE", &text).map_err(|e| wrong(file, &e))
        };
        let changed = |setting: &str, section: &str| {
            let file = config.file.display();
            GatewayError::trouble(format!(
                "`{file}`: `{setting}` in `[{section}]` is not the one that this node's certificates were issued for: change \
                 it back; a node keeps its {setting}"
            ))
        };
        let authority = AuthorityCertificate::parse(&der("ca.pem")?, profile.profile()).map_err(|e| match e {
            CertificateFault::Algorithm(_) => changed("profile", "listen"),
            e => wrong("ca.pem", &e),
        })?;
        let node = NodeCertificate::parse(&der("node.pem")?, &authority, &config.node.name, profile.profile())
            .map_err(|e| match e {
                CertificateFault::NodeName => changed("name", "node"),
                e => wrong("node.pem", &format_args!("{e} (checked against `ca.pem` beside it)")),
            })?;
        Ok(Files { profile, authority, node })
    }

    /// The revocation list of the node's own certificates, from its file.
    fn node_list(&self, files: &Files) -> Result<RevocationList, GatewayError> {
        list_in(&self.config().certificates.join("crl.pem"), &files.authority, files.profile.profile())
    }
}

/// A new key and certificate waiting to replace those in use.
struct NextPair {
    key: PathBuf,
    certificate: PathBuf,
}

impl NextPair {
    fn is_there(&self) -> bool {
        self.key.exists() || self.certificate.exists()
    }

    /// The serial number of the certificate; `None` if there is only a key.
    fn serial(&self, node: &Node) -> Result<Option<Vec<u8>>, GatewayError> {
        if !self.certificate.exists() {
            return Ok(None);
        }
        let trouble =
            |e: &dyn std::fmt::Display| GatewayError::trouble(format!("`{}`: {e}", self.certificate.display()));
        let files = node.certificate_files()?;
        let der = pem_to_der("CERTIFICATE", &read(&self.certificate)?).map_err(|e| trouble(&e))?;
        let (name, profile) = (&node.config().node.name, files.profile.profile());
        let certificate = NodeCertificate::parse(&der, &files.authority, name, profile).map_err(|e| trouble(&e))?;
        Ok(Some(certificate.serial().to_vec()))
    }

    /// Removes a pair that is not on record. The key goes last: a certificate without it would look like one whose
    /// key is already in place.
    fn remove(&self) -> Result<(), GatewayError> {
        for path in [&self.certificate, &self.key] {
            match std::fs::remove_file(path) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(cannot_be_written(path, &e)),
                _ => sync_folder(folder_of(path)).map_err(|e| cannot_be_written(path, &e))?,
            }
        }
        Ok(())
    }
}

/// Replaces a file by another, durably.
fn rename_durably(from: &Path, to: &Path) -> Result<(), GatewayError> {
    let moved = std::fs::rename(from, to).and_then(|()| sync_folder(folder_of(to)));
    moved.map_err(|e| cannot_be_written(to, &e))
}
