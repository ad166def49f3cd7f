//! The receipt: the recipient's signed acknowledgement, given only after the payload is durable there (CBOR,
//! `application/vnd.portcullis.receipt+cbor`).

use std::fmt;

use minicbor::{Decode, Encode};

use super::{Handled, Kind, Manifest, OpeningProof};
use crate::digest::Digest;
use crate::ident::{ExchangeId, NodeId};
use crate::sign::{Signed, Statement};
use crate::time::Time;

/// What became of a payload that the recipient opened and stored durably.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum Disposition {
    /// It is in the recipient's inbox.
    #[n(0)]
    Accepted,
    /// It is in quarantine: the recipient's checks refused it, and an officer decides. The sender learns no reason.
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

/// The recipient's statement that it opened an envelope, stored it durably, and recorded that. A payload that cannot be
/// opened is refused and gets no receipt.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Receipt {
    /// Format version, [`Receipt::VERSION`].
    #[n(0)]
    pub version: u8,
    /// The exchange that this acknowledges.
    #[n(1)]
    pub exchange: ExchangeId,
    /// The node that sent the envelope.
    #[n(2)]
    pub sender: NodeId,
    /// The node that received it. Its key signs this statement.
    #[n(3)]
    pub recipient: NodeId,
    /// SHA-256 of the complete signed manifest.
    #[n(4)]
    pub manifest_digest: Digest,
    /// SHA-256 of the sealed payload, computed by the recipient from the stored bytes.
    #[n(5)]
    pub payload_digest: Digest,
    /// What became of it.
    #[n(6)]
    pub disposition: Disposition,
    /// When it was durable, Unix milliseconds by the recipient's clock.
    #[n(7)]
    pub received_at_ms: i64,
    /// The recipient's signed ledger checkpoint that covers the entry for this exchange. By keeping it the sender
    /// becomes a witness of the recipient's ledger.
    #[n(8)]
    pub checkpoint: String,
    /// What had become of the product that the envelope withdraws or replaces. Absent if it does neither, or if a
    /// replacement is in quarantine.
    #[n(9)]
    pub handled: Option<Handled>,
    /// The proof that the recipient opened the payload: it cannot be computed from the offer.
    #[n(10)]
    pub opened: OpeningProof,
}

impl Statement for Receipt {
    const CONTENT_TYPE: &'static str = "application/vnd.portcullis.receipt+cbor";
}

/// Why a receipt with a valid signature does not acknowledge the envelope that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptFault {
    /// Unsupported version.
    #[error("unsupported receipt version: this gateway supports version 2")]
    Version,
    /// It is for another exchange, or made for or by another node.
    #[error("receipt answers another exchange: numbers or nodes differ from the manifest's")]
    Exchange,
    /// It is for another manifest.
    #[error("receipt answers another manifest than the one that was offered")]
    Manifest,
    /// It does not say what became of the product that was withdrawn or replaced, or names another product.
    #[error("receipt does not answer what became of the product that was withdrawn or replaced")]
    Handled,
    /// It is for other bytes than were sent.
    #[error("receipt is for another payload than the one that was sent")]
    Payload,
    /// It does not prove that the payload was opened.
    #[error("receipt does not prove that the payload was opened")]
    Opened,
    /// It contains an impossible time.
    #[error(
        "receipt gives a time before the sealing or in the future: the clocks of the two nodes differ by more than five \
         minutes, or the time is made up"
    )]
    Time,
}

impl Receipt {
    /// The receipt version that this gateway writes and accepts.
    pub const VERSION: u8 = 2;

    /// Checks that this receipt acknowledges exactly `manifest`, at the verifier's time `now`.
    ///
    /// # Errors
    /// The first [`ReceiptFault`] found, in the order of the variants, except that [`ReceiptFault::Handled`] is checked
    /// after [`ReceiptFault::Payload`].
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
        if !sent.opening.commits_to(&self.opened) {
            return Err(ReceiptFault::Opened);
        }
        if self.has_plausible_times(sent, now) { Ok(()) } else { Err(ReceiptFault::Time) }
    }

    /// Returns whether it was received between sealing and `now`, and the earlier product was shown or handed out
    /// before that, each within the clock difference that is tolerated.
    fn has_plausible_times(&self, sent: &Manifest, now: Time) -> bool {
        let skew = Manifest::CLOCK_SKEW_MS;
        let received = sent.sealed_at_ms.saturating_sub(skew)..=now.unix_ms().saturating_add(skew);
        let since = self.handled.and_then(|handled| handled.since_ms);
        received.contains(&self.received_at_ms)
            && since.is_none_or(|since| (0..=self.received_at_ms.saturating_add(skew)).contains(&since))
    }
}
