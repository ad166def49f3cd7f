//! A node's description of itself, with which partners enrol it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::ident::NodeId;
use crate::invisible;
use crate::sign::{Algorithm, PublicKey};

/// A node's exported description: JSON text that one operator sends to another over any channel, and whose [`Fingerprints`] the two
/// compare over a second channel. It grants no rights; those come from the agreement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// Always [`Description::FORMAT`].
    pub format: String,
    /// The node's name; also the name in its certificates.
    pub node: NodeId,
    /// The name of the organisation, for people.
    pub name: String,
    /// The code of the country or organisation that the node represents.
    pub code: String,
    /// `host:port` addresses, tried in order, at most eight; empty for a node that only dials.
    pub addresses: Vec<String>,
    /// Certificate profile: `cnsa2`, `hybrid` or `classical`.
    pub profile: String,
    /// The certificate of the node's authority, PEM.
    pub ca_certificate: String,
    /// The authority's current revocation list, PEM.
    pub revocation_list: String,
    /// The key that signs the node's manifests and receipts.
    pub signing_key: PublicKey,
    /// The key of the node's ledger checkpoints, as a verifier key (C2SP signed-note).
    pub ledger_key: String,
    /// The age recipient that payloads for this node are sealed to.
    pub payload_recipient: String,
    /// A contact, for people.
    pub contact: String,
}

/// A description with its fingerprint, computed once because every decision compares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprinted {
    // INVARIANT: the description is never lent mutably, so the fingerprint always matches it.
    description: Description,
    fingerprint: Digest,
}

impl Fingerprinted {
    /// The fingerprint, as [`Description::fingerprint`] computes it.
    pub fn fingerprint(&self) -> Digest {
        self.fingerprint
    }
}

impl From<Description> for Fingerprinted {
    fn from(description: Description) -> Fingerprinted {
        Fingerprinted { fingerprint: description.fingerprint(), description }
    }
}

impl std::ops::Deref for Fingerprinted {
    type Target = Description;

    fn deref(&self) -> &Description {
        &self.description
    }
}

/// The values that two operators compare out of band before either trusts the other's description.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fingerprints {
    /// SHA-256 of the whole description except its revocation list and addresses, which can change without a new enrolment. This is
    /// the one to confirm; the others help to find what differs.
    pub description: Digest,
    /// SHA-256 of the certificate authority's PEM text.
    pub ca_certificate: Digest,
    /// Fingerprint of the signing key.
    pub signing_key: Digest,
    /// SHA-256 of the payload recipient's text.
    pub payload_recipient: Digest,
    /// Fingerprint of the ledger key, by which foundings, changes and exported requests identify the node.
    pub ledger_key: Digest,
}

/// Why a description is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DescriptionFault {
    /// Larger than [`Description::BYTES_MAX`].
    #[error("the file is larger than {0} bytes: it is not a description")]
    TooLarge(usize),
    /// Not JSON with the expected fields.
    #[error("invalid description: {0}")]
    Form(String),
    /// A field with a value that is not allowed.
    #[error("description field `{field}` {problem}")]
    Value {
        /// The field at fault.
        field: &'static str,
        /// What is expected, as the rest of a sentence that begins with the field.
        problem: &'static str,
    },
}

impl Description {
    /// The format's name and version.
    pub const FORMAT: &'static str = "portcullis-description/1";
    /// The largest description accepted, in bytes.
    pub const BYTES_MAX: usize = 1024 * 1024;

    /// Parses a description. Certificates, recipient and ledger key are checked by the modules that use them.
    ///
    /// # Errors
    /// [`DescriptionFault`] names the position or field and what was expected.
    pub fn parse(text: &str) -> Result<Description, DescriptionFault> {
        if text.len() > Self::BYTES_MAX {
            return Err(DescriptionFault::TooLarge(Self::BYTES_MAX));
        }
        let read: Description = serde_json::from_str(text).map_err(|e| DescriptionFault::Form(e.to_string()))?;
        let fault = |field, problem| Err(DescriptionFault::Value { field, problem });
        if read.format != Self::FORMAT {
            return fault("format", "must be `portcullis-description/1`");
        }
        for (field, text) in [("name", &read.name), ("contact", &read.contact), ("code", &read.code)] {
            if !invisible::is_plain(text, 200) {
                return fault(field, "must be 1 to 200 printable characters");
            }
        }
        if read.addresses.len() > 8 {
            return fault("addresses", "must be at most eight");
        }
        if read.addresses.iter().any(|a| a.len() > 260 || !a.contains(':') || a.contains(char::is_whitespace)) {
            return fault("addresses", "must each be `host:port`");
        }
        Ok(read)
    }

    /// The description as indented JSON text, with a line feed at the end.
    pub fn to_json(&self) -> String {
        // INVARIANT: every field is a string or a list of strings.
        let mut text = serde_json::to_string_pretty(self).expect("a description is plain data");
        text.push('\n');
        text
    }

    /// SHA-256 of the description without its addresses and revocation list, which can change without a new enrolment.
    pub fn fingerprint(&self) -> Digest {
        let fixed = Description { revocation_list: String::new(), addresses: Vec::new(), ..self.clone() };
        Digest::of(fixed.to_json().as_bytes())
    }

    /// Whether this description continues an earlier one: the code is the same, and at least one of the authority's certificate, the
    /// signing key and the ledger key is. Without a common key nothing proves that it is the same node.
    pub fn continues(&self, earlier: &Description) -> bool {
        let kept = self.ca_certificate == earlier.ca_certificate
            || self.signing_key == earlier.signing_key
            || self.ledger_key == earlier.ledger_key;
        kept && self.code == earlier.code
    }

    /// The values to compare out of band.
    pub fn fingerprints(&self) -> Fingerprints {
        Fingerprints {
            description: self.fingerprint(),
            ca_certificate: Digest::of(self.ca_certificate.as_bytes()),
            signing_key: self.signing_key.fingerprint(),
            payload_recipient: Digest::of(self.payload_recipient.as_bytes()),
            ledger_key: ledger_key_fingerprint(&self.ledger_key),
        }
    }
}

/// The fingerprint of the public key in a ledger's verifier key (C2SP signed-note: `name+keyid+key`), independent of name and key ID.
pub fn ledger_key_fingerprint(text: &str) -> Digest {
    const ED25519: u8 = 1;
    let key = text.splitn(3, '+').nth(2).and_then(|encoded| STANDARD.decode(encoded).ok());
    let key = key.as_deref().and_then(<[u8]>::split_first).filter(|(algorithm, _)| **algorithm == ED25519);
    let key = key.and_then(|(_, raw)| PublicKey::from_raw(Algorithm::Ed25519, raw).ok());
    // An invalid verifier key is refused at enrolment. Until then it is shown with the digest of its text, which no key has.
    key.map_or_else(|| Digest::of(text.as_bytes()), |key| key.fingerprint())
}
