//! One direction of one partner's allowance, shared out by precedence: who asks for more than there is waits its turn
//! in [`Turns`], and only the one whose turn it is waits for the limiter.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::limits::{MustWait, Rates};
use crate::envelope::Precedence;
use crate::partner::Limits;
use crate::wire::{TurnId, Turns};

/// What a turn is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// One offer.
    Offer,
    /// So many bytes.
    Bytes(usize),
}

/// The allowance of one direction.
pub(super) struct Pacer {
    rates: Rates,
    offers: Lane,
    bytes: Lane,
}

#[derive(Default)]
struct Lane(Mutex<Queue>);

#[derive(Default)]
struct Queue {
    turns: Turns,
    wakers: BTreeMap<TurnId, Arc<Notify>>,
}

impl Pacer {
    pub(super) fn new(limits: &Limits) -> Arc<Pacer> {
        Arc::new(Pacer { rates: Rates::new(limits), offers: Lane::default(), bytes: Lane::default() })
    }

    /// Takes one offer at once, or says how long to wait for one.
    pub(super) fn offer(&self) -> Result<(), MustWait> {
        self.rates.offer()
    }

    /// The most bytes to ask for at once.
    pub(super) fn chunk(&self) -> usize {
        self.rates.chunk()
    }

    /// Waits until it is this caller's turn and the limiter lets it pass. Dropping the future gives the place up.
    ///
    /// # Errors
    /// [`MustWait`] if that would take longer than `patience`.
    pub(super) async fn turn(
        &self,
        precedence: Precedence,
        wish: Wish,
        patience: Option<Duration>,
    ) -> Result<(), MustWait> {
        let lane = match wish {
            Wish::Offer => &self.offers,
            Wish::Bytes(_) => &self.bytes,
        };
        let deadline = patience.map(|patience| Instant::now() + patience);
        let seat = lane.sit(precedence, wish);
        loop {
            let wait = match seat.is_next() {
                false => None,
                true => match self.check(wish) {
                    Ok(()) => {
                        seat.taken();
                        return Ok(());
                    }
                    Err(MustWait(wait)) => Some(wait),
                },
            };
            let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
            if let (Some(wait), Some(left)) = (wait, left)
                && wait > left
            {
                return Err(MustWait(wait));
            }
            tokio::select! {
                () = seat.wake.notified() => {}
                () = sleep(wait) => {}
                () = sleep(left) => return Err(MustWait(patience.unwrap_or_default())),
            }
        }
    }

    fn check(&self, wish: Wish) -> Result<(), MustWait> {
        match wish {
            Wish::Offer => self.rates.offer(),
            Wish::Bytes(length) => self.rates.bytes(length),
        }
    }
}

async fn sleep(wait: Option<Duration>) {
    match wait {
        Some(wait) => tokio::time::sleep(wait).await,
        None => std::future::pending().await,
    }
}

impl Lane {
    fn sit(&self, precedence: Precedence, wish: Wish) -> Seat<'_> {
        let mut queue = self.lock();
        let id = queue.turns.join(precedence);
        let length = match wish {
            Wish::Offer => 1,
            Wish::Bytes(length) => length as u64,
        };
        queue.turns.ask(id, length);
        let wake = Arc::new(Notify::new());
        queue.wakers.insert(id, wake.clone());
        Seat { lane: self, id, wake }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // No code panics while it holds the lock; were it poisoned, the queue would still be whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in a lane, given up when it is dropped.
struct Seat<'a> {
    lane: &'a Lane,
    id: TurnId,
    wake: Arc<Notify>,
}

impl Seat<'_> {
    fn is_next(&self) -> bool {
        self.lane.lock().turns.next() == Some(self.id)
    }

    fn taken(&self) {
        self.lane.lock().turns.take(self.id);
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        let mut queue = self.lane.lock();
        queue.turns.leave(self.id);
        queue.wakers.remove(&self.id);
        // Whoever is next now may have been asleep behind this one.
        if let Some(wake) = queue.turns.next().and_then(|next| queue.wakers.get(&next)) {
            wake.notify_one();
        }
    }
}
