//! Signed statements, sealed payloads and ledger trees as bytes, against vectors of ours and of others.

mod envelope;
mod ledger;
mod seal;
mod wycheproof;

#[path = "../support/property.rs"]
mod property;
