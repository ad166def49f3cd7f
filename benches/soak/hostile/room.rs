//! A small disk for the spool, so that an attack on its room is exact and takes nothing from anybody else on the machine.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The whole disk; what is above the reserve can be taken in a few seconds.
pub const DISK: u64 = 320 << 20;
/// What `[store] reserve_bytes` is by default.
pub const RESERVE: u64 = 64 << 20;

/// A file system of its own, mounted until it is dropped.
pub struct Room {
    place: PathBuf,
}

impl Room {
    /// In the place of `spool`, whose files it takes over; or why that cannot be.
    pub fn mount(spool: &Path, image: &Path) -> Result<Room, String> {
        let file = std::fs::File::create(image).map_err(|e| e.to_string())?;
        file.set_len(DISK).map_err(|e| e.to_string())?;
        let (image, spool_text) = (image.display().to_string(), spool.display().to_string());
        run("mkfs.ext4", &["-q", "-F", "-m", "0", &image])?;
        let before = spool.with_extension("before");
        std::fs::rename(spool, &before).map_err(|e| e.to_string())?;
        std::fs::create_dir(spool).map_err(|e| e.to_string())?;
        if let Err(why) = run("mount", &["-o", "loop", &image, &spool_text]) {
            let _ = std::fs::remove_dir(spool);
            std::fs::rename(&before, spool).map_err(|e| e.to_string())?;
            return Err(why);
        }
        let room = Room { place: spool.to_owned() };
        // It is no folder of a spool's.
        let _ = std::fs::remove_dir(spool.join("lost+found"));
        run("cp", &["-a", &format!("{}/.", before.display()), &spool_text])?;
        std::fs::set_permissions(spool, std::fs::Permissions::from_mode(0o700)).map_err(|e| e.to_string())?;
        std::fs::remove_dir_all(&before).map_err(|e| e.to_string())?;
        Ok(room)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let _ = run("umount", &[&self.place.display().to_string()]);
    }
}

fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let output = Command::new(program).args(arguments).output().map_err(|e| format!("{program}: {e}"))?;
    let told = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if output.status.success() { Ok(()) } else { Err(format!("{program}: {told}")) }
}

/// Bytes that are free for anybody on the disk of a folder.
pub fn free_bytes(folder: &Path) -> u64 {
    rustix::fs::statvfs(folder).map_or(0, |stat| stat.f_bavail * stat.f_frsize)
}
