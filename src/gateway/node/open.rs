//! Creates and opens a node: its keys, store and spool, compared with the checkpoints known outside the store.

use super::Base;
use super::GatewayError;
use super::Node;
use crate::config::{Config, Keys};
use crate::gateway::node::checkpoints::known;
use crate::gateway::node::policy::active;
use crate::gateway::node::policy::rules;
use crate::gateway::node::policy::rules::Rules;
use crate::ledger::{Entry, EntryKind};
use crate::pki::{CertificateKey, ProfileName};
use crate::progress::Progress;
use crate::sign::Signer;
use crate::store::{Commit, Spool, SqliteStore, Store as _};
use crate::system::SystemEntropy;
use crate::time::Clock;
use std::sync::Arc;

/// The store that `config` describes, and nothing else of the node.
pub(in crate::gateway) async fn open_store(config: &Config) -> Result<SqliteStore, GatewayError> {
    let database = &config.store.database;
    if !database.exists() {
        return Err(GatewayError::Local(format!(
            "no store at `{}`: restore it from its last backup; `init` only creates a store for a new node",
            database.display()
        )));
    }
    let store = SqliteStore::open(&config.store.database, ledger_signer(config)?).await?;
    check_name(config, &store).await?;
    Ok(store)
}

/// Fails if the configured name differs from the one that the store was created for. A store that does not record it
/// is judged elsewhere.
async fn check_name(config: &Config, store: &SqliteStore) -> Result<(), GatewayError> {
    let Ok(made) = store.node().await else { return Ok(()) };
    let (made_as, name) = (made.id, &config.node.name);
    if made_as == *name {
        return Ok(());
    }
    Err(GatewayError::Local(format!(
        "`{}`: `name` in section `[node]` is `{name}`, and this node was created as `{made_as}`: set `name = \"{made_as}\"`; a \
         node's name is in its certificates and its ledger, and cannot be changed",
        config.file.display()
    )))
}

/// Fails if the configured profile differs from the one that the node's keys were created under.
fn check_profile(config: &Config, keys: &Keys) -> Result<(), GatewayError> {
    let Ok(profile) = config.listen.profile.parse::<ProfileName>() else { return Ok(()) };
    let Ok(key) = config.keys.text("node") else { return Ok(()) };
    let fits = |name: ProfileName| {
        let profile = name.profile();
        CertificateKey::from_pem(profile, &key).is_ok() && profile.check_statement_key(keys.signing.public()).is_ok()
    };
    // A key that fits no profile is damaged; whoever uses it reports that.
    let Some(made) = ProfileName::ALL.into_iter().find(|other| fits(*other)).filter(|_| !fits(profile)) else {
        return Ok(());
    };
    Err(GatewayError::Local(format!(
        "`{}`: `profile` in section `[listen]` is `{profile}`, and this node's keys were created under `{made}`: set `profile = \
         \"{made}\"`; another profile requires a new node",
        config.file.display()
    )))
}

/// The spool that `config` names. Only `init` creates one: if it is missing, its volume is not mounted.
pub(in crate::gateway) fn open_spool(config: &Config) -> Result<Spool, GatewayError> {
    let folder = &config.store.spool;
    if !folder.exists() {
        return Err(GatewayError::Local(format!(
            "no spool at `{}`: mount its volume, or restore it from its last backup; only `init` creates one",
            folder.display()
        )));
    }
    let spool = Spool::open(folder, config.store.reserve_bytes).map_err(GatewayError::trouble)?;
    Ok(spool.with_inline_bytes_max(config.store.kept_bytes_max))
}

/// The key that signs the ledger's checkpoints, from its key file.
pub(in crate::gateway) fn ledger_signer(config: &Config) -> Result<Arc<dyn Signer>, GatewayError> {
    Ok(Arc::new(config.keys.signer("ledger").map_err(GatewayError::trouble)?))
}

