//! How often an address may try to connect.

use std::net::IpAddr;
use std::num::NonZeroU32;

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::networks::{network_of, region_of};

/// The most addresses remembered at once; when there are more, new ones are refused.
const ADDRESSES_MAX: usize = 20_000;
/// A /24 or /48 may try so many times as often as one address in it.
const REGION_TIMES: u32 = 4;

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
