//! A stranger sends ten thousand first packets a second from many ports: an enrolled partner is served all the same, and
//! memory stays bounded. Every packet is one that a real client sent, so that it decrypts and has to be judged.
//!
//! The ordinary run is short and judges by counts. `scripts/soak flood` runs for longer, and judges rates and memory too.

#[path = "support/edge.rs"]
mod support;

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use portcullis::partner::Limits;
use portcullis::pki::ProfileName;
use support::{Keys, Memory, Node, Payload, link_to, within};

const PER_SECOND: u64 = 10_000;

/// First packets of `count` real connection attempts, each of its own connection number.
async fn first_packets(keys: &Keys, count: usize) -> Vec<Vec<u8>> {
    let sink = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let config = support::client_of_nobody(keys, rustls::crypto::aws_lc_rs::default_provider());
    let endpoint = quinn::Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
    let mut packets = BTreeMap::new();
    let mut buffer = [0; 2048];
    while packets.len() < count {
        let attempt = endpoint.connect_with(config.clone(), sink.local_addr().unwrap(), "node.portcullis.invalid");
        let (length, _) = within(sink.recv_from(&mut buffer)).await.unwrap();
        drop(attempt);
        // A long header: one byte, four of version, and the length and bytes of the connection number.
        let number = buffer[6..6 + usize::from(buffer[5])].to_vec();
        packets.entry(number).or_insert_with(|| buffer[..length].to_vec());
    }
    packets.into_values().collect()
}

/// Sends packets at [`PER_SECOND`] from 256 ports until told to stop; gives how many went out.
fn flood(to: SocketAddr, packets: Vec<Vec<u8>>, stop: Arc<AtomicBool>, sent: Arc<AtomicU64>) {
    let sockets: Vec<UdpSocket> = (0..256).map(|_| UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
    let begun = Instant::now();
    let mut n = 0u64;
    while !stop.load(Ordering::Relaxed) {
        let due = begun.elapsed().as_millis() as u64 * PER_SECOND / 1000;
        while n < due {
            // Ports and packets go round at different lengths, so that each packet comes from every port in turn.
            let (socket, packet) = (&sockets[n as usize % sockets.len()], &packets[n as usize % packets.len()]);
            let _ = socket.send_to(packet, to);
            n += 1;
        }
        sent.store(n, Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Delivers small envelopes one after the other until `until`, and gives how many.
async fn deliver_until(from: &Node, to: &Node, seed: &mut u16, until: Instant) -> u64 {
    let mut delivered = 0;
    while Instant::now() < until {
        *seed += 1;
        let mut payload = Payload::new(1, 4096);
        let [a, b] = seed.to_be_bytes();
        payload.exchange = portcullis::ident::ExchangeId::new(support::NOW, [0, 0, 0, 0, 0, 0, 0, 0, a, b]);
        assert_eq!(from.deliver(to, &payload).await, Ok(Memory::receipt(&payload.bytes)), "the partner was not served");
        delivered += 1;
    }
    delivered
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_enrolled_partner_is_served_in_a_flood_of_first_packets() {
    let long: Option<u64> = std::env::var("PORTCULLIS_FLOOD_SECONDS").ok().map(|s| s.parse().unwrap());
    let time = Duration::from_secs(long.unwrap_or(2));
    let limits = Limits { offers_per_minute: u32::MAX, offers_burst: u32::MAX, ..Limits::default() };
    let (usa, gbr) = support::pair_with(ProfileName::Classical, limits, limits).await;
    let mut seed = 0;
    let calm = deliver_until(&gbr, &usa, &mut seed, Instant::now() + time).await;

    let packets = first_packets(&gbr.keys, 500).await;
    let before = resident_kib();
    let (stop, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let thread = {
        let (stop, sent, to) = (stop.clone(), sent.clone(), usa.address());
        std::thread::spawn(move || flood(to, packets, stop, sent))
    };
    let flooded = deliver_until(&gbr, &usa, &mut seed, Instant::now() + time).await;
    // A partner that comes only now gets in as well: its address is validated, and then counts like any other.
    gbr.edge.apply_partners(BTreeMap::new());
    gbr.until_link(&usa.keys.name, false).await;
    gbr.edge.apply_partners(BTreeMap::from([(usa.keys.name.clone(), link_to(Some(&usa), limits))]));
    gbr.until_link(&usa.keys.name, true).await;
    stop.store(true, Ordering::Relaxed);
    thread.join().unwrap();
    let grown_kib = resident_kib().saturating_sub(before);
    let figures = serde_json::json!({
        "seconds": time.as_secs(), "packets": sent.load(Ordering::Relaxed), "delivered_calm": calm,
        "delivered_flooded": flooded, "rate": flooded as f64 / calm as f64, "memory_grown_kib": grown_kib,
    });
    println!("{figures}");
    assert!(flooded > 0);
    assert!(grown_kib <= 64 * 1024, "{figures}");
    if long.is_some() {
        assert!(flooded as f64 >= 0.8 * calm as f64, "{figures}");
    }
}
