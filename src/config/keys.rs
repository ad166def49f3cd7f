//! The node's private keys as files: written once, mode 0600, in a folder of mode 0700, and refused when others can read or
//! replace them.

use std::fs::{File, Metadata, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::origin::PrintKey;
use crate::seal::{AtRest, PayloadIdentity};
use crate::sign::{LocalSigner, private_key_from_pem};

/// Where a node's private keys are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFolder(PathBuf);

/// The keys a running gateway holds. The certificate authority's key is not among them: only commands that issue or
/// revoke read it.
#[derive(Debug)]
pub struct Keys {
    /// Signs manifests and receipts.
    pub signing: LocalSigner,
    /// Opens what partners seal for us.
    pub payload: PayloadIdentity,
    /// Keeps products on our own disk.
    pub storage: AtRest,
    /// Makes the prints by which what partners sent is found again. It is made of the storage key.
    pub prints: PrintKey,
    /// Signs ledger checkpoints.
    pub ledger: LocalSigner,
}

/// Why a key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFault {
    /// It cannot be read.
    #[error("key file `{path}` cannot be read: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others can read or change it.
    #[error(
        "key file `{path}` has mode {mode:03o}: others can read or change it; replace the key, and set mode 600 \
         (`chmod 600`)"
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Others can put another file in its place.
    #[error(
        "folder `{path}` of private keys has mode {mode:04o}: others can {what} it; look whether the keys are still yours, \
         and set mode 700 (`chmod 700`)"
    )]
    OpenFolder {
        /// The folder.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
        /// `enter` or `write to`.
        what: &'static str,
    },
    /// It belongs to somebody else, who can read and change it whatever its mode is.
    #[error(
        "`{path}` belongs to user {owner}, and this runs as user {ours}: run it as the owner of the node's files, or give \
         it to that user (`chown`)"
    )]
    Owner {
        /// The file or folder.
        path: PathBuf,
        /// Whose it is, by number.
        owner: u32,
        /// Who runs this, by number.
        ours: u32,
    },
    /// It is not a key of the expected kind.
    #[error("key file `{path}` does not hold {expected}")]
    Kind {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        expected: &'static str,
    },
}

impl KeyFolder {
    pub(super) fn new(path: PathBuf) -> KeyFolder {
        KeyFolder(path)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The file of the key named `name`, such as `signing`.
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(format!("{name}.key"))
    }

    /// The text of the key named `name`.
    ///
    /// # Errors
    /// [`KeyFault`] if the file cannot be read or others can read it.
    pub fn text(&self, name: &str) -> Result<Zeroizing<String>, KeyFault> {
        self.is_private()?;
        read_secret(&self.file(name))
    }

    /// A signer from the PKCS #8 PEM file of the key named `name`.
    ///
    /// # Errors
    /// [`KeyFault`] if the file cannot be used.
    pub fn signer(&self, name: &str) -> Result<LocalSigner, KeyFault> {
        self.is_private()?;
        signer_from(&self.file(name))
    }

