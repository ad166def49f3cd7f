//! A sender that is stopped: at each point of an exchange, what it still sends and what it still accepts.

use std::time::Duration;

use bytes::Bytes;
use portcullis::digest::Digest;
use portcullis::envelope::{Header, Precedence};
use portcullis::ident::ExchangeId;
use portcullis::time::Time;
use portcullis::wire::{
    Accept, Cancel, Frame, KeyAnswer, Offer, OutboundAction, OutboundEvent, OutboundExchange, OutboundOutcome,
    OutboundTimers, Ready, Receipt, RefusalCode, Refuse,
};

const NOW: Time = Time::from_unix_ms(1_000_000);
const PAYLOAD: &[u8] = b"EXERCISE payload";

fn header() -> Header {
    Header::new("EXERCISE header").unwrap()
}

fn exchange() -> OutboundExchange {
    let offer = Offer {
        exchange: ExchangeId::new(NOW, [7; 10]),
        manifest: b"EXERCISE manifest".to_vec(),
        payload_size: PAYLOAD.len() as u64,
        payload_digest: Digest::of(PAYLOAD),
        precedence: Precedence::Priority,
        header: Some(header().commitment()),
    };
    OutboundExchange::start(offer, 1024, OutboundTimers::default(), NOW).0
}

fn accept() -> OutboundEvent {
    OutboundEvent::Frame(Frame::Accept(Accept { offset: 0, prefix_digest: Digest::of(b"") }))
}

fn receipt() -> OutboundEvent {
    OutboundEvent::Frame(Frame::Receipt(Receipt { receipt: b"EXERCISE receipt".to_vec() }))
}

fn withdrawn() -> Vec<OutboundAction> {
    let cancel = Frame::Cancel(Cancel::new(RefusalCode::Withdrawn));
    vec![OutboundAction::Send(cancel), OutboundAction::Finished(OutboundOutcome::Withdrawn)]
}

fn received() -> Vec<OutboundAction> {
    vec![OutboundAction::Finished(OutboundOutcome::Receipt(b"EXERCISE receipt".to_vec()))]
}

/// What leads from the offer to the decision about the key.
fn steps() -> [OutboundEvent; 3] {
    let ready = OutboundEvent::Frame(Frame::Ready(Ready {}));
    [accept(), OutboundEvent::Payload(Bytes::from_static(PAYLOAD)), ready]
}

#[test]
fn withdraws_at_once_what_is_stopped_before_its_header_was_sent() {
    for taken in 0..=3 {
        let mut exchange = exchange();
        for step in steps().into_iter().take(taken) {
            exchange.handle(NOW, step);
        }
        assert_eq!(exchange.handle(NOW, OutboundEvent::Stop), withdrawn(), "after {taken} steps");
        // A decision made in the meantime has no effect any more.
        assert_eq!(exchange.handle(NOW, OutboundEvent::Decided(KeyAnswer::Send(Some(header())))), []);
    }
}

#[test]
fn accepts_the_receipt_of_what_is_stopped_after_its_header_was_sent() {
    let mut exchange = exchange();
    steps().into_iter().for_each(|step| drop(exchange.handle(NOW, step)));
    let sent = exchange.handle(NOW, OutboundEvent::Decided(KeyAnswer::Send(Some(header()))));
    assert!(matches!(&sent[..], [OutboundAction::Send(Frame::End(_))]), "{sent:?}");
    assert_eq!(exchange.handle(NOW, OutboundEvent::Stop), []);
    assert_eq!(exchange.handle(NOW, receipt()), received());
}

#[test]
fn a_refusal_has_the_time_to_wait_before_trying_again() {
    for retry_after in [None, Some(Duration::from_secs(90))] {
        let refuse = OutboundEvent::Frame(Frame::Refuse(Refuse::new(RefusalCode::Quota, retry_after)));
        let outcome = OutboundOutcome::Refused { code: RefusalCode::Quota, retry_after };
        assert_eq!(exchange().handle(NOW, refuse), [OutboundAction::Finished(outcome)]);
    }
}

#[test]
fn does_not_withdraw_a_possibly_delivered_exchange_before_the_answer() {
    let asked = || {
        let mut exchange = exchange();
        exchange.stop_after_answer();
        assert_eq!(exchange.handle(NOW, OutboundEvent::Stop), []);
        exchange
    };
    assert_eq!(asked().handle(NOW, receipt()), received());
    assert_eq!(asked().handle(NOW, accept()), withdrawn());
}
