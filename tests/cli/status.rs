//! What `status`, `explain` and `approve` tell a person of exchanges and requests: where they are, by how little of a number
//! they are found, and that what is done is done.

use std::process::{Command, Stdio};

use crate::support::{Answer, Node, World, program};

/// Submits a product for the partner GBR; its request and exchange.
fn submit(world: &World, node: &Node, id: &str) -> (String, String) {
    let file = world.product(id, "SECRET//REL TO USA, GBR", "(S//REL TO USA, GBR)");
    let key = node.key("exercise-producer");
    let terms = ["--key", &key, "--to", "exercise-gbr", "--purpose", "EXERCISE", "--expires", "1d"];
    let submitted = node.run(&[&["submit", &file], &terms[..]].concat()).expect(0);
    (submitted.text("/request").to_owned(), submitted.text("/exchanges/0/exchange").to_owned())
}

fn approve(world: &World, node: &Node, request: &str, officer: &str) -> Answer {
    node.run_human(&["approve", request, "--yes", "--key", &world.key(officer)])
}

/// What a command of a node shows at a terminal of this many columns, by `script` of Debian's essential `bsdutils`.
fn at_terminal(node: &Node, columns: u32, environment: &str, arguments: &str) -> String {
    let line = format!(
        "stty cols {columns}; {environment} {} --config {} {arguments}",
        program().display(),
        node.config().display()
    );
    let output = Command::new("script").args(["-qec", &line, "/dev/null"]).stdin(Stdio::null()).output();
    let output = output.expect("`script` runs (package bsdutils)");
    let shown = String::from_utf8_lossy(&output.stdout).replace('\r', "");
    assert!(output.status.success() && !shown.is_empty(), "{line}: {shown}");
    shown
}

/// A text without its colours.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        rest = after.split_once('m').map_or("", |(_, rest)| rest);
    }
    plain + rest
}

#[test]
fn finds_what_is_named_by_any_unambiguous_beginning() {
    let world = World::new();
    let (us, _) = world.pair();
    let (request, exchange) = submit(&world, &us, "ONE");
    let (other, _) = submit(&world, &us, "TWO");
    // All but the last digit stand for the one, and `rq-0` for both.
    let (short, short_ex) = (&request[..request.len() - 1], &exchange[..exchange.len() - 1]);
    assert_eq!(us.run(&["status", short]).expect(0).text("/request/request"), request);
    assert_eq!(us.run(&["status", short_ex]).expect(0).text("/exchange"), exchange);
    assert_eq!(us.run(&["explain", short]).expect(1).text("/subject"), request);
    assert_eq!(us.run(&["request", "show", short]).expect(0).text("/request"), request);
    let key = world.key("exercise-officer-1");
    assert_eq!(us.run(&["approve", short, "--yes", "--key", &key]).expect(0).text("/request"), request);
    us.run(&["approve", short, &request, "--yes", "--key", &key]).expect(2);
    let parked = us.run(&["exchange", "park", short_ex]).expect(1);
    assert!(parked.stderr.contains(&exchange), "{}", parked.stderr);
    for command in [&["status", "rq-0"] as &[&str], &["explain", "rq-0"], &["request", "show", "rq-0"]] {
        let ambiguous = us.run(command).expect(2);
        for part in ["ambiguous", &*request, &*other] {
            assert!(ambiguous.stderr.contains(part), "{part}: {}", ambiguous.stderr);
        }
    }
    let unknown = us.run(&["status", "ex-ffff"]).expect(2);
    assert!(unknown.stderr.contains("no exchange begins with `ex-ffff`"), "{}", unknown.stderr);
    us.run(&["status", "ex-"]).expect(2);
    us.run(&["status", "something"]).expect(2);
    assert_eq!(us.run(&["refuse", short, "--why", "EXERCISE", "--key", &key]).expect(0).text("/request"), request);
}

#[test]
fn status_names_request_and_title_and_lists_no_more_than_asked() {
    let world = World::new();
    let (us, _) = world.pair();
    let (request, exchange) = submit(&world, &us, "ONE");
    submit(&world, &us, "TWO");
    let all = us.run(&["status"]).expect(0);
    let row = all.list("/exchanges").iter().find(|row| row["exchange"] == exchange.as_str()).unwrap();
    assert_eq!((&row["request"], &row["title"]), (&request.into(), &"EXERCISE ONE".into()));
    for (command, list) in [
        (&["status", "--limit", "1"] as &[&str], "/exchanges"),
        (&["status", "--awaiting", "--limit", "1"], "/awaiting"),
        (&["officer", "list", "--limit", "1"], "/officers"),
        (&["partner", "list", "--limit", "1"], "/partners"),
        (&["change", "list", "--limit", "1"], "/changes"),
        (&["ledger", "show", "--limit", "1"], "/entries"),
        (&["store", "search", "EXERCISE", "--limit", "1"], "/records"),
    ] {
        assert_eq!(us.run(command).expect(0).list(list).len(), 1, "{command:?}");
    }
    for command in [&["inbox", "list"] as &[&str], &["inbox", "quarantine", "list"], &["consent", "list"]] {
        us.run(&[command, &["--limit", "1"]].concat()).expect(0);
    }
    us.run(&["store", "lost", "list", "--limit", "1"]).expect(0);
    let said = us.run_human(&["status"]).expect(0).stdout;
    for part in ["EXERCISE ONE", "→ exercise-gbr", "requested", "TITLE", "AGE", &*exchange] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!said.contains('\u{1b}'), "no colour where no terminal is: {said}");
}

