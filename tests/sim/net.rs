//! The network between simulated nodes: streams of chunks that are late, lost, doubled, out of order or altered, and
//! the two ends of an exchange driven over them by the production state machines.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::{Either, select};
use portcullis::edge::{
    CompletePayload, DeliveryFailure, KeyGate, OfferAnswer, PayloadSink, PayloadSource, Refusal, SinkError, StopSignal,
    Transport,
};
use portcullis::ident::{ExchangeId, PartnerId};
use portcullis::time::Time;
use portcullis::wire::*;

use super::defects::Defect;
use super::exec::{Exec, Rng, yield_now};
use super::world::Sim;

#[derive(Default)]
struct Channel {
    chunks: VecDeque<(Time, Bytes)>,
    latest: Time2,
    ended: bool,
    broken: bool,
    waker: Option<Waker>,
}

/// The arrival of the chunk before, so that a well-behaved stream keeps its order.
#[derive(Clone, Copy)]
struct Time2(Time);

impl Default for Time2 {
    fn default() -> Time2 {
        Time2(Time::EPOCH)
    }
}

/// One direction of one stream; clones are its two ends.
#[derive(Clone, Default)]
pub struct Pipe(Arc<Mutex<Channel>>);

enum Heard {
    Bytes(Bytes),
    Ended,
    Timeout,
}

impl Pipe {
    fn lock(&self) -> std::sync::MutexGuard<'_, Channel> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn break_off(&self) {
        let waker = {
            let mut channel = self.lock();
            channel.broken = true;
            channel.chunks.clear();
            channel.waker.take()
        };
        waker.into_iter().for_each(Waker::wake);
    }

    fn end(&self) {
        let waker = {
            let mut channel = self.lock();
            channel.ended = true;
            channel.waker.take()
        };
        waker.into_iter().for_each(Waker::wake);
    }

    fn is_broken(&self) -> bool {
        self.lock().broken
    }

    /// Puts bytes on their way; what the network does to them is drawn from the seed.
    pub fn send(&self, exec: &Exec, rng: &mut Rng, weather: &Weather, bytes: &[u8]) {
        let waker = {
            let mut channel = self.lock();
            if channel.broken {
                return;
            }
            let mut at = exec.now().plus(Duration::from_millis(1 + rng.below(weather.delay_ms)));
            if rng.one_in(weather.stall_one_in) {
                at = at.plus(Duration::from_millis(rng.below(weather.stall_ms)));
            }
            let mut bytes = bytes.to_vec();
            let mut copies = 1;
            if weather.hostile {
                match rng.below(weather.harm_one_in * 4) {
                    0 => copies = 0,
                    1 => copies = 2,
                    2 => {
                        let place = rng.below(bytes.len() as u64) as usize;
                        bytes[place] ^= 1 << rng.below(8);
                    }
                    3 => at = at.plus(Duration::from_millis(1 + 4 * weather.delay_ms)),
                    _ => at = at.max(channel.latest.0),
                }
            } else {
                at = at.max(channel.latest.0);
            }
            channel.latest = Time2(channel.latest.0.max(at));
            let bytes = Bytes::from(bytes);
            for _ in 0..copies {
                let place = channel.chunks.partition_point(|(there, _)| *there <= at);
                channel.chunks.insert(place, (at, bytes.clone()));
            }
            channel.waker.take()
        };
        waker.into_iter().for_each(Waker::wake);
    }

    async fn hear(&self, exec: &Exec, deadline: Option<Time>) -> Heard {
        std::future::poll_fn(|context| {
            let now = exec.now();
            let mut channel = self.lock();
            if channel.broken {
                return Poll::Ready(Heard::Ended);
            }
            match channel.chunks.front() {
                Some((at, _)) if *at <= now => {
                    let (_, bytes) = channel.chunks.pop_front().expect("it was there");
                    return Poll::Ready(Heard::Bytes(bytes));
                }
                Some((at, _)) => exec.wake_at(*at, context.waker().clone()),
                None if channel.ended => return Poll::Ready(Heard::Ended),
                None => {}
            }
            if let Some(at) = deadline {
                if at <= now {
                    return Poll::Ready(Heard::Timeout);
                }
                exec.wake_at(at, context.waker().clone());
            }
            channel.waker = Some(context.waker().clone());
            Poll::Pending
        })
        .await
    }
}

