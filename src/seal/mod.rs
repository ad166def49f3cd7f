//! Sealing a released cut for one partner with age, opening what a partner sealed for us, and encryption at rest.
//!
//! In go a [`Release`](crate::release::Release), its cut and attachments, and out come a sealed payload and its detached
//! header; or a payload and its header go in, and a checked text with its attachments comes out. Everything is streamed:
//! a whole payload is never in memory. The header, which holds the wrapped key, is kept apart from the payload.
//!
//! It refuses to seal without a release or for more than one recipient, and to open anything that has another number of
//! recipients, is not padded as this module pads, or was sealed by another sender, for another recipient or exchange.

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
pub use crate::seal::storage_key::{AtRest, AtRestFault, EncryptingWriter};
pub use open::{Frame, Layout, Opened, SealedContents, open};
pub use recipient::{NotARecipient, Recipient};
pub use sealing::{SealFault, Sealing, seal, sealed_size_max};

#[cfg(test)]
mod tests;
