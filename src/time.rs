//! Instants and clocks.
//!
//! The core never reads a clock: it takes the time as an argument. The shell reads one through [`Clock`], so that
//! every decision can be replayed at the instant at which it was made.

mod step;

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::text_codec::{debug_as_display, string_conversions};

pub use step::{Step, StepWatch};

/// A UTC instant in whole milliseconds since the Unix epoch.
///
/// Formatted as RFC 3339 with a `Z` (`2026-11-22T10:00:00.000Z`); parses any RFC 3339 instant.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Time(i64);

impl Time {
    /// The Unix epoch; also means "never" where a time is required.
    pub const EPOCH: Time = Time(0);

    /// Converts milliseconds since the Unix epoch. Values before it or after 9999-12-30T22:00:00Z (the last instant
    /// that can be written in every time zone) are clamped, so that every `Time` and every arithmetic result can be
    /// formatted.
    pub const fn from_unix_ms(ms: i64) -> Time {
        const MAX: i64 = 253_402_207_200_000;
        if ms < 0 {
            Time(0)
        } else if ms > MAX {
            Time(MAX)
        } else {
            Time(ms)
        }
    }

    /// Returns the milliseconds since the Unix epoch.
    pub const fn unix_ms(self) -> i64 {
        self.0
    }

    /// Returns the whole seconds since the Unix epoch.
    pub const fn unix_seconds(self) -> i64 {
        self.0 / 1000
    }

    /// Returns the instant `by` later.
    pub fn plus(self, by: Duration) -> Time {
        let ms = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        Time::from_unix_ms(self.0.saturating_add(ms))
    }

    /// Returns the instant `by` earlier.
    pub fn minus(self, by: Duration) -> Time {
        let ms = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        Time::from_unix_ms(self.0.saturating_sub(ms))
    }

    /// Returns the duration from `earlier` to this instant; zero if it is not later.
    pub fn since(self, earlier: Time) -> Duration {
        Duration::from_millis(u64::try_from(self.0 - earlier.0).unwrap_or(0))
    }

    /// Returns the UTC calendar date of this instant.
    pub fn date(self) -> jiff::civil::Date {
        self.timestamp().to_zoned(jiff::tz::TimeZone::UTC).date()
    }

    fn timestamp(self) -> Timestamp {
        // INVARIANT: `from_unix_ms` keeps the value inside jiff's range.
        Timestamp::from_millisecond(self.0).expect("a Time is within jiff's range")
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.timestamp())
    }
}

debug_as_display!(Time);
string_conversions!(Time, NotATime);

/// Encodes as the CBOR integer [`Time::unix_ms`].
impl<C> Encode<C> for Time {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut minicbor::Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.i64(self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Time {
    fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> Result<Time, minicbor::decode::Error> {
        // A value out of range is clamped, so it encodes differently and is refused as not canonical.
        Ok(Time::from_unix_ms(d.i64()?))
    }
}

/// A text that is not an RFC 3339 instant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected an RFC 3339 time such as `2026-11-22T10:00:00Z`")]
pub struct NotATime;

impl FromStr for Time {
    type Err = NotATime;

    fn from_str(text: &str) -> Result<Time, NotATime> {
        let stamp: Timestamp = text.parse().map_err(|_| NotATime)?;
        Ok(Time::from_unix_ms(stamp.as_millisecond()))
    }
}

/// The shell's source of time. Tests use [`FixedClock`].
pub trait Clock: Send + Sync {
    /// Returns the current instant.
    fn now(&self) -> Time;

    /// Returns the monotonic time since a fixed moment, which setting the clock does not change. The default follows
    /// [`Clock::now`], so steps of such a clock are not detected.
    fn running(&self) -> Duration {
        self.now().since(Time::EPOCH)
    }
}

/// A clock for tests, which changes only by its methods.
#[derive(Debug)]
pub struct FixedClock {
    shows: AtomicI64,
    /// The monotonic time in milliseconds.
    ran: AtomicI64,
}

impl FixedClock {
    /// Returns a clock that shows `at`.
    pub fn at(at: Time) -> FixedClock {
        FixedClock { shows: AtomicI64::new(at.0), ran: AtomicI64::new(at.0) }
    }

    /// Advances the clock by `by`, like the passing of time.
    pub fn advance(&self, by: Duration) {
        self.shows.store(self.now().plus(by).0, Ordering::SeqCst);
        self.ran.fetch_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Ordering::SeqCst);
    }

    /// Sets the clock to `to`, forward or back: a step.
    pub fn set(&self, to: Time) {
        self.shows.store(to.0, Ordering::SeqCst);
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Time {
        Time(self.shows.load(Ordering::SeqCst))
    }

    fn running(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.ran.load(Ordering::SeqCst)).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_and_parses_the_same_instant() {
        let time = Time::from_unix_ms(1_795_341_600_123);
        assert_eq!(time.to_string().parse(), Ok(time));
        assert!(time.to_string().ends_with("Z"));
    }

    #[test]
    fn refuses_text_without_an_offset() {
        assert_eq!("2026-11-22T10:00:00".parse::<Time>(), Err(NotATime));
        assert_eq!("tomorrow".parse::<Time>(), Err(NotATime));
    }

    #[test]
    fn arithmetic_stays_printable_at_both_ends() {
        assert_eq!(Time::EPOCH.minus(Duration::from_secs(1)), Time::EPOCH);
        let far = Time::from_unix_ms(i64::MAX).plus(Duration::MAX);
        assert!(far.to_string().starts_with("9999-12-30"));
    }
}
