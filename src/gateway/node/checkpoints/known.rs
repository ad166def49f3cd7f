//! The store and the spool, held against every head of our own ledger that is known beside them, before anything is decided:
//! the files in which the last head is kept, and those in which heads are that partners showed.
//!
//! A node whose ledger does not extend one of them, by proof, is not what it was: an older copy, or another's. It is stopped:
//! what is on record can be read, nothing is recorded, sent, received or moved. That lasts, since the files stay, until the
//! newest copy is put back or two officers accept the loss.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::change::{HeadPlace, LostHeads, MissingHead};
use crate::config::{Config, read_file};
use crate::gateway::node::checkpoints::accepted::{accepted_losses, lost};
use crate::gateway::node::files::replace;
use crate::gateway::{GatewayError, Node};
use crate::ident::PartnerId;
use crate::ledger::{Entry, EntryKind, LedgerKey, Origin, SignedCheckpoint};
use crate::sign::{PublicKey, Signer as _};
use crate::store::{CheckpointFiles, Commit, FoundCheckpoints, ProvedStore, Setting, Store, StoreError, Version};
use crate::system::SystemClock;
use crate::time::Time;

/// A file with a head that a partner showed is not longer than this.
const HEAD_BYTES_MAX: u64 = 64 << 10;

/// The setting that says that the files are made: from then on they must be there.
const KEPT: &str = "heads";

/// What lay beside a store when it was opened.
pub(in crate::gateway) struct Beside {
    found: Vec<FoundCheckpoints>,
    shown: Vec<(PathBuf, PartnerId, Option<SignedCheckpoint>)>,
}

/// Why a node is stopped, gathered.
#[derive(Default)]
struct Reasons {
    what: Vec<String>,
    arguments: Vec<String>,
}

impl Reasons {
    fn why(self) -> Option<String> {
        (!self.what.is_empty()).then(|| format!("{}; {}", self.what.join("; and "), remedy(&self.arguments)))
    }
}

/// What to do about heads that our ledger does not extend.
pub(in crate::gateway) fn remedy(arguments: &[String]) -> String {
    let back =
        "stop every process of the node and put the newest copy of database and spool back, or mount their volumes";
    if arguments.is_empty() {
        return back.to_owned();
    }
    format!(
        "{back}; or, if there is none, have two officers accept the loss: `portcullis ledger resume {} --out change.json`",
        arguments.join(" ")
    )
}

/// The files of the node that `config` describes, whose ledger has the key `public`.
pub(in crate::gateway) fn checkpoint_files(
    config: &Config,
    public: &PublicKey,
) -> Result<CheckpointFiles, GatewayError> {
    let key = LedgerKey::new(Origin::of_node(&config.node.name), public.clone()).map_err(GatewayError::trouble)?;
    Ok(CheckpointFiles::of(&config.store.database, &config.store.spool, key))
}

/// Reads what lies beside a store, before the head of the store itself is read.
pub(in crate::gateway) fn beside(config: &Config, heads: &CheckpointFiles) -> Result<Beside, GatewayError> {
    let folder = shown_folder(config);
    let trouble = |e: std::io::Error| GatewayError::Trouble(format!("`{}` cannot be read: {e}", folder.display()));
    let mut shown = Vec::new();
    let files = match std::fs::read_dir(&folder) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        files => files.and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(trouble)?,
    };
    for file in files.iter().map(std::fs::DirEntry::path) {
        let named = file.file_name().and_then(|name| name.to_str()?.strip_suffix(".head")?.rsplit_once('-'));
        let Some(partner) = named.and_then(|(partner, _)| partner.parse().ok()) else { continue };
        let bytes = read_file(&file, HEAD_BYTES_MAX).map_err(trouble)?;
        shown.push((file, partner, heads.among(&bytes).pop()));
    }
    Ok(Beside { found: read(heads)?, shown })
}

/// The node's own heads, in the files that there are.
fn read(heads: &CheckpointFiles) -> Result<Vec<FoundCheckpoints>, GatewayError> {
    heads.read().map_err(|(file, e)| {
        let file = file.display();
        GatewayError::Trouble(format!(
            "`{file}` cannot be read: {e}; whether the store is the newest is not known until it can; move the file away if \
             it never will"
        ))
    })
}

