//! The profile check: what an authority's and a node's certificate must be, to the last extension.
//!
//! Path building elsewhere answers whether a chain can be built; this answers whether every field is what our
//! profile writes. Extensions are an allow-list: what is not expected is refused, critical or not.

use rustls_pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension, X509Extension};
use x509_parser::prelude::{FromDer as _, X509Version};

use super::der::{self, CERTIFICATE_BYTES_MAX};
use super::{ExtendedKeyUse, Profile};
use crate::digest::Digest;
use crate::ident::NodeId;
use crate::time::Time;

/// The DNS name that stands in a node's certificate, and nowhere else: `<node>.node.portcullis.invalid`. The top
/// level `invalid` never resolves (RFC 6761, section 6.4), so no other authority can be asked for such a name.
pub fn node_name(node: &NodeId) -> String {
    format!("{node}.node.portcullis.invalid")
}

/// What is wrong with a certificate; each is one field that is not what the profile writes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateFault {
    /// Not DER, bytes left over, or larger than any certificate of ours.
    #[error("not one DER certificate of at most {CERTIFICATE_BYTES_MAX} bytes")]
    Form,
    /// Not version 3, or with the unique identifiers that RFC 5280 forbids.
    #[error("not a version 3 certificate without unique identifiers")]
    Version,
    /// The signature's or the key's algorithm is not the profile's, or the two places that name it differ.
    #[error("{0} is not of the profile's algorithm")]
    Algorithm(&'static str),
    /// The signature does not verify under the authority's key.
    #[error("the signature does not verify under the authority's key")]
    Signature,
    /// Serial number zero, negative or longer than twenty octets.
    #[error("the serial number is not positive and at most twenty octets long")]
    Serial,
    /// Issuer or subject is not what it must be.
    #[error("the {0} name is empty or is not the authority's")]
    Name(&'static str),
    /// Ends before it begins, or lives longer than the profile allows.
    #[error("validity ends before it begins or is longer than the profile allows")]
    Lifetime,
    /// An extension appears twice or does not parse.
    #[error("the {0} extension appears twice or does not read")]
    Extension(&'static str),
    /// An extension that the profile does not write.
    #[error("extension {0} is not in the profile")]
    Unexpected(String),
    /// An extension that the profile requires is absent, has another value, or the wrong criticality.
    #[error("the {0} extension is absent or is not exactly the profile's")]
    Differs(&'static str),
    /// Not exactly one DNS name, or not this node's.
    #[error("the subject alternative name is not exactly the one name of this node")]
    NodeName,
    /// The names are not exactly one officer of this node, the roles in order, and one common name.
    #[error("the subject alternative names are not exactly one officer of this node and the roles in order")]
    OfficerName,
}

/// The certificate of an authority that keeps its profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorityCertificate {
    der: Vec<u8>,
    subject: Vec<u8>,
    key: Vec<u8>,
    key_id: Vec<u8>,
    serial: Vec<u8>,
    not_before: Time,
    not_after: Time,
}

impl AuthorityCertificate {
    /// Reads a self-signed authority certificate. Whether it is valid *now* is asked when it is relied upon.
    ///
    /// # Errors
    /// The first [`CertificateFault`] found.
    pub fn parse(der: &[u8], profile: &Profile) -> Result<AuthorityCertificate, CertificateFault> {
        let x509 = read(der)?;
        first(authority_faults(&x509, profile))?;
        // INVARIANT: `authority_faults` found a well-formed serial number and subject key identifier.
        let serial = der::serial(x509.raw_serial()).expect("the serial number was checked");
        let key_id = subject_key_id(&x509).expect("the subject key identifier was checked").to_vec();
        Ok(AuthorityCertificate {
            der: der.to_vec(),
            subject: x509.subject().as_raw().to_vec(),
            key: x509.public_key().subject_public_key.data.to_vec(),
            key_id,
            serial,
            not_before: der::moment(x509.validity().not_before),
            not_after: der::moment(x509.validity().not_after),
        })
    }

    /// Everything that is wrong with `der` as an authority certificate; empty if nothing is.
    pub fn faults(der: &[u8], profile: &Profile) -> Vec<CertificateFault> {
        read(der).map_or_else(|fault| vec![fault], |x509| authority_faults(&x509, profile))
    }

    /// The certificate as it was read.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The same as PEM text.
    pub fn to_pem(&self) -> String {
        super::der_to_pem(super::PEM_CERTIFICATE, &self.der)
    }

    /// The subject name, DER.
    pub fn subject(&self) -> &[u8] {
        &self.subject
    }

    /// The raw public key.
    pub fn public_bytes(&self) -> &[u8] {
        &self.key
    }

    /// The subject key identifier.
    pub fn key_id(&self) -> &[u8] {
        &self.key_id
    }

    /// The serial number, big-endian, without leading zeros.
    pub fn serial(&self) -> &[u8] {
        &self.serial
    }

    /// SHA-256 of the certificate.
    pub fn fingerprint(&self) -> Digest {
        Digest::of(&self.der)
    }

    /// The first moment of validity.
    pub fn not_before(&self) -> Time {
        self.not_before
    }

    /// The last moment of validity.
    pub fn not_after(&self) -> Time {
        self.not_after
    }
}

/// The certificate of a node that keeps its profile and was signed by its authority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeCertificate {
    der: Vec<u8>,
    node: NodeId,
    serial: Vec<u8>,
    not_before: Time,
    not_after: Time,
}

impl NodeCertificate {
    /// Reads the certificate of `node`. Whether it is valid *now* is asked when it is relied upon.
    ///
    /// # Errors
    /// The first [`CertificateFault`] found.
    pub fn parse(
        der: &[u8],
        authority: &AuthorityCertificate,
        node: &NodeId,
        profile: &Profile,
    ) -> Result<NodeCertificate, CertificateFault> {
        let x509 = read(der)?;
        first(node_faults(&x509, authority, node, profile))?;
        // INVARIANT: `node_faults` found a well-formed serial number.
        let serial = der::serial(x509.raw_serial()).expect("the serial number was checked");
        let (not_before, not_after) = (x509.validity().not_before, x509.validity().not_after);
        let (not_before, not_after) = (der::moment(not_before), der::moment(not_after));
        Ok(NodeCertificate { der: der.to_vec(), node: node.clone(), serial, not_before, not_after })
    }

    /// Everything that is wrong with `der` as the certificate of `node`; empty if nothing is.
    pub fn faults(
        der: &[u8],
        authority: &AuthorityCertificate,
        node: &NodeId,
        profile: &Profile,
    ) -> Vec<CertificateFault> {
        read(der).map_or_else(|fault| vec![fault], |x509| node_faults(&x509, authority, node, profile))
    }

    /// The certificate as it was read.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The same as PEM text.
    pub fn to_pem(&self) -> String {
        super::der_to_pem(super::PEM_CERTIFICATE, &self.der)
    }

    /// The node named in it.
    pub fn node(&self) -> &NodeId {
        &self.node
    }

    /// The serial number, big-endian, without leading zeros.
    pub fn serial(&self) -> &[u8] {
        &self.serial
    }

    /// SHA-256 of the certificate.
    pub fn fingerprint(&self) -> Digest {
        Digest::of(&self.der)
    }

    /// The first moment of validity.
    pub fn not_before(&self) -> Time {
        self.not_before
    }

    /// The last moment of validity.
    pub fn not_after(&self) -> Time {
        self.not_after
    }
}

/// The issuer name and authority key identifier of a certificate, read **without** any check: only for finding out
/// which authority to check it against.
pub(super) fn claimed_issuer(der: &[u8]) -> Result<(Vec<u8>, Vec<u8>), CertificateFault> {
    let x509 = read(der)?;
    let key_id = authority_key_id(&x509).ok_or(CertificateFault::Differs("authority key identifier"))?;
    Ok((x509.issuer().as_raw().to_vec(), key_id.to_vec()))
}

pub(super) fn read(der: &[u8]) -> Result<X509Certificate<'_>, CertificateFault> {
    if der.len() > CERTIFICATE_BYTES_MAX {
        return Err(CertificateFault::Form);
    }
    // A second, stricter reader: x509-parser overlooks wrong tags in parts that no signature covers.
    if webpki::anchor_from_trusted_cert(&CertificateDer::from(der)).is_err() {
        return Err(CertificateFault::Form);
    }
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        _ => Err(CertificateFault::Form),
    }
}

