//! The server's main loop: it maintains links, decides requests, sends due exchanges, and shuts down in order.

use crate::gateway::node::participants::partner_of;
use crate::gateway::node::participants::roster_of;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::addresses::Addresses;
use super::edge_secret::edge_secret;
use super::reload::{reloaded, tuning};
use super::scrub::scrub;
use super::startup::lock;
use crate::config::Config;
use crate::edge::{Edge, EdgeConfig, Listen, PartnerLink};
use crate::gateway::node::clock::ClockWatch;
use crate::gateway::node::process::fatal::stops_the_node;
use crate::gateway::outbound::release::DecidedRequests;
use crate::gateway::server::scheduler::Candidate;
use crate::gateway::{GatewayError, Node};
use crate::ident::{ExchangeId, PartnerId};
use crate::ledger::{Entry, EntryKind};
use crate::partner::{Order, Standing, Windows};
use crate::pki::{CredentialStore, PartnerTrust, TrustSnapshot, TrustStore};
use crate::store::{Generations, StoreError};
use crate::system::entropy;

/// How often everything is checked although nothing changed on record: requests expire, and agreements begin and end,
/// by time alone.
const FULL_CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// How often exchanges in flight are checked: a stop takes effect within this plus the time of one decision, whatever
/// the size of the rest.
const IN_FLIGHT_INTERVAL: Duration = Duration::from_millis(200);

/// Interval of housekeeping.
const HOUSEKEEPING: Duration = Duration::from_secs(3600);
/// Delay of the first housekeeping after a start.
const FIRST_HOUSEKEEPING: Duration = Duration::from_secs(600);

/// Number of polls after which everything that waits is decided again.
const DECIDE_AGAIN: u32 = 60;

/// Runs a node until `stop` completes; then attempts in flight finish, or are left to be resumed.
///
/// # Errors
/// [`GatewayError`] if the node cannot start, or its store breaks: then nothing more may be sent or received.
pub async fn serve(node: Arc<Node>, stop: impl Future<Output = ()>) -> Result<(), GatewayError> {
    let (_kept, none) = mpsc::channel(1);
    serve_reloading(node, none, stop).await
}

/// As [`serve`], applying each configuration from `reloads` as far as it may change while the node runs; the log
/// names settings that need a restart.
///
/// # Errors
/// As [`serve`].
pub async fn serve_reloading(
    node: Arc<Node>,
    reloads: mpsc::Receiver<Config>,
    stop: impl Future<Output = ()>,
) -> Result<(), GatewayError> {
    // Before anything is recorded, moved or listened for.
    node.must_not_be_stopped()?;
    let _lock = lock(&node)?;
    node.quick_damage_check().await?;
    node.check_in_force().await?;
    node.recover().await?;
    let links = Arc::new(Notify::new());
    let running = Running::start(node.clone(), links.clone()).await?;
    let outcome = match node.record_start().await {
        Ok(()) => running.until(stop, reloads, &links).await,
        Err(error) => Err(error),
    };
    running.stop().await;
    let entry = Entry::new(node.now(), EntryKind::NodeStopped, &node.config().node.name, "gateway");
    let recorded = node.record(vec![entry]).await;
    tracing::info!(node.id = %node.config().node.name, "node stopped");
    outcome.and(recorded)
}

/// What the last poll of the record saw.
#[derive(Default)]
struct LastPoll {
    generations: Option<Generations>,
    decided: DecidedRequests,
    polls: u32,
    /// Not everything that waits was decided on: the next poll continues.
    unfinished: bool,
    in_doubt: bool,
}

/// A running server.
pub(super) struct Running {
    /// The node under the policy in force; replaced as a whole when another policy is recorded.
    pub(super) current: Arc<ArcSwap<Node>>,
    pub(super) edge: Arc<Edge>,
    pub(super) addresses: Addresses,
    pub(super) trust: Arc<TrustStore>,
    pub(super) credentials: Arc<CredentialStore>,
    pub(super) attempts: TaskTracker,
    /// Delivery windows of each partner, from the recorded agreements.
    pub(super) windows: Mutex<BTreeMap<PartnerId, Windows>>,
    /// What this process is sending, so that it is not started twice.
    pub(super) busy: Arc<Mutex<BTreeMap<ExchangeId, Candidate>>>,
    pub(super) clock: Arc<ClockWatch>,
    /// The task that checks exchanges in flight, independent of all other work; and the token that ends it.
    pub(super) watching: TaskTracker,
    pub(super) watched: CancellationToken,
    /// Partners to which exchanges go in order.
    pub(super) ordered: Mutex<BTreeSet<PartnerId>>,
    /// Notified when an attempt ends, so that the next one starts at once.
    pub(super) ended: Arc<Notify>,
}

