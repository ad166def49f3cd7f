//! Both ends of the protocol, connected by a stream that is split into arbitrary pieces and interrupted at any point.

use std::collections::VecDeque;
use std::time::Duration;

use crate::property::property;
use bytes::Bytes;
use portcullis::digest::Digest;
use portcullis::envelope::{Header, Precedence};
use portcullis::ident::ExchangeId;
use portcullis::time::Time;
use portcullis::wire::{
    Accept, Cancel, CheckpointExchange, Consistency, End, Extension, Frame, FrameReader, Goodbye, Hello, InboundAction,
    InboundEvent, InboundExchange, InboundOutcome, InboundTimers, KeyAnswer, Offer, OutboundAction, OutboundEvent,
    OutboundExchange, OutboundOutcome, OutboundTimers, Ping, Ready, Receipt, RefusalCode, Refuse, Restart, Role,
    Session, SessionAction, SessionTimers,
};
use proptest::prelude::*;

const NOW: Time = Time::from_unix_ms(1_000_000);
const DATA_MAX: usize = 1024;

fn offer(payload: &[u8]) -> Offer {
    Offer {
        exchange: ExchangeId::new(NOW, [7; 10]),
        manifest: b"EXERCISE manifest".to_vec(),
        payload_size: payload.len() as u64,
        payload_digest: Digest::of(payload),
        precedence: Precedence::Priority,
        header: Some(header().commitment()),
    }
}

fn header() -> Header {
    Header::new(*b"EXERCISE header").unwrap()
}

fn go() -> KeyAnswer {
    KeyAnswer::Send(Some(header()))
}

fn payload(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n * 31 % 251) as u8).collect()
}

/// What the receiving node keeps when a connection breaks: its spool, and what it has completed.
#[derive(Default, Clone)]
struct Receiver {
    spool: Vec<u8>,
    header: Option<Header>,
    receipt: Option<Vec<u8>>,
    completions: u32,
    refuse: Option<RefusalCode>,
    /// How often the whole was hashed.
    hashed: u32,
    /// How its exchanges ended.
    finished: Vec<InboundOutcome>,
}

/// The result of one connection.
#[derive(Debug, PartialEq)]
enum Run {
    Done(OutboundOutcome),
    Broken,
}

struct Wire {
    to_receiver: VecDeque<Vec<u8>>,
    to_sender: VecDeque<Vec<u8>>,
    /// Number of frames until the connection breaks.
    left: usize,
    chunk: usize,
    first_offset: Option<u64>,
    /// Everything that was sent to the receiver.
    sent: Vec<u8>,
    /// Number of release decisions, and bytes sent before each.
    decided: Vec<usize>,
}

impl Wire {
    /// A connection that breaks after `left` frames, and delivers bytes `chunk` at a time.
    fn new(left: usize, chunk: usize) -> Wire {
        let (to_receiver, to_sender) = (VecDeque::new(), VecDeque::new());
        Wire { to_receiver, to_sender, left, chunk, first_offset: None, sent: Vec::new(), decided: Vec::new() }
    }

    fn pass(&mut self) -> bool {
        let passes = self.left > 0;
        self.left = self.left.saturating_sub(1);
        passes
    }

    fn run(&mut self, payload: &[u8], receiver: &mut Receiver, answer: KeyAnswer) -> Run {
        let (mut sender, first) = OutboundExchange::start(offer(payload), DATA_MAX, OutboundTimers::default(), NOW);
        let mut inbound = InboundExchange::start(DATA_MAX, InboundTimers::default(), NOW);
        let (mut sent, mut got) = (FrameReader::new(DATA_MAX), FrameReader::new(DATA_MAX));
        let mut todo: VecDeque<OutboundAction> = first.into();
        loop {
            if let Some(action) = todo.pop_front() {
                match action {
                    OutboundAction::Send(frame) => {
                        if !self.pass() {
                            return Run::Broken;
                        }
                        self.sent.extend(frame.encode());
                        self.to_receiver.extend(frame.encode().chunks(self.chunk).map(<[u8]>::to_vec));
                    }
                    OutboundAction::DigestPrefix { length } => {
                        let digest = Digest::of(&payload[..length as usize]);
                        todo.extend(sender.handle(NOW, OutboundEvent::PrefixDigest(digest)));
                    }
                    OutboundAction::Decide => {
                        self.decided.push(self.sent.len());
                        todo.extend(sender.handle(NOW, OutboundEvent::Decided(answer.clone())));
                    }
                    OutboundAction::Read { offset, max } => {
                        self.first_offset.get_or_insert(offset);
                        let from = offset as usize;
                        let bytes = Bytes::copy_from_slice(&payload[from..payload.len().min(from + max)]);
                        todo.extend(sender.handle(NOW, OutboundEvent::Payload(bytes)));
                    }
                    OutboundAction::Finished(outcome) => return Run::Done(outcome),
                }
            } else if let Some(chunk) = self.to_receiver.pop_front() {
                sent.push(&chunk);
                while let Some(frame) = sent.next().unwrap() {
                    if !self.receive(&mut inbound, frame, receiver) {
                        return Run::Broken;
                    }
                }
            } else if let Some(chunk) = self.to_sender.pop_front() {
                got.push(&chunk);
                while let Some(frame) = got.next().unwrap() {
                    todo.extend(sender.handle(NOW, OutboundEvent::Frame(frame)));
                }
            } else {
                panic!("both ends wait for each other: {sender:?} {inbound:?}");
            }
        }
    }

