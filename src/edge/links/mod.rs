//! The live links: at most one a partner.
//!
//! A connection comes in once both sides have said Hello; it is registered, or refused as superseded. Each link is held against
//! the trust snapshot in force, and closed when that no longer vouches for it.

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

/// What became of a new link.
pub(super) enum Registration {
    /// It is the partner's link now; the one it replaces, if any, is to be closed.
    Kept(Option<Arc<Link>>),
    /// The link there is stays; the new one is to be closed.
    Superseded,
}

impl Links {
    /// The partner's link.
    pub(super) fn link(&self, partner: &PartnerId) -> Option<Arc<Link>> {
        self.lock().get(partner).cloned()
    }

    /// Every link.
    pub(super) fn all(&self) -> Vec<Arc<Link>> {
        self.lock().values().cloned().collect()
    }

    /// Registers a link that has come up on `ours`.
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

    /// Forgets a link, if it is still its partner's.
    pub(super) fn forget(&self, link: &Arc<Link>) -> bool {
        let mut links = self.lock();
        let is_current = links.get(&link.partner).is_some_and(|current| Arc::ptr_eq(current, link));
        if is_current {
            links.remove(&link.partner);
        }
        is_current
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<PartnerId, Arc<Link>>> {
        // No code panics while it holds the lock; were it poisoned, the map would still be whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a new link of a pair replaces the old one. Both sides answer alike whatever the order in which they see
/// the two: a restarted peer's old link is dead; of two dialled by one side the later counts; of two that crossed,
/// the one dialled by the node whose name sorts first.
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
