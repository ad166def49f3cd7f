//! Files of the spool that were set aside because no row needed them: shown, put back, or removed for good.

use serde::Serialize;

use super::{GatewayError, Node};
use crate::ledger::{Entry, EntryKind};
use crate::store::{Lost, SpoolId, is_needed};
use crate::time::Time;

/// One file that was set aside.
#[derive(Clone, Debug, Serialize)]
pub struct LostView {
    /// Its name, by which it is put back or removed.
    pub name: String,
    /// The exchange or request that it belonged to.
    pub subject: String,
    /// Whether it was finished.
    pub whole: bool,
    /// Its size in bytes.
    pub bytes: u64,
    /// When it was set aside; nothing if its note is gone.
    pub found: Option<String>,
    /// Why it was set aside.
    pub why: Option<String>,
    /// Its SHA-256, if it was noted.
    pub sha256: Option<String>,
    /// Whether what is on record now needs it.
    pub needed: bool,
}

impl Node {
    /// Everything that was set aside, by name.
    ///
    /// # Errors
    /// [`GatewayError`] if spool or store cannot be read.
    pub async fn lost(&self) -> Result<Vec<LostView>, GatewayError> {
        let mut views = Vec::new();
        for lost in self.spool().lost().await.map_err(|e| self.spool_trouble(&e))? {
            views.push(self.lost_view(lost).await?);
        }
        Ok(views)
    }

    /// Puts a file that was set aside back where it was, once that is on record. The next start sets it aside again if no
    /// row needs it.
    ///
    /// # Errors
    /// [`GatewayError::Unknown`] if there is none of that name; [`GatewayError::Refused`] if something is in its place.
    pub async fn restore_lost(&self, name: &str) -> Result<LostView, GatewayError> {
        let lost = self.lost_named(name).await?;
        if self.spool().has_any(lost.id) {
            return Err(GatewayError::refused(format!(
                "`{name}` was not put back: something else is in its place; see `status {}`",
                subject(lost.id)
            )));
        }
        let view = self.lost_view(lost.clone()).await?;
        self.record(vec![self.of_lost(EntryKind::SpoolRestored, &lost, "operator")]).await?;
        self.spool().restore(&lost).await.map_err(|e| self.spool_trouble(&e))?;
        tracing::warn!(file = name, "put back into the spool");
        Ok(view)
    }

    /// Removes a file that was set aside for good. That is on record before it is done.
    ///
    /// # Errors
    /// [`GatewayError::Unknown`] if there is none of that name; [`GatewayError::Refused`] if a row needs it.
    pub async fn drop_lost(&self, name: &str) -> Result<LostView, GatewayError> {
        let lost = self.lost_named(name).await?;
        let view = self.lost_view(lost.clone()).await?;
        if view.needed {
            return Err(GatewayError::refused(format!(
                "`{name}` is not removed: `{}` needs it as it is on record now; put it back with `store lost restore {name}`",
                view.subject
            )));
        }
        self.remove_lost(&lost, "operator", "told to").await?;
        Ok(view)
    }

    /// Removes a file that was set aside, once that is on record.
    pub(super) async fn remove_lost(&self, lost: &Lost, by: &str, why: &str) -> Result<(), GatewayError> {
        self.record(vec![self.of_lost(EntryKind::SpoolRemoved, lost, by).with("why", why)]).await?;
        self.spool().drop_lost(lost).await.map_err(|e| self.spool_trouble(&e))
    }

    fn of_lost(&self, kind: EntryKind, lost: &Lost, by: &str) -> Entry {
        let entry =
            Entry::new(self.now(), kind, subject(lost.id), by).with("file", &lost.name).with("bytes", lost.size);
        match lost.note.as_ref().and_then(|note| note.sha256.as_ref()) {
            Some(sha256) => entry.with("sha256", sha256),
            None => entry,
        }
    }

    async fn lost_named(&self, name: &str) -> Result<Lost, GatewayError> {
        let lost = self.spool().lost().await.map_err(|e| self.spool_trouble(&e))?;
        lost.into_iter().find(|lost| lost.name == name).ok_or_else(|| {
            GatewayError::Unknown(format!("nothing of the name `{name}` was set aside: see `store lost list`"))
        })
    }

    async fn lost_view(&self, lost: Lost) -> Result<LostView, GatewayError> {
        let needed = self.needs_lost(&lost).await?;
        let note = lost.note;
        Ok(LostView {
            subject: subject(lost.id),
            name: lost.name,
            whole: lost.whole,
            bytes: lost.size,
            found: note.as_ref().map(|note| Time::from_unix_ms(note.found_ms).to_string()),
            why: note.as_ref().map(|note| note.why.clone()),
            sha256: note.and_then(|note| note.sha256),
            needed,
        })
    }

    /// Whether what is on record now needs a file that was set aside, which it did not when that was done.
    pub(super) async fn needs_lost(&self, lost: &Lost) -> Result<bool, GatewayError> {
        // Where something is in its place, that is what is needed.
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