    fn receive(&mut self, inbound: &mut InboundExchange, frame: Frame, receiver: &mut Receiver) -> bool {
        let mut todo: VecDeque<InboundAction> = inbound.handle(NOW, InboundEvent::Frame(frame)).into();
        while let Some(action) = todo.pop_front() {
            let event = match action {
                InboundAction::Send(frame) => {
                    if !self.pass() {
                        return false;
                    }
                    self.to_sender.extend(frame.encode().chunks(self.chunk).map(<[u8]>::to_vec));
                    continue;
                }
                InboundAction::Decide(_) => match (&receiver.receipt, receiver.refuse) {
                    (Some(receipt), _) => InboundEvent::Replayed(receipt.clone()),
                    (None, Some(code)) => InboundEvent::Refused { code, retry_after: None },
                    (None, None) => InboundEvent::Accepted {
                        offset: receiver.spool.len() as u64,
                        prefix_digest: Digest::of(&receiver.spool),
                    },
                },
                InboundAction::Write(bytes) => {
                    receiver.spool.extend_from_slice(&bytes);
                    continue;
                }
                InboundAction::Discard => {
                    receiver.spool.clear();
                    continue;
                }
                InboundAction::Finish => {
                    receiver.hashed += 1;
                    InboundEvent::Whole(Digest::of(&receiver.spool))
                }
                InboundAction::Complete(header) => {
                    receiver.header = header;
                    receiver.completions += 1;
                    let receipt = format!("EXERCISE receipt {}", receiver.completions).into_bytes();
                    receiver.receipt = Some(receipt.clone());
                    InboundEvent::Completed(receipt)
                }
                InboundAction::Finished(outcome) => {
                    receiver.finished.push(outcome);
                    continue;
                }
            };
            todo.extend(inbound.handle(NOW, event));
        }
        true
    }
}

fn delivered(run: Run) -> Vec<u8> {
    match run {
        Run::Done(OutboundOutcome::Receipt(receipt)) => receipt,
        other => panic!("expected a receipt, found {other:?}"),
    }
}

#[test]
fn a_connection_broken_at_any_frame_is_resumed_and_completes_once() {
    let payload = payload(5000);
    // Offer, accept, five data frames, ready, end, receipt: ten frames, each of which may be the last that passes.
    for broken_after in 0..10 {
        let mut receiver = Receiver::default();
        assert_eq!(Wire::new(broken_after, 7).run(&payload, &mut receiver, go()), Run::Broken, "{broken_after}");
        let (kept, completed) = (receiver.spool.len() as u64, receiver.receipt.clone());
        let mut second = Wire::new(usize::MAX, 7);
        let receipt = delivered(second.run(&payload, &mut receiver, go()));
        assert_eq!((receiver.completions, &receiver.spool), (1, &payload), "{broken_after}");
        assert_eq!(receiver.header, Some(header()), "{broken_after}");
        // The release is decided again after the interruption, unless the exchange was complete before.
        assert_eq!(second.decided.len(), usize::from(completed.is_none()), "{broken_after}");
        match completed {
            // The receipt was lost: the same one is sent again, and no payload.
            Some(lost) => assert_eq!((receipt, second.first_offset), (lost, None)),
            None if kept < 5000 => assert_eq!(second.first_offset, Some(kept)),
            None => assert_eq!(second.first_offset, None),
        }
    }
}

#[test]
fn a_prefix_that_is_not_the_payloads_is_never_resumed_from() {
    let payload = payload(5000);
    for kept in [1, 1024, 4999, 5000] {
        let mut receiver = Receiver { spool: vec![0xee; kept], ..Receiver::default() };
        let mut wire = Wire::new(usize::MAX, 1000);
        delivered(wire.run(&payload, &mut receiver, go()));
        assert_eq!((wire.first_offset, &receiver.spool), (Some(0), &payload));
    }
}

#[test]
fn sends_no_header_if_the_release_is_not_valid_at_the_end() {
    let holds = |bytes: &[u8]| bytes.windows(header().bytes().len()).any(|part| part == header().bytes());
    for kept in [0, 2000, 5000] {
        let start = Receiver { spool: payload(5000)[..kept].to_vec(), ..Receiver::default() };
        let (mut receiver, mut wire) = (start.clone(), Wire::new(usize::MAX, 1000));
        let run = wire.run(&payload(5000), &mut receiver, KeyAnswer::Withhold);
        assert_eq!((run, wire.decided.len()), (Run::Done(OutboundOutcome::Withdrawn), 1));
        assert!(!holds(&wire.sent));
        let (mut receiver, mut wire) = (start, Wire::new(usize::MAX, 1000));
        delivered(wire.run(&payload(5000), &mut receiver, go()));
        assert!(holds(&wire.sent) && !holds(&wire.sent[..wire.decided[0]]));
    }
}

/// A receiver that has the whole payload and waits for its header.
fn waiting_for_the_header(offer: Offer, payload: &[u8]) -> InboundExchange {
    let mut inbound = InboundExchange::start(DATA_MAX, InboundTimers::default(), NOW);
    inbound.handle(NOW, InboundEvent::Frame(Frame::Offer(offer)));
    inbound.handle(NOW, InboundEvent::Accepted { offset: 0, prefix_digest: Digest::of(b"") });
    for piece in payload.chunks(DATA_MAX) {
        inbound.handle(NOW, InboundEvent::Frame(Frame::Data(Bytes::copy_from_slice(piece))));
    }
    let ready = inbound.handle(NOW, InboundEvent::Whole(Digest::of(payload)));
    assert_eq!(ready, [InboundAction::Send(Frame::Ready(Ready {}))]);
    inbound
}

#[test]
fn a_withdrawal_after_the_last_byte_leaves_nothing_at_the_receiver() {
    for (code, kept) in [(RefusalCode::Withdrawn, false), (RefusalCode::TimedOut, true)] {
        let mut inbound = waiting_for_the_header(offer(&payload(3000)), &payload(3000));
        let actions = inbound.handle(NOW, InboundEvent::Frame(Frame::Cancel(Cancel::new(code))));
        assert_eq!(!actions.contains(&InboundAction::Discard), kept, "{code}");
        assert!(actions.contains(&InboundAction::Finished(InboundOutcome::Cancelled(code))));
    }
}

