//! Checking a whole ledger: every entry, every stored hash, every checkpoint that was kept.

use super::checkpoint::{BadCheckpoint, SignedCheckpoint};
use super::entry::Entry;
use super::tree::{self, Frontier};
use crate::digest::{Digest, NotCanonical};

/// A ledger that was checked from its first entry to its head.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verified {
    /// Number of entries.
    pub size: u64,
    /// Root hash of the tree over them.
    pub root: Digest,
}

/// Checks the ledger made of `entries` against its signed head.
///
/// # Errors
/// [`LedgerFault`]. Without stored hashes a ledger whose entries are all well formed can only be said to disagree as a
/// whole; [`Verifier`] with stored hashes or earlier checkpoints names the place.
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

/// Checks a ledger entry by entry, in constant memory.
#[derive(Debug, Default)]
pub struct Verifier {
    frontier: Frontier,
    /// Entries below this agree with a signed checkpoint.
    vouched: u64,
}

impl Verifier {
    /// A verifier that has seen nothing.
    pub fn new() -> Verifier {
        Verifier::default()
    }

    /// One that has seen the entries of this tree. Nothing vouches for them yet.
    pub(super) fn after(frontier: Frontier) -> Verifier {
        Verifier { frontier, vouched: 0 }
    }

    /// The right edge of the tree over the entries that were checked.
    pub(super) fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// How many entries were checked so far.
    pub fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// Takes the next entry's bytes; returns the entry and the hashes that must be stored for it, in order.
    ///
    /// # Errors
    /// [`LedgerFault::Entry`] if the bytes are no canonical entry.
    pub fn entry(&mut self, bytes: &[u8]) -> Result<(Entry, Vec<Digest>), LedgerFault> {
        let index = self.size();
        let entry = Entry::from_bytes(bytes).map_err(|fault| LedgerFault::Entry { index, fault })?;
        Ok((entry, self.frontier.append(tree::leaf_hash(bytes))))
    }

    /// Takes the next entry's bytes and the hashes found stored for it.
    ///
    /// # Errors
    /// [`LedgerFault::Entry`]; [`LedgerFault::Altered`] if the stored leaf hash is another entry's;
    /// [`LedgerFault::Stored`] if a stored hash above it is not what the entries give.
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

    /// Compares with a checkpoint that was signed when the ledger had exactly the entries seen so far.
    ///
    /// # Errors
    /// [`LedgerFault::Size`] if it is of another size; [`LedgerFault::Root`] if it disagrees.
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

    /// Compares with the head: the end of the check.
    ///
    /// # Errors
    /// As [`Verifier::checkpoint`].
    pub fn finish(mut self, head: &SignedCheckpoint) -> Result<Verified, LedgerFault> {
        self.checkpoint(head)?;
        Ok(Verified { size: head.size(), root: head.root() })
    }
}

/// Where a ledger disagrees with itself or with what was signed. Entries are numbered from 0.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerFault {
    /// Not an entry.
    #[error("ledger entry {index} is not a canonical entry: {fault}")]
    Entry {
        /// Number of the entry.
        index: u64,
        /// What is wrong with it.
        fault: NotCanonical,
    },
    /// The entry is not the one that was hashed into the tree.
    #[error("ledger entry {index} was altered, moved or replaced: its hash does not match the tree")]
    Altered {
        /// Number of the first such entry.
        index: u64,
    },
    /// A hash above the leaves is not what the entries give.
    #[error("stored tree hashes of ledger entry {index} were altered: they do not match the entries")]
    Stored {
        /// Number of the entry whose appending completed that part of the tree.
        index: u64,
    },
    /// Entries and stored hashes agree with each other but not with what was signed: both were rewritten.
    #[error(
        "ledger entries {first} to {end} (exclusive) do not match the signed checkpoint: one or more were rewritten"
    )]
    Root {
        /// Entries below this agree with an earlier signed checkpoint.
        first: u64,
        /// The size of the checkpoint that disagrees.
        end: u64,
    },
    /// Entries are missing at the end, or there are more than were signed.
    #[error("signed checkpoint covers {signed} entries, ledger holds {found}: it was truncated, extended or forked")]
    Size {
        /// Entries the checkpoint covers.
        signed: u64,
        /// Entries there are.
        found: u64,
    },
    /// The checkpoint itself is not good.
    #[error("ledger head: {0}")]
    Checkpoint(#[from] BadCheckpoint),
}
