//! Content filters over a cut. The filters are small, independent of each other, and run in one fixed order; every cut
//! passes all of them. Each filter attests the digest of the bytes it examined, and the next one runs only on the
//! attested bytes.
//!
//! Input: a cut, with the product it was made from ([`outbound`]) or without it ([`inbound`]). Output: [`Inspected`],
//! the proof that every filter passed exactly these bytes, or [`Refused`] with every finding.
//!
//! No filter changes a byte of a cut: it passes exactly as it was approved, or not at all. Stripping and rebuilding
//! happen in [`prepare()`], before the cut is made. A finding never quotes the content. A filter that panics, is
//! missing or is out of order refuses the cut.

mod filter_name;
mod attestation;
mod finding;
mod shared_run;
mod word_list;
mod settings;
mod marks;
mod content;
mod attachment_text;
mod subject;
mod filters;
mod scan;
mod pipeline;
mod prepare;
mod tearlines;

pub use attachment_text::AttachmentText;
pub use attestation::{Attestation, BrokenChain};
pub use filter_name::FilterName;
pub use finding::{Finding, Refused};
pub use marks::{Mark, MarkKind, marks_in};
pub use pipeline::{
    Inspected, inbound, inbound_scanned, inbound_without, outbound, outbound_scanned, outbound_without,
};
pub use prepare::{Alteration, Prepared, prepare};
pub use scan::{ScanResults, ScanSet};
pub use settings::{Hidden, SHARED_WORDS, Settings};
pub use shared_run::{Place, SharedRun};
pub use subject::{Filter, Source, Subject};
pub use tearlines::{TearlineRefusal, tearlines};
pub use word_list::{WordList, WordListFault};
