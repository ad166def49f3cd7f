//! Holds the module order: `src/lib.rs` lists modules in dependency order, and nothing reaches upward.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use crate::source::{code_of, root, sources};

/// Modules of the pure core: everything listed above the shell's heading in `src/lib.rs`.
fn modules() -> (Vec<String>, usize) {
    let text = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let mut names = Vec::new();
    let mut core = None;
    for line in text.lines() {
        if line.starts_with("// ── io shell") {
            core = Some(names.len());
        }
        if let Some(name) = line.strip_prefix("pub mod ").and_then(|l| l.strip_suffix(';')) {
            names.push(name.to_owned());
        }
    }
    (names, core.expect("src/lib.rs has a heading for the io shell"))
}

/// Every source file with the module it belongs to and its code, comments, strings' contents and tests left out.
fn files() -> Vec<(PathBuf, String, String)> {
    let src = root().join("src");
    sources(&src)
        .into_iter()
        .filter_map(|path| {
            let inside = path.strip_prefix(&src).unwrap();
            let module = inside.components().next()?.as_os_str().to_str()?.trim_end_matches(".rs").to_owned();
            if module == "lib" || module == "main" {
                return None;
            }
            let text = fs::read_to_string(&path).unwrap();
            Some((path, module, code_of(&text)))
        })
        .collect()
}

/// Names of our own modules that `code` uses, through `crate::name`, also inside `use crate::{a::b, c}`.
fn used(code: &str, names: &[String]) -> Vec<String> {
    let mut used = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if let Some(list) = rest.strip_prefix('{') {
            let mut depth = 1;
            let mut item = String::new();
            for c in list.chars() {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    ',' if depth == 1 => {
                        used.push(first_name(&item));
                        item.clear();
                        continue;
                    }
                    _ => {}
                }
                if depth == 0 {
                    used.push(first_name(&item));
                    break;
                }
                item.push(c);
            }
        } else {
            used.push(first_name(rest));
        }
    }
    used.retain(|name| names.contains(name));
    used
}

