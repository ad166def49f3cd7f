//! Certificate revocation lists (RFC 5280, section 5): complete, direct, and signed by the authority itself.

use std::collections::BTreeMap;

use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::{FromDer as _, X509Version};
use x509_parser::revocation_list::CertificateRevocationList;

use super::der;
use super::{AuthorityCertificate, Profile};
use crate::time::Time;

/// The largest list accepted, in bytes; about forty thousand entries.
const LIST_BYTES_MAX: usize = 2 * 1024 * 1024;

/// A revocation list, checked against the profile and the key of its authority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevocationList {
    der: Vec<u8>,
    number: u64,
    this_update: Time,
    next_update: Time,
    revoked: BTreeMap<Vec<u8>, Time>,
}

/// One revoked certificate.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Revocation {
    /// The certificate's serial number, big-endian, as [`NodeCertificate::serial`](super::NodeCertificate::serial) returns it.
    pub serial: Vec<u8>,
    /// When it was revoked; a whole second.
    pub at: Time,
}

/// Why a revocation list is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RevocationFault {
    /// Not DER, trailing bytes, not version 2, or too large.
    #[error("not one DER revocation list of version 2 and at most {LIST_BYTES_MAX} bytes")]
    Form,
    /// Signed with an algorithm other than the profile's.
    #[error("the signature is not of the profile's algorithm")]
    Algorithm,
    /// Issued under another name or key identifier, or the signature does not verify.
    #[error("not signed by this authority")]
    Authority,
    /// No CRL number, or one of more than 64 bits.
    #[error("the list has no number of at most 64 bits")]
    Number,
    /// nextUpdate is absent, not after thisUpdate, or further ahead than the profile allows.
    #[error("nextUpdate is absent, not after thisUpdate, or further ahead than the profile allows")]
    Validity,
    /// An extension that could narrow the scope of the list, or that is unknown; its object identifier in dotted form.
    #[error("extension {0} is not in the profile: the list must be complete and direct")]
    Unexpected(String),
    /// A serial number that RFC 5280, section 4.1.2.2 forbids, or that is listed twice.
    #[error("a listed serial number is malformed or listed twice")]
    Serial,
}

/// Why a list may not replace the one on record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotNewer {
    /// It has a lower number.
    #[error("revocation list number {number} is older than number {on_record} on record")]
    Older {
        /// Its number.
        number: u64,
        /// The number of the one on record.
        on_record: u64,
    },
    /// It has the same number but different content.
    #[error("a different revocation list with number {number} is on record: each list needs a number of its own")]
    Differs {
        /// The number.
        number: u64,
    },
    /// It omits a revoked certificate that may still be valid, or gives another time of revocation.
    #[error(
        "revocation list number {number} does not revoke certificate {serial} as the list on record does, which may still be valid"
    )]
    Drops {
        /// Its number.
        number: u64,
        /// The certificate's serial number, hexadecimal.
        serial: String,
    },
}

impl RevocationList {
    /// Parses a list (DER) of `authority` and checks it. Whether it is current is checked when it is used.
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
        // A second, stricter parser: x509-parser overlooks wrong tags in parts that no signature covers.
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

    /// The list as it was parsed, DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The list as PEM text.
    pub fn to_pem(&self) -> String {
        super::der_to_pem(super::PEM_REVOCATION_LIST, &self.der)
    }

    /// The CRL number (RFC 5280, section 5.2.3); of two lists the one with the higher number is newer.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// When the list was issued (thisUpdate).
    pub fn this_update(&self) -> Time {
        self.this_update
    }

    /// When the next list is due (nextUpdate). From this moment on the list is stale, and every certificate of the authority is
    /// refused.
    pub fn next_update(&self) -> Time {
        self.next_update
    }

    /// Whether `now` is within [thisUpdate, nextUpdate).
    pub fn is_current(&self, now: Time) -> bool {
        self.this_update <= now && now < self.next_update
    }

    /// Whether the certificate with this serial number (big-endian, no leading zeros) is revoked.
    pub fn revokes(&self, serial: &[u8]) -> bool {
        self.revoked.contains_key(serial)
    }

