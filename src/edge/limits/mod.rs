//! Rate limits of each partner: offers and bytes in each direction, shared out by precedence, and links and malformed streams per
//! minute.
//!
//! A demand is admitted, waits for its turn, or is refused with the time to wait ([`MustWait`]). Partners share no limit.

mod rates;
mod allowance;
mod pacer;

pub(super) use allowance::LinkRates;
pub(super) use pacer::{Demand, Pacer};
pub(super) use rates::MustWait;
