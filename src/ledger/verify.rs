//! Verification of a whole ledger: every entry, every stored hash, every stored checkpoint.

use super::checkpoint::{BadCheckpoint, SignedCheckpoint};
use super::entry::Entry;
use super::tree::{self, Frontier};
use crate::digest::{Digest, NotCanonical};

/// A ledger that was verified from its first entry to its checkpoint.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verified {
    /// Number of entries.
    pub size: u64,
    /// Root hash of the tree over them.
    pub root: Digest,
}

/// Verifies the ledger made of `entries` against its signed checkpoint.
///
/// # Errors
/// [`LedgerFault`]. Without stored hashes, an altered but well-formed entry can only be reported as a mismatch of the
/// whole ledger; [`Verifier`] with stored hashes or earlier checkpoints locates it.
pub fn verify<B: AsRef<[u8]>>(
    entries: impl IntoIterator<Item = B>,
    head: &SignedCheckpoint,
) -> Result<Verified, LedgerFault> {
    let mut verifier = Verifier::new();
    for bytes in entries {
        verifier.entry(bytes.as_ref())?;
    }
    verifier.finish(head)
}

/// Verifies a ledger entry by entry, in constant memory.
#[derive(Debug, Default)]
pub struct Verifier {
    frontier: Frontier,
    /// Entries below this index match a signed checkpoint.
    vouched: u64,
}

impl Verifier {
    /// Returns a verifier that begins with the first entry.
    pub fn new() -> Verifier {
        Verifier::default()
    }

    /// Returns a verifier that continues after the entries of this tree, which no checkpoint covers yet.
    pub(super) fn after(frontier: Frontier) -> Verifier {
        Verifier { frontier, vouched: 0 }
    }

    /// Returns the right edge of the tree over the entries read so far.
    pub(super) fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// Returns the number of entries read so far.
    pub fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// Reads the bytes of the next entry; returns the entry and the hashes that must be stored for it, in order.
    ///
    /// # Errors
    /// [`LedgerFault::Entry`] if the bytes are not a canonical entry.
    pub fn entry(&mut self, bytes: &[u8]) -> Result<(Entry, Vec<Digest>), LedgerFault> {
        let index = self.size();
        let entry = Entry::from_bytes(bytes).map_err(|fault| LedgerFault::Entry { index, fault })?;
        Ok((entry, self.frontier.append(tree::leaf_hash(bytes))))
    }

    /// Checks the next entry and the hashes stored for it.
    ///
    /// # Errors
    /// [`LedgerFault::Entry`]; [`LedgerFault::Altered`] if the stored leaf hash is another entry's;
    /// [`LedgerFault::Stored`] if a stored hash above it does not match the entries.
    pub fn entry_and_hashes(&mut self, bytes: &[u8], stored: &[Digest]) -> Result<Entry, LedgerFault> {
        let index = self.size();
        let (entry, computed) = self.entry(bytes)?;
        if stored.first() != computed.first() {
            return Err(LedgerFault::Altered { index });
        }
        if stored != computed {
            return Err(LedgerFault::Stored { index });
        }
        Ok(entry)
    }

    /// Compares with a checkpoint that was signed when the ledger had exactly the entries read so far.
    ///
    /// # Errors
    /// [`LedgerFault::Size`] if its size differs; [`LedgerFault::Root`] if its root hash differs.
    pub fn checkpoint(&mut self, signed: &SignedCheckpoint) -> Result<(), LedgerFault> {
        let found = self.size();
        if signed.size() != found {
            return Err(LedgerFault::Size { signed: signed.size(), found });
        }
        if signed.root() != self.frontier.root() {
            return Err(LedgerFault::Root { first: self.vouched, end: found });
        }
        self.vouched = found;
        Ok(())
    }

    /// Compares with the final checkpoint and ends the verification.
    ///
    /// # Errors
    /// As [`Verifier::checkpoint`].
    pub fn finish(mut self, head: &SignedCheckpoint) -> Result<Verified, LedgerFault> {
        self.checkpoint(head)?;
        Ok(Verified { size: head.size(), root: head.root() })
    }
}

/// Where a ledger does not match itself or its signed checkpoints. Entries are numbered from 0.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerFault {
    /// The bytes are not an entry.
    #[error("ledger entry {index} is not a canonical entry: {fault}")]
    Entry {
        /// Index of the entry.
        index: u64,
        /// What is wrong with it.
        fault: NotCanonical,
    },
    /// The entry is not the one that was hashed into the tree.
    #[error("ledger entry {index} was altered, moved or replaced: its hash does not match the tree")]
    Altered {
        /// Index of the first such entry.
        index: u64,
    },
    /// A hash above the leaves does not match the entries.
    #[error("stored tree hashes of ledger entry {index} were altered: they do not match the entries")]
    Stored {
        /// Index of the entry whose addition completed that subtree.
        index: u64,
    },
    /// Entries and stored hashes match each other but not the signed checkpoint: both were rewritten.
    #[error(
        "ledger entries {first} to {end} (exclusive) do not match the signed checkpoint: one or more were rewritten"
    )]
    Root {
        /// Entries below this index match an earlier signed checkpoint.
        first: u64,
        /// The size of the checkpoint that does not match.
        end: u64,
    },
    /// Entries are missing at the end, or there are more than were signed.
    #[error("signed checkpoint covers {signed} entries, ledger holds {found}: it was truncated, extended or forked")]
    Size {
        /// Entries that the checkpoint covers.
        signed: u64,
        /// Entries in the ledger.
        found: u64,
    },
    /// The checkpoint itself is not valid.
    #[error("signed checkpoint of the ledger: {0}")]
    Checkpoint(#[from] BadCheckpoint),
}
