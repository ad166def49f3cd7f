//! The receiver's state machine of an exchange.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;

use super::message::{Accept, End, Offer, Ready, Receipt, Refuse};
use super::{Frame, RefusalCode};
use crate::digest::Digest;
use crate::envelope::{Header, HeaderCommitment};
use crate::time::Time;

/// Timeouts of a receiver, and the minimum rate of a sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InboundTimers {
    /// From the opening of the stream to the offer.
    pub offer: Duration,
    /// Time spent waiting for the sender in which it must have sent at least `window_bytes`, or all that is left.
    pub window: Duration,
    /// The minimum number of payload bytes in one window.
    pub window_bytes: u64,
}

impl Default for InboundTimers {
    fn default() -> InboundTimers {
        InboundTimers { offer: Duration::from_secs(10), window: Duration::from_secs(30), window_bytes: 64 * 1024 }
    }
}

/// An input of the state machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InboundEvent {
    /// The sender sent this frame.
    Frame(Frame),
    /// Answer to [`InboundAction::Decide`]: the offer is accepted, and a prefix of this length is durable here
    /// already.
    Accepted {
        /// Length of the durable prefix, in bytes.
        offset: u64,
        /// Its digest.
        prefix_digest: Digest,
    },
    /// Answer to [`InboundAction::Decide`]: the exchange was received before, and this is the receipt that was sent
    /// then.
    Replayed(Vec<u8>),
    /// Answer to [`InboundAction::Finish`]: all bytes have arrived, and this is the digest of the payload.
    Whole(Digest),
    /// Answer to [`InboundAction::Complete`]: opened, stored and recorded; this is the receipt.
    Completed(Vec<u8>),
    /// Instead of any answer, or at any other time: the exchange is refused.
    Refused {
        /// Why.
        code: RefusalCode,
        /// How long to wait before trying again.
        retry_after: Option<Duration>,
    },
}

/// What the driver must do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InboundAction {
    /// Decide about this offer, and report the decision.
    Decide(Offer),
    /// Send this frame.
    Send(Frame),
    /// Discard the durable prefix and start again at offset 0.
    Discard,
    /// Append these bytes to the payload.
    Write(Bytes),
    /// No more payload follows: complete what was written, and report the digest of the whole.
    Finish,
    /// Payload and header are the ones offered: open, check, store, record, and report the receipt.
    Complete(Option<Header>),
    /// The exchange is over.
    Finished(InboundOutcome),
}

/// The receiver's outcome of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InboundOutcome {
    /// A receipt was sent.
    Received,
    /// The receipt of an earlier delivery was sent again.
    Replayed,
    /// This node refused.
    Refused(RefusalCode),
    /// The sender withdrew its offer.
    Cancelled(RefusalCode),
}

impl fmt::Display for InboundOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InboundOutcome::Received => f.write_str("received"),
            InboundOutcome::Replayed => f.write_str("receipt given again"),
            InboundOutcome::Refused(code) => write!(f, "refused: {code}"),
            InboundOutcome::Cancelled(code) => write!(f, "cancelled: {code}"),
        }
    }
}

/// The receiver's side of an exchange on its stream.
#[derive(Debug)]
pub struct InboundExchange {
    timers: InboundTimers,
    data_max: usize,
    state: State,
}

#[derive(Debug)]
enum State {
    ExpectOffer {
        deadline: Time,
    },
    ExpectDecision(Offered),
    ExpectData(Receiving),
    /// The whole payload has arrived; `end` is set if it was complete before the sender began and the header is
    /// already known.
    ExpectWhole {
        receiving: Receiving,
        end: Option<End>,
    },
    ExpectEnd(Receiving),
    ExpectCompletion,
    Finished,
}

/// What was offered.
#[derive(Clone, Copy, Debug)]
struct Offered {
    size: u64,
    digest: Digest,
    header: Option<HeaderCommitment>,
}

