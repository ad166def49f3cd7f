//! What a person gave wrongly, and what they are told to give instead: keys, files, settings, agreements, addresses, and
//! products that can never go.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use crate::support::{World, agreement, answer, program};

#[test]
fn a_public_key_a_folder_and_a_file_that_may_not_be_read_are_named_with_the_right_one() {
    let world = World::new();
    let (us, _) = world.pair();
    let key = world.key("exercise-officer-1");
    let public = world.path("exercise-officer-1.key.pub");
    std::fs::write(&public, world.public_key("exercise-officer-1").to_string()).unwrap();
    let request = "rq-0199a5b2c3d47e8f9a0b1c2d3e4f5061";
    let public = public.display().to_string();
    for mode in [0o644, 0o600] {
        std::fs::set_permissions(&public, std::fs::Permissions::from_mode(mode)).unwrap();
        let refused = us.run(&["refuse", request, "--why", "EXERCISE", "--key", &public]).expect(2);
        for part in ["is a public key", &format!("give `{key}`")] {
            assert!(refused.stderr.contains(part), "{part}: {}", refused.stderr);
        }
    }
    let folder = us.folder.display().to_string();
    let refused = us.run(&["refuse", request, "--why", "EXERCISE", "--key", &folder]).expect(2);
    assert!(refused.stderr.contains("is a folder: name the key file"), "{}", refused.stderr);
    let refused = us.run(&["change", "show", &folder]).expect(2);
    assert!(refused.stderr.contains("is a folder: name a file"), "{}", refused.stderr);
    let refused = us.run(&["change", "show", "nowhere.json"]).expect(2);
    assert!(refused.stderr.contains("`nowhere.json` cannot be read: there is no such file"), "{}", refused.stderr);
    // Whoever is root may read everything.
    if !rustix::process::geteuid().is_root() {
        std::fs::set_permissions(us.config(), std::fs::Permissions::from_mode(0o000)).unwrap();
        let refused = us.run(&["status"]).expect(2);
        assert!(refused.stderr.contains("permission denied to user"), "{}", refused.stderr);
        std::fs::set_permissions(us.config(), std::fs::Permissions::from_mode(0o600)).unwrap();
    }
}

#[test]
fn a_name_or_profile_that_was_changed_after_init_is_named_with_its_file_and_setting() {
    let world = World::new();
    let node = world.made("exercise-usa", "USA", "cnsa2");
    for (setting, from, to) in [("name", "exercise-usa", "exercise-xyz"), ("profile", "cnsa2", "hybrid")] {
        let (from, to) = (format!("{setting} = \"{from}\""), format!("{setting} = \"{to}\""));
        node.reconfigure(&from, &to);
        for command in [&["status"] as &[&str], &["partner", "export"], &["serve"]] {
            let refused = node.run(command).expect(3);
            for part in ["portcullis.toml", &format!("`{setting}` in section"), &format!("set `{from}`")] {
                assert!(refused.stderr.contains(&part.replace('"', "\\\"")), "{command:?}: {}", refused.stderr);
            }
        }
        node.reconfigure(&to, &from);
        node.run(&["status"]).expect(0);
    }
}

#[test]
fn a_code_that_the_register_does_not_have_is_refused_with_the_one_that_was_meant() {
    let world = World::new();
    let made = |code: &str| {
        let mut command = Command::new(program());
        command.arg("init").arg(world.path("made")).args(["--name", "exercise-gbr", "--organisation", "EXERCISE"]);
        answer(command.args(["--contact", "EXERCISE", "--code", code]).output().unwrap())
    };
    let typo = made("GRB").expect(2);
    assert!(typo.stderr.contains("no code `GRB`: did you mean") && typo.stderr.contains("`GBR`"), "{}", typo.stderr);
    assert!(made("EXERCISE").expect(2).stderr.ends_with("no code `EXERCISE`\n"));
    assert!(!world.path("made").exists());
}

