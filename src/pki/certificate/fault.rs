//! The faults of a certificate.

use crate::pki::der::CERTIFICATE_BYTES_MAX;

/// One field of a certificate that is not what the profile requires.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateFault {
    /// Not DER, trailing bytes, or larger than any certificate of these profiles.
    #[error("not one DER certificate of at most {CERTIFICATE_BYTES_MAX} bytes")]
    Form,
    /// Not version 3, or with the unique identifiers that RFC 5280 forbids.
    #[error("not a version 3 certificate without unique identifiers")]
    Version,
    /// The algorithm of the signature or of the key is not the profile's, or the two fields that name the signature algorithm
    /// differ.
    #[error("{0} is not of the profile's algorithm")]
    Algorithm(&'static str),
    /// The signature does not verify under the authority's key.
    #[error("the signature does not verify under the authority's key")]
    Signature,
    /// The serial number is zero, negative or longer than twenty octets (RFC 5280, section 4.1.2.2).
    #[error("the serial number is not positive and at most twenty octets long")]
    Serial,
    /// The issuer or subject name is empty or not the authority's.
    #[error("the {0} name is empty or is not the authority's")]
    Name(&'static str),
    /// The validity ends before it begins, or is longer than the profile allows.
    #[error("validity ends before it begins or is longer than the profile allows")]
    Lifetime,
    /// An extension appears twice or cannot be parsed.
    #[error("the {0} extension appears twice or cannot be parsed")]
    Extension(&'static str),
    /// An extension that the profile does not have; its object identifier in dotted form.
    #[error("extension {0} is not in the profile")]
    Unexpected(String),
    /// An extension that the profile requires is absent, has another value, or the wrong criticality.
    #[error("the {0} extension is absent or is not exactly the profile's")]
    Differs(&'static str),
    /// The subject alternative name is not exactly one DNS name, that of this node.
    #[error("the subject alternative name is not exactly the one DNS name of this node")]
    NodeName,
    /// The names are not exactly one officer of this node, the roles in order without duplicates, and one common name.
    #[error("the subject alternative names are not exactly one officer of this node and the roles in order")]
    OfficerName,
}
