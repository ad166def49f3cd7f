//! Who may begin a handshake: rate limits and handshake slots, before any certificate is seen.
//!
//! A connection attempt comes in with its address; a [`Verdict`] goes out: admit, validate the address first, or refuse. An
//! address that was not validated leaves no state behind. Strangers cannot use up the slots of addresses at which a partner is
//! known to be.

mod networks;
mod slots;
mod attempts;
mod partners;

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio_util::sync::CancellationToken;

use self::attempts::Attempts;
use self::slots::{Class, HandshakeSlots, SlotId};
use super::EdgeTuning;
use crate::time::Time;

pub(super) use self::partners::PartnerNetworks;

/// The bounds on handshakes, shared by all listeners.
pub(super) struct Admission {
    slots: Arc<Mutex<HandshakeSlots<CancellationToken>>>,
    /// Handshakes of addresses that were not validated.
    strangers: DefaultDirectRateLimiter,
    /// Handshakes of validated addresses that no partner is known by: each costs us a signature and a key exchange.
    validated: DefaultDirectRateLimiter,
    attempts: ArcSwap<Attempts>,
    attempts_burst: u32,
}

/// A slot for one handshake, until it is dropped.
pub(super) struct Slot {
    slots: Arc<Mutex<HandshakeSlots<CancellationToken>>>,
    id: SlotId,
    /// Cancelled when it gives way to another.
    pub(super) gone: CancellationToken,
}

impl Drop for Slot {
    fn drop(&mut self) {
        lock(&self.slots).leave(self.id);
    }
}

impl Admission {
    pub(super) fn new(tuning: &EdgeTuning) -> Admission {
        let per_second = |n| RateLimiter::direct(Quota::per_second(NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN)));
        Admission {
            slots: Arc::new(Mutex::new(HandshakeSlots::new(tuning.handshakes_max))),
            strangers: per_second(tuning.strangers_per_second),
            validated: per_second(tuning.validated_per_second),
            attempts: ArcSwap::from_pointee(Attempts::new(tuning.attempts_per_minute, tuning.attempts_burst)),
            attempts_burst: tuning.attempts_burst,
        }
    }

    /// Puts other bounds in force. Handshakes that are under way go on; what addresses have used up is forgotten.
    pub(super) fn retune(&self, handshakes_max: usize, attempts_per_minute: u32) {
        lock(&self.slots).resize(handshakes_max);
        self.attempts.store(Arc::new(Attempts::new(attempts_per_minute, self.attempts_burst)));
    }

    /// Forgets addresses that need not be remembered.
    pub(super) fn sweep(&self) {
        self.attempts.load().sweep();
    }

    /// What becomes of an attempt from `address`; `known` says that a partner is known to be there.
    pub(super) fn judge(&self, now: Time, validated: bool, known: bool, address: IpAddr) -> Verdict {
        if !validated {
            // Whoever cannot receive at the address it claims never gets further than this, and leaves nothing here.
            let calm = lock(&self.slots).is_calm() && self.strangers.check().is_ok();
            return match calm.then(|| self.slot(now, Class::Stranger, address)).flatten() {
                Some(slot) => Verdict::Admit(slot),
                None => Verdict::Validate,
            };
        }
        let class = if known { Class::Known } else { Class::Stranger };
        let admitted = self.attempts.load().admit(address, known) && (known || self.validated.check().is_ok());
        match admitted.then(|| self.slot(now, class, address)).flatten() {
            Some(slot) => Verdict::Admit(slot),
            None => Verdict::Refuse,
        }
    }

    fn slot(&self, now: Time, class: Class, address: IpAddr) -> Option<Slot> {
        let gone = CancellationToken::new();
        let (id, evicted) = lock(&self.slots).take(now, class, address, gone.clone())?;
        if let Some(evicted) = evicted {
            evicted.cancel();
        }
        Some(Slot { slots: self.slots.clone(), id, gone })
    }
}

fn lock(slots: &Mutex<HandshakeSlots<CancellationToken>>) -> MutexGuard<'_, HandshakeSlots<CancellationToken>> {
    // No code panics while it holds the lock.
    slots.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What becomes of a connection attempt.
pub(super) enum Verdict {
    /// It may begin a handshake, for as long as it keeps this slot.
    Admit(Slot),
    /// It has to show first that it receives at its address (QUIC Retry).
    Validate,
    /// It is refused.
    Refuse,
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
    fn judge(admission: &Admission, held: &mut Vec<Slot>, validated: bool, known: bool, from: u8) -> &'static str {
        match admission.judge(NOW, validated, known, address(from)) {
            Verdict::Admit(slot) => {
                held.push(slot);
                "admitted"
            }
            Verdict::Validate => "validated first",
            Verdict::Refuse => "refused",
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
            Verdict::Admit(slot) => Some(slot),
            _ => None,
        };
        let (first, second) = (admitted(NOW, 1).unwrap(), admitted(NOW, 2).unwrap());
        assert!(admitted(NOW, 3).is_none());
        let third = admitted(NOW.plus(super::slots::EVICTABLE_AFTER), 3).unwrap();
        assert!(first.gone.is_cancelled() && !second.gone.is_cancelled() && !third.gone.is_cancelled());
        drop(first);
        assert!(admitted(NOW, 4).is_none(), "its slot is the third's, and is not left twice");
        drop(second);
        assert!(admitted(NOW, 4).is_some());
    }
}
