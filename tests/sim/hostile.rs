//! A partner that is hostile: enrolled at every node, with its own valid keys, and with no node behind them. It brings links up
//! rightly and wrongly, sends any frame at any time, offers what it likes, sends a part of it, takes it back, abandons it, offers
//! it again, and reads nothing. What that costs its victim is bounded ([`super::budget`]), and the others notice nothing.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use portcullis::config::Keys;
use portcullis::digest::Digest;
use portcullis::ident::{ExchangeId, PartnerId};
use portcullis::ledger::{LedgerKey, Origin, SignedCheckpoint};
use portcullis::store::SpoolId;
use portcullis::time::Time;
use portcullis::wire::*;
use tokio::sync::oneshot;
use tracing::subscriber::DefaultGuard;

use super::budget::{Budget, ITS_OWN_WORD};
use super::defects::Defect;
use super::door::{Door, link, poll_until};
use super::exec::{Exec, Rng, WORLD};
use super::lines::Lines;
use super::offers::Made;
use super::stream::{Connection, Stream, Way};
use super::template::{Foe, template};
use super::watch::Property;
use super::world::Sim;

/// How many things it does with each of its two hands before it leaves everything as it is.
const ACTS: u32 = 90;

/// What it does most of the time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Manner {
    /// Everything by turns.
    Mixed,
    /// It asks whether we are there, and now and then reads the answers.
    Pings,
    /// It sends what is no frame.
    Garbage,
    /// It offers as much as it can.
    Offers,
}

/// What it has and knows.
#[derive(Default)]
pub struct Known {
    /// What it offered, to be offered again.
    pub made: Vec<Made>,
    /// Its latest connections.
    connections: Vec<Connection>,
    dialled: u64,
    /// The latest head of the victim's ledger, as its Hello told it.
    head: Option<String>,
    /// The longest text of its own making that it sent last.
    pub text: String,
    /// How many of its hands are at rest.
    rests: u32,
}

/// The hostile partner of one run, and its victim's door.
pub struct Hostile {
    pub victim: usize,
    pub foe: &'static Foe,
    pub door: Arc<Door>,
    /// The victim's keys: what is sealed for it can be made by anybody.
    pub theirs: Arc<Keys>,
    manner: Manner,
    rng: Mutex<Rng>,
    known: Mutex<Known>,
}

impl Hostile {
    /// The hostile partner of a run, if it has one: every second, or where a planted defect is about it.
    pub fn draw(seed: u64, defect: Option<Defect>, nodes: usize, now: Time) -> Option<Arc<Hostile>> {
        let mut rng = Rng::new(seed ^ 0x0b5e_55ed);
        let wanted = match defect {
            None => seed % 2 == 1,
            Some(defect) => defect.property() == Property::HostileBounded,
        };
        if !wanted {
            return None;
        }
        let all = [Manner::Mixed, Manner::Pings, Manner::Garbage, Manner::Offers, Manner::Mixed];
        let manner = match defect {
            Some(Defect::PingsUncounted | Defect::ReadsWhileItWaits) => Manner::Pings,
            Some(Defect::GarbageForgiven) => Manner::Garbage,
            Some(_) => Manner::Offers,
            None => all[rng.below(all.len() as u64) as usize],
        };
        let victim = rng.below(nodes as u64) as usize;
        let foe = &template().foe;
        let budget = Budget::of(foe.name.clone(), foe.limits);
        let door = Arc::new(Door::new(foe.limits, budget, now));
        let theirs = Arc::new(template().nodes[victim].node.config().keys.load().expect("keys"));
        let (rng, known) = (Mutex::new(rng), Mutex::default());
        Some(Arc::new(Hostile { victim, foe, door, theirs, manner, rng, known }))
    }

    pub fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn below(&self, n: u64) -> u64 {
        self.rng.lock().unwrap_or_else(PoisonError::into_inner).below(n)
    }

    pub fn one_in(&self, n: u64) -> bool {
        self.below(n) == 0
    }

    pub fn one_of<T: Clone>(&self, of: &[T]) -> Option<T> {
        if of.is_empty() { None } else { Some(of[self.below(of.len() as u64) as usize].clone()) }
    }

