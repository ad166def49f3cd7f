//! The facts snapshot: the facts of the ledger up to some entry, in a file next to the store. A process that opens
//! the store continues from it instead of reading the ledger from its first entry.
//!
//! A snapshot that the ledger's key did not sign is refused. Facts that do not lead to the ledger's signed checkpoint
//! are discarded, and the ledger is read from the start.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use minicbor::{Decode, Encode};

use crate::config::{Replacement, read_file};
use crate::digest::Digest;
use crate::ledger::Facts;
use crate::sign::{Signed, Signer, Statement};

/// Minimum number of new entries for a new snapshot: fewer are faster to read than to save.
const ENTRIES_MIN: u64 = 2048;
/// Maximum size of the file in bytes, enough for 300 bytes for each of three million exchanges. A larger one is
/// neither read nor written.
const BYTES_MAX: u64 = 1 << 30;
/// A new snapshot is written when the ledger has grown by 1/32, so that the cost for each entry is constant.
const GROWTH: u64 = 32;

/// The snapshot file, and the ledger's key, which signs it.
#[derive(Clone)]
pub struct FactsSnapshot {
    file: PathBuf,
    signer: Arc<dyn Signer>,
}

/// The signed statement of the snapshot: facts with this digest are what the first `entries` entries prove. It is
/// stored with the snapshot and not sent to anyone.
#[derive(Debug, Encode, Decode)]
#[cbor(map)]
pub struct SnapshotDigest {
    /// Number of entries.
    #[n(1)]
    pub entries: u64,
    /// SHA-256 of [`Facts::to_bytes`].
    #[n(2)]
    pub sha256: Digest,
}

impl Statement for SnapshotDigest {
    const CONTENT_TYPE: &'static str = "application/vnd.portcullis.facts+cbor";
}

impl FactsSnapshot {
    /// Returns the snapshot in `file`. `signer` must hold the key of the ledger.
    pub fn new(file: PathBuf, signer: Arc<dyn Signer>) -> FactsSnapshot {
        FactsSnapshot { file, signer }
    }

    /// Reads the snapshot; `None` if there is none, or if the key did not sign it.
    pub(super) fn read(&self) -> Option<Facts> {
        let bytes = match read_file(&self.file, BYTES_MAX) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                tracing::warn!(%error, file = %self.file.display(), "the facts snapshot cannot be read: the whole ledger is read instead; remove the file or make it readable");
                return None;
            }
            Ok(bytes) => bytes,
        };
        let kept = self.signed(&bytes);
        if kept.is_none() {
            tracing::warn!(file = %self.file.display(), "the facts snapshot is damaged: the whole ledger is read instead");
        }
        kept
    }

    /// Parses a snapshot file and checks its signature: the length of the signed statement as 4 bytes big-endian, the
    /// statement, the facts.
    fn signed(&self, bytes: &[u8]) -> Option<Facts> {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let (signed, facts) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
        let signed = Signed::<SnapshotDigest>::verify(signed, self.signer.public()).ok()?;
        if signed.statement().sha256 != Digest::of(facts) {
            return None;
        }
        Facts::from_bytes(facts).filter(|facts| facts.next() == signed.statement().entries)
    }

    /// Returns whether enough entries were added to the `kept` ones for a new snapshot.
    pub(super) fn is_due(kept: u64, entries: u64) -> bool {
        entries.saturating_sub(kept) >= ENTRIES_MIN.max(entries / GROWTH)
    }

    /// Writes a snapshot. A failure is only logged: the entries are read again next time.
    pub(super) fn keep(&self, facts: &Facts) {
        let Some(bytes) = facts.to_bytes() else { return };
        let of = SnapshotDigest { entries: facts.next(), sha256: Digest::of(&bytes) };
        let Ok(signed) = Signed::sign(of, &*self.signer) else { return };
        let Ok(length) = u32::try_from(signed.bytes().len()) else { return };
        let file = [&length.to_be_bytes(), signed.bytes(), &bytes].concat();
        if file.len() as u64 > BYTES_MAX {
            return;
        }
        match Replacement::try_begin(&self.file, 0o600).and_then(|turn| turn.finish(&file)) {
            // Another process is writing it; waiting is not worth the time it saves.
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => {
                tracing::warn!(%error, file = %self.file.display(), "the facts snapshot could not be written");
            }
            Ok(()) => {}
        }
    }
}
