//! The source as these tests read it.

use std::fs;
use std::path::{Path, PathBuf};

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below a folder that is written in Rust, in order.
pub fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// What stands between backquotes in one line of a document.
pub fn quoted(line: &str) -> impl Iterator<Item = String> + '_ {
    line.split('`').skip(1).step_by(2).map(str::to_owned)
}

/// Whether there is a test, named by its program, its file where the program has several, and the beginning of its name;
/// `library` for one beside the code. Without a name it is every test of that file.
pub fn is_test(test: &str) -> bool {
    let Some((place, name)) = test.rsplit_once("::") else { return false };
    let files = match place {
        "library" => sources(&root().join("src")),
        place => vec![root().join("tests").join(place.replace("::", "/")).with_extension("rs")],
    };
    files.iter().any(|file| fs::read_to_string(file).is_ok_and(|text| text.contains(&format!("fn {name}"))))
}

/// The code of a file as `rustfmt` leaves it: without comments, and without whatever `#[cfg(test)]` stands on, to the line
/// that ends it at the same depth. What follows behind that is code like what stands before.
pub fn code_of(text: &str) -> String {
    let mut code = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.trim() != "#[cfg(test)]" {
            code.push_str(line.split("//").next().unwrap_or_default());
            code.push('\n');
            continue;
        }
        let depth = line.len() - line.trim_start().len();
        for line in lines.by_ref() {
            let ends = line.ends_with([';', '}', ',']) && !line.trim_start().starts_with("#[");
            if line.len() - line.trim_start().len() == depth && ends {
                break;
            }
        }
    }
    code
}

/// What holds of code proves nothing if it is read no further than to the first test.
#[test]
fn code_behind_a_test_is_code() {
    let text = "use a;\n#[cfg(test)]\nmod tests {\n    use super::*;\n}\n\nfn f() {\n    crate::cut::read() // wire\n}\n\
        impl X {\n    #[cfg(test)]\n    #[must_use]\n    fn g() {\n        crate::seal::open()\n    }\n\n    fn h() {\n    \
        crate::wire::x()\n    }\n}\n#[cfg(test)]\nmod more;\nuse crate::edge;\n";
    let code = code_of(text);
    for (said, is) in [("use a", true), ("super", false), ("cut::read", true), ("seal", false), ("wire::x", true)] {
        assert_eq!(code.contains(said), is, "{said} in {code}");
    }
    assert!(code.contains("crate::edge") && !code.contains("mod more"), "{code}");
    // In the tree there is such code: where it is no more, this may go.
    let statement = fs::read_to_string(root().join("src/approval/terms.rs")).unwrap();
    assert!(code_of(&statement).lines().count() > statement.split("#[cfg(test)]").next().unwrap().lines().count());
}
