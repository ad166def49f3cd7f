//! What can be wrong with a certificate.

use crate::pki::der::CERTIFICATE_BYTES_MAX;

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
