//! The certificate of a node, which it presents on every connection.

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};

use super::end_entity::end_entity_faults;
use super::profile_check::{authority_key_id, first};
use crate::ident::NodeId;
use crate::pki::certificate::fields::{Certificate, certificate_accessors, read};
use crate::pki::{AuthorityCertificate, CertificateFault, ExtendedKeyUse, Profile};

/// The DNS name in a node's certificate: `<node>.node.portcullis.invalid`. The top-level domain `invalid` never resolves
/// (RFC 6761, section 6.4), so no public authority can issue a certificate for such a name.
pub fn node_name(node: &NodeId) -> String {
    format!("{node}.node.portcullis.invalid")
}

/// The certificate of a node, checked against its profile and the key of its authority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeCertificate {
    certificate: Certificate,
    node: NodeId,
}

impl NodeCertificate {
    /// Parses the certificate of `node` (DER) and checks it against `profile` and the key of `authority`. Whether the current
    /// time is within its validity is checked when it is used.
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
        Ok(NodeCertificate { certificate: Certificate::of(der, &x509), node: node.clone() })
    }

    /// Returns every fault of `der` as the certificate of `node`; empty if it conforms to `profile`.
    pub fn faults(
        der: &[u8],
        authority: &AuthorityCertificate,
        node: &NodeId,
        profile: &Profile,
    ) -> Vec<CertificateFault> {
        read(der).map_or_else(|fault| vec![fault], |x509| node_faults(&x509, authority, node, profile))
    }

    /// The node that the certificate names.
    pub fn node(&self) -> &NodeId {
        &self.node
    }
}

certificate_accessors!(NodeCertificate);

/// Reads the issuer name (DER) and the authority key identifier of a certificate **without** any check. They serve only to
/// find the authority to check it against.
///
/// # Errors
/// [`CertificateFault`] if the certificate cannot be parsed or has no key identifier of its authority.
pub(in crate::pki) fn claimed_issuer(der: &[u8]) -> Result<(Vec<u8>, Vec<u8>), CertificateFault> {
    let x509 = read(der)?;
    let key_id = authority_key_id(&x509).ok_or(CertificateFault::Differs("authority key identifier"))?;
    Ok((x509.issuer().as_raw().to_vec(), key_id.to_vec()))
}

fn node_faults(
    x509: &X509Certificate<'_>,
    authority: &AuthorityCertificate,
    node: &NodeId,
    profile: &Profile,
) -> Vec<CertificateFault> {
    let (mut extended, mut named) = (false, false);
    let rules = (profile.node_lifetime(), profile.node_key_usage());
    let mut faults = end_entity_faults(x509, authority, profile, rules, |extension| {
        match extension.parsed_extension() {
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
                // RFC 5280, section 4.2.1.6: critical exactly when the subject name is empty.
                let critical = x509.subject().iter_rdn().next().is_none();
                let expected = node_name(node);
                named = extension.critical == critical
                    && matches!(found.general_names.as_slice(), [GeneralName::DNSName(name)] if *name == expected);
            }
            _ => return false,
        }
        true
    });
    if !extended {
        faults.push(CertificateFault::Differs("extended key usage"));
    }
    if !named {
        faults.push(CertificateFault::NodeName);
    }
    faults
}
