//! The part that faces the network: QUIC connections to partners, who they are, how much they may, and envelopes
//! moved between the wire and the gateway's spool.
//!
//! It never sees a plaintext: it may not import anything that opens, reads or decides about one (invariant 8). It
//! refuses resumption, early data, any profile but the agreement's, more than one link a partner, anything before
//! both sides have said Hello, and whatever a limiter or the trust snapshot cannot vouch for at that moment.

mod admission;
mod carrier;
mod deliver;
mod dial;
mod endpoint;
mod intake;
mod limits;
mod link;
mod links;
mod pace;
mod receive;
mod said;
mod streams;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use quinn::Endpoint;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::admission::Admission;
use self::endpoint::Material;
use self::limits::Allowance;
use self::links::{Link, Links};
use self::pace::Pacer;
use self::said::Said;
use self::streams::Monotonic;
use crate::ident::{NodeId, PartnerId};
use crate::partner::Limits;
use crate::pki::{CredentialStore, ProfileName, TlsFault, TrustStore};
use crate::time::Clock;
use crate::wire::{FrameFault, InboundTimers, Offer, OutboundTimers, RefusalCode, SessionTimers};

pub use self::carrier::Carrier;
pub use self::intake::{
    DeliveryFailure, Intake, KeyGate, OfferAnswer, PayloadSink, PayloadSource, Refusal, SinkError, SourceError,
    StopSignal, Whole, open_gate,
};

/// How often every live link is looked at again; with this, a change of trust acts within two seconds even if nobody
/// calls [`Edge::apply_trust`].
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// After how many of these looks the log is told how often something was repeated.
const SUM_UP: u64 = 60;

/// Where to listen, with which profile. A profile has its own address: quinn does not say which key exchange group
/// was negotiated, so a listener offers one profile's groups and no others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listen {
    /// The profile spoken there.
    pub profile: ProfileName,
    /// The address; port 0 takes any free one.
    pub address: SocketAddr,
}

/// What the edge needs to know about one partner, besides whom to trust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartnerLink {
    /// `host:port` addresses to dial, tried in order; none for a partner that dials us.
    pub addresses: Vec<String>,
    /// How much, how fast; alike in both directions.
    pub limits: Limits,
}

/// Bounds and timers that an operator may tune.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EdgeTuning {
    /// Handshakes in progress at once, over all listeners.
    pub handshakes_max: usize,
    /// Handshakes a second from addresses not yet validated; beyond these, an address is validated first (Retry).
    pub strangers_per_second: u32,
    /// Connection attempts a minute from one validated IPv4 address or IPv6 /64.
    pub attempts_per_minute: u32,
    /// Connection attempts from one such address at once.
    pub attempts_burst: u32,
    /// Timers of the control stream.
    pub session: SessionTimers,
    /// Timers of what we receive.
    pub inbound: InboundTimers,
    /// Timers of what we send.
    pub outbound: OutboundTimers,
}

impl Default for EdgeTuning {
    fn default() -> EdgeTuning {
        EdgeTuning {
            handshakes_max: 64,
            strangers_per_second: 50,
            attempts_per_minute: 60,
            attempts_burst: 20,
            session: SessionTimers::default(),
            inbound: InboundTimers::default(),
            outbound: OutboundTimers::default(),
        }
    }
}

/// How an edge is set up.
#[derive(Clone, Debug)]
pub struct EdgeConfig {
    /// Our node's name.
    pub node: NodeId,
    /// A random value made at this start, by which peers notice a restart.
    pub boot: [u8; 16],
    /// A secret kept over restarts; address tokens and stateless resets are made with it.
    pub secret: [u8; 32],
    /// Where to listen; nowhere, for a node that only dials.
    pub listen: Vec<Listen>,
    /// Bounds and timers.
    pub tuning: EdgeTuning,
}

/// Why the edge did not start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EdgeError {
    /// An address could not be listened on.
    #[error("cannot use UDP address {address}: {problem}; check that it is ours and free")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        problem: String,
    },
    /// There is no certificate for a profile that is to be listened with.
    #[error("no certificate for profile `{0}`, which is to be listened with: issue one")]
    NoCredential(ProfileName),
    /// The TLS library refused.
    #[error(transparent)]
    Tls(#[from] TlsFault),
}