/// What is wrong with the store that `config` describes, held against what lies beside it; `None` if it extends all of that.
///
/// # Errors
/// [`GatewayError`] if the store, its files or its key cannot be read.
pub(in crate::gateway) async fn differing(
    config: &Config,
    store: Arc<dyn Store>,
) -> Result<Option<String>, GatewayError> {
    let signer = config.keys.signer("ledger").map_err(GatewayError::trouble)?;
    let heads = checkpoint_files(config, signer.public())?;
    let beside = beside(config, &heads)?;
    let store = ProvedStore::over(store, Arc::new(SystemClock)).keeping(Arc::new(heads));
    hold(config, &store, beside).await?;
    Ok(store.stopped().map(str::to_owned))
}

/// Stops `store` unless its ledger extends everything that lies beside it, or it was accepted that it is lost; makes the
/// files of a store that has none yet.
pub(in crate::gateway) async fn hold(config: &Config, store: &ProvedStore, beside: Beside) -> Result<(), GatewayError> {
    let Some(heads) = store.heads() else { return Ok(()) };
    let ours = store.head().await?;
    // What was altered is said when it is needed; here it accepts nothing.
    let accepted = accepted_losses(store).await.unwrap_or_default();
    let made = are_made(store).await?;
    let own = PartnerId::from(config.node.name.clone());
    let mut reasons = Reasons::default();
    let mut absent = Vec::new();
    for FoundCheckpoints { place, path, absent: none, heads: found } in beside.found {
        let found = match found {
            Ok(found) => found,
            Err(_) if none && !made => {
                absent.push(place);
                continue;
            }
            Err(why) => {
                reasons.what.push(format!(
                    "`{}` {why}: it belongs to this store, so the {place} is another one, or its volume is not mounted",
                    path.display()
                ));
                reasons.arguments.push(format!("--without {place}"));
                continue;
            }
        };
        let mut behind = Vec::new();
        for head in &found {
            if accepted.accepts(&lost(&own, head)) {
                heads.accept(head);
            } else if !extends(store, &ours, head).await? {
                behind.push(head);
            }
        }
        if let Some(head) = behind.iter().max_by_key(|head| head.size()) {
            reasons.what.push(not_extended(&format!("`{}`", path.display()), head, &ours));
            reasons.arguments.push(format!("--head {own}={}", path.display()));
        }
    }
    for (file, partner, head) in beside.shown {
        let Some(head) = head else {
            reasons.what.push(format!(
                "`{}` is damaged, or another node's: move it away, and `{partner}` shows its head again at the next link",
                file.display()
            ));
            continue;
        };
        if !accepted.accepts(&lost(&partner, &head)) && !extends(store, &ours, &head).await? {
            reasons.what.push(not_extended(&format!("partner `{partner}`"), &head, &ours));
            reasons.arguments.push(format!("--head {partner}={}", file.display()));
        }
    }
    if let Some(why) = reasons.why() {
        tracing::error!(why, "the node is stopped: it can be read, and nothing is decided or recorded");
        store.stop(why);
        return Ok(());
    }
    for place in absent {
        if let Err(error) = heads.make(place, &ours) {
            // What is only read, as from a copy, needs none.
            tracing::warn!(place = %place, error = %error, "the file of the ledger's head cannot be made");
        }
    }
    Ok(())
}

