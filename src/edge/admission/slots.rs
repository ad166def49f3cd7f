//! Slots for handshakes in progress: one half for strangers, one half for addresses at which a partner is known to be. Strangers
//! cannot take the slots of known addresses, and no single network or region can take all slots of its class.
//!
//! When no slot is free, the oldest handshake is evicted if it has had time for two slow round trips: a silent client blocks
//! nobody for longer. An attempt that would have to evict a younger handshake is refused.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use super::networks::{network_of, region_of};
use crate::time::Time;

/// How long a handshake may keep its slot while others have none: two round trips of half a second each.
pub(super) const EVICTABLE_AFTER: Duration = Duration::from_secs(1);
/// Handshakes at once from one network that a partner is known by.
const KNOWN_NETWORK_MAX: usize = 4;

/// Whose slot it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Anybody.
    Stranger,
    /// A validated address that a partner is known by.
    Known,
}

/// The number of a slot that is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SlotId(u64);

/// The slots, each with a `T` that ends its handshake.
#[derive(Debug)]
pub(super) struct HandshakeSlots<T> {
    strangers: usize,
    known: usize,
    last: u64,
    /// In the order in which they were taken.
    taken: BTreeMap<SlotId, Slot<T>>,
}

#[derive(Debug)]
struct Slot<T> {
    class: Class,
    address: IpAddr,
    since: Time,
    end: T,
}

impl<T> HandshakeSlots<T> {
    /// `all` slots, half of them for strangers.
    pub(super) fn new(all: usize) -> HandshakeSlots<T> {
        let strangers = all.div_ceil(2).max(1);
        HandshakeSlots { strangers, known: (all - all.div_ceil(2)).max(1), last: 0, taken: BTreeMap::new() }
    }

    /// Changes how many slots there are. Whoever has one keeps it.
    pub(super) fn resize(&mut self, all: usize) {
        let HandshakeSlots { strangers, known, .. } = HandshakeSlots::<T>::new(all);
        (self.strangers, self.known) = (strangers, known);
    }

    /// Whether strangers have no more than half of their slots.
    pub(super) fn is_calm(&self) -> bool {
        self.count(|slot| slot.class == Class::Stranger) * 2 < self.strangers
    }

    /// Takes a slot, and returns what ends the handshake that was evicted for it, if any. `None` if no slot is free.
    pub(super) fn take(&mut self, now: Time, class: Class, address: IpAddr, end: T) -> Option<(SlotId, Option<T>)> {
        let evicted = match self.full_group(class, address) {
            Some(group) => Some(self.oldest(now, class, group)?),
            None => None,
        };
        let gone = evicted.and_then(|id| self.taken.remove(&id)).map(|slot| slot.end);
        self.last += 1;
        let id = SlotId(self.last);
        self.taken.insert(id, Slot { class, address, since: now, end });
        Some((id, gone))
    }

    /// Gives a slot back.
    pub(super) fn leave(&mut self, id: SlotId) {
        self.taken.remove(&id);
    }

    /// The narrowest group of addresses around this one that has used up its slots, if any.
    fn full_group(&self, class: Class, address: IpAddr) -> Option<Group> {
        let all = if class == Class::Known { self.known } else { self.strangers };
        // At least one: a share of a few slots rounds down to none.
        let (network, region) = match class {
            Class::Known => (KNOWN_NETWORK_MAX.min(all), all),
            Class::Stranger => ((all / 8).max(1), (all / 4).max(1)),
        };
        let groups = [(Group::Network(network_of(address)), network), (Group::Region(region_of(address)), region)];
        let groups = groups.into_iter().chain([(Group::All, all)]);
        groups.into_iter().find(|(group, most)| self.count(|slot| slot.is_of(class, *group)) >= *most).map(|(g, _)| g)
    }

    fn oldest(&self, now: Time, class: Class, group: Group) -> Option<SlotId> {
        let (id, slot) = self.taken.iter().find(|(_, slot)| slot.is_of(class, group))?;
        (now.since(slot.since) >= EVICTABLE_AFTER).then_some(*id)
    }

    fn count(&self, counted: impl Fn(&Slot<T>) -> bool) -> usize {
        self.taken.values().filter(|slot| counted(slot)).count()
    }
}

