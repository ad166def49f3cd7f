//! The limits of an agreement: how much may flow, and how fast.

use serde::{Deserialize, Serialize};

/// Rate and size limits, applied alike to what we send and what we accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Offers a minute, averaged.
    pub offers_per_minute: u32,
    /// Offers that may come at once.
    pub offers_burst: u32,
    /// Payload bytes a second, averaged.
    pub bytes_per_second: u32,
    /// Payload bytes that may come at once.
    pub bytes_burst: u32,
    /// Exchanges in progress at once.
    pub concurrent: u32,
    /// The largest sealed payload, in bytes.
    pub payload_bytes_max: u64,
    /// Exchanges a day, by UTC date.
    pub daily_exchanges: u64,
    /// Payload bytes a day, by UTC date.
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
