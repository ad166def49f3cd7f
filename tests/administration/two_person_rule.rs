//! No one person can make themselves two: a node is founded by several, and whatever widens power takes two after that.

use std::path::Path;
use std::time::Duration;

use crate::support::{Answer, Node, World, agreement, block_on};
use portcullis::config::signer_from;
use portcullis::gateway::ChangeRequest;
use portcullis::ledger::{Entry, EntryKind};
use portcullis::store::{Commit, Setting, Version};
use portcullis::time::Time;

const BANNER: &str = "SECRET//REL TO USA, GBR";
const PORTION: &str = "(S//REL TO USA, GBR)";

/// A path in the world's folder, as an argument.
fn path(world: &World, name: &str) -> String {
    world.path(name).display().to_string()
}

/// An officer of a founding, as an argument, with a key of their own.
fn named(world: &World, id: &str, role: &str) -> String {
    world.public_key(id);
    format!("id={id},name=EXERCISE {id},role={role},key-file={}.pub", world.key(id))
}

/// Proposes a founding of `node` by these officers.
fn found(node: &Node, out: &str, officers: &[&String]) -> Answer {
    let mut command = vec!["found", "propose", "--out", out];
    officers.iter().for_each(|officer| command.extend(["--officer", officer]));
    node.run(&command)
}

/// Signs and applies a change with these keys, none of which may be enough.
#[track_caller]
fn refused(node: &Node, change: &str, keys: &[String]) {
    for key in keys {
        node.run(&["change", "sign", change, "--yes", "--key", key]);
    }
    let refused = node.run(&["change", "apply", change]).expect(1);
    assert!(refused.stderr.contains("awaiting consent"), "{}", refused.stderr);
}

#[test]
fn a_node_that_is_not_founded_enrols_nobody() {
    let world = World::new();
    let us = world.made("exercise-usa", "USA", "cnsa2");
    let key = world.public_key("exercise-mine").to_string();
    let out = path(&world, "add.json");
    let add = ["officer", "add", "exercise-mine", "--name", "EXERCISE", "--role", "senior-disclosure-officer"];
    let refused = us.run(&[&add[..], &["--key", &key, "--out", &out]].concat()).expect(1);
    assert!(
        refused.stderr.contains("not founded") && refused.stderr.contains("portcullis found"),
        "{}",
        refused.stderr
    );
    assert!(us.run(&["officer", "list"]).expect(0).list("/officers").is_empty());
    let status = us.run(&["status"]).expect(0);
    assert!(status.list("/alarms").iter().any(|alarm| alarm["what"] == "officers"), "{}", status.stdout);
}

#[test]
fn a_founding_takes_two_a_senior_one_and_everybodys_own_key_and_happens_once() {
    let world = World::new();
    let us = world.made("exercise-usa", "USA", "cnsa2");
    let one = named(&world, "exercise-one", "disclosure-officer");
    let senior = named(&world, "exercise-senior", "senior-disclosure-officer");
    let other = named(&world, "exercise-other", "disclosure-officer");
    let file = path(&world, "founding.json");
    for (officers, why) in [
        (&[&senior][..], "at least 2 are required"),
        (&[&one, &other], "0 of them senior"),
        (&[&one, &one, &senior], "named twice"),
    ] {
        let refused = found(&us, &file, officers).expect(1);
        assert!(refused.stderr.contains(why), "{}", refused.stderr);
    }
    found(&us, &file, &[&one, &senior]).expect(0);
    let sign = |id: &str| us.run(&["found", "sign", &file, "--yes", "--key", &world.key(id)]);
    let lacking = |who: &str| {
        let refused = us.run(&["found", "apply", &file]).expect(1);
        assert!(refused.stderr.contains(&format!("signature of {who}")), "{}", refused.stderr);
        us.run(&["found", "show", &file]).expect(1);
        assert!(us.run(&["officer", "list"]).expect(0).list("/officers").is_empty());
    };
    lacking("exercise-one, exercise-senior");
    sign("exercise-one").expect(0);
    lacking("exercise-senior");
    // Somebody else's key is not the senior officer's, whatever it says.
    let stranger = sign("exercise-other").expect(1);
    assert!(stranger.stderr.contains("no officer in the founding has key"), "{}", stranger.stderr);
    lacking("exercise-senior");
    sign("exercise-senior").expect(0);
    // What was signed is for this node, and for no other of its name.
    let elsewhere = World::new();
    let again = elsewhere.made("exercise-usa", "USA", "cnsa2");
    assert!(again.run(&["found", "apply", &file]).expect(1).stderr.contains("made anew"));
    us.run(&["found", "apply", &file]).expect(0);
    assert_eq!(us.run(&["officer", "list"]).expect(0).list("/officers").len(), 2);
    let status = us.run(&["status"]).expect(0);
    assert_eq!(status.value["changes"][0]["serial"], 0, "{}", status.stdout);
    assert!(us.run(&["found", "apply", &file]).expect(1).stderr.contains("founded already"));
    let anew = path(&world, "anew.json");
    assert!(found(&us, &anew, &[&one, &senior]).expect(1).stderr.contains("founded already"));
    let entries = us.run(&["ledger", "show", "--limit", "100"]).expect(0);
    let kinds: Vec<&str> = entries.list("/entries").iter().filter_map(|e| e["kind"].as_str()).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "node.founded").count(), 1, "{kinds:?}");
    assert_eq!(kinds.iter().filter(|kind| **kind == "officer.added").count(), 2, "{kinds:?}");
    us.run(&["ledger", "verify"]).expect(0);
}

