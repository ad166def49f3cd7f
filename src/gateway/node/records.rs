//! What a node puts on record, and the rows of requests and exchanges that most of its work begins with.

use crate::gateway::node::policy::active;
use crate::gateway::{GatewayError, Node};
use crate::ident::RequestId;
use crate::ledger::{Entry, SignedCheckpoint};
use crate::store::{
    Change, Commit, Exchange, ExchangeFilter, Request, RequestFilter, RequestState, Stands, WholeRequest,
};

/// Changes in the form a commit takes them.
pub(in crate::gateway) type Changes = Vec<Change>;

impl Node {
    /// Commits changes with the ledger entries that record them.
    pub(in crate::gateway) async fn commit(&self, changes: Changes, entries: Vec<Entry>) -> Result<(), GatewayError> {
        self.commit_for_head(changes, entries).await.map(|_| ())
    }

    /// What a decision of this node rests on that was taken after the roster's generation was read as `roster`.
    pub(in crate::gateway) fn stands(&self, roster: u64) -> Stands {
        Stands { roster, setting: active::TEXTS.to_owned(), value: self.texts_digest() }
    }

    /// Commits, and is a conflict unless what was decided still stands in the same transaction.
    pub(in crate::gateway) async fn commit_while(
        &self,
        stands: Stands,
        changes: Changes,
        entries: Vec<Entry>,
    ) -> Result<(), GatewayError> {
        let commit = changes.into_iter().fold(Commit::new().only_while(stands), Commit::change);
        let commit = entries.into_iter().fold(commit, Commit::entry);
        self.store().commit(commit).await.inspect_err(|error| self.fatal_stop().on_store(error))?;
        Ok(())
    }

    /// Commits, without those alarms that the last one about their subject said already: who does the same again and again
    /// fills no ledger.
    pub(in crate::gateway) async fn commit_news(
        &self,
        changes: Changes,
        entries: Vec<Entry>,
    ) -> Result<(), GatewayError> {
        let commit = changes.into_iter().fold(Commit::new().only_news(), Commit::change);
        let commit = entries.into_iter().fold(commit, Commit::entry);
        self.store().commit(commit).await.inspect_err(|error| self.fatal_stop().on_store(error))?;
        Ok(())
    }

    /// Commits, and gives the checkpoint that covers it.
    pub(in crate::gateway) async fn commit_for_head(
        &self,
        changes: Changes,
        entries: Vec<Entry>,
    ) -> Result<SignedCheckpoint, GatewayError> {
        let commit = changes.into_iter().fold(Commit::new(), Commit::change);
        let commit = entries.into_iter().fold(commit, Commit::entry);
        let committed = self.store().commit(commit).await.inspect_err(|error| self.fatal_stop().on_store(error))?;
        Ok(committed.head)
    }

    /// Puts entries on record that change no row.
    pub(in crate::gateway) async fn record(&self, entries: Vec<Entry>) -> Result<(), GatewayError> {
        self.commit(Vec::new(), entries).await
    }

    pub(in crate::gateway) async fn request_row(&self, id: &RequestId) -> Result<Request, GatewayError> {
        let row = self.store().request(id).await?;
        row.ok_or_else(|| no_request(id))
    }

    /// A request with its exchanges and approvals.
    pub(in crate::gateway) async fn whole_request(&self, id: &RequestId) -> Result<WholeRequest, GatewayError> {
        self.store().whole_request(id).await?.ok_or_else(|| no_request(id))
    }

    /// Open requests whose time has passed.
    pub(in crate::gateway) async fn overdue_requests(&self) -> Result<Vec<Request>, GatewayError> {
        let filter = RequestFilter {
            states: [RequestState::Open].into(),
            expired_by: Some(self.now()),
            limit: u32::MAX,
            ..RequestFilter::default()
        };
        Ok(self.store().requests(&filter).await?)
    }

    pub(in crate::gateway) async fn exchanges_of(&self, request: &RequestId) -> Result<Vec<Exchange>, GatewayError> {
        let filter = ExchangeFilter { request: Some(*request), limit: u32::MAX, ..ExchangeFilter::default() };
        Ok(self.store().exchanges(&filter).await?)
    }
}

fn no_request(id: &RequestId) -> GatewayError {
    GatewayError::Unknown(format!("no request `{id}` is on record"))
}
