//! Shares one direction of one partner's rate limit among its exchanges, by precedence: demands queue in a [`WeightedFairQueue`], and
//! only the one that is served next waits for the limiter.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::rates::{MustWait, Rates};
use crate::envelope::Precedence;
use crate::partner::Limits;
use crate::wire::{FlowId, WeightedFairQueue};

/// A request to the rate limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::edge) enum Demand {
    /// One offer.
    Offer,
    /// This many bytes.
    Bytes(usize),
}

/// The rate limits of one partner in one direction.
pub(in crate::edge) struct Pacer {
    rates: Rates,
    offers: Lane,
    bytes: Lane,
}

#[derive(Default)]
struct Lane(Mutex<Queue>);

#[derive(Default)]
struct Queue {
    scheduler: WeightedFairQueue,
    wakers: BTreeMap<FlowId, Arc<Notify>>,
}

impl Pacer {
    pub(in crate::edge) fn new(limits: &Limits) -> Arc<Pacer> {
        Arc::new(Pacer { rates: Rates::new(limits), offers: Lane::default(), bytes: Lane::default() })
    }

    /// Admits one offer at once.
    ///
    /// # Errors
    /// [`MustWait`] says how long to wait for one.
    pub(in crate::edge) fn offer(&self) -> Result<(), MustWait> {
        self.rates.offer()
    }

    /// The most bytes that one demand may be for.
    pub(in crate::edge) fn chunk(&self) -> usize {
        self.rates.chunk()
    }

    /// Waits until it is this caller's turn and the limiter admits the demand. Dropping the future leaves the queue.
    ///
    /// # Errors
    /// [`MustWait`] if that would take longer than `patience`.
    pub(in crate::edge) async fn turn(
        &self,
        precedence: Precedence,
        demand: Demand,
        patience: Option<Duration>,
    ) -> Result<(), MustWait> {
        let lane = match demand {
            Demand::Offer => &self.offers,
            Demand::Bytes(_) => &self.bytes,
        };
        let deadline = patience.map(|patience| Instant::now() + patience);
        let waiter = lane.enqueue(precedence, demand);
        loop {
            let wait = match waiter.is_next() {
                false => None,
                true => match self.check(demand) {
                    Ok(()) => {
                        waiter.taken();
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
                () = waiter.wake.notified() => {}
                () = sleep(wait) => {}
                () = sleep(left) => return Err(MustWait(patience.unwrap_or_default())),
            }
        }
    }

    fn check(&self, demand: Demand) -> Result<(), MustWait> {
        match demand {
            Demand::Offer => self.rates.offer(),
            Demand::Bytes(length) => self.rates.bytes(length),
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
    fn enqueue(&self, precedence: Precedence, demand: Demand) -> Waiter<'_> {
        let mut queue = self.lock();
        let id = queue.scheduler.join(precedence);
        let length = match demand {
            Demand::Offer => 1,
            Demand::Bytes(length) => length as u64,
        };
        queue.scheduler.request(id, length);
        let wake = Arc::new(Notify::new());
        queue.wakers.insert(id, wake.clone());
        Waiter { lane: self, id, wake }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // No code panics while it holds the lock; even if it were poisoned, the queue would be consistent.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in a queue, left when dropped.
struct Waiter<'a> {
    lane: &'a Lane,
    id: FlowId,
    wake: Arc<Notify>,
}

impl Waiter<'_> {
    fn is_next(&self) -> bool {
        self.lane.lock().scheduler.next() == Some(self.id)
    }

    fn taken(&self) {
        self.lane.lock().scheduler.take(self.id);
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        let mut queue = self.lane.lock();
        queue.scheduler.leave(self.id);
        queue.wakers.remove(&self.id);
        // The next waiter may have been sleeping behind this one.
        if let Some(wake) = queue.scheduler.next().and_then(|next| queue.wakers.get(&next)) {
            wake.notify_one();
        }
    }
}