#[test]
fn an_operator_alone_cannot_rekey_two_officers_and_release() {
    let world = World::new();
    let (us, _them) = world.pair();
    let file = world.product("MINE", BANNER, PORTION);
    let key = us.key("exercise-producer");
    let terms = ["--key", &key, "--to", "exercise-gbr", "--purpose", "EXERCISE", "--expires", "1d"];
    let request = us.run(&[&["submit", &file], &terms[..]].concat()).expect(0).text("/request").to_owned();
    let mine: Vec<String> = ["mine-1", "mine-2"].map(str::to_owned).to_vec();
    for (n, key) in mine.iter().enumerate() {
        let officer = format!("exercise-officer-{}", n + 1);
        let public = world.public_key(key).to_string();
        us.run(&["officer", "renew", &officer, "--key", &public]).expect(2);
        let change = path(&world, &format!("{key}.json"));
        us.run(&["officer", "renew", &officer, "--key", &public, "--out", &change]).expect(0);
        refused(&us, &change, &mine.iter().map(|key| world.key(key)).collect::<Vec<_>>());
    }
    for key in &mine {
        us.run(&["approve", "--yes", "--key", &world.key(key), &request]).expect(1);
    }
    us.run(&["explain", &request]).expect(1);
    us.run(&["ledger", "verify"]).expect(0);
}

#[test]
fn nobody_enrols_alone_a_second_partner_of_the_same_country_nor_lets_one_in_again() {
    let world = World::new();
    let (us, _them) = world.pair();
    let second = world.made("exercise-second", "GBR", "cnsa2");
    let description = world.file("second.json", &second.run(&["partner", "export"]).expect(0).stdout);
    let print = second.run(&["partner", "fingerprint"]).expect(0).text("/description").to_owned();
    let terms = world.file("second.toml", &agreement("USA", "GBR", &[("ceiling", "\"TS\"")]));
    let add = ["partner", "add", &description, "--agreement", &terms, "--confirm", &print];
    us.run(&add).expect(2);
    let change = path(&world, "second-change.json");
    us.run(&[&add[..], &["--out", &change]].concat()).expect(0);
    refused(&us, &change, &[world.key("exercise-usa-senior"), world.key("exercise-usa-senior")]);
    assert_eq!(us.run(&["partner", "list"]).expect(0).list("/partners").len(), 1);
    // To stop one takes one person, to let it in again takes two.
    us.run(&["partner", "suspend", "exercise-gbr"]).expect(0);
    us.run(&["partner", "resume", "exercise-gbr"]).expect(2);
    let resume = path(&world, "resume.json");
    us.run(&["partner", "resume", "exercise-gbr", "--out", &resume]).expect(0);
    refused(&us, &resume, &[world.key("exercise-usa-decider")]);
    assert_eq!(us.run(&["partner", "list"]).expect(0).text("/partners/0/standing"), "suspended");
    us.run(&["change", "sign", &resume, "--yes", "--key", &world.key("exercise-usa-senior")]).expect(0);
    us.run(&["change", "apply", &resume]).expect(0);
    assert_eq!(us.run(&["partner", "list"]).expect(0).text("/partners/0/standing"), "active");
    us.run(&["ledger", "verify"]).expect(0);
}

