//! Whole exchanges between real nodes, from a submission to the partner's inbox.
//! What measures memory is in `tests/attachments.rs`.

mod crash;
mod cui;
mod delivery;
mod foreign_peer;
mod formats;
mod recall;
mod replay;
mod windows;

#[path = "../support/machine.rs"]
mod machine;
#[path = "../support/partner.rs"]
mod partner;
#[path = "../support/mod.rs"]
mod support;
