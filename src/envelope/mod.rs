//! What travels between two gateways: a signed manifest, a sealed payload, the header that opens it, and the receipt
//! that answers them.
//!
//! In go and out come signed statements as bytes and as values; either side of the wire may read them.
//!
//! It refuses a manifest, receipt or recall that does not belong to its exchange. Nothing here can open a payload or says
//! more about a product than its marking, sizes and digests.

mod header;
mod opening;
mod manifest;
mod recall;
mod receipt;

pub use crate::precedence::{NotAPrecedence, Precedence};
pub use header::{HEADER_BYTES_MAX, Header, HeaderCommitment, HeaderFault};
pub use manifest::{Kind, Manifest, ManifestFault};
pub use opening::{Binding, Bound, OpeningCommitment, OpeningProof, OpeningSecret};
pub use recall::{Handled, Handling, NotARecallCode, Recall, RecallCode, RecallFault};
pub use receipt::{Disposition, Receipt, ReceiptFault};
