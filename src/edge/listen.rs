//! Connections that peers open: admission control, then the handshake.

use std::sync::Arc;
use std::time::Duration;

use quinn::{Endpoint, Incoming};

use super::admission::{Slot, Verdict};
use super::quic::reason_of;
use super::session::bring_up;
use super::shared::Core;
use crate::pki::ProfileName;

/// The timeout of a handshake while slots are free for others.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Accepts connections on one listener until the edge stops.
pub(super) async fn accept(core: Arc<Core>, endpoint: Endpoint, profile: ProfileName) {
    loop {
        let incoming = tokio::select! {
            () = core.draining.cancelled() => return,
            incoming = endpoint.accept() => incoming,
        };
        let Some(incoming) = incoming else { return };
        let (validated, address) = (incoming.remote_address_validated(), incoming.remote_address().ip());
        let known = validated && core.known.contains(address);
        match core.admission.decide(core.clock.now(), validated, known, address) {
            Verdict::Admit(slot) => {
                core.tasks.spawn(handshake(core.clone(), incoming, profile, slot));
            }
            Verdict::Refuse => incoming.refuse(),
            Verdict::Validate => {
                // Fails only for an address that is already validated, and the verdict on those is never `Validate`.
                if let Err(e) = incoming.retry() {
                    e.into_incoming().ignore();
                }
            }
        }
    }
}

async fn handshake(core: Arc<Core>, incoming: Incoming, profile: ProfileName, slot: Slot) {
    let address = incoming.remote_address();
    let Ok(connecting) = incoming.accept() else { return };
    let connection = tokio::select! {
        () = slot.evicted_token.cancelled() => {
            tracing::debug!(peer.address = %address, "unfinished handshake evicted for another");
            return;
        }
        ended = tokio::time::timeout(HANDSHAKE_TIMEOUT, connecting) => match ended {
            Ok(Ok(connection)) => connection,
            Ok(Err(error)) => {
                return tracing::debug!(peer.address = %address, reason = reason_of(&error), "handshake failed");
            }
            Err(_) => return tracing::debug!(peer.address = %address, "handshake not finished in time"),
        },
    };
    // The peer presented a partner's certificate: from here on that partner's limits apply.
    drop(slot);
    // A failure was logged where it occurred; nothing else depends on it.
    let _ = bring_up(&core, connection, profile, None).await;
}
