//! Weak public keys. They have the right length, but under some of them one signature verifies for every message, and under others
//! anybody can create signatures. No correct key generator produces them, so all are refused.

use aws_lc_rs::signature::ParsedPublicKey;

use super::Algorithm;

/// Why a raw key of the right length is weak; `None` if it is not.
pub(super) fn weakness(algorithm: Algorithm, raw: &[u8]) -> Option<&'static str> {
    match algorithm {
        Algorithm::Ed25519 => ed25519(raw),
        // The library checks that the point is on the curve. The group has prime order, so no point on it is weak.
        Algorithm::Es384 => {
            ParsedPublicKey::new(algorithm.verification(), raw).err().map(|_| "it is not a point of the curve")
        }
        Algorithm::MlDsa87 => ml_dsa_87(raw),
    }
}

/// The prime 2^255 - 19 of Curve25519, in little-endian bytes.
const PRIME: [u8; 32] = {
    let mut prime = [0xff; 32];
    prime[0] = 0xed;
    prime[31] = 0x7f;
    prime
};

/// The `y` of every point of Ed25519 whose order divides eight (RFC 8032, section 5.1): the identity, those of order two
/// and four, and two of order eight, each with either sign.
const SMALL_ORDER: [[u8; 32]; 5] = [
    small(0),
    small(1),
    {
        let mut minus_one = PRIME;
        minus_one[0] -= 1;
        minus_one
    },
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
        0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
        0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
];

const fn small(value: u8) -> [u8; 32] {
    let mut number = [0; 32];
    number[0] = value;
    number
}

fn ed25519(raw: &[u8]) -> Option<&'static str> {
    let mut y: [u8; 32] = raw.try_into().ok()?;
    // The highest bit is the sign of x.
    y[31] &= 0x7f;
    if y.iter().rev().ge(PRIME.iter().rev()) {
        return Some("its encoding is not canonical");
    }
    SMALL_ORDER.contains(&y).then_some("it is a point of small order, under which one signature fits every message")
}

/// Bytes of the seed before `t1`, bytes of one polynomial of `t1` at ten bits per coefficient, and coefficients of a polynomial
/// (FIPS 204, algorithm 22).
const SEED: usize = 32;
const POLYNOMIAL: usize = 320;
const COEFFICIENTS: usize = 256;

fn ml_dsa_87(raw: &[u8]) -> Option<&'static str> {
    let degenerate =
        raw.get(SEED..)?.chunks(POLYNOMIAL).any(|t1| coefficients(t1).filter(is_short).count() > COEFFICIENTS / 2);
    degenerate.then_some("its `t1` is zero or nearly zero, so anybody can sign")
}

/// Whether a coefficient of `t1` is close to zero in the verification equation, which multiplies it by 2^13: at most 2^14
/// from zero modulo q = 2^23 - 2^13 + 1. Six of 1024 values are, so in a generated key about two of 256 coefficients.
fn is_short(coefficient: &u16) -> bool {
    matches!(coefficient, 0..=2 | 1021..=1023)
}

/// Unpacks coefficients of ten bits each, least significant bit first (FIPS 204, algorithm 16).
fn coefficients(packed: &[u8]) -> impl Iterator<Item = u16> {
    packed.chunks(5).flat_map(|five| {
        let bits = five.iter().rev().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        // INVARIANT: ten bits fit in a `u16`.
        (0..4).map(move |n| u16::try_from(bits >> (10 * n) & 0x3ff).unwrap_or(0))
    })
}

#[cfg(test)]
mod tests {
    use super::super::{LocalSigner, NotAKey, PublicKey, Signer as _};
    use super::*;

    fn refused(algorithm: Algorithm, raw: &[u8]) -> bool {
        let read = PublicKey::from_raw(algorithm, raw);
        let text = format!("{}:{}", algorithm.name(), base64(raw));
        assert_eq!(text.parse::<PublicKey>(), read, "there is one way in");
        matches!(read, Err(NotAKey::Weak { .. }))
    }

    fn base64(raw: &[u8]) -> String {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(raw)
    }

    fn sound(algorithm: Algorithm) -> Vec<u8> {
        let der = LocalSigner::generate(algorithm).expect("randomness");
        LocalSigner::from_pkcs8(&der).expect("a key").public().raw().to_vec()
    }

    #[test]
    fn generated_keys_are_accepted() {
        for algorithm in [Algorithm::Ed25519, Algorithm::Es384, Algorithm::MlDsa87] {
            for _ in 0..8 {
                let raw = sound(algorithm);
                assert!(!refused(algorithm, &raw), "{algorithm:?}: {raw:02x?}");
            }
        }
    }

