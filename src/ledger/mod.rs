//! The ledger: an append-only log of every decision and every step of every exchange, as an RFC 6962 Merkle tree
//! whose tree head is a signed C2SP checkpoint. Anyone with a checkpoint can check, offline and in any language, that
//! an entry is in the log and that the log was only ever appended to. Entries come in; tree hashes, checkpoints,
//! proofs and the facts that the entries prove go out.
//!
//! It refuses content: an entry has codes, digests, names and markings, bounded in size and free of control
//! characters. It accepts an entry, a checkpoint or a key only in canonical form, and it never repairs: a mismatch is
//! reported, with the first entry concerned.

mod note;
mod checkpoint;
mod kind;
mod entry;
mod tree;
mod verify;
mod facts;

pub use checkpoint::{BadCheckpoint, Checkpoint, SignedCheckpoint};
pub use entry::Entry;
pub use facts::{ABSENT, Facts, Proved, WHOLE_EXCHANGE, WHOLE_REQUEST, family, is_final_exchange};
pub use kind::{EntryKind, UnknownKind};
pub use note::{LedgerKey, NotALedgerKey, Origin};
pub use tree::{Frontier, Hashes, Proof, ProofFault, leaf_hash, leaf_position, stored_count};
pub use verify::{LedgerFault, Verified, Verifier, verify};
