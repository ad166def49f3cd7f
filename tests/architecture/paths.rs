//! What the documents say of the tree is so: every source file and folder that they name is there, the map of the modules in
//! `docs/ARCHITECTURE.md` has every room in its order, and each row of its table of changes names what exists.

use std::fs;
use std::sync::LazyLock;

use regex::Regex;

use crate::source::{is_test, quoted, root};

const ARCHITECTURE: &str = "docs/ARCHITECTURE.md";
/// Files of Rust in a folder, wherever they are named.
static FILES: LazyLock<Regex> = LazyLock::new(|| pattern(r"[\w.-]+(?:/[\w.-]+)*/\w+\.rs\b"));
/// Folders and files of the repository, between backquotes. A name with a placeholder or a pattern in it is none.
static PLACES: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^(?:benches|certs|deploy|docs|fuzz|samples|scripts|src|tests|tools)/[\w./-]+$"));
/// Folders below `src`, between backquotes.
static ROOMS: LazyLock<Regex> = LazyLock::new(|| pattern(r"^[a-z_]\w*/(?:\w+/)+$"));
/// Names in the code, between backquotes, with or without the brackets or the exclamation mark of what is called.
static NAMES: LazyLock<Regex> = LazyLock::new(|| pattern(r"^(\w+)(?:\(\)|!)?$"));
/// One line of the map: a module, or with a stroke a room, indented below the room that it is in.
static LINES: LazyLock<Regex> = LazyLock::new(|| pattern(r"^((?:  )*)([a-z]\w*)(/?)(?:  .*|$)"));

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern")
}

/// The documents that are held to the tree, each with its text.
fn documents() -> Vec<(String, String)> {
    let mut names = vec!["README.md".to_owned(), "tests/mutants/SURVIVORS.md".to_owned()];
    for folder in ["docs", "docs/decisions"] {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if name.ends_with(".md") {
                names.push(format!("{folder}/{name}"));
            }
        }
    }
    names.sort();
    names.into_iter().map(|name| (name.clone(), fs::read_to_string(root().join(name)).unwrap())).collect()
}

/// Whether there is this file or folder, in the repository or below `src`.
fn is_there(path: &str) -> bool {
    root().join(path).exists() || root().join("src").join(path).exists()
}

/// What a document names and the tree does not have, with the line.
fn missing(text: &str) -> Vec<String> {
    let mut missing = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let files = FILES.find_iter(line).map(|found| found.as_str().to_owned());
        let named = quoted(line).filter(|name| PLACES.is_match(name) || is_room(name));
        for path in files.chain(named).filter(|path| !is_there(path)) {
            missing.push(format!("line {}: {path}", number + 1));
        }
    }
    missing
}

/// Whether a name is one of a room below `src`, by its first part.
fn is_room(name: &str) -> bool {
    ROOMS.is_match(name) && root().join("src").join(name.split('/').next().unwrap()).is_dir()
}

/// What stands in a document below this heading, to the next one of its rank.
fn section(heading: &str) -> String {
    let text = fs::read_to_string(root().join(ARCHITECTURE)).unwrap();
    let (_, after) = text.split_once(heading).unwrap_or_else(|| panic!("{ARCHITECTURE} has `{heading}`"));
    after.split("\n## ").next().unwrap().to_owned()
}

/// The map: each module with the path that it has below `src`, and whether it is a room, in the order of the map.
fn map() -> Vec<(String, bool)> {
    let section = section("\n## Modules\n");
    let map = section.split("```").nth(1).expect("the map is between fences");
    let mut within: Vec<&str> = Vec::new();
    let mut found = Vec::new();
    for line in map.lines().filter(|line| !line.is_empty() && !line.starts_with("──")) {
        let parts = LINES.captures(line).unwrap_or_else(|| panic!("no line of a map: {line}"));
        within.truncate(parts[1].len() / 2);
        within.push(parts.get(2).unwrap().as_str());
        found.push((within.join("/"), &parts[3] == "/"));
    }
    found
}

/// The modules of a room in the order of their `mod` lines; those of the library for an empty path.
fn modules(room: &str) -> Vec<String> {
    let file = if room.is_empty() { "src/lib.rs".to_owned() } else { format!("src/{room}/mod.rs") };
    let text = fs::read_to_string(root().join(&file)).unwrap_or_else(|_| panic!("{room} is no room: no {file}"));
    let names = text.lines().filter_map(|line| line.rsplit_once("mod ")?.1.strip_suffix(';'));
    names.map(str::to_owned).collect()
}

