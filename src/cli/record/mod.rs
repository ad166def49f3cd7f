//! `portcullis store` and `ledger`: searching what is on record, and whether the evidence holds.

pub(super) mod orphans;
pub(super) mod store;
pub(super) mod ledger;