impl Node {
    /// Creates and opens the store of a new node, with the texts in its policy folder as its first policy. For `init`
    /// alone: a lost store is restored, because a new one would accept again whatever was signed for the old one.
    ///
    /// # Errors
    /// As [`Node::open`], and if a store exists.
    pub async fn make(config: Config, clock: Arc<dyn Clock>) -> Result<Node, GatewayError> {
        let keys = config.keys.load().map_err(GatewayError::trouble)?;
        // A faulty policy folder leaves no store behind, so that the next try starts clean.
        Rules::load(rules::read_folder(&config.policy.folder)?)?;
        let (name, signer) = (&config.node.name, ledger_signer(&config)?);
        let store = SqliteStore::create(&config.store.database, name, signer, clock.now()).await?;
        Spool::open(&config.store.spool, config.store.reserve_bytes).map_err(GatewayError::trouble)?;
        Node::with(config, clock, keys, store, Progress::default()).await
    }

    /// Opens the node that `config` describes, under the policy recorded in its store. If its ledger does not extend
    /// every checkpoint beside it, the node is stopped ([`Node::stopped_because`]) and can only be read.
    ///
    /// # Errors
    /// [`GatewayError`] if there is no store, or if a key, the policy, the register, a word list, the store or the
    /// spool cannot be used.
    pub async fn open(config: Config, clock: Arc<dyn Clock>) -> Result<Node, GatewayError> {
        Node::open_showing(config, clock, Progress::default()).await
    }

    /// As [`Node::open`], with a progress report through which the caller can also cancel.
    ///
    /// # Errors
    /// As [`Node::open`].
    pub async fn open_showing(config: Config, clock: Arc<dyn Clock>, progress: Progress) -> Result<Node, GatewayError> {
        let keys = config.keys.load().map_err(GatewayError::trouble)?;
        check_profile(&config, &keys)?;
        let store = open_store(&config).await?;
        let failed = store.earlier_sync_failure().map(str::to_owned);
        let node = Node::with(config, clock, keys, store, progress).await?;
        if let Some(why) = failed {
            node.record_failed_sync(&why).await;
        }
        Ok(node)
    }

    /// Records that a process of the node failed to sync and that its log was made durable since. The marker of the
    /// failure stays until this is recorded.
    pub(in crate::gateway) async fn record_failed_sync(&self, why: &str) {
        let entry = Entry::new(self.now(), EntryKind::NodeRecovered, &self.config().node.name, self.owner());
        let entry = entry.with("log", "written again and synced").with("failed", why);
        match self.store().commit(Commit::new().entry(entry)).await {
            Ok(_) => SqliteStore::clear_earlier_sync_failure(&self.config().store.database),
            Err(error) => tracing::warn!(%error, "an earlier failed sync of the store is not recorded yet"),
        }
    }

    /// Opens a node over an open store, under the recorded policy, or under that of the policy folder if the store is new.
    pub(in crate::gateway) async fn with(
        config: Config,
        clock: Arc<dyn Clock>,
        keys: Keys,
        store: SqliteStore,
        progress: Progress,
    ) -> Result<Node, GatewayError> {
        let spool = open_spool(&config)?;
        let heads = known::checkpoint_files(&config, keys.ledger.public())?;
        // Read before the store's own checkpoint, which is then at least as new.
        let external = known::read_external(&config, &heads)?;
        let (entropy, keys, store) = (Arc::new(SystemEntropy), Arc::new(keys), Arc::new(store));
        let base = Base::new(&config, clock, entropy, keys, store, Some(heads), spool, progress);
        known::stop_unless_extending(&config, &base.proved, external).await?;
        let texts = match active::texts(&*base.store).await? {
            Some(texts) => texts,
            None => active::begin(&*base.store, &config, base.clock.now()).await?,
        };
        known::record_files_created(&base.proved, base.clock.now()).await?;
        let node = Node::under(Arc::new(base), Arc::new(config), Rules::load(texts)?.into());
        // An older copy of the store lacks a renewal that was recorded later.
        if node.stopped_because().is_none() {
            node.settle_certificate().await?;
            node.check_keys().await?;
        }
        Ok(node)
    }
}
