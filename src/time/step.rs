//! Clock steps: detects that the wall clock was set, by comparing it with the monotonic clock.

use std::fmt;
use std::time::Duration;

use super::Time;

/// The amount by which a clock was set since the watch started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// In milliseconds; negative if the clock was set back.
    pub by_ms: i64,
}

/// Compares the wall clock with the monotonic clock. Slewing changes both alike on Linux and is not a step. Steps are
/// summed since the start, so that many small ones are detected too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepWatch {
    wall: Time,
    running: Duration,
}

impl StepWatch {
    /// Steps up to this are ignored: time services make them.
    pub const SLACK: Duration = Duration::from_secs(60);

    /// Starts a watch, with the assumption that the clock is correct now. `running` is [`super::Clock::running`].
    pub fn start(wall: Time, running: Duration) -> StepWatch {
        StepWatch { wall, running }
    }

    /// Returns the total step since the start, if it is more than [`StepWatch::SLACK`].
    pub fn check(&self, wall: Time, running: Duration) -> Option<Step> {
        let ms = |d: Duration| i64::try_from(d.as_millis()).unwrap_or(i64::MAX);
        let ran = ms(running).saturating_sub(ms(self.running));
        let by_ms = (wall.unix_ms() - self.wall.unix_ms()).saturating_sub(ran);
        (by_ms.unsigned_abs() > u64::try_from(ms(StepWatch::SLACK)).unwrap_or(0)).then_some(Step { by_ms })
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.by_ms.unsigned_abs().saturating_add(500) / 1000;
        let way = if self.by_ms < 0 { "back" } else { "forward" };
        write!(f, "{way} by {} h {:02} min {:02} s", seconds / 3600, seconds / 60 % 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_unix_ms(1_795_341_600_000);
    const DAY: Duration = Duration::from_secs(86_400);

    #[test]
    fn notices_a_clock_set_forward_or_back_however_long_it_ran() {
        let watch = StepWatch::start(NOW, DAY);
        let ran = Duration::from_secs(3600);
        let forward = watch.check(NOW.plus(ran).plus(2 * DAY), DAY + ran).unwrap();
        let back = watch.check(NOW.plus(ran).minus(2 * DAY), DAY + ran).unwrap();
        assert_eq!(forward.to_string(), "forward by 48 h 00 min 00 s");
        assert_eq!(back.to_string(), "back by 48 h 00 min 00 s");
    }

    #[test]
    fn a_clock_that_only_runs_or_is_slightly_corrected_was_not_set() {
        let watch = StepWatch::start(NOW, DAY);
        for ran in [Duration::ZERO, DAY, 300 * DAY] {
            assert_eq!(watch.check(NOW.plus(ran), DAY + ran), None);
            assert_eq!(watch.check(NOW.plus(ran).plus(StepWatch::SLACK), DAY + ran), None);
            assert_eq!(watch.check(NOW.plus(ran).minus(StepWatch::SLACK), DAY + ran), None);
        }
        assert!(watch.check(NOW.plus(StepWatch::SLACK).plus(Duration::from_millis(1)), DAY).is_some());
    }

    #[test]
    fn small_steps_add_up() {
        let watch = StepWatch::start(NOW, DAY);
        let steps: Vec<bool> =
            (1..=3).map(|n| watch.check(NOW.minus(Duration::from_secs(25 * n)), DAY).is_some()).collect();
        assert_eq!(steps, [false, false, true]);
    }
}
