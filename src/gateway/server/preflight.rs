//! Checks a configuration without opening the node and reports every fault at once.
//!
//! It changes nothing and does not check the record: `ledger verify` does that.

use std::fs::Metadata;
use std::io;
use std::net::UdpSocket;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::startup::lock_file;
use crate::config::{Config, read_file};
use crate::ident::NodeId;
use crate::pki::{
    AuthorityCertificate, CertificateFault, CertificateKey, Credential, NodeCertificate, ProfileName, pem_to_der,
};
use crate::system::io_reason;

/// Maximum length of a certificate, in bytes.
const PEM_BYTES_MAX: u64 = 1 << 20;

/// Characters of a node's name, at most.
const NAME_MAX: usize = 64;

/// Every fault of what `config` names: keys, certificates, profile, listening address, and file permissions. Each is
/// a sentence that names the setting.
pub fn preflight(config: &Config) -> Vec<String> {
    let mut faults: Vec<String> = config.keys.faults().iter().map(|fault| format!("keys.folder: {fault}")).collect();
    if let Ok(profile) = config.listen.profile.parse::<ProfileName>()
        && let Err(why) = certificates(config, profile)
    {
        faults.push(match other_name(config, profile).or_else(|| other_profile(config, profile)) {
            Some(setting) => format!("{}: {setting}", config.file.display()),
            None => format!("certificates.folder, listen.profile `{profile}`: {why}"),
        });
    }
    faults.extend(address(config));
    let store = &config.store;
    let around = store.database.parent().unwrap_or(Path::new(".")).to_owned();
    let places = [
        ("certificates.folder", config.certificates.clone(), Place::Folder),
        ("policy.folder", config.policy.folder.clone(), Place::Folder),
        ("store.database", around, Place::Folder),
        ("store.database", store.database.clone(), Place::Secret),
        ("store.database", beside(&store.database, "-wal"), Place::SecretIfThere),
        ("store.database", beside(&store.database, "-shm"), Place::SecretIfThere),
        ("store.spool", store.spool.clone(), Place::Folder),
    ];
    for (setting, path, place) in places {
        faults.extend(rights(&path, place).map(|why| format!("{setting}: {why}")));
    }
    faults
}

fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// What a path must be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// A folder that nobody else can write to.
    Folder,
    /// A file that nobody else can read or write.
    Secret,
    /// The same, where there is one.
    SecretIfThere,
}

fn rights(path: &Path, place: Place) -> Option<String> {
    let shown = path.display();
    let found = match std::fs::symlink_metadata(path).and_then(|found| followed(path, found)) {
        Ok(found) => found,
        Err(e) if e.kind() == io::ErrorKind::NotFound && place == Place::SecretIfThere => return None,
        Err(e) => return Some(format!("`{shown}` cannot be used: {}", io_reason(&e))),
    };
    let folder = place == Place::Folder;
    if found.is_dir() != folder {
        return Some(format!("`{shown}` is not a {}", if folder { "folder" } else { "file" }));
    }
    let (owner, ours) = (found.uid(), rustix::process::geteuid().as_raw());
    if owner != ours {
        return Some(format!("`{shown}` belongs to user {owner}, and this runs as user {ours} (`chown`)"));
    }
    let mode = found.mode() & 0o7777;
    // Whoever may write to a folder can replace a file in it, unless it is sticky like /tmp.
    let open = if folder { mode & 0o022 != 0 && mode & 0o1000 == 0 } else { mode & 0o077 != 0 };
    let right = if folder { "700" } else { "600" };
    open.then(|| format!("`{shown}` has mode {mode:03o}: others can change it; set mode {right} (`chmod {right}`)"))
}

/// A folder may be reached through a link; a file may not.
fn followed(path: &Path, found: Metadata) -> io::Result<Metadata> {
    match found.is_symlink() {
        true => std::fs::metadata(path).map(|target| if target.is_dir() { target } else { found }),
        false => Ok(found),
    }
}

/// That the certificates are of another profile than the configuration's, and which.
fn other_profile(config: &Config, profile: ProfileName) -> Option<String> {
    let authority = der(config, "ca.pem").ok()?;
    let fits = |name: &ProfileName| AuthorityCertificate::parse(&authority, name.profile()).is_ok();
    let made = ProfileName::ALL.into_iter().find(fits).filter(|made| *made != profile)?;
    Some(format!(
        "`profile` in section `[listen]` is `{profile}`, and this node was created under `{made}`: set `profile = \"{made}\"`; \
         another profile requires a new node"
    ))
}

/// That the certificate names another node than the configuration does, and which.
fn other_name(config: &Config, profile: ProfileName) -> Option<String> {
    let authority = AuthorityCertificate::parse(&der(config, "ca.pem").ok()?, profile.profile()).ok()?;
    let (node, name) = (der(config, "node.pem").ok()?, &config.node.name);
    let names = |id: &NodeId| {
        !NodeCertificate::faults(&node, &authority, id, profile.profile()).contains(&CertificateFault::NodeName)
    };
    if names(name) {
        return None;
    }
    // The text before the domain in the certificate; where the name begins in it is tried out.
    let text = String::from_utf8_lossy(&node).into_owned();
    let before = text.split_once(".node.portcullis.invalid")?.0;
    let begins = before.char_indices().rev().take(NAME_MAX).map(|(at, _)| &before[at..]);
    let made = begins.filter_map(|text| text.parse::<NodeId>().ok()).find(names)?;
    Some(format!(
        "`name` in section `[node]` is `{name}`, and this node was created as `{made}`: set `name = \"{made}\"`; a node's name is \
         in its certificates and its ledger, and cannot be changed"
    ))
}

/// A certificate or revocation list of the node.
fn der(config: &Config, name: &str) -> Result<Vec<u8>, String> {
    let path = config.certificates.join(name);
    let bytes = read_file(&path, PEM_BYTES_MAX)
        .map_err(|e| format!("`{}` cannot be read: {}", path.display(), io_reason(&e)))?;
    let label = if name == "crl.pem" { "X509 CRL" } else { "CERTIFICATE" };
    pem_to_der(label, &String::from_utf8_lossy(&bytes)).map_err(|e| format!("`{}`: {e}", path.display()))
}

fn certificates(config: &Config, profile: ProfileName) -> Result<(), String> {
    let der = |name: &str| der(config, name);
    let authority = AuthorityCertificate::parse(&der("ca.pem")?, profile.profile())
        .map_err(|e| format!("`{}`: {e}", config.certificates.join("ca.pem").display()))?;
    let node = der("node.pem")?;
    der("crl.pem")?;
    // A key that others can read is reported with the keys.
    let Ok(key) = config.keys.text("node") else { return Ok(()) };
    let key = CertificateKey::from_pem(profile.profile(), &key)
        .map_err(|e| format!("`{}`: {e}", config.keys.file("node").display()))?;
    let credential = Credential::new(profile, &authority, &config.node.name, &node, &key);
    credential.map(drop).map_err(|e| format!("`{}`: {e}", config.certificates.join("node.pem").display()))
}

/// Why the address cannot be listened on. An address in use by this node's own server is no fault.
fn address(config: &Config) -> Option<String> {
    let address = config.listen.address?;
    let error = UdpSocket::bind(address).err()?;
    let served = lock_file(config).is_ok_and(|file| file.try_lock().is_err());
    if error.kind() == io::ErrorKind::AddrInUse && served {
        return None;
    }
    Some(format!("listen.address: `{address}` cannot be listened on: {}", io_reason(&error)))
}