    /// Whether nobody else can read or replace a key: the folder is entered by its owner alone, and every file of it, also
    /// those that a running gateway does not read, is its owner's alone. Removes what an interrupted replacement left.
    ///
    /// # Errors
    /// The first [`KeyFault`].
    pub fn check(&self) -> Result<(), KeyFault> {
        self.is_private()?;
        let unreadable = |source| KeyFault::Read { path: self.0.clone(), source };
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&self.0).map_err(unreadable)? {
            files.push(entry.map_err(unreadable)?.path());
        }
        files.sort();
        for file in files {
            match file.extension().and_then(|e| e.to_str()) {
                Some("new") => remove_abandoned(&file).map_err(|source| KeyFault::Read { path: file, source })?,
                Some("key") => {
                    let found = file.metadata().map_err(|source| KeyFault::Read { path: file.clone(), source })?;
                    is_own(&file, &found)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn is_private(&self) -> Result<(), KeyFault> {
        let found = self.0.metadata().map_err(|source| KeyFault::Read { path: self.0.clone(), source })?;
        let mode = found.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(KeyFault::OpenFolder { path: self.0.clone(), mode, what: "enter" });
        }
        owned(&self.0, &found)
    }

    /// Every key a running gateway holds.
    ///
    /// # Errors
    /// The first [`KeyFault`], also of a key that it does not hold: see [`KeyFolder::check`].
    pub fn load(&self) -> Result<Keys, KeyFault> {
        self.check()?;
        let age = |name, expected| {
            let path = self.file(name);
            let text = read_secret(&path)?;
            Ok::<_, KeyFault>((text, move || KeyFault::Kind { path, expected }))
        };
        let (payload, wrong) = age("payload", "an age identity")?;
        let payload = PayloadIdentity::parse(&payload).map_err(|_| wrong())?;
        let (storage, wrong) = age("storage", "an age identity")?;
        let prints = PrintKey::derived_from(storage.trim().as_bytes());
        let storage = AtRest::parse(&storage).map_err(|_| wrong())?;
        Ok(Keys { signing: self.signer("signing")?, payload, storage, prints, ledger: self.signer("ledger")? })
    }
}

/// A signer from a PKCS #8 PEM file.
///
/// # Errors
/// [`KeyFault`] if the file cannot be used.
pub fn signer_from(path: &Path) -> Result<LocalSigner, KeyFault> {
    let text = read_secret(path)?;
    let wrong = || KeyFault::Kind {
        path: path.to_owned(),
        expected: "a PKCS #8 private key in PEM (Ed25519, P-384 or ML-DSA-87)",
    };
    let der = private_key_from_pem(&text).ok_or_else(wrong)?;
    LocalSigner::from_pkcs8(&der).map_err(|_| wrong())
}

/// Writes a new file that only its owner can read, durable before this returns. Never overwrites.
///
/// # Errors
/// Any error of the file system, `AlreadyExists` included.
pub fn write_secret(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_with_mode(path, bytes, 0o600)
}

/// Writes a new public file, durable before this returns. Never overwrites.
///
/// # Errors
/// Any error of the file system, `AlreadyExists` included.
pub fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_with_mode(path, bytes, 0o644)
}

/// Makes a folder that only its owner can enter, with its parents.
///
/// # Errors
/// Any error of the file system.
pub fn make_private_folder(path: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

fn write_with_mode(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    File::open(folder_of(path))?.sync_all()
}

/// Replaces a file in one step, durable before this returns: readers see the old or the new bytes, never a part. What is
/// written is beside it until then, under `unique` and the ending `new`; nothing stays there if this fails, and
/// [`KeyFolder::check`] removes what a power failure leaves in a folder of keys.
///
/// # Errors
/// Any error of the file system.
pub fn replace_file(path: &Path, bytes: &[u8], mode: u32, unique: &str) -> io::Result<()> {
    let beside = path.with_extension(format!("{unique}.new"));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&beside)?;
    let written = file
        .lock()
        .and_then(|()| file.write_all(bytes))
        .and_then(|()| file.sync_all())
        .and_then(|()| std::fs::rename(&beside, path));
    if written.is_err() {
        let _ = std::fs::remove_file(&beside);
    }
    written?;
    File::open(folder_of(path))?.sync_all()
}

/// Removes a file that nobody is writing any more and that never took the place of the one it was for.
fn remove_abandoned(path: &Path) -> io::Result<()> {
    let file = match File::open(path) {
        Ok(file) => file,
        // It took its place a moment ago.
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(e),
    };
    match file.try_lock() {
        Ok(()) => match std::fs::remove_file(path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
            _ => Ok(()),
        },
        // Whoever writes it holds the lock until it has its name.
        Err(TryLockError::WouldBlock) => Ok(()),
        Err(TryLockError::Error(e)) => Err(e),
    }
}

/// The folder a file is in, also for a bare name.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn read_secret(path: &Path) -> Result<Zeroizing<String>, KeyFault> {
    let unreadable = |source| KeyFault::Read { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(unreadable)?;
    let found = file.metadata().map_err(unreadable)?;
    is_own(path, &found)?;
    // Whoever may write in the folder can put a key of their own there, whatever the mode of this one is.
    let real = path.canonicalize().map_err(unreadable)?;
    let folder = folder_of(&real);
    let around = folder.metadata().map_err(unreadable)?;
    let mode = around.permissions().mode() & 0o7777;
    let sticky = mode & 0o1000 != 0;
    if mode & 0o022 != 0 && !sticky {
        return Err(KeyFault::OpenFolder { path: folder.to_owned(), mode, what: "write to" });
    }
    let mut text = Zeroizing::new(String::with_capacity(usize::try_from(found.len()).unwrap_or(0)));
    file.read_to_string(&mut text).map_err(unreadable)?;
    Ok(text)
}

/// Whether a key file is read and written by its owner alone, and the owner is whoever runs this.
fn is_own(path: &Path, found: &Metadata) -> Result<(), KeyFault> {
    let mode = found.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyFault::Exposed { path: path.to_owned(), mode });
    }
    owned(path, found)
}

