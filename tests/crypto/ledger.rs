//! The ledger against external vectors, and against every alteration.

use std::collections::{BTreeMap, BTreeSet};

use crate::property::property;
use portcullis::digest::Digest;
use portcullis::ledger::{
    Entry, EntryKind, Frontier, Hashes, LedgerFault, LedgerKey, Origin, Proof, ProofFault, SignedCheckpoint, Verifier,
    leaf_hash, stored_count, verify,
};
use portcullis::sign::{Algorithm, LocalSigner, Signer as _};
use portcullis::time::Time;
use proptest::prelude::*;

/// The eight leaves of the reference implementation of Certificate Transparency.
const LEAVES: [&str; 8] =
    ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
/// The root hashes of the trees of the first one to eight of them.
const ROOTS: [&str; 8] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

fn digest(hex: &str) -> Digest {
    hex.parse().expect("a digest")
}

/// The tree over `leaves`: its right edge, all stored hashes, and its root at every size.
fn grow(leaves: impl IntoIterator<Item = Vec<u8>>) -> (Frontier, Hashes, Vec<Digest>) {
    let (mut frontier, mut stored) = (Frontier::empty(), BTreeMap::new());
    let mut roots = vec![frontier.root()];
    for leaf in leaves {
        let first = stored_count(frontier.size());
        stored.extend((first..).zip(frontier.append(leaf_hash(&leaf))));
        roots.push(frontier.root());
    }
    (frontier, stored, roots)
}

fn reference() -> (Hashes, Vec<Digest>) {
    let (_, stored, roots) = grow(LEAVES.iter().map(|leaf| hex::decode(leaf).expect("hexadecimal digits")));
    (stored, roots)
}

#[test]
fn heads_are_those_of_certificate_transparency() {
    let (_, roots) = reference();
    assert_eq!(roots[0], Digest::of(b""), "RFC 6962, section 2.1: the hash of an empty tree");
    assert_eq!(roots[1..], ROOTS.map(digest));
}

#[test]
fn proofs_are_those_of_certificate_transparency() {
    let (stored, roots) = reference();
    let inclusion = Proof::of_inclusion(5, 8, &stored).unwrap();
    let expected = [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ];
    assert_eq!(inclusion.hashes(), expected.map(digest));
    let consistency = Proof::of_consistency(6, 8, &stored).unwrap();
    let expected = [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ];
    assert_eq!(consistency.hashes(), expected.map(digest));
    assert_eq!(consistency.check_consistency(6, roots[6], 8, roots[8]), Ok(()));
}

#[test]
fn every_proof_of_every_small_tree_holds_and_no_other_does() {
    let (_, stored, roots) = grow((0..40u8).map(|n| vec![n]));
    for size in 0..=40u64 {
        for index in 0..size {
            let proof = Proof::of_inclusion(index, size, &stored).unwrap();
            let leaf = leaf_hash(&[index as u8]);
            assert_eq!(proof.check_inclusion(index, leaf, size, roots[size as usize]), Ok(()));
            let other = leaf_hash(&[index as u8, 0]);
            assert_eq!(proof.check_inclusion(index, other, size, roots[size as usize]), Err(ProofFault::Disagrees));
        }
        for old in 0..=size {
            let proof = Proof::of_consistency(old, size, &stored).unwrap();
            let (old_root, root) = (roots[old as usize], roots[size as usize]);
            assert_eq!(proof.check_consistency(old, old_root, size, root), Ok(()), "{old} to {size}");
            let forked = digest(ROOTS[0]);
            assert!(proof.check_consistency(old, forked, size, root).is_err(), "{old} to {size}");
            assert!(old == size || proof.check_consistency(old, old_root, size, forked).is_err() || old == 0);
        }
    }
}

