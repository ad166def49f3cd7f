//! One opened node: configuration, keys, policy, marking register, store and spool, and what every use case needs of
//! it: the snapshot that it works on, caches, the clock, checkpoints, and commits with their ledger entries.
//!
//! It refuses to open with a key, policy, store or spool that cannot be used.

pub(super) mod clock;
pub(super) mod files;
pub(super) mod checkpoints;
pub(super) mod key_fingerprints;
pub(super) mod panics;
pub(super) mod policy;
pub(super) mod open;
pub(super) mod participants;
pub(super) mod process;
pub(super) mod records;

use crate::gateway::node::process::payload_quota::PayloadUsage;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::GatewayError;
use crate::change::PolicyTexts;
use crate::config::{Config, FilterProgram, Keys};
use crate::digest::Digest;
use crate::gateway::node::participants::RecentParticipants;
use crate::gateway::node::policy::active;
use crate::gateway::node::policy::rules::Rules;
use crate::gateway::node::policy::settings::{bounds, inspection};
use crate::gateway::node::process::cache::AssemblyCache;
use crate::gateway::node::process::exchange_locks::ExchangeLocks;
use crate::gateway::node::process::fatal::FatalStop;
use crate::gateway::node::process::in_flight::InFlight;
use crate::ident::OfficerId;
use crate::inspect::Settings;
use crate::ledger::{LedgerKey, Origin};
use crate::log_limiter::LogLimiter;
use crate::marking::Register;
use crate::pki::OfficerCertificate;
use crate::policy::{Membership, Policies, Priorities};
use crate::product::Bounds;
use crate::progress::Progress;
use crate::sign::{PublicKey, SignError, Signer, VerificationCache};
use crate::store::{CheckpointFiles, FactsSnapshot, ProvedStore, Spool, Store};
use crate::system::Entropy;
use crate::time::{Clock, Time};

/// A node: what every command and the server work on. Several processes may have one open at once; the store orders
/// what they do.
///
/// It is a snapshot: policy and configuration stay the same for as long as it lives, so that no decision is taken half
/// under one policy and half under the next. [`Node::current`] gives the one under the next policy, and
/// [`Node::reconfigured`] the one under another configuration.
#[derive(Clone)]
pub struct Node {
    base: Arc<Base>,
    config: Arc<Config>,
    rules: Arc<Rules>,
    inspection: Arc<Settings>,
    /// What this process assembled under these rules.
    assembled: Arc<AssemblyCache>,
}

/// What stays the same while a process has the node open.
struct Base {
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    keys: Arc<Keys>,
    /// The store, with every row verified against its ledger.
    store: Arc<dyn Store>,
    proved: Arc<ProvedStore>,
    spool: Spool,
    /// Created on first use: seeding the random source takes longer than most read-only commands.
    owner: OnceLock<String>,
    /// Officers' certificates that verified, by digest of authority and certificates. A valid signature stays valid;
    /// whether the certificate counts now is checked each time.
    remembered: Mutex<BTreeMap<Digest, Vec<OfficerCertificate>>>,
    /// Officers already logged as not certified, and why.
    uncertified: Mutex<BTreeMap<OfficerId, String>>,
    /// Officers already reported as excluded, and why.
    excluded: Mutex<BTreeMap<OfficerId, String>>,
    /// Signatures that verified.
    verified: VerificationCache,
    /// Lock for reading, changing and writing a circuit breaker.
    breakers: tokio::sync::Mutex<()>,
    /// Lock for reading and writing the stored checkpoint of a partner's ledger.
    witness: tokio::sync::Mutex<()>,
    recent_participants: RecentParticipants,
    arriving: ExchangeLocks,
    payload_usage: PayloadUsage,
    rejection_log: LogLimiter,
    live: InFlight,
    halt: FatalStop,
    progress: Progress,
    /// The time up to which partners have confirmed our ledger.
    confirmed: Mutex<Option<Time>>,
}

/// The ledger's key among those that the node holds.
struct LedgerSigner(Arc<Keys>);

impl Signer for LedgerSigner {
    fn public(&self) -> &PublicKey {
        self.0.ledger.public()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        self.0.ledger.sign(message)
    }
}