fn first_name(text: &str) -> String {
    text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

#[test]
fn every_module_is_listed_and_every_listed_module_exists() {
    let (names, _) = modules();
    for (path, module, _) in files() {
        assert!(names.contains(&module), "{} belongs to no module of src/lib.rs", path.display());
    }
    for name in names {
        let file = root().join(format!("src/{name}.rs"));
        let folder = root().join(format!("src/{name}/mod.rs"));
        assert!(file.exists() || folder.exists(), "src/lib.rs lists `{name}`, which has no file");
    }
}

/// What a signer returns is verified in one place. Only there, and where keys are, is a signer asked by itself.
#[test]
fn nothing_takes_a_signature_unverified() {
    let asks: Vec<String> = files()
        .into_iter()
        .filter(|(_, module, code)| module != "sign" && code.contains("signer.sign("))
        .map(|(path, ..)| path.display().to_string())
        .collect();
    assert_eq!(asks, [""; 0], "ask `sign::signature` instead");
    let statement = fs::read_to_string(root().join("src/sign/statement.rs")).unwrap();
    assert_eq!(statement.matches("signer.sign(").count(), 1);
}

#[test]
fn no_module_reaches_up() {
    let (names, _) = modules();
    let rank: BTreeMap<_, _> = names.iter().enumerate().map(|(n, name)| (name.clone(), n)).collect();
    for (path, module, code) in files() {
        for used in used(&code, &names) {
            assert!(rank[&used] <= rank[&module], "{} reaches up to `{used}`", path.display());
        }
    }
}

#[test]
fn the_core_knows_no_runtime_files_sockets_or_clock() {
    let (names, core) = modules();
    let forbidden = [
        "tokio",
        "quinn",
        "rusqlite",
        "rustls",
        "std::fs",
        "std::net",
        "std::process",
        "std::env",
        "std::os",
        "std::io::stdin",
        "std::io::stdout",
        "std::thread",
        "SystemTime",
        "Instant::now",
        "Timestamp::now",
        "Zoned::now",
        "println!",
        "tracing::",
    ];
    for (path, module, code) in files() {
        if names[..core].contains(&module) {
            for word in forbidden {
                assert!(!code.contains(word), "{} is core and names `{word}`", path.display());
            }
        }
    }
}

/// Invariant 8: what faces the network never sees plaintext and holds no key that opens or approves.
#[test]
fn what_faces_the_network_cannot_name_what_opens_or_approves() {
    let (names, _) = modules();
    let forbidden = ["seal", "product", "cut", "inspect", "approval", "policy", "release"];
    let mut seen = 0;
    for (path, module, code) in files() {
        if module == "wire" || module == "edge" {
            seen += 1;
            for used in used(&code, &names) {
                assert!(!forbidden.contains(&used.as_str()), "{} faces the network and uses `{used}`", path.display());
            }
            let names_age = code.contains(" age::") || code.contains("(age::") || code.contains("use age");
            assert!(!names_age, "{} faces the network and names age", path.display());
        }
    }
    assert!(seen > 0, "no file of `wire` or `edge` was found");
}

/// Invariant 1: only `release` makes a `Release`; its fields are private, so a literal elsewhere would not compile, and
/// nothing else may offer a way around that.
#[test]
fn nothing_outside_release_makes_a_release() {
    for (path, module, code) in files() {
        if module != "release" {
            assert!(!code.contains("Release {"), "{} builds or opens a `Release`", path.display());
        }
    }
}

#[test]
fn no_unsafe_code_and_no_ring() {
    for (path, _, code) in files() {
        assert!(!code.contains("unsafe {") && !code.contains("unsafe fn"), "{} has unsafe code", path.display());
    }
    // The lock file also lists what other crates could be built with; what counts is what this one is built with.
    let tree = std::process::Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--locked", "--edges", "all", "--prefix", "none"])
        .current_dir(root())
        .output()
        .unwrap();
    let tree = String::from_utf8_lossy(&tree.stdout);
    assert!(tree.lines().any(|line| line.starts_with("aws-lc-rs ")), "cargo tree lists what is built");
    assert!(!tree.lines().any(|line| line.starts_with("ring ")), "`ring` is built");
}

#[test]
fn files_stay_small_enough_to_read() {
    let sized = files().into_iter().map(|(path, ..)| (fs::read_to_string(&path).unwrap().lines().count(), path));
    let mut large: Vec<_> = sized.filter(|(lines, _)| *lines > 400).collect();
    large.sort();
    assert!(large.is_empty(), "more than 400 lines, to be split by concept: {large:#?}");
}

/// Below `src` itself, whose map is `src/lib.rs`.
#[test]
fn folders_stay_small_enough_to_find_something_in() {
    let src = root().join("src");
    let folders: BTreeSet<PathBuf> = sources(&src).iter().map(|path| path.parent().unwrap().to_owned()).collect();
    let counted = folders.into_iter().map(|folder| (fs::read_dir(&folder).unwrap().count(), folder));
    let full: Vec<_> = counted.filter(|(entries, folder)| *entries > 16 && *folder != src).collect();
    assert!(full.is_empty(), "more than 16 files and folders, in which rooms are to be made: {full:#?}");
}

/// The test above proves nothing if the reader of imports misses them.
#[test]
fn the_reader_of_imports_sees_every_form() {
    let names: Vec<String> = ["seal", "cut", "wire"].map(str::to_owned).to_vec();
    let code = "use crate::seal::Opener;\nuse crate::{cut::{Cut, x}, wire};\nfn f() { crate::cut::read() }";
    assert_eq!(used(code, &names), ["seal", "cut", "wire", "cut"]);
}

/// Modules behind the gateway. A command reaches them only through a use case of [`portcullis::gateway::Node`].
const BEHIND_THE_GATEWAY: [&str; 10] =
    ["store", "edge", "seal", "release", "wire", "rebuild", "inspect", "pki", "ledger", "filter_process"];

/// Files of the command line that may use some of them all the same, and for what.
const EXCEPTIONS: [(&str, &[&str]); 3] = [
    // The demonstration plays an attacker who writes to the store and the ledger.
    ("cli/demo/", &["store", "ledger", "seal"]),
    // Generates the keys and certificates of a node that does not exist yet.
    ("cli/node/init.rs", &["pki", "seal"]),
    // Parses the ledger key of a node that is elsewhere.
    ("cli/request/submit_offline.rs", &["ledger"]),
];

#[test]
fn commands_use_what_is_behind_the_gateway_only_through_it() {
    let names = BEHIND_THE_GATEWAY.map(str::to_owned).to_vec();
    let src = root().join("src");
    let mut used_exceptions = BTreeSet::new();
    for (path, module, code) in files().into_iter().filter(|(_, module, _)| module == "cli") {
        let file = path.strip_prefix(&src).unwrap().display().to_string();
        for behind in used(&code, &names) {
            let exception = EXCEPTIONS.iter().find(|(place, _)| file.starts_with(place));
            assert!(exception.is_some_and(|(_, may)| may.contains(&&*behind)), "{module}: `{file}` uses `{behind}`");
            used_exceptions.insert((exception.map(|(place, _)| *place), behind));
        }
    }
    let listed: usize = EXCEPTIONS.iter().map(|(_, may)| may.len()).sum();
    assert_eq!(used_exceptions.len(), listed, "an exception that nothing needs: {used_exceptions:?}");
}
