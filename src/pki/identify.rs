//! Identification: which partner a peer's certificate belongs to, or why it is refused.

use rustls_pki_types::{CertificateDer, UnixTime};

use super::trust::Anchor;
use super::{
    CertificateAlgorithm, CertificateFault, NodeCertificate, ProfileName, RevocationList, TrustSnapshot, TrustStanding,
};
use crate::digest::Digest;
use crate::ident::PartnerId;
use crate::pki::certificate::node::claimed_issuer;
use crate::time::Time;

/// The partner that presented a certificate, and how long the identification remains valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The partner.
    pub partner: PartnerId,
    /// The profile its agreement names; a connection of any other profile must be refused.
    pub profile: ProfileName,
    /// SHA-256 of the node's certificate.
    pub fingerprint: Digest,
    /// When the first of node certificate, authority certificate and revocation list expires.
    pub until: Time,
}

/// Why a certificate was refused. For the log only: the peer receives nothing but the TLS alert.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateRefusal {
    /// The chain is empty or longer than a node certificate and its authority; its length.
    #[error("expected a node certificate, alone or with its authority: found {0} certificates")]
    Chain(usize),
    /// No enrolled authority issued it.
    #[error("no enrolled partner's authority issued this certificate")]
    UnknownAuthority,
    /// The authority certificate in the chain is not the one enrolled.
    #[error("partner `{0}` sent an authority certificate other than the one enrolled")]
    OtherAuthority(PartnerId),
    /// The certificate does not conform to the profile, or names another node.
    #[error("certificate of partner `{partner}`: {fault}")]
    Certificate {
        /// The partner whose authority is named as issuer.
        partner: PartnerId,
        /// The first fault found.
        fault: CertificateFault,
    },
    /// Path validation refused what the profile check accepted. Both must accept.
    #[error("certificate of partner `{0}` was refused by path validation")]
    Path(PartnerId),
    /// The partner is suspended.
    #[error("partner `{0}` is suspended")]
    Suspended(PartnerId),
    /// The partner was removed.
    #[error("partner `{0}` was removed")]
    Removed(PartnerId),
    /// The time is before or after the validity of the node's or the authority's certificate.
    #[error("certificate of partner `{partner}` is valid from {from} until {until}, not now")]
    NotValidNow {
        /// The partner.
        partner: PartnerId,
        /// First moment of validity.
        from: Time,
        /// Last moment of validity.
        until: Time,
    },
    /// There is no revocation list of the authority.
    #[error("no revocation list of partner `{0}`: ask the partner for one and add it")]
    NoRevocationList(PartnerId),
    /// The newest revocation list is not current.
    #[error("the newest revocation list of partner `{partner}` is not current: it is due by {next_update}")]
    StaleRevocationList {
        /// The partner.
        partner: PartnerId,
        /// When the next list was due.
        next_update: Time,
    },
    /// The certificate is revoked, by the partner's list or by this node's operator.
    #[error("certificate of partner `{0}` is revoked")]
    Revoked(PartnerId),
}

