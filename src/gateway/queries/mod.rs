//! Questions about what is on record, answered as plain data.
//!
//! Nothing here changes anything, and a row that differs from the ledger is refused, not shown.

pub(super) mod health;
pub(super) mod lookup;
pub(super) mod records;