    #[test]
    fn refuses_every_ed25519_point_of_small_order_in_every_spelling() {
        for y in SMALL_ORDER {
            for sign in [0, 0x80] {
                let mut raw = y;
                raw[31] |= sign;
                assert!(refused(Algorithm::Ed25519, &raw), "{raw:02x?}");
            }
        }
        // The prime and above, up to what 255 bits hold: each spells a number that has a shorter spelling.
        for above in 0xed..=0xff_u8 {
            for sign in [0x7f, 0xff] {
                let mut raw = PRIME;
                (raw[0], raw[31]) = (above, sign);
                assert!(refused(Algorithm::Ed25519, &raw), "{raw:02x?}");
            }
        }
    }

    #[test]
    fn one_signature_fits_every_message_under_the_identity() {
        // What the refusal is for: R and A are the identity, S is zero, and the equation holds whatever was signed.
        let mut signature = [0; 64];
        signature[0] = 1;
        for message in [&b"EXERCISE one"[..], b"EXERCISE two"] {
            let key = aws_lc_rs::signature::UnparsedPublicKey::new(&aws_lc_rs::signature::ED25519, small(1));
            assert!(key.verify(message, &signature).is_ok());
        }
        assert!(refused(Algorithm::Ed25519, &small(1)));
    }

    #[test]
    fn refuses_ml_dsa_keys_whose_t1_is_zero_or_nearly_so_in_any_part() {
        let sound = sound(Algorithm::MlDsa87);
        let mut zero = sound.clone();
        zero[SEED..].fill(0);
        assert!(refused(Algorithm::MlDsa87, &zero));
        // All ones are 1023, which is minus one once it is multiplied by 2^13 modulo q.
        let mut ones = sound.clone();
        ones[SEED..].fill(0xff);
        assert!(refused(Algorithm::MlDsa87, &ones));
        let mut sparse = zero;
        sparse[SEED] = 5;
        assert!(refused(Algorithm::MlDsa87, &sparse));
        for part in 0..8 {
            let mut raw = sound.clone();
            raw[SEED + part * POLYNOMIAL..][..POLYNOMIAL].fill(0);
            assert!(refused(Algorithm::MlDsa87, &raw), "part {part}");
        }
        // Of one part a little more than half, and a little less: five bytes are four coefficients.
        for (bytes, weak) in [(165, true), (100, false)] {
            let mut raw = sound.clone();
            raw[SEED + POLYNOMIAL..][..bytes].fill(0);
            assert_eq!(refused(Algorithm::MlDsa87, &raw), weak, "{bytes} bytes");
        }
        assert!(!refused(Algorithm::MlDsa87, &sound));
    }

    #[test]
    fn coefficients_are_ten_bits_each_from_the_lowest_on() {
        // 1, 2, 4 and 8 of FIPS 204, algorithm 16: bits 0, 11, 22 and 33.
        let packed: [u8; 5] = [0b0000_0001, 0b0000_1000, 0b0100_0000, 0, 0b0000_0010];
        assert_eq!(coefficients(&packed).collect::<Vec<_>>(), [1, 2, 4, 8]);
        assert_eq!(coefficients(&[0xff; 5]).collect::<Vec<_>>(), [1023; 4]);
        assert_eq!(coefficients(&[0; POLYNOMIAL]).count(), COEFFICIENTS);
    }

    #[test]
    fn just_half_of_a_part_may_be_short() {
        // 5 is no short coefficient, and none of those that follow are.
        let part = |short: usize| {
            let values = (0..COEFFICIENTS).map(|n| if n < short { 0_u64 } else { 5 }).collect::<Vec<_>>();
            let pack = |four: &[u64]| {
                let bits = four.iter().rev().fold(0, |bits, value| bits << 10 | value);
                bits.to_le_bytes()[..5].to_vec()
            };
            let raw: Vec<u8> = vec![7; SEED].into_iter().chain(values.chunks(4).flat_map(pack)).collect();
            ml_dsa_87(&raw).is_some()
        };
        assert!(!part(COEFFICIENTS / 2) && part(COEFFICIENTS / 2 + 1));
    }

    #[test]
    fn refuses_what_is_no_point_of_p384() {
        let sound = sound(Algorithm::Es384);
        assert!(!refused(Algorithm::Es384, &sound));
        let mut off = sound.clone();
        off[96] ^= 1;
        let mut nowhere = vec![0; 97];
        nowhere[0] = 4;
        for raw in [off, nowhere] {
            assert!(refused(Algorithm::Es384, &raw));
        }
        // The point at infinity is one byte, and a compressed point 49.
        for raw in [&[0][..], &sound[..49]] {
            assert_eq!(PublicKey::from_raw(Algorithm::Es384, raw), Err(NotAKey::Form));
        }
    }
}
