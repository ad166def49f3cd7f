//! Envelopes between two edges over real QUIC on loopback: delivered, resumed, limited, cut off.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::{Keys, Memory, Node, Payload, link_to, pair, pair_with, snapshot, within};
use async_trait::async_trait;
use bytes::Bytes;
use portcullis::digest::Digest;
use portcullis::edge::{DeliveryFailure, KeyGate, PayloadSource, Refusal, SourceError, StopSignal};
use portcullis::partner::Limits;
use portcullis::pki::{PartnerTrust, ProfileName, TrustStanding, TrustStore};
use portcullis::wire::{KeyAnswer, Offer, RefusalCode};

const FAST: ProfileName = ProfileName::Classical;

fn refused(result: Result<Vec<u8>, DeliveryFailure>) -> Refusal {
    match result {
        Err(DeliveryFailure::Refused(refusal)) => refusal,
        other => panic!("expected a refusal, found {other:?}"),
    }
}

#[tokio::test]
async fn delivers_both_ways_over_one_link_in_every_profile() {
    for profile in ProfileName::ALL {
        let (usa, gbr) = pair(profile).await;
        let (out, back) = (Payload::new(1, 1_000_000), Payload::new(2, 70_000));
        assert_eq!(usa.deliver(&gbr, &out).await, Ok(Memory::receipt(&out.bytes)));
        assert_eq!(gbr.deliver(&usa, &back).await, Ok(Memory::receipt(&back.bytes)));
        let inbox = gbr.memory.inbox.lock().unwrap();
        assert_eq!(inbox[&out.exchange], (usa.keys.name.clone(), out.bytes.to_vec()));
        assert_eq!(gbr.memory.headers.lock().unwrap()[&out.exchange], out.header());
        assert_eq!((usa.edge.links().len(), gbr.edge.links().len()), (1, 1));
    }
}

#[tokio::test]
async fn answers_a_repeated_offer_with_the_same_receipt_and_no_second_effect() {
    let (usa, gbr) = pair(FAST).await;
    let payload = Payload::new(1, 5000);
    let first = usa.deliver(&gbr, &payload).await;
    assert_eq!(usa.deliver(&gbr, &payload).await, first);
    assert_eq!(*gbr.memory.completions.lock().unwrap(), 1);
    assert_eq!(*gbr.memory.written.lock().unwrap(), 5000);
}

#[tokio::test]
async fn resumes_from_a_verified_prefix_and_restarts_from_a_wrong_one() {
    let (usa, gbr) = pair(FAST).await;
    let payload = Payload::new(1, 900_000);
    gbr.memory.spool.lock().unwrap().insert(payload.exchange, payload.bytes[..600_000].to_vec());
    assert_eq!(usa.deliver(&gbr, &payload).await, Ok(Memory::receipt(&payload.bytes)));
    assert_eq!(payload.reads.lock().unwrap().first(), Some(&600_000));
    let damaged = Payload::new(2, 900_000);
    gbr.memory.spool.lock().unwrap().insert(damaged.exchange, vec![0; 600_000]);
    assert_eq!(usa.deliver(&gbr, &damaged).await, Ok(Memory::receipt(&damaged.bytes)));
    assert_eq!(damaged.reads.lock().unwrap().first(), Some(&0));
}

#[tokio::test]
async fn refuses_a_payload_that_is_not_the_one_offered_and_keeps_nothing_of_it() {
    let (usa, gbr) = pair(FAST).await;
    let mut payload = Payload::new(1, 5000);
    let offer = payload.offer();
    payload.bytes = Payload::new(2, 5000).bytes;
    let stop = StopSignal::default();
    let result = within(usa.edge.deliver(&gbr.keys.name, offer, payload.source(), payload.gate(), stop)).await;
    assert_eq!(refused(result).code, RefusalCode::DigestMismatch);
    assert_eq!(gbr.memory.spool.lock().unwrap()[&payload.exchange], Vec::<u8>::new());
    assert!(gbr.memory.inbox.lock().unwrap().is_empty());
}

