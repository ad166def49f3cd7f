//! Rates, per partner and per address. Whatever a limiter cannot answer is a refusal.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::places::{network_of, region_of};
use crate::partner::Limits;

/// Bytes are counted in units of this many, so that fast links stay within the limiter's nanosecond arithmetic.
const BYTE_UNIT: usize = 1024;

/// The most addresses remembered at once; when there are more, new ones are refused.
const ADDRESSES_MAX: usize = 20_000;
/// A /24 or /48 may try so many times as often as one address in it.
const REGION_TIMES: u32 = 4;

/// One direction of one partner's traffic; [`super::pace`] says who may ask next.
pub(super) struct Rates {
    offers: DefaultDirectRateLimiter,
    bytes: DefaultDirectRateLimiter,
    burst_units: u32,
    clock: DefaultClock,
}

/// Links a partner may bring up at once, and how many more a minute.
const LINKS: (u32, u32) = (30, 60);
/// Streams of what is no frame that a partner's links survive at once, and how many more a minute.
const NO_FRAMES: (u32, u32) = (20, 20);

/// What a partner may make of us besides exchanges, which the agreement does not count.
pub(super) struct Allowance {
    links: DefaultDirectRateLimiter,
    no_frames: DefaultDirectRateLimiter,
}

impl Allowance {
    pub(super) fn new() -> Allowance {
        let limiter = |(burst, per_minute)| {
            RateLimiter::direct(Quota::per_minute(at_least_one(per_minute)).allow_burst(at_least_one(burst)))
        };
        Allowance { links: limiter(LINKS), no_frames: limiter(NO_FRAMES) }
    }

    /// Takes one link.
    pub(super) fn link(&self) -> bool {
        self.links.check().is_ok()
    }

    /// Takes one stream of what is no frame.
    pub(super) fn no_frame(&self) -> bool {
        self.no_frames.check().is_ok()
    }
}

/// Must wait this long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MustWait(pub Duration);

impl Rates {
    pub(super) fn new(limits: &Limits) -> Rates {
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

    /// Takes one offer.
    pub(super) fn offer(&self) -> Result<(), MustWait> {
        self.offers.check().map_err(|not| MustWait(not.wait_time_from(self.clock.now())))
    }

    /// Takes `length` bytes, or says how long to wait for them. More than the burst is counted as the burst: the
    /// limiter would otherwise refuse it for ever.
    pub(super) fn bytes(&self, length: usize) -> Result<(), MustWait> {
        let units = at_least_one(units(length).min(self.burst_units));
        match self.bytes.check_n(units) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(not)) => Err(MustWait(not.wait_time_from(self.clock.now()))),
            // INVARIANT: `units` is at most the burst; if that ever fails, nothing passes.
            Err(_) => Err(MustWait(Duration::from_secs(60))),
        }
    }

    /// The most bytes to take at once.
    pub(super) fn chunk(&self) -> usize {
        usize::try_from(self.burst_units).unwrap_or(usize::MAX).saturating_mul(BYTE_UNIT)
    }
}

/// Connection attempts, per network and region an address belongs to.
pub(super) struct Attempts {
    networks: DefaultKeyedRateLimiter<IpAddr>,
    regions: DefaultKeyedRateLimiter<IpAddr>,
    known: DefaultKeyedRateLimiter<IpAddr>,
}

impl Attempts {
    pub(super) fn new(per_minute: u32, burst: u32) -> Attempts {
        let keyed = |times: u32| {
            let (per_minute, burst) = (per_minute.saturating_mul(times), burst.saturating_mul(times));
            RateLimiter::keyed(Quota::per_minute(at_least_one(per_minute)).allow_burst(at_least_one(burst)))
        };
        Attempts { networks: keyed(1), regions: keyed(REGION_TIMES), known: keyed(1) }
    }

    /// Takes one attempt of a validated address; `known` says that a partner is known to be there. An address that was not
    /// validated must not come here: it could be anybody's, and each would be remembered.
    pub(super) fn admit(&self, address: IpAddr, known: bool) -> bool {
        if known {
            // There are only so many of these, and no stranger takes their room.
            return self.known.check_key(&network_of(address)).is_ok();
        }
        let full = |limiter: &DefaultKeyedRateLimiter<IpAddr>| {
            limiter.len() > ADDRESSES_MAX && {
                limiter.retain_recent();
                limiter.len() > ADDRESSES_MAX
            }
        };
        // The wider one first: a region that has had its share takes no more room here.
        !full(&self.regions)
            && self.regions.check_key(&region_of(address)).is_ok()
            && !full(&self.networks)
            && self.networks.check_key(&network_of(address)).is_ok()
    }

    /// Forgets addresses whose allowance is whole again.
    pub(super) fn sweep(&self) {
        [&self.networks, &self.regions, &self.known].into_iter().for_each(DefaultKeyedRateLimiter::retain_recent);
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

    #[test]
    fn a_partner_has_so_many_links_and_so_much_garbage_and_each_by_itself() {
        let allowance = Allowance::new();
        assert!((0..LINKS.0).all(|_| allowance.link()) && !(0..1000).all(|_| allowance.link()));
        assert!((0..NO_FRAMES.0).all(|_| allowance.no_frame()) && !(0..1000).all(|_| allowance.no_frame()));
        assert!(Allowance::new().link(), "another partner has its own");
    }

    #[test]
    fn refuses_attempts_per_network_not_per_address() {
        let attempts = Attempts::new(1, 1);
        let admit = |text: &str| attempts.admit(text.parse().unwrap(), false);
        assert!(admit("2001:db8::1"));
        assert!(!admit("2001:db8::2"));
        assert!(admit("2001:db8:0:1::1"));
        assert!(admit("192.0.2.1"));
        assert!(!admit("::ffff:192.0.2.1"));
        assert!(attempts.admit("192.0.2.1".parse().unwrap(), true), "whoever is known there is counted apart");
    }

    #[test]
    fn refuses_what_a_region_tries_beyond_its_share() {
        let attempts = Attempts::new(1, 1);
        let admitted = |at: &dyn Fn(u8) -> IpAddr| (0..200).filter(|n| attempts.admit(at(*n), false)).count();
        assert_eq!(admitted(&|n| IpAddr::from([192, 0, 2, n])), REGION_TIMES as usize);
        assert_eq!(admitted(&|n| IpAddr::from([0x2001, 0xdb8, 7, u16::from(n), 0, 0, 0, 1])), REGION_TIMES as usize);
        assert_eq!(admitted(&|n| IpAddr::from([198, 51, n, 1])), 200);
    }

    #[test]
    fn what_is_remembered_is_bounded_and_a_known_address_never_waits_for_it() {
        let attempts = Attempts::new(1, 1);
        for n in 0..3 * ADDRESSES_MAX as u32 {
            attempts.admit(IpAddr::from(0x0a00_0000u32.wrapping_add(n << 8).to_be_bytes()), false);
        }
        assert!(attempts.networks.len() <= ADDRESSES_MAX + 1 && attempts.regions.len() <= ADDRESSES_MAX + 1);
        assert!(attempts.admit("192.0.2.1".parse().unwrap(), true));
    }
}
