//! Identification of partners by their certificates, and every reason to refuse one.

use std::time::Duration;

use portcullis::digest::Digest;
use portcullis::pki::{
    Authority, CertificateRefusal, IssuedNode, PartnerTrust, ProfileName, Revocation, TrustFault, TrustSnapshot,
    TrustStanding, identify,
};
use portcullis::time::Time;

const NOW: Time = Time::from_unix_ms(1_795_341_600_000);
const DAY: Duration = Duration::from_secs(86_400);

struct Node {
    name: &'static str,
    profile: ProfileName,
    authority: Authority,
    issued: IssuedNode,
}

impl Node {
    fn new(name: &'static str, profile: ProfileName) -> Node {
        let authority = Authority::create(&name.parse().unwrap(), profile.profile(), NOW, [7; 16]).unwrap();
        let issued = authority.issue_node(NOW, [8; 16]).unwrap();
        Node { name, profile, authority, issued }
    }

    fn list(&self, number: u64, revoked: &[Revocation], at: Time) -> Vec<u8> {
        self.authority.issue_revocation_list(revoked, number, at).unwrap().der().to_vec()
    }

    fn revoked(&self) -> Revocation {
        Revocation { serial: self.issued.certificate.serial().to_vec(), at: NOW }
    }

    fn trust(&self) -> PartnerTrust {
        PartnerTrust {
            partner: self.name.parse().unwrap(),
            profile: self.profile,
            authorities: vec![self.authority.certificate().der().to_vec()],
            revocation_lists: vec![self.list(1, &[], NOW)],
            standing: TrustStanding::Active,
            revoked_serials: Default::default(),
            revoked_fingerprints: Default::default(),
        }
    }

    fn leaf(&self) -> &[u8] {
        self.issued.certificate.der()
    }
}

fn gbr() -> Node {
    Node::new("exercise-gbr", ProfileName::Classical)
}

fn snapshot(trust: PartnerTrust) -> TrustSnapshot {
    let (snapshot, faults) = TrustSnapshot::new([trust]);
    assert_eq!(faults, []);
    snapshot
}

fn refusal(leaf: &[u8], trust: PartnerTrust, at: Time) -> CertificateRefusal {
    identify(&[leaf], &snapshot(trust), at).unwrap_err()
}

#[test]
fn identifies_a_partner_of_every_profile_by_its_own_authority() {
    for profile in ProfileName::ALL {
        let node = Node::new("exercise-gbr", profile);
        let identity = identify(&[node.leaf()], &snapshot(node.trust()), NOW).unwrap();
        assert_eq!((identity.partner.as_str(), identity.profile), ("exercise-gbr", profile));
        let with_authority = [node.leaf(), node.authority.certificate().der()];
        assert!(identify(&with_authority, &snapshot(node.trust()), NOW).is_ok());
    }
}

#[test]
fn refuses_no_certificate_and_long_chains() {
    let node = gbr();
    let snapshot = snapshot(node.trust());
    assert_eq!(identify(&[], &snapshot, NOW), Err(CertificateRefusal::Chain(0)));
    assert_eq!(identify(&[node.leaf(); 3], &snapshot, NOW), Err(CertificateRefusal::Chain(3)));
}

#[test]
fn refuses_an_authority_nobody_enrolled() {
    let (node, other) = (gbr(), Node::new("exercise-aus", ProfileName::Classical));
    assert_eq!(refusal(other.leaf(), node.trust(), NOW), CertificateRefusal::UnknownAuthority);
    assert_eq!(identify(&[node.leaf()], &TrustSnapshot::empty(), NOW), Err(CertificateRefusal::UnknownAuthority));
}

#[test]
fn refuses_an_authority_that_copies_an_enrolled_ones_name() {
    let (ours, copy) = (gbr(), gbr());
    assert!(identify(&[copy.leaf()], &snapshot(ours.trust()), NOW).is_err());
    let chain = [ours.leaf(), copy.authority.certificate().der()];
    let refused = identify(&chain, &snapshot(ours.trust()), NOW);
    assert_eq!(refused, Err(CertificateRefusal::OtherAuthority("exercise-gbr".parse().unwrap())));
}

#[test]
fn refuses_a_certificate_that_names_another_partner() {
    // The authority of one partner issues for the name of another; only its own name is ever accepted from it.
    let aus = Node::new("exercise-aus", ProfileName::Classical);
    let profile = ProfileName::Classical.profile();
    let key = portcullis::pki::CertificateKey::from_pem(profile, &aus.authority.key().to_pem()).unwrap();
    let posing = Authority::load(&"exercise-gbr".parse().unwrap(), profile, aus.authority.certificate().der(), key);
    let posing = posing.unwrap().issue_node(NOW, [3; 16]).unwrap();
    assert!(matches!(
        refusal(posing.certificate.der(), aus.trust(), NOW),
        CertificateRefusal::Certificate { partner, .. } if partner.as_str() == "exercise-aus"
    ));
    assert!(identify(&[aus.leaf()], &snapshot(aus.trust()), NOW).is_ok());
}

