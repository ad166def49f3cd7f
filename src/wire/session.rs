//! The state machine of a link: Hello, consistency proofs, keep-alive, goodbye.

use std::fmt;
use std::time::Duration;

use super::message::{Consistency, Extension, Goodbye, Hello, Ping};
use super::{CheckpointExchange, Frame, RefusalCode, VERSION};
use crate::ident::NodeId;
use crate::time::Time;

/// Which side opened the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Opened the connection and the control stream, and sends the first Hello.
    Dialler,
    /// Accepted the connection.
    Acceptor,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Role::Dialler => "dialler",
            Role::Acceptor => "acceptor",
        })
    }
}

/// How long a link may be silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionTimers {
    /// From the handshake to the peer's Hello.
    pub hello: Duration,
    /// From the last control frame to a Ping.
    pub ping: Duration,
    /// From a Ping to its answer.
    pub pong: Duration,
}

impl Default for SessionTimers {
    fn default() -> SessionTimers {
        SessionTimers { hello: Duration::from_secs(5), ping: Duration::from_secs(20), pong: Duration::from_secs(10) }
    }
}

/// Number of pings that are answered in a burst.
const PINGS_BURST: u32 = 8;
/// Interval at which one more ping is answered.
const PING_EVERY: Duration = Duration::from_secs(1);

/// A token bucket of pings that a peer may still send.
#[derive(Debug)]
struct PingAllowance {
    left: u32,
    counted: Time,
}

impl PingAllowance {
    fn new(now: Time) -> PingAllowance {
        PingAllowance { left: PINGS_BURST, counted: now }
    }

    /// Uses one ping of the allowance; returns false if there is none left.
    fn take(&mut self, now: Time) -> bool {
        let steps = now.since(self.counted).as_millis() / PING_EVERY.as_millis();
        if steps > 0 {
            let more = u32::try_from(steps).unwrap_or(u32::MAX);
            self.left = self.left.saturating_add(more).min(PINGS_BURST);
            // The remainder of an interval counts towards the next.
            self.counted = self.counted.plus(PING_EVERY * more);
        }
        let taken = self.left.checked_sub(1);
        self.left = taken.unwrap_or(0);
        taken.is_some()
    }
}

/// What a peer stated about itself in its Hello, after that was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its node; the same as in its certificate.
    pub node: NodeId,
    /// A random value that changes when it restarts.
    pub boot: [u8; 16],
    /// Maximum payload that it accepts in one Data frame, in bytes.
    pub data_bytes_max: usize,
    /// Maximum number of exchanges that this node may have open towards it.
    pub exchanges_max: u32,
    /// Its extensions; none is critical.
    pub extensions: Vec<Extension>,
    /// Its proof that its ledger extends the checkpoints in this node's Hello; `None` if that had none.
    pub proof: Option<Consistency>,
}

/// What the driver must do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionAction {
    /// Send this frame on the control stream.
    Send(Frame),
    /// Send a [`Consistency`] that proves this node's ledger against the checkpoints in this peer's Hello.
    Prove(Peer),
    /// The link is up: exchanges may begin.
    Up(Peer),
    /// Close the connection with this code; the session is over.
    Close(RefusalCode),
}

/// The control stream of a link.
#[derive(Debug)]
pub struct Session {
    role: Role,
    ours: Hello,
    expected: NodeId,
    timers: SessionTimers,
    state: State,
}

#[derive(Debug)]
enum State {
    ExpectHello { deadline: Time },
    ExpectProof { deadline: Time, peer: Peer },
    Up { heard: Time, pings: u64, pong_by: Option<Time>, allowed: PingAllowance },
    Closed,
}

impl Session {
    /// Starts a session on a connection whose certificate names `expected`. The dialler's first action is its Hello.
    pub fn start(
        role: Role,
        ours: Hello,
        expected: NodeId,
        timers: SessionTimers,
        now: Time,
    ) -> (Session, Vec<SessionAction>) {
        let first = match role {
            Role::Dialler => vec![SessionAction::Send(Frame::Hello(ours.clone()))],
            // Nothing is sent to a peer that has not sent anything.
            Role::Acceptor => Vec::new(),
        };
        let state = State::ExpectHello { deadline: now.plus(timers.hello) };
        (Session { role, ours, expected, timers, state }, first)
    }

