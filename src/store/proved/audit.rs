//! The audit: compares rows with the ledger independently of any decision, to find altered ones.

use std::collections::BTreeSet;

use super::super::evidence::{Disagreement, Evidence as _};
use super::super::{Direction, ExchangeFilter, ExchangeState, Store as _, StoreError};
use super::ProvedStore;
use crate::ident::{ExchangeId, RequestId};
use crate::ledger::is_final_exchange;

/// Exchanges compared at a time.
const LISTED: u32 = 256;

impl ProvedStore {
    /// Compares partners, officers, settings, outbound exchanges that may still be sent and inbound exchanges that
    /// are present, and returns what differs. Approvals and statements are compared when they are read.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read or its ledger is no longer trusted.
    pub async fn compare_all(&self) -> Result<Vec<Disagreement>, StoreError> {
        self.compare_enrolled().await?;
        let mut unseen: BTreeSet<String> = self.known().await?.proved().unfinished().map(str::to_owned).collect();
        let leaving = ExchangeState::ALL.iter().copied().filter(|state| !is_final_exchange(state.as_str())).collect();
        let here = [ExchangeState::Receiving, ExchangeState::Received, ExchangeState::Quarantined].into();
        for (direction, states) in [(Direction::Out, leaving), (Direction::In, here)] {
            let direction = Some(direction);
            let mut filter = ExchangeFilter { direction, states, limit: LISTED, ..ExchangeFilter::default() };
            loop {
                let page = self.exchanges(&filter).await?;
                for row in &page {
                    self.agree(&row.subject(), &["exchange"]);
                    unseen.remove(&row.subject());
                    if let Some(request) = &row.request {
                        differs_alone(self.request(request).await)?;
                    }
                }
                let Some(last) = page.last() else { break };
                filter.before = Some(last.id);
            }
        }
        // Identifiers whose rows are missing or claim to be finished. An exchange that really finished in the
        // meantime is neither.
        for id in unseen.iter().filter_map(|id| id.parse().ok()) {
            differs_alone(self.exchange(&id).await)?;
        }
        Ok(self.differences())
    }

    /// Compares partners, officers and settings only; the time this takes does not depend on the queue.
    /// [`ProvedStore::differences`] returns what differs.
    ///
    /// # Errors
    /// As [`ProvedStore::compare_all`].
    pub async fn compare_enrolled(&self) -> Result<(), StoreError> {
        self.partners().await?;
        self.officers().await?;
        let settings: Vec<String> = self.known().await?.proved().subjects("setting").map(str::to_owned).collect();
        for name in settings {
            differs_alone(self.setting(&name).await)?;
        }
        Ok(())
    }

    /// Compares exchanges that are finished or inbound with the ledger, by identifier: at most `limit`, beginning
    /// after `after`. Deleted rows are detected. Returns the last identifier compared, and what differs.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read or its ledger is no longer trusted.
    pub async fn compare_finished(
        &self,
        after: Option<ExchangeId>,
        most: usize,
    ) -> Result<(Option<ExchangeId>, Vec<Disagreement>), StoreError> {
        let ids: Vec<ExchangeId> = self.known().await?.proved().settled_after(after).take(most).collect();
        for id in &ids {
            differs_alone(self.exchange(id).await)?;
        }
        let found = self.differing_of(ids.iter().map(ToString::to_string).collect());
        Ok((ids.last().copied(), found))
    }

    /// As [`ProvedStore::compare_finished`], for requests.
    ///
    /// # Errors
    /// As [`ProvedStore::compare_finished`].
    pub async fn compare_requests(
        &self,
        after: Option<RequestId>,
        most: usize,
    ) -> Result<(Option<RequestId>, Vec<Disagreement>), StoreError> {
        let ids: Vec<RequestId> = self.known().await?.proved().requests_after(after).take(most).collect();
        for id in &ids {
            differs_alone(self.request(id).await)?;
        }
        let found = self.differing_of(ids.iter().map(ToString::to_string).collect());
        Ok((ids.last().copied(), found))
    }

    fn differing_of(&self, subjects: BTreeSet<String>) -> Vec<Disagreement> {
        let differing = self.differing();
        differing.iter().filter(|((about, _), _)| subjects.contains(about)).map(|(_, what)| what.clone()).collect()
    }
}

/// Ignores the error for an altered row, which was already reported, so that the remaining rows are still compared.
fn differs_alone<T>(read: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match read {
        Ok(row) => Ok(Some(row)),
        Err(StoreError::Altered { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
