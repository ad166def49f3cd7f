//! Settings of the edge, and the state of a link as shown in `status`.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use crate::ident::{NodeId, PartnerId};
use crate::partner::Limits;
use crate::pki::{ProfileName, TlsFault};
use crate::wire::{InboundTimers, OutboundTimers, SessionTimers};

/// An address to listen on, with its profile. Each profile needs its own address: quinn does not report which key exchange group
/// was negotiated, so a listener offers the groups of one profile only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listen {
    /// The profile used there.
    pub profile: ProfileName,
    /// The UDP address; port 0 selects any free port.
    pub address: SocketAddr,
}

/// The settings of the link with one partner, other than trust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartnerLink {
    /// `host:port` addresses to dial, tried in order; empty for a partner that only dials this node.
    pub addresses: Vec<String>,
    /// Rates and sizes, the same in both directions.
    pub limits: Limits,
}

/// Limits and timers that an operator may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EdgeTuning {
    /// The most concurrent handshakes over all listeners: half for strangers, half for partners' networks.
    pub handshakes_max: usize,
    /// Handshakes per second with addresses that are not validated; beyond these, an address is validated first (Retry).
    pub strangers_per_second: u32,
    /// Handshakes per second with validated addresses outside partners' networks.
    pub validated_per_second: u32,
    /// Connection attempts per minute from one validated IPv4 address or IPv6 /64.
    pub attempts_per_minute: u32,
    /// The burst of connection attempts from one such address or network.
    pub attempts_burst: u32,
    /// Timers of the control stream.
    pub session: SessionTimers,
    /// Timers of inbound exchanges.
    pub inbound: InboundTimers,
    /// Timers of outbound exchanges.
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

/// The configuration of an edge.
#[derive(Clone, Debug)]
pub struct EdgeConfig {
    /// The name of this node.
    pub node: NodeId,
    /// A random value generated at this start, by which peers recognise a restart.
    pub boot: [u8; 16],
    /// A secret that persists over restarts, for QUIC address tokens and stateless resets.
    pub secret: [u8; 32],
    /// The networks from which partners brought up links to an earlier process: [`super::Edge::partner_networks`].
    pub partner_networks: BTreeMap<PartnerId, Vec<IpAddr>>,
    /// The addresses to listen on; empty for a node that only dials.
    pub listen: Vec<Listen>,
    /// Limits and timers.
    pub tuning: EdgeTuning,
}

/// Why the edge did not start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EdgeError {
    /// The listening socket could not be opened.
    #[error(
        "cannot listen on UDP address {address}: {problem}; check that it is an address of this machine and not in use"
    )]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The operating system's message.
        problem: String,
    },
    /// There is no certificate for the profile of a listener.
    #[error(
        "no certificate for profile `{0}`: issue one with `portcullis cert renew`, or change `profile` in `[listen]`"
    )]
    NoCredential(ProfileName),
    /// The TLS library rejected a configuration.
    #[error(transparent)]
    Tls(#[from] TlsFault),
}

/// A link that is up, as shown in `status`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkStatus {
    /// The partner.
    pub partner: PartnerId,
    /// Its current address.
    pub address: SocketAddr,
    /// The profile in use.
    pub profile: ProfileName,
    /// Whether this node dialled; otherwise the partner did.
    pub dialled: bool,
}