/// What the network does.
#[derive(Clone, Debug)]
pub struct Weather {
    pub delay_ms: u64,
    /// One chunk in this many is held up, as by loss and retransmission.
    pub stall_one_in: u64,
    pub stall_ms: u64,
    /// Whether chunks are lost, doubled, altered or out of order, which QUIC would not let through.
    pub hostile: bool,
    pub harm_one_in: u64,
}

/// The way to partners of one process of one node.
pub struct SimCarrier {
    pub sim: Arc<Sim>,
    pub from: usize,
    /// Which process: a node may have two on one store.
    pub process: u64,
}

#[async_trait]
impl Transport for SimCarrier {
    async fn deliver(
        &self,
        partner: &PartnerId,
        offer: Offer,
        source: Box<dyn PayloadSource>,
        key: KeyGate,
        stop: StopSignal,
    ) -> Result<Vec<u8>, DeliveryFailure> {
        let id = offer.exchange;
        let outcome = self.exchange(partner, offer, source, key, stop).await;
        // What was stopped is asked for until there is an answer, however long that takes.
        let asked = self.sim.row(self.from, &id).is_some_and(|row| row.is_to_be_asked());
        if outcome.as_ref().is_err_and(|why| *why != DeliveryFailure::Withdrawn) && !asked {
            self.sim.watch.failed(self.from, id);
        }
        outcome
    }

    fn link_failure(&self, _: &PartnerId) -> Option<String> {
        Some("the simulated link is down".into())
    }
}

