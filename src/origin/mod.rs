//! Provenance of text: fingerprints that identify text received from partners in what is about to be sent. Input: a
//! cut. Output: the runs of words, paragraphs and attachments that partners sent, each with its exchange.
//!
//! A fingerprint is a keyed digest under a secret of this node, so that the index does not reveal which words it
//! covers. Meaning is not compared: a paraphrased text has other fingerprints.

mod fingerprint;
mod index;
mod fingerprints;
mod overlap;

pub use fingerprint::{Fingerprint, FingerprintKey};
pub use fingerprints::{Fingerprints, LONG_WORDS};
pub use index::{Index, Sender};
pub use overlap::Match;

#[cfg(test)]
mod tests;
