//! The Merkle tree over the entries (RFC 6962, section 2): appending, root hashes, and both kinds of proof.
//!
//! Hashes of complete subtrees are stored once each, numbered as in Go's `sumdb/tlog`, so that tiles can be cut from
//! them. The caller reads hashes from storage: the `…_needs` functions return which ones.

use std::collections::BTreeMap;

use tlog_tiles::tlog::{self, Hash, HashReader};

use crate::digest::Digest;

/// Maximum number of hashes in a proof for a tree of at most 2^63 entries.
const PROOF_HASHES_MAX: usize = 64;

/// Stored hashes, by their position.
pub type Hashes = BTreeMap<u64, Digest>;

/// Returns the leaf hash of an entry: SHA-256 of `0x00` and the entry's bytes (RFC 6962, section 2.1).
pub fn leaf_hash(entry: &[u8]) -> Digest {
    Digest::from_bytes(tlog::record_hash(entry).0)
}

/// Returns the number of hashes stored for a ledger of `size` entries.
pub fn stored_count(size: u64) -> u64 {
    tlog::stored_hash_count(size)
}

/// Returns the position of the leaf hash of entry `index` among the stored hashes.
pub fn leaf_position(index: u64) -> u64 {
    tlog::stored_hash_index(0, index)
}

/// The right edge of a tree: all that is needed to append to it and to compute its root hash.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Frontier {
    size: u64,
    peaks: Hashes,
}

impl Frontier {
    /// Returns the empty tree.
    pub fn empty() -> Frontier {
        Frontier::default()
    }

    /// Returns the positions of the stored hashes that form the right edge of a tree of `size` entries.
    pub fn needs(size: u64) -> Vec<u64> {
        tlog::sub_tree_index(0, size, Vec::new())
    }

    /// Returns the right edge of a tree of `size` entries, from the stored hashes that [`Frontier::needs`] lists.
    ///
    /// # Errors
    /// [`ProofFault::LostHash`] if one of them is missing.
    pub fn from_stored(size: u64, stored: &Hashes) -> Result<Frontier, ProofFault> {
        let mut peaks = Hashes::new();
        for position in Frontier::needs(size) {
            peaks.insert(position, *stored.get(&position).ok_or(ProofFault::LostHash { position })?);
        }
        Ok(Frontier { size, peaks })
    }

    /// Returns the number of entries.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Returns the hashes of the right edge, with their positions.
    pub fn peaks(&self) -> impl Iterator<Item = (u64, Digest)> + '_ {
        self.peaks.iter().map(|(position, hash)| (*position, *hash))
    }

    /// Appends the entry with leaf hash `leaf` and returns the hashes to store, in order, starting at position
    /// [`stored_count`] of the size before.
    pub fn append(&mut self, leaf: Digest) -> Vec<Digest> {
        // INVARIANT: the peaks are exactly the hashes that are needed to complete subtrees to the left of a new leaf.
        let new = tlog::stored_hashes_for_record_hash(self.size, Hash(*leaf.as_bytes()), &Fetched(&self.peaks))
            .expect("a frontier holds every hash that appending needs");
        let new: Vec<Digest> = new.into_iter().map(|hash| Digest::from_bytes(hash.0)).collect();
        let first = stored_count(self.size);
        self.size += 1;
        let mut known = std::mem::take(&mut self.peaks);
        known.extend((first..).zip(new.iter().copied()));
        self.peaks = Frontier::needs(self.size).into_iter().map(|position| (position, known[&position])).collect();
        new
    }

    /// Returns the root hash of the tree (RFC 6962, section 2.1); of an empty tree, SHA-256 of the empty string.
    pub fn root(&self) -> Digest {
        // INVARIANT: the peaks are exactly the hashes from which the root is computed.
        let root = tlog::tree_hash(self.size, &Fetched(&self.peaks)).expect("a frontier holds every peak");
        Digest::from_bytes(root.0)
    }
}

/// Hashes that prove a property of a tree to a verifier who knows only its root hash.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proof(Vec<Digest>);

impl Proof {
    /// Returns a proof received from elsewhere; it must be checked.
    pub fn from_hashes(hashes: Vec<Digest>) -> Proof {
        Proof(hashes)
    }

    /// Returns the hashes, in the order of RFC 6962.
    pub fn hashes(&self) -> &[Digest] {
        &self.0
    }

    /// Returns the positions of the stored hashes that [`Proof::of_inclusion`] needs.
    ///
    /// # Errors
    /// [`ProofFault::Range`] unless `index < size`.
    pub fn inclusion_needs(index: u64, size: u64) -> Result<Vec<u64>, ProofFault> {
        in_range(index < size && size <= i64::MAX as u64)?;
        Ok(needs(|source| tlog::prove_record(size, index, source).map(drop)))
    }

    /// Returns the proof that entry `index` is in the tree of `size` entries (RFC 6962, section 2.1.1).
    ///
    /// # Errors
    /// [`ProofFault::Range`] unless `index < size`; [`ProofFault::LostHash`] if a needed hash is missing.
    pub fn of_inclusion(index: u64, size: u64, stored: &Hashes) -> Result<Proof, ProofFault> {
        let needed = Proof::inclusion_needs(index, size)?;
        present(&needed, stored)?;
        made(tlog::prove_record(size, index, &Fetched(stored)))
    }

