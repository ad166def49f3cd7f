//! The node's private keys as files: written once, mode 0600, and refused when others can read them.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::origin::PrintKey;
use crate::seal::{AtRest, PayloadIdentity};
use crate::sign::LocalSigner;

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
    /// Others can read it.
    #[error("key file `{path}` has mode {mode:03o}: others can read it; replace the key, then set mode 600")]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
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
        read_secret(&self.file(name))
    }

    /// A signer from the PKCS #8 PEM file of the key named `name`.
    ///
    /// # Errors
    /// [`KeyFault`] if the file cannot be used.
    pub fn signer(&self, name: &str) -> Result<LocalSigner, KeyFault> {
        signer_from(&self.file(name))
    }

    /// Every key a running gateway holds.
    ///
    /// # Errors
    /// The first [`KeyFault`].
    pub fn load(&self) -> Result<Keys, KeyFault> {
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
    let der = Zeroizing::new(pem::parse(text.as_bytes()).map_err(|_| wrong())?.into_contents());
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

/// The folder a file is in, also for a bare name.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn read_secret(path: &Path) -> Result<Zeroizing<String>, KeyFault> {
    let unreadable = |source| KeyFault::Read { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(unreadable)?;
    let mode = file.metadata().map_err(unreadable)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyFault::Exposed { path: path.to_owned(), mode });
    }
    let mut text = Zeroizing::new(String::new());
    file.read_to_string(&mut text).map_err(unreadable)?;
    Ok(text)
}
