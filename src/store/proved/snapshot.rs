//! The facts snapshot: the facts of the ledger up to some entry, in a file beside the store. A process that opens the store
//! continues from it instead of reading the ledger from its first entry.
//!
//! It refuses a snapshot that the ledger's key did not sign. Facts that do not lead to the ledger's signed head are discarded,
//! and the ledger is read from the start.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use minicbor::{Decode, Encode};

use crate::config::{Replacement, read_file};
use crate::digest::Digest;
use crate::ledger::Facts;
use crate::sign::{Signed, Signer, Statement};

/// Fewer entries than this are read faster than they are kept.
const ENTRIES_MIN: u64 = 2048;
/// More than this is neither read nor kept: 300 bytes for each of three million exchanges.
const BYTES_MAX: u64 = 1 << 30;
/// It is made again when the ledger has grown by this part of itself, so that keeping it costs the same for each entry.
const GROWTH: u64 = 32;

/// The file, and the key that signs for it.
#[derive(Clone)]
pub struct FactsSnapshot {
    file: PathBuf,
    signer: Arc<dyn Signer>,
}

/// What the ledger's key signs: that bytes of this digest are what its first entries prove. It is kept beside the store, and
/// nobody else is shown it.
#[derive(Debug, Encode, Decode)]
#[cbor(map)]
pub struct SnapshotDigest {
    /// How many entries.
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
    /// In this file. The key must be that of the ledger.
    pub fn new(file: PathBuf, signer: Arc<dyn Signer>) -> FactsSnapshot {
        FactsSnapshot { file, signer }
    }

    /// What was kept; nothing if there is none, or it is not what the key signed.
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

    /// The facts in these bytes, if the key signed for them.
    fn signed(&self, bytes: &[u8]) -> Option<Facts> {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let (signed, facts) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
        let signed = Signed::<SnapshotDigest>::verify(signed, self.signer.public()).ok()?;
        if signed.statement().sha256 != Digest::of(facts) {
            return None;
        }
        Facts::from_bytes(facts).filter(|facts| facts.next() == signed.statement().entries)
    }

    /// Whether so much was added since `kept` entries that it is to be made again.
    pub(super) fn is_due(kept: u64, entries: u64) -> bool {
        entries.saturating_sub(kept) >= ENTRIES_MIN.max(entries / GROWTH)
    }

    /// Keeps what is known. What cannot be kept is read again next time.
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
            // Somebody else keeps it now: nobody waits for what spares time.
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => {
                tracing::warn!(%error, file = %self.file.display(), "the facts snapshot could not be written");
            }
            Ok(()) => {}
        }
    }
}