pub(super) fn first(faults: Vec<CertificateFault>) -> Result<(), CertificateFault> {
    faults.into_iter().next().map_or(Ok(()), Err)
}

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

fn node_faults(
    x509: &X509Certificate<'_>,
    authority: &AuthorityCertificate,
    node: &NodeId,
    profile: &Profile,
) -> Vec<CertificateFault> {
    let mut faults = common_faults(x509, profile, profile.node_lifetime());
    if x509.issuer().as_raw() != authority.subject {
        faults.push(CertificateFault::Name("issuer"));
    }
    faults.extend(signature_fault(x509, &authority.key, profile));
    let (mut usage, mut extended, mut key_id, mut named) = (false, false, false, false);
    for extension in x509.extensions() {
        match extension.parsed_extension() {
            ParsedExtension::BasicConstraints(found) => {
                if found.ca || found.path_len_constraint.is_some() || !extension.critical {
                    faults.push(CertificateFault::Differs("basic constraints"));
                }
            }
            ParsedExtension::KeyUsage(found) => {
                usage = extension.critical && found.flags == der::key_usage_bits(profile.node_key_usage());
            }
            ParsedExtension::ExtendedKeyUsage(found) => {
                let wants = |u| profile.node_extended_key_usage().contains(&u);
                let others = found.any
                    || found.code_signing
                    || found.email_protection
                    || found.time_stamping
                    || found.ocsp_signing
                    || !found.other.is_empty();
                extended = !extension.critical
                    && !others
                    && found.server_auth == wants(ExtendedKeyUse::ServerAuth)
                    && found.client_auth == wants(ExtendedKeyUse::ClientAuth);
            }
            ParsedExtension::SubjectAlternativeName(found) => {
                // RFC 5280, section 4.2.1.6: critical exactly when there is no subject name to look at.
                let critical = x509.subject().iter_rdn().next().is_none();
                let expected = node_name(node);
                named = extension.critical == critical
                    && matches!(found.general_names.as_slice(), [GeneralName::DNSName(name)] if *name == expected);
            }
            ParsedExtension::AuthorityKeyIdentifier(_) => {
                key_id = !extension.critical && authority_key_id(x509) == Some(authority.key_id.as_slice());
            }
            ParsedExtension::SubjectKeyIdentifier(_) if !extension.critical => {}
            _ => faults.push(unexpected(extension)),
        }
    }
    let required = [(usage, "key usage"), (extended, "extended key usage"), (key_id, "authority key identifier")];
    faults.extend(required.iter().filter(|(ok, _)| !ok).map(|(_, what)| CertificateFault::Differs(what)));
    if !named {
        faults.push(CertificateFault::NodeName);
    }
    faults
}

