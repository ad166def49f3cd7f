//! The limits of an agreement: rates, sizes and daily totals.

use serde::{Deserialize, Serialize};

/// Rate and size limits, which apply to each direction separately.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Offers per minute, on average.
    pub offers_per_minute: u32,
    /// Offers that may be made at once (burst).
    pub offers_burst: u32,
    /// Payload bytes per second, on average.
    pub bytes_per_second: u32,
    /// Payload bytes that may be sent at once (burst).
    pub bytes_burst: u32,
    /// The most concurrent exchanges.
    pub concurrent: u32,
    /// The largest sealed payload, in bytes.
    pub payload_bytes_max: u64,
    /// Exchanges per day, by UTC date.
    pub daily_exchanges: u64,
    /// Payload bytes per day, by UTC date.
    pub daily_bytes: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            offers_per_minute: 600,
            offers_burst: 100,
            bytes_per_second: 64 * 1024 * 1024,
            bytes_burst: 64 * 1024 * 1024,
            concurrent: 16,
            payload_bytes_max: 64 * 1024 * 1024,
            daily_exchanges: 100_000,
            daily_bytes: 1 << 40,
        }
    }
}