#[derive(Clone, Copy, Debug)]
struct Receiving {
    offered: Offered,
    received: u64,
    /// Whether a Restart may still arrive: only before any data, and only if a prefix was claimed.
    may_restart: bool,
    /// Since when the sender is waited for; time spent on the local disk does not count against the sender.
    waiting_since: Time,
    waited: Duration,
    window_bytes: u64,
}

impl InboundExchange {
    /// Starts an exchange on a stream opened by the peer. `data_max` is the maximum payload of one Data frame in
    /// bytes.
    pub fn start(data_max: usize, timers: InboundTimers, now: Time) -> InboundExchange {
        let state = State::ExpectOffer { deadline: now.plus(timers.offer) };
        InboundExchange { timers, data_max, state }
    }

    /// Processes an event at time `now`.
    pub fn handle(&mut self, now: Time, event: InboundEvent) -> Vec<InboundAction> {
        match (&mut self.state, event) {
            (State::Finished, _) => Vec::new(),
            (_, InboundEvent::Refused { code, retry_after }) => self.refuse(code, retry_after),
            (State::ExpectOffer { .. }, InboundEvent::Frame(Frame::Offer(offer))) => {
                let (size, digest, header) = (offer.payload_size, offer.payload_digest, offer.header);
                self.state = State::ExpectDecision(Offered { size, digest, header });
                vec![InboundAction::Decide(offer)]
            }
            (State::ExpectDecision(offered), InboundEvent::Accepted { offset, prefix_digest }) => {
                let offered = *offered;
                self.accept(now, offered, offset, prefix_digest)
            }
            (State::ExpectDecision(_), InboundEvent::Replayed(receipt)) => {
                self.finish_with_receipt(receipt, InboundOutcome::Replayed)
            }
            (State::ExpectData(_), InboundEvent::Frame(frame)) => self.receive(now, frame),
            (State::ExpectWhole { receiving, end }, InboundEvent::Whole(found)) => {
                let (receiving, end) = (*receiving, end.take());
                match end {
                    _ if found != receiving.offered.digest => self.other_than_offered(),
                    Some(end) => self.end(receiving.offered, end),
                    None => {
                        self.state = State::ExpectEnd(Receiving {
                            waiting_since: now,
                            waited: Duration::ZERO,
                            window_bytes: 0,
                            ..receiving
                        });
                        vec![InboundAction::Send(Frame::Ready(Ready {}))]
                    }
                }
            }
            (State::ExpectEnd(receiving), InboundEvent::Frame(frame)) => match frame {
                Frame::End(end) => {
                    let offered = receiving.offered;
                    self.end(offered, end)
                }
                Frame::Cancel(cancel) => self.cancelled(cancel.code()),
                _ => self.refuse(RefusalCode::ProtocolError, None),
            },
            (State::ExpectCompletion, InboundEvent::Completed(receipt)) => {
                self.finish_with_receipt(receipt, InboundOutcome::Received)
            }
            _ => self.refuse(RefusalCode::ProtocolError, None),
        }
    }

    /// Reports that from `now` on the driver waits only for the sender.
    pub fn waiting(&mut self, now: Time) {
        if let State::ExpectData(receiving) | State::ExpectEnd(receiving) = &mut self.state {
            receiving.waiting_since = now;
        }
    }

    /// Returns when [`InboundExchange::on_timeout`] must be called, if no event comes before.
    pub fn timeout(&self) -> Option<Time> {
        match &self.state {
            State::ExpectOffer { deadline } => Some(*deadline),
            State::ExpectData(r) | State::ExpectEnd(r) => {
                Some(r.waiting_since.plus(self.timers.window.saturating_sub(r.waited)))
            }
            _ => None,
        }
    }

    /// Reports that the time of [`InboundExchange::timeout`] may have been reached.
    pub fn on_timeout(&mut self, now: Time) -> Vec<InboundAction> {
        if self.timeout().is_none_or(|at| now < at) {
            return Vec::new();
        }
        self.refuse(RefusalCode::TimedOut, None)
    }

    /// Returns whether the exchange is over.
    pub fn is_finished(&self) -> bool {
        matches!(self.state, State::Finished)
    }