pub(super) fn common_faults(
    x509: &X509Certificate<'_>,
    profile: &Profile,
    lifetime: std::time::Duration,
) -> Vec<CertificateFault> {
    let mut faults = Vec::new();
    if x509.version() != X509Version::V3 || x509.issuer_uid.is_some() || x509.subject_uid.is_some() {
        faults.push(CertificateFault::Version);
    }
    if !der::signs_with(&x509.signature_algorithm, profile.algorithm()) || x509.signature_algorithm != x509.signature {
        faults.push(CertificateFault::Algorithm("the signature"));
    }
    if !der::is_key_for(x509.public_key(), profile.algorithm()) {
        faults.push(CertificateFault::Algorithm("the key"));
    }
    if der::serial(x509.raw_serial()).is_none() {
        faults.push(CertificateFault::Serial);
    }
    let (from, until) = (der::moment(x509.validity().not_before), der::moment(x509.validity().not_after));
    if until <= from || until.since(from) > lifetime + profile.backdate() + std::time::Duration::from_secs(1) {
        faults.push(CertificateFault::Lifetime);
    }
    for (place, extension) in x509.extensions().iter().enumerate() {
        let again = x509.extensions()[..place].iter().any(|earlier| earlier.oid == extension.oid);
        if again || matches!(extension.parsed_extension(), ParsedExtension::ParseError { .. }) {
            faults.push(CertificateFault::Extension(extension_name(extension)));
        }
    }
    faults
}

pub(super) fn signature_fault(x509: &X509Certificate<'_>, key: &[u8], profile: &Profile) -> Option<CertificateFault> {
    let signature = &x509.signature_value;
    let whole = signature.unused_bits == 0;
    let verifies = der::verifies(profile.algorithm(), key, x509.tbs_certificate.as_ref(), signature.data.as_ref());
    if whole && verifies { None } else { Some(CertificateFault::Signature) }
}

fn subject_key_id<'c>(x509: &'c X509Certificate<'_>) -> Option<&'c [u8]> {
    x509.extensions().iter().find_map(|e| match e.parsed_extension() {
        ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0),
        _ => None,
    })
}

/// The key identifier, if it is all that the authority key identifier extension holds.
pub(super) fn authority_key_id<'c>(x509: &'c X509Certificate<'_>) -> Option<&'c [u8]> {
    x509.extensions().iter().find_map(|e| match e.parsed_extension() {
        ParsedExtension::AuthorityKeyIdentifier(id)
            if id.authority_cert_issuer.is_none() && id.authority_cert_serial.is_none() =>
        {
            id.key_identifier.as_ref().map(|id| id.0)
        }
        _ => None,
    })
}

pub(super) fn unexpected(extension: &X509Extension<'_>) -> CertificateFault {
    CertificateFault::Unexpected(extension.oid.to_id_string())
}

fn extension_name(extension: &X509Extension<'_>) -> &'static str {
    match extension.oid.to_id_string().as_str() {
        "2.5.29.14" => "subject key identifier",
        "2.5.29.15" => "key usage",
        "2.5.29.17" => "subject alternative name",
        "2.5.29.19" => "basic constraints",
        "2.5.29.35" => "authority key identifier",
        "2.5.29.37" => "extended key usage",
        _ => "unknown",
    }
}