#[test]
fn refuses_proofs_out_of_range_too_long_or_of_lost_hashes() {
    let (mut stored, roots) = reference();
    assert_eq!(Proof::of_inclusion(8, 8, &stored), Err(ProofFault::Range));
    assert_eq!(Proof::of_consistency(9, 8, &stored), Err(ProofFault::Range));
    assert_eq!(Proof::inclusion_needs(0, u64::MAX), Err(ProofFault::Range));
    let long = Proof::from_hashes(vec![roots[8]; 100_000]);
    assert_eq!(long.check_inclusion(0, leaf_hash(b""), 8, roots[8]), Err(ProofFault::Disagrees));
    assert_eq!(long.check_consistency(1, roots[1], 8, roots[8]), Err(ProofFault::Disagrees));
    let none = Proof::from_hashes(Vec::new());
    assert!(none.check_inclusion(0, leaf_hash(b""), u64::MAX, roots[8]).is_err());
    assert!(none.check_consistency(0, roots[1], 8, roots[8]).is_err(), "an empty tree has one head");
    assert_eq!(none.check_consistency(0, roots[0], 8, roots[8]), Ok(()));
    assert_eq!(none.check_consistency(0, roots[0], 0, roots[0]), Ok(()));
    assert!(none.check_consistency(0, roots[0], 0, roots[1]).is_err(), "an empty tree has one head");
    assert_eq!(none.check_inclusion(8, leaf_hash(b""), 8, roots[8]), Err(ProofFault::Range));
    stored.remove(&0);
    assert_eq!(Proof::of_inclusion(1, 8, &stored), Err(ProofFault::LostHash { position: 0 }));
}

fn entry(n: u64) -> Entry {
    Entry::new(Time::from_unix_ms(1_795_341_600_000), EntryKind::Alarm, format!("exercise-{n}"), "exercise")
}

struct Ledger {
    key: LedgerKey,
    entries: Vec<Vec<u8>>,
    head: SignedCheckpoint,
}

fn ledger(size: u64) -> Ledger {
    let signer = LocalSigner::from_pkcs8(&LocalSigner::generate(Algorithm::Ed25519).unwrap()).unwrap();
    let origin = Origin::of_node(&"exercise-usa".parse().unwrap());
    let key = LedgerKey::new(origin, signer.public().clone()).unwrap();
    let entries: Vec<Vec<u8>> = (0..size).map(|n| entry(n).to_bytes()).collect();
    let (frontier, _, _) = grow(entries.clone());
    let head = SignedCheckpoint::sign(size, frontier.root(), &key, &signer).unwrap();
    Ledger { key, entries, head }
}

#[test]
fn a_whole_ledger_verifies() {
    for size in [0, 1, 2, 3, 64, 65] {
        let Ledger { key, entries, head } = ledger(size);
        let head = SignedCheckpoint::verify(head.as_str(), &key).unwrap();
        assert_eq!(verify(&entries, &head).unwrap().size, size);
    }
}

#[test]
fn refuses_a_ledger_that_was_altered_in_any_way() {
    let Ledger { entries, head, .. } = ledger(20);
    let root = Err(LedgerFault::Root { first: 0, end: 20 });
    for n in 0..20usize {
        let mut altered = entries.clone();
        altered[n] = entry(99).to_bytes();
        assert_eq!(verify(&altered, &head), root, "entry {n} replaced");
        let mut deleted = entries.clone();
        deleted.remove(n);
        assert_eq!(verify(&deleted, &head), Err(LedgerFault::Size { signed: 20, found: 19 }), "entry {n} deleted");
        let mut inserted = entries.clone();
        inserted.insert(n, entry(99).to_bytes());
        assert_eq!(verify(&inserted, &head), Err(LedgerFault::Size { signed: 20, found: 21 }), "one inserted at {n}");
        let mut moved = entries.clone();
        moved.swap(n, (n + 1) % 20);
        assert_eq!(verify(&moved, &head), root, "entry {n} moved");
        let mut garbled = entries.clone();
        garbled[n].push(0);
        let named = matches!(verify(&garbled, &head), Err(LedgerFault::Entry { index, .. }) if index == n as u64);
        assert!(named, "entry {n} garbled");
    }
    for end in 0..20 {
        let cut = verify(&entries[..end], &head);
        assert_eq!(cut, Err(LedgerFault::Size { signed: 20, found: end as u64 }));
    }
}