#[test]
fn refuses_any_header_but_the_one_that_was_offered_and_keeps_nothing() {
    let of = |bytes: &[u8]| Some(Header::new(bytes).unwrap());
    let (sealed, notice) = (offer(&payload(10)), Offer { header: None, ..offer(&payload(10)) });
    let refused = Frame::Refuse(Refuse::new(RefusalCode::DigestMismatch, None));
    for (offer, good, bad) in [
        (&sealed, of(b"EXERCISE header"), of(b"EXERCISE Header")),
        (&sealed, of(b"EXERCISE header"), of(b"EXERCISE header ")),
        (&sealed, of(b"EXERCISE header"), of(b"EXERCISE heade")),
        (&sealed, of(b"EXERCISE header"), None),
        (&notice, None, of(b"EXERCISE header")),
    ] {
        for whole_before in [false, true] {
            let end = |header: Option<Header>| {
                let end = InboundEvent::Frame(Frame::End(End::new(header)));
                if !whole_before {
                    return waiting_for_the_header(offer.clone(), &payload(10)).handle(NOW, end);
                }
                let mut inbound = InboundExchange::start(DATA_MAX, InboundTimers::default(), NOW);
                inbound.handle(NOW, InboundEvent::Frame(Frame::Offer(offer.clone())));
                let prefix_digest = Digest::of(&payload(10));
                inbound.handle(NOW, InboundEvent::Accepted { offset: 10, prefix_digest });
                assert_eq!(inbound.handle(NOW, end), [InboundAction::Finish]);
                inbound.handle(NOW, InboundEvent::Whole(prefix_digest))
            };
            assert_eq!(end(good.clone()), [InboundAction::Complete(good.clone())]);
            let outcome = InboundAction::Finished(InboundOutcome::Refused(RefusalCode::DigestMismatch));
            assert_eq!(end(bad.clone()), [InboundAction::Discard, InboundAction::Send(refused.clone()), outcome]);
        }
    }
}

#[test]
fn a_sender_sends_only_the_header_that_it_offered() {
    let ready = || {
        let (mut outbound, _) = OutboundExchange::start(offer(&payload(10)), DATA_MAX, OutboundTimers::default(), NOW);
        let (offset, prefix_digest) = (0, Digest::of(b""));
        outbound.handle(NOW, OutboundEvent::Frame(Frame::Accept(Accept { offset, prefix_digest })));
        outbound.handle(NOW, OutboundEvent::Payload(Bytes::from(payload(10))));
        assert_eq!(outbound.handle(NOW, OutboundEvent::Frame(Frame::Ready(Ready {}))), [OutboundAction::Decide]);
        outbound
    };
    let other = Header::new(*b"EXERCISE other").unwrap();
    let sends = |answer| ready().handle(NOW, OutboundEvent::Decided(answer));
    assert_eq!(sends(go()), [OutboundAction::Send(Frame::End(End::new(Some(header()))))]);
    for answer in [KeyAnswer::Send(Some(other)), KeyAnswer::Send(None)] {
        assert!(sends(answer).contains(&OutboundAction::Finished(OutboundOutcome::SourceFailed)));
    }
}

#[test]
fn a_receiver_that_claims_to_have_everything_too_early_gets_no_header() {
    let (mut outbound, _) = OutboundExchange::start(offer(&payload(5000)), DATA_MAX, OutboundTimers::default(), NOW);
    let (offset, prefix_digest) = (0, Digest::of(b""));
    outbound.handle(NOW, OutboundEvent::Frame(Frame::Accept(Accept { offset, prefix_digest })));
    let actions = outbound.handle(NOW, OutboundEvent::Frame(Frame::Ready(Ready {})));
    assert!(actions.contains(&OutboundAction::Finished(OutboundOutcome::ProtocolError)), "{actions:?}");
}

#[test]
fn a_receiver_waits_no_longer_for_a_header_than_for_bytes() {
    let timers = InboundTimers::default();
    let mut inbound = waiting_for_the_header(offer(&payload(10)), &payload(10));
    assert_eq!(inbound.timeout(), Some(NOW.plus(timers.window)));
    let refusal = InboundAction::Send(Frame::Refuse(Refuse::new(RefusalCode::TimedOut, None)));
    assert_eq!(inbound.on_timeout(NOW.plus(timers.window)).first(), Some(&refusal));
}

#[test]
fn every_refusal_code_reaches_the_sender_as_it_was_given() {
    for code in RefusalCode::ALL {
        let mut receiver = Receiver { refuse: Some(*code), ..Receiver::default() };
        let run = Wire::new(usize::MAX, 50).run(&payload(10), &mut receiver, go());
        assert_eq!(run, Run::Done(OutboundOutcome::Refused { code: *code, retry_after: None }));
    }
}

proptest! {
    #[test]
    fn any_number_of_breaks_delivers_exactly_once(
        length in 1usize..6000,
        chunk in 1usize..3000,
        breaks in proptest::collection::vec(0usize..12, 0..6),
    ) {
        let payload = payload(length);
        let mut receiver = Receiver::default();
        for left in breaks {
            if let Run::Done(outcome) = Wire::new(left, chunk).run(&payload, &mut receiver, go()) {
                prop_assert!(matches!(outcome, OutboundOutcome::Receipt(_)));
            }
        }
        let receipt = delivered(Wire::new(usize::MAX, chunk).run(&payload, &mut receiver, go()));
        prop_assert_eq!(receiver.completions, 1);
        prop_assert_eq!(Some(receipt), receiver.receipt);
        prop_assert_eq!(receiver.spool, payload);
    }
}

/// The one fault in an otherwise valid conversation.
#[derive(Clone, Debug)]
enum Broken {
    Not,
    Dropped,
    /// Nothing arrives after some frame.
    CutShort,
    /// A sender that takes back what it offered.
    Withdrawn,
    /// A receiver that refuses what it was offered.
    Refused,
    Twice,
    Swapped,
    /// A frame that does not belong there.
    Foreign(usize),
    /// A byte of the payload.
    Altered,
    /// More payload than there is to come.
    Longer(usize),
    /// Another header than the one that was offered.
    OtherHeader,
}

fn broken() -> impl Strategy<Value = Broken> {
    prop_oneof![
        3 => Just(Broken::Not),
        1 => Just(Broken::Dropped),
        2 => Just(Broken::CutShort),
        2 => Just(Broken::Withdrawn),
        2 => Just(Broken::Refused),
        1 => Just(Broken::Twice),
        1 => Just(Broken::Swapped),
        2 => (0usize..10).prop_map(Broken::Foreign),
        1 => Just(Broken::Altered),
        2 => (1usize..1500).prop_map(Broken::Longer),
        1 => Just(Broken::OtherHeader),
    ]
}

