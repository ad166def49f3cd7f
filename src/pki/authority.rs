//! A node's own certificate authority. It issues and revokes the certificates of that node, and no others.

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyUsagePurpose, RevokedCertParams, SanType, SerialNumber,
};
use time::OffsetDateTime;

use super::{
    AuthorityCertificate, CertificateFault, CertificateKey, ExtendedKeyUse, KeyFault, KeyUse, NodeCertificate, Profile,
    Revocation, RevocationFault, RevocationList, node_name,
};
use crate::ident::NodeId;
use crate::time::Time;

/// A node's own certificate authority, with its private key.
#[derive(Debug)]
pub struct Authority {
    node: NodeId,
    profile: &'static Profile,
    certificate: AuthorityCertificate,
    key: CertificateKey,
}

/// A newly issued node certificate and its private key.
#[derive(Debug)]
pub struct IssuedNode {
    /// The certificate.
    pub certificate: NodeCertificate,
    /// The private key that belongs to it.
    pub key: CertificateKey,
}

/// Why an authority, a certificate or a revocation list could not be issued or loaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IssueError {
    /// A private key could not be generated or parsed.
    #[error(transparent)]
    Key(#[from] KeyFault),
    /// The authority's key is not the one in its certificate.
    #[error("the private key does not belong to this authority's certificate: check that both files are of one pair")]
    WrongKey,
    /// The authority's certificate is not yet valid, or expires before the certificate to be issued would.
    #[error("the authority's certificate is valid from {from} until {until}: make a new authority")]
    AuthorityExpiring {
        /// First moment of validity.
        from: Time,
        /// Last moment of validity.
        until: Time,
    },
    /// The certificate as encoded failed the profile check, so it is not returned.
    #[error("the certificate as issued does not conform to its own profile: {0}")]
    Certificate(#[from] CertificateFault),
    /// The revocation list as encoded failed the profile check, so it is not returned.
    #[error("the revocation list as issued does not conform to its own profile: {0}")]
    RevocationList(#[from] RevocationFault),
    /// The certificate library could not encode the certificate or the list.
    #[error("the certificate could not be encoded: {0}")]
    Encoding(String),
}

impl From<rcgen::Error> for IssueError {
    fn from(error: rcgen::Error) -> IssueError {
        IssueError::Encoding(error.to_string())
    }
}

impl Authority {
    /// Creates a self-signed authority with a new key for `node`. `serial` must come from a secure random source.
    ///
    /// # Errors
    /// [`IssueError`]; in particular if the result would fail the profile check of this module.
    pub fn create(
        node: &NodeId,
        profile: &'static Profile,
        now: Time,
        serial: [u8; 16],
    ) -> Result<Authority, IssueError> {
        Authority::create_named(&format!("{node} node authority"), node, profile, now, serial)
    }

    pub(super) fn create_named(
        common: &str,
        node: &NodeId,
        profile: &'static Profile,
        now: Time,
        serial: [u8; 16],
    ) -> Result<Authority, IssueError> {
        let key = CertificateKey::generate(profile)?;
        let mut params = CertificateParams::default();
        params.serial_number = Some(serial_number(serial));
        params.distinguished_name = name(common);
        params.not_before = to_offset_date_time(now.minus(profile.backdate()));
        params.not_after = to_offset_date_time(now.plus(profile.authority_lifetime()));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(profile.path_length()));
        params.key_usages = key_usages(profile.authority_key_usage());
        let written = params.self_signed(&key)?;
        let certificate = AuthorityCertificate::parse(written.der(), profile)?;
        Ok(Authority { node: node.clone(), profile, certificate, key })
    }

    /// Loads an authority from its certificate (DER) and its private key.
    ///
    /// # Errors
    /// [`IssueError::Certificate`] if the certificate does not conform to the profile, [`IssueError::WrongKey`] if the key is
    /// not the one in the certificate.
    pub fn load(
        node: &NodeId,
        profile: &'static Profile,
        certificate: &[u8],
        key: CertificateKey,
    ) -> Result<Authority, IssueError> {
        let certificate = AuthorityCertificate::parse(certificate, profile)?;
        if certificate.public_bytes() != key.public_bytes() {
            return Err(IssueError::WrongKey);
        }
        Ok(Authority { node: node.clone(), profile, certificate, key })
    }

    /// The authority's certificate.
    pub fn certificate(&self) -> &AuthorityCertificate {
        &self.certificate
    }

    /// The authority's private key.
    pub fn key(&self) -> &CertificateKey {
        &self.key
    }

    /// Issues a certificate for the node, with a new key. `serial` must come from a secure random source.
    ///
    /// # Errors
    /// [`IssueError`]; in particular if the result would fail the profile check of this module.
    pub fn issue_node(&self, now: Time, serial: [u8; 16]) -> Result<IssuedNode, IssueError> {
        let key = CertificateKey::generate(self.profile)?;
        let (from, until) = (now.minus(self.profile.backdate()), now.plus(self.profile.node_lifetime()));
        // A node's first certificate is usually issued at the moment its authority is created, so both may begin together.
        if from < self.certificate.not_before() || until > self.certificate.not_after() {
            let (from, until) = (self.certificate.not_before(), self.certificate.not_after());
            return Err(IssueError::AuthorityExpiring { from, until });
        }
        let mut params = CertificateParams::default();
        params.serial_number = Some(serial_number(serial));
        params.distinguished_name = name(self.node.as_str());
        params.not_before = to_offset_date_time(from);
        params.not_after = to_offset_date_time(until);
        params.is_ca = IsCa::NoCa;
        let dns = node_name(&self.node).try_into().map_err(|_| IssueError::Encoding("node name".into()))?;
        params.subject_alt_names = vec![SanType::DnsName(dns)];
        params.key_usages = key_usages(self.profile.node_key_usage());
        params.extended_key_usages = extended_key_usages(self.profile.node_extended_key_usage());
        params.use_authority_key_identifier_extension = true;
        let written = params.signed_by(&key, &self.issuer()?)?;
        let certificate = NodeCertificate::parse(written.der(), &self.certificate, &self.node, self.profile)?;
        Ok(IssuedNode { certificate, key })
    }

    /// Issues a complete revocation list (RFC 5280, section 5). Its `number` must be higher than that of the authority's previous
    /// list, and `revoked` must name every certificate that was ever revoked and has not expired.
    ///
    /// # Errors
    /// [`IssueError`]; in particular if the result would fail the profile check of this module.
    pub fn issue_revocation_list(
        &self,
        revoked: &[Revocation],
        number: u64,
        now: Time,
    ) -> Result<RevocationList, IssueError> {
        let entry = |r: &Revocation| RevokedCertParams {
            serial_number: SerialNumber::from_slice(&r.serial),
            revocation_time: to_offset_date_time(r.at),
            reason_code: None,
            invalidity_date: None,
        };
        let written = CertificateRevocationListParams {
            this_update: to_offset_date_time(now.minus(self.profile.backdate())),
            next_update: to_offset_date_time(now.plus(self.profile.revocation_validity())),
            crl_number: SerialNumber::from_slice(&number.to_be_bytes()),
            issuing_distribution_point: None,
            revoked_certs: revoked.iter().map(entry).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        }
        .signed_by(&self.issuer()?)?;
        Ok(RevocationList::parse(written.der(), &self.certificate, self.profile)?)
    }

    pub(super) fn node(&self) -> &NodeId {
        &self.node
    }

    pub(super) fn profile(&self) -> &'static Profile {
        self.profile
    }

    pub(super) fn issuer(&self) -> Result<Issuer<'_, &CertificateKey>, IssueError> {
        Ok(Issuer::from_ca_cert_der(&self.certificate.der().into(), &self.key)?)
    }
}

