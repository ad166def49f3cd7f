//! Admission control of handshakes: rate limits and handshake slots, before any certificate is seen.
//!
//! In comes the address of a connection attempt; out comes a [`Verdict`]: admit, validate the address first, or refuse. An
//! address that was not validated leaves no state. Strangers cannot use up the slots of partners' networks.

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

/// The limits on handshakes, shared by all listeners.
pub(super) struct Admission {
    slots: Arc<Mutex<HandshakeSlots<CancellationToken>>>,
    /// Limits handshakes with addresses that were not validated.
    strangers: DefaultDirectRateLimiter,
    /// Limits handshakes with validated addresses outside partners' networks: each costs a signature and a key exchange.
    validated: DefaultDirectRateLimiter,
    attempts: ArcSwap<Attempts>,
    attempts_burst: u32,
}

/// A slot for one handshake; released when dropped.
pub(super) struct Slot {
    slots: Arc<Mutex<HandshakeSlots<CancellationToken>>>,
    id: SlotId,
    /// Cancelled when the handshake is evicted in favour of another.
    pub(super) evicted_token: CancellationToken,
}

impl Drop for Slot {
    fn drop(&mut self) {
        lock(&self.slots).release(self.id);
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

    /// Changes the limits. Handshakes in progress continue; the counts of attempts start again.
    pub(super) fn retune(&self, handshakes_max: usize, attempts_per_minute: u32) {
        lock(&self.slots).resize(handshakes_max);
        self.attempts.store(Arc::new(Attempts::new(attempts_per_minute, self.attempts_burst)));
    }

    /// Removes addresses that need no longer be tracked.
    pub(super) fn sweep(&self) {
        self.attempts.load().sweep();
    }

    /// Decides on an attempt from `address`; `known` means that the address is in a partner's network.
    pub(super) fn decide(&self, now: Time, validated: bool, known: bool, address: IpAddr) -> Verdict {
        if !validated {
            // A client that cannot receive at the address it claims gets no further than this, and leaves no state.
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
        let evicted_token = CancellationToken::new();
        let (id, evicted) = lock(&self.slots).take(now, class, address, evicted_token.clone())?;
        if let Some(evicted) = evicted {
            evicted.cancel();
        }
        Some(Slot { slots: self.slots.clone(), id, evicted_token })
    }
}

fn lock(slots: &Mutex<HandshakeSlots<CancellationToken>>) -> MutexGuard<'_, HandshakeSlots<CancellationToken>> {
    // No code panics while it holds the lock.
    slots.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The decision on a connection attempt.
pub(super) enum Verdict {
    /// It may begin a handshake and continue as long as it holds this slot.
    Admit(Slot),
    /// It must first prove that it receives at its address (QUIC Retry, RFC 9000, section 8.1.2).
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

    /// The verdict on an attempt. An admitted handshake stays in progress.
    fn decide(admission: &Admission, held: &mut Vec<Slot>, validated: bool, known: bool, from: u8) -> &'static str {
        match admission.decide(NOW, validated, known, address(from)) {
            Verdict::Admit(slot) => {
                held.push(slot);
                "admitted"
            }
            Verdict::Validate => "validated first",
            Verdict::Refuse => "refused",
        }
    }

    #[test]
    fn partners_are_admitted_however_many_strangers_are_silent() {
        let (admission, mut held) = (Admission::new(&tuning()), Vec::new());
        assert_eq!(
            decide(&admission, &mut held, false, false, 1),
            "admitted",
            "no validation while few slots are taken"
        );
        for from in 2..200 {
            assert_eq!(decide(&admission, &mut held, false, false, from), "validated first");
            let validated = decide(&admission, &mut held, true, false, from);
            assert_eq!(validated, if from == 2 { "admitted" } else { "refused" });
        }
        assert_eq!(decide(&admission, &mut held, true, true, 250), "admitted");
        // An address that was not validated does not count as a partner's.
        assert_eq!(decide(&admission, &mut held, false, true, 250), "validated first");
    }

    #[test]
    fn handshakes_with_validated_strangers_are_limited_per_second() {
        let admission = Admission::new(&EdgeTuning { handshakes_max: 10_000, ..tuning() });
        let mut held = Vec::new();
        let admitted = (0..200).filter(|n| decide(&admission, &mut held, true, false, *n) == "admitted").count();
        assert_eq!(admitted, 8);
        assert_eq!(decide(&admission, &mut held, true, true, 250), "admitted");
    }

    #[test]
    fn an_evicted_handshake_is_cancelled() {
        let admission = Admission::new(&tuning());
        let admitted = |now, from| match admission.decide(now, true, false, address(from)) {
            Verdict::Admit(slot) => Some(slot),
            _ => None,
        };
        let (first, second) = (admitted(NOW, 1).unwrap(), admitted(NOW, 2).unwrap());
        assert!(admitted(NOW, 3).is_none());
        let third = admitted(NOW.plus(super::slots::EVICTABLE_AFTER), 3).unwrap();
        assert!(
            first.evicted_token.is_cancelled()
                && !second.evicted_token.is_cancelled()
                && !third.evicted_token.is_cancelled()
        );
        drop(first);
        assert!(admitted(NOW, 4).is_none(), "its slot is the third's, and is not left twice");
        drop(second);
        assert!(admitted(NOW, 4).is_some());
    }
}
