//! One node's folder, opened: configuration, keys, policy, register, store and spool; and what every use case needs of it:
//! the snapshot that it works on, caches, the clock, checkpoints, and commits with their ledger entries.
//!
//! It refuses to open on a key, policy, store or spool that cannot be used.

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

use crate::gateway::node::process::payload_quota::Shares;
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
    /// What was assembled in this process, under these rules.
    assembled: Arc<AssemblyCache>,
}

/// What does not change while a process has the node open.
struct Base {
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    keys: Arc<Keys>,
    /// The store, with every row held against its ledger.
    store: Arc<dyn Store>,
    proved: Arc<ProvedStore>,
    spool: Spool,
    /// Made when it is first asked for: to seed the random source takes longer than most commands that only read.
    owner: OnceLock<String>,
    /// Officers' certificates that were read and held, by digest of authority and certificates: a signature that held
    /// once holds for ever, and whether it counts now is asked each time.
    remembered: Mutex<BTreeMap<Digest, Vec<OfficerCertificate>>>,
    /// Of whom the log has said that they are not certified, and why.
    uncertified: Mutex<BTreeMap<OfficerId, String>>,
    /// Who the log and the ledger have said is excluded, and why.
    excluded: Mutex<BTreeMap<OfficerId, String>>,
    /// Signatures that verified.
    verified: VerificationCache,
    /// Held while a circuit breaker is read, changed and written.
    breakers: tokio::sync::Mutex<()>,
    /// Held while the head that is remembered of a partner's ledger is read and written.
    witness: tokio::sync::Mutex<()>,
    recent_participants: RecentParticipants,
    arriving: ExchangeLocks,
    shares: Shares,
    not_taken: LogLimiter,
    live: InFlight,
    halt: FatalStop,
    progress: Progress,
    /// Up to when partners have shown that our ledger is the one they know.
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
    /// With nothing remembered yet.
    #[expect(clippy::too_many_arguments, reason = "what a node is made of; each is named once, in one place")]
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
        let proved = ProvedStore::over(store, clock.clone()).showing(progress.clone());
        let proved = Arc::new(match heads {
            Some(heads) => {
                let signer = LedgerSigner(keys.clone());
                let kept = FactsSnapshot::new(config.store.database.with_added_extension("facts"), Arc::new(signer));
                proved.keeping(Arc::new(heads)).remembering(kept)
            }
            None => proved,
        });
        let store: Arc<dyn Store> = proved.clone();
        let halt = FatalStop::default();
        halt.on_broken(&spool);
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
            shares: Shares::default(),
            not_taken: LogLimiter::default(),
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

    /// The same node under another configuration. What was set up when it was opened stays as it was: only settings that
    /// may change while it runs ([`Config::reloaded`]) may differ.
    #[must_use]
    pub fn reconfigured(&self, config: Config) -> Node {
        Node::under(self.base.clone(), Arc::new(config), self.rules.clone())
    }

    /// The node under the policy that is on record now, if that is another one than this.
    ///
    /// # Errors
    /// [`GatewayError`] if the policy on record cannot be used: then nothing may be decided.
    pub async fn current(&self) -> Result<Option<Node>, GatewayError> {
        let texts = active::texts(&**self.store()).await?;
        let texts = texts.ok_or_else(|| GatewayError::Trouble("no policy is on record any more".into()))?;
        if texts.digest() == self.rules.digest {
            return Ok(None);
        }
        Ok(Some(Node::under(self.base.clone(), self.config.clone(), Rules::load(texts)?.into())))
    }

    /// The same node, with the keys, policy and register it was opened with, over other means: what a process that was
    /// started anew is to the one before it. `store` must be one whose ledger this node's key signs.
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

    /// Puts this node's policy on record as the first one of a new store that it was put over.
    ///
    /// # Errors
    /// [`GatewayError`] if the store is not new, or does not take it.
    pub async fn record_first_policy(&self) -> Result<(), GatewayError> {
        active::put_first(&**self.store(), &self.config().node.name, &self.rules, self.now()).await
    }

    /// The same node, as if these texts were its policy: for asking what would be decided, never for deciding.
    pub(super) fn supposing(&self, texts: PolicyTexts) -> Result<Node, GatewayError> {
        Ok(Node::under(self.base.clone(), self.config.clone(), Rules::load(texts)?.into()))
    }

    /// Its configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// To whom long work reports.
    pub(super) fn progress(&self) -> &Progress {
        &self.base.progress
    }

    /// The time by its clock.
    pub fn now(&self) -> Time {
        self.base.clock.now()
    }

    /// How long its clock has run, on one that nobody can set.
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

    /// SHA-256 of all texts of the policy it was opened under, as the ledger cites them.
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

    /// The same store, as it compares its rows with the ledger.
    pub(super) fn proved(&self) -> &ProvedStore {
        &self.base.proved
    }

    /// Up to when partners have shown, since this process began, that our ledger is the one they know: the time of the last
    /// entry under the greatest head that it extends by proof. What no partner has seen may be missing all the same.
    pub fn confirmed(&self) -> Option<Time> {
        // No code panics while it holds the lock.
        *self.base.confirmed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn confirm(&self, until: Time) {
        let mut confirmed = self.base.confirmed.lock().unwrap_or_else(PoisonError::into_inner);
        *confirmed = (*confirmed).max(Some(until));
    }

    /// `N` bytes that nobody can foresee.
    pub(super) fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.base.entropy.fill(&mut bytes);
        bytes
    }

    pub(super) fn clock(&self) -> Arc<dyn Clock> {
        self.base.clock.clone()
    }

    pub(super) fn keys(&self) -> &Keys {
        &self.base.keys
    }

    /// The guiding document in force, if there is one.
    pub(super) fn priorities(&self) -> Option<&Priorities> {
        self.rules.priorities.as_ref()
    }

    pub(super) fn membership(&self) -> &Membership {
        &self.rules.membership
    }

    pub(super) fn inspection(&self) -> &Settings {
        &self.inspection
    }

    pub(super) fn spool(&self) -> &Spool {
        &self.base.spool
    }

    /// The program that the policy in force names to run as filter process, if it names one.
    pub(super) fn filter_program(&self) -> Option<&FilterProgram> {
        self.rules.inspection.program.as_ref()
    }

    /// How many filter processes the policy in force lets run at once, and how many bytes each may have.
    pub(super) fn filter_room(&self) -> (u64, u64) {
        (self.rules.inspection.at_once, self.rules.inspection.memory_bytes)
    }

    /// The name under which this process claims exchanges.
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

/// The name under which a process claims exchanges: no other process has it.
fn owner(config: &Config, entropy: &dyn Entropy) -> String {
    let mut unique = [0; 4];
    entropy.fill(&mut unique);
    format!("{}-{}", config.node.name, hex::encode(unique))
}
