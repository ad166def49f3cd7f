//! Who may even begin a handshake: strangers cost us no state, known addresses only so much, and neither keeps a partner out
//! that comes from where it is known to be.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use quinn::{Endpoint, Incoming};
use tokio_util::sync::CancellationToken;

use super::limits::Attempts;
use super::link::bring_up;
use super::places::{Class, Places, Ticket};
use super::streams::reason_of;
use super::{Core, EdgeTuning};
use crate::pki::ProfileName;
use crate::time::Time;

/// How long a handshake may take once we have answered, while there are places for others.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// The bounds on handshakes, shared by all listeners.
pub(super) struct Admission {
    places: Arc<Mutex<Places<CancellationToken>>>,
    /// Handshakes of addresses that were not validated.
    strangers: DefaultDirectRateLimiter,
    /// Handshakes of validated addresses that no partner is known by: each costs us a signature and a key exchange.
    validated: DefaultDirectRateLimiter,
    attempts: Attempts,
}

/// A place for one handshake, until it is dropped.
pub(super) struct Place {
    places: Arc<Mutex<Places<CancellationToken>>>,
    ticket: Ticket,
    /// Cancelled when it gives way to another.
    gone: CancellationToken,
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.places).leave(self.ticket);
    }
}

impl Admission {
    pub(super) fn new(tuning: &EdgeTuning) -> Admission {
        let per_second = |n| RateLimiter::direct(Quota::per_second(NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN)));
        Admission {
            places: Arc::new(Mutex::new(Places::new(tuning.handshakes_max))),
            strangers: per_second(tuning.strangers_per_second),
            validated: per_second(tuning.validated_per_second),
            attempts: Attempts::new(tuning.attempts_per_minute, tuning.attempts_burst),
        }
    }

    /// Forgets addresses that need not be remembered.
    pub(super) fn sweep(&self) {
        self.attempts.sweep();
    }

    /// What becomes of an attempt from `address`; `known` says that a partner is known to be there.
    fn judge(&self, now: Time, validated: bool, known: bool, address: IpAddr) -> Judgement {
        if !validated {
            // Whoever cannot receive at the address it claims never gets further than this, and leaves nothing here.
            let calm = lock(&self.places).is_calm() && self.strangers.check().is_ok();
            return match calm.then(|| self.place(now, Class::Stranger, address)).flatten() {
                Some(place) => Judgement::Admit(place),
                None => Judgement::Validate,
            };
        }
        let class = if known { Class::Known } else { Class::Stranger };
        let admitted = self.attempts.admit(address, known) && (known || self.validated.check().is_ok());
        match admitted.then(|| self.place(now, class, address)).flatten() {
            Some(place) => Judgement::Admit(place),
            None => Judgement::Refuse,
        }
    }

    fn place(&self, now: Time, class: Class, address: IpAddr) -> Option<Place> {
        let gone = CancellationToken::new();
        let (ticket, pushed_out) = lock(&self.places).take(now, class, address, gone.clone())?;
        if let Some(pushed_out) = pushed_out {
            pushed_out.cancel();
        }
        Some(Place { places: self.places.clone(), ticket, gone })
    }
}

fn lock(places: &Mutex<Places<CancellationToken>>) -> MutexGuard<'_, Places<CancellationToken>> {
    // No code panics while it holds the lock.
    places.lock().unwrap_or_else(PoisonError::into_inner)
}

enum Judgement {
    Admit(Place),
    Validate,
    Refuse,
}

/// Answers connections on one listener until the edge stops.
pub(super) async fn accept(core: Arc<Core>, endpoint: Endpoint, profile: ProfileName) {
    loop {
        let incoming = tokio::select! {
            () = core.draining.cancelled() => return,
            incoming = endpoint.accept() => incoming,
        };
        let Some(incoming) = incoming else { return };
        let (validated, address) = (incoming.remote_address_validated(), incoming.remote_address().ip());
        let known = validated && core.known.contains(address);
        match core.admission.judge(core.clock.now(), validated, known, address) {
            Judgement::Admit(place) => {
                core.tasks.spawn(handshake(core.clone(), incoming, profile, place));
            }
            Judgement::Refuse => incoming.refuse(),
            Judgement::Validate => {
                // Fails only for an address that was validated already, and those are not sent here.
                if let Err(e) = incoming.retry() {
                    e.into_incoming().ignore();
                }
            }
        }
    }
}

