//! Policy and agreements change by two officers' signatures or not at all, and what is queued is decided anew.

use crate::support::{self, Answer, Node, World, agreement, sql};
use portcullis::digest::Digest;
use portcullis::gateway::ExportedRequest;
use portcullis::system::SystemClock;
use portcullis::time::Clock as _;

const BANNER: &str = "CONFIDENTIAL//REL TO USA, GBR";
const PORTION: &str = "(C//REL TO USA, GBR)";

/// A rule of the operator's own that forbids everything to the partner.
const STOP: &str = "\n@id(\"stop\") @about(\"local\") @sentence(\"EXERCISE: nothing goes\")\n\
    forbid (principal is Portcullis::Partner, action, resource is Portcullis::Cut) when { principal.code == \"GBR\" };\n";

fn rules(node: &Node, added: &str) -> String {
    std::fs::read_to_string(node.folder.join("policy/release.cedar")).unwrap() + added
}

/// Submits and approves one product at `us`, and gives its exchange.
fn release(world: &World, us: &Node, id: &str, them: &Node) -> String {
    let submitted = world.release(us, &[world.product(id, BANNER, PORTION)], &them.name);
    submitted.text("/exchanges/0/exchange").to_owned()
}

fn kinds(node: &Node, subject: &str) -> Vec<String> {
    let entries = node.run(&["ledger", "show", "--limit", "1000"]).expect(0);
    let about = |e: &&serde_json::Value| e["subject"] == subject;
    entries.list("/entries").iter().filter(about).map(|e| e["kind"].as_str().unwrap().to_owned()).collect()
}

fn proposed(world: &World, node: &Node, added: &str) -> String {
    let file = world.path("proposed");
    std::fs::create_dir_all(&file).unwrap();
    let file = file.join("release.cedar");
    std::fs::write(&file, rules(node, added)).unwrap();
    world.propose(node, &[file.display().to_string()])
}

fn sign(world: &World, node: &Node, change: &str, officer: &str) -> Answer {
    node.run(&["change", "sign", change, "--yes", "--key", &world.key(officer)])
}

#[test]
fn a_change_takes_two_officers_one_of_them_senior_and_takes_effect_once() {
    let world = World::new();
    let us = world.node("exercise-usa", "USA");
    let [plain, senior] = world.deciders(&us);
    world.officer(&us, "exercise-second", "disclosure-officer");
    world.officer(&us, "exercise-producer", "originator");
    let before = us.run(&["policy", "status"]).expect(0);
    let change = proposed(&world, &us, STOP);
    let unsigned = std::fs::read_to_string(&change).unwrap();
    let refused = |why: &str| {
        let refused = us.run(&["change", "apply", &change]).expect(1);
        assert!(refused.stderr.contains(why), "{}", refused.stderr);
        assert_eq!(us.run(&["policy", "status"]).expect(0).stdout, before.stdout);
    };
    refused("awaiting consent: 0 of 2");
    sign(&world, &us, &change, &plain).expect(0);
    refused("1 of 2, and none by a senior");
    // One person counts as one approval, and two without a senior officer are not enough.
    assert!(sign(&world, &us, &change, &plain).expect(1).stderr.contains("already consented"));
    sign(&world, &us, &change, "exercise-second").expect(0);
    refused("2 of 2, and none by a senior");
    assert!(sign(&world, &us, &change, "exercise-producer").expect(1).stderr.contains("may not consent"));
    sign(&world, &us, &change, &senior).expect(0);
    us.run(&["change", "show", &change]).expect(0);
    let applied = us.run(&["change", "apply", &change]).expect(0);
    let serial = applied.value["serial"].as_u64().unwrap();
    assert_eq!(us.run(&["policy", "status"]).expect(0).value["serial"], serial);
    assert_eq!(applied.list("/officers").len(), 3);
    // The folder holds what is in force, and the ledger says who agreed to what.
    assert!(rules(&us, "").contains("EXERCISE: nothing goes"));
    assert_ne!(us.run(&["policy", "status"]).expect(0).text("/texts"), before.text("/texts"));
    assert_eq!(kinds(&us, &format!("change.{serial}")), ["change.applied"]);
    assert_eq!(kinds(&us, "policy.texts"), ["policy.changed", "policy.changed"]);
    assert!(us.run(&["ledger", "verify"]).expect(0).value["ok"].as_bool().unwrap());
    // The same change again, and the same signatures on what was never shown.
    assert!(us.run(&["change", "apply", &change]).expect(1).stderr.contains("nothing to do"));
    let altered = world.file("altered.json", &unsigned.replace("nothing goes", "everything goes"));
    assert!(us.run(&["change", "apply", &altered]).expect(2).stderr.contains("altered"));
}

