//! One inbound exchange: drives [`InboundExchange`] over a stream that the partner opened.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use quinn::{RecvStream, SendStream};

use crate::edge::interface::{CompletePayload, OfferAnswer, PayloadSink, Refusal, SinkError};
use crate::edge::limits::{Demand, MustWait};
use crate::edge::links::Link;
use crate::edge::quic::{Incoming, Outgoing, ReadFault};
use crate::edge::shared::{Core, PartnerState};
use crate::envelope::{Header, Precedence};
use crate::ident::ExchangeId;
use crate::wire::{DATA_BYTES_MAX, InboundAction, InboundEvent, InboundExchange, InboundOutcome, Offer, RefusalCode};

/// How long a sender over its rate is slowed down, by not reading, before the exchange is refused.
const SHAPING_MAX: Duration = Duration::from_secs(5);
/// The timeout of writing the last frame.
const CLOSING_TIMEOUT: Duration = Duration::from_secs(5);

/// Serves one exchange on a stream that the partner opened, from the offer to the receipt or refusal.
pub(in crate::edge) async fn receive(
    core: Arc<Core>,
    link: Arc<Link>,
    state: Arc<PartnerState>,
    send: SendStream,
    receive: RecvStream,
) {
    let permit = state.inbound.clone().try_acquire_owned();
    let exchange = InboundExchange::start(DATA_BYTES_MAX, core.tuning.inbound, core.clock.now());
    let mut reception = Reception {
        core: &core,
        link: &link,
        state: &state,
        exchange,
        out: Outgoing::new(send),
        incoming: Incoming::new(receive, DATA_BYTES_MAX),
        todo: VecDeque::new(),
        sink: None,
        id: None,
        precedence: Precedence::Routine,
    };
    if core.draining.is_cancelled() {
        reception.handle(RefusalCode::Shutdown.into_event());
    } else if permit.is_err() {
        reception.handle(RefusalCode::Busy.into_event());
    }
    reception.run().await;
    drop(permit);
}

struct Reception<'a> {
    core: &'a Core,
    link: &'a Link,
    state: &'a PartnerState,
    exchange: InboundExchange,
    out: Outgoing,
    incoming: Incoming,
    todo: VecDeque<InboundAction>,
    sink: Option<Box<dyn PayloadSink>>,
    id: Option<ExchangeId>,
    /// As stated in the offer. It orders the exchanges of this partner only.
    precedence: Precedence,
}

