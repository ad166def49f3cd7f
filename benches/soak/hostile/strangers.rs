//! What strangers do: first packets without end, handshakes that stop half-way, and certificates that nobody enrolled.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, UdpSocket as Blocking};
use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis::pki::{CredentialStore, ProfileName};
use quinn::Endpoint;
use tokio::net::UdpSocket;

use super::partner::{Going, Hostile, Pace, client};
use crate::edge;

/// First packets each second: 1,200 bytes each, what a line of 100 Mbit/s carries.
pub const INITIALS_PER_SECOND: u64 = 10_000;
/// Addresses of silent strangers, each in a /24 of its own, and handshakes that each begins in a second.
pub const SILENT: u8 = 200;
pub const SILENT_PER_SECOND: u64 = 10;
/// Whole handshakes with a stranger's certificate, each second, over all addresses.
pub const REFUSED_PER_SECOND: u64 = 50;

const PORTS: usize = 256;
const PACKETS: usize = 500;

/// A client with keys of its own that nobody knows.
fn nobody(hostile: &Hostile) -> quinn::ClientConfig {
    let keys = edge::Keys::new("exercise-nobody", hostile.profile);
    let credentials: Arc<CredentialStore> = keys.credentials();
    client(hostile.profile, &hostile.victim, &credentials, &hostile.trust)
}

/// First packets of real attempts, each of its own connection number, so that each decrypts and has to be judged.
async fn first_packets(config: &quinn::ClientConfig) -> Vec<Vec<u8>> {
    let sink = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let endpoint = Endpoint::client((Ipv4Addr::LOCALHOST, 0).into()).expect("a free port");
    let mut packets = BTreeMap::new();
    let mut buffer = [0; 2048];
    while packets.len() < PACKETS {
        let to = sink.local_addr().expect("an address");
        let attempt = endpoint.connect_with(config.clone(), to, "node.portcullis.invalid");
        let (length, _) = sink.recv_from(&mut buffer).await.expect("a packet");
        drop(attempt);
        // A long header: one byte, four of version, and the length and bytes of the connection number.
        let number = buffer[6..6 + usize::from(buffer[5])].to_vec();
        packets.entry(number).or_insert_with(|| buffer[..length].to_vec());
    }
    packets.into_values().collect()
}

/// First packets from many ports; whoever sends them reads no answer.
pub async fn initials(going: Going) {
    let packets = first_packets(&nobody(&going.hostile)).await;
    let flooding = tokio::task::spawn_blocking(move || {
        let bind = |_| Blocking::bind((Ipv4Addr::new(127, 4, 0, 1), 0)).expect("a free port");
        let sockets: Vec<Blocking> = (0..PORTS).map(bind).collect();
        let (begun, mut n) = (Instant::now(), 0u64);
        while going.on() {
            let due = begun.elapsed().as_millis() as u64 * INITIALS_PER_SECOND / 1000;
            // What was missed is not made up for all at once.
            n = n.max(due.saturating_sub(INITIALS_PER_SECOND / 10));
            let first = n;
            while n < due {
                // Ports and packets go round at different lengths, so that each packet comes from every port in turn.
                let (socket, packet) = (&sockets[n as usize % PORTS], &packets[n as usize % packets.len()]);
                let _ = socket.send_to(packet, going.hostile.to);
                n += 1;
            }
            going.add("packets", n - first);
            std::thread::sleep(Duration::from_millis(2));
        }
    });
    let _ = flooding.await;
}

/// Strangers that show where they are, and say nothing more.
pub async fn silent(going: Going) {
    let config = nobody(&going.hostile);
    let crowd: Vec<_> = (1..=SILENT)
        .map(|n| tokio::spawn(one_silent(going.clone(), config.clone(), Ipv4Addr::new(127, 1, n, 1))))
        .collect();
    for one in crowd {
        let _ = one.await;
    }
}

/// Whether a packet asks to validate an address (RFC 9000, section 17.2.5).
fn is_retry(packet: &[u8]) -> bool {
    packet.first().is_some_and(|first| first & 0xf0 == 0xf0)
}

async fn one_silent(going: Going, config: quinn::ClientConfig, from: Ipv4Addr) {
    let client = Endpoint::client((Ipv4Addr::LOCALHOST, 0).into()).expect("a free port");
    let near = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let near_at = near.local_addr().expect("an address");
    let mut pace = Pace::new(SILENT_PER_SECOND);
    let mut buffer = [0; 2048];
    while going.on() {
        pace.turn(1).await;
        let Ok(far) = UdpSocket::bind((from, 0)).await else { continue };
        let Ok(attempt) = client.connect_with(config.clone(), near_at, "node.portcullis.invalid") else { continue };
        let Some(client_at) = pass(&near, &far, &going).await else { continue };
        going.add("begun", 1);
        let heard = tokio::time::timeout(Duration::from_secs(1), far.recv_from(&mut buffer)).await;
        if let Ok(Ok((length, _))) = heard
            && is_retry(&buffer[..length])
        {
            going.add("validated", 1);
            let _ = near.send_to(&buffer[..length], client_at).await;
            let _ = pass(&near, &far, &going).await;
        }
        drop(attempt);
        // What the client still wants to say is heard by nobody.
        while near.try_recv_from(&mut buffer).is_ok() {}
    }
}

/// Hands on what a client sends at once: a first message of ML-KEM-1024 takes two packets. Gives where the client is.
async fn pass(near: &UdpSocket, far: &UdpSocket, going: &Going) -> Option<std::net::SocketAddr> {
    let mut buffer = [0; 2048];
    let packets = if going.hostile.profile == ProfileName::Classical { 1 } else { 2 };
    let mut client_at = None;
    for _ in 0..packets {
        let next = tokio::time::timeout(Duration::from_millis(200), near.recv_from(&mut buffer)).await;
        let Ok(Ok((length, at))) = next else { break };
        client_at = Some(at);
        let _ = far.send_to(&buffer[..length], going.hostile.to).await;
    }
    client_at
}

/// Whole handshakes with a certificate that nobody enrolled, again and again.
pub async fn refused(going: Going) {
    let config = nobody(&going.hostile);
    let workers: Vec<_> = (1..=10u8)
        .map(|n| {
            let (going, config) = (going.clone(), config.clone());
            tokio::spawn(async move {
                let mut pace = Pace::new(REFUSED_PER_SECOND / 10);
                let mut turn = 0u8;
                while going.on() {
                    pace.turn(1).await;
                    // Each worker has addresses of its own, in as many /24: what limits an address is not what is tried here.
                    turn = turn.wrapping_add(1) % 20;
                    let Ok(endpoint) = Endpoint::client((Ipv4Addr::new(127, 3, n * 20 + turn, 1), 0).into()) else {
                        continue;
                    };
                    let Ok(connecting) =
                        endpoint.connect_with(config.clone(), going.hostile.to, "node.portcullis.invalid")
                    else {
                        continue;
                    };
                    // TLS lets the dialler finish first: it hears that it was refused when it asks for anything.
                    let heard = going.within(async {
                        let connection = connecting.await?;
                        Err::<(), _>(connection.closed().await)
                    });
                    going.add("handshakes", 1);
                    if heard.await.is_some_and(|outcome| outcome.is_err()) {
                        going.add("refused", 1);
                    }
                }
            })
        })
        .collect();
    for worker in workers {
        let _ = worker.await;
    }
}
