//! Rate-limited logging of misbehaving peers: the first occurrences of each event, then a count once a minute.

use crate::log_limiter::LogLimiter;

/// The subject for all peers that are not partners. One name for all, because they choose their addresses.
pub(super) const STRANGERS: &str = "strangers";

/// Counts each event of each partner since the last summary was logged.
#[derive(Debug, Default)]
pub(super) struct PeerLog(LogLimiter);

impl PeerLog {
    /// Counts the event and returns whether to log it now. `who` is a partner, or [`STRANGERS`].
    pub(super) fn should_log(&self, who: &str, what: &'static str) -> bool {
        self.0.count(who, what)
    }

    /// The events that were suppressed since the last call, with their counts.
    pub(super) fn take_suppressed(&self) -> Vec<(String, &'static str, u64)> {
        self.0.take_suppressed()
    }
}