impl Base {
    /// A node with empty caches.
    #[expect(clippy::too_many_arguments, reason = "the parts of a node; each is named once, in one place")]
    fn new(
        config: &Config,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        keys: Arc<Keys>,
        store: Arc<dyn Store>,
        heads: Option<CheckpointFiles>,
        spool: Spool,
        progress: Progress,
    ) -> Base {
        let proved = ProvedStore::new(store, clock.clone()).with_progress(progress.clone());
        let proved = Arc::new(match heads {
            Some(heads) => {
                let signer = LedgerSigner(keys.clone());
                let kept = FactsSnapshot::new(config.store.database.with_added_extension("facts"), Arc::new(signer));
                proved.with_checkpoint_files(Arc::new(heads)).with_facts_snapshot(kept)
            }
            None => proved,
        });
        let store: Arc<dyn Store> = proved.clone();
        let halt = FatalStop::default();
        halt.watch_spool(&spool);
        Base {
            clock,
            entropy,
            keys,
            store,
            proved,
            spool,
            owner: OnceLock::new(),
            remembered: Mutex::default(),
            uncertified: Mutex::default(),
            excluded: Mutex::default(),
            verified: VerificationCache::default(),
            breakers: tokio::sync::Mutex::default(),
            witness: tokio::sync::Mutex::default(),
            recent_participants: RecentParticipants::default(),
            arriving: ExchangeLocks::default(),
            payload_usage: PayloadUsage::default(),
            rejection_log: LogLimiter::default(),
            live: InFlight::default(),
            halt,
            progress,
            confirmed: Mutex::default(),
        }
    }
}

impl Node {
    fn under(base: Arc<Base>, config: Arc<Config>, rules: Arc<Rules>) -> Node {
        let bounds = bounds(&config.limits);
        let inspection = Arc::new(inspection(&rules.inspection, rules.words.clone(), bounds));
        Node { base, config, rules, inspection, assembled: Arc::default() }
    }

    /// The same node under another configuration. Only settings that may change while it runs ([`Config::reloaded`])
    /// may differ.
    #[must_use]
    pub fn reconfigured(&self, config: Config) -> Node {
        Node::under(self.base.clone(), Arc::new(config), self.rules.clone())
    }

    /// The node under the recorded policy, if that differs from this one's.
    ///
    /// # Errors
    /// [`GatewayError`] if the recorded policy cannot be used: then nothing may be decided.
    pub async fn current(&self) -> Result<Option<Node>, GatewayError> {
        let texts = active::texts(&**self.store()).await?;
        let texts = texts.ok_or_else(|| GatewayError::Local("the policy is no longer on record".into()))?;
        if texts.digest() == self.rules.digest {
            return Ok(None);
        }
        Ok(Some(Node::under(self.base.clone(), self.config.clone(), Rules::load(texts)?.into())))
    }

    /// The same node, with its keys, policy and register, over another store, spool, clock and random source: what a
    /// restarted process is to the one before it. `store` must be one whose ledger this node's key signs.
    #[must_use]
    pub fn over(&self, store: Arc<dyn Store>, spool: Spool, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Node {
        let (keys, progress) = (self.base.keys.clone(), Progress::default());
        let base = Base::new(&self.config, clock, entropy, keys, store, None, spool, progress);
        Node {
            base: Arc::new(base),
            config: self.config.clone(),
            rules: self.rules.clone(),
            inspection: self.inspection.clone(),
            assembled: Arc::default(),
        }
    }

    /// Records this node's policy as the first one of the new store that it was put over.
    ///
    /// # Errors
    /// [`GatewayError`] if the store is not new or the commit fails.
    pub async fn record_first_policy(&self) -> Result<(), GatewayError> {
        active::record_first(&**self.store(), &self.config().node.name, &self.rules, self.now()).await
    }

    /// The same node under hypothetical policy texts: for what-if questions, never for decisions.
    pub(super) fn under_hypothetical(&self, texts: PolicyTexts) -> Result<Node, GatewayError> {
        Ok(Node::under(self.base.clone(), self.config.clone(), Rules::load(texts)?.into()))
    }

    /// Its configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The progress report of long operations.
    pub(super) fn progress(&self) -> &Progress {
        &self.base.progress
    }

    /// The time by its clock.
    pub fn now(&self) -> Time {
        self.base.clock.now()
    }

    /// Time since the start by a monotonic clock.
    pub(super) fn running(&self) -> std::time::Duration {
        self.base.clock.running()
    }

    /// The marking register in force.
    pub fn register(&self) -> &Register {
        &self.rules.register
    }

    /// The texts of the policy it was opened under.
    pub fn policy_texts(&self) -> &PolicyTexts {
        &self.rules.texts
    }

    /// SHA-256 of all policy texts it was opened under, as the ledger cites them.
    pub fn texts_digest(&self) -> Digest {
        self.rules.digest
    }

    /// The release rules in force.
    pub fn policies(&self) -> &Policies {
        &self.rules.policies
    }

    /// Bounds on a product.
    pub fn bounds(&self) -> &Bounds {
        &self.inspection.bounds
    }

    /// The store.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.base.store
    }