async fn handshake(core: Arc<Core>, incoming: Incoming, profile: ProfileName, place: Place) {
    let address = incoming.remote_address();
    let Ok(connecting) = incoming.accept() else { return };
    let connection = tokio::select! {
        () = place.gone.cancelled() => {
            tracing::debug!(peer.address = %address, "a handshake that was not finished gave way to another");
            return;
        }
        ended = tokio::time::timeout(HANDSHAKE, connecting) => match ended {
            Ok(Ok(connection)) => connection,
            Ok(Err(error)) => {
                return tracing::debug!(peer.address = %address, reason = reason_of(&error), "handshake failed");
            }
            Err(_) => return tracing::debug!(peer.address = %address, "handshake not finished in time"),
        },
    };
    // It has shown a certificate of a partner, and has that partner's places from here on.
    drop(place);
    // The outcome is logged where it is known; nothing more depends on it.
    let _ = bring_up(&core, connection, profile, None).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_unix_ms(1_795_341_600_000);

    fn tuning() -> EdgeTuning {
        EdgeTuning { handshakes_max: 4, strangers_per_second: 1000, validated_per_second: 8, ..EdgeTuning::default() }
    }

    fn address(n: u8) -> IpAddr {
        IpAddr::from([10, n, 0, 1])
    }

    /// What becomes of an attempt; whoever is admitted says nothing more.
    fn judge(admission: &Admission, held: &mut Vec<Place>, validated: bool, known: bool, from: u8) -> &'static str {
        match admission.judge(NOW, validated, known, address(from)) {
            Judgement::Admit(place) => {
                held.push(place);
                "admitted"
            }
            Judgement::Validate => "validated first",
            Judgement::Refuse => "refused",
        }
    }

    #[test]
    fn whoever_is_known_finds_a_place_however_many_strangers_are_silent() {
        let (admission, mut held) = (Admission::new(&tuning()), Vec::new());
        assert_eq!(judge(&admission, &mut held, false, false, 1), "admitted", "in calm nobody is asked twice");
        for from in 2..200 {
            assert_eq!(judge(&admission, &mut held, false, false, from), "validated first");
            let validated = judge(&admission, &mut held, true, false, from);
            assert_eq!(validated, if from == 2 { "admitted" } else { "refused" });
        }
        assert_eq!(judge(&admission, &mut held, true, true, 250), "admitted");
        // By its word alone nobody is known.
        assert_eq!(judge(&admission, &mut held, false, true, 250), "validated first");
    }

    #[test]
    fn strangers_that_are_validated_cost_only_so_many_handshakes_a_second() {
        let admission = Admission::new(&EdgeTuning { handshakes_max: 10_000, ..tuning() });
        let mut held = Vec::new();
        let admitted = (0..200).filter(|n| judge(&admission, &mut held, true, false, *n) == "admitted").count();
        assert_eq!(admitted, 8);
        assert_eq!(judge(&admission, &mut held, true, true, 250), "admitted");
    }

    #[test]
    fn what_gives_way_is_ended() {
        let admission = Admission::new(&tuning());
        let admitted = |now, from| match admission.judge(now, true, false, address(from)) {
            Judgement::Admit(place) => Some(place),
            _ => None,
        };
        let (first, second) = (admitted(NOW, 1).unwrap(), admitted(NOW, 2).unwrap());
        assert!(admitted(NOW, 3).is_none());
        let third = admitted(NOW.plus(super::super::places::PATIENCE), 3).unwrap();
        assert!(first.gone.is_cancelled() && !second.gone.is_cancelled() && !third.gone.is_cancelled());
        drop(first);
        assert!(admitted(NOW, 4).is_none(), "its place is the third's, and is not left twice");
        drop(second);
        assert!(admitted(NOW, 4).is_some());
    }
}
