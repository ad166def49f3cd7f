//! Keeps a link to each partner that has addresses to dial: they are tried in order, with exponential back-off and jitter between
//! rounds.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use quinn::ConnectionError;

use super::config::EdgeError;
use super::quic::{self, reason_of};
use super::session::bring_up;
use super::shared::{Core, PartnerState};
use crate::ident::PartnerId;

/// The timeout of one connection attempt.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);
/// The pause after the first failed round; doubled after each further one.
const BACKOFF_MIN: Duration = Duration::from_millis(250);
/// A link that breaks sooner than this counts as a failed round: a peer that accepts a connection and closes it at once must not
/// be dialled in a tight loop.
const STABLE_AFTER: Duration = Duration::from_secs(2);
/// The longest pause.
const BACKOFF_MAX: Duration = Duration::from_secs(15);

/// Dials `partner` whenever there is no link to it, until its state is replaced or the edge stops.
pub(super) async fn keep_dialling(core: Arc<Core>, partner: PartnerId, state: Arc<PartnerState>) {
    let mut changes = core.changes.subscribe();
    let mut renewals = core.renewals.subscribe();
    let mut failures: u32 = 0;
    let mut came_up: Option<Instant> = None;
    loop {
        changes.mark_unchanged();
        renewals.mark_unchanged();
        let wanted = core.links.link(&partner).is_none() && core.material.trust.current().is_active(&partner);
        let broke_at_once = wanted && came_up.take().is_some_and(|since| since.elapsed() < STABLE_AFTER);
        let failed = broke_at_once
            || wanted && {
                let dialled = dial(&core, &partner, &state.addresses).await.is_ok();
                came_up = dialled.then(Instant::now);
                !dialled
            };
        if failed {
            failures = failures.saturating_add(1);
        } else if !wanted && came_up.is_none_or(|since| since.elapsed() >= STABLE_AFTER) {
            failures = 0;
        }
        tokio::select! {
            () = state.ended.cancelled() => return,
            () = core.draining.cancelled() => return,
            () = tokio::time::sleep(if failed { pause(failures, rand::random()) } else { BACKOFF_MAX }) => {}
            _ = changes.changed(), if !failed => {}
            // The renewed certificate or revocation list may be what was missing.
            _ = renewals.changed() => failures = 0,
        }
    }
}

async fn dial(core: &Arc<Core>, partner: &PartnerId, addresses: &[String]) -> Result<(), ()> {
    for text in addresses {
        let Ok(resolved) = tokio::net::lookup_host(text).await else {
            tracing::warn!(partner.id = %partner, peer.address = text, "the address of the partner cannot be resolved; check `addresses` in its description");
            continue;
        };
        for address in resolved {
            core.known.record_dialled(partner, address.ip());
            let ended = tokio::time::timeout(ATTEMPT_TIMEOUT, attempt(core, partner, address)).await;
            match ended.unwrap_or_else(|_| Err("partner unreachable: no answer".to_owned())) {
                Ok(()) => return Ok(()),
                Err(problem) => {
                    tracing::debug!(partner.id = %partner, peer.address = %address, reason = problem, "no link");
                    // The text is the same for every attempt that fails in the same way, because it is recorded when it changes.
                    core.failed(partner, format!("{problem}; next attempt within {} s", BACKOFF_MAX.as_secs()));
                }
            }
            // The other side may have dialled us meanwhile.
            if core.links.link(partner).is_some() {
                return Ok(());
            }
        }
    }
    Err(())
}

/// Makes one attempt. The error says why there is no link, for this node's operator.
async fn attempt(core: &Arc<Core>, partner: &PartnerId, address: SocketAddr) -> Result<(), String> {
    let profile = core
        .material
        .trust
        .current()
        .profile_of(partner)
        .ok_or("no valid certificates of this partner are on record")?;
    let text = |e: EdgeError| e.to_string();
    let config = quic::dial(partner, profile, &core.material).map_err(text)?;
    let endpoint = core.dialler(address.is_ipv6()).map_err(text)?;
    // The name is neither sent nor checked: the peer is identified by its certificate alone.
    let connecting = endpoint.connect_with(config, address, "node.portcullis.invalid").map_err(|e| e.to_string())?;
    let connection = connecting.await.map_err(|e| match e {
        ConnectionError::ApplicationClosed(_) => format!("connection refused: {}", reason_of(&e)),
        _ => format!("partner unreachable: {}", reason_of(&e)),
    })?;
    bring_up(core, connection, profile, Some(partner)).await.map_err(|code| format!("no link: {code}"))
}

/// The pause after `failures` failures in a row, shortened by up to half by `jitter`.
fn pause(failures: u32, jitter: u8) -> Duration {
    let whole = BACKOFF_MIN.saturating_mul(1 << failures.saturating_sub(1).min(10)).min(BACKOFF_MAX);
    whole - whole.mul_f64(f64::from(jitter) / 512.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit_and_jitter_only_shortens_them() {
        assert_eq!(pause(1, 0), Duration::from_millis(250));
        assert_eq!(pause(3, 0), Duration::from_secs(1));
        assert_eq!(pause(99, 0), BACKOFF_MAX);
        assert!(pause(99, 255) >= BACKOFF_MAX / 2);
    }
}