    fn accept(&mut self, now: Time, offered: Offered, offset: u64, prefix_digest: Digest) -> Vec<InboundAction> {
        if offset > offered.size {
            // The local prefix does not match the offer; it is discarded, and the sender starts again.
            let mut actions = vec![InboundAction::Discard];
            actions.extend(self.refuse(RefusalCode::NotCompleted, None));
            return actions;
        }
        self.state = State::ExpectData(Receiving {
            offered,
            received: offset,
            may_restart: offset > 0,
            waiting_since: now,
            waited: Duration::ZERO,
            window_bytes: 0,
        });
        vec![InboundAction::Send(Frame::Accept(Accept { offset, prefix_digest }))]
    }

    fn receive(&mut self, now: Time, frame: Frame) -> Vec<InboundAction> {
        let State::ExpectData(receiving) = &mut self.state else { return Vec::new() };
        match frame {
            Frame::Data(bytes) => {
                let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                let left = receiving.offered.size - receiving.received;
                if bytes.is_empty() || bytes.len() > self.data_max || length > left {
                    return self.refuse(RefusalCode::ProtocolError, None);
                }
                receiving.received += length;
                receiving.may_restart = false;
                receiving.progress(now, length, &self.timers);
                if length < left {
                    return vec![InboundAction::Write(bytes)];
                }
                self.state = State::ExpectWhole { receiving: *receiving, end: None };
                vec![InboundAction::Write(bytes), InboundAction::Finish]
            }
            Frame::Restart(_) if receiving.may_restart => {
                receiving.may_restart = false;
                receiving.received = 0;
                vec![InboundAction::Discard]
            }
            // The payload was complete when it was offered; it is hashed once more before it is used.
            Frame::End(end) if receiving.received == receiving.offered.size => {
                self.state = State::ExpectWhole { receiving: *receiving, end: Some(end) };
                vec![InboundAction::Finish]
            }
            Frame::Cancel(cancel) => self.cancelled(cancel.code()),
            _ => self.refuse(RefusalCode::ProtocolError, None),
        }
    }

    /// The payload is the one offered. A header is used only after it was compared with the offered commitment.
    fn end(&mut self, offered: Offered, end: End) -> Vec<InboundAction> {
        let header = end.header();
        if header.as_ref().map(Header::commitment) != offered.header {
            return self.other_than_offered();
        }
        self.state = State::ExpectCompletion;
        vec![InboundAction::Complete(header)]
    }

    fn other_than_offered(&mut self) -> Vec<InboundAction> {
        let mut actions = vec![InboundAction::Discard];
        actions.extend(self.refuse(RefusalCode::DigestMismatch, None));
        actions
    }

    fn cancelled(&mut self, code: RefusalCode) -> Vec<InboundAction> {
        self.state = State::Finished;
        let finished = InboundAction::Finished(InboundOutcome::Cancelled(code));
        // A withdrawn payload is discarded; an interrupted one is kept, to be resumed.
        if code == RefusalCode::Withdrawn { vec![InboundAction::Discard, finished] } else { vec![finished] }
    }

    fn finish_with_receipt(&mut self, receipt: Vec<u8>, outcome: InboundOutcome) -> Vec<InboundAction> {
        self.state = State::Finished;
        let receipt = Frame::Receipt(Receipt { receipt });
        vec![InboundAction::Send(receipt), InboundAction::Finished(outcome)]
    }

    fn refuse(&mut self, code: RefusalCode, retry_after: Option<Duration>) -> Vec<InboundAction> {
        self.state = State::Finished;
        let refuse = Frame::Refuse(Refuse::new(code, retry_after));
        vec![InboundAction::Send(refuse), InboundAction::Finished(InboundOutcome::Refused(code))]
    }
}

impl Receiving {
    fn progress(&mut self, now: Time, bytes: u64, timers: &InboundTimers) {
        self.waited += now.since(self.waiting_since);
        self.waiting_since = now;
        self.window_bytes = self.window_bytes.saturating_add(bytes);
        if self.window_bytes >= timers.window_bytes {
            self.window_bytes = 0;
            self.waited = Duration::ZERO;
        }
    }
}
