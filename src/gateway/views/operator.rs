//! Views for operators: alarms, allowances, certificates, changes, files that were set aside, damage.

use serde::{Deserialize, Serialize};

/// An alarm that an operator must check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AlarmView {
    /// `stopped`, `ledger`, `altered`, `damage`, `clock`, `spool`, `orphans`, `certificates`, `circuit`,
    /// `officers` or `delivered-after-stop`.
    pub what: String,
    /// What it is about: the node, a partner or an exchange.
    pub subject: String,
    /// What is wrong, and the remedy.
    pub text: String,
}

/// A partner's current allowance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AllowanceView {
    /// `closed`, `open` or `half-open`.
    pub circuit: String,
    /// When it is tried again, if it is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_until: Option<String>,
    /// Number of consecutive failures.
    pub failures: u32,
    /// Sent today (UTC).
    pub sent: UsageView,
    /// Received today (UTC).
    pub received: UsageView,
}

/// Use of a day's quota, in one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct UsageView {
    /// Exchanges begun.
    pub exchanges: u64,
    /// Maximum number of exchanges.
    pub exchanges_max: u64,
    /// Payload bytes.
    pub bytes: u64,
    /// Maximum number of payload bytes.
    pub bytes_max: u64,
}

/// The dates and numbers of a node's certificates.
#[derive(Clone, Debug, Serialize)]
pub struct CertificatesView {
    /// Last moment of the authority's certificate.
    pub authority_until: String,
    /// Last moment of the node's certificate.
    pub node_until: String,
    /// Serial number of the node's certificate, hexadecimal.
    pub node_serial: String,
    /// Whether it is revoked.
    pub node_revoked: bool,
    /// When the revocation list expires; partners refuse this node after that.
    pub list_until: String,
    /// Number of the revocation list.
    pub list_number: u64,
    /// Number of certificates on it.
    pub revoked: usize,
}

/// A change that took effect, or the founding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChangeView {
    /// Its number; 0 is the founding.
    pub serial: u64,
    /// When it took effect.
    pub when: String,
    /// What it changed, such as `officer/exercise-officer-1` or `release.cedar`.
    pub parts: Vec<String>,
    /// The officers who consented.
    pub officers: Vec<String>,
    /// Who proposed it, as the proposer stated; not verified.
    pub proposed_by: String,
    /// Digest of the change.
    pub change: String,
}

/// One file that was set aside.
#[derive(Clone, Debug, Serialize)]
pub struct OrphanView {
    /// Its name, for restoring or removing it.
    pub name: String,
    /// The exchange or request that it belonged to.
    pub subject: String,
    /// Whether it was complete.
    pub whole: bool,
    /// Its size in bytes.
    pub bytes: u64,
    /// When it was set aside; `None` if its note is missing.
    pub found: Option<String>,
    /// Why it was set aside.
    pub why: Option<String>,
    /// Its SHA-256, if it was noted.
    pub sha256: Option<String>,
    /// Whether it no longer matches its note.
    pub damaged: bool,
    /// Whether the current record needs it.
    pub needed: bool,
    /// Whether it is complete and its exchange or request is not on record.
    pub orphan: bool,
    /// Until when it is kept, if it is an orphan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept_until: Option<String>,
}

/// Progress and findings of the damage scan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScrubView {
    /// When the current or last pass began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub began: Option<String>,
    /// When the last complete pass ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub whole: Option<String>,
    /// The current step; `done` between two passes.
    pub at: String,
    /// Bytes checked so far.
    pub bytes: u64,
    /// Findings of the last complete pass.
    pub found: Vec<DamageView>,
    /// Findings of the current pass so far.
    pub finding: Vec<DamageView>,
}

/// A damage finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DamageView {
    /// The node, an exchange, a request or a partner.
    pub subject: String,
    /// What is wrong, and the remedy.
    pub text: String,
}

/// An offer that was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RefusedOffer {
    /// Its number, as the partner gave it.
    pub exchange: String,
    /// The partner that offered it.
    pub partner: String,
    /// How many times it was offered.
    pub times: u32,
    /// The refusal code that the partner received.
    pub code: String,
    /// The reason in our own log.
    pub why: String,
    /// When it was offered last.
    pub last: String,
}
