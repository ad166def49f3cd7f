//! One connection from its handshake to its end: identification, Hello on both sides, the link and its control stream.
//!
//! It refuses a certificate that the trust snapshot does not trust, a profile other than the agreement's, a partner that is not
//! active, too many links in a short time, and any exchange before both sides have sent their Hello.

use std::sync::Arc;
use std::time::Duration;

use quinn::{Connection, VarInt};

use super::exchange::receive;
use super::links::{Link, Registration, identity};
use super::quic::{Incoming, Outgoing, ReadFault, close_code, connection_window, reason_of};
use super::shared::{Core, PartnerState};
use crate::edge::peer_log::STRANGERS;
use crate::ident::{NodeId, PartnerId};
use crate::pki::ProfileName;
use crate::wire::{
    DATA_BYTES_FLOOR, DATA_BYTES_MAX, Extension, Frame, Hello, Peer, RefusalCode, Role, Session, SessionAction, VERSION,
};

/// The timeout of writing a Goodbye.
const GOODBYE_TIMEOUT: Duration = Duration::from_millis(500);
/// Streams permitted beyond the agreed number of exchanges, so that an excess one is refused with a code instead of blocking.
const SPARE_STREAMS: u32 = 4;

/// Brings a link up over a new connection, and returns when it is up or has failed. A task then runs the link until it ends.
/// `profile` is that of the endpoint; `dialled` is the partner if this node dialled.
///
/// # Errors
/// The code with which the connection was closed.
pub(super) async fn bring_up(
    core: &Arc<Core>,
    connection: Connection,
    profile: ProfileName,
    dialled: Option<&PartnerId>,
) -> Result<(), RefusalCode> {
    let address = connection.remote_address();
    let refuse = |code: RefusalCode| {
        connection.close(close_code(code), b"");
        code
    };
    let role = if dialled.is_some() { Role::Dialler } else { Role::Acceptor };
    let identity = identity(&connection, &core.material.trust.current(), core.material.clock.now());
    let identity = identity.map_err(|reason| {
        if core.peer_log.should_log(STRANGERS, "refused certificate") {
            tracing::warn!(peer.address = %address, reason = %reason, "refused a connection");
        }
        refuse(RefusalCode::NotAuthorised)
    })?;
    let wanted = identity.profile == profile && dialled.is_none_or(|d| *d == identity.partner);
    let Some(state) = core.partner(&identity.partner).filter(|_| wanted) else {
        if core.peer_log.should_log(identity.partner.as_str(), "not in use") {
            tracing::warn!(peer.address = %address, partner.id = %identity.partner, "refused a connection: not an active partner of this profile");
        }
        return Err(refuse(RefusalCode::NotAuthorised));
    };
    // Each link costs a signature, a read of the ledger and some log lines.
    if role == Role::Acceptor && !state.allowance.link() {
        if core.peer_log.should_log(identity.partner.as_str(), "too many links") {
            tracing::warn!(peer.address = %address, partner.id = %identity.partner, "refused a connection: too many links in a short time");
        }
        return Err(refuse(RefusalCode::Busy));
    }
    let Ok(_greeting) = state.greeting.clone().try_acquire_owned() else { return Err(refuse(RefusalCode::Busy)) };
    let expected: NodeId = identity.partner.clone().into();
    let extensions = core.intake.hello_extensions(&identity.partner).await;
    let greeting = greet(core, &connection, role, expected, &state, &extensions);
    let greeted = tokio::time::timeout(core.tuning.session.hello, greeting).await;
    let (session, peer, incoming, out) = greeted.unwrap_or(Err(RefusalCode::TimedOut)).map_err(|code| {
        if core.peer_log.should_log(identity.partner.as_str(), "no Hello") {
            tracing::warn!(peer.address = %address, partner.id = %identity.partner, code = %code, "no link: no acceptable Hello received");
        }
        refuse(code)
    })?;
    let judged = core.intake.check_hello(&identity.partner, &extensions, &peer.extensions, peer.proof.as_ref());
    judged.await.map_err(&refuse)?;
    let link = Arc::new(Link::new(identity.partner.clone(), profile, role, connection.clone(), peer));
    match core.links.register(&core.node, &link) {
        Registration::Superseded => return Err(refuse(RefusalCode::Superseded)),
        Registration::Kept(Some(old)) => old.close(RefusalCode::Superseded),
        Registration::Kept(None) => {}
    }
    // Trust may have changed since the handshake, and a connection that is not registered yet is not rechecked.
    if !core.still_trusted(&link) || core.draining.is_cancelled() {
        core.links.forget(&link);
        return Err(refuse(RefusalCode::NotAuthorised));
    }
    connection.set_max_concurrent_bi_streams(VarInt::from_u32(
        state.limits.concurrent.saturating_add(1 + SPARE_STREAMS).min(4096),
    ));
    connection.set_receive_window(VarInt::from_u32(connection_window(state.limits.concurrent)));
    connection.set_send_window(u64::from(connection_window(link.peer.exchanges_max)));
    core.known.record_inbound(&link.partner, address.ip());
    tracing::info!(partner.id = %link.partner, peer.address = %address, role = %role, profile = %profile, "link up");
    core.changed();
    core.intake.link_changed(&link.partner, true);
    core.tasks.spawn(run(core.clone(), link, state, session, incoming, out));
    Ok(())
}

