//! One link, and whether it is still trusted.

use std::sync::{Arc, Mutex, PoisonError};

use quinn::Connection;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::identity::identity;
use crate::edge::quic::close_code;
use crate::ident::PartnerId;
use crate::pki::{CertificateRefusal, ProfileName, TrustSnapshot};
use crate::time::Time;
use crate::wire::{Peer, RefusalCode, Role};

/// One link that is up: both sides have said Hello.
pub(in crate::edge) struct Link {
    pub(in crate::edge) partner: PartnerId,
    pub(in crate::edge) profile: ProfileName,
    pub(in crate::edge) role: Role,
    pub(in crate::edge) connection: Connection,
    pub(in crate::edge) peer: Peer,
    /// The exchanges we may have open towards the peer, as its Hello says.
    pub(in crate::edge) open: Arc<Semaphore>,
    /// Held by the one stream that may overtake the more urgent for a moment, so that nothing starves.
    pub(in crate::edge) hasten: Arc<Semaphore>,
    /// Cancelled when the link is to be closed.
    pub(in crate::edge) ended: CancellationToken,
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
    pub(in crate::edge) fn new(
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
    pub(in crate::edge) fn judge(
        &self,
        snapshot: &Arc<TrustSnapshot>,
        now: Time,
    ) -> Result<(), Option<CertificateRefusal>> {
        let mut vouched = self.vouched.lock().unwrap_or_else(PoisonError::into_inner);
        let holds = |v: &Vouched| Arc::ptr_eq(&v.by, snapshot) && v.from <= now && now < v.until;
        if vouched.as_ref().is_some_and(holds) {
            return Ok(());
        }
        *vouched = None;
        let identity = identity(&self.connection, snapshot, now).map_err(Some)?;
        if identity.partner != self.partner || identity.profile != self.profile {
            return Err(None);
        }
        *vouched = Some(Vouched { by: snapshot.clone(), from: now, until: identity.until });
        Ok(())
    }

    /// Closes the connection; every exchange on it ends.
    pub(in crate::edge) fn close(&self, code: RefusalCode) {
        self.ended.cancel();
        // The reason is always empty: the code is all that a peer learns.
        self.connection.close(close_code(code), b"");
    }
}
