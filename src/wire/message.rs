//! The messages that frames carry, each a CBOR map with integer keys (`docs/PROTOCOL.md` has the CDDL).

use std::time::Duration;

use minicbor::{Decode, Encode};

use super::{DATA_BYTES_FLOOR, DATA_BYTES_MAX, MANIFEST_BYTES_MAX, RECEIPT_BYTES_MAX, RefusalCode};
use crate::digest::Digest;
use crate::envelope::{HEADER_BYTES_MAX, Header, HeaderCommitment, Precedence};
use crate::ident::{ExchangeId, NodeId};

/// Maximum number of extensions in a Hello.
const EXTENSIONS_MAX: usize = 16;
/// Maximum length of an extension's content in bytes.
const EXTENSION_BYTES_MAX: usize = 2048;
/// Maximum number of hashes in a consistency proof: one for each bit of a ledger's size, and one more.
const HASHES_MAX: usize = 65;
/// Maximum wait that a peer can request; longer ones are shortened to it.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 3600);

/// A message with a value that the protocol does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("message field `{0}` is outside what the protocol allows")]
pub struct MessageFault(pub &'static str);

/// The first message of each side on the control stream.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Hello {
    /// The protocol version, [`super::VERSION`].
    #[n(0)]
    pub version: u32,
    /// The sender; must be the node in its certificate.
    #[n(1)]
    pub node: NodeId,
    /// A random value generated when the node started, by which its peer detects a restart.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub boot: [u8; 16],
    /// Maximum payload that the sender accepts in one Data frame, in bytes.
    #[n(3)]
    pub data_bytes_max: u32,
    /// Maximum number of exchanges that the other side may have open towards the sender.
    #[n(4)]
    pub exchanges_max: u32,
    /// Extensions, by ascending number, each at most once.
    #[n(5)]
    pub extensions: Vec<Extension>,
}

/// A feature that a later minor version adds. An unknown extension is refused if it is critical, and ignored
/// otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Extension {
    /// Its number.
    #[n(0)]
    pub id: u32,
    /// Whether a peer that does not understand it must refuse the link.
    #[n(1)]
    pub critical: bool,
    /// Its content.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub content: Vec<u8>,
}

/// Announces that the link is about to be closed, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Goodbye {
    #[n(0)]
    code: u16,
}

/// Requests a sign of life; the answer has the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Ping {
    /// Chosen by the requester.
    #[n(0)]
    pub number: u64,
}

/// Proves that the sender's ledger, at the checkpoint in its Hello, extends the checkpoints of it that the receiver's
/// Hello contained: the hashes of RFC 9162, section 2.1.4.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Consistency {
    /// From the checkpoint in [`super::CheckpointExchange::seen`]; empty if there is no such proof, or nothing to prove.
    #[n(0)]
    pub seen: Vec<Digest>,
    /// From the checkpoint in [`super::CheckpointExchange::heard`], likewise.
    #[n(1)]
    pub heard: Vec<Digest>,
}

/// Opens an exchange: what the sender wants to deliver, declared and signed before the first payload byte.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Offer {
    /// The exchange.
    #[n(0)]
    pub exchange: ExchangeId,
    /// The signed manifest, as COSE bytes.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub manifest: Vec<u8>,
    /// The size of the sealed payload without its header, in bytes.
    #[n(2)]
    pub payload_size: u64,
    /// The digest of the sealed payload without its header.
    #[n(3)]
    pub payload_digest: Digest,
    /// Its precedence.
    #[n(4)]
    pub precedence: Precedence,
    /// The commitment to the header that [`End`] will carry; `None` if the payload is not sealed.
    #[n(5)]
    pub header: Option<HeaderCommitment>,
}

/// Accepts the offer; the receiver has a durable prefix of the payload, which may be empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Accept {
    /// Length of the durable prefix in bytes; sending starts there.
    #[n(0)]
    pub offset: u64,
    /// The digest of that prefix, which the sender compares with its own before it continues from there.
    #[n(1)]
    pub prefix_digest: Digest,
}

/// Refuses the offer, or ends the exchange from the receiver's side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Refuse {
    #[n(0)]
    code: u16,
    #[n(1)]
    retry_after_ms: Option<u64>,
}

/// The receiver's signed acknowledgement, as COSE bytes.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Receipt {
    /// The signed receipt.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub receipt: Vec<u8>,
}

/// Confirms that the receiver has the whole payload, and that it is the one offered: the sender may send the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Ready {}

/// Ends the payload, with the header that opens it. Before it arrives, nothing of the payload can be decrypted.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct End {
    #[cbor(n(0), with = "minicbor::bytes")]
    header: Vec<u8>,
}

/// Reports that the durable prefix is not a prefix of this payload: the receiver discards it, and sending starts at 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Restart {}