/// Every kind of frame once.
fn foreign(n: usize, payload: &[u8]) -> Frame {
    match n {
        0 => Frame::Offer(offer(payload)),
        1 => Frame::Accept(Accept { offset: 0, prefix_digest: Digest::of(b"") }),
        2 => Frame::Refuse(Refuse::new(RefusalCode::Busy, Some(Duration::from_secs(1)))),
        3 => Frame::Data(Bytes::from(vec![1; 1024])),
        4 => Frame::End(End::new(Some(header()))),
        5 => Frame::Restart(Restart {}),
        6 => Frame::Cancel(Cancel::new(RefusalCode::Withdrawn)),
        7 => Frame::Receipt(Receipt { receipt: vec![1] }),
        8 => Frame::Ready(Ready {}),
        _ => Frame::Ping(Ping { number: 1 }),
    }
}

/// `frames` of a sender or receiver, broken in one place.
fn break_one(frames: &mut Vec<Frame>, broken: &Broken, at: prop::sample::Index, payload: &[u8]) {
    let place = at.index(frames.len());
    let data: Vec<usize> = (0..frames.len()).filter(|n| matches!(frames[*n], Frame::Data(_))).collect();
    match broken {
        Broken::Not => {}
        Broken::Dropped => drop(frames.remove(place)),
        Broken::CutShort => frames.truncate(place),
        Broken::Withdrawn => frames.insert(place, Frame::Cancel(Cancel::new(RefusalCode::Withdrawn))),
        Broken::Refused => frames.insert(place, Frame::Refuse(Refuse::new(RefusalCode::Refused, None))),
        Broken::Twice => frames.insert(place, frames[place].clone()),
        Broken::Swapped => {
            let other = (place + 1) % frames.len();
            frames.swap(place, other);
        }
        Broken::Foreign(n) => frames.insert(place, foreign(*n, payload)),
        Broken::Altered | Broken::Longer(_) if data.is_empty() => {}
        Broken::Altered => {
            let Frame::Data(bytes) = &mut frames[data[at.index(data.len())]] else { unreachable!() };
            let mut altered = bytes.to_vec();
            altered[at.index(bytes.len())] ^= 1;
            *bytes = altered.into();
        }
        Broken::Longer(more) => {
            let Frame::Data(bytes) = &mut frames[data[data.len() - 1]] else { unreachable!() };
            *bytes = [&bytes[..], &vec![1; *more]].concat().into();
        }
        Broken::OtherHeader => {
            let other = Header::new(*b"EXERCISE other").unwrap();
            let end = frames.iter_mut().find(|frame| matches!(frame, Frame::End(_)));
            end.into_iter().for_each(|end| *end = Frame::End(End::new(Some(other.clone()))));
        }
    }
}

#[test]
fn a_receiver_accepts_only_what_was_offered_whatever_its_sender_sends() {
    let classes = ["received", "refused", "cancelled", "unfinished", "hashed", "more than announced"];
    let cases = (1usize..6000, 0usize..3000, any::<bool>(), 1..=DATA_MAX, broken(), any::<prop::sample::Index>());
    property(&classes, &cases, |(length, kept, restarts, piece, broken, at), classes| {
        let (payload, kept) = (payload(length), kept.min(length));
        let from = if restarts { 0 } else { kept };
        let mut frames = vec![Frame::Offer(offer(&payload))];
        frames.extend((restarts && kept > 0).then_some(Frame::Restart(Restart {})));
        frames.extend(payload[from..].chunks(piece).map(|bytes| Frame::Data(Bytes::copy_from_slice(bytes))));
        frames.push(Frame::End(End::new(Some(header()))));
        break_one(&mut frames, &broken, at, &payload);
        let sent: usize = frames.iter().map(|frame| if let Frame::Data(bytes) = frame { bytes.len() } else { 0 }).sum();
        if from + sent > length {
            classes.saw("more than announced", true);
        }
        let mut receiver = Receiver { spool: payload[..kept].to_vec(), ..Receiver::default() };
        let mut inbound = InboundExchange::start(DATA_MAX, InboundTimers::default(), NOW);
        let mut wire = Wire::new(usize::MAX, usize::MAX);
        for frame in frames {
            wire.receive(&mut inbound, frame, &mut receiver);
            prop_assert!(receiver.spool.len() <= length, "{} bytes of {length}", receiver.spool.len());
            prop_assert!(receiver.finished.len() <= 1);
        }
        if receiver.hashed > 0 {
            classes.saw("hashed", true);
        }
        prop_assert_eq!(inbound.is_finished(), !receiver.finished.is_empty());
        prop_assert_eq!(receiver.completions > 0, receiver.finished == [InboundOutcome::Received]);
        match receiver.finished.first() {
            Some(InboundOutcome::Received) => {
                classes.saw("received", true);
                prop_assert_eq!((receiver.completions, &receiver.spool), (1, &payload));
                prop_assert_eq!(receiver.header, Some(header()));
            }
            Some(InboundOutcome::Refused(_)) => classes.saw("refused", true),
            Some(InboundOutcome::Cancelled(_)) => {
                classes.saw("cancelled", true);
                prop_assert!(receiver.spool.is_empty(), "what was withdrawn is kept");
            }
            other => {
                prop_assert_eq!(other, None);
                classes.saw("unfinished", true);
            }
        }
        prop_assert!(!matches!(broken, Broken::Not) || receiver.completions == 1);
        Ok(())
    });
}