#[test]
fn refuses_a_change_for_another_node_a_faulty_one_and_one_overtaken_by_another() {
    let world = World::new();
    let (us, them) = (world.node("exercise-usa", "USA"), world.node("exercise-gbr", "GBR"));
    let change = proposed(&world, &us, STOP);
    assert!(them.run(&["change", "apply", &change]).expect(1).stderr.contains("is for node"));
    // What would not load is not even proposed.
    for (added, why) in
        [("forbid (", "invalid policy rules"), ("\n@id(\"x\") permit (principal, action, resource);", "@sentence")]
    {
        let file = world.path("proposed").join("release.cedar");
        std::fs::write(&file, rules(&us, added)).unwrap();
        let out = world.path("faulty.json").display().to_string();
        let file = file.display().to_string();
        let refused = us.run(&["change", "propose", &file, "--why", "EXERCISE", "--out", &out]).expect(1);
        assert!(refused.stderr.contains(why), "{}", refused.stderr);
    }
    let same = us.folder.join("policy").display().to_string();
    let out = world.path("same.json").display().to_string();
    let nothing = us.run(&["change", "propose", &same, "--why", "EXERCISE", "--out", &out]).expect(1);
    assert!(nothing.stderr.contains("nothing to change"), "{}", nothing.stderr);
    // Two proposals against the same policy: the one that comes second was decided on something that is gone.
    world.change(&us, &[("words/exercise.txt", "PORTCULLIS WORDS 1\nName: X\nMarking: UNCLASSIFIED\n\nLANTERN\n")]);
    let late = sign(&world, &us, &change, "exercise-usa-senior").expect(1);
    assert!(late.stderr.contains("another came first"), "{}", late.stderr);
}

#[test]
fn a_node_does_not_start_on_texts_that_nobody_signed_for_and_decides_by_none_of_them() {
    let world = World::new();
    let (mut us, mut them) = world.pair();
    let path = us.folder.join("policy/release.cedar");
    let sound = std::fs::read_to_string(&path).unwrap();
    // Whoever can write the folder lifts the rule that takes two people, and hopes.
    std::fs::write(&path, sound.replace("context.approvals.people < 2", "context.approvals.people < 1")).unwrap();
    us.serve();
    us.until_logged("the node does not start");
    let edited = us.run(&["policy", "status"]).expect(1);
    assert_eq!(edited.list("/edited"), ["release.cedar"]);
    assert_eq!(us.run(&["policy", "restore"]).expect(0).list("/restored"), ["release.cedar"]);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), sound);
    assert!(us.folder.join("policy/release.cedar.edited").exists(), "the edit is not lost");
    // A word list under a name that would not be read is a stray edit, too.
    let stray = us.folder.join("policy/words/Stray List.txt");
    std::fs::write(&stray, "EXERCISE").unwrap();
    us.run(&["policy", "status"]).expect(1);
    us.run(&["policy", "restore"]).expect(0);
    assert!(!stray.exists());
    // While it runs, an edit does nothing at all.
    us.serve();
    us.until_serving();
    std::fs::write(&path, sound.replace("@id(\"noforn\")", "@id(\"noforn-no-more\")")).unwrap();
    them.serve();
    let exchange = release(&world, &us, "QUIET", &them);
    us.until_state(&exchange, "delivered");
    assert!(us.stop() && them.stop());
}

