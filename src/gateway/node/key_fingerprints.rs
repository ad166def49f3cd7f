//! The recorded fingerprints of the node's own keys. They reveal a key file that is well formed but holds another
//! key, before anything is signed, opened or stored with it.
//!
//! A flipped bit in a key's seed gives another working key: no partner would accept its signatures, and it does not open
//! what was stored with the right key.

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

/// The setting with the fingerprints of the node's keys: one line per key, with its name, a space and the
/// fingerprint.
const KEYS: &str = "node.keys";

impl Node {
    /// Fails if a key differs from the recorded one; records the keys where none are recorded. A node key that
    /// matches the node's certificate is accepted even if the store was restored from a copy that predates its
    /// renewal.
    ///
    /// # Errors
    /// [`GatewayError::Local`] if a key differs from the recorded one or cannot be used.
    pub(in crate::gateway) async fn check_keys(&self) -> Result<(), GatewayError> {
        let found = self.key_fingerprints()?;
        let Some(row) = self.store().setting(KEYS).await? else { return self.record_keys(&found).await };
        let recorded = parse(&row.value)
            .ok_or_else(|| GatewayError::trouble("the recorded fingerprints of this node's keys are malformed"))?;
        let other: Vec<String> = recorded
            .iter()
            .filter_map(|(name, recorded)| {
                let found = found.get(name.as_str())?;
                if found == recorded || (name == "node" && self.credential().is_ok()) {
                    return None;
                }
                let file = self.config().keys.file(name);
                Some(format!("`{}` holds another key: expected fingerprint {recorded}, found {found}", file.display()))
            })
            .collect();
        if other.is_empty() {
            return Ok(());
        }
        Err(GatewayError::Local(format!("{}; it is not used: restore the file from its backup", other.join("; "))))
    }

    async fn record_keys(&self, found: &BTreeMap<&'static str, Digest>) -> Result<(), GatewayError> {
        let named = found.iter().map(|(name, key)| ((*name).to_owned(), *key)).collect();
        let (setting, entry) = self.keys_setting(&named, Version::NEW);
        match self.commit(vec![setting.into()], vec![entry]).await {
            // Another process opened the node for the first time at the same moment.
            Err(GatewayError::Store(StoreError::Conflict { .. })) => Ok(()),
            recorded => recorded,
        }
    }

    /// The change that records a new key under this name.
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

    /// Fingerprints of the key files that a running gateway uses, by file name. Authority keys are compared with
    /// their certificates when they are used.
    fn key_fingerprints(&self) -> Result<BTreeMap<&'static str, Digest>, GatewayError> {
        let (keys, config) = (self.keys(), self.config());
        let profile: ProfileName = config.listen.profile.parse().map_err(GatewayError::trouble)?;
        let text = config.keys.text("node").map_err(GatewayError::trouble)?;
        let wrong = |e: &dyn std::fmt::Display| {
            GatewayError::trouble(format!(
                "`{}`: {e}: restore the file from its backup",
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
            ("node", node.ok_or_else(|| wrong(&"not a key type that a certificate may hold"))?),
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

/// A certificate key's fingerprint, as used everywhere else.
pub(in crate::gateway) fn key_fingerprint(raw: &[u8], algorithm: CertificateAlgorithm) -> Option<Digest> {
    let algorithm = match algorithm {
        CertificateAlgorithm::P384 => Algorithm::Es384,
        CertificateAlgorithm::MlDsa87 => Algorithm::MlDsa87,
    };
    PublicKey::from_raw(algorithm, raw).ok().map(|key| key.fingerprint())
}
