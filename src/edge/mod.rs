//! The edge faces the network: QUIC links with partners, admission control, rate limits, and the transport of envelopes.
//!
//! Envelopes from partners are passed to the gateway through [`Intake`]; envelopes for partners come from the gateway through
//! [`Transport`]. The edge sees ciphertext only, and depends on no module that opens, parses or decides about a product
//! (invariant 8). It refuses resumption, early data, any profile but the agreement's, more than one link for each partner, any
//! exchange before both sides have sent their Hello, and whatever the limits or the current trust snapshot do not permit.

mod config;
mod interface;
mod quic;
mod admission;
mod limits;
mod links;
mod peer_log;
mod shared;
mod exchange;
mod session;
mod listen;
mod dial;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use quinn::Endpoint;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::admission::{Admission, PartnerNetworks};
use self::links::{Link, Links};
use self::quic::{Material, MonotonicClock};
use self::shared::{Core, PartnerState, recheck_links};
use crate::edge::peer_log::PeerLog;
use crate::ident::PartnerId;
use crate::pki::{CredentialStore, ProfileName, TrustStore};
use crate::time::Clock;
use crate::wire::{Offer, RefusalCode};

pub use self::config::{EdgeConfig, EdgeError, EdgeTuning, LinkStatus, Listen, PartnerLink};
pub use self::interface::{
    CompletePayload, DeliveryFailure, Intake, KeyGate, OfferAnswer, PayloadSink, PayloadSource, Refusal, SinkError,
    SourceError, StopSignal, Transport, open_gate,
};

/// A running edge. Dropping it does not stop it; [`Edge::shutdown`] does.
pub struct Edge {
    core: Arc<Core>,
    listeners: Vec<(ProfileName, Endpoint)>,
}

impl Edge {
    /// Starts listening. Dialling begins when [`Edge::apply_partners`] sets the partners.
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
            listeners.push((profile, quic::listen(address, profile, &material)?));
        }
        let core = Arc::new(Core {
            node: config.node,
            boot: config.boot,
            tuning: config.tuning,
            material,
            intake,
            clock: MonotonicClock::start(),
            links: Links::default(),
            partners: Mutex::default(),
            admission: Admission::new(&config.tuning),
            known: PartnerNetworks::new(config.partner_networks),
            peer_log: PeerLog::default(),
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
            core.tasks.spawn(listen::accept(core.clone(), endpoint.clone(), *profile));
        }
        core.tasks.spawn(recheck_links(core.clone()));
        Ok(Edge { core, listeners })
    }

    /// The local address of the listener for `profile`, if there is one.
    pub fn local_addr(&self, profile: ProfileName) -> Option<SocketAddr> {
        let (_, endpoint) = self.listeners.iter().find(|(p, _)| *p == profile)?;
        endpoint.local_addr().ok()
    }

    /// Changes the limits on handshakes; links that are up are not affected.
    pub fn retune(&self, handshakes_max: usize, attempts_per_minute: u32) {
        self.core.admission.retune(handshakes_max, attempts_per_minute);
    }

    /// Replaces the partners, with their addresses and limits. Links of removed partners are closed. Links of partners whose
    /// settings changed are closed too, and come up again with the new settings.
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
            self.core.known.retain(|id| partners.contains_key(id));
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

    /// Verifies every live link against the current trust snapshot, and closes those that are no longer trusted.
    pub fn apply_trust(&self) {
        self.core.recheck_all();
        self.core.renewals.send_modify(|n| *n = n.wrapping_add(1));
        self.core.changed();
    }

    /// Offers an envelope to a partner, sends its payload and then its header. Returns the receipt, which the caller has to verify.
    /// `key` is called once, when the partner has the whole payload, and provides the header. `stop` ends the delivery at any time
    /// before that.
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
        let delivery = exchange::deliver(&self.core, partner, offer, source, key, stop);
        self.core.exchanges.track_future(delivery).await
    }

    /// Why there is no link to a partner, if this side knows: a text for this node's operator, which may be recorded.
    pub fn link_failure(&self, partner: &PartnerId) -> Option<String> {
        self.core.lock_failures().get(partner).cloned()
    }

    /// The most exchanges that may be open towards a partner at once: the lower of the agreement's limit and the one in the
    /// partner's Hello. Zero while its link is down.
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

    /// The networks from which each partner brought up links, the most recent last. To be stored for the next start, because
    /// addresses in them are admitted before strangers.
    pub fn partner_networks(&self) -> BTreeMap<PartnerId, Vec<IpAddr>> {
        self.core.known.inbound()
    }

    /// A receiver that gets a new value whenever a link, the partners or trust changed.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.core.changes.subscribe()
    }

    /// Shuts down: starts nothing new, gives exchanges in flight `grace` to finish, then closes every link. Unfinished exchanges are
    /// resumed after the next start.
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
        // Waits until peers have received the close, so that they need not wait for the idle timeout.
        let wait = links.iter().map(|link| close_timeout(link.connection.rtt())).max().unwrap_or_default();
        let diallers = self.core.lock_diallers().clone();
        let endpoints = self.listeners.iter().map(|(_, e)| e.clone()).chain(diallers.into_iter().flatten());
        let closing = endpoints.map(|endpoint| async move {
            endpoint.close(quic::close_code(RefusalCode::Shutdown), b"");
            let _ = tokio::time::timeout(wait, endpoint.wait_idle()).await;
        });
        futures_util::future::join_all(closing).await;
        self.core.tasks.close();
        let _ = tokio::time::timeout(Duration::from_secs(2), self.core.tasks.wait()).await;
    }
}

#[async_trait]
impl Transport for Edge {
    async fn deliver(
        &self,
        partner: &PartnerId,
        offer: Offer,
        source: Box<dyn PayloadSource>,
        key: KeyGate,
        stop: StopSignal,
    ) -> Result<Vec<u8>, DeliveryFailure> {
        Edge::deliver(self, partner, offer, source, key, stop).await
    }

    fn link_failure(&self, partner: &PartnerId) -> Option<String> {
        Edge::link_failure(self, partner)
    }
}

/// How long to wait for a peer at this round-trip time to receive a close, with time for one retransmission.
fn close_timeout(rtt: Duration) -> Duration {
    (rtt * 4 + Duration::from_millis(100)).min(Duration::from_secs(1))
}