#[test]
fn status_fits_a_terminal_and_has_colour_only_where_it_is_wanted() {
    let world = World::new();
    let (us, _) = world.pair();
    let long = "EXERCISE a title that is much longer than any terminal of eighty columns has room for in one line";
    let file = world.product("LONG", "SECRET//REL TO USA, GBR", "(S//REL TO USA, GBR)");
    let text =
        std::fs::read_to_string(&file).unwrap().replace("Title: (U) EXERCISE LONG", &format!("Title: (U) {long}"));
    std::fs::write(&file, text).unwrap();
    let key = us.key("exercise-producer");
    let terms = ["--key", &key, "--to", "exercise-gbr", "--purpose", "EXERCISE", "--expires", "1d"];
    us.run(&[&["submit", &file], &terms[..]].concat()).expect(0);
    let shown = at_terminal(&us, 80, "NO_COLOR=", "status --all");
    assert!(!shown.contains('\u{1b}'), "{shown}");
    let coloured = at_terminal(&us, 80, "", "status --all");
    assert!(coloured.contains("\u{1b}[33mrequested") && coloured.contains("\u{1b}[31mSECRET//"), "{coloured:?}");
    for shown in [shown, plain(&coloured)] {
        let row = shown.lines().find(|line| line.contains("requested")).unwrap();
        assert!(row.contains("EXERCISE a title") && row.ends_with('…'), "{row}");
        assert!(shown.lines().take(3).all(|line| line.chars().count() <= 80), "{shown}");
        // The number is cut off as well, and finds it all the same.
        let short = row.split(' ').next().unwrap();
        assert!(short.len() < 35);
        us.run(&["status", short]).expect(0);
    }
}

#[test]
fn what_awaits_approval_says_so_and_every_line_of_a_status_fits_its_terminal() {
    let world = World::new();
    let (us, them) = (world.node("exercise-usa", "USA"), world.node("exercise-gbr", "GBR"));
    world.enrol(&us, &them, &[]);
    world.officers(&us);
    let (request, exchange) = submit(&world, &us, "WAITS");
    let awaits = |node: &Node| node.run(&["status"]).expect(0).text("/exchanges/0/awaits").to_owned();
    assert_eq!(awaits(&us), "awaiting approval: 0 of 2");
    approve(&world, &us, &request, "exercise-officer-1").expect(0);
    assert_eq!(awaits(&us), "awaiting approval: 1 of 2");
    for subject in [&request, &exchange] {
        let said = us.run_human(&["status", subject]).expect(0).stdout;
        assert!(said.contains("awaiting approval: 1 of 2"), "{said}");
    }
    let again = us.run_human(&["approve", &request, "--yes", "--key", &us.key("exercise-officer-1")]).expect(1).stdout;
    let said = format!("Not counted: exercise-officer-1 has already approved this request ({request})");
    assert!(again.starts_with(&said), "{again}");
    for columns in [60_u32, 80, 200] {
        assert_fits(&at_terminal(&us, columns, "", "status"), columns);
    }
}

/// Fails if a line of what a terminal shows is longer than its columns.
fn assert_fits(shown: &str, columns: u32) {
    let long = plain(shown).lines().find(|line| line.trim_end().chars().count() > columns as usize).map(str::to_owned);
    assert_eq!(long, None, "{columns}: {shown}");
}

#[test]
fn json_lines_of_a_status_are_one_line_for_each_item_and_name_its_type() {
    let world = World::new();
    let (us, _) = world.pair();
    let (request, _) = submit(&world, &us, "ONE");
    submit(&world, &us, "TWO");
    let items = |arguments: &[&str]| -> Vec<String> {
        let answer = us.run_human(&[&["--format", "jsonl"], arguments].concat()).expect(0);
        let lines = answer.stdout.lines().map(|line| serde_json::from_str(line).unwrap());
        lines.map(|line: serde_json::Value| line["item"].as_str().unwrap().to_owned()).collect()
    };
    let all = items(&["status"]);
    assert_eq!(all.iter().filter(|item| *item == "exchange").count(), 2, "{all:?}");
    assert!(all.iter().any(|item| item == "change"), "{all:?}");
    assert_eq!(items(&["status", &request]), ["request", "exchange"]);
}

