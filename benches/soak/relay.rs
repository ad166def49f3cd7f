//! A UDP relay between two nodes that treats what passes as a bad network would: it drops, delays, doubles, alters and
//! reorders datagrams, by a seed.

use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::sim::exec::Rng;

/// One datagram in so many is treated in each way.
const DROP: u64 = 100;
const DOUBLE: u64 = 200;
const ALTER: u64 = 200;
const DELAY: u64 = 20;
const DELAY_MS_MAX: u64 = 15;
/// A client that is silent for this long loses its place, as an address translator would forget it.
const FORGOTTEN: Duration = Duration::from_secs(30);
/// The longest a datagram is.
const DATAGRAM: usize = 65_536;

/// A relay that runs until it is dropped.
pub struct Relay {
    pub port: u16,
    stop: Arc<AtomicBool>,
    /// Nothing passes while this is set.
    pub cut: Arc<AtomicBool>,
    pub harmed: Arc<AtomicU64>,
}

impl Relay {
    /// Relays between whoever sends to its port and `to`.
    pub fn start(to: SocketAddr, seed: u64) -> Relay {
        let front = UdpSocket::bind("127.0.0.1:0").expect("a free port");
        let port = front.local_addr().expect("an address").port();
        let (stop, cut, harmed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)), Arc::default());
        let relay = Relay { port, stop: stop.clone(), cut: cut.clone(), harmed: Arc::clone(&harmed) };
        std::thread::spawn(move || pump(&front, to, seed, &stop, &cut, &harmed));
        relay
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// A packet on its way: from which client, if from one; to where; what.
type Passing = (Option<SocketAddr>, SocketAddr, Vec<u8>);

fn pump(front: &UdpSocket, to: SocketAddr, seed: u64, stop: &AtomicBool, cut: &AtomicBool, harmed: &AtomicU64) {
    let mut rng = Rng::new(seed);
    front.set_nonblocking(true).expect("a socket");
    // Each client gets a socket of its own towards the node, as an address translator would give it a port.
    let mut clients: BTreeMap<SocketAddr, (UdpSocket, Instant)> = BTreeMap::new();
    let mut late: BTreeMap<(Instant, u64), Passing> = BTreeMap::new();
    let (mut buffer, mut number) = (vec![0; DATAGRAM], 0u64);
    while !stop.load(Ordering::Relaxed) {
        let mut idle = true;
        let mut passed: Vec<Passing> = Vec::new();
        while let Ok((length, client)) = front.recv_from(&mut buffer) {
            let heard = clients.entry(client).or_insert_with(|| {
                let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
                socket.set_nonblocking(true).expect("a socket");
                (socket, Instant::now())
            });
            heard.1 = Instant::now();
            passed.push((Some(client), to, buffer[..length].to_vec()));
            if passed.len() >= 64 {
                break;
            }
        }
        for (client, (socket, _)) in &clients {
            while let Ok((length, _)) = socket.recv_from(&mut buffer) {
                passed.push((None, *client, buffer[..length].to_vec()));
                if passed.len() >= 128 {
                    break;
                }
            }
        }
        for (via, whither, mut bytes) in passed {
            idle = false;
            number += 1;
            if cut.load(Ordering::Relaxed) || rng.one_in(DROP) {
                harmed.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            if rng.one_in(ALTER) {
                let place = rng.below(bytes.len() as u64) as usize;
                bytes[place] ^= 1 << rng.below(8);
                harmed.fetch_add(1, Ordering::Relaxed);
            }
            let now = Instant::now();
            let wait = if rng.one_in(DELAY) { Duration::from_millis(rng.below(DELAY_MS_MAX)) } else { Duration::ZERO };
            if rng.one_in(DOUBLE) {
                harmed.fetch_add(1, Ordering::Relaxed);
                let again = now + Duration::from_millis(rng.below(DELAY_MS_MAX));
                late.insert((again, number << 1), (via, whither, bytes.clone()));
            }
            // What is late comes behind what was sent after it: that is how the order changes.
            late.insert((now + wait, number << 1 | 1), (via, whither, bytes));
        }
        let now = Instant::now();
        while let Some(first) = late.first_entry()
            && first.key().0 <= now
        {
            let (via, whither, bytes) = first.remove();
            let _ = match via {
                Some(client) => clients.get(&client).map(|(socket, _)| socket.send_to(&bytes, whither)),
                None => Some(front.send_to(&bytes, whither)),
            };
        }
        clients.retain(|_, (_, heard)| now.duration_since(*heard) < FORGOTTEN);
        if idle {
            std::thread::sleep(Duration::from_micros(300));
        }
    }
}