impl SimCarrier {
    async fn exchange(
        &self,
        partner: &PartnerId,
        offer: Offer,
        mut source: Box<dyn PayloadSource>,
        key: KeyGate,
        stop: StopSignal,
    ) -> Result<Vec<u8>, DeliveryFailure> {
        let sim = &self.sim;
        let Some(to) = sim.place_of(partner).filter(|to| sim.is_up(self.from, *to)) else {
            return Err(DeliveryFailure::LinkDown);
        };
        let id = offer.exchange;
        let _busy = sim.watch.attempt(sim, self.from, self.process, id);
        let (out, back) = (Pipe::default(), Pipe::default());
        sim.join(self.from, to, &[out.clone(), back.clone()]);
        let _ends = Ends(out.clone());
        sim.exec.spawn(to, receive(sim.clone(), to, self.from, out.clone(), back.clone()));
        // A payload goes in about five pieces whatever its size, which differs from one sealing to the next.
        let data_max = usize::try_from(offer.payload_size / 5 + 1).unwrap_or(DATA_BYTES_MAX).clamp(256, DATA_BYTES_MAX);
        let (mut exchange, first) = OutboundExchange::start(offer, data_max, OutboundTimers::default(), sim.exec.now());
        if stop.awaits_answer() {
            exchange.hear_the_answer();
        }
        let (mut todo, mut key, mut stopping) = (VecDeque::from(first), Some(key), false);
        let mut reader = FrameReader::new(DATA_BYTES_FLOOR);
        loop {
            while let Some(action) = todo.pop_front() {
                let event = match action {
                    OutboundAction::Send(frame) => {
                        sim.step(self.from, id);
                        sim.watch.sent(sim, self.from, to, id, &frame);
                        sim.send(&out, &frame.encode());
                        None
                    }
                    OutboundAction::DigestPrefix { length } => {
                        let digest = source.prefix_digest(length).await;
                        Some(digest.map_or(OutboundEvent::SourceFailed, OutboundEvent::PrefixDigest))
                    }
                    OutboundAction::Decide => {
                        if sim.defect(Defect::KeySentEarly) {
                            let early = Frame::End(End::new(sim.header(self.from, id)));
                            sim.watch.sent(sim, self.from, to, id, &early);
                            sim.send(&out, &early.encode());
                        }
                        let header = sim.header(self.from, id).filter(|_| sim.defect(Defect::GateSkipped));
                        let answer = match (header, key.take().filter(|_| sim.is_up(self.from, to))) {
                            (Some(header), _) => KeyAnswer::Send(Some(header)),
                            (None, Some(key)) => key().await,
                            (None, None) => KeyAnswer::Withhold,
                        };
                        Some(OutboundEvent::Decided(answer))
                    }
                    OutboundAction::Read { .. } if stop.is_stopped() && !stopping => {
                        stopping = true;
                        Some(OutboundEvent::Stop)
                    }
                    OutboundAction::Read { offset, max } => {
                        sim.exec.sleep(sim.pace()).await;
                        yield_now().await;
                        let read = source.read_at(offset, max).await;
                        Some(read.map_or(OutboundEvent::SourceFailed, OutboundEvent::Payload))
                    }
                    OutboundAction::Finished(outcome) => return ended(sim, id, outcome),
                };
                if let Some(event) = event {
                    todo.extend(exchange.handle(sim.exec.now(), event));
                }
                if out.is_broken() {
                    return Err(DeliveryFailure::LinkDown);
                }
            }
            if stop.is_stopped() && !std::mem::replace(&mut stopping, true) {
                todo.extend(exchange.handle(sim.exec.now(), OutboundEvent::Stop));
                continue;
            }
            let heard = {
                let next = std::pin::pin!(next(&mut reader, &back, sim, exchange.timeout()));
                let stopped = std::pin::pin!(stop.stopped());
                match select(next, stopped).await {
                    Either::Left((heard, _)) => heard,
                    Either::Right(_) if !stopping => continue,
                    Either::Right((_, next)) => next.await,
                }
            };
            sim.step(self.from, id);
            match heard {
                Next::Frame(Frame::Accept(mut accept)) => {
                    if sim.defect(Defect::PrefixUnverified) && accept.offset > 0 {
                        // A sender that believes whatever prefix it is told of.
                        let ours = source.prefix_digest(accept.offset).await;
                        accept.prefix_digest = ours.unwrap_or(accept.prefix_digest);
                    }
                    todo.extend(exchange.handle(sim.exec.now(), OutboundEvent::Frame(Frame::Accept(accept))));
                }
                Next::Frame(frame) => todo.extend(exchange.handle(sim.exec.now(), OutboundEvent::Frame(frame))),
                Next::Fault => return Err(DeliveryFailure::Protocol),
                Next::Ended => return Err(DeliveryFailure::LinkDown),
                Next::Timeout => todo.extend(exchange.on_timeout(sim.exec.now())),
            }
        }
    }
}

fn ended(sim: &Sim, id: ExchangeId, outcome: OutboundOutcome) -> Result<Vec<u8>, DeliveryFailure> {
    match outcome {
        OutboundOutcome::Receipt(receipt) => Ok(receipt),
        OutboundOutcome::Refused { code, retry_after } => {
            sim.watch.refused(sim, id, code);
            Err(DeliveryFailure::Refused(Refusal { code, retry_after }))
        }
        OutboundOutcome::Withdrawn => Err(DeliveryFailure::Withdrawn),
        OutboundOutcome::TimedOut => Err(DeliveryFailure::TimedOut),
        OutboundOutcome::ProtocolError => Err(DeliveryFailure::Protocol),
        OutboundOutcome::SourceFailed => Err(DeliveryFailure::SourceFailed),
    }
}

