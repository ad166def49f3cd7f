//! Attestations: each filter states which bytes it examined, under which settings, and after which other filter.

use minicbor::{Decode, Encode};

use super::filter_name::FilterName;
use crate::digest::{self, Digest};

/// The statement of one filter that it passed the bytes it examined (CBOR map). A filter that refuses makes none.
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
    /// Returns the filter that passed the cut.
    pub fn filter(&self) -> FilterName {
        self.filter
    }

    /// Returns the SHA-256 of the bytes it was given.
    pub fn input(&self) -> Digest {
        self.input
    }

    /// Returns the SHA-256 of the bytes it passed on. It equals the input, as no filter changes a cut.
    pub fn output(&self) -> Digest {
        self.output
    }

    /// Returns the SHA-256 of the deterministic encoding of this statement, which the next statement contains.
    pub fn digest(&self) -> Digest {
        Digest::of(&digest::encode(self))
    }
}

/// Why a list of attestations does not prove that every filter passed the same bytes in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BrokenChain {
    /// A filter is missing, repeated or out of order.
    #[error("a filter is missing, repeated or out of order")]
    Order,
    /// The bytes differ from those that the previous filter attested.
    #[error("the bytes differ from those that the previous filter attested")]
    Bytes,
    /// Attested under other settings, or not linked to the previous statement.
    #[error("an attestation belongs to another run")]
    Run,
}

/// Creates the attestation of `filter`, which is number `position` in the order, after those in `before`.
///
/// # Errors
/// [`BrokenChain`] if the number of earlier attestations is wrong, or `seen` differs from `input` or from what they attest.
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

/// Checks that `attestations` prove that the filters of `order`, all of them and in that order, passed the bytes with
/// digest `cut` under `settings`.
///
/// # Errors
/// The first [`BrokenChain`] found.
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
        let whole = chain(order);
        assert_eq!(verify(&whole, order, cut, settings), Ok(()));
        for left_out in 0..order.len() {
            let mut some = whole.clone();
            some.remove(left_out);
            assert_eq!(verify(&some, order, cut, settings), Err(BrokenChain::Order));
        }
        let mut swapped = whole.clone();
        swapped.swap(1, 2);
        assert_eq!(verify(&swapped, order, cut, settings), Err(BrokenChain::Order));
        assert_eq!(verify(&whole, order, Digest::of(b"other"), settings), Err(BrokenChain::Bytes));
        assert_eq!(verify(&whole, order, cut, Digest::of(b"other")), Err(BrokenChain::Run));
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
