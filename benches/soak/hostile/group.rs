//! A limit on the memory of one process and its children: a control group of the kernel, where one can be made.

use std::fs;
use std::path::{Path, PathBuf};

use super::budget::MEMORY_MAX;

/// The group that a node is started in.
pub struct Group {
    folder: PathBuf,
    /// Files of the second version of control groups.
    second: bool,
}

impl Group {
    /// A group of that name, limited; or why there is none.
    pub fn make(name: &str) -> Result<Group, String> {
        let second = Path::new("/sys/fs/cgroup/cgroup.controllers");
        if fs::read_to_string(second).is_ok_and(|all| all.split_whitespace().any(|one| one == "memory")) {
            // What a child may be limited by has to be handed down to it.
            let _ = fs::write("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
            return Group::limited(PathBuf::from("/sys/fs/cgroup").join(name), true);
        }
        Group::limited(PathBuf::from("/sys/fs/cgroup/memory").join(name), false)
    }

    fn limited(folder: PathBuf, second: bool) -> Result<Group, String> {
        let told = |e: std::io::Error| format!("{}: {e}", folder.display());
        fs::create_dir(&folder).map_err(told)?;
        let group = Group { folder: folder.clone(), second };
        let (limit, swap, none) = match second {
            true => ("memory.max", "memory.swap.max", 0),
            // Memory and swap together.
            false => ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes", MEMORY_MAX),
        };
        fs::write(folder.join(limit), MEMORY_MAX.to_string()).map_err(told)?;
        // A kernel that swaps nothing has no such file.
        let _ = fs::write(folder.join(swap), none.to_string());
        Ok(group)
    }

    /// Where a process writes its number to be in it.
    pub fn processes(&self) -> PathBuf {
        self.folder.join("cgroup.procs")
    }

    /// How it was limited, for the report.
    pub fn told(&self) -> String {
        let version = if self.second { "v2, memory.max" } else { "v1, memory.limit_in_bytes" };
        format!("control group {version} = {MEMORY_MAX}, and no swap")
    }

    /// Processes that the kernel ended because there was no memory.
    pub fn killed(&self) -> u64 {
        let file = if self.second { "memory.events" } else { "memory.oom_control" };
        let text = fs::read_to_string(self.folder.join(file)).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("oom_kill "));
        line.and_then(|n| n.trim().parse().ok()).unwrap_or_default()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // It goes when the last process in it has.
        let _ = fs::remove_dir(&self.folder);
    }
}