impl Running {
    async fn start(node: Arc<Node>, links: Arc<Notify>) -> Result<Running, GatewayError> {
        let credentials = Arc::new(CredentialStore::new([node.credential()?]));
        let trust = Arc::new(TrustStore::new(TrustSnapshot::empty()));
        let config = node.config();
        let profile = config.listen.profile.parse().map_err(GatewayError::trouble)?;
        let limits = config.limits;
        let addresses = Addresses::load(&config.store.database);
        let edge_config = EdgeConfig {
            node: config.node.name.clone(),
            boot: entropy(),
            secret: edge_secret(&config.store.database, node.now()),
            partner_networks: addresses.stored(),
            listen: config.listen.address.map(|address| Listen { profile, address }).into_iter().collect(),
            tuning: tuning(&limits),
        };
        let current = Arc::new(ArcSwap::new(node.clone()));
        let intake = super::intake::intake(current.clone(), links);
        let edge = Edge::start(edge_config, credentials.clone(), trust.clone(), intake, node.clock()).await;
        let edge = edge.map_err(|error| GatewayError::Temporary(error.to_string()))?;
        let listening = edge.local_addr(profile).map_or_else(|| "none".to_owned(), |address| address.to_string());
        tracing::info!(node.id = %config.node.name, address = %listening, profile = %profile, "node started");
        let clock = Arc::new(ClockWatch::start(&node));
        let (watching, watched) = (TaskTracker::new(), CancellationToken::new());
        watching.spawn(watch_in_flight(current.clone(), clock.clone(), watched.clone()));
        watching.spawn(scrub(current.clone(), watched.clone()));
        Ok(Running {
            edge: Arc::new(edge),
            addresses,
            trust,
            credentials,
            attempts: TaskTracker::new(),
            windows: Mutex::default(),
            busy: Arc::default(),
            clock,
            watching,
            watched,
            ordered: Mutex::default(),
            ended: Arc::new(Notify::new()),
            current,
        })
    }

    /// The node under the policy in force.
    pub(super) fn node(&self) -> Arc<Node> {
        self.current.load_full()
    }

    async fn until(
        &self,
        stop: impl Future<Output = ()>,
        mut reloads: mpsc::Receiver<Config>,
        links: &Notify,
    ) -> Result<(), GatewayError> {
        tokio::pin!(stop);
        let mut ticks = self.ticks();
        let mut seen = LastPoll::default();
        let mut full_checks = tokio::time::interval(FULL_CHECK_INTERVAL);
        let mut housekeeping = tokio::time::interval_at(tokio::time::Instant::now() + FIRST_HOUSEKEEPING, HOUSEKEEPING);
        let mut full_check = false;
        let halt = self.node().fatal_stop().clone();
        loop {
            tokio::select! {
                () = &mut stop => return Ok(()),
                why = halt.requested() => return Err(GatewayError::Local(why)),
                _ = ticks.tick() => {}
                _ = full_checks.tick() => full_check = true,
                _ = housekeeping.tick() => self.run_housekeeping(),
                () = links.notified() => {}
                () = self.ended.notified() => {}
                Some(config) = reloads.recv() => {
                    self.current.store(Arc::new(reloaded(&self.node(), &self.edge, config)));
                    ticks = self.ticks();
                    // Everything on record is checked again, as after a start.
                    (seen, full_check) = (LastPoll::default(), true);
                }
            }
            match self.poll_record(&mut seen, full_check).await {
                Ok(()) => full_check = false,
                Err(GatewayError::Store(error)) if stops_the_node(&error) => return Err(error.into()),
                // The record is unchanged; the next poll tries again.
                Err(error) => tracing::error!(error = %error, "polling the record failed"),
            }
        }
    }

    /// Interval at which the record is polled for changes by other processes.
    fn ticks(&self) -> tokio::time::Interval {
        let mut ticks = tokio::time::interval(self.node().config().gateway.poll);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        ticks
    }

    /// Starts housekeeping in the background.
    fn run_housekeeping(&self) {
        let node = self.node();
        self.attempts.spawn(async move {
            if let Err(error) = node.run_housekeeping().await {
                tracing::error!(error = %error, "housekeeping failed: it is retried in an hour");
            }
        });
    }

    /// Polls the record once: applies changes, decides requests, and starts due exchanges. With `full_check`, also what
    /// changes by time alone.
    async fn poll_record(&self, last: &mut LastPoll, full_check: bool) -> Result<(), GatewayError> {
        let now = self.node().store().generations().await?;
        let in_doubt = self.node().watch_clock(&self.clock, now.clock_high).await?;
        let seen = last.generations;
        if in_doubt {
            // While the clock is in doubt nothing is decided, sent or expired. Partners are still cut off, and the
            // first poll after it is accepted catches up.
            if seen.is_none_or(|seen| seen.roster != now.roster) {
                self.apply_roster().await?;
                last.generations = Some(now);
            }
            last.in_doubt = true;
            return Ok(());
        }
        let seen = seen.filter(|_| !std::mem::take(&mut last.in_doubt));
        if seen.is_none_or(|seen| seen.roster != now.roster) {
            self.apply_policy().await?;
            self.apply_roster().await?;
            self.node().redecide().await?;
        }
        if full_check {
            // Altered rows are noticed also while nothing is to be decided.
            self.node().participants_now().await?;
            self.apply_credential();
            self.addresses.store(self.edge.partner_networks());
            self.node().expire_requests().await?;
            // Agreements and appointments begin and end by the calendar, without a recorded change.
            last.polls += 1;
            if last.polls.is_multiple_of(DECIDE_AGAIN) {
                last.decided.clear();
            }
        }
        let same = seen.is_some_and(|seen| (seen.roster, seen.approvals) == (now.roster, now.approvals));
        if full_check || !same {
            last.decided.list_again();
        }
        if full_check || last.unfinished || !same {
            last.unfinished = true;
            last.unfinished = self.node().release_approved(&mut last.decided, now.roster).await?;
            if last.unfinished {
                // Only a slice was decided on, so that what it released is sent before the next.
                self.ended.notify_one();
            }
        }
        last.generations = Some(now);
        self.send_due().await
    }

