//! Fields that certificates and revocation lists share: algorithms, times, serial numbers, signatures.

use aws_lc_rs::signature::{ECDSA_P384_SHA384_ASN1, ML_DSA_87, UnparsedPublicKey, VerificationAlgorithm};
use x509_parser::der_parser::asn1_rs::{Oid, oid};
use x509_parser::time::ASN1Time;
use x509_parser::x509::{AlgorithmIdentifier, SubjectPublicKeyInfo};

use super::{CertificateAlgorithm, KeyUse};
use crate::sign::{Algorithm, PublicKey};
use crate::time::Time;

/// The largest certificate accepted, in bytes. An ML-DSA-87 certificate takes about 7.5 KiB.
pub(super) const CERTIFICATE_BYTES_MAX: usize = 32 * 1024;

/// Whether a signature algorithm identifier is exactly the one for `algorithm`, parameters absent (RFC 5758, 9881).
pub(super) fn signs_with(id: &AlgorithmIdentifier<'_>, algorithm: CertificateAlgorithm) -> bool {
    let expected: Oid<'_> = match algorithm {
        CertificateAlgorithm::P384 => oid!(1.2.840.10045.4.3.3),
        CertificateAlgorithm::MlDsa87 => oid!(2.16.840.1.101.3.4.3.19),
    };
    id.algorithm == expected && id.parameters.is_none()
}

/// Whether a public key is encoded exactly as `algorithm` requires (named curve, uncompressed point: RFC 5480; RFC 9881) and is
/// not a weak key.
pub(super) fn is_key_for(key: &SubjectPublicKeyInfo<'_>, algorithm: CertificateAlgorithm) -> bool {
    let bytes = key.subject_public_key.data.as_ref();
    let whole = key.subject_public_key.unused_bits == 0;
    let parameters = key.algorithm.parameters.as_ref();
    whole
        && match algorithm {
            CertificateAlgorithm::P384 => {
                let curve: Oid<'_> = oid!(1.3.132.0.34);
                key.algorithm.algorithm == oid!(1.2.840.10045.2.1)
                    && parameters.and_then(|p| p.as_oid().ok()) == Some(curve)
                    && is_sound(Algorithm::Es384, bytes)
            }
            CertificateAlgorithm::MlDsa87 => {
                key.algorithm.algorithm == oid!(2.16.840.1.101.3.4.3.19)
                    && parameters.is_none()
                    && is_sound(Algorithm::MlDsa87, bytes)
            }
        }
}

/// Whether raw bytes are a public key of `algorithm`, and not a weak one under which anybody could sign.
fn is_sound(algorithm: Algorithm, raw: &[u8]) -> bool {
    PublicKey::from_raw(algorithm, raw).is_ok()
}

/// Whether a public key is an Ed25519 key, parameters absent (RFC 8410).
pub(super) fn is_ed25519(key: &SubjectPublicKeyInfo<'_>) -> bool {
    let bits = &key.subject_public_key;
    let named = key.algorithm.algorithm == oid!(1.3.101.112) && key.algorithm.parameters.is_none();
    named && bits.unused_bits == 0 && is_sound(Algorithm::Ed25519, &bits.data)
}

/// Whether `signature` over `message` verifies under the raw public key.
pub(super) fn verifies(algorithm: CertificateAlgorithm, key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let verification: &'static dyn VerificationAlgorithm = match algorithm {
        CertificateAlgorithm::P384 => &ECDSA_P384_SHA384_ASN1,
        CertificateAlgorithm::MlDsa87 => &ML_DSA_87,
    };
    UnparsedPublicKey::new(verification, key).verify(message, signature).is_ok()
}

/// Converts an ASN.1 time. Times before 1970 become the epoch, which can change a validity only before 1970.
pub(super) fn to_time(time: ASN1Time) -> Time {
    Time::from_unix_ms(time.timestamp().saturating_mul(1000))
}

/// The magnitude of a serial number (DER integer content octets, big-endian), or `None` if RFC 5280, section 4.1.2.2 forbids it:
/// zero, negative, or longer than twenty octets.
pub(super) fn serial(raw: &[u8]) -> Option<Vec<u8>> {
    let negative = raw.first().is_none_or(|b| b & 0x80 != 0);
    if negative || raw.len() > 20 {
        return None;
    }
    let magnitude = unsigned(raw);
    if magnitude.is_empty() { None } else { Some(magnitude.to_vec()) }
}

/// Strips the leading zeros of a big-endian number.
pub(super) fn unsigned(raw: &[u8]) -> &[u8] {
    let zeros = raw.iter().take_while(|b| **b == 0).count();
    &raw[zeros..]
}

/// The KeyUsage bits (RFC 5280, section 4.2.1.3) of `uses`; bit 0 of the extension is the least significant.
pub(super) fn key_usage_bits(uses: &[KeyUse]) -> u16 {
    let bit = |u: &KeyUse| match u {
        KeyUse::DigitalSignature => 1 << 0,
        KeyUse::KeyCertSign => 1 << 5,
        KeyUse::CrlSign => 1 << 6,
    };
    uses.iter().map(bit).fold(0, |all, bit| all | bit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_serial_numbers_that_are_zero_negative_or_too_long() {
        assert_eq!(serial(&[0x00, 0x80]), Some(vec![0x80]));
        assert_eq!(serial(&[0x7f; 20]).map(|s| s.len()), Some(20));
        for raw in [&[][..], &[0x00], &[0x80], &[0x00; 3], &[0x01; 21]] {
            assert_eq!(serial(raw), None, "{raw:02x?} was accepted");
        }
    }
}
