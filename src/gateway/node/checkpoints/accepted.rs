//! Checkpoints of our own ledger whose loss officers accepted: after a restore, the store cannot extend them.

use crate::change::{LostCheckpoint, LostCheckpoints};
use crate::gateway::GatewayError;
use crate::ident::PartnerId;
use crate::ledger::SignedCheckpoint;
use crate::store::{RESTORED, Store};

/// The checkpoints of our own ledger whose loss officers accepted.
pub(in crate::gateway) async fn accepted_losses(store: &dyn Store) -> Result<LostCheckpoints, GatewayError> {
    let damaged = || GatewayError::Local("the record of accepted losses is malformed: run `ledger verify`".into());
    let Some(setting) = store.setting(RESTORED).await? else { return Ok(LostCheckpoints::default()) };
    let text = String::from_utf8(setting.value).map_err(|_| damaged())?;
    LostCheckpoints::parse(&text).ok_or_else(damaged)
}

/// The record of `head`, a lost checkpoint of our own ledger that `partner` has seen.
pub(in crate::gateway) fn lost(partner: &PartnerId, head: &SignedCheckpoint) -> LostCheckpoint {
    LostCheckpoint { partner: partner.clone(), entries: head.size(), root: head.root() }
}
