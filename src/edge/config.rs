//! Settings of the edge, and the state of a link as it is displayed.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use crate::ident::{NodeId, PartnerId};
use crate::partner::Limits;
use crate::pki::{ProfileName, TlsFault};
use crate::wire::{InboundTimers, OutboundTimers, SessionTimers};

/// Where to listen, with which profile. A profile has its own address: quinn does not say which key exchange group
/// was negotiated, so a listener offers one profile's groups and no others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listen {
    /// The profile spoken there.
    pub profile: ProfileName,
    /// The address; port 0 takes any free one.
    pub address: SocketAddr,
}

/// What the edge needs to know about one partner, besides whom to trust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartnerLink {
    /// `host:port` addresses to dial, tried in order; none for a partner that dials us.
    pub addresses: Vec<String>,
    /// How much, how fast; alike in both directions.
    pub limits: Limits,
}

/// Bounds and timers that an operator may tune.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EdgeTuning {
    /// Handshakes in progress at once, over all listeners: half of them with strangers, half with addresses at which a
    /// partner is known to be.
    pub handshakes_max: usize,
    /// Handshakes a second from addresses not yet validated; beyond these, an address is validated first (Retry).
    pub strangers_per_second: u32,
    /// Handshakes a second with validated addresses at which no partner is known to be.
    pub validated_per_second: u32,
    /// Connection attempts a minute from one validated IPv4 address or IPv6 /64.
    pub attempts_per_minute: u32,
    /// Connection attempts from one such address at once.
    pub attempts_burst: u32,
    /// Timers of the control stream.
    pub session: SessionTimers,
    /// Timers of what we receive.
    pub inbound: InboundTimers,
    /// Timers of what we send.
    pub outbound: OutboundTimers,
}

impl Default for EdgeTuning {
    fn default() -> EdgeTuning {
        EdgeTuning {
            handshakes_max: 64,
            strangers_per_second: 50,
            validated_per_second: 100,
            attempts_per_minute: 60,
            attempts_burst: 20,
            session: SessionTimers::default(),
            inbound: InboundTimers::default(),
            outbound: OutboundTimers::default(),
        }
    }
}

/// How an edge is set up.
#[derive(Clone, Debug)]
pub struct EdgeConfig {
    /// Our node's name.
    pub node: NodeId,
    /// A random value made at this start, by which peers notice a restart.
    pub boot: [u8; 16],
    /// A secret kept over restarts; address tokens and stateless resets are made with it.
    pub secret: [u8; 32],
    /// From where partners came to an earlier process: [`super::Edge::came_from`].
    pub came_from: BTreeMap<PartnerId, Vec<IpAddr>>,
    /// Where to listen; nowhere, for a node that only dials.
    pub listen: Vec<Listen>,
    /// Bounds and timers.
    pub tuning: EdgeTuning,
}

/// Why the edge did not start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EdgeError {
    /// An address could not be listened on.
    #[error(
        "cannot listen on UDP address {address}: {problem}; check that it is an address of this machine and not in use"
    )]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        problem: String,
    },
    /// There is no certificate for a profile that is to be listened with.
    #[error(
        "no certificate for profile `{0}`: issue one with `portcullis cert renew`, or change `profile` in `[listen]`"
    )]
    NoCredential(ProfileName),
    /// The TLS library refused.
    #[error(transparent)]
    Tls(#[from] TlsFault),
}

/// A link that is up, for status displays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkStatus {
    /// The partner.
    pub partner: PartnerId,
    /// Its address at present.
    pub address: SocketAddr,
    /// The profile in use.
    pub profile: ProfileName,
    /// Whether we dialled.
    pub dialled: bool,
}