#[test]
fn a_configuration_check_names_the_name_and_profile_that_a_node_was_made_with() {
    let world = World::new();
    let faults = |from: &str, to: &str| {
        let node = world.node("exercise-usa", "USA");
        node.reconfigure(from, to);
        let answer = node.run(&["config", "check"]).expect(2);
        std::fs::remove_dir_all(&node.folder).unwrap();
        answer.text("/faults/0").to_owned()
    };
    let name = faults("name = \"exercise-usa\"", "name = \"exercise-us\"");
    assert!(name.contains("set `name = \"exercise-usa\"`"), "{name}");
    let profile = faults("profile = \"cnsa2\"", "profile = \"hybrid\"");
    assert!(profile.contains("set `profile = \"cnsa2\"`"), "{profile}");
    for fault in [name, profile] {
        let file = fault.split(": `").next().unwrap();
        assert!(file.ends_with("portcullis.toml"), "the fault begins with the file: {fault}");
    }
}

#[test]
fn a_node_on_every_interface_must_say_which_address_partners_dial() {
    let world = World::new();
    let init = |folder: &str, more: &[&str]| {
        let named = ["--name", "exercise-usa", "--organisation", "EXERCISE", "--contact", "EXERCISE desk"];
        answer(Command::new(program()).arg("init").arg(world.path(folder)).args(named).args(more).output().unwrap())
    };
    for every in ["0.0.0.0:4433", "[::]:4433"] {
        let refused = init("every", &["--listen", every]).expect(2);
        for part in [&format!("partners cannot dial `{every}`"), "--advertise gateway.example:4433"] {
            assert!(refused.stderr.contains(part), "{part}: {}", refused.stderr);
        }
        init("every", &["--listen", every, "--advertise", every]).expect(2);
    }
    let without_port = init("every", &["--listen", "0.0.0.0"]).expect(2).stderr;
    assert!(without_port.contains("`0.0.0.0:4433`") && without_port.contains("--advertise"), "{without_port}");
    assert!(!world.path("every").exists());
    init("named", &["--listen", "0.0.0.0:4433", "--advertise", "gateway.example:4433"]).expect(0);
    let text = std::fs::read_to_string(world.path("named/portcullis.toml")).unwrap();
    assert!(text.contains("address = \"0.0.0.0:4433\"") && text.contains("\"gateway.example:4433\""), "{text}");
    init("one", &["--listen", "127.0.0.1:4433"]).expect(0);
}

#[test]
fn a_slip_in_an_agreement_is_refused_when_it_is_proposed_and_says_what_was_meant() {
    let world = World::new();
    let (us, them) = (world.node("exercise-usa", "USA"), world.node("exercise-gbr", "GBR"));
    let description = world.file("gbr.json", &them.run(&["partner", "export"]).expect(0).stdout);
    let print = them.run(&["partner", "fingerprint"]).expect(0).text("/description").to_owned();
    let change = |name: &str| world.path(name).display().to_string();
    let add = |text: &str, out: &str, more: &[&str]| {
        let file = world.file("agreement.toml", text);
        let given = ["partner", "add", &description, "--agreement", &file, "--confirm", &print, "--out", out];
        us.run(&[&given[..], more].concat())
    };
    for (text, status, said) in [
        (agreement("USA", "GBR", &[("kinds", "[\"reprot\"]")]), 1, "did you mean `report`"),
        (
            agreement("USA", "GBR", &[("accreditations", "[\"SCI:S1\"]")]),
            2,
            "holds unknown accreditation `SCI:S1`: did you mean `SCI:SI`?",
        ),
        (agreement("USA", "GBR", &[("attachments", "[\"text/cvs\"]")]), 1, "did you mean `text/csv`?"),
        (agreement("USA", "GBR", &[("formats", "[\"pdf\"]")]), 2, "holds `pdf`, which is not a format"),
        (agreement("USA", "GBR", &[("profile", "\"cnsa3\"")]), 2, "is `cnsa3`, which is not a profile"),
        (agreement("USA", "GRB", &[]), 1, "the marking register has no such code: did you mean `GBR`?"),
        (agreement("USA", "NOR", &[]), 1, "did you give another partner's agreement?"),
        (agreement("CAN", "GBR", &[]), 1, "did you mean `USA`, or another node's agreement?"),
        (agreement("USA", "GBR", &[("kind", "\"organisation\"")]), 1, "did you mean kind `country`?"),
    ] {
        let refused = add(&text, &change("refused.json"), &[]).expect(status);
        assert!(refused.stderr.contains(said), "{said}: {}", refused.stderr);
        assert!(!world.path("refused.json").exists());
    }
    // A kind that is new says so, and what is right is proposed.
    let reports = agreement("USA", "GBR", &[("kinds", "[\"reports\"]")]);
    add(&reports, &change("new-kind.json"), &["--new-kind", "reports"]).expect(0);
    add(&agreement("USA", "GBR", &[]), &change("right.json"), &[]).expect(0);
    world.enrol(&us, &them, &[]);
    let file = world.file("changed.toml", &agreement("USA", "GBR", &[("kinds", "[\"report\", \"warnings\"]")]));
    let given = format!("exercise-gbr={file}");
    let out = change("changed.json");
    let refused = us.run(&["change", "propose", "--agreement", &given, "--out", &out]).expect(1);
    assert!(refused.stderr.contains("did you mean `warning`?"), "{}", refused.stderr);
}

