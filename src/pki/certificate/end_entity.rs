//! Checks that node and officer certificates share: both are end-entity certificates issued by a node's authority.

use std::time::Duration;

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{ParsedExtension, X509Extension};

use super::profile_check::{authority_key_id, common_faults, signature_fault, unexpected};
use crate::pki::{AuthorityCertificate, CertificateFault, KeyUse, Profile, der};

/// Returns every fault of an end-entity certificate that `authority` should have issued; empty if there is none.
///
/// `own` handles the extensions that only this kind of certificate has. It returns whether it recognised the extension, and
/// records for itself whether the content is right.
pub(in crate::pki) fn end_entity_faults(
    x509: &X509Certificate<'_>,
    authority: &AuthorityCertificate,
    profile: &Profile,
    (lifetime, key_usage): (Duration, &[KeyUse]),
    mut own: impl FnMut(&X509Extension<'_>) -> bool,
) -> Vec<CertificateFault> {
    let mut faults = common_faults(x509, profile, lifetime);
    if x509.issuer().as_raw() != authority.subject() {
        faults.push(CertificateFault::Name("issuer"));
    }
    faults.extend(signature_fault(x509, authority.public_bytes(), profile));
    let (mut usage, mut key_id) = (false, false);
    for extension in x509.extensions() {
        match extension.parsed_extension() {
            ParsedExtension::BasicConstraints(found) => {
                if found.ca || found.path_len_constraint.is_some() || !extension.critical {
                    faults.push(CertificateFault::Differs("basic constraints"));
                }
            }
            ParsedExtension::KeyUsage(found) => {
                usage = extension.critical && found.flags == der::key_usage_bits(key_usage);
            }
            ParsedExtension::AuthorityKeyIdentifier(_) => {
                key_id = !extension.critical && authority_key_id(x509) == Some(authority.key_id());
            }
            ParsedExtension::SubjectKeyIdentifier(_) if !extension.critical => {}
            _ if own(extension) => {}
            _ => faults.push(unexpected(extension)),
        }
    }
    let required = [(usage, "key usage"), (key_id, "authority key identifier")];
    faults.extend(required.iter().filter(|(ok, _)| !ok).map(|(_, what)| CertificateFault::Differs(what)));
    faults
}