#[test]
fn refuses_an_authority_certificate_presented_as_a_node() {
    let node = gbr();
    assert!(identify(&[node.authority.certificate().der()], &snapshot(node.trust()), NOW).is_err());
}

#[test]
fn refuses_every_flipped_byte_of_a_certificate() {
    let node = gbr();
    let snapshot = snapshot(node.trust());
    for place in 0..node.leaf().len() {
        let mut leaf = node.leaf().to_vec();
        leaf[place] ^= 0x01;
        assert!(identify(&[&leaf], &snapshot, NOW).is_err(), "byte {place} altered was accepted");
    }
}

#[test]
fn refuses_a_suspended_partner() {
    let node = gbr();
    let suspended = PartnerTrust { standing: TrustStanding::Suspended, ..node.trust() };
    assert!(matches!(refusal(node.leaf(), suspended, NOW), CertificateRefusal::Suspended(_)));
}

#[test]
fn refuses_a_partner_that_was_removed() {
    let node = gbr();
    let removed = PartnerTrust { standing: TrustStanding::Removed, ..node.trust() };
    assert!(matches!(refusal(node.leaf(), removed, NOW), CertificateRefusal::Removed(_)));
    assert!(identify(&[node.leaf()], &snapshot(node.trust()), NOW).is_ok());
}

#[test]
fn refuses_a_certificate_outside_its_validity_to_the_second() {
    let node = gbr();
    let (from, until) = (node.issued.certificate.not_before(), node.issued.certificate.not_after());
    let at = |at: Time| {
        let list = node.list(2, &[], at);
        identify(&[node.leaf()], &snapshot(PartnerTrust { revocation_lists: vec![list], ..node.trust() }), at)
    };
    assert!(at(from).is_ok());
    assert!(at(until).is_ok());
    let second = Duration::from_secs(1);
    assert!(matches!(at(from.minus(second)), Err(CertificateRefusal::NotValidNow { .. })));
    assert!(matches!(at(until.plus(second)), Err(CertificateRefusal::NotValidNow { .. })));
}

#[test]
fn refuses_a_certificate_its_authority_revoked() {
    let node = gbr();
    let lists = vec![node.list(1, &[], NOW), node.list(2, &[node.revoked()], NOW)];
    let trust = PartnerTrust { revocation_lists: lists, ..node.trust() };
    assert!(matches!(refusal(node.leaf(), trust, NOW), CertificateRefusal::Revoked(_)));
}

#[test]
fn refuses_a_certificate_our_operator_revoked() {
    let node = gbr();
    let serial = PartnerTrust { revoked_serials: [node.revoked().serial].into(), ..node.trust() };
    assert!(matches!(refusal(node.leaf(), serial, NOW), CertificateRefusal::Revoked(_)));
    let fingerprints = [Digest::of(node.leaf())].into();
    let fingerprint = PartnerTrust { revoked_fingerprints: fingerprints, ..node.trust() };
    assert!(matches!(refusal(node.leaf(), fingerprint, NOW), CertificateRefusal::Revoked(_)));
}

#[test]
fn refuses_a_certificate_whose_authority_its_own_list_or_our_operator_revoked() {
    let (node, other) = (gbr(), gbr());
    let authority = node.authority.certificate();
    let listed = |serial: &[u8]| {
        let entry = Revocation { serial: serial.to_vec(), at: NOW };
        PartnerTrust { revocation_lists: vec![node.list(2, &[entry], NOW)], ..node.trust() }
    };
    let named = |der: &[u8]| PartnerTrust { revoked_fingerprints: [Digest::of(der)].into(), ..node.trust() };
    for trust in [listed(authority.serial()), named(authority.der())] {
        assert!(matches!(refusal(node.leaf(), trust, NOW), CertificateRefusal::Revoked(_)));
    }
    for trust in [listed(&[9; 16]), named(other.authority.certificate().der()), named(other.leaf())] {
        assert!(identify(&[node.leaf()], &snapshot(trust), NOW).is_ok(), "somebody else's was revoked");
    }
}

#[test]
fn a_certificate_holds_until_the_first_of_its_own_end_its_authoritys_and_its_lists() {
    let node = gbr();
    let identified = |at: Time| {
        let trust = PartnerTrust { revocation_lists: vec![node.list(2, &[], at)], ..node.trust() };
        identify(&[node.leaf()], &snapshot(trust), at).unwrap()
    };
    let profile = node.profile.profile();
    assert_eq!(identified(NOW).until, NOW.plus(profile.revocation_validity()), "its list is due first");
    let end = node.issued.certificate.not_after();
    assert_eq!(identified(end.minus(DAY)).until, end, "it ends before its list is due");
}

