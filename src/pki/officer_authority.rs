//! The certificate authority for officers, which issues their certificates.

use std::time::Duration;

use rcgen::{CertificateParams, IsCa, SanType};

use super::authority::{key_usages, name, serial_number, to_offset_date_time};
use super::{Authority, IssueError, OfficerCertificate, OfficerProfile, OfficerSubject, Profile};
use crate::ident::NodeId;
use crate::sign::{Algorithm, PublicKey};
use crate::time::Time;

impl Authority {
    /// Creates a self-signed authority with a new key for the officers of `node`. `serial` must come from a secure random source.
    ///
    /// # Errors
    /// [`IssueError`]; in particular if the result would fail the profile check of this module.
    pub fn create_for_officers(
        node: &NodeId,
        profile: &'static Profile,
        now: Time,
        serial: [u8; 16],
    ) -> Result<Authority, IssueError> {
        Authority::create_named(&format!("{node} officer authority"), node, profile, now, serial)
    }

    /// Issues a certificate for an officer, valid for `lifetime` from `now`. `serial` must come from a secure random source.
    ///
    /// # Errors
    /// [`IssueError`]; in particular if the result would fail the profile check of this module.
    pub fn issue_officer(
        &self,
        subject: &OfficerSubject,
        lifetime: Duration,
        now: Time,
        serial: [u8; 16],
    ) -> Result<OfficerCertificate, IssueError> {
        let rules = OfficerProfile::shipped();
        let (from, until) = (now.minus(self.profile().backdate()), now.plus(lifetime));
        if from < self.certificate().not_before() || until > self.certificate().not_after() {
            let (from, until) = (self.certificate().not_before(), self.certificate().not_after());
            return Err(IssueError::AuthorityExpiring { from, until });
        }
        let mut params = CertificateParams::default();
        params.serial_number = Some(serial_number(serial));
        params.distinguished_name = name(&subject.name);
        params.not_before = to_offset_date_time(from);
        params.not_after = to_offset_date_time(until);
        params.is_ca = IsCa::NoCa;
        let uri = |name: String| name.try_into().map(SanType::URI).map_err(|_| IssueError::Encoding("a name".into()));
        let names = rules.names(self.node(), &subject.officer, &subject.roles).into_iter().map(uri);
        params.subject_alt_names = names.collect::<Result<_, _>>()?;
        params.key_usages = key_usages(rules.key_usage());
        params.use_authority_key_identifier_extension = true;
        let written = params.signed_by(&Certified(&subject.key), &self.issuer()?)?;
        Ok(OfficerCertificate::parse(written.der(), self.certificate(), self.node(), self.profile())?)
    }
}

/// Adapts an officer's public key to the interface of `rcgen`.
struct Certified<'a>(&'a PublicKey);

