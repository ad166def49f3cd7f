//! QUIC (RFC 9000) as the edge uses it: endpoints with bounded windows and buffers, frames over streams, close codes, a monotonic
//! clock.
//!
//! It refuses resumption, early data and datagrams, and never shows or logs a reason phrase that a peer sent.

mod clock;
mod close;
mod endpoint;
mod streams;

pub(super) use clock::MonotonicClock;
pub(super) use close::{close_code, reason_of};
pub(super) use endpoint::{Material, connection_window, dial, dial_only, listen};
pub(super) use streams::{Incoming, Outgoing, ReadFault};
