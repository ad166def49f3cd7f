//! The retry policy of an agreement: exponential back-off with a cap.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The retry policy of deliveries: exponential back-off with a cap. After the last attempt the exchange is parked for an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retry {
    /// The number of attempts before the exchange is parked.
    pub attempts_max: u32,
    /// The wait after the first failure, in milliseconds; doubled after each further one.
    pub wait_ms: u64,
    /// The longest wait between attempts, in milliseconds.
    pub wait_ms_max: u64,
}

impl Default for Retry {
    fn default() -> Retry {
        Retry { attempts_max: 200, wait_ms: 500, wait_ms_max: 60_000 }
    }
}

impl Retry {
    /// The wait after `attempts` failures, or `None` if the exchange must be parked. `jitter`, a random number, shortens the wait by up
    /// to a quarter, so that exchanges that failed at the same time are not all retried at the same time.
    pub fn wait_after(&self, attempts: u32, jitter: u8) -> Option<Duration> {
        if attempts >= self.attempts_max {
            return None;
        }
        let doubled = self.wait_ms.saturating_mul(1u64 << attempts.saturating_sub(1).min(20));
        let capped = doubled.min(self.wait_ms_max);
        Some(Duration::from_millis(capped - capped / 4 * u64::from(jitter) / 255))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_to_a_cap_and_then_park() {
        let retry = Retry { attempts_max: 4, wait_ms: 100, wait_ms_max: 250 };
        let waits: Vec<_> = (1..=4).map(|n| retry.wait_after(n, 0).map(|d| d.as_millis())).collect();
        assert_eq!(waits, [Some(100), Some(200), Some(250), None]);
        assert_eq!(retry.wait_after(1, 255).unwrap().as_millis(), 75);
    }
}
