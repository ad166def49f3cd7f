//! Changes that took effect, from the ledger.

use std::time::Duration;

use crate::gateway::node::policy::active;
use crate::gateway::views::operator::ChangeView;
use crate::gateway::{GatewayError, Node};
use crate::ledger::EntryKind;
use crate::time::Time;

/// How long a change counts as recent, and the maximum number of recent changes that are returned.
const RECENT: Duration = Duration::from_secs(30 * 86_400);
const RECENT_MAX: u64 = 10;

impl Node {
    /// The changes that took effect in the last 30 days, newest first, at most ten.
    ///
    /// # Errors
    /// [`GatewayError`] if the store cannot be read.
    pub async fn recent_changes(&self) -> Result<Vec<ChangeView>, GatewayError> {
        self.changes_since(RECENT_MAX).await
    }

    /// The number of changes that took effect in the last 30 days, for views that show none of them.
    ///
    /// # Errors
    /// [`GatewayError`] if the store cannot be read.
    pub async fn recent_changes_count(&self) -> Result<usize, GatewayError> {
        Ok(self.changes_since(u64::MAX).await?.len())
    }

    async fn changes_since(&self, limit: u64) -> Result<Vec<ChangeView>, GatewayError> {
        let since = self.now().minus(RECENT);
        let mut changes = self.changes_applied(limit).await?;
        changes.retain(|change| change.when.parse::<Time>().is_ok_and(|when| when >= since));
        Ok(changes)
    }

    /// The changes that took effect, newest first, at most `limit`, from the ledger.
    ///
    /// # Errors
    /// [`GatewayError`] if the store cannot be read.
    pub async fn changes_applied(&self, limit: u64) -> Result<Vec<ChangeView>, GatewayError> {
        // From the ledger and not the row, so that an altered row hides nothing.
        let numbered = self.store().entries_about(active::SERIAL).await?;
        let last =
            numbered.last().and_then(|recorded| recorded.entry.detail().get("serial")?.parse().ok()).unwrap_or(0);
        let first = u64::saturating_sub(last, limit.saturating_sub(1));
        let mut changes = Vec::new();
        for serial in (first..=last).rev() {
            let entries = self.store().entries_about(&active::change_name(serial)).await?;
            let applied = |kind| matches!(kind, EntryKind::ChangeApplied | EntryKind::NodeFounded);
            let Some(recorded) = entries.iter().find(|recorded| applied(recorded.entry.kind())) else { continue };
            let detail = |name: &str| recorded.entry.detail().get(name).cloned().unwrap_or_default();
            let words = |text: &str| text.split(' ').map(str::to_owned).collect();
            changes.push(ChangeView {
                serial,
                when: recorded.entry.time().to_string(),
                parts: words(&detail("parts")),
                officers: words(recorded.entry.actor()),
                proposed_by: detail("proposed-by"),
                change: detail("change"),
            });
        }
        Ok(changes)
    }
}
