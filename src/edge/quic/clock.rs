//! The clock of the protocol's timers.

use std::time::Instant;

use crate::time::Time;

/// The core's timers run on this: milliseconds since the edge started, which no clock step moves.
#[derive(Clone, Copy, Debug)]
pub(in crate::edge) struct MonotonicClock(Instant);

impl MonotonicClock {
    pub(in crate::edge) fn start() -> MonotonicClock {
        MonotonicClock(Instant::now())
    }

    pub(in crate::edge) fn now(self) -> Time {
        Time::from_unix_ms(i64::try_from(self.0.elapsed().as_millis()).unwrap_or(i64::MAX))
    }

    /// Completes at `deadline`; never, if there is none.
    pub(in crate::edge) async fn until(self, deadline: Option<Time>) {
        match deadline {
            Some(at) => tokio::time::sleep(at.since(self.now())).await,
            None => std::future::pending().await,
        }
    }
}
