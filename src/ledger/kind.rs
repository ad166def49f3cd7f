//! The kinds of ledger entries. Their names are part of the format: new ones are added, existing ones never
//! changed or reused.

use std::fmt;
use std::str::FromStr;

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// What a ledger entry records. An unknown kind is refused, so that an old verifier never accepts a ledger
        /// with entries that it does not understand.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[non_exhaustive]
        pub enum EntryKind {
            $($(#[$doc])* $variant,)*
        }

        impl EntryKind {
            /// Every kind, in the order of the documentation.
            pub const ALL: &'static [EntryKind] = &[$(EntryKind::$variant,)*];

            /// Returns the stable name that is written into the ledger.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(EntryKind::$variant => $name,)*
                }
            }
        }
    };
}

kinds! {
    /// A node was created: keys, configuration and an empty store.
    NodeCreated = "node.created",
    /// The first officers were appointed, with the signatures of all of them.
    NodeFounded = "node.founded",
    /// A node began to serve.
    NodeStarted = "node.started",
    /// Store, spool and ledger were reconciled after a start.
    NodeRecovered = "node.recovered",
    /// A node was shut down properly.
    NodeStopped = "node.stopped",
    /// A file of the spool that had been set aside was restored.
    SpoolRestored = "spool.restored",
    /// A file that no row needed, or a payload taken long ago, was removed from the spool.
    SpoolRemoved = "spool.removed",
    /// A partner was enrolled.
    PartnerAdded = "partner.added",
    /// A partner's description, agreement or revocation list changed.
    PartnerChanged = "partner.changed",
    /// A partner was suspended: nothing is sent to it or accepted from it.
    PartnerSuspended = "partner.suspended",
    /// A suspended partner was resumed.
    PartnerResumed = "partner.resumed",
    /// A partner sent a checkpoint of its ledger for the first time: it must send one from now on.
    PartnerWitnessed = "partner.witnessed",
    /// A partner was removed by two officers: it is no longer enrolled, and its keys cannot be enrolled for another
    /// partner.
    PartnerRemoved = "partner.removed",
    /// An officer was enrolled.
    OfficerAdded = "officer.added",
    /// An officer's roles, key or validity changed.
    OfficerChanged = "officer.changed",
    /// An officer was revoked: their approvals are void from now on.
    OfficerRevoked = "officer.revoked",
    /// A release was requested.
    RequestSubmitted = "request.submitted",
    /// A request has the approvals it needs.
    RequestApproved = "request.approved",
    /// An officer refused a request.
    RequestRefused = "request.refused",
    /// A request expired before it was approved.
    RequestExpired = "request.expired",
    /// An officer ordered a recall of what was sent for a request; what was not sent is cancelled.
    RequestRecalled = "request.recalled",
    /// A request was withdrawn by its submitter or an operator.
    RequestCancelled = "request.cancelled",
    /// An officer signed an approval.
    ApprovalGiven = "approval.given",
    /// Somebody signed an approval that is not valid.
    ApprovalVoid = "approval.void",
    /// A release was decided: a cut may be sent to a partner.
    ReleaseDecided = "release.decided",
    /// A release was refused.
    ReleaseRefused = "release.refused",
    /// A release that was permitted no longer is: it waits.
    ReleaseHeld = "release.held",
    /// An outbound exchange was created for one partner of a request.
    ExchangeRequested = "exchange.requested",
    /// A cut was sealed for its partner and queued.
    ExchangeSealed = "exchange.sealed",
    /// An exchange waits in the queue again, after a failed attempt, a hold or a restart.
    ExchangeQueued = "exchange.queued",
    /// An envelope was offered, by this node or by a partner.
    ExchangeOffered = "exchange.offered",
    /// The partner accepted an offer and the payload is being sent.
    ExchangeSent = "exchange.sent",
    /// The partner's receipt arrived: the exchange is complete.
    ExchangeDelivered = "exchange.delivered",
    /// The partner's receipt arrived for an exchange that had been stopped: the partner has the product nevertheless.
    ExchangeDeliveredAfterStop = "exchange.delivered-after-stop",
    /// An exchange was refused, by this node or by the partner.
    ExchangeRefused = "exchange.refused",
    /// The last attempt failed: the exchange waits for an operator.
    ExchangeParked = "exchange.parked",
    /// An exchange was cancelled by an operator.
    ExchangeCancelled = "exchange.cancelled",
    /// An exchange was not delivered before its expiry.
    ExchangeExpired = "exchange.expired",
    /// A partner's offer was accepted and its payload is arriving.
    ExchangeReceiving = "exchange.receiving",
    /// A partner's product is complete, opened, checked and in the inbox.
    ExchangeReceived = "exchange.received",
    /// A partner's product failed a check and is kept apart.
    ExchangeQuarantined = "exchange.quarantined",
    /// This node signed a receipt.
    ExchangeReceipted = "exchange.receipted",
    /// A product was recalled by its sender: this node (outbound) or the partner (inbound).
    ExchangeRecalled = "exchange.recalled",
    /// A later exchange's product replaces this one's.
    ExchangeSuperseded = "exchange.superseded",
    /// A local reader opened a product in the inbox for the first time.
    InboxOpened = "inbox.opened",
    /// An officer admitted a product from quarantine to the inbox; the entry contains the signed statement.
    InboxAdmitted = "inbox.admitted",
    /// A local reader took a product from the inbox.
    InboxTaken = "inbox.taken",
    /// A change that two officers signed took effect; separate entries record what it changed.
    ChangeApplied = "change.applied",
    /// Policy, register or word lists changed.
    PolicyChanged = "policy.changed",
    /// A source's consent was recorded by two officers.
    ConsentRecorded = "consent.recorded",
    /// A source's consent was withdrawn: no release can rely on it any more.
    ConsentWithdrawn = "consent.withdrawn",
    /// Certificates, revocation lists or trust anchors changed.
    TrustChanged = "trust.changed",
    /// Another setting changed.
    SettingChanged = "setting.changed",
    /// Something happened that a person must examine.
    Alarm = "alarm",
}

impl fmt::Display for EntryKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that is not the name of a kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown kind of ledger entry: it was written by a newer version, or is not a ledger entry")]
pub struct UnknownKind;

impl FromStr for EntryKind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<EntryKind, UnknownKind> {
        EntryKind::ALL.iter().copied().find(|kind| kind.as_str() == text).ok_or(UnknownKind)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_distinct_and_parse_back() {
        let names: BTreeSet<&str> = EntryKind::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(names.len(), EntryKind::ALL.len());
        for kind in EntryKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(*kind));
        }
    }

    #[test]
    fn refuses_unknown_kinds() {
        for text in ["", "exchange", "Exchange.sent", "exchange.sent ", "exchange.forgotten"] {
            assert_eq!(text.parse::<EntryKind>(), Err(UnknownKind));
        }
    }
}
