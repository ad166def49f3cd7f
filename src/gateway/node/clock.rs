//! A clock in doubt: noticed, put on record, and believed again only when two officers say so.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::gateway::{GatewayError, Node};
use crate::ledger::{Entry, EntryKind};
use crate::store::{Change, Setting, TrafficChange, Version};
use crate::time::{Step, StepWatch, Time};

/// By how much the clock may stand behind the latest time on record before it is in doubt.
const CLOCK_SLACK: Duration = Duration::from_secs(60);
/// The setting that says whether the clock is believed, for all processes on the store and over restarts.
pub(in crate::gateway) const SETTING: &str = "clock";
/// What its value begins with while the clock is in doubt; how it was set follows.
const DOUBTED: &[u8] = b"doubted: ";
const ACCEPTED: &[u8] = b"accepted";

/// What the server remembers of the clock between two looks.
pub(in crate::gateway) struct ClockWatch(Mutex<(StepWatch, Option<Version>)>);

impl ClockWatch {
    /// Takes the clock to be right at the start; whether it was already in doubt then is on record.
    pub(in crate::gateway) fn start(node: &Node) -> ClockWatch {
        ClockWatch(Mutex::new((StepWatch::start(node.now(), node.running()), None)))
    }

    /// The step since the start or since the clock was last accepted.
    fn look(&self, node: &Node, setting: Option<&Setting>) -> Option<Step> {
        let mut watch = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let version = setting.map(|setting| setting.version);
        if watch.1 != version {
            watch.1 = version;
            if setting.is_some_and(|setting| setting.value == ACCEPTED) {
                watch.0 = StepWatch::start(node.now(), node.running());
            }
        }
        watch.0.look(node.now(), node.running())
    }
}

impl Node {
    /// Why the clock is in doubt, if it is: then nothing is released, offered or taken, and nothing runs out.
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
        Ok(self.is_behind(self.store().generations().await?.clock_high))
    }

    /// Why the clock cannot be right if a time this late is on record.
    pub(in crate::gateway) fn is_behind(&self, high: Time) -> Option<String> {
        let now = self.now();
        let behind = high > now.plus(CLOCK_SLACK);
        behind.then(|| format!("the clock shows {now}, but {high} is on record already: see `portcullis clock`"))
    }

    /// Whether the clock is in doubt.
    pub(in crate::gateway) async fn clock_in_doubt(&self) -> Result<bool, GatewayError> {
        Ok(self.clock_doubt().await?.is_some())
    }

    /// Looks whether the clock was set, puts that on record, and says whether it is in doubt. `high` is the latest time
    /// on record.
    pub(in crate::gateway) async fn watch_clock(&self, watch: &ClockWatch, high: Time) -> Result<bool, GatewayError> {
        let setting = self.store().setting(SETTING).await?;
        let doubted = setting.as_ref().is_some_and(|setting| setting.value.starts_with(DOUBTED));
        let Some(step) = watch.look(self, setting.as_ref()).filter(|_| !doubted) else {
            return Ok(doubted || self.is_behind(high).is_some());
        };
        tracing::error!(step = %step, "the clock was set: nothing is released until two officers accept it");
        let now = self.now();
        let value = [DOUBTED, step.to_string().as_bytes()].concat();
        let version = setting.map_or(Version::NEW, |setting| setting.version);
        let row = Setting { name: SETTING.to_owned(), value, changed: now, version };
        let entry = Entry::new(now, EntryKind::Alarm, SETTING, "gateway").with("set", step);
        self.commit(vec![row.into()], vec![entry]).await?;
        Ok(true)
    }

    /// What the doubt about the clock is, to the millisecond, so that who accepts it accepts no other; `None` if it is
    /// not in doubt.
    pub(in crate::gateway) async fn doubt_on_record(&self) -> Result<Option<String>, GatewayError> {
        if let Some(setting) = self.store().setting(SETTING).await?
            && let Some(how) = setting.value.strip_prefix(DOUBTED)
        {
            let how = String::from_utf8_lossy(how);
            return Ok(Some(format!("doubted since {}: the clock was set {how}\n", setting.changed)));
        }
        let high = self.store().generations().await?.clock_high;
        Ok(self.is_behind(high).map(|_| format!("doubted: {high} is on record\n")))
    }

    /// What officers sign who have looked and found the clock right.
    pub(in crate::gateway) fn clock_accepted(&self) -> String {
        format!("trusted: it was right at {}\n", self.now())
    }

    /// What puts on record that the clock is trusted from now on.
    pub(in crate::gateway) async fn accept_clock(&self) -> Result<[Change; 2], GatewayError> {
        let now = self.now();
        let version = self.store().setting(SETTING).await?.map_or(Version::NEW, |setting| setting.version);
        let row = Setting { name: SETTING.to_owned(), value: ACCEPTED.to_vec(), changed: now, version };
        Ok([TrafficChange::AcceptClock { now }.into(), row.into()])
    }
}
