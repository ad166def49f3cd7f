//! Officers' certificates: issued by the node's officer authority, and read with every field held to the profile.

use std::collections::BTreeSet;
use std::sync::LazyLock;
use std::time::Duration;

use rcgen::{CertificateParams, IsCa, SanType};
use serde::Deserialize;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::x509::SubjectPublicKeyInfo;

use super::authority::{key_usages, moment, name, serial_number};
use super::check::{authority_key_id, common_faults, first, read, signature_fault, unexpected};
use super::{
    Authority, AuthorityCertificate, CertificateAlgorithm, CertificateFault, IssueError, KeyUse, Profile, der,
};
use crate::approval::Role;
use crate::digest::Digest;
use crate::ident::{NodeId, OfficerId};
use crate::sign::{Algorithm, PublicKey};
use crate::time::Time;

/// What an officer's certificate must be, read from `certs/profiles/officer.toml` and compiled in.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfficerProfile {
    officer: OfficerRules,
    name: NameRules,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OfficerRules {
    lifetime_days: u32,
    lifetime_days_max: u32,
    key_usage: Vec<KeyUse>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NameRules {
    officer: String,
    role: String,
}

impl OfficerProfile {
    /// The profile that ships with the gateway.
    pub fn shipped() -> &'static OfficerProfile {
        static PROFILE: LazyLock<OfficerProfile> = LazyLock::new(|| {
            // INVARIANT: the text is compiled in, and a test issues a certificate by it.
            toml::from_str(include_str!("../../certs/profiles/officer.toml")).expect("a compiled-in profile reads")
        });
        &PROFILE
    }

    /// How long a certificate lives unless the operator says otherwise.
    pub fn lifetime(&self) -> Duration {
        days(self.officer.lifetime_days)
    }

    /// The longest that one may live, backdating not counted.
    pub fn lifetime_max(&self) -> Duration {
        days(self.officer.lifetime_days_max)
    }

    fn names(&self, node: &NodeId, officer: &OfficerId, roles: &BTreeSet<Role>) -> Vec<String> {
        let officer = format!("{}{node}:{officer}", self.name.officer);
        std::iter::once(officer).chain(roles.iter().map(|role| format!("{}{role}", self.name.role))).collect()
    }
}

/// Who is certified, as what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfficerSubject {
    /// The person's name on this node.
    pub officer: OfficerId,
    /// The person's name for people.
    pub name: String,
    /// What they may do; at least one role.
    pub roles: BTreeSet<Role>,
    /// The key they sign with.
    pub key: PublicKey,
}

/// A certificate of an officer that keeps the profile and was signed by the node's officer authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfficerCertificate {
    der: Vec<u8>,
    subject: OfficerSubject,
    serial: Vec<u8>,
    not_before: Time,
    not_after: Time,
}

impl OfficerCertificate {
    /// Reads an officer's certificate. Whether it is valid *now* is asked when it is relied upon.
    ///
    /// # Errors
    /// The first [`CertificateFault`] found.
    pub fn parse(
        der: &[u8],
        authority: &AuthorityCertificate,
        node: &NodeId,
        profile: &Profile,
    ) -> Result<OfficerCertificate, CertificateFault> {
        let x509 = read(der)?;
        first(faults(&x509, authority, profile))?;
        let key = public_key(x509.public_key()).filter(|key| profile.takes_statements_of(key).is_ok());
        let key = key.ok_or(CertificateFault::Algorithm("the key"))?;
        let subject = subject(&x509, node, key).ok_or(CertificateFault::OfficerName)?;
        // INVARIANT: `faults` found a well-formed serial number.
        let serial = der::serial(x509.raw_serial()).expect("the serial number was checked");
        let (not_before, not_after) = (x509.validity().not_before, x509.validity().not_after);
        let (not_before, not_after) = (der::moment(not_before), der::moment(not_after));
        Ok(OfficerCertificate { der: der.to_vec(), subject, serial, not_before, not_after })
    }

    /// Who is certified, as what.
    pub fn subject(&self) -> &OfficerSubject {
        &self.subject
    }

    /// The same as PEM text.
    pub fn to_pem(&self) -> String {
        super::der_to_pem(super::PEM_CERTIFICATE, &self.der)
    }

    /// The serial number, big-endian, without leading zeros.
    pub fn serial(&self) -> &[u8] {
        &self.serial
    }

    /// SHA-256 of the certificate.
    pub fn fingerprint(&self) -> Digest {
        Digest::of(&self.der)
    }

    /// The first moment of validity.
    pub fn not_before(&self) -> Time {
        self.not_before
    }

    /// The last moment of validity.
    pub fn not_after(&self) -> Time {
        self.not_after
    }
}

impl Authority {
    /// Makes a new self-signed authority for the officers of `node`. `serial` must come from a secure random source.
    ///
    /// # Errors
    /// [`IssueError`]; nothing that fails its own profile is returned.
    pub fn create_for_officers(
        node: &NodeId,
        profile: &'static Profile,
        now: Time,
        serial: [u8; 16],
    ) -> Result<Authority, IssueError> {
        Authority::create_named(&format!("{node} officer authority"), node, profile, now, serial)
    }

