//! In every room (a module with modules in it) the `mod` lines are in dependency order: a module, and whatever is in it, uses
//! only those beside it that are listed above it. So no two of a room use each other. A parent and its children may.
//!
//! What is used is read from the paths in the code: `crate::…`, `super::…`, `self::…`, those that begin with a child, and
//! `use` lists. A path leads through what a room passes on (`pub use child::Name`) to the child that has it. A glob would
//! hide what it brings, so there is none over modules of ours.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;

use crate::source::{code_of, root, sources};

static MODS: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?m)^(?:pub(?:\([^)]*\))?\s+)?mod\s+(\w+);"));
static USES: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?m)^[ \t]*(?:pub(?:\([^)]*\))?\s+)?use\s+([^;]+);"));
static PATHS: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?:^|[^\w:])([a-z_]\w*(?:::\w+)+)"));

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern")
}

/// The names that lead to a module, from the library on, which has none.
type Module = Vec<String>;

/// What one file says of modules.
#[derive(Default)]
struct File {
    /// Its children, in the order of its `mod` lines.
    children: Vec<String>,
    /// What its `use` lines bring in: under which name, and the path as it stands there.
    imports: Vec<(String, String)>,
    /// Every other path in its code that may lead to a module of ours.
    paths: Vec<String>,
}

impl File {
    fn read(code: &str) -> File {
        let children = MODS.captures_iter(code).map(|found| found[1].to_owned()).collect();
        let mut imports = Vec::new();
        for found in USES.captures_iter(code) {
            imported("", &found[1], &mut imports);
        }
        let rest = USES.replace_all(code, "");
        let paths = PATHS.captures_iter(&rest).map(|found| found[1].to_owned()).collect();
        File { children, imports, paths }
    }
}

/// Every name that a `use` line brings in, with its whole path. `before` is what stands before the list that `tree` is of.
fn imported(before: &str, tree: &str, found: &mut Vec<(String, String)>) {
    let tree = tree.trim();
    if let Some((path, list)) = tree.strip_suffix('}').and_then(|tree| tree.split_once('{')) {
        let (mut depth, mut start) = (0, 0);
        for (at, c) in list.char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    imported(&format!("{before}{path}"), &list[start..at], found);
                    start = at + 1;
                }
                _ => {}
            }
        }
        return imported(&format!("{before}{path}"), &list[start..], found);
    }
    let (path, name) = tree.split_once(" as ").map_or((tree, None), |(path, name)| (path.trim(), Some(name.trim())));
    if !path.is_empty() {
        let path = format!("{before}{path}");
        let path = path.strip_suffix("::self").unwrap_or(&path);
        let last = path.rsplit("::").next().unwrap();
        found.push((name.unwrap_or(last).to_owned(), path.to_owned()));
    }
}

/// Every module that is part of the library: the root, and whatever a `mod` line of one that is part of it names.
struct Tree(BTreeMap<Module, File>);

impl Tree {
    /// The modules among those files that belong to the library: those of tests do not.
    fn of(mut files: BTreeMap<Module, File>) -> Tree {
        let mut listed = BTreeSet::from([Module::new()]);
        let mut next = vec![Module::new()];
        while let Some(module) = next.pop() {
            for child in &files.get(&module).unwrap_or_else(|| panic!("no file for `{}`", name(&module))).children {
                let child = within(&module, child);
                listed.insert(child.clone());
                next.push(child);
            }
        }
        files.retain(|module, _| listed.contains(module));
        Tree(files)
    }

    fn read(src: &Path) -> Tree {
        let mut files = BTreeMap::new();
        for path in sources(src) {
            let inside = path.strip_prefix(src).unwrap().with_extension("");
            let mut module: Module = inside.iter().map(|name| name.to_str().unwrap().to_owned()).collect();
            if module == ["main"] {
                continue;
            }
            if module == ["lib"] || module.last().is_some_and(|last| last == "mod") {
                module.pop();
            }
            files.insert(module, File::read(&code_of(&fs::read_to_string(&path).unwrap())));
        }
        Tree::of(files)
    }