#[test]
fn nobody_changes_alone_how_products_are_inspected() {
    let world = World::new();
    let mut us = world.node("exercise-usa", "USA");
    // In the configuration it is no setting at all.
    let configured = std::fs::read_to_string(us.config()).unwrap();
    std::fs::write(us.config(), format!("{configured}\n[inspection]\ntext = \"strip\"\n")).unwrap();
    let refused = us.run(&["status"]).expect(2);
    assert!(refused.stderr.contains("inspection.toml") && refused.stderr.contains("change propose"));
    std::fs::write(us.config(), configured).unwrap();
    // In the policy folder it is an edit that nobody signed for.
    let path = us.folder.join("policy/inspection.toml");
    let shipped = std::fs::read_to_string(&path).unwrap();
    let strip = shipped.replace("text = \"refuse\"", "text = \"strip\"");
    assert_ne!(strip, shipped);
    std::fs::write(&path, &strip).unwrap();
    us.serve();
    us.until_logged("the node does not start");
    us.kill();
    us.run(&["policy", "restore"]).expect(0);
    // A filter program is named with its digest, and is not taken for another.
    let program = us.folder.join("filter");
    std::fs::write(&program, "#!/bin/sh\n").unwrap();
    let named = |digest: &str| {
        let line = format!("filter_program = \"{} sha256:{digest}\"", program.display());
        format!("{}{line}\n", shipped.split("# filter_program").next().unwrap())
    };
    let out = world.path("program.json").display().to_string();
    let faulty = world.path("proposed/inspection.toml");
    std::fs::create_dir_all(faulty.parent().unwrap()).unwrap();
    std::fs::write(&faulty, named("none")).unwrap();
    us.run(&["change", "propose", faulty.to_str().unwrap(), "--out", &out]).expect(1);
    std::fs::write(&faulty, named(&"0".repeat(64))).unwrap();
    let another = us.run(&["change", "propose", faulty.to_str().unwrap(), "--out", &out]).expect(1);
    assert!(another.stderr.contains("the node would not start"), "{}", another.stderr);
    let digest = portcullis::digest::Digest::of(b"#!/bin/sh\n").to_string();
    world.change(&us, &[("inspection.toml", &named(&digest))]);
    us.serve();
    us.until_serving();
    assert!(us.stop());
    std::fs::write(&program, "#!/bin/sh\n# EXERCISE: another\n").unwrap();
    let said = us.log_text().len();
    us.serve();
    us.until_ended();
    let log = us.log_text().split_off(said);
    assert!(log.contains("is not the one that two officers signed for"), "{log}");
    us.run(&["ledger", "verify"]).expect(0);
}

