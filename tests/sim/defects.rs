//! Faults planted around the gateway, one a run, to show that a run would find them. None is a switch in the gateway:
//! each is in the store, the network or the clock that the simulation puts under it.

use super::watch::Property;

macro_rules! defects {
    ($($(#[doc = $doc:literal])* $name:ident => $property:expr,)*) => {
        /// A planted fault.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Defect { $($(#[doc = $doc])* $name,)* }

        impl Defect {
            pub const ALL: &'static [(Defect, &'static str)] = &[$((Defect::$name, stringify!($name)),)*];

            /// What must find it; `None` where it does no harm, because what the store says is held against its ledger.
            pub fn property(self) -> Option<Property> {
                match self { $(Defect::$name => $property,)* }
            }
        }
    };
}

defects! {
    /// The store answers a commit before it is durable, so that a receipt can be given for what a crash loses.
    AckBeforeDurable => Some(Property::ReceiptedIsDurable),
    /// The store forgets what was received: its ledger says otherwise, so that nothing is taken, and the offer never ends.
    DoubleInsert => Some(Property::NothingLost),
    /// The decision before the key leaves is not taken.
    GateSkipped => Some(Property::RecordedFirst),
    /// The sender believes whatever prefix the receiver names.
    PrefixUnverified => Some(Property::PrefixHolds),
    /// A claim does not keep another process out.
    LeaseIgnored => Some(Property::SentOnce),
    /// The count of tries begins anew with every failure.
    RetryCounterReset => Some(Property::TriesCounted),
    /// An exchange that was to be parked is not.
    LostPark => Some(Property::ParkedInTheEnd),
    /// A crash loses what was queued.
    OutboxLost => Some(Property::NothingLost),
    /// A crash in a commit leaves its rows without its entries.
    TornCommit => Some(Property::LedgerHolds),
    /// Some changes are written without an entry.
    UnloggedChange => Some(Property::RecordedFirst),
    /// Two entries change places after they were signed for.
    OutOfOrder => Some(Property::LedgerHolds),
    /// The entry about an offer is written some time after the offer was made.
    EntryAfterEffect => Some(Property::RecordedFirst),
    /// A start removes files from the spool that are still needed.
    SweptAtStart => Some(Property::WaitingIsWhole),
    /// A short payload is not kept with the row that it came with.
    PayloadForgotten => Some(Property::WaitingIsWhole),
    /// A repeated offer is answered with a receipt made anew.
    ReplayNewReceipt => Some(Property::OneReceipt),
    /// A delivery that failed is answered with a receipt.
    ReceiptForFailure => Some(Property::ReceiptedIsDurable),
    /// Time runs so slowly for the nodes that nothing expires.
    ExpiryIgnored => Some(Property::InTime),
    /// A suspended partner is still taken for an active one.
    SuspensionIgnored => None,
    /// A revoked officer's approval still counts.
    RevocationIgnored => None,
    /// What is known to be delivered is not put on record.
    DeliveryForgotten => Some(Property::NothingLost),
    /// What officers order to be stopped is sent on.
    StopIgnored => Some(Property::StopHolds),
    /// A receipt that comes for what was stopped is thrown away.
    ReceiptDropped => Some(Property::BothSidesAgree),
    /// What opens a payload leaves before the decision whether it may.
    KeySentEarly => Some(Property::RecordedFirst),
    /// What of a payload is read back after a sync that failed counts as written again.
    PrefixTrusted => Some(Property::ReceiptedIsDurable),
    /// The store's log is gone on with as it is read back after a sync that failed.
    WalTrusted => Some(Property::ReceiptedIsDurable),
    /// A commit of which nobody knows whether it is there is said not to be.
    BrokenTakenForFailed => Some(Property::WaitingIsWhole),
}
