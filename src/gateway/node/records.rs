//! Commits with their ledger entries, and the request and exchange rows that most use cases start from.

use crate::gateway::node::policy::active;
use crate::gateway::{GatewayError, Node};
use crate::ident::RequestId;
use crate::ledger::{Entry, SignedCheckpoint};
use crate::store::{
    Change, Commit, Exchange, ExchangeFilter, Precondition, Request, RequestFilter, RequestState, WholeRequest,
};

/// Changes in the form a commit takes them.
pub(in crate::gateway) type Changes = Vec<Change>;

impl Node {
    /// Commits changes with the ledger entries that record them.
    pub(in crate::gateway) async fn commit(&self, changes: Changes, entries: Vec<Entry>) -> Result<(), GatewayError> {
        self.commit_with_checkpoint(changes, entries).await.map(|_| ())
    }

    /// What a decision rests on that was taken after the roster's generation was read as `roster`.
    pub(in crate::gateway) fn stands(&self, roster: u64) -> Precondition {
        Precondition { roster, setting: active::TEXTS.to_owned(), value: self.texts_digest() }
    }

    /// Commits, and fails with a conflict unless the decision's basis is unchanged in the same transaction.
    pub(in crate::gateway) async fn commit_while(
        &self,
        stands: Precondition,
        changes: Changes,
        entries: Vec<Entry>,
    ) -> Result<(), GatewayError> {
        let commit = changes.into_iter().fold(Commit::new().only_if(stands), Commit::change);
        let commit = entries.into_iter().fold(commit, Commit::entry);
        self.store().commit(commit).await.inspect_err(|error| self.fatal_stop().check_store_error(error))?;
        Ok(())
    }

    /// Commits, omitting alarms that repeat the last one about their subject, so that a recurring fault does not fill
    /// the ledger.
    pub(in crate::gateway) async fn commit_unless_repeated(
        &self,
        changes: Changes,
        entries: Vec<Entry>,
    ) -> Result<(), GatewayError> {
        let commit = changes.into_iter().fold(Commit::new().skip_repeated_alarms(), Commit::change);
        let commit = entries.into_iter().fold(commit, Commit::entry);
        self.store().commit(commit).await.inspect_err(|error| self.fatal_stop().check_store_error(error))?;
        Ok(())
    }

    /// Commits, and gives the checkpoint that covers it.
    pub(in crate::gateway) async fn commit_with_checkpoint(
        &self,
        changes: Changes,
        entries: Vec<Entry>,
    ) -> Result<SignedCheckpoint, GatewayError> {
        let commit = changes.into_iter().fold(Commit::new(), Commit::change);
        let commit = entries.into_iter().fold(commit, Commit::entry);
        let committed =
            self.store().commit(commit).await.inspect_err(|error| self.fatal_stop().check_store_error(error))?;
        Ok(committed.head)
    }

    /// Records entries that change no row.
    pub(in crate::gateway) async fn record(&self, entries: Vec<Entry>) -> Result<(), GatewayError> {
        self.commit(Vec::new(), entries).await
    }

    /// The row of a request.
    ///
    /// # Errors
    /// [`GatewayError::NotFound`] if there is none of that number.
    pub(in crate::gateway) async fn request_row(&self, id: &RequestId) -> Result<Request, GatewayError> {
        let row = self.store().request(id).await?;
        row.ok_or_else(|| no_request(id))
    }

    /// A request with its exchanges and approvals.
    pub(in crate::gateway) async fn whole_request(&self, id: &RequestId) -> Result<WholeRequest, GatewayError> {
        self.store().whole_request(id).await?.ok_or_else(|| no_request(id))
    }

    /// Open requests that have expired.
    pub(in crate::gateway) async fn overdue_requests(&self) -> Result<Vec<Request>, GatewayError> {
        let filter = RequestFilter {
            states: [RequestState::Open].into(),
            expired_by: Some(self.now()),
            limit: u32::MAX,
            ..RequestFilter::default()
        };
        Ok(self.store().requests(&filter).await?)
    }

    /// Every exchange of a request, in any state.
    pub(in crate::gateway) async fn exchanges_of(&self, request: &RequestId) -> Result<Vec<Exchange>, GatewayError> {
        let filter = ExchangeFilter { request: Some(*request), limit: u32::MAX, ..ExchangeFilter::default() };
        Ok(self.store().exchanges(&filter).await?)
    }
}

fn no_request(id: &RequestId) -> GatewayError {
    GatewayError::NotFound(format!("no request `{id}` is on record"))
}
