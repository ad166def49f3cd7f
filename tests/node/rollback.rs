//! A store that is put back to an older copy, or that finds another spool, is stopped until the newest copy is back or two
//! officers accept the loss: nothing is recorded, sent or moved meanwhile.

use std::fs;
use std::path::Path;

use crate::support::{Node, World, block_on};

const BANNER: &str = "SECRET//REL TO USA, GBR";
const PORTION: &str = "(S//REL TO USA, GBR)";

fn release(world: &World, us: &Node, id: &str) -> String {
    let file = world.product(id, BANNER, PORTION);
    world.release(us, &[file], "exercise-gbr").text("/exchanges/0/exchange").to_owned()
}

fn entries(node: &Node) -> u64 {
    let opened = node.open_live();
    block_on(async {
        let size = opened.store().head().await.unwrap().size();
        opened.store().close().await;
        size
    })
}

/// The head of the other ledger that a node remembers.
fn partner_checkpoint(node: &Node) -> String {
    let opened = node.open_live();
    block_on(async {
        let seen = opened.store().partner_checkpoint(&"exercise-usa".parse().unwrap()).await.unwrap().unwrap();
        opened.store().close().await;
        seen
    })
}

/// Serves until the server ends by itself, with the status of a stop.
fn stops(node: &mut Node) -> String {
    let said = node.log_text().len();
    node.serve();
    assert_eq!(node.until_ended(), Some(3), "{}", node.log_text());
    node.log_text().split_off(said)
}

fn serves(node: &mut Node) {
    let ups = node.log_text().matches("node started").count();
    node.serve();
    node.until(&["status"], |_| node.log_text().matches("node started").count() > ups);
    assert!(node.stop(), "{}", node.log_text());
}

/// What `status` says first, of a node that is stopped.
fn alarm(node: &Node) -> String {
    let status = node.run(&["status"]).expect(0);
    assert_eq!(status.text("/alarms/0/what"), "stopped", "{}", status.stdout);
    status.text("/alarms/0/text").to_owned()
}

/// Puts the database of another copy of a node in the place of its own, whole, and other files of that copy.
fn put_back(node: &Node, from: &Path, names: &[&str]) {
    let (from, to) = (from.join("store"), node.folder.join("store"));
    for part in ["portcullis.db", "portcullis.db-wal", "portcullis.db-shm"] {
        let _ = fs::remove_file(to.join(part));
    }
    for name in ["portcullis.db", "portcullis.db-wal"].iter().chain(names) {
        if from.join(name).exists() {
            fs::copy(from.join(name), to.join(name)).unwrap();
        }
    }
}

