//! C2SP signed notes (c2sp.org/signed-note), as far as the ledger needs them: Ed25519, one signature, canonical form.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::Digest as _;

use crate::ident::NodeId;
use crate::sign::{Algorithm, Instance, NotAKey, PublicKey, SignError, Signer, signature};

/// Signature type byte of Ed25519 in a signed note.
const ED25519: u8 = 0x01;

/// The name of a ledger: the first line of its checkpoints and the name of its key. 1 to 128 bytes of visible ASCII
/// other than `+`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin(String);

impl Origin {
    /// Returns the origin of a node's ledger: `portcullis/ledger/` and the node's name.
    pub fn of_node(node: &NodeId) -> Origin {
        Origin(format!("portcullis/ledger/{node}"))
    }

    /// Returns the origin as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Origin {
    type Err = NotALedgerKey;

    fn from_str(text: &str) -> Result<Origin, NotALedgerKey> {
        let plain = text.bytes().all(|b| b.is_ascii_graphic() && b != b'+');
        if plain && (1..=128).contains(&text.len()) { Ok(Origin(text.to_owned())) } else { Err(NotALedgerKey::Name) }
    }
}

/// The public key that verifies one ledger's checkpoints, with the ledger's name.
///
/// Text form is C2SP's *vkey*: `<origin>+<key id, 8 hexadecimal digits>+<base64 of 0x01 and the Ed25519 key>`.
#[derive(Clone, PartialEq, Eq)]
pub struct LedgerKey {
    origin: Origin,
    key: PublicKey,
}

impl LedgerKey {
    /// Returns the key of the ledger named `origin`.
    ///
    /// # Errors
    /// [`NotALedgerKey::Algorithm`] unless `key` is an Ed25519 key, the one algorithm that all checkpoint verifiers
    /// support.
    pub fn new(origin: Origin, key: PublicKey) -> Result<LedgerKey, NotALedgerKey> {
        if key.algorithm() == Algorithm::Ed25519 {
            Ok(LedgerKey { origin, key })
        } else {
            Err(NotALedgerKey::Algorithm)
        }
    }

    /// Returns the name of the ledger.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Returns the Ed25519 key.
    pub fn public(&self) -> &PublicKey {
        &self.key
    }

    /// Returns the node instance whose ledger it is.
    pub fn instance(&self) -> Instance {
        Instance::of_ledger(&self.key)
    }

    /// Returns the key id: the first four bytes of SHA-256 over name, newline, signature type and key (C2SP
    /// signed-note).
    pub fn id(&self) -> [u8; 4] {
        let mut hasher = sha2::Sha256::new();
        hasher.update(self.origin.0.as_bytes());
        hasher.update([b'\n', ED25519]);
        hasher.update(self.key.raw());
        let digest = hasher.finalize();
        [digest[0], digest[1], digest[2], digest[3]]
    }

    /// Returns whether the signature line of `note` names another key of this ledger, such as an earlier one.
    pub fn is_other_in(&self, note: &str) -> bool {
        let line = note.split_once("\n\n").map(|(_, line)| line.trim_end());
        let signed =
            line.and_then(|line| line.strip_prefix("— ")?.strip_prefix(self.origin.as_str())?.strip_prefix(' '));
        let blob = signed.and_then(|encoded| STANDARD.decode(encoded).ok());
        blob.and_then(|blob| blob.first_chunk::<4>().copied()).is_some_and(|id| id != self.id())
    }

    /// Signs `text`, which must end in a newline, as a note of this ledger.
    pub(super) fn sign(&self, text: &str, signer: &dyn Signer) -> Result<String, SignError> {
        let signature = signature(signer, text.as_bytes())?;
        let blob = [&self.id()[..], &signature].concat();
        Ok(format!("{text}\n— {} {}\n", self.origin, STANDARD.encode(blob)))
    }

    /// Returns the text of `note` if it has exactly one signature line, and that is a valid signature by this key.
    pub(super) fn open<'a>(&self, note: &'a str) -> Option<&'a str> {
        // INVARIANT: the body has no blank line, so the first one ends it and exactly one signature line follows.
        let (body, line) = note.split_once("\n\n")?;
        let text = &note[..body.len() + 1];
        let encoded =
            line.strip_prefix("— ")?.strip_prefix(self.origin.as_str())?.strip_prefix(' ')?.strip_suffix('\n')?;
        let blob = STANDARD.decode(encoded).ok()?;
        let (id, signature) = blob.split_at_checked(4)?;
        let good =
            id == self.id() && STANDARD.encode(&blob) == encoded && self.key.verifies(text.as_bytes(), signature);
        good.then_some(text)
    }
}

impl fmt::Display for LedgerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let blob = [&[ED25519], self.key.raw()].concat();
        write!(f, "{}+{}+{}", self.origin, hex::encode(self.id()), STANDARD.encode(blob))
    }
}

impl fmt::Debug for LedgerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for LedgerKey {
    type Err = NotALedgerKey;

    fn from_str(text: &str) -> Result<LedgerKey, NotALedgerKey> {
        let mut parts = text.splitn(3, '+');
        let (Some(origin), Some(_), Some(encoded)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NotALedgerKey::Form);
        };
        let blob = STANDARD.decode(encoded).map_err(|_| NotALedgerKey::Form)?;
        let Some((&ED25519, raw)) = blob.split_first() else { return Err(NotALedgerKey::Algorithm) };
        let key = PublicKey::from_raw(Algorithm::Ed25519, raw).map_err(|fault| match fault {
            NotAKey::Form => NotALedgerKey::Form,
            NotAKey::Weak { why, .. } => NotALedgerKey::Weak(why),
        })?;
        let parsed = LedgerKey::new(origin.parse()?, key)?;
        // Comparing with the formatted key checks the key id and the canonical form at once.
        if parsed.to_string() == text { Ok(parsed) } else { Err(NotALedgerKey::Form) }
    }
}

/// A text that is not a ledger key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotALedgerKey {
    /// Incomplete, not in canonical form, or with a key id that does not match the key.
    #[error("expected a ledger key as `name+keyid+key` as `ledger_key` of `portcullis partner export` has it")]
    Form,
    /// The name could not be the first line of a checkpoint.
    #[error("expected a ledger name: 1 to 128 visible ASCII characters other than `+`")]
    Name,
    /// Not Ed25519.
    #[error("expected an Ed25519 key, the only algorithm for ledger checkpoints")]
    Algorithm,
    /// A key for which anybody can forge signatures.
    #[error("weak Ed25519 key: {0}; ask its holder to generate a new one")]
    Weak(&'static str),
}