/// A link that is up, for status displays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkStatus {
    /// The partner.
    pub partner: PartnerId,
    /// Its address at present.
    pub address: SocketAddr,
    /// The profile in use.
    pub profile: ProfileName,
    /// Whether we dialled.
    pub dialled: bool,
}

/// The running edge. Dropping it stops nothing; [`Edge::shutdown`] does.
pub struct Edge {
    core: Arc<Core>,
    listeners: Vec<(ProfileName, Endpoint)>,
}

struct Core {
    node: NodeId,
    boot: [u8; 16],
    tuning: EdgeTuning,
    material: Material,
    intake: Arc<dyn Intake>,
    clock: Monotonic,
    links: Links,
    partners: Mutex<BTreeMap<PartnerId, Arc<PartnerState>>>,
    admission: Admission,
    said: Said,
    diallers: Mutex<[Option<Endpoint>; 2]>,
    /// Counts changes of links, partners and trust; who dials watches it.
    changes: watch::Sender<u64>,
    /// Counts the times that partners or trust were put in force: whoever pauses after a failed dial need not.
    renewals: watch::Sender<u64>,
    /// Why the last attempt to bring a link up failed, for our own operator.
    failures: Mutex<BTreeMap<PartnerId, String>>,
    /// Cancelled when nothing new is to be begun.
    draining: CancellationToken,
    /// Cancelled when everything is to end.
    stopped: CancellationToken,
    exchanges: TaskTracker,
    tasks: TaskTracker,
}

struct PartnerState {
    addresses: Vec<String>,
    limits: Limits,
    inward: Arc<Pacer>,
    outward: Arc<Pacer>,
    inbound: Arc<Semaphore>,
    allowance: Allowance,
    ended: CancellationToken,
}

impl Edge {
    /// Starts listening, and dialling once [`Edge::apply_partners`] has named partners.
    ///
    /// # Errors
    /// [`EdgeError`] if an address or a certificate cannot be used; nothing is left running then.
    pub async fn start(
        config: EdgeConfig,
        credentials: Arc<CredentialStore>,
        trust: Arc<TrustStore>,
        intake: Arc<dyn Intake>,
        clock: Arc<dyn Clock>,
    ) -> Result<Edge, EdgeError> {
        let material = Material { credentials, trust, clock, secret: config.secret };
        let mut listeners = Vec::new();
        for Listen { profile, address } in config.listen {
            if material.credentials.credential(profile).is_none() {
                return Err(EdgeError::NoCredential(profile));
            }
            listeners.push((profile, endpoint::listen(address, profile, &material)?));
        }
        let core = Arc::new(Core {
            node: config.node,
            boot: config.boot,
            tuning: config.tuning,
            material,
            intake,
            clock: Monotonic::start(),
            links: Links::default(),
            partners: Mutex::default(),
            admission: Admission::new(&config.tuning),
            said: Said::default(),
            diallers: Mutex::default(),
            changes: watch::Sender::new(0),
            renewals: watch::Sender::new(0),
            failures: Mutex::default(),
            draining: CancellationToken::new(),
            stopped: CancellationToken::new(),
            exchanges: TaskTracker::new(),
            tasks: TaskTracker::new(),
        });
        for (profile, endpoint) in &listeners {
            core.tasks.spawn(admission::accept(core.clone(), endpoint.clone(), *profile));
        }
        core.tasks.spawn(look_again(core.clone()));
        Ok(Edge { core, listeners })
    }

    /// The address listened on with `profile`.
    pub fn local_addr(&self, profile: ProfileName) -> Option<SocketAddr> {
        let (_, endpoint) = self.listeners.iter().find(|(p, _)| *p == profile)?;
        endpoint.local_addr().ok()
    }