impl rcgen::PublicKeyData for Certified<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.0.raw()
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        match self.0.algorithm() {
            Algorithm::Ed25519 => &rcgen::PKCS_ED25519,
            Algorithm::Es384 => &rcgen::PKCS_ECDSA_P384_SHA384,
            Algorithm::MlDsa87 => &rcgen::PKCS_ML_DSA_87,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::{CertificateFault, ProfileName};
    use super::*;
    use crate::approval::Role;
    use crate::sign::{LocalSigner, Signer as _};

    const NOW: Time = Time::from_unix_ms(1_795_341_600_000);

    fn node() -> NodeId {
        "exercise-usa".parse().unwrap()
    }

    fn authority(name: ProfileName) -> Authority {
        Authority::create_for_officers(&node(), name.profile(), NOW, [9; 16]).unwrap()
    }

    fn subject(algorithm: Algorithm) -> OfficerSubject {
        let key = LocalSigner::from_pkcs8(&LocalSigner::generate(algorithm).unwrap()).unwrap();
        OfficerSubject {
            officer: "exercise-officer".parse().unwrap(),
            name: "EXERCISE Officer Ünlü".into(),
            roles: [Role::DisclosureOfficer, Role::SeniorDisclosureOfficer].into(),
            key: key.public().clone(),
        }
    }

    const DAY: Duration = Duration::from_secs(86_400);

    #[test]
    fn every_profile_certifies_exactly_the_keys_that_it_accepts_for_statements() {
        for name in ProfileName::ALL {
            let authority = authority(name);
            for algorithm in [Algorithm::Ed25519, Algorithm::Es384, Algorithm::MlDsa87] {
                let subject = subject(algorithm);
                if !name.profile().statements().contains(&algorithm) {
                    let refused = authority.issue_officer(&subject, DAY, NOW, [1; 16]).unwrap_err();
                    assert_eq!(refused, IssueError::Certificate(CertificateFault::Algorithm("the key")));
                    continue;
                }
                let issued = authority.issue_officer(&subject, DAY, NOW, [1; 16]).unwrap();
                assert_eq!(issued.subject(), &subject);
                assert_eq!(issued.not_after(), NOW.plus(DAY));
            }
        }
    }

    #[test]
    fn refuses_a_lifetime_that_is_too_long_and_an_officer_without_a_role() {
        let authority = authority(ProfileName::Classical);
        let subject = subject(Algorithm::Ed25519);
        let longest = OfficerProfile::shipped().lifetime_max();
        assert!(authority.issue_officer(&subject, longest, NOW, [1; 16]).is_ok());
        let longer = authority.issue_officer(&subject, longest + DAY, NOW, [1; 16]);
        assert_eq!(longer.unwrap_err(), IssueError::Certificate(CertificateFault::Lifetime));
        let nobody = OfficerSubject { roles: BTreeSet::new(), ..subject };
        assert!(authority.issue_officer(&nobody, DAY, NOW, [1; 16]).is_err());
    }

    #[test]
    fn refuses_the_certificate_of_another_authority_another_node_and_a_node() {
        let profile = ProfileName::Classical.profile();
        let (ours, other) = (authority(ProfileName::Classical), authority(ProfileName::Classical));
        let issued = ours.issue_officer(&subject(Algorithm::Es384), DAY, NOW, [1; 16]).unwrap();
        let parse = |authority: &Authority, node: &str| {
            OfficerCertificate::parse(issued.der(), authority.certificate(), &node.parse().unwrap(), profile)
        };
        assert!(parse(&ours, "exercise-usa").is_ok());
        assert_eq!(parse(&other, "exercise-usa").unwrap_err(), CertificateFault::Signature);
        assert_eq!(parse(&ours, "exercise-gbr").unwrap_err(), CertificateFault::OfficerName);
        let node_certificate = ours.issue_node(NOW, [2; 16]).unwrap().certificate;
        assert!(OfficerCertificate::parse(node_certificate.der(), ours.certificate(), &node(), profile).is_err());
        let faults = super::super::NodeCertificate::faults(issued.der(), ours.certificate(), &node(), profile);
        assert!(faults.contains(&CertificateFault::NodeName), "an officer is no node: {faults:?}");
    }

    #[test]
    fn refuses_names_in_another_order_twice_or_of_another_kind() {
        let (ours, subject, profile) =
            (authority(ProfileName::Classical), subject(Algorithm::Ed25519), ProfileName::Classical.profile());
        let rules = OfficerProfile::shipped();
        let right = rules.names(&node(), &subject.officer, &subject.roles);
        let read = |names: Vec<String>, more: Option<SanType>| {
            let mut params = CertificateParams::default();
            params.serial_number = Some(serial_number([1; 16]));
            params.distinguished_name = name(&subject.name);
            params.not_before = to_offset_date_time(NOW);
            params.not_after = to_offset_date_time(NOW.plus(DAY));
            params.is_ca = IsCa::NoCa;
            params.subject_alt_names = names.into_iter().map(|name| SanType::URI(name.try_into().unwrap())).collect();
            params.subject_alt_names.extend(more);
            params.key_usages = key_usages(rules.key_usage());
            params.use_authority_key_identifier_extension = true;
            let written = params.signed_by(&Certified(&subject.key), &ours.issuer().unwrap()).unwrap();
            OfficerCertificate::parse(written.der(), ours.certificate(), &node(), profile)
        };
        assert_eq!(read(right.clone(), None).unwrap().subject(), &subject);
        let (mut swapped, mut twice) = (right.clone(), right.clone());
        swapped.swap(1, 2);
        twice.push(right[2].clone());
        for names in [swapped, twice] {
            assert_eq!(read(names.clone(), None).unwrap_err(), CertificateFault::OfficerName, "{names:?}");
        }
        let dns = SanType::DnsName("node.exercise".try_into().unwrap());
        assert_eq!(read(right, Some(dns)).unwrap_err(), CertificateFault::OfficerName);
    }

    #[test]
    fn refuses_every_flipped_bit_of_a_certificate() {
        let ours = authority(ProfileName::Classical);
        let issued = ours.issue_officer(&subject(Algorithm::Ed25519), DAY, NOW, [1; 16]).unwrap();
        for bit in 0..issued.der().len() * 8 {
            let mut der = issued.der().to_vec();
            der[bit / 8] ^= 1 << (bit % 8);
            let read = OfficerCertificate::parse(&der, ours.certificate(), &node(), ProfileName::Classical.profile());
            assert!(read.is_err(), "bit {bit} flipped was accepted");
        }
    }
}
