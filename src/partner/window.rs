//! Delivery windows: the days of the week and hours, at a fixed offset from UTC, in which deliveries that are not urgent may begin.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::precedence::Precedence;
use crate::time::Time;

const DAY: i64 = 24 * 60;
const WEEK: i64 = 7 * DAY;
/// 1 January 1970 was a Thursday, the fourth day of a week that begins on Monday.
const EPOCH_IN_WEEK: i64 = 3 * DAY;

/// The hours in which a delivery may begin. Outside them only deliveries at least as urgent as `unless` begin. A delivery that began
/// inside them is finished.
///
/// Hours are at one fixed offset from UTC: daylight saving time would make them depend on rules that governments change at short
/// notice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Windows {
    /// The offset of the hours from UTC.
    #[serde(default)]
    pub offset: Offset,
    /// Deliveries at least as urgent as this begin at any hour; none if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unless: Option<Precedence>,
    /// The hours. They may overlap, and together they may cover the week.
    pub open: Vec<Window>,
}

/// Hours on some days of the week.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// The days on which it opens.
    pub days: BTreeSet<Weekday>,
    /// When it opens.
    pub from: Hour,
    /// When it closes; on the next day if this is not after `from`.
    pub until: Hour,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Weekday {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}

/// A minute of the day, `00:00` to `24:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Hour(i64);

/// An offset from UTC in whole minutes, `-14:00` to `+14:00`; `Z` for none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Offset(i64);

/// Whether a delivery may begin at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// It may begin, inside the hours.
    Open,
    /// It may begin outside the hours, because it is urgent enough.
    Urgent,
    /// It has to wait.
    Closed {
        /// When the next window opens.
        until: Time,
    },
}

impl Windows {
    /// Whether a delivery of this precedence may begin at `now`.
    pub fn at(&self, now: Time, precedence: Precedence) -> Opening {
        let minute = now.unix_ms().div_euclid(60_000);
        let here = (minute + self.offset.0 + EPOCH_IN_WEEK).rem_euclid(WEEK);
        let spans = || self.open.iter().flat_map(Window::spans);
        if spans().any(|(from, length)| (here - from).rem_euclid(WEEK) < length) {
            return Opening::Open;
        }
        if self.unless.is_some_and(|unless| precedence >= unless) {
            return Opening::Urgent;
        }
        // INVARIANT: `fault` refuses an empty list of windows. For an empty one this would be a week from now.
        let wait = spans().map(|(from, _)| (from - here).rem_euclid(WEEK)).min().unwrap_or(WEEK);
        Opening::Closed { until: Time::from_unix_ms((minute + wait) * 60_000) }
    }

    /// What is wrong with the windows; `None` if they are valid.
    pub(super) fn fault(&self) -> Option<&'static str> {
        if self.open.is_empty() || self.open.iter().any(|w| w.days.is_empty()) {
            return Some(
                "must each open on some day: leave `windows` out where a partner takes everything at any hour",
            );
        }
        if self.open.iter().any(|w| w.from.0 == DAY) {
            return Some("must not open at `24:00`: write `00:00` on the day after");
        }
        None
    }
}

impl Window {
    /// For each day, the minute of the week at which it opens and its length in minutes.
    fn spans(&self) -> impl Iterator<Item = (i64, i64)> {
        let length = match self.until.0 - self.from.0 {
            length if length > 0 => length,
            length => length + DAY,
        };
        self.days.iter().map(move |day| (*day as i64 * DAY + self.from.0, length))
    }
}

/// A text that is not an hour or offset; says what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {0}")]
pub struct NotATimeOfDay(&'static str);

/// Parses `HH:MM` to minutes.
fn minutes(text: &str) -> Option<i64> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |digits: &str| {
        (digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit())).then(|| digits.parse::<i64>().ok())?
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    (minutes < 60).then_some(hours * 60 + minutes)
}

impl FromStr for Hour {
    type Err = NotATimeOfDay;

    fn from_str(text: &str) -> Result<Hour, NotATimeOfDay> {
        let found = minutes(text).filter(|m| *m <= DAY).map(Hour);
        found.ok_or(NotATimeOfDay("an hour from `00:00` to `24:00`"))
    }
}

impl FromStr for Offset {
    type Err = NotATimeOfDay;

    fn from_str(text: &str) -> Result<Offset, NotATimeOfDay> {
        let found = match text.split_at_checked(1) {
            Some(("Z", "")) => Some(0),
            Some(("+", rest)) => minutes(rest),
            Some(("-", rest)) => minutes(rest).map(|m| -m),
            _ => None,
        };
        let found = found.filter(|m| m.abs() <= 14 * 60).map(Offset);
        found.ok_or(NotATimeOfDay("an offset from UTC such as `Z`, `+01:00` or `-05:00`"))
    }
}

impl fmt::Display for Hour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("Z");
        }
        let sign = if self.0 < 0 { '-' } else { '+' };
        write!(f, "{sign}{:02}:{:02}", self.0.abs() / 60, self.0.abs() % 60)
    }
}

macro_rules! as_text {
    ($($type:ident)*) => {$(
        impl From<$type> for String {
            fn from(value: $type) -> String {
                value.to_string()
            }
        }

        impl TryFrom<String> for $type {
            type Error = NotATimeOfDay;

            fn try_from(text: String) -> Result<$type, NotATimeOfDay> {
                text.parse()
            }
        }
    )*};
}
as_text!(Hour Offset);

#[cfg(test)]
mod tests {
    use super::*;

