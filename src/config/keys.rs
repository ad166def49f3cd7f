//! The node's private keys as files: written once with mode 0600 in a folder of mode 0700, and refused if other users can read or
//! replace them.

use super::secret_file::KeyFault;
use super::secret_file::is_own;
use super::secret_file::owned;
use super::secret_file::public;
use super::secret_file::read_secret;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::files::clear_abandoned;
use crate::origin::FingerprintKey;
use crate::seal::{PayloadIdentity, StorageKey};
use crate::sign::{LocalSigner, private_key_from_pem};

/// The folder of a node's private keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFolder(PathBuf);

/// The keys of a running gateway. The certificate authority's key is not among them: only commands that issue or revoke read it.
#[derive(Debug)]
pub struct Keys {
    /// Signs manifests and receipts.
    pub signing: LocalSigner,
    /// Opens payloads that partners sealed for this node.
    pub payload: PayloadIdentity,
    /// Encrypts and decrypts products at rest.
    pub storage: StorageKey,
    /// Keys the fingerprints by which text received from partners is recognised. Derived from the storage key.
    pub prints: FingerprintKey,
    /// Signs ledger checkpoints.
    pub ledger: LocalSigner,
}

impl KeyFolder {
    pub(super) fn new(path: PathBuf) -> KeyFolder {
        KeyFolder(path)
    }

    /// The path of the folder.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The path of the key named `name`, such as `signing`.
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(format!("{name}.key"))
    }

    /// Reads the text of the key named `name`.
    ///
    /// # Errors
    /// [`KeyFault`] if the file cannot be read, or other users can read or replace it.
    pub fn text(&self, name: &str) -> Result<Zeroizing<String>, KeyFault> {
        self.is_private()?;
        read_secret(&self.file(name))
    }

    /// Reads the signing key named `name` from its PKCS #8 PEM file.
    ///
    /// # Errors
    /// [`KeyFault`] if the file cannot be used.
    pub fn signer(&self, name: &str) -> Result<LocalSigner, KeyFault> {
        self.is_private()?;
        signer_from(&self.file(name))
    }

    /// Checks that no other user can read or replace a key: only the owner can enter the folder, and every key file in it, including
    /// those that a running gateway does not use, is accessible to its owner only. Removes files that an interrupted replacement
    /// left.
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
                Some("new") => match clear_abandoned(&file) {
                    // Another process is writing it, or the file system is read-only. A file of this name is never used as a key.
                    Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::ReadOnlyFilesystem) => {}
                    cleared => cleared.map_err(|source| KeyFault::Read { path: file, source })?,
                },
                Some("key") => match file.metadata() {
                    Ok(found) => is_own(&file, &found)?,
                    // Another process renamed it since the folder was listed, as a renewal does with `node.next.key`. A
                    // key that is needed is checked again when it is read.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(source) => return Err(KeyFault::Read { path: file, source }),
                },
                _ => {}
            }
        }
        Ok(())
    }

    /// Returns every fault of the folder and its keys: whether other users can read or replace them, and whether each key that a
    /// node needs exists and is of the right kind. Reads every key, and changes nothing.
    pub fn faults(&self) -> Vec<KeyFault> {
        let mut faults: Vec<KeyFault> = self.is_private().err().into_iter().collect();
        if !self.0.is_dir() {
            return faults;
        }
        for name in ["signing", "ledger", "officers"] {
            faults.extend(signer_from(&self.file(name)).err());
        }
        for name in ["payload", "storage"] {
            let path = self.file(name);
            match read_secret(&path) {
                Ok(text) if PayloadIdentity::parse(&text).is_ok() => {}
                Ok(_) => faults.push(KeyFault::Kind { path, expected: "an age identity" }),
                Err(fault) => faults.push(fault),
            }
        }
        for name in ["ca", "node"] {
            faults.extend(read_secret(&self.file(name)).err());
        }
        faults
    }

    fn is_private(&self) -> Result<(), KeyFault> {
        let found = self.0.metadata().map_err(|source| KeyFault::Read { path: self.0.clone(), source })?;
        let mode = found.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(KeyFault::OpenFolder { path: self.0.clone(), mode, what: "enter" });
        }
        owned(&self.0, &found)
    }

    /// Reads every key of a running gateway.
    ///
    /// # Errors
    /// The first [`KeyFault`], also of keys that are not read: see [`KeyFolder::check`].
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
        let prints = FingerprintKey::derived_from(storage.trim().as_bytes());
        let storage = StorageKey::parse(&storage).map_err(|_| wrong())?;
        Ok(Keys { signing: self.signer("signing")?, payload, storage, prints, ledger: self.signer("ledger")? })
    }
}

/// Reads a signing key from a PKCS #8 PEM file.
///
/// # Errors
/// [`KeyFault`] if the file cannot be used.
pub fn signer_from(path: &Path) -> Result<LocalSigner, KeyFault> {
    let text = read_secret(path)?;
    let wrong = || KeyFault::Kind {
        path: path.to_owned(),
        expected: "a PKCS #8 private key in PEM (Ed25519, P-384 or ML-DSA-87)",
    };
    let der = private_key_from_pem(&text).ok_or_else(|| public(path, &text).unwrap_or_else(wrong))?;
    LocalSigner::from_pkcs8(&der).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;

    use super::super::files::{make_private_folder, write_secret};
    use super::*;
    use crate::sign::{Algorithm, Signer as _, private_key_to_pem};

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
    fn a_key_that_another_process_renames_meanwhile_is_no_fault() {
        let (_world, folder) = keys();
        // Listed, and not there when it is looked at: as a file that is renamed in between.
        std::os::unix::fs::symlink(folder.path().join("gone"), folder.file("node.next")).unwrap();
        folder.check().unwrap();
        assert!(folder.text("node.next").is_err(), "what is needed must be there");
    }

    #[test]
    fn a_key_that_others_can_read_or_change_is_refused_even_if_it_is_not_needed() {
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
    fn a_public_key_a_folder_and_a_missing_file_are_reported_as_such() {
        let (world, folder) = keys();
        let public = folder.signer("ledger").unwrap().public().to_string();
        for (text, said) in [(public.as_str(), "a public key"), ("-----BEGIN CERTIFICATE-----\n", "a certificate")] {
            for mode in [0o600, 0o644] {
                let file = world.path().join("officer.pub");
                std::fs::write(&file, text).unwrap();
                set_mode(&file, mode);
                let refused = signer_from(&file).unwrap_err().to_string();
                assert!(refused.contains(said) && refused.contains("private key is needed"), "{mode:o}: {refused}");
            }
        }
        let said = |path: &Path| signer_from(path).unwrap_err().to_string();
        assert!(said(&world.path().join("none.key")).contains("not found"));
        assert!(said(folder.path()).contains("it is a folder"));
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
    fn a_key_outside_a_key_folder_is_refused_only_where_others_can_replace_it() {
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
}
