//! Certificate profiles, compiled in from `certs/profiles/*.toml`.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::sign::{Algorithm, PublicKey};

/// The name of a profile. A partner's agreement names exactly one, and its connections use no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProfileName {
    /// ML-KEM-1024, ML-DSA-87, AES-256-GCM (CNSA 2.0). The default.
    Cnsa2,
    /// X25519MLKEM768 key exchange with P-384 certificates.
    Hybrid,
    /// P-384 for both; for agreements that name it.
    Classical,
}

impl ProfileName {
    /// Every profile, strongest first.
    pub const ALL: [ProfileName; 3] = [ProfileName::Cnsa2, ProfileName::Hybrid, ProfileName::Classical];

    /// The name as written in agreements and configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            ProfileName::Cnsa2 => "cnsa2",
            ProfileName::Hybrid => "hybrid",
            ProfileName::Classical => "classical",
        }
    }

    /// The profile of this name.
    pub fn profile(self) -> &'static Profile {
        match self {
            ProfileName::Cnsa2 => &CNSA2,
            ProfileName::Hybrid => &HYBRID,
            ProfileName::Classical => &CLASSICAL,
        }
    }
}

impl fmt::Display for ProfileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that names no profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a certificate profile: `cnsa2`, `hybrid` or `classical`")]
pub struct UnknownProfile;

impl FromStr for ProfileName {
    type Err = UnknownProfile;

    fn from_str(text: &str) -> Result<ProfileName, UnknownProfile> {
        ProfileName::ALL.into_iter().find(|p| p.as_str() == text).ok_or(UnknownProfile)
    }
}

/// A TLS 1.3 key exchange group that a profile may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Group {
    /// ML-KEM-1024 alone (FIPS 203).
    MlKem1024,
    /// X25519 combined with ML-KEM-768.
    X25519MlKem768,
    /// ECDHE on P-384.
    Secp384r1,
}

/// A TLS 1.3 cipher suite that a profile may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Suite {
    /// TLS_AES_256_GCM_SHA384 (RFC 8446, appendix B.4).
    #[serde(rename = "tls13-aes-256-gcm-sha384")]
    Aes256GcmSha384,
}

/// The signature algorithm of a profile's certificates, revocation lists and TLS handshakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CertificateAlgorithm {
    /// ML-DSA-87 (FIPS 204; RFC 9881 in certificates).
    MlDsa87,
    /// ECDSA on P-384 with SHA-384.
    P384,
}

impl fmt::Display for CertificateAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CertificateAlgorithm::MlDsa87 => "ML-DSA-87",
            CertificateAlgorithm::P384 => "ECDSA on P-384",
        })
    }
}

/// A purpose in the KeyUsage extension (RFC 5280, section 4.2.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyUse {
    /// Bit 0: verifies signatures other than those of certificates and revocation lists.
    DigitalSignature,
    /// Bit 5: verifies signatures of certificates.
    KeyCertSign,
    /// Bit 6: verifies signatures of revocation lists.
    CrlSign,
}

/// A purpose in the ExtendedKeyUsage extension (RFC 5280, section 4.2.1.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExtendedKeyUse {
    /// TLS server authentication.
    ServerAuth,
    /// TLS client authentication.
    ClientAuth,
}

/// A statement key of an algorithm that the profile does not allow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("profile `{profile}` takes statements signed with {expected}, and this is an `{found}` key")]
pub struct WrongAlgorithm {
    /// The profile.
    pub profile: ProfileName,
    /// The key's algorithm.
    pub found: &'static str,
    /// The algorithms that the profile allows, as text for people.
    pub expected: String,
}

