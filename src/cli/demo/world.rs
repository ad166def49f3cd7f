//! The demonstration's nodes: real folders, real processes of this very program, and nothing shared between them.

use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::process::{Child, Command};

use super::super::output::Failure;
use crate::config::make_private_folder;
use crate::system::entropy;

/// One node of the demonstration.
pub(super) struct DemoNode {
    pub name: &'static str,
    pub code: &'static str,
    pub organisation: &'static str,
    pub port: u16,
    server: Option<Child>,
}

/// A folder with the nodes in it.
pub(super) struct World {
    pub folder: PathBuf,
    program: PathBuf,
    nodes: Vec<DemoNode>,
    /// Whether folder and servers stay when this goes away.
    kept: bool,
}

/// What a command answered.
pub(super) struct Answer {
    /// Its exit status.
    pub status: i32,
    /// Its JSON answer, or null.
    pub value: Value,
    /// Its standard output as it was.
    pub bytes: Vec<u8>,
    /// What it said on standard error.
    pub said: String,
}

impl Answer {
    /// The string at `pointer` (RFC 6901), or the empty string.
    pub fn text(&self, pointer: &str) -> &str {
        self.value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// What it said on standard error, without the program's name or JSON around it.
    pub fn text_or_said(&self) -> String {
        let said: Value = serde_json::from_str(&self.said).unwrap_or(Value::Null);
        said["error"].as_str().map_or_else(|| self.said.clone(), str::to_owned)
    }

    /// The elements of the array at `pointer`.
    pub fn list(&self, pointer: &str) -> &[Value] {
        self.value.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
    }
}

impl World {
    /// An empty world under the system's temporary folder.
    pub fn new() -> Result<World, Failure> {
        let folder = std::env::temp_dir().join(format!("portcullis-demo-{}", hex::encode(entropy::<6>())));
        make_private_folder(&folder).map_err(|e| Failure::trouble(format!("`{}`: {e}", folder.display())))?;
        let program = std::env::current_exe().map_err(|e| Failure::trouble(format!("own program: {e}")))?;
        Ok(World { folder, program, nodes: Vec::new(), kept: false })
    }

    /// Adds a node's name and a free port to the world; `init` makes the node.
    pub fn add(&mut self, name: &'static str, code: &'static str, organisation: &'static str) -> Result<u16, Failure> {
        let port = free_port()?;
        self.nodes.push(DemoNode { name, code, organisation, port, server: None });
        Ok(port)
    }

    pub fn nodes(&self) -> &[DemoNode] {
        &self.nodes
    }

    /// The configuration file of a node.
    pub fn config(&self, node: &str) -> PathBuf {
        self.folder.join(node).join("portcullis.toml")
    }

    /// A path in the world's folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Runs a command of `node` and reads its JSON answer.
    pub async fn run(&self, node: &str, arguments: &[&str]) -> Result<Answer, Failure> {
        let output = self
            .command(node)
            .args(["--format", "json"])
            .args(arguments)
            .output()
            .await
            .map_err(|e| Failure::trouble(format!("`{}` did not run: {e}", self.program.display())))?;
        Ok(Answer {
            status: output.status.code().unwrap_or(-1),
            value: serde_json::from_slice(&output.stdout).unwrap_or(Value::Null),
            bytes: output.stdout,
            said: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        })
    }

    /// Starts `node`'s server; its log goes to a file beside its folder.
    pub async fn serve(&mut self, node: &str) -> Result<(), Failure> {
        let trouble = |e: std::io::Error| Failure::trouble(format!("server of {node}: {e}"));
        let log = std::fs::File::create(self.path(&format!("{node}.log"))).map_err(trouble)?;
        let mut command = self.command(node);
        command.arg("serve").stdout(Stdio::null()).stderr(log).kill_on_drop(true);
        let child = command.spawn().map_err(trouble)?;
        if let Some(node) = self.nodes.iter_mut().find(|n| n.name == node) {
            node.server = Some(child);
        }
        Ok(())
    }

    /// Runs a command of `node` again and again until `done` says so or `limit` has passed; gives the last answer.
    pub async fn until(
        &self,
        node: &str,
        arguments: &[&str],
        limit: Duration,
        done: impl Fn(&Answer) -> bool,
    ) -> Result<Answer, Failure> {
        let mut waited = Duration::ZERO;
        let pause = Duration::from_millis(100);
        loop {
            let answer = self.run(node, arguments).await?;
            if done(&answer) || waited >= limit {
                return Ok(answer);
            }
            tokio::time::sleep(pause).await;
            waited += pause;
        }
    }

    /// Process numbers of the running servers.
    pub fn servers(&self) -> Vec<(&'static str, u32)> {
        self.nodes.iter().filter_map(|n| Some((n.name, n.server.as_ref()?.id()?))).collect()
    }

    /// Stops every server by SIGTERM, waits for it to park what is in flight, and says how each ended.
    pub async fn stop(&mut self) -> Vec<(&'static str, bool)> {
        let mut ended = Vec::new();
        for node in &mut self.nodes {
            let Some(mut server) = node.server.take() else { continue };
            if let Some(id) = server.id() {
                let _ = Command::new("kill").args(["-TERM", &id.to_string()]).status().await;
            }
            let clean = match tokio::time::timeout(Duration::from_secs(8), server.wait()).await {
                Ok(Ok(status)) => status.success(),
                _ => {
                    let _ = server.kill().await;
                    false
                }
            };
            ended.push((node.name, clean));
        }
        ended
    }

    /// Leaves the world's folder, and lets the servers outlive this process.
    pub fn leave_running(&mut self) {
        self.kept = true;
        for node in &mut self.nodes {
            // A child that is leaked here is not killed when this process ends: that is what `--keep` asks for.
            std::mem::forget(node.server.take());
        }
    }

    fn command(&self, node: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--config").arg(self.config(node)).env_remove("PORTCULLIS_CONFIG").stdin(Stdio::null());
        command
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if !self.kept {
            // Also where the demonstration was interrupted: the servers are killed first, so that they write nothing more.
            self.nodes.clear();
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

/// A UDP port of loopback that is free now, and is none of those that systems give to sockets which ask for any: one of
/// those may be somebody's by the time the node's server binds it.
fn free_port() -> Result<u16, Failure> {
    let any = || 16_384 + u16::from_le_bytes(entropy()) % 16_384;
    let free = (0..64).map(|_| any()).find(|port| UdpSocket::bind(("127.0.0.1", *port)).is_ok());
    free.ok_or_else(|| Failure::trouble("no free UDP port on loopback: 64 from 16384 to 32767 were tried"))
}

/// Writes a file of the demonstration and gives its path as text.
pub(super) fn write(path: &Path, text: &str) -> Result<String, Failure> {
    std::fs::write(path, text).map_err(|e| Failure::trouble(format!("`{}`: {e}", path.display())))?;
    Ok(path.display().to_string())
}
