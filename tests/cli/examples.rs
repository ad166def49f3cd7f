//! The examples in the help pages, run one after the other against real nodes: each does what it shows.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use crate::support::{Node, Port, World, block_on, program};
use portcullis::cli::examples;
use portcullis::ident::PartnerId;
use portcullis::system::SystemClock;
use portcullis::time::Clock as _;

/// Examples whose answer is no, and why.
const NO: [(&str, &str); 5] = [
    ("partner retry", "it has not failed, so that it is tried anyway"),
    ("found show", "nobody has signed yet"),
    ("change show", "nobody has signed yet"),
    ("explain", "nobody has approved yet"),
    ("ledger resume", "nothing of the ledger is lost"),
];

/// A node as the examples make it, its partner, and what the examples speak of.
struct Script {
    world: World,
    us: Node,
    them: Node,
    server: Option<Child>,
    /// What `rq-…`, `ex-…` and `FILE` stand for now.
    request: String,
    exchange: String,
    quarantined: String,
    file: String,
}

impl Drop for Script {
    fn drop(&mut self) {
        if let Some(mut server) = self.server.take() {
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

impl Script {
    fn new() -> Script {
        let world = World::new();
        let us = world.adopted("exercise-usa", "USA", "ours", Port::claim());
        let them = world.node("exercise-gbr", "GBR");
        let none = String::new;
        Script { world, us, them, server: None, request: none(), exchange: none(), quarantined: none(), file: none() }
    }

    /// A line as it is typed in `folder`, with this program first on the path.
    fn shell(&self, folder: &Path, line: &str) -> Command {
        let given = std::env::var_os("PATH").unwrap_or_default();
        let path = [program().parent().unwrap().to_owned(), self.world.path("bin")];
        let path = path.into_iter().chain(std::env::split_paths(&given));
        let mut shell = Command::new("bash");
        shell.arg("-c").arg(line).current_dir(folder).env("PATH", std::env::join_paths(path).unwrap());
        shell.env_remove("PORTCULLIS_CONFIG").env_remove("PORTCULLIS_OFFICER").stdin(Stdio::null());
        shell
    }

    /// Runs a line that must succeed, in our node's folder; what it printed.
    #[track_caller]
    fn run(&self, line: &str) -> String {
        let output = self.shell(&self.us.folder, line).output().unwrap();
        assert!(output.status.success(), "{line}: {}", both(&output));
        both(&output)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.us.folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Two officers sign a change, and it is applied.
    fn sign(&self, file: &str) {
        self.run(&format!("portcullis change sign {file} --yes --key officer-1.key --key officer-2.key"));
        self.run(&format!("portcullis change apply {file}"));
    }

    /// Another request for our partner, approved by so many officers; its number and that of its exchange.
    fn submit(&self, file: &str, approvals: usize) -> (String, String) {
        let said = self.run(&format!(
            "portcullis submit {file} --key producer.key --to exercise-gbr --purpose EXERCISE --expires 1d"
        ));
        let (request, exchange) = (word(&said, "rq-"), word(&said, "ex-"));
        for officer in (1..=2).take(approvals) {
            self.run(&format!("portcullis approve {request} --yes --key officer-{officer}.key"));
        }
        (request, exchange)
    }

    fn serve(&mut self) {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.us.log()).unwrap();
        let before = self.us.log_text().matches("node started").count();
        let server = self.shell(&self.us.folder, "exec portcullis serve").stdout(Stdio::null()).stderr(log).spawn();
        self.server = Some(server.unwrap());
        self.us.until(&["status"], |_| self.us.log_text().matches("node started").count() > before);
    }

    fn stop(&mut self) {
        let Some(mut server) = self.server.take() else { return };
        Command::new("kill").args(["-TERM", &server.id().to_string()]).status().unwrap();
        assert!(server.wait().unwrap().success(), "{}", self.us.log_text());
    }

    /// What has to be there before a command's example is run.
    fn before(&mut self, command: &str) {
        match command {
            "found propose" => {
                self.run("portcullis officer new-key producer.key");
                self.run("portcullis officer new-key officer-2.key");
            }
            "found apply" => {
                self.run("portcullis found sign founding.json --yes --key producer.key --key officer-2.key");
            }
            "partner fingerprint" => self.described(),
            "partner update" => {
                self.them.run(&["cert", "refresh-list"]).expect(0);
                self.described();
            }
            "change apply" => {
                self.run("portcullis change sign partner-change.json --yes --key officer-2.key");
            }
            "change propose" => {
                self.write(
                    "words/exercise.txt",
                    "PORTCULLIS WORDS 1\nName: exercise\nMarking: UNCLASSIFIED\n\nLISTED\n",
                );
            }
            "officer add" => {
                self.run("portcullis officer new-key officer-3.key");
            }
            "product check" => {
                let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/EXERCISE-maritime.txt");
                std::fs::copy(sample, self.us.folder.join("report.txt")).unwrap();
            }
            "cut select" => {
                let asked = "{\"id\":1,\"product\":{\"tearlines\":[{\"banner\":\"SECRET//REL TO USA, GBR\"}]},\
                             \"partner\":{\"id\":\"exercise-gbr\",\"kind\":\"country\",\"code\":\"GBR\",\"ceiling\":\"S\"}}\n";
                self.write("cuts.jsonl", asked);
            }
            "policy diff" => {
                self.run("cp -r policy proposed");
            }
            "policy prove" => {
                // The prover is a program of its own, which needs a solver: what is tried here is that it is asked.
                std::fs::create_dir_all(self.world.path("bin")).unwrap();
                let prover = self.world.path("bin/portcullis-prove");
                std::fs::write(&prover, "#!/bin/sh\ntest -f \"$1/release.cedar\"\n").unwrap();
                self.run(&format!("chmod +x {}", prover.display()));
            }
            "refuse" => (self.request, _) = self.submit("report.txt", 0),
            "serve" => (self.request, self.exchange) = self.submit("report.txt", 2),
            "recall" => (self.request, _) = self.submit("report.txt", 1),
            "inbox list" => self.receive(),
            "consent list" => {
                let today = SystemClock.now().date();
                let last = today.checked_add(jiff::Span::new().days(30)).unwrap();
                self.write(
                    "consent.toml",
                    &format!(
                        "condition = \"FGI-CONSENT\"\nsource = \"DEU\"\nconsented_by = \"EXERCISE liaison office\"\n\
                         reference = \"EXERCISE-REF-7\"\npartners = [\"exercise-gbr\"]\nvalid_from = {today}\n\
                         valid_until = {last}\n[covers]\nkind = \"report\"\n"
                    ),
                );
                self.run("portcullis change propose --consent exercise-consent=consent.toml --out consent-change.json");
                self.sign("consent-change.json");
            }
            "store lost list" => {
                self.stop();
                self.file = format!("{}0001.envelope", &self.exchange[..self.exchange.len() - 4]);
                self.write(&format!("store/spool/{}", self.file), "EXERCISE");
                self.serve();
            }
            "store lost drop" => {
                self.stop();
                self.serve();
                // What is no whole payload belongs to nothing, and nobody has to wait for it.
                let lost = self.us.folder.join("store/spool/lost");
                let part = format!("{}.part", self.file);
                std::fs::rename(lost.join(&self.file), lost.join(&part)).unwrap();
                self.file = part;
            }
            "ledger resume" => {
                let node = self.them.open();
                let seen = block_on(async {
                    let ours: PartnerId = "exercise-usa".parse().unwrap();
                    let seen = node.store().partner_checkpoint(&ours).await.unwrap();
                    node.store().close().await;
                    seen
                });
                self.write("exercise-gbr.head", &seen.expect("they have seen our ledger"));
            }
            "clock accept" => {
                self.stop();
                // The clock was an hour ahead when something was put on record.
                let ahead = self.us.open_at(SystemClock.now().plus(Duration::from_secs(3600)));
                block_on(async {
                    ahead.refresh_revocation_list().await.unwrap();
                    ahead.store().close().await;
                });
            }
            _ => {}
        }
    }

    /// What follows an example before the next one.
    fn after(&mut self, command: &str, said: &str) {
        match command {
            "init" => self.us.reconfigure("127.0.0.1:4433", &format!("127.0.0.1:{}", self.us.port)),
            "partner resume" => self.sign("resume-change.json"),
            "officer add" => self.sign("officer-change.json"),
            "marking label" => self.write("label.xml", said),
            "submit" => (self.request, self.exchange) = (word(said, "rq-"), word(said, "ex-")),
            _ => {}
        }
    }

    /// The partner's description, in our node's folder.
    fn described(&self) {
        let described = self.them.run(&["partner", "export"]).expect(0).stdout;
        self.write("gbr.json", &described);
    }

    /// The partner gets two products, and one of them holds a word that it lists.
    fn receive(&mut self) {
        self.world.enrol(&self.them, &self.us, &[]);
        let list = "PORTCULLIS WORDS 1\nName: exercise\nMarking: UNCLASSIFIED\n\nEXERCISE text of LISTED\n";
        self.world.change(&self.them, &[("words/exercise.txt", list)]);
        let [good, listed] = ["GOOD", "LISTED"].map(|id| {
            let file = self.world.product(id, "SECRET//REL TO USA, GBR", "(S//REL TO USA, GBR)");
            self.submit(&file, 2).1
        });
        self.them.serve();
        for exchange in [&good, &listed] {
            self.us.until_state(exchange, "delivered");
        }
        let key = self.world.key(&self.world.deciders(&self.them)[0]);
        std::fs::copy(key, self.them.folder.join("officer-1.key")).unwrap();
        (self.exchange, self.quarantined) = (good, listed);
    }

    /// The line of an example as it is typed here, and where.
    fn typed(&self, command: &str, line: &str) -> (PathBuf, String) {
        let exchange = if command.starts_with("inbox quarantine") { &self.quarantined } else { &self.exchange };
        let mut typed =
            line.replace("rq-…", &self.request).replace("ex-…", exchange).replace(" FILE", &format!(" {}", self.file));
        // Nobody sits at the terminal of a test to type `yes`, or the fingerprint that was read to them.
        if ["found sign", "change sign", "approve", "cert revoke"].contains(&command) {
            typed.push_str(" --yes");
        }
        if command == "partner add" {
            let print = "portcullis partner fingerprint gbr.json | sed -n 's/^ *description *//p'";
            typed.push_str(&format!(" --confirm \"$({print})\""));
        }
        let folder = match command {
            "init" => self.world.folder.path().to_owned(),
            command if command.starts_with("inbox") => self.them.folder.clone(),
            _ => self.us.folder.clone(),
        };
        (folder, typed)
    }
}

fn both(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The first word in `text` that begins like this.
fn word(text: &str, begins: &str) -> String {
    let mut words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    words.find(|word| word.starts_with(begins)).unwrap_or_default().to_owned()
}

#[test]
fn every_example_works() {
    let mut script = Script::new();
    let (mut run, mut wrong) = (0, Vec::new());
    for (command, line) in examples() {
        let help = script.shell(script.world.folder.path(), &format!("portcullis {command} --help")).output().unwrap();
        assert!(
            both(&help).replace(" \\\n    ", " ").contains(&format!("\nExample:\n  {line}\n")),
            "{command}: {}",
            both(&help)
        );
        run += 1;
        // `tests/cli/deploy.rs` runs the demonstration, which makes nodes of its own.
        if command == "demo" {
            continue;
        }
        script.before(command);
        if command == "serve" {
            script.serve();
            script.us.until_state(&script.exchange, "queued");
            continue;
        }
        let (folder, typed) = script.typed(command, line);
        let output = script.shell(&folder, &typed).output().unwrap();
        let expected = i32::from(NO.iter().any(|(no, _)| *no == command));
        if output.status.code() != Some(expected) {
            wrong.push(format!("{typed}: {}: {}", output.status, both(&output)));
            continue;
        }
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        script.after(command, &said);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(run > 70, "{run} examples");
    script.us.run(&["ledger", "verify"]).expect(0);
}