    /// So many bytes of nothing in particular.
    pub fn noise(&self, length: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length + 8);
        while bytes.len() < length {
            bytes.extend(self.below(u64::MAX).to_be_bytes());
        }
        bytes.truncate(length);
        bytes
    }

    /// A text of its own making.
    pub fn text(&self) -> String {
        let times = [1, 3, 100, 2000][self.below(4) as usize];
        let text = format!("SECRET//{}", format!("{ITS_OWN_WORD} ").repeat(times).to_uppercase());
        self.known().text.clone_from(&text);
        text
    }

    /// Whether it has done everything that it does.
    pub fn rests(&self) -> bool {
        self.known().rests == 2
    }

    /// Both its hands begin. What is logged about it is read until what this gives is dropped.
    pub fn begin(self: &Arc<Self>, sim: &Arc<Sim>) -> DefaultGuard {
        for _ in 0..2 {
            let (sim, hostile) = (sim.clone(), self.clone());
            sim.exec.clone().spawn(WORLD, async move {
                let mut acts = 0;
                // A victim that does not get up again is left alone after a while.
                for _ in 0..4 * ACTS {
                    let wait = hostile.below(1200);
                    sim.exec.sleep(wait).await;
                    acts += u32::from(hostile.act(&sim).await);
                    if acts == ACTS {
                        break;
                    }
                }
                hostile.known().rests += 1;
            });
        }
        Lines::read(self.foe.name.clone(), self.door.budget.clone(), sim.exec.clone())
    }

    /// Does one thing; false if its victim does not run.
    async fn act(self: &Arc<Self>, sim: &Arc<Sim>) -> bool {
        let Some(connection) = self.connection(sim).await else { return false };
        let manner = if self.one_in(8) { Manner::Mixed } else { self.manner };
        match (manner, self.below(8)) {
            (Manner::Pings, _) | (Manner::Mixed, 0) => self.pings(sim, &connection).await,
            (Manner::Garbage, _) | (Manner::Mixed, 1) => {
                for _ in 0..1 + self.below(12) {
                    self.garbage(sim, &connection).await;
                }
            }
            (Manner::Offers, _) | (Manner::Mixed, 2..=4) => {
                for _ in 0..1 + self.below(8) {
                    let (sim, hostile, connection) = (sim.clone(), self.clone(), connection.clone());
                    sim.exec.clone().spawn(WORLD, async move { hostile.offer(&sim, &connection).await });
                }
            }
            (Manner::Mixed, 5) => {
                let frame = self.any_frame();
                self.say(&sim.exec, &connection.control.there, &frame.encode(), 100).await;
            }
            (Manner::Mixed, 6) => drop(self.dial(sim).await),
            (Manner::Mixed, _) => connection.close(),
        }
        true
    }

    /// One of its connections, or a new one.
    async fn connection(self: &Arc<Self>, sim: &Arc<Sim>) -> Option<Connection> {
        let live: Vec<Connection> = {
            let mut known = self.known();
            known.connections.retain(|connection| !connection.is_closed());
            known.connections.clone()
        };
        match self.one_of(&live).filter(|_| !self.one_in(12)) {
            Some(connection) => Some(connection),
            None => self.dial(sim).await,
        }
    }

    /// Brings up a link, or tries to.
    async fn dial(self: &Arc<Self>, sim: &Arc<Sim>) -> Option<Connection> {
        sim.intake(self.victim)?;
        let number = {
            let mut known = self.known();
            known.dialled += 1;
            known.dialled
        };
        let takes = [1 << 16, 1 << 16, 700, 100][self.below(4) as usize];
        let connection = Connection::new(number, takes);
        let (door, partner) = (self.door.clone(), self.foe.name.clone());
        sim.exec.spawn(self.victim, link(sim.clone(), door, self.victim, partner, connection.clone()));
        let control = &connection.control;
        let first = match self.below(12) {
            0 => self.any_frame().encode(),
            1 => self.no_frame(),
            2 => return Some(connection),
            _ => Frame::Hello(self.hello()).encode(),
        };
        self.say(&sim.exec, &control.there, &first, 100).await;
        let mut ear = Ear::of(&control.back);
        let asked = match ear.hear(&sim.exec, 2000).await {
            Some(Frame::Hello(hello)) => self.told(&hello),
            _ => false,
        };
        if asked {
            let proof = Consistency { seen: Vec::new(), heard: Vec::new() };
            self.say(&sim.exec, &control.there, &Frame::Consistency(proof).encode(), 100).await;
        }
        self.known().connections.push(connection.clone());
        Some(connection)
    }

    /// Remembers what the victim's Hello told; whether it asks for a proof.
    fn told(&self, hello: &Hello) -> bool {
        let Ok(Some(heads)) = CheckpointExchange::among(&hello.extensions) else { return false };
        let asks = heads.told().next().is_some();
        self.known().head = Some(heads.own);
        asks
    }

    fn hello(&self) -> Hello {
        let wrong = self.below(40);
        let name = if wrong == 0 { template().nodes[self.victim].name.clone() } else { self.foe.name.clone() };
        let mut extensions: Vec<Extension> = self.heads().into_iter().collect();
        if wrong == 1 {
            extensions.push(Extension { id: 2, critical: self.one_in(2), content: self.text().into_bytes() });
            extensions[0].content.truncate(2048);
        }
        extensions.iter_mut().for_each(|extension| extension.content.truncate(2048));
        Hello {
            version: if wrong == 2 { 1 } else { VERSION },
            node: name.into(),
            boot: [self.below(3) as u8; 16],
            data_bytes_max: if wrong == 3 { 1 } else { 1024 },
            exchanges_max: [0, 1, u32::MAX][self.below(3) as usize],
            extensions,
        }
    }

    /// What it says of its ledger, of which it has several, and of the victim's.
    fn heads(&self) -> Option<Extension> {
        let node = self.foe.name.clone().into();
        let key = LedgerKey::new(Origin::of_node(&node), self.foe.ledger.public().clone()).expect("a ledger's key");
        let own = match self.below(16) {
            0 => return None,
            1 => self.text(),
            n => {
                let size = 1 + n % 3;
                let root = Digest::of(format!("EXERCISE {}", n % 2).as_bytes());
                SignedCheckpoint::sign(size, root, &key, &*self.foe.ledger).expect("a signature").as_str().to_owned()
            }
        };
        let seen = if self.one_in(2) { self.known().head.clone() } else { None };
        let heard = self.one_in(8).then(|| own.clone());
        let cut = |text: String| text.chars().take(480).collect::<String>();
        CheckpointExchange { own: cut(own), seen, heard: heard.map(cut) }.to_extension()
    }

    /// Many pings at once, without a look at what comes back, or one a moment with it.
    async fn pings(&self, sim: &Arc<Sim>, connection: &Connection) {
        let reads = self.one_in(2);
        let mut ear = Ear::of(&connection.control.back);
        for _ in 0..[3, 9, 30][self.below(3) as usize] {
            let ping = Frame::Ping(Ping { number: self.below(4) });
            if !self.say(&sim.exec, &connection.control.there, &ping.encode(), 200).await {
                return;
            }
            if reads {
                ear.hear(&sim.exec, 20).await;
            }
        }
        if self.one_in(8) {
            let pong = Frame::Pong(Ping { number: self.below(4) });
            self.say(&sim.exec, &connection.control.there, &pong.encode(), 100).await;
        }
    }

    /// An exchange stream with what is no frame, or no frame of one.
    async fn garbage(&self, sim: &Arc<Sim>, connection: &Connection) {
        let Some(stream) = connection.open(1 << 16) else { return sim.exec.sleep(50).await };
        let bytes = if self.one_in(4) { self.any_frame().encode() } else { self.no_frame() };
        self.say(&sim.exec, &stream.there, &bytes, 100).await;
        stream.there.end();
        if self.one_in(8) {
            return;
        }
        // It stops reading, so that the stream is done with and another can be opened.
        Ear::of(&stream.back).hear(&sim.exec, 300).await;
        stream.back.break_off();
    }

    /// Bytes that become no frame.
    fn no_frame(&self) -> Vec<u8> {
        let mut frame = self.any_frame().encode();
        match self.below(6) {
            0 => self.noise(300),
            1 => [&u32::MAX.to_be_bytes()[..], &[0x14]].concat(),
            2 => [&[0, 0, 0, 252, 0x77][..], &self.noise(251)].concat(),
            // Not padded as it must be, and not to its end.
            3 => {
                *frame.last_mut().expect("a frame") ^= 1;
                frame
            }
            4 => {
                let there = 1 + self.below(frame.len() as u64 - 1) as usize;
                frame.truncate(there);
                frame
            }
            _ => {
                let at = self.below(frame.len() as u64) as usize;
                frame[at] ^= 1 << self.below(8);
                frame
            }
        }
    }

    /// A frame of any kind, as legal as it can be made.
    pub fn any_frame(&self) -> Frame {
        let number = self.below(u64::MAX);
        let codes = [1, 7, 8, 16, 23, 42, 43, 999];
        let code = RefusalCode::try_from(codes[self.below(8) as usize]).unwrap_or(RefusalCode::Refused);
        match self.below(14) {
            0 => Frame::Hello(self.hello()),
            1 => Frame::Goodbye(Goodbye::new(code)),
            2 => Frame::Ping(Ping { number }),
            3 => Frame::Pong(Ping { number }),
            4 => Frame::Consistency(Consistency { seen: vec![Digest::of(b""); 65], heard: Vec::new() }),
            5 => {
                self.one_of(&self.known().made.clone()).map_or(Frame::Ready(Ready {}), |made| Frame::Offer(made.offer))
            }
            6 => Frame::Accept(Accept { offset: number, prefix_digest: Digest::of(b"") }),
            7 => Frame::Refuse(Refuse::new(code, Some(Duration::from_millis(number)))),
            8 => Frame::Receipt(Receipt { receipt: self.noise(100) }),
            9 => Frame::Data(Bytes::from(self.noise(1 + self.below(4000) as usize))),
            10 => Frame::End(End::new(None)),
            11 => Frame::Cancel(Cancel::new(code)),
            12 => Frame::Restart(Restart {}),
            _ => Frame::Ready(Ready {}),
        }
    }

    /// Sends bytes; false if they are not taken for so long.
    pub async fn say(&self, exec: &Exec, way: &Way, bytes: &[u8], patience_ms: u64) -> bool {
        let deadline = Some(exec.now().plus(Duration::from_millis(patience_ms)));
        let mut waiting = [Bytes::copy_from_slice(bytes)].into();
        poll_fn(|context| match way.poll_write(context, &mut waiting) {
            Poll::Ready(written) => Poll::Ready(written.is_ok()),
            Poll::Pending => poll_until(exec, context, deadline).map(|()| false),
        })
        .await
    }

    /// What is beyond its budget, if anything is.
    pub fn look(&self, sim: &Sim) {
        let beyond = sim.of_victim(self.victim, |disk, files| self.door.budget.beyond(disk, files));
        for what in beyond {
            sim.watch.violation(Property::HostileBounded, what);
        }
    }

    /// It never comes back. After so long the victim keeps house, and nothing that was abandoned is left.
    pub fn leaves(&self, sim: &Arc<Sim>, after: Duration, rng: &mut Rng) {
        self.door.falls(sim.exec.now());
        sim.exec.skip(after);
        // A node that is killed, or stops, in the midst of it starts again, and then does it.
        let kept = (0..10).any(|_| self.house_is_kept(sim, rng));
        if !kept {
            sim.watch.violation(Property::HostileBounded, "its victim does not get to keeping house".to_owned());
        }
        let left = sim.of_victim(self.victim, |disk, files| self.door.budget.left(disk, &files()));
        for what in left {
            sim.watch.violation(Property::HostileBounded, what);
        }
    }
}