#[test]
fn a_sender_sends_its_header_once_and_after_the_payload_whatever_its_receiver_sends() {
    let classes = ["receipt", "protocol error", "refused", "unfinished", "no header"];
    let cases = (1usize..6000, 0usize..3000, any::<bool>(), broken(), any::<prop::sample::Index>());
    property(&classes, &cases, |(length, kept, right, broken, at), classes| {
        let (payload, kept) = (payload(length), kept.min(length));
        let prefix_digest = if right { Digest::of(&payload[..kept]) } else { Digest::of(b"EXERCISE other") };
        let from = if right { kept } else { 0 };
        let offset = kept as u64;
        let mut frames = vec![Frame::Accept(Accept { offset, prefix_digest })];
        // A receiver that had all of it sends nothing until the receipt.
        frames.extend((from < length).then_some(Frame::Ready(Ready {})));
        frames.push(Frame::Receipt(Receipt { receipt: b"EXERCISE receipt".to_vec() }));
        break_one(&mut frames, &broken, at, &payload);
        let (mut outbound, _) = OutboundExchange::start(offer(&payload), DATA_MAX, OutboundTimers::default(), NOW);
        let (mut sent, mut ends, mut decided, mut finished) = (None, 0, 0, Vec::new());
        // A receiver that correctly claimed all of it sends no Ready.
        let mut ready = right && kept == length;
        for frame in frames {
            ready |= matches!(frame, Frame::Ready(_));
            let mut todo: VecDeque<_> = outbound.handle(NOW, OutboundEvent::Frame(frame)).into();
            while let Some(action) = todo.pop_front() {
                let event = match action {
                    OutboundAction::DigestPrefix { length } => {
                        OutboundEvent::PrefixDigest(Digest::of(&payload[..length as usize]))
                    }
                    OutboundAction::Read { offset, max } => {
                        let from = offset as usize;
                        prop_assert!(from < length && sent.is_none_or(|sent| sent == from), "{from} after {sent:?}");
                        let end = length.min(from + max);
                        sent = Some(end);
                        OutboundEvent::Payload(Bytes::copy_from_slice(&payload[from..end]))
                    }
                    OutboundAction::Decide => {
                        decided += 1;
                        OutboundEvent::Decided(go())
                    }
                    OutboundAction::Send(Frame::End(_)) => {
                        ends += 1;
                        prop_assert!(sent == Some(length) || right && kept == length, "its header before its payload");
                        prop_assert!(ready, "its header before it is known that all of its payload is there");
                        continue;
                    }
                    OutboundAction::Send(_) => continue,
                    OutboundAction::Finished(outcome) => {
                        finished.push(outcome);
                        continue;
                    }
                };
                todo.extend(outbound.handle(NOW, event));
            }
            prop_assert!(ends == decided && decided <= 1 && finished.len() <= 1);
        }
        if ends == 0 {
            classes.saw("no header", true);
        }
        match finished.first() {
            Some(OutboundOutcome::Receipt(receipt)) => {
                classes.saw("receipt", true);
                prop_assert!(!receipt.is_empty());
            }
            Some(OutboundOutcome::ProtocolError) => classes.saw("protocol error", true),
            Some(OutboundOutcome::Refused { .. }) => classes.saw("refused", true),
            other => {
                prop_assert_eq!(other, None);
                classes.saw("unfinished", true);
            }
        }
        // A wrong prefix digest with offset 0 is never sent by this implementation.
        let received = matches!(finished[..], [OutboundOutcome::Receipt(_)]);
        prop_assert!(!matches!(broken, Broken::Not) || received || kept == 0 && !right);
        Ok(())
    });
}

#[test]
fn refuses_more_payload_than_was_announced_and_pieces_longer_than_agreed() {
    let accepted = |offset: u64| {
        let mut inbound = InboundExchange::start(DATA_MAX, InboundTimers::default(), NOW);
        inbound.handle(NOW, InboundEvent::Frame(Frame::Offer(offer(&payload(2000)))));
        let prefix_digest = Digest::of(&payload(2000)[..offset as usize]);
        inbound.handle(NOW, InboundEvent::Accepted { offset, prefix_digest });
        inbound
    };
    let sends = |inbound: &mut InboundExchange, length: usize| {
        let bytes = Bytes::from(vec![1; length]);
        let mut actions = inbound.handle(NOW, InboundEvent::Frame(Frame::Data(bytes.clone())));
        let written = actions.contains(&InboundAction::Write(bytes));
        actions.retain(|action| !matches!(action, InboundAction::Write(_)));
        (written, actions)
    };
    let refused = [
        InboundAction::Send(Frame::Refuse(Refuse::new(RefusalCode::ProtocolError, None))),
        InboundAction::Finished(InboundOutcome::Refused(RefusalCode::ProtocolError)),
    ];
    for (offset, left) in [(1500, 500), (1999, 1)] {
        assert_eq!(sends(&mut accepted(offset), left), (true, vec![InboundAction::Finish]));
        assert_eq!(sends(&mut accepted(offset), left + 1), (false, refused.to_vec()));
    }
    assert_eq!(sends(&mut accepted(0), DATA_MAX), (true, vec![]));
    assert_eq!(sends(&mut accepted(0), DATA_MAX + 1), (false, refused.to_vec()));
    assert_eq!(sends(&mut accepted(0), 0), (false, refused.to_vec()), "an empty piece would go on for ever");
}

#[test]
fn what_is_withdrawn_in_mid_transfer_is_discarded_and_what_is_interrupted_is_kept() {
    for (code, discarded) in [(RefusalCode::Withdrawn, true), (RefusalCode::TimedOut, false)] {
        let mut inbound = InboundExchange::start(DATA_MAX, InboundTimers::default(), NOW);
        inbound.handle(NOW, InboundEvent::Frame(Frame::Offer(offer(&payload(2000)))));
        inbound.handle(NOW, InboundEvent::Accepted { offset: 0, prefix_digest: Digest::of(b"") });
        inbound.handle(NOW, InboundEvent::Frame(Frame::Data(Bytes::from(vec![1; 1000]))));
        let actions = inbound.handle(NOW, InboundEvent::Frame(Frame::Cancel(Cancel::new(code))));
        assert_eq!(actions.contains(&InboundAction::Discard), discarded, "{code}");
        assert_eq!(actions.last(), Some(&InboundAction::Finished(InboundOutcome::Cancelled(code))));
    }
}

