//! What is sealed says inside whom it is from, whom it is for and in which exchange, and holds a secret of which only who
//! opened it can show that they know it.
//!
//! The sender commits to the proof in the manifest and keeps no secret: who holds manifest and receipt can check, years
//! later and with nothing else, that the one was given by somebody who had opened what the other announced.

use std::fmt;

use minicbor::{Decode, Encode};
use zeroize::Zeroize as _;

use crate::digest::{self, Digest};
use crate::ident::{ExchangeId, NodeId};

/// What is hashed before the fields of an [`OpeningProof`], so that no proof is a digest that is made anywhere else.
const DOMAIN: &[u8] = b"portcullis opened 1\0";

/// From whom to whom something travels, and in which exchange.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bound {
    /// The exchange, numbered by the sender.
    pub exchange: ExchangeId,
    /// The node that sends.
    pub sender: NodeId,
    /// The one node it is for.
    pub recipient: NodeId,
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "by `{}` for `{}` as exchange `{}`", self.sender, self.recipient, self.exchange)
    }
}

/// What stands inside what is sealed, before its content.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Binding {
    /// Where it belongs.
    pub bound: Bound,
    /// The secret of this one sealing.
    pub secret: OpeningSecret,
}

impl Binding {
    /// What shows that somebody opened it and found the content with this digest.
    pub fn proof(&self, cut: Digest) -> OpeningProof {
        self.secret.proof(&self.bound, cut)
    }
}

/// 32 random bytes that stand inside what is sealed and nowhere else. It is not printed, and wiped when dropped.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct OpeningSecret(#[cbor(n(0), with = "minicbor::bytes")] [u8; 32]);

impl OpeningSecret {
    /// A secret of these bytes, which nobody can foresee.
    pub const fn new(bytes: [u8; 32]) -> OpeningSecret {
        OpeningSecret(bytes)
    }

    /// What shows that somebody knows this secret, of what has this digest and goes where `bound` says.
    pub fn proof(&self, bound: &Bound, cut: Digest) -> OpeningProof {
        let Bound { exchange, sender, recipient } = bound;
        let said = Said { exchange, sender, recipient, cut, secret: self };
        OpeningProof(Digest::of(&[DOMAIN, &digest::encode(&said)].concat()))
    }
}

impl Drop for OpeningSecret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for OpeningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OpeningSecret")
    }
}

/// What a proof is the digest of.
#[derive(Encode)]
#[cbor(map)]
struct Said<'a> {
    #[n(0)]
    exchange: &'a ExchangeId,
    #[n(1)]
    sender: &'a NodeId,
    #[n(2)]
    recipient: &'a NodeId,
    #[n(3)]
    cut: Digest,
    #[n(4)]
    secret: &'a OpeningSecret,
}

/// What only somebody can say who opened what was sealed: the recipient's receipt carries it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(transparent)]
pub struct OpeningProof(#[n(0)] Digest);

impl OpeningProof {
    /// A proof that was made elsewhere.
    pub const fn from_digest(digest: Digest) -> OpeningProof {
        OpeningProof(digest)
    }

    /// What may be said of it before it is given.
    pub fn commitment(&self) -> OpeningCommitment {
        OpeningCommitment(Digest::of(self.0.as_bytes()))
    }
}

impl fmt::Display for OpeningProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The digest of an [`OpeningProof`], which the sender states in the manifest: nobody finds the proof from it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(transparent)]
pub struct OpeningCommitment(#[n(0)] Digest);

impl OpeningCommitment {
    /// Whether `proof` is the one that was committed to.
    pub fn is_of(&self, proof: &OpeningProof) -> bool {
        proof.commitment() == *self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Time;

    fn bound() -> Bound {
        Bound {
            exchange: ExchangeId::new(Time::from_unix_ms(1_795_341_600_000), [1; 10]),
            sender: "alpha".parse().unwrap(),
            recipient: "bravo".parse().unwrap(),
        }
    }

    #[test]
    fn a_proof_is_of_one_secret_between_two_nodes_in_one_exchange_and_of_one_content() {
        let (secret, cut) = (OpeningSecret::new([7; 32]), Digest::of(b"cut"));
        let proof = secret.proof(&bound(), cut);
        assert_eq!(secret.proof(&bound(), cut), proof);
        assert!(proof.commitment().is_of(&proof));
        let others = [
            OpeningSecret::new([8; 32]).proof(&bound(), cut),
            secret.proof(&Bound { exchange: ExchangeId::new(Time::EPOCH, [1; 10]), ..bound() }, cut),
            secret.proof(&Bound { sender: "charlie".parse().unwrap(), ..bound() }, cut),
            secret.proof(&Bound { recipient: "charlie".parse().unwrap(), ..bound() }, cut),
            secret.proof(&bound(), Digest::of(b"other")),
        ];
        assert!(others.iter().all(|other| *other != proof && !proof.commitment().is_of(other)));
    }

    #[test]
    fn the_commitment_is_no_proof_of_itself_and_the_secret_is_not_printed() {
        let secret = OpeningSecret::new([7; 32]);
        let said = secret.proof(&bound(), Digest::of(b"cut")).commitment();
        assert!(!said.is_of(&OpeningProof(said.0)));
        assert_eq!(format!("{secret:?}"), "OpeningSecret");
    }
}
