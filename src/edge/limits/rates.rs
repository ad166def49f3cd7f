//! The rate limiters of offers and bytes in one direction of one partner's traffic. If a limiter fails, nothing is admitted.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

use crate::partner::Limits;

/// The unit in which bytes are counted, so that the rates of fast links fit the limiter's nanosecond arithmetic.
const BYTE_UNIT: usize = 1024;

/// The rate limiters of one direction; [`super::pacer`] decides which exchange uses them next.
pub(in crate::edge) struct Rates {
    offers: DefaultDirectRateLimiter,
    bytes: DefaultDirectRateLimiter,
    burst_units: u32,
    clock: DefaultClock,
}

/// The rate limit is used up for this long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::edge) struct MustWait(pub Duration);

impl Rates {
    pub(in crate::edge) fn new(limits: &Limits) -> Rates {
        let burst_units = units(usize::try_from(limits.bytes_burst).unwrap_or(usize::MAX));
        let per_second = units(usize::try_from(limits.bytes_per_second).unwrap_or(usize::MAX));
        let offers = Quota::per_minute(at_least_one(limits.offers_per_minute));
        let bytes = Quota::per_second(at_least_one(per_second));
        Rates {
            offers: RateLimiter::direct(offers.allow_burst(at_least_one(limits.offers_burst))),
            bytes: RateLimiter::direct(bytes.allow_burst(at_least_one(burst_units))),
            burst_units: burst_units.max(1),
            clock: DefaultClock::default(),
        }
    }

    /// Admits one offer, or returns how long to wait for one.
    pub(in crate::edge) fn offer(&self) -> Result<(), MustWait> {
        self.offers.check().map_err(|not| MustWait(not.wait_time_from(self.clock.now())))
    }

    /// Admits `length` bytes, or returns how long to wait for them. More than the burst is counted as the burst, because the
    /// limiter would never admit it.
    pub(in crate::edge) fn bytes(&self, length: usize) -> Result<(), MustWait> {
        let units = at_least_one(units(length).min(self.burst_units));
        match self.bytes.check_n(units) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(not)) => Err(MustWait(not.wait_time_from(self.clock.now()))),
            // INVARIANT: `units` is at most the burst. If that were ever wrong, nothing would be admitted.
            Err(_) => Err(MustWait(Duration::from_secs(60))),
        }
    }

    /// The most bytes that can be admitted at once.
    pub(in crate::edge) fn chunk(&self) -> usize {
        usize::try_from(self.burst_units).unwrap_or(usize::MAX).saturating_mul(BYTE_UNIT)
    }
}

fn units(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(BYTE_UNIT)).unwrap_or(u32::MAX)
}

fn at_least_one(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits { offers_per_minute: 1, offers_burst: 2, bytes_per_second: 1024, bytes_burst: 4096, ..Limits::default() }
    }

    #[test]
    fn refuses_offers_beyond_the_burst_and_says_how_long() {
        let rates = Rates::new(&limits());
        assert_eq!((rates.offer(), rates.offer()), (Ok(()), Ok(())));
        let MustWait(wait) = rates.offer().unwrap_err();
        assert!(wait > Duration::from_secs(30) && wait <= Duration::from_secs(60), "{wait:?}");
    }

    #[test]
    fn refuses_bytes_beyond_the_burst_but_never_for_ever() {
        let rates = Rates::new(&limits());
        assert_eq!(rates.chunk(), 4096);
        assert_eq!(rates.bytes(1 << 30), Ok(()));
        let MustWait(wait) = rates.bytes(1 << 30).unwrap_err();
        assert!(wait <= Duration::from_secs(4), "{wait:?}");
    }
}