/// Puts on record that the files are made, once they are: from then on one that is missing stops the node.
pub(in crate::gateway) async fn record_made(store: &ProvedStore, now: Time) -> Result<(), GatewayError> {
    let Some(heads) = store.heads() else { return Ok(()) };
    if store.stopped().is_some() || are_made(store).await? || read(heads)?.iter().any(|found| found.heads.is_err()) {
        return Ok(());
    }
    let setting = Setting { name: KEPT.to_owned(), value: b"kept\n".to_vec(), changed: now, version: Version::NEW };
    let entry = Entry::new(now, EntryKind::SettingChanged, KEPT, "gateway").with("heads", "kept");
    match store.commit(Commit::new().change(setting).entry(entry)).await {
        // Another process opened it at the same moment.
        Ok(_) | Err(StoreError::Conflict { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

async fn are_made(store: &ProvedStore) -> Result<bool, GatewayError> {
    match store.setting(KEPT).await {
        Ok(row) => Ok(row.is_some()),
        Err(StoreError::Altered { .. }) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// Whether our ledger with the head `ours` begins with the one that `head` is of, by proof.
pub(in crate::gateway) async fn extends(
    store: &dyn Store,
    ours: &SignedCheckpoint,
    head: &SignedCheckpoint,
) -> Result<bool, GatewayError> {
    if head.size() == 0 || head.size() > ours.size() {
        return Ok(head.size() == 0);
    }
    let proof = store.prove_consistency(head.size(), ours).await?;
    Ok(proof.check_consistency(head.size(), head.root(), ours.size(), ours.root()).is_ok())
}

/// How a head shows that the store is not what it was.
pub(in crate::gateway) fn not_extended(who: &str, head: &SignedCheckpoint, ours: &SignedCheckpoint) -> String {
    let (theirs, ours) = (head.size(), ours.size());
    if theirs > ours {
        format!("{who} holds a head of our ledger of {theirs} entries, and it has {ours}: the store is an older copy")
    } else {
        format!("{who} holds a head of {theirs} entries that our ledger does not extend: the store was an older copy")
    }
}

/// Where heads are kept that partners showed and that our ledger did not extend.
fn shown_folder(config: &Config) -> PathBuf {
    config.store.database.with_file_name("heads")
}

/// Keeps a head that a partner showed in a file, since nothing is added to the store any more. Gives the file.
pub(in crate::gateway) fn keep_shown(
    config: &Config,
    partner: &PartnerId,
    head: &SignedCheckpoint,
) -> Result<PathBuf, GatewayError> {
    let folder = shown_folder(config);
    std::fs::create_dir_all(&folder)
        .and_then(|()| std::fs::File::open(folder.parent().unwrap_or(Path::new(".")))?.sync_all())
        .map_err(|e| GatewayError::Trouble(format!("`{}` cannot be made: {e}", folder.display())))?;
    let file = folder.join(format!("{partner}-{}.head", head.size()));
    replace(&file, head.as_str().as_bytes(), 0o600)?;
    Ok(file)
}

impl Node {
    /// Why the node is stopped, if it is: its ledger does not extend a head of it that is known.
    pub fn stopped_because(&self) -> Option<&str> {
        self.proved().stopped()
    }

    /// Refuses to go on with a node that is stopped.
    ///
    /// # Errors
    /// [`StoreError::Stopped`].
    pub(in crate::gateway) fn must_not_be_stopped(&self) -> Result<(), GatewayError> {
        match self.stopped_because() {
            Some(why) => Err(StoreError::Stopped { why: why.to_owned() }.into()),
            None => Ok(()),
        }
    }

    /// `all`, and that the files of the last head in these places are missing or damaged.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] if one is there.
    pub(in crate::gateway) fn losing_files(
        &self,
        mut all: LostHeads,
        places: impl IntoIterator<Item = HeadPlace>,
        ours: &SignedCheckpoint,
    ) -> Result<LostHeads, GatewayError> {
        let found = self.proved().heads().map(read).transpose()?.unwrap_or_default();
        for place in places {
            if let Some(found) = found.iter().find(|found| found.place == place && found.heads.is_ok()) {
                let file = found.path.display();
                return Err(GatewayError::refused(format!("`{file}` is there and reads: nothing is missing")));
            }
            let missing = MissingHead { place, entries: ours.size(), root: ours.root() };
            all = all.with_missing(missing).ok_or_else(|| {
                GatewayError::refused(format!("it is accepted already that the head in the {place} is missing"))
            })?;
        }
        Ok(all)
    }

    /// Makes the files anew that it was accepted are missing, by what is on record now and was not `before`.
    pub(in crate::gateway) async fn make_lost_files(&self, before: &LostHeads) -> Result<(), GatewayError> {
        let Some(heads) = self.proved().heads() else { return Ok(()) };
        let ours = self.store().head().await?;
        for place in accepted_losses(&**self.store()).await?.anew_since(before) {
            heads.make(place, &ours).map_err(|e| {
                GatewayError::Trouble(format!("the file of the ledger's head in the {place} cannot be made: {e}"))
            })?;
        }
        Ok(())
    }
}
