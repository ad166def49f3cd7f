//! The filters, each in a file or folder of its own. A new one is a file here, a line in [`filter`], and a name with its
//! place in the order ([`FilterName`]).
//!
//! In comes a [`Subject`](super::Subject), out go findings. No filter knows of another, and none changes what it examines.

mod canary;
mod marks;
mod rebuild;
mod structure;
mod text;
pub(super) mod types;
mod words;

pub(super) use canary::compare;
pub(super) use text::{LineChecker, finding as text_finding, is_part};

use super::attestation::FilterName;
use super::subject::Filter;

/// The filter of this name.
pub(super) fn filter(name: FilterName) -> &'static dyn Filter {
    match name {
        FilterName::Text => &text::Text,
        FilterName::Words => &words::Words,
        FilterName::Types => &types::Types,
        FilterName::Rebuild => &rebuild::Rebuild,
        FilterName::Structure => &structure::Structure,
        FilterName::Marks => &marks::Marks,
        FilterName::Canary => &canary::Canary,
    }
}