#[test]
fn a_restart_comes_once_and_before_any_payload() {
    let restart = || InboundEvent::Frame(Frame::Restart(Restart {}));
    let refused = InboundAction::Finished(InboundOutcome::Refused(RefusalCode::ProtocolError));
    let accepted = |offset: u64| {
        let mut inbound = InboundExchange::start(DATA_MAX, InboundTimers::default(), NOW);
        inbound.handle(NOW, InboundEvent::Frame(Frame::Offer(offer(&payload(2000)))));
        let prefix_digest = Digest::of(&payload(2000)[..offset as usize]);
        inbound.handle(NOW, InboundEvent::Accepted { offset, prefix_digest });
        inbound
    };
    assert!(accepted(0).handle(NOW, restart()).contains(&refused), "there is nothing to begin anew");
    let mut inbound = accepted(1000);
    assert_eq!(inbound.handle(NOW, restart()), [InboundAction::Discard]);
    assert!(inbound.handle(NOW, restart()).contains(&refused), "a second one");
    let mut inbound = accepted(1000);
    inbound.handle(NOW, InboundEvent::Frame(Frame::Data(Bytes::from(vec![1; 10]))));
    assert!(inbound.handle(NOW, restart()).contains(&refused), "after payload");
}

#[test]
fn an_end_before_the_payload_is_whole_is_a_protocol_error_and_costs_nothing_that_is_here() {
    let refuse = Frame::Refuse(Refuse::new(RefusalCode::ProtocolError, None));
    let finished = InboundAction::Finished(InboundOutcome::Refused(RefusalCode::ProtocolError));
    for (offset, actions) in [(2000, vec![InboundAction::Finish]), (1999, vec![InboundAction::Send(refuse), finished])]
    {
        let mut inbound = InboundExchange::start(DATA_MAX, InboundTimers::default(), NOW);
        inbound.handle(NOW, InboundEvent::Frame(Frame::Offer(offer(&payload(2000)))));
        let prefix_digest = Digest::of(&payload(2000)[..offset as usize]);
        inbound.handle(NOW, InboundEvent::Accepted { offset, prefix_digest });
        let end = Frame::End(End::new(Some(header())));
        assert_eq!(inbound.handle(NOW, InboundEvent::Frame(end)), actions);
    }
}

#[test]
fn discards_and_refuses_a_local_prefix_longer_than_the_payload() {
    for (offset, fits) in [(2000, true), (2001, false)] {
        let mut inbound = InboundExchange::start(DATA_MAX, InboundTimers::default(), NOW);
        inbound.handle(NOW, InboundEvent::Frame(Frame::Offer(offer(&payload(2000)))));
        let actions = inbound.handle(NOW, InboundEvent::Accepted { offset, prefix_digest: Digest::of(b"") });
        assert_eq!(matches!(actions[..], [InboundAction::Send(Frame::Accept(_))]), fits);
        assert_eq!(actions.first() == Some(&InboundAction::Discard), !fits);
    }
}

#[test]
fn a_sender_refuses_an_offset_beyond_the_payload_or_a_wrong_empty_prefix() {
    let answers = |offset, prefix_digest| {
        let (mut outbound, _) = OutboundExchange::start(offer(&payload(10)), DATA_MAX, OutboundTimers::default(), NOW);
        outbound.handle(NOW, OutboundEvent::Frame(Frame::Accept(Accept { offset, prefix_digest })))
    };
    let broken = OutboundAction::Finished(OutboundOutcome::ProtocolError);
    assert!(!answers(0, Digest::of(b"")).contains(&broken));
    assert!(answers(0, Digest::of(b"E")).contains(&broken));
    assert_eq!(answers(10, Digest::of(&payload(10))), [OutboundAction::Decide]);
    assert!(answers(11, Digest::of(&payload(10))).contains(&broken));
}

#[test]
fn a_sender_sends_only_payload_that_it_requested_from_its_source() {
    for (length, sends) in [(0, false), (1, true), (2000, false), (DATA_MAX, true), (DATA_MAX + 1, false)] {
        let offered = payload(1500);
        let (mut outbound, _) = OutboundExchange::start(offer(&offered), DATA_MAX, OutboundTimers::default(), NOW);
        let (offset, prefix_digest) = (0, Digest::of(b""));
        outbound.handle(NOW, OutboundEvent::Frame(Frame::Accept(Accept { offset, prefix_digest })));
        let actions = outbound.handle(NOW, OutboundEvent::Payload(Bytes::from(vec![1; length])));
        assert_eq!(matches!(actions.first(), Some(OutboundAction::Send(Frame::Data(_)))), sends, "{length}");
        let failed = OutboundAction::Finished(OutboundOutcome::SourceFailed);
        assert_eq!(actions.contains(&failed), !sends, "{length}");
    }
    // No more than what is left: the last piece ends with the payload.
    let (mut outbound, _) = OutboundExchange::start(offer(&payload(10)), DATA_MAX, OutboundTimers::default(), NOW);
    let (offset, prefix_digest) = (0, Digest::of(b""));
    outbound.handle(NOW, OutboundEvent::Frame(Frame::Accept(Accept { offset, prefix_digest })));
    let actions = outbound.handle(NOW, OutboundEvent::Payload(Bytes::from(vec![1; 11])));
    assert!(actions.contains(&OutboundAction::Finished(OutboundOutcome::SourceFailed)));
}

#[test]
fn accepts_a_pong_only_as_the_answer_to_the_pending_ping() {
    let timers = SessionTimers::default();
    let asked = NOW.plus(timers.ping);
    for (number, answers) in [(1, true), (0, false), (2, false)] {
        let (mut session, _) = session(Role::Acceptor);
        session.handle(NOW, Frame::Hello(hello("exercise-gbr")));
        session.on_timeout(asked);
        let actions = session.handle(asked, Frame::Pong(Ping { number }));
        assert_eq!(actions.is_empty() && session.is_up(), answers, "{number}");
    }
}