#[test]
fn a_fork_disagrees_from_the_checkpoint_on_that_both_sides_share() {
    let Ledger { entries, .. } = ledger(20);
    let (ours, theirs) = (grow(entries[..12].to_vec()), grow((0..20).map(|n| entry(n + 100 * (n / 10)).to_bytes())));
    let proof = Proof::of_consistency(12, 20, &theirs.1).unwrap();
    assert_eq!(proof.check_consistency(12, ours.2[12], 20, theirs.2[20]), Err(ProofFault::Disagrees));
    let shared = Proof::of_consistency(10, 20, &theirs.1).unwrap();
    assert_eq!(shared.check_consistency(10, ours.2[10], 20, theirs.2[20]), Ok(()));
}

/// `sample.txt`: the ledger of a fictitious node, as `tests/vectors/ledger/verify.py` checks it as well.
#[test]
fn the_sample_ledger_verifies_and_no_altered_line_does() {
    let sample = include_str!("../vectors/ledger/sample.txt");
    assert!(check(sample).is_ok(), "{:?}", check(sample));
    let lines: Vec<&str> = sample.lines().collect();
    for n in (0..lines.len()).filter(|n| lines[*n].starts_with("entry ")) {
        let mut without = lines.clone();
        without.remove(n);
        assert!(check(&(without.join("\n") + "\n")).is_err(), "line {n} left out");
    }
}

fn check(sample: &str) -> Result<(), String> {
    let (lines, note) = sample.split_once("head\n").ok_or("no head")?;
    let key: LedgerKey = lines
        .lines()
        .find_map(|l| l.strip_prefix("key "))
        .ok_or("no key")?
        .parse()
        .map_err(|e: portcullis::ledger::NotALedgerKey| e.to_string())?;
    let head = SignedCheckpoint::verify(note, &key).map_err(|e| e.to_string())?;
    let entries = lines.lines().filter_map(|l| l.strip_prefix("entry ")).map(|l| hex::decode(l).unwrap_or_default());
    verify(entries, &head).map(drop).map_err(|e| e.to_string())
}

#[test]
fn every_kind_is_in_the_documents() {
    let page = include_str!("../../docs/RECORDS.md");
    let (_, after) = page.split_once("| about | kinds |").expect("a table of kinds");
    let table = after.split("\n\n").next().unwrap();
    let listed: BTreeSet<&str> = table.split('`').skip(1).step_by(2).collect();
    let kinds: BTreeSet<&str> = EntryKind::ALL.iter().map(|kind| kind.as_str()).collect();
    assert_eq!(listed, kinds);
}

/// Writes a new sample, with a key that is then discarded: `cargo test --test crypto ledger:: -- --ignored`.
#[test]
#[ignore = "writes tests/vectors/ledger/sample.txt"]
fn write_the_sample_ledger() {
    use std::fmt::Write as _;
    let Ledger { key, mut entries, .. } = ledger(0);
    let _ = key;
    let signer = LocalSigner::from_pkcs8(&LocalSigner::generate(Algorithm::Ed25519).unwrap()).unwrap();
    let origin = Origin::of_node(&"exercise-usa".parse().unwrap());
    let key = LedgerKey::new(origin, signer.public().clone()).unwrap();
    for (n, kind) in EntryKind::ALL.iter().enumerate() {
        let time = Time::from_unix_ms(1_795_341_600_000 + 1000 * n as i64);
        let entry = Entry::new(time, *kind, format!("exercise-{n}"), "exercise").with("code", "exercise").with("n", n);
        entries.push(entry.to_bytes());
    }
    let (frontier, _, _) = grow(entries.clone());
    let head = SignedCheckpoint::sign(frontier.size(), frontier.root(), &key, &signer).unwrap();
    let mut text = String::from("# EXERCISE: the ledger of a fictitious node. Expected: it verifies.\n");
    writeln!(text, "key {key}").unwrap();
    for entry in entries {
        writeln!(text, "entry {}", hex::encode(entry)).unwrap();
    }
    write!(text, "head\n{head}").unwrap();
    std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/ledger/sample.txt"), text).unwrap();
}

