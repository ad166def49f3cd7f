//! The manifest: the sender's signed statement about one sealed payload (CBOR,
//! `application/vnd.portcullis.manifest+cbor`).

use minicbor::{Decode, Encode};

use super::{ExchangeContext, HeaderCommitment, OpeningCommitment, Precedence};
use crate::digest::Digest;
use crate::ident::{ExchangeId, NodeId};
use crate::sign::Statement;
use crate::time::Time;

/// What an envelope carries. An unknown kind is refused; a new kind requires a new protocol version or a critical
/// extension.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum Kind {
    /// A cut of a product.
    #[n(0)]
    Product,
    /// A [`Recall`](super::Recall) of a product that an earlier envelope carried.
    #[n(1)]
    Recall,
}

/// The sender's statement about one envelope, offered before the first payload byte.
///
/// It names the only recipient it is for, so that another partner who obtains it cannot use it. It contains the digests
/// of the sealed payload and of the header that opens it, so that payload, header and marking cannot be exchanged for
/// others. It does not contain the length of the plaintext: the payload is padded.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Manifest {
    /// Format version, [`Manifest::VERSION`].
    #[n(0)]
    pub version: u8,
    /// The exchange id, assigned by the sender.
    #[n(1)]
    pub exchange: ExchangeId,
    /// The kind of payload.
    #[n(2)]
    pub kind: Kind,
    /// The sending node.
    #[n(3)]
    pub sender: NodeId,
    /// The only node that may accept this.
    #[n(4)]
    pub recipient: NodeId,
    /// The canonical banner marking of the cut.
    #[n(5)]
    pub marking: String,
    /// SHA-256 of the cut, before sealing. For a recall, of the signed statement.
    #[n(6)]
    pub cut_digest: Digest,
    /// SHA-256 of the sealed payload, without its header.
    #[n(7)]
    pub payload_digest: Digest,
    /// Size of the sealed payload in bytes, without its header.
    #[n(8)]
    pub payload_size: u64,
    /// The precedence with which to handle it.
    #[n(9)]
    pub precedence: Precedence,
    /// When it was sealed, Unix milliseconds.
    #[n(10)]
    pub sealed_at_ms: i64,
    /// When it expires, Unix milliseconds. It must not be accepted from then on.
    #[n(11)]
    pub expires_at_ms: i64,
    /// The earlier exchange whose product this envelope withdraws (a recall) or replaces (a product).
    #[n(12)]
    pub about: Option<ExchangeId>,
    /// Names of the renderings that the recipient offers its users in addition to the product, in ascending order;
    /// `None` for the product alone. Unknown names are ignored: the recipient makes a rendering from the product, and
    /// it grants nothing.
    #[n(13)]
    pub formats: Option<Vec<String>>,
    /// Commitment to the header that opens the payload and is sent after it; `None` for a recall, which is not sealed.
    #[n(14)]
    pub header: Option<HeaderCommitment>,
    /// Commitment to the proof that the payload was opened (for a recall, read). The receipt must contain the proof.
    #[n(15)]
    pub opening: OpeningCommitment,
}

impl Statement for Manifest {
    const CONTENT_TYPE: &'static str = "application/vnd.portcullis.manifest+cbor";
}

/// Why a manifest with a valid signature is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ManifestFault {
    /// Unsupported version.
    #[error("unsupported manifest version: this gateway supports version 3")]
    Version,
    /// Made for another recipient.
    #[error("manifest names another recipient: it was not made for this node")]
    Audience,
    /// Made by another sender than the partner who offers it.
    #[error("manifest names another sender than the partner who offers it")]
    Sender,
    /// Expired.
    #[error("manifest expired: the sender must seal and offer it anew")]
    Expired,
    /// Sealed in the future, by more than [`Manifest::CLOCK_SKEW_MS`].
    #[error("manifest was sealed in the future: the clocks of the two nodes differ by more than five minutes")]
    Future,
    /// Sealed before the year 2000, or with a lifetime out of range (1 ms to [`Manifest::LIFE_MS_MAX`]).
    #[error(
        "manifest gives times that none has: it is sealed after the year 2000 and expires within 3700 days of that"
    )]
    Times,
    /// A recall that names no other exchange, or an envelope about itself.
    #[error("manifest is about no other exchange: a recall names the one it withdraws, and no envelope itself")]
    About,
    /// Payload size out of range.
    #[error("manifest gives a payload size of zero or above the agreement's limit")]
    Size,
    /// A product without a header, a recall with one, or a header of an invalid length.
    #[error("manifest of a product names no header of 1 to 4096 bytes, or one of a recall names one")]
    Header,
    /// Invalid list of renderings.
    #[error("manifest has an invalid list of renderings: expected one to eight different names in ascending order")]
    Formats,
}

