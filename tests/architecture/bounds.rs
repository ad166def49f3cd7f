//! Whatever someone outside can make us keep has its bound: each place where something is gathered, in the rooms that face
//! the network, is in the table of `docs/SECURITY.md`, with a setting and a test that exists; and nothing waits in a queue
//! without end.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::source::{is_test, quoted, root, sources};

/// The heading of the table.
const HEADING: &str = "## What someone outside can make us spend";
/// The rooms that face the network, whole.
const ROOMS: [&str; 2] = ["edge", "wire"];
/// What receives in the gateway: folders, with all that is in them, and files.
const RECEIVING: [&str; 8] = [
    "gateway/inbound",
    "gateway/recall",
    "gateway/node/checkpoints",
    "gateway/administration/revocation_lists.rs",
    "gateway/node/process/exchange_locks.rs",
    "gateway/node/process/payload_quota.rs",
    "gateway/server/addresses.rs",
    "gateway/server/intake.rs",
];
/// What can hold ever more. A `Vec` of a message is bounded by its frame; those that are queues are named by what they hold.
const GROWS: [&str; 11] = [
    "BTreeMap<",
    "BTreeSet<",
    "BinaryHeap<",
    "BytesMut",
    "DefaultKeyedRateLimiter<",
    "JoinSet",
    "LogLimiter",
    "Semaphore",
    "TaskTracker",
    "Vec<Bytes>",
    "VecDeque<",
];
/// Channels and tasks that know no end.
const ENDLESS: [&str; 6] =
    ["unbounded", "mpsc::channel", "std::sync::mpsc", "tokio::spawn", "thread::spawn", "spawn_blocking"];

/// The files of these rooms, by their path below `src`, without their tests.
fn files() -> BTreeMap<String, String> {
    let src = root().join("src");
    let of = |place: &&str| if place.ends_with(".rs") { vec![src.join(place)] } else { sources(&src.join(place)) };
    let paths = ROOMS.iter().chain(&RECEIVING).flat_map(of);
    paths.map(|path| (name(&src, &path), code(&fs::read_to_string(&path).unwrap()))).collect()
}

fn name(src: &Path, path: &Path) -> String {
    path.strip_prefix(src).unwrap().to_str().unwrap().to_owned()
}

fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap();
    text.lines().map(|line| line.split("//").next().unwrap()).collect::<Vec<_>>().join("\n")
}

/// Fields that can hold ever more, as `file: Type.field`, or `file: Type` where the field has no name.
fn gathered(file: &str, text: &str) -> Vec<String> {
    let (mut found, mut within) = (Vec::new(), None);
    let grows = |of: &str| GROWS.iter().any(|kind| of.contains(kind));
    for line in text.lines() {
        if let Some((_, after)) = line.split_once("struct ").filter(|_| !line.starts_with(' ')) {
            let name: String = after.chars().take_while(|c| c.is_alphanumeric()).collect();
            if after.contains('(') && grows(after) {
                found.push(format!("{file}: {name}"));
            }
            within = line.ends_with('{').then_some(name);
        } else if line.starts_with('}') {
            within = None;
        } else if let (Some(of), Some((field, kind))) = (&within, line.split_once(": "))
            && line.starts_with("    ")
            && grows(kind)
        {
            let field = field.rsplit(' ').next().unwrap();
            found.push(format!("{file}: {of}.{field}"));
        }
    }
    found
}

/// The rows of the table: what is kept where, the setting, and the tests.
fn table() -> Vec<[String; 5]> {
    let text = fs::read_to_string(root().join("docs/SECURITY.md")).unwrap();
    let (_, after) = text.split_once(HEADING).expect("docs/SECURITY.md has the table");
    let section = after.split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| ") && !line.contains("---")).skip(1);
    let cells = rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>());
    cells.map(|cells| cells.try_into().unwrap_or_else(|cells| panic!("not five cells: {cells:?}"))).collect()
}

#[test]
fn whatever_can_grow_is_in_the_table_and_nothing_else() {
    let found: BTreeSet<String> = files().iter().flat_map(|(file, text)| gathered(file, text)).collect();
    let named: BTreeSet<String> = table().iter().flat_map(|[_, kept, ..]| quoted(kept).collect::<Vec<_>>()).collect();
    assert!(found.len() > 20, "the search finds nothing: {found:?}");
    let missing: Vec<_> = found.difference(&named).collect();
    let gone: Vec<_> = named.difference(&found).collect();
    assert!(missing.is_empty() && gone.is_empty(), "not in the table: {missing:#?}\nin the table alone: {gone:#?}");
}

#[test]
fn nothing_waits_without_end_in_what_faces_the_network() {
    let mut found = Vec::new();
    for (file, text) in files() {
        for (number, line) in text.lines().enumerate() {
            if ENDLESS.iter().any(|endless| line.contains(endless)) {
                found.push(format!("src/{file}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn each_row_of_the_table_names_a_setting_and_a_test_that_exist() {
    let sections = fs::read_to_string(root().join("src/config/sections.rs")).unwrap();
    let agreement = fs::read_to_string(root().join("src/partner/limits.rs")).unwrap();
    let mut wrong = Vec::new();
    for [what, _, bound, setting, tests] in table() {
        if bound.is_empty() {
            wrong.push(format!("{what}: no bound"));
        }
        for setting in quoted(&setting) {
            let known = sections.contains(&format!("\"{setting}\"")) || agreement.contains(&format!("pub {setting}:"));
            if !known {
                wrong.push(format!("{what}: no setting `{setting}`"));
            }
        }
        let tests: Vec<String> = quoted(&tests).collect();
        if tests.is_empty() {
            wrong.push(format!("{what}: no test"));
        }
        wrong.extend(tests.iter().filter(|test| !is_test(test)).map(|test| format!("{what}: no test `{test}`")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_queue_that_is_in_no_table_is_found() {
    let text = "pub(super) struct Waiting {\n    first: u8,\n    pub(super) all: Mutex<VecDeque<Offer>>,\n}\n\nstruct Names(BTreeSet<String>);\n";
    assert_eq!(gathered("edge/new.rs", text), ["edge/new.rs: Waiting.all", "edge/new.rs: Names"]);
}
