//! State of one process of a node: caches, attempts in flight, locks, and each partner's share of the storage.
//!
//! It refuses to be evidence: none of it is on record, each process has its own, and losing it loses nothing but time.

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
use crate::gateway::node::process::payload_quota::PayloadUsage;
use crate::ident::OfficerId;
use crate::log_limiter::LogLimiter;
use crate::pki::OfficerCertificate;
use crate::sign::VerificationCache;
use std::collections::BTreeMap;
use std::sync::{MutexGuard, PoisonError};

impl Node {
    /// Locks on exchanges whose short payloads are arriving. Long ones are locked by their file.
    pub(in crate::gateway) fn arriving(&self) -> &ExchangeLocks {
        &self.base.arriving
    }

    /// Limits how often rejected offers are logged.
    pub(in crate::gateway) fn rejection_log(&self) -> &LogLimiter {
        &self.base.rejection_log
    }

    /// What each partner has stored here.
    pub(in crate::gateway) fn payload_usage(&self) -> &PayloadUsage {
        &self.base.payload_usage
    }

    /// What this process is sending now.
    pub(in crate::gateway) fn in_flight(&self) -> &InFlight {
        &self.base.live
    }

    /// Recently assembled data.
    pub(in crate::gateway) fn assembly_cache(&self) -> &AssemblyCache {
        &self.assembled
    }

    /// The stop request for fatal write failures.
    pub(in crate::gateway) fn fatal_stop(&self) -> &FatalStop {
        &self.base.halt
    }

    /// Completes with the reason when nothing can be made durable any more: whoever runs this node must stop it.
    /// Whether the last commit is on record is found out at the next start.
    pub async fn fatal_error(&self) -> String {
        self.base.halt.requested().await
    }

    /// Takes the lock for reading and writing the stored checkpoint of a partner's ledger.
    pub(in crate::gateway) async fn witness_lock(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.base.witness.lock().await
    }

    /// Takes the lock for reading, changing and writing a circuit breaker.
    pub(in crate::gateway) async fn breakers_lock(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.base.breakers.lock().await
    }

    /// Officers' certificates that verified, by digest of authority, list and certificates.
    pub(in crate::gateway) fn certificate_cache(&self) -> MutexGuard<'_, BTreeMap<Digest, Vec<OfficerCertificate>>> {
        // No code panics while it holds the lock; were it poisoned, the map would still be whole.
        self.base.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Officers already logged as not certified, and why.
    pub(in crate::gateway) fn uncertified(&self) -> MutexGuard<'_, BTreeMap<OfficerId, String>> {
        // As above.
        self.base.uncertified.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Officers already reported as excluded, and why.
    pub(in crate::gateway) fn reported_excluded(&self) -> MutexGuard<'_, BTreeMap<OfficerId, String>> {
        // As above.
        self.base.excluded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Signatures that verified.
    pub(in crate::gateway) fn verified(&self) -> &VerificationCache {
        &self.base.verified
    }

    /// The participants that were read last.
    pub(in crate::gateway) fn recent_participants(&self) -> &RecentParticipants {
        &self.base.recent_participants
    }
}
