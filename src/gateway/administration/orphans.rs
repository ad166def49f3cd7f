//! Spool files that were set aside because no row needed them: list, restore, or remove for good.

use std::time::Duration;

use crate::gateway::views::operator::OrphanView;
use crate::gateway::{GatewayError, Node};
use crate::ledger::{Entry, EntryKind};
use crate::store::{LostFile, SpoolId, is_needed, is_orphan};
use crate::time::Time;

/// Minimum retention time of an orphan.
const ORPHANS_KEPT: Duration = Duration::from_secs(30 * 86_400);

impl Node {
    /// Everything that was set aside, by name.
    ///
    /// # Errors
    /// [`GatewayError`] if spool or store cannot be read.
    pub async fn set_aside_files(&self) -> Result<Vec<OrphanView>, GatewayError> {
        let mut views = Vec::new();
        for lost in self.spool().lost().await.map_err(|e| self.spool_trouble(&e))? {
            views.push(self.lost_view(lost).await?);
        }
        Ok(views)
    }

    /// Restores a file that was set aside, after recording that. The next start sets it aside again if no row needs
    /// it.
    ///
    /// # Errors
    /// [`GatewayError::NotFound`] if there is none of that name; [`GatewayError::Refused`] if another file is in its
    /// place.
    pub async fn restore_lost(&self, name: &str) -> Result<OrphanView, GatewayError> {
        let lost = self.lost_named(name).await?;
        if self.spool().has_any(lost.id) {
            return Err(GatewayError::refused(format!(
                "`{name}` was not restored: another file is in its place; see `status {}`",
                subject(lost.id)
            )));
        }
        let view = self.lost_view(lost.clone()).await?;
        if view.damaged {
            return Err(GatewayError::refused(format!(
                "`{name}` was not restored: it does not match its note `{name}.json`; check the disk, and restore the file and its \
                 note back from a copy"
            )));
        }
        self.record(vec![self.of_lost(EntryKind::SpoolRestored, &lost, "operator")]).await?;
        self.spool().restore(&lost).await.map_err(|e| self.spool_trouble(&e))?;
        tracing::warn!(file = name, "restored to the spool");
        Ok(view)
    }

    /// Removes a file that was set aside for good, after recording that.
    ///
    /// # Errors
    /// [`GatewayError::NotFound`] if there is none of that name; [`GatewayError::Refused`] if a row needs it, or if it
    /// is an orphan within its retention time.
    pub async fn drop_lost(&self, name: &str) -> Result<OrphanView, GatewayError> {
        let lost = self.lost_named(name).await?;
        let view = self.lost_view(lost.clone()).await?;
        if view.needed {
            return Err(GatewayError::refused(format!(
                "`{name}` is not removed: `{}` needs it; restore it with `store lost restore {name}`",
                view.subject
            )));
        }
        if let Some(doubt) = self.clock_doubt().await?.filter(|_| view.orphan) {
            return Err(GatewayError::refused(format!("`{name}` is not removed while the clock is in doubt: {doubt}")));
        }
        if view.orphan && self.kept_until(&lost) > self.now() {
            return Err(GatewayError::refused(format!(
                "`{name}` is not removed before {}: it is complete, and no record refers to it. If the database is an older \
                 copy, the file was approved or received since: restore the newest copy",
                self.kept_until(&lost)
            )));
        }
        self.remove_lost(&lost, "operator", "told to").await?;
        Ok(view)
    }

    /// The alarm text for complete files whose exchange or request is not on record.
    pub(in crate::gateway) async fn orphans(&self) -> Result<Option<String>, GatewayError> {
        let mut orphans = Vec::new();
        for lost in self.spool().lost().await.map_err(|e| self.spool_trouble(&e))? {
            if self.is_orphan(&lost).await? {
                orphans.push(subject(lost.id));
            }
        }
        orphans.dedup();
        let Some(first) = orphans.first() else { return Ok(None) };
        let what = match orphans.len() {
            1 => format!("a request or exchange that is not on record (`{first}`)"),
            many => format!("{many} requests and exchanges that are not on record (`{first}` is one)"),
        };
        Ok(Some(format!(
            "the spool has complete files of {what}: a command was killed, or the database is an older copy. Compare what was \
             submitted and received last with `store lost list`; if something is missing, stop the node and restore the newest \
             copy"
        )))
    }

