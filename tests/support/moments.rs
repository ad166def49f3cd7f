//! A clock on which something happens when it is looked at for the n-th time: a way into the midst of what a node does.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use portcullis::time::{Clock, Time};

/// What happens at a moment of the test's choice.
pub type Happening = Box<dyn FnOnce() + Send>;

/// Another clock, and what happens at a look at it.
pub struct Moments<C> {
    pub shows: C,
    looks: AtomicUsize,
    then: Mutex<Option<(usize, Happening)>>,
}

impl<C: Clock> Moments<C> {
    pub fn over(shows: C) -> Moments<C> {
        Moments { shows, looks: AtomicUsize::new(0), then: Mutex::new(None) }
    }

    /// From now on: `act` happens at look number `look`, counted from 0.
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

    /// Whether it has not happened; it does not happen any more.
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
