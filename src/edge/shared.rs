//! The state shared by all tasks of a running edge: links, partners and limits, and the periodic recheck of links.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use quinn::Endpoint;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::admission::{Admission, PartnerNetworks};
use super::config::{EdgeError, EdgeTuning, PartnerLink};
use super::interface::Intake;
use super::limits::{LinkRates, Pacer};
use super::links::{Link, Links};
use super::quic::{self, Material, MonotonicClock};
use crate::edge::peer_log::PeerLog;
use crate::ident::{NodeId, PartnerId};
use crate::partner::Limits;
use crate::wire::{FrameFault, RefusalCode};

/// The interval at which every live link is verified again. A change of trust therefore takes effect within two seconds even if
/// [`super::Edge::apply_trust`] is not called.
const RECHECK_EVERY: Duration = Duration::from_secs(1);
/// The most connections of one partner that may wait for Hello at once.
const GREETINGS_MAX: usize = 4;
/// The number of these checks after which suppressed log messages are summed up.
const SUMMARY_AFTER: u64 = 60;

pub(super) struct Core {
    pub(super) node: NodeId,
    pub(super) boot: [u8; 16],
    pub(super) tuning: EdgeTuning,
    pub(super) material: Material,
    pub(super) intake: Arc<dyn Intake>,
    pub(super) clock: MonotonicClock,
    pub(super) links: Links,
    pub(super) partners: Mutex<BTreeMap<PartnerId, Arc<PartnerState>>>,
    pub(super) admission: Admission,
    pub(super) known: PartnerNetworks,
    pub(super) peer_log: PeerLog,
    pub(super) diallers: Mutex<[Option<Endpoint>; 2]>,
    /// Counts changes of links, partners and trust; the dialling tasks watch it.
    pub(super) changes: watch::Sender<u64>,
    /// Counts how often partners or trust were applied; a change ends the pause after a failed dial.
    pub(super) renewals: watch::Sender<u64>,
    /// Why the last attempt to bring up a link failed, for this node's operator.
    pub(super) failures: Mutex<BTreeMap<PartnerId, String>>,
    /// Cancelled when nothing new may begin.
    pub(super) draining: CancellationToken,
    /// Cancelled when everything must end.
    pub(super) stopped: CancellationToken,
    pub(super) exchanges: TaskTracker,
    pub(super) tasks: TaskTracker,
}

pub(super) struct PartnerState {
    pub(super) addresses: Vec<String>,
    pub(super) limits: Limits,
    pub(super) inward: Arc<Pacer>,
    pub(super) outward: Arc<Pacer>,
    pub(super) inbound: Arc<Semaphore>,
    /// One permit for each connection that presented the partner's certificate and has not sent its Hello yet.
    pub(super) greeting: Arc<Semaphore>,
    pub(super) allowance: LinkRates,
    pub(super) ended: CancellationToken,
}

impl Core {
    pub(super) fn partner(&self, partner: &PartnerId) -> Option<Arc<PartnerState>> {
        self.lock_partners().get(partner).cloned()
    }

    pub(super) fn lock_partners(&self) -> MutexGuard<'_, BTreeMap<PartnerId, Arc<PartnerState>>> {
        // No code panics while it holds the lock; even if it were poisoned, the map would be consistent.
        self.partners.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn lock_failures(&self) -> MutexGuard<'_, BTreeMap<PartnerId, String>> {
        // No code panics while it holds the lock; even if it were poisoned, the map would be consistent.
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records why a link did not come up or was closed.
    pub(super) fn failed(&self, partner: &PartnerId, why: impl Into<String>) {
        self.lock_failures().insert(partner.clone(), why.into());
    }

    pub(super) fn lock_diallers(&self) -> MutexGuard<'_, [Option<Endpoint>; 2]> {
        self.diallers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The endpoint for dialling, created when it is first needed.
    pub(super) fn dialler(&self, v6: bool) -> Result<Endpoint, EdgeError> {
        let mut diallers = self.lock_diallers();
        let place = &mut diallers[usize::from(v6)];
        if let Some(endpoint) = place {
            return Ok(endpoint.clone());
        }
        let endpoint = quic::dial_only(v6, &self.material)?;
        *place = Some(endpoint.clone());
        Ok(endpoint)
    }

    /// Whether the current snapshot trusts the link's certificate now.
    pub(super) fn still_trusted(&self, link: &Link) -> bool {
        let judged = link.verify(&self.material.trust.current(), self.material.clock.now());
        if let Err(reason) = &judged {
            let reason = reason
                .as_ref()
                .map_or_else(|| "its certificate now belongs to another partner".to_owned(), ToString::to_string);
            tracing::warn!(partner.id = %link.partner, reason, "link closed: the partner's certificate is no longer trusted");
            self.failed(&link.partner, reason);
        }
        judged.is_ok()
    }

    /// Logs and counts a malformed frame; closes the link if there were too many.
    pub(super) fn malformed_frame(&self, link: &Link, state: &PartnerState, fault: &FrameFault) {
        if self.peer_log.should_log(link.partner.as_str(), "no frame") {
            tracing::warn!(partner.id = %link.partner, reason = %fault, "the partner sent a malformed frame");
        }
        if !state.allowance.malformed_stream() {
            link.close(RefusalCode::ProtocolError);
        }
    }

    pub(super) fn recheck(&self, link: &Arc<Link>) {
        if !self.still_trusted(link) || self.partner(&link.partner).is_none() {
            link.close(RefusalCode::NotAuthorised);
        }
    }

    pub(super) fn recheck_all(&self) {
        for link in self.links.all() {
            self.recheck(&link);
        }
    }

    pub(super) fn changed(&self) {
        self.changes.send_modify(|n| *n = n.wrapping_add(1));
    }
}

impl PartnerState {
    pub(super) fn new(link: PartnerLink) -> PartnerState {
        PartnerState {
            inward: Pacer::new(&link.limits),
            outward: Pacer::new(&link.limits),
            inbound: Arc::new(Semaphore::new(usize::try_from(link.limits.concurrent.min(1024)).unwrap_or(1))),
            addresses: link.addresses,
            limits: link.limits,
            greeting: Arc::new(Semaphore::new(GREETINGS_MAX)),
            allowance: LinkRates::new(),
            ended: CancellationToken::new(),
        }
    }
}

/// Verifies live links once a second, because certificates expire and revocation lists become stale while a link is up.
pub(super) async fn recheck_links(core: Arc<Core>) {
    let mut ticks = tokio::time::interval(RECHECK_EVERY);
    let mut count: u64 = 0;
    loop {
        tokio::select! {
            () = core.stopped.cancelled() => return,
            _ = ticks.tick() => {}
        }
        core.recheck_all();
        count = count.wrapping_add(1);
        if count.is_multiple_of(10) {
            core.admission.sweep();
        }
        if count.is_multiple_of(SUMMARY_AFTER) {
            for (who, what, more) in core.peer_log.take_suppressed() {
                tracing::warn!(who, what, more, "this many more times in the last minute");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_trust_takes_effect_within_two_seconds() {
        // A change may come right after a check, and the next check may be late by as much again.
        assert!(RECHECK_EVERY * 2 <= Duration::from_secs(2));
    }
}