#[test]
fn an_older_copy_stays_stopped_until_the_newest_is_back_or_officers_accept_the_loss() {
    let world = World::new();
    let (mut us, mut them) = world.pair();
    let before = world.path("before");
    us.copy_to(&before);
    us.serve();
    them.serve();
    let exchange = release(&world, &us, "WITNESSED");
    us.until_state(&exchange, "delivered");
    // The partner sees the newer head when the link comes up again.
    assert!(us.stop());
    let ups = us.log_text().matches("\"up\":true").count();
    us.serve();
    us.until(&["status"], |_| us.log_text().matches("\"up\":true").count() > ups);
    assert!(us.stop());
    let (newest, older) = (world.path("newest"), world.path("older"));
    fs::rename(&us.folder, &newest).unwrap();
    fs::rename(&before, &us.folder).unwrap();
    us.copy_to(&older);
    us.run(&["ledger", "verify"]).expect(0);

    // The whole folder is consistent: the first partner says that it is old. From then on the node knows.
    let log = stops(&mut us);
    assert!(log.contains("the store is an older copy") && log.contains("ledger resume --head exercise-gbr="), "{log}");
    let grown = entries(&us);
    // The partner puts its alarm on record on its own time.
    let went_back = |e: &serde_json::Value| e["kind"] == "alarm" && e["detail"]["ledger"] == "went-back";
    them.until(&["ledger", "show", "--limit", "1000"], |answer| answer.list("/entries").iter().any(went_back));
    assert!(them.stop());
    for _ in 2..=4 {
        // With nobody to say so any more.
        assert!(stops(&mut us).contains("the node is stopped"));
        assert_eq!(entries(&us), grown, "nothing is recorded");
    }
    // What is on record can be read; nothing else is done, and the files of the spool stay where they are.
    assert!(alarm(&us).contains("restore the newest copy"), "{}", alarm(&us));
    let refused = us.run(&["partner", "suspend", "exercise-gbr"]).expect(3);
    assert!(refused.stderr.contains("the node is stopped"), "{}", refused.stderr);
    us.run(&["inbox", "list"]).expect(0);
    let verified = us.run(&["ledger", "verify"]).expect(1);
    assert!(verified.text("/problems/0").contains("the store is an older copy"), "{}", verified.stdout);
    assert_eq!(entries(&us), grown);

    // The newest copy is back: it is served without more ado, and the head that the partner showed is no reason any more.
    put_back(&us, &newest, &["portcullis.db.head", "spool/head"]);
    // With what it names: what is not there would be told as damage.
    for file in fs::read_dir(newest.join("store/spool")).unwrap().map(|file| file.unwrap().path()) {
        if file.extension().is_some_and(|end| end == "product") {
            fs::copy(&file, us.folder.join("store/spool").join(file.file_name().unwrap())).unwrap();
        }
    }
    serves(&mut us);
    let status = us.run(&["status"]).expect(0);
    assert!(status.list("/alarms").is_empty(), "{}", status.stdout);
    us.run(&["status", &exchange]).expect(0);

    // The database alone is put back: the heads beside it and in the spool say so at once.
    put_back(&us, &older, &[]);
    let log = stops(&mut us);
    let shown = fs::read_dir(us.folder.join("store/heads")).unwrap().next().unwrap().unwrap().path();
    let own = |file: &str| format!("exercise-usa={}", us.folder.join("store").join(file).display());
    let heads = [own("portcullis.db.head"), own("spool/head"), format!("exercise-gbr={}", shown.display())];
    assert!(heads.iter().all(|head| log.contains(&format!("--head {head}"))), "{log}");
    // Nobody accepts it alone, nobody without the very heads, and not one for all.
    us.run(&["ledger", "resume", "--entries", "100000000"]).expect(2);
    us.run(&["ledger", "resume", "--without", "spool", "--out", world.path("no.json").to_str().unwrap()]).expect(1);
    let change = world.path("resume.json").display().to_string();
    let ours = ["ledger", "resume", "--head", &heads[0], "--head", &heads[1], "--out", &change];
    // Both hold the same heads, and both may be named, as the node says.
    us.run(&ours).expect(0);
    us.run(&["change", "sign", &change, "--yes", "--key", &world.key("exercise-usa-senior")]).expect(0);
    assert!(us.run(&["change", "apply", &change]).expect(1).stderr.contains("awaiting consent: 1 of 2"));
    us.run(&["change", "sign", &change, "--yes", "--key", &world.key("exercise-usa-decider")]).expect(0);
    us.run(&["change", "apply", &change]).expect(0);
    let log = stops(&mut us);
    assert!(!log.contains("exercise-usa=") && log.contains(&heads[2]), "{log}");
    world.proposed(&us, &["ledger", "resume", "--head", &heads[2]]);
    us.run(&["ledger", "resume", "--head", &heads[2], "--out", world.path("again.json").to_str().unwrap()]).expect(1);
    // The partner takes the other ledger for the one that it has seen by its proof, not by its length.
    let seen = partner_checkpoint(&them);
    let size: u64 = seen.lines().nth(1).unwrap().parse().unwrap();
    while entries(&us) <= size {
        us.run(&["cert", "refresh-list"]).expect(0);
    }
    assert_eq!(partner_checkpoint(&them), seen);
    them.serve();
    us.serve();
    let second = release(&world, &us, "AFTERWARDS");
    us.until_state(&second, "delivered");
    let status = them.run(&["status"]).expect(0);
    let forked = |a: &serde_json::Value| a["what"] == "ledger" && a["text"].as_str().unwrap().contains("(forked)");
    assert!(status.list("/alarms").iter().any(forked), "{}", status.stdout);
    assert!(us.stop() && them.stop());
    assert_eq!(partner_checkpoint(&them), seen, "a longer ledger takes the place of nothing that it does not extend");
    us.run(&["ledger", "verify"]).expect(0);
}

