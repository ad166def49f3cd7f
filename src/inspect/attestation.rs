//! Attestations: each filter signs off which bytes it saw, under which settings, after which other filter.

use std::fmt;

use minicbor::{Decode, Encode};

use crate::digest::{self, Digest};

/// The filters, by the names they attest under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, serde::Serialize)]
#[cbor(index_only)]
#[serde(rename_all = "lowercase")]
pub enum FilterName {
    /// Characters that deceive a reader.
    #[n(0)]
    Text,
    /// Words of the operator's lists.
    #[n(1)]
    Words,
    /// Attachments are what they say.
    #[n(2)]
    Types,
    /// The form, read again by other code.
    #[n(3)]
    Structure,
    /// Nothing of the source but the selected tearline.
    #[n(4)]
    Canary,
    /// Attachments of foreign formats are as they were written anew.
    #[n(5)]
    Rebuild,
    /// No mark stands where none belongs.
    #[n(6)]
    Marks,
}

impl FilterName {
    /// The order in which a cut that we made is inspected.
    pub const OUTBOUND: [FilterName; 7] = [
        FilterName::Text,
        FilterName::Words,
        FilterName::Types,
        FilterName::Rebuild,
        FilterName::Structure,
        FilterName::Marks,
        FilterName::Canary,
    ];

    /// The order in which a cut that a partner sent is inspected.
    pub const INBOUND: [FilterName; 6] = [
        FilterName::Text,
        FilterName::Words,
        FilterName::Types,
        FilterName::Rebuild,
        FilterName::Structure,
        FilterName::Marks,
    ];

    /// The name as printed.
    pub const fn as_str(self) -> &'static str {
        match self {
            FilterName::Text => "text",
            FilterName::Words => "words",
            FilterName::Types => "types",
            FilterName::Rebuild => "rebuild",
            FilterName::Structure => "structure",
            FilterName::Marks => "marks",
            FilterName::Canary => "canary",
        }
    }
}

impl fmt::Display for FilterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One filter's statement that it passed the bytes it was given. There is none for a filter that refused.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Attestation {
    #[n(0)]
    filter: FilterName,
    #[n(1)]
    position: u8,
    #[n(2)]
    input: Digest,
    #[n(3)]
    output: Digest,
    #[n(4)]
    settings: Digest,
    #[n(5)]
    previous: Digest,
}

impl Attestation {
    /// The filter that passed the cut.
    pub fn filter(&self) -> FilterName {
        self.filter
    }

    /// SHA-256 of the bytes it was given.
    pub fn input(&self) -> Digest {
        self.input
    }

    /// SHA-256 of the bytes it handed on: the same, for no filter changes anything.
    pub fn output(&self) -> Digest {
        self.output
    }

    /// SHA-256 of this statement's deterministic encoding, which the next statement names.
    pub fn digest(&self) -> Digest {
        Digest::of(&digest::encode(self))
    }
}

/// Why a row of attestations does not show that every filter passed the same bytes in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BrokenChain {
    /// A filter is missing, repeated or out of order.
    #[error("a filter is missing, repeated or out of order")]
    Order,
    /// The bytes are not those that the filter before attested.
    #[error("the bytes are not those that the filter before attested")]
    Bytes,
    /// Attested under other settings, or not linked to the statement before.
    #[error("an attestation belongs to another run")]
    Run,
}

/// Makes the next attestation, if the ones before it lead up to it.
pub(super) fn attest(
    filter: FilterName,
    position: usize,
    input: Digest,
    seen: Digest,
    settings: Digest,
    before: &[Attestation],
) -> Result<Attestation, BrokenChain> {
    if before.len() != position {
        return Err(BrokenChain::Order);
    }
    if seen != input || before.last().is_some_and(|a| a.output != seen) {
        return Err(BrokenChain::Bytes);
    }
    let previous = before.last().map_or(Digest::from_bytes([0; 32]), Attestation::digest);
    let position = u8::try_from(position).map_err(|_| BrokenChain::Order)?;
    Ok(Attestation { filter, position, input, output: seen, settings, previous })
}

/// Whether `attestations` show that the filters of `order`, all of them and in that order, passed the bytes with
/// digest `cut` under `settings`.
pub(super) fn verify(
    attestations: &[Attestation],
    order: &[FilterName],
    cut: Digest,
    settings: Digest,
) -> Result<(), BrokenChain> {
    if attestations.len() != order.len() {
        return Err(BrokenChain::Order);
    }
    for (i, (a, name)) in attestations.iter().zip(order).enumerate() {
        if a.filter != *name || usize::from(a.position) != i {
            return Err(BrokenChain::Order);
        }
        if a.input != cut || a.output != cut {
            return Err(BrokenChain::Bytes);
        }
        let previous = attestations[..i].last().map_or(Digest::from_bytes([0; 32]), Attestation::digest);
        if a.settings != settings || a.previous != previous {
            return Err(BrokenChain::Run);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(order: &[FilterName]) -> Vec<Attestation> {
        let (cut, settings) = (Digest::of(b"cut"), Digest::of(b"settings"));
        let mut done = Vec::new();
        for (i, name) in order.iter().enumerate() {
            done.push(attest(*name, i, cut, cut, settings, &done).unwrap());
        }
        done
    }

    #[test]
    fn refuses_a_chain_that_skips_reorders_or_swaps() {
        let (cut, settings) = (Digest::of(b"cut"), Digest::of(b"settings"));
        let order = FilterName::OUTBOUND;
        let whole = chain(&order);
        assert_eq!(verify(&whole, &order, cut, settings), Ok(()));
        for left_out in 0..order.len() {
            let mut some = whole.clone();
            some.remove(left_out);
            assert_eq!(verify(&some, &order, cut, settings), Err(BrokenChain::Order));
        }
        let mut swapped = whole.clone();
        swapped.swap(1, 2);
        assert_eq!(verify(&swapped, &order, cut, settings), Err(BrokenChain::Order));
        assert_eq!(verify(&whole, &order, Digest::of(b"other"), settings), Err(BrokenChain::Bytes));
        assert_eq!(verify(&whole, &order, cut, Digest::of(b"other")), Err(BrokenChain::Run));
    }

    #[test]
    fn refuses_to_attest_bytes_that_changed_between_filters() {
        let (cut, settings) = (Digest::of(b"cut"), Digest::of(b"settings"));
        let first = chain(&[FilterName::Text]);
        let other = Digest::of(b"other");
        assert_eq!(attest(FilterName::Text, 0, cut, other, settings, &[]), Err(BrokenChain::Bytes));
        assert_eq!(attest(FilterName::Words, 1, cut, other, settings, &first), Err(BrokenChain::Bytes));
        assert_eq!(attest(FilterName::Words, 1, other, other, settings, &first), Err(BrokenChain::Bytes));
        assert_eq!(attest(FilterName::Types, 2, cut, cut, settings, &first), Err(BrokenChain::Order));
    }
}