    /// Whether a file that was set aside is complete and its exchange or request is not on record.
    pub(in crate::gateway) async fn is_orphan(&self, lost: &LostFile) -> Result<bool, GatewayError> {
        Ok(lost.whole && is_orphan(&**self.store(), lost.id).await?)
    }

    /// Until when an orphan is kept, whatever the request and the configured time.
    pub(in crate::gateway) fn kept_until(&self, lost: &LostFile) -> Time {
        let found = lost.note.as_ref().map_or(lost.modified, |note| Time::from_unix_ms(note.found_ms));
        found.plus(self.retention().max(ORPHANS_KEPT))
    }

    /// Removes a file that was set aside, after recording that.
    pub(in crate::gateway) async fn remove_lost(
        &self,
        lost: &LostFile,
        by: &str,
        why: &str,
    ) -> Result<(), GatewayError> {
        self.record(vec![self.of_lost(EntryKind::SpoolRemoved, lost, by).with("why", why)]).await?;
        self.spool().drop_lost(lost).await.map_err(|e| self.spool_trouble(&e))
    }

    fn of_lost(&self, kind: EntryKind, lost: &LostFile, by: &str) -> Entry {
        let entry =
            Entry::new(self.now(), kind, subject(lost.id), by).with("file", &lost.name).with("bytes", lost.size);
        match lost.note.as_ref().and_then(|note| note.sha256.as_ref()) {
            Some(sha256) => entry.with("sha256", sha256),
            None => entry,
        }
    }

    async fn lost_named(&self, name: &str) -> Result<LostFile, GatewayError> {
        let lost = self.spool().lost().await.map_err(|e| self.spool_trouble(&e))?;
        lost.into_iter()
            .find(|lost| lost.name == name)
            .ok_or_else(|| GatewayError::NotFound(format!("no file `{name}` was set aside: see `store lost list`")))
    }

    async fn lost_view(&self, lost: LostFile) -> Result<OrphanView, GatewayError> {
        let needed = self.needs_lost(&lost).await?;
        let orphan = self.is_orphan(&lost).await?;
        let kept_until = orphan.then(|| self.kept_until(&lost).to_string());
        let damaged = !self.spool().is_as_noted(&lost).await.map_err(|e| self.spool_trouble(&e))?;
        let note = lost.note;
        Ok(OrphanView {
            subject: subject(lost.id),
            name: lost.name,
            whole: lost.whole,
            bytes: lost.size,
            found: note.as_ref().map(|note| Time::from_unix_ms(note.found_ms).to_string()),
            why: note.as_ref().map(|note| note.why.clone()),
            sha256: note.and_then(|note| note.sha256),
            damaged,
            needed,
            orphan,
            kept_until,
        })
    }

    /// Whether the current record needs a file that was set aside as unneeded.
    pub(in crate::gateway) async fn needs_lost(&self, lost: &LostFile) -> Result<bool, GatewayError> {
        // If another file is in its place, that one is needed.
        if !lost.whole || self.spool().has_any(lost.id) {
            return Ok(false);
        }
        Ok(is_needed(&**self.store(), lost.id).await?)
    }
}

/// The exchange or request that a file belongs to.
fn subject(id: SpoolId) -> String {
    match id {
        SpoolId::Product(request) | SpoolId::Attachment(request, _) => request.to_string(),
        SpoolId::Envelope(exchange) | SpoolId::Inbox(exchange) => exchange.to_string(),
    }
}
