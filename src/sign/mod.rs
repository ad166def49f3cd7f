//! Signed statements: COSE_Sign1 (RFC 9052) over deterministic CBOR (RFC 8949, section 4.2). Everything that is signed is signed
//! here.
//!
//! Signing takes a statement and a [`Signer`]; verification takes bytes and the expected [`PublicKey`]. Both return a [`Signed`]
//! statement. The kind of statement is part of the protected header, so that a receipt can never be used as an approval.
//!
//! It refuses unprotected headers, unknown algorithms, weak keys, and every encoding but the canonical one.

mod algorithm;
mod weak_key;
mod key;
mod signer;
mod pem;
mod instance;
mod statement;
mod verification_cache;

pub use algorithm::Algorithm;
pub use instance::Instance;
pub use key::{NotAKey, PublicKey};
pub use pem::{private_key_from_pem, private_key_to_pem};
pub use signer::{LocalSigner, SignError, Signer};
pub use statement::{NotSigned, Signed, Statement, signature};
pub use verification_cache::VerificationCache;

#[cfg(test)]
mod tests {
    use coset::TaggedCborSerializable as _;
    use minicbor::{Decode, Encode};

    use super::*;

    #[derive(Debug, Clone, PartialEq, Encode, Decode)]
    #[cbor(map)]
    pub(super) struct Note {
        #[n(0)]
        pub(super) text: String,
    }

    impl Statement for Note {
        const CONTENT_TYPE: &'static str = "application/vnd.portcullis.test-note+cbor";
    }

    #[derive(Debug, Clone, PartialEq, Encode, Decode)]
    #[cbor(map)]
    pub(super) struct OtherNote {
        #[n(0)]
        pub(super) text: String,
    }

    impl Statement for OtherNote {
        const CONTENT_TYPE: &'static str = "application/vnd.portcullis.other-note+cbor";
    }

    const ALL: [Algorithm; 3] = [Algorithm::Ed25519, Algorithm::Es384, Algorithm::MlDsa87];

    fn signer(algorithm: Algorithm) -> LocalSigner {
        LocalSigner::from_pkcs8(&LocalSigner::generate(algorithm).unwrap()).unwrap()
    }

    fn note() -> Note {
        Note { text: "EXERCISE".into() }
    }

    #[test]
    fn every_algorithm_signs_and_verifies() {
        for algorithm in ALL {
            let signer = signer(algorithm);
            assert_eq!(signer.public().algorithm(), algorithm);
            let signed = Signed::sign(note(), &signer).unwrap();
            let read = Signed::<Note>::verify(signed.bytes(), signer.public()).unwrap();
            assert_eq!(read.statement(), &note());
        }
    }

    #[test]
    fn refuses_every_flipped_bit_of_a_signed_statement() {
        let signer = signer(Algorithm::Ed25519);
        let signed = Signed::sign(note(), &signer).unwrap();
        for bit in 0..signed.bytes().len() * 8 {
            let mut bytes = signed.bytes().to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(Signed::<Note>::verify(&bytes, signer.public()).is_err(), "bit {bit} flipped was accepted");
        }
    }

    #[test]
    fn refuses_a_statement_of_another_kind_key_or_algorithm() {
        let ours = signer(Algorithm::Ed25519);
        let signed = Signed::sign(note(), &ours).unwrap();
        assert!(matches!(Signed::<OtherNote>::verify(signed.bytes(), ours.public()), Err(NotSigned::Kind { .. })));
        let other = signer(Algorithm::Ed25519);
        assert!(matches!(Signed::<Note>::verify(signed.bytes(), other.public()), Err(NotSigned::Key { .. })));
        let p384 = signer(Algorithm::Es384);
        assert!(matches!(Signed::<Note>::verify(signed.bytes(), p384.public()), Err(NotSigned::Algorithm { .. })));
    }

    #[test]
    fn refuses_bytes_left_over_and_unprotected_headers() {
        let signer = signer(Algorithm::Ed25519);
        let signed = Signed::sign(note(), &signer).unwrap();
        let mut longer = signed.bytes().to_vec();
        longer.push(0);
        assert_eq!(Signed::<Note>::verify(&longer, signer.public()), Err(NotSigned::Form));
        let mut sign1 = coset::CoseSign1::from_tagged_slice(signed.bytes()).unwrap();
        sign1.unprotected = coset::HeaderBuilder::new().iv(vec![1]).build();
        let with_header = sign1.to_tagged_vec().unwrap();
        assert_eq!(Signed::<Note>::verify(&with_header, signer.public()), Err(NotSigned::Form));
    }

