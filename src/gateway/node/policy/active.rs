//! Which policy and agreements are in force according to store and ledger, and whether the files on disk agree.

use std::collections::BTreeMap;

use super::rules::{self, Rules};
use crate::change::{PartName, PolicyTexts, Proposal};
use crate::config::{Config, FilterProgram};
use crate::digest::Digest;
use crate::filter_process;
use crate::gateway::node::policy::checks;
use crate::gateway::{GatewayError, Node};
use crate::ident::NodeId;
use crate::ledger::{Entry, EntryKind};
use crate::rebuild::{Kind, Task};
use crate::store::{Commit, Setting, Store, StoreError, Version};
use crate::system::io_reason;
use crate::time::Time;

/// The setting that holds the texts in force. Releases are bound to its value.
pub(in crate::gateway) const TEXTS: &str = "policy.texts";
/// The setting that holds the number of the last change, in decimal.
pub(in crate::gateway) const SERIAL: &str = "policy.serial";

/// The setting that holds a change with its signatures; number 0 is the founding.
pub(in crate::gateway) fn change_name(serial: u64) -> String {
    format!("change.{serial}")
}

/// The policy texts in force; `None` if none were ever recorded.
///
/// # Errors
/// [`GatewayError::Local`] if the texts differ from those that the ledger recorded last.
pub(in crate::gateway) async fn texts(store: &dyn Store) -> Result<Option<PolicyTexts>, GatewayError> {
    let row = altered_texts(store.setting(TEXTS).await)?;
    row.map(|row| PolicyTexts::from_bytes(&row.value).map_err(GatewayError::trouble)).transpose()
}

fn altered_texts(row: Result<Option<Setting>, StoreError>) -> Result<Option<Setting>, GatewayError> {
    match row {
        Err(StoreError::Altered { .. }) => Err(GatewayError::Local(
            "the policy in the store is not the one that the ledger recorded last: the database was altered; nothing is \
             decided under it. Run `ledger verify`, and restore the store from a backup"
                .into(),
        )),
        row => Ok(row?),
    }
}

/// Checks that the texts in the store are the recorded ones, without parsing them.
///
/// # Errors
/// As [`texts`].
pub(in crate::gateway) async fn verify_texts(store: &dyn Store) -> Result<(), GatewayError> {
    altered_texts(store.setting(TEXTS).await).map(drop)
}

/// Records the texts of the policy folder as the first policy of a new store.
pub(in crate::gateway) async fn begin(
    store: &dyn Store,
    config: &Config,
    now: Time,
) -> Result<PolicyTexts, GatewayError> {
    if store.head().await?.size() != 0 {
        return Err(GatewayError::Local(
            "the store has no policy on record, and is not new: it was made by an earlier version; create the node again \
             with `init` and enrol partners and officers again"
                .into(),
        ));
    }
    let loaded = Rules::load(rules::read_folder(&config.policy.folder)?)?;
    checks::check(&loaded)?;
    match record_first(store, &config.node.name, &loaded, now).await {
        Ok(()) => Ok(loaded.texts),
        // Another process opened the new node at the same moment; its texts are the first on record.
        Err(GatewayError::Store(StoreError::Conflict { .. })) => texts_on_record(store).await,
        Err(error) => Err(error),
    }
}

/// Records a policy in a store that has none.
pub(in crate::gateway) async fn record_first(
    store: &dyn Store,
    name: &NodeId,
    first: &Rules,
    now: Time,
) -> Result<(), GatewayError> {
    let setting =
        |name: &str, value: Vec<u8>| Setting { name: name.to_owned(), value, changed: now, version: Version::NEW };
    let commit = Commit::new()
        .entry(
            Entry::new(now, EntryKind::NodeCreated, name, "operator")
                .with("policy", first.policies.digest())
                .with("register", hex::encode(first.register.digest())),
        )
        .change(setting(TEXTS, first.texts.to_bytes()))
        .entry(Entry::new(now, EntryKind::PolicyChanged, TEXTS, name).with("after", first.digest).with("serial", 0))
        .change(setting(SERIAL, b"0".to_vec()))
        .entry(Entry::new(now, EntryKind::PolicyChanged, SERIAL, name).with("serial", 0));
    store.commit(commit).await?;
    Ok(())
}

async fn texts_on_record(store: &dyn Store) -> Result<PolicyTexts, GatewayError> {
    texts(store).await?.ok_or_else(|| GatewayError::Local("the first policy was not recorded".into()))
}

impl Node {
    /// The number of the last change of policy or agreements; 0 for the first policy.
    ///
    /// # Errors
    /// [`GatewayError`] if the store cannot be read.
    pub async fn change_serial(&self) -> Result<u64, GatewayError> {
        Ok(self.serial_row().await?.1)
    }

    /// The setting with the number of the last change, and that number.
    pub(in crate::gateway) async fn serial_row(&self) -> Result<(Setting, u64), GatewayError> {
        let damaged = || GatewayError::Local("the recorded number of the last change is malformed".into());
        let row = self.store().setting(SERIAL).await?.ok_or_else(damaged)?;
        let serial = std::str::from_utf8(&row.value).ok().and_then(|text| text.parse().ok()).ok_or_else(damaged)?;
        Ok((row, serial))
    }

