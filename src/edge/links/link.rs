//! One link and its trust check.

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

/// One link that is up: both sides have exchanged their Hello.
pub(in crate::edge) struct Link {
    pub(in crate::edge) partner: PartnerId,
    pub(in crate::edge) profile: ProfileName,
    pub(in crate::edge) role: Role,
    pub(in crate::edge) connection: Connection,
    pub(in crate::edge) peer: Peer,
    /// One permit for each exchange that may be open towards the peer, according to its Hello.
    pub(in crate::edge) open: Arc<Semaphore>,
    /// Held by the one stream that is sent before more urgent ones for a moment, so that no stream starves.
    pub(in crate::edge) expedite: Arc<Semaphore>,
    /// Cancelled when the link is being closed; every exchange on it then ends.
    pub(in crate::edge) ended: CancellationToken,
    verified: Mutex<Option<Verified>>,
}

/// A snapshot by which a link was verified, and the interval of time in which the result can change only with the snapshot.
struct Verified {
    by: Arc<TrustSnapshot>,
    from: Time,
    until: Time,
}

impl Link {
    /// Creates a link to `peer` over `connection`, which presented a certificate of `partner`.
    pub(in crate::edge) fn new(
        partner: PartnerId,
        profile: ProfileName,
        role: Role,
        connection: Connection,
        peer: Peer,
    ) -> Link {
        let open = Arc::new(Semaphore::new(usize::try_from(peer.exchanges_max.min(1024)).unwrap_or(1)));
        let expedite = Arc::new(Semaphore::new(1));
        let (ended, verified) = (CancellationToken::new(), Mutex::new(None));
        Link { partner, profile, role, connection, peer, open, expedite, ended, verified }
    }

    /// Verifies the link's certificate against `snapshot` at `now`. Signatures are verified once for each snapshot; after that
    /// only the time can change the result, and it is checked on every call.
    ///
    /// # Errors
    /// The refusal; [`None`] if the certificate now belongs to another partner or profile.
    pub(in crate::edge) fn verify(
        &self,
        snapshot: &Arc<TrustSnapshot>,
        now: Time,
    ) -> Result<(), Option<CertificateRefusal>> {
        let mut verified = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        let holds = |v: &Verified| Arc::ptr_eq(&v.by, snapshot) && v.from <= now && now < v.until;
        if verified.as_ref().is_some_and(holds) {
            return Ok(());
        }
        *verified = None;
        let identity = identity(&self.connection, snapshot, now).map_err(Some)?;
        if identity.partner != self.partner || identity.profile != self.profile {
            return Err(None);
        }
        *verified = Some(Verified { by: snapshot.clone(), from: now, until: identity.until });
        Ok(())
    }

    /// Closes the connection; every exchange on it ends.
    pub(in crate::edge) fn close(&self, code: RefusalCode) {
        self.ended.cancel();
        // The reason is always empty: the code is all that a peer learns.
        self.connection.close(close_code(code), b"");
    }
}
