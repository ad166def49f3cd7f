//! One node's folder, opened: configuration, keys, policy, register, store and spool.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::people::Changes;
use super::{GatewayError, certificates};
use crate::config::{Config, Keys};
use crate::digest::Digest;
use crate::ident::RequestId;
use crate::inspect::{Settings, WordList};
use crate::ledger::{Entry, EntryKind, LedgerKey, Origin, SignedCheckpoint};
use crate::marking::{Register, RegisterFiles};
use crate::pki::OfficerCertificate;
use crate::policy::{Membership, Policies};
use crate::product::{Bounds, Product};
use crate::sign::Signer;
use crate::store::{
    Commit, Exchange, ExchangeFilter, Request, RequestFilter, RequestState, Spool, SpoolId, SqliteStore, Store,
};
use crate::system::{Entropy, SystemEntropy};
use crate::time::{Clock, Time};

/// By how much the clock may stand behind the latest time on record before it is in doubt.
const CLOCK_SLACK: Duration = Duration::from_secs(60);

/// A node: what every command and the server work on. Several processes may have one open at once; the store orders
/// what they do.
pub struct Node {
    config: Config,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    keys: Arc<Keys>,
    register: Arc<Register>,
    membership: Arc<Membership>,
    policies: Arc<Policies>,
    inspection: Arc<Settings>,
    store: Arc<dyn Store>,
    spool: Spool,
    owner: String,
    /// Officers' certificates that were read and held, by digest of authority and certificates: a signature that held
    /// once holds for ever, and whether it counts now is asked each time.
    remembered: Mutex<BTreeMap<Digest, Vec<OfficerCertificate>>>,
}

impl Node {
    /// Opens the node that `config` describes; makes its store if there is none yet.
    ///
    /// # Errors
    /// [`GatewayError`] if a key, the policy, the register, a word list, the store or the spool cannot be used.
    pub async fn open(config: Config, clock: Arc<dyn Clock>) -> Result<Node, GatewayError> {
        let keys = config.keys.load().map_err(GatewayError::trouble)?;
        let ledger: Arc<dyn Signer> = Arc::new(config.keys.signer("ledger").map_err(GatewayError::trouble)?);
        let folder = PolicyFolder::read(&config.policy.folder)?;
        let bounds = Bounds {
            // INVARIANT: the configuration bounds this to 1 GiB.
            bytes_max: usize::try_from(config.limits.product_bytes).unwrap_or(usize::MAX),
            ..Bounds::default()
        };
        let database = &config.store.database;
        let store = if database.exists() {
            SqliteStore::open(database, ledger).await?
        } else {
            SqliteStore::create(database, &config.node.name, ledger, clock.now()).await?
        };
        let spool = Spool::open(&config.store.spool, config.store.reserve_bytes).map_err(GatewayError::trouble)?;
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
        Ok(Node {
            inspection: Arc::new(Settings { words: folder.words, bounds }),
            register: Arc::new(folder.register),
            membership: Arc::new(folder.membership),
            policies: Arc::new(folder.policies),
            owner: owner(&config, &*entropy),
            store: Arc::new(store),
            spool,
            config,
            clock,
            entropy,
            keys: Arc::new(keys),
            remembered: Mutex::default(),
        })
    }

    /// The same node, with the keys, policy and register it was opened with, over other means: what a process that was
    /// started anew is to the one before it. `store` must be one whose ledger this node's key signs.
    #[must_use]
    pub fn over(&self, store: Arc<dyn Store>, spool: Spool, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Node {
        Node {
            owner: owner(&self.config, &*entropy),
            config: self.config.clone(),
            keys: self.keys.clone(),
            register: self.register.clone(),
            membership: self.membership.clone(),
            policies: self.policies.clone(),
            inspection: self.inspection.clone(),
            store,
            spool,
            clock,
            entropy,
            remembered: Mutex::default(),
        }
    }

    /// Its configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The time by its clock.
    pub fn now(&self) -> Time {
        self.clock.now()
    }

    /// The marking register in force.
    pub fn register(&self) -> &Register {
        &self.register
    }

    /// The release rules in force.
    pub fn policies(&self) -> &Policies {
        &self.policies
    }

    /// Bounds on a product.
    pub fn bounds(&self) -> &Bounds {
        &self.inspection.bounds
    }

    /// The store.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Puts on record that the node was made.
    ///
    /// # Errors
    /// [`GatewayError`] if the store does not take it.
    pub async fn record_created(&self) -> Result<(), GatewayError> {
        let entry = Entry::new(self.now(), EntryKind::NodeCreated, &self.config.node.name, "operator")
            .with("policy", self.policies.digest())
            .with("register", hex::encode(self.register.digest()));
        self.record(vec![entry]).await
    }

    /// `N` bytes that nobody can foresee.
    pub(super) fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.entropy.fill(&mut bytes);
        bytes
    }

