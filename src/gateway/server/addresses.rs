//! The addresses that partners connected from, stored beside the database: after a restart in a flood, partners are
//! admitted before strangers.
//!
//! Anyone who can write the file can reserve places for an address, and nothing else: it identifies no partner.
//! Malformed lines are ignored.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::config;
use crate::ident::PartnerId;

/// Maximum length of the file, in bytes.
const BYTES_MAX: u64 = 1 << 20;

/// Addresses by partner, the latest last.
pub(in crate::gateway) type PartnerAddresses = BTreeMap<PartnerId, Vec<IpAddr>>;

/// The file, and what is in it.
pub(in crate::gateway) struct Addresses {
    path: PathBuf,
    written: Mutex<PartnerAddresses>,
}

impl Addresses {
    /// Those beside the node's database.
    pub(in crate::gateway) fn load(database: &Path) -> Addresses {
        let mut path = database.as_os_str().to_owned();
        path.push(".addresses");
        let path = PathBuf::from(path);
        let written = match config::read_file(&path, BYTES_MAX) {
            Ok(bytes) => parse(&String::from_utf8_lossy(&bytes)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => PartnerAddresses::new(),
            Err(problem) => {
                tracing::warn!(file = %path.display(), reason = %problem, "cannot read the partners' addresses");
                PartnerAddresses::new()
            }
        };
        Addresses { path, written: Mutex::new(written) }
    }

    /// The stored addresses.
    pub(in crate::gateway) fn stored(&self) -> PartnerAddresses {
        // No code panics while it holds the lock.
        self.written.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Stores these instead, if they differ.
    pub(in crate::gateway) fn store(&self, came_from: PartnerAddresses) {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if *written == came_from {
            return;
        }
        let lines = came_from.iter().map(|(partner, addresses)| {
            let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
            format!("{partner} {}\n", addresses.join(" "))
        });
        let text: String = lines.collect();
        if let Err(problem) = config::replace_file(&self.path, text.as_bytes(), 0o600) {
            tracing::warn!(file = %self.path.display(), reason = %problem, "cannot write the partners' addresses");
        }
        // Also after a failed write, so that it is not retried and logged every second.
        *written = came_from;
    }
}

fn parse(text: &str) -> PartnerAddresses {
    let lines = text.lines().filter_map(|line| {
        let (partner, addresses) = line.split_once(' ')?;
        Some((partner.parse().ok()?, addresses.split(' ').filter_map(|address| address.parse().ok()).collect()))
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_there_after_a_restart_and_what_does_not_read_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("portcullis.db");
        assert_eq!(Addresses::load(&database).stored(), PartnerAddresses::new());
        let found = PartnerAddresses::from([
            ("exercise-aus".parse().unwrap(), vec!["192.0.2.1".parse().unwrap(), "2001:db8::".parse().unwrap()]),
            ("exercise-gbr".parse().unwrap(), vec!["198.51.100.7".parse().unwrap()]),
        ]);
        Addresses::load(&database).store(found.clone());
        assert_eq!(Addresses::load(&database).stored(), found);
        let path = folder.path().join("portcullis.db.addresses");
        std::fs::write(&path, "Exercise! 192.0.2.1\nexercise-gbr 198.51.100.7 elsewhere\n\u{202e}\nexercise-aus")
            .unwrap();
        assert_eq!(Addresses::load(&database).stored().len(), 1);
        assert_eq!(Addresses::load(&database).stored()[&"exercise-gbr".parse::<PartnerId>().unwrap()].len(), 1);
    }
}
