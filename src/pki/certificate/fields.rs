//! The fields that every kind of certificate has, and parsing.

use rustls_pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;

use crate::pki::CertificateFault;
use crate::pki::der;
use crate::pki::der::CERTIFICATE_BYTES_MAX;
use crate::time::Time;

/// The encoding, serial number and validity of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::pki) struct Certificate {
    pub der: Vec<u8>,
    pub serial: Vec<u8>,
    pub not_before: Time,
    pub not_after: Time,
}

impl Certificate {
    /// Extracts the fields of `x509`, which was parsed from `der` and whose serial number was checked.
    pub fn of(der: &[u8], x509: &X509Certificate<'_>) -> Certificate {
        // INVARIANT: `common_faults` found a well-formed serial number.
        let serial = der::serial(x509.raw_serial()).expect("the serial number was checked");
        let (not_before, not_after) = (x509.validity().not_before, x509.validity().not_after);
        let (not_before, not_after) = (der::to_time(not_before), der::to_time(not_after));
        Certificate { der: der.to_vec(), serial, not_before, not_after }
    }
}

/// Parses one DER certificate of at most [`CERTIFICATE_BYTES_MAX`] bytes. Checks its form only.
///
/// # Errors
/// [`CertificateFault::Form`] if it is too long, malformed, or followed by more bytes.
pub(in crate::pki) fn read(der: &[u8]) -> Result<X509Certificate<'_>, CertificateFault> {
    if der.len() > CERTIFICATE_BYTES_MAX {
        return Err(CertificateFault::Form);
    }
    // A second, stricter parser: x509-parser overlooks wrong tags in parts that no signature covers.
    if webpki::anchor_from_trusted_cert(&CertificateDer::from(der)).is_err() {
        return Err(CertificateFault::Form);
    }
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        _ => Err(CertificateFault::Form),
    }
}

/// Defines the accessors that all kinds of certificates share, for a type with a field `certificate` of type [`Certificate`].
macro_rules! certificate_accessors {
    ($type:ty) => {
        impl $type {
            /// The certificate as it was parsed, DER.
            pub fn der(&self) -> &[u8] {
                &self.certificate.der
            }

            /// The certificate as PEM text.
            pub fn to_pem(&self) -> String {
                $crate::pki::der_to_pem($crate::pki::PEM_CERTIFICATE, &self.certificate.der)
            }

            /// The serial number, big-endian, without leading zeros.
            pub fn serial(&self) -> &[u8] {
                &self.certificate.serial
            }

            /// SHA-256 of the DER certificate.
            pub fn fingerprint(&self) -> $crate::digest::Digest {
                $crate::digest::Digest::of(&self.certificate.der)
            }

            /// The first moment of validity; inclusive, a whole second.
            pub fn not_before(&self) -> $crate::time::Time {
                self.certificate.not_before
            }

            /// The last moment of validity; inclusive, a whole second.
            pub fn not_after(&self) -> $crate::time::Time {
                self.certificate.not_after
            }
        }
    };
}

pub(in crate::pki) use certificate_accessors;