impl Manifest {
    /// The manifest version that this gateway writes and accepts.
    pub const VERSION: u8 = 3;
    /// The largest clock difference between two nodes that is tolerated, in milliseconds.
    pub const CLOCK_SKEW_MS: i64 = 5 * 60 * 1000;
    /// The longest time from sealing to expiry, in milliseconds.
    pub const LIFE_MS_MAX: i64 = 3700 * 86_400_000;
    /// The earliest accepted sealing time: 2000-01-01T00:00:00Z, in Unix milliseconds.
    const SEALED_AT_MS_MIN: i64 = 946_684_800_000;

    /// Returns sender, recipient and exchange. The sealed content must contain the same.
    pub fn context(&self) -> ExchangeContext {
        ExchangeContext { exchange: self.exchange, sender: self.sender.clone(), recipient: self.recipient.clone() }
    }

    /// Returns when it was sealed.
    pub fn sealed_at(&self) -> Time {
        Time::from_unix_ms(self.sealed_at_ms)
    }

    /// Returns when it expires.
    pub fn expires_at(&self) -> Time {
        Time::from_unix_ms(self.expires_at_ms)
    }

    /// Checks a manifest that `sender` offers to `recipient` at `now`. `payload_bytes_max` is the largest payload that
    /// the agreement allows, in bytes.
    ///
    /// # Errors
    /// The first [`ManifestFault`] in the order of its variants.
    pub fn admit(
        &self,
        sender: &NodeId,
        recipient: &NodeId,
        payload_bytes_max: u64,
        now: Time,
    ) -> Result<(), ManifestFault> {
        if self.version != Self::VERSION {
            return Err(ManifestFault::Version);
        }
        if &self.recipient != recipient {
            return Err(ManifestFault::Audience);
        }
        if &self.sender != sender {
            return Err(ManifestFault::Sender);
        }
        if self.expires_at() <= now {
            return Err(ManifestFault::Expired);
        }
        if self.sealed_at_ms > now.unix_ms().saturating_add(Self::CLOCK_SKEW_MS) {
            return Err(ManifestFault::Future);
        }
        let life = self.expires_at_ms.saturating_sub(self.sealed_at_ms);
        if self.sealed_at_ms < Self::SEALED_AT_MS_MIN || !(1..=Self::LIFE_MS_MAX).contains(&life) {
            return Err(ManifestFault::Times);
        }
        if (self.kind == Kind::Recall && self.about.is_none()) || self.about == Some(self.exchange) {
            return Err(ManifestFault::About);
        }
        if self.payload_size == 0 || self.payload_size > payload_bytes_max {
            return Err(ManifestFault::Size);
        }
        let header = match self.kind {
            Kind::Product => self.header.is_some_and(|header| header.is_valid_size()),
            Kind::Recall => self.header.is_none(),
        };
        if !header {
            return Err(ManifestFault::Header);
        }
        if self.formats.as_ref().is_some_and(|formats| !are_names(formats)) {
            return Err(ManifestFault::Formats);
        }
        Ok(())
    }
}

/// Returns whether these are one to eight different names in ascending order, each of 1 to 16 lower-case letters.
fn are_names(formats: &[String]) -> bool {
    let name = |f: &String| (1..=16).contains(&f.len()) && f.bytes().all(|b| b.is_ascii_lowercase());
    (1..=8).contains(&formats.len()) && formats.iter().all(name) && formats.windows(2).all(|pair| pair[0] < pair[1])
}

#[cfg(test)]
mod tests {
    use super::super::OpeningSecret;
    use super::*;

    const NOW: Time = Time::from_unix_ms(1_795_341_600_000);
    const SECRET: OpeningSecret = OpeningSecret::new([7; 32]);
    const HEADER: HeaderCommitment = HeaderCommitment { size: 200, digest: Digest::from_bytes([7; 32]) };

    fn node(name: &str) -> NodeId {
        name.parse().unwrap()
    }

    fn manifest() -> Manifest {
        let (exchange, sender, recipient) = (ExchangeId::new(NOW, [1; 10]), node("alpha"), node("bravo"));
        let context = ExchangeContext { exchange, sender, recipient };
        Manifest {
            version: Manifest::VERSION,
            exchange: ExchangeId::new(NOW, [1; 10]),
            kind: Kind::Product,
            sender: node("alpha"),
            recipient: node("bravo"),
            marking: "UNCLASSIFIED//REL TO USA, GBR".into(),
            cut_digest: Digest::of(b"cut"),
            payload_digest: Digest::of(b"payload"),
            payload_size: 1000,
            precedence: Precedence::Routine,
            sealed_at_ms: NOW.unix_ms(),
            expires_at_ms: NOW.unix_ms() + 1,
            formats: None,
            about: None,
            header: Some(HEADER),
            opening: SECRET.proof(&context, Digest::of(b"cut")).commitment(),
        }
    }