#[test]
fn sends_nothing_after_a_goodbye() {
    let (mut session, _) = session(Role::Acceptor);
    session.handle(NOW, Frame::Hello(hello("exercise-gbr")));
    let closed = session.handle(NOW, Frame::Goodbye(Goodbye::new(RefusalCode::Shutdown)));
    assert_eq!(closed, [SessionAction::Close(RefusalCode::Shutdown)]);
    assert_eq!((session.handle(NOW, Frame::Ping(Ping { number: 1 })), session.is_up()), (vec![], false));
    assert_eq!(session.close(RefusalCode::Shutdown), []);
}

#[test]
fn refuses_a_sender_that_is_slow_or_silent_but_not_one_we_kept_waiting() {
    let timers = InboundTimers::default();
    let mut inbound = InboundExchange::start(DATA_MAX, timers, NOW);
    assert_eq!(inbound.timeout(), Some(NOW.plus(timers.offer)));
    inbound.handle(NOW, InboundEvent::Frame(Frame::Offer(offer(&payload(500_000)))));
    // While the receiver decides there is no timer: it does not wait for the sender.
    assert_eq!(inbound.timeout(), None);
    inbound.handle(NOW, InboundEvent::Accepted { offset: 0, prefix_digest: Digest::of(b"") });
    let mut now = NOW;
    // The local disk takes a minute for each frame, which does not count against the sender.
    for _ in 0..3 {
        inbound.waiting(now);
        inbound.handle(now.plus(Duration::from_secs(1)), InboundEvent::Frame(Frame::Data(Bytes::from(vec![1; 10]))));
        now = now.plus(Duration::from_secs(61));
    }
    inbound.waiting(now);
    assert_eq!(inbound.timeout(), Some(now.plus(timers.window - Duration::from_secs(3))));
    assert_eq!(inbound.on_timeout(now), []);
    let late = now.plus(timers.window);
    let refusal = InboundAction::Send(Frame::Refuse(Refuse::new(RefusalCode::TimedOut, None)));
    assert_eq!(inbound.on_timeout(late).first(), Some(&refusal));
}

#[test]
fn a_sender_gives_up_on_a_receiver_that_does_not_answer() {
    let timers = OutboundTimers::default();
    let (mut outbound, _) = OutboundExchange::start(offer(&payload(10)), DATA_MAX, timers, NOW);
    let late = NOW.plus(timers.answer);
    assert_eq!(outbound.on_timeout(late.minus(Duration::from_millis(1))), []);
    assert!(outbound.on_timeout(late).contains(&OutboundAction::Finished(OutboundOutcome::TimedOut)));
    assert!(outbound.is_finished() && outbound.timeout().is_none());
}

fn hello(node: &str) -> Hello {
    let node = node.parse().unwrap();
    Hello { version: 2, node, boot: [1; 16], data_bytes_max: 1024, exchanges_max: 4, extensions: Vec::new() }
}

fn session(role: Role) -> (Session, Vec<SessionAction>) {
    let expected = "exercise-gbr".parse().unwrap();
    Session::start(role, hello("exercise-usa"), expected, SessionTimers::default(), NOW)
}

#[test]
fn an_acceptor_sends_nothing_before_the_dialler() {
    let (mut acceptor, first) = session(Role::Acceptor);
    assert_eq!(first, []);
    let up = acceptor.handle(NOW, Frame::Hello(hello("exercise-gbr")));
    assert!(matches!(&up[..], [SessionAction::Send(Frame::Hello(_)), SessionAction::Up(_)]) && acceptor.is_up());
    let (mut dialler, first) = session(Role::Dialler);
    assert!(matches!(&first[..], [SessionAction::Send(Frame::Hello(_))]));
    assert!(matches!(&dialler.handle(NOW, Frame::Hello(hello("exercise-gbr")))[..], [SessionAction::Up(_)]));
}

#[test]
fn answers_a_burst_of_pings_and_then_one_each_second() {
    let up = || {
        let (mut session, _) = session(Role::Acceptor);
        session.handle(NOW, Frame::Hello(hello("exercise-gbr")));
        session
    };
    let ping = |session: &mut Session, at| {
        let actions = session.handle(at, Frame::Ping(Ping { number: 7 }));
        actions == [SessionAction::Send(Frame::Pong(Ping { number: 7 }))]
    };
    let mut session = up();
    assert!((0..8).all(|_| ping(&mut session, NOW)), "eight at once");
    let closed = session.handle(NOW, Frame::Ping(Ping { number: 7 }));
    assert!(closed.contains(&SessionAction::Close(RefusalCode::ProtocolError)) && !session.is_up());
    assert_eq!(session.handle(NOW, Frame::Ping(Ping { number: 7 })), [], "what is over answers nothing");
    // One per second is always allowed, and an unused allowance grows to eight and not more.
    let mut session = up();
    let second = |n: u64| NOW.plus(Duration::from_secs(n));
    assert!((0..1000).all(|n| ping(&mut session, second(n))));
    assert!((0..8).all(|_| ping(&mut session, second(100_000))) && !ping(&mut session, second(100_000)));
    // Parts of a second add up.
    let mut session = up();
    assert!((0..8).all(|_| ping(&mut session, NOW)));
    let part = |ms: u64| NOW.plus(Duration::from_millis(ms));
    assert!(ping(&mut session, part(1_500)) && ping(&mut session, part(2_000)) && !ping(&mut session, part(2_999)));
}

#[test]
fn a_timer_that_is_handled_late_still_expires() {
    let timers = SessionTimers::default();
    let (mut session, _) = session(Role::Acceptor);
    session.handle(NOW, Frame::Hello(hello("exercise-gbr")));
    let late = NOW.plus(timers.ping + Duration::from_secs(3));
    assert_eq!(session.on_timeout(late), [SessionAction::Send(Frame::Ping(Ping { number: 1 }))]);
    let closed = session.on_timeout(late.plus(timers.pong + Duration::from_secs(3)));
    assert!(closed.contains(&SessionAction::Close(RefusalCode::TimedOut)));
    assert_eq!(session.handle(late, Frame::Pong(Ping { number: 1 })), []);
}

