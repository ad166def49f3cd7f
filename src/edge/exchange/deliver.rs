//! One exchange outward: drives [`OutboundExchange`] over a stream of the partner's link.

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

/// How long to wait for a stream to be opened, which the peer's stream limit can hold up.
const OPEN: Duration = Duration::from_secs(10);
/// How long an offer may wait for its turn under our own limits, before it goes back to the queue.
const TURN: Duration = Duration::from_secs(20);
/// After a write failed: how long the peer's reason may take to arrive.
const LAST_WORD: Duration = Duration::from_secs(2);
/// A stream that could write nothing for this long goes before all others once.
const STARVED: Duration = Duration::from_secs(1);

/// Offers an envelope, sends its payload and then its header; returns the partner's receipt, still to be verified.
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
            turn = state.outward.turn(offer.precedence, demand, Some(TURN)) => {
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
        opened = tokio::time::timeout(OPEN, link.connection.open_bi()) => opened,
        why = not_begun(&link, &stop) => return Err(why),
    };
    let (send, receive) = opened.map_err(|_| DeliveryFailure::TimedOut)?.map_err(|_| down())?;
    let mut out = Outgoing::new(send);
    out.set_precedence(offer.precedence);
    // Receipts, refusals and the like are all that comes back on this stream.
    let incoming = Incoming::new(receive, DATA_BYTES_FLOOR);
    let precedence = offer.precedence;
    let data_max = link.peer.data_bytes_max.min(state.outward.chunk());
    let (mut exchange, first) = OutboundExchange::start(offer, data_max, core.tuning.outbound, core.clock.now());
    if stop.stops_after_answer() {
        exchange.stop_after_answer();
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
        hastened: None,
        stop,
        stopping: false,
    };
    let outcome = delivery.run(source.as_mut(), key).await;
    drop(permit);
    outcome
}

/// Completes when a delivery that has not begun is not to begin.
async fn not_begun(link: &Link, stop: &StopSignal) -> DeliveryFailure {
    tokio::select! {
        () = link.ended.cancelled() => DeliveryFailure::LinkDown,
        () = stop.ordered(), if !stop.stops_after_answer() => DeliveryFailure::Withdrawn,
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
    /// Held while this stream overtakes all others because it starved.
    hastened: Option<OwnedSemaphorePermit>,
    stop: StopSignal,
    /// The exchange was told that it is to stop.
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
                            () = self.stop.ordered(), if !self.stopping => None,
                        };
                        match digest {
                            Some(Ok(digest)) => self.tell(OutboundEvent::PrefixDigest(digest)),
                            Some(Err(problem)) => {
                                let failed = self.source_failed(&problem);
                                self.tell(failed);
                            }
                            None => self.end(),
                        }
                    }
                    OutboundAction::Decide => {
                        // The state machine asks once; a second question would be answered with no.
                        let answer = match key.take().filter(|_| self.core.still_trusted(self.link)) {
                            Some(key) => key().await,
                            None => KeyAnswer::Withhold,
                        };
                        self.tell(OutboundEvent::Decided(answer));
                    }
                }
            }
            if !self.out.is_waiting()
                && let Some((offset, max)) = read.take()
            {
                match self.read(source, offset, max).await? {
                    Some(event) => self.tell(event),
                    None => self.end(),
                }
                continue;
            }
            self.wait().await?;
        }
    }

    /// Waits for room to write, for the peer, or for a timer; whichever comes first.
    async fn wait(&mut self) -> Result<(), DeliveryFailure> {
        let waiting = self.out.is_waiting();
        tokio::select! {
            biased;
            () = self.link.ended.cancelled() => Err(DeliveryFailure::LinkDown),
            () = self.stop.ordered(), if !self.stopping => {
                self.end();
                Ok(())
            }
            written = self.out.flush(), if waiting => match written {
                Ok(()) => {
                    self.hastened = None;
                    Ok(())
                }
                Err(_) => self.last_word().await,
            },
            frame = self.incoming.next() => self.heard(frame),
            () = self.core.clock.until(self.exchange.timeout()) => {
                let more = self.exchange.on_timeout(self.core.clock.now());
                self.todo.extend(more);
                Ok(())
            }
            () = tokio::time::sleep(STARVED), if waiting && self.hastened.is_none() => {
                // One at a time: if all that starve overtook at once, precedence would mean nothing on a slow path.
                if let Ok(permit) = self.link.hasten.clone().try_acquire_owned() {
                    self.hastened = Some(permit);
                    self.out.hasten();
                }
                Ok(())
            }
        }
    }

    /// The peer stopped reading; it usually says why on the other half of the stream.
    async fn last_word(&mut self) -> Result<(), DeliveryFailure> {
        match tokio::time::timeout(LAST_WORD, self.incoming.next()).await {
            Ok(frame) => self.heard(frame),
            Err(_) => Err(DeliveryFailure::LinkDown),
        }
    }

    fn heard(&mut self, frame: Result<Frame, ReadFault>) -> Result<(), DeliveryFailure> {
        match frame {
            Ok(frame) => {
                self.tell(OutboundEvent::Frame(frame));
                Ok(())
            }
            Err(ReadFault::Ended) => Err(DeliveryFailure::LinkDown),
            Err(ReadFault::Frame(fault)) => {
                self.core.no_frame(self.link, self.state, &fault);
                self.out.reset(RefusalCode::ProtocolError);
                Err(DeliveryFailure::Protocol)
            }
        }
    }

    fn tell(&mut self, event: OutboundEvent) {
        let more = self.exchange.handle(self.core.clock.now(), event);
        self.todo.extend(more);
    }

    /// Tells the exchange that it is to stop.
    fn end(&mut self) {
        self.stopping = true;
        self.tell(OutboundEvent::Stop);
    }

    /// The next bytes, in their turn; `None` if the exchange is to stop first.
    async fn read(
        &mut self,
        source: &mut dyn PayloadSource,
        offset: u64,
        max: usize,
    ) -> Result<Option<OutboundEvent>, DeliveryFailure> {
        tokio::select! {
            () = self.stop.may_go_on() => {}
            () = self.link.ended.cancelled() => return Err(DeliveryFailure::LinkDown),
            () = self.stop.ordered(), if !self.stopping => return Ok(None),
        }
        let read = tokio::select! {
            read = source.read_at(offset, max) => read,
            () = self.link.ended.cancelled() => return Err(DeliveryFailure::LinkDown),
            () = self.stop.ordered(), if !self.stopping => return Ok(None),
        };
        let payload = match read {
            Ok(payload) => payload,
            Err(problem) => return Ok(Some(self.source_failed(&problem))),
        };
        // Without a limit to its patience, so that there is no refusal: a turn always comes.
        tokio::select! {
            _ = self.state.outward.turn(self.precedence, Demand::Bytes(payload.len()), None) => {}
            () = self.link.ended.cancelled() => return Err(DeliveryFailure::LinkDown),
            () = self.stop.ordered(), if !self.stopping => return Ok(None),
        }
        Ok(Some(OutboundEvent::Payload(payload)))
    }

    fn source_failed(&self, problem: &SourceError) -> OutboundEvent {
        tracing::error!(partner.id = %self.link.partner, reason = %problem, "payload could not be read from the spool");
        OutboundEvent::SourceFailed
    }

    async fn finish(&mut self, outcome: OutboundOutcome) -> Result<Vec<u8>, DeliveryFailure> {
        let complete = matches!(outcome, OutboundOutcome::Receipt(_));
        // What is still queued is a Cancel at most; it is worth a moment, not more.
        let flushed = tokio::time::timeout(LAST_WORD, self.out.flush()).await;
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
