//! Removes expired data while a node serves, never at a start: files set aside long ago, payloads of products taken
//! long ago, and unfinished transfers from partners.
//!
//! It refuses to remove anything newer than what a partner has confirmed of our ledger to this process, or while the
//! clock is in doubt: the store may be an older copy in which needed data looks unneeded. Unfinished payloads are
//! exempt, since nothing was received.

use std::time::Duration;

use crate::gateway::{GatewayError, Node};
use crate::ledger::{Entry, EntryKind};
use crate::store::{Change, Exchange, ExchangeState, SpoolId};
use crate::time::Time;

const DAY: Duration = Duration::from_secs(86_400);

impl Node {
    /// Removes what has been unneeded for the configured number of days. Each removal is recorded first.
    ///
    /// # Errors
    /// [`GatewayError`] if store or spool fails.
    pub async fn run_housekeeping(&self) -> Result<(), GatewayError> {
        if self.clock_doubt().await?.is_some() {
            return Ok(());
        }
        self.expire_unfinished().await?;
        let Some(confirmed) = self.confirmed() else { return Ok(()) };
        let before = self.now().minus(self.retention()).min(confirmed);
        for lost in self.spool().lost().await.map_err(|e| self.spool_trouble(&e))? {
            // A file without a note is left for a person to check.
            let old = lost.note.as_ref().is_some_and(|note| Time::from_unix_ms(note.found_ms) <= before);
            if !old || self.is_orphan(&lost).await? && self.kept_until(&lost) > self.now() {
                continue;
            }
            if !self.needs_lost(&lost).await? {
                self.remove_lost(&lost, "gateway", "set aside long ago").await?;
            }
        }
        self.remove_taken(before).await?;
        self.commit(vec![Change::SweepPayloads { taken_by: before }], Vec::new()).await
    }

    /// Retention time of what was set aside or taken.
    pub(in crate::gateway) fn retention(&self) -> Duration {
        DAY.saturating_mul(u32::try_from(self.config().store.keep_days).unwrap_or(u32::MAX))
    }

    /// Removes the long payloads of products that were taken by `before`.
    async fn remove_taken(&self, before: Time) -> Result<(), GatewayError> {
        let listing = self.spool().list().await.map_err(|e| self.spool_trouble(&e))?;
        for file in listing.files.iter().filter(|file| file.whole) {
            let (SpoolId::Envelope(id) | SpoolId::Inbox(id)) = file.id else { continue };
            let Some(row) = self.store().exchange(&id).await?.filter(|row| was_taken(row, before)) else { continue };
            if row.payload.is_none_or(|payload| payload.spool != file.id) {
                continue;
            }
            // Somebody may be taking it again.
            let Some(loose) = self.spool().lock_exclusive(file).await.map_err(|e| self.spool_trouble(&e))? else {
                continue;
            };
            let entry = Entry::new(self.now(), EntryKind::SpoolRemoved, id, "gateway")
                .with("file", file.id)
                .with("bytes", file.size)
                .with("why", "taken long ago");
            self.record(vec![entry]).await?;
            loose.remove().await.map_err(|e| self.spool_trouble(&e))?;
        }
        Ok(())
    }
}

fn was_taken(row: &Exchange, before: Time) -> bool {
    row.state == ExchangeState::Taken && row.taken.unwrap_or(row.updated) <= before
}
