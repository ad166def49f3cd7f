//! One fault at a time, in certificates and lists that are otherwise correct and signed by the partner's enrolled authority: what a
//! careless or hostile partner could issue.

use std::time::Duration;

use portcullis::approval::Role;
use portcullis::pki::{
    Authority, AuthorityCertificate, CertificateFault, CertificateKey, IssueError, NodeCertificate, OfficerCertificate,
    OfficerSubject, ProfileName, RevocationFault, RevocationList, node_name,
};
use portcullis::sign::{Algorithm, LocalSigner, Signer as _};
use portcullis::time::Time;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CrlDistributionPoint,
    CrlIssuingDistributionPoint, CustomExtension, DistinguishedName, DnType, ExtendedKeyUsagePurpose, GeneralSubtree,
    IsCa, Issuer, KeyIdMethod, KeyUsagePurpose, NameConstraints, RevocationReason, RevokedCertParams, SanType,
    SerialNumber,
};
use time::OffsetDateTime;

const NOW: Time = Time::from_unix_ms(1_795_341_600_000);
const PROFILE: ProfileName = ProfileName::Classical;
const DAY: Duration = Duration::from_secs(86_400);

fn authority() -> Authority {
    Authority::create(&"exercise-gbr".parse().unwrap(), PROFILE.profile(), NOW, [7; 16]).unwrap()
}

fn moment(time: Time) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(time.unix_seconds()).unwrap()
}

fn named(common: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common);
    name
}

fn dns(name: &str) -> SanType {
    SanType::DnsName(name.try_into().unwrap())
}

fn right_name() -> String {
    node_name(&"exercise-gbr".parse().unwrap())
}

/// The parameters of a valid node certificate, to be altered.
fn node_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.serial_number = Some(SerialNumber::from_slice(&[0x41; 16]));
    params.distinguished_name = named("exercise-gbr");
    params.not_before = moment(NOW);
    params.not_after = moment(NOW.plus(DAY * 90));
    params.subject_alt_names = vec![dns(&right_name())];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    params
}

fn node_faults(spoil: impl FnOnce(&mut CertificateParams)) -> Vec<CertificateFault> {
    let authority = authority();
    let mut params = node_params();
    spoil(&mut params);
    let key = CertificateKey::generate(PROFILE.profile()).unwrap();
    let der = authority.certificate().der().into();
    let issuer = Issuer::from_ca_cert_der(&der, authority.key()).unwrap();
    let written = params.signed_by(&key, &issuer).unwrap();
    NodeCertificate::faults(written.der(), authority.certificate(), &"exercise-gbr".parse().unwrap(), PROFILE.profile())
}

fn authority_faults(spoil: impl FnOnce(&mut CertificateParams)) -> Vec<CertificateFault> {
    let mut params = CertificateParams::default();
    params.serial_number = Some(SerialNumber::from_slice(&[0x41; 16]));
    params.distinguished_name = named("exercise-gbr node authority");
    params.not_before = moment(NOW);
    params.not_after = moment(NOW.plus(DAY * 1825));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    spoil(&mut params);
    let key = CertificateKey::generate(PROFILE.profile()).unwrap();
    AuthorityCertificate::faults(params.self_signed(&key).unwrap().der(), PROFILE.profile())
}

fn extension(critical: bool) -> CustomExtension {
    let mut extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 55738, 666, 1], vec![0x05, 0x00]);
    extension.set_criticality(critical);
    extension
}

/// An extension with arbitrary content.
fn own(oid: &[u64], content: &[u8], critical: bool) -> CustomExtension {
    let mut extension = CustomExtension::from_oid_content(oid, content.to_vec());
    extension.set_criticality(critical);
    extension
}

fn unexpected(oid: &str) -> CertificateFault {
    CertificateFault::Unexpected(oid.into())
}

#[test]
fn accepts_both_certificates_without_a_mistake() {
    assert_eq!(node_faults(|_| ()), []);
    assert_eq!(authority_faults(|_| ()), []);
}

#[test]
fn refuses_every_name_but_the_nodes_one() {
    let right = right_name();
    let others: [Vec<SanType>; 9] = [
        vec![],
        vec![dns("exercise-aus.node.portcullis.invalid")],
        vec![dns("*.node.portcullis.invalid")],
        vec![dns(&format!("{right}."))],
        vec![dns(&right.to_uppercase())],
        vec![dns(&format!("{right}.example"))],
        vec![dns(&right), dns("exercise-aus.node.portcullis.invalid")],
        vec![dns(&right), dns(&right)],
        vec![SanType::IpAddress("192.0.2.1".parse().unwrap())],
    ];
    for names in others {
        let shown = format!("{names:?}");
        assert_eq!(node_faults(|p| p.subject_alt_names = names), [CertificateFault::NodeName], "{shown}");
    }
    // The common name is not checked.
    assert_eq!(node_faults(|p| p.distinguished_name = named("exercise-aus")), []);
}