fn owned(path: &Path, found: &Metadata) -> Result<(), KeyFault> {
    let (owner, ours) = (found.uid(), rustix::process::geteuid().as_raw());
    if owner == ours { Ok(()) } else { Err(KeyFault::Owner { path: path.to_owned(), owner, ours }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign::{Algorithm, private_key_to_pem};

    /// A folder of keys with one key in it.
    fn keys() -> (tempfile::TempDir, KeyFolder) {
        let world = tempfile::tempdir().unwrap();
        let folder = KeyFolder::new(world.path().join("keys"));
        make_private_folder(folder.path()).unwrap();
        let key = LocalSigner::generate(Algorithm::Ed25519).unwrap();
        write_secret(&folder.file("ledger"), private_key_to_pem(&key).as_bytes()).unwrap();
        (world, folder)
    }

    fn set_mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_key_that_others_can_read_or_change_is_refused_also_one_that_is_not_needed_now() {
        let (_world, folder) = keys();
        write_secret(&folder.file("ca"), b"EXERCISE").unwrap();
        assert!(folder.check().is_ok() && folder.signer("ledger").is_ok());
        for mode in [0o640, 0o604, 0o620, 0o602, 0o610, 0o644] {
            set_mode(&folder.file("ca"), mode);
            assert!(matches!(folder.check(), Err(KeyFault::Exposed { mode: found, .. }) if found == mode), "{mode:o}");
            assert!(folder.text("ca").is_err(), "{mode:o}");
            set_mode(&folder.file("ca"), 0o600);
        }
        let said = {
            set_mode(&folder.file("ca"), 0o640);
            folder.check().unwrap_err().to_string()
        };
        assert!(said.contains("ca.key") && said.contains("chmod 600"), "{said}");
    }

    #[test]
    fn keys_in_a_folder_that_others_can_enter_are_refused() {
        let (_world, folder) = keys();
        for mode in [0o750, 0o701, 0o720, 0o777] {
            set_mode(folder.path(), mode);
            assert!(matches!(folder.check(), Err(KeyFault::OpenFolder { .. })), "{mode:o}");
            assert!(folder.signer("ledger").is_err() && folder.text("ledger").is_err(), "{mode:o}");
        }
        assert!(folder.check().unwrap_err().to_string().contains("chmod 700"));
        set_mode(folder.path(), 0o700);
        assert!(folder.signer("ledger").is_ok());
    }

    #[test]
    fn a_key_beside_no_node_is_refused_only_where_others_can_put_another_in_its_place() {
        let (world, folder) = keys();
        let place = world.path().join("people");
        std::fs::create_dir(&place).unwrap();
        let file = place.join("officer.key");
        std::fs::copy(folder.file("ledger"), &file).unwrap();
        set_mode(&file, 0o600);
        for (mode, taken) in [(0o755, true), (0o700, true), (0o1777, true), (0o775, false), (0o757, false)] {
            set_mode(&place, mode);
            assert_eq!(signer_from(&file).is_ok(), taken, "{mode:o}");
        }
    }

    #[test]
    fn a_key_of_another_user_is_refused() {
        let (_world, folder) = keys();
        let file = folder.file("ledger");
        // Only root can give a file away; for anybody else there is none to try it with.
        if std::os::unix::fs::chown(&file, Some(65_534), None).is_ok() {
            assert!(matches!(folder.signer("ledger"), Err(KeyFault::Owner { owner: 65_534, .. })));
            assert!(matches!(folder.check(), Err(KeyFault::Owner { .. })));
            std::os::unix::fs::chown(&file, Some(rustix::process::geteuid().as_raw()), None).unwrap();
        }
        assert!(folder.signer("ledger").is_ok());
    }

    #[test]
    fn what_an_interrupted_replacement_left_is_removed_and_what_is_being_written_is_not() {
        let (_world, folder) = keys();
        let (abandoned, busy) = (folder.path().join("node.1234.new"), folder.path().join("node.5678.new"));
        write_secret(&abandoned, b"EXERCISE").unwrap();
        write_secret(&busy, b"EXERCISE").unwrap();
        let writing = OpenOptions::new().write(true).open(&busy).unwrap();
        writing.lock().unwrap();
        folder.check().unwrap();
        assert!(!abandoned.exists() && busy.exists() && folder.file("ledger").exists());
        drop(writing);
        folder.check().unwrap();
        assert!(!busy.exists());
    }

    #[test]
    fn a_replacement_is_whole_and_leaves_nothing_beside_it_whether_it_works_or_not() {
        let (_world, folder) = keys();
        let file = folder.file("ledger");
        let files = || std::fs::read_dir(folder.path()).unwrap().count();
        replace_file(&file, b"EXERCISE", 0o600, "1").unwrap();
        assert_eq!((std::fs::read(&file).unwrap().as_slice(), files()), (&b"EXERCISE"[..], 1));
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        // A folder of that name cannot be replaced by a file.
        let taken = folder.file("taken");
        std::fs::create_dir_all(taken.join("inside")).unwrap();
        assert!(replace_file(&taken, b"EXERCISE", 0o600, "2").is_err());
        assert_eq!(files(), 2, "the key that found no place is gone");
    }
}
