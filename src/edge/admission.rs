//! Who may even begin a handshake: strangers cost us no state, and known addresses only so much.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use quinn::{Endpoint, Incoming};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::limits::Attempts;
use super::link::bring_up;
use super::{Core, EdgeTuning};
use crate::pki::ProfileName;

/// How long a handshake may take once we have answered.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// The bounds on handshakes, shared by all listeners.
pub(super) struct Admission {
    pending: Arc<Semaphore>,
    pending_max: usize,
    strangers: DefaultDirectRateLimiter,
    attempts: Attempts,
}

impl Admission {
    pub(super) fn new(tuning: &EdgeTuning) -> Admission {
        let strangers = NonZeroU32::new(tuning.strangers_per_second).unwrap_or(NonZeroU32::MIN);
        Admission {
            pending: Arc::new(Semaphore::new(tuning.handshakes_max)),
            pending_max: tuning.handshakes_max,
            strangers: RateLimiter::direct(Quota::per_second(strangers)),
            attempts: Attempts::new(tuning.attempts_per_minute, tuning.attempts_burst),
        }
    }

    /// Forgets addresses that need not be remembered.
    pub(super) fn sweep(&self) {
        self.attempts.sweep();
    }

    fn judge(&self, validated: bool, address: std::net::IpAddr) -> Judgement {
        if !validated {
            // Whoever cannot receive at the address it claims never gets further than this, and leaves nothing here.
            let calm = self.pending.available_permits() * 2 > self.pending_max && self.strangers.check().is_ok();
            if !calm {
                return Judgement::Validate;
            }
        } else if !self.attempts.admit(address) {
            return Judgement::Refuse;
        }
        match self.pending.clone().try_acquire_owned() {
            Ok(permit) => Judgement::Admit(permit),
            Err(_) if validated => Judgement::Refuse,
            Err(_) => Judgement::Validate,
        }
    }
}

enum Judgement {
    Admit(OwnedSemaphorePermit),
    Validate,
    Refuse,
}

/// Answers connections on one listener until the edge stops.
pub(super) async fn accept(core: Arc<Core>, endpoint: Endpoint, profile: ProfileName) {
    loop {
        let incoming = tokio::select! {
            () = core.draining.cancelled() => return,
            incoming = endpoint.accept() => incoming,
        };
        let Some(incoming) = incoming else { return };
        let validated = incoming.remote_address_validated();
        match core.admission.judge(validated, incoming.remote_address().ip()) {
            Judgement::Admit(permit) => {
                core.tasks.spawn(handshake(core.clone(), incoming, profile, permit));
            }
            Judgement::Refuse => incoming.refuse(),
            Judgement::Validate => {
                // Fails only for an address that was validated already, and those are not sent here.
                if let Err(e) = incoming.retry() {
                    e.into_incoming().ignore();
                }
            }
        }
    }
}

async fn handshake(core: Arc<Core>, incoming: Incoming, profile: ProfileName, permit: OwnedSemaphorePermit) {
    let address = incoming.remote_address();
    let Ok(connecting) = incoming.accept() else { return };
    match tokio::time::timeout(HANDSHAKE, connecting).await {
        Ok(Ok(connection)) => {
            // The outcome is logged where it is known; nothing more depends on it.
            let _ = bring_up(&core, connection, profile, None).await;
        }
        Ok(Err(reason)) => tracing::debug!(peer.address = %address, reason = %reason, "handshake failed"),
        Err(_) => tracing::debug!(peer.address = %address, "handshake not finished in time"),
    }
    drop(permit);
}
