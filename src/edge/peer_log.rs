//! What the log is told of peers that misbehave: the first few times of each event, then a count once a minute.

use crate::log_limiter::LogLimiter;

/// The subject for everybody who is no partner. One name for all of them, because addresses are theirs to choose.
pub(super) const STRANGERS: &str = "strangers";

/// How often each event of each partner was met since the last count was logged.
#[derive(Debug, Default)]
pub(super) struct Said(LogLimiter);

impl Said {
    /// Whether to log the event now. `who` is a partner, or [`STRANGERS`].
    pub(super) fn in_full(&self, who: &str, what: &'static str) -> bool {
        self.0.count(who, what)
    }

    /// The events that were not logged since the last call, with how often each was.
    pub(super) fn sums(&self) -> Vec<(String, &'static str, u64)> {
        self.0.take_suppressed()
    }
}