    /// Processes a frame of the control stream.
    pub fn handle(&mut self, now: Time, frame: Frame) -> Vec<SessionAction> {
        match (&mut self.state, frame) {
            (State::Closed, _) => Vec::new(),
            (_, Frame::Goodbye(goodbye)) => {
                self.state = State::Closed;
                vec![SessionAction::Close(goodbye.code())]
            }
            (State::ExpectHello { deadline }, Frame::Hello(hello)) => {
                let deadline = *deadline;
                match self.judge(&hello) {
                    Ok(peer) => self.accept_hello(now, deadline, peer),
                    Err(code) => self.close(code),
                }
            }
            (State::ExpectProof { peer, .. }, Frame::Consistency(proof)) => {
                let peer = Peer { proof: Some(proof), ..peer.clone() };
                vec![self.come_up(now, peer)]
            }
            (State::Up { heard, allowed, .. }, Frame::Ping(ping)) => {
                if !allowed.take(now) {
                    return self.close(RefusalCode::ProtocolError);
                }
                *heard = now;
                vec![SessionAction::Send(Frame::Pong(ping))]
            }
            (State::Up { heard, pings, pong_by, .. }, Frame::Pong(pong))
                if pong_by.is_some() && pong.number == *pings =>
            {
                *heard = now;
                *pong_by = None;
                Vec::new()
            }
            _ => self.close(RefusalCode::ProtocolError),
        }
    }

    /// Returns when [`Session::on_timeout`] must be called, if no frame comes before.
    pub fn timeout(&self) -> Option<Time> {
        match &self.state {
            State::ExpectHello { deadline } | State::ExpectProof { deadline, .. } => Some(*deadline),
            State::Up { pong_by: Some(deadline), .. } => Some(*deadline),
            State::Up { heard, .. } => Some(heard.plus(self.timers.ping)),
            State::Closed => None,
        }
    }

    /// Reports that the time of [`Session::timeout`] may have been reached.
    pub fn on_timeout(&mut self, now: Time) -> Vec<SessionAction> {
        if self.timeout().is_none_or(|at| now < at) {
            return Vec::new();
        }
        match &mut self.state {
            State::Up { pings, pong_by: pong_by @ None, .. } => {
                *pings += 1;
                *pong_by = Some(now.plus(self.timers.pong));
                vec![SessionAction::Send(Frame::Ping(Ping { number: *pings }))]
            }
            _ => self.close(RefusalCode::TimedOut),
        }
    }

    /// Ends the session from this side.
    pub fn close(&mut self, code: RefusalCode) -> Vec<SessionAction> {
        match std::mem::replace(&mut self.state, State::Closed) {
            State::Closed => Vec::new(),
            _ => vec![SessionAction::Send(Frame::Goodbye(Goodbye::new(code))), SessionAction::Close(code)],
        }
    }

    /// Returns whether Hellos were exchanged and the session has not ended.
    pub fn is_up(&self) -> bool {
        matches!(self.state, State::Up { .. })
    }

    /// Accepts the peer's Hello: each side then proves its ledger against the checkpoints that the other sent.
    fn accept_hello(&mut self, now: Time, deadline: Time, peer: Peer) -> Vec<SessionAction> {
        let mut actions = match self.role {
            Role::Dialler => Vec::new(),
            Role::Acceptor => vec![SessionAction::Send(Frame::Hello(self.ours.clone()))],
        };
        // A malformed checkpoint exchange is refused by the driver.
        let heads = |extensions: &[Extension]| CheckpointExchange::from_extensions(extensions).ok().flatten();
        if let (Some(ours), Some(theirs)) = (heads(&self.ours.extensions), heads(&peer.extensions)) {
            if theirs.receiver_checkpoints().next().is_some() {
                actions.push(SessionAction::Prove(peer.clone()));
            }
            if ours.receiver_checkpoints().next().is_some() {
                self.state = State::ExpectProof { deadline, peer };
                return actions;
            }
        }
        actions.push(self.come_up(now, peer));
        actions
    }

    fn come_up(&mut self, now: Time, peer: Peer) -> SessionAction {
        self.state = State::Up { heard: now, pings: 0, pong_by: None, allowed: PingAllowance::new(now) };
        SessionAction::Up(peer)
    }

    fn judge(&self, hello: &Hello) -> Result<Peer, RefusalCode> {
        if hello.version != VERSION {
            return Err(RefusalCode::VersionUnsupported);
        }
        if hello.node != self.expected {
            return Err(RefusalCode::IdentityMismatch);
        }
        if hello.check().is_err() {
            return Err(RefusalCode::ProtocolError);
        }
        // The only extension defined is not critical, so any critical one is unknown.
        if hello.extensions.iter().any(|e| e.critical) {
            return Err(RefusalCode::ExtensionUnsupported);
        }
        let data_bytes_max = usize::try_from(hello.data_bytes_max).unwrap_or(super::DATA_BYTES_FLOOR);
        let (node, boot, exchanges_max) = (hello.node.clone(), hello.boot, hello.exchanges_max);
        let extensions = hello.extensions.clone();
        Ok(Peer { node, boot, data_bytes_max, exchanges_max, extensions, proof: None })
    }
}