#[test]
fn what_an_interrupted_change_left_unwritten_is_written_at_the_next_start() {
    let world = World::new();
    let mut us = world.node("exercise-usa", "USA");
    let path = us.folder.join("policy/release.cedar");
    let before = std::fs::read_to_string(&path).unwrap();
    world.change(&us, &[("release.cedar", &rules(&us, STOP))]);
    // As if the process had ended between its commit and the file.
    std::fs::write(&path, &before).unwrap();
    us.serve();
    us.until_serving();
    assert!(rules(&us, "").contains("EXERCISE: nothing goes"));
    assert!(us.stop());
}

#[test]
fn nothing_is_decided_under_a_policy_or_an_agreement_altered_in_the_database() {
    let world = World::new();
    let (mut us, _them) = world.pair();
    let database = us.folder.join("store/portcullis.db");
    sql(&database, "UPDATE partner SET agreement = CAST(replace(CAST(agreement AS TEXT), '\"S\"', '\"TS\"') AS BLOB)");
    us.serve();
    us.until_logged("a row does not match the ledger");
    assert!(us.stop());
    let shown = us.run(&["partner", "show", "exercise-gbr"]);
    assert!(shown.status != 0 && shown.stderr.contains("partner.agreement"), "{}", shown.stderr);
    sql(&database, "UPDATE setting SET value = x'80' WHERE name = 'policy.texts'");
    let refused = us.run(&["status"]).expect(3);
    assert!(refused.stderr.contains("the database was altered"), "{}", refused.stderr);
}

#[test]
fn a_running_node_takes_up_a_change_and_holds_what_it_no_longer_permits() {
    let world = World::new();
    let (mut us, mut them) = world.pair();
    us.serve();
    us.until_serving();
    let exchange = release(&world, &us, "HELD", &them);
    us.until_state(&exchange, "queued");
    let key = us.key("exercise-producer");
    let terms = ["--key", &key, "--to", "exercise-gbr", "--purpose", "EXERCISE", "--expires", "1d"];
    let submit = |id: &str| us.run(&[&["submit", &world.product(id, BANNER, PORTION)], &terms[..]].concat());
    let waits = submit("WAITS").expect(0).text("/exchanges/0/exchange").to_owned();
    world.change(&us, &[("release.cedar", &rules(&us, STOP))]);
    us.until_state(&exchange, "held");
    // At once because its approvals name another policy, and then with every reason of a decision taken anew.
    let reason = |a: &Answer| a.text("/last_failure").contains("EXERCISE: nothing goes");
    us.until(&["status", &exchange], reason);
    let held = us.run(&["ledger", "show", "--limit", "1000"]).expect(0);
    let said = held.list("/entries").iter().filter(|e| e["kind"] == "release.held");
    assert!(said.map(|e| e["detail"]["why"].as_str().unwrap()).all(|why| why.contains("the policy changed")));
    // Nothing of it leaves, and what is submitted under the new policy is refused by it: no approval would lift that.
    them.serve();
    let later = submit("LATER").expect(1);
    assert!(later.list("/refused/0/reasons").iter().any(|r| r["code"] == "stop"), "{}", later.stdout);
    // The neighbouring permit: the rule is taken out again, by two officers. What was approved under exactly this policy
    // stands again, and what waits for approvals does not pass without them.
    world.change(&us, &[("release.cedar", &rules(&us, "").replace(STOP, ""))]);
    let sent = release(&world, &us, "PASSES", &them);
    us.until_state(&sent, "delivered");
    us.until_state(&exchange, "delivered");
    assert_eq!(us.run(&["status", &waits]).expect(0).text("/state"), "requested");
    assert_eq!(them.run(&["inbox", "list"]).expect(0).list("/items").len(), 2);
    assert!(us.stop() && them.stop());
}