#[test]
fn refuses_other_usages() {
    let usage = [CertificateFault::Differs("key usage")];
    assert_eq!(node_faults(|p| p.key_usages = vec![]), usage);
    assert_eq!(node_faults(|p| p.key_usages.push(KeyUsagePurpose::KeyCertSign)), usage);
    assert_eq!(node_faults(|p| p.key_usages.push(KeyUsagePurpose::KeyAgreement)), usage);
    let extended = [CertificateFault::Differs("extended key usage")];
    assert_eq!(node_faults(|p| p.extended_key_usages.truncate(1)), extended);
    assert_eq!(node_faults(|p| p.extended_key_usages.push(ExtendedKeyUsagePurpose::Any)), extended);
    assert_eq!(node_faults(|p| p.extended_key_usages.push(ExtendedKeyUsagePurpose::CodeSigning)), extended);
    assert_eq!(node_faults(|p| p.extended_key_usages = vec![]), extended);
    for other in [
        ExtendedKeyUsagePurpose::EmailProtection,
        ExtendedKeyUsagePurpose::TimeStamping,
        ExtendedKeyUsagePurpose::OcspSigning,
        ExtendedKeyUsagePurpose::Other(vec![1, 3, 6, 1, 4, 1, 55738, 666, 2]),
    ] {
        assert_eq!(node_faults(|p| p.extended_key_usages.push(other.clone())), extended, "{other:?}");
    }
}

#[test]
fn refuses_a_node_that_is_an_authority() {
    let constraints = CertificateFault::Differs("basic constraints");
    assert!(node_faults(|p| p.is_ca = IsCa::Ca(BasicConstraints::Constrained(0))).contains(&constraints));
    assert!(node_faults(|p| p.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)).contains(&constraints));
    assert_eq!(node_faults(|p| p.is_ca = IsCa::ExplicitNoCa), []);
    // The extension is not critical, so a lenient parser may ignore it.
    let passed_over = || own(&[2, 5, 29, 19], &[0x30, 0x00], false);
    assert_eq!(node_faults(|p| p.custom_extensions.push(passed_over())), [constraints]);
}

#[test]
fn refuses_extensions_nobody_expects_critical_or_not() {
    for critical in [true, false] {
        let fault = [unexpected("1.3.6.1.4.1.55738.666.1")];
        assert_eq!(node_faults(|p| p.custom_extensions.push(extension(critical))), fault);
        assert_eq!(authority_faults(|p| p.custom_extensions.push(extension(critical))), fault);
    }
    let point = CrlDistributionPoint { uris: vec!["http://crl.example.invalid/".into()] };
    assert_eq!(node_faults(|p| p.crl_distribution_points.push(point)), [unexpected("2.5.29.31")]);
    let twice = node_faults(|p| p.custom_extensions = vec![extension(false), extension(false)]);
    assert!(twice.contains(&CertificateFault::Extension("unknown")));
}

#[test]
fn an_authority_repeats_its_own_key_identifier_or_none() {
    let of_key = |p: &mut CertificateParams| p.key_identifier_method = KeyIdMethod::PreSpecified(vec![1, 2, 3, 4]);
    let repeated = |bytes: &'static [u8], critical| {
        authority_faults(move |p| {
            of_key(p);
            p.custom_extensions.push(own(&[2, 5, 29, 35], bytes, critical));
        })
    };
    let fault = [CertificateFault::Differs("authority key identifier")];
    assert_eq!(repeated(&[0x30, 0x06, 0x80, 0x04, 1, 2, 3, 4], false), []);
    assert_eq!(repeated(&[0x30, 0x06, 0x80, 0x04, 1, 2, 3, 4], true), fault);
    assert_eq!(repeated(&[0x30, 0x06, 0x80, 0x04, 4, 3, 2, 1], false), fault);
    assert_eq!(repeated(&[0x30, 0x00], false), fault);
    let critical = node_faults(|p| p.custom_extensions.push(own(&[2, 5, 29, 14], &[0x04, 0x02, 1, 2], true)));
    assert_eq!(critical, [unexpected("2.5.29.14")]);
}