impl Hostile {
    /// Has the victim remove what is of no use, and says whether it did so within two minutes.
    fn house_is_kept(&self, sim: &Arc<Sim>, rng: &mut Rng) -> bool {
        let deadline = sim.exec.now().plus(Duration::from_secs(120));
        let (done, mut kept) = oneshot::channel();
        if let (Some(node), Some(intake)) = (sim.node(self.victim), sim.intake(self.victim)) {
            let (partner, keeps) = (self.foe.name.clone(), !sim.defect(Defect::AbandonedKept));
            sim.exec.spawn(WORLD, async move {
                // A node removes nothing that is whole before a partner has confirmed its ledger to it.
                let seen = node.store().head().await.ok().map(|head| head.as_str().to_owned());
                let heads = CheckpointExchange { own: String::new(), seen, heard: None };
                let told: Vec<Extension> = heads.to_extension().into_iter().collect();
                let _ = intake.check_hello(&partner, &[], &told, None).await;
                if !keeps || node.run_housekeeping().await.is_ok() {
                    let _ = done.send(());
                }
            });
        }
        loop {
            match kept.try_recv() {
                Ok(()) => return true,
                _ if sim.exec.now() >= deadline || !sim.exec.step(rng) => return false,
                _ => {}
            }
        }
    }
}

/// Reads the frames that come one way.
pub struct Ear {
    way: Way,
    reader: FrameReader,
}

impl Ear {
    pub fn of(way: &Way) -> Ear {
        Ear { way: way.clone(), reader: FrameReader::new(DATA_BYTES_MAX) }
    }

    /// The next frame, if it comes in time.
    pub async fn hear(&mut self, exec: &Exec, patience_ms: u64) -> Option<Frame> {
        let deadline = Some(exec.now().plus(Duration::from_millis(patience_ms)));
        poll_fn(|context| {
            loop {
                match self.reader.next() {
                    Ok(Some(frame)) => return Poll::Ready(Some(frame)),
                    Ok(None) => {}
                    Err(_) => return Poll::Ready(None),
                }
                match self.way.poll_read(context) {
                    Poll::Ready(Some(bytes)) => self.reader.push(&bytes),
                    Poll::Ready(None) => return Poll::Ready(None),
                    Poll::Pending => return poll_until(exec, context, deadline).map(|()| None),
                }
            }
        })
        .await
    }
}
