//! The disk under a node whose power is cut: of what its processes did, what they synced is left, and nothing else.
//!
//! `tests/faults/shim.c` is loaded into them and keeps what is on the disk beside it. A folder's names are on it once the
//! folder was synced, a file's bytes once the file was.

use std::fs;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where nodes have to be whose disks are kept: the numbers of its files are never used twice.
pub const MEMORY: &str = "/dev/shm";

/// What is on the disk of one node's folder.
pub struct Disk {
    root: PathBuf,
    side: PathBuf,
    library: PathBuf,
}

impl Disk {
    /// The disk of the folder `root`; what is kept of it is in `side`, which is made.
    pub fn of(root: &Path, side: &Path) -> Disk {
        fs::create_dir(side).unwrap();
        let library = side.join("shim.so");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/faults/shim.c");
        let mut compiler = Command::new("cc");
        compiler.args(["-O2", "-shared", "-fPIC", "-o"]).arg(&library).arg(source).args(["-ldl", "-lpthread"]);
        assert!(compiler.status().expect("a C compiler").success(), "{source} does not compile");
        Disk { root: root.to_owned(), side: side.join("image"), library }
    }

    /// From here on: all that there is counts as synced. No process of the node may run.
    pub fn begin(&self) {
        let _ = fs::remove_dir_all(&self.side);
        for name in ["ino", "dir", "odir", "lost", "pair"] {
            fs::create_dir_all(self.side.join(name)).unwrap();
        }
        self.synced(&self.root);
    }

    fn synced(&self, folder: &Path) {
        let mut names = String::new();
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let found = entry.metadata().unwrap();
            let kind = if found.is_dir() { 'd' } else { 'f' };
            assert!(found.is_dir() || found.is_file(), "{:?} is neither a file nor a folder", entry.path());
            let (mode, name) = (found.mode() & 0o7777, entry.file_name().into_string().unwrap());
            names += &format!("{} {kind} {mode:o} {name}\n", found.ino());
            match kind {
                'd' => self.synced(&entry.path()),
                _ => drop(fs::copy(entry.path(), self.side.join(format!("ino/{}", found.ino()))).unwrap()),
            }
        }
        for of in ["dir", "odir"] {
            fs::write(self.side.join(format!("{of}/{}", fs::metadata(folder).unwrap().ino())), &names).unwrap();
        }
    }

    /// What a process of the node is run with, so that what it syncs is kept.
    pub fn environment(&self) -> Vec<(&'static str, PathBuf)> {
        vec![("LD_PRELOAD", self.library.clone()), ("FAULT_ROOT", self.root.clone()), ("FAULT_SIDE", self.side.clone())]
    }

    /// The power is cut: in the node's folder there is what was synced. No process of the node may run.
    pub fn cut(&self) {
        let inode = fs::metadata(&self.root).unwrap().ino();
        let gone = self.root.with_extension("gone");
        fs::rename(&self.root, &gone).unwrap();
        self.left(inode, &self.root);
        fs::remove_dir_all(gone).unwrap();
    }

    fn left(&self, inode: u64, folder: &Path) {
        fs::DirBuilder::new().mode(0o700).create(folder).unwrap();
        let names = fs::read_to_string(self.side.join(format!("dir/{inode}"))).unwrap_or_default();
        for line in names.lines() {
            let [number, kind, mode, name] = line.splitn(4, ' ').collect::<Vec<_>>().try_into().unwrap();
            let (number, path) = (number.parse().unwrap(), folder.join(name));
            match kind {
                "d" => self.left(number, &path),
                // The shared memory of SQLite is no part of what is kept.
                _ if name.ends_with("-shm") => continue,
                _ => {
                    let bytes = fs::read(self.side.join(format!("ino/{number}"))).unwrap_or_default();
                    fs::write(&path, bytes).unwrap();
                }
            }
            fs::set_permissions(&path, fs::Permissions::from_mode(u32::from_str_radix(mode, 8).unwrap())).unwrap();
        }
    }
}
