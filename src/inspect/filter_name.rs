//! The names of the filters, their numbers in attestations, and the order in which they run.

use std::fmt;

use minicbor::{Decode, Encode};

/// The table of filters, in the order in which they run: expands to `$generate! { … }` with one row for each filter.
///
/// A row is `Name = number in module`: the name of the variant of [`FilterName`] and of the type that implements the
/// filter; its number in attestations, which must never be changed or reused; and its module in `filters`, which is also
/// its name as printed.
macro_rules! for_each_filter {
    ($generate:ident) => {
        $generate! {
            // Filters of every cut, whether made here or received.
            always {
                /// Characters that deceive a reader.
                Text = 0 in text,
                /// Words of the operator's lists.
                Words = 1 in words,
                /// Attachments agree with their declared types.
                Types = 2 in types,
                /// Attachments of foreign formats are exactly as rebuilt.
                Rebuild = 5 in rebuild,
                /// The canonical form, checked by separate code.
                Structure = 3 in structure,
                /// No marks where none belong.
                Marks = 6 in marks,
            }
            // Filters that need the source of the cut. They run after all others.
            outbound {
                /// Nothing of the source but the selected tearline.
                Canary = 4 in canary,
            }
        }
    };
}
pub(super) use for_each_filter;

macro_rules! filter_names {
    (
        always { $($(#[$about:meta])* $name:ident = $number:tt in $module:ident,)+ }
        outbound { $($(#[$out_about:meta])* $out_name:ident = $out_number:tt in $out_module:ident,)+ }
    ) => {
        /// The name of a filter. In attestations it is encoded as its number, in JSON and output as its name in lower
        /// case. The numbers also determine its order in sorted lists.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, serde::Serialize)]
        #[cbor(index_only)]
        #[serde(rename_all = "lowercase")]
        pub enum FilterName {
            $($(#[$about])* #[n($number)] $name = $number,)+
            $($(#[$out_about])* #[n($out_number)] $out_name = $out_number,)+
        }

        impl FilterName {
            /// The filters of a cut that this node made, in the order in which they run.
            pub const OUTBOUND: &[FilterName] = &[$(FilterName::$name,)+ $(FilterName::$out_name,)+];

            /// The filters of a cut that was received from a partner, in the order in which they run.
            pub const INBOUND: &[FilterName] = &[$(FilterName::$name,)+];

            /// Returns the name as printed, such as `text`.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(FilterName::$name => stringify!($module),)+
                    $(FilterName::$out_name => stringify!($out_module),)+
                }
            }
        }
    };
}
for_each_filter!(filter_names);

impl fmt::Display for FilterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_names_and_orders_are_those_on_record() {
        let all: Vec<(&str, Vec<u8>)> =
            FilterName::OUTBOUND.iter().map(|name| (name.as_str(), crate::digest::encode(name))).collect();
        let recorded =
            [("text", 0), ("words", 1), ("types", 2), ("rebuild", 5), ("structure", 3), ("marks", 6), ("canary", 4)];
        assert_eq!(all, recorded.map(|(name, number)| (name, vec![number])));
        assert_eq!(FilterName::INBOUND, &FilterName::OUTBOUND[..6]);
        for name in FilterName::OUTBOUND {
            assert_eq!(serde_json::to_value(name).unwrap(), name.as_str());
        }
        let mut sorted = FilterName::OUTBOUND.to_vec();
        sorted.sort_unstable();
        assert_eq!(sorted.last(), Some(&FilterName::Marks), "sorted by number");
    }
}