#[test]
fn an_agreement_changes_by_two_officers_and_is_decided_by_at_once() {
    let world = World::new();
    let (mut us, mut them) = world.pair();
    us.serve();
    us.until_serving();
    let exchange = release(&world, &us, "CEILING", &them);
    us.until_state(&exchange, "queued");
    let lower = agreement("USA", "GBR", &[("ceiling", "\"U\"")]);
    world.change_agreement(&us, &them.name, &lower);
    let held = us.until_state(&exchange, "held");
    assert!(held.text("/last_failure").contains("above the link's ceiling"), "{}", held.stdout);
    assert_eq!(us.run(&["partner", "show", &them.name]).expect(0).text("/agreement/ceiling"), "U");
    // One that lets more through than what the officers approved under lets nothing go by itself.
    world.change_agreement(&us, &them.name, &agreement("USA", "GBR", &[("ceiling", "\"TS\"")]));
    us.until(&["explain", &exchange], |a| a.stdout.contains("changed after the approval"));
    assert_eq!(us.run(&["status", &exchange]).expect(0).text("/state"), "held");
    // Approvals stand under exactly the agreement that they name: with that back, it goes by itself.
    world.change_agreement(&us, &them.name, &agreement("USA", "GBR", &[]));
    them.serve();
    us.until_state(&exchange, "delivered");
    // An agreement for somebody who is not enrolled, or with another party's code, is not proposed.
    let out = world.path("no.json").display().to_string();
    let file = world.file("fra.toml", &agreement("USA", "FRA", &[]));
    for (partner, status) in [("exercise-nobody", 2), ("exercise-gbr", 1)] {
        let what = format!("{partner}={file}");
        us.run(&["change", "propose", "--agreement", &what, "--why", "EXERCISE", "--out", &out]).expect(status);
    }
    assert!(us.stop() && them.stop());
}

#[test]
fn a_word_list_that_comes_into_force_holds_what_it_finds() {
    let world = World::new();
    let (mut us, mut them) = world.pair();
    us.serve();
    us.until_serving();
    let (found, clean) = (release(&world, &us, "LANTERN", &them), release(&world, &us, "HARMLESS", &them));
    us.until_state(&found, "queued");
    us.until_state(&clean, "queued");
    let list = "PORTCULLIS WORDS 1\nName: EXERCISE list\nMarking: UNCLASSIFIED\n\nLANTERN\n";
    world.change(&us, &[("words/exercise.txt", list)]);
    us.until_state(&found, "held");
    them.serve();
    us.until_state(&clean, "delivered");
    assert_eq!(us.run(&["status", &found]).expect(0).text("/state"), "held");
    // A list with a fault is no list: it is not proposed, and the one in force stays.
    let faulty = world.path("proposed/words/exercise.txt");
    std::fs::write(&faulty, "no list").unwrap();
    let out = world.path("faulty.json").display().to_string();
    us.run(&["change", "propose", faulty.to_str().unwrap(), "--why", "EXERCISE", "--out", &out]).expect(1);
    assert!(us.stop() && them.stop());
}