/// The receiving end of one exchange.
async fn receive(sim: Arc<Sim>, at: usize, from: usize, incoming: Pipe, back: Pipe) {
    let _ends = Ends(back.clone());
    let Some(intake) = sim.intake(at) else { return };
    let partner = sim.name(from);
    let mut exchange = InboundExchange::start(DATA_BYTES_MAX, InboundTimers::default(), sim.exec.now());
    let mut reader = FrameReader::new(DATA_BYTES_MAX);
    let mut todo: VecDeque<InboundAction> = VecDeque::new();
    let mut sink: Option<Box<dyn PayloadSink>> = None;
    let mut id = None;
    loop {
        while let Some(action) = todo.pop_front() {
            let storage = |_: SinkError| refusal(RefusalCode::StorageUnavailable.into());
            let event = match action {
                InboundAction::Send(frame) => {
                    if let Some(id) = id {
                        sim.watch.answered(&sim, at, from, id, &frame);
                    }
                    sim.send(&back, &frame.encode());
                    None
                }
                InboundAction::Decide(offer) => {
                    id = Some(offer.exchange);
                    let kept = offer.clone();
                    Some(match intake.offer(&partner, offer).await {
                        OfferAnswer::Accept(taken) => {
                            let (offset, prefix_digest) = taken.durable();
                            sink = Some(taken);
                            InboundEvent::Accepted { offset, prefix_digest }
                        }
                        OfferAnswer::Replay(receipt) => InboundEvent::Replayed(sim.again(at, from, &kept, receipt)),
                        OfferAnswer::Refuse(why) => refusal(why),
                    })
                }
                InboundAction::Write(bytes) => match sink.as_mut() {
                    Some(sink) => sink.write(bytes).await.err().map(storage),
                    None => None,
                },
                InboundAction::Discard => match sink.as_mut() {
                    Some(sink) => sink.discard().await.err().map(storage),
                    None => None,
                },
                InboundAction::Finish => match sink.as_mut() {
                    Some(sink) => Some(sink.finish().await.map_or_else(storage, InboundEvent::Whole)),
                    None => Some(refusal(RefusalCode::NotCompleted.into())),
                },
                InboundAction::Complete(header) => {
                    let short = sink.take().and_then(|sink| sink.hand_over());
                    let id = id.expect("an offer came first");
                    Some(match intake.complete(&partner, id, CompletePayload { header, short }).await {
                        _ if !sim.is_up(from, at) => return,
                        Ok(receipt) => InboundEvent::Completed(receipt),
                        Err(why) => match sim.receipt_anyway(at, id) {
                            Some(receipt) => InboundEvent::Completed(receipt),
                            None => refusal(why),
                        },
                    })
                }
                InboundAction::Finished(_) => return,
            };
            if let Some(event) = event {
                todo.extend(exchange.handle(sim.exec.now(), event));
            }
            if incoming.is_broken() {
                return;
            }
        }
        exchange.waiting(sim.exec.now());
        match next(&mut reader, &incoming, &sim, exchange.timeout()).await {
            Next::Frame(frame) => todo.extend(exchange.handle(sim.exec.now(), InboundEvent::Frame(frame))),
            Next::Fault => todo.extend(exchange.handle(sim.exec.now(), refusal(RefusalCode::ProtocolError.into()))),
            Next::Ended => return,
            Next::Timeout => todo.extend(exchange.on_timeout(sim.exec.now())),
        }
    }
}

fn refusal(why: Refusal) -> InboundEvent {
    InboundEvent::Refused { code: why.code, retry_after: why.retry_after }
}

enum Next {
    Frame(Frame),
    Fault,
    Ended,
    Timeout,
}

async fn next(reader: &mut FrameReader, pipe: &Pipe, sim: &Sim, deadline: Option<Time>) -> Next {
    loop {
        match reader.next() {
            Ok(Some(frame)) => return Next::Frame(frame),
            Ok(None) => {}
            Err(_) => return Next::Fault,
        }
        match pipe.hear(&sim.exec, deadline).await {
            Heard::Bytes(bytes) => reader.push(&bytes),
            Heard::Ended => return Next::Ended,
            Heard::Timeout => return Next::Timeout,
        }
    }
}

/// Whatever way a task ends, its end of the stream ends with it.
struct Ends(Pipe);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.end();
    }
}
