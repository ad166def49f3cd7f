//! Networks at which partners are known to be: those that we dial for them, and those from which they brought up a link. A
//! stranger cannot add one: each was authenticated, or is dialled by us.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::networks::network_of;
use crate::ident::PartnerId;

/// Networks remembered of one partner, each way.
const EACH_MAX: usize = 8;

/// The networks that partners are known by.
#[derive(Debug, Default)]
pub(in crate::edge) struct PartnerNetworks(Mutex<Networks>);

#[derive(Debug, Default)]
struct Networks {
    /// The latest last, in both.
    came_from: BTreeMap<PartnerId, Vec<IpAddr>>,
    dialled: BTreeMap<PartnerId, Vec<IpAddr>>,
    all: BTreeSet<IpAddr>,
}

impl PartnerNetworks {
    /// With those that an earlier process remembered.
    pub(in crate::edge) fn new(came_from: BTreeMap<PartnerId, Vec<IpAddr>>) -> PartnerNetworks {
        let mut networks = Networks { came_from, ..Networks::default() };
        networks.came_from.values_mut().for_each(|all| all.truncate(EACH_MAX));
        networks.gather();
        PartnerNetworks(Mutex::new(networks))
    }

    /// Whether a partner is known to be there.
    pub(in crate::edge) fn contains(&self, address: IpAddr) -> bool {
        self.lock().all.contains(&network_of(address))
    }

    /// A link with a partner came up from there.
    pub(in crate::edge) fn came(&self, partner: &PartnerId, from: IpAddr) {
        let mut networks = self.lock();
        latest(&mut networks.came_from, partner, from);
        networks.gather();
    }

    /// An address that a partner has us dial is there.
    pub(in crate::edge) fn dialled(&self, partner: &PartnerId, at: IpAddr) {
        let mut networks = self.lock();
        latest(&mut networks.dialled, partner, at);
        networks.gather();
    }

    /// Forgets every partner that is not among these.
    pub(in crate::edge) fn keep(&self, is_kept: impl Fn(&PartnerId) -> bool) {
        let mut networks = self.lock();
        networks.came_from.retain(|partner, _| is_kept(partner));
        networks.dialled.retain(|partner, _| is_kept(partner));
        networks.gather();
    }

    /// From where each partner came, the latest last.
    pub(in crate::edge) fn came_from(&self) -> BTreeMap<PartnerId, Vec<IpAddr>> {
        self.lock().came_from.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Networks> {
        // No code panics while it holds the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Networks {
    fn gather(&mut self) {
        self.all = self.came_from.values().chain(self.dialled.values()).flatten().copied().collect();
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
    fn a_partner_is_known_by_where_it_came_from_and_where_it_is_dialled() {
        let known = PartnerNetworks::default();
        assert!(!known.contains(ip("192.0.2.1")));
        known.came(&partner("exercise-gbr"), ip("192.0.2.1"));
        known.dialled(&partner("exercise-gbr"), ip("2001:db8::7"));
        assert!(known.contains(ip("192.0.2.1")) && known.contains(ip("::ffff:192.0.2.1")));
        assert!(known.contains(ip("2001:db8::8")) && !known.contains(ip("192.0.2.2")));
        known.keep(|of| of.as_str() == "exercise-aus");
        assert!(!known.contains(ip("192.0.2.1")) && !known.contains(ip("2001:db8::8")));
    }

    #[test]
    fn what_is_remembered_of_one_partner_is_bounded_and_the_latest_stays() {
        let known = PartnerNetworks::default();
        for n in 0..100u8 {
            known.came(&partner("exercise-gbr"), IpAddr::from([192, 0, 2, n]));
            known.came(&partner("exercise-gbr"), ip("198.51.100.1"));
        }
        assert_eq!(known.came_from()[&partner("exercise-gbr")].len(), EACH_MAX);
        assert!(
            known.contains(ip("198.51.100.1")) && known.contains(ip("192.0.2.99")) && !known.contains(ip("192.0.2.1"))
        );
        let again = PartnerNetworks::new(known.came_from());
        assert!(again.contains(ip("192.0.2.99")) && !again.contains(ip("192.0.2.1")));
    }
}
