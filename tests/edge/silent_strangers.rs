//! Strangers that validate their address, begin a handshake and send nothing more: a partner can still connect from its known
//! network, and so can a client that retries.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{self, Keys, Node, link_to, within};
use portcullis::edge::EdgeTuning;
use portcullis::partner::Limits;
use portcullis::pki::ProfileName;
use tokio::net::UdpSocket;

const PROFILE: ProfileName = ProfileName::Classical;

/// Every address is validated first, and there are eight slots.
fn tuning() -> EdgeTuning {
    EdgeTuning {
        handshakes_max: 8,
        strangers_per_second: 1,
        attempts_per_minute: 10_000,
        attempts_burst: 10_000,
        ..EdgeTuning::default()
    }
}

/// A client without a certificate of a partner.
fn stranger() -> quinn::ClientConfig {
    let keys = Keys::new("exercise-nobody", PROFILE);
    // A first flight of one packet.
    let kx_groups = vec![rustls::crypto::aws_lc_rs::kx_group::SECP384R1];
    let provider = rustls::crypto::CryptoProvider { kx_groups, ..rustls::crypto::aws_lc_rs::default_provider() };
    support::client_of_nobody(&keys, provider)
}

/// Whether a packet asks to validate an address (RFC 9000, section 17.2.5).
fn is_retry(packet: &[u8]) -> bool {
    packet.first().is_some_and(|first| first & 0xf0 == 0xf0)
}

/// Begins handshakes with `to` from `from`, one after the other, until the task is dropped: each validates its address when asked to,
/// and then sends nothing more. Counts those that were answered after that.
async fn silent(config: quinn::ClientConfig, from: Ipv4Addr, to: SocketAddr, held: Arc<AtomicUsize>) {
    let client = quinn::Endpoint::client((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let near = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let mut buffer = [0; 2048];
    loop {
        let far = UdpSocket::bind((from, 0)).await.unwrap();
        let attempt =
            client.connect_with(config.clone(), near.local_addr().unwrap(), "node.portcullis.invalid").unwrap();
        let (length, client_at) = near.recv_from(&mut buffer).await.unwrap();
        far.send_to(&buffer[..length], to).await.unwrap();
        let (length, _) = far.recv_from(&mut buffer).await.unwrap();
        if is_retry(&buffer[..length]) {
            near.send_to(&buffer[..length], client_at).await.unwrap();
            let (length, _) = near.recv_from(&mut buffer).await.unwrap();
            far.send_to(&buffer[..length], to).await.unwrap();
            let _ = far.recv_from(&mut buffer).await;
            held.fetch_add(1, Ordering::SeqCst);
        }
        drop(attempt);
        // Everything else that the client would send is discarded.
        while near.try_recv_from(&mut buffer).is_ok() {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partner_gets_in_from_where_it_is_known_to_be_however_many_strangers_are_silent() {
    let (usa, gbr) = (Keys::new("exercise-usa", PROFILE), Keys::new("exercise-gbr", PROFILE));
    let (usa_trust, gbr_trust) = (usa.trust(), gbr.trust());
    let usa = Node::start_tuned(usa, [gbr_trust], tuning()).await;
    let gbr = Node::start(gbr, [usa_trust]).await;
    let limits = Limits::default();
    let dialled = || BTreeMap::from([(usa.keys.name.clone(), link_to(Some(&usa), limits))]);
    usa.edge.apply_partners(BTreeMap::from([(gbr.keys.name.clone(), link_to(None, limits))]));
    gbr.edge.apply_partners(dialled());
    usa.until_link(&gbr.keys.name, true).await;
    assert_eq!(usa.edge.partner_networks()[&gbr.keys.name], [Ipv4Addr::LOCALHOST]);
    gbr.edge.apply_partners(BTreeMap::new());
    usa.until_link(&gbr.keys.name, false).await;

    let (config, held) = (stranger(), Arc::new(AtomicUsize::new(0)));
    let crowd: Vec<_> = (1..=64)
        .map(|n| tokio::spawn(silent(config.clone(), Ipv4Addr::new(127, 1, n, 1), usa.address(), held.clone())))
        .collect();
    let places = async {
        while held.load(Ordering::SeqCst) < 64 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    within(places).await;
    for _ in 0..5 {
        gbr.edge.apply_partners(dialled());
        usa.until_link(&gbr.keys.name, true).await;
        gbr.edge.apply_partners(BTreeMap::new());
        usa.until_link(&gbr.keys.name, false).await;
    }
    assert_eq!(gbr.edge.link_failure(&usa.keys.name), None, "it was let in each time that it came");
    assert!(crowd.iter().all(|task| !task.is_finished()), "the strangers stayed to the end");
    crowd.iter().for_each(tokio::task::JoinHandle::abort);
}
