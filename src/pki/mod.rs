//! Certificates: a node's own authorities, what they issue and revoke, and the identification of peers.
//!
//! Identification takes a certificate chain, a [`TrustSnapshot`] and the time, and returns the [`Identity`] of the partner or a
//! [`CertificateRefusal`]. Only the TLS configuration reads a clock.
//!
//! There is no trust on first use. Issuing takes no parameter from a request; a node's name is read from the one subject
//! alternative name and from nowhere else. A certificate is refused while the revocation list of its authority is missing or
//! stale, and whenever a field is not exactly what its profile prescribes.

mod profile;
mod der;
mod certificate;
mod key;
mod revocation;
mod authority;
mod officer_authority;
mod trust;
mod identify;
mod tls;

pub use self::certificate::authority::AuthorityCertificate;
pub use self::certificate::fault::CertificateFault;
pub use self::certificate::node::{NodeCertificate, node_name};
pub use self::certificate::officer::{OfficerCertificate, OfficerSubject};
pub use self::certificate::officer_profile::OfficerProfile;
pub use authority::{Authority, IssueError, IssuedNode};
pub use identify::{CertificateRefusal, Identity, identify};
pub use key::{CertificateKey, KeyFault};
pub use profile::{
    CertificateAlgorithm, ExtendedKeyUse, Group, KeyUse, Profile, ProfileName, Suite, UnknownProfile, WrongAlgorithm,
};
pub use revocation::{NotNewer, Revocation, RevocationFault, RevocationList};
pub use tls::{Credential, CredentialFault, CredentialStore, TlsFault, client_config, initial_suite, server_config};
pub use trust::{PartnerTrust, TrustFault, TrustSnapshot, TrustStanding, TrustStore};

/// Decodes a PEM text (RFC 7468) that must contain exactly one block, labelled `label`, and returns the DER inside.
///
/// # Errors
/// [`NotPem`] if it contains anything else.
pub fn pem_to_der(label: &'static str, text: &str) -> Result<Vec<u8>, NotPem> {
    match pem::parse_many(text).map_err(|_| NotPem(label))?.as_slice() {
        [block] if block.tag() == label => Ok(block.contents().to_vec()),
        _ => Err(NotPem(label)),
    }
}

/// Encodes public `der` as PEM with LF line endings. Only [`crate::sign`] encodes private keys.
pub fn der_to_pem(label: &'static str, der: &[u8]) -> String {
    let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
    pem::encode_config(&pem::Pem::new(label, der), config)
}

/// PEM label of a certificate.
pub const PEM_CERTIFICATE: &str = "CERTIFICATE";
/// PEM label of a certificate revocation list.
pub const PEM_REVOCATION_LIST: &str = "X509 CRL";

/// A text that is not exactly one PEM block of the expected label, which is the field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected exactly one PEM block `-----BEGIN {0}-----`")]
pub struct NotPem(pub &'static str);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pem_is_exactly_one_block_of_its_label() {
        let (certificate, list) =
            (der_to_pem(PEM_CERTIFICATE, b"EXERCISE"), der_to_pem(PEM_REVOCATION_LIST, b"EXERCISE"));
        assert_eq!(pem_to_der(PEM_CERTIFICATE, &certificate).as_deref(), Ok(&b"EXERCISE"[..]));
        for other in
            [list.clone(), format!("{certificate}{certificate}"), format!("{certificate}{list}"), String::new()]
        {
            assert_eq!(pem_to_der(PEM_CERTIFICATE, &other), Err(NotPem(PEM_CERTIFICATE)), "{other}");
        }
    }
}
