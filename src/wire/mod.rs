//! The protocol between two nodes: frames, messages, refusal codes, the state machines of a link and of an exchange,
//! and the scheduler that shares a link (`docs/PROTOCOL.md`).
//!
//! Frames, events and the time come in; frames and actions go out. The caller owns sockets and timers. It refuses
//! frames that are oversized, truncated, out of order or not canonical, prefixes that were not verified, and peers
//! that are slow, silent or not the node in their certificate. It never sees plaintext.

mod code;
mod message;
mod checkpoint_exchange;
mod frame;
mod session;
mod inbound;
mod outbound;
mod fair_queue;

pub use crate::wire::fair_queue::{FlowId, WeightedFairQueue};
pub use checkpoint_exchange::CheckpointExchange;
pub use code::{RefusalCode, UnknownCode};
pub use frame::{Frame, FrameFault, FrameKind, FrameReader, SIZE_CLASSES};
pub use inbound::{InboundAction, InboundEvent, InboundExchange, InboundOutcome, InboundTimers};
pub use message::{
    Accept, Cancel, Consistency, End, Extension, Goodbye, Hello, MessageFault, Offer, Ping, Ready, Receipt, Refuse,
    Restart,
};
pub use outbound::{KeyAnswer, OutboundAction, OutboundEvent, OutboundExchange, OutboundOutcome, OutboundTimers};
pub use session::{Peer, Role, Session, SessionAction, SessionTimers};

/// The ALPN protocol identifier (RFC 7301). A change that an older peer would misinterpret gets a new one.
pub const ALPN: &[u8] = b"portcullis/2";

/// The protocol version that belongs to [`ALPN`], sent in every [`Hello`].
pub const VERSION: u32 = 2;

/// Maximum length of a control frame, length field included, in bytes.
pub const CONTROL_FRAME_BYTES_MAX: usize = 64 * 1024;

/// Maximum payload of a Data frame, in bytes.
pub const DATA_BYTES_MAX: usize = 256 * 1024;

/// Minimum value that a node may state as the maximum payload it accepts in one Data frame, in bytes.
pub const DATA_BYTES_FLOOR: usize = 1024;

/// Maximum length of a signed manifest in an Offer, in bytes.
pub const MANIFEST_BYTES_MAX: usize = 32 * 1024;

/// Maximum length of a receipt, in bytes.
pub const RECEIPT_BYTES_MAX: usize = 60 * 1024;