    fn windows(text: &str) -> Windows {
        toml::from_str(text).unwrap()
    }

    fn office() -> Windows {
        windows(
            "offset = '+01:00'\nunless = 'IMMEDIATE'\nopen = [{ days = ['mon', 'fri'], from = '08:00', until = '18:00' }]",
        )
    }

    fn at(windows: &Windows, time: &str) -> Opening {
        windows.at(time.parse().unwrap(), Precedence::Priority)
    }

    fn closed(until: &str) -> Opening {
        Opening::Closed { until: until.parse().unwrap() }
    }

    // 2026-11-23 is a Monday.
    #[test]
    fn opens_at_its_first_millisecond_and_closes_at_its_last() {
        let office = office();
        assert_eq!(at(&office, "2026-11-23T06:59:59.999Z"), closed("2026-11-23T07:00:00Z"));
        assert_eq!(at(&office, "2026-11-23T07:00:00Z"), Opening::Open);
        assert_eq!(at(&office, "2026-11-23T16:59:59.999Z"), Opening::Open);
        assert_eq!(at(&office, "2026-11-23T17:00:00Z"), closed("2026-11-27T07:00:00Z"));
        assert_eq!(at(&office, "2026-11-27T17:00:00Z"), closed("2026-11-30T07:00:00Z"));
    }

    #[test]
    fn only_what_is_urgent_enough_begins_outside() {
        let (office, night) = (office(), "2026-11-23T03:00:00Z".parse().unwrap());
        assert_eq!(office.at(night, Precedence::Immediate), Opening::Urgent);
        assert_eq!(office.at(night, Precedence::Flash), Opening::Urgent);
        assert!(matches!(office.at(night, Precedence::Priority), Opening::Closed { .. }));
        let never = Windows { unless: None, ..office };
        assert!(matches!(never.at(night, Precedence::Flash), Opening::Closed { .. }));
    }

    #[test]
    fn a_window_may_pass_midnight_and_the_end_of_the_week() {
        let night = windows("open = [{ days = ['sun'], from = '22:00', until = '04:00' }]");
        assert_eq!(at(&night, "2026-11-22T21:59:59Z"), closed("2026-11-22T22:00:00Z"));
        assert_eq!(at(&night, "2026-11-22T23:59:59Z"), Opening::Open);
        assert_eq!(at(&night, "2026-11-23T03:59:59Z"), Opening::Open);
        assert_eq!(at(&night, "2026-11-23T04:00:00Z"), closed("2026-11-29T22:00:00Z"));
        let whole = windows("open = [{ days = ['tue'], from = '00:00', until = '24:00' }]");
        assert_eq!(at(&whole, "2026-11-24T00:00:00Z"), Opening::Open);
        assert_eq!(at(&whole, "2026-11-24T23:59:59.999Z"), Opening::Open);
        assert_eq!(at(&whole, "2026-11-25T00:00:00Z"), closed("2026-12-01T00:00:00Z"));
    }

    #[test]
    fn an_offset_moves_the_day_too() {
        let west = windows("offset = '-11:00'\nopen = [{ days = ['mon'], from = '20:00', until = '24:00' }]");
        assert_eq!(at(&west, "2026-11-24T07:00:00Z"), Opening::Open);
        assert_eq!(at(&west, "2026-11-24T11:00:00Z"), closed("2026-12-01T07:00:00Z"));
        let east = windows("offset = '+13:00'\nopen = [{ days = ['mon'], from = '00:00', until = '01:00' }]");
        assert_eq!(at(&east, "2026-11-22T11:30:00Z"), Opening::Open);
    }

    /// Minute by minute over a week, against an independent count of the same hours.
    #[test]
    fn is_open_for_exactly_the_minutes_it_names() {
        let office = office();
        let start: Time = "2026-11-23T00:00:00Z".parse().unwrap();
        let open = (0..WEEK)
            .filter(|m| {
                let now = Time::from_unix_ms(start.unix_ms() + m * 60_000);
                office.at(now, Precedence::Routine) == Opening::Open
            })
            .count();
        assert_eq!(open, 2 * 10 * 60);
    }

    #[test]
    fn the_next_opening_is_the_first_open_minute() {
        let office = office();
        let start: Time = "2026-11-23T00:00:30Z".parse().unwrap();
        for m in (0..WEEK).step_by(37) {
            let now = Time::from_unix_ms(start.unix_ms() + m * 60_000);
            if let Opening::Closed { until } = office.at(now, Precedence::Routine) {
                assert!(until > now);
                assert_eq!(office.at(until, Precedence::Routine), Opening::Open);
                assert_ne!(office.at(Time::from_unix_ms(until.unix_ms() - 1), Precedence::Routine), Opening::Open);
            }
        }
    }

    #[test]
    fn refuses_invalid_hours_and_offsets() {
        for text in ["8:00", "24:01", "25:00", "08:60", "08-00", "", "+8:00"] {
            assert!(text.parse::<Hour>().is_err(), "{text:?} was accepted");
        }
        for text in ["", "01:00", "+1:00", "+14:01", "UTC", "z"] {
            assert!(text.parse::<Offset>().is_err(), "{text:?} was accepted");
        }
        for text in ["Z", "+05:30", "-11:00"] {
            assert_eq!(text.parse::<Offset>().unwrap().to_string(), text);
        }
        for text in ["open = []", "open = [{ days = [], from = '08:00', until = '09:00' }]"] {
            assert!(windows(text).fault().is_some(), "{text} was accepted");
        }
        assert_eq!(office().fault(), None);
    }
}
