//! Certificate revocation lists (RFC 5280, section 5): complete, direct, signed by the authority itself.

use std::collections::BTreeMap;

use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::{FromDer as _, X509Version};
use x509_parser::revocation_list::CertificateRevocationList;

use super::der;
use super::{AuthorityCertificate, Profile, Revocation};
use crate::time::Time;

/// The largest list looked at, in bytes; about forty thousand entries.
const LIST_BYTES_MAX: usize = 2 * 1024 * 1024;

/// A revocation list that its authority signed and that keeps the profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevocationList {
    der: Vec<u8>,
    number: u64,
    this_update: Time,
    next_update: Time,
    revoked: BTreeMap<Vec<u8>, Time>,
}

/// What is wrong with a revocation list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RevocationFault {
    /// Not DER, bytes left over, or too large.
    #[error("not one DER revocation list of version 2 and at most {LIST_BYTES_MAX} bytes")]
    Form,
    /// Signed with another algorithm than the profile's.
    #[error("the signature is not of the profile's algorithm")]
    Algorithm,
    /// Issued under another name, or the signature does not verify.
    #[error("not signed by this authority")]
    Authority,
    /// No list number, or one beyond 64 bits.
    #[error("the list has no number of at most 64 bits")]
    Number,
    /// No nextUpdate, or it lies before thisUpdate or further ahead than the profile allows.
    #[error("nextUpdate is absent, not after thisUpdate, or further ahead than the profile allows")]
    Validity,
    /// An extension that could narrow what the list covers, or that is not understood.
    #[error("extension {0} is not in the profile: the list must be complete and direct")]
    Unexpected(String),
    /// A serial number that no certificate of ours may have, or that is listed twice.
    #[error("a listed serial number is malformed or listed twice")]
    Serial,
}

impl RevocationList {
    /// Reads a list of `authority`. Whether it is current *now* is asked when it is relied upon.
    ///
    /// # Errors
    /// The first [`RevocationFault`] found.
    pub fn parse(
        der: &[u8],
        authority: &AuthorityCertificate,
        profile: &Profile,
    ) -> Result<RevocationList, RevocationFault> {
        if der.len() > LIST_BYTES_MAX {
            return Err(RevocationFault::Form);
        }
        let Ok(([], list)) = CertificateRevocationList::from_der(der) else { return Err(RevocationFault::Form) };
        // A second, stricter reader: x509-parser overlooks wrong tags in parts that no signature covers.
        if webpki::BorrowedCertRevocationList::from_der(der).is_err() {
            return Err(RevocationFault::Form);
        }
        if list.version() != Some(X509Version::V2) {
            return Err(RevocationFault::Form);
        }
        if !der::signs_with(&list.signature_algorithm, profile.algorithm())
            || list.signature_algorithm != list.tbs_cert_list.signature
        {
            return Err(RevocationFault::Algorithm);
        }
        let (key, signature) = (authority.public_bytes(), list.signature_value.data.as_ref());
        if list.issuer().as_raw() != authority.subject()
            || list.signature_value.unused_bits != 0
            || !der::verifies(profile.algorithm(), key, list.tbs_cert_list.as_ref(), signature)
        {
            return Err(RevocationFault::Authority);
        }
        let (this_update, next_update) = validity(&list, profile)?;
        Ok(RevocationList {
            der: der.to_vec(),
            number: number(&list, authority)?,
            this_update,
            next_update,
            revoked: revoked(&list)?,
        })
    }

    /// The list as it was read.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The same as PEM text.
    pub fn to_pem(&self) -> String {
        super::der_to_pem(super::PEM_REVOCATION_LIST, &self.der)
    }

    /// The list's number; of two lists the one with the higher number is the newer.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// When the list was made.
    pub fn this_update(&self) -> Time {
        self.this_update
    }

    /// From this moment on the list is stale and refuses everything.
    pub fn next_update(&self) -> Time {
        self.next_update
    }

    /// Whether the list may be relied upon at `now`.
    pub fn is_current(&self, now: Time) -> bool {
        self.this_update <= now && now < self.next_update
    }

    /// Whether a certificate of this serial number (big-endian, no leading zeros) is revoked.
    pub fn revokes(&self, serial: &[u8]) -> bool {
        self.revoked.contains_key(serial)
    }

    /// How many certificates the list revokes.
    pub fn len(&self) -> usize {
        self.revoked.len()
    }

    /// Whether the list revokes nothing.
    pub fn is_empty(&self) -> bool {
        self.revoked.is_empty()
    }

    /// What it revokes and since when, by serial number.
    pub fn revocations(&self) -> impl Iterator<Item = Revocation> {
        self.revoked.iter().map(|(serial, at)| Revocation { serial: serial.clone(), at: *at })
    }
}

fn validity(list: &CertificateRevocationList<'_>, profile: &Profile) -> Result<(Time, Time), RevocationFault> {
    let from = der::moment(list.last_update());
    let until = der::moment(list.next_update().ok_or(RevocationFault::Validity)?);
    let longest = profile.revocation_validity() + profile.backdate() + std::time::Duration::from_secs(1);
    if until <= from || until.since(from) > longest { Err(RevocationFault::Validity) } else { Ok((from, until)) }
}

fn number(list: &CertificateRevocationList<'_>, authority: &AuthorityCertificate) -> Result<u64, RevocationFault> {
    let (mut number, mut key_id) = (None, false);
    for (place, extension) in list.extensions().iter().enumerate() {
        let unexpected = || RevocationFault::Unexpected(extension.oid.to_id_string());
        if list.extensions()[..place].iter().any(|earlier| earlier.oid == extension.oid) {
            return Err(unexpected());
        }
        match extension.parsed_extension() {
            ParsedExtension::CRLNumber(found) if !extension.critical => number = u64::try_from(found).ok(),
            ParsedExtension::AuthorityKeyIdentifier(found) if !extension.critical => {
                key_id = found.key_identifier.as_ref().is_some_and(|id| id.0 == authority.key_id());
            }
            _ => return Err(unexpected()),
        }
    }
    if !key_id {
        return Err(RevocationFault::Authority);
    }
    number.ok_or(RevocationFault::Number)
}

fn revoked(list: &CertificateRevocationList<'_>) -> Result<BTreeMap<Vec<u8>, Time>, RevocationFault> {
    let mut revoked = BTreeMap::new();
    for entry in list.iter_revoked_certificates() {
        for extension in entry.extensions() {
            let known = matches!(
                extension.parsed_extension(),
                ParsedExtension::ReasonCode(_) | ParsedExtension::InvalidityDate(_)
            );
            // A certificate issuer extension would make the entry speak of another authority's certificate.
            if !known || extension.critical {
                return Err(RevocationFault::Unexpected(extension.oid.to_id_string()));
            }
        }
        let serial = der::serial(entry.raw_serial()).ok_or(RevocationFault::Serial)?;
        if revoked.insert(serial, der::moment(entry.revocation_date)).is_some() {
            return Err(RevocationFault::Serial);
        }
    }
    Ok(revoked)
}
