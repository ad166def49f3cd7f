//! Extension 1: what each side knows of the other's ledger, told in every Hello, so that neither can be put back to an
//! older copy of itself without the next partner noticing. It is not critical, and a peer that never told of its ledger
//! may leave it out; one that did may not.

use minicbor::{Decode, Encode};

use super::message::{Extension, MessageFault};
use crate::digest;

/// The longest signed head, in bytes.
const HEAD_BYTES_MAX: usize = 480;

/// Signed heads of two ledgers, as text (C2SP checkpoints).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Heads {
    /// The sender's own, as it is now.
    #[n(0)]
    pub own: String,
    /// The greatest head of the receiver's that was proven to the sender, if any.
    #[n(1)]
    pub seen: Option<String>,
    /// A greater head of the receiver's that it gave with a receipt, without a proof, if any.
    #[n(2)]
    pub heard: Option<String>,
}

impl Heads {
    /// The extension's number.
    pub const EXTENSION: u32 = 1;

    /// The extension that carries them; none, if a head is longer than one may be.
    pub fn to_extension(&self) -> Option<Extension> {
        let fits = |head: &String| head.len() <= HEAD_BYTES_MAX;
        let fit = fits(&self.own) && self.told().all(fits);
        fit.then(|| Extension { id: Heads::EXTENSION, critical: false, content: digest::encode(self) })
    }

    /// What the sender tells of the receiver's ledger: what was proven, and what was heard. Whoever is told anything proves that
    /// its ledger extends it.
    pub fn told(&self) -> impl Iterator<Item = &String> {
        self.seen.iter().chain(&self.heard)
    }

    /// Those that a Hello carries, if it does.
    ///
    /// # Errors
    /// [`MessageFault`] if the extension is there and its content is not what this version defines.
    pub fn among(extensions: &[Extension]) -> Result<Option<Heads>, MessageFault> {
        let Some(extension) = extensions.iter().find(|e| e.id == Heads::EXTENSION) else { return Ok(None) };
        let heads: Heads = digest::decode(&extension.content).map_err(|_| MessageFault("heads"))?;
        let bounded = heads.to_extension().is_some();
        if bounded { Ok(Some(heads)) } else { Err(MessageFault("heads")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_come_back_from_their_extension_and_nothing_else_does() {
        let heads = Heads { own: "EXERCISE head".into(), seen: Some("EXERCISE other head".into()), heard: None };
        let extension = heads.to_extension().unwrap();
        assert_eq!(Heads::among(std::slice::from_ref(&extension)), Ok(Some(heads)));
        assert_eq!(Heads::among(&[Extension { id: 2, ..extension.clone() }]), Ok(None));
        let mut longer = extension.clone();
        longer.content.push(0);
        assert_eq!(Heads::among(&[longer]), Err(MessageFault("heads")));
        assert_eq!(Heads { own: "x".repeat(481), seen: None, heard: None }.to_extension(), None);
    }

    #[test]
    fn refuses_heads_that_are_longer_than_one_may_be_wherever_they_stand() {
        let read = |own: usize, seen: usize, heard: usize| {
            let [own, seen, heard] = [own, seen, heard].map(|length| "x".repeat(length));
            let heads = Heads { own, seen: Some(seen), heard: Some(heard) };
            let extension = Extension { id: Heads::EXTENSION, critical: false, content: digest::encode(&heads) };
            Heads::among(&[extension]).is_ok()
        };
        assert!(read(480, 480, 480));
        assert!(!read(481, 1, 1) && !read(1, 481, 1) && !read(1, 1, 481));
    }
}
