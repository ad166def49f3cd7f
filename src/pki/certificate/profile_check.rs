//! The profile check: what certificates of every kind have to satisfy.
//!
//! Path validation (`identify`) verifies that a chain can be built; this check verifies that every field has the value that the
//! profile prescribes. Extensions are an allow-list: an unexpected one is refused, critical or not.

use std::time::Duration;

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{ParsedExtension, X509Extension};
use x509_parser::prelude::X509Version;

use crate::pki::{CertificateFault, Profile, der};

/// Returns the first fault as an error, if there is one.
pub(in crate::pki) fn first(faults: Vec<CertificateFault>) -> Result<(), CertificateFault> {
    faults.into_iter().next().map_or(Ok(()), Err)
}

/// Returns the faults that a certificate of any kind can have: version, algorithms, serial number, validity, malformed or
/// repeated extensions.
pub(in crate::pki) fn common_faults(
    x509: &X509Certificate<'_>,
    profile: &Profile,
    lifetime: Duration,
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
    let (from, until) = (der::to_time(x509.validity().not_before), der::to_time(x509.validity().not_after));
    if until <= from || until.since(from) > lifetime + profile.backdate() + Duration::from_secs(1) {
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

/// Returns a fault if the certificate's signature does not verify under `key`.
pub(in crate::pki) fn signature_fault(
    x509: &X509Certificate<'_>,
    key: &[u8],
    profile: &Profile,
) -> Option<CertificateFault> {
    let signature = &x509.signature_value;
    let whole = signature.unused_bits == 0;
    let verifies = der::verifies(profile.algorithm(), key, x509.tbs_certificate.as_ref(), signature.data.as_ref());
    if whole && verifies { None } else { Some(CertificateFault::Signature) }
}

/// The subject key identifier.
pub(in crate::pki) fn subject_key_id<'c>(x509: &'c X509Certificate<'_>) -> Option<&'c [u8]> {
    x509.extensions().iter().find_map(|e| match e.parsed_extension() {
        ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0),
        _ => None,
    })
}

/// The key identifier of the authority key identifier extension, if the extension contains nothing else.
pub(in crate::pki) fn authority_key_id<'c>(x509: &'c X509Certificate<'_>) -> Option<&'c [u8]> {
    x509.extensions().iter().find_map(|e| match e.parsed_extension() {
        ParsedExtension::AuthorityKeyIdentifier(id)
            if id.authority_cert_issuer.is_none() && id.authority_cert_serial.is_none() =>
        {
            id.key_identifier.as_ref().map(|id| id.0)
        }
        _ => None,
    })
}

/// The fault of an extension that the profile does not have.
pub(in crate::pki) fn unexpected(extension: &X509Extension<'_>) -> CertificateFault {
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
