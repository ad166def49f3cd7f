//! QUIC endpoints and their configuration, with a bound on everything that a stranger can make grow.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::{hkdf, hmac};
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{ClientConfig, Endpoint, EndpointConfig, IdleTimeout, ServerConfig, TransportConfig, VarInt};

use crate::edge::EdgeError;
use crate::ident::PartnerId;
use crate::pki::{self, CredentialStore, ProfileName, TrustStore};
use crate::time::Clock;

/// Payload in flight on one stream, in bytes; with the round-trip time it bounds the speed of one exchange.
const STREAM_WINDOW: u32 = 2 * 1024 * 1024;
/// The most payload in flight on one connection, each way, in bytes; memory per link is bounded by twice this.
const CONNECTION_WINDOW_MAX: u32 = 64 * 1024 * 1024;
/// Packets that may wait in the system for one of our sockets, each way, in bytes: what one stream has in flight.
const SOCKET_BYTES: usize = 2 * 1024 * 1024;
/// An ML-DSA-87 certificate and signature take about 12 KiB and may arrive in any order.
const CRYPTO_BUFFER: usize = 128 * 1024;
/// A link that hears nothing for this long is down.
const IDLE: Duration = Duration::from_secs(15);
/// Under half of [`IDLE`], so that one lost keep-alive does not take a link down.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// What every configuration of a node is built from.
pub(in crate::edge) struct Material {
    pub(in crate::edge) credentials: Arc<CredentialStore>,
    pub(in crate::edge) trust: Arc<TrustStore>,
    pub(in crate::edge) clock: Arc<dyn Clock>,
    /// Kept over restarts, so that a peer of an earlier process learns at once that its connection is gone.
    pub(in crate::edge) secret: [u8; 32],
}

/// An endpoint that only listens, for one profile.
pub(in crate::edge) fn listen(
    address: SocketAddr,
    profile: ProfileName,
    material: &Material,
) -> Result<Endpoint, EdgeError> {
    let tls = pki::server_config(profile, &material.credentials, &material.trust, &material.clock)?;
    // INVARIANT: the suite handed over is the AES-128-GCM suite that is asked for.
    let crypto = QuicServerConfig::with_initial(Arc::new(tls), pki::initial_suite())
        .expect("the initial suite is TLS_AES_128_GCM_SHA256");
    let mut config = ServerConfig::new(Arc::new(crypto), Arc::new(token_key(&material.secret)));
    config
        .transport_config(Arc::new(transport()))
        .retry_token_lifetime(Duration::from_secs(15))
        .max_incoming(256)
        .incoming_buffer_size(16 * 1024)
        .incoming_buffer_size_total(2 * 1024 * 1024)
        // A partner behind an address translator moves; the link looks again at who it is when that happens.
        .migration(true);
    config.validation_token.sent(0);
    endpoint(address, Some(config), &material.secret)
}

/// An endpoint that only dials, over IPv4 or IPv6.
pub(in crate::edge) fn dial_only(v6: bool, material: &Material) -> Result<Endpoint, EdgeError> {
    let any = if v6 { IpAddr::V6(Ipv6Addr::UNSPECIFIED) } else { IpAddr::V4(Ipv4Addr::UNSPECIFIED) };
    endpoint(SocketAddr::new(any, 0), None, &material.secret)
}

/// The configuration for dialling one partner.
pub(in crate::edge) fn dial(
    partner: &PartnerId,
    profile: ProfileName,
    material: &Material,
) -> Result<ClientConfig, EdgeError> {
    let tls = pki::client_config(profile, partner, &material.credentials, &material.trust, &material.clock)?;
    // INVARIANT: the suite handed over is the AES-128-GCM suite that is asked for.
    let crypto = QuicClientConfig::with_initial(Arc::new(tls), pki::initial_suite())
        .expect("the initial suite is TLS_AES_128_GCM_SHA256");
    let mut config = ClientConfig::new(Arc::new(crypto));
    config.transport_config(Arc::new(transport()));
    Ok(config)
}

fn endpoint(address: SocketAddr, server: Option<ServerConfig>, secret: &[u8; 32]) -> Result<Endpoint, EdgeError> {
    let socket =
        std::net::UdpSocket::bind(address).map_err(|e| EdgeError::Bind { address, problem: e.kind().to_string() })?;
    widen(&socket);
    let config = EndpointConfig::new(Arc::new(hmac::Key::new(hmac::HMAC_SHA256, &subkey(secret, b"stateless reset"))));
    Endpoint::new(config, server, socket, Arc::new(quinn::TokioRuntime))
        .map_err(|e| EdgeError::Bind { address, problem: e.kind().to_string() })
}

/// Asks the system for room for what arrives while nobody reads. It gives what it allows; where that is little, more is
/// lost under load and sent again.
fn widen(socket: &std::net::UdpSocket) {
    if let Ok(state) = quinn::udp::UdpSocketState::new(socket.into()) {
        let _ = state.set_recv_buffer_size(socket.into(), SOCKET_BYTES);
        let _ = state.set_send_buffer_size(socket.into(), SOCKET_BYTES);
    }
}

fn transport() -> TransportConfig {
    let mut config = TransportConfig::default();
    // INVARIANT: fifteen seconds fit the transport parameter.
    let idle = IdleTimeout::try_from(IDLE).expect("the idle timeout fits its field");
    config
        // The control stream, and nothing else until both sides have said Hello.
        .max_concurrent_bidi_streams(VarInt::from_u32(1))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .datagram_receive_buffer_size(None)
        .stream_receive_window(VarInt::from_u32(STREAM_WINDOW))
        // One stream's worth, until a link is up and says how many exchanges it may carry.
        .receive_window(VarInt::from_u32(STREAM_WINDOW))
        .send_window(u64::from(STREAM_WINDOW))
        .crypto_buffer_size(CRYPTO_BUFFER)
        .max_idle_timeout(Some(idle))
        .keep_alive_interval(Some(KEEP_ALIVE))
        // The spin bit lets anybody on the path measure the link.
        .allow_spin(false);
    config
}

/// The window of a connection on which `exchanges` may be open: as much as all their streams may have in flight, and one
/// more. A window that fewer could fill would let a few large exchanges hold up an urgent one behind them.
pub(in crate::edge) fn connection_window(exchanges: u32) -> u32 {
    STREAM_WINDOW.saturating_mul(exchanges.saturating_add(1)).min(CONNECTION_WINDOW_MAX)
}

fn token_key(secret: &[u8; 32]) -> hkdf::Prk {
    hkdf::Salt::new(hkdf::HKDF_SHA256, b"portcullis address token").extract(secret)
}

fn subkey(secret: &[u8; 32], purpose: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), purpose).as_ref().to_vec()
}
