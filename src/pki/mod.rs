//! Certificates: a node's own authority, what it issues and revokes, and the judgement of what a partner presents.
//! Checking is a function of bytes, a [`TrustSnapshot`] and a time; only the TLS configuration reads a clock.
//!
//! It refuses to trust on first use, to take any parameter from a request, to read a name from anywhere but the one
//! subject alternative name, to accept a certificate while its authority's revocation list is missing or stale, and
//! to let any two of a certificate's own fields disagree.

mod authority;
mod check;
mod der;
mod key;
mod officer;
mod profile;
mod revocation;
mod tls;
mod trust;

pub use authority::{Authority, IssueError, IssuedNode, Revocation};
pub use check::{AuthorityCertificate, CertificateFault, NodeCertificate, node_name};
pub use key::{CertificateKey, KeyFault};
pub use officer::{OfficerCertificate, OfficerProfile, OfficerSubject};
pub use profile::{
    CertificateAlgorithm, ExtendedKeyUse, Group, KeyUse, NotAProfile, Profile, ProfileName, Suite, WrongAlgorithm,
};
pub use revocation::{NotNewer, RevocationFault, RevocationList};
pub use tls::{Credential, CredentialFault, CredentialStore, TlsFault, client_config, initial_suite, server_config};
pub use trust::{
    CertificateRefusal, Identity, PartnerTrust, TrustFault, TrustSnapshot, TrustStanding, TrustStore, identify,
};

/// The one label of a PEM text that must hold exactly one block of that label.
///
/// # Errors
/// [`NotPem`] says which label was expected.
pub fn pem_to_der(label: &'static str, text: &str) -> Result<Vec<u8>, NotPem> {
    match pem::parse_many(text).map_err(|_| NotPem(label))?.as_slice() {
        [block] if block.tag() == label => Ok(block.contents().to_vec()),
        _ => Err(NotPem(label)),
    }
}

/// `der` as PEM with line feeds. For what everybody may read: a private key is written by [`crate::sign`] alone.
pub fn der_to_pem(label: &'static str, der: &[u8]) -> String {
    let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
    pem::encode_config(&pem::Pem::new(label, der), config)
}

/// PEM label of a certificate.
pub const PEM_CERTIFICATE: &str = "CERTIFICATE";
/// PEM label of a certificate revocation list.
pub const PEM_REVOCATION_LIST: &str = "X509 CRL";

/// A text that is not the one PEM block that was expected.
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