#[test]
fn what_an_agreement_can_never_let_go_is_refused_before_its_attachments_are_read() {
    let world = World::new();
    let (us, them) = (world.node("exercise-usa", "USA"), world.node("exercise-gbr", "GBR"));
    world.enrol(&us, &them, &[("payload_bytes_max", "100000"), ("attachments", "[\"text/plain\"]")]);
    world.officers(&us);
    let submit = |id: &str, kind: &str, media_type: &str, size: u64| {
        let folder = world.path(id);
        std::fs::create_dir_all(folder.join("attachments")).unwrap();
        // The digest is of other bytes: whoever read the file to its end would say that first.
        let digest = "0".repeat(64);
        let text = format!(
            "PORTCULLIS PRODUCT 1\nId: EXERCISE-{id}\nTitle: (U) EXERCISE {id}\nOriginator: (U) EXERCISE Directorate\n\
             Date: 2026-11-20\nKind: {kind}\n\nSECRET//REL TO USA, GBR\n\n(S//REL TO USA, GBR) EXERCISE {id}.\n\n\
             (S//REL TO USA, GBR) ATTACHMENT sightings.txt {media_type} {size} {digest}\n"
        );
        std::fs::write(folder.join("product.txt"), text).unwrap();
        std::fs::write(folder.join("attachments/sightings.txt"), vec![b'x'; usize::try_from(size).unwrap()]).unwrap();
        let key = us.key("exercise-producer");
        let terms = ["--key", &key, "--to", "exercise-gbr", "--purpose", "EXERCISE", "--expires", "1d"];
        us.run(&[&["submit", &folder.display().to_string()], &terms[..]].concat()).expect(1)
    };
    for (id, kind, media_type, size, code, said) in [
        ("LARGE", "report", "text/plain", 200_000, "TOO-LARGE", "200000 bytes, limit 100000"),
        ("KIND", "assessment", "text/plain", 9, "KIND", "does not cover the kind `assessment`"),
        ("TYPE", "report", "text/csv", 9, "ATTACHMENT-TYPE", "does not cover the type"),
    ] {
        let refused = submit(id, kind, media_type, size);
        assert_eq!(refused.text("/refused/0/reasons/0/code"), code, "{}", refused.stdout);
        assert!(refused.text("/refused/0/reasons/0/sentence").contains(said), "{}", refused.stdout);
        assert!(refused.list("/faults").is_empty(), "{}", refused.stdout);
    }
    // The neighbour, which may go, is read.
    let read = submit("READ", "report", "text/plain", 9);
    assert!(read.text("/faults/0").contains("K-DIGEST"), "{}", read.stdout);
    assert!(us.run(&["status", "--all"]).expect(0).list("/exchanges").is_empty());
}

