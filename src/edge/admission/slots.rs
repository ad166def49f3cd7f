//! Slots for handshakes in progress: one half for strangers, one half for partners' networks. Strangers cannot take slots of the
//! other half, and no single network or region can take all slots of the strangers.
//!
//! When no slot is free, the oldest handshake is evicted if it has had time for two slow round trips, so a silent client blocks
//! a slot no longer than that. An attempt that would have to evict a younger handshake is refused.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use super::networks::{network_of, region_of};
use crate::time::Time;

/// How long a handshake may hold its slot while others wait: two round trips of half a second each.
pub(super) const EVICTABLE_AFTER: Duration = Duration::from_secs(1);
/// The most concurrent handshakes from one network of a partner.
const KNOWN_NETWORK_MAX: usize = 4;

/// Which half of the slots an address uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Any address outside partners' networks, or not validated.
    Stranger,
    /// A validated address in a partner's network.
    Known,
}

/// The number of an occupied slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SlotId(u64);

/// The slots, each with a `T` by which its handshake can be ended.
#[derive(Debug)]
pub(super) struct HandshakeSlots<T> {
    strangers: usize,
    known: usize,
    last: u64,
    /// In the order in which they were taken, oldest first.
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
    /// Creates `all` slots, half of them for strangers; at least one for each class.
    pub(super) fn new(all: usize) -> HandshakeSlots<T> {
        let strangers = all.div_ceil(2).max(1);
        HandshakeSlots { strangers, known: (all - all.div_ceil(2)).max(1), last: 0, taken: BTreeMap::new() }
    }

    /// Changes the number of slots. Handshakes in progress keep theirs.
    pub(super) fn resize(&mut self, all: usize) {
        let HandshakeSlots { strangers, known, .. } = HandshakeSlots::<T>::new(all);
        (self.strangers, self.known) = (strangers, known);
    }

    /// Whether strangers occupy less than half of their slots.
    pub(super) fn is_calm(&self) -> bool {
        self.count(|slot| slot.class == Class::Stranger) * 2 < self.strangers
    }

    /// Takes a slot. Returns its number and, if a handshake was evicted for it, the `T` of that one. `None` if no slot is free.
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

    /// Releases a slot.
    pub(super) fn release(&mut self, id: SlotId) {
        self.taken.remove(&id);
    }

    /// The narrowest group containing this address that has used up its slots, if any.
    fn full_group(&self, class: Class, address: IpAddr) -> Option<Group> {
        let all = if class == Class::Known { self.known } else { self.strangers };
        // At least one each: a share of a few slots would round down to zero.
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

/// A group of addresses to which a limit applies.
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
    fn strangers_have_half_of_the_slots_and_no_other() {
        let mut slots = HandshakeSlots::new(64);
        assert_eq!(strangers(&mut slots, NOW, 0..1000), 32);
        let known = (2000..2100).filter(|n| slots.take(NOW, Class::Known, address(*n), *n).is_some()).count();
        assert_eq!(known, 32);
    }

    #[test]
    fn the_oldest_handshake_is_evicted_after_its_time_and_not_before() {
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
    fn one_network_or_region_has_only_its_share_and_evicts_its_own() {
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
    fn a_released_slot_can_be_taken_again() {
        let mut slots = HandshakeSlots::new(2);
        let (id, _) = slots.take(NOW, Class::Stranger, address(1), 1).unwrap();
        assert!(slots.take(NOW, Class::Stranger, address(2), 2).is_none());
        slots.release(id);
        assert!(slots.take(NOW, Class::Stranger, address(2), 2).is_some());
    }

    proptest! {
        #[test]
        fn never_exceeds_the_number_of_slots(all in 0..20usize, steps in prop::collection::vec((0..40u32, any::<bool>(), 0..2000u64), 0..200)) {
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
