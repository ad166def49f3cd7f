//! Provenance of text: fingerprints by which what partners sent us is recognised in what we are about to send. A cut comes
//! in; the runs of words, paragraphs and attachments that partners sent, and by which exchange, go out.
//!
//! A fingerprint is a keyed digest under a secret of this node, so that an index of fingerprints tells nobody which words it
//! covers. It refuses to guess at meaning: a text that was rewritten in other words has other fingerprints.

mod fingerprint;
mod index;
mod fingerprints;
mod overlap;

pub use fingerprint::{Fingerprint, FingerprintKey};
pub use fingerprint::{Fingerprint as Print, FingerprintKey as PrintKey};
pub use fingerprints::Fingerprints as Printed;
pub use fingerprints::{Fingerprints, LONG_WORDS};
pub use index::Index as Known;
pub use index::{Index, Sender};
pub use overlap::Match;

#[cfg(test)]
mod tests;
