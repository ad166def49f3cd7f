//! The running node: it maintains links, starts due exchanges, answers partners and scans the store for damage.
//!
//! In come connections, changes by other processes, and time; out go deliveries and alarms. It refuses to continue
//! when nothing can be made durable.

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
