//! Compares the store and the spool with every checkpoint of our own ledger that is known outside the store, before
//! anything is decided: the files that hold the last checkpoint, and those that hold checkpoints that partners
//! showed.
//!
//! A node whose ledger does not provably extend each of them works on an older copy, or on another node's store. It
//! is stopped: the record can be read; nothing is recorded, sent, received or moved. Since the files stay, this lasts
//! until the newest copy is restored or two officers accept the loss.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::change::{CheckpointPlace, LostCheckpoints, MissingCheckpoint};
use crate::config::{Config, read_file};
use crate::gateway::node::checkpoints::accepted::{accepted_losses, lost};
use crate::gateway::node::files::replace;
use crate::gateway::{GatewayError, Node};
use crate::ident::PartnerId;
use crate::ledger::{Entry, EntryKind, LedgerKey, Origin, SignedCheckpoint};
use crate::sign::{PublicKey, Signer as _};
use crate::store::{CheckpointFiles, Commit, FoundCheckpoints, ProvedStore, Setting, Store, StoreError, Version};
use crate::system::{SystemClock, io_reason};
use crate::time::Time;

/// Maximum length of a file with a checkpoint that a partner showed, in bytes.
const HEAD_BYTES_MAX: u64 = 64 << 10;

/// The setting that records that the checkpoint files were created: from then on they must exist.
const KEPT: &str = "heads";

/// The checkpoints of our own ledger found outside a store when it was opened.
pub(in crate::gateway) struct ExternalCheckpoints {
    found: Vec<FoundCheckpoints>,
    shown: Vec<(PathBuf, PartnerId, Option<SignedCheckpoint>)>,
}

/// The reasons why a node is stopped.
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

/// The remedy for checkpoints that our ledger does not extend.
pub(in crate::gateway) fn remedy(arguments: &[String]) -> String {
    let back =
        "stop every process of the node and restore the newest copy of database and spool, or mount their volumes";
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

/// Reads the checkpoints outside a store, before the store's own checkpoint is read.
pub(in crate::gateway) fn read_external(
    config: &Config,
    heads: &CheckpointFiles,
) -> Result<ExternalCheckpoints, GatewayError> {
    let folder = shown_folder(config);
    let trouble =
        |e: std::io::Error| GatewayError::Local(format!("`{}` cannot be read: {}", folder.display(), io_reason(&e)));
    let mut shown = Vec::new();
    let files = match std::fs::read_dir(&folder) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        files => files.and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(trouble)?,
    };
    for file in files.iter().map(std::fs::DirEntry::path) {
        let named = file.file_name().and_then(|name| name.to_str()?.strip_suffix(".head")?.rsplit_once('-'));
        let Some(partner) = named.and_then(|(partner, _)| partner.parse().ok()) else { continue };
        let bytes = read_file(&file, HEAD_BYTES_MAX).map_err(trouble)?;
        shown.push((file, partner, heads.parse(&bytes).pop()));
    }
    Ok(ExternalCheckpoints { found: read(heads)?, shown })
}

/// The node's own checkpoints, from the files that exist.
fn read(heads: &CheckpointFiles) -> Result<Vec<FoundCheckpoints>, GatewayError> {
    heads.read().map_err(|(file, e)| {
        let file = file.display();
        GatewayError::Local(format!(
            "`{file}` cannot be read: {e}; without it, it is unknown whether the store is the newest copy: make it readable, or \
             move it away if it is lost"
        ))
    })
}

/// How the store that `config` describes differs from the checkpoints beside it; `None` if it extends all of them.
///
/// # Errors
/// [`GatewayError`] if the store, its files or its key cannot be read.
pub(in crate::gateway) async fn differing(
    config: &Config,
    store: Arc<dyn Store>,
) -> Result<Option<String>, GatewayError> {
    let signer = config.keys.signer("ledger").map_err(GatewayError::trouble)?;
    let heads = checkpoint_files(config, signer.public())?;
    let external = read_external(config, &heads)?;
    let store = ProvedStore::new(store, Arc::new(SystemClock)).with_checkpoint_files(Arc::new(heads));
    stop_unless_extending(config, &store, external).await?;
    Ok(store.stopped().map(str::to_owned))
}

/// Stops `store` unless its ledger extends every checkpoint beside it or officers accepted the loss. Creates the
/// checkpoint files of a new store.
pub(in crate::gateway) async fn stop_unless_extending(
    config: &Config,
    store: &ProvedStore,
    external: ExternalCheckpoints,
) -> Result<(), GatewayError> {
    let Some(heads) = store.checkpoint_files() else { return Ok(()) };
    let ours = store.head().await?;
    // An altered row is reported when it is needed; here it accepts nothing.
    let accepted = accepted_losses(store).await.unwrap_or_default();
    let made = are_recorded(store).await?;
    let own = PartnerId::from(config.node.name.clone());
    let mut reasons = Reasons::default();
    let mut absent = Vec::new();
    for FoundCheckpoints { place, path, absent: none, heads: found } in external.found {
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
                heads.accept_loss(head);
            } else if !extends(store, &ours, head).await? {
                behind.push(head);
            }
        }
        if let Some(head) = behind.iter().max_by_key(|head| head.size()) {
            reasons.what.push(not_extended_message(&format!("`{}`", path.display()), head, &ours));
            reasons.arguments.push(format!("--head {own}={}", path.display()));
        }
    }
    for (file, partner, head) in external.shown {
        let Some(head) = head else {
            reasons.what.push(format!(
                "`{}` is damaged, or another node's: move it away, and `{partner}` sends it again at the next link",
                file.display()
            ));
            continue;
        };
        if !accepted.accepts(&lost(&partner, &head)) && !extends(store, &ours, &head).await? {
            reasons.what.push(not_extended_message(&format!("partner `{partner}`"), &head, &ours));
            reasons.arguments.push(format!("--head {partner}={}", file.display()));
        }
    }
    if let Some(why) = reasons.why() {
        tracing::error!(why, "the node is stopped: the record can be read, nothing is decided or recorded");
        store.stop(why);
        return Ok(());
    }
    for place in absent {
        if let Err(error) = heads.create(place, &ours) {
            // A store that is only read, such as a copy, needs none.
            tracing::warn!(place = %place, error = %error, "the checkpoint file cannot be created");
        }
    }
    Ok(())
}

