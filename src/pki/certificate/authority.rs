//! The certificate of a node's authority.

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;

use super::profile_check::{authority_key_id, common_faults, first, signature_fault, subject_key_id, unexpected};
use crate::pki::certificate::fields::{Certificate, certificate_accessors, read};
use crate::pki::{CertificateFault, Profile, der};

/// The certificate of an authority, checked against its profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorityCertificate {
    certificate: Certificate,
    subject: Vec<u8>,
    key: Vec<u8>,
    key_id: Vec<u8>,
}

impl AuthorityCertificate {
    /// Parses a self-signed authority certificate (DER) and checks it against `profile`. Whether the current time is within its
    /// validity is checked when it is used.
    ///
    /// # Errors
    /// The first [`CertificateFault`] found.
    pub fn parse(der: &[u8], profile: &Profile) -> Result<AuthorityCertificate, CertificateFault> {
        let x509 = read(der)?;
        first(authority_faults(&x509, profile))?;
        // INVARIANT: `authority_faults` found a subject key identifier.
        let key_id = subject_key_id(&x509).expect("the subject key identifier was checked").to_vec();
        Ok(AuthorityCertificate {
            certificate: Certificate::of(der, &x509),
            subject: x509.subject().as_raw().to_vec(),
            key: x509.public_key().subject_public_key.data.to_vec(),
            key_id,
        })
    }

    /// Returns every fault of `der` as an authority certificate; empty if it conforms to `profile`.
    pub fn faults(der: &[u8], profile: &Profile) -> Vec<CertificateFault> {
        read(der).map_or_else(|fault| vec![fault], |x509| authority_faults(&x509, profile))
    }

    /// The subject name, DER-encoded.
    pub fn subject(&self) -> &[u8] {
        &self.subject
    }

    /// The public key, as in the SubjectPublicKeyInfo bit string.
    pub fn public_bytes(&self) -> &[u8] {
        &self.key
    }

    /// The subject key identifier, at least one byte.
    pub fn key_id(&self) -> &[u8] {
        &self.key_id
    }
}

certificate_accessors!(AuthorityCertificate);

fn authority_faults(x509: &X509Certificate<'_>, profile: &Profile) -> Vec<CertificateFault> {
    let mut faults = common_faults(x509, profile, profile.authority_lifetime());
    if x509.subject().as_raw() != x509.issuer().as_raw() || x509.subject().iter_rdn().next().is_none() {
        faults.push(CertificateFault::Name("subject"));
    }
    faults.extend(signature_fault(x509, x509.public_key().subject_public_key.data.as_ref(), profile));
    let (mut constraints, mut usage, mut key_id) = (false, false, false);
    for extension in x509.extensions() {
        match extension.parsed_extension() {
            ParsedExtension::BasicConstraints(found) => {
                constraints = extension.critical
                    && found.ca
                    && found.path_len_constraint == Some(u32::from(profile.path_length()));
            }
            ParsedExtension::KeyUsage(found) => {
                usage = extension.critical && found.flags == der::key_usage_bits(profile.authority_key_usage());
            }
            ParsedExtension::SubjectKeyIdentifier(found) => key_id = !extension.critical && !found.0.is_empty(),
            ParsedExtension::AuthorityKeyIdentifier(_) => {
                // RFC 5280, section 4.2.1.1: in a self-signed certificate it can only repeat the subject's.
                if extension.critical
                    || authority_key_id(x509).is_none()
                    || authority_key_id(x509) != subject_key_id(x509)
                {
                    faults.push(CertificateFault::Differs("authority key identifier"));
                }
            }
            _ => faults.push(unexpected(extension)),
        }
    }
    let required = [(constraints, "basic constraints"), (usage, "key usage"), (key_id, "subject key identifier")];
    faults.extend(required.iter().filter(|(ok, _)| !ok).map(|(_, what)| CertificateFault::Differs(what)));
    faults
}
