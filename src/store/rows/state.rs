//! The states of an exchange, and the table of transitions between them.

use super::words::words;

words! {
    /// The direction of an exchange.
    Direction {
        /// From us to the partner.
        Out = "out",
        /// From the partner to us.
        In = "in",
    }
}

words! {
    /// The state of an exchange. The possible states and transitions depend on its direction: see [`is_legal_transition`].
    ExchangeState {
        /// Out: requested; waits for approvals.
        Requested = "requested",
        /// Out: not permitted at present; waits for a change of policy or agreement, or for an officer.
        Held = "held",
        /// Out: approved, not yet sealed.
        Approved = "approved",
        /// Out: sealed; waits to be sent.
        Queued = "queued",
        /// Out: offered or being sent.
        Sending = "sending",
        /// Out: the partner's receipt arrived. Final.
        Delivered = "delivered",
        /// Out: the partner's receipt arrived after the exchange had been stopped. Final.
        DeliveredAfterStop = "delivered-after-stop",
        /// Out: refused by this node or the partner; final. In: refused, nothing is kept; may be offered again.
        Refused = "refused",
        /// Out: all attempts failed, or an internal error ended the work on it; waits for an operator.
        Parked = "parked",
        /// Out: cancelled by an operator.
        Cancelled = "cancelled",
        /// Out: not delivered before its expiry.
        Expired = "expired",
        /// In: the manifest is accepted; no payload byte yet.
        Offered = "offered",
        /// In: the payload is arriving in the spool.
        Receiving = "receiving",
        /// In: complete, opened, checked and in the inbox.
        Received = "received",
        /// In: taken from the inbox. Final.
        Taken = "taken",
        /// In: complete, but failed a check; kept apart.
        Quarantined = "quarantined",
    }
}

impl ExchangeState {
    /// States in which the partner has signed a receipt.
    pub const DELIVERED: &'static [ExchangeState] = &[ExchangeState::Delivered, ExchangeState::DeliveredAfterStop];
    /// States in which an outbound exchange is stopped, at least for now.
    pub const STOPPED: &'static [ExchangeState] =
        &[ExchangeState::Held, ExchangeState::Refused, ExchangeState::Cancelled, ExchangeState::Expired];
}