#[test]
fn refuses_everything_while_the_revocation_list_is_missing_or_stale() {
    let node = gbr();
    let none = PartnerTrust { revocation_lists: Vec::new(), ..node.trust() };
    assert!(matches!(refusal(node.leaf(), none, NOW), CertificateRefusal::NoRevocationList(_)));
    let week = DAY * 7;
    assert!(identify(&[node.leaf()], &snapshot(node.trust()), NOW.plus(week).minus(DAY)).is_ok());
    assert!(matches!(
        refusal(node.leaf(), node.trust(), NOW.plus(week)),
        CertificateRefusal::StaleRevocationList { .. }
    ));
    assert!(matches!(refusal(node.leaf(), node.trust(), NOW.minus(DAY)), CertificateRefusal::NotValidNow { .. }));
}

#[test]
fn the_list_with_the_highest_number_wins_whatever_the_order_and_even_if_stale() {
    let node = gbr();
    let (newer, older) = (node.list(9, &[], NOW), node.list(8, &[node.revoked()], NOW));
    for lists in [vec![newer.clone(), older.clone()], vec![older, newer]] {
        let trust = PartnerTrust { revocation_lists: lists, ..node.trust() };
        assert!(identify(&[node.leaf()], &snapshot(trust), NOW).is_ok());
    }
    // An older list that is still current must not replace a newer one that is stale.
    let lists = vec![node.list(2, &[], NOW), node.list(1, &[], NOW.plus(DAY * 6))];
    let trust = PartnerTrust { revocation_lists: lists, ..node.trust() };
    assert!(matches!(refusal(node.leaf(), trust, NOW.plus(DAY * 7)), CertificateRefusal::StaleRevocationList { .. }));
}

#[test]
fn refuses_lists_that_conflict_or_are_anothers() {
    let node = gbr();
    let lists = vec![node.list(3, &[], NOW), node.list(3, &[node.revoked()], NOW)];
    let (snapshot, faults) = TrustSnapshot::new([PartnerTrust { revocation_lists: lists, ..node.trust() }]);
    assert_eq!(faults, [("exercise-gbr".parse().unwrap(), TrustFault::ConflictingLists(3))]);
    assert!(identify(&[node.leaf()], &snapshot, NOW).is_err());
    let others = vec![gbr().list(1, &[], NOW)];
    let (_, faults) = TrustSnapshot::new([PartnerTrust { revocation_lists: others, ..node.trust() }]);
    assert!(matches!(faults.as_slice(), [(_, TrustFault::RevocationList(_))]));
}

#[test]
fn an_authority_stays_with_whoever_was_enrolled_with_it_first_and_a_partner_is_enrolled_once() {
    let node = gbr();
    let again = PartnerTrust { partner: "exercise-aus".parse().unwrap(), ..node.trust() };
    let shared = |first: &str| TrustFault::SharedAuthority(first.parse().unwrap());
    let (snapshot, faults) = TrustSnapshot::new([node.trust(), again.clone()]);
    assert_eq!(faults, [("exercise-aus".parse().unwrap(), shared("exercise-gbr"))]);
    assert_eq!(identify(&[node.leaf()], &snapshot, NOW).unwrap().partner.as_str(), "exercise-gbr");
    // The order of enrolment decides, not the name; the first partner keeps it whatever other faults it has.
    let (snapshot, faults) = TrustSnapshot::new([again.clone(), node.trust()]);
    assert_eq!(faults, [("exercise-gbr".parse().unwrap(), shared("exercise-aus"))]);
    assert!(identify(&[node.leaf()], &snapshot, NOW).is_err());
    for first in [
        PartnerTrust { standing: TrustStanding::Suspended, ..node.trust() },
        PartnerTrust { standing: TrustStanding::Removed, ..node.trust() },
        PartnerTrust { revocation_lists: vec![gbr().list(1, &[], NOW)], ..node.trust() },
    ] {
        let (snapshot, faults) = TrustSnapshot::new([first, again.clone()]);
        assert!(faults.contains(&("exercise-aus".parse().unwrap(), shared("exercise-gbr"))), "{faults:?}");
        assert!(identify(&[node.leaf()], &snapshot, NOW).is_err());
    }
    let (_, faults) = TrustSnapshot::new([node.trust(), node.trust()]);
    assert!(matches!(faults.as_slice(), [(_, TrustFault::Twice)]));
}

#[test]
fn refuses_a_certificate_of_another_profile() {
    let (classical, cnsa2) = (gbr(), Node::new("exercise-gbr", ProfileName::Cnsa2));
    let claimed = PartnerTrust { profile: ProfileName::Cnsa2, ..classical.trust() };
    let (_, faults) = TrustSnapshot::new([claimed]);
    assert!(matches!(faults.as_slice(), [(_, TrustFault::Authority(_))]));
    assert!(identify(&[classical.leaf()], &snapshot(cnsa2.trust()), NOW).is_err());
}

#[test]
fn two_authorities_of_one_partner_both_hold_while_it_changes_over() {
    let (old, new) = (gbr(), gbr());
    let mut trust = old.trust();
    trust.authorities.extend(new.trust().authorities);
    trust.revocation_lists.extend(new.trust().revocation_lists);
    let snapshot = snapshot(trust);
    assert!(identify(&[old.leaf()], &snapshot, NOW).is_ok());
    assert!(identify(&[new.leaf()], &snapshot, NOW).is_ok());
}
