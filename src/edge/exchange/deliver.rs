//! One outbound exchange: drives [`OutboundExchange`] over a stream of the partner's link.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;

use crate::edge::interface::{DeliveryFailure, KeyGate, PayloadSource, Refusal, SourceError, StopSignal};
use crate::edge::limits::{Demand, MustWait};
use crate::edge::links::Link;
use crate::edge::quic::{Incoming, Outgoing, ReadFault};
use crate::edge::shared::{Core, PartnerState};
use crate::envelope::Precedence;
use crate::ident::PartnerId;
use crate::wire::{
    DATA_BYTES_FLOOR, Frame, KeyAnswer, Offer, OutboundAction, OutboundEvent, OutboundExchange, OutboundOutcome,
    RefusalCode,
};

/// The timeout of opening a stream, which the peer's stream limit can delay.
const OPEN_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an offer may wait for the partner's rate limits before it returns to the queue.
const TURN_TIMEOUT: Duration = Duration::from_secs(20);
/// How long to wait for the peer's reason after a write failed, and for the last frame to be written.
const CLOSING_TIMEOUT: Duration = Duration::from_secs(2);
/// A stream that could write nothing for this long is sent before all others once.
const STARVED: Duration = Duration::from_secs(1);

/// Offers an envelope, sends its payload and then its header. Returns the partner's receipt, which the caller has to verify.
///
/// # Errors
/// [`DeliveryFailure`]; what the partner has of the payload stays there for the next attempt.
pub(in crate::edge) async fn deliver(
    core: &Core,
    partner: &PartnerId,
    offer: Offer,
    mut source: Box<dyn PayloadSource>,
    key: KeyGate,
    stop: StopSignal,
) -> Result<Vec<u8>, DeliveryFailure> {
    let state = core.partner(partner).ok_or(DeliveryFailure::LinkDown)?;
    let link = core.links.link(partner).ok_or(DeliveryFailure::LinkDown)?;
    if !core.still_trusted(&link) || core.draining.is_cancelled() {
        return Err(DeliveryFailure::LinkDown);
    }
    if link.peer.exchanges_max == 0 {
        return Err(DeliveryFailure::Refused(RefusalCode::Busy.into()));
    }
    let down = || DeliveryFailure::LinkDown;
    for demand in [Demand::Offer, Demand::Bytes(offer.manifest.len())] {
        tokio::select! {
            turn = state.outward.turn(offer.precedence, demand, Some(TURN_TIMEOUT)) => {
                turn.map_err(|MustWait(wait)| DeliveryFailure::Throttled(wait))?;
            }
            why = not_begun(&link, &stop) => return Err(why),
        }
    }
    let permit = tokio::select! {
        permit = link.open.clone().acquire_owned() => permit.map_err(|_| down())?,
        why = not_begun(&link, &stop) => return Err(why),
    };
    let opened = tokio::select! {
        opened = tokio::time::timeout(OPEN_TIMEOUT, link.connection.open_bi()) => opened,
        why = not_begun(&link, &stop) => return Err(why),
    };
    let (send, receive) = opened.map_err(|_| DeliveryFailure::TimedOut)?.map_err(|_| down())?;
    let mut out = Outgoing::new(send);
    out.set_precedence(offer.precedence);
    // Only short frames, such as receipts and refusals, come back on this stream.
    let incoming = Incoming::new(receive, DATA_BYTES_FLOOR);
    let precedence = offer.precedence;
    let data_max = link.peer.data_bytes_max.min(state.outward.chunk());
    let (mut exchange, first) = OutboundExchange::start(offer, data_max, core.tuning.outbound, core.clock.now());
    if stop.awaits_answer() {
        exchange.hear_the_answer();
    }
    let mut delivery = Delivery {
        core,
        link: &link,
        state: &state,
        precedence,
        exchange,
        out,
        incoming,
        todo: first.into(),
        expedited: None,
        stop,
        stopping: false,
    };
    let outcome = delivery.run(source.as_mut(), key).await;
    drop(permit);
    outcome
}

