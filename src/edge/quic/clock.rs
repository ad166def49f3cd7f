//! The clock of the protocol's timers.

use std::time::Instant;

use crate::time::Time;

/// The clock of the protocol's state machines: milliseconds since the edge started, unaffected by changes of the system's clock.
#[derive(Clone, Copy, Debug)]
pub(in crate::edge) struct MonotonicClock(Instant);

impl MonotonicClock {
    pub(in crate::edge) fn start() -> MonotonicClock {
        MonotonicClock(Instant::now())
    }

    pub(in crate::edge) fn now(self) -> Time {
        Time::from_unix_ms(i64::try_from(self.0.elapsed().as_millis()).unwrap_or(i64::MAX))
    }

    /// Completes at `deadline`, or never if there is none.
    pub(in crate::edge) async fn until(self, deadline: Option<Time>) {
        match deadline {
            Some(at) => tokio::time::sleep(at.since(self.now())).await,
            None => std::future::pending().await,
        }
    }
}
