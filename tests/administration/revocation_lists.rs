//! Revocation lists: what was revoked stays so, whoever makes lists at once and whatever a partner sends.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::{Node, World};
use portcullis::partner::Description;
use portcullis::pki::{Authority, CertificateKey, ProfileName, Revocation, RevocationList, pem_to_der};
use portcullis::system::SystemClock;
use portcullis::time::Clock as _;

/// How many certificates are revoked beside somebody who makes lists.
const REVOCATIONS: usize = 40;

fn certificate(node: &Node, name: &str) -> String {
    std::fs::read_to_string(node.folder.join("certs").join(name)).unwrap()
}

/// A node's authority, with its key.
fn authority(node: &Node) -> Authority {
    let profile = ProfileName::Cnsa2.profile();
    let key = std::fs::read_to_string(node.folder.join("keys/ca.key")).unwrap();
    let key = CertificateKey::from_pem(profile, &key).unwrap();
    let der = pem_to_der("CERTIFICATE", &certificate(node, "ca.pem")).unwrap();
    Authority::load(&node.name.parse().unwrap(), profile, &der, key).unwrap()
}

fn list(node: &Node) -> RevocationList {
    let der = pem_to_der("X509 CRL", &certificate(node, "crl.pem")).unwrap();
    RevocationList::parse(&der, authority(node).certificate(), ProfileName::Cnsa2.profile()).unwrap()
}

#[test]
fn revocations_beside_somebody_who_makes_lists_are_all_there() {
    let world = World::new();
    let us = world.node("exercise-usa", "USA");
    let revoked_all = AtomicBool::new(false);
    let serials: Vec<String> = std::thread::scope(|scope| {
        let lists = scope.spawn(|| {
            let mut made = 0;
            while !revoked_all.load(Ordering::SeqCst) {
                us.run(&["cert", "refresh-list"]).expect(0);
                made += 1;
            }
            made
        });
        let revoke = |n: usize| {
            if n > 0 {
                us.run(&["cert", "renew"]).expect(0);
            }
            us.run(&["cert", "revoke", "--yes"]).expect(0).text("/node_serial").to_owned()
        };
        let serials = (0..REVOCATIONS).map(revoke).collect();
        revoked_all.store(true, Ordering::SeqCst);
        assert!(lists.join().unwrap() > 0);
        serials
    });
    let list = list(&us);
    let lost: Vec<&String> = serials.iter().filter(|serial| !list.revokes(&hex::decode(serial).unwrap())).collect();
    assert!(lost.is_empty() && list.len() == REVOCATIONS, "lost {lost:?} of {}", list.len());
    // What a copy of earlier lacks, the next list has, under a number that no list had.
    let number = list.number();
    let first = authority(&us).issue_revocation_list(&[], 1, SystemClock.now()).unwrap();
    std::fs::write(us.folder.join("certs/crl.pem"), first.to_pem()).unwrap();
    us.run(&["cert", "refresh-list"]).expect(0);
    let list = self::list(&us);
    assert!(list.len() == REVOCATIONS && list.number() > number, "{} after {number}", list.number());
    us.run(&["ledger", "verify"]).expect(0);
}

#[test]
fn lists_are_issued_with_both_authorities_keys_or_not_at_all_and_numbered_by_the_clock() {
    let world = World::new();
    let us = world.node("exercise-usa", "USA");
    let before = (certificate(&us, "crl.pem"), us.run(&["ledger", "verify"]).expect(0).value["size"].clone());
    let (key, aside) = (us.folder.join("keys/officers.key"), world.path("officers.key"));
    std::fs::rename(&key, &aside).unwrap();
    for command in ["refresh-list", "renew"] {
        us.run(&["cert", command]).expect(3);
        let after = (certificate(&us, "crl.pem"), us.run(&["ledger", "verify"]).expect(0).value["size"].clone());
        assert_eq!(before, after, "{command}");
    }
    std::fs::rename(&aside, &key).unwrap();
    // Nothing that was issued under an earlier clock, and is not on record here, is as new.
    let seconds = u64::try_from(SystemClock.now().unix_ms() / 1000).unwrap();
    us.run(&["cert", "refresh-list"]).expect(0);
    let first = list(&us).number();
    us.run(&["cert", "refresh-list"]).expect(0);
    assert!(first >= seconds && list(&us).number() > first);
}