#[tokio::test]
async fn asks_for_the_key_only_when_everything_else_is_there_and_sends_none_when_it_is_withheld() {
    let (usa, gbr) = pair(FAST).await;
    let payload = Payload::new(1, 900_000);
    let (spool, exchange) = (gbr.memory.spool.clone(), payload.exchange);
    let there = Arc::new(Mutex::new(None));
    let seen = there.clone();
    let gate: KeyGate = Box::new(move || {
        *seen.lock().unwrap() = Some(spool.lock().unwrap()[&exchange].len());
        Box::pin(std::future::ready(KeyAnswer::Withhold))
    });
    let result =
        within(usa.edge.deliver(&gbr.keys.name, payload.offer(), payload.source(), gate, StopSignal::default())).await;
    assert_eq!((result, *there.lock().unwrap()), (Err(DeliveryFailure::Withdrawn), Some(900_000)));
    assert!(gbr.memory.headers.lock().unwrap().is_empty());
    // On the same link, so once this has arrived, the withdrawn exchange has been processed.
    let after = Payload::new(2, 10);
    assert_eq!(usa.deliver(&gbr, &after).await, Ok(Memory::receipt(&after.bytes)));
    assert_eq!(*gbr.memory.completions.lock().unwrap(), 1);
}

#[tokio::test]
async fn passes_on_what_the_gateway_refuses_and_nothing_else() {
    let (usa, gbr) = pair(FAST).await;
    let refusal = Refusal { code: RefusalCode::NotAgreed, retry_after: None };
    *gbr.memory.refuse.lock().unwrap() = Some(refusal);
    assert_eq!(refused(usa.deliver(&gbr, &Payload::new(1, 10)).await), refusal);
    *gbr.memory.refuse.lock().unwrap() = None;
    assert!(usa.deliver(&gbr, &Payload::new(1, 10)).await.is_ok());
}

#[tokio::test]
async fn refuses_offers_beyond_the_partners_rate_and_says_when_to_come_back() {
    let strict = Limits { offers_per_minute: 1, offers_burst: 1, ..Limits::default() };
    let (usa, gbr) = pair_with(FAST, Limits::default(), strict).await;
    assert!(usa.deliver(&gbr, &Payload::new(1, 10)).await.is_ok());
    let refusal = refused(usa.deliver(&gbr, &Payload::new(2, 10)).await);
    assert_eq!(refusal.code, RefusalCode::OfferRate);
    assert!(refusal.retry_after.is_some_and(|wait| wait > Duration::from_secs(30)));
    // The same limit holds what the other node itself may offer.
    assert!(gbr.deliver(&usa, &Payload::new(3, 10)).await.is_ok());
    assert!(matches!(gbr.deliver(&usa, &Payload::new(4, 10)).await, Err(DeliveryFailure::Throttled(_))));
}

#[tokio::test]
async fn refuses_bytes_beyond_the_partners_rate_and_says_when_to_come_back() {
    let strict = Limits { bytes_per_second: 1024, bytes_burst: 64 * 1024, ..Limits::default() };
    let (usa, gbr) = pair_with(FAST, Limits::default(), strict).await;
    assert!(usa.deliver(&gbr, &Payload::new(1, 50 * 1024)).await.is_ok());
    let payload = Payload::new(2, 60 * 1024);
    let refusal = refused(usa.deliver(&gbr, &payload).await);
    assert_eq!(refusal.code, RefusalCode::ByteRate);
    assert!(refusal.retry_after.is_some_and(|wait| wait > Duration::from_secs(5)));
}

#[tokio::test]
async fn refuses_payloads_larger_than_agreed_before_a_byte_is_sent() {
    let strict = Limits { payload_bytes_max: 1000, ..Limits::default() };
    let (usa, gbr) = pair_with(FAST, Limits::default(), strict).await;
    assert!(usa.deliver(&gbr, &Payload::new(1, 1000)).await.is_ok());
    let over = Payload::new(2, 1001);
    assert_eq!(refused(usa.deliver(&gbr, &over).await).code, RefusalCode::TooLarge);
    assert!(over.reads.lock().unwrap().is_empty());
}

/// A source that suspends its own node in the receiver's trust when bytes from the middle are requested.
struct SuspendsInMidTransfer {
    payload: Payload,
    from: u64,
    trust: Arc<TrustStore>,
    suspended: PartnerTrust,
}

#[async_trait]
impl PayloadSource for SuspendsInMidTransfer {
    async fn prefix_digest(&mut self, length: u64) -> Result<Digest, SourceError> {
        self.payload.prefix_digest(length).await
    }

