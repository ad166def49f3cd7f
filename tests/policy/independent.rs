//! The two checks of a release share no code: policy reads markings by itself, and the marking engine knows no rules.

use std::fs;
use std::path::{Path, PathBuf};

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found
}

fn refuses_uses(module: &str, foreign: &[&str]) {
    let files = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(module));
    assert!(files.len() > 3, "{module} was not found");
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        for name in foreign {
            // A group import (`use crate::{marking, …}`) names the module without its path.
            let grouped = text.lines().any(|l| l.trim_start().starts_with("use crate::{") && l.contains(name));
            let used = text.contains(&format!("crate::{name}")) || text.contains(&format!("super::super::{name}"));
            assert!(!grouped && !used, "{} uses `{name}`", file.display());
        }
    }
}

#[test]
fn policy_uses_nothing_of_the_marking_engine_or_of_what_is_built_on_it() {
    refuses_uses("policy", &["marking", "partner", "product", "cut", "inspect", "release"]);
}

#[test]
fn the_marking_engine_uses_nothing_of_policy() {
    refuses_uses("marking", &["policy", "release", "approval"]);
}