async fn greet(
    core: &Core,
    connection: &Connection,
    role: Role,
    expected: NodeId,
    state: &PartnerState,
    extensions: &[Extension],
) -> Result<(Session, Peer, Incoming, Outgoing), RefusalCode> {
    let broken = |_| RefusalCode::TimedOut;
    let (send, receive) = match role {
        Role::Dialler => connection.open_bi().await.map_err(broken)?,
        Role::Acceptor => connection.accept_bi().await.map_err(broken)?,
    };
    let (mut incoming, mut out) = (Incoming::new(receive, DATA_BYTES_FLOOR), Outgoing::new(send));
    let hello = Hello {
        version: VERSION,
        node: core.node.clone(),
        boot: core.boot,
        data_bytes_max: u32::try_from(DATA_BYTES_MAX).unwrap_or(u32::MAX),
        exchanges_max: state.limits.concurrent,
        extensions: extensions.to_vec(),
    };
    let partner = PartnerId::from(expected.clone());
    let now = core.clock.now();
    let (mut session, mut actions) = Session::start(role, hello, expected, core.tuning.session, now);
    loop {
        let (mut up, mut closed) = (None, None);
        for action in actions {
            match action {
                SessionAction::Send(frame) => out.queue(&frame),
                SessionAction::Prove(peer) => {
                    let proof = core.intake.prove_consistency(&partner, extensions, &peer.extensions).await;
                    out.queue(&Frame::Consistency(proof));
                }
                SessionAction::Up(peer) => up = Some(peer),
                SessionAction::Close(code) => closed = Some(code),
            }
        }
        out.flush().await.map_err(|_| RefusalCode::TimedOut)?;
        if let Some(code) = closed {
            return Err(code);
        }
        if let Some(peer) = up {
            return Ok((session, peer, incoming, out));
        }
        actions = match incoming.next().await {
            Ok(frame) => session.handle(core.clock.now(), frame),
            Err(ReadFault::Ended) => return Err(RefusalCode::TimedOut),
            Err(ReadFault::Frame(_)) => session.close(RefusalCode::ProtocolError),
        };
    }
}

/// Runs a link that is up until either side ends it.
async fn run(
    core: Arc<Core>,
    link: Arc<Link>,
    state: Arc<PartnerState>,
    mut session: Session,
    mut incoming: Incoming,
    mut out: Outgoing,
) {
    let mut address = link.connection.remote_address();
    let ended = loop {
        let waiting = out.is_waiting();
        let actions = tokio::select! {
            biased;
            () = link.ended.cancelled() => break None,
            reason = link.connection.closed() => {
                tracing::info!(partner.id = %link.partner, reason = reason_of(&reason), "connection ended");
                break None;
            }
            written = out.flush(), if waiting => match written {
                Ok(()) => continue,
                Err(_) => session.close(RefusalCode::ProtocolError),
            },
            // Nothing is read while an answer is waiting to be written: a peer that does not read the answers fills its own
            // window and not this node's memory. The session's timers end such a link.
            frame = incoming.next(), if !waiting => match frame {
                Ok(frame) => session.handle(core.clock.now(), frame),
                // The control stream lives as long as the link.
                Err(_) => session.close(RefusalCode::ProtocolError),
            },
            stream = link.connection.accept_bi() => {
                let Ok((send, receive_half)) = stream else { break None };
                check_address(&core, &link, &mut address);
                core.exchanges.spawn(receive(core.clone(), link.clone(), state.clone(), send, receive_half));
                continue;
            }
            () = core.clock.until(session.timeout()) => session.on_timeout(core.clock.now()),
        };
        let mut close = None;
        for action in actions {
            match action {
                SessionAction::Send(frame) => out.queue(&frame),
                SessionAction::Close(code) => close = Some(code),
                SessionAction::Prove(_) | SessionAction::Up(_) => {}
            }
        }
        if close.is_some() {
            break close;
        }
    };
    if let Some(code) = ended {
        let _ = tokio::time::timeout(GOODBYE_TIMEOUT, out.flush()).await;
        link.close(code);
    }
    link.ended.cancel();
    if core.links.forget(&link) {
        tracing::info!(partner.id = %link.partner, "link down");
        core.intake.link_changed(&link.partner, false);
    }
    core.changed();
}

/// Verifies the link again if the peer's address has changed, before anything more is accepted on it.
fn check_address(core: &Core, link: &Arc<Link>, address: &mut std::net::SocketAddr) {
    let now = link.connection.remote_address();
    if now != *address {
        tracing::info!(partner.id = %link.partner, peer.address = %now, "the partner's address changed");
        *address = now;
        core.known.record_inbound(&link.partner, now.ip());
        core.recheck(link);
    }
}
