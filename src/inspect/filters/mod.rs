//! The filters, each in a file or folder of its own. To add one, create its file with its `mod` line here, and add its row
//! to the table in `filter_name.rs`.
//!
//! Input: a [`Subject`](super::Subject). Output: findings. Filters are independent of each other, and do not change what
//! they examine.

mod canary;
mod marks;
mod rebuild;
mod structure;
mod text;
pub(super) mod types;
mod words;

pub(super) use canary::compare;
pub(super) use text::{LineChecker, finding as text_finding, is_part};

use super::filter_name::{FilterName, for_each_filter};
use super::subject::Filter;

macro_rules! filter_by_name {
    (
        always { $($(#[$about:meta])* $name:ident = $number:tt in $module:ident,)+ }
        outbound { $($(#[$out_about:meta])* $out_name:ident = $out_number:tt in $out_module:ident,)+ }
    ) => {
        /// Returns the filter of this name.
        pub(super) fn filter(name: FilterName) -> &'static dyn Filter {
            match name {
                $(FilterName::$name => &$module::$name,)+
                $(FilterName::$out_name => &$out_module::$out_name,)+
            }
        }
    };
}
for_each_filter!(filter_by_name);
