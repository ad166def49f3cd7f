//! A single-threaded executor on virtual time: which ready task goes next is drawn from the seed, time passes only when
//! nothing can go on, and everything that belongs to one node can be dropped between two steps, as a crash would.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use portcullis::system::Entropy;
use portcullis::time::{Clock, Time};

/// A small generator (SplitMix64): the same numbers for the same seed on every machine.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Rng {
        Rng(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5bf0_3635_d0c2_4e11)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n.max(1)
    }

    /// True once in `n` times.
    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

/// A seeded stand-in for the system's random source.
pub struct SeededEntropy(Mutex<Rng>);

impl SeededEntropy {
    pub fn new(seed: u64) -> Arc<SeededEntropy> {
        Arc::new(SeededEntropy(Mutex::new(Rng::new(seed))))
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        let mut rng = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        bytes.fill_with(|| rng.next().to_be_bytes()[0]);
    }
}

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Who a task belongs to: a node's number, or [`WORLD`].
pub type Owner = usize;
/// The owner of what no crash ends.
pub const WORLD: Owner = usize::MAX;

#[derive(Default)]
struct Inner {
    tasks: BTreeMap<u64, (Owner, Option<Task>)>,
    timers: BTreeMap<(i64, u64), Waker>,
    next: u64,
    now: i64,
}

/// The executor; clones share everything.
#[derive(Clone)]
pub struct Exec {
    inner: Arc<Mutex<Inner>>,
    ready: Arc<Mutex<BTreeSet<u64>>>,
}

struct TaskWaker {
    id: u64,
    ready: Arc<Mutex<BTreeSet<u64>>>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner).insert(self.id);
    }
}

impl Exec {
    pub fn new(now: Time) -> Exec {
        let inner = Inner { now: now.unix_ms(), ..Inner::default() };
        Exec { inner: Arc::new(Mutex::new(inner)), ready: Arc::default() }
    }

    pub fn spawn(&self, owner: Owner, task: impl Future<Output = ()> + Send + 'static) {
        let mut inner = self.lock();
        let id = inner.next;
        inner.next += 1;
        inner.tasks.insert(id, (owner, Some(Box::pin(task))));
        self.lock_ready().insert(id);
    }

    /// Drops everything of `owner`, wherever it is.
    pub fn kill(&self, owner: Owner) {
        let dropped: Vec<_> = {
            let mut inner = self.lock();
            let ids: Vec<u64> = inner.tasks.iter().filter(|(_, (of, _))| *of == owner).map(|(id, _)| *id).collect();
            ids.into_iter().filter_map(|id| inner.tasks.remove(&id)).collect()
        };
        // Dropped outside the lock: what they hold wakes others as it goes.
        drop(dropped);
    }

    pub fn now(&self) -> Time {
        Time::from_unix_ms(self.lock().now)
    }

    /// Has `waker` woken at `at`.
    pub fn wake_at(&self, at: Time, waker: Waker) {
        let mut inner = self.lock();
        let id = inner.next;
        inner.next += 1;
        inner.timers.insert((at.unix_ms(), id), waker);
    }

    pub fn sleep(&self, ms: u64) -> impl Future<Output = ()> + Send + 'static {
        let (exec, mut until) = (self.clone(), None);
        std::future::poll_fn(move |context| {
            let at = *until.get_or_insert_with(|| exec.now().plus(Duration::from_millis(ms)));
            if exec.now() >= at {
                return Poll::Ready(());
            }
            exec.wake_at(at, context.waker().clone());
            Poll::Pending
        })
    }

    /// Lets so much time pass in which nothing is done, as on a machine that is suspended.
    pub fn skip(&self, time: Duration) {
        let mut inner = self.lock();
        inner.now = Time::from_unix_ms(inner.now).plus(time).unix_ms();
    }

    /// Polls one ready task, or lets time pass to the next timer. False when there is nothing to do at all.
    pub fn step(&self, rng: &mut Rng) -> bool {
        let chosen = {
            let mut ready = self.lock_ready();
            let n = ready.len() as u64;
            let chosen = (n > 0).then(|| *ready.iter().nth(rng.below(n) as usize).expect("one of them"));
            chosen.filter(|id| ready.remove(id))
        };
        let Some(id) = chosen else { return self.pass_time() };
        let Some(mut task) = self.lock().tasks.get_mut(&id).and_then(|(_, task)| task.take()) else { return true };
        let waker = Waker::from(Arc::new(TaskWaker { id, ready: self.ready.clone() }));
        let done = task.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
        let mut inner = self.lock();
        if done {
            inner.tasks.remove(&id);
        } else if let Some(place) = inner.tasks.get_mut(&id) {
            place.1 = Some(task);
            return true;
        }
        // It ended, or was killed from inside.
        drop(inner);
        drop(task);
        true
    }

    fn pass_time(&self) -> bool {
        let due: Vec<Waker> = {
            let mut inner = self.lock();
            let Some((&(at, _), _)) = inner.timers.iter().next() else { return false };
            inner.now = inner.now.max(at);
            let later = inner.timers.split_off(&(at + 1, 0));
            std::mem::replace(&mut inner.timers, later).into_values().collect()
        };
        due.into_iter().for_each(Waker::wake);
        true
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_ready(&self) -> std::sync::MutexGuard<'_, BTreeSet<u64>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for Exec {
    fn now(&self) -> Time {
        Exec::now(self)
    }
}

/// Lets others go first, once.
pub fn yield_now() -> impl Future<Output = ()> + Send {
    let mut yielded = false;
    std::future::poll_fn(move |context| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
}

/// Runs a future that nothing holds up, a millisecond a poll.
pub fn run_alone<T: Send + 'static>(exec: &Exec, future: impl Future<Output = T> + Send + 'static) -> T {
    let (answer, mut outcome) = tokio::sync::oneshot::channel();
    exec.spawn(WORLD, async move {
        let _ = answer.send(future.await);
    });
    let mut rng = Rng::new(0);
    loop {
        exec.lock().now += 1;
        assert!(exec.step(&mut rng), "nothing can go on");
        if let Ok(done) = outcome.try_recv() {
            return done;
        }
    }
}
