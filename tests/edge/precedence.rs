//! A more urgent exchange is sent before the rest of a less urgent payload, and the less urgent one still progresses. Checked by the
//! order of receipts and of bytes read, never by a clock.

use crate::support::{Memory, Node, Payload, pair_with, within};
use portcullis::edge::StopSignal;
use portcullis::envelope::Precedence;
use portcullis::partner::Limits;
use portcullis::pki::ProfileName;

const FAST: ProfileName = ProfileName::Classical;

/// A rate so low that a large payload takes long enough to be overtaken on any machine.
fn narrow() -> Limits {
    Limits { bytes_per_second: 1024 * 1024, bytes_burst: 64 * 1024, ..wide() }
}

/// No limit on offers that these tests could reach.
fn wide() -> Limits {
    Limits { offers_per_minute: 600_000, offers_burst: 100_000, ..Limits::default() }
}

/// Starts a delivery and waits until some of its payload has been read to be sent.
async fn begin(from: &Node, to: &Node, payload: &Payload) -> tokio::task::JoinHandle<Vec<u8>> {
    let (edge, partner, payload) = (from.edge.clone(), to.keys.name.clone(), payload.clone());
    let reads = payload.reads.clone();
    let delivery = tokio::spawn(async move {
        let gate = payload.gate();
        edge.deliver(&partner, payload.offer(), payload.source(), gate, StopSignal::default()).await.unwrap()
    });
    within(async {
        while reads.lock().unwrap().len() < 2 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    delivery
}

#[tokio::test]
async fn a_flash_overtakes_large_routine_payloads_under_the_senders_limit() {
    let (usa, gbr) = pair_with(FAST, narrow(), wide()).await;
    let routine: Vec<Payload> = (1..=3).map(|seed| Payload::new(seed, 1_500_000)).collect();
    let mut deliveries = Vec::new();
    for payload in &routine {
        deliveries.push(begin(&usa, &gbr, payload).await);
    }
    let flash = Payload::new(9, 600_000).with(Precedence::Flash);
    let before: Vec<usize> = routine.iter().map(|p| p.reads.lock().unwrap().len()).collect();
    assert_eq!(usa.deliver(&gbr, &flash).await, Ok(Memory::receipt(&flash.bytes)));
    let after: Vec<usize> = routine.iter().map(|p| p.reads.lock().unwrap().len()).collect();
    assert_eq!(*gbr.memory.completed.lock().unwrap(), [flash.exchange], "something less urgent came first");
    for (payload, delivery) in routine.iter().zip(deliveries) {
        assert_eq!(within(delivery).await.unwrap(), Memory::receipt(&payload.bytes));
    }
    // Each may have sent the piece that was due when the FLASH arrived, and its share afterwards.
    let moved: Vec<usize> = before.iter().zip(&after).map(|(before, after)| after - before).collect();
    assert!(moved.iter().all(|pieces| *pieces <= 4), "{moved:?}");
}

#[tokio::test]
async fn a_flash_overtakes_large_routine_payloads_under_the_receivers_limit() {
    let receiver = narrow();
    let (usa, gbr) = pair_with(FAST, wide(), receiver).await;
    let routine = Payload::new(1, 3_000_000);
    let delivery = begin(&usa, &gbr, &routine).await;
    let flash = Payload::new(9, 300_000).with(Precedence::Flash);
    assert_eq!(usa.deliver(&gbr, &flash).await, Ok(Memory::receipt(&flash.bytes)));
    assert_eq!(*gbr.memory.completed.lock().unwrap(), [flash.exchange], "the ROUTINE came first");
    assert_eq!(within(delivery).await.unwrap(), Memory::receipt(&routine.bytes));
}

#[tokio::test]
async fn routine_moves_and_completes_beside_one_flash_after_another() {
    // A rate so high that the share of a ROUTINE during continuous FLASHes does not take minutes.
    let share = Limits { bytes_per_second: 16 * 1024 * 1024, ..narrow() };
    let (usa, gbr) = pair_with(FAST, share, wide()).await;
    let routine = Payload::new(1, 200_000);
    let delivery = begin(&usa, &gbr, &routine).await;
    let mut seed = 10;
    // It ends only if the ROUTINE is not starved: there is always another FLASH.
    while !delivery.is_finished() {
        let more: Vec<Payload> = (0..2).map(|n| Payload::new(seed + n, 4_000).with(Precedence::Flash)).collect();
        for flash in &more {
            assert_eq!(usa.deliver(&gbr, flash).await, Ok(Memory::receipt(&flash.bytes)));
        }
        seed = if seed > 200 { 10 } else { seed + 2 };
    }
    assert_eq!(within(delivery).await.unwrap(), Memory::receipt(&routine.bytes));
}
