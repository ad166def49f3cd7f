//! Recalls: the sender's statement that a product is withdrawn, and the recipient's answer about what it had done with
//! it.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::{ExchangeContext, Kind, Manifest, OpeningProof, OpeningSecret};
use crate::digest::Digest;
use crate::ident::{ExchangeId, NodeId};
use crate::sign::Statement;

/// Why a product is withdrawn. The partner receives only the code.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cbor(index_only)]
pub enum RecallCode {
    /// The content is wrong.
    #[n(0)]
    Incorrect,
    /// The markings are wrong: it may have to be handled differently than they say.
    #[n(1)]
    Mismarked,
    /// It was not intended for this partner.
    #[n(2)]
    Misdirected,
    /// It was sent more than once.
    #[n(3)]
    Duplicate,
    /// Another reason.
    #[n(4)]
    Other,
}

impl RecallCode {
    /// All codes.
    pub const ALL: [RecallCode; 5] = [
        RecallCode::Incorrect,
        RecallCode::Mismarked,
        RecallCode::Misdirected,
        RecallCode::Duplicate,
        RecallCode::Other,
    ];

    /// Returns the name, as printed and accepted on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            RecallCode::Incorrect => "incorrect",
            RecallCode::Mismarked => "mismarked",
            RecallCode::Misdirected => "misdirected",
            RecallCode::Duplicate => "duplicate",
            RecallCode::Other => "other",
        }
    }
}

impl std::fmt::Display for RecallCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text is not the name of a recall code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a reason: `incorrect`, `mismarked`, `misdirected`, `duplicate` or `other`")]
pub struct NotARecallCode;

impl std::str::FromStr for RecallCode {
    type Err = NotARecallCode;

    fn from_str(text: &str) -> Result<RecallCode, NotARecallCode> {
        RecallCode::ALL.into_iter().find(|code| code.as_str() == text).ok_or(NotARecallCode)
    }
}

/// The sender's statement that the product of an earlier exchange is withdrawn.
///
/// It is the payload of an envelope of [`Kind::Recall`], signed but not sealed: it contains identifiers and a code and
/// nothing of the product, so that nothing is ever sealed without a release.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Recall {
    /// Format version, [`Recall::VERSION`].
    #[n(0)]
    pub version: u8,
    /// The exchange that carries this statement.
    #[n(1)]
    pub notice: ExchangeId,
    /// The node that withdraws the product.
    #[n(2)]
    pub sender: NodeId,
    /// The only node this is for.
    #[n(3)]
    pub recipient: NodeId,
    /// The exchange whose product is withdrawn.
    #[n(4)]
    pub exchange: ExchangeId,
    /// The reason.
    #[n(5)]
    pub why: RecallCode,
    /// When the recall was ordered, Unix milliseconds.
    #[n(6)]
    pub ordered_at_ms: i64,
    /// The secret by which the recipient proves that it read this statement, and not only its manifest.
    #[n(7)]
    pub secret: OpeningSecret,
}

impl Statement for Recall {
    const CONTENT_TYPE: &'static str = "application/vnd.portcullis.recall+cbor";
}

/// A recall with a valid signature that does not belong to its envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "recall is of another version, for another exchange, node or proof than its manifest, or ordered after it was sent"
)]
pub struct RecallFault;

impl Recall {
    /// The recall version that this gateway writes and accepts.
    pub const VERSION: u8 = 2;
    /// The largest payload of a recall, in bytes: a statement of a few hundred bytes and its signature.
    pub const BYTES_MAX: u64 = 16 * 1024;

    /// Returns the recipient's proof that it read this statement, whose signed bytes have the SHA-256 `signed`.
    pub fn proof(&self, signed: Digest) -> OpeningProof {
        let (exchange, sender, recipient) = (self.notice, self.sender.clone(), self.recipient.clone());
        self.secret.proof(&ExchangeContext { exchange, sender, recipient }, signed)
    }

    /// Checks that this statement, whose signed bytes have the SHA-256 `signed`, is the one that `manifest` announces.
    ///
    /// # Errors
    /// [`RecallFault`] if they disagree in any field.
    pub fn belongs_to(&self, signed: Digest, manifest: &Manifest) -> Result<(), RecallFault> {
        let before = manifest.sealed_at_ms.saturating_sub(self.ordered_at_ms);
        let same = self.version == Self::VERSION
            && manifest.kind == Kind::Recall
            && self.notice == manifest.exchange
            && self.sender == manifest.sender
            && self.recipient == manifest.recipient
            && Some(self.exchange) == manifest.about
            && self.exchange != self.notice
            && signed == manifest.cut_digest
            && manifest.opening.commits_to(&self.proof(signed))
            && (-Manifest::CLOCK_SKEW_MS..=Manifest::LIFE_MS_MAX).contains(&before);
        if same { Ok(()) } else { Err(RecallFault) }
    }
}

