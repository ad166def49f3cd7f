//! The sender's state machine of an exchange.

use std::time::Duration;

use bytes::Bytes;

use super::message::{Cancel, End, Offer, Restart};
use super::{Frame, RefusalCode};
use crate::digest::Digest;
use crate::envelope::{Header, HeaderCommitment};
use crate::time::Time;

/// Timeouts of a sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutboundTimers {
    /// From the offer to its answer.
    pub answer: Duration,
    /// For the connection to accept one Data frame.
    pub stall: Duration,
    /// From the last Data frame to the receiver's confirmation that it has the whole payload.
    pub ready: Duration,
    /// From the End, with the header, to the receipt.
    pub receipt: Duration,
}

impl Default for OutboundTimers {
    fn default() -> OutboundTimers {
        OutboundTimers {
            answer: Duration::from_secs(30),
            stall: Duration::from_secs(60),
            ready: Duration::from_secs(300),
            receipt: Duration::from_secs(300),
        }
    }
}

/// The answer to [`OutboundAction::Decide`]. The driver of an exchange gets the header only with this answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyAnswer {
    /// The release is still valid, and sending the header is recorded: this header opens the payload. `None` if the
    /// payload is not sealed.
    Send(Option<Header>),
    /// The release is no longer valid, or that could not be determined.
    Withhold,
}

/// An input of the state machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutboundEvent {
    /// The receiver sent this frame.
    Frame(Frame),
    /// Answer to [`OutboundAction::DigestPrefix`].
    PrefixDigest(Digest),
    /// Answer to [`OutboundAction::Decide`].
    Decided(KeyAnswer),
    /// Answer to [`OutboundAction::Read`]: the next payload bytes; never empty.
    Payload(Bytes),
    /// The local payload could not be read.
    SourceFailed,
    /// Sending must stop.
    Stop,
}

/// What the driver must do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutboundAction {
    /// Send this frame.
    Send(Frame),
    /// Compute the digest of the first `length` payload bytes, and report it.
    DigestPrefix {
        /// How many bytes from the start.
        length: u64,
    },
    /// Decide about the release once more, and report the decision: the receiver has the whole payload, but not the
    /// header that opens it. That the header is sent must be recorded before this is answered.
    Decide,
    /// Read up to `max` payload bytes at `offset`, and report them.
    Read {
        /// Offset in the payload.
        offset: u64,
        /// Maximum number of bytes.
        max: usize,
    },
    /// The exchange is over.
    Finished(OutboundOutcome),
}

/// The sender's outcome of an exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutboundOutcome {
    /// The receiver sent this receipt, which must still be verified.
    Receipt(Vec<u8>),
    /// The receiver refused.
    Refused {
        /// Why.
        code: RefusalCode,
        /// How long to wait before trying again.
        retry_after: Option<Duration>,
    },
    /// The release was not valid when it was decided again, or the exchange was stopped before that: the header was
    /// not sent, so the payload cannot be opened.
    Withdrawn,
    /// The receiver was silent for too long.
    TimedOut,
    /// The receiver violated the protocol.
    ProtocolError,
    /// The local payload could not be read.
    SourceFailed,
}

/// The sender's side of an exchange on its stream.
#[derive(Debug)]
pub struct OutboundExchange {
    size: u64,
    digest: Digest,
    header: Option<HeaderCommitment>,
    data_max: usize,
    timers: OutboundTimers,
    state: State,
    /// The answer to the offer may be the receipt of an earlier delivery.
    stops_after_answer: bool,
    /// The exchange stops as soon as it is known that it is not.
    stopping: bool,
}

#[derive(Debug)]
enum State {
    ExpectAnswer { deadline: Time },
    ExpectPrefix { offset: u64, claimed: Digest },
    ExpectPayload { offset: u64, deadline: Time },
    ExpectReady { deadline: Time },
    ExpectDecision,
    ExpectReceipt { deadline: Time },
    Finished,
}

