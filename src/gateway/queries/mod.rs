//! Read-only queries of the record, answered as plain data.
//!
//! They change nothing; a row that differs from the ledger is refused.

pub(super) mod health;
pub(super) mod lookup;
pub(super) mod records;
