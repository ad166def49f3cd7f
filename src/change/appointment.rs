//! An officer's appointment: the text that is signed to enrol an officer.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::approval::{Declared, Officer, OfficerState, Role};
use crate::ident::OfficerId;
use crate::sign::PublicKey;
use crate::time::Time;

/// Who an officer is, what they may do, with which keys, and until when. Their certificates, issued when the change takes
/// effect, say exactly this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Appointment {
    /// The person's name on this node.
    pub officer: OfficerId,
    /// The person's name for people.
    pub name: String,
    /// What they may do.
    pub roles: BTreeSet<Role>,
    /// Their keys, the newest last.
    pub keys: Vec<PublicKey>,
    /// When it ends, in whole seconds, as a certificate has it.
    pub until: Time,
    /// Which other records are of the same person, and which with a similar name are not.
    #[serde(default, skip_serializing_if = "Declared::is_empty")]
    pub declared: Declared,
}

/// What is wrong with the text of an appointment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppointmentFault {
    /// Not TOML of the expected shape.
    #[error("invalid appointment: {0}")]
    Form(String),
    /// Not in the canonical form that officers were shown.
    #[error("the appointment of `{0}` is not in canonical form: propose it again")]
    NotCanonical(OfficerId),
    /// A value that is not allowed.
    #[error("the appointment of `{officer}` {problem}")]
    Value {
        /// Whose.
        officer: OfficerId,
        /// What is wrong and what is expected.
        problem: &'static str,
    },
}

impl Appointment {
    /// Most keys of one officer: a card, its spare, a passkey and what replaces one of them.
    pub const KEYS_MAX: usize = 4;

    /// Reads what [`Appointment::to_toml`] wrote.
    ///
    /// # Errors
    /// [`AppointmentFault`] says what is wrong.
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

    /// The text that is signed for.
    pub fn to_toml(&self) -> String {
        // INVARIANT: every field is a plain TOML value.
        toml::to_string_pretty(self).expect("an appointment is plain data")
    }

    /// The officer as they are once it is in force.
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
    fn an_appointment_reads_back_and_only_as_it_is_written() {
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
