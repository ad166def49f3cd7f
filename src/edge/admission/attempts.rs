//! Rate limits of connection attempts by address.

use std::net::IpAddr;
use std::num::NonZeroU32;

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::networks::{network_of, region_of};

/// The most addresses tracked at once; beyond that, attempts from new ones are refused.
const ADDRESSES_MAX: usize = 20_000;
/// How many times the limit of one network (see [`network_of`]) is the limit of its region, a /24 or /48.
const REGION_TIMES: u32 = 4;

/// Counts connection attempts by the network and region of an address.
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

    /// Counts one attempt of a validated address and returns whether it is within the limits. `known` means that the address is
    /// in a partner's network. Must not be called for an address that was not validated: it could be spoofed, and each would
    /// take up memory.
    pub(super) fn admit(&self, address: IpAddr, known: bool) -> bool {
        if known {
            // The number of partner networks is bounded, and strangers do not use their entries.
            return self.known.check_key(&network_of(address)).is_ok();
        }
        let full = |limiter: &DefaultKeyedRateLimiter<IpAddr>| {
            limiter.len() > ADDRESSES_MAX && {
                limiter.retain_recent();
                limiter.len() > ADDRESSES_MAX
            }
        };
        // The region first: one that is over its limit adds no more networks.
        !full(&self.regions)
            && self.regions.check_key(&region_of(address)).is_ok()
            && !full(&self.networks)
            && self.networks.check_key(&network_of(address)).is_ok()
    }

    /// Removes addresses that have their full allowance again.
    pub(super) fn sweep(&self) {
        [&self.networks, &self.regions, &self.known].into_iter().for_each(DefaultKeyedRateLimiter::retain_recent);
    }
}

fn at_least_one(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn refuses_attempts_of_a_region_beyond_its_limit() {
        let attempts = Attempts::new(1, 1);
        let admitted = |at: &dyn Fn(u8) -> IpAddr| (0..200).filter(|n| attempts.admit(at(*n), false)).count();
        assert_eq!(admitted(&|n| IpAddr::from([192, 0, 2, n])), REGION_TIMES as usize);
        assert_eq!(admitted(&|n| IpAddr::from([0x2001, 0xdb8, 7, u16::from(n), 0, 0, 0, 1])), REGION_TIMES as usize);
        assert_eq!(admitted(&|n| IpAddr::from([198, 51, n, 1])), 200);
    }

    #[test]
    fn tracked_addresses_are_bounded_and_partners_are_not_affected() {
        let attempts = Attempts::new(1, 1);
        for n in 0..3 * ADDRESSES_MAX as u32 {
            attempts.admit(IpAddr::from(0x0a00_0000u32.wrapping_add(n << 8).to_be_bytes()), false);
        }
        assert!(attempts.networks.len() <= ADDRESSES_MAX + 1 && attempts.regions.len() <= ADDRESSES_MAX + 1);
        assert!(attempts.admit("192.0.2.1".parse().unwrap(), true));
    }
}