    /// The module that a path in `from` leads into, if it is one of ours. A path of a `use` line never begins with what
    /// another `use` line brought in, which counts by itself; a path that is passed on (`through` others) may.
    fn target(&self, from: &Module, path: &str, through: usize) -> Option<Module> {
        let mut names = path.split("::").peekable();
        let first = *names.peek()?;
        let mut at = from.clone();
        match first {
            "crate" => {
                at.clear();
                names.next();
            }
            "self" => drop(names.next()),
            "super" => {
                while names.next_if_eq(&"super").is_some() {
                    at.pop()?;
                }
            }
            child if self.0.contains_key(&within(from, child)) => {}
            _ if through == 0 || through > 8 => return None,
            brought => return self.passed_on(from, brought, &path[brought.len()..], through),
        }
        while let Some(child) = names.next_if(|name| self.0.contains_key(&within(&at, name))) {
            at.push(child.to_owned());
        }
        let rest: Vec<&str> = names.collect();
        match rest.split_first() {
            Some((brought, rest)) if through <= 8 => {
                let rest: String = rest.iter().map(|name| format!("::{name}")).collect();
                self.passed_on(&at, brought, &rest, through).or(Some(at))
            }
            _ => Some(at),
        }
    }

    /// Where `rest` behind a name leads, if `module` has that name from elsewhere.
    fn passed_on(&self, module: &Module, brought: &str, rest: &str, through: usize) -> Option<Module> {
        let (_, path) = self.0[module].imports.iter().rev().find(|(name, _)| name == brought)?;
        self.target(module, &format!("{path}{rest}"), through + 1)
    }

    /// The modules that a file uses.
    fn used(&self, module: &Module) -> BTreeSet<Module> {
        let file = &self.0[module];
        let paths = file.imports.iter().map(|(_, path)| path).chain(&file.paths);
        paths.filter_map(|path| self.target(module, path, 0)).filter(|used| used != module).collect()
    }

    /// Whatever uses one beside it that is not listed above it, in one room.
    fn against_order(&self, room: &Module) -> BTreeSet<String> {
        let children = &self.0[room].children;
        let place = |module: &Module| {
            let child = module.strip_prefix(room.as_slice())?.first()?;
            children.iter().position(|listed| listed == child)
        };
        let mut wrong = BTreeSet::new();
        for module in self.0.keys() {
            let Some(own) = place(module) else { continue };
            for used in self.used(module) {
                if place(&used).is_some_and(|place| place > own) {
                    wrong.insert(format!("{} uses {}, which is listed below it", name(module), name(&used)));
                }
            }
        }
        wrong
    }
}

fn within(module: &Module, child: &str) -> Module {
    module.iter().cloned().chain([child.to_owned()]).collect()
}

fn name(module: &Module) -> String {
    if module.is_empty() { "crate".to_owned() } else { module.join("::") }
}

#[test]
fn in_every_room_a_module_uses_only_those_above_it() {
    let tree = Tree::read(&root().join("src"));
    let wrong: BTreeSet<String> = tree.0.keys().flat_map(|room| tree.against_order(room)).collect();
    assert!(tree.0.len() > 200, "{} modules were found", tree.0.len());
    assert!(wrong.is_empty(), "{} uses against the order of `mod` lines: {wrong:#?}", wrong.len());
}

#[test]
fn no_glob_hides_what_is_used() {
    let tree = Tree::read(&root().join("src"));
    let globs = tree.0.iter().flat_map(|(module, file)| file.imports.iter().map(move |import| (module, import)));
    let ours = globs.filter(|(module, (name, path))| name == "*" && tree.target(module, path, 0).is_some());
    let found: Vec<String> = ours.map(|(module, (_, path))| format!("{}: {path}", name(module))).collect();
    assert!(found.is_empty(), "name what is used: {found:#?}");
}

/// A library of these modules, each with its code.
fn library(files: &[(&str, &str)]) -> Tree {
    let module = |path: &str| path.split("::").filter(|name| !name.is_empty()).map(str::to_owned).collect();
    Tree::of(files.iter().map(|(path, code)| (module(path), File::read(&code_of(code)))).collect())
}

