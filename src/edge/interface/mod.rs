//! The boundary between edge and gateway: traits and plain values only, so that tests can replace either side with a simulated
//! network or a recording gateway.
//!
//! The edge calls [`Intake`] and writes to a [`PayloadSink`]; the gateway calls [`Transport`] and provides a [`PayloadSource`], a
//! [`KeyGate`] and a [`StopSignal`]. No plaintext, and no key that opens or approves, crosses the boundary.

mod payload;
mod intake;
mod delivery;
mod transport;

pub use delivery::{DeliveryFailure, KeyGate, StopSignal, open_gate};
pub use intake::{CompletePayload, Intake, OfferAnswer, Refusal};
pub use payload::{PayloadSink, PayloadSource, SinkError, SourceError};
pub use transport::Transport;
