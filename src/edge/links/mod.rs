//! The live links, at most one for each partner.
//!
//! A connection is registered after both sides have exchanged their Hello, or refused as superseded. Every link is verified
//! against the current trust snapshot, and closed when its certificate is no longer trusted.

mod identity;
mod link;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::ident::{NodeId, PartnerId};
use crate::wire::Role;

pub(super) use self::identity::identity;
pub(super) use self::link::Link;

/// Every live link, by partner.
#[derive(Default)]
pub(super) struct Links(Mutex<BTreeMap<PartnerId, Arc<Link>>>);

/// The result of registering a link.
pub(super) enum Registration {
    /// It is now the partner's link. The caller closes the one that it replaces, if any.
    Kept(Option<Arc<Link>>),
    /// The existing link stays. The caller closes the new one.
    Superseded,
}

impl Links {
    /// The partner's link, if it is up.
    pub(super) fn link(&self, partner: &PartnerId) -> Option<Arc<Link>> {
        self.lock().get(partner).cloned()
    }

    /// Every link.
    pub(super) fn all(&self) -> Vec<Arc<Link>> {
        self.lock().values().cloned().collect()
    }

    /// Registers a link that came up; `ours` is the name of this node.
    pub(super) fn register(&self, ours: &NodeId, link: &Arc<Link>) -> Registration {
        let mut links = self.lock();
        if let Some(old) = links.get(&link.partner)
            && old.connection.close_reason().is_none()
            && !replaces(ours, &link.peer.node, (old.role, old.peer.boot), (link.role, link.peer.boot))
        {
            return Registration::Superseded;
        }
        Registration::Kept(links.insert(link.partner.clone(), link.clone()))
    }

    /// Removes a link if it is still the one of its partner, and returns whether it was.
    pub(super) fn forget(&self, link: &Arc<Link>) -> bool {
        let mut links = self.lock();
        let is_current = links.get(&link.partner).is_some_and(|current| Arc::ptr_eq(current, link));
        if is_current {
            links.remove(&link.partner);
        }
        is_current
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<PartnerId, Arc<Link>>> {
        // No code panics while it holds the lock; even if it were poisoned, the map would be consistent.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a new link replaces the old one. Both sides decide alike, in whatever order they see the two links: the old link of a
/// restarted peer is dead; of two links dialled by the same side the later is kept; of two dialled by both sides at once, the
/// one dialled by the node whose name sorts first.
fn replaces(ours: &NodeId, theirs: &NodeId, old: (Role, [u8; 16]), new: (Role, [u8; 16])) -> bool {
    let dialler = |role| match role {
        Role::Dialler => ours,
        Role::Acceptor => theirs,
    };
    old.1 != new.1 || dialler(old.0) == dialler(new.0) || dialler(new.0) < dialler(old.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crossing_dials_leave_the_same_link_on_both_sides() {
        let (a, b): (NodeId, NodeId) = ("exercise-aus".parse().unwrap(), "exercise-usa".parse().unwrap());
        let (ours, theirs) = ((Role::Dialler, [1; 16]), (Role::Acceptor, [1; 16]));
        // On `a`, its own dial wins over the one it answered, whichever came first; on `b` the other way round.
        assert!(replaces(&a, &b, theirs, ours) && !replaces(&a, &b, ours, theirs));
        assert!(replaces(&b, &a, ours, theirs) && !replaces(&b, &a, theirs, ours));
    }

    #[test]
    fn a_restarted_peer_or_a_second_dial_replaces_the_old_link() {
        let (a, b): (NodeId, NodeId) = ("exercise-aus".parse().unwrap(), "exercise-usa".parse().unwrap());
        assert!(replaces(&a, &b, (Role::Dialler, [1; 16]), (Role::Acceptor, [2; 16])));
        assert!(replaces(&a, &b, (Role::Acceptor, [1; 16]), (Role::Acceptor, [1; 16])));
    }
}