    async fn read_at(&mut self, offset: u64, max: usize) -> Result<Bytes, SourceError> {
        if offset >= self.from {
            self.trust.replace(snapshot([self.suspended.clone()]));
            // The receiver's edge is not notified: it must find out by itself.
            std::future::pending::<()>().await;
        }
        self.payload.read_at(offset, max).await
    }
}

/// A source that replaces a partner's trust when its last bytes are read.
struct ChangesTrustAtTheEnd {
    payload: Payload,
    trust: Arc<TrustStore>,
    then: PartnerTrust,
}

#[async_trait]
impl PayloadSource for ChangesTrustAtTheEnd {
    async fn prefix_digest(&mut self, length: u64) -> Result<Digest, SourceError> {
        self.payload.prefix_digest(length).await
    }

    async fn read_at(&mut self, offset: u64, max: usize) -> Result<Bytes, SourceError> {
        let bytes = self.payload.read_at(offset, max).await?;
        if offset as usize + bytes.len() == self.payload.bytes.len() {
            self.trust.replace(snapshot([self.then.clone()]));
        }
        Ok(bytes)
    }
}

const EITHER_STANDING: [TrustStanding; 2] = [TrustStanding::Active, TrustStanding::Suspended];

#[tokio::test]
async fn a_partner_that_is_trusted_no_more_is_offered_nothing_however_short_a_time_ago_that_was() {
    for lapses in [false, true] {
        let (usa, gbr) = pair(FAST).await;
        let before = Payload::new(1, 10);
        assert_eq!(usa.deliver(&gbr, &before).await, Ok(Memory::receipt(&before.bytes)));
        match lapses {
            // Its list is stale.
            true => usa.clock.advance(Duration::from_secs(8 * 86_400)),
            false => {
                let suspended = PartnerTrust { standing: TrustStanding::Suspended, ..gbr.keys.trust() };
                usa.trust.replace(snapshot([suspended]));
            }
        }
        let after = Payload::new(2, 10);
        assert_eq!(usa.deliver(&gbr, &after).await, Err(DeliveryFailure::LinkDown));
        assert!(after.reads.lock().unwrap().is_empty());
        assert!(!gbr.memory.spool.lock().unwrap().contains_key(&after.exchange), "it was offered");
    }
}

#[tokio::test]
async fn refuses_to_offer_what_is_out_of_bounds() {
    let (usa, gbr) = pair(FAST).await;
    let payload = Payload::new(1, 10);
    let deliver = async |offer: Offer| {
        let (gate, stop) = (payload.gate(), StopSignal::default());
        within(usa.edge.deliver(&gbr.keys.name, offer, payload.source(), gate, stop)).await
    };
    let nothing = Offer { payload_size: 0, ..payload.offer() };
    assert_eq!(deliver(nothing).await, Err(DeliveryFailure::SourceFailed));
    assert_eq!(deliver(payload.offer()).await, Ok(Memory::receipt(&payload.bytes)));
}

#[tokio::test]
async fn a_partner_that_loses_its_trust_with_the_last_byte_gets_no_key() {
    for standing in EITHER_STANDING {
        let (usa, gbr) = pair(FAST).await;
        let payload = Payload::new(1, 100_000);
        let then = PartnerTrust { standing, ..gbr.keys.trust() };
        let source = ChangesTrustAtTheEnd { payload: payload.clone(), trust: usa.trust.clone(), then };
        let (asked, header) = (Arc::new(AtomicBool::new(false)), payload.header());
        let told = asked.clone();
        let gate: KeyGate = Box::new(move || {
            told.store(true, Ordering::SeqCst);
            Box::pin(std::future::ready(KeyAnswer::Send(Some(header))))
        });
        let delivery = usa.edge.deliver(&gbr.keys.name, payload.offer(), Box::new(source), gate, StopSignal::default());
        let ended = within(delivery).await;
        let active = standing == TrustStanding::Active;
        assert_eq!(asked.load(Ordering::SeqCst), active, "{standing:?}");
        assert_eq!(gbr.memory.headers.lock().unwrap().len(), usize::from(active), "{standing:?}");
        match active {
            true => assert_eq!(ended, Ok(Memory::receipt(&payload.bytes))),
            // The periodic recheck may close the link sooner.
            false => assert!(matches!(ended, Err(DeliveryFailure::Withdrawn | DeliveryFailure::LinkDown)), "{ended:?}"),
        }
    }
}

