//! The boundary between edge and gateway. Traits and plain values only, so that tests put a simulated network or a recording
//! gateway on either side.
//!
//! The edge calls [`Intake`] and writes to a [`PayloadSink`]; the gateway calls [`Transport`] and lends a [`PayloadSource`], a
//! [`KeyGate`] and a [`StopSignal`]. No plaintext and no key that opens or approves crosses it.

mod payload;
mod intake;
mod delivery;
mod transport;

pub use delivery::{DeliveryFailure, KeyGate, StopSignal, open_gate};
pub use intake::{Intake, OfferAnswer, Refusal, Whole};
pub use payload::{PayloadSink, PayloadSource, SinkError, SourceError};
pub use transport::Transport;