    /// Puts these partners in force in place of all before: addresses to dial, limits. Links of partners that are
    /// gone are closed; those of partners whose settings changed are closed and come up again under the new ones.
    pub fn apply_partners(&self, partners: BTreeMap<PartnerId, PartnerLink>) {
        let mut started = Vec::new();
        {
            let mut states = self.core.lock_partners();
            let kept = |state: &PartnerState, link: &PartnerLink| {
                state.addresses == link.addresses && state.limits == link.limits
            };
            states.retain(|id, state| {
                let keep = partners.get(id).is_some_and(|link| kept(state, link));
                if !keep {
                    state.ended.cancel();
                    if let Some(link) = self.core.links.link(id) {
                        link.close(RefusalCode::Superseded);
                    }
                }
                keep
            });
            for (id, link) in partners {
                if !states.contains_key(&id) {
                    let state = Arc::new(PartnerState::new(link));
                    states.insert(id.clone(), state.clone());
                    started.push((id, state));
                }
            }
        }
        for (id, state) in started.into_iter().filter(|(_, state)| !state.addresses.is_empty()) {
            self.core.tasks.spawn(dial::keep_dialling(self.core.clone(), id, state));
        }
        self.apply_trust();
    }

    /// Looks at every live link under the trust snapshot in force, and closes those it no longer vouches for.
    pub fn apply_trust(&self) {
        self.core.recheck_all();
        self.core.renewals.send_modify(|n| *n = n.wrapping_add(1));
        self.core.changed();
    }

    /// Offers an envelope to a partner, sends its payload, and then what opens it. Returns the receipt, which is still to
    /// be verified. `key` is asked once, when the partner has the whole payload: only its answer has the header. `stop`
    /// ends it at any moment before that.
    ///
    /// # Errors
    /// [`DeliveryFailure`]; what the partner has of the payload stays there for the next attempt.
    pub async fn deliver(
        &self,
        partner: &PartnerId,
        offer: Offer,
        source: Box<dyn PayloadSource>,
        key: KeyGate,
        stop: StopSignal,
    ) -> Result<Vec<u8>, DeliveryFailure> {
        if offer.check().is_err() {
            return Err(DeliveryFailure::SourceFailed);
        }
        let delivery = deliver::deliver(&self.core, partner, offer, source, key, stop);
        self.core.exchanges.track_future(delivery).await
    }

    /// Why there is no link to a partner, as far as this side knows; for our own operator only.
    pub fn link_failure(&self, partner: &PartnerId) -> Option<String> {
        self.core.lock_failures().get(partner).cloned()
    }

    /// How many exchanges may be open towards a partner at once: what was agreed, and what it says it takes. None, while
    /// its link is down.
    pub fn exchanges_max(&self, partner: &PartnerId) -> usize {
        let agreed = self.core.partner(partner).map_or(0, |state| state.limits.concurrent);
        let taken = self.core.links.link(partner).map_or(0, |link| link.peer.exchanges_max);
        usize::try_from(agreed.min(taken)).unwrap_or(usize::MAX)
    }

    /// Whether a partner's link is up.
    pub fn is_up(&self, partner: &PartnerId) -> bool {
        self.core.links.link(partner).is_some()
    }

    /// Every link that is up, by partner.
    pub fn links(&self) -> Vec<LinkStatus> {
        let status = |link: Arc<Link>| LinkStatus {
            partner: link.partner.clone(),
            address: link.connection.remote_address(),
            profile: link.profile,
            dialled: link.role == crate::wire::Role::Dialler,
        };
        self.core.links.all().into_iter().map(status).collect()
    }

    /// A receiver that sees a new value whenever a link, the partners or trust changed.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.core.changes.subscribe()
    }

    /// Stops: nothing new is begun, what is in flight has `grace` to finish, then every link is closed. What did not
    /// finish is resumed by the next start.
    pub async fn shutdown(&self, grace: Duration) {
        self.core.draining.cancel();
        self.core.exchanges.close();
        let finished = tokio::time::timeout(grace, self.core.exchanges.wait()).await.is_ok();
        tracing::info!(finished, "edge stopping");
        self.core.stopped.cancel();
        let links = self.core.links.all();
        for link in &links {
            link.close(RefusalCode::Shutdown);
        }
        // So that peers hear of it instead of waiting for the idle timeout. Whoever is only being dialled has nothing to hear.
        let told = links.iter().map(|link| told_within(link.connection.rtt())).max().unwrap_or_default();
        let diallers = self.core.lock_diallers().clone();
        let endpoints = self.listeners.iter().map(|(_, e)| e.clone()).chain(diallers.into_iter().flatten());
        let closing = endpoints.map(|endpoint| async move {
            endpoint.close(streams::close_code(RefusalCode::Shutdown), b"");
            let _ = tokio::time::timeout(told, endpoint.wait_idle()).await;
        });
        futures_util::future::join_all(closing).await;
        self.core.tasks.close();
        let _ = tokio::time::timeout(Duration::from_secs(2), self.core.tasks.wait()).await;
    }
}

