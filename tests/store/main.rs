//! Records and spool of a node: the contract of the store, its room on disk, and what others write into it.
//! What needs a second process is in `tests/store_faults.rs`.

mod altered;
mod contract;
mod disk_space;
mod file_reuse;
mod spool;

#[path = "../sim/exec.rs"]
#[allow(dead_code, reason = "the simulation uses all of it")]
mod exec;
#[path = "../sim/memory.rs"]
#[allow(dead_code, reason = "the simulation uses all of it")]
mod memory;
#[path = "../store_support/mod.rs"]
mod store_support;
#[path = "../support/mod.rs"]
mod support;
#[path = "../sim/volume.rs"]
#[allow(dead_code, reason = "the simulation uses all of it")]
mod volume;
#[path = "../sim/wal.rs"]
#[allow(dead_code, reason = "the simulation uses all of it")]
mod wal;
