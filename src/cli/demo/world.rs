//! The demonstration's nodes: folders and processes of this program that share nothing.

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

/// A folder with the nodes in it. Dropping it stops the servers and removes the folder, unless they are to keep running.
pub(super) struct World {
    pub folder: PathBuf,
    program: PathBuf,
    nodes: Vec<DemoNode>,
    /// Whether folder and servers outlive this value.
    kept: bool,
}

/// The result of a command.
pub(super) struct Answer {
    /// Its exit status.
    pub status: i32,
    /// Its JSON answer, or null.
    pub value: Value,
    /// Its standard output.
    pub bytes: Vec<u8>,
    /// Its standard error, trimmed.
    pub said: String,
}

impl Answer {
    /// The string at `pointer` (RFC 6901), or the empty string.
    pub fn text(&self, pointer: &str) -> &str {
        self.value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// Returns the error message: the `error` field of a JSON error, or standard error as it is.
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
    /// Creates an empty world in the system's temporary folder.
    ///
    /// # Errors
    /// [`Failure`] if the folder cannot be created.
    pub fn new() -> Result<World, Failure> {
        let folder = std::env::temp_dir().join(format!("portcullis-demo-{}", hex::encode(entropy::<6>())));
        make_private_folder(&folder).map_err(|e| Failure::trouble(format!("`{}`: {e}", folder.display())))?;
        let program = std::env::current_exe().map_err(|e| Failure::trouble(format!("own program: {e}")))?;
        Ok(World { folder, program, nodes: Vec::new(), kept: false })
    }

    /// Adds a node with a free port, which is returned; `portcullis init` has to create it.
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

    /// Starts `node`'s server; its log is `NODE.log` in the world's folder.
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

    /// Runs a command of `node` every 100 ms until `done` returns true or `limit` has passed; returns the last answer.
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

    /// Returns the names and process IDs of the running servers.
    pub fn servers(&self) -> Vec<(&'static str, u32)> {
        self.nodes.iter().filter_map(|n| Some((n.name, n.server.as_ref()?.id()?))).collect()
    }

    /// Stops every server with SIGTERM, waits until it has parked its exchanges, and returns for each whether it exited cleanly.
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

    /// Keeps the world's folder and lets the servers outlive this process.
    pub fn leave_running(&mut self) {
        self.kept = true;
        for node in &mut self.nodes {
            // A child that is leaked is not killed when this process ends, as `--keep` requires.
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
            // Also after an interrupt. The servers are killed first, so that they write nothing more.
            self.nodes.clear();
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

/// Returns a free UDP port on loopback, outside the ephemeral range: an ephemeral port may be in use again by the time the
/// node's server binds it.
fn free_port() -> Result<u16, Failure> {
    let any = || 16_384 + u16::from_le_bytes(entropy()) % 16_384;
    let free = (0..64).map(|_| any()).find(|port| UdpSocket::bind(("127.0.0.1", *port)).is_ok());
    free.ok_or_else(|| Failure::trouble("no free UDP port on loopback: 64 from 16384 to 32767 were tried"))
}

/// Writes a file of the demonstration and returns its path as text.
pub(super) fn write(path: &Path, text: &str) -> Result<String, Failure> {
    std::fs::write(path, text).map_err(|e| Failure::trouble(format!("`{}`: {e}", path.display())))?;
    Ok(path.display().to_string())
}
