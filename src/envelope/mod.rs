//! What is exchanged between two gateways: a signed manifest, a sealed payload, the header that opens it, and the
//! receipt that acknowledges them.
//!
//! Input and output: signed statements, as bytes and as values. Both sides of the wire use this module.
//!
//! It refuses a manifest, receipt or recall that does not belong to its exchange. Nothing here can open a payload, or
//! reveals more about a product than its marking, sizes and digests.

mod header;
mod opening;
mod manifest;
mod recall;
mod receipt;

pub use crate::precedence::{NotAPrecedence, Precedence};
pub use header::{HEADER_BYTES_MAX, Header, HeaderCommitment, HeaderFault};
pub use manifest::{Kind, Manifest, ManifestFault};
pub use opening::{Binding, ExchangeContext, OpeningCommitment, OpeningProof, OpeningSecret};
pub use recall::{Handled, Handling, NotARecallCode, Recall, RecallCode, RecallFault};
pub use receipt::{Disposition, Receipt, ReceiptFault};
