//! Two ends of the protocol, joined by bytes that are cut into any pieces and broken off at any point.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use portcullis::digest::Digest;
use portcullis::envelope::{Header, Precedence};
use portcullis::ident::ExchangeId;
use portcullis::time::Time;
use portcullis::wire::{
    Accept, Cancel, Consistency, End, Frame, FrameReader, Goodbye, Heads, Hello, InboundAction, InboundEvent,
    InboundExchange, InboundOutcome, InboundTimers, KeyAnswer, Offer, OutboundAction, OutboundEvent, OutboundExchange,
    OutboundOutcome, OutboundTimers, Ping, Ready, RefusalCode, Refuse, Role, Session, SessionAction, SessionTimers,
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
}

/// What one connection came to.
#[derive(Debug, PartialEq)]
enum Run {
    Done(OutboundOutcome),
    Broken,
}

struct Wire {
    to_receiver: VecDeque<Vec<u8>>,
    to_sender: VecDeque<Vec<u8>>,
    /// Frames that still pass before the connection breaks.
    left: usize,
    chunk: usize,
    first_offset: Option<u64>,
    /// Everything that was sent to the receiver.
    sent: Vec<u8>,
    /// How often the release was decided upon, and how much had been sent by then.
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
                InboundAction::Finish => InboundEvent::Whole(Digest::of(&receiver.spool)),
                InboundAction::Complete(header) => {
                    receiver.header = header;
                    receiver.completions += 1;
                    let receipt = format!("EXERCISE receipt {}", receiver.completions).into_bytes();
                    receiver.receipt = Some(receipt.clone());
                    InboundEvent::Completed(receipt)
                }
                InboundAction::Finished(_) => continue,
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
        // Whatever was decided before the interruption, it is decided again; not where everything was there before.
        assert_eq!(second.decided.len(), usize::from(completed.is_none()), "{broken_after}");
        match completed {
            // The receipt was lost on its way: the same one again, and not a byte of payload.
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
fn no_header_leaves_when_the_release_does_not_stand_at_the_end() {
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
fn a_sender_lets_go_no_other_header_than_it_offered() {
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

    #[test]
    fn no_order_of_frames_makes_either_end_panic_or_take_too_much(script in proptest::collection::vec(0usize..10, 0..40)) {
        let payload = payload(3000);
        let frame = |n: usize| match n {
            0 => Frame::Offer(offer(&payload)),
            1 => Frame::Accept(Accept { offset: 1000, prefix_digest: Digest::of(&payload[..1000]) }),
            2 => Frame::Refuse(Refuse::new(RefusalCode::Busy, Some(Duration::from_secs(1)))),
            3 => Frame::Data(Bytes::from(vec![1; 1024])),
            4 => Frame::End(End::new(Some(header()))),
            5 => Frame::Restart(portcullis::wire::Restart {}),
            6 => Frame::Cancel(Cancel::new(RefusalCode::Withdrawn)),
            7 => Frame::Receipt(portcullis::wire::Receipt { receipt: vec![1] }),
            8 => Frame::Ready(Ready {}),
            _ => Frame::Ping(Ping { number: 1 }),
        };
        let mut inbound = InboundExchange::start(DATA_MAX, InboundTimers::default(), NOW);
        let (mut outbound, _) = OutboundExchange::start(offer(&payload), DATA_MAX, OutboundTimers::default(), NOW);
        let (mut held, mut finished) = (0, 0);
        for n in script {
            let mut todo: VecDeque<_> = inbound.handle(NOW, InboundEvent::Frame(frame(n))).into();
            while let Some(action) = todo.pop_front() {
                let event = match action {
                    InboundAction::Decide(_) => InboundEvent::Accepted { offset: 0, prefix_digest: Digest::of(b"") },
                    InboundAction::Write(bytes) => { held += bytes.len(); continue }
                    InboundAction::Discard => { held = 0; continue }
                    InboundAction::Finish => InboundEvent::Whole(Digest::of(b"other")),
                    InboundAction::Finished(outcome) => {
                        prop_assert_ne!(outcome, InboundOutcome::Received);
                        finished += 1;
                        continue
                    }
                    _ => continue,
                };
                todo.extend(inbound.handle(NOW, event));
            }
            prop_assert!(held <= 3000 && finished <= 1);
            outbound.handle(NOW, OutboundEvent::Frame(frame(n)));
        }
    }
}

#[test]
fn refuses_a_sender_that_is_slow_or_silent_but_not_one_we_kept_waiting() {
    let timers = InboundTimers::default();
    let mut inbound = InboundExchange::start(DATA_MAX, timers, NOW);
    assert_eq!(inbound.timeout(), Some(NOW.plus(timers.offer)));
    inbound.handle(NOW, InboundEvent::Frame(Frame::Offer(offer(&payload(500_000)))));
    // While we decide there is no timer: the sender has done its part.
    assert_eq!(inbound.timeout(), None);
    inbound.handle(NOW, InboundEvent::Accepted { offset: 0, prefix_digest: Digest::of(b"") });
    let mut now = NOW;
    // Our disk takes a minute for each frame; that is not the sender's fault.
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
fn an_acceptor_says_nothing_before_it_was_spoken_to() {
    let (mut acceptor, first) = session(Role::Acceptor);
    assert_eq!(first, []);
    let up = acceptor.handle(NOW, Frame::Hello(hello("exercise-gbr")));
    assert!(matches!(&up[..], [SessionAction::Send(Frame::Hello(_)), SessionAction::Up(_)]) && acceptor.is_up());
    let (mut dialler, first) = session(Role::Dialler);
    assert!(matches!(&first[..], [SessionAction::Send(Frame::Hello(_))]));
    assert!(matches!(&dialler.handle(NOW, Frame::Hello(hello("exercise-gbr")))[..], [SessionAction::Up(_)]));
}

/// A Hello that tells of the other's ledger, or only of our own.
fn telling(node: &str, seen: bool) -> Hello {
    let heads = Heads { own: "EXERCISE".into(), seen: seen.then(|| "EXERCISE".into()), heard: None };
    Hello { extensions: heads.to_extension().into_iter().collect(), ..hello(node) }
}

#[test]
fn who_is_told_of_its_ledger_proves_it_and_who_told_waits_for_the_proof() {
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
fn refuses_a_second_hello_and_a_pong_nobody_asked_for() {
    for frame in [Frame::Hello(hello("exercise-gbr")), Frame::Pong(Ping { number: 0 })] {
        let (mut session, _) = session(Role::Acceptor);
        session.handle(NOW, Frame::Hello(hello("exercise-gbr")));
        let closed = session.handle(NOW, frame);
        assert!(closed.contains(&SessionAction::Close(RefusalCode::ProtocolError)));
        assert_eq!(session.timeout(), None);
    }
}

#[test]
fn a_silent_peer_is_asked_once_and_then_given_up() {
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
