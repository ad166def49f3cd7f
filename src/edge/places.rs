//! Places for handshakes in progress: so many for strangers, and so many for whoever comes from where a partner is known to
//! be. Strangers cannot take a partner's places, and none of them can take those of all others.
//!
//! Where there is no place, the eldest handshake gives way that has had the time of two slow round trips: a client that says
//! nothing keeps nobody out for longer. It refuses whoever would have to push out a younger one.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use crate::time::Time;

/// How long a handshake may keep its place while others have none: two round trips of half a second each.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);
/// Handshakes at once from one network that a partner is known by.
const KNOWN_EACH: usize = 4;

/// Whose place it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Anybody.
    Stranger,
    /// A validated address that a partner is known by.
    Known,
}

/// The number of a place that is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket(u64);

/// The places, each with a `T` that ends its handshake.
#[derive(Debug)]
pub(super) struct Places<T> {
    strangers: usize,
    known: usize,
    last: u64,
    /// In the order in which they were taken.
    taken: BTreeMap<Ticket, Place<T>>,
}

#[derive(Debug)]
struct Place<T> {
    class: Class,
    address: IpAddr,
    since: Time,
    end: T,
}

impl<T> Places<T> {
    /// `all` places, half of them for strangers.
    pub(super) fn new(all: usize) -> Places<T> {
        let strangers = all.div_ceil(2).max(1);
        Places { strangers, known: (all - all.div_ceil(2)).max(1), last: 0, taken: BTreeMap::new() }
    }

    /// Whether strangers have no more than half of their places.
    pub(super) fn is_calm(&self) -> bool {
        self.count(|place| place.class == Class::Stranger) * 2 < self.strangers
    }

    /// Takes a place, and gives what ends the handshake that gives way to it, if one must. `None` if there is no place.
    pub(super) fn take(&mut self, now: Time, class: Class, address: IpAddr, end: T) -> Option<(Ticket, Option<T>)> {
        let pushed_out = match self.too_many(class, address) {
            Some(group) => Some(self.eldest(now, class, group)?),
            None => None,
        };
        let gone = pushed_out.and_then(|ticket| self.taken.remove(&ticket)).map(|place| place.end);
        self.last += 1;
        let ticket = Ticket(self.last);
        self.taken.insert(ticket, Place { class, address, since: now, end });
        Some((ticket, gone))
    }

    /// Gives a place back.
    pub(super) fn leave(&mut self, ticket: Ticket) {
        self.taken.remove(&ticket);
    }

    /// The narrowest group of addresses around this one that has all its places, if one has.
    fn too_many(&self, class: Class, address: IpAddr) -> Option<Group> {
        let all = if class == Class::Known { self.known } else { self.strangers };
        // A share of a few places would be none at all.
        let (network, region) = match class {
            Class::Known => (KNOWN_EACH.min(all), all),
            Class::Stranger => ((all / 8).max(1), (all / 4).max(1)),
        };
        let groups = [(Group::Network(network_of(address)), network), (Group::Region(region_of(address)), region)];
        let groups = groups.into_iter().chain([(Group::All, all)]);
        groups.into_iter().find(|(group, most)| self.count(|place| place.is_of(class, *group)) >= *most).map(|(g, _)| g)
    }

    fn eldest(&self, now: Time, class: Class, group: Group) -> Option<Ticket> {
        let (ticket, place) = self.taken.iter().find(|(_, place)| place.is_of(class, group))?;
        (now.since(place.since) >= PATIENCE).then_some(*ticket)
    }

    fn count(&self, counted: impl Fn(&Place<T>) -> bool) -> usize {
        self.taken.values().filter(|place| counted(place)).count()
    }
}

impl<T> Place<T> {
    fn is_of(&self, class: Class, group: Group) -> bool {
        let within = match group {
            Group::Network(network) => network_of(self.address) == network,
            Group::Region(region) => region_of(self.address) == region,
            Group::All => true,
        };
        self.class == class && within
    }
}

/// Addresses that somebody may have together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Group {
    Network(IpAddr),
    Region(IpAddr),
    All,
}

/// Who holds one IPv6 address usually holds its /64.
pub(super) fn network_of(address: IpAddr) -> IpAddr {
    within(address, 4, 32)
}

/// What is usually given out as one: an IPv4 /24, an IPv6 /48.
pub(super) fn region_of(address: IpAddr) -> IpAddr {
    within(address, 3, 24)
}