impl OutboundExchange {
    /// Starts an exchange by sending its offer. `data_max` is the maximum payload that the peer accepts in one Data
    /// frame, in bytes.
    pub fn start(
        offer: Offer,
        data_max: usize,
        timers: OutboundTimers,
        now: Time,
    ) -> (OutboundExchange, Vec<OutboundAction>) {
        let state = State::ExpectAnswer { deadline: now.plus(timers.answer) };
        let (size, digest, header) = (offer.payload_size, offer.payload_digest, offer.header);
        let (stops_after_answer, stopping) = (false, false);
        let exchange = OutboundExchange { size, digest, header, data_max, timers, state, stops_after_answer, stopping };
        (exchange, vec![OutboundAction::Send(Frame::Offer(offer))])
    }

    /// Makes a stop wait for the answer to the offer. For an exchange that was sent before and never answered: the
    /// receiver may have it, and then answers with its receipt.
    pub fn stop_after_answer(&mut self) {
        self.stops_after_answer = true;
    }

    /// Takes the next event.
    pub fn handle(&mut self, now: Time, event: OutboundEvent) -> Vec<OutboundAction> {
        match (&self.state, event) {
            (State::Finished, _) => Vec::new(),
            // Everything was sent: nothing can be stopped, and the receipt is still expected.
            (State::ExpectReceipt { .. }, OutboundEvent::Stop) => Vec::new(),
            (State::ExpectAnswer { .. }, OutboundEvent::Stop) if self.stops_after_answer => {
                self.stopping = true;
                Vec::new()
            }
            (_, OutboundEvent::Stop) => self.withdraw(),
            (_, OutboundEvent::Frame(Frame::Refuse(refuse))) => {
                self.finish(OutboundOutcome::Refused { code: refuse.code(), retry_after: refuse.retry_after() })
            }
            (_, OutboundEvent::SourceFailed) => self.source_failed(),
            (State::ExpectAnswer { .. }, OutboundEvent::Frame(Frame::Receipt(receipt))) => {
                // The receiver has had it since an earlier attempt, and sends the receipt of that time.
                self.finish(OutboundOutcome::Receipt(receipt.receipt))
            }
            (State::ExpectAnswer { .. }, OutboundEvent::Frame(Frame::Accept(accept))) => {
                self.accepted(now, accept.offset, accept.prefix_digest)
            }
            (State::ExpectPrefix { offset, claimed }, OutboundEvent::PrefixDigest(ours)) => {
                // The receiver's prefix may be of an older attempt, or damaged, so it is verified.
                let (offset, restart) = (*offset, ours != *claimed);
                if restart { self.restart(now) } else { self.send_from(now, offset) }
            }
            (State::ExpectPayload { offset, .. }, OutboundEvent::Payload(bytes)) => {
                let offset = *offset;
                self.send_payload(now, offset, bytes)
            }
            (State::ExpectReady { .. }, OutboundEvent::Frame(Frame::Ready(_))) => self.decide(),
            (State::ExpectDecision, OutboundEvent::Decided(answer)) => self.decided(now, answer),
            (State::ExpectReceipt { .. }, OutboundEvent::Frame(Frame::Receipt(receipt))) => {
                self.finish(OutboundOutcome::Receipt(receipt.receipt))
            }
            _ => self.protocol_error(),
        }
    }

    /// When [`OutboundExchange::on_timeout`] must be called, if nothing comes before.
    pub fn timeout(&self) -> Option<Time> {
        match &self.state {
            State::ExpectAnswer { deadline }
            | State::ExpectPayload { deadline, .. }
            | State::ExpectReady { deadline }
            | State::ExpectReceipt { deadline } => Some(*deadline),
            State::ExpectPrefix { .. } | State::ExpectDecision | State::Finished => None,
        }
    }

    /// Says that the time of [`OutboundExchange::timeout`] may have come.
    pub fn on_timeout(&mut self, now: Time) -> Vec<OutboundAction> {
        if self.timeout().is_none_or(|at| now < at) {
            return Vec::new();
        }
        let cancel = OutboundAction::Send(Frame::Cancel(Cancel::new(RefusalCode::TimedOut)));
        self.finish_after(cancel, OutboundOutcome::TimedOut)
    }

