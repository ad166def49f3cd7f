//! Final refusal of an offer whose processing panicked.

use crate::gateway::Node;
use crate::gateway::inbound::answer::Rejection;
use crate::gateway::node::panics::panicked;
use crate::ident::{ExchangeId, PartnerId};
use crate::store::{Direction, Exchange, ExchangeState};
use crate::wire::RefusalCode;

impl Node {
    /// Finally refuses an offer whose processing panicked: what was received is deleted, and an alarm is recorded.
    pub(in crate::gateway) async fn panicked_inbound(
        &self,
        partner: &PartnerId,
        exchange: ExchangeId,
        doing: &'static str,
    ) -> Rejection {
        self.record_panic(exchange, partner, doing).await;
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
