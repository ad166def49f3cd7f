//! The receipt: the recipient's signed acknowledgement, given only after the payload is durable there.

use std::fmt;

use minicbor::{Decode, Encode};

use super::{Handled, Kind, Manifest, OpeningProof};
use crate::digest::Digest;
use crate::ident::{ExchangeId, NodeId};
use crate::sign::{Signed, Statement};
use crate::time::Time;

/// What became of a payload that the recipient opened and has durably.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum Disposition {
    /// It is in the recipient's inbox.
    #[n(0)]
    Accepted,
    /// It arrived whole, but the recipient's own checks set it aside for an officer. The sender learns no more.
    #[n(1)]
    Quarantined,
}

impl fmt::Display for Disposition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Disposition::Accepted => "accepted",
            Disposition::Quarantined => "quarantined",
        })
    }
}

/// The recipient's statement that it opened one envelope, has it durably, and has recorded that it has. What could not
/// be opened has no receipt: it is refused.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Receipt {
    /// Format version, [`Receipt::VERSION`].
    #[n(0)]
    pub version: u8,
    /// The exchange this answers.
    #[n(1)]
    pub exchange: ExchangeId,
    /// The node that sent.
    #[n(2)]
    pub sender: NodeId,
    /// The node that received, whose key signs this.
    #[n(3)]
    pub recipient: NodeId,
    /// Digest of the signed manifest, all its bytes.
    #[n(4)]
    pub manifest_digest: Digest,
    /// Digest of the sealed payload, as the recipient computed it from what it stored.
    #[n(5)]
    pub payload_digest: Digest,
    /// What became of it.
    #[n(6)]
    pub disposition: Disposition,
    /// When it was durable, Unix milliseconds by the recipient's clock.
    #[n(7)]
    pub received_at_ms: i64,
    /// The recipient's signed ledger checkpoint that covers the entry which records this exchange. Keeping it makes
    /// the sender a witness of the recipient's ledger.
    #[n(8)]
    pub checkpoint: String,
    /// What had become of the product that the envelope withdraws or replaces; absent where it does neither, or where
    /// the recipient's checks set a replacement aside.
    #[n(9)]
    pub handled: Option<Handled>,
    /// What shows that the recipient opened the payload, and did not read all of this in the offer.
    #[n(10)]
    pub opened: OpeningProof,
}

impl Statement for Receipt {
    const CONTENT_TYPE: &'static str = "application/vnd.portcullis.receipt+cbor";
}

/// Why a receipt with a good signature does not answer the envelope that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptFault {
    /// A version this gateway does not speak.
    #[error("receipt is of another version: this gateway speaks version 2")]
    Version,
    /// It answers another exchange, or was made for or by another node.
    #[error("receipt answers another exchange: numbers or nodes differ from the manifest's")]
    Exchange,
    /// It answers another manifest.
    #[error("receipt answers another manifest than the one that was offered")]
    Manifest,
    /// It does not say what became of the product that was withdrawn or replaced, or says it of another.
    #[error("receipt does not answer what became of the product that was withdrawn or replaced")]
    Handled,
    /// It is for other bytes than were sent.
    #[error("receipt is for another payload than the one that was sent")]
    Payload,
    /// It says nothing that its signer could know only from what was sealed.
    #[error("receipt does not prove that the payload was opened")]
    Opened,
    /// It gives a time at which this cannot have been.
    #[error(
        "receipt gives a time before the sealing or in the future: the clocks of the two nodes differ by more than five \
         minutes, or the time is made up"
    )]
    Time,
}

impl Receipt {
    /// The version this gateway writes and reads.
    pub const VERSION: u8 = 2;

    /// Whether this receipt answers exactly `manifest`, as somebody knows it who looks at it at `now`.
    ///
    /// # Errors
    /// The first [`ReceiptFault`] in the order of its variants, but for what became of the earlier product, which comes
    /// after the payload.
    pub fn answers(&self, manifest: &Signed<Manifest>, now: Time) -> Result<(), ReceiptFault> {
        let sent = manifest.statement();
        if self.version != Self::VERSION {
            return Err(ReceiptFault::Version);
        }
        if (&self.exchange, &self.sender, &self.recipient) != (&sent.exchange, &sent.sender, &sent.recipient) {
            return Err(ReceiptFault::Exchange);
        }
        if self.manifest_digest != manifest.digest() {
            return Err(ReceiptFault::Manifest);
        }
        if self.payload_digest != sent.payload_digest {
            return Err(ReceiptFault::Payload);
        }
        let handled = self.handled.map(|handled| handled.exchange);
        let must = sent.kind == Kind::Recall || (sent.about.is_some() && self.disposition == Disposition::Accepted);
        if (must && handled != sent.about) || (!must && handled.is_some()) {
            return Err(ReceiptFault::Handled);
        }
        if !sent.opening.is_of(&self.opened) {
            return Err(ReceiptFault::Opened);
        }
        if self.is_at_a_time_it_can_be(sent, now) { Ok(()) } else { Err(ReceiptFault::Time) }
    }

    /// Whether it was received after it was sealed and before `now`, as far as the clocks of two nodes agree; and what had
    /// been done with the earlier product, before that.
    fn is_at_a_time_it_can_be(&self, sent: &Manifest, now: Time) -> bool {
        let skew = Manifest::CLOCK_SKEW_MS;
        let received = sent.sealed_at_ms.saturating_sub(skew)..=now.unix_ms().saturating_add(skew);
        let since = self.handled.and_then(|handled| handled.since_ms);
        received.contains(&self.received_at_ms)
            && since.is_none_or(|since| (0..=self.received_at_ms.saturating_add(skew)).contains(&since))
    }
}