#[test]
fn a_policy_is_compared_with_another_on_what_is_on_record() {
    let world = World::new();
    let (mut us, mut them) = world.pair();
    us.serve();
    them.serve();
    let (delivered, found) = (release(&world, &us, "HARMLESS", &them), release(&world, &us, "LANTERN", &them));
    us.until_state(&delivered, "delivered");
    us.until_state(&found, "delivered");
    let file = world.product("OPEN", BANNER, PORTION);
    let key = us.key("exercise-producer");
    let terms = ["--key", &key, "--to", &them.name, "--purpose", "EXERCISE", "--expires", "1d"];
    us.run(&[&["submit", &file], &terms[..]].concat()).expect(0);
    let draft = world.path("draft");
    let copied = std::process::Command::new("cp").arg("-a").arg(us.folder.join("policy")).arg(&draft).status().unwrap();
    assert!(copied.success());
    let diff = |old: &str, new: &str, status: i32| us.run(&["policy", "diff", old, new]).expect(status);
    let draft = draft.to_str().unwrap();
    // The same rules decide the same, whoever's approvals name which digest: a comment is another policy.
    let rules_file = format!("{draft}/release.cedar");
    std::fs::write(&rules_file, rules(&us, "\n// EXERCISE\n")).unwrap();
    let same = diff("in-force", draft, 0);
    assert_eq!((same.value["compared"].as_u64(), same.list("/differ").len()), (Some(3), 0), "{}", same.stdout);
    // A rule more: what was permitted would be refused, and the other way round from its side.
    std::fs::write(&rules_file, rules(&us, STOP)).unwrap();
    let more = diff("in-force", draft, 1);
    assert_eq!(more.list("/differ").len(), 3);
    for differs in more.list("/differ") {
        assert_eq!((&differs["old"]["permitted"], &differs["new"]["permitted"]), (&true.into(), &false.into()));
        let codes: Vec<&str> =
            differs["new"]["reasons"].as_array().unwrap().iter().map(|r| r["code"].as_str().unwrap()).collect();
        assert_eq!(codes, ["stop"], "{}", more.stdout);
    }
    let less = diff(draft, "in-force", 1);
    assert!(less.list("/differ").iter().all(|d| d["new"]["permitted"] == true));
    // A word list, and a change file that is not in force yet.
    std::fs::write(&rules_file, rules(&us, "")).unwrap();
    let list = "PORTCULLIS WORDS 1\nName: EXERCISE list\nMarking: UNCLASSIFIED\n\nLANTERN\n";
    std::fs::write(format!("{draft}/words/exercise.txt"), list).unwrap();
    let change = world.propose(&us, &[draft.to_owned()]);
    let words = diff("in-force", &change, 1);
    assert_eq!(words.text("/differ/0/exchange"), found);
    assert_eq!(words.list("/differ").len(), 1, "{}", words.stdout);
    diff("in-force", "nowhere", 2);
    assert!(us.stop() && them.stop());
}

/// The change in a file with other rules in the place of those that it brings, as whoever can write the file makes it.
fn with_rules(change: &str, rules: &str) -> String {
    let mut json: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(change).unwrap()).unwrap();
    json["texts"]["release.cedar"] = rules.into();
    json["change"]["parts"][0]["after"] = Digest::of(rules.as_bytes()).to_string().into();
    json.to_string()
}

#[test]
fn rules_that_let_pass_what_none_may_are_neither_proposed_nor_signed_nor_applied() {
    let world = World::new();
    let us = world.node("exercise-usa", "USA");
    let [plain, senior] = world.deciders(&us);
    let sound = proposed(&world, &us, STOP);
    let file = world.path("proposed/release.cedar");
    let out = world.path("weak.json").display().to_string();
    let shipped = rules(&us, "");
    for (weak, named) in [
        (shipped.replace("context.approvals.people < 2", "context.approvals.people < 1"), "without-two-people"),
        (shipped.replace("resource.kind == \"covert-action\"", "resource.kind == \"covert\""), "covert-action"),
        (shipped.replace("resource.level >= 4 &&", "resource.level > 4 &&"), "top secret without a senior officer"),
        (shipped.replace("@id(\"military-information\")", "@id(\"exercise\")"), "military-information"),
    ] {
        std::fs::write(&file, &weak).unwrap();
        let propose = ["change", "propose", file.to_str().unwrap(), "--why", "EXERCISE", "--out", &out];
        let refused = us.run(&propose).expect(1);
        assert!(refused.stderr.contains(named), "{}", refused.stderr);
        let altered = world.file("altered.json", &with_rules(&sound, &weak));
        for refused in [sign(&world, &us, &altered, &plain), us.run(&["change", "apply", &altered])] {
            let refused = refused.expect(1);
            assert!(refused.stderr.contains(named), "{}", refused.stderr);
        }
    }
    // Rules that forbid more are an operator's to make, unless the prover, where it is installed, refutes them.
    let tools = world.path("tools");
    std::fs::create_dir_all(&tools).unwrap();
    let prover = tools.join("portcullis-prove");
    let show = |says: &str| {
        std::fs::write(&prover, format!("#!/bin/sh\n{says}\n")).unwrap();
        std::fs::set_permissions(&prover, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap());
        let mut command = std::process::Command::new(support::program());
        command.arg("--config").arg(us.config()).args(["change", "sign", &sound, "--yes", "--key", &world.key(&plain)]);
        command.env("PATH", path).stdin(std::process::Stdio::null()).output().unwrap()
    };
    let refuted = show("echo '  REFUTED  noforn: EXERCISE'; exit 1");
    assert_eq!(refuted.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refuted.stderr).contains("refutes noforn: EXERCISE"));
    assert_eq!(show("echo 'no solver' >&2; exit 3").status.code(), Some(0));
    sign(&world, &us, &sound, &senior).expect(0);
    us.run(&["change", "apply", &sound]).expect(0);
}

