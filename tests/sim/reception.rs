//! One exchange that the hostile partner opened, driven as `src/edge/exchange/receive.rs` drives it.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use portcullis::edge::{CompletePayload, Intake, OfferAnswer, PayloadSink, Refusal, SinkError};
use portcullis::envelope::Header;
use portcullis::ident::{ExchangeId, PartnerId};
use portcullis::time::Time;
use portcullis::wire::*;

use super::budget::{Gauge, Often, What};
use super::defects::Defect;
use super::door::{Begun, Door, Fault, Incoming, Outgoing, poll_until};
use super::exec::WORLD;
use super::stream::{Connection, Stream};
use super::world::Sim;

/// Bytes over the limit are waited for this long, by not reading, before the exchange is refused.
const SHAPING_MAX: Duration = Duration::from_secs(5);
/// How long the last frame may take to be written, and how long to arrive.
const LAST_FRAME: Duration = Duration::from_secs(5);

struct Reception {
    sim: Arc<Sim>,
    door: Arc<Door>,
    at: usize,
    partner: PartnerId,
    connection: Connection,
    number: u64,
    intake: Arc<dyn Intake>,
    exchange: InboundExchange,
    incoming: Incoming,
    out: Outgoing,
    todo: VecDeque<InboundAction>,
    sink: Option<Box<dyn PayloadSink>>,
    id: Option<ExchangeId>,
}

/// Ends this side of a stream whatever way its task ends.
struct Done(Connection, Stream);

impl Drop for Done {
    fn drop(&mut self) {
        self.1.there.break_off();
        self.1.back.end();
        self.0.done();
    }
}

/// Takes one exchange from its offer to its receipt or refusal.
pub async fn receive(
    sim: Arc<Sim>,
    door: Arc<Door>,
    at: usize,
    partner: PartnerId,
    connection: Connection,
    stream: Stream,
) {
    let _done = Done(connection.clone(), stream.clone());
    let Some(intake) = sim.intake(at) else { return };
    let begun = Begun::of(&sim, &door);
    let exchange = InboundExchange::start(DATA_BYTES_MAX, InboundTimers::default(), sim.exec.now());
    let incoming = Incoming::new(&stream.there, DATA_BYTES_MAX, Gauge::of(&door.budget, What::ExchangeRead));
    let out = Outgoing::new(&stream.back, Gauge::of(&door.budget, What::Exchange));
    let (todo, sink, id, number) = (VecDeque::new(), None, None, stream.number);
    let mut reception =
        Reception { sim, door, at, partner, connection, number, intake, exchange, incoming, out, todo, sink, id };
    if begun.is_none() {
        reception.tell(refusal(RefusalCode::Busy.into()));
    }
    reception.run().await;
    drop(begun);
}

impl Reception {
    async fn run(&mut self) {
        loop {
            while let Some(action) = self.todo.pop_front() {
                if self.connection.is_closed() {
                    return;
                }
                let event = match action {
                    InboundAction::Send(frame) => {
                        if let (Some(id), Frame::Receipt(_)) = (self.id, &frame) {
                            self.sim.watch.answered(&self.sim, self.at, WORLD, id, &frame);
                        }
                        self.out.queue(&frame);
                        None
                    }
                    InboundAction::Decide(offer) => Some(self.decide(offer).await),
                    InboundAction::Write(bytes) => self.write(bytes).await,
                    InboundAction::Discard => match self.sink.as_mut() {
                        Some(sink) => sink.discard().await.err().map(storage),
                        None => None,
                    },
                    InboundAction::Finish => Some(match self.sink.as_mut() {
                        Some(sink) => sink.finish().await.map_or_else(storage, InboundEvent::Whole),
                        None => refusal(RefusalCode::NotCompleted.into()),
                    }),
                    InboundAction::Complete(header) => Some(self.complete(header).await),
                    InboundAction::Finished(outcome) => return self.finish(outcome).await,
                };
                self.door.budget.spooled();
                if let Some(event) = event {
                    self.tell(event);
                }
            }
            if !self.wait().await {
                return;
            }
        }
    }

    fn tell(&mut self, event: InboundEvent) {
        self.todo.extend(self.exchange.handle(self.sim.exec.now(), event));
    }

