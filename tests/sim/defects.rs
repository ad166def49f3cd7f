//! Faults planted around the gateway, one a run, to show that a run would find them. None is a switch in the gateway:
//! each is in the store, the network, the edge or the clock that the simulation puts around it. A store that says of a partner or an officer what its
//! ledger does not say, or that takes a commit after what it stands on has moved, is not among them: nobody believes it
//! (`tests/store/altered.rs`, `tests/outbound/gates.rs`, `tests/mutants`).

use super::budget;
use super::watch::Property;

macro_rules! defects {
    ($($(#[doc = $doc:literal])* $name:ident => $property:expr, $seed:literal;)*) => {
        /// A planted fault.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Defect { $($(#[doc = $doc])* $name,)* }

        impl Defect {
            pub const ALL: &'static [(Defect, &'static str)] = &[$((Defect::$name, stringify!($name)),)*];

            /// What must find it.
            pub fn property(self) -> Property {
                match self { $(Defect::$name => $property,)* }
            }

            /// The seed that found it last, which is tried first: it saves time, and no more.
            pub fn seed(self) -> u64 {
                match self { $(Defect::$name => $seed,)* }
            }
        }
    };
}

defects! {
    /// The store answers a commit before it is durable, so that a receipt can be given for what a crash loses.
    AckBeforeDurable => Property::ReceiptedIsDurable, 8;
    /// The store forgets what was received: its ledger says otherwise, so that nothing is taken, and the offer never ends.
    DoubleInsert => Property::NothingLost, 1;
    /// The decision before the key leaves is not taken.
    GateSkipped => Property::RecordedFirst, 0;
    /// The sender believes whatever prefix the receiver names.
    PrefixUnverified => Property::PrefixHolds, 2;
    /// A claim does not keep another process out.
    LeaseIgnored => Property::SentOnce, 8;
    /// The count of tries begins anew with every failure.
    RetryCounterReset => Property::TriesCounted, 0;
    /// An exchange that was to be parked is not.
    LostPark => Property::ParkedInTheEnd, 0;
    /// A crash loses what was queued.
    OutboxLost => Property::NothingLost, 0;
    /// A crash in a commit leaves its rows without its entries.
    TornCommit => Property::LedgerHolds, 3;
    /// Some changes are written without an entry.
    UnloggedChange => Property::RecordedFirst, 0;
    /// Two entries change places after they were signed for.
    OutOfOrder => Property::LedgerHolds, 0;
    /// The entry about an offer is written some time after the offer was made.
    EntryAfterEffect => Property::RecordedFirst, 0;
    /// A start removes files from the spool that are still needed.
    SweptAtStart => Property::WaitingIsWhole, 1;
    /// A short payload is not kept with the row that it came with.
    PayloadForgotten => Property::WaitingIsWhole, 1;
    /// A repeated offer is answered with a receipt made anew.
    ReplayNewReceipt => Property::OneReceipt, 1;
    /// A delivery that failed is answered with a receipt.
    ReceiptForFailure => Property::ReceiptedIsDurable, 9;
    /// Time runs so slowly for the nodes that nothing expires.
    ExpiryIgnored => Property::InTime, 0;
    /// What is known to be delivered is not put on record.
    DeliveryForgotten => Property::NothingLost, 0;
    /// A receipt that comes for what was stopped is thrown away.
    ReceiptDropped => Property::NothingLost, 20;
    /// What opens a payload leaves before the decision whether it may.
    KeySentEarly => Property::RecordedFirst, 0;
    /// What of a payload is read back after a sync that failed counts as written again.
    PrefixTrusted => Property::ReceiptedIsDurable, 2;
    /// The store's log is gone on with as it is read back after a sync that failed.
    WalTrusted => Property::ReceiptedIsDurable, 8;
    /// A commit of which nobody knows whether it is there is said not to be.
    BrokenTakenForFailed => Property::WaitingIsWhole, 5;
    /// Pings are answered however many there are.
    PingsUncounted => Property::HostileBounded, 3;
    /// A control stream is read on while answers wait for a partner that takes none.
    ReadsWhileItWaits => Property::HostileBounded, 0;
    /// A link survives any number of streams of what is no frame.
    GarbageForgiven => Property::HostileBounded, 0;
    /// More offers are judged than the agreement allows in a minute.
    OfferRateIgnored => Property::HostileBounded, 0;
    /// More exchanges are open than the agreement allows at once.
    ConcurrencyIgnored => Property::HostileBounded, 0;
    /// What was offered does not count against the day.
    QuotaIgnored => Property::HostileBounded, 0;
    /// What a refused offer said stands on record as a reason of ours.
    ItsWordsKept => Property::HostileBounded, 0;
    /// Nobody looks after what was abandoned.
    AbandonedKept => Property::HostileBounded, 0;
    /// What is arriving already is not found when a share is judged.
    ShareIgnored => Property::HostileBounded, 0;
}
