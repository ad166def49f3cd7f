//! What one process of a node remembers and has in hand: caches, attempts in flight, locks, and each partner's share of the room.
//! Nothing of it is on record, and each process has its own.

pub(in crate::gateway) mod candidate;
pub(in crate::gateway) mod cache;
pub(in crate::gateway) mod exchange_locks;
pub(in crate::gateway) mod fatal;
pub(in crate::gateway) mod in_flight;
pub(in crate::gateway) mod payload_quota;

use super::Node;
use crate::digest::Digest;
use crate::gateway::node::participants::RecentParticipants;
use crate::gateway::node::process::cache::AssemblyCache;
use crate::gateway::node::process::exchange_locks::ExchangeLocks;
use crate::gateway::node::process::fatal::FatalStop;
use crate::gateway::node::process::in_flight::InFlight;
use crate::gateway::node::process::payload_quota::Shares;
use crate::ident::OfficerId;
use crate::log_limiter::LogLimiter;
use crate::pki::OfficerCertificate;
use crate::sign::VerificationCache;
use std::collections::BTreeMap;
use std::sync::{MutexGuard, PoisonError};

impl Node {
    /// The exchanges whose short payloads are arriving now. A file keeps a second writer out; memory does not.
    pub(in crate::gateway) fn arriving(&self) -> &ExchangeLocks {
        &self.base.arriving
    }

    /// What the log was told lately of offers that are not taken.
    pub(in crate::gateway) fn not_taken(&self) -> &LogLimiter {
        &self.base.not_taken
    }

    /// What partners began and did not finish.
    pub(in crate::gateway) fn shares(&self) -> &Shares {
        &self.base.shares
    }

    /// What this process is sending now.
    pub(in crate::gateway) fn in_flight(&self) -> &InFlight {
        &self.base.live
    }

    /// What was assembled a moment ago.
    pub(in crate::gateway) fn assembly_cache(&self) -> &AssemblyCache {
        &self.assembled
    }

    /// Through which anything that writes asks the server to stop.
    pub(in crate::gateway) fn fatal_stop(&self) -> &FatalStop {
        &self.base.halt
    }

    /// Completes when nothing can be made durable any more, with the reason: whoever runs this node stops it then. What it
    /// did last may be on record or not, which the next start finds out.
    pub async fn halted(&self) -> String {
        self.base.halt.asked().await
    }

    pub(in crate::gateway) async fn witness_turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.base.witness.lock().await
    }

    pub(in crate::gateway) async fn breakers_turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.base.breakers.lock().await
    }

    pub(in crate::gateway) fn remembered(&self) -> MutexGuard<'_, BTreeMap<Digest, Vec<OfficerCertificate>>> {
        // No code panics while it holds the lock; were it poisoned, the map would still be whole.
        self.base.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Of whom the log has said that they are not certified, and why.
    pub(in crate::gateway) fn uncertified(&self) -> MutexGuard<'_, BTreeMap<OfficerId, String>> {
        // As above: nobody leaves it half changed.
        self.base.uncertified.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who the log and the ledger have said is excluded, and why.
    pub(in crate::gateway) fn said_excluded(&self) -> MutexGuard<'_, BTreeMap<OfficerId, String>> {
        // As above.
        self.base.excluded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Signatures that verified.
    pub(in crate::gateway) fn verified(&self) -> &VerificationCache {
        &self.base.verified
    }

    /// Who receives and who decides, as they were last read.
    pub(in crate::gateway) fn recent_participants(&self) -> &RecentParticipants {
        &self.base.recent_participants
    }
}