#[test]
fn a_check_says_whose_limits_it_used_and_how_large_the_product_is() {
    let world = World::new();
    let node = world.node("exercise-usa", "USA");
    let product = world.product("ONE", "SECRET//REL TO USA, GBR", "(S//REL TO USA, GBR)");
    let bytes = std::fs::metadata(&product).unwrap().len();
    let checked = node.run(&["product", "check", &product]).expect(0);
    assert_eq!(checked.text("/limits/node"), "exercise-usa");
    assert_eq!(checked.value["bytes"], bytes);
    let said = node.run_human(&["product", "check", &product]).expect(0).stdout;
    let with = format!("checked with the limits of node exercise-usa ({})", node.config().display());
    assert!(said.contains(&with) && said.contains(&format!("{bytes} bytes")), "{said}");
    // Without a node, the default limits are used.
    let alone = || {
        let mut command = Command::new(program());
        command.current_dir(&world.folder).env_remove("PORTCULLIS_CONFIG").args(["product", "check"]).arg(&product);
        answer(command.output().unwrap())
    };
    let said = alone().expect(0).stdout;
    assert!(said.contains("checked with the default limits"), "{said}");
    // A file over the limit is not said to be one byte over it.
    node.reconfigure("# product_bytes = 16777216", "product_bytes = 1024");
    std::fs::write(&product, std::fs::read_to_string(&product).unwrap() + &"EXERCISE.\n".repeat(500)).unwrap();
    let large = node.run_human(&["product", "check", &product]).expect(1).stdout;
    assert!(large.contains("larger than the limit of 1024 bytes") && !large.contains("1025"), "{large}");
    assert!(large.contains("limits of node exercise-usa"), "{large}");
    assert!(!alone().stdout.contains("P-BOUNDS"));
}

#[test]
fn a_product_that_is_not_there_is_named_without_the_numbers_of_the_system() {
    let world = World::new();
    let (us, _) = world.pair();
    let key = us.key("exercise-producer");
    let missing = world.path("nothing.txt").display().to_string();
    let terms = ["--key", &key, "--to", "exercise-gbr", "--purpose", "EXERCISE", "--expires", "1d"];
    for answer in
        [us.run_human(&[&["submit", &missing], &terms[..]].concat()), us.run_human(&["product", "check", &missing])]
    {
        let said = format!("{}{}", answer.stdout, answer.stderr);
        assert!(said.contains("nothing.txt") && said.contains("there is no such file"), "{said}");
        assert!(!said.contains("os error"), "{said}");
    }
}

#[test]
fn a_misspelled_partner_is_refused_with_the_one_that_was_meant() {
    let world = World::new();
    let (us, _) = world.pair();
    let file = world.product("TYPO", "SECRET//REL TO USA, GBR", "(S//REL TO USA, GBR)");
    let key = us.key("exercise-producer");
    let submit = |partner: &str| {
        let terms = ["--key", &key, "--to", partner, "--purpose", "EXERCISE", "--expires", "1d"];
        us.run(&[&["submit", &file], &terms[..]].concat()).expect(2).stderr
    };
    let shown = us.run(&["partner", "show", "exercise-gbt"]).expect(2).stderr;
    for said in [submit("exercise-gbt"), shown] {
        assert!(said.contains("no partner `exercise-gbt` is enrolled: did you mean `exercise-gbr`?"), "{said}");
    }
    let other = submit("exercise-nor");
    assert!(other.contains("see `partner list`") && !other.contains("did you mean"), "{other}");
}

#[test]
fn a_private_key_where_a_public_one_is_meant_names_the_public_one() {
    let world = World::new();
    let (us, _) = world.pair();
    let key = us.key("exercise-producer");
    let add = ["officer", "add", "exercise-new", "--name", "EXERCISE", "--role", "originator", "--key-file", &key];
    let out = world.path("new.json").display().to_string();
    let refused = us.run(&[&add[..], &["--out", &out]].concat()).expect(2).stderr;
    assert!(refused.contains("is a private key") && refused.contains(&format!("{key}.pub")), "{refused}");
}