    pub(super) fn clock(&self) -> Arc<dyn Clock> {
        self.clock.clone()
    }

    pub(super) fn keys(&self) -> &Keys {
        &self.keys
    }

    pub(super) fn membership(&self) -> &Membership {
        &self.membership
    }

    pub(super) fn inspection(&self) -> &Settings {
        &self.inspection
    }

    pub(super) fn spool(&self) -> &Spool {
        &self.spool
    }

    /// The name under which this process claims exchanges.
    pub(super) fn owner(&self) -> &str {
        &self.owner
    }

    pub(super) fn remembered(&self) -> MutexGuard<'_, BTreeMap<Digest, Vec<OfficerCertificate>>> {
        // No code panics while it holds the lock; were it poisoned, the map would still be whole.
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The ledger's verifier key, as partners are given it.
    pub(super) fn ledger_key(&self) -> String {
        // INVARIANT: the store was opened with this key, which it accepts only as Ed25519.
        LedgerKey::new(Origin::of_node(&self.config.node.name), self.keys.ledger.public().clone())
            .map_or_else(|_| String::new(), |key| key.to_string())
    }

    /// Whether the clock stands behind what is on record: then nothing is released.
    pub(super) async fn clock_in_doubt(&self) -> Result<bool, GatewayError> {
        let high = self.store.node().await?.clock_high;
        Ok(high > self.now().plus(CLOCK_SLACK))
    }

    /// Commits changes with the ledger entries that record them.
    pub(super) async fn commit(&self, changes: Changes, entries: Vec<Entry>) -> Result<(), GatewayError> {
        self.commit_for_head(changes, entries).await.map(|_| ())
    }

    /// Commits, and gives the checkpoint that covers it.
    pub(super) async fn commit_for_head(
        &self,
        changes: Changes,
        entries: Vec<Entry>,
    ) -> Result<SignedCheckpoint, GatewayError> {
        let commit = changes.into_iter().fold(Commit::new(), Commit::change);
        let commit = entries.into_iter().fold(commit, Commit::entry);
        Ok(self.store.commit(commit).await?.head)
    }

    /// Puts entries on record that change no row.
    pub(super) async fn record(&self, entries: Vec<Entry>) -> Result<(), GatewayError> {
        self.commit(Vec::new(), entries).await
    }

    pub(super) async fn request_row(&self, id: &RequestId) -> Result<Request, GatewayError> {
        let row = self.store.request(id).await?;
        row.ok_or_else(|| GatewayError::Unknown(format!("no request `{id}` is on record")))
    }

    pub(super) async fn open_requests(&self) -> Result<Vec<Request>, GatewayError> {
        let filter = RequestFilter { states: [RequestState::Open].into(), limit: u32::MAX, ..RequestFilter::default() };
        Ok(self.store.requests(&filter).await?)
    }

    pub(super) async fn exchanges_of(&self, request: &RequestId) -> Result<Vec<Exchange>, GatewayError> {
        let filter = ExchangeFilter { request: Some(*request), limit: u32::MAX, ..ExchangeFilter::default() };
        Ok(self.store.exchanges(&filter).await?)
    }

