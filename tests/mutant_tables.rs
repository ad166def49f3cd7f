//! The tables of faults fit the tree: whoever changes code that one of them names changes the entry. `scripts/mutants table` tries them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn entries() -> Vec<(String, toml::Table)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mutants");
    let files = fs::read_dir(root).unwrap().map(|file| file.unwrap().path());
    let mut entries = Vec::new();
    for file in files.filter(|file| file.extension().is_some_and(|end| end == "toml")) {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let mut table: toml::Table = fs::read_to_string(&file).unwrap().parse().unwrap();
        let toml::Value::Array(all) = table.remove("mutant").unwrap() else {
            panic!("{name}: expected a list of entries")
        };
        entries.extend(all.into_iter().map(|entry| (name.clone(), entry.try_into().unwrap())));
    }
    entries
}

#[test]
fn each_fault_has_its_place_once_and_a_test_that_is_to_notice_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let entries = entries();
    assert!(entries.len() >= 300, "{} faults", entries.len());
    let (mut wrong, mut names) = (Vec::new(), BTreeSet::new());
    for (table, entry) in &entries {
        let text = |name: &str| entry.get(name).and_then(toml::Value::as_str).map(str::to_owned);
        let (what, file, find) = (text("what").unwrap(), text("file").unwrap(), text("find").unwrap());
        if !names.insert(what.clone()) {
            wrong.push(format!("{table}: {what}: there are two of this name"));
        }
        let places = fs::read_to_string(root.join(&file)).map_or(0, |code| code.matches(&find).count());
        if places != 1 {
            wrong.push(format!("{table}: {what}: {places} places in {file}, expected 1"));
        }
        if text("fault").is_some() == text("with").is_some() {
            wrong.push(format!("{table}: {what}: expected one of `fault` and `with`"));
        }
        let tests = entry.get("tests").and_then(toml::Value::as_array).cloned().unwrap_or_default();
        let there = |test: &toml::Value| {
            let Some((program, name)) = test.as_str().and_then(|test| test.split_once("::")) else { return false };
            // A program is a file, or a folder with a file for each concern.
            let module = name.split_once("::").map(|(module, _)| root.join(format!("tests/{program}/{module}.rs")));
            program == "library"
                || root.join(format!("tests/{program}.rs")).exists()
                || module.is_some_and(|module| module.exists())
        };
        if tests.is_empty() || !tests.iter().all(there) {
            wrong.push(format!("{table}: {what}: names no test, or one in a file that is not there"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