#[test]
fn an_exchange_ends_only_with_its_outcome_and_requests_bounded_reads() {
    let timers = OutboundTimers::default();
    let data = payload(10);
    let (mut outbound, _) = OutboundExchange::start(offer(&data), 8, timers, NOW);
    assert!(!outbound.is_finished());
    let accept = |offset| OutboundEvent::Frame(Frame::Accept(Accept { offset, prefix_digest: Digest::of(b"") }));
    let actions = outbound.handle(NOW, accept(0));
    assert!(actions.contains(&OutboundAction::Read { offset: 0, max: 8 }), "{actions:?}");
    let actions = outbound.handle(NOW, OutboundEvent::Payload(data[..8].to_vec().into()));
    assert!(actions.contains(&OutboundAction::Read { offset: 8, max: 2 }), "no more than is left: {actions:?}");
    let actions = outbound.handle(NOW, OutboundEvent::Payload(vec![0; 3].into()));
    assert!(actions.contains(&OutboundAction::Finished(OutboundOutcome::SourceFailed)), "{actions:?}");
    assert!(outbound.is_finished());
}

/// A Hello with a checkpoint of the other's ledger, or only with its own.
fn telling(node: &str, seen: bool) -> Hello {
    let heads = CheckpointExchange { own: "EXERCISE".into(), seen: seen.then(|| "EXERCISE".into()), heard: None };
    Hello { extensions: heads.to_extension().into_iter().collect(), ..hello(node) }
}

#[test]
fn a_peer_proves_its_ledger_against_the_checkpoint_it_was_sent() {
    let proof = Consistency::default();
    for (ours, theirs) in [(false, false), (false, true), (true, false), (true, true)] {
        let expected = "exercise-gbr".parse().unwrap();
        let (timers, first) = (SessionTimers::default(), telling("exercise-usa", ours));
        let (mut session, _) = Session::start(Role::Acceptor, first, expected, timers, NOW);
        let actions = session.handle(NOW, Frame::Hello(telling("exercise-gbr", theirs)));
        assert_eq!(actions.iter().filter(|a| matches!(a, SessionAction::Prove(_))).count(), usize::from(theirs));
        assert_eq!(session.is_up(), !ours);
        if ours {
            let mut another = session_as_it_is(&telling("exercise-usa", ours), theirs);
            let other = another.handle(NOW, Frame::Ping(Ping { number: 1 }));
            assert!(other.contains(&SessionAction::Close(RefusalCode::ProtocolError)), "nothing comes before it");
            let mut silent = session_as_it_is(&telling("exercise-usa", ours), theirs);
            let closed = silent.on_timeout(NOW.plus(timers.hello));
            assert!(closed.contains(&SessionAction::Close(RefusalCode::TimedOut)));
            let up = session.handle(NOW, Frame::Consistency(proof.clone()));
            assert!(matches!(&up[..], [SessionAction::Up(peer)] if peer.proof == Some(proof.clone())));
        }
        let again = session.handle(NOW, Frame::Consistency(proof.clone()));
        assert!(again.contains(&SessionAction::Close(RefusalCode::ProtocolError)), "one that nobody waits for");
    }
}

fn session_as_it_is(ours: &Hello, theirs: bool) -> Session {
    let expected = "exercise-gbr".parse().unwrap();
    let (mut session, _) = Session::start(Role::Acceptor, ours.clone(), expected, SessionTimers::default(), NOW);
    session.handle(NOW, Frame::Hello(telling("exercise-gbr", theirs)));
    session
}

#[test]
fn refuses_a_hello_of_another_node_or_version_or_with_an_unknown_critical_extension() {
    let extension = |critical| vec![Extension { id: 77, critical, content: vec![1] }];
    let good = || hello("exercise-gbr");
    let cases = [
        (good(), None),
        (Hello { extensions: extension(false), ..good() }, None),
        (hello("exercise-aus"), Some(RefusalCode::IdentityMismatch)),
        (Hello { version: 1, ..good() }, Some(RefusalCode::VersionUnsupported)),
        (Hello { version: 3, ..good() }, Some(RefusalCode::VersionUnsupported)),
        (Hello { extensions: extension(true), ..good() }, Some(RefusalCode::ExtensionUnsupported)),
        (Hello { data_bytes_max: 1023, ..good() }, Some(RefusalCode::ProtocolError)),
    ];
    for (hello, refused) in cases {
        let (mut session, _) = session(Role::Dialler);
        let actions = session.handle(NOW, Frame::Hello(hello));
        match refused {
            None => assert!(matches!(actions[..], [SessionAction::Up(_)]), "{actions:?}"),
            Some(code) => {
                let goodbye = SessionAction::Send(Frame::Goodbye(Goodbye::new(code)));
                assert_eq!(actions, [goodbye, SessionAction::Close(code)]);
            }
        }
    }
}

#[test]
fn refuses_a_second_hello_and_an_unsolicited_pong() {
    for frame in [Frame::Hello(hello("exercise-gbr")), Frame::Pong(Ping { number: 0 })] {
        let (mut session, _) = session(Role::Acceptor);
        session.handle(NOW, Frame::Hello(hello("exercise-gbr")));
        let closed = session.handle(NOW, frame);
        assert!(closed.contains(&SessionAction::Close(RefusalCode::ProtocolError)));
        assert_eq!(session.timeout(), None);
    }
}

#[test]
fn pings_a_silent_peer_once_and_then_closes() {
    let timers = SessionTimers::default();
    let (mut session, _) = session(Role::Acceptor);
    session.handle(NOW, Frame::Hello(hello("exercise-gbr")));
    let asked = NOW.plus(timers.ping);
    assert_eq!(session.on_timeout(asked), [SessionAction::Send(Frame::Ping(Ping { number: 1 }))]);
    session.handle(asked, Frame::Pong(Ping { number: 1 }));
    let again = asked.plus(timers.ping);
    assert_eq!(session.on_timeout(again), [SessionAction::Send(Frame::Ping(Ping { number: 2 }))]);
    let closed = session.on_timeout(again.plus(timers.pong));
    let goodbye = SessionAction::Send(Frame::Goodbye(Goodbye::new(RefusalCode::TimedOut)));
    assert_eq!(closed, [goodbye, SessionAction::Close(RefusalCode::TimedOut)]);
}
