//! The live links: at most one a partner.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quinn::Connection;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::streams::close_code;
use crate::ident::{NodeId, PartnerId};
use crate::pki::{CertificateRefusal, ProfileName, TrustSnapshot};
use crate::time::Time;
use crate::wire::{Peer, RefusalCode, Role};

/// One link that is up: both sides have said Hello.
pub(super) struct Link {
    pub(super) partner: PartnerId,
    pub(super) profile: ProfileName,
    pub(super) role: Role,
    pub(super) connection: Connection,
    pub(super) peer: Peer,
    /// The exchanges we may have open towards the peer, as its Hello says.
    pub(super) open: Arc<Semaphore>,
    /// Held by the one stream that may overtake the more urgent for a moment, so that nothing starves.
    pub(super) hasten: Arc<Semaphore>,
    /// Cancelled when the link is to be closed.
    pub(super) ended: CancellationToken,
    vouched: Mutex<Option<Vouched>>,
}

/// A snapshot that vouched for a link, and the times between which nothing but another snapshot changes that.
struct Vouched {
    by: Arc<TrustSnapshot>,
    from: Time,
    until: Time,
}

impl Link {
    /// A link to `peer` over `connection`, which presented a certificate of `partner`.
    pub(super) fn new(
        partner: PartnerId,
        profile: ProfileName,
        role: Role,
        connection: Connection,
        peer: Peer,
    ) -> Link {
        let open = Arc::new(Semaphore::new(usize::try_from(peer.exchanges_max.min(1024)).unwrap_or(1)));
        let hasten = Arc::new(Semaphore::new(1));
        let (ended, vouched) = (CancellationToken::new(), Mutex::new(None));
        Link { partner, profile, role, connection, peer, open, hasten, ended, vouched }
    }

    /// Whether `snapshot` vouches for the link at `now`. Signatures are verified once for each snapshot; after that
    /// only time can change the answer, and the clock is looked at every time.
    ///
    /// # Errors
    /// Why not; [`None`] when the certificate is now another partner's or of another profile.
    pub(super) fn judge(&self, snapshot: &Arc<TrustSnapshot>, now: Time) -> Result<(), Option<CertificateRefusal>> {
        let mut vouched = self.vouched.lock().unwrap_or_else(PoisonError::into_inner);
        let holds = |v: &Vouched| Arc::ptr_eq(&v.by, snapshot) && v.from <= now && now < v.until;
        if vouched.as_ref().is_some_and(holds) {
            return Ok(());
        }
        *vouched = None;
        let identity = super::link::identity(&self.connection, snapshot, now).map_err(Some)?;
        if identity.partner != self.partner || identity.profile != self.profile {
            return Err(None);
        }
        *vouched = Some(Vouched { by: snapshot.clone(), from: now, until: identity.until });
        Ok(())
    }

    /// Closes the connection; every exchange on it ends.
    pub(super) fn close(&self, code: RefusalCode) {
        self.ended.cancel();
        // The reason is always empty: the code is all that a peer learns.
        self.connection.close(close_code(code), b"");
    }
}

/// Every live link, by partner.
#[derive(Default)]
pub(super) struct Links(Mutex<BTreeMap<PartnerId, Arc<Link>>>);

/// What became of a new link.
pub(super) enum Admission {
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

    /// Takes in a link that has come up on `ours`.
    pub(super) fn admit(&self, ours: &NodeId, link: &Arc<Link>) -> Admission {
        let mut links = self.lock();
        if let Some(old) = links.get(&link.partner)
            && old.connection.close_reason().is_none()
            && !replaces(ours, &link.peer.node, (old.role, old.peer.boot), (link.role, link.peer.boot))
        {
            return Admission::Superseded;
        }
        Admission::Kept(links.insert(link.partner.clone(), link.clone()))
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
