//! What travels between two gateways: a signed manifest, a sealed payload, the header that opens it, and the receipt
//! that answers them.
//!
//! Either side of the wire may read these. Nothing here can open a payload, and nothing here says more about a
//! product than its marking, its sizes and its digests.

mod header;
mod manifest;
mod opening;
mod recall;
mod receipt;

pub use crate::precedence::{NotAPrecedence, Precedence};
pub use header::{HEADER_BYTES_MAX, Header, HeaderCommitment, HeaderFault};
pub use manifest::{Kind, Manifest, ManifestFault};
pub use opening::{Binding, Bound, OpeningCommitment, OpeningProof, OpeningSecret};
pub use recall::{Handled, Handling, NotARecallCode, Recall, RecallCode, RecallFault};
pub use receipt::{Disposition, Receipt, ReceiptFault};
