//! The public key to which a partner's payloads are sealed.

use std::fmt;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::str::FromStr;

/// A native age recipient (X25519) in canonical form. Plugins and passphrases are not accepted.
#[derive(Clone)]
pub struct Recipient(age::x25519::Recipient);

/// Why a text is not an acceptable age recipient.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotARecipient {
    /// Another kind of recipient, or not the canonical form.
    #[error("expected an age recipient that starts with `age1` (X25519); plugins and passphrases are not accepted")]
    Form,
    /// A weak key: a point of small order, or one that is not encoded canonically (RFC 7748).
    #[error("weak age recipient: {0}; ask its holder to generate another")]
    Weak(&'static str),
    /// The encryption library cannot seal to it.
    #[error("nothing can be sealed to this age recipient; ask its holder to generate another")]
    Unusable,
}

impl Recipient {
    pub(super) fn as_age(&self) -> &dyn age::Recipient {
        &self.0
    }

    /// The raw X25519 public key (RFC 7748), 32 bytes little-endian.
    pub fn raw(&self) -> [u8; 32] {
        // INVARIANT: the library printed the text for a parsed recipient, whose key has 32 bytes.
        raw(&self.to_string()).unwrap_or_default()
    }

    /// Seals one byte as a test, so that an unusable recipient is found at enrolment and not at delivery.
    ///
    /// # Errors
    /// [`NotARecipient::Unusable`] if that fails.
    pub fn try_sealing(&self) -> Result<(), NotARecipient> {
        let sealing = || -> io::Result<()> {
            let mut writer = encrypting(self, io::sink())?;
            writer.write_all(&[0])?;
            writer.finish().map(|_| ())
        };
        // The library panics on some keys.
        match catch_unwind(AssertUnwindSafe(sealing)) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(NotARecipient::Unusable),
        }
    }
}

impl FromStr for Recipient {
    type Err = NotARecipient;

    fn from_str(text: &str) -> Result<Recipient, NotARecipient> {
        let recipient: age::x25519::Recipient = text.parse().map_err(|_| NotARecipient::Form)?;
        // Bech32 also permits capitals; only the canonical form is accepted, so that recipients can be compared as texts.
        if recipient.to_string() != text {
            return Err(NotARecipient::Form);
        }
        match weak(raw(text).ok_or(NotARecipient::Form)?) {
            Some(why) => Err(NotARecipient::Weak(why)),
            None => Ok(Recipient(recipient)),
        }
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Creates a writer that encrypts to exactly one recipient. The file is complete only after its `finish`.
pub(super) fn encrypting<W: Write>(to: &Recipient, out: W) -> io::Result<age::stream::StreamWriter<W>> {
    let encryptor = age::Encryptor::with_recipients(std::iter::once(to.as_age())).map_err(io::Error::other)?;
    // The library's own message exposes its internals.
    let refused = |_| io::Error::other("the first bytes cannot be written: the disk may be full or failing");
    encryptor.wrap_output(out).map_err(refused)
}

/// The 32 characters of Bech32, by the five bits that each stands for (BIP 173).
const BECH32: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
/// The prefix before the key, and the number of checksum characters after it.
const PREFIX: &str = "age1";
const CHECKSUM: usize = 6;

/// Decodes the key in a recipient's text. The caller has checked the checksum.
fn raw(text: &str) -> Option<[u8; 32]> {
    let data = text.strip_prefix(PREFIX)?.as_bytes();
    let data = &data[..data.len().checked_sub(CHECKSUM)?];
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0_u32, 0_u32);
    for character in data {
        let five = BECH32.iter().position(|c| c == character)?;
        bits = bits << 5 | u32::try_from(five).ok()?;
        held += 5;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from(bits >> held & 0xff).ok()?);
            bits &= (1 << held) - 1;
        }
    }
    bytes.try_into().ok()
}

/// The prime 2^255 - 19 of Curve25519, in little-endian bytes.
const PRIME: [u8; 32] = {
    let mut prime = [0xff; 32];
    prime[0] = 0xed;
    prime[31] = 0x7f;
    prime
};

/// The `u` of every point of Curve25519 and its twist whose order divides eight (RFC 7748, section 6.1): the shared secret
/// with any of them is zero.
const SMALL_ORDER: [[u8; 32]; 5] = [
    small(0),
    small(1),
    {
        let mut minus_one = PRIME;
        minus_one[0] -= 1;
        minus_one
    },
    [
        0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09,
        0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00,
    ],
    [
        0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04, 0x44,
        0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57,
    ],
];