pub(super) fn name(common: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common);
    name
}

pub(super) fn serial_number(mut random: [u8; 16]) -> SerialNumber {
    // RFC 5280, section 4.1.2.2: a serial number is positive. The second-highest bit is set so that the first octet is never
    // zero and the encoded length is always the same.
    random[0] = (random[0] & 0x7f) | 0x40;
    SerialNumber::from_slice(&random)
}

pub(super) fn to_offset_date_time(time: Time) -> OffsetDateTime {
    // INVARIANT: a `Time` lies within the years 1970 to 9999, which `OffsetDateTime` holds.
    OffsetDateTime::from_unix_timestamp(time.unix_seconds()).expect("a Time is within the years 1970 to 9999")
}

pub(super) fn key_usages(uses: &[KeyUse]) -> Vec<KeyUsagePurpose> {
    let purpose = |u: &KeyUse| match u {
        KeyUse::DigitalSignature => KeyUsagePurpose::DigitalSignature,
        KeyUse::KeyCertSign => KeyUsagePurpose::KeyCertSign,
        KeyUse::CrlSign => KeyUsagePurpose::CrlSign,
    };
    uses.iter().map(purpose).collect()
}

fn extended_key_usages(uses: &[ExtendedKeyUse]) -> Vec<ExtendedKeyUsagePurpose> {
    let purpose = |u: &ExtendedKeyUse| match u {
        ExtendedKeyUse::ServerAuth => ExtendedKeyUsagePurpose::ServerAuth,
        ExtendedKeyUse::ClientAuth => ExtendedKeyUsagePurpose::ClientAuth,
    };
    uses.iter().map(purpose).collect()
}

#[cfg(test)]
mod tests {
    use super::super::ProfileName;
    use super::*;

    const NOW: Time = Time::from_unix_ms(1_795_341_600_000);

    fn authority(name: ProfileName) -> Authority {
        Authority::create(&"exercise-usa".parse().unwrap(), name.profile(), NOW, [9; 16]).unwrap()
    }

    #[test]
    fn every_profile_issues_what_it_accepts() {
        for name in ProfileName::ALL {
            let authority = authority(name);
            let issued = authority.issue_node(NOW, [1; 16]).unwrap();
            assert_eq!(issued.certificate.node().as_str(), "exercise-usa");
            let revoked = Revocation { serial: issued.certificate.serial().to_vec(), at: NOW };
            let list = authority.issue_revocation_list(&[revoked], 1, NOW).unwrap();
            assert!(list.revokes(issued.certificate.serial()));
            assert!(!list.revokes(&[1, 2, 3]));
        }
    }

    #[test]
    fn refuses_to_issue_beyond_its_own_validity() {
        let authority = authority(ProfileName::Classical);
        let late = NOW.plus(ProfileName::Classical.profile().authority_lifetime());
        assert!(matches!(authority.issue_node(late, [1; 16]), Err(IssueError::AuthorityExpiring { .. })));
        assert!(authority.issue_node(NOW, [1; 16]).is_ok());
    }

    #[test]
    fn refuses_to_load_with_another_authoritys_key() {
        let (ours, other) = (authority(ProfileName::Classical), authority(ProfileName::Classical));
        let node = "exercise-usa".parse().unwrap();
        let profile = ProfileName::Classical.profile();
        let der = ours.certificate().der();
        let key = |a: &Authority| CertificateKey::from_pem(profile, &a.key().to_pem()).unwrap();
        assert!(Authority::load(&node, profile, der, key(&ours)).is_ok());
        assert_eq!(Authority::load(&node, profile, der, key(&other)).unwrap_err(), IssueError::WrongKey);
    }
}
