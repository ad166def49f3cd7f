//! One exchange over one stream of a link, in either direction. The state machines are `wire`'s; these drive them with streams,
//! timers, limits and the gateway.
//!
//! Outward an offer and its payload source come in, and the partner's receipt or a failure goes out. Inward a stream comes in,
//! and a receipt or a refusal code goes back. An exchange ends with its link, and with a partner that is no longer trusted.

mod receive;
mod deliver;

pub(super) use deliver::deliver;
pub(super) use receive::receive;