/// What a row of the table of changes names and the tree does not have.
fn wrong(row: &[String]) -> Vec<String> {
    let [request, places, tests] = row else { return vec![format!("not three cells: {row:?}")] };
    let mut wrong = missing(places);
    let files: Vec<String> = quoted(places).filter(|name| name.contains('/') && is_there(name)).collect();
    let texts: String = files.iter().filter_map(|file| read(file)).collect();
    if !files.iter().any(|file| file.ends_with(".rs") || file.ends_with('/')) {
        wrong.push("no file of the source".to_owned());
    }
    for name in quoted(places) {
        if name.contains('/') {
            if !is_there(&name) {
                wrong.push(format!("no file `{name}`"));
            }
        } else if let Some(found) = NAMES.captures(&name) {
            let is_module = root().join("src").join(&found[1]).exists() || is_there(&format!("{}.rs", &found[1]));
            if !is_module && !texts.contains(&found[1]) {
                wrong.push(format!("`{name}` is in none of these files"));
            }
        }
    }
    let (named, others): (Vec<_>, Vec<_>) = quoted(tests).partition(|name| name.contains("::"));
    if named.is_empty() {
        wrong.push("no test".to_owned());
    }
    wrong.extend(named.iter().filter(|test| !is_test(test)).map(|test| format!("no test `{test}`")));
    wrong.extend(others.iter().filter(|name| name.contains('/') && !is_there(name)).map(|name| format!("no `{name}`")));
    wrong.into_iter().map(|what| format!("{request}: {what}")).collect()
}

fn read(path: &str) -> Option<String> {
    let places = [root().join(path), root().join("src").join(path)];
    places.iter().find_map(|place| fs::read_to_string(place).ok())
}

/// The rows of a table without its heading.
fn rows(section: &str) -> Vec<Vec<String>> {
    let rows = section.lines().filter(|line| line.starts_with("| ") && !line.contains("---")).skip(1);
    rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
}

#[test]
fn every_path_in_the_documents_exists() {
    let documents = documents();
    let named = documents.iter().map(|(_, text)| FILES.find_iter(text).count()).sum::<usize>();
    assert!(named > 200, "the search finds {named}");
    let of =
        |(name, text): &(String, String)| missing(text).into_iter().map(|what| format!("{name}, {what}")).collect();
    let missing: Vec<String> = documents.iter().flat_map(|document| -> Vec<String> { of(document) }).collect();
    assert!(missing.is_empty(), "not in the tree: {missing:#?}");
}

#[test]
fn the_map_has_every_module_and_every_room_in_order() {
    let map = map();
    let below = |room: &str| -> Vec<String> {
        let prefix = if room.is_empty() { String::new() } else { format!("{room}/") };
        let names = map.iter().filter_map(|(path, _)| path.strip_prefix(&prefix));
        names.filter(|name| !name.contains('/')).map(str::to_owned).collect()
    };
    assert_eq!(below(""), modules(""));
    let library = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let introduced = library.lines().filter_map(|line| line.strip_prefix("//! - [`")?.split('`').next());
    assert_eq!(introduced.collect::<Vec<_>>(), modules(""), "what src/lib.rs introduces");
    for (room, _) in map.iter().filter(|(room, is_room)| *is_room && !below(room).is_empty()) {
        let mut rooms = modules(room);
        rooms.retain(|name| root().join(format!("src/{room}/{name}/mod.rs")).exists());
        assert_eq!(below(room), rooms, "the rooms of {room}");
    }
    for (path, is_room) in &map {
        assert_eq!(root().join(format!("src/{path}/mod.rs")).exists(), *is_room, "{path} with or without a stroke");
    }
}

#[test]
fn each_row_of_the_table_of_changes_names_what_exists() {
    let rows = rows(&section("\n## Where a change goes\n"));
    assert_eq!(rows.len(), 12);
    let wrong: Vec<String> = rows.iter().flat_map(|row| wrong(row)).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The tests above prove nothing if they find no wrong path.
#[test]
fn a_path_that_is_wrong_is_found() {
    let said = "See `gateway/node/mod.rs`, `gateway/nowhere/mod.rs` and src/lib.rs.\n\n`tests/architecture/gone.rs`, `store/gone/`, \
                `store/sqlite/`, `docs/GONE.md`, `keys/`, `ledger/fact.rs` of `src`, `tests/AREA` and `lib.rs`.";
    assert_eq!(
        missing(said),
        [
            "line 1: gateway/nowhere/mod.rs",
            "line 3: tests/architecture/gone.rs",
            "line 3: ledger/fact.rs",
            "line 3: tests/architecture/gone.rs",
            "line 3: store/gone/",
            "line 3: docs/GONE.md",
            "line 3: tests/AREA",
        ]
    );
    let row = |places: &str, tests: &str| wrong(&["change it".to_owned(), places.to_owned(), tests.to_owned()]);
    let (place, test) = ("`partner`: `partner/retry.rs` (`wait_after`)", "`library::waits_double`");
    assert_eq!(row(place, test), [""; 0]);
    assert_eq!(row("`partner/retry.rs` (`waits_after`)", test).len(), 1);
    assert_eq!(row(place, "`library::waits_triple`"), ["change it: no test `library::waits_triple`"]);
    assert_eq!(row(place, "by hand"), ["change it: no test"]);
    assert_eq!(row("`partner`", test), ["change it: no file of the source"]);
}
