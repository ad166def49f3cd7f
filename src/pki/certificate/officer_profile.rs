//! The profile of officers' certificates.

use std::collections::BTreeSet;
use std::sync::LazyLock;
use std::time::Duration;

use serde::Deserialize;

use crate::approval::Role;
use crate::ident::{NodeId, OfficerId};
use crate::pki::KeyUse;

/// What an officer's certificate must be, read from `certs/profiles/officer.toml` and compiled in.
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
            toml::from_str(include_str!("../../../certs/profiles/officer.toml")).expect("a compiled-in profile reads")
        });
        &PROFILE
    }

    /// How long a certificate lives unless the operator says otherwise.
    pub fn lifetime(&self) -> Duration {
        days(self.officer.lifetime_days)
    }

    /// The longest that one may live, backdating not counted.
    pub fn lifetime_max(&self) -> Duration {
        days(self.officer.lifetime_days_max)
    }

    /// The uses of an officer's key.
    pub(in crate::pki) fn key_usage(&self) -> &[KeyUse] {
        &self.officer.key_usage
    }

    /// What every name of an officer begins with, before node and officer.
    pub(in crate::pki) fn officer_prefix(&self) -> &str {
        &self.name.officer
    }

    /// What every name of a role begins with.
    pub(in crate::pki) fn role_prefix(&self) -> &str {
        &self.name.role
    }

    /// The subject alternative names of an officer: the officer, then the roles in order.
    pub(in crate::pki) fn names(&self, node: &NodeId, officer: &OfficerId, roles: &BTreeSet<Role>) -> Vec<String> {
        let officer = format!("{}{node}:{officer}", self.name.officer);
        std::iter::once(officer).chain(roles.iter().map(|role| format!("{}{role}", self.name.role))).collect()
    }
}

fn days(days: u32) -> Duration {
    Duration::from_secs(u64::from(days) * 86_400)
}
