//! A partner recalls or replaces what it sent: the inbox shows it before the receipt is given, and the receipt says
//! how far the product had been used.

use crate::envelope::{Handled, Handling, Manifest, Recall};
use crate::gateway::inbound::answer::ReceivedPayload;
use crate::gateway::inbound::answer::Rejection;
use crate::gateway::inbound::receipt::OPENED;
use crate::gateway::{GatewayError, Node};
use crate::ident::{ExchangeId, PartnerId};
use crate::ledger::{Entry, EntryKind};
use crate::partner::Partner;
use crate::sign::Signed;
use crate::store::{Change, Direction, Exchange, ExchangeFilter, ExchangeKind, ExchangeState, Recalled, StoreError};
use crate::wire::RefusalCode;

impl Node {
    /// Whether this partner has recalled what `exchange` carries or would carry.
    pub(in crate::gateway) async fn is_recalled_by_sender(
        &self,
        partner: &PartnerId,
        exchange: ExchangeId,
    ) -> Result<bool, GatewayError> {
        let filter = ExchangeFilter {
            direction: Some(Direction::In),
            kind: Some(ExchangeKind::Recall),
            states: [ExchangeState::Received, ExchangeState::Taken].into(),
            about: Some(exchange),
            partner: Some(partner.clone()),
            ..ExchangeFilter::default()
        };
        Ok(!self.store().exchanges(&filter).await?.is_empty())
    }

    /// Refuses what its sender recalled before it had arrived, and stores none of it.
    pub(in crate::gateway) async fn refuse_withdrawn(&self, row: Exchange) -> Rejection {
        match self.ended_by_sender(row, "recalled by the partner").await {
            Ok(()) => Rejection::new(RefusalCode::Withdrawn, "the partner recalled it before it had arrived"),
            Err(error) => error.into(),
        }
    }

    /// Records that a partner cancelled a transfer that it had begun. It may offer it again.
    pub(in crate::gateway) async fn record_cancellation(
        &self,
        partner: &PartnerId,
        exchange: ExchangeId,
    ) -> Result<(), GatewayError> {
        let arriving = |row: &Exchange| matches!(row.state, ExchangeState::Offered | ExchangeState::Receiving);
        let own = |row: &Exchange| row.direction == Direction::In && row.partner == *partner && arriving(row);
        while let Some(row) = self.store().exchange(&exchange).await?.filter(own) {
            match self.ended_by_sender(row, "taken back by the partner").await {
                // Its recall notice arrived at the same moment and changed the row.
                Err(GatewayError::Store(StoreError::Conflict { .. })) => {}
                ended => return ended,
            }
        }
        Ok(())
    }

    /// Ends an unfinished exchange at its sender's request.
    async fn ended_by_sender(&self, mut row: Exchange, why: &str) -> Result<(), GatewayError> {
        let now = self.now();
        let payload = row.payload.take();
        row.state = ExchangeState::Refused;
        row.updated = now;
        row.reason = Some(format!("{why} before it had arrived"));
        let entry = Entry::new(now, EntryKind::ExchangeRefused, row.id, &row.partner).with("why", why);
        self.commit(vec![row.into()], vec![entry]).await?;
        if let Some(payload) = payload {
            let _ = self.spool().remove(payload.spool).await;
        }
        Ok(())
    }