/// The first `words` of an IPv6 address, or the first `bits` of an IPv4 address.
fn within(address: IpAddr, words: usize, bits: u32) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let mut segments = v6.segments();
            segments[words..].fill(0);
            IpAddr::V6(Ipv6Addr::from(segments))
        }
        IpAddr::V4(v4) => IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & (u32::MAX << (32 - bits)))),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Time = Time::from_unix_ms(1_795_341_600_000);

    fn address(n: u32) -> IpAddr {
        // Each of another /24.
        IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0001 + (n << 8)))
    }

    fn strangers(places: &mut Places<u32>, now: Time, numbers: std::ops::Range<u32>) -> usize {
        numbers.filter(|n| places.take(now, Class::Stranger, address(*n), *n).is_some()).count()
    }

    #[test]
    fn strangers_have_half_and_never_a_place_of_a_known_address() {
        let mut places = Places::new(64);
        assert_eq!(strangers(&mut places, NOW, 0..1000), 32);
        let known = (2000..2100).filter(|n| places.take(NOW, Class::Known, address(*n), *n).is_some()).count();
        assert_eq!(known, 32);
    }

    #[test]
    fn the_eldest_gives_way_after_its_time_and_not_before() {
        let mut places = Places::new(4);
        assert_eq!(strangers(&mut places, NOW, 0..2), 2);
        let soon = NOW.plus(PATIENCE - Duration::from_millis(1));
        assert!(places.take(soon, Class::Stranger, address(3), 3).is_none());
        let (_, gone) = places.take(NOW.plus(PATIENCE), Class::Stranger, address(3), 3).unwrap();
        assert_eq!(gone, Some(0));
        assert_eq!(places.take(NOW.plus(PATIENCE), Class::Stranger, address(4), 4).unwrap().1, Some(1));
        assert!(places.take(NOW.plus(PATIENCE), Class::Stranger, address(5), 5).is_none(), "the others are young");
    }

    #[test]
    fn one_network_or_region_has_only_its_share_and_gives_way_to_itself() {
        let mut places = Places::new(64);
        let in_region = |n: u32| IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + n));
        let of_one = (0..100).filter(|_| places.take(NOW, Class::Stranger, in_region(1), 0).is_some()).count();
        let of_region = (2..200).filter(|n| places.take(NOW, Class::Stranger, in_region(*n), 0).is_some()).count();
        assert_eq!((of_one, of_region), (4, 4));
        assert!(places.take(NOW, Class::Stranger, "2001:db8:0:1::1".parse().unwrap(), 7).is_some());
        let later = NOW.plus(PATIENCE);
        assert_eq!(places.take(later, Class::Stranger, in_region(1), 9).unwrap().1, Some(0));
        assert_eq!(places.count(|_| true), 9, "it took one of its own");
    }

    #[test]
    fn one_known_network_does_not_keep_out_another() {
        let mut places = Places::new(64);
        let of_one = (0..100).filter(|n| places.take(NOW, Class::Known, address(1), *n).is_some()).count();
        assert_eq!(of_one, KNOWN_EACH);
        assert!(places.take(NOW, Class::Known, address(2), 0).is_some());
    }

    #[test]
    fn a_place_that_was_left_is_there_for_the_next() {
        let mut places = Places::new(2);
        let (ticket, _) = places.take(NOW, Class::Stranger, address(1), 1).unwrap();
        assert!(places.take(NOW, Class::Stranger, address(2), 2).is_none());
        places.leave(ticket);
        assert!(places.take(NOW, Class::Stranger, address(2), 2).is_some());
    }

    #[test]
    fn networks_and_regions() {
        let of = |text: &str| (network_of(text.parse().unwrap()), region_of(text.parse().unwrap()));
        let is = |a: &str, b: &str| (a.parse().unwrap(), b.parse().unwrap());
        assert_eq!(of("192.0.2.77"), is("192.0.2.77", "192.0.2.0"));
        assert_eq!(of("::ffff:192.0.2.77"), is("192.0.2.77", "192.0.2.0"));
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), is("2001:db8:1:2::", "2001:db8:1::"));
    }

    proptest! {
        #[test]
        fn never_more_than_there_are_places(all in 0..20usize, steps in prop::collection::vec((0..40u32, any::<bool>(), 0..2000u64), 0..200)) {
            let (mut places, mut now) = (Places::new(all), NOW);
            for (n, known, wait) in steps {
                now = now.plus(Duration::from_millis(wait));
                let class = if known { Class::Known } else { Class::Stranger };
                places.take(now, class, address(n), n);
                prop_assert!(places.count(|place| place.class == Class::Stranger) <= all.div_ceil(2).max(1));
                prop_assert!(places.count(|place| place.class == Class::Known) <= (all / 2).max(1));
            }
        }
    }
}
