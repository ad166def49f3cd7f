//! Checkpoints (c2sp.org/tlog-checkpoint): the signed tree head of a ledger.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::note::{LedgerKey, Origin};
use crate::digest::Digest;
use crate::sign::{SignError, Signer};

/// Maximum length of a signed checkpoint in bytes.
const BYTES_MAX: usize = 1024;

/// The state of a ledger: its number of entries and the root hash of the tree over them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checkpoint {
    /// The ledger's name.
    pub origin: Origin,
    /// Number of entries.
    pub size: u64,
    /// Merkle tree hash over them (RFC 6962, section 2.1).
    pub root: Digest,
}

impl fmt::Display for Checkpoint {
    /// Formats the three lines that are signed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, STANDARD.encode(self.root.as_bytes()))
    }
}

/// A checkpoint whose signature was made or verified by this program, with its exact signed text.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    text: String,
}

impl SignedCheckpoint {
    /// Signs a checkpoint of the ledger of `key`: `size` entries with the root hash `root`.
    ///
    /// # Errors
    /// [`SignError`] if the signer fails, or holds another key than `key`.
    pub fn sign(size: u64, root: Digest, key: &LedgerKey, signer: &dyn Signer) -> Result<SignedCheckpoint, SignError> {
        if signer.public() != key.public() {
            return Err(SignError::NotASignature { key: key.public().fingerprint().short() });
        }
        let checkpoint = Checkpoint { origin: key.origin().clone(), size, root };
        let text = key.sign(&checkpoint.to_string(), signer)?;
        Ok(SignedCheckpoint { checkpoint, text })
    }

    /// Parses and verifies a signed checkpoint of the ledger of `key`. Accepts only the form that
    /// [`SignedCheckpoint::sign`] writes: three lines, a blank line, and one signature line, by `key`.
    ///
    /// # Errors
    /// [`BadCheckpoint`] if the text has another form or its signature does not verify.
    pub fn verify(text: &str, key: &LedgerKey) -> Result<SignedCheckpoint, BadCheckpoint> {
        if text.len() > BYTES_MAX {
            return Err(BadCheckpoint::Form);
        }
        let body = key.open(text).ok_or(BadCheckpoint::Signature)?;
        let checkpoint = parse(body).ok_or(BadCheckpoint::Form)?;
        if &checkpoint.origin != key.origin() {
            return Err(BadCheckpoint::Origin);
        }
        Ok(SignedCheckpoint { checkpoint, text: text.to_owned() })
    }

    /// Returns the checkpoint without its signature.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Returns the number of entries.
    pub fn size(&self) -> u64 {
        self.checkpoint.size
    }

    /// Returns the root hash of the tree.
    pub fn root(&self) -> Digest {
        self.checkpoint.root
    }

    /// Returns the signed text (C2SP signed-note), as it is stored and sent.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for SignedCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for SignedCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignedCheckpoint({} {} {})", self.checkpoint.origin, self.size(), self.root().short())
    }
}

/// Why a text is not a checkpoint of a given ledger.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadCheckpoint {
    /// Signed, but not three lines in canonical form.
    #[error("checkpoint is not in canonical form: expected origin, size and base64 root on three lines")]
    Form,
    /// No valid signature by the ledger's key, or further signatures.
    #[error("checkpoint does not carry exactly one signature, by the ledger's own key")]
    Signature,
    /// Signed by the right key, for another ledger.
    #[error("checkpoint and key name different ledgers")]
    Origin,
}

