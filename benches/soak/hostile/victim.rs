//! The node that is attacked: a process of its own, in a group whose memory is limited, its spool on a small disk.

use std::fs::OpenOptions;
use std::process::{Child, Command, Stdio};

use super::group::Group;
use super::meter::Meter;
use super::room::Room;
use crate::support::{Node, program};

pub struct Victim {
    server: Option<Child>,
    pub group: Result<Group, String>,
    /// Before the node: nothing is on the disk any more when it is unmounted.
    pub room: Result<Room, String>,
    pub node: Node,
}

impl Victim {
    pub fn start(node: Node) -> Victim {
        let spool = node.folder.join("store/spool");
        let room = Room::mount(&spool, &node.folder.with_extension("disk"));
        // Of the room one partner may have half, by default; here it is the reserve alone that holds.
        node.reconfigure("# partner_percent = 50", "partner_percent = 100");
        let group = Group::make(&format!("portcullis-soak-{}-{}", std::process::id(), node.port));
        let mut victim = Victim { server: None, group, room, node };
        victim.serve();
        victim.node.until_serving();
        victim
    }

    fn serve(&mut self) {
        let log = OpenOptions::new().create(true).append(true).open(self.node.log()).expect("a log");
        let mut command = match &self.group {
            Ok(group) => {
                // It is in the group before it is the node, so that every byte of it counts.
                let mut shell = Command::new("sh");
                shell
                    .args(["-c", "echo $$ > \"$1\" && shift && exec \"$@\"", "sh"])
                    .arg(group.processes())
                    .arg(program());
                shell
            }
            Err(_) => Command::new(program()),
        };
        command.arg("--config").arg(self.node.config()).arg("serve").env_remove("PORTCULLIS_CONFIG");
        let started = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn();
        self.server = Some(started.expect("the program"));
    }

    pub fn meter(&self, honest: &str, hostile: &str) -> Meter {
        Meter {
            pid: self.server.as_ref().map_or(0, Child::id),
            log: self.node.log(),
            store: self.node.folder.join("store"),
            honest: honest.to_owned(),
            hostile: hostile.to_owned(),
        }
    }

    /// How its memory is limited.
    pub fn limit(&self) -> String {
        match &self.group {
            Ok(group) => group.told(),
            Err(why) => format!("none could be set ({why}): the most that it took is judged"),
        }
    }

    pub fn disk(&self) -> String {
        match &self.room {
            Ok(_) => "a file system of its own for the spool".to_owned(),
            Err(why) => format!("the machine's, because none of its own could be mounted ({why})"),
        }
    }

    /// Whether it still runs, and nothing of it was ended for want of memory.
    pub fn runs(&mut self) -> bool {
        let killed = self.group.as_ref().map_or(0, Group::killed);
        killed == 0 && self.server.as_mut().is_some_and(|server| matches!(server.try_wait(), Ok(None)))
    }

    /// SIGTERM; whether it ended with status 0.
    pub fn stop(&mut self) -> bool {
        let Some(mut server) = self.server.take() else { return false };
        let _ = Command::new("kill").args(["-TERM", &server.id().to_string()]).status();
        server.wait().is_ok_and(|status| status.success())
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        if let Some(mut server) = self.server.take() {
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}
