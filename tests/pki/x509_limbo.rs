//! The x509-limbo cases (a public corpus of certificate chains that validators get wrong) against our checks.
//!
//! No chain of the corpus may be accepted. That alone proves little, since no certificate in it has our algorithms and names; so a
//! second test counts the faults that the profile check finds in each case in particular, and `tests/pki/strict.rs` puts the same
//! faults into certificates that are otherwise correct.

use std::collections::BTreeMap;

use portcullis::pki::{
    Authority, AuthorityCertificate, CertificateFault, NodeCertificate, PartnerTrust, ProfileName, TrustSnapshot,
    TrustStanding, identify, pem_to_der,
};
use portcullis::time::Time;
use serde::Deserialize;

#[derive(Deserialize)]
struct Corpus {
    testcases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    id: String,
    trusted_certs: Vec<String>,
    untrusted_intermediates: Vec<String>,
    peer_certificate: String,
    validation_time: Option<Time>,
    expected_result: String,
    #[serde(default)]
    crls: Vec<String>,
}

fn corpus() -> Vec<Case> {
    let text = include_str!("../vectors/pki/x509-limbo.json");
    serde_json::from_str::<Corpus>(text).unwrap().testcases
}

fn der(label: &'static str, pem: &str) -> Vec<u8> {
    pem_to_der(label, pem).unwrap_or_default()
}

#[test]
fn nothing_of_the_corpus_gets_in() {
    for profile in ProfileName::ALL {
        for case in corpus() {
            let now = case.validation_time.unwrap_or(Time::from_unix_ms(1_795_341_600_000));
            let trust = PartnerTrust {
                partner: "exercise-gbr".parse().unwrap(),
                profile,
                authorities: case.trusted_certs.iter().map(|pem| der("CERTIFICATE", pem)).collect(),
                revocation_lists: case.crls.iter().map(|pem| der("X509 CRL", pem)).collect(),
                standing: TrustStanding::Active,
                revoked_serials: Default::default(),
                revoked_fingerprints: Default::default(),
            };
            let (snapshot, faults) = TrustSnapshot::new([trust]);
            assert!(!faults.is_empty(), "{}: its authority was enrolled", case.id);
            let leaf = der("CERTIFICATE", &case.peer_certificate);
            let mut chain: Vec<Vec<u8>> = vec![leaf];
            chain.extend(case.untrusted_intermediates.iter().map(|pem| der("CERTIFICATE", pem)));
            let chain: Vec<&[u8]> = chain.iter().map(Vec::as_slice).collect();
            assert!(identify(&chain, &snapshot, now).is_err(), "{} was accepted", case.id);
        }
    }
}

/// The faults that the profile check finds in a case, without those that nearly every certificate of the corpus has: other
/// algorithms, lifetimes, names and usages than ours.
fn particular_faults(case: &Case) -> Vec<CertificateFault> {
    let profile = ProfileName::Classical.profile();
    let node = "exercise-gbr".parse().unwrap();
    let ours = Authority::create(&node, profile, Time::from_unix_ms(1_795_341_600_000), [7; 16]).unwrap();
    let of_authority = case.trusted_certs.iter().flat_map(|pem| {
        let faults = AuthorityCertificate::faults(&der("CERTIFICATE", pem), profile);
        faults.into_iter().filter(|f| *f != CertificateFault::Unexpected("2.5.29.17".into()))
    });
    let leaf = der("CERTIFICATE", &case.peer_certificate);
    let of_node = NodeCertificate::faults(&leaf, ours.certificate(), &node, profile).into_iter();
    let of_node = of_node.filter(|f| *f != CertificateFault::Differs("authority key identifier"));
    let common = |f: &CertificateFault| {
        matches!(
            f,
            CertificateFault::Algorithm(_)
                | CertificateFault::Signature
                | CertificateFault::Lifetime
                | CertificateFault::NodeName
                | CertificateFault::Name("issuer")
                | CertificateFault::Differs("basic constraints" | "key usage" | "extended key usage")
        )
    };
    of_authority.chain(of_node).filter(|f| !common(f)).collect()
}

#[test]
fn counts_what_the_profile_check_has_against_each_case_in_particular() {
    let mut tally = BTreeMap::<(String, &str), u32>::new();
    for case in corpus() {
        // The profile has one authority and no intermediates; most of the corpus is about longer chains.
        let direct = case.trusted_certs.len() == 1 && case.untrusted_intermediates.is_empty();
        let kind = match (direct, particular_faults(&case).is_empty()) {
            (false, _) => "of a form the profile does not have",
            (true, false) => "refused for something particular",
            (true, true) => "refused for what all of the corpus has",
        };
        *tally.entry((case.expected_result, kind)).or_default() += 1;
    }
    let found: Vec<(&str, &str, u32)> = tally.iter().map(|((r, k), n)| (r.as_str(), *k, *n)).collect();
    // A change here is a change of how strict the profile check is: look at which case moved before accepting it.
    let expected = [
        ("FAILURE", "of a form the profile does not have", 24),
        ("FAILURE", "refused for something particular", 28),
        ("FAILURE", "refused for what all of the corpus has", 30),
        ("SUCCESS", "of a form the profile does not have", 20),
        ("SUCCESS", "refused for something particular", 7),
        ("SUCCESS", "refused for what all of the corpus has", 6),
    ];
    assert_eq!(found, expected);
}