#[test]
fn refuses_an_authority_that_another_signed() {
    let (ours, key) = (authority(), CertificateKey::generate(PROFILE.profile()).unwrap());
    let mut params = node_params();
    params.distinguished_name = named("EXERCISE other authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let der = ours.certificate().der().into();
    let issuer = Issuer::from_ca_cert_der(&der, ours.key()).unwrap();
    let written = params.signed_by(&key, &issuer).unwrap();
    let faults = AuthorityCertificate::faults(written.der(), PROFILE.profile());
    assert!(faults.contains(&CertificateFault::Name("subject")), "{faults:?}");
}

#[test]
fn an_authority_issues_what_ends_with_it_and_nothing_that_outlives_it() {
    let (authority, profile) = (authority(), PROFILE.profile());
    let last = authority.certificate().not_after().minus(profile.node_lifetime());
    assert!(authority.issue_node(last, [7; 16]).is_ok());
    assert!(authority.issue_node(last.plus(Duration::from_secs(1)), [7; 16]).is_err());
    // The first octet is positive and not zero, for any random bytes.
    for drawn in [0x00, 0xff, 0x3f, 0x80] {
        let issued = authority.issue_node(NOW.plus(DAY), [drawn; 16]).unwrap();
        let der = issued.certificate.der();
        let serial = [&[0x02, 0x10][..], &[(drawn & 0x7f) | 0x40], &[drawn; 15]].concat();
        assert!(der.windows(serial.len()).any(|part| part == serial), "{drawn:02x}");
    }
}

#[test]
fn refuses_a_missing_authority_key_identifier() {
    let fault = [CertificateFault::Differs("authority key identifier")];
    assert_eq!(node_faults(|p| p.use_authority_key_identifier_extension = false), fault);
}

#[test]
fn refuses_serial_numbers_and_lifetimes_out_of_bounds() {
    let serial = |bytes: &'static [u8]| {
        move |p: &mut CertificateParams| {
            p.serial_number = Some(SerialNumber::from_slice(bytes));
        }
    };
    assert_eq!(node_faults(serial(&[0x41; 21])), [CertificateFault::Serial]);
    assert_eq!(node_faults(serial(&[0])), [CertificateFault::Serial]);
    assert_eq!(node_faults(serial(&[0x41; 20])), []);
    let until = |days: u32| move |p: &mut CertificateParams| p.not_after = moment(NOW.plus(DAY * days));
    assert_eq!(node_faults(until(91)), [CertificateFault::Lifetime]);
    assert_eq!(authority_faults(until(1826)), [CertificateFault::Lifetime]);
    assert_eq!(node_faults(|p| p.not_after = moment(NOW.minus(DAY))), [CertificateFault::Lifetime]);
}

#[test]
fn refuses_authorities_that_could_do_more_or_less_than_ours() {
    let constraints = [CertificateFault::Differs("basic constraints")];
    assert_eq!(authority_faults(|p| p.is_ca = IsCa::Ca(BasicConstraints::Constrained(1))), constraints);
    assert_eq!(authority_faults(|p| p.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)), constraints);
    let usage = [CertificateFault::Differs("key usage")];
    assert_eq!(authority_faults(|p| p.key_usages.truncate(1)), usage);
    assert_eq!(authority_faults(|p| p.key_usages.push(KeyUsagePurpose::DigitalSignature)), usage);
    let extended = authority_faults(|p| p.extended_key_usages.push(ExtendedKeyUsagePurpose::ClientAuth));
    assert_eq!(extended, [unexpected("2.5.29.37")]);
    let constrained = authority_faults(|p| {
        let permitted = vec![GeneralSubtree::DnsName("invalid".into())];
        p.name_constraints = Some(NameConstraints { permitted_subtrees: permitted, excluded_subtrees: vec![] });
    });
    assert_eq!(constrained, [unexpected("2.5.29.30")]);
    assert!(
        authority_faults(|p| p.distinguished_name = DistinguishedName::new())
            .contains(&CertificateFault::Name("subject"))
    );
}

#[test]
fn refuses_another_authority_or_algorithm_behind_the_same_name() {
    let (ours, other) = (authority(), authority());
    let node = "exercise-gbr".parse().unwrap();
    let issued = other.issue_node(NOW, [1; 16]).unwrap();
    let faults = NodeCertificate::faults(issued.certificate.der(), ours.certificate(), &node, PROFILE.profile());
    assert!(faults.contains(&CertificateFault::Signature));
    let cnsa2 = ProfileName::Cnsa2.profile();
    let stronger = Authority::create(&node, cnsa2, NOW, [7; 16]).unwrap();
    let faults = AuthorityCertificate::faults(stronger.certificate().der(), PROFILE.profile());
    assert!(faults.contains(&CertificateFault::Algorithm("the key")));
    assert!(faults.contains(&CertificateFault::Algorithm("the signature")));
}