/// Two rooms: `room` with `low`, `middle` and `high`, of which `middle` has `deep`, and the code of that.
fn with_deep(code: &str) -> Tree {
    library(&[
        ("", "pub mod other;\npub mod room;\n"),
        ("other", "pub fn f() {}\n"),
        (
            "room",
            "mod low;\nmod middle;\nmod high;\n\npub use high::Top;\npub use high::Top as Renamed;\npub use low::Base;\n",
        ),
        ("room::low", "pub struct Base;\n"),
        ("room::middle", "mod deep;\npub use super::high::Top as Passed;\n"),
        ("room::middle::deep", code),
        ("room::high", "pub struct Top;\nimpl Top {\n    pub fn new() {}\n}\n"),
    ])
}

/// The tests above prove nothing if the reader of paths misses some.
#[test]
fn each_form_of_a_path_is_seen() {
    for code in [
        "use crate::room::high;\n",
        "use crate::room::high::Top;\n",
        "use crate::{other, room::{low::Base, high::{self, Top}}};\n",
        "use crate::{\n    other,\n    room::{\n        high as above,\n    },\n};\n",
        "use super::super::high::Top;\n",
        "pub(in crate::room) use super::super::{high, low};\n",
        "use super::super::Top;\n",
        "use crate::room::Top as Other;\n",
        "use crate::room::Renamed;\n",
        "use crate::room::middle::Passed;\n",
        "use super::Passed;\n",
        "fn f() {\n    use crate::room::Top;\n}\n",
        "fn f() {\n    crate::room::high::Top::new()\n}\n",
        "fn f(top: &super::super::Top) {}\n",
        "fn f() -> Vec<crate::room::Top> {}\n",
        "fn f() {\n    let top = [super::super::high::f(),crate::room::high::f()];\n}\n",
        "#[cfg(test)]\nmod tests;\nfn f() {\n    crate::room::Top::new()\n}\n",
    ] {
        let wrong = with_deep(code).against_order(&vec!["room".to_owned()]);
        let expected = "room::middle::deep uses room::high, which is listed below it";
        assert!(wrong.contains(expected), "{code}: {wrong:?}");
    }
}

#[test]
fn what_is_above_a_parent_and_another_room_may_be_used() {
    for code in [
        "use crate::room::low::Base;\n",
        "use super::super::{Base, low};\n",
        "use crate::other;\nfn f() {\n    other::f()\n}\n",
        "use super::f;\nuse crate::room;\n",
        "// crate::room::high::Top\nfn f() {}\n",
        "#[cfg(test)]\nmod tests {\n    use crate::room::high::Top;\n}\n",
        "use std::room::high;\n",
        "use outside::{self, Top};\n",
    ] {
        let tree = with_deep(code);
        let deep = ["room", "middle", "deep"].map(str::to_owned).to_vec();
        let up = tree.used(&deep).into_iter().find(|used| used.starts_with(&["room", "high"].map(str::to_owned)));
        assert_eq!(up, None, "{code}");
    }
}

#[test]
fn a_child_that_its_parent_names_bare_is_found() {
    let tree = library(&[
        ("", "mod low;\nmod high;\n\npub use low::{Base, self as base};\nfn f() {\n    high::f()\n}\n"),
        ("low", "fn f() {\n    crate::base::g()\n}\n"),
        ("high", "mod part;\nuse part::Part;\nfn f() -> part::Part {}\n"),
        ("high::part", "use self::inner::Inner;\nmod inner;\n"),
        ("high::part::inner", "use super::super::super::low;\n"),
    ]);
    let used = |path: &str| {
        let module = path.split("::").filter(|name| !name.is_empty()).map(str::to_owned).collect();
        tree.used(&module).iter().map(name).collect::<Vec<_>>()
    };
    assert_eq!(used(""), ["high", "low"]);
    assert_eq!(used("high"), ["high::part"]);
    assert_eq!(used("high::part"), ["high::part::inner"]);
    assert_eq!(used("high::part::inner"), ["low"]);
    assert_eq!(tree.against_order(&Module::new()), BTreeSet::new());
}