    /// Processes a complete recall notice: its product is marked in the commit that records the recall.
    pub(in crate::gateway) async fn receive_recall(
        &self,
        partner: &Partner,
        ReceivedPayload { mut row, short }: ReceivedPayload,
        manifest: &Manifest,
        payload: &[u8],
    ) -> Result<Vec<u8>, Rejection> {
        let checked = Signed::<Recall>::verify(payload, &partner.description.signing_key)
            .map_err(|e| e.to_string())
            .and_then(|recall| {
                recall.statement().belongs_to(recall.digest(), manifest).map(|()| recall).map_err(|e| e.to_string())
            });
        let recall = match checked {
            Ok(recall) => recall,
            Err(why) => return Err(self.not_opened(row, &why, None).await),
        };
        let (now, said) = (self.now(), recall.statement());
        let proof = said.proof(recall.digest());
        row.state = ExchangeState::Received;
        row.updated = now;
        let received = Entry::new(now, EntryKind::ExchangeReceived, row.id, &partner.id)
            .with("recalls", said.exchange)
            .with("statement", recall.digest())
            .with(OPENED, proof);
        let (mut more, mut entries) = (Vec::new(), vec![received]);
        match self.store().exchange(&said.exchange).await? {
            // The first recall counts; a second is receipted and changes nothing.
            Some(earlier) if is_theirs(&earlier, &partner.id) && earlier.recalled.is_some() => {}
            Some(mut earlier) if is_theirs(&earlier, &partner.id) => {
                earlier.recalled = Some(Recalled { at: now, why: said.why.to_string() });
                entries.push(
                    Entry::new(now, EntryKind::ExchangeRecalled, earlier.id, &partner.id)
                        .with("why", said.why)
                        .with("notice", row.id),
                );
                more.push(earlier.into());
            }
            Some(other) => {
                // Answered like an unknown one, so that a partner learns nothing of others' numbers.
                entries.push(
                    Entry::new(now, EntryKind::Alarm, row.id, &partner.id)
                        .with("why", "recall of an exchange that is not this partner's")
                        .with("recalls", other.id),
                );
                tracing::error!(partner.id = %partner.id, exchange.id = %other.id, "recall of an exchange that is not this partner's");
            }
            None => {}
        }
        tracing::warn!(partner.id = %partner.id, exchange.id = %said.exchange, why = %said.why, "recalled by the partner");
        self.durable_then_receipt(ReceivedPayload { row, short }, more, entries, proof).await
    }

    /// What an accepted product changes: the one it replaces, and itself if its own replacement came first.
    pub(in crate::gateway) async fn apply_replacement(
        &self,
        row: &mut Exchange,
        changes: &mut Vec<Change>,
        entries: &mut Vec<Entry>,
    ) -> Result<(), GatewayError> {
        let now = self.now();
        row.superseded_by = self.replacement(row.id, Direction::In, &row.partner).await?;
        let Some(about) = row.about else { return Ok(()) };
        let Some(mut earlier) = self.store().exchange(&about).await? else { return Ok(()) };
        if is_theirs(&earlier, &row.partner) {
            earlier.superseded_by = Some(row.id);
            entries.push(Entry::new(now, EntryKind::ExchangeSuperseded, earlier.id, &row.partner).with("by", row.id));
            changes.push(earlier.into());
        }
        Ok(())
    }

    /// How far the product that an exchange from this partner recalls or replaces had been used here.
    pub(in crate::gateway) async fn handled(&self, row: &Exchange) -> Result<Option<Handled>, GatewayError> {
        let accepted = matches!(row.state, ExchangeState::Received | ExchangeState::Taken);
        let Some(exchange) = row.about.filter(|_| accepted) else { return Ok(None) };
        let earlier = self.store().exchange(&exchange).await?.filter(|earlier| is_theirs(earlier, &row.partner));
        let (handling, since) = match &earlier {
            Some(Exchange { state: ExchangeState::Taken, taken, .. }) => (Handling::Taken, *taken),
            Some(Exchange { state: ExchangeState::Received, opened: Some(opened), .. }) => {
                (Handling::Opened, Some(*opened))
            }
            Some(Exchange { state: ExchangeState::Received, .. }) => (Handling::Unopened, None),
            Some(Exchange { state: ExchangeState::Quarantined, .. }) => (Handling::SetAside, None),
            _ => (Handling::NotHere, None),
        };
        Ok(Some(Handled { exchange, handling, since_ms: since.map(crate::time::Time::unix_ms) }))
    }
}

/// Whether an exchange brought, or was to bring, a product from this partner.
fn is_theirs(row: &Exchange, partner: &PartnerId) -> bool {
    row.direction == Direction::In && row.kind == ExchangeKind::Product && row.partner == *partner
}
