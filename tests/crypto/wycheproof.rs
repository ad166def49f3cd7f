//! C2SP Wycheproof against every primitive that the gateway relies on: signatures with the code that verifies statements, primitives of
//! connections with the cryptographic provider, and primitives of payloads with age and the crates it uses
//! (`tests/vectors/wycheproof/README.md`). Every case is counted.

use aws_lc_rs::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{self, PrivateKey, UnparsedPublicKey};
use aws_lc_rs::kem::{self, Ciphertext, DecapsulationKey, EncapsulationKey};
use aws_lc_rs::{hkdf, signature};
use portcullis::sign::{Algorithm, PublicKey};
use serde_json::Value;

/// One case.
struct Case(Value);

impl Case {
    fn text(&self, field: &str) -> &str {
        self.0[field].as_str().unwrap_or_default()
    }

    fn bytes(&self, field: &str) -> Vec<u8> {
        hex::decode(self.text(field)).unwrap()
    }

    fn number(&self, field: &str) -> usize {
        self.0[field].as_u64().and_then(|n| usize::try_from(n).ok()).unwrap()
    }

    fn has(&self, flag: &str) -> bool {
        self.0["flags"].as_array().unwrap().iter().any(|found| found == flag)
    }

    fn is_valid(&self) -> bool {
        match self.text("result") {
            "valid" => true,
            "invalid" => false,
            other => panic!("{self}: result `{other}`"),
        }
    }
}

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "case {} {} ({})", self.0["tcId"], self.0["flags"], self.text("comment"))
    }
}