#[test]
fn nobody_accepts_a_clock_alone_and_what_was_signed_is_for_that_doubt() {
    let world = World::new();
    let us = world.node("exercise-usa", "USA");
    let live = us.open();
    let behind = us.open_at(live.now().minus(Duration::from_secs(30 * 86_400)));
    let keys = world.deciders(&us).map(|id| signer_from(Path::new(&world.key(&id))).unwrap());
    block_on(async {
        assert!(behind.clock_doubt().await.unwrap().is_some());
        let until = |seconds| behind.now().plus(Duration::from_secs(seconds));
        let clock =
            |seconds| ChangeRequest { clock: true, ..ChangeRequest::new("operator", "EXERCISE", until(seconds)) };
        // What officers looked at is gone in a week.
        assert!(behind.propose(clock(7 * 86_400)).await.is_err());
        let mut change = behind.propose(clock(3600)).await.unwrap();
        // Officers are certified from shortly before the node was founded, which by this clock is still to come.
        assert!(behind.consent(&mut change, &keys[0]).await.is_err());
        assert!(behind.apply_change(&change).await.unwrap_err().to_string().contains("awaiting consent: 0 of 2"));
        assert!(behind.clock_doubt().await.unwrap().is_some());
    });
    let ahead = us.open_at(live.now().plus(Duration::from_secs(7200)));
    block_on(async {
        // What is done by a clock that runs ahead leaves a time on record behind which the right clock stands.
        let wanted = |clock| ChangeRequest {
            clock,
            ..ChangeRequest::new("operator", "EXERCISE", ahead.now().plus(Duration::from_secs(600)))
        };
        assert!(ahead.propose(wanted(true)).await.unwrap_err().to_string().contains("not in doubt"));
        let mut words = wanted(false);
        let list = "PORTCULLIS WORDS 1\nName: X\nMarking: UNCLASSIFIED\n\nLANTERN\n";
        words.texts.insert("words/exercise.txt".into(), Some(list.into()));
        let mut change = ahead.propose(words).await.unwrap();
        for key in &keys {
            ahead.consent(&mut change, key).await.unwrap();
        }
        ahead.apply_change(&change).await.unwrap();
    });
    let live = us.open_at(live.now().plus(Duration::from_secs(60)));
    block_on(async {
        assert!(live.clock_doubt().await.unwrap().is_some());
        let until = live.now().plus(Duration::from_secs(600));
        // Nobody signs for anything else along with it.
        let mut both = ChangeRequest { clock: true, ..ChangeRequest::new("operator", "EXERCISE", until) };
        both.texts.insert("words/exercise.txt".into(), None);
        let both = live.propose(both).await.unwrap_err();
        assert!(both.to_string().contains("must be a change of its own"), "{both}");
        let mut change = live
            .propose(ChangeRequest { clock: true, ..ChangeRequest::new("operator", "EXERCISE", until) })
            .await
            .unwrap();
        live.consent(&mut change, &keys[1]).await.unwrap();
        let alone = live.apply_change(&change).await.unwrap_err();
        assert!(alone.to_string().contains("awaiting consent: 1 of 2"), "{alone}");
        // Nothing else takes effect by a clock that is in doubt.
        let mut other = ChangeRequest::new("operator", "EXERCISE", until);
        other.texts.insert("words/exercise.txt".into(), None);
        let mut other = live.propose(other).await.unwrap();
        for key in &keys {
            live.consent(&mut other, key).await.unwrap();
        }
        assert!(live.apply_change(&other).await.unwrap_err().to_string().contains("clock is in doubt"));
        live.consent(&mut change, &keys[0]).await.unwrap();
        live.apply_change(&change).await.unwrap();
        assert_eq!(live.clock_doubt().await.unwrap(), None);
    });
}

/// Puts on record that the clock is in doubt, as a server does that finds that it was set; gives the time of it.
fn doubted(us: &Node) -> Time {
    let node = us.open();
    let now = node.now();
    block_on(async {
        assert_eq!(node.clock_doubt().await.unwrap(), None);
        let value = b"doubted: EXERCISE".to_vec();
        let row = Setting { name: "clock".into(), value, changed: now, version: Version::NEW };
        let entry = Entry::new(now, EntryKind::Alarm, "clock", "gateway").with("set", "EXERCISE");
        node.store().commit(Commit::new().change(row).entry(entry)).await.unwrap();
        node.store().close().await;
    });
    now
}

#[test]
fn a_server_whose_clock_is_in_doubt_decides_nothing_and_goes_on_once_two_accept_it() {
    let world = World::new();
    let (mut us, mut them) = world.pair();
    us.serve();
    let exchange = world.release(&us, &[world.product("DOUBT", BANNER, PORTION)], &them.name);
    let exchange = exchange.text("/exchanges/0/exchange").to_owned();
    us.until_state(&exchange, "queued");
    assert!(us.stop());
    doubted(&us);
    us.serve();
    them.serve();
    // By then it has looked at what is on record: whom it links to is there.
    us.until_logged("\"up\":true");
    assert_eq!(us.run(&["status", &exchange]).expect(0).text("/state"), "queued");
    world.decided(&us, |wanted| wanted.clock = true);
    let delivered = us.until_state(&exchange, "delivered");
    assert!(delivered.list("/history").iter().all(|entry| entry["kind"] != "release.held"), "{}", delivered.stdout);
    assert!(us.stop() && them.stop());
}