#[tokio::test]
async fn a_partner_that_loses_its_trust_as_its_key_arrives_gets_nothing_into_the_inbox() {
    for standing in EITHER_STANDING {
        let (usa, gbr) = pair(FAST).await;
        let payload = Payload::new(1, 100_000);
        let (trust, then) = (gbr.trust.clone(), PartnerTrust { standing, ..usa.keys.trust() });
        let header = payload.header();
        let gate: KeyGate = Box::new(move || {
            trust.replace(snapshot([then]));
            Box::pin(std::future::ready(KeyAnswer::Send(Some(header))))
        });
        let delivery = usa.edge.deliver(&gbr.keys.name, payload.offer(), payload.source(), gate, StopSignal::default());
        let ended = within(delivery).await;
        let active = standing == TrustStanding::Active;
        assert_eq!(*gbr.memory.completions.lock().unwrap(), u32::from(active), "{standing:?}");
        assert_eq!(gbr.memory.inbox.lock().unwrap().len(), usize::from(active), "{standing:?}");
        match ended {
            Err(DeliveryFailure::LinkDown) if !active => {}
            Err(DeliveryFailure::Refused(refusal)) if !active => assert_eq!(refusal.code, RefusalCode::NotAuthorised),
            other => assert_eq!(other, Ok(Memory::receipt(&payload.bytes))),
        }
    }
}

/// A source whose delivery is paused while bytes from the middle are requested.
struct HeldUpInMidTransfer {
    payload: Payload,
    from: u64,
    stop: StopSignal,
    held_up: Option<tokio::sync::oneshot::Sender<()>>,
}

#[async_trait]
impl PayloadSource for HeldUpInMidTransfer {
    async fn prefix_digest(&mut self, length: u64) -> Result<Digest, SourceError> {
        self.payload.prefix_digest(length).await
    }

    async fn read_at(&mut self, offset: u64, max: usize) -> Result<Bytes, SourceError> {
        if offset >= self.from
            && let Some(told) = self.held_up.take()
        {
            self.stop.pause();
            told.send(()).unwrap();
        }
        self.payload.read_at(offset, max).await
    }
}

#[tokio::test]
async fn what_is_held_up_sends_nothing_more_until_it_goes_on_or_is_stopped() {
    for stopped in [false, true] {
        let (usa, gbr) = pair(FAST).await;
        let (payload, other) = (Payload::new(1, 3_000_000), Payload::new(2, 3_000_000));
        let (stop, (tell, told)) = (StopSignal::default(), tokio::sync::oneshot::channel());
        let source =
            HeldUpInMidTransfer { payload: payload.clone(), from: 1_000_000, stop: stop.clone(), held_up: Some(tell) };
        let (gate, signal) = (payload.gate(), stop.clone());
        let delivery = usa.edge.deliver(&gbr.keys.name, payload.offer(), Box::new(source), gate, signal);
        let look = async {
            told.await.unwrap();
            // Another delivery completes meanwhile; of this one no more than the current piece was read.
            assert_eq!(usa.deliver(&gbr, &other).await, Ok(Memory::receipt(&other.bytes)));
            let read = payload.reads.lock().unwrap().clone();
            assert_eq!(read.iter().filter(|offset| **offset >= 1_000_000).count(), 1, "{read:?}");
            match stopped {
                true => stop.stop(),
                false => stop.resume(),
            }
        };
        let (ended, ()) = within(async { tokio::join!(delivery, look) }).await;
        match stopped {
            true => assert_eq!(ended, Err(DeliveryFailure::Withdrawn)),
            false => assert_eq!(ended, Ok(Memory::receipt(&payload.bytes))),
        }
    }
}