#[test]
fn a_submission_states_what_it_serves_by_the_guiding_document_in_force() {
    let world = World::new();
    let (us, them) = world.pair();
    let guiding = "title = \"EXERCISE\"\nvalid_from = \"2026-01-01\"\nvalid_until = \"2099-12-31\"\n\
                   [[objective]]\nid = \"exercise-lanes\"\noutcome = \"EXERCISE: ships are escorted\"\npartners = [\"GBR\"]\n\
                   [[objective]]\nid = \"exercise-cables\"\noutcome = \"EXERCISE: cables are watched\"\npartners = [\"NATO\"]\n";
    world.change(&us, &[("priorities.toml", guiding)]);
    let (key, file) = (us.key("exercise-producer"), world.product("AIMS", BANNER, PORTION));
    let submit = |aims: &[&str]| {
        let terms = ["submit", &file, "--key", &key, "--to", &them.name, "--purpose", "EXERCISE", "--expires", "1d"];
        us.run(&[&terms[..], aims].concat())
    };
    for (aims, status, why) in [
        (&["--objective", "exercise-cables"][..], 1, "exercise-lanes"),
        (&["--objective", "exercise-weather"], 1, "exercise-lanes"),
        (&["--outcome"], 2, "--objective"),
    ] {
        let refused = submit(aims).expect(status);
        let said = format!("{}{}", refused.stdout, refused.stderr);
        assert!(said.contains(why), "{said}");
    }
    let submitted = submit(&["--objective", "exercise-lanes", "--perspectives", "--outcome"]).expect(0);
    let request = submitted.text("/request");
    let kept = us.run(&["status", request]).expect(0);
    assert_eq!(kept.text("/request/objective"), "exercise-lanes");
    assert_eq!([&kept.value["request"]["engages"], &kept.value["request"]["supports_outcome"]], [true, true]);
    let shown = us.run(&["request", "show", request]).expect(0);
    assert_eq!(shown.text("/terms/objective"), "exercise-lanes");
    assert_eq!(shown.text("/cuts/0/effort"), "intelligence diplomacy; preferred outcome: EXERCISE: ships are escorted");
    // Whoever asks why is told, and so is an officer who has nothing but the file.
    let counts_as = shown.text("/cuts/0/effort").to_owned();
    let explained = us.run(&["explain", request]).expect(1);
    assert_eq!(explained.text("/aims/objective"), "exercise-lanes");
    assert_eq!(explained.text("/partners/0/effort"), counts_as);
    let place = world.path("aims.export");
    us.run(&["request", "export", request, "--out", &place.display().to_string()]).expect(0);
    let exported = ExportedRequest::read(&place, SystemClock.now()).unwrap().review();
    assert_eq!((&exported.cuts[0].effort, exported.terms.objective.as_deref()), (&counts_as, Some("exercise-lanes")));
    // Perspectives may be sought without an objective.
    let engages = submit(&["--perspectives"]).expect(0);
    let seen = us.run(&["request", "show", engages.text("/request")]).expect(0);
    assert_eq!(seen.text("/cuts/0/effort"), "intelligence engagement");
    // What is not stated is not counted.
    let plain = submit(&[]).expect(0);
    let shown = us.run_human(&["request", "show", plain.text("/request")]).expect(0).stdout;
    assert!(shown.contains("intelligence sharing") && !shown.contains("perspectives"), "{shown}");
    // A row that says otherwise than the ledger is believed by nobody.
    sql(&us.folder.join("store/portcullis.db"), "UPDATE request SET objective = 'exercise-cables'");
    assert_ne!(us.run(&["request", "show", request]).status, 0);
}