/// Records that the files exist, once they do: from then on a missing one stops the node.
pub(in crate::gateway) async fn record_files_created(store: &ProvedStore, now: Time) -> Result<(), GatewayError> {
    let Some(heads) = store.checkpoint_files() else { return Ok(()) };
    if store.stopped().is_some() || are_recorded(store).await? || read(heads)?.iter().any(|found| found.heads.is_err())
    {
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

async fn are_recorded(store: &ProvedStore) -> Result<bool, GatewayError> {
    match store.setting(KEPT).await {
        Ok(row) => Ok(row.is_some()),
        Err(StoreError::Altered { .. }) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// Whether our ledger at `ours` provably extends `head`.
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

/// The message for a checkpoint that our ledger does not extend.
pub(in crate::gateway) fn not_extended_message(who: &str, head: &SignedCheckpoint, ours: &SignedCheckpoint) -> String {
    let (theirs, ours) = (head.size(), ours.size());
    if theirs > ours {
        format!(
            "{who} holds a checkpoint of our ledger with {theirs} entries, the ledger has {ours}: the store is an older copy"
        )
    } else {
        format!(
            "{who} holds a checkpoint with {theirs} entries that our ledger does not extend: the store was an older copy"
        )
    }
}

/// The folder of checkpoints that partners showed and that our ledger does not extend.
fn shown_folder(config: &Config) -> PathBuf {
    config.store.database.with_file_name("heads")
}

/// Writes a checkpoint that a partner showed to a file, since nothing is added to the store any more. Returns the
/// file.
pub(in crate::gateway) fn save_shown(
    config: &Config,
    partner: &PartnerId,
    head: &SignedCheckpoint,
) -> Result<PathBuf, GatewayError> {
    let folder = shown_folder(config);
    std::fs::create_dir_all(&folder)
        .and_then(|()| std::fs::File::open(folder.parent().unwrap_or(Path::new(".")))?.sync_all())
        .map_err(|e| GatewayError::Local(format!("cannot create `{}`: {e}", folder.display())))?;
    let file = folder.join(format!("{partner}-{}.head", head.size()));
    replace(&file, head.as_str().as_bytes(), 0o600)?;
    Ok(file)
}

impl Node {
    /// Why the node is stopped, if it is: its ledger does not extend a known checkpoint.
    pub fn stopped_because(&self) -> Option<&str> {
        self.proved().stopped()
    }

    /// Fails if the node is stopped.
    ///
    /// # Errors
    /// [`StoreError::Stopped`].
    pub(in crate::gateway) fn must_not_be_stopped(&self) -> Result<(), GatewayError> {
        match self.stopped_because() {
            Some(why) => Err(StoreError::Stopped { why: why.to_owned() }.into()),
            None => Ok(()),
        }
    }

    /// `all`, plus the missing or damaged checkpoint files in these places.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] if one of them exists and is intact.
    pub(in crate::gateway) fn with_lost_files(
        &self,
        mut all: LostCheckpoints,
        places: impl IntoIterator<Item = CheckpointPlace>,
        ours: &SignedCheckpoint,
    ) -> Result<LostCheckpoints, GatewayError> {
        let found = self.proved().checkpoint_files().map(read).transpose()?.unwrap_or_default();
        for place in places {
            if let Some(found) = found.iter().find(|found| found.place == place && found.heads.is_ok()) {
                let file = found.path.display();
                return Err(GatewayError::refused(format!("`{file}` exists and is intact: nothing is missing")));
            }
            let missing = MissingCheckpoint { place, entries: ours.size(), root: ours.root() };
            all = all.with_missing(missing).ok_or_else(|| {
                GatewayError::refused(format!("the loss of the checkpoint file in the {place} was accepted already"))
            })?;
        }
        Ok(all)
    }

    /// Recreates the checkpoint files whose loss is accepted now and was not in `before`.
    pub(in crate::gateway) async fn recreate_lost_files(&self, before: &LostCheckpoints) -> Result<(), GatewayError> {
        let Some(heads) = self.proved().checkpoint_files() else { return Ok(()) };
        let ours = self.store().head().await?;
        for place in accepted_losses(&**self.store()).await?.restored_since(before) {
            heads
                .create(place, &ours)
                .map_err(|e| GatewayError::Local(format!("cannot create the checkpoint file in the {place}: {e}")))?;
        }
        Ok(())
    }
}
