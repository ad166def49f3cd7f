//! An offer over which there was a panic is refused for good.

use crate::gateway::Node;
use crate::gateway::inbound::answer::Rejection;
use crate::gateway::node::panics::panicked;
use crate::ident::{ExchangeId, PartnerId};
use crate::store::{Direction, Exchange, ExchangeState};
use crate::wire::RefusalCode;

impl Node {
    /// Refuses, for good, an offer over which there was a panic: what was received of it is let go of, and an alarm is on
    /// record.
    pub(in crate::gateway) async fn panicked_inbound(
        &self,
        partner: &PartnerId,
        exchange: ExchangeId,
        doing: &'static str,
    ) -> Rejection {
        self.panicked_over(exchange, partner, doing).await;
        let row = self.store().exchange(&exchange).await.ok().flatten();
        let arriving = |row: &Exchange| {
            row.direction == Direction::In
                && row.partner == *partner
                && matches!(row.state, ExchangeState::Offered | ExchangeState::Receiving)
        };
        match row.filter(arriving) {
            Some(row) => self.not_opened(row, &panicked(doing), None).await,
            None => Rejection::new(RefusalCode::Refused, panicked(doing)),
        }
    }
}
