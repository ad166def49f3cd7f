//! The tour of the README, typed step by step: what stands there works, and ends with a delivered product on the screen.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::support::{World, program};

/// A block of the README, and in which terminal it is typed, counted from 1.
struct Block {
    terminal: usize,
    text: String,
}

/// The blocks under a heading.
fn blocks(heading: &str) -> Vec<Block> {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let part = readme.split(&format!("\n## {heading}\n")).nth(1).expect(heading).split("\n## ").next().unwrap();
    let (mut blocks, mut terminal) = (Vec::new(), 1);
    for (number, piece) in part.split("```").enumerate() {
        if number % 2 == 0 {
            for (at, word) in ["first", "second", "third"].iter().enumerate() {
                if piece.contains(&format!("**{word} terminal**")) {
                    terminal = at + 1;
                }
            }
        } else {
            let text = piece.strip_prefix("sh\n").expect("each block says that a shell reads it");
            blocks.push(Block { terminal, text: text.to_owned() });
        }
    }
    blocks
}

/// Servers that were started, and end with the test.
struct Servers(Vec<Child>);

impl Drop for Servers {
    fn drop(&mut self) {
        for server in &mut self.0 {
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

struct Tour {
    world: World,
    ports: [crate::support::Port; 2],
    request: String,
    exchange: String,
}

impl Tour {
    /// What a person would type of a block, without what was done already and with the answers they give.
    fn typed(&self, text: &str) -> String {
        let mut typed = String::from("set -e\n");
        for line in text.lines().filter(|line| !line.starts_with("cargo install")) {
            typed.push_str(line);
            typed.push('\n');
        }
        // Nobody sits at the terminal of a test to type `yes`, or the fingerprint that was read to them.
        for asks in ["found sign", "change sign", "portcullis approve"] {
            typed = typed.replace(asks, &format!("{asks} --yes"));
        }
        for file in ["gbr.json", "usa.json"] {
            let print = format!("portcullis partner fingerprint {file} | sed -n 's/^ *description *//p'");
            typed = typed.replace(&format!("add {file}"), &format!("add {file} --confirm \"$({print})\""));
        }
        typed
            .replace("127.0.0.1:4433", &format!("127.0.0.1:{}", self.ports[0].number))
            .replace("127.0.0.1:4434", &format!("127.0.0.1:{}", self.ports[1].number))
            .replace("rq-…", &self.request)
            .replace("ex-…", &self.exchange)
    }

    fn shell(&self, text: &str) -> Command {
        let bin = program().parent().unwrap().to_owned();
        let given = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(std::iter::once(bin).chain(std::env::split_paths(&given)));
        let mut shell = Command::new("bash");
        shell.arg("-c").arg(text).env("HOME", self.world.folder.path()).env("PATH", path.unwrap()).stdin(Stdio::null());
        shell.env_remove("PORTCULLIS_CONFIG");
        shell
    }
}

/// The first word in `text` that begins like this.
fn word(text: &str, begins: &str) -> String {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    words.into_iter().find(|word| word.starts_with(begins)).unwrap_or_default().to_owned()
}

#[test]
fn the_two_commands_that_need_no_set_up_stand_each_in_a_block_of_its_own() {
    let commands: Vec<String> = blocks("Two commands").into_iter().map(|block| block.text).collect();
    assert_eq!(commands, ["cargo run --release -- demo\n", "scripts/test\n"]);
    assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/test").exists());
}

#[test]
fn the_tour_works_step_by_step_and_ends_with_the_product_on_the_screen() {
    let mut tour = Tour {
        world: World::new(),
        ports: [crate::support::Port::claim(), crate::support::Port::claim()],
        request: String::new(),
        exchange: String::new(),
    };
    let (mut servers, mut first) = (Servers(Vec::new()), String::new());
    // One shell has what was exported and where it stands; each block is typed into one that has it too.
    let mut before = String::new();
    for block in blocks("Ten minutes") {
        let typed = tour.typed(&block.text);
        if block.terminal != 1 {
            let server = tour.shell(&typed.replace("portcullis --config", "exec portcullis --config"));
            servers.0.push({ server }.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
            continue;
        }
        let there = if before.is_empty() { format!("cd {}\n", env!("CARGO_MANIFEST_DIR")) } else { before.clone() };
        let output = tour.shell(&format!("{there}{typed}")).output().unwrap();
        first = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{typed}\n{first}\n{}", String::from_utf8_lossy(&output.stderr));
        if typed.contains("portcullis submit") {
            (tour.request, tour.exchange) = (word(&first, "rq-"), word(&first, "ex-"));
        }
        if typed.contains("portcullis approve") {
            tour.until_delivered();
        }
        before.push_str(&remembered(&block.text));
        if typed.contains("cat received.txt") {
            assert!(first.contains("PORTCULLIS PRODUCT 1") && first.contains("MV EXAMPLE"), "{first}");
        }
    }
    assert_eq!(servers.0.len(), 2);
    assert!(first.contains("verifies"), "{first}");
    assert!(!PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("ours").exists(), "nothing is made in the source tree");
}

/// What of a block the shell remembers: where it stands, and what was exported.
fn remembered(text: &str) -> String {
    let lines = text.lines().filter(|line| line.starts_with("cd ") || line.starts_with("export "));
    lines.map(|line| format!("{}\n", line.replace("$PWD", env!("CARGO_MANIFEST_DIR")))).collect()
}

impl Tour {
    fn until_delivered(&self) {
        let config = self.world.path("portcullis-tour/ours/portcullis.toml");
        for _ in 0..600 {
            let output = Command::new(program())
                .args(["--format", "json", "--config"])
                .arg(&config)
                .args(["status", &self.exchange])
                .output()
                .unwrap();
            if crate::support::answer(output).text("/state") == "delivered" {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("{} was never delivered", self.exchange);
    }
}