/// Withdraws the offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Cancel {
    #[n(0)]
    code: u16,
}

impl Hello {
    /// Checks that every field is within the protocol's bounds. Version and node are checked elsewhere.
    ///
    /// # Errors
    /// [`MessageFault`] names the field.
    pub fn check(&self) -> Result<(), MessageFault> {
        let data = usize::try_from(self.data_bytes_max).unwrap_or(usize::MAX);
        if !(DATA_BYTES_FLOOR..=DATA_BYTES_MAX).contains(&data) {
            return Err(MessageFault("data_bytes_max"));
        }
        if self.extensions.len() > EXTENSIONS_MAX || !self.extensions.is_sorted_by(|a, b| a.id < b.id) {
            return Err(MessageFault("extensions"));
        }
        if self.extensions.iter().any(|e| e.content.len() > EXTENSION_BYTES_MAX) {
            return Err(MessageFault("extensions"));
        }
        Ok(())
    }
}

impl Consistency {
    /// Checks that neither proof exceeds its maximum length.
    ///
    /// # Errors
    /// [`MessageFault`] names the field.
    pub fn check(&self) -> Result<(), MessageFault> {
        if self.seen.len() > HASHES_MAX {
            return Err(MessageFault("seen"));
        }
        if self.heard.len() > HASHES_MAX { Err(MessageFault("heard")) } else { Ok(()) }
    }
}

impl Offer {
    /// Checks that every field is within the protocol's bounds.
    ///
    /// # Errors
    /// [`MessageFault`] names the field.
    pub fn check(&self) -> Result<(), MessageFault> {
        if self.manifest.is_empty() || self.manifest.len() > MANIFEST_BYTES_MAX {
            return Err(MessageFault("manifest"));
        }
        if self.payload_size == 0 {
            return Err(MessageFault("payload_size"));
        }
        if self.header.is_some_and(|header| !header.is_valid_size()) {
            return Err(MessageFault("header"));
        }
        Ok(())
    }
}

impl End {
    /// Returns an End with this header; `None` if the payload is not sealed.
    pub fn new(header: Option<Header>) -> End {
        End { header: header.map(|header| header.bytes().to_vec()).unwrap_or_default() }
    }

    /// Checks that the header is within the protocol's bounds.
    ///
    /// # Errors
    /// [`MessageFault`] names the field.
    pub fn check(&self) -> Result<(), MessageFault> {
        if self.header.len() <= HEADER_BYTES_MAX { Ok(()) } else { Err(MessageFault("header")) }
    }

    /// Returns the header, if there is one.
    pub fn header(self) -> Option<Header> {
        Header::new(self.header).ok()
    }
}

impl std::fmt::Debug for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "End(header of {} bytes)", self.header.len())
    }
}

impl Receipt {
    /// Checks that the receipt is within the protocol's bounds.
    ///
    /// # Errors
    /// [`MessageFault`] names the field.
    pub fn check(&self) -> Result<(), MessageFault> {
        let fits = (1..=RECEIPT_BYTES_MAX).contains(&self.receipt.len());
        if fits { Ok(()) } else { Err(MessageFault("receipt")) }
    }
}

impl Refuse {
    /// Returns a refusal; `retry_after` is how long to wait before trying again.
    pub fn new(code: RefusalCode, retry_after: Option<Duration>) -> Refuse {
        let ms = |wait: Duration| u64::try_from(wait.min(RETRY_AFTER_MAX).as_millis()).unwrap_or(u64::MAX);
        Refuse { code: code.number(), retry_after_ms: retry_after.map(ms) }
    }

    /// Returns the code. An unknown code is treated as [`RefusalCode::Refused`], which is not retried.
    pub fn code(&self) -> RefusalCode {
        RefusalCode::try_from(self.code).unwrap_or(RefusalCode::Refused)
    }

    /// Returns how long to wait before trying again, if given; at most a day.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after_ms.map(|ms| Duration::from_millis(ms).min(RETRY_AFTER_MAX))
    }
}

impl Goodbye {
    /// Returns a Goodbye with this code.
    pub fn new(code: RefusalCode) -> Goodbye {
        Goodbye { code: code.number() }
    }

    /// Returns the code. An unknown code is treated as [`RefusalCode::Refused`].
    pub fn code(&self) -> RefusalCode {
        RefusalCode::try_from(self.code).unwrap_or(RefusalCode::Refused)
    }
}

impl Cancel {
    /// Returns a Cancel with this code.
    pub fn new(code: RefusalCode) -> Cancel {
        Cancel { code: code.number() }
    }

    /// Returns the code. An unknown code is treated as [`RefusalCode::Withdrawn`].
    pub fn code(&self) -> RefusalCode {
        RefusalCode::try_from(self.code).unwrap_or(RefusalCode::Withdrawn)
    }
}
