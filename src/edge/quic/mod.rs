//! QUIC as this edge uses it: endpoints with bounded windows and buffers, frames over streams, close codes, a monotonic clock.
//!
//! It refuses resumption, early data and datagrams, and repeats nothing that a peer says in words of its own.

mod clock;
mod close;
mod endpoint;
mod streams;

pub(super) use clock::MonotonicClock;
pub(super) use close::{close_code, reason_of};
pub(super) use endpoint::{Material, connection_window, dial, dial_only, listen};
pub(super) use streams::{Incoming, Outgoing, ReadFault};
