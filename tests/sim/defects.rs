//! Faults planted around the gateway, one a run, to show that a run would find them. None is a switch in the gateway:
//! each is in the store, the network or the clock that the simulation puts under it.

macro_rules! defects {
    ($($(#[doc = $doc:literal])* $name:ident,)*) => {
        /// A planted fault.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Defect { $($(#[doc = $doc])* $name,)* }

        impl Defect {
            pub const ALL: &'static [(Defect, &'static str)] = &[$((Defect::$name, stringify!($name)),)*];
        }
    };
}

defects! {
    /// The store answers a commit before it is durable, so that a receipt can be given for what a crash loses.
    AckBeforeDurable,
    /// An offer of what was received is not recognised, and replaces it: the product arrives a second time.
    DoubleInsert,
    /// The decision before the key leaves is not taken.
    GateSkipped,
    /// The sender believes whatever prefix the receiver names.
    PrefixUnverified,
    /// A claim does not keep another process out.
    LeaseIgnored,
    /// The count of tries begins anew with every failure.
    RetryCounterReset,
    /// An exchange that was to be parked is not.
    LostPark,
    /// A crash loses what was queued.
    OutboxLost,
    /// A crash in a commit leaves its rows without its entries.
    TornCommit,
    /// Some changes are written without an entry.
    UnloggedChange,
    /// Two entries change places after they were signed for.
    OutOfOrder,
    /// The entry about an offer is written some time after the offer was made.
    EntryAfterEffect,
    /// A start removes files from the spool that are still needed.
    SweptAtStart,
    /// A short payload is not kept with the row that it came with.
    PayloadForgotten,
    /// A repeated offer is answered with a receipt made anew.
    ReplayNewReceipt,
    /// A delivery that failed is answered with a receipt.
    ReceiptForFailure,
    /// Time runs so slowly for the nodes that nothing expires.
    ExpiryIgnored,
    /// A suspended partner is still taken for an active one.
    SuspensionIgnored,
    /// A revoked officer's approval still counts.
    RevocationIgnored,
    /// What is known to be delivered is not put on record.
    DeliveryForgotten,
    /// What officers order to be stopped is sent on.
    StopIgnored,
    /// A receipt that comes for what was stopped is thrown away.
    ReceiptDropped,
    /// What opens a payload leaves before the decision whether it may.
    KeySentEarly,
    /// What of a payload is read back after a sync that failed counts as written again.
    PrefixTrusted,
    /// The store's log is gone on with as it is read back after a sync that failed.
    WalTrusted,
    /// A commit of which nobody knows whether it is there is said not to be.
    BrokenTakenForFailed,
}
