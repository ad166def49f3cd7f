//! The secret for address tokens and stateless resets, stored beside the database: after a restart, a partner learns
//! at once that its connection is gone, and its address token stays valid.
//!
//! It refuses a secret that others may read or that is old: a new one is created, which costs partners one round
//! trip.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::config;
use crate::system::entropy;
use crate::time::Time;

/// Lifetime of a secret.
const LIFETIME: Duration = Duration::from_secs(30 * 24 * 3600);
/// Its creation time in milliseconds since 1970, and the secret.
const BYTES: usize = 8 + 32;

/// The secret of the node with this database, as of `now`. If it cannot be stored, only this process uses it.
pub(in crate::gateway) fn edge_secret(database: &Path, now: Time) -> [u8; 32] {
    let path = place(database);
    match stored(&path, now) {
        Ok(Some(secret)) => return secret,
        Ok(None) => {}
        Err(problem) => tracing::warn!(file = %path.display(), reason = %problem, "the edge's secret is replaced"),
    }
    let secret = entropy();
    let mut bytes = now.unix_ms().to_be_bytes().to_vec();
    bytes.extend(secret);
    if let Err(problem) = config::replace_file(&path, &bytes, 0o600) {
        tracing::warn!(file = %path.display(), reason = %problem, "the edge's secret cannot be stored: it is used by this process only");
    }
    secret
}

fn place(database: &Path) -> PathBuf {
    let mut beside = database.as_os_str().to_owned();
    beside.push(".edge");
    beside.into()
}

/// The stored secret, unless it is missing, old, or dated later than now.
fn stored(path: &Path, now: Time) -> io::Result<Option<[u8; 32]>> {
    let bytes = match config::read_file(path, BYTES as u64) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    if fs::metadata(path)?.mode() & 0o077 != 0 {
        return Err(io::Error::other("others may read it"));
    }
    let Some((made, secret)) = bytes.split_first_chunk::<8>() else { return Err(io::Error::other("it is truncated")) };
    let made = Time::from_unix_ms(i64::from_be_bytes(*made));
    let current = made <= now && now.since(made) < LIFETIME;
    match <[u8; 32]>::try_from(secret) {
        Ok(secret) => Ok(current.then_some(secret)),
        Err(_) => Err(io::Error::other("it is truncated")),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const NOW: Time = Time::from_unix_ms(1_795_341_600_000);

    #[test]
    fn is_kept_over_restarts_until_it_is_old() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("portcullis.db");
        let first = edge_secret(&database, NOW);
        assert_eq!(edge_secret(&database, NOW.plus(LIFETIME - Duration::from_secs(1))), first);
        let second = edge_secret(&database, NOW.plus(LIFETIME));
        assert_ne!(second, first);
        assert_eq!(edge_secret(&database, NOW.plus(LIFETIME)), second);
        // After the clock was set back it lies in the future, and is not trusted.
        assert_ne!(edge_secret(&database, NOW), second);
        let mode = fs::metadata(place(&database)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn one_that_others_may_read_or_that_is_cut_off_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("portcullis.db");
        let first = edge_secret(&database, NOW);
        fs::set_permissions(place(&database), fs::Permissions::from_mode(0o640)).unwrap();
        let second = edge_secret(&database, NOW);
        assert_ne!(second, first);
        for bytes in [&[][..], &[7; 8], &[7; BYTES - 1], &[7; BYTES + 1]] {
            fs::write(place(&database), bytes).unwrap();
            let made = edge_secret(&database, NOW);
            assert_eq!(edge_secret(&database, NOW), made, "{} bytes", bytes.len());
        }
        // A secret that cannot be stored is used by this process only.
        let nowhere = folder.path().join("nowhere/portcullis.db");
        assert_ne!(edge_secret(&nowhere, NOW), edge_secret(&nowhere, NOW));
    }
}
