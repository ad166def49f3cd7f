//! The protocol between two nodes: frames, messages, refusal codes, the state machines of a link and of an exchange, and the
//! scheduler that shares a link (`docs/PROTOCOL.md`).
//!
//! Frames, events and the time come in; frames and actions go out. The caller owns sockets and timers. It refuses frames that
//! are oversized, truncated, out of order or not canonical, prefixes that were not verified, and peers that are slow, silent or
//! not the one their certificate names. It never sees plaintext.

mod code;
mod message;
mod checkpoint_exchange;
mod frame;
mod session;
mod inbound;
mod outbound;
mod fair_queue;

pub use crate::wire::fair_queue::{FlowId, Scheduler};
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

/// The ALPN protocol identifier (RFC 7301). A change that an older peer would misread gets a new one.
pub const ALPN: &[u8] = b"portcullis/2";

/// The protocol version that goes with [`ALPN`] and stands in every [`Hello`].
pub const VERSION: u32 = 2;

/// The largest control frame, length field included, in bytes.
pub const CONTROL_FRAME_BYTES_MAX: usize = 64 * 1024;

/// The most payload a Data frame may carry, in bytes.
pub const DATA_BYTES_MAX: usize = 256 * 1024;

/// The least that a node may state as the most payload it takes in one Data frame, in bytes.
pub const DATA_BYTES_FLOOR: usize = 1024;

/// The largest signed manifest that an Offer may carry, in bytes.
pub const MANIFEST_BYTES_MAX: usize = 32 * 1024;

/// The largest receipt, in bytes.
pub const RECEIPT_BYTES_MAX: usize = 60 * 1024;
