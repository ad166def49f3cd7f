//! Reading private key files. A file that other users can read or replace is refused, and a public key is reported as such.

use super::files::folder_of;
use crate::sign::PublicKey;
use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Why a key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFault {
    /// The file cannot be read.
    #[error("key file `{path}`: {}", unreadable(.source))]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the file system.
        source: io::Error,
    },
    /// Other users can read or change the file.
    #[error(
        "key file `{path}` has mode {mode:03o}, so others may have read it: replace the key, or if nobody else had access set its \
         mode to 600 (`chmod 600 {path}`)"
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// The permission bits of the file.
        mode: u32,
    },
    /// Other users can replace the file, because of the mode of its folder.
    #[error(
        "key folder `{path}` has mode {mode:04o}: others can {what} it; check that the keys are still yours, then set its mode \
         to 700 (`chmod 700`)"
    )]
    OpenFolder {
        /// The folder.
        path: PathBuf,
        /// The permission bits of the folder.
        mode: u32,
        /// What others can do: `enter` or `write to`.
        what: &'static str,
    },
    /// The file belongs to another user, who can read and change it whatever its mode.
    #[error(
        "`{path}` belongs to user {owner}, but this command runs as user {ours}: run it as the owner of the node's files, or \
         change the owner (`chown`)"
    )]
    Owner {
        /// The file or folder.
        path: PathBuf,
        /// The user ID of its owner.
        owner: u32,
        /// The effective user ID of this process.
        ours: u32,
    },
    /// The file contains a public key or a certificate instead of a private key.
    #[error(
        "`{path}` holds {found}, but the private key is needed: give the file that it was made with (without `.pub`)"
    )]
    Public {
        /// The file.
        path: PathBuf,
        /// What it contains.
        found: &'static str,
    },
    /// The file does not contain a key of the expected kind.
    #[error("key file `{path}` does not hold {expected}: give another file, or restore it from its backup")]
    Kind {
        /// The file.
        path: PathBuf,
        /// What it should contain.
        expected: &'static str,
    },
}

/// The most bytes read of a file to find out whether it is a public key.
const PUBLIC_BYTES_MAX: u64 = 64 << 10;

pub(super) fn read_secret(path: &Path) -> Result<Zeroizing<String>, KeyFault> {
    let unreadable = |source| KeyFault::Read { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(unreadable)?;
    let found = file.metadata().map_err(unreadable)?;
    if found.is_dir() {
        return Err(unreadable(io::ErrorKind::IsADirectory.into()));
    }
    if let Err(exposed) = is_own(path, &found) {
        // A public key may be readable by everybody: the fault is that it is not a private key.
        return Err(public_part(path, &mut file, &found).unwrap_or(exposed));
    }
    // A user who can write to the folder can replace the key, whatever its mode.
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

/// The fault [`KeyFault::Public`] if this file, which others can read, is a public key or certificate.
pub(super) fn public_part(path: &Path, file: &mut File, found: &Metadata) -> Option<KeyFault> {
    let mut text = Zeroizing::new(String::new());
    let small = found.is_file() && found.len() <= PUBLIC_BYTES_MAX;
    let read = small.then(|| file.take(PUBLIC_BYTES_MAX).read_to_string(&mut text));
    read?.ok()?;
    public(path, &text)
}

/// The fault [`KeyFault::Public`] if `text` is a public key or certificate.
pub(super) fn public(path: &Path, text: &str) -> Option<KeyFault> {
    let found = if text.contains("-----BEGIN CERTIFICATE-----") {
        "a certificate"
    } else if text.contains("-----BEGIN PUBLIC KEY-----") || text.trim().parse::<PublicKey>().is_ok() {
        "a public key"
    } else {
        return None;
    };
    Some(KeyFault::Public { path: path.to_owned(), found })
}

/// Checks that only its owner can read and write a key file, and that this process runs as the owner.
pub(super) fn is_own(path: &Path, found: &Metadata) -> Result<(), KeyFault> {
    let mode = found.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyFault::Exposed { path: path.to_owned(), mode });
    }
    owned(path, found)
}

pub(super) fn owned(path: &Path, found: &Metadata) -> Result<(), KeyFault> {
    let (owner, ours) = (found.uid(), rustix::process::geteuid().as_raw());
    if owner == ours { Ok(()) } else { Err(KeyFault::Owner { path: path.to_owned(), owner, ours }) }
}

/// Describes why a file could not be read, and what to do.
pub(super) fn unreadable(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "not found; check the path".to_owned(),
        io::ErrorKind::PermissionDenied => {
            "permission denied; run this command as the user that owns the file".to_owned()
        }
        io::ErrorKind::IsADirectory => "it is a folder; give the file in it".to_owned(),
        io::ErrorKind::InvalidData => "it is not a text file; give another file".to_owned(),
        _ => format!("it cannot be read: {error}"),
    }
}
