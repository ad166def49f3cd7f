//! Signed statements, sealed payloads and ledger trees as bytes, against our own and external vectors.

mod envelope;
mod ledger;
mod seal;
mod wycheproof;

#[path = "../support/property.rs"]
mod property;
