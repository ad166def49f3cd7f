//! The victim's edge towards the hostile partner: the state machines of the protocol, driven as `src/edge` drives them, with
//! what it allows a partner and no QUIC under it. Where a bound is kept by the driver and not by a state machine, it is kept
//! here by the same rule; the planted defects are the rules left out.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use portcullis::edge::Intake;
use portcullis::ident::PartnerId;
use portcullis::partner::Limits;
use portcullis::time::Time;
use portcullis::wire::*;

use super::budget::{Budget, Gauge, LINKS, NO_FRAMES, Often, Open, What};
use super::defects::Defect;
use super::exec::Exec;
use super::reception::receive;
use super::stream::{Broken, Connection, Way};
use super::world::Sim;

/// How long a goodbye may take to be written.
const GOODBYE: Duration = Duration::from_millis(500);
/// Streams beyond the exchanges agreed.
const SPARE_STREAMS: u32 = 4;

/// So many at once, and so many more a minute.
struct Bucket {
    per_minute: u64,
    burst: u64,
    /// What is left, in parts of which a minute has as many as milliseconds.
    left: u64,
    counted: Time,
}

/// Milliseconds, and parts of one unit.
const PARTS: u64 = 60_000;

impl Bucket {
    fn of(burst: u64, per_minute: u64, now: Time) -> Bucket {
        Bucket { per_minute, burst, left: burst * PARTS, counted: now }
    }

    /// Takes so many, or says for how long there are not as many. More than the burst counts as the burst.
    fn take(&mut self, now: Time, units: u64) -> Result<(), Duration> {
        let passed = u64::try_from(now.since(self.counted).as_millis()).unwrap_or(u64::MAX);
        self.counted = now;
        self.left = self.left.saturating_add(passed.saturating_mul(self.per_minute)).min(self.burst * PARTS);
        let wanted = units.clamp(1, self.burst) * PARTS;
        match self.left.checked_sub(wanted) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(Duration::from_millis((wanted - self.left).div_ceil(self.per_minute))),
        }
    }
}

/// What one process of the victim remembers of the partner.
struct Allowed {
    links: Bucket,
    no_frames: Bucket,
    offers: Bucket,
    /// In units of 1024.
    bytes: Bucket,
    /// How many exchanges may still begin.
    exchanges: u32,
    link: Option<Connection>,
    connections: Vec<Connection>,
}

/// The victim's side of its links with the partner.
pub struct Door {
    pub limits: Limits,
    pub budget: Arc<Budget>,
    allowed: Mutex<Allowed>,
}

impl Door {
    pub fn new(limits: Limits, budget: Arc<Budget>, now: Time) -> Door {
        Door { limits, budget, allowed: Mutex::new(allowed(&limits, now)) }
    }

    fn lock(&self) -> MutexGuard<'_, Allowed> {
        self.allowed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The victim's process ended: its connections end with it, and what it counted is forgotten.
    pub fn falls(&self, now: Time) {
        let before = std::mem::replace(&mut *self.lock(), allowed(&self.limits, now));
        before.connections.iter().for_each(Connection::close);
        self.budget.begins_anew();
    }

    pub fn offer(&self, now: Time) -> Result<(), Duration> {
        self.lock().offers.take(now, 1)
    }

    pub fn bytes(&self, now: Time, length: usize) -> Result<(), Duration> {
        self.lock().bytes.take(now, length.div_ceil(1024) as u64)
    }

    /// One more of the exchanges that may be open at once.
    pub fn permit(self: &Arc<Self>) -> Option<Permit> {
        let mut allowed = self.lock();
        allowed.exchanges = allowed.exchanges.checked_sub(1)?;
        Some(Permit(self.clone()))
    }

