//! The validity of a signed statement: at this node, at this time, while its signer was in office.

use std::time::Duration;

use super::{Officer, Officers};
use crate::sign::Instance;
use crate::time::Time;

/// How long after it was signed a statement may be recorded. Approvals end earlier, with their request; statements that
/// rest on a recent review have a shorter life of their own.
pub const LIFE_MAX: Duration = Duration::from_secs(7 * 86_400);

/// How far the signer's clock may differ from the node's.
pub const SKEW_MAX: Duration = Duration::from_secs(5 * 60);

/// What a statement is verified against besides its subject: the node, its officers and the time.
#[derive(Clone, Copy, Debug)]
pub struct VerificationContext<'a> {
    /// The node.
    pub instance: Instance,
    /// Its officers, as the roster has them now.
    pub officers: &'a Officers,
    /// Now.
    pub now: Time,
}

/// Why a statement does not count at this node or at this time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContextFault {
    /// It was signed for another node.
    #[error(
        "signed for another node (ledger key {}, this node's is {}): sign it again for this node", named.short(), ours.short()
    )]
    OtherInstance {
        /// The node that it names.
        named: Instance,
        /// This node.
        ours: Instance,
    },
    /// It is dated in the future: one of the two clocks is wrong.
    #[error("dated {given_at}, later than now ({now}): check both clocks and sign again")]
    FromTheFuture {
        /// The date on it.
        given_at: Time,
        /// The node's time.
        now: Time,
    },
    /// It came too late.
    #[error("dated {given_at}, expired at {until}: review it and sign again")]
    Late {
        /// The date on it.
        given_at: Time,
        /// When its life ended.
        until: Time,
    },
    /// The signer was not in office then.
    #[error("dated {given_at}, when the signer was not in office (in office from {from} until {until}): sign again")]
    OutsideOffice {
        /// The date on it.
        given_at: Time,
        /// When their appointment began.
        from: Time,
        /// When it ends.
        until: Time,
    },
}

impl VerificationContext<'_> {
    /// Every reason why a statement for the node `named`, signed at `given_at` by `officer`, does not count.
    pub fn against(&self, named: Instance, given_at: Time, officer: &Officer) -> Vec<ContextFault> {
        let (ours, now) = (self.instance, self.now);
        let (from, until) = (officer.valid_from, officer.valid_until);
        let in_office = from.minus(SKEW_MAX) <= given_at && given_at < until;
        let all = [
            (named != ours, ContextFault::OtherInstance { named, ours }),
            (given_at > now.plus(SKEW_MAX), ContextFault::FromTheFuture { given_at, now }),
            (!in_office, ContextFault::OutsideOffice { given_at, from, until }),
        ];
        all.into_iter().filter(|(against, _)| *against).map(|(_, why)| why).collect()
    }

    /// Checks that a statement with this `life` has not expired.
    ///
    /// # Errors
    /// [`ContextFault::Late`].
    pub fn in_time(&self, given_at: Time, life: Duration) -> Result<(), ContextFault> {
        let until = given_at.plus(life.min(LIFE_MAX));
        if self.now <= until { Ok(()) } else { Err(ContextFault::Late { given_at, until }) }
    }

    /// The first reason of [`VerificationContext::against`] and [`VerificationContext::in_time`].
    ///
    /// # Errors
    /// The first [`ContextFault`].
    pub fn first(
        &self,
        named: Instance,
        given_at: Time,
        officer: &Officer,
        life: Duration,
    ) -> Result<(), ContextFault> {
        match self.against(named, given_at, officer).into_iter().next() {
            Some(why) => Err(why),
            None => self.in_time(given_at, life),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::{OfficerState, Role};
    use super::*;
    use crate::sign::{Algorithm, LocalSigner, Signer as _};

    const NOW: Time = Time::from_unix_ms(1_795_341_600_000);

    fn instance() -> Instance {
        let key = LocalSigner::from_pkcs8(&LocalSigner::generate(Algorithm::Ed25519).unwrap()).unwrap();
        Instance::of_ledger(key.public())
    }

    #[test]
    fn a_statement_counts_at_its_node_in_its_time_and_while_its_officer_was_in_office() {
        let (ours, other) = (instance(), instance());
        let key = LocalSigner::from_pkcs8(&LocalSigner::generate(Algorithm::Ed25519).unwrap()).unwrap();
        let hour = Duration::from_secs(3600);
        let officer = Officer {
            id: "exercise-officer".parse().unwrap(),
            name: "EXERCISE officer".into(),
            keys: vec![key.public().clone()],
            roles: [Role::DisclosureOfficer].into(),
            state: OfficerState::Active,
            valid_from: NOW.minus(hour),
            valid_until: NOW.plus(hour),
            declared: Default::default(),
        };
        let officers = Officers::new([officer.clone()]).unwrap();
        let at = |now| VerificationContext { instance: ours, officers: &officers, now };
        let ms = Duration::from_millis(1);
        assert_eq!(at(NOW).against(ours, NOW, &officer), []);
        assert_eq!(at(NOW).against(other, NOW, &officer), [ContextFault::OtherInstance { named: other, ours }]);
        let future = NOW.plus(SKEW_MAX);
        assert_eq!(at(NOW).against(ours, future, &officer), []);
        let given_at = future.plus(ms);
        assert_eq!(at(NOW).against(ours, given_at, &officer), [ContextFault::FromTheFuture { given_at, now: NOW }]);
        // Before the appointment began, and when it had ended.
        let early = officer.valid_from.minus(SKEW_MAX);
        assert_eq!(at(NOW).against(ours, early, &officer), []);
        let outside = |found: Vec<ContextFault>| matches!(found[..], [ContextFault::OutsideOffice { .. }]);
        assert!(outside(at(NOW).against(ours, early.minus(ms), &officer)));
        assert_eq!(at(NOW.plus(hour)).against(ours, officer.valid_until.minus(ms), &officer), []);
        assert!(outside(at(NOW.plus(hour)).against(ours, officer.valid_until, &officer)));
    }

    #[test]
    fn a_statement_that_comes_late_does_not_count_and_nothing_lives_longer_than_the_bound() {
        let officers = Officers::default();
        let at = |now| VerificationContext { instance: instance(), officers: &officers, now };
        let (minute, ms) = (Duration::from_secs(60), Duration::from_millis(1));
        assert_eq!(at(NOW.plus(minute)).in_time(NOW, minute), Ok(()));
        let late = at(NOW.plus(minute + ms)).in_time(NOW, minute);
        assert_eq!(late, Err(ContextFault::Late { given_at: NOW, until: NOW.plus(minute) }));
        assert_eq!(at(NOW.plus(LIFE_MAX)).in_time(NOW, LIFE_MAX * 2), Ok(()));
        assert!(at(NOW.plus(LIFE_MAX + ms)).in_time(NOW, LIFE_MAX * 2).is_err());
    }
}