    /// Checks that this list may replace `known`, a list of the same `authority`: it is newer or identical, and it keeps every
    /// revocation until the certificate has expired for certain.
    ///
    /// # Errors
    /// [`NotNewer`] says why it may not.
    pub fn follows(
        &self,
        known: &RevocationList,
        authority: &AuthorityCertificate,
        profile: &Profile,
        now: Time,
    ) -> Result<(), NotNewer> {
        let (number, on_record) = (self.number, known.number);
        if number < on_record {
            return Err(NotNewer::Older { number, on_record });
        }
        if number == on_record && self.der != known.der {
            return Err(NotNewer::Differs { number });
        }
        for Revocation { serial, at } in known.revocations() {
            // A list does not say when a certificate expires. It is at the latest one lifetime after the revocation.
            let own = serial == authority.serial();
            let lifetime = if own { profile.authority_lifetime() } else { profile.node_lifetime() };
            let ended = at.plus(lifetime).plus(profile.backdate()) < now;
            let still = self.revoked.get(&serial);
            if !ended && still != Some(&at) {
                return Err(NotNewer::Drops { number, serial: hex::encode(serial) });
            }
        }
        Ok(())
    }

    /// The number of certificates that the list revokes.
    pub fn len(&self) -> usize {
        self.revoked.len()
    }

    /// Whether the list revokes no certificate.
    pub fn is_empty(&self) -> bool {
        self.revoked.is_empty()
    }

    /// The revoked certificates, in order of their serial numbers.
    pub fn revocations(&self) -> impl Iterator<Item = Revocation> {
        self.revoked.iter().map(|(serial, at)| Revocation { serial: serial.clone(), at: *at })
    }
}

fn validity(list: &CertificateRevocationList<'_>, profile: &Profile) -> Result<(Time, Time), RevocationFault> {
    let from = der::to_time(list.last_update());
    let until = der::to_time(list.next_update().ok_or(RevocationFault::Validity)?);
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
            // With a certificate issuer extension the entry would be about a certificate of another authority.
            if !known || extension.critical {
                return Err(RevocationFault::Unexpected(extension.oid.to_id_string()));
            }
        }
        let serial = der::serial(entry.raw_serial()).ok_or(RevocationFault::Serial)?;
        if revoked.insert(serial, der::to_time(entry.revocation_date)).is_some() {
            return Err(RevocationFault::Serial);
        }
    }
    Ok(revoked)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::{Authority, ProfileName};
    use super::*;

    const NOW: Time = Time::from_unix_ms(1_795_341_600_000);
    const DAY: Duration = Duration::from_secs(86_400);

    #[test]
    fn a_list_replaces_another_only_if_it_keeps_the_revocations_of_unexpired_certificates() {
        let profile = ProfileName::Classical.profile();
        let authority = Authority::create(&"exercise-gbr".parse().unwrap(), profile, NOW, [7; 16]).unwrap();
        let revoked = |serial: u8, at| Revocation { serial: vec![serial], at };
        let list = |revoked: &[Revocation], number, at| authority.issue_revocation_list(revoked, number, at).unwrap();
        let follows = |new: &RevocationList, known: &RevocationList, now| {
            new.follows(known, authority.certificate(), profile, now)
        };
        let (one, both) = ([revoked(1, NOW)], [revoked(1, NOW), revoked(2, NOW.plus(DAY))]);
        let known = list(&one, 5, NOW);
        assert_eq!(follows(&known, &known, NOW), Ok(()));
        assert_eq!(follows(&list(&both, 6, NOW), &known, NOW), Ok(()));
        assert_eq!(follows(&list(&both, 4, NOW), &known, NOW), Err(NotNewer::Older { number: 4, on_record: 5 }));
        for other in [&[][..], &both] {
            assert_eq!(follows(&list(other, 5, NOW), &known, NOW), Err(NotNewer::Differs { number: 5 }));
        }
        let drops = Err(NotNewer::Drops { number: 6, serial: "01".into() });
        assert_eq!(follows(&list(&[], 6, NOW), &known, NOW), drops);
        assert_eq!(
            follows(&list(&[revoked(1, NOW.minus(DAY * 400))], 6, NOW), &known, NOW),
            drops,
            "it was moved back"
        );
        let ended = NOW.plus(profile.node_lifetime()).plus(DAY);
        assert_eq!(follows(&list(&[], 6, ended), &known, ended), Ok(()));
        assert_eq!(follows(&list(&[], 6, ended), &known, ended.minus(DAY * 2)), drops);
        // An authority lives longer than what it issues, and so does its revocation.
        let own = Revocation { serial: authority.certificate().serial().to_vec(), at: NOW };
        let known = list(&[own], 5, NOW);
        assert!(matches!(follows(&list(&[], 6, ended), &known, ended), Err(NotNewer::Drops { .. })));
    }
}