    /// What came is no frame.
    pub fn no_frame(&self, sim: &Sim, connection: &Connection) {
        let now = sim.exec.now();
        self.budget.count(Often::NoFrames(connection.number), now);
        if self.lock().no_frames.take(now, 1).is_err() && !sim.defect(Defect::GarbageForgiven) {
            connection.close();
        }
    }

    /// Takes in a link that has come up. Both were dialled by the same side, so that the later one counts.
    fn admit(&self, connection: &Connection) {
        let old = self.lock().link.replace(connection.clone());
        old.iter().for_each(Connection::close);
    }
}

fn allowed(limits: &Limits, now: Time) -> Allowed {
    let bucket = |(burst, more): (u32, u32)| Bucket::of(burst.into(), more.into(), now);
    let kib = |bytes: u32| u64::from(bytes).div_ceil(1024);
    Allowed {
        links: bucket(LINKS),
        no_frames: bucket(NO_FRAMES),
        offers: bucket((limits.offers_burst, limits.offers_per_minute)),
        bytes: Bucket::of(kib(limits.bytes_burst), kib(limits.bytes_per_second) * 60, now),
        exchanges: limits.concurrent,
        link: None,
        connections: Vec::new(),
    }
}

/// That an exchange may be open, until this is dropped.
pub struct Permit(Arc<Door>);

impl Drop for Permit {
    fn drop(&mut self) {
        let mut allowed = self.0.lock();
        // One of a process that has ended gives nothing back to the next.
        allowed.exchanges = (allowed.exchanges + 1).min(self.0.limits.concurrent);
    }
}

/// The frames that come on one stream.
pub struct Incoming {
    way: Way,
    reader: FrameReader,
    held: Gauge,
}

/// Why no frame came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    Ended,
    NoFrame,
}

impl Incoming {
    pub fn new(way: &Way, data_max: usize, held: Gauge) -> Incoming {
        Incoming { way: way.clone(), reader: FrameReader::new(data_max), held }
    }