/// The exact requirements on certificates, revocation lists, statements and connections of one profile.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    name: ProfileName,
    tls: Tls,
    key: Key,
    statements: Statements,
    authority: AuthorityRules,
    node: NodeRules,
    revocation: RevocationRules,
    issuing: IssuingRules,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tls {
    groups: Vec<Group>,
    cipher_suites: Vec<Suite>,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Key {
    algorithm: CertificateAlgorithm,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Statements {
    algorithms: Vec<Algorithm>,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct AuthorityRules {
    lifetime_days: u32,
    path_length: u8,
    key_usage: Vec<KeyUse>,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct NodeRules {
    lifetime_days: u32,
    key_usage: Vec<KeyUse>,
    extended_key_usage: Vec<ExtendedKeyUse>,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct RevocationRules {
    validity_hours: u32,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct IssuingRules {
    backdate_minutes: u32,
}

impl Profile {
    /// The profile's name.
    pub fn name(&self) -> ProfileName {
        self.name
    }

    /// The key exchange groups offered and accepted, in order of preference.
    pub fn groups(&self) -> &[Group] {
        &self.tls.groups
    }

    /// The cipher suites offered and accepted.
    pub fn cipher_suites(&self) -> &[Suite] {
        &self.tls.cipher_suites
    }

    /// The algorithm of every certificate key and of its signatures.
    pub fn algorithm(&self) -> CertificateAlgorithm {
        self.key.algorithm
    }

    /// The algorithms allowed for signed statements: a node's manifests and receipts, and what its officers sign.
    pub fn statements(&self) -> &[Algorithm] {
        &self.statements.algorithms
    }

    /// Checks that `key` is of an algorithm that the profile allows for statements.
    ///
    /// # Errors
    /// [`WrongAlgorithm`] names the algorithms that are allowed.
    pub fn check_statement_key(&self, key: &PublicKey) -> Result<(), WrongAlgorithm> {
        if self.statements().contains(&key.algorithm()) {
            return Ok(());
        }
        let expected = self.statements().iter().map(|algorithm| format!("`{}`", algorithm.name())).collect::<Vec<_>>();
        Err(WrongAlgorithm { profile: self.name, found: key.algorithm().name(), expected: expected.join(" or ") })
    }

    /// The lifetime of an authority's certificate, backdating not included.
    pub fn authority_lifetime(&self) -> Duration {
        days(self.authority.lifetime_days)
    }

    /// The path length constraint of an authority: 0 means that it issues node certificates only.
    pub fn path_length(&self) -> u8 {
        self.authority.path_length
    }

    /// The key usages of an authority, exactly these.
    pub fn authority_key_usage(&self) -> &[KeyUse] {
        &self.authority.key_usage
    }

    /// The lifetime of a node's certificate, backdating not included.
    pub fn node_lifetime(&self) -> Duration {
        days(self.node.lifetime_days)
    }

    /// The key usages of a node, exactly these.
    pub fn node_key_usage(&self) -> &[KeyUse] {
        &self.node.key_usage
    }

    /// The extended key usages of a node, exactly these.
    pub fn node_extended_key_usage(&self) -> &[ExtendedKeyUse] {
        &self.node.extended_key_usage
    }

    /// How long a revocation list is valid, backdating not included.
    pub fn revocation_validity(&self) -> Duration {
        Duration::from_secs(u64::from(self.revocation.validity_hours) * 3600)
    }

    /// How far before the time of issue a validity begins, for peers whose clocks are behind.
    pub fn backdate(&self) -> Duration {
        Duration::from_secs(u64::from(self.issuing.backdate_minutes) * 60)
    }
}

static CNSA2: LazyLock<Profile> = LazyLock::new(|| read(include_str!("../../certs/profiles/cnsa2.toml")));
static HYBRID: LazyLock<Profile> = LazyLock::new(|| read(include_str!("../../certs/profiles/hybrid.toml")));
static CLASSICAL: LazyLock<Profile> = LazyLock::new(|| read(include_str!("../../certs/profiles/classical.toml")));

fn read(text: &str) -> Profile {
    // INVARIANT: the text is compiled in, and a test parses every profile.
    toml::from_str(text).expect("a compiled-in certificate profile is valid")
}

fn days(days: u32) -> Duration {
    Duration::from_secs(u64::from(days) * 86_400)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign::{LocalSigner, Signer as _};

    #[test]
    fn every_profile_parses_and_has_its_own_name() {
        for name in ProfileName::ALL {
            assert_eq!(name.profile().name(), name);
            assert_eq!(name.as_str().parse(), Ok(name));
        }
        assert_eq!("tls12".parse::<ProfileName>(), Err(UnknownProfile));
    }

    #[test]
    fn the_default_profile_is_post_quantum_alone() {
        let profile = ProfileName::Cnsa2.profile();
        assert_eq!(profile.groups(), [Group::MlKem1024]);
        assert_eq!(profile.algorithm(), CertificateAlgorithm::MlDsa87);
        assert_eq!(profile.statements(), [Algorithm::MlDsa87]);
    }

    #[test]
    fn every_profile_allows_post_quantum_statements_and_names_the_other_algorithms() {
        let key = |algorithm| {
            let der = LocalSigner::generate(algorithm).unwrap();
            LocalSigner::from_pkcs8(&der).unwrap().public().clone()
        };
        let all = [Algorithm::MlDsa87, Algorithm::Es384, Algorithm::Ed25519];
        for (name, taken) in [(ProfileName::Cnsa2, 1), (ProfileName::Hybrid, 2), (ProfileName::Classical, 3)] {
            for (place, algorithm) in all.into_iter().enumerate() {
                let answer = name.profile().check_statement_key(&key(algorithm));
                assert_eq!(answer.is_ok(), place < taken, "{name}: {answer:?}");
            }
        }
    }

    #[test]
    fn every_profile_lets_an_authority_issue_nodes_only() {
        for name in ProfileName::ALL {
            assert_eq!(name.profile().path_length(), 0);
            assert_eq!(name.profile().node_key_usage(), [KeyUse::DigitalSignature]);
        }
    }
}