fn parse(body: &str) -> Option<Checkpoint> {
    let mut lines = body.lines();
    let (origin, size, root) = (lines.next()?, lines.next()?, lines.next()?);
    let root = Digest::from_slice(&STANDARD.decode(root).ok()?)?;
    let checkpoint = Checkpoint { origin: origin.parse().ok()?, size: size.parse().ok()?, root };
    // Integers in Go and SQLite are signed: not every verifier could represent a larger size.
    let representable = i64::try_from(checkpoint.size).is_ok();
    (representable && checkpoint.to_string() == body).then_some(checkpoint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::NotALedgerKey;
    use crate::sign::{Algorithm, LocalSigner};

    fn ledger() -> (LedgerKey, LocalSigner) {
        let signer = LocalSigner::from_pkcs8(&LocalSigner::generate(Algorithm::Ed25519).unwrap()).unwrap();
        let origin = Origin::of_node(&"exercise-usa".parse().unwrap());
        (LedgerKey::new(origin, signer.public().clone()).unwrap(), signer)
    }

    /// A signer that claims to hold a key, and returns 64 arbitrary bytes.
    struct Liar(crate::sign::PublicKey);

    impl Signer for Liar {
        fn public(&self) -> &crate::sign::PublicKey {
            &self.0
        }

        fn sign(&self, _: &[u8]) -> Result<Vec<u8>, SignError> {
            Ok(vec![0x5a; 64])
        }
    }

    #[test]
    fn refuses_a_signer_that_returns_no_valid_signature() {
        let (head, key) = signed();
        let refused = SignedCheckpoint::sign(head.size(), head.root(), &key, &Liar(key.public().clone()));
        assert!(matches!(refused, Err(SignError::NotASignature { .. })));
    }

    fn signed() -> (SignedCheckpoint, LedgerKey) {
        let (key, signer) = ledger();
        (SignedCheckpoint::sign(7, Digest::of(b"root"), &key, &signer).unwrap(), key)
    }

    #[test]
    fn verifies_what_it_signed() {
        let (signed, key) = signed();
        assert_eq!(SignedCheckpoint::verify(signed.as_str(), &key), Ok(signed));
    }

    #[test]
    fn refuses_every_flipped_bit() {
        let (signed, key) = signed();
        let bytes = signed.as_str().as_bytes();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let Ok(text) = String::from_utf8(flipped) else { continue };
            assert!(SignedCheckpoint::verify(&text, &key).is_err(), "bit {bit} flipped was accepted");
        }
    }

    #[test]
    fn refuses_another_key_and_a_second_signature() {
        let (signed, key) = signed();
        let (other, _) = ledger();
        assert_eq!(SignedCheckpoint::verify(signed.as_str(), &other), Err(BadCheckpoint::Signature));
        let line = signed.as_str().split_once("\n\n").unwrap().1;
        let twice = format!("{signed}{line}");
        assert_eq!(SignedCheckpoint::verify(&twice, &key), Err(BadCheckpoint::Signature));
    }

    #[test]
    fn refuses_forms_it_would_not_write_even_when_signed() {
        let (key, signer) = ledger();
        let root = STANDARD.encode(Digest::of(b"root").as_bytes());
        let origin = key.origin();
        for body in [
            format!("{origin}\n07\n{root}\n"),
            format!("{origin}\n+7\n{root}\n"),
            format!("{origin}\n7\n{root}\nextension\n"),
            format!("{origin}\n7\n{}\n", &root[1..]),
            format!("{origin}\n7\r\n{root}\n"),
            format!("{origin}\n18446744073709551615\n{root}\n"),
        ] {
            let text = key.sign(&body, &signer).unwrap();
            assert_eq!(SignedCheckpoint::verify(&text, &key), Err(BadCheckpoint::Form), "{body:?}");
        }
        let foreign = key.sign(&format!("portcullis/ledger/other\n7\n{root}\n"), &signer).unwrap();
        assert_eq!(SignedCheckpoint::verify(&foreign, &key), Err(BadCheckpoint::Origin));
    }

    #[test]
    fn signs_only_with_the_key_the_ledger_names() {
        let (key, _) = ledger();
        let (_, stranger) = ledger();
        assert!(SignedCheckpoint::sign(1, Digest::of(b""), &key, &stranger).is_err());
    }

    #[test]
    fn keys_have_one_spelling() {
        let (key, _) = ledger();
        let text = key.to_string();
        assert_eq!(text.parse(), Ok(key.clone()));
        let mut parts: Vec<&str> = text.split('+').collect();
        let upper = parts[1].to_uppercase();
        if upper != parts[1] {
            parts[1] = &upper;
            assert_eq!(parts.join("+").parse::<LedgerKey>(), Err(NotALedgerKey::Form));
        }
        assert_eq!("a+00000000+".parse::<LedgerKey>(), Err(NotALedgerKey::Algorithm));
        let mldsa = LocalSigner::from_pkcs8(&LocalSigner::generate(Algorithm::MlDsa87).unwrap()).unwrap();
        let refused = LedgerKey::new(key.origin().clone(), mldsa.public().clone());
        assert_eq!(refused, Err(NotALedgerKey::Algorithm));
    }

    #[test]
    fn keys_have_one_spelling_and_one_id() {
        let vkey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
        assert!(vkey.parse::<LedgerKey>().is_ok());
        for other in [
            vkey.replace("c74f20a3", "C74F20A3"),
            vkey.replace("c74f20a3", "c74f20a4"),
            vkey.replace("c74f20a3", ""),
            vkey.replacen("PeterNeumann", "Peterneumann", 1),
        ] {
            assert_eq!(other.parse::<LedgerKey>(), Err(NotALedgerKey::Form), "{other}");
        }
    }

    #[test]
    fn agrees_with_the_example_of_the_signed_note_specification() {
        // c2sp.org/signed-note's published example of a verifier key.
        let vkey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
        let key: LedgerKey = vkey.parse().unwrap();
        assert_eq!(hex::encode(key.id()), "c74f20a3");
        assert_eq!(key.to_string(), vkey);
        let note = "If you think cryptography is the answer to your problem,\n\
                    then you don't know what your problem is.\n\
                    \n\
                    — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
        assert!(key.open(note).is_some());
        assert!(key.open(&note.replacen("answer", "Answer", 1)).is_none());
    }
}
