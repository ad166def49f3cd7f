//! The profile of officer certificates.

use std::collections::BTreeSet;
use std::sync::LazyLock;
use std::time::Duration;

use serde::Deserialize;

use crate::approval::Role;
use crate::ident::{NodeId, OfficerId};
use crate::pki::KeyUse;

/// The profile of officer certificates, compiled in from `certs/profiles/officer.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfficerProfile {
    officer: OfficerRules,
    name: NameRules,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OfficerRules {
    lifetime_days: u32,
    lifetime_days_max: u32,
    key_usage: Vec<KeyUse>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NameRules {
    officer: String,
    role: String,
}

impl OfficerProfile {
    /// The profile that ships with the gateway.
    pub fn shipped() -> &'static OfficerProfile {
        static PROFILE: LazyLock<OfficerProfile> = LazyLock::new(|| {
            // INVARIANT: the text is compiled in, and a test issues a certificate by it.
            toml::from_str(include_str!("../../../certs/profiles/officer.toml"))
                .expect("the compiled-in officer profile is valid")
        });
        &PROFILE
    }

    /// The lifetime of a certificate unless the operator chooses another.
    pub fn lifetime(&self) -> Duration {
        days(self.officer.lifetime_days)
    }

    /// The longest lifetime that may be chosen, backdating not included.
    pub fn lifetime_max(&self) -> Duration {
        days(self.officer.lifetime_days_max)
    }

    /// The key usages of an officer's certificate, exactly these.
    pub(in crate::pki) fn key_usage(&self) -> &[KeyUse] {
        &self.officer.key_usage
    }

    /// The prefix of the URI that names an officer; node and officer follow.
    pub(in crate::pki) fn officer_prefix(&self) -> &str {
        &self.name.officer
    }

    /// The prefix of a URI that names a role.
    pub(in crate::pki) fn role_prefix(&self) -> &str {
        &self.name.role
    }

    /// The subject alternative names (URIs) of an officer: the officer first, then the roles in order.
    pub(in crate::pki) fn names(&self, node: &NodeId, officer: &OfficerId, roles: &BTreeSet<Role>) -> Vec<String> {
        let officer = format!("{}{node}:{officer}", self.name.officer);
        std::iter::once(officer).chain(roles.iter().map(|role| format!("{}{role}", self.name.role))).collect()
    }
}

fn days(days: u32) -> Duration {
    Duration::from_secs(u64::from(days) * 86_400)
}