/// Nobody has seen the newer entries, and every head lies back with the database: only the files of the spool say that
/// there was more.
#[test]
fn a_backup_unpacked_over_a_newer_store_is_served_under_an_alarm_that_stays_and_nothing_of_it_is_removed() {
    let world = World::new();
    let (mut us, _them) = world.pair();
    serves(&mut us);
    let (before, newest) = (world.path("before"), world.path("newest"));
    us.copy_to(&before);
    let exchange = release(&world, &us, "APPROVED");
    us.serve();
    us.until_state(&exchange, "queued");
    assert!(us.stop());
    us.copy_to(&newest);
    let orphans = |us: &Node| {
        let status = us.run(&["status"]).expect(0);
        let alarms = status.list("/alarms").iter().filter(|alarm| alarm["what"] == "orphans");
        alarms.map(|alarm| alarm["text"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert!(orphans(&us).is_empty());

    let heads = ["portcullis.db.head", "spool/head"];
    put_back(&us, &before, &heads);
    for _ in 1..=2 {
        serves(&mut us);
        let said = orphans(&us);
        assert!(said.len() == 1 && said[0].contains("restore the newest copy"), "{said:?}");
    }
    assert!(us.log_text().contains("not on record"), "{}", us.log_text());
    us.run(&["status", &exchange]).expect(2);
    let listed = us.run(&["store", "lost", "list"]).expect(0);
    assert!(!listed.list("/lost").is_empty(), "{}", listed.stdout);
    for lost in listed.list("/lost") {
        assert_eq!((&lost["orphan"], &lost["needed"]), (&true.into(), &false.into()), "{lost}");
        let refused = us.run(&["store", "lost", "drop", lost["name"].as_str().unwrap()]).expect(1);
        assert!(refused.stderr.contains("is not removed before"), "{}", refused.stderr);
    }

    // The newest is back: so is what was approved, and no alarm is left.
    put_back(&us, &newest, &heads);
    serves(&mut us);
    assert!(orphans(&us).is_empty());
    assert_eq!(us.run(&["status", &exchange]).expect(0).text("/state"), "queued");
    assert!(us.run(&["store", "lost", "list"]).expect(0).list("/lost").is_empty());
    us.run(&["ledger", "verify"]).expect(0);
}

#[test]
fn a_spool_that_is_not_the_stores_stops_it_and_is_made_by_nobody() {
    let world = World::new();
    let mut us = world.node("exercise-usa", "USA");
    serves(&mut us);
    let (spool, aside) = (us.folder.join("store/spool"), world.path("aside"));
    // No folder: the volume is gone, or the path is wrong.
    fs::rename(&spool, &aside).unwrap();
    assert!(stops(&mut us).contains("no spool at"));
    assert!(us.run(&["status"]).expect(3).stderr.contains("only `init` creates one"));
    assert!(!spool.exists());
    // Another's folder: the volume is not mounted there.
    fs::create_dir(&spool).unwrap();
    fs::set_permissions(&spool, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let before = entries(&us);
    assert!(stops(&mut us).contains("spool is another one, or its volume is not mounted"));
    assert!(alarm(&us).contains("`portcullis ledger resume --without spool --out change.json`"), "{}", alarm(&us));
    assert_eq!((entries(&us), fs::read_dir(&spool).unwrap().count()), (before, 0), "nothing was recorded or made");
    // The right one is back.
    fs::remove_dir(&spool).unwrap();
    fs::rename(&aside, &spool).unwrap();
    serves(&mut us);
    // It is lost for good, and two officers say so: once.
    fs::remove_file(spool.join("head")).unwrap();
    stops(&mut us);
    world.proposed(&us, &["ledger", "resume", "--without", "spool"]);
    serves(&mut us);
    fs::remove_file(spool.join("head")).unwrap();
    stops(&mut us);
    us.run(&["ledger", "verify"]).expect(1);
}
