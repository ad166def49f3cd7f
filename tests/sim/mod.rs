//! A simulation of several nodes in one process: the gateway's own steps, the protocol's own state machines and the
//! spool's own files, over a store in memory, on virtual time, with everything that can go wrong drawn from one seed.
#![allow(dead_code, unused_imports, reason = "each program uses its own part")]

mod budget;
pub mod defects;
mod door;
pub mod enemy;
pub mod exec;
mod hostile;
mod lines;
pub mod memory;
pub mod model;
mod net;
mod offers;
pub mod orders;
mod reception;
#[path = "../support/sealing.rs"]
mod sealing;
mod store;
mod stream;
pub mod template;
pub mod volume;
mod wal;
mod watch;
pub mod world;

pub use defects::Defect;
pub use watch::Property;
pub use world::run;