    /// Certifies an officer for `lifetime`. `serial` must come from a secure random source.
    ///
    /// # Errors
    /// [`IssueError`]; nothing that fails its own profile is returned.
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
        params.not_before = moment(from);
        params.not_after = moment(until);
        params.is_ca = IsCa::NoCa;
        let uri = |name: String| name.try_into().map(SanType::URI).map_err(|_| IssueError::Writing("a name".into()));
        let names = rules.names(self.node(), &subject.officer, &subject.roles).into_iter().map(uri);
        params.subject_alt_names = names.collect::<Result<_, _>>()?;
        params.key_usages = key_usages(&rules.officer.key_usage);
        params.use_authority_key_identifier_extension = true;
        let written = params.signed_by(&Certified(&subject.key), &self.issuer()?)?;
        Ok(OfficerCertificate::parse(written.der(), self.certificate(), self.node(), self.profile())?)
    }
}

/// An officer's public key as the certificate library takes it.
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

fn faults(x509: &X509Certificate<'_>, authority: &AuthorityCertificate, profile: &Profile) -> Vec<CertificateFault> {
    let rules = OfficerProfile::shipped();
    let mut faults = common_faults(x509, profile, rules.lifetime_max());
    // An officer's key may be of any kind that signs statements under the profile; it is read, and held to that, by itself.
    faults.retain(|fault| *fault != CertificateFault::Algorithm("the key"));
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
                usage = extension.critical && found.flags == der::key_usage_bits(&rules.officer.key_usage);
            }
            ParsedExtension::AuthorityKeyIdentifier(_) => {
                key_id = !extension.critical && authority_key_id(x509) == Some(authority.key_id());
            }
            ParsedExtension::SubjectKeyIdentifier(_) | ParsedExtension::SubjectAlternativeName(_)
                if !extension.critical => {}
            _ => faults.push(unexpected(extension)),
        }
    }
    let required = [(usage, "key usage"), (key_id, "authority key identifier")];
    faults.extend(required.iter().filter(|(ok, _)| !ok).map(|(_, what)| CertificateFault::Differs(what)));
    faults
}

/// Who is certified: exactly the names that issuing would have written for them, and one common name.
fn subject(x509: &X509Certificate<'_>, node: &NodeId, key: PublicKey) -> Option<OfficerSubject> {
    let rules = OfficerProfile::shipped();
    let names = x509.extensions().iter().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::SubjectAlternativeName(found) => Some(&found.general_names),
        _ => None,
    })?;
    let uris: Vec<&str> = names
        .iter()
        .map(|name| match name {
            GeneralName::URI(uri) => Some(*uri),
            _ => None,
        })
        .collect::<Option<_>>()?;
    let officer = uris.first()?.strip_prefix(&format!("{}{node}:", rules.name.officer))?.parse().ok()?;
    let role = |uri: &&str| uri.strip_prefix(rules.name.role.as_str())?.parse::<Role>().ok();
    let roles: BTreeSet<Role> = uris[1..].iter().map(role).collect::<Option<_>>()?;
    let mut common = x509.subject().iter_common_name();
    let (Some(name), None) = (common.next(), common.next()) else { return None };
    let whole = x509.subject().iter_rdn().count() == 1;
    let subject = OfficerSubject { officer, name: name.as_str().ok()?.to_owned(), roles, key };
    // One spelling only: in order, none twice, none left out.
    let expected = rules.names(node, &subject.officer, &subject.roles);
    (whole && !subject.roles.is_empty() && expected.iter().map(String::as_str).eq(uris)).then_some(subject)
}

/// A public key of one of the three kinds, encoded exactly as its standard says (RFC 8410, 5480, 9881).
fn public_key(info: &SubjectPublicKeyInfo<'_>) -> Option<PublicKey> {
    let raw = info.subject_public_key.data.as_ref();
    let algorithm = if der::is_key_for(info, CertificateAlgorithm::P384) {
        Algorithm::Es384
    } else if der::is_key_for(info, CertificateAlgorithm::MlDsa87) {
        Algorithm::MlDsa87
    } else if der::is_ed25519(info) {
        Algorithm::Ed25519
    } else {
        return None;
    };
    PublicKey::from_raw(algorithm, raw).ok()
}

fn days(days: u32) -> Duration {
    Duration::from_secs(u64::from(days) * 86_400)
}

#[cfg(test)]
mod tests {
    use super::super::ProfileName;
    use super::*;
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
    fn every_profile_certifies_the_keys_whose_statements_it_takes_and_reads_back_who_and_as_what() {
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
    fn refuses_a_life_that_is_too_long_and_a_person_without_a_role() {
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
            OfficerCertificate::parse(&issued.der, authority.certificate(), &node.parse().unwrap(), profile)
        };
        assert!(parse(&ours, "exercise-usa").is_ok());
        assert_eq!(parse(&other, "exercise-usa").unwrap_err(), CertificateFault::Signature);
        assert_eq!(parse(&ours, "exercise-gbr").unwrap_err(), CertificateFault::OfficerName);
        let node_certificate = ours.issue_node(NOW, [2; 16]).unwrap().certificate;
        assert!(OfficerCertificate::parse(node_certificate.der(), ours.certificate(), &node(), profile).is_err());
        let faults = super::super::NodeCertificate::faults(&issued.der, ours.certificate(), &node(), profile);
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
            params.not_before = moment(NOW);
            params.not_after = moment(NOW.plus(DAY));
            params.is_ca = IsCa::NoCa;
            params.subject_alt_names = names.into_iter().map(|name| SanType::URI(name.try_into().unwrap())).collect();
            params.subject_alt_names.extend(more);
            params.key_usages = key_usages(&rules.officer.key_usage);
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
        for bit in 0..issued.der.len() * 8 {
            let mut der = issued.der.clone();
            der[bit / 8] ^= 1 << (bit % 8);
            let read = OfficerCertificate::parse(&der, ours.certificate(), &node(), ProfileName::Classical.profile());
            assert!(read.is_err(), "bit {bit} flipped was accepted");
        }
    }
}