    /// Whether the exchange is over.
    pub fn is_finished(&self) -> bool {
        matches!(self.state, State::Finished)
    }

    fn accepted(&mut self, now: Time, offset: u64, claimed: Digest) -> Vec<OutboundAction> {
        if offset > self.size {
            return self.protocol_error();
        }
        if self.stopping {
            return self.withdraw();
        }
        if offset == 0 {
            let empty = claimed == Digest::of(b"");
            return if empty { self.send_from(now, 0) } else { self.protocol_error() };
        }
        if offset == self.size {
            // The digest of the whole is known without reading it again, and a receiver that has all of it sends no Ready.
            return if claimed == self.digest { self.decide() } else { self.restart(now) };
        }
        self.state = State::ExpectPrefix { offset, claimed };
        vec![OutboundAction::DigestPrefix { length: offset }]
    }

    fn send_payload(&mut self, now: Time, offset: u64, bytes: Bytes) -> Vec<OutboundAction> {
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if bytes.is_empty() || bytes.len() > self.data_max || length > self.size - offset {
            return self.source_failed();
        }
        let mut actions = vec![OutboundAction::Send(Frame::Data(bytes))];
        actions.extend(self.send_from(now, offset + length));
        actions
    }

    fn restart(&mut self, now: Time) -> Vec<OutboundAction> {
        let mut actions = vec![OutboundAction::Send(Frame::Restart(Restart {}))];
        actions.extend(self.send_from(now, 0));
        actions
    }

    fn decide(&mut self) -> Vec<OutboundAction> {
        self.state = State::ExpectDecision;
        vec![OutboundAction::Decide]
    }

    fn decided(&mut self, now: Time, answer: KeyAnswer) -> Vec<OutboundAction> {
        match answer {
            KeyAnswer::Send(header) if header.as_ref().map(Header::commitment) == self.header => {
                self.state = State::ExpectReceipt { deadline: now.plus(self.timers.receipt) };
                vec![OutboundAction::Send(Frame::End(End::new(header)))]
            }
            // A header other than the one offered does not open this payload.
            KeyAnswer::Send(_) => self.source_failed(),
            KeyAnswer::Withhold => self.withdraw(),
        }
    }

    fn source_failed(&mut self) -> Vec<OutboundAction> {
        let cancel = OutboundAction::Send(Frame::Cancel(Cancel::new(RefusalCode::NotCompleted)));
        self.finish_after(cancel, OutboundOutcome::SourceFailed)
    }

    /// Continues from `offset`, or waits for the receiver if everything was sent.
    fn send_from(&mut self, now: Time, offset: u64) -> Vec<OutboundAction> {
        if offset == self.size {
            // INVARIANT: the header is requested only after Ready. Data passed to the connection may be in transit for a
            // long time, and a header queued behind it would be sent long after the decision.
            self.state = State::ExpectReady { deadline: now.plus(self.timers.ready) };
            return Vec::new();
        }
        self.state = State::ExpectPayload { offset, deadline: now.plus(self.timers.stall) };
        let left = usize::try_from(self.size - offset).unwrap_or(usize::MAX);
        vec![OutboundAction::Read { offset, max: left.min(self.data_max) }]
    }

    fn withdraw(&mut self) -> Vec<OutboundAction> {
        let cancel = OutboundAction::Send(Frame::Cancel(Cancel::new(RefusalCode::Withdrawn)));
        self.finish_after(cancel, OutboundOutcome::Withdrawn)
    }

    fn protocol_error(&mut self) -> Vec<OutboundAction> {
        let cancel = OutboundAction::Send(Frame::Cancel(Cancel::new(RefusalCode::ProtocolError)));
        self.finish_after(cancel, OutboundOutcome::ProtocolError)
    }

    fn finish(&mut self, outcome: OutboundOutcome) -> Vec<OutboundAction> {
        self.state = State::Finished;
        vec![OutboundAction::Finished(outcome)]
    }

    fn finish_after(&mut self, last: OutboundAction, outcome: OutboundOutcome) -> Vec<OutboundAction> {
        self.state = State::Finished;
        vec![last, OutboundAction::Finished(outcome)]
    }
}
