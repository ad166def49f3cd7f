//! The running node: links kept up, what is due begun, partners' questions answered, and the store searched for damage.
//!
//! In come connections, changes that other processes made, and time; out go deliveries and alarms. It refuses to go on when
//! nothing can be made durable.

pub(super) mod addresses;
pub(super) mod edge_secret;
pub(super) mod housekeeping;
pub(super) mod intake;
pub(super) mod scheduler;
pub(super) mod scrub;
pub(super) mod startup;
pub(super) mod preflight;
pub(super) mod reload;
pub(super) mod serve;
pub(super) mod dispatch;
