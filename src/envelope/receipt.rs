//! The receipt: the recipient's signed acknowledgement, given only after the payload is durable there.

use minicbor::{Decode, Encode};

use super::{Handled, Kind, Manifest};
use crate::digest::Digest;
use crate::ident::{ExchangeId, NodeId};
use crate::sign::{Signed, Statement};

/// What became of a payload that the recipient has durably.
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

/// The recipient's statement that it has one envelope, durably, and has recorded that it has.
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
}

impl Statement for Receipt {
    const CONTENT_TYPE: &'static str = "application/vnd.portcullis.receipt+cbor";
}

/// Why a receipt with a good signature does not answer the envelope that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptFault {
    /// A version this gateway does not speak.
    #[error("receipt is of another version: this gateway speaks version 1")]
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
}

impl Receipt {
    /// The version this gateway writes and reads.
    pub const VERSION: u8 = 1;

    /// Whether this receipt answers exactly `manifest`.
    ///
    /// # Errors
    /// The first [`ReceiptFault`] in the order of its variants.
    pub fn answers(&self, manifest: &Signed<Manifest>) -> Result<(), ReceiptFault> {
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
        Ok(())
    }
}
