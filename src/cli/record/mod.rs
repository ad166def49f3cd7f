//! `portcullis store` and `ledger`: search the record of exchanges, and verify the evidence.

pub(super) mod orphans;
pub(super) mod store;
pub(super) mod ledger;