/// How the bytes of an entry are invalid, if they are.
#[derive(Clone, Copy, Debug)]
enum Broken {
    Not,
    Flipped(u8),
    Removed,
    Inserted(u8),
    CutShort,
}

#[test]
fn whatever_reads_as_an_entry_is_written_as_it_was_read() {
    let broken = prop_oneof![
        1 => Just(Broken::Not),
        4 => (0u8..8).prop_map(Broken::Flipped),
        1 => Just(Broken::Removed),
        1 => any::<u8>().prop_map(Broken::Inserted),
        1 => Just(Broken::CutShort),
    ];
    let details = prop::collection::btree_map("[a-z]{1,12}", "\\PC{0,40}", 0..5);
    let entry = (any::<prop::sample::Index>(), 0i64..253_402_300_800_000, ".{0,60}", ".{0,40}", details).prop_map(
        |(kind, time, subject, actor, details)| {
            let kind = EntryKind::ALL[kind.index(EntryKind::ALL.len())];
            let entry = Entry::new(Time::from_unix_ms(time), kind, subject, actor);
            details.into_iter().fold(entry, |entry, (name, value)| entry.with(&name, value))
        },
    );
    let cases = (entry, broken, any::<prop::sample::Index>());
    property(&["as it was", "another", "refused"], &cases, |(entry, broken, at), classes| {
        let mut bytes = entry.to_bytes();
        let place = at.index(bytes.len());
        match broken {
            Broken::Not => {}
            Broken::Flipped(bit) => bytes[place] ^= 1 << bit,
            Broken::Removed => drop(bytes.remove(place)),
            Broken::Inserted(byte) => bytes.insert(place, byte),
            Broken::CutShort => bytes.truncate(place),
        }
        match Entry::from_bytes(&bytes) {
            Ok(read) => {
                classes.saw(if read == entry { "as it was" } else { "another" }, true);
                prop_assert_eq!(read == entry, bytes == entry.to_bytes());
                prop_assert_eq!(read.to_bytes(), bytes);
            }
            Err(_) => {
                prop_assert!(!matches!(broken, Broken::Not));
                classes.saw("refused", true);
            }
        }
        Ok(())
    });
}

proptest! {
    #[test]
    fn a_frontier_read_back_goes_on_like_the_one_that_was_kept(size in 0u64..600, more in 1u64..40) {
        let (mut kept, stored, _) = grow((0..size).map(|n| n.to_be_bytes().to_vec()));
        let mut read = Frontier::from_stored(size, &stored).unwrap();
        prop_assert_eq!(&read, &kept);
        for n in 0..more {
            prop_assert_eq!(read.append(leaf_hash(&n.to_be_bytes())), kept.append(leaf_hash(&n.to_be_bytes())));
        }
        prop_assert_eq!(read.root(), kept.root());
    }

    #[test]
    fn entries_of_any_texts_read_back(subject in ".{0,700}", actor in ".{0,40}", value in "\\PC{0,600}|.{0,40}") {
        let entry = Entry::new(Time::EPOCH, EntryKind::Alarm, subject, actor).with("value", value);
        prop_assert_eq!(Entry::from_bytes(&entry.to_bytes()), Ok(entry));
    }

    #[test]
    fn a_verifier_names_the_entry_whose_stored_hash_is_another(size in 1u64..80, at in 0u64..80) {
        let at = at % size;
        let mut verifier = Verifier::new();
        let mut frontier = Frontier::empty();
        let mut found = None;
        for n in 0..size {
            let stored = frontier.append(leaf_hash(&entry(n).to_bytes()));
            let shown = entry(if n == at { 1000 } else { n }).to_bytes();
            if let Err(fault) = verifier.entry_and_hashes(&shown, &stored) {
                found = Some(fault);
                break;
            }
        }
        prop_assert_eq!(found, Some(LedgerFault::Altered { index: at }));
    }
}