    fn admit(manifest: &Manifest) -> Result<(), ManifestFault> {
        manifest.admit(&node("alpha"), &node("bravo"), 1000, NOW)
    }

    #[test]
    fn admits_what_was_made_for_this_pair_now() {
        assert_eq!(admit(&manifest()), Ok(()));
        let about = Some(ExchangeId::new(NOW, [2; 10]));
        assert_eq!(admit(&Manifest { kind: Kind::Recall, about, header: None, ..manifest() }), Ok(()));
        assert_eq!(admit(&Manifest { about, ..manifest() }), Ok(()));
        let longest = NOW.unix_ms() + Manifest::LIFE_MS_MAX;
        assert_eq!(admit(&Manifest { expires_at_ms: longest, ..manifest() }), Ok(()));
        assert_eq!(crate::digest::decode(&crate::digest::encode(&manifest())), Ok(manifest()));
    }

    #[test]
    fn refuses_another_audience_sender_time_size_and_version() {
        let cases = [
            (Manifest { recipient: node("charlie"), ..manifest() }, ManifestFault::Audience),
            (Manifest { sender: node("charlie"), ..manifest() }, ManifestFault::Sender),
            (Manifest { expires_at_ms: NOW.unix_ms(), ..manifest() }, ManifestFault::Expired),
            (
                Manifest { sealed_at_ms: NOW.unix_ms() + Manifest::CLOCK_SKEW_MS + 1, ..manifest() },
                ManifestFault::Future,
            ),
            (Manifest { sealed_at_ms: i64::MIN, ..manifest() }, ManifestFault::Times),
            (Manifest { sealed_at_ms: 0, ..manifest() }, ManifestFault::Times),
            (Manifest { sealed_at_ms: NOW.unix_ms() + 1, ..manifest() }, ManifestFault::Times),
            (Manifest { expires_at_ms: i64::MAX, ..manifest() }, ManifestFault::Times),
            (Manifest { expires_at_ms: NOW.unix_ms() + Manifest::LIFE_MS_MAX + 1, ..manifest() }, ManifestFault::Times),
            (Manifest { payload_size: 1001, ..manifest() }, ManifestFault::Size),
            (Manifest { payload_size: 0, ..manifest() }, ManifestFault::Size),
            (Manifest { version: 2, ..manifest() }, ManifestFault::Version),
            (Manifest { kind: Kind::Recall, ..manifest() }, ManifestFault::About),
            (Manifest { about: Some(manifest().exchange), ..manifest() }, ManifestFault::About),
        ];
        for (manifest, fault) in cases {
            assert_eq!(admit(&manifest), Err(fault));
        }
    }

    #[test]
    fn refuses_a_product_without_a_header_and_a_recall_with_one() {
        let about = Some(ExchangeId::new(NOW, [2; 10]));
        let sized = |size| Some(HeaderCommitment { size, ..HEADER });
        assert_eq!(admit(&Manifest { header: sized(4096), ..manifest() }), Ok(()));
        for header in [None, sized(0), sized(4097)] {
            assert_eq!(admit(&Manifest { header, ..manifest() }), Err(ManifestFault::Header), "{header:?}");
        }
        assert_eq!(admit(&Manifest { kind: Kind::Recall, about, ..manifest() }), Err(ManifestFault::Header));
    }

    #[test]
    fn names_renderings_in_one_order() {
        let named =
            |names: &[&str]| Manifest { formats: Some(names.iter().map(|n| (*n).to_owned()).collect()), ..manifest() };
        let with = named(&["html", "json"]);
        assert_eq!(admit(&with), Ok(()));
        assert_eq!(crate::digest::decode(&crate::digest::encode(&with)), Ok(with));
        // A name from a later version is accepted.
        assert_eq!(admit(&named(&["papyrus"])), Ok(()));
        let many = ["a", "b", "c", "d", "e", "f", "g", "h", "i"];
        for names in [&[][..], &["json", "html"], &["html", "html"], &[""], &["HTML"], &["seventeen-letters"], &many] {
            assert_eq!(admit(&named(names)), Err(ManifestFault::Formats), "{names:?}");
        }
        // An absent list is omitted from the encoding and not encoded as null: fourteen members.
        assert_eq!(crate::digest::encode(&manifest())[0], 0xae);
    }
}
