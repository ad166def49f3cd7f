//! Reading a secret file: a private key that is nobody else's to read or change, or else what stands there instead.

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
    /// It cannot be read.
    #[error("key file `{path}`: {}", unreadable(.source))]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others can read or change it.
    #[error(
        "key file `{path}` has mode {mode:03o}: others can read or change it; create a new key, and set its mode to 600 \
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
        "key folder `{path}` has mode {mode:04o}: others can {what} it; check that the keys are still yours, then set its mode \
         to 700 (`chmod 700`)"
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
        "`{path}` belongs to user {owner}, but this command runs as user {ours}: run it as the owner of the node's files, or \
         change the owner (`chown`)"
    )]
    Owner {
        /// The file or folder.
        path: PathBuf,
        /// Whose it is, by number.
        owner: u32,
        /// Who runs this, by number.
        ours: u32,
    },
    /// It is the public part of a key.
    #[error(
        "`{path}` holds {found}, but the private key is needed: give the file that it was made with (without `.pub`)"
    )]
    Public {
        /// The file.
        path: PathBuf,
        /// What it holds.
        found: &'static str,
    },
    /// It is not a key of the expected kind.
    #[error("key file `{path}` does not hold {expected}: give another file, or restore it from its backup")]
    Kind {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        expected: &'static str,
    },
}

/// The most that is read of a file to see whether it is the public part of a key, in bytes.
const PUBLIC_BYTES_MAX: u64 = 64 << 10;

pub(super) fn read_secret(path: &Path) -> Result<Zeroizing<String>, KeyFault> {
    let unreadable = |source| KeyFault::Read { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(unreadable)?;
    let found = file.metadata().map_err(unreadable)?;
    if found.is_dir() {
        return Err(unreadable(io::ErrorKind::IsADirectory.into()));
    }
    if let Err(exposed) = is_own(path, &found) {
        // A public key is for everybody to read: that is not what is wrong with it here.
        return Err(public_part(path, &mut file, &found).unwrap_or(exposed));
    }
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

/// That a file which others can read is the public part of a key, if it is.
pub(super) fn public_part(path: &Path, file: &mut File, found: &Metadata) -> Option<KeyFault> {
    let mut text = Zeroizing::new(String::new());
    let small = found.is_file() && found.len() <= PUBLIC_BYTES_MAX;
    let read = small.then(|| file.take(PUBLIC_BYTES_MAX).read_to_string(&mut text));
    read?.ok()?;
    public(path, &text)
}

/// That this is the public part of a key, if it is.
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

/// Whether a key file is read and written by its owner alone, and the owner is whoever runs this.
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

/// Why a file could not be read, and what to do.
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
