//! One partner offers at a hundred times its limit: it is refused with a time to retry after, and the others are served.
//!
//! The ordinary run checks counts. `scripts/soak fairness` also measures the delivery times of the others.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::support::{self, Keys, Memory, Node, Payload, link_to};
use portcullis::edge::{DeliveryFailure, StopSignal};
use portcullis::ident::ExchangeId;
use portcullis::partner::Limits;
use portcullis::pki::ProfileName;
use portcullis::wire::RefusalCode;

const FAST: ProfileName = ProfileName::Classical;
/// The agreed limit: ten offers per second.
const AGREED: Limits = Limits {
    offers_per_minute: 600,
    offers_burst: 20,
    bytes_per_second: 64 << 20,
    bytes_burst: 64 << 20,
    concurrent: 16,
    payload_bytes_max: 64 << 20,
    daily_exchanges: 1 << 40,
    daily_bytes: 1 << 60,
};
/// The limits that the hostile partner applies to itself.
const NONE: Limits = Limits { offers_per_minute: u32::MAX, offers_burst: u32::MAX, ..AGREED };

fn envelope(n: u64) -> Payload {
    let mut payload = Payload::new(1, 4096);
    let [a, b, c, d] = u32::try_from(n).unwrap().to_be_bytes();
    payload.exchange = ExchangeId::new(support::NOW, [0, 0, 0, 0, 0, 0, a, b, c, d]);
    payload
}

/// Offers at a hundred times the agreed rate until stopped, and counts the results.
async fn offer_madly(node: Arc<Node>, to: portcullis::ident::PartnerId, stop: Arc<AtomicBool>, told: Arc<Told>) {
    let begun = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        let due = begun.elapsed().as_millis() as u64;
        let n = told.offered.fetch_add(1, Ordering::Relaxed);
        if n > due {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let payload = envelope(1_000_000 + n);
        let gate = payload.gate();
        match node.edge.deliver(&to, payload.offer(), payload.source(), gate, StopSignal::default()).await {
            Ok(_) => told.taken.fetch_add(1, Ordering::Relaxed),
            Err(DeliveryFailure::Refused(refusal)) => {
                let rate = refusal.code == RefusalCode::OfferRate && refusal.retry_after.is_some();
                let known = rate || refusal.code == RefusalCode::Busy;
                assert!(known, "refused with {refusal:?}");
                told.refused.fetch_add(u64::from(rate), Ordering::Relaxed)
            }
            Err(other) => panic!("{other:?}"),
        };
    }
}

#[derive(Default)]
struct Told {
    offered: AtomicU64,
    taken: AtomicU64,
    refused: AtomicU64,
}

/// Delivers one envelope after the other, within the agreed limits; returns the time of each, sorted.
async fn deliver(node: &Node, to: &Node, from: u64, count: u64) -> Vec<Duration> {
    let mut times = Vec::new();
    for n in from..from + count {
        let payload = envelope(n);
        let begun = Instant::now();
        assert_eq!(node.deliver(to, &payload).await, Ok(Memory::receipt(&payload.bytes)));
        times.push(begun.elapsed());
        tokio::time::sleep(Duration::from_millis(110)).await;
    }
    times.sort();
    times
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partner_at_a_hundred_times_its_limit_holds_up_nobody_else() {
    let long: Option<u64> = std::env::var("PORTCULLIS_FAIRNESS_EXCHANGES").ok().map(|n| n.parse().unwrap());
    let count = long.unwrap_or(15);
    let keys: Vec<Keys> = ["exercise-aus", "exercise-can", "exercise-gbr"].map(|n| Keys::new(n, FAST)).into();
    let usa = Keys::new("exercise-usa", FAST);
    let usa_trust = usa.trust();
    let usa = Node::start(usa, keys.iter().map(Keys::trust)).await;
    let partners = keys.iter().map(|k| (k.name.clone(), link_to(None, AGREED))).collect();
    usa.edge.apply_partners(partners);
    let mut nodes = Vec::new();
    for keys in keys {
        let node = Node::start(keys, [usa_trust.clone()]).await;
        node.edge.apply_partners(BTreeMap::from([(usa.keys.name.clone(), link_to(Some(&usa), NONE))]));
        node.until_link(&usa.keys.name, true).await;
        nodes.push(Arc::new(node));
    }
    let [hostile, can, gbr] = &nodes[..] else { unreachable!() };

    let (calm_can, calm_gbr) = tokio::join!(deliver(can, &usa, 0, count), deliver(gbr, &usa, 100_000, count));
    let (stop, told) = (Arc::new(AtomicBool::new(false)), Arc::new(Told::default()));
    let mad: Vec<_> = (0..16)
        .map(|_| tokio::spawn(offer_madly(hostile.clone(), usa.keys.name.clone(), stop.clone(), told.clone())))
        .collect();
    while told.refused.load(Ordering::Relaxed) == 0 {
        tokio::task::yield_now().await;
    }
    let begun = Instant::now();
    let (can_times, gbr_times) = tokio::join!(deliver(can, &usa, 50_000, count), deliver(gbr, &usa, 150_000, count));
    let seconds = begun.elapsed().as_secs_f64();
    stop.store(true, Ordering::Relaxed);
    for task in mad {
        task.await.unwrap();
    }
    let median = |times: &[Duration]| times[times.len() / 2].as_secs_f64() * 1000.0;
    let calm = [median(&calm_can), median(&calm_gbr)];
    let pressed = [median(&can_times), median(&gbr_times)];
    let ratio = (pressed[0] / calm[0]).max(pressed[1] / calm[1]);
    let (offered, taken) = (told.offered.load(Ordering::Relaxed), told.taken.load(Ordering::Relaxed));
    let refused = told.refused.load(Ordering::Relaxed);
    let figures = serde_json::json!({
        "hostile_offered": offered, "hostile_offered_per_second": offered as f64 / seconds, "hostile_taken": taken,
        "hostile_refused_with_retry_after": refused, "others_delivered": can_times.len() + gbr_times.len(),
        "median_ms_calm": calm, "median_ms_pressed": pressed, "ratio": ratio, "ok": ratio <= 1.5,
    });
    println!("{figures}");
    // The others requested no more than what was agreed, and got all of it.
    assert_eq!((can_times.len() as u64, gbr_times.len() as u64), (count, count));
    assert!(refused > taken, "{figures}");
    let allowed = 20.0 + 10.0 * (seconds + 5.0);
    assert!((taken as f64) <= allowed, "{figures}");
    if long.is_some() {
        assert!(ratio <= 1.5, "{figures}");
    }
}