/// Issues an altered officer certificate and parses it.
fn officer(spoil: impl FnOnce(&mut CertificateParams)) -> Result<OfficerCertificate, CertificateFault> {
    let node = "exercise-gbr".parse().unwrap();
    let authority = Authority::create_for_officers(&node, PROFILE.profile(), NOW, [7; 16]).unwrap();
    let uri = |name: &str| SanType::URI(name.try_into().unwrap());
    let mut params = node_params();
    params.distinguished_name = named("EXERCISE Officer");
    params.subject_alt_names =
        vec![uri("portcullis:officer:exercise-gbr:exercise-officer"), uri("portcullis:role:disclosure-officer")];
    params.extended_key_usages = Vec::new();
    spoil(&mut params);
    let key = CertificateKey::generate(PROFILE.profile()).unwrap();
    let der = authority.certificate().der().into();
    let issuer = Issuer::from_ca_cert_der(&der, authority.key()).unwrap();
    let written = params.signed_by(&key, &issuer).unwrap();
    OfficerCertificate::parse(written.der(), authority.certificate(), &node, PROFILE.profile())
}

#[test]
fn refuses_officers_who_are_authorities_or_may_do_more() {
    assert_eq!(officer(|_| ()).map(|_| ()), Ok(()));
    assert_eq!(officer(|p| p.is_ca = IsCa::ExplicitNoCa).map(|_| ()), Ok(()));
    let constraints = CertificateFault::Differs("basic constraints");
    let ca = |constraints| move |p: &mut CertificateParams| p.is_ca = IsCa::Ca(constraints);
    assert_eq!(officer(ca(BasicConstraints::Unconstrained)).unwrap_err(), constraints);
    assert_eq!(officer(ca(BasicConstraints::Constrained(0))).unwrap_err(), constraints);
    let passed_over = own(&[2, 5, 29, 19], &[0x30, 0x00], false);
    assert_eq!(officer(|p| p.custom_extensions.push(passed_over)).unwrap_err(), constraints);
    let usage = CertificateFault::Differs("key usage");
    assert_eq!(officer(|p| p.key_usages.push(KeyUsagePurpose::KeyCertSign)).unwrap_err(), usage);
    assert_eq!(officer(|p| p.key_usages = Vec::new()).unwrap_err(), usage);
    let client = ExtendedKeyUsagePurpose::ClientAuth;
    assert_eq!(officer(|p| p.extended_key_usages.push(client)).unwrap_err(), unexpected("2.5.29.37"));
    let critical = own(&[2, 5, 29, 14], &[0x04, 0x02, 1, 2], true);
    assert_eq!(officer(|p| p.custom_extensions.push(critical)).unwrap_err(), unexpected("2.5.29.14"));
}

#[test]
fn an_officer_is_certified_no_longer_than_their_authority_lives() {
    let authority =
        Authority::create_for_officers(&"exercise-gbr".parse().unwrap(), PROFILE.profile(), NOW, [7; 16]).unwrap();
    let key = LocalSigner::from_pkcs8(&LocalSigner::generate(Algorithm::Es384).unwrap()).unwrap();
    let subject = OfficerSubject {
        officer: "exercise-officer".parse().unwrap(),
        name: "EXERCISE Officer".into(),
        roles: [Role::DisclosureOfficer].into(),
        key: key.public().clone(),
    };
    let end = authority.certificate().not_after();
    let issued = |now| authority.issue_officer(&subject, DAY, now, [1; 16]).map(|issued| issued.not_after());
    assert_eq!(issued(end.minus(DAY)).unwrap(), end);
    assert!(matches!(issued(end.minus(DAY).plus(Duration::from_secs(1))), Err(IssueError::AuthorityExpiring { .. })));
    assert!(matches!(issued(NOW.minus(Duration::from_secs(1))), Err(IssueError::AuthorityExpiring { .. })));
}

/// An ML-DSA-87 public key for a certificate, without its private key.
struct Raw(Vec<u8>);

impl rcgen::PublicKeyData for Raw {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_ML_DSA_87
    }
}

