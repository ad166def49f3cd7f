//! One exchange over one stream of a link, in either direction: drives the state machines of [`crate::wire`] with streams, timers,
//! limits and the gateway.
//!
//! An outbound exchange takes an offer and a payload source and returns the partner's receipt or a failure. An inbound exchange
//! takes a stream and answers with a receipt or a refusal code. An exchange ends when its link does, and when its partner is no
//! longer trusted.

mod receive;
mod deliver;

pub(super) use deliver::deliver;
pub(super) use receive::receive;
