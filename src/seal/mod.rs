//! Sealing a released cut for one partner with age, and opening what a partner sealed for us.
//!
//! It refuses to seal without a [`Release`](crate::release::Release), to seal for more than one recipient, and to
//! open anything that was not sealed to one recipient and padded as this module pads, or that was sealed by another, for
//! another or in another exchange than it came with. It never holds a whole payload, and keeps the header, which holds the
//! key, apart from it.

mod apart;
mod at_rest;
mod open;
mod pad;
mod preamble;
mod recipient;
mod sealing;
mod stream;
mod unpack;

pub use at_rest::{AtRest, AtRestFault, Keeping};
pub use open::{OpenFault, Opener, PayloadIdentity};
pub use recipient::{NotARecipient, Recipient};
pub use sealing::{SealFault, Sealing, seal, sealed_size_max};
pub use unpack::{Frame, Layout, Opened, SealedContents, open};

#[cfg(test)]
mod tests;