    #[test]
    fn refuses_every_spelling_but_the_shortest_of_what_no_signature_covers() {
        let signer = signer(Algorithm::Ed25519);
        let signed = Signed::sign(note(), &signer).unwrap();
        let bytes = signed.bytes();
        let signature = bytes.len() - 66;
        let payload = signature - crate::digest::encode(&note()).len() - 1;
        let spelled: [(&str, usize, &[u8], &[u8]); 5] = [
            ("the tag", 0, &[0xd2], &[0xd8, 0x12]),
            ("the array", 1, &[0x84], &[0x98, 0x04]),
            ("the unprotected headers", payload - 1, &[0xa0], &[0xb8, 0x00]),
            ("the length of the payload", payload, &[0x4b], &[0x58, 0x0b]),
            ("the length of the signature", signature, &[0x58, 0x40], &[0x59, 0x00, 0x40]),
        ];
        for (what, at, shortest, longer) in spelled {
            let end = at + shortest.len();
            assert_eq!(&bytes[at..end], shortest, "{what}");
            let other = [&bytes[..at], longer, &bytes[end..]].concat();
            let read = coset::CoseSign1::from_tagged_slice(&other).unwrap();
            assert_eq!(read.to_tagged_vec().unwrap(), bytes, "{what} says something else");
            assert_eq!(Signed::<Note>::verify(&other, signer.public()), Err(NotSigned::Form), "{what}");
        }
        assert!(Signed::<Note>::verify(bytes, signer.public()).is_ok());
    }

    /// The result of a signing request.
    type Returns = Box<dyn Fn(&[u8]) -> Result<Vec<u8>, SignError> + Send + Sync>;

    /// A signer that returns whatever the test specifies.
    struct Holder {
        says: PublicKey,
        returns: Returns,
    }

    impl Signer for Holder {
        fn public(&self) -> &PublicKey {
            &self.says
        }

        fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
            (self.returns)(message)
        }
    }

    #[test]
    fn a_signer_that_returns_no_valid_signature_has_not_signed() {
        for algorithm in ALL {
            let (own, other) = (std::sync::Arc::new(signer(algorithm)), signer(algorithm));
            let says = own.public().clone();
            let held = own.clone();
            let honest = Holder { says: says.clone(), returns: Box::new(move |message| held.sign(message)) };
            assert_eq!(Signed::sign(note(), &honest).unwrap().statement(), &note());
            let length = own.sign(b"EXERCISE").unwrap().len();
            let held = own.clone();
            let another_message = Box::new(move |_: &[u8]| held.sign(b"EXERCISE another"));
            let held = own.clone();
            let flipped = Box::new(move |message: &[u8]| {
                let mut signature = held.sign(message)?;
                signature[length / 2] ^= 1;
                Ok(signature)
            });
            let lies: [Returns; 5] = [
                Box::new(move |_| Ok(vec![0x5a; length])),
                Box::new(|_| Ok(Vec::new())),
                Box::new(move |message| other.sign(message)),
                another_message,
                flipped,
            ];
            for returns in lies {
                let refused = Signed::sign(note(), &Holder { says: says.clone(), returns });
                assert!(matches!(refused, Err(SignError::NotASignature { .. })), "{algorithm:?}: {refused:?}");
            }
        }
    }

    /// A signer that reports another public key after its first signature.
    struct Turncoat {
        keys: [LocalSigner; 2],
        signed: std::sync::atomic::AtomicUsize,
    }

    impl Signer for Turncoat {
        fn public(&self) -> &PublicKey {
            self.keys[self.signed.load(std::sync::atomic::Ordering::SeqCst).min(1)].public()
        }

        fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
            self.signed.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            self.keys[0].sign(message)
        }
    }

    #[test]
    fn a_signer_that_changes_its_key_while_it_signs_has_not_signed() {
        let keys = [signer(Algorithm::Ed25519), signer(Algorithm::Ed25519)];
        let refused = signature(&Turncoat { keys, signed: 0.into() }, b"EXERCISE");
        assert!(matches!(refused, Err(SignError::NotASignature { .. })), "{refused:?}");
        assert!(signature(&signer(Algorithm::Ed25519), b"EXERCISE").is_ok());
    }

    #[test]
    fn keys_print_and_parse() {
        for algorithm in ALL {
            let key = signer(algorithm).public().clone();
            assert_eq!(key.to_string().parse(), Ok(key));
        }
        assert_eq!("ed25519:AAAA".parse::<PublicKey>(), Err(NotAKey::Form));
        assert_eq!("none:".parse::<PublicKey>(), Err(NotAKey::Form));
    }
}
