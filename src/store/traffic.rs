//! Traffic with a partner: daily usage and quota, circuit breaker, and the latest checkpoint of its ledger.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::{Direction, ExchangeState, StoreError};
use crate::ident::PartnerId;
use crate::ledger::SignedCheckpoint;
use crate::partner::Breaker;
use crate::time::Time;

/// Exchanges and payload bytes of one direction on one day.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Usage {
    /// Number of exchanges begun.
    pub exchanges: u64,
    /// Payload bytes counted.
    pub bytes: u64,
}

/// Number of exchanges and their offered payload bytes, by state.
pub type ByState = BTreeMap<ExchangeState, Usage>;

/// Usage to add to that of a day, within the day's quota. It is counted in the same transaction as the exchange that
/// uses it, so that neither a crash nor another process can use a quota twice.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Spend {
    /// The partner.
    pub partner: PartnerId,
    /// The direction.
    pub direction: Direction,
    /// The UTC date.
    pub day: Date,
    /// How much to add.
    pub usage: Usage,
    /// The day's quota: a commit that would exceed it is refused with [`super::StoreError::Quota`].
    pub quota: Usage,
}

/// A change of traffic data about a partner.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TrafficChange {
    /// Adds to a day's usage within its quota; a commit that would exceed it is refused.
    Spend(Spend),
    /// Stores a partner's circuit breaker.
    Breaker {
        /// The partner.
        partner: PartnerId,
        /// Its breaker.
        breaker: Breaker,
    },
    /// Stores a verified checkpoint of a partner's ledger, unless the stored one is at least as large.
    Witness {
        /// The partner.
        partner: PartnerId,
        /// The checkpoint.
        head: SignedCheckpoint,
    },
    /// Accepts the clock as correct on an operator's order: entries with a later time no longer make it doubtful.
    AcceptClock {
        /// The current time.
        now: Time,
    },
}

impl Spend {
    /// Returns the usage of the day after adding this to `before`.
    ///
    /// # Errors
    /// [`StoreError::Quota`] if that exceeds the day's quota.
    pub fn after(&self, before: Usage) -> Result<Usage, StoreError> {
        let after = Usage {
            exchanges: before.exchanges.saturating_add(self.usage.exchanges),
            bytes: before.bytes.saturating_add(self.usage.bytes),
        };
        if after.exchanges > self.quota.exchanges || after.bytes > self.quota.bytes {
            return Err(StoreError::Quota { partner: self.partner.to_string(), direction: self.direction });
        }
        Ok(after)
    }
}

/// Returns the time until the next UTC date begins, when quotas are reset.
pub fn until_tomorrow(now: Time) -> std::time::Duration {
    const DAY_MS: i64 = 86_400_000;
    let left = DAY_MS - now.unix_ms().rem_euclid(DAY_MS);
    std::time::Duration::from_millis(u64::try_from(left).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_begins_anew_at_midnight_utc() {
        let now: Time = "2026-11-22T23:59:59.500Z".parse().unwrap();
        assert_eq!(until_tomorrow(now).as_millis(), 500);
        assert_eq!(until_tomorrow(now.plus(until_tomorrow(now))).as_secs(), 86_400);
    }
}