    /// Names of the texts in the policy folder that differ from those in force; empty if all agree.
    ///
    /// # Errors
    /// [`GatewayError`] if the folder is not a valid policy.
    pub fn edited_texts(&self) -> Result<Vec<String>, GatewayError> {
        Ok(rules::differing(&rules::files(&self.config().policy.folder)?, self.policy_texts()))
    }

    /// Restores the texts in force to the policy folder; edited files are kept beside them as `*.edited`. Returns the
    /// names of the texts that differed.
    ///
    /// # Errors
    /// [`GatewayError`] if the folder cannot be read or written.
    pub fn restore_texts(&self) -> Result<Vec<String>, GatewayError> {
        let folder = &self.config().policy.folder;
        rules::write_folder(folder, self.policy_texts(), true)
    }

    /// Fails if texts in the policy folder were edited, and logs which rows of the database were altered. Finishes a
    /// change that was interrupted first.
    pub(in crate::gateway) async fn check_in_force(&self) -> Result<(), GatewayError> {
        let folder = &self.config().policy.folder;
        let remedy = "to keep the edit, `change propose` it and have two officers sign; to drop it, `policy restore`";
        let edited = self.edited_texts()?;
        if !edited.is_empty() {
            if self.was_interrupted(&edited, &rules::files(folder)?).await? {
                // The change is recorded; only writing the files was interrupted.
                rules::write_folder(folder, self.policy_texts(), false)?;
                tracing::info!(texts = edited.join(", "), "finished writing the policy folder after an interruption");
            } else {
                let edited = edited.join("`, `");
                return Err(GatewayError::Refused(format!(
                    "`{edited}` in the policy folder is not what is in force: it was not signed, and the node does \
                     not start; {remedy}"
                )));
            }
        }
        self.check_filter()?;
        // An altered row is reported and not trusted; it blocks nothing else. Rows that wait are checked by the
        // damage scan and whenever they are read, so a start need not go through all of them.
        self.proved().compare_enrolled().await?;
        Ok(())
    }

    /// Whether every differing text in the folder is the one before the last change of the texts: then writing that
    /// change was interrupted, and nobody has edited anything.
    async fn was_interrupted(&self, edited: &[String], found: &BTreeMap<String, String>) -> Result<bool, GatewayError> {
        let entries = self.store().entries_about(TEXTS).await?;
        let serial = entries.last().and_then(|last| last.entry.detail().get("serial")?.parse().ok());
        let Some(serial) = serial else { return Ok(false) };
        let Some(change) = self.store().setting(&change_name(serial)).await? else { return Ok(false) };
        let change = std::str::from_utf8(&change.value).ok().and_then(|json| Proposal::parse(json).ok());
        let Some(change) = change else { return Ok(false) };
        Ok(edited.iter().all(|name| {
            let part = change.set.part(&PartName::Policy(name.clone()));
            part.is_some_and(|part| part.before == found.get(name).map(|text| Digest::of(text.as_bytes())))
        }))
    }

    /// Fails if the filter program is not the one that was signed for. It is compared again at each start of a
    /// filter; this reports a mismatch early and to the right person.
    fn check_filter(&self) -> Result<(), GatewayError> {
        let Some(program) = self.filter_program() else { return Ok(()) };
        let FilterProgram { file, sha256 } = program;
        let found = digest_of(program)?;
        if found != *sha256 {
            return Err(GatewayError::Refused(format!(
                "filter program `{}` has SHA-256 {found}, and is not the one that two officers signed for ({sha256}): the \
                 node does not start; restore that one, or propose `inspection.toml` with this one",
                file.display()
            )));
        }
        Ok(())
    }

    /// What keeps filter processes from working on this machine, so that every file in a foreign format is refused,
    /// and whether they may use more memory than there is. Reported when the program starts.
    pub fn filter_troubles(&self) -> Vec<String> {
        let (at_once, memory_bytes) = self.filter_room();
        let answer = self.inspection().rebuilder.work(Task::Rebuild, Kind::Json, b"[]");
        let silent = answer.err().map(|fault| format!("every file in a foreign format is refused: {fault}"));
        silent.into_iter().chain(filter_process::memory_shortfall(memory_bytes, at_once)).collect()
    }
}

/// Fails, before anybody signs for it, if a filter program is missing or its digest differs: the node would not
/// start.
pub(in crate::gateway) fn check_program(program: &FilterProgram) -> Result<(), GatewayError> {
    let found = digest_of(program)?;
    if found == program.sha256 {
        return Ok(());
    }
    Err(GatewayError::refused(format!(
        "`filter_program`: `{}` has SHA-256 {found}, and `inspection.toml` says {}: the node would not start; check that it \
         is the intended program, and correct its digest",
        program.file.display(),
        program.sha256
    )))
}

fn digest_of(program: &FilterProgram) -> Result<Digest, GatewayError> {
    let found = std::fs::File::open(&program.file).and_then(filter_process::digest_of);
    found.map_err(|e| GatewayError::Local(format!("`{}` cannot be read: {}", program.file.display(), io_reason(&e))))
}