impl Reception<'_> {
    async fn run(&mut self) {
        loop {
            while let Some(action) = self.todo.pop_front() {
                // Nothing is written or completed after the link was closed.
                if self.link.ended.is_cancelled() {
                    return;
                }
                let event = match action {
                    InboundAction::Send(frame) => {
                        self.out.queue(&frame);
                        None
                    }
                    InboundAction::Decide(offer) => Some(self.decide(offer).await),
                    InboundAction::Write(bytes) => self.write(bytes).await,
                    InboundAction::Discard => self.discard().await,
                    InboundAction::Finish => Some(self.end_payload().await),
                    InboundAction::Complete(header) => Some(self.complete(header).await),
                    InboundAction::Finished(outcome) => return self.finish(outcome).await,
                };
                if let Some(event) = event {
                    self.handle(event);
                }
            }
            if !self.wait().await {
                return;
            }
        }
    }

    /// Waits for the sender or a timer. Returns false when the exchange is over.
    async fn wait(&mut self) -> bool {
        let waiting = self.out.is_waiting();
        self.exchange.waiting(self.core.clock.now());
        tokio::select! {
            biased;
            // The durable part of the payload stays, so that the exchange can be resumed over a later link.
            () = self.link.ended.cancelled() => false,
            written = self.out.flush(), if waiting => written.is_ok(),
            frame = self.incoming.next() => match frame {
                Ok(frame) => {
                    self.handle(InboundEvent::Frame(frame));
                    true
                }
                Err(ReadFault::Ended) => false,
                Err(ReadFault::Frame(fault)) => {
                    self.core.malformed_frame(self.link, self.state, &fault);
                    self.handle(RefusalCode::ProtocolError.into_event());
                    true
                }
            },
            () = self.core.clock.until(self.exchange.timeout()) => {
                let more = self.exchange.on_timeout(self.core.clock.now());
                self.todo.extend(more);
                true
            }
        }
    }

    fn handle(&mut self, event: InboundEvent) {
        let more = self.exchange.handle(self.core.clock.now(), event);
        self.todo.extend(more);
    }

    async fn decide(&mut self, offer: Offer) -> InboundEvent {
        let refused = |code, MustWait(wait)| InboundEvent::Refused { code, retry_after: Some(wait) };
        if let Err(wait) = self.state.inward.offer() {
            return refused(RefusalCode::OfferRate, wait);
        }
        if offer.payload_size > self.state.limits.payload_bytes_max {
            self.core.intake.offer_refused(&self.link.partner, offer.exchange, RefusalCode::TooLarge).await;
            return RefusalCode::TooLarge.into_event();
        }
        self.precedence = offer.precedence;
        let manifest = Demand::Bytes(offer.manifest.len());
        if let Err(wait) = self.state.inward.turn(self.precedence, manifest, Some(SHAPING_MAX)).await {
            return refused(RefusalCode::ByteRate, wait);
        }
        self.out.set_precedence(offer.precedence);
        self.id = Some(offer.exchange);
        match self.core.intake.offer(&self.link.partner, offer).await {
            OfferAnswer::Accept(sink) => {
                let (offset, prefix_digest) = sink.durable();
                self.sink = Some(sink);
                InboundEvent::Accepted { offset, prefix_digest }
            }
            OfferAnswer::Replay(receipt) => InboundEvent::Replayed(receipt),
            OfferAnswer::Refuse(Refusal { code, retry_after }) => InboundEvent::Refused { code, retry_after },
        }
    }

    async fn write(&mut self, bytes: Bytes) -> Option<InboundEvent> {
        let demand = Demand::Bytes(bytes.len());
        let turn = tokio::select! {
            turn = self.state.inward.turn(self.precedence, demand, Some(SHAPING_MAX)) => turn,
            // If the link is closed while bytes wait here, none of them are written to the spool.
            () = self.link.ended.cancelled() => return None,
        };
        if let Err(MustWait(wait)) = turn {
            return Some(InboundEvent::Refused { code: RefusalCode::ByteRate, retry_after: Some(wait) });
        }
        match self.sink.as_mut()?.write(bytes).await {
            Ok(()) => None,
            Err(problem) => Some(self.storage_failed(&problem)),
        }
    }

    async fn discard(&mut self) -> Option<InboundEvent> {
        match self.sink.as_mut()?.discard().await {
            Ok(()) => None,
            Err(problem) => Some(self.storage_failed(&problem)),
        }
    }

    async fn end_payload(&mut self) -> InboundEvent {
        let Some(sink) = self.sink.as_mut() else { return RefusalCode::NotCompleted.into_event() };
        match sink.finish().await {
            Ok(digest) => InboundEvent::Whole(digest),
            Err(problem) => self.storage_failed(&problem),
        }
    }

    async fn complete(&mut self, header: Option<Header>) -> InboundEvent {
        // The spool file is closed before the gateway reads it.
        let short = self.sink.take().and_then(|sink| sink.hand_over());
        let Some(id) = self.id else { return RefusalCode::NotCompleted.into_event() };
        // Nothing is accepted into the inbox from a partner that was suspended or revoked while it was sending.
        if !self.core.still_trusted(self.link) {
            return RefusalCode::NotAuthorised.into_event();
        }
        match self.core.intake.complete(&self.link.partner, id, CompletePayload { header, short }).await {
            Ok(receipt) => InboundEvent::Completed(receipt),
            Err(Refusal { code, retry_after }) => InboundEvent::Refused { code, retry_after },
        }
    }

    fn storage_failed(&self, problem: &SinkError) -> InboundEvent {
        tracing::error!(partner.id = %self.link.partner, reason = %problem, "payload could not be stored");
        RefusalCode::StorageUnavailable.into_event()
    }

    async fn finish(&mut self, outcome: InboundOutcome) {
        let exchange = self.id.map(|id| id.to_string()).unwrap_or_default();
        // Every received exchange is logged. Anything else a partner could repeat without end, so it is rate-limited.
        let repeated = match outcome {
            InboundOutcome::Received => None,
            InboundOutcome::Refused(code) if self.id.is_some() => Some(code.text()),
            InboundOutcome::Replayed => Some("receipt given again"),
            InboundOutcome::Cancelled(_) if self.id.is_some() => Some("exchange cancelled"),
            InboundOutcome::Refused(_) | InboundOutcome::Cancelled(_) => Some("no exchange"),
        };
        if repeated.is_none_or(|what| self.core.peer_log.should_log(self.link.partner.as_str(), what)) {
            tracing::info!(partner.id = %self.link.partner, exchange.id = exchange, outcome = %outcome, "exchange ended");
        }
        match outcome {
            InboundOutcome::Refused(code) => self.incoming.stop(code),
            InboundOutcome::Cancelled(RefusalCode::Withdrawn) => {
                // The sink is held until then, so that the same exchange cannot be offered again in between.
                if let Some(id) = self.id.filter(|_| self.sink.is_some()) {
                    self.core.intake.offer_withdrawn(&self.link.partner, id).await;
                }
                drop(self.sink.take());
            }
            InboundOutcome::Received | InboundOutcome::Replayed | InboundOutcome::Cancelled(_) => {}
        }
        match tokio::time::timeout(CLOSING_TIMEOUT, self.out.flush()).await {
            Ok(Ok(())) => self.out.finish(),
            _ => self.out.reset(RefusalCode::TimedOut),
        }
        // Waits until the peer has acknowledged it, so that a shutdown right after does not lose a receipt.
        let _ = tokio::time::timeout(CLOSING_TIMEOUT, self.out.delivered()).await;
    }
}

impl RefusalCode {
    fn into_event(self) -> InboundEvent {
        InboundEvent::Refused { code: self, retry_after: None }
    }
}
