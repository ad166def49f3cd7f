//! The roles that a person may sign in.

use std::fmt;

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// What an officer may do. The order is of authority over a release to a partner, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cbor(index_only)]
pub enum Role {
    /// May submit products; approves nothing.
    #[n(0)]
    Originator,
    /// May approve a release to the public; that is no approval of a release to a partner.
    #[n(1)]
    ReleaseToPublic,
    /// A foreign disclosure and release officer, within what was delegated to them.
    #[n(2)]
    DisclosureOfficer,
    /// A senior foreign disclosure and release authority, or one acting for it.
    #[n(3)]
    SeniorDisclosureOfficer,
}

impl Role {
    /// Whether an approval in this role counts towards a release to a partner.
    pub const fn approves_release(self) -> bool {
        matches!(self, Role::DisclosureOfficer | Role::SeniorDisclosureOfficer)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Role::Originator => "originator",
            Role::ReleaseToPublic => "release-to-public",
            Role::DisclosureOfficer => "disclosure-officer",
            Role::SeniorDisclosureOfficer => "senior-disclosure-officer",
        })
    }
}

/// A text that is no role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected `originator`, `release-to-public`, `disclosure-officer` or `senior-disclosure-officer`")]
pub struct UnknownRole;

impl std::str::FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Role, UnknownRole> {
        let all = [Role::Originator, Role::ReleaseToPublic, Role::DisclosureOfficer, Role::SeniorDisclosureOfficer];
        all.into_iter().find(|role| role.to_string() == text).ok_or(UnknownRole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_read_by_the_one_name_it_is_printed_with() {
        let names = ["originator", "release-to-public", "disclosure-officer", "senior-disclosure-officer"];
        let roles = names.map(|name| name.parse::<Role>().unwrap());
        let all = [Role::Originator, Role::ReleaseToPublic, Role::DisclosureOfficer, Role::SeniorDisclosureOfficer];
        assert_eq!(roles, all);
        assert_eq!(all.map(|role| role.to_string()), names);
        for other in ["", "senior", "Originator", "disclosure-officer "] {
            assert_eq!(other.parse::<Role>(), Err(UnknownRole), "{other:?}");
        }
    }
}