/// What the recipient had done with a product when it was withdrawn or replaced.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum Handling {
    /// The recipient does not have it. If it arrives later, it is refused (recalled) or marked (replaced).
    #[n(0)]
    NotHere,
    /// It is in the inbox and has not been shown to anybody.
    #[n(1)]
    Unopened,
    /// It has been shown to somebody, but not handed out.
    #[n(2)]
    Opened,
    /// It has been handed out.
    #[n(3)]
    Taken,
    /// It failed the recipient's checks and was never shown to anybody.
    #[n(4)]
    SetAside,
}

/// The recipient's answer, in its receipt, about the product that an envelope withdraws or replaces.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Handled {
    /// The exchange in which the product was sent.
    #[n(0)]
    pub exchange: ExchangeId,
    /// What had been done with it.
    #[n(1)]
    pub handling: Handling,
    /// When it was first shown or handed out, Unix milliseconds by the recipient's clock.
    #[n(2)]
    pub since_ms: Option<i64>,
}

impl Handled {
    /// Returns the answer as a short phrase.
    pub fn sentence(&self) -> String {
        let since = self.since_ms.map(|ms| format!(" at {}", crate::time::Time::from_unix_ms(ms))).unwrap_or_default();
        match self.handling {
            Handling::NotHere => "it was not there".to_owned(),
            Handling::Unopened => "never opened".to_owned(),
            Handling::Opened => format!("shown{since}, not handed out"),
            Handling::Taken => format!("taken{since}"),
            Handling::SetAside => "set aside by their checks, never opened".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Precedence;
    use super::*;
    use crate::time::Time;

    const SIGNED: Digest = Digest::from_bytes([3; 32]);

    const NOW: Time = Time::from_unix_ms(1_795_341_600_000);

    fn id(n: u8) -> ExchangeId {
        ExchangeId::new(NOW, [n; 10])
    }

    fn recall() -> Recall {
        Recall {
            version: Recall::VERSION,
            notice: id(2),
            sender: "alpha".parse().unwrap(),
            recipient: "bravo".parse().unwrap(),
            exchange: id(1),
            why: RecallCode::Incorrect,
            ordered_at_ms: NOW.unix_ms(),
            secret: OpeningSecret::new([7; 32]),
        }
    }

    fn manifest() -> Manifest {
        Manifest {
            version: Manifest::VERSION,
            exchange: id(2),
            kind: Kind::Recall,
            sender: "alpha".parse().unwrap(),
            recipient: "bravo".parse().unwrap(),
            marking: "UNCLASSIFIED//REL TO USA, GBR".into(),
            cut_digest: SIGNED,
            payload_digest: SIGNED,
            payload_size: 100,
            precedence: Precedence::Flash,
            sealed_at_ms: NOW.unix_ms(),
            expires_at_ms: NOW.unix_ms() + 1,
            about: Some(id(1)),
            formats: None,
            header: None,
            opening: recall().proof(SIGNED).commitment(),
        }
    }

    #[test]
    fn belongs_to_the_manifest_it_came_with_and_to_no_other() {
        assert_eq!(recall().belongs_to(SIGNED, &manifest()), Ok(()));
        for other in [
            Manifest { exchange: id(3), ..manifest() },
            Manifest { kind: Kind::Product, ..manifest() },
            Manifest { sender: "charlie".parse().unwrap(), ..manifest() },
            Manifest { recipient: "charlie".parse().unwrap(), ..manifest() },
            Manifest { about: Some(id(3)), ..manifest() },
            Manifest { about: None, ..manifest() },
            Manifest { cut_digest: Digest::of(b"other"), ..manifest() },
            Manifest { opening: recall().proof(Digest::of(b"other")).commitment(), ..manifest() },
        ] {
            assert_eq!(recall().belongs_to(SIGNED, &other), Err(RecallFault));
        }
        for ordered_at_ms in [i64::MIN, 0, NOW.unix_ms() + Manifest::CLOCK_SKEW_MS + 1, i64::MAX] {
            assert!(Recall { ordered_at_ms, ..recall() }.belongs_to(SIGNED, &manifest()).is_err(), "{ordered_at_ms}");
        }
        assert!(Recall { secret: OpeningSecret::new([8; 32]), ..recall() }.belongs_to(SIGNED, &manifest()).is_err());
        assert!(Recall { version: 1, ..recall() }.belongs_to(SIGNED, &manifest()).is_err());
        let itself = Recall { exchange: id(2), ..recall() };
        assert!(itself.belongs_to(SIGNED, &Manifest { about: Some(id(2)), ..manifest() }).is_err());
    }

    #[test]
    fn codes_have_one_spelling() {
        for code in RecallCode::ALL {
            assert_eq!(code.to_string().parse(), Ok(code));
        }
        assert_eq!("Incorrect".parse::<RecallCode>(), Err(NotARecallCode));
    }
}