    /// The same store, with access to its verification against the ledger.
    pub(super) fn proved(&self) -> &ProvedStore {
        &self.base.proved
    }

    /// The time up to which partners have confirmed our ledger since this process began: that of the last entry under
    /// the largest checkpoint that the ledger provably extends. Later entries, which no partner has seen, could still
    /// be lost.
    pub fn confirmed(&self) -> Option<Time> {
        // No code panics while it holds the lock.
        *self.base.confirmed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that partners have confirmed our ledger up to this time; an earlier time changes nothing.
    pub(super) fn confirm(&self, until: Time) {
        let mut confirmed = self.base.confirmed.lock().unwrap_or_else(PoisonError::into_inner);
        *confirmed = (*confirmed).max(Some(until));
    }

    /// `N` unpredictable bytes.
    pub(super) fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.base.entropy.fill(&mut bytes);
        bytes
    }

    /// The clock of this process.
    pub(super) fn clock(&self) -> Arc<dyn Clock> {
        self.base.clock.clone()
    }

    /// The node's private keys.
    pub(super) fn keys(&self) -> &Keys {
        &self.base.keys
    }

    /// The guiding document in force, if there is one.
    pub(super) fn priorities(&self) -> Option<&Priorities> {
        self.rules.priorities.as_ref()
    }

    /// Which countries belong to which organisation, under the policy in force.
    pub(super) fn membership(&self) -> &Membership {
        &self.rules.membership
    }

    /// The filter settings under the policy in force.
    pub(super) fn inspection(&self) -> &Settings {
        &self.inspection
    }

    /// The spool of sealed payloads, products and attachments.
    pub(super) fn spool(&self) -> &Spool {
        &self.base.spool
    }

    /// The filter program that the policy in force names, if any.
    pub(super) fn filter_program(&self) -> Option<&FilterProgram> {
        self.rules.inspection.program.as_ref()
    }

    /// Maximum number of filter processes under the policy in force, and the bytes of memory each may use.
    pub(super) fn filter_room(&self) -> (u64, u64) {
        (self.rules.inspection.at_once, self.rules.inspection.memory_bytes)
    }

    /// The name under which this process claims exchanges: the node's name and eight hexadecimal digits.
    pub(super) fn owner(&self) -> &str {
        self.base.owner.get_or_init(|| owner(self.config(), &*self.base.entropy))
    }

    /// The ledger's verifier key, as partners are given it.
    pub(super) fn ledger_key(&self) -> String {
        // INVARIANT: the store was opened with this key, which it accepts only as Ed25519.
        LedgerKey::new(Origin::of_node(&self.config.node.name), self.base.keys.ledger.public().clone())
            .map_or_else(|_| String::new(), |key| key.to_string())
    }
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Node({})", self.config.node.name)
    }
}

/// The unique name under which a process claims exchanges.
fn owner(config: &Config, entropy: &dyn Entropy) -> String {
    let mut unique = [0; 4];
    entropy.fill(&mut unique);
    format!("{}-{}", config.node.name, hex::encode(unique))
}