#[tokio::test]
async fn a_suspension_in_mid_transfer_cuts_the_link_and_lets_nothing_in_until_it_is_lifted() {
    let (usa, gbr) = pair(FAST).await;
    let payload = Payload::new(1, 3_000_000);
    let source = SuspendsInMidTransfer {
        payload: payload.clone(),
        from: 1_000_000,
        trust: gbr.trust.clone(),
        suspended: PartnerTrust { standing: TrustStanding::Suspended, ..usa.keys.trust() },
    };
    let gate = payload.gate();
    let delivery = usa.edge.deliver(&gbr.keys.name, payload.offer(), Box::new(source), gate, StopSignal::default());
    // The source never answers again, so only the closing of the link can end the delivery. The interval of the recheck is tested
    // where it is defined, independent of the speed of this machine.
    assert_eq!(within(delivery).await, Err(DeliveryFailure::LinkDown));
    assert!(gbr.memory.inbox.lock().unwrap().is_empty());
    assert_eq!(usa.deliver(&gbr, &payload).await, Err(DeliveryFailure::LinkDown));
    gbr.trust.replace(snapshot([usa.keys.trust()]));
    gbr.edge.apply_trust();
    usa.until_link(&gbr.keys.name, true).await;
    payload.reads.lock().unwrap().clear();
    assert_eq!(usa.deliver(&gbr, &payload).await, Ok(Memory::receipt(&payload.bytes)));
    assert!(payload.reads.lock().unwrap().first().is_some_and(|offset| *offset > 0), "it did not resume");
}

#[tokio::test]
async fn a_revocation_closes_the_live_link_and_keeps_it_closed() {
    let (usa, gbr) = pair(FAST).await;
    let revoked = PartnerTrust { revocation_lists: vec![gbr.keys.list(2, true)], ..gbr.keys.trust() };
    usa.trust.replace(snapshot([revoked]));
    usa.edge.apply_trust();
    usa.until_link(&gbr.keys.name, false).await;
    gbr.until_link(&usa.keys.name, false).await;
    assert_eq!(usa.deliver(&gbr, &Payload::new(1, 10)).await, Err(DeliveryFailure::LinkDown));
}

#[tokio::test]
async fn a_certificate_or_list_that_lapses_closes_the_live_link() {
    let (usa, gbr) = pair(FAST).await;
    usa.clock.advance(Duration::from_secs(8 * 86_400));
    usa.until_link(&gbr.keys.name, false).await;
}

#[tokio::test]
async fn crossing_dials_leave_one_link_that_works_both_ways() {
    let (usa, gbr) = (Keys::new("exercise-usa", FAST), Keys::new("exercise-gbr", FAST));
    let (usa_trust, gbr_trust) = (usa.trust(), gbr.trust());
    let (usa, gbr) = (Node::start(usa, [gbr_trust]).await, Node::start(gbr, [usa_trust]).await);
    usa.edge.apply_partners(BTreeMap::from([(gbr.keys.name.clone(), link_to(Some(&gbr), Limits::default()))]));
    gbr.edge.apply_partners(BTreeMap::from([(usa.keys.name.clone(), link_to(Some(&usa), Limits::default()))]));
    let both = async {
        // While dials cross, a link may still be replaced; then the delivery is tried again.
        for (from, to, seed) in [(&usa, &gbr, 1), (&gbr, &usa, 2)] {
            let payload = Payload::new(seed, 1000);
            loop {
                from.until_link(&to.keys.name, true).await;
                match from.deliver(to, &payload).await {
                    Ok(_) => break,
                    Err(DeliveryFailure::LinkDown) => tokio::task::yield_now().await,
                    Err(other) => panic!("{other:?}"),
                }
            }
        }
    };
    within(both).await;
    assert_eq!((usa.edge.links().len(), gbr.edge.links().len()), (1, 1));
}

#[tokio::test]
async fn a_partner_that_is_taken_out_is_cut_off() {
    let (usa, gbr) = pair(FAST).await;
    usa.edge.apply_partners(BTreeMap::new());
    usa.until_link(&gbr.keys.name, false).await;
    gbr.until_link(&usa.keys.name, false).await;
    assert_eq!(usa.memory.links.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn shutdown_tells_the_partner_and_frees_the_address() {
    let (usa, gbr) = pair(FAST).await;
    let address = usa.address();
    within(usa.edge.shutdown(Duration::from_secs(5))).await;
    gbr.until_link(&usa.keys.name, false).await;
    drop(usa);
    assert!(
        within(async move {
            loop {
                // The socket is freed when its driver task has run for the last time.
                match std::net::UdpSocket::bind(address) {
                    Ok(_) => return true,
                    Err(_) => tokio::task::yield_now().await,
                }
            }
        })
        .await
    );
}