    /// Returns the positions of the stored hashes that [`Proof::of_consistency`] needs.
    ///
    /// # Errors
    /// [`ProofFault::Range`] unless `old <= new`.
    pub fn consistency_needs(old: u64, new: u64) -> Result<Vec<u64>, ProofFault> {
        in_range(old <= new && new <= i64::MAX as u64)?;
        if old == 0 {
            return Ok(Vec::new());
        }
        Ok(needs(|source| tlog::prove_tree(new, old, source).map(drop)))
    }

    /// Returns the proof that the tree of `new` entries extends the tree of `old` entries (RFC 6962, section 2.1.2).
    ///
    /// # Errors
    /// [`ProofFault::Range`] unless `old <= new`; [`ProofFault::LostHash`] if a needed hash is missing.
    pub fn of_consistency(old: u64, new: u64, stored: &Hashes) -> Result<Proof, ProofFault> {
        let needed = Proof::consistency_needs(old, new)?;
        present(&needed, stored)?;
        if old == 0 {
            return Ok(Proof(Vec::new()));
        }
        made(tlog::prove_tree(new, old, &Fetched(stored)))
    }

    /// Checks that the entry with leaf hash `leaf` is entry `index` of the tree of `size` entries with root hash
    /// `root`.
    ///
    /// # Errors
    /// [`ProofFault`] if an argument is out of range, or the proof does not lead to `root`.
    pub fn check_inclusion(&self, index: u64, leaf: Digest, size: u64, root: Digest) -> Result<(), ProofFault> {
        in_range(index < size && size <= i64::MAX as u64)?;
        let proof = self.bounded()?;
        let checked = tlog::check_record(&proof, size, Hash(*root.as_bytes()), index, Hash(*leaf.as_bytes()));
        checked.map_err(|_| ProofFault::Disagrees)
    }

    /// Checks that the tree of `new` entries with root hash `new_root` extends the tree of `old` entries with root
    /// hash `old_root`: nothing was altered or removed.
    ///
    /// # Errors
    /// [`ProofFault`] if an argument is out of range, or the proof does not lead to both roots.
    pub fn check_consistency(&self, old: u64, old_root: Digest, new: u64, new_root: Digest) -> Result<(), ProofFault> {
        in_range(old <= new && new <= i64::MAX as u64)?;
        let proof = self.bounded()?;
        if old == 0 {
            // Every tree extends the empty one, for which RFC 6962 defines no proof.
            let trivial = proof.is_empty() && old_root == Frontier::empty().root() && (new > 0 || new_root == old_root);
            return if trivial { Ok(()) } else { Err(ProofFault::Disagrees) };
        }
        let (old_root, new_root) = (Hash(*old_root.as_bytes()), Hash(*new_root.as_bytes()));
        tlog::check_tree(&proof, new, new_root, old, old_root).map_err(|_| ProofFault::Disagrees)
    }

    /// Returns the hashes for the library, unless there are more than a valid proof can have.
    fn bounded(&self) -> Result<Vec<Hash>, ProofFault> {
        if self.0.len() > PROOF_HASHES_MAX {
            return Err(ProofFault::Disagrees);
        }
        Ok(self.0.iter().map(|hash| Hash(*hash.as_bytes())).collect())
    }
}

/// Why a proof could not be constructed, or is not valid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofFault {
    /// The entry or the older tree is outside the tree.
    #[error("the requested entry or older tree is not inside the tree")]
    Range,
    /// The proof leads to other root hashes than the given ones.
    #[error("invalid proof: an entry or a head does not match the ledger")]
    Disagrees,
    /// A stored hash is missing.
    #[error("stored hash {position} of the ledger is missing: run `portcullis ledger verify`")]
    LostHash {
        /// Its position.
        position: u64,
    },
}

/// Adapts stored hashes to the library's reader.
struct Fetched<'a>(&'a Hashes);

impl HashReader for Fetched<'_> {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog::Error> {
        let fetch = |position: &u64| self.0.get(position).map(|hash| Hash(*hash.as_bytes()));
        indexes.iter().map(fetch).collect::<Option<Vec<Hash>>>().ok_or(tlog::Error::IndexesNotInTree)
    }
}

/// A reader that records the requested positions and returns zeros, to find out which hashes a proof needs.
struct RecordingReader(std::cell::RefCell<Vec<u64>>);

impl HashReader for RecordingReader {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog::Error> {
        self.0.borrow_mut().extend_from_slice(indexes);
        Ok(vec![Hash::default(); indexes.len()])
    }
}

fn needs(dry_run: impl FnOnce(&RecordingReader) -> Result<(), tlog::Error>) -> Vec<u64> {
    let noting = RecordingReader(std::cell::RefCell::default());
    // INVARIANT: the caller checked the range, which is the only error that a dry run can return.
    dry_run(&noting).expect("the range was checked");
    noting.0.into_inner()
}

fn present(needed: &[u64], stored: &Hashes) -> Result<(), ProofFault> {
    match needed.iter().find(|position| !stored.contains_key(position)) {
        Some(&position) => Err(ProofFault::LostHash { position }),
        None => Ok(()),
    }
}

fn made(proof: Result<Vec<Hash>, tlog::Error>) -> Result<Proof, ProofFault> {
    let proof = proof.map_err(|_| ProofFault::Range)?;
    Ok(Proof(proof.into_iter().map(|hash| Digest::from_bytes(hash.0)).collect()))
}

fn in_range(holds: bool) -> Result<(), ProofFault> {
    if holds { Ok(()) } else { Err(ProofFault::Range) }
}