#[test]
fn an_officer_who_was_revoked_is_on_the_next_list_whatever_became_of_the_last() {
    let world = World::new();
    let us = world.node("exercise-usa", "USA");
    let before = certificate(&us, "officers-crl.pem");
    world.officer(&us, "exercise-officer-1", "disclosure-officer");
    world.proposed(&us, &["officer", "renew", "exercise-officer-1", "--valid-for", "30d"]);
    us.run(&["officer", "revoke", "exercise-officer-1"]).expect(0);
    let listed = || {
        let profile = ProfileName::Cnsa2.profile();
        let der = pem_to_der("CERTIFICATE", &certificate(&us, "officers.pem")).unwrap();
        let authority = portcullis::pki::AuthorityCertificate::parse(&der, profile).unwrap();
        let der = pem_to_der("X509 CRL", &certificate(&us, "officers-crl.pem")).unwrap();
        RevocationList::parse(&der, &authority, profile).unwrap()
    };
    let all = listed();
    assert_eq!(all.len(), 2, "the certificate that was replaced, and the one that was revoked");
    std::fs::write(us.folder.join("certs/officers-crl.pem"), before).unwrap();
    us.run(&["cert", "refresh-list"]).expect(0);
    let again = listed();
    assert!(all.revocations().eq(again.revocations()) && again.number() > all.number());
}

#[test]
fn a_partners_update_makes_no_revocation_disappear() {
    let world = World::new();
    let (us, them) = world.pair();
    let (authority, now) = (authority(&them), SystemClock.now());
    let described = Description::parse(&them.run(&["partner", "export"]).expect(0).stdout).unwrap();
    let revoked = |serial: u8| Revocation { serial: vec![serial], at: now };
    let listed =
        |revoked: &[Revocation], number| authority.issue_revocation_list(revoked, number, now).unwrap().to_pem();
    let update = |revocation_list: String| {
        let description = Description { revocation_list, ..described.clone() };
        us.run(&["partner", "update", &world.file("update.json", &description.to_json())])
    };
    let known = listed(&[revoked(1)], 7);
    update(known.clone()).expect(0);
    let other = update(listed(&[], 7)).expect(1);
    assert!(other.stderr.contains("each list needs a number of its own"), "{}", other.stderr);
    assert!(other.stderr.contains("nothing was changed"), "{}", other.stderr);
    let drops = update(listed(&[revoked(2)], 8)).expect(1);
    assert!(drops.stderr.contains("does not revoke certificate 01"), "{}", drops.stderr);
    update(listed(&[revoked(1)], 6)).expect(1);
    update(known).expect(0);
    update(listed(&[revoked(1), revoked(2)], 8)).expect(0);
    // Nor does a change that two officers sign, over the same authority.
    let list = authority.issue_revocation_list(&[], 9, now).unwrap().to_pem();
    let key = portcullis::seal::PayloadIdentity::parse(&portcullis::seal::PayloadIdentity::generate()).unwrap();
    let payload_recipient = portcullis::seal::Opener::recipient(&key).to_string();
    let rekeyed = Description { revocation_list: list, payload_recipient, ..described };
    let print = rekeyed.fingerprint().to_string();
    let file = world.file("rekeyed.json", &rekeyed.to_json());
    let out = world.path("rekeyed-change.json").display().to_string();
    let refused = us.run(&["partner", "update", &file, "--confirm", &print, "--out", &out]).expect(1);
    assert!(refused.stderr.contains("does not revoke certificate"), "{}", refused.stderr);
    us.run(&["ledger", "verify"]).expect(0);
}