const fn small(value: u8) -> [u8; 32] {
    let mut number = [0; 32];
    number[0] = value;
    number
}

/// Why a raw key is weak; `None` if it is not.
fn weak(u: [u8; 32]) -> Option<&'static str> {
    // A generated key is less than the prime and has its highest bit clear. RFC 7748, section 5 makes readers accept others.
    if u.iter().rev().ge(PRIME.iter().rev()) {
        return Some("its encoding is not canonical");
    }
    SMALL_ORDER.contains(&u).then_some("it is a point of small order: anybody can open what is sealed to it")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::{Opener as _, PayloadIdentity};

    /// The recipient of a raw key, with its checksum (BIP 173).
    fn text(raw: [u8; 32], prefix: &str) -> String {
        let mut data: Vec<u8> = Vec::new();
        let (mut bits, mut held) = (0_u32, 0);
        for byte in raw {
            (bits, held) = ((bits << 8 | u32::from(byte)) & 0xfff, held + 8);
            while held >= 5 {
                held -= 5;
                data.push((bits >> held & 31) as u8);
            }
        }
        if held > 0 {
            data.push((bits << (5 - held) & 31) as u8);
        }
        let expanded: Vec<u8> =
            prefix.bytes().map(|b| b >> 5).chain([0]).chain(prefix.bytes().map(|b| b & 31)).collect();
        let values = expanded.iter().chain(&data).chain(&[0; CHECKSUM]);
        let polymod = values.fold(1_u32, |sum, value| {
            let top = sum >> 25;
            let generators = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
            let mixed = generators.iter().enumerate().filter(|(n, _)| top >> n & 1 == 1).fold(0, |all, (_, g)| all ^ g);
            ((sum & 0x01ff_ffff) << 5 ^ u32::from(*value)) ^ mixed
        }) ^ 1;
        let checksum = (0..CHECKSUM).map(|n| (polymod >> (5 * (5 - n)) & 31) as u8);
        let spelled = data.iter().copied().chain(checksum).map(|five| char::from(BECH32[usize::from(five)]));
        format!("{prefix}1{}", spelled.collect::<String>())
    }

    fn refused(raw: [u8; 32]) -> bool {
        let text = text(raw, "age");
        assert!(text.parse::<age::x25519::Recipient>().is_ok(), "it is well spelled: {text}");
        matches!(text.parse::<Recipient>(), Err(NotARecipient::Weak(_)))
    }

    #[test]
    fn a_generated_recipient_is_accepted_usable_and_printed_as_parsed() {
        for _ in 0..16 {
            let identity = PayloadIdentity::parse(&PayloadIdentity::generate()).unwrap();
            let recipient = identity.recipient();
            assert_eq!(text(recipient.raw(), "age"), recipient.to_string());
            assert_eq!(recipient.to_string().parse::<Recipient>().unwrap().raw(), recipient.raw());
            assert_eq!(recipient.try_sealing(), Ok(()));
        }
    }

    #[test]
    fn refuses_every_recipient_of_small_order_in_every_encoding() {
        assert!(text(small(0), "age").starts_with("age1qqqqqqqq"));
        for u in SMALL_ORDER {
            for high in [0, 0x80] {
                let mut raw = u;
                raw[31] |= high;
                assert!(refused(raw), "{raw:02x?}");
            }
        }
        // From the prime on: 0 to 18 again, each spelled in another way, with the bit that readers pass over and without.
        for above in 0xed..=0xff_u8 {
            for last in [0x7f, 0xff] {
                let mut raw = PRIME;
                (raw[0], raw[31]) = (above, last);
                assert!(refused(raw), "{raw:02x?}");
            }
        }
    }

    #[test]
    fn a_recipient_that_the_library_would_panic_on_is_found_without_a_panic() {
        // What the refusal is for, below the reader that refuses it.
        let zero = Recipient(text(small(0), "age").parse().unwrap());
        assert_eq!(zero.try_sealing(), Err(NotARecipient::Unusable));
    }

    #[test]
    fn refuses_recipients_of_other_kinds_and_forms() {
        let sound = PayloadIdentity::parse(&PayloadIdentity::generate()).unwrap().recipient().clone();
        let other = [
            sound.to_string().to_uppercase(),
            text(sound.raw(), "age1pq"),
            text(sound.raw(), "age1tagpq"),
            String::new(),
        ];
        for text in other {
            assert!(matches!(text.parse::<Recipient>(), Err(NotARecipient::Form)), "{text}");
        }
    }
}
