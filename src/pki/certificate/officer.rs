//! The certificate of an officer.

use std::collections::BTreeSet;

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::x509::SubjectPublicKeyInfo;

use super::end_entity::end_entity_faults;
use super::profile_check::first;
use crate::approval::Role;
use crate::ident::{NodeId, OfficerId};
use crate::pki::certificate::fields::{Certificate, certificate_accessors, read};
use crate::pki::{AuthorityCertificate, CertificateAlgorithm, CertificateFault, OfficerProfile, Profile, der};
use crate::sign::{Algorithm, PublicKey};

/// What an officer's certificate states: the person, their roles and their key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfficerSubject {
    /// The officer's identifier on this node.
    pub officer: OfficerId,
    /// The person's name as people know it: the common name of the certificate.
    pub name: String,
    /// The officer's roles; at least one.
    pub roles: BTreeSet<Role>,
    /// The public key that verifies the officer's signatures.
    pub key: PublicKey,
}

/// The certificate of an officer, checked against the officer profile and the key of the node's officer authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfficerCertificate {
    certificate: Certificate,
    subject: OfficerSubject,
}

impl OfficerCertificate {
    /// Parses the certificate (DER) of an officer of `node` and checks it. Whether the current time is within its validity is
    /// checked when it is used.
    ///
    /// # Errors
    /// The first [`CertificateFault`] found.
    pub fn parse(
        der: &[u8],
        authority: &AuthorityCertificate,
        node: &NodeId,
        profile: &Profile,
    ) -> Result<OfficerCertificate, CertificateFault> {
        let x509 = read(der)?;
        first(faults(&x509, authority, profile))?;
        let key = public_key(x509.public_key()).filter(|key| profile.check_statement_key(key).is_ok());
        let key = key.ok_or(CertificateFault::Algorithm("the key"))?;
        let subject = subject(&x509, node, key).ok_or(CertificateFault::OfficerName)?;
        Ok(OfficerCertificate { certificate: Certificate::of(der, &x509), subject })
    }

    /// The person, roles and key that the certificate states.
    pub fn subject(&self) -> &OfficerSubject {
        &self.subject
    }
}

certificate_accessors!(OfficerCertificate);

fn faults(x509: &X509Certificate<'_>, authority: &AuthorityCertificate, profile: &Profile) -> Vec<CertificateFault> {
    let officers = OfficerProfile::shipped();
    let rules = (officers.lifetime_max(), officers.key_usage());
    let mut faults = end_entity_faults(x509, authority, profile, rules, |extension| {
        matches!(extension.parsed_extension(), ParsedExtension::SubjectAlternativeName(_)) && !extension.critical
    });
    // An officer's key may be of any algorithm that the profile allows for statements, which `parse` checks separately.
    faults.retain(|fault| *fault != CertificateFault::Algorithm("the key"));
    faults
}

/// Reads the subject, if its alternative names are exactly those that issuing would write, and it has one common name only.
fn subject(x509: &X509Certificate<'_>, node: &NodeId, key: PublicKey) -> Option<OfficerSubject> {
    let rules = OfficerProfile::shipped();
    let names = x509.extensions().iter().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::SubjectAlternativeName(found) => Some(&found.general_names),
        _ => None,
    })?;
    let uris: Vec<&str> = names
        .iter()
        .map(|name| match name {
            GeneralName::URI(uri) => Some(*uri),
            _ => None,
        })
        .collect::<Option<_>>()?;
    let officer = uris.first()?.strip_prefix(&format!("{}{node}:", rules.officer_prefix()))?.parse().ok()?;
    let role = |uri: &&str| uri.strip_prefix(rules.role_prefix())?.parse::<Role>().ok();
    let roles: BTreeSet<Role> = uris[1..].iter().map(role).collect::<Option<_>>()?;
    let mut common = x509.subject().iter_common_name();
    let (Some(name), None) = (common.next(), common.next()) else { return None };
    let whole = x509.subject().iter_rdn().count() == 1;
    let subject = OfficerSubject { officer, name: name.as_str().ok()?.to_owned(), roles, key };
    // The canonical form only: in order, without duplicates or omissions.
    let expected = rules.names(node, &subject.officer, &subject.roles);
    (whole && !subject.roles.is_empty() && expected.iter().map(String::as_str).eq(uris)).then_some(subject)
}

/// Reads a public key of one of the three algorithms, encoded exactly as its standard says (RFC 5480, 9881, 8410).
fn public_key(info: &SubjectPublicKeyInfo<'_>) -> Option<PublicKey> {
    let raw = info.subject_public_key.data.as_ref();
    let algorithm = if der::is_key_for(info, CertificateAlgorithm::P384) {
        Algorithm::Es384
    } else if der::is_key_for(info, CertificateAlgorithm::MlDsa87) {
        Algorithm::MlDsa87
    } else if der::is_ed25519(info) {
        Algorithm::Ed25519
    } else {
        return None;
    };
    PublicKey::from_raw(algorithm, raw).ok()
}