/// Returns the partner to which `chain` (DER certificates, the node's own first) belongs at `now`.
///
/// A partner is identified by its enrolled authority alone. Two independent checks must both accept: the profile check of
/// this module, and path validation (RFC 5280, section 6) by webpki with the same revocation list.
///
/// # Errors
/// [`CertificateRefusal`] if no partner can be identified, or anything needed to be sure is missing or stale.
pub fn identify(chain: &[&[u8]], snapshot: &TrustSnapshot, now: Time) -> Result<Identity, CertificateRefusal> {
    let (leaf, sent_authority) = match chain {
        [leaf] => (*leaf, None),
        [leaf, authority] => (*leaf, Some(*authority)),
        _ => return Err(CertificateRefusal::Chain(chain.len())),
    };
    let (anchor, certificate) = find(leaf, snapshot)?;
    let partner = || anchor.partner.clone();
    if sent_authority.is_some_and(|sent| sent != anchor.authority.der()) {
        return Err(CertificateRefusal::OtherAuthority(partner()));
    }
    match anchor.standing {
        TrustStanding::Active => {}
        TrustStanding::Suspended => return Err(CertificateRefusal::Suspended(partner())),
        TrustStanding::Removed => return Err(CertificateRefusal::Removed(partner())),
    }
    let (authority, node) = (&anchor.authority, &certificate);
    let validity = [(authority.not_before(), authority.not_after()), (node.not_before(), node.not_after())];
    // Both ends are inclusive, and times in certificates are whole seconds (RFC 5280, section 4.1.2.5).
    let second = Time::from_unix_ms(now.unix_seconds() * 1000);
    if let Some((from, until)) = validity.into_iter().find(|(from, until)| second < *from || *until < second) {
        return Err(CertificateRefusal::NotValidNow { partner: partner(), from, until });
    }
    let list = anchor.list.as_ref().ok_or_else(|| CertificateRefusal::NoRevocationList(partner()))?;
    if !list.is_current(now) {
        let next_update = list.next_update();
        return Err(CertificateRefusal::StaleRevocationList { partner: partner(), next_update });
    }
    let fingerprint = certificate.fingerprint();
    if list.revokes(node.serial())
        || list.revokes(authority.serial())
        || anchor.revoked_serials.contains(node.serial())
        || anchor.revoked_fingerprints.contains(&fingerprint)
        || anchor.revoked_fingerprints.contains(&authority.fingerprint())
    {
        return Err(CertificateRefusal::Revoked(partner()));
    }
    if !path_validates(leaf, anchor, list, now) {
        return Err(CertificateRefusal::Path(partner()));
    }
    let until = node.not_after().min(authority.not_after()).min(list.next_update());
    Ok(Identity { partner: partner(), profile: anchor.profile, fingerprint, until })
}

fn find<'s>(leaf: &[u8], snapshot: &'s TrustSnapshot) -> Result<(&'s Anchor, NodeCertificate), CertificateRefusal> {
    let (issuer, key_id) = claimed_issuer(leaf).map_err(|_| CertificateRefusal::UnknownAuthority)?;
    // Anybody can create an authority with the name and key identifier of another, so several anchors may match; only the
    // signature decides.
    let claimed = snapshot.anchors.iter().filter(|a| a.authority.subject() == issuer && a.authority.key_id() == key_id);
    let mut refusal = CertificateRefusal::UnknownAuthority;
    for anchor in claimed {
        let node = anchor.partner.clone().into();
        match NodeCertificate::parse(leaf, &anchor.authority, &node, anchor.profile.profile()) {
            Ok(certificate) => return Ok((anchor, certificate)),
            Err(fault) => refusal = CertificateRefusal::Certificate { partner: anchor.partner.clone(), fault },
        }
    }
    Err(refusal)
}

/// Path validation by webpki (RFC 5280, section 6) with the partner's authority as the only trust anchor.
fn path_validates(leaf: &[u8], anchor: &Anchor, list: &RevocationList, now: Time) -> bool {
    let algorithm = match anchor.profile.profile().algorithm() {
        CertificateAlgorithm::P384 => webpki::aws_lc_rs::ECDSA_P384_SHA384,
        CertificateAlgorithm::MlDsa87 => webpki::aws_lc_rs::ML_DSA_87,
    };
    let (leaf, authority) = (CertificateDer::from(leaf), CertificateDer::from(anchor.authority.der()));
    let Ok(leaf) = webpki::EndEntityCert::try_from(&leaf) else { return false };
    let Ok(root) = webpki::anchor_from_trusted_cert(&authority) else { return false };
    let Ok(list) = webpki::BorrowedCertRevocationList::from_der(list.der()) else { return false };
    let list = webpki::CertRevocationList::from(list);
    let lists = [&list];
    let Ok(revocation) = webpki::RevocationOptionsBuilder::new(&lists) else { return false };
    let revocation = revocation
        .with_status_policy(webpki::UnknownStatusPolicy::Deny)
        .with_expiration_policy(webpki::ExpirationPolicy::Enforce)
        .build();
    let seconds = u64::try_from(now.unix_seconds()).unwrap_or(0);
    let at = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
    let usage = webpki::KeyUsage::client_auth();
    leaf.verify_for_usage(&[algorithm], &[root], &[], at, usage, Some(revocation), None).is_ok()
}