/// The cases of a file, as many as its header states.
fn cases(name: &str) -> Vec<Case> {
    let path = format!("{}/tests/vectors/wycheproof/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let read: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let cases: Vec<Case> = read["tests"].as_array().unwrap().iter().cloned().map(Case).collect();
    assert_eq!(Some(cases.len() as u64), read["cases"].as_u64());
    cases
}

/// Compares every case with the result of `accepted`; returns how many were accepted and how many refused.
fn agree(name: &str, accepted: impl Fn(&Case) -> bool) -> (usize, usize) {
    let (mut taken, mut refused) = (0, 0);
    for case in cases(name) {
        assert_eq!(accepted(&case), case.is_valid(), "{name}: {case}");
        if case.is_valid() { taken += 1 } else { refused += 1 }
    }
    (taken, refused)
}

/// Whether a signature verifies, with the key parsed as that of a statement's signer.
fn verifies(case: &Case, algorithm: Algorithm) -> bool {
    PublicKey::from_raw(algorithm, &case.bytes("publicKey"))
        .is_ok_and(|key| key.verifies(&case.bytes("msg"), &case.bytes("sig")))
}

#[test]
fn ed25519_signatures_of_statements_and_checkpoints() {
    assert_eq!(agree("ed25519_test", |case| verifies(case, Algorithm::Ed25519)), (88, 63));
}

#[test]
fn p384_signatures_of_statements() {
    assert_eq!(agree("ecdsa_secp384r1_sha384_p1363_test", |case| verifies(case, Algorithm::Es384)), (193, 87));
}

#[test]
fn p384_signatures_of_certificates() {
    let verifies = |case: &Case| {
        let key = signature::UnparsedPublicKey::new(&signature::ECDSA_P384_SHA384_ASN1, case.bytes("publicKey"));
        key.verify(&case.bytes("msg"), &case.bytes("sig")).is_ok()
    };
    assert_eq!(agree("ecdsa_secp384r1_sha384_test", verifies), (194, 310));
}

#[test]
fn ml_dsa_87_signatures_of_statements_and_certificates() {
    let (mut taken, mut refused, mut weak, mut other_context) = (0, 0, 0, 0);
    for case in cases("mldsa_87_verify_test") {
        let key = PublicKey::from_raw(Algorithm::MlDsa87, &case.bytes("publicKey"));
        let holds = key.is_ok_and(|key| key.verifies(&case.bytes("msg"), &case.bytes("sig")));
        // Statements are signed without a context, so a signature with one is for something else.
        if !case.text("ctx").is_empty() {
            assert!(!holds, "{case}");
            other_context += 1;
        } else if (case.has("ZeroPublicKey") || case.has("MissingReduction")) && case.is_valid() {
            // The equation holds but proves nothing: under a key whose `t1` is 0 throughout, or 1023, which is close to zero
            // modulo q, anybody can sign. The key itself is refused.
            assert!(!holds, "{case}");
            weak += 1;
        } else {
            assert_eq!(holds, case.is_valid(), "{case}");
            if holds { taken += 1 } else { refused += 1 }
        }
    }
    assert_eq!((taken, refused, weak, other_context), (22, 35, 3, 7));
}

/// What an authenticated cipher opens; `None` if it refuses, a nonce of another length than 96 bits included.
fn opens(case: &Case, algorithm: &'static aead::Algorithm) -> Option<Vec<u8>> {
    let key = LessSafeKey::new(UnboundKey::new(algorithm, &case.bytes("key")).unwrap());
    let nonce = || Nonce::try_assume_unique_for_key(&case.bytes("iv")).ok();
    let (aad, message) = (case.bytes("aad"), case.bytes("msg"));
    let mut sealed = [case.bytes("ct"), case.bytes("tag")].concat();
    let opened = key.open_in_place(nonce()?, Aad::from(&aad), &mut sealed).ok().map(|text| text.to_vec());
    if let Some(opened) = &opened {
        assert_eq!(*opened, message, "{case}");
        let mut again = message.clone();
        key.seal_in_place_append_tag(nonce()?, Aad::from(&aad), &mut again).unwrap();
        assert_eq!(again, [case.bytes("ct"), case.bytes("tag")].concat(), "{case}");
    }
    opened
}

/// What the cipher of payloads opens, by the crate that age seals and opens with; `None` as for [`opens`].
fn opens_as_age_does(case: &Case) -> Option<Vec<u8>> {
    use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
    let cipher = chacha20poly1305::ChaCha20Poly1305::new_from_slice(&case.bytes("key")).unwrap();
    let nonce: [u8; 12] = case.bytes("iv").try_into().ok()?;
    let (aad, message) = (case.bytes("aad"), case.bytes("msg"));
    let sealed = [case.bytes("ct"), case.bytes("tag")].concat();
    let opened = cipher.decrypt(&nonce.into(), Payload { msg: &sealed, aad: &aad }).ok()?;
    assert_eq!(opened, message, "{case}");
    let again = cipher.encrypt(&nonce.into(), Payload { msg: &message, aad: &aad });
    assert_eq!(again, Ok(sealed), "{case}");
    Some(opened)
}

/// How many cases a cipher opened, refused, and refused because of a nonce length that is valid but not supported.
fn ciphers(name: &str, key_bits: usize, opens: impl Fn(&Case) -> Option<Vec<u8>>) -> (usize, usize, usize) {
    let (mut opened, mut refused, mut other_nonce) = (0, 0, 0);
    for case in cases(name).iter().filter(|case| case.number("keySize") == key_bits) {
        let open = opens(case).is_some();
        if case.number("ivSize") != 96 && case.is_valid() {
            assert!(!open, "{name}: {case}");
            other_nonce += 1;
        } else {
            assert_eq!(open, case.is_valid(), "{name}: {case}");
            if open { opened += 1 } else { refused += 1 }
        }
    }
    (opened, refused, other_nonce)
}

#[test]
fn aes_gcm_of_connections() {
    assert_eq!(ciphers("aes_gcm_test", 256, |case| opens(case, &aead::AES_256_GCM)), (39, 29, 37));
    // QUIC's Initial packets, which hold no secrets (RFC 9001, section 5.2).
    assert_eq!(ciphers("aes_gcm_test", 128, |case| opens(case, &aead::AES_128_GCM)), (40, 29, 39));
}

#[test]
fn chacha20_poly1305_of_connections() {
    let found = ciphers("chacha20_poly1305_test", 256, |case| opens(case, &aead::CHACHA20_POLY1305));
    assert_eq!(found, (256, 69, 0));
}

#[test]
fn chacha20_poly1305_of_payloads() {
    assert_eq!(ciphers("chacha20_poly1305_test", 256, opens_as_age_does), (256, 69, 0));
}

struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

#[test]
fn hkdf_of_connections_and_of_the_node() {
    let derives = |algorithm: hkdf::Algorithm| {
        move |case: &Case| {
            let secret = hkdf::Salt::new(algorithm, &case.bytes("salt")).extract(&case.bytes("ikm"));
            let (info, mut out) = (case.bytes("info"), vec![0; case.number("size")]);
            let info = [info.as_slice()];
            let derived = secret.expand(&info, Length(out.len())).and_then(|okm| okm.fill(&mut out));
            derived.is_ok() && out == case.bytes("okm")
        }
    };
    assert_eq!(agree("hkdf_sha256_test", derives(hkdf::HKDF_SHA256)), (83, 3));
    assert_eq!(agree("hkdf_sha384_test", derives(hkdf::HKDF_SHA384)), (80, 3));
}

#[test]
fn hkdf_of_payloads() {
    // age derives with SHA-256 alone.
    let derives = |case: &Case| {
        let secret = ::hkdf::Hkdf::<sha2_of_age::Sha256>::new(Some(&case.bytes("salt")), &case.bytes("ikm"));
        let mut out = vec![0; case.number("size")];
        secret.expand(&case.bytes("info"), &mut out).is_ok() && out == case.bytes("okm")
    };
    assert_eq!(agree("hkdf_sha256_test", derives), (83, 3));
}

#[test]
fn x25519_refuses_points_under_which_the_secret_is_known() {
    let (mut agreed, mut refused) = (0, 0);
    for case in cases("x25519_test") {
        let private = PrivateKey::from_private_key(&agreement::X25519, &case.bytes("private")).unwrap();
        let public = UnparsedPublicKey::new(&agreement::X25519, case.bytes("public"));
        let shared = agreement::agree(&private, public, (), |shared| Ok(shared.to_vec()));
        // What Wycheproof leaves open: a shared secret of zeros is refused, every other one is computed.
        if case.has("ZeroSharedSecret") {
            assert!(shared.is_err(), "{case}");
            refused += 1;
        } else {
            assert_eq!(shared, Ok(case.bytes("shared")), "{case}");
            agreed += 1;
        }
    }
    assert_eq!((agreed, refused), (487, 31));
}

/// `age-secret-key-` and a scalar, as age writes an identity (BIP 173).
fn identity(scalar: &[u8]) -> String {
    const CHARACTERS: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    const PREFIX: &str = "age-secret-key-";
    let step = |sum: u32, value: u32| {
        let generators = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
        let carried = generators.iter().enumerate().filter(|(n, _)| sum >> (25 + n) & 1 == 1);
        carried.fold((sum & 0x01ff_ffff) << 5 ^ value, |sum, (_, generator)| sum ^ generator)
    };
    let mut bits =
        scalar.iter().flat_map(|byte| (0..8).rev().map(move |n| u32::from(byte >> n & 1))).collect::<Vec<_>>();
    bits.resize(bits.len().next_multiple_of(5), 0);
    let data: Vec<u32> = bits.chunks(5).map(|five| five.iter().fold(0, |sum, bit| sum << 1 | bit)).collect();
    let high = PREFIX.bytes().map(|c| u32::from(c >> 5)).chain([0]);
    let spread = high.chain(PREFIX.bytes().map(|c| u32::from(c & 31)));
    let sum = spread.chain(data.iter().copied()).chain([0; 6]).fold(1, step) ^ 1;
    let check = (0..6).rev().map(|n| sum >> (5 * n) & 31);
    let text = data.iter().copied().chain(check).map(|five| char::from(CHARACTERS[five as usize]));
    format!("{PREFIX}{}{}", '1', text.collect::<String>()).to_uppercase()
}

/// An age file (age-encryption.org/v1) for the identity `private`, wrapped under the shared secret that Wycheproof expects of
/// it with `public`: it opens only where age computes the same.
fn age_file(private: &[u8], public: &[u8], shared: &[u8]) -> Vec<u8> {
    use base64::Engine as _;
    let unpadded = base64::engine::general_purpose::STANDARD_NO_PAD;
    let derive = |salt: &[u8], secret: &[u8], info: &str| {
        let (mut key, info) = ([0; 32], [info.as_bytes()]);
        let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(secret);
        prk.expand(&info, Length(32)).and_then(|okm| okm.fill(&mut key)).unwrap();
        key
    };
    let seal = |key: &[u8], nonce: [u8; 12], text: &[u8]| {
        let (key, mut sealed) = (UnboundKey::new(&aead::CHACHA20_POLY1305, key).unwrap(), text.to_vec());
        let nonce = Nonce::assume_unique_for_key(nonce);
        LessSafeKey::new(key).seal_in_place_append_tag(nonce, Aad::empty(), &mut sealed).unwrap();
        sealed
    };
    let own = PrivateKey::from_private_key(&agreement::X25519, private).unwrap().compute_public_key().unwrap();
    let (file_key, nonce) = ([7; 16], [9; 16]);
    let wrapped =
        seal(&derive(&[public, own.as_ref()].concat(), shared, "age-encryption.org/v1/X25519"), [0; 12], &file_key);
    let (share, wrapped) = (unpadded.encode(public), unpadded.encode(wrapped));
    let header = format!("age-encryption.org/v1\n-> X25519 {share}\n{wrapped}\n---");
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &derive(&[], &file_key, "header"));
    let mac = unpadded.encode(aws_lc_rs::hmac::sign(&key, header.as_bytes()));
    let mut last = [0; 12];
    last[11] = 1;
    let payload = seal(&derive(&nonce, &file_key, "payload"), last, b"EXERCISE");
    [format!("{header} {mac}\n").as_bytes(), &nonce, &payload].concat()
}

