//! The preamble of every frame: sender, recipient, exchange and a secret.
//!
//! A sealed payload can be sent with another manifest. Because the preamble is encrypted with the payload, such a payload is
//! refused, and only the recipient can read the secret.

use minicbor::{Decode, Encode};
use zeroize::Zeroizing;

use crate::digest;
use crate::envelope::{Binding, Bound, OpeningSecret};
use crate::ident::{ExchangeId, NodeId};

/// The length of a preamble in bytes: one byte for the length of its message, the message (canonical CBOR), and zeros. It is fixed,
/// so that the length of the names does not show in what follows.
pub(super) const PREAMBLE_BYTES: usize = 192;

/// The version of the preamble's format.
const VERSION: u8 = 1;

#[derive(Encode, Decode)]
#[cbor(map)]
struct Preamble {
    #[n(0)]
    version: u8,
    #[n(1)]
    exchange: ExchangeId,
    #[n(2)]
    sender: NodeId,
    #[n(3)]
    recipient: NodeId,
    #[n(4)]
    secret: OpeningSecret,
}

/// Encodes the preamble of a binding.
pub(super) fn preamble(binding: &Binding) -> Zeroizing<Vec<u8>> {
    let Binding { bound: Bound { exchange, sender, recipient }, secret } = binding.clone();
    let preamble = Preamble { version: VERSION, exchange, sender, recipient, secret };
    let message = Zeroizing::new(digest::encode(&preamble));
    let mut bytes = Zeroizing::new(Vec::with_capacity(PREAMBLE_BYTES));
    // INVARIANT: names have at most 40 bytes, which makes a message of at most 162.
    bytes.push(message.len() as u8);
    bytes.extend_from_slice(&message);
    bytes.resize(PREAMBLE_BYTES, 0);
    bytes
}

/// Decodes the binding in a preamble; `None` if it is not in canonical form.
pub(super) fn read_preamble(bytes: &[u8; PREAMBLE_BYTES]) -> Option<Binding> {
    let (length, rest) = bytes.split_first()?;
    let (message, zeros) = rest.split_at_checked(usize::from(*length))?;
    if zeros.iter().any(|byte| *byte != 0) {
        return None;
    }
    let Preamble { version, exchange, sender, recipient, secret } = digest::decode(message).ok()?;
    let bound = Bound { exchange, sender, recipient };
    (version == VERSION).then_some(Binding { bound, secret })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Time;

    fn binding(name: &str) -> Binding {
        let (sender, recipient) = (name.parse().unwrap(), name.parse().unwrap());
        let bound = Bound { exchange: ExchangeId::new(Time::EPOCH, [1; 10]), sender, recipient };
        Binding { bound, secret: OpeningSecret::new([7; 32]) }
    }

    #[test]
    fn has_one_form_and_one_length_whatever_the_names() {
        for name in ["a".to_owned(), "a".repeat(40)] {
            let bytes: [u8; PREAMBLE_BYTES] = preamble(&binding(&name)).as_slice().try_into().unwrap();
            assert_eq!(read_preamble(&bytes), Some(binding(&name)));
            for at in 0..PREAMBLE_BYTES {
                let mut other = bytes;
                other[at] ^= 1;
                assert_ne!(read_preamble(&other), Some(binding(&name)), "byte {at}");
            }
        }
        assert_eq!(read_preamble(&[0; PREAMBLE_BYTES]), None);
        assert_eq!(read_preamble(&[0xff; PREAMBLE_BYTES]), None);
    }
}
