//! What each partner may use: rates of offers and bytes in each direction, shared out by precedence, and links and malformed
//! streams a minute.
//!
//! A demand comes in; it passes, waits its turn, or is refused with how long to wait ([`MustWait`]). Nothing here is shared
//! between partners.

mod rates;
mod allowance;
mod pacer;

pub(super) use allowance::Allowance;
pub(super) use pacer::{Demand, Pacer};
pub(super) use rates::MustWait;
