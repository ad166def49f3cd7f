//! How much payload storage each partner uses and may use.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::ident::PartnerId;
use crate::store::Usage;
use crate::wire::RefusalCode;

/// Storage used by each partner.
#[derive(Default)]
pub(in crate::gateway) struct PayloadUsage {
    pub(in crate::gateway) counted: tokio::sync::Mutex<BTreeMap<PartnerId, PartnerUsage>>,
    /// Accepted offers that are not on record yet.
    pub(in crate::gateway) begun: PendingUsage,
}

/// What the store counted for one partner, plus what was accepted since.
#[derive(Clone, Copy, Debug)]
pub(in crate::gateway) struct PartnerUsage {
    /// When it was counted, on the monotonic clock.
    pub at: Duration,
    pub unfinished: u64,
    /// Of all payloads, as offered.
    pub bytes: u64,
    /// Of the complete ones. The others may use less space than was offered.
    pub whole: u64,
}

#[derive(Clone, Default)]
pub(in crate::gateway) struct PendingUsage(Arc<Mutex<BTreeMap<PartnerId, Usage>>>);

impl PendingUsage {
    /// Locks the counts.
    pub(in crate::gateway) fn lock(&self) -> MutexGuard<'_, BTreeMap<PartnerId, Usage>> {
        // No code panics while it holds the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The reservation of an accepted offer, until its row is on record.
pub(in crate::gateway) struct PayloadReservation {
    pub(in crate::gateway) begun: PendingUsage,
    pub(in crate::gateway) partner: PartnerId,
    pub(in crate::gateway) bytes: u64,
}

impl Drop for PayloadReservation {
    fn drop(&mut self) {
        let mut begun = self.begun.lock();
        let Some(usage) = begun.get_mut(&self.partner) else { return };
        usage.exchanges = usage.exchanges.saturating_sub(1);
        usage.bytes = usage.bytes.saturating_sub(self.bytes);
        if usage.exchanges == 0 {
            begun.remove(&self.partner);
        }
    }
}

/// One partner's limits.
#[derive(Clone, Copy, Debug)]
pub(in crate::gateway) struct PayloadQuota {
    pub unfinished: u64,
    /// Percentage of the payload storage.
    pub percent: u64,
    /// Bytes free above the reserve.
    pub free: u64,
}

impl PayloadQuota {
    /// Why another payload of `size` bytes exceeds the share of a partner that has this much already.
    pub(in crate::gateway) fn exceeded(&self, has: &PartnerUsage, size: u64) -> Option<(RefusalCode, String)> {
        if has.unfinished >= self.unfinished {
            let why = format!(
                "the partner has {} unfinished payloads here, at most {} are allowed: see [store] unfinished_max",
                has.unfinished, self.unfinished
            );
            return Some((RefusalCode::Busy, why));
        }
        let room = u128::from(self.free) + u128::from(has.whole);
        let allowed = room * u128::from(self.percent) / 100;
        let after = u128::from(has.bytes) + u128::from(size);
        (after > allowed).then(|| {
            let why = format!(
                "the partner has {} bytes of payloads here and offers {size} more, at most {allowed} are allowed: see \
                 [store] partner_percent, and take what is in the inbox",
                has.bytes
            );
            (RefusalCode::StorageUnavailable, why)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partner_may_have_so_many_and_so_much_of_the_room() {
        let share = PayloadQuota { unfinished: 2, percent: 50, free: 60 };
        let has = |unfinished, bytes| PartnerUsage { at: Duration::ZERO, unfinished, bytes, whole: bytes.min(40) };
        // 60 free and 40 its own: half of that is 50.
        let code = |share: PayloadQuota, has: &PartnerUsage, size| share.exceeded(has, size).map(|(code, _)| code);
        assert_eq!(code(share, &has(1, 40), 10), None);
        assert_eq!(code(share, &has(1, 40), 11), Some(RefusalCode::StorageUnavailable));
        assert_eq!(code(share, &has(2, 0), 1), Some(RefusalCode::Busy));
        assert_eq!(code(share, &has(0, u64::MAX), u64::MAX), Some(RefusalCode::StorageUnavailable));
        assert_eq!(code(PayloadQuota { percent: 100, ..share }, &has(1, 40), 60), None);
    }
}
