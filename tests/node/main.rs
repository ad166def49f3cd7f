//! A node as a whole: what it survives, what it finds at its start, and when it stops.

mod backup;
mod checkpoints;
mod faults;
mod interrupted_commands;
mod orphans;
mod panics;
mod power_failure;
mod rollback;

#[path = "../support/disk.rs"]
mod disk;
#[path = "../support/partner.rs"]
mod partner;
#[path = "../support/mod.rs"]
mod support;