#[test]
fn a_clock_that_was_set_is_in_doubt_until_two_accept_it_however_long_that_takes() {
    let world = World::new();
    let us = world.node("exercise-usa", "USA");
    let keys = world.deciders(&us).map(|id| signer_from(Path::new(&world.key(&id))).unwrap());
    let start = doubted(&us);
    for hours in [0, 1, 24] {
        let node = us.open_at(start.plus(Duration::from_secs(hours * 3600)));
        block_on(async {
            let doubt = node.clock_doubt().await.unwrap();
            assert!(doubt.is_some_and(|why| why.contains("was set")), "after {hours} hours");
            if hours < 24 {
                return node.store().close().await;
            }
            let until = node.now().plus(Duration::from_secs(600));
            let wanted = ChangeRequest { clock: true, ..ChangeRequest::new("operator", "EXERCISE", until) };
            let mut change = node.propose(wanted).await.unwrap();
            for key in &keys {
                node.consent(&mut change, key).await.unwrap();
            }
            node.apply_change(&change).await.unwrap();
            assert_eq!(node.clock_doubt().await.unwrap(), None);
            node.store().close().await;
        });
    }
}

#[test]
fn nobody_signs_a_change_from_the_instant_on_at_which_it_expires() {
    let world = World::new();
    let us = world.node("exercise-usa", "USA");
    let key = signer_from(Path::new(&world.key(&world.deciders(&us)[1]))).unwrap();
    let node = us.open();
    let expires = node.now().plus(Duration::from_secs(600));
    let mut wanted = ChangeRequest::new("operator", "EXERCISE", expires);
    let list = "PORTCULLIS WORDS 1\nName: X\nMarking: UNCLASSIFIED\n\nLANTERN\n";
    wanted.texts.insert("words/exercise.txt".into(), Some(list.into()));
    let change = block_on(async {
        let change = node.propose(wanted).await.unwrap();
        node.store().close().await;
        change
    });
    for (at, ended) in [(expires.minus(Duration::from_millis(1)), false), (expires, true)] {
        let node = us.open_at(at);
        let signed = block_on(async {
            let signed = node.consent(&mut change.clone(), &key).await;
            node.store().close().await;
            signed.map(drop).map_err(|error| error.to_string())
        });
        assert_eq!(signed.as_ref().is_err_and(|why| why.contains("change expired")), ended, "{signed:?}");
        assert_eq!(signed.is_ok(), !ended, "{signed:?}");
    }
}

#[test]
fn a_change_is_for_one_node_and_void_at_one_made_anew_under_its_name() {
    let world = World::new();
    let us = world.node("exercise-usa", "USA");
    let file = world.path("proposed/words/exercise.txt");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, "PORTCULLIS WORDS 1\nName: X\nMarking: UNCLASSIFIED\n\nLANTERN\n").unwrap();
    let change = world.propose(&us, &[file.display().to_string()]);
    let keys = world.deciders(&us).map(|id| world.key(&id));
    us.run(&["change", "sign", &change, "--yes", "--key", &keys[0], "--key", &keys[1]]).expect(0);
    us.run(&["change", "show", &change]).expect(0);
    let folder = us.folder.clone();
    drop(us);
    std::fs::rename(&folder, world.path("earlier")).unwrap();
    // The same name, the same officers with the same keys, and nothing else the same.
    let anew = world.node("exercise-usa", "USA");
    let refused = anew.run(&["change", "apply", &change]).expect(1);
    assert!(refused.stderr.contains("made anew"), "{}", refused.stderr);
    assert_eq!(anew.run(&["policy", "status"]).expect(0).value["serial"], 0);
}

