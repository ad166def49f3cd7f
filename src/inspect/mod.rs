//! Content filters over a cut: small, independent of each other, run in one fixed order that every cut passes whole.
//! Each attests the digest it saw, and the next one works only on what its predecessor attested.
//!
//! In comes a cut, with the product it was made from ([`outbound`]) or without ([`inbound`]); out goes [`Inspected`], the
//! proof that every filter passed exactly these bytes, or [`Refused`] with every finding.
//!
//! It refuses to change a single byte of a cut: it passes as it was approved or not at all. What is taken out or written
//! anew, [`prepare()`] does before there is a cut. No finding quotes what was found, and a filter that panics, is missing
//! or is out of its order refuses the cut.

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
pub use attestation::{Attestation, BrokenChain, FilterName};
pub use finding::{Finding, Refused};
pub use marks::{Look, Mark, marks_in};
pub use pipeline::{
    Inspected, inbound, inbound_scanned, inbound_without, outbound, outbound_scanned, outbound_without,
};
pub use prepare::{Change, Prepared, prepare};
pub use scan::{ScanResults, ScanSet};
pub use settings::{Hidden, SHARED_WORDS, Settings};
pub use shared_run::{Place, SharedRun};
pub use subject::{Filter, Source, Subject};
pub use tearlines::{NotPassed, tearlines};
pub use word_list::{WordList, WordListFault};