/// How long a peer so far away may take to hear that a link is closed, with one time more for what is lost on the way.
fn told_within(rtt: Duration) -> Duration {
    (rtt * 4 + Duration::from_millis(100)).min(Duration::from_secs(1))
}

impl Core {
    fn partner(&self, partner: &PartnerId) -> Option<Arc<PartnerState>> {
        self.lock_partners().get(partner).cloned()
    }

    fn lock_partners(&self) -> MutexGuard<'_, BTreeMap<PartnerId, Arc<PartnerState>>> {
        // No code panics while it holds the lock; were it poisoned, the map would still be whole.
        self.partners.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_failures(&self) -> MutexGuard<'_, BTreeMap<PartnerId, String>> {
        // No code panics while it holds the lock; were it poisoned, the map would still be whole.
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers why a link did not come up or was closed.
    fn failed(&self, partner: &PartnerId, why: impl Into<String>) {
        self.lock_failures().insert(partner.clone(), why.into());
    }

    fn lock_diallers(&self) -> MutexGuard<'_, [Option<Endpoint>; 2]> {
        self.diallers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The endpoint to dial from, made when it is first needed.
    fn dialler(&self, v6: bool) -> Result<Endpoint, EdgeError> {
        let mut diallers = self.lock_diallers();
        let place = &mut diallers[usize::from(v6)];
        if let Some(endpoint) = place {
            return Ok(endpoint.clone());
        }
        let endpoint = endpoint::dial_only(v6, &self.material)?;
        *place = Some(endpoint.clone());
        Ok(endpoint)
    }

    /// Whether the snapshot in force still vouches for a link, at this moment.
    fn still_trusted(&self, link: &Link) -> bool {
        let judged = link.judge(&self.material.trust.current(), self.material.clock.now());
        if let Err(reason) = &judged {
            let reason = reason.as_ref().map_or_else(|| "now another partner's".to_owned(), ToString::to_string);
            tracing::warn!(partner.id = %link.partner, reason, "a live link is no longer trusted");
            self.failed(&link.partner, reason);
        }
        judged.is_ok()
    }

    /// A partner sent what is no frame: it is said, counted, and past a bound the end of the link.
    fn no_frame(&self, link: &Link, state: &PartnerState, fault: &FrameFault) {
        if self.said.in_full(link.partner.as_str(), "no frame") {
            tracing::warn!(partner.id = %link.partner, reason = %fault, "the partner sent what is no frame");
        }
        if !state.allowance.no_frame() {
            link.close(RefusalCode::ProtocolError);
        }
    }

    fn recheck(&self, link: &Arc<Link>) {
        if !self.still_trusted(link) || self.partner(&link.partner).is_none() {
            link.close(RefusalCode::NotAuthorised);
        }
    }

    fn recheck_all(&self) {
        for link in self.links.all() {
            self.recheck(&link);
        }
    }

    fn changed(&self) {
        self.changes.send_modify(|n| *n = n.wrapping_add(1));
    }
}

impl PartnerState {
    fn new(link: PartnerLink) -> PartnerState {
        PartnerState {
            inward: Pacer::new(&link.limits),
            outward: Pacer::new(&link.limits),
            inbound: Arc::new(Semaphore::new(usize::try_from(link.limits.concurrent.min(1024)).unwrap_or(1))),
            addresses: link.addresses,
            limits: link.limits,
            allowance: Allowance::new(),
            ended: CancellationToken::new(),
        }
    }
}

/// Certificates expire and lists go stale on live links too.
async fn look_again(core: Arc<Core>) {
    let mut ticks = tokio::time::interval(LOOK_AGAIN);
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
        if count.is_multiple_of(SUM_UP) {
            for (who, what, more) in core.said.sums() {
                tracing::warn!(who, what, more, "this many more times in the last minute");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_trust_acts_within_the_two_seconds_that_are_promised() {
        // A change may come right after a look, and the next look may be late by as much again.
        assert!(LOOK_AGAIN * 2 <= Duration::from_secs(2));
    }
}