#[test]
fn a_store_that_is_gone_is_not_begun_anew_whatever_was_signed_for_it() {
    let world = World::new();
    let mut us = world.node("exercise-usa", "USA");
    let store = us.folder.join("store");
    let change = world.propose(&us, &["--remove".to_owned(), "inspection.toml".to_owned()]);
    let keys = world.deciders(&us).map(|id| world.key(&id));
    us.run(&["change", "sign", &change, "--yes", "--key", &keys[0], "--key", &keys[1]]).expect(0);
    us.run(&["change", "apply", &change]).expect(0);
    let copy = world.path("copy");
    std::fs::rename(&store, &copy).unwrap();
    std::fs::create_dir(&store).unwrap();
    for command in [&["status"][..], &["change", "apply", &change], &["ledger", "verify"], &["officer", "list"]] {
        let refused = us.run(command).expect(3);
        assert!(refused.stderr.contains("no store at"), "{command:?}: {}", refused.stderr);
    }
    us.serve();
    us.until_ended();
    assert!(us.log_text().contains("no store at"), "{}", us.log_text());
    assert_eq!(std::fs::read_dir(&store).unwrap().count(), 0, "nothing was made");
    std::fs::remove_dir(&store).unwrap();
    std::fs::rename(&copy, &store).unwrap();
    let again = us.run(&["change", "apply", &change]).expect(1);
    assert!(again.stderr.contains("is in force since"), "{}", again.stderr);
    us.run(&["ledger", "verify"]).expect(0);
}

#[test]
fn a_consent_of_somebody_revoked_since_does_not_count() {
    let world = World::new();
    let us = world.node("exercise-usa", "USA");
    world.officer(&us, "exercise-third", "disclosure-officer");
    let change = path(&world, "renew.json");
    us.run(&["officer", "renew", "exercise-third", "--role", "senior-disclosure-officer", "--out", &change]).expect(0);
    let [decider, senior] = world.deciders(&us).map(|id| world.key(&id));
    us.run(&["change", "sign", &change, "--yes", "--key", &decider, "--key", &senior]).expect(0);
    us.run(&["officer", "revoke", "exercise-usa-decider", "--why", "EXERCISE"]).expect(0);
    let refused = us.run(&["change", "apply", &change]).expect(1);
    assert!(refused.stderr.contains("not in office"), "{}", refused.stderr);
    // The neighbour: another person signs in their place.
    us.run(&["change", "sign", &change, "--yes", "--key", &world.key("exercise-third")]).expect(0);
    us.run(&["change", "apply", &change]).expect(0);
    let changes = us.run(&["change", "list"]).expect(0);
    assert_eq!(changes.value["changes"][0]["parts"][0], "officer/exercise-third", "{}", changes.stdout);
    assert_eq!(changes.list("/changes/0/officers").len(), 2);
    us.run(&["ledger", "verify"]).expect(0);
}

#[test]
fn a_partner_is_rekeyed_by_two_and_what_is_queued_for_its_old_keys_waits_for_new_approvals() {
    let world = World::new();
    let (mut us, them) = world.pair();
    us.serve();
    us.until_serving();
    let queued = world.release(&us, &[world.product("OLDKEYS", BANNER, PORTION)], &them.name);
    let queued = queued.text("/exchanges/0/exchange").to_owned();
    us.until_state(&queued, "queued");
    let elsewhere = World::new();
    let mut anew = elsewhere.node("exercise-gbr", "GBR");
    elsewhere.enrol(&anew, &us, &[]);
    let description = world.file("anew.json", &anew.run(&["partner", "export"]).expect(0).stdout);
    let print = anew.run(&["partner", "fingerprint"]).expect(0).text("/description").to_owned();
    let refused = us.run(&["partner", "update", &description]).expect(1);
    assert!(
        refused.stderr.contains("two officers must sign") && refused.stderr.contains("--confirm"),
        "{}",
        refused.stderr
    );
    let out = path(&world, "unconfirmed.json");
    us.run(&["partner", "update", &description, "--confirm", "0", "--out", &out]).expect(1);
    world.proposed(&us, &["partner", "update", &description, "--confirm", &print]);
    let shown = us.run(&["partner", "show", "exercise-gbr"]).expect(0);
    assert_eq!(shown.text("/fingerprints/description"), print);
    us.until_state(&queued, "held");
    anew.serve();
    let fresh = world.release(&us, &[world.product("NEWKEYS", BANNER, PORTION)], &them.name);
    us.until_state(fresh.text("/exchanges/0/exchange"), "delivered");
    assert_eq!(us.run(&["status", &queued]).expect(0).text("/state"), "held");
    assert_eq!(anew.run(&["inbox", "list"]).expect(0).list("/items").len(), 1);
    assert!(us.stop() && anew.stop());
    us.run(&["ledger", "verify"]).expect(0);
}
