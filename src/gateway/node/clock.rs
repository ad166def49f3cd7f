//! Detects that the clock was set, records the doubt, and trusts the clock again only when two officers accept it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::gateway::{GatewayError, Node};
use crate::ledger::{Entry, EntryKind};
use crate::store::{Change, Setting, TrafficChange, Version};
use crate::time::{Step, StepWatch, Time};

/// How far the clock may lie behind the latest recorded time before it is in doubt.
const CLOCK_SLACK: Duration = Duration::from_secs(60);
/// The setting that says whether the clock is trusted, for all processes on the store and across restarts.
pub(in crate::gateway) const SETTING: &str = "clock";
/// Prefix of its value while the clock is in doubt; how it was set follows.
const DOUBTED: &[u8] = b"doubted: ";
const ACCEPTED: &[u8] = b"accepted";

/// The server's reference point for noticing that the clock was set between two checks.
pub(in crate::gateway) struct ClockWatch(Mutex<(StepWatch, Option<Version>)>);

impl ClockWatch {
    /// Assumes that the clock is right at the start; an earlier doubt is on record.
    pub(in crate::gateway) fn start(node: &Node) -> ClockWatch {
        ClockWatch(Mutex::new((StepWatch::start(node.now(), node.running()), None)))
    }

    /// How far the clock was set since the start, or since it was last accepted.
    fn step_since(&self, node: &Node, setting: Option<&Setting>) -> Option<Step> {
        let mut watch = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let version = setting.map(|setting| setting.version);
        if watch.1 != version {
            watch.1 = version;
            if setting.is_some_and(|setting| setting.value == ACCEPTED) {
                watch.0 = StepWatch::start(node.now(), node.running());
            }
        }
        watch.0.check(node.now(), node.running())
    }
}

impl Node {
    /// Why the clock is in doubt, if it is. While it is, nothing is released, offered, received or expired.
    ///
    /// # Errors
    /// [`GatewayError`] if the store cannot be read.
    pub async fn clock_doubt(&self) -> Result<Option<String>, GatewayError> {
        if let Some(setting) = self.store().setting(SETTING).await?
            && let Some(how) = setting.value.strip_prefix(DOUBTED)
        {
            let how = String::from_utf8_lossy(how);
            return Ok(Some(format!("the clock was set {how}: see `portcullis clock`")));
        }
        Ok(self.why_clock_is_behind(self.store().generations().await?.clock_high))
    }

    /// Why the clock cannot be right, if `high` is the latest recorded time; `None` if it can.
    pub(in crate::gateway) fn why_clock_is_behind(&self, high: Time) -> Option<String> {
        let now = self.now();
        let behind = high > now.plus(CLOCK_SLACK);
        behind.then(|| format!("the clock shows {now}, but the record already has {high}: see `portcullis clock`"))
    }

    /// Whether the clock is in doubt.
    pub(in crate::gateway) async fn clock_in_doubt(&self) -> Result<bool, GatewayError> {
        Ok(self.clock_doubt().await?.is_some())
    }

    /// Checks whether the clock was set, records it if so, and returns whether the clock is in doubt. `high` is the
    /// latest recorded time.
    pub(in crate::gateway) async fn watch_clock(&self, watch: &ClockWatch, high: Time) -> Result<bool, GatewayError> {
        let setting = self.store().setting(SETTING).await?;
        let doubted = setting.as_ref().is_some_and(|setting| setting.value.starts_with(DOUBTED));
        let Some(step) = watch.step_since(self, setting.as_ref()).filter(|_| !doubted) else {
            return Ok(doubted || self.why_clock_is_behind(high).is_some());
        };
        tracing::error!(step = %step, "the clock was set: releases are suspended until two officers accept it");
        let now = self.now();
        let value = [DOUBTED, step.to_string().as_bytes()].concat();
        let version = setting.map_or(Version::NEW, |setting| setting.version);
        let row = Setting { name: SETTING.to_owned(), value, changed: now, version };
        let entry = Entry::new(now, EntryKind::Alarm, SETTING, "gateway").with("set", step);
        self.commit(vec![row.into()], vec![entry]).await?;
        Ok(true)
    }

    /// The doubt about the clock, to the millisecond, so that officers accept this one and no other; `None` if the
    /// clock is trusted.
    pub(in crate::gateway) async fn recorded_doubt(&self) -> Result<Option<String>, GatewayError> {
        if let Some(setting) = self.store().setting(SETTING).await?
            && let Some(how) = setting.value.strip_prefix(DOUBTED)
        {
            let how = String::from_utf8_lossy(how);
            return Ok(Some(format!("doubted since {}: the clock was set {how}\n", setting.changed)));
        }
        let high = self.store().generations().await?.clock_high;
        Ok(self.why_clock_is_behind(high).map(|_| format!("doubted: {high} is on record\n")))
    }

    /// The text that officers sign when they have checked the clock and found it right.
    pub(in crate::gateway) fn clock_accepted(&self) -> String {
        format!("believed: it was right at {}\n", self.now())
    }

    /// The change that records that the clock is trusted again.
    pub(in crate::gateway) async fn accept_clock(&self) -> Result<[Change; 2], GatewayError> {
        let now = self.now();
        let version = self.store().setting(SETTING).await?.map_or(Version::NEW, |setting| setting.version);
        let row = Setting { name: SETTING.to_owned(), value: ACCEPTED.to_vec(), changed: now, version };
        Ok([TrafficChange::AcceptClock { now }.into(), row.into()])
    }
}
