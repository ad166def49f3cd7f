//! QUIC endpoints and their configuration, with a limit on every resource that a stranger can consume.

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

/// Flow-control window of one stream, in bytes; with the round-trip time it bounds the speed of one exchange.
const STREAM_WINDOW: u32 = 2 * 1024 * 1024;
/// The largest flow-control window of one connection in each direction, in bytes; memory per link is bounded by twice this.
const CONNECTION_WINDOW_MAX: u32 = 64 * 1024 * 1024;
/// Size of the system's buffer for one socket in each direction, in bytes: as much as one stream has in flight.
const SOCKET_BYTES: usize = 2 * 1024 * 1024;
/// Buffer for handshake data, in bytes: an ML-DSA-87 certificate and signature take about 12 KiB and may arrive out of order.
const CRYPTO_BUFFER: usize = 128 * 1024;
/// The idle timeout: a link that receives nothing for this long is down.
const IDLE: Duration = Duration::from_secs(15);
/// The keep-alive interval. Less than half of [`IDLE`], so that one lost packet does not take a link down.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// The inputs of every endpoint configuration of a node.
pub(in crate::edge) struct Material {
    pub(in crate::edge) credentials: Arc<CredentialStore>,
    pub(in crate::edge) trust: Arc<TrustStore>,
    pub(in crate::edge) clock: Arc<dyn Clock>,
    /// Persists over restarts, so that a peer of an earlier process learns at once, by a stateless reset, that its connection is gone.
    pub(in crate::edge) secret: [u8; 32],
}

/// Creates an endpoint that only listens, for one profile.
pub(in crate::edge) fn listen(
    address: SocketAddr,
    profile: ProfileName,
    material: &Material,
) -> Result<Endpoint, EdgeError> {
    let tls = pki::server_config(profile, &material.credentials, &material.trust, &material.clock)?;
    // INVARIANT: `initial_suite` returns the AES-128-GCM suite that is required here.
    let crypto = QuicServerConfig::with_initial(Arc::new(tls), pki::initial_suite())
        .expect("the initial suite is TLS_AES_128_GCM_SHA256");
    let mut config = ServerConfig::new(Arc::new(crypto), Arc::new(token_key(&material.secret)));
    config
        .transport_config(Arc::new(transport()))
        .retry_token_lifetime(Duration::from_secs(15))
        .max_incoming(256)
        .incoming_buffer_size(16 * 1024)
        .incoming_buffer_size_total(2 * 1024 * 1024)
        // The address of a partner behind NAT can change; the session then verifies the link again.
        .migration(true);
    config.validation_token.sent(0);
    endpoint(address, Some(config), &material.secret)
}

/// Creates an endpoint that only dials, over IPv4 or IPv6.
pub(in crate::edge) fn dial_only(v6: bool, material: &Material) -> Result<Endpoint, EdgeError> {
    let any = if v6 { IpAddr::V6(Ipv6Addr::UNSPECIFIED) } else { IpAddr::V4(Ipv4Addr::UNSPECIFIED) };
    endpoint(SocketAddr::new(any, 0), None, &material.secret)
}

/// Creates the configuration for dialling one partner.
pub(in crate::edge) fn dial(
    partner: &PartnerId,
    profile: ProfileName,
    material: &Material,
) -> Result<ClientConfig, EdgeError> {
    let tls = pki::client_config(profile, partner, &material.credentials, &material.trust, &material.clock)?;
    // INVARIANT: `initial_suite` returns the AES-128-GCM suite that is required here.
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

/// Requests larger socket buffers. The system grants what its limits allow; with small buffers more packets are lost under load
/// and retransmitted.
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
        // The control stream only, until both sides have sent their Hello.
        .max_concurrent_bidi_streams(VarInt::from_u32(1))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .datagram_receive_buffer_size(None)
        .stream_receive_window(VarInt::from_u32(STREAM_WINDOW))
        // The window of one stream, until the link is up and its number of exchanges is known.
        .receive_window(VarInt::from_u32(STREAM_WINDOW))
        .send_window(u64::from(STREAM_WINDOW))
        .crypto_buffer_size(CRYPTO_BUFFER)
        .max_idle_timeout(Some(idle))
        .keep_alive_interval(Some(KEEP_ALIVE))
        // The spin bit (RFC 9000, section 17.4) lets anybody on the path measure round-trip times.
        .allow_spin(false);
    config
}

/// The flow-control window, in bytes, of a connection with at most `exchanges` open: the windows of all their streams and one
/// more. If fewer streams could fill it, a few large exchanges would delay an urgent one behind them.
pub(in crate::edge) fn connection_window(exchanges: u32) -> u32 {
    STREAM_WINDOW.saturating_mul(exchanges.saturating_add(1)).min(CONNECTION_WINDOW_MAX)
}

fn token_key(secret: &[u8; 32]) -> hkdf::Prk {
    hkdf::Salt::new(hkdf::HKDF_SHA256, b"portcullis address token").extract(secret)
}

fn subkey(secret: &[u8; 32], purpose: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), purpose).as_ref().to_vec()
}
