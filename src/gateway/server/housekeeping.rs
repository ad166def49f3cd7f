//! What is removed while a node serves, and never at a start: what was set aside long ago, the payloads of products that were
//! taken long ago, and what partners began to send and did not finish.
//!
//! It refuses to remove what is newer than what a partner has confirmed of our ledger to this process, or by a clock in doubt: the
//! store may be an older copy, by which what is needed looks as if it were not. Part of a payload is nothing that was received.

use std::time::Duration;

use crate::gateway::{GatewayError, Node};
use crate::ledger::{Entry, EntryKind};
use crate::store::{Change, Exchange, ExchangeState, SpoolId};
use crate::time::Time;

const DAY: Duration = Duration::from_secs(86_400);

impl Node {
    /// Removes what has been of no use for as many days as are configured. Each removal is on record before it is done.
    ///
    /// # Errors
    /// [`GatewayError`] if store or spool fails.
    pub async fn keep_house(&self) -> Result<(), GatewayError> {
        if self.clock_doubt().await?.is_some() {
            return Ok(());
        }
        self.expire_unfinished().await?;
        let Some(confirmed) = self.confirmed() else { return Ok(()) };
        let before = self.now().minus(self.kept_for()).min(confirmed);
        for lost in self.spool().lost().await.map_err(|e| self.spool_trouble(&e))? {
            // One without a note is for a person to look at.
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

    /// For how long what was set aside or taken is kept.
    pub(in crate::gateway) fn kept_for(&self) -> Duration {
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
            // Somebody may be taking it once more.
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
