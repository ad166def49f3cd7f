//! The appointment of an officer: the TOML text that officers sign to enrol one.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::approval::{Declared, Officer, OfficerState, Role};
use crate::ident::OfficerId;
use crate::sign::PublicKey;
use crate::time::Time;

/// An officer's name, roles, keys and end of term. The certificates issued when the change takes effect state exactly this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Appointment {
    /// The officer's identifier on this node.
    pub officer: OfficerId,
    /// The person's name, for people.
    pub name: String,
    /// The officer's roles; at least one.
    pub roles: BTreeSet<Role>,
    /// The officer's public keys, one to [`Appointment::KEYS_MAX`], the newest last.
    pub keys: Vec<PublicKey>,
    /// When the appointment ends; a whole second, as in a certificate.
    pub until: Time,
    /// Declarations about which other records are of the same person, and which of a similar name are not.
    #[serde(default, skip_serializing_if = "Declared::is_empty")]
    pub declared: Declared,
}

/// Why the text of an appointment is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppointmentFault {
    /// Not TOML with the expected fields.
    #[error("invalid appointment: {0}")]
    Form(String),
    /// Not in the canonical form that was shown to the officers who sign.
    #[error("the appointment of `{0}` is not in canonical form: propose it again")]
    NotCanonical(OfficerId),
    /// A value that is not allowed.
    #[error("the appointment of `{officer}` {problem}")]
    Value {
        /// The officer who is appointed.
        officer: OfficerId,
        /// What is expected, as the rest of a sentence.
        problem: &'static str,
    },
}

impl Appointment {
    /// The most keys of one officer: a card, a spare card, a passkey, and a replacement for one of them.
    pub const KEYS_MAX: usize = 4;

    /// Parses the text that [`Appointment::to_toml`] writes.
    ///
    /// # Errors
    /// [`AppointmentFault`] if it is malformed, not canonical, or has a value that is not allowed.
    pub fn parse(text: &str) -> Result<Appointment, AppointmentFault> {
        let read: Appointment = toml::from_str(text).map_err(|e| AppointmentFault::Form(e.message().to_owned()))?;
        let fault = |problem| Err(AppointmentFault::Value { officer: read.officer.clone(), problem });
        if read.roles.is_empty() {
            return fault("must have at least one role");
        }
        if read.keys.is_empty() || read.keys.len() > Self::KEYS_MAX {
            return fault("must have one to four keys");
        }
        if read.until.unix_ms() % 1000 != 0 {
            return fault("must end at a whole second");
        }
        if read.to_toml() != text {
            return Err(AppointmentFault::NotCanonical(read.officer));
        }
        Ok(read)
    }

    /// The canonical TOML text, which is signed.
    pub fn to_toml(&self) -> String {
        // INVARIANT: every field is a plain TOML value.
        toml::to_string_pretty(self).expect("an appointment is plain data")
    }

    /// The officer as enrolled by this appointment.
    pub fn officer(&self) -> Officer {
        Officer {
            id: self.officer.clone(),
            name: self.name.clone(),
            keys: self.keys.clone(),
            roles: self.roles.clone(),
            state: OfficerState::Active,
            valid_from: Time::EPOCH,
            valid_until: self.until,
            declared: self.declared.clone(),
        }
    }
}

impl From<&Officer> for Appointment {
    fn from(officer: &Officer) -> Appointment {
        Appointment {
            officer: officer.id.clone(),
            name: officer.name.clone(),
            roles: officer.roles.clone(),
            keys: officer.keys.clone(),
            until: officer.valid_until,
            declared: officer.declared.clone(),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::sign::{Algorithm, LocalSigner, Signer as _};

    pub(in crate::change) fn appointment(id: &str, roles: &[Role], key: &LocalSigner) -> Appointment {
        Appointment {
            officer: id.parse().unwrap(),
            name: format!("EXERCISE {id}"),
            roles: roles.iter().copied().collect(),
            keys: vec![key.public().clone()],
            until: "2027-01-01T00:00:00Z".parse().unwrap(),
            declared: Declared::default(),
        }
    }

    #[test]
    fn an_appointment_parses_only_in_its_canonical_form() {
        let key = LocalSigner::from_pkcs8(&LocalSigner::generate(Algorithm::Ed25519).unwrap()).unwrap();
        let sound = appointment("exercise-one", &[Role::DisclosureOfficer], &key);
        let text = sound.to_toml();
        assert_eq!(Appointment::parse(&text), Ok(sound.clone()));
        assert!(matches!(Appointment::parse(&format!("\n{text}")), Err(AppointmentFault::NotCanonical(_))));
        assert!(matches!(Appointment::parse(&format!("{text}rank = 1\n")), Err(AppointmentFault::Form(_))));
        let declared = Declared { same_as: ["exercise-two".parse().unwrap()].into(), ..Declared::default() };
        let returned = Appointment { declared, ..sound.clone() };
        assert_eq!(Appointment::parse(&returned.to_toml()), Ok(returned.clone()));
        assert_ne!(returned.to_toml(), text);
        let spoilt = [
            Appointment { roles: BTreeSet::new(), ..sound.clone() },
            Appointment { keys: Vec::new(), ..sound.clone() },
            Appointment { keys: vec![key.public().clone(); 5], ..sound.clone() },
            Appointment { until: Time::from_unix_ms(1), ..sound },
        ];
        for other in spoilt {
            let read = Appointment::parse(&other.to_toml());
            assert!(matches!(read, Err(AppointmentFault::Value { .. })), "{read:?}");
        }
    }
}