    pub fn poll_next(&mut self, context: &Context<'_>) -> Poll<Result<Frame, Fault>> {
        loop {
            match self.reader.next() {
                Ok(Some(frame)) => return Poll::Ready(Ok(frame)),
                Ok(None) => {}
                Err(_) => return Poll::Ready(Err(Fault::NoFrame)),
            }
            match self.way.poll_read(context) {
                Poll::Ready(Some(bytes)) => {
                    self.reader.push(&bytes);
                    self.held.set(self.reader.held());
                }
                Poll::Ready(None) => {
                    let whole = self.reader.finish().is_ok();
                    return Poll::Ready(Err(if whole { Fault::Ended } else { Fault::NoFrame }));
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Reads no more.
    pub fn stop(&self) {
        self.way.break_off();
    }
}

/// The frames that go out on one stream.
pub struct Outgoing {
    way: Way,
    waiting: VecDeque<Bytes>,
    held: Gauge,
}

impl Outgoing {
    pub fn new(way: &Way, held: Gauge) -> Outgoing {
        Outgoing { way: way.clone(), waiting: VecDeque::new(), held }
    }

    pub fn queue(&mut self, frame: &Frame) {
        self.waiting.push_back(frame.encode().into());
        self.measure();
    }

    pub fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    pub fn poll_flush(&mut self, context: &Context<'_>) -> Poll<Result<(), Broken>> {
        let written = self.way.poll_write(context, &mut self.waiting);
        self.measure();
        written
    }

    fn measure(&self) {
        self.held.set(self.waiting.iter().map(Bytes::len).sum());
    }

    pub fn poll_delivered(&self, context: &Context<'_>) -> Poll<()> {
        self.way.poll_delivered(context)
    }

    pub fn finish(&self) {
        self.way.end();
    }

    pub fn reset(&self) {
        self.way.break_off();
    }
}

/// Ready at `deadline`; never, if there is none.
pub fn poll_until(exec: &Exec, context: &Context<'_>, deadline: Option<Time>) -> Poll<()> {
    let Some(at) = deadline else { return Poll::Pending };
    if exec.now() >= at {
        return Poll::Ready(());
    }
    exec.wake_at(at, context.waker().clone());
    Poll::Pending
}

/// Closes a connection whatever way the task ends that drives it.
struct Closes(Connection);

impl Drop for Closes {
    fn drop(&mut self) {
        self.0.close();
    }
}

struct Link {
    sim: Arc<Sim>,
    door: Arc<Door>,
    at: usize,
    partner: PartnerId,
    connection: Connection,
    incoming: Incoming,
    out: Outgoing,
}

enum Heard {
    Closed,
    Written(Result<(), Broken>),
    Frame(Result<Frame, Fault>),
    Stream(super::stream::Stream),
    Timeout,
}

/// One connection that the partner dialled, from its handshake to its end.
pub async fn link(sim: Arc<Sim>, door: Arc<Door>, at: usize, partner: PartnerId, connection: Connection) {
    let _closes = Closes(connection.clone());
    let now = sim.exec.now();
    {
        let mut allowed = door.lock();
        allowed.connections.retain(|other| !other.is_closed());
        allowed.connections.push(connection.clone());
        if allowed.links.take(now, 1).is_err() {
            return;
        }
    }
    door.budget.count(Often::Links, now);
    let Some(intake) = sim.intake(at) else { return };
    let held = Gauge::of(&door.budget, What::ControlRead);
    let incoming = Incoming::new(&connection.control.there, DATA_BYTES_FLOOR, held);
    let held = Gauge::of(&door.budget, What::Greeting);
    let out = Outgoing::new(&connection.control.back, held);
    let mut link = Link { sim, door, at, partner, connection, incoming, out };
    let Some(session) = link.greet(&*intake, now).await else { return };
    link.out.held.becomes(What::Control);
    link.door.admit(&link.connection);
    link.connection.grant((link.door.limits.concurrent + SPARE_STREAMS) as usize);
    intake.link_changed(&link.partner, true);
    link.run(session).await;
}

impl Link {
    async fn greet(&mut self, intake: &dyn Intake, began: Time) -> Option<Session> {
        let ours = intake.hello_extensions(&self.partner).await;
        let hello = Hello {
            version: VERSION,
            node: self.sim.name(self.at).into(),
            boot: [7; 16],
            data_bytes_max: u32::try_from(DATA_BYTES_MAX).unwrap_or(u32::MAX),
            exchanges_max: self.door.limits.concurrent,
            extensions: ours.clone(),
        };
        let (expected, timers) = (self.partner.clone().into(), SessionTimers::default());
        let (mut session, mut actions) = Session::start(Role::Acceptor, hello, expected, timers, self.sim.exec.now());
        let deadline = Some(began.plus(timers.hello));
        loop {
            let (mut up, mut closed) = (None, false);
            for action in actions {
                match action {
                    SessionAction::Send(frame) => self.out.queue(&frame),
                    SessionAction::Prove(peer) => {
                        let proof = intake.prove_consistency(&self.partner, &ours, &peer.extensions).await;
                        self.out.queue(&Frame::Consistency(proof));
                    }
                    SessionAction::Up(peer) => up = Some(peer),
                    SessionAction::Close(_) => closed = true,
                }
            }
            let written = poll_fn(|context| match self.out.poll_flush(context) {
                Poll::Ready(written) => Poll::Ready(written.is_ok()),
                Poll::Pending => poll_until(&self.sim.exec, context, deadline).map(|()| false),
            });
            if !written.await || closed {
                return None;
            }
            if let Some(peer) = up {
                let judged = intake.check_hello(&self.partner, &ours, &peer.extensions, peer.proof.as_ref()).await;
                return judged.is_ok().then_some(session);
            }
            let heard = poll_fn(|context| match self.incoming.poll_next(context) {
                Poll::Ready(heard) => Poll::Ready(Some(heard)),
                Poll::Pending => poll_until(&self.sim.exec, context, deadline).map(|()| None),
            });
            actions = match heard.await {
                Some(Ok(frame)) => session.handle(self.sim.exec.now(), frame),
                Some(Err(Fault::NoFrame)) => session.close(RefusalCode::ProtocolError),
                Some(Err(Fault::Ended)) | None => return None,
            };
        }
    }

    async fn run(&mut self, mut session: Session) {
        loop {
            let heard = self.next(session.timeout()).await;
            let now = self.sim.exec.now();
            let actions = match heard {
                Heard::Closed => return,
                Heard::Written(Ok(())) => continue,
                Heard::Written(Err(Broken)) | Heard::Frame(Err(_)) => session.close(RefusalCode::ProtocolError),
                // A driver that answers by itself, as often as it is asked.
                Heard::Frame(Ok(Frame::Ping(ping))) if self.sim.defect(Defect::PingsUncounted) => {
                    vec![SessionAction::Send(Frame::Pong(ping))]
                }
                Heard::Frame(Ok(frame)) => session.handle(now, frame),
                Heard::Stream(stream) => {
                    let (sim, door, partner) = (self.sim.clone(), self.door.clone(), self.partner.clone());
                    let reception = receive(sim, door, self.at, partner, self.connection.clone(), stream);
                    self.sim.exec.spawn(self.at, reception);
                    continue;
                }
                Heard::Timeout => session.on_timeout(now),
            };
            if self.does(actions) {
                return self.say_goodbye().await;
            }
        }
    }

    /// Whether the link is to be closed.
    fn does(&mut self, actions: Vec<SessionAction>) -> bool {
        let mut close = false;
        for action in actions {
            match action {
                SessionAction::Send(frame) => {
                    if matches!(frame, Frame::Pong(_)) {
                        self.door.budget.count(Often::Pongs(self.connection.number), self.sim.exec.now());
                    }
                    self.out.queue(&frame);
                }
                SessionAction::Close(_) => close = true,
                SessionAction::Prove(_) | SessionAction::Up(_) => {}
            }
        }
        close
    }

    async fn next(&mut self, deadline: Option<Time>) -> Heard {
        poll_fn(|context| {
            if self.connection.poll_closed(context, 0).is_ready() {
                return Poll::Ready(Heard::Closed);
            }
            let waiting = self.out.is_waiting();
            if waiting && let Poll::Ready(written) = self.out.poll_flush(context) {
                return Poll::Ready(Heard::Written(written));
            }
            // Nothing is read while an answer waits.
            if (!waiting || self.sim.defect(Defect::ReadsWhileItWaits))
                && let Poll::Ready(frame) = self.incoming.poll_next(context)
            {
                return Poll::Ready(Heard::Frame(frame));
            }
            if let Poll::Ready(stream) = self.connection.poll_accept(context) {
                return Poll::Ready(Heard::Stream(stream));
            }
            poll_until(&self.sim.exec, context, deadline).map(|()| Heard::Timeout)
        })
        .await
    }

    async fn say_goodbye(&mut self) {
        let deadline = Some(self.sim.exec.now().plus(GOODBYE));
        poll_fn(|context| match self.out.poll_flush(context) {
            Poll::Ready(_) => Poll::Ready(()),
            Poll::Pending => poll_until(&self.sim.exec, context, deadline),
        })
        .await;
    }
}

/// An exchange that has begun, and counts as one.
pub struct Begun {
    _permit: Option<Permit>,
    _open: Open,
}

impl Begun {
    /// `None` if there are as many as there may be.
    pub fn of(sim: &Sim, door: &Arc<Door>) -> Option<Begun> {
        let permit = door.permit();
        let begins = permit.is_some() || sim.defect(Defect::ConcurrencyIgnored);
        begins.then(|| Begun { _permit: permit, _open: Open::of(&door.budget) })
    }
}