impl<T> Slot<T> {
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

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use proptest::prelude::*;

    use super::*;

    const NOW: Time = Time::from_unix_ms(1_795_341_600_000);

    fn address(n: u32) -> IpAddr {
        // Each of another /24.
        IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0001 + (n << 8)))
    }

    fn strangers(slots: &mut HandshakeSlots<u32>, now: Time, numbers: std::ops::Range<u32>) -> usize {
        numbers.filter(|n| slots.take(now, Class::Stranger, address(*n), *n).is_some()).count()
    }

    #[test]
    fn strangers_have_half_and_never_a_place_of_a_known_address() {
        let mut slots = HandshakeSlots::new(64);
        assert_eq!(strangers(&mut slots, NOW, 0..1000), 32);
        let known = (2000..2100).filter(|n| slots.take(NOW, Class::Known, address(*n), *n).is_some()).count();
        assert_eq!(known, 32);
    }

    #[test]
    fn the_eldest_gives_way_after_its_time_and_not_before() {
        let mut slots = HandshakeSlots::new(4);
        assert_eq!(strangers(&mut slots, NOW, 0..2), 2);
        let soon = NOW.plus(EVICTABLE_AFTER - Duration::from_millis(1));
        assert!(slots.take(soon, Class::Stranger, address(3), 3).is_none());
        let (_, gone) = slots.take(NOW.plus(EVICTABLE_AFTER), Class::Stranger, address(3), 3).unwrap();
        assert_eq!(gone, Some(0));
        assert_eq!(slots.take(NOW.plus(EVICTABLE_AFTER), Class::Stranger, address(4), 4).unwrap().1, Some(1));
        assert!(
            slots.take(NOW.plus(EVICTABLE_AFTER), Class::Stranger, address(5), 5).is_none(),
            "the others are young"
        );
    }

    #[test]
    fn one_network_or_region_has_only_its_share_and_gives_way_to_itself() {
        let mut slots = HandshakeSlots::new(64);
        let in_region = |n: u32| IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + n));
        let of_one = (0..100).filter(|_| slots.take(NOW, Class::Stranger, in_region(1), 0).is_some()).count();
        let of_region = (2..200).filter(|n| slots.take(NOW, Class::Stranger, in_region(*n), 0).is_some()).count();
        assert_eq!((of_one, of_region), (4, 4));
        assert!(slots.take(NOW, Class::Stranger, "2001:db8:0:1::1".parse().unwrap(), 7).is_some());
        let later = NOW.plus(EVICTABLE_AFTER);
        assert_eq!(slots.take(later, Class::Stranger, in_region(1), 9).unwrap().1, Some(0));
        assert_eq!(slots.count(|_| true), 9, "it took one of its own");
    }

    #[test]
    fn one_known_network_does_not_keep_out_another() {
        let mut slots = HandshakeSlots::new(64);
        let of_one = (0..100).filter(|n| slots.take(NOW, Class::Known, address(1), *n).is_some()).count();
        assert_eq!(of_one, KNOWN_NETWORK_MAX);
        assert!(slots.take(NOW, Class::Known, address(2), 0).is_some());
    }

    #[test]
    fn a_place_that_was_left_is_there_for_the_next() {
        let mut slots = HandshakeSlots::new(2);
        let (id, _) = slots.take(NOW, Class::Stranger, address(1), 1).unwrap();
        assert!(slots.take(NOW, Class::Stranger, address(2), 2).is_none());
        slots.leave(id);
        assert!(slots.take(NOW, Class::Stranger, address(2), 2).is_some());
    }

    proptest! {
        #[test]
        fn never_more_than_there_are_places(all in 0..20usize, steps in prop::collection::vec((0..40u32, any::<bool>(), 0..2000u64), 0..200)) {
            let (mut slots, mut now) = (HandshakeSlots::new(all), NOW);
            for (n, known, wait) in steps {
                now = now.plus(Duration::from_millis(wait));
                let class = if known { Class::Known } else { Class::Stranger };
                slots.take(now, class, address(n), n);
                prop_assert!(slots.count(|slot| slot.class == Class::Stranger) <= all.div_ceil(2).max(1));
                prop_assert!(slots.count(|slot| slot.class == Class::Known) <= (all / 2).max(1));
            }
        }
    }
}
