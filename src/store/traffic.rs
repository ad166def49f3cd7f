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
    /// Exchanges begun.
    pub exchanges: u64,
    /// Payload bytes accounted for.
    pub bytes: u64,
}

/// Exchanges and their payloads' sizes, as offered, by state.
pub type ByState = BTreeMap<ExchangeState, Usage>;

/// Usage to be added to a day's, within that day's quota: counted in the same transaction as what it is for, so that
/// neither a crash nor another process on the store can spend a quota twice.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Spend {
    /// With whom.
    pub partner: PartnerId,
    /// Which way.
    pub direction: Direction,
    /// The UTC date it counts for.
    pub day: Date,
    /// How much.
    pub usage: Usage,
    /// The day's quota: a commit that would exceed it is refused with [`super::StoreError::Quota`].
    pub quota: Usage,
}

/// A change of what is remembered of the traffic with a partner.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TrafficChange {
    /// Adds to a day's usage within its quota, or refuses the whole commit.
    Spend(Spend),
    /// Remembers a partner's circuit breaker.
    Breaker {
        /// The partner.
        partner: PartnerId,
        /// Its breaker.
        breaker: Breaker,
    },
    /// Remembers a verified head of a partner's ledger, unless a greater one is remembered.
    Witness {
        /// The partner.
        partner: PartnerId,
        /// The head.
        head: SignedCheckpoint,
    },
    /// An operator has said that the clock is right: entries that were written with a later time no longer put it in
    /// doubt.
    AcceptClock {
        /// Now.
        now: Time,
    },
}

impl Spend {
    /// The usage after this on a day with `before`.
    ///
    /// # Errors
    /// [`StoreError::Quota`] if that is more than the day's quota.
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

/// How long it is until the next UTC date begins, when quotas begin anew.
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
