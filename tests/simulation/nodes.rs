//! The exchange under everything that can go wrong, from seeds; and proof that a run finds what it is there to find.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::sync::{Arc, Mutex};

use crate::sim::volume::{Fate, Synced, Volume};
use crate::sim::{Defect, Property, run};
use portcullis::store::Disk as _;

/// Seeds of an ordinary test run; `scripts/soak exchange` runs as many as it is asked to.
const SEEDS: u64 = 24;

#[test]
fn nothing_is_lost_doubled_unlogged_or_against_policy_whatever_befalls() {
    let (mut delivered, mut crashes, mut found) = (0, 0, Vec::new());
    for seed in 0..SEEDS {
        let outcome = run(seed, None);
        found.extend(outcome.violations.iter().map(|(property, what)| format!("seed {seed}: {property:?}: {what}")));
        delivered += outcome.delivered;
        crashes += outcome.crashes;
    }
    assert!(found.is_empty(), "{found:#?}");
    assert!(delivered > 0 && crashes > 0, "{delivered} delivered, {crashes} crashes: the runs try nothing");
}

#[test]
fn one_seed_is_one_run() {
    for seed in [3, 7, 11] {
        let (first, second) = (run(seed, None), run(seed, None));
        assert_eq!(first.trace, second.trace, "seed {seed} went two ways");
    }
    assert_ne!(run(3, None).trace, run(4, None).trace);
}

/// What finds a planted defect first in each of the seeds of an ordinary run, up to the one in which its own property does.
fn found(defect: Defect) -> Vec<(u64, Property, String)> {
    let mut found = Vec::new();
    for seed in (defect.seed()..SEEDS).chain(0..defect.seed()) {
        let Some((property, what)) = run(seed, Some(defect)).violations.first().cloned() else { continue };
        found.push((seed, property, what));
        if property == defect.property() {
            break;
        }
    }
    found
}

/// Each by the property that is there for it, and not by another that breaks on the way.
#[test]
fn every_planted_defect_is_found_by_its_own_property_within_the_seeds_of_an_ordinary_run() {
    let mut missed = Vec::new();
    for (defect, name) in Defect::ALL {
        let property = defect.property();
        match found(*defect).pop() {
            Some((seed, by, what)) if by == property => println!("{name}: seed {seed}: {by:?}: {what}"),
            last => missed.push(format!("{name} is not found by {property:?}, but {last:?}")),
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}

/// Syncs that fail as they are told to, one after the other, and then succeed.
struct Told(Mutex<Vec<Synced>>);

impl Fate for Told {
    fn next(&self) -> Synced {
        self.0.lock().unwrap().pop().unwrap_or(Synced::Done)
    }

    fn died(&self) {}
}

#[test]
fn a_later_sync_lies_about_what_a_failed_one_lost_until_it_is_written_again() {
    for trusts_prefix in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let disk = Volume::of(folder.path(), 1, trusts_prefix);
        let disk = disk.under(Arc::new(Told(Mutex::new(vec![Synced::Done, Synced::Failed]))));
        let path = folder.path().join("payload");
        let file = File::options().read(true).write(true).create_new(true).open(&path).unwrap();
        let write = || {
            file.write_all_at(&[7; 20_000], 0).unwrap();
            disk.wrote(&file, 0, 20_000);
        };
        write();
        assert!(disk.sync(&file).is_err());
        disk.sync(&file).unwrap();
        disk.sync_folder(&file, folder.path()).unwrap();
        assert_eq!(fs::read(&path).unwrap(), [7; 20_000], "a read sees the cache");
        assert_ne!(disk.durable("payload").unwrap(), [7; 20_000]);
        write();
        disk.sync(&file).unwrap();
        disk.cut_power();
        assert_eq!(fs::read(&path).unwrap() == [7; 20_000], !trusts_prefix);
    }
}

#[test]
fn a_power_cut_leaves_what_was_synced_and_a_killed_process_did_nothing_after_its_last_sync() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Volume::of(folder.path(), 1, false);
    let (kept, new) = (folder.path().join("kept"), folder.path().join("new"));
    fs::write(&kept, b"EXERCISE").unwrap();
    disk.adopt();
    let dying = disk.under(Arc::new(Told(Mutex::new(vec![Synced::Died]))));
    let file = File::options().read(true).write(true).open(&kept).unwrap();
    assert!(dying.sync(&file).is_err());
    fs::remove_file(&kept).unwrap();
    fs::write(&new, b"never written").unwrap();
    assert!(dying.sync_folder(&file, folder.path()).is_err(), "nothing is done by a dead process");
    disk.process_ended();
    assert_eq!((fs::read(&kept).unwrap(), new.exists()), (b"EXERCISE".to_vec(), false));
    assert!(disk.cut_power().is_empty());
    assert_eq!(fs::read(&kept).unwrap(), b"EXERCISE");
}
