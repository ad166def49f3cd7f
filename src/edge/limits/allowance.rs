//! Limits of a partner's links and malformed streams.

use std::num::NonZeroU32;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

/// Links that a partner may bring up: the burst, and the rate per minute.
const LINKS: (u32, u32) = (30, 60);
/// Malformed streams that a partner's links survive: the burst, and the rate per minute.
const MALFORMED: (u32, u32) = (20, 20);

/// Limits of links and malformed streams for one partner, which the agreement does not set.
pub(in crate::edge) struct LinkRates {
    links: DefaultDirectRateLimiter,
    malformed: DefaultDirectRateLimiter,
}

impl LinkRates {
    pub(in crate::edge) fn new() -> LinkRates {
        let limiter = |(burst, per_minute)| {
            RateLimiter::direct(Quota::per_minute(at_least_one(per_minute)).allow_burst(at_least_one(burst)))
        };
        LinkRates { links: limiter(LINKS), malformed: limiter(MALFORMED) }
    }

    /// Counts one link and returns whether it is within the limit.
    pub(in crate::edge) fn link(&self) -> bool {
        self.links.check().is_ok()
    }

    /// Counts one malformed stream and returns whether it is within the limit.
    pub(in crate::edge) fn malformed_stream(&self) -> bool {
        self.malformed.check().is_ok()
    }
}

fn at_least_one(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_malformed_streams_are_limited_separately() {
        let allowance = LinkRates::new();
        assert!((0..LINKS.0).all(|_| allowance.link()) && !(0..1000).all(|_| allowance.link()));
        assert!(
            (0..MALFORMED.0).all(|_| allowance.malformed_stream()) && !(0..1000).all(|_| allowance.malformed_stream())
        );
        assert!(LinkRates::new().link(), "another partner has its own");
    }
}