#[test]
fn x25519_of_payloads_as_age_computes_it() {
    let (mut opened, mut refused) = (0, 0);
    for case in cases("x25519_test") {
        let (private, public) = (case.bytes("private"), case.bytes("public"));
        let identity: age::x25519::Identity = identity(&private).parse().unwrap();
        let file = age_file(&private, &public, &case.bytes("shared"));
        let open = || {
            let decryptor = age::Decryptor::new(&file[..]).ok()?;
            let mut text = Vec::new();
            let mut reader = decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity)).ok()?;
            std::io::Read::read_to_end(&mut reader, &mut text).ok()?;
            Some(text)
        };
        if case.has("ZeroSharedSecret") {
            assert_eq!(open(), None, "{case}");
            refused += 1;
        } else {
            assert_eq!(open().as_deref(), Some(&b"EXERCISE"[..]), "{case}");
            opened += 1;
        }
    }
    assert_eq!((opened, refused), (487, 31));
}

#[test]
fn ml_kem_of_connections() {
    for (name, algorithm, accepted, refused) in [("768", &kem::ML_KEM_768, 6, 32), ("1024", &kem::ML_KEM_1024, 6, 32)] {
        let encapsulates = |case: &Case| {
            EncapsulationKey::new(algorithm, &case.bytes("ek")).is_ok_and(|key| key.encapsulate().is_ok())
        };
        assert_eq!(agree(&format!("mlkem_{name}_encaps_test"), encapsulates), (accepted, refused));
        let decapsulates = |case: &Case| {
            let Ok(key) = DecapsulationKey::new(algorithm, &case.bytes("dk")) else { return false };
            let ciphertext = case.bytes("c");
            let shared = key.decapsulate(Ciphertext::from(ciphertext.as_slice()));
            shared.is_ok_and(|shared| shared.as_ref() == case.bytes("K"))
        };
        assert_eq!(agree(&format!("mlkem_{name}_semi_expanded_decaps_test"), decapsulates), (3, 6));
    }
}