#[test]
fn what_waits_is_pending_and_what_was_delivered_is_closed_and_approved_no_more() {
    let world = World::new();
    let (mut us, mut them) = world.pair();
    world.officer(&us, "exercise-officer-3", "disclosure-officer");
    let (request, exchange) = submit(&world, &us, "ONE");
    let pending = us.run(&["explain", &request]).expect(1);
    assert_eq!(pending.text("/partners/0/verdict"), "pending");
    let said = us.run_human(&["explain", &request]).expect(1).stdout;
    assert!(said.contains("pending") && said.contains("awaiting approval: 0 of 2"), "{said}");
    assert!(!said.contains("refused"), "{said}");
    let first = approve(&world, &us, &request, "exercise-officer-1").expect(0).stdout;
    assert!(first.contains("pending") && first.contains("awaiting approval: 1 of 2"), "{first}");
    assert_eq!(us.run(&["status", &request]).expect(0).text("/progress"), "pending");
    let last = approve(&world, &us, &request, "exercise-officer-2").expect(0).stdout;
    assert!(last.contains("Approved; queued for delivery"), "{last}");
    us.serve();
    them.serve();
    us.until_state(&exchange, "delivered");
    // Nothing is open, and where to look is said.
    let status = us.run_human(&["status"]).expect(0).stdout;
    for part in ["no open exchanges", "delivered in the last 24 hours", &*exchange, "EXERCISE ONE"] {
        assert!(status.contains(part), "{part}: {status}");
    }
    assert_eq!(us.run(&["status"]).expect(0).text("/delivered/0/exchange"), exchange);
    let received = them.run_human(&["status"]).expect(0).stdout;
    assert!(received.contains("received in the last 24 hours") && received.contains("inbox take"), "{received}");
    for list in ["inbox list", "ledger show", "status --all"] {
        assert_fits(&at_terminal(&them, 120, "", list), 120);
    }
    let inbox = plain(&at_terminal(&them, 80, "", "inbox list"));
    assert_fits(&inbox, 80);
    for part in ["← exercise-usa", "EXERCISE ONE", "SECRET//", "received 20"] {
        assert!(inbox.contains(part), "{part}: {inbox}");
    }
    let one = us.run_human(&["status", &exchange]).expect(0).stdout;
    assert!(one.contains("receipt: accepted") && one.contains("portcullis recall"), "{one}");
    let closed = us.run(&["status", &request]).expect(0);
    assert_eq!((closed.text("/progress"), closed.text("/request/state")), ("closed", "open"));
    assert_eq!(us.run(&["explain", &request]).expect(0).text("/partners/0/verdict"), "closed");
    let late = approve(&world, &us, &request, "exercise-officer-3").expect(0).stdout;
    assert!(late.contains("Nothing is left to release: the request is closed (exercise-gbr: delivered)"), "{late}");
    // A list counts what it skipped.
    let (open, _) = submit(&world, &us, "TWO");
    let key = world.key("exercise-officer-1");
    approve(&world, &us, &open, "exercise-officer-2").expect(0);
    let both = us.run_human(&["approve", &open, &request, "--yes", "--key", &key]).expect(1).stdout;
    assert!(both.contains("1 approved, 1 skipped"), "{both}");
    let recalled = us.run_human(&["recall", &exchange, "--key", &key, "--why", "other"]).expect(0).stdout;
    assert!(recalled.contains("A recall cannot retrieve copies already taken"), "{recalled}");
    for list in ["status", "partner list", "officer list", "store search EXERCISE"] {
        assert_fits(&at_terminal(&us, 60, "", list), 60);
    }
    assert_fits(&at_terminal(&us, 100, "", &format!("status {exchange}")), 100);
    // What was recalled is no refusal.
    us.run(&["recall", &open, "--key", &key, "--why", "other"]).expect(0);
    let said = us.run_human(&["status", &open]).expect(0).stdout;
    assert!(said.contains("cancelled: it was recalled") && !said.contains("refused"), "{said}");
    let late = us.run(&["approve", &open, "--yes", "--key", &key]).expect(1).stderr;
    assert!(late.contains("is cancelled (it was recalled)"), "{late}");
}

#[test]
fn watches_until_it_is_interrupted_and_writes_a_line_for_each_change() {
    let world = World::new();
    let (us, _) = world.pair();
    let (_, exchange) = submit(&world, &us, "ONE");
    let output = std::fs::File::create(world.path("watched")).unwrap();
    let mut watching = Command::new(program())
        .arg("--config")
        .arg(us.config())
        .args(["--format", "json", "status", "--watch"])
        .stdin(Stdio::null())
        .stdout(output)
        .spawn()
        .unwrap();
    let lines = || -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(world.path("watched")).unwrap();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    };
    let until = |count: usize| {
        for _ in 0..600 {
            if lines().len() >= count {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        panic!("never happened: {count} lines, found {:?}", lines());
    };
    until(1);
    us.run(&["exchange", "cancel", &exchange]).expect(0);
    until(2);
    let process = rustix::process::Pid::from_child(&watching);
    rustix::process::kill_process(process, rustix::process::Signal::INT).unwrap();
    assert_eq!(watching.wait().unwrap().code(), Some(0));
    let lines = lines();
    let states: Vec<_> = lines.iter().map(|line| (line["exchange"].as_str(), line["state"].as_str())).collect();
    assert_eq!(states, [(Some(&*exchange), Some("requested")), (Some(&*exchange), Some("cancelled"))]);
}