    /// A whole file of the spool that may be at most `bytes_max` long.
    pub(super) async fn spooled(&self, id: SpoolId, bytes_max: u64) -> Result<Vec<u8>, GatewayError> {
        let mut reader = self.spool.read(id).await.map_err(GatewayError::trouble)?;
        let size = reader.size();
        if size > bytes_max {
            return Err(GatewayError::Trouble(format!(
                "spool file `{id}` has {size} bytes, expected at most {bytes_max}"
            )));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
        while (bytes.len() as u64) < size {
            let next = reader.read_at(bytes.len() as u64, 1 << 20).await.map_err(GatewayError::trouble)?;
            if next.is_empty() {
                break;
            }
            bytes.extend_from_slice(&next);
        }
        Ok(bytes)
    }

    /// The product of a request, decrypted and read again with the register in force.
    pub(super) async fn product_of(&self, request: &Request) -> Result<Product, GatewayError> {
        let lost = |what: &str| GatewayError::Trouble(format!("product of request `{}` {what}", request.id));
        let id = request.product.ok_or_else(|| lost("is not kept any more"))?;
        // Storage encryption adds a header and a sixteen-byte tag to every 64 KiB.
        let most = self.config.limits.product_bytes + self.config.limits.product_bytes / 1024 + 4096;
        let kept = self.spooled(id, most).await.map_err(|e| lost(&format!("cannot be fetched: {e}")))?;
        let bytes = self
            .keys
            .storage
            .fetch(&kept, self.bounds().bytes_max)
            .map_err(|e| lost(&format!("does not open: {e}")))?;
        if crate::digest::Digest::of(&bytes) != request.product_digest {
            return Err(lost("is not the one that was submitted"));
        }
        Product::read(&bytes, self.bounds(), &self.register).map_err(|faults| {
            let first = faults.first().map_or_else(String::new, ToString::to_string);
            lost(&format!("no longer reads under the register in force: {first}"))
        })
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

/// The texts of a policy folder, read and checked.
struct PolicyFolder {
    register: Register,
    membership: Membership,
    policies: Policies,
    words: Vec<WordList>,
}

impl PolicyFolder {
    fn read(folder: &Path) -> Result<PolicyFolder, GatewayError> {
        let text = |name: &str| certificates::read(&folder.join(name));
        let register = RegisterTexts::read(folder)?;
        let files = register.files();
        let loaded = Register::load(&files).map_err(|faults| all(&folder.join("register"), &faults))?;
        let membership = Membership::parse(files.countries, files.tetragraphs)
            .map_err(|e| GatewayError::Trouble(format!("`{}`: {e}", folder.join("register").display())))?;
        let policies = Policies::load(&text("schema.cedarschema")?, &text("release.cedar")?)
            .map_err(|e| GatewayError::Trouble(format!("`{}`: {e}", folder.join("release.cedar").display())))?;
        Ok(PolicyFolder { register: loaded, membership, policies, words: word_lists(&folder.join("words"))? })
    }
}

/// The register's files as texts.
struct RegisterTexts {
    texts: BTreeMap<&'static str, String>,
    overlay: Option<String>,
}

impl RegisterTexts {
    fn read(folder: &Path) -> Result<RegisterTexts, GatewayError> {
        let mut texts = BTreeMap::new();
        let folder = folder.join("register");
        for name in RegisterFiles::NAMES {
            texts.insert(name, certificates::read(&folder.join(name))?);
        }
        // Changes of membership that widen release are in force only where an operator has put the file there.
        let overlay = folder.join("overlay.json");
        let overlay = if overlay.exists() { Some(certificates::read(&overlay)?) } else { None };
        Ok(RegisterTexts { texts, overlay })
    }

    fn files(&self) -> RegisterFiles<'_> {
        RegisterFiles::from_named(|name| self.texts.get(name).map_or("", String::as_str), self.overlay.as_deref())
    }
}

/// Every word list in a folder, in the order of the files' names. A list that does not read stops the node: a missing
/// filter is a refusal, not a gap.
fn word_lists(folder: &Path) -> Result<Vec<WordList>, GatewayError> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let unreadable = |e: std::io::Error| GatewayError::Trouble(format!("`{}` cannot be read: {e}", folder.display()));
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .and_then(|entries| entries.map(|e| Ok(e?.path())).collect::<Result<Vec<_>, _>>())
        .map_err(unreadable)?;
    files.retain(|f| f.extension().is_some_and(|e| e == "txt"));
    files.sort();
    files
        .iter()
        .map(|file| {
            let text = certificates::read(file)?;
            text.parse().map_err(|e| GatewayError::Trouble(format!("`{}`: {e}", file.display())))
        })
        .collect()
}

fn all<E: std::fmt::Display>(place: &Path, faults: &[E]) -> GatewayError {
    let faults: Vec<String> = faults.iter().map(|f| format!("`{}`: {f}", place.display())).collect();
    GatewayError::Trouble(faults.join("\n"))
}