#[test]
fn refuses_a_certificate_for_a_key_under_which_anybody_can_sign() {
    let (node, profile) = ("exercise-gbr".parse().unwrap(), ProfileName::Cnsa2.profile());
    let authority = Authority::create(&node, profile, NOW, [7; 16]).unwrap();
    let key = LocalSigner::from_pkcs8(&LocalSigner::generate(Algorithm::MlDsa87).unwrap()).unwrap();
    let faults = |raw: &[u8]| {
        let der = authority.certificate().der().into();
        let issuer = Issuer::from_ca_cert_der(&der, authority.key()).unwrap();
        let written = node_params().signed_by(&Raw(raw.to_vec()), &issuer).unwrap();
        NodeCertificate::faults(written.der(), authority.certificate(), &node, profile)
    };
    let raw = key.public().raw();
    assert_eq!(faults(raw), []);
    // The seed of the matrix is unchanged; `t1` is all zeros.
    let weak = [&raw[..32], &vec![0; raw.len() - 32]].concat();
    assert_eq!(faults(&weak), [CertificateFault::Algorithm("the key")]);
    assert_eq!(faults(&raw[1..]), [CertificateFault::Algorithm("the key")]);
}

#[test]
fn what_is_issued_begins_ten_minutes_before_so_that_partners_clocks_may_differ() {
    for name in ProfileName::ALL {
        let authority = Authority::create(&"exercise-gbr".parse().unwrap(), name.profile(), NOW, [7; 16]).unwrap();
        let began = NOW.minus(Duration::from_secs(600));
        assert_eq!(authority.certificate().not_before(), began);
        let issued = authority.issue_node(NOW.plus(DAY), [1; 16]).unwrap();
        assert_eq!(issued.certificate.not_before(), began.plus(DAY));
    }
}

fn list_params() -> CertificateRevocationListParams {
    CertificateRevocationListParams {
        this_update: moment(NOW),
        next_update: moment(NOW.plus(DAY * 7)),
        crl_number: SerialNumber::from_slice(&[1]),
        issuing_distribution_point: None,
        revoked_certs: Vec::new(),
        key_identifier_method: KeyIdMethod::Sha256,
    }
}

fn list(spoil: impl FnOnce(&mut CertificateRevocationListParams)) -> Result<RevocationList, RevocationFault> {
    let authority = authority();
    let mut params = list_params();
    spoil(&mut params);
    let der = authority.certificate().der().into();
    let issuer = Issuer::from_ca_cert_der(&der, authority.key()).unwrap();
    let written = params.signed_by(&issuer).unwrap();
    RevocationList::parse(written.der(), authority.certificate(), PROFILE.profile())
}

#[test]
fn refuses_lists_that_cover_less_or_last_longer_than_ours() {
    assert!(list(|_| ()).is_ok());
    assert_eq!(list(|p| p.next_update = moment(NOW.plus(DAY * 8))), Err(RevocationFault::Validity));
    assert_eq!(list(|p| p.crl_number = SerialNumber::from_slice(&[1; 9])), Err(RevocationFault::Number));
    let partial = list(|p| {
        let distribution_point = CrlDistributionPoint { uris: vec!["http://crl.example.invalid/".into()] };
        p.issuing_distribution_point = Some(CrlIssuingDistributionPoint { distribution_point, scope: None });
    });
    assert_eq!(partial, Err(RevocationFault::Unexpected("2.5.29.28".into())));
    let entry = || RevokedCertParams {
        serial_number: SerialNumber::from_slice(&[5]),
        revocation_time: moment(NOW),
        reason_code: None,
        invalidity_date: None,
    };
    assert!(list(|p| p.revoked_certs = vec![entry()]).is_ok_and(|list| list.revokes(&[5])));
    assert_eq!(list(|p| p.revoked_certs = vec![entry(), entry()]), Err(RevocationFault::Serial));
    // An authority may add the reason and the date of invalidity.
    let why = || RevokedCertParams {
        reason_code: Some(RevocationReason::KeyCompromise),
        invalidity_date: Some(moment(NOW.minus(DAY))),
        ..entry()
    };
    assert!(list(|p| p.revoked_certs = vec![why()]).is_ok_and(|list| list.revokes(&[5])));
}

#[test]
fn refuses_every_flipped_byte_of_a_list() {
    let authority = authority();
    let whole = authority.issue_revocation_list(&[], 3, NOW).unwrap();
    for place in 0..whole.der().len() {
        let mut der = whole.der().to_vec();
        der[place] ^= 1;
        let read = RevocationList::parse(&der, authority.certificate(), PROFILE.profile());
        assert!(read.is_err(), "byte {place} altered was accepted");
    }
}

#[test]
fn refuses_every_flipped_byte_of_an_authority() {
    let whole = authority();
    for place in 0..whole.certificate().der().len() {
        let mut der = whole.certificate().der().to_vec();
        der[place] ^= 1;
        assert!(AuthorityCertificate::parse(&der, PROFILE.profile()).is_err(), "byte {place} altered was accepted");
    }
}
