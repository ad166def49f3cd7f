//! Proof of opening. The sealed content names its sender, recipient and exchange, and contains a secret. Only a
//! recipient who opened it can prove knowledge of the secret.
//!
//! The sender commits to the proof in the manifest and does not keep the secret. Anyone who has manifest and receipt
//! can verify, years later and with nothing else, that the signer of the receipt had opened what the manifest
//! announced.

use std::fmt;

use minicbor::{Decode, Encode};
use zeroize::Zeroize as _;

use crate::digest::{self, Digest};
use crate::ident::{ExchangeId, NodeId};

/// Domain separation prefix of an [`OpeningProof`], so that no digest made elsewhere is a proof.
const DOMAIN: &[u8] = b"portcullis opened 1\0";

/// Sender, recipient and exchange that something belongs to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExchangeContext {
    /// The exchange id, assigned by the sender.
    pub exchange: ExchangeId,
    /// The sending node.
    pub sender: NodeId,
    /// The only node it is for.
    pub recipient: NodeId,
}

impl fmt::Display for ExchangeContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "by `{}` for `{}` as exchange `{}`", self.sender, self.recipient, self.exchange)
    }
}

/// The prefix of the sealed content: what it belongs to, and the secret of the proof.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Binding {
    /// The exchange and the two nodes it belongs to.
    pub context: ExchangeContext,
    /// The secret of this one sealing.
    pub secret: OpeningSecret,
}

impl Binding {
    /// Returns the proof that the payload was opened and contained the cut with this SHA-256.
    pub fn proof(&self, cut: Digest) -> OpeningProof {
        self.secret.proof(&self.context, cut)
    }
}

/// A secret of 32 random bytes, present only in the sealed content. It is never printed, and zeroed when dropped.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct OpeningSecret(#[cbor(n(0), with = "minicbor::bytes")] [u8; 32]);

impl OpeningSecret {
    /// Creates a secret from these bytes, which must come from a secure random generator.
    pub const fn new(bytes: [u8; 32]) -> OpeningSecret {
        OpeningSecret(bytes)
    }

    /// Returns the proof of knowing this secret, for content with the SHA-256 `cut` that belongs to `context`.
    pub fn proof(&self, context: &ExchangeContext, cut: Digest) -> OpeningProof {
        let ExchangeContext { exchange, sender, recipient } = context;
        let said = ProofInput { exchange, sender, recipient, cut, secret: self };
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

/// The fields that a proof is the digest of.
#[derive(Encode)]
#[cbor(map)]
struct ProofInput<'a> {
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

/// The proof that the signer of a receipt opened the sealed content: the SHA-256 of a domain prefix and the CBOR
/// encoding of secret, nodes, exchange and content digest.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(transparent)]
pub struct OpeningProof(#[n(0)] Digest);

impl OpeningProof {
    /// Wraps a proof that was computed elsewhere.
    pub const fn from_digest(digest: Digest) -> OpeningProof {
        OpeningProof(digest)
    }

    /// Returns the commitment to this proof, which may be published before it.
    pub fn commitment(&self) -> OpeningCommitment {
        OpeningCommitment(Digest::of(self.0.as_bytes()))
    }
}

impl fmt::Display for OpeningProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The commitment to an [`OpeningProof`] in the manifest: the SHA-256 of it. The proof cannot be computed from it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(transparent)]
pub struct OpeningCommitment(#[n(0)] Digest);

impl OpeningCommitment {
    /// Returns whether this is the commitment to `proof`.
    pub fn commits_to(&self, proof: &OpeningProof) -> bool {
        proof.commitment() == *self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Time;

    fn context() -> ExchangeContext {
        ExchangeContext {
            exchange: ExchangeId::new(Time::from_unix_ms(1_795_341_600_000), [1; 10]),
            sender: "alpha".parse().unwrap(),
            recipient: "bravo".parse().unwrap(),
        }
    }

    #[test]
    fn a_proof_is_of_one_secret_between_two_nodes_in_one_exchange_and_of_one_content() {
        let (secret, cut) = (OpeningSecret::new([7; 32]), Digest::of(b"cut"));
        let proof = secret.proof(&context(), cut);
        assert_eq!(secret.proof(&context(), cut), proof);
        assert!(proof.commitment().commits_to(&proof));
        let others = [
            OpeningSecret::new([8; 32]).proof(&context(), cut),
            secret.proof(&ExchangeContext { exchange: ExchangeId::new(Time::EPOCH, [1; 10]), ..context() }, cut),
            secret.proof(&ExchangeContext { sender: "charlie".parse().unwrap(), ..context() }, cut),
            secret.proof(&ExchangeContext { recipient: "charlie".parse().unwrap(), ..context() }, cut),
            secret.proof(&context(), Digest::of(b"other")),
        ];
        assert!(others.iter().all(|other| *other != proof && !proof.commitment().commits_to(other)));
    }

    #[test]
    fn the_commitment_is_no_proof_of_itself_and_the_secret_is_not_printed() {
        let secret = OpeningSecret::new([7; 32]);
        let said = secret.proof(&context(), Digest::of(b"cut")).commitment();
        assert!(!said.commits_to(&OpeningProof(said.0)));
        assert_eq!(format!("{secret:?}"), "OpeningSecret");
    }
}
