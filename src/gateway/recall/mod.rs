//! Recall: an officer's order, the notice to each partner that may have the product, and the notices that partners send us.
//!
//! In come orders and notices; out go cancelled exchanges, notices and marks in the inbox. It refuses an order by
//! somebody without the role, and a second order about the same exchange.

pub(super) mod notice;
pub(super) mod order;
pub(super) mod received;