/// Completes with a reason when a delivery that has not begun must not begin.
async fn not_begun(link: &Link, stop: &StopSignal) -> DeliveryFailure {
    tokio::select! {
        () = link.ended.cancelled() => DeliveryFailure::LinkDown,
        () = stop.stopped(), if !stop.awaits_answer() => DeliveryFailure::Withdrawn,
    }
}

struct Delivery<'a> {
    core: &'a Core,
    link: &'a Link,
    state: &'a PartnerState,
    precedence: Precedence,
    exchange: OutboundExchange,
    out: Outgoing,
    incoming: Incoming,
    todo: VecDeque<OutboundAction>,
    /// Held while this stream is sent before all others because it was starved.
    expedited: Option<OwnedSemaphorePermit>,
    stop: StopSignal,
    /// Whether the exchange has received [`OutboundEvent::Stop`].
    stopping: bool,
}

impl Delivery<'_> {
    async fn run(&mut self, source: &mut dyn PayloadSource, key: KeyGate) -> Result<Vec<u8>, DeliveryFailure> {
        let mut key = Some(key);
        let mut read = None;
        loop {
            while let Some(action) = self.todo.pop_front() {
                match action {
                    OutboundAction::Send(frame) => self.out.queue(&frame),
                    OutboundAction::Read { offset, max } => read = Some((offset, max)),
                    OutboundAction::Finished(outcome) => return self.finish(outcome).await,
                    OutboundAction::DigestPrefix { length } => {
                        let digest = tokio::select! {
                            digest = source.prefix_digest(length) => Some(digest),
                            () = self.link.ended.cancelled() => return Err(DeliveryFailure::LinkDown),
                            () = self.stop.stopped(), if !self.stopping => None,
                        };
                        match digest {
                            Some(Ok(digest)) => self.handle(OutboundEvent::PrefixDigest(digest)),
                            Some(Err(problem)) => {
                                let failed = self.source_failed(&problem);
                                self.handle(failed);
                            }
                            None => self.stop_exchange(),
                        }
                    }
                    OutboundAction::Decide => {
                        // The state machine asks once; a second request would be answered with `Withhold`.
                        let answer = match key.take().filter(|_| self.core.still_trusted(self.link)) {
                            Some(key) => key().await,
                            None => KeyAnswer::Withhold,
                        };
                        self.handle(OutboundEvent::Decided(answer));
                    }
                }
            }
            if !self.out.is_waiting()
                && let Some((offset, max)) = read.take()
            {
                match self.read(source, offset, max).await? {
                    Some(event) => self.handle(event),
                    None => self.stop_exchange(),
                }
                continue;
            }
            self.wait().await?;
        }
    }

    /// Waits for room to write, a frame from the peer, a stop or a timer, whichever comes first.
    async fn wait(&mut self) -> Result<(), DeliveryFailure> {
        let waiting = self.out.is_waiting();
        tokio::select! {
            biased;
            () = self.link.ended.cancelled() => Err(DeliveryFailure::LinkDown),
            () = self.stop.stopped(), if !self.stopping => {
                self.stop_exchange();
                Ok(())
            }
            written = self.out.flush(), if waiting => match written {
                Ok(()) => {
                    self.expedited = None;
                    Ok(())
                }
                Err(_) => self.read_reason().await,
            },
            frame = self.incoming.next() => self.on_frame(frame),
            () = self.core.clock.until(self.exchange.timeout()) => {
                let more = self.exchange.on_timeout(self.core.clock.now());
                self.todo.extend(more);
                Ok(())
            }
            () = tokio::time::sleep(STARVED), if waiting && self.expedited.is_none() => {
                // One at a time: if all starved streams were expedited at once, precedence would have no effect on a slow path.
                if let Ok(permit) = self.link.expedite.clone().try_acquire_owned() {
                    self.expedited = Some(permit);
                    self.out.expedite();
                }
                Ok(())
            }
        }
    }

    /// Reads the peer's reason after it stopped reading: it usually sends one on the other half of the stream.
    async fn read_reason(&mut self) -> Result<(), DeliveryFailure> {
        match tokio::time::timeout(CLOSING_TIMEOUT, self.incoming.next()).await {
            Ok(frame) => self.on_frame(frame),
            Err(_) => Err(DeliveryFailure::LinkDown),
        }
    }

    fn on_frame(&mut self, frame: Result<Frame, ReadFault>) -> Result<(), DeliveryFailure> {
        match frame {
            Ok(frame) => {
                self.handle(OutboundEvent::Frame(frame));
                Ok(())
            }
            Err(ReadFault::Ended) => Err(DeliveryFailure::LinkDown),
            Err(ReadFault::Frame(fault)) => {
                self.core.malformed_frame(self.link, self.state, &fault);
                self.out.reset(RefusalCode::ProtocolError);
                Err(DeliveryFailure::Protocol)
            }
        }
    }

    fn handle(&mut self, event: OutboundEvent) {
        let more = self.exchange.handle(self.core.clock.now(), event);
        self.todo.extend(more);
    }

    /// Makes the exchange stop.
    fn stop_exchange(&mut self) {
        self.stopping = true;
        self.handle(OutboundEvent::Stop);
    }

    /// Reads the next bytes and waits until the rate limits admit them; `None` if the exchange must stop first.
    async fn read(
        &mut self,
        source: &mut dyn PayloadSource,
        offset: u64,
        max: usize,
    ) -> Result<Option<OutboundEvent>, DeliveryFailure> {
        tokio::select! {
            () = self.stop.resumed() => {}
            () = self.link.ended.cancelled() => return Err(DeliveryFailure::LinkDown),
            () = self.stop.stopped(), if !self.stopping => return Ok(None),
        }
        let read = tokio::select! {
            read = source.read_at(offset, max) => read,
            () = self.link.ended.cancelled() => return Err(DeliveryFailure::LinkDown),
            () = self.stop.stopped(), if !self.stopping => return Ok(None),
        };
        let payload = match read {
            Ok(payload) => payload,
            Err(problem) => return Ok(Some(self.source_failed(&problem))),
        };
        // Without a deadline, so the result is never an error.
        tokio::select! {
            _ = self.state.outward.turn(self.precedence, Demand::Bytes(payload.len()), None) => {}
            () = self.link.ended.cancelled() => return Err(DeliveryFailure::LinkDown),
            () = self.stop.stopped(), if !self.stopping => return Ok(None),
        }
        Ok(Some(OutboundEvent::Payload(payload)))
    }

    fn source_failed(&self, problem: &SourceError) -> OutboundEvent {
        tracing::error!(partner.id = %self.link.partner, reason = %problem, "payload could not be read from the spool");
        OutboundEvent::SourceFailed
    }

    async fn finish(&mut self, outcome: OutboundOutcome) -> Result<Vec<u8>, DeliveryFailure> {
        let complete = matches!(outcome, OutboundOutcome::Receipt(_));
        // At most a Cancel is still queued, so a short wait is enough.
        let flushed = tokio::time::timeout(CLOSING_TIMEOUT, self.out.flush()).await;
        match flushed {
            Ok(Ok(())) if complete || !matches!(outcome, OutboundOutcome::Refused { .. }) => self.out.finish(),
            _ => self.out.reset(RefusalCode::NotCompleted),
        }
        match outcome {
            OutboundOutcome::Receipt(receipt) => Ok(receipt),
            OutboundOutcome::Refused { code, retry_after } => {
                Err(DeliveryFailure::Refused(Refusal { code, retry_after }))
            }
            OutboundOutcome::Withdrawn => Err(DeliveryFailure::Withdrawn),
            OutboundOutcome::TimedOut => Err(DeliveryFailure::TimedOut),
            OutboundOutcome::ProtocolError => Err(DeliveryFailure::Protocol),
            OutboundOutcome::SourceFailed => Err(DeliveryFailure::SourceFailed),
        }
    }
}
