//! What is known of the ledger, kept in a file beside the store: a long ledger is then read from where that was made, and not
//! from its first entry, whenever it is opened.
//!
//! It refuses what the ledger's own key did not sign. What it gives is an offer: facts that do not lead to the ledger's head
//! are thrown away, and the ledger is read whole.

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
pub struct KeptFacts {
    file: PathBuf,
    signer: Arc<dyn Signer>,
}

/// What the ledger's key signs: that bytes of this digest are what its first entries prove. It is kept beside the store, and
/// nobody else is shown it.
#[derive(Debug, Encode, Decode)]
#[cbor(map)]
pub struct FactsImage {
    /// How many entries.
    #[n(1)]
    pub entries: u64,
    /// SHA-256 of [`Facts::to_bytes`].
    #[n(2)]
    pub sha256: Digest,
}

impl Statement for FactsImage {
    const CONTENT_TYPE: &'static str = "application/vnd.portcullis.facts+cbor";
}

impl KeptFacts {
    /// In this file. The key must be that of the ledger.
    pub fn new(file: PathBuf, signer: Arc<dyn Signer>) -> KeptFacts {
        KeptFacts { file, signer }
    }

    /// What was kept; nothing if there is none, or it is not what the key signed.
    pub(super) fn read(&self) -> Option<Facts> {
        let bytes = match read_file(&self.file, BYTES_MAX) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                tracing::warn!(%error, file = %self.file.display(), "what is kept of the ledger cannot be read: move the file away");
                return None;
            }
            Ok(bytes) => bytes,
        };
        let kept = self.signed(&bytes);
        if kept.is_none() {
            tracing::warn!(file = %self.file.display(), "what is kept of the ledger is damaged: the ledger is read whole");
        }
        kept
    }

    /// The facts in these bytes, if the key signed for them.
    fn signed(&self, bytes: &[u8]) -> Option<Facts> {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let (signed, facts) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
        let signed = Signed::<FactsImage>::verify(signed, self.signer.public()).ok()?;
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
        let of = FactsImage { entries: facts.next(), sha256: Digest::of(&bytes) };
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
                tracing::warn!(%error, file = %self.file.display(), "what is known of the ledger is not kept");
            }
            Ok(()) => {}
        }
    }
}
