//! Real nodes for tests: folders made by `init`, servers as processes, commands as an operator would type them.
#![allow(dead_code, reason = "each test file uses its own part")]

pub mod not_run;
mod ports;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use portcullis::approval::Role;
use portcullis::config::{signer_from, write_secret};
use portcullis::gateway::{AppointmentRequest, ChangeRequest, sign_founding};
use portcullis::ident::PartnerId;
use portcullis::partner::{Agreement, Description};
use portcullis::sign::{Algorithm, LocalSigner, PublicKey, Signer as _};
pub use ports::Port;
use serde_json::Value;

/// What a command answered.
pub struct Answer {
    pub status: i32,
    pub value: Value,
    pub stdout: String,
    pub stderr: String,
}

impl Answer {
    pub fn text(&self, pointer: &str) -> &str {
        self.value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    pub fn list(&self, pointer: &str) -> &[Value] {
        self.value.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
    }

    /// This answer, if the command's exit status was `status`.
    #[track_caller]
    pub fn expect(self, status: i32) -> Answer {
        assert_eq!(self.status, status, "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }
}

/// One node in a folder.
pub struct Node {
    pub name: String,
    pub code: String,
    pub folder: PathBuf,
    pub port: u16,
    /// What its processes are run with besides.
    pub environment: Vec<(&'static str, PathBuf)>,
    server: Option<Child>,
    /// Last, so that the server is gone before its port is somebody else's.
    _claim: Port,
}

/// A temporary folder with nodes in it.
pub struct World {
    pub folder: tempfile::TempDir,
}

impl World {
    pub fn new() -> World {
        World { folder: tempfile::Builder::new().prefix("portcullis-test-").tempdir().unwrap() }
    }

    /// In a folder of its own inside of this one.
    pub fn inside(folder: &str) -> World {
        World { folder: tempfile::Builder::new().prefix("portcullis-test-").tempdir_in(folder).unwrap() }
    }

    /// Leaves the folder where it is when this goes away.
    pub fn keep(&mut self) -> PathBuf {
        self.folder.disable_cleanup(true);
        self.folder.path().to_owned()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn file(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// Makes a node of the default profile.
    pub fn node(&self, name: &str, code: &str) -> Node {
        self.node_of(name, code, "cnsa2")
    }

    /// Makes a node and founds it with its two deciders; see [`World::deciders`].
    pub fn node_of(&self, name: &str, code: &str, profile: &str) -> Node {
        let node = self.made(name, code, profile);
        self.found(&node);
        node
    }

    /// Makes a node that is not founded.
    pub fn made(&self, name: &str, code: &str, profile: &str) -> Node {
        let claim = Port::claim();
        let port = claim.number;
        let folder = self.path(name);
        let address = format!("127.0.0.1:{port}");
        let output = Command::new(program())
            .args(["--format", "json", "init"])
            .arg(&folder)
            .args(["--name", name, "--code", code, "--organisation", "EXERCISE", "--contact", "EXERCISE desk"])
            .args(["--listen", &address, "--profile", profile])
            .output()
            .unwrap();
        assert!(output.status.success(), "init: {}", String::from_utf8_lossy(&output.stderr));
        Node {
            name: name.into(),
            code: code.into(),
            folder,
            port,
            environment: Vec::new(),
            server: None,
            _claim: claim,
        }
    }

    /// A node that somebody else made in a folder of this world, on a port that is claimed.
    pub fn adopted(&self, name: &str, code: &str, folder: &str, claim: Port) -> Node {
        let (port, folder) = (claim.number, self.path(folder));
        Node {
            name: name.into(),
            code: code.into(),
            folder,
            port,
            environment: Vec::new(),
            server: None,
            _claim: claim,
        }
    }

    /// Founds a node with its two deciders, each of whom signs with a key of their own.
    pub fn found(&self, node: &Node) {
        let people = self.deciders(node);
        let appoint = |(id, role): (&String, Role)| self.appointed(id, role);
        let roles = [Role::DisclosureOfficer, Role::SeniorDisclosureOfficer];
        let officers: Vec<AppointmentRequest> = people.iter().zip(roles).map(appoint).collect();
        apart(|| {
            let opened = node.open_live();
            block_on(async {
                let now = opened.now();
                let expires = now.plus(Duration::from_secs(3600));
                let mut founding = opened.propose_founding(&officers, "operator", expires).await.unwrap();
                for (number, id) in (1..).zip(&people) {
                    let signer = signer_from(Path::new(&self.key(id))).unwrap();
                    sign_founding(&mut founding, &signer, now, [number; 16]).unwrap();
                }
                opened.found(&founding).await.unwrap();
                opened.store().close().await;
            });
        });
    }

    /// Puts in force what is wanted, as the node's deciders would: proposed, signed by two, applied.
    pub fn decided(&self, node: &Node, want: impl FnOnce(&mut ChangeRequest) + Send) {
        apart(|| {
            let opened = node.open_live();
            let mut wanted = ChangeRequest::new("operator", "EXERCISE", opened.now().plus(Duration::from_secs(3600)));
            want(&mut wanted);
            block_on(async {
                let mut change = opened.propose(wanted).await.unwrap();
                for id in self.deciders(node) {
                    opened.consent(&mut change, &signer_from(Path::new(&self.key(&id))).unwrap()).await.unwrap();
                }
                opened.apply_change(&change).await.unwrap();
                opened.store().close().await;
            });
        });
    }

    /// Two nodes that have enrolled each other, and three officers at the first.
    pub fn pair(&self) -> (Node, Node) {
        let (us, them) = (self.node("exercise-usa", "USA"), self.node("exercise-gbr", "GBR"));
        self.enrol(&us, &them, &[]);
        self.enrol(&them, &us, &[]);
        self.officers(&us);
        (us, them)
    }

    /// Enrols `them` at `us`, with `changes` made to the sample agreement's lines.
    pub fn enrol(&self, us: &Node, them: &Node, changes: &[(&str, &str)]) {
        let agreement = Agreement::parse(&agreement(&us.code, &them.code, changes)).unwrap();
        self.enrol_under(us, them, agreement);
    }

    /// Enrols `them` at `us` under an agreement.
    pub fn enrol_under(&self, us: &Node, them: &Node, agreement: Agreement) {
        let described = them.run(&["partner", "export"]).expect(0).stdout;
        self.enrol_described(us, Description::parse(&described).unwrap(), agreement);
    }

    /// Enrols `them` at `us` without an address: they alone dial, and no two links cross while something is on its way.
    pub fn enrol_undialled(&self, us: &Node, them: &Node) {
        let described = them.run(&["partner", "export"]).expect(0).stdout;
        let description = Description { addresses: Vec::new(), ..Description::parse(&described).unwrap() };
        self.enrol_described(us, description, Agreement::parse(&agreement(&us.code, &them.code, &[])).unwrap());
    }

    fn enrol_described(&self, us: &Node, description: Description, agreement: Agreement) {
        let id = PartnerId::from(description.node.clone());
        self.decided(us, |wanted| {
            wanted.partners.push(description);
            wanted.agreements.insert(id, agreement);
        });
    }

    /// Enrols one who submits and two who may approve.
    pub fn officers(&self, node: &Node) {
        let people = [
            ("exercise-producer", Role::Originator),
            ("exercise-officer-1", Role::DisclosureOfficer),
            ("exercise-officer-2", Role::DisclosureOfficer),
        ];
        let officers = people.map(|(id, role)| self.appointed(id, role));
        self.decided(node, |wanted| wanted.officers.extend(officers));
    }

    /// Enrols one officer, with a new key, or the one that somebody of that name has at another node.
    pub fn officer(&self, node: &Node, id: &str, role: &str) {
        let officer = self.appointed(id, role.parse().unwrap());
        self.decided(node, |wanted| wanted.officers.push(officer));
    }

    /// Enrols one officer in several roles.
    pub fn officer_in(&self, node: &Node, id: &str, roles: &[Role]) {
        let officer =
            AppointmentRequest { roles: Some(roles.iter().copied().collect()), ..self.appointed(id, roles[0]) };
        self.decided(node, |wanted| wanted.officers.push(officer));
    }

    /// An officer to be enrolled.
    pub fn appointed(&self, id: &str, role: Role) -> AppointmentRequest {
        AppointmentRequest {
            officer: id.parse().unwrap(),
            name: Some(format!("EXERCISE {id}")),
            roles: Some([role].into()),
            key: Some(self.public_key(id)),
            keep_keys: false,
            lifetime: None,
            declared: None,
        }
    }

    /// The public key of somebody, whose key is made if they have none yet.
    pub fn public_key(&self, id: &str) -> PublicKey {
        let file = PathBuf::from(self.key(id));
        if !file.exists() {
            let der = LocalSigner::generate(Algorithm::MlDsa87).unwrap();
            let pem = pem::encode(&pem::Pem::new("PRIVATE KEY", der.to_vec()));
            write_secret(&file, pem.as_bytes()).unwrap();
        }
        let public = signer_from(&file).unwrap().public().clone();
        std::fs::write(format!("{}.pub", file.display()), format!("{public}\n")).unwrap();
        public
    }

    /// Changes texts of `node`'s policy as its operator and officers would: proposed, signed by two, applied. An empty
    /// text leaves one out. What is in a folder and not in force never counts.
    pub fn change(&self, node: &Node, texts: &[(&str, &str)]) -> Answer {
        let mut arguments: Vec<String> = Vec::new();
        for (name, text) in texts {
            if text.is_empty() {
                arguments.extend(["--remove".to_owned(), (*name).to_owned()]);
                continue;
            }
            let file = self.path("proposed").join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(&file, text).unwrap();
            arguments.push(file.display().to_string());
        }
        self.changed(node, &arguments)
    }

    /// Changes `node`'s agreement with a partner in the same way.
    pub fn change_agreement(&self, node: &Node, partner: &str, agreement: &str) -> Answer {
        let file = self.file("agreement-proposed.toml", agreement);
        self.changed(node, &["--agreement".to_owned(), format!("{partner}={file}")])
    }

    /// Proposes what `arguments` say, has two officers sign, and applies it.
    pub fn changed(&self, node: &Node, arguments: &[String]) -> Answer {
        let file = self.propose(node, arguments);
        for officer in self.deciders(node) {
            node.run(&["change", "sign", &file, "--yes", "--key", &self.key(&officer)]).expect(0);
        }
        node.run(&["change", "apply", &file]).expect(0)
    }

    /// Proposes what `arguments` say; gives the change file.
    pub fn propose(&self, node: &Node, arguments: &[String]) -> String {
        let number = (1..).find(|n| !self.path(&format!("{}-change-{n}.json", node.name)).exists()).unwrap();
        let file = self.path(&format!("{}-change-{number}.json", node.name)).display().to_string();
        let mut command = vec!["change", "propose", "--why", "EXERCISE", "--out", &file];
        command.extend(arguments.iter().map(String::as_str));
        node.run(&command).expect(0);
        file
    }

    /// Has two officers sign a change that a command of `node` proposes, and applies it. The command is given without
    /// `--out`.
    pub fn proposed(&self, node: &Node, command: &[&str]) -> Answer {
        let number = (1..).find(|n| !self.path(&format!("{}-proposed-{n}.json", node.name)).exists()).unwrap();
        let file = self.path(&format!("{}-proposed-{number}.json", node.name)).display().to_string();
        node.run(&[command, &["--out", &file]].concat()).expect(0);
        let [one, two] = self.deciders(node).map(|id| self.key(&id));
        node.run(&["change", "sign", &file, "--yes", "--key", &one, "--key", &two]).expect(0);
        node.run(&["change", "apply", &file]).expect(0)
    }

    /// The two officers with whom `node` was founded, who may together decide changes; the second is the senior one.
    pub fn deciders(&self, node: &Node) -> [String; 2] {
        ["decider", "senior"].map(|id| format!("{}-{id}", node.name))
    }

    /// Resumes a suspended partner by a change that two officers sign.
    pub fn resume(&self, node: &Node, partner: &str) {
        self.decided(node, |wanted| wanted.resumed.extend([partner.parse().unwrap()]));
    }

    /// Has two officers sign, after the store of `node` was restored from an older copy, that the entries which each of
    /// `witnesses` has seen since are lost, if there are any.
    pub fn accept_older_copy(&self, node: &Node, witnesses: &[&Node]) {
        let own: PartnerId = node.name.parse().unwrap();
        let seen = |witness: &&Node| {
            let opened = witness.open();
            let seen = block_on(async {
                let seen = opened.store().partner_checkpoint(&own).await.unwrap();
                opened.store().close().await;
                seen
            });
            seen.map(|head| (witness.name.parse().unwrap(), head))
        };
        for lost in witnesses.iter().filter_map(seen) {
            let opened = node.open();
            let still = block_on(async {
                let expires = opened.now().plus(Duration::from_secs(3600));
                let wanted =
                    ChangeRequest { lost: vec![lost.clone()], ..ChangeRequest::new("operator", "EXERCISE", expires) };
                let refused = opened.propose(wanted).await.err();
                opened.store().close().await;
                refused.is_some_and(|e| e.to_string().contains("nothing is lost"))
            });
            if !still {
                self.decided(node, |wanted| wanted.lost.push(lost));
            }
        }
    }

    pub fn key(&self, officer: &str) -> String {
        self.path(&format!("{officer}.key")).display().to_string()
    }

    /// A product of one tearline, in a file.
    pub fn product(&self, id: &str, banner: &str, portion: &str) -> String {
        let text = format!(
            "PORTCULLIS PRODUCT 1\nId: EXERCISE-{id}\nTitle: (U) EXERCISE {id}\nOriginator: (U) EXERCISE Directorate\n\
             Date: 2026-11-20\nKind: report\nSubjects: (U) exercise\nContact: (U) EXERCISE desk\n\n{banner}\n\n\
             {portion} EXERCISE text of {id}.\n"
        );
        self.file(&format!("{id}.txt"), &text)
    }

    /// Submits at `node` for `partner` and approves twice; gives the answer of `submit`.
    pub fn release(&self, node: &Node, files: &[String], partner: &str) -> Answer {
        let mut arguments = vec!["submit"];
        arguments.extend(files.iter().map(String::as_str));
        let key = node.key("exercise-producer");
        arguments.extend(["--key", &key, "--to", partner, "--purpose", "EXERCISE", "--expires", "1d"]);
        let submitted = node.run(&arguments).expect(0);
        let requests: Vec<String> = match submitted.list("/requests") {
            [] => vec![submitted.text("/request").to_owned()],
            many => many.iter().map(|r| r["request"].as_str().unwrap().to_owned()).collect(),
        };
        for officer in ["exercise-officer-1", "exercise-officer-2"] {
            let key = self.key(officer);
            let mut arguments = vec!["approve", "--yes", "--key", &key];
            arguments.extend(requests.iter().map(String::as_str));
            node.run(&arguments).expect(0);
        }
        submitted
    }
}

impl Node {
    pub fn config(&self) -> PathBuf {
        self.folder.join("portcullis.toml")
    }

    /// The path of the private key of one of this node's officers, next to the node's folder.
    pub fn key(&self, officer: &str) -> String {
        self.folder.with_file_name(format!("{officer}.key")).display().to_string()
    }

    /// Runs a command of this node, answering in JSON.
    pub fn run(&self, arguments: &[&str]) -> Answer {
        answer(self.command().args(["--format", "json"]).args(arguments).output().unwrap())
    }

    /// Runs a command of this node as a person would, answering in text.
    pub fn run_human(&self, arguments: &[&str]) -> Answer {
        answer(self.command().args(arguments).output().unwrap())
    }

    fn command(&self) -> Command {
        let mut command = Command::new(program());
        command.arg("--config").arg(self.config()).env_remove("PORTCULLIS_CONFIG").stdin(Stdio::null());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Starts the server; its log is appended to a file next to its folder.
    pub fn serve(&mut self) {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.log()).unwrap();
        self.server = Some(self.command().arg("serve").stdout(Stdio::null()).stderr(log).spawn().unwrap());
    }

    /// Starts the server under strace, which makes some of its system calls fail; `None` where that cannot be done.
    pub fn serve_under_strace(&self, which: &[&str], inject: &str) -> Option<Child> {
        let quiet = ["-f", "-qq", "-o", "/dev/null"];
        let probe = Command::new("strace").args(quiet).arg("true").stderr(Stdio::null()).status();
        if !probe.is_ok_and(|status| status.success()) {
            return None;
        }
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.log()).unwrap();
        let calls = inject.split(':').next().unwrap_or_default();
        let mut strace = Command::new("strace");
        strace.args(quiet).args(which);
        strace.args(["-e", &format!("trace={calls}"), "-e", &format!("inject={inject}")]);
        strace.arg(program()).arg("--config").arg(self.config()).arg("serve").env_remove("PORTCULLIS_CONFIG");
        Some(strace.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap())
    }

    /// Starts the server so that its power fails at the place of that name; see `portcullis::system::FAULT_POINTS`.
    pub fn serve_until(&mut self, place: &str) {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.log()).unwrap();
        let mut command = self.command();
        command.arg("serve").env("PORTCULLIS_FAULT", place).stdout(Stdio::null()).stderr(log);
        self.server = Some(command.spawn().unwrap());
    }

    /// Starts the server so that it panics the first time that it passes the place of that name.
    pub fn serve_panicking(&mut self, place: &str) {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.log()).unwrap();
        let mut command = self.command();
        command.arg("serve").env("PORTCULLIS_PANIC", place).stdout(Stdio::null()).stderr(log);
        self.server = Some(command.spawn().unwrap());
    }

    /// Runs a command whose power fails at the place of that name; whether it got there.
    pub fn run_until(&self, place: &str, arguments: &[&str]) -> bool {
        self.command().args(arguments).env("PORTCULLIS_FAULT", place).output().unwrap().status.code().is_none()
    }

    /// Waits until the server's power has failed.
    #[track_caller]
    pub fn until_dead(&mut self) {
        let mut server = self.server.take().expect("a server that was started");
        for _ in 0..1200 {
            if let Some(status) = server.try_wait().unwrap() {
                assert_eq!(status.code(), None, "it ended by itself: {}", self.log_text());
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        server.kill().unwrap();
        panic!("its power never failed: {}", self.log_text());
    }

    /// Waits until the server says that it listens.
    #[track_caller]
    pub fn until_serving(&self) {
        self.until_logged("node started");
    }

    /// Waits until the server's log contains `text`.
    #[track_caller]
    pub fn until_logged(&self, text: &str) {
        for _ in 0..1200 {
            let ended = self.has_ended();
            if self.log_text().contains(text) {
                return;
            }
            assert!(!ended, "the server ended before it logged `{text}`: {}", self.log_text());
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("`{text}` was never logged: {}", self.log_text());
    }

    /// What the server has logged so far.
    pub fn log_text(&self) -> String {
        std::fs::read_to_string(self.log()).unwrap_or_default()
    }

    /// Waits until an exchange is in a state, and gives what is on record about it.
    #[track_caller]
    pub fn until_state(&self, exchange: &str, state: &str) -> Answer {
        self.until(&["status", exchange], |a| a.text("/state") == state)
    }

    /// Replaces text in the configuration, which must be there.
    #[track_caller]
    pub fn reconfigure(&self, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.config()).unwrap();
        assert!(text.contains(from), "`{from}` is not in the configuration");
        std::fs::write(self.config(), text.replace(from, to)).unwrap();
    }

    /// Has the node keep short sealed payloads as it keeps long ones: in files of its spool, and not in its store.
    pub fn keep_payloads_in_files(&self) {
        self.reconfigure("# kept_bytes_max = 65536", "kept_bytes_max = 0");
    }

    /// The sealed payload of an exchange that the node's store keeps, if it does.
    pub fn inline_payload(&self, exchange: &str) -> Option<Vec<u8>> {
        let node = self.open();
        block_on(async {
            let kept = node.store().inline_payload(&exchange.parse().unwrap()).await.unwrap();
            node.store().close().await;
            kept.map(|bytes| bytes.to_vec())
        })
    }

    /// Copies the whole folder to one that does not exist. The server must be stopped.
    pub fn copy_to(&self, to: &Path) {
        let copied = Command::new("cp").arg("-a").arg(&self.folder).arg(to).status().unwrap();
        assert!(copied.success() && self.server.is_none());
    }

    /// Waits until the server has ended by itself, and gives its exit status.
    pub fn until_ended(&mut self) -> Option<i32> {
        self.server.take().unwrap().wait().unwrap().code()
    }

    /// The node as the library opens it, at a time of the test's choosing.
    pub fn open_at(&self, now: portcullis::time::Time) -> portcullis::gateway::Node {
        let clock = std::sync::Arc::new(portcullis::time::FixedClock::at(now));
        let config = portcullis::config::Config::read(&self.config()).unwrap();
        block_on(portcullis::gateway::Node::open(config, clock)).unwrap()
    }

    /// The node as the library opens it, now.
    pub fn open(&self) -> portcullis::gateway::Node {
        use portcullis::time::Clock as _;
        self.open_at(portcullis::system::SystemClock.now())
    }

    /// The node as the library opens it, by the system's clock.
    pub fn open_live(&self) -> portcullis::gateway::Node {
        let config = portcullis::config::Config::read(&self.config()).unwrap();
        block_on(portcullis::gateway::Node::open(config, std::sync::Arc::new(portcullis::system::SystemClock))).unwrap()
    }

    /// The exchange as it is on record.
    pub fn exchange(&self, id: &str) -> portcullis::store::Exchange {
        let node = self.open();
        block_on(async {
            let row = node.store().exchange(&id.parse().unwrap()).await.unwrap().unwrap();
            node.store().close().await;
            row
        })
    }

    pub fn log(&self) -> PathBuf {
        self.folder.with_extension("log")
    }

    /// The server's process number.
    #[track_caller]
    pub fn pid(&self) -> u32 {
        self.server.as_ref().expect("the server runs").id()
    }

    /// Whether a server was started and has ended without being stopped, so that waiting for it is pointless.
    fn has_ended(&self) -> bool {
        let Some(server) = &self.server else { return false };
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", server.id())).unwrap_or_default();
        // After the name in parentheses stands the state; what has ended and was not waited for is a zombie.
        stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('Z'))
    }

    /// Processor time that the server has used, in seconds.
    pub fn cpu_seconds(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap();
        // After the name in parentheses, the 12th and 13th fields are user and system time in hundredths of a second.
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
        fields[11..13].iter().map(|ticks| ticks.parse::<f64>().unwrap() / 100.0).sum()
    }

    /// Sends SIGKILL: no work in progress is finished or parked.
    pub fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill().unwrap();
            server.wait().unwrap();
        }
    }

    /// SIGTERM; whether the server ended with status 0.
    pub fn stop(&mut self) -> bool {
        let Some(mut server) = self.server.take() else { return true };
        Command::new("kill").args(["-TERM", &server.id().to_string()]).status().unwrap();
        let ended = server.wait().unwrap();
        if !ended.success() {
            let log = self.log_text();
            let tail: Vec<&str> = log.lines().rev().take(20).collect();
            eprintln!("the server ended with {ended}; its log, newest first:\n{}", tail.join("\n"));
        }
        ended.success()
    }

    /// Runs a command again and again until `done`; fails the test if that takes longer than a very slow machine would.
    #[track_caller]
    pub fn until(&self, arguments: &[&str], done: impl Fn(&Answer) -> bool) -> Answer {
        for _ in 0..1200 {
            let ended = self.has_ended();
            let answer = self.run(arguments);
            if done(&answer) {
                return answer;
            }
            if ended {
                break;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let last = self.run(arguments);
        let log = std::fs::read_to_string(self.log()).unwrap_or_default();
        let tail: Vec<&str> = log.lines().rev().take(20).collect();
        panic!(
            "never happened: {arguments:?}\nlast: {}{}\nlog, newest first:\n{}",
            last.stdout,
            last.stderr,
            tail.join("\n")
        );
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The sample agreement with another party, and other lines where `changes` names their key.
pub fn agreement(ours: &str, code: &str, changes: &[(&str, &str)]) -> String {
    let sample =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("policy/agreements/sample.toml")).unwrap();
    sample
        .lines()
        .map(|line| {
            let key = line.split(" = ").next().unwrap_or_default();
            match changes.iter().find(|(name, _)| *name == key) {
                Some((_, value)) => format!("{key} = {value}\n"),
                None if key == "code" => format!("code = \"{code}\"\n"),
                None if key == "ours" => format!("ours = \"{ours}\"\n"),
                None => format!("{line}\n"),
            }
        })
        .collect()
}

/// Somebody who takes what came in.
pub fn reader() -> portcullis::gateway::Taker {
    portcullis::gateway::Taker { name: "exercise-reader".into(), account: "exercise".into() }
}

pub fn program() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_portcullis"))
}

/// Runs a future to its end; one runtime for the whole test, so that what was opened on it stays alive.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    static RUNTIME: std::sync::OnceLock<tokio::runtime::Runtime> = std::sync::OnceLock::new();
    RUNTIME.get_or_init(|| tokio::runtime::Runtime::new().unwrap()).block_on(future)
}

/// Does it on a thread of its own, so that a test which runs on a runtime may wait for another.
fn apart(act: impl FnOnce() + Send) {
    std::thread::scope(|scope| scope.spawn(act).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
}

/// Alters the database file directly, as an attacker with write access could, without using the store.
pub fn sql(database: &Path, statement: &str) {
    use rusqlite::{Connection, OpenFlags};
    let connection = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
    connection.execute_batch(statement).unwrap();
    connection.close().unwrap();
}

/// What a command that was run answered.
pub fn answer(output: Output) -> Answer {
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    Answer {
        status: output.status.code().unwrap_or(-1),
        value: serde_json::from_str(&stdout).unwrap_or(Value::Null),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        stdout,
    }
}