    /// Waits for the sender or a timer. False when there is nothing more to wait for.
    async fn wait(&mut self) -> bool {
        enum Heard {
            Closed,
            Written(bool),
            Frame(Result<Frame, Fault>),
            Timeout,
        }
        self.exchange.waiting(self.sim.exec.now());
        let deadline = self.exchange.timeout();
        let heard = poll_fn(|context| {
            if self.connection.poll_closed(context, self.number).is_ready() {
                return Poll::Ready(Heard::Closed);
            }
            if self.out.is_waiting()
                && let Poll::Ready(written) = self.out.poll_flush(context)
            {
                return Poll::Ready(Heard::Written(written.is_ok()));
            }
            if let Poll::Ready(frame) = self.incoming.poll_next(context) {
                return Poll::Ready(Heard::Frame(frame));
            }
            poll_until(&self.sim.exec, context, deadline).map(|()| Heard::Timeout)
        });
        match heard.await {
            Heard::Closed | Heard::Written(false) | Heard::Frame(Err(Fault::Ended)) => return false,
            Heard::Written(true) => {}
            Heard::Frame(Ok(frame)) => self.tell(InboundEvent::Frame(frame)),
            Heard::Frame(Err(Fault::NoFrame)) => {
                self.door.no_frame(&self.sim, &self.connection);
                self.tell(refusal(RefusalCode::ProtocolError.into()));
            }
            Heard::Timeout => self.todo.extend(self.exchange.on_timeout(self.sim.exec.now())),
        }
        true
    }

    async fn decide(&mut self, offer: Offer) -> InboundEvent {
        let refused = |code, wait| InboundEvent::Refused { code, retry_after: Some(wait) };
        if let Err(wait) = self.door.offer(self.sim.exec.now())
            && !self.sim.defect(Defect::OfferRateIgnored)
        {
            return refused(RefusalCode::OfferRate, wait);
        }
        self.door.budget.count(Often::Offers, self.sim.exec.now());
        if offer.payload_size > self.door.limits.payload_bytes_max {
            self.intake.offer_refused(&self.partner, offer.exchange, RefusalCode::TooLarge).await;
            return refusal(RefusalCode::TooLarge.into());
        }
        if let Err(wait) = turn(&self.sim, &self.door, offer.manifest.len()).await {
            return refused(RefusalCode::ByteRate, wait);
        }
        self.id = Some(offer.exchange);
        match self.intake.offer(&self.partner, offer).await {
            OfferAnswer::Accept(sink) => {
                let (offset, prefix_digest) = sink.durable();
                self.sink = Some(sink);
                InboundEvent::Accepted { offset, prefix_digest }
            }
            OfferAnswer::Replay(receipt) => InboundEvent::Replayed(receipt),
            OfferAnswer::Refuse(why) => refusal(why),
        }
    }

    async fn write(&mut self, bytes: Bytes) -> Option<InboundEvent> {
        if let Err(wait) = turn(&self.sim, &self.door, bytes.len()).await {
            return Some(InboundEvent::Refused { code: RefusalCode::ByteRate, retry_after: Some(wait) });
        }
        if self.connection.is_closed() {
            return None;
        }
        self.sink.as_mut()?.write(bytes).await.err().map(storage)
    }

    async fn complete(&mut self, header: Option<Header>) -> InboundEvent {
        let short = self.sink.take().and_then(|sink| sink.hand_over());
        let id = self.id.expect("an offer came first");
        match self.intake.complete(&self.partner, id, CompletePayload { header, short }).await {
            Ok(receipt) => InboundEvent::Completed(receipt),
            Err(why) => refusal(why),
        }
    }

    async fn finish(&mut self, outcome: InboundOutcome) {
        match outcome {
            InboundOutcome::Refused(_) => self.incoming.stop(),
            InboundOutcome::Cancelled(RefusalCode::Withdrawn) => {
                if let Some(id) = self.id.filter(|_| self.sink.is_some()) {
                    self.intake.offer_withdrawn(&self.partner, id).await;
                }
                self.sink = None;
                self.door.budget.spooled();
            }
            InboundOutcome::Received | InboundOutcome::Replayed | InboundOutcome::Cancelled(_) => {}
        }
        let deadline = Some(self.sim.exec.now().plus(LAST_FRAME));
        let written = poll_fn(|context| match self.out.poll_flush(context) {
            Poll::Ready(written) => Poll::Ready(written.is_ok()),
            Poll::Pending => poll_until(&self.sim.exec, context, deadline).map(|()| false),
        });
        if written.await {
            self.out.finish();
        } else {
            self.out.reset();
        }
        let deadline = Some(self.sim.exec.now().plus(LAST_FRAME));
        poll_fn(|context| match self.out.poll_delivered(context) {
            Poll::Ready(()) => Poll::Ready(()),
            Poll::Pending => poll_until(&self.sim.exec, context, deadline),
        })
        .await;
    }
}

/// Waits until so many bytes may come, as long as that does not take too long.
async fn turn(sim: &Sim, door: &Door, bytes: usize) -> Result<(), Duration> {
    let until: Time = sim.exec.now().plus(SHAPING_MAX);
    while let Err(wait) = door.bytes(sim.exec.now(), bytes) {
        if sim.exec.now().plus(wait) > until {
            return Err(wait);
        }
        sim.exec.sleep(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)).await;
    }
    Ok(())
}

fn refusal(why: Refusal) -> InboundEvent {
    InboundEvent::Refused { code: why.code, retry_after: why.retry_after }
}

fn storage(_: SinkError) -> InboundEvent {
    refusal(RefusalCode::StorageUnavailable.into())
}
