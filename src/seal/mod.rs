//! Sealing a released cut for one partner with age, opening what a partner sealed for us, and encryption at rest.
//!
//! Sealing takes a [`Release`](crate::release::Release), its cut and attachments, and produces a sealed payload and its detached
//! header. Opening takes both, and produces a checked text with its attachments. Everything is streamed: a whole payload is never
//! in memory. The header, which holds the wrapped key, is stored apart from the payload.
//!
//! It refuses to seal without a release or for more than one recipient, and to open anything that has another number of
//! recipients, is not padded as this module does, or was sealed by another sender or for another recipient or exchange.

mod stream;
mod recipient;
mod payload_key;
mod storage_key;
mod detached_header;
mod preamble;
mod padding;
mod sealing;
mod open;

pub use crate::seal::payload_key::{OpenFault, Opener, PayloadIdentity};
pub use crate::seal::storage_key::{EncryptingWriter, StorageKey, StorageKeyFault};
pub use open::{Frame, Layout, Opened, SealedContents, open};
pub use recipient::{NotARecipient, Recipient};
pub use sealing::{SealFault, Sealing, seal, sealed_size_max};

#[cfg(test)]
mod tests;