/// Returns whether an exchange may go from state `from` to state `to`; `None` as `from` means that its row is
/// created.
///
/// A receipt proves that the partner has the product, whatever this node decided in the meantime. So every outbound
/// state in which an offer may have been made can still become delivered; where the exchange had been stopped, the
/// state says so. A refused inbound exchange does not count as received, so it may be offered again.
pub const fn is_legal_transition(direction: Direction, from: Option<ExchangeState>, to: ExchangeState) -> bool {
    use ExchangeState as S;
    match direction {
        Direction::Out => match from {
            None => matches!(to, S::Requested | S::Held | S::Refused),
            Some(S::Requested) => {
                matches!(to, S::Held | S::Approved | S::Queued | S::Refused | S::Parked | S::Cancelled | S::Expired)
            }
            Some(S::Approved) => matches!(to, S::Held | S::Queued | S::Refused | S::Parked | S::Cancelled | S::Expired),
            Some(S::Held) => matches!(
                to,
                S::Requested
                    | S::Approved
                    | S::Queued
                    | S::DeliveredAfterStop
                    | S::Refused
                    | S::Parked
                    | S::Cancelled
                    | S::Expired
            ),
            Some(S::Queued) => matches!(
                to,
                S::Sending
                    | S::Held
                    | S::Delivered
                    | S::DeliveredAfterStop
                    | S::Refused
                    | S::Parked
                    | S::Cancelled
                    | S::Expired
            ),
            Some(S::Sending) => matches!(
                to,
                S::Queued
                    | S::Held
                    | S::Delivered
                    | S::DeliveredAfterStop
                    | S::Refused
                    | S::Parked
                    | S::Cancelled
                    | S::Expired
            ),
            Some(S::Parked) => {
                matches!(to, S::Queued | S::Held | S::DeliveredAfterStop | S::Refused | S::Cancelled | S::Expired)
            }
            Some(S::Refused | S::Cancelled | S::Expired) => matches!(to, S::DeliveredAfterStop),
            Some(_) => false,
        },
        Direction::In => match from {
            None => matches!(to, S::Offered | S::Receiving | S::Received | S::Quarantined | S::Refused),
            Some(S::Offered) => matches!(to, S::Receiving | S::Received | S::Quarantined | S::Refused),
            Some(S::Receiving) => matches!(to, S::Offered | S::Received | S::Quarantined | S::Refused),
            Some(S::Received) => matches!(to, S::Taken | S::Quarantined),
            Some(S::Quarantined) => matches!(to, S::Received | S::Refused),
            Some(S::Refused) => matches!(to, S::Offered | S::Receiving | S::Received | S::Quarantined),
            Some(_) => false,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUT: [ExchangeState; 11] = [
        ExchangeState::Requested,
        ExchangeState::Held,
        ExchangeState::Approved,
        ExchangeState::Queued,
        ExchangeState::Sending,
        ExchangeState::Delivered,
        ExchangeState::DeliveredAfterStop,
        ExchangeState::Refused,
        ExchangeState::Parked,
        ExchangeState::Cancelled,
        ExchangeState::Expired,
    ];
    const IN: [ExchangeState; 6] = [
        ExchangeState::Offered,
        ExchangeState::Receiving,
        ExchangeState::Received,
        ExchangeState::Taken,
        ExchangeState::Quarantined,
        ExchangeState::Refused,
    ];

    fn steps(direction: Direction, from: ExchangeState) -> Vec<ExchangeState> {
        ExchangeState::ALL.iter().copied().filter(|to| is_legal_transition(direction, Some(from), *to)).collect()
    }

    #[test]
    fn the_table_is_exactly_this() {
        use ExchangeState as S;
        let out: [(S, &[S]); 11] = [
            (S::Requested, &[S::Held, S::Approved, S::Queued, S::Refused, S::Parked, S::Cancelled, S::Expired]),
            (
                S::Held,
                &[
                    S::Requested,
                    S::Approved,
                    S::Queued,
                    S::DeliveredAfterStop,
                    S::Refused,
                    S::Parked,
                    S::Cancelled,
                    S::Expired,
                ],
            ),
            (S::Approved, &[S::Held, S::Queued, S::Refused, S::Parked, S::Cancelled, S::Expired]),
            (
                S::Queued,
                &[
                    S::Held,
                    S::Sending,
                    S::Delivered,
                    S::DeliveredAfterStop,
                    S::Refused,
                    S::Parked,
                    S::Cancelled,
                    S::Expired,
                ],
            ),
            (
                S::Sending,
                &[
                    S::Held,
                    S::Queued,
                    S::Delivered,
                    S::DeliveredAfterStop,
                    S::Refused,
                    S::Parked,
                    S::Cancelled,
                    S::Expired,
                ],
            ),
            (S::Delivered, &[]),
            (S::DeliveredAfterStop, &[]),
            (S::Refused, &[S::DeliveredAfterStop]),
            (S::Parked, &[S::Held, S::Queued, S::DeliveredAfterStop, S::Refused, S::Cancelled, S::Expired]),
            (S::Cancelled, &[S::DeliveredAfterStop]),
            (S::Expired, &[S::DeliveredAfterStop]),
        ];
        for (from, to) in out {
            assert_eq!(steps(Direction::Out, from), to, "out from {from}");
        }
        let inward: [(S, &[S]); 6] = [
            (S::Offered, &[S::Refused, S::Receiving, S::Received, S::Quarantined]),
            (S::Receiving, &[S::Refused, S::Offered, S::Received, S::Quarantined]),
            (S::Received, &[S::Taken, S::Quarantined]),
            (S::Taken, &[]),
            (S::Quarantined, &[S::Refused, S::Received]),
            (S::Refused, &[S::Offered, S::Receiving, S::Received, S::Quarantined]),
        ];
        for (from, to) in inward {
            assert_eq!(steps(Direction::In, from), to, "in from {from}");
        }
    }

    #[test]
    fn no_step_leads_to_a_state_of_the_other_direction_or_to_itself() {
        for from in ExchangeState::ALL {
            assert!(steps(Direction::Out, *from).iter().all(|to| OUT.contains(to) && to != from));
            assert!(steps(Direction::In, *from).iter().all(|to| IN.contains(to) && to != from));
            if !OUT.contains(from) {
                assert!(steps(Direction::Out, *from).is_empty());
            }
            if !IN.contains(from) {
                assert!(steps(Direction::In, *from).is_empty());
            }
        }
    }

    #[test]
    fn delivered_and_taken_are_final() {
        assert!(ExchangeState::DELIVERED.iter().all(|state| steps(Direction::Out, *state).is_empty()));
        assert!(steps(Direction::In, ExchangeState::Taken).is_empty());
    }
}
