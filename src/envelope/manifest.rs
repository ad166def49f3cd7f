//! The manifest: what the sender states, under its signature, about one sealed payload.

use minicbor::{Decode, Encode};

use super::{Bound, HeaderCommitment, OpeningCommitment, Precedence};
use crate::digest::Digest;
use crate::ident::{ExchangeId, NodeId};
use crate::sign::Statement;
use crate::time::Time;

/// What an envelope carries. A kind that is not listed is refused; new kinds need a new protocol version or a
/// critical extension.
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
/// It names the one recipient it is for, so that a second partner who obtains it cannot use it, and it carries the
/// digests of the sealed payload and of the header that opens it, so that payload, header and marking cannot be exchanged
/// for others. It does not carry the length of what is inside: the payload is padded.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Manifest {
    /// Format version, [`Manifest::VERSION`].
    #[n(0)]
    pub version: u8,
    /// The exchange, numbered by the sender.
    #[n(1)]
    pub exchange: ExchangeId,
    /// What is inside.
    #[n(2)]
    pub kind: Kind,
    /// The node that sends.
    #[n(3)]
    pub sender: NodeId,
    /// The one node this is for.
    #[n(4)]
    pub recipient: NodeId,
    /// The canonical banner marking of the cut inside.
    #[n(5)]
    pub marking: String,
    /// Digest of the cut inside, before sealing.
    #[n(6)]
    pub cut_digest: Digest,
    /// Digest of the sealed payload, without its header.
    #[n(7)]
    pub payload_digest: Digest,
    /// Size of the sealed payload in bytes, without its header.
    #[n(8)]
    pub payload_size: u64,
    /// How urgently to handle it.
    #[n(9)]
    pub precedence: Precedence,
    /// When it was sealed, Unix milliseconds.
    #[n(10)]
    pub sealed_at_ms: i64,
    /// After when it must not be accepted, Unix milliseconds.
    #[n(11)]
    pub expires_at_ms: i64,
    /// The earlier exchange whose product this envelope withdraws (a recall) or replaces (a product).
    #[n(12)]
    pub about: Option<ExchangeId>,
    /// The renderings that the recipient's people are handed beside the product, by name, in ascending order; the
    /// product alone if `None`. A name that the recipient does not know is passed over: a rendering is made from the
    /// product where it is read, and grants nothing.
    #[n(13)]
    pub formats: Option<Vec<String>>,
    /// The header that opens the payload and travels after it; `None` for a recall, which is not sealed.
    #[n(14)]
    pub header: Option<HeaderCommitment>,
    /// The proof that only who opened the payload, or of a recall who read it, can give; the receipt must carry it.
    #[n(15)]
    pub opening: OpeningCommitment,
}

impl Statement for Manifest {
    const CONTENT_TYPE: &'static str = "application/vnd.portcullis.manifest+cbor";
}

/// Why a manifest with a good signature is still not acceptable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ManifestFault {
    /// A version this gateway does not speak.
    #[error("manifest is of another version: this gateway speaks version 3")]
    Version,
    /// Made for another recipient.
    #[error("manifest names another recipient: it was not made for this node")]
    Audience,
    /// Made by another sender than the one who offers it.
    #[error("manifest names another sender than the partner who offers it")]
    Sender,
    /// Its time has passed.
    #[error("manifest expired: the sender must seal and offer it anew")]
    Expired,
    /// Sealed in the future by more than the clocks may differ.
    #[error("manifest was sealed in the future: the clocks of the two nodes differ by more than five minutes")]
    Future,
    /// Sealed before there was anything like it, or to be accepted for longer than anything is.
    #[error(
        "manifest gives times that none has: it is sealed after the year 2000 and expires within 3700 days of that"
    )]
    Times,
    /// A recall of nothing, or an envelope about itself.
    #[error("manifest is about no other exchange: a recall names the one it withdraws, and no envelope itself")]
    About,
    /// Not a size any payload has.
    #[error("manifest gives a payload size of zero or above the agreement's limit")]
    Size,
    /// A product without a header to open it, a recall with one, or a header of a size that none has.
    #[error("manifest of a product names no header of 1 to 4096 bytes, or one of a recall names one")]
    Header,
    /// Not a list of renderings.
    #[error("manifest names no rendering, more than eight, one twice, or one by no name")]
    Formats,
}

impl Manifest {
    /// The version this gateway writes and reads.
    pub const VERSION: u8 = 3;
    /// By how much the clocks of two nodes may differ, in milliseconds.
    pub const CLOCK_SKEW_MS: i64 = 5 * 60 * 1000;
    /// The longest from sealing to expiry, in milliseconds.
    pub const LIFE_MS_MAX: i64 = 3700 * 86_400_000;
    /// Before 2000-01-01T00:00:00Z nothing was sealed, in Unix milliseconds.
    const SEALED_AT_MS_MIN: i64 = 946_684_800_000;

    /// From whom to whom it goes, and in which exchange: what is sealed must say the same inside.
    pub fn bound(&self) -> Bound {
        Bound { exchange: self.exchange, sender: self.sender.clone(), recipient: self.recipient.clone() }
    }

    /// When it was sealed.
    pub fn sealed_at(&self) -> Time {
        Time::from_unix_ms(self.sealed_at_ms)
    }

    /// After when it must not be accepted.
    pub fn expires_at(&self) -> Time {
        Time::from_unix_ms(self.expires_at_ms)
    }

    /// Whether this manifest, offered by `sender` to `recipient` at `now`, may be considered at all.
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
            Kind::Product => self.header.is_some_and(|header| header.is_possible()),
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

/// Whether these are one to eight different names in ascending order, each of 1 to 16 small letters.
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
        let bound = Bound { exchange, sender, recipient };
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
            opening: SECRET.proof(&bound, Digest::of(b"cut")).commitment(),
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
        // A name from a later version is no fault of this one.
        assert_eq!(admit(&named(&["papyrus"])), Ok(()));
        let many = ["a", "b", "c", "d", "e", "f", "g", "h", "i"];
        for names in [&[][..], &["json", "html"], &["html", "html"], &[""], &["HTML"], &["seventeen-letters"], &many] {
            assert_eq!(admit(&named(names)), Err(ManifestFault::Formats), "{names:?}");
        }
        // What a manifest does not name is left out, and not null: fourteen members.
        assert_eq!(crate::digest::encode(&manifest())[0], 0xae);
    }
}
