//! Partners' networks: those that this node dials, and those from which partners brought up an authenticated link. A stranger
//! cannot add one.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::networks::network_of;
use crate::ident::PartnerId;

/// The most networks kept for one partner, in each direction.
const EACH_MAX: usize = 8;

/// The networks of all partners.
#[derive(Debug, Default)]
pub(in crate::edge) struct PartnerNetworks(Mutex<Networks>);

#[derive(Debug, Default)]
struct Networks {
    /// In both maps, the most recent network comes last.
    inbound: BTreeMap<PartnerId, Vec<IpAddr>>,
    dialled: BTreeMap<PartnerId, Vec<IpAddr>>,
    all: BTreeSet<IpAddr>,
}

impl PartnerNetworks {
    /// Starts with the networks that an earlier process recorded.
    pub(in crate::edge) fn new(inbound: BTreeMap<PartnerId, Vec<IpAddr>>) -> PartnerNetworks {
        let mut networks = Networks { inbound, ..Networks::default() };
        networks.inbound.values_mut().for_each(|all| all.truncate(EACH_MAX));
        networks.gather();
        PartnerNetworks(Mutex::new(networks))
    }

    /// Whether `address` is in the network of a partner.
    pub(in crate::edge) fn contains(&self, address: IpAddr) -> bool {
        self.lock().all.contains(&network_of(address))
    }

    /// Records that a partner brought up a link from this address.
    pub(in crate::edge) fn record_inbound(&self, partner: &PartnerId, from: IpAddr) {
        let mut networks = self.lock();
        latest(&mut networks.inbound, partner, from);
        networks.gather();
    }

    /// Records that this node dials a partner at this address.
    pub(in crate::edge) fn record_dialled(&self, partner: &PartnerId, at: IpAddr) {
        let mut networks = self.lock();
        latest(&mut networks.dialled, partner, at);
        networks.gather();
    }

    /// Removes the networks of every partner for which `is_kept` is false.
    pub(in crate::edge) fn retain(&self, is_kept: impl Fn(&PartnerId) -> bool) {
        let mut networks = self.lock();
        networks.inbound.retain(|partner, _| is_kept(partner));
        networks.dialled.retain(|partner, _| is_kept(partner));
        networks.gather();
    }

    /// The networks from which each partner brought up links, the most recent last.
    pub(in crate::edge) fn inbound(&self) -> BTreeMap<PartnerId, Vec<IpAddr>> {
        self.lock().inbound.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Networks> {
        // No code panics while it holds the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Networks {
    fn gather(&mut self) {
        self.all = self.inbound.values().chain(self.dialled.values()).flatten().copied().collect();
    }
}

fn latest(of: &mut BTreeMap<PartnerId, Vec<IpAddr>>, partner: &PartnerId, at: IpAddr) {
    let (known, at) = (of.entry(partner.clone()).or_default(), network_of(at));
    known.retain(|other| *other != at);
    known.push(at);
    if known.len() > EACH_MAX {
        known.remove(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partner(name: &str) -> PartnerId {
        name.parse().unwrap()
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn partners_networks_are_those_of_inbound_and_dialled_links() {
        let known = PartnerNetworks::default();
        assert!(!known.contains(ip("192.0.2.1")));
        known.record_inbound(&partner("exercise-gbr"), ip("192.0.2.1"));
        known.record_dialled(&partner("exercise-gbr"), ip("2001:db8::7"));
        assert!(known.contains(ip("192.0.2.1")) && known.contains(ip("::ffff:192.0.2.1")));
        assert!(known.contains(ip("2001:db8::8")) && !known.contains(ip("192.0.2.2")));
        known.retain(|of| of.as_str() == "exercise-aus");
        assert!(!known.contains(ip("192.0.2.1")) && !known.contains(ip("2001:db8::8")));
    }

    #[test]
    fn the_networks_of_one_partner_are_bounded_and_the_most_recent_kept() {
        let known = PartnerNetworks::default();
        for n in 0..100u8 {
            known.record_inbound(&partner("exercise-gbr"), IpAddr::from([192, 0, 2, n]));
            known.record_inbound(&partner("exercise-gbr"), ip("198.51.100.1"));
        }
        assert_eq!(known.inbound()[&partner("exercise-gbr")].len(), EACH_MAX);
        assert!(
            known.contains(ip("198.51.100.1")) && known.contains(ip("192.0.2.99")) && !known.contains(ip("192.0.2.1"))
        );
        let again = PartnerNetworks::new(known.inbound());
        assert!(again.contains(ip("192.0.2.99")) && !again.contains(ip("192.0.2.1")));
    }
}