    /// Applies the recorded policy. Running attempts keep the old one and are refused at their gate.
    async fn apply_policy(&self) -> Result<(), GatewayError> {
        if let Some(node) = self.node().current().await? {
            tracing::warn!(policy = %node.texts_digest(), "another policy is in force: everything queued is decided again");
            self.current.store(Arc::new(node));
        }
        Ok(())
    }

    /// Applies the node's own certificate from its files: a command may have renewed it, which does not change the
    /// roster.
    fn apply_credential(&self) {
        match self.node().credential() {
            Ok(credential) => self.credentials.replace([credential]),
            // During a renewal the two files do not match; the next poll finds both.
            Err(error) => {
                tracing::error!(error = %error, "own certificate cannot be used: the previous one stays in use")
            }
        }
    }

    /// Applies the recorded partners, limits and trust; links that are no longer allowed are closed.
    async fn apply_roster(&self) -> Result<(), GatewayError> {
        let node = self.node();
        let mut rows = node.store().partners().await?;
        // If several partners claim one authority, the first keeps it.
        rows.sort_by_key(|row| row.added);
        let (mut usable, mut faults) = (Vec::new(), Vec::new());
        for row in &rows {
            match partner_of(row)
                .map_err(|e| e.to_string())
                .and_then(|partner| PartnerTrust::of(&partner).map_err(|e| e.to_string()))
            {
                Ok(trust) => usable.push(trust),
                Err(fault) => faults.push((row.id.clone(), fault)),
            }
        }
        let (snapshot, found) = TrustSnapshot::new(usable);
        faults.extend(found.into_iter().map(|(partner, fault)| (partner, fault.to_string())));
        self.trust.replace(snapshot);
        for (partner, fault) in faults {
            node.record_untrusted(&partner, &fault).await;
        }
        let roster = roster_of(&rows);
        let links: BTreeMap<_, _> = roster
            .iter()
            .filter(|p| p.standing == Standing::Active)
            .map(|p| {
                let link = PartnerLink { addresses: p.description.addresses.clone(), limits: p.agreement.limits };
                (p.id.clone(), link)
            })
            .collect();
        let fifo = roster.iter().filter(|p| p.agreement.order == Order::Fifo).map(|p| p.id.clone()).collect();
        *self.ordered.lock().unwrap_or_else(PoisonError::into_inner) = fifo;
        self.edge.apply_partners(links);
        let windows = roster.iter().filter_map(|p| Some((p.id.clone(), p.agreement.windows.clone()?)));
        *self.windows.lock().unwrap_or_else(PoisonError::into_inner) = windows.collect();
        Ok(())
    }

    async fn stop(&self) {
        let grace = self.node().config().gateway.grace;
        self.edge.shutdown(grace).await;
        self.attempts.close();
        // The edge is closed, so every attempt ends at once and records its progress.
        if tokio::time::timeout(Duration::from_secs(5), self.attempts.wait()).await.is_err() {
            tracing::warn!("attempts did not end in time: the next start recovers them");
        }
        self.watched.cancel();
        self.watching.close();
        self.watching.wait().await;
    }

    /// Locks the list of what this process is sending.
    pub(super) fn lock_busy(&self) -> std::sync::MutexGuard<'_, BTreeMap<ExchangeId, Candidate>> {
        // No code panics while it holds the lock; were it poisoned, the map would still be whole.
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Checks exchanges in flight until `ended`. It is a separate task, so that stops take effect while others seal, hash
/// or decide on thousands of exchanges.
async fn watch_in_flight(current: Arc<ArcSwap<Node>>, clock: Arc<ClockWatch>, ended: CancellationToken) {
    let mut ticks = tokio::time::interval(IN_FLIGHT_INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = ended.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let node = current.load_full();
        if node.in_flight().is_empty() {
            continue;
        }
        let looked = async {
            let high = node.store().generations().await?.clock_high;
            // Two concurrent checks may both find that the clock was set; one of them records it.
            match node.watch_clock(&clock, high).await {
                Err(GatewayError::Store(StoreError::Conflict { .. })) | Ok(_) => node.check_in_flight().await,
                Err(error) => Err(error),
            }
        };
        if let Err(error) = looked.await {
            tracing::error!(error = %error, "exchanges in flight could not be checked");
        }
    }
}
