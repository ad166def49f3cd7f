//! A clock that runs an action when it is read for the n-th time, so that a test can act in the middle of an operation.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use portcullis::time::{Clock, Time};

/// The action that runs at the chosen reading.
pub type Happening = Box<dyn FnOnce() + Send>;

/// A wrapped clock, and the action that runs at one of its readings.
pub struct Moments<C> {
    pub shows: C,
    looks: AtomicUsize,
    then: Mutex<Option<(usize, Happening)>>,
}

impl<C: Clock> Moments<C> {
    pub fn over(shows: C) -> Moments<C> {
        Moments { shows, looks: AtomicUsize::new(0), then: Mutex::new(None) }
    }

    /// Runs `act` at reading number `look` from now on, counted from 0.
    pub fn set(&self, look: usize, act: impl FnOnce() + Send + 'static) {
        self.count_from_now(Some((look, Box::new(act))));
    }

    /// What was set, which does not happen before it is counted again.
    pub fn put_off(&self) -> Option<(usize, Happening)> {
        self.then.lock().unwrap().take()
    }

    /// Counts anew for what was put off.
    pub fn count_from_now(&self, then: Option<(usize, Happening)>) {
        self.looks.store(0, Ordering::SeqCst);
        *self.then.lock().unwrap() = then;
    }

    /// Cancels the action; returns whether it had not run yet.
    pub fn unset(&self) -> bool {
        self.put_off().is_some()
    }
}

impl<C: Clock> Clock for Moments<C> {
    fn now(&self) -> Time {
        let look = self.looks.fetch_add(1, Ordering::SeqCst);
        let due = {
            let mut then = self.then.lock().unwrap();
            if then.as_ref().is_some_and(|(at, _)| *at == look) { then.take() } else { None }
        };
        if let Some((_, act)) = due {
            act();
        }
        self.shows.now()
    }

    fn running(&self) -> Duration {
        self.shows.running()
    }
}
