//! The kinds of ledger entry. Their names are part of the format: they are added to, never changed or reused.

use std::fmt;
use std::str::FromStr;

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// What a ledger entry records. An unknown kind is refused, so that an old verifier never calls a ledger good
        /// that says things it does not understand.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[non_exhaustive]
        pub enum EntryKind {
            $($(#[$doc])* $variant,)*
        }

        impl EntryKind {
            /// Every kind, in the order they are listed in the documentation.
            pub const ALL: &'static [EntryKind] = &[$(EntryKind::$variant,)*];

            /// The stable name that is written into the ledger.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(EntryKind::$variant => $name,)*
                }
            }
        }
    };
}

kinds! {
    /// A node was made: keys, configuration and an empty store.
    NodeCreated = "node.created",
    /// The first officers were appointed together, by everybody's signature.
    NodeFounded = "node.founded",
    /// A node began to serve.
    NodeStarted = "node.started",
    /// Store, spool and ledger were reconciled after a start.
    NodeRecovered = "node.recovered",
    /// A node stopped in order.
    NodeStopped = "node.stopped",
    /// A file of the spool that had been set aside was put back.
    SpoolRestored = "spool.restored",
    /// What no row needed, or what was taken long ago, was removed from the spool.
    SpoolRemoved = "spool.removed",
    /// A partner was enrolled.
    PartnerAdded = "partner.added",
    /// A partner's description, agreement or revocation list changed.
    PartnerChanged = "partner.changed",
    /// A partner was suspended: nothing goes to or comes from it.
    PartnerSuspended = "partner.suspended",
    /// A suspended partner was let in again.
    PartnerResumed = "partner.resumed",
    /// A partner showed a head of its ledger for the first time: it must show one from now on.
    PartnerWitnessed = "partner.witnessed",
    /// A partner was removed by two officers: it is enrolled no more, and its keys stay its own.
    PartnerRemoved = "partner.removed",
    /// An officer was enrolled.
    OfficerAdded = "officer.added",
    /// An officer's roles, key or validity changed.
    OfficerChanged = "officer.changed",
    /// An officer was revoked: their approvals are void from now on.
    OfficerRevoked = "officer.revoked",
    /// A release was asked for.
    RequestSubmitted = "request.submitted",
    /// A request has the approvals it needs.
    RequestApproved = "request.approved",
    /// An officer refused a request.
    RequestRefused = "request.refused",
    /// A request ran out before it was approved.
    RequestExpired = "request.expired",
    /// An officer ordered that what left for a request be withdrawn, and what did not leave be cancelled.
    RequestRecalled = "request.recalled",
    /// A request was withdrawn by its submitter or an operator.
    RequestCancelled = "request.cancelled",
    /// An officer signed an approval.
    ApprovalGiven = "approval.given",
    /// Somebody signed an approval that does not count.
    ApprovalVoid = "approval.void",
    /// A release was decided: a cut may go to a partner.
    ReleaseDecided = "release.decided",
    /// A release was decided against.
    ReleaseRefused = "release.refused",
    /// A release that was permitted is so no longer: it waits.
    ReleaseHeld = "release.held",
    /// An outbound exchange was opened for one partner of a request.
    ExchangeRequested = "exchange.requested",
    /// A cut was sealed for its partner and queued.
    ExchangeSealed = "exchange.sealed",
    /// An exchange waits in the queue again, after a failed try, a hold or a restart.
    ExchangeQueued = "exchange.queued",
    /// An envelope was offered: by us, or by a partner to us.
    ExchangeOffered = "exchange.offered",
    /// The partner accepted an offer and the payload is being sent.
    ExchangeSent = "exchange.sent",
    /// The partner's receipt arrived: the exchange is complete.
    ExchangeDelivered = "exchange.delivered",
    /// The partner's receipt arrived for an exchange that had been stopped: it has what it was not to have.
    ExchangeDeliveredAfterStop = "exchange.delivered-after-stop",
    /// An exchange was refused, by us or by the partner.
    ExchangeRefused = "exchange.refused",
    /// The last try failed: the exchange waits for an operator.
    ExchangeParked = "exchange.parked",
    /// An exchange was cancelled by an operator.
    ExchangeCancelled = "exchange.cancelled",
    /// An exchange was not delivered before its expiry.
    ExchangeExpired = "exchange.expired",
    /// A partner's offer was accepted and its payload is arriving.
    ExchangeReceiving = "exchange.receiving",
    /// A partner's product is whole, opened, checked and in the inbox.
    ExchangeReceived = "exchange.received",
    /// A partner's product failed a check and is kept apart.
    ExchangeQuarantined = "exchange.quarantined",
    /// We signed a receipt.
    ExchangeReceipted = "exchange.receipted",
    /// A product was withdrawn by whoever sent it: by us (out), or by the partner (in).
    ExchangeRecalled = "exchange.recalled",
    /// A later exchange's product takes the place of this one's.
    ExchangeSuperseded = "exchange.superseded",
    /// A local reader was shown a product in the inbox for the first time.
    InboxOpened = "inbox.opened",
    /// An officer admitted a product from quarantine to the inbox; the entry holds the signed statement.
    InboxAdmitted = "inbox.admitted",
    /// A local reader took a product from the inbox.
    InboxTaken = "inbox.taken",
    /// A change that two officers signed took effect; the entries about what it changed stand beside it.
    ChangeApplied = "change.applied",
    /// Policy, register or word lists changed.
    PolicyChanged = "policy.changed",
    /// A consent of a source was put on record by two officers.
    ConsentRecorded = "consent.recorded",
    /// A consent of a source was withdrawn: nothing rests on it any more.
    ConsentWithdrawn = "consent.withdrawn",
    /// Certificates, revocation lists or trust anchors changed.
    TrustChanged = "trust.changed",
    /// Another setting changed.
    SettingChanged = "setting.changed",
    /// Something happened that a person must look at.
    Alarm = "alarm",
}

impl fmt::Display for EntryKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A name that is no kind of ledger entry.
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
