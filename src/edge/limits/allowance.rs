//! What a partner may make of us besides exchanges.

use std::num::NonZeroU32;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

/// Links a partner may bring up at once, and how many more a minute.
const LINKS: (u32, u32) = (30, 60);
/// Streams of what is no frame that a partner's links survive at once, and how many more a minute.
const NO_FRAMES: (u32, u32) = (20, 20);

/// What a partner may make of us besides exchanges, which the agreement does not count.
pub(in crate::edge) struct Allowance {
    links: DefaultDirectRateLimiter,
    no_frames: DefaultDirectRateLimiter,
}

impl Allowance {
    pub(in crate::edge) fn new() -> Allowance {
        let limiter = |(burst, per_minute)| {
            RateLimiter::direct(Quota::per_minute(at_least_one(per_minute)).allow_burst(at_least_one(burst)))
        };
        Allowance { links: limiter(LINKS), no_frames: limiter(NO_FRAMES) }
    }

    /// Takes one link.
    pub(in crate::edge) fn link(&self) -> bool {
        self.links.check().is_ok()
    }

    /// Takes one stream of what is no frame.
    pub(in crate::edge) fn no_frame(&self) -> bool {
        self.no_frames.check().is_ok()
    }
}

fn at_least_one(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partner_has_so_many_links_and_so_much_garbage_and_each_by_itself() {
        let allowance = Allowance::new();
        assert!((0..LINKS.0).all(|_| allowance.link()) && !(0..1000).all(|_| allowance.link()));
        assert!((0..NO_FRAMES.0).all(|_| allowance.no_frame()) && !(0..1000).all(|_| allowance.no_frame()));
        assert!(Allowance::new().link(), "another partner has its own");
    }
}
