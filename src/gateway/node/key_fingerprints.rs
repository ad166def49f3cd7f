//! The fingerprints of the node's own keys, on record: a key file that reads, and is another key than the node has, is found
//! before anything is signed, opened or kept with it.
//!
//! A flipped bit in the seed of a key gives another key that works: what it signed, nobody would take for ours, and what was
//! kept with the right one it does not open.

use crate::pki::CertificateAlgorithm;
use crate::sign::Algorithm;
use crate::sign::PublicKey;
use std::collections::BTreeMap;

use crate::digest::Digest;
use crate::gateway::{GatewayError, Node};
use crate::ledger::{Entry, EntryKind};
use crate::pki::{CertificateKey, ProfileName};
use crate::seal::Opener as _;
use crate::sign::Signer as _;
use crate::store::{Setting, StoreError, Version};

/// The setting that holds the fingerprints of the node's keys: a line for each, of its name, a space and the fingerprint.
const KEYS: &str = "node.keys";

impl Node {
    /// Refuses to go on with a key that is not the one on record; puts them on record where none are. The key that stands in
    /// the node's certificate is the node's, also where the store was put back from a copy that does not know of its renewal.
    ///
    /// # Errors
    /// [`GatewayError::Trouble`] if a key is another than the one on record, or cannot be used.
    pub(in crate::gateway) async fn check_keys(&self) -> Result<(), GatewayError> {
        let found = self.key_fingerprints()?;
        let Some(row) = self.store().setting(KEYS).await? else { return self.record_keys(&found).await };
        let recorded = parse(&row.value)
            .ok_or_else(|| GatewayError::trouble("the fingerprints of this node's keys on record do not read"))?;
        let other: Vec<String> = recorded
            .iter()
            .filter_map(|(name, recorded)| {
                let found = found.get(name.as_str())?;
                if found == recorded || (name == "node" && self.credential().is_ok()) {
                    return None;
                }
                let file = self.config().keys.file(name);
                Some(format!(
                    "`{}` holds another key: its fingerprint is {found}, on record is {recorded}",
                    file.display()
                ))
            })
            .collect();
        if other.is_empty() {
            return Ok(());
        }
        Err(GatewayError::Trouble(format!(
            "{}; nothing is signed, opened or kept with it: put the file back from its copy",
            other.join("; ")
        )))
    }

    async fn record_keys(&self, found: &BTreeMap<&'static str, Digest>) -> Result<(), GatewayError> {
        let named = found.iter().map(|(name, key)| ((*name).to_owned(), *key)).collect();
        let (setting, entry) = self.keys_setting(&named, Version::NEW);
        match self.commit(vec![setting.into()], vec![entry]).await {
            // Another process opened the node for the first time in the same moment.
            Err(GatewayError::Store(StoreError::Conflict { .. })) => Ok(()),
            recorded => recorded,
        }
    }

    /// What changes on record when the key of that name is replaced.
    pub(in crate::gateway) async fn key_replaced(
        &self,
        name: &str,
        key: Option<Digest>,
    ) -> Result<Option<(Setting, Entry)>, GatewayError> {
        let (Some(key), Some(row)) = (key, self.store().setting(KEYS).await?) else { return Ok(None) };
        let Some(mut keys) = parse(&row.value) else { return Ok(None) };
        keys.insert(name.to_owned(), key);
        Ok(Some(self.keys_setting(&keys, row.version)))
    }

    fn keys_setting(&self, keys: &BTreeMap<String, Digest>, version: Version) -> (Setting, Entry) {
        let now = self.now();
        let text: String = keys.iter().map(|(name, key)| format!("{name} {key}\n")).collect();
        let entry = Entry::new(now, EntryKind::SettingChanged, KEYS, "operator");
        let entry = keys.iter().fold(entry, |entry, (name, key)| entry.with(name, key));
        (Setting { name: KEYS.to_owned(), value: text.into_bytes(), changed: now, version }, entry)
    }

    /// The fingerprints of the keys in the node's files that a running gateway uses, by the name of the file. The keys of
    /// authorities are held against their certificates when they are used.
    fn key_fingerprints(&self) -> Result<BTreeMap<&'static str, Digest>, GatewayError> {
        let (keys, config) = (self.keys(), self.config());
        let profile: ProfileName = config.listen.profile.parse().map_err(GatewayError::trouble)?;
        let text = config.keys.text("node").map_err(GatewayError::trouble)?;
        let wrong = |e: &dyn std::fmt::Display| {
            GatewayError::trouble(format!(
                "`{}`: {e}: put the file back from its copy",
                config.keys.file("node").display()
            ))
        };
        let node = CertificateKey::from_pem(profile.profile(), &text).map_err(|e| wrong(&e))?;
        let node = key_fingerprint(node.public_bytes(), profile.profile().algorithm());
        Ok([
            ("signing", keys.signing.public().fingerprint()),
            ("ledger", keys.ledger.public().fingerprint()),
            ("payload", Digest::of(keys.payload.recipient().to_string().as_bytes())),
            ("storage", Digest::of(keys.storage.recipient().to_string().as_bytes())),
            ("node", node.ok_or_else(|| wrong(&"it is no key that a certificate may have"))?),
        ]
        .into())
    }
}

fn parse(value: &[u8]) -> Option<BTreeMap<String, Digest>> {
    let line = |line: &str| {
        let (name, key) = line.split_once(' ')?;
        Some((name.to_owned(), key.parse().ok()?))
    };
    std::str::from_utf8(value).ok()?.lines().map(line).collect()
}

/// The fingerprint that a certificate's key has wherever else it is used.
pub(in crate::gateway) fn key_fingerprint(raw: &[u8], algorithm: CertificateAlgorithm) -> Option<Digest> {
    let algorithm = match algorithm {
        CertificateAlgorithm::P384 => Algorithm::Es384,
        CertificateAlgorithm::MlDsa87 => Algorithm::MlDsa87,
    };
    PublicKey::from_raw(algorithm, raw).ok().map(|key| key.fingerprint())
}
