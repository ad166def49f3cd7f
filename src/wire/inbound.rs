//! The state machine of an exchange as its receiver sees it.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;

use super::message::{Accept, End, Offer, Ready, Receipt, Refuse};
use super::{Frame, RefusalCode};
use crate::digest::Digest;
use crate::envelope::{Header, HeaderCommitment};
use crate::time::Time;

/// How long a receiver waits, and how slow a sender may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InboundTimers {
    /// From the opening of the stream to the offer.
    pub offer: Duration,
    /// Time spent waiting for the sender in which it must have sent at least `window_bytes`, or all that is left.
    pub window: Duration,
    /// The least number of payload bytes in one window.
    pub window_bytes: u64,
}

impl Default for InboundTimers {
    fn default() -> InboundTimers {
        InboundTimers { offer: Duration::from_secs(10), window: Duration::from_secs(30), window_bytes: 64 * 1024 }
    }
}

/// What happened since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InboundEvent {
    /// The sender sent this.
    Frame(Frame),
    /// Answer to [`InboundAction::Decide`]: the offer is taken, and this much of it is durable here already.
    Accepted {
        /// Length of the durable prefix, in bytes.
        offset: u64,
        /// Its digest.
        prefix_digest: Digest,
    },
    /// Answer to [`InboundAction::Decide`]: it was received before, and this is the receipt that was given.
    Replayed(Vec<u8>),
    /// Answer to [`InboundAction::Finish`]: all bytes are here, and this is the digest of the whole.
    Whole(Digest),
    /// Answer to [`InboundAction::Complete`]: opened, stored and recorded; this is the receipt.
    Completed(Vec<u8>),
    /// Instead of any answer, or at any other moment: the exchange is refused.
    Refused {
        /// Why.
        code: RefusalCode,
        /// How long there is no use in trying again.
        retry_after: Option<Duration>,
    },
}

/// What the driver must do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InboundAction {
    /// Decide about this offer, and report.
    Decide(Offer),
    /// Send this.
    Send(Frame),
    /// Discard the durable prefix and start again from nothing.
    Discard,
    /// Append these bytes to what is here.
    Write(Bytes),
    /// Nothing more comes: make durable what is written to a disk as it arrives, and report the digest of the whole.
    Finish,
    /// The payload is the one offered, and so is this header: open, check, store, record, and report the receipt.
    Complete(Option<Header>),
    /// The exchange is over.
    Finished(InboundOutcome),
}

/// How an exchange ended for its receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InboundOutcome {
    /// A receipt was given.
    Received,
    /// The receipt of an earlier time was given again.
    Replayed,
    /// We refused.
    Refused(RefusalCode),
    /// The sender took its offer back.
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

/// One exchange on its stream, receiver's side.
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
    /// All of it is here; `end`, if it was here before the sender began and has the header already.
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
    /// Whether a Restart may still come: only before any data, and only if a prefix was claimed.
    may_restart: bool,
    /// Since when we have been waiting for the sender; time spent on our own disk does not count against it.
    waiting_since: Time,
    waited: Duration,
    window_bytes: u64,
}

impl InboundExchange {
    /// A stream was opened by the peer. `data_max` is the most payload we take in one Data frame.
    pub fn start(data_max: usize, timers: InboundTimers, now: Time) -> InboundExchange {
        let state = State::ExpectOffer { deadline: now.plus(timers.offer) };
        InboundExchange { timers, data_max, state }
    }

    /// Takes the next event.
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

    /// Says that from `now` on the driver waits for the sender and for nothing else.
    pub fn waiting(&mut self, now: Time) {
        if let State::ExpectData(receiving) | State::ExpectEnd(receiving) = &mut self.state {
            receiving.waiting_since = now;
        }
    }

    /// When [`InboundExchange::on_timeout`] must be called, if nothing comes before.
    pub fn timeout(&self) -> Option<Time> {
        match &self.state {
            State::ExpectOffer { deadline } => Some(*deadline),
            State::ExpectData(r) | State::ExpectEnd(r) => {
                Some(r.waiting_since.plus(self.timers.window.saturating_sub(r.waited)))
            }
            _ => None,
        }
    }

    /// Says that the time of [`InboundExchange::timeout`] may have come.
    pub fn on_timeout(&mut self, now: Time) -> Vec<InboundAction> {
        if self.timeout().is_none_or(|at| now < at) {
            return Vec::new();
        }
        self.refuse(RefusalCode::TimedOut, None)
    }

    /// Whether the exchange is over.
    pub fn is_finished(&self) -> bool {
        matches!(self.state, State::Finished)
    }

    fn accept(&mut self, now: Time, offered: Offered, offset: u64, prefix_digest: Digest) -> Vec<InboundAction> {
        if offset > offered.size {
            // Our own spool disagrees with the offer; it is swept, and the sender starts again.
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
            // All of it was here when it was offered; it is hashed once more before anything is done with it.
            Frame::End(end) if receiving.received == receiving.offered.size => {
                self.state = State::ExpectWhole { receiving: *receiving, end: Some(end) };
                vec![InboundAction::Finish]
            }
            Frame::Cancel(cancel) => self.cancelled(cancel.code()),
            _ => self.refuse(RefusalCode::ProtocolError, None),
        }
    }

    /// The payload is the one offered. Nothing is done with a header before it is known to be the one offered too.
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
        // What was withdrawn is not kept; what was merely interrupted is kept for a resumption.
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
