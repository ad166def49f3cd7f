//! Refused offers: recorded so that an operator sees them, and bounded, so that repeated offers fill nothing.
//!
//! It does not record temporary refusals, and never changes a row about anything else.

use crate::gateway::inbound::answer::Rejection;

use crate::edge::Refusal;
use crate::gateway::views::operator::RefusedOffer;
use crate::gateway::{GatewayError, Node};
use crate::ident::{ExchangeId, PartnerId};
use crate::ledger::{Entry, EntryKind};
use crate::store::{Direction, Exchange, ExchangeFilter, ExchangeState, StoreError};
use crate::time::Time;
use crate::wire::RefusalCode;

/// How many changed reasons for refusing an offer are recorded in the ledger.
const ENTRIES_MAX: u32 = 8;
/// How long a refused offer is listed.
const SHOWN: std::time::Duration = std::time::Duration::from_secs(86_400);
/// Maximum number listed.
const SHOWN_MAX: u32 = 100;

impl Node {
    /// Records that an offer was finally refused. The first time this writes a ledger entry and a row; later it is
    /// counted. If recording fails, only the log has it: the partner is refused anyway.
    pub(in crate::gateway) async fn record_refused_offer(
        &self,
        partner: &PartnerId,
        exchange: ExchangeId,
        not: &Rejection,
    ) {
        if not.code.retryable() {
            return;
        }
        match self.try_record_refused_offer(partner, exchange, not).await {
            // Another offer of the same number was recorded meanwhile, or today's limit was reached.
            Ok(()) | Err(GatewayError::Store(StoreError::Conflict { .. } | StoreError::Quota { .. })) => {}
            Err(error) => {
                tracing::error!(partner.id = %partner, exchange.id = %exchange, error = %error, "a refused offer is not on record");
            }
        }
    }

    async fn try_record_refused_offer(
        &self,
        partner: &PartnerId,
        exchange: ExchangeId,
        not: &Rejection,
    ) -> Result<(), GatewayError> {
        let (now, code) = (self.now(), not.code.number().to_string());
        let entry = Entry::new(now, EntryKind::ExchangeRefused, exchange, partner)
            .with("code", not.code.number())
            .with("why", &not.why);
        let Some(mut row) = self.store().exchange(&exchange).await? else {
            let row = refused(exchange, partner, now, &code, &not.why);
            // A partner that has used up its quota of exchanges gets no more of them recorded.
            let counted = self.spend(self.participants().await?.partner(partner)?, Direction::In, 0);
            return self.commit(vec![row.into(), counted], vec![entry]).await;
        };
        let offered = row.direction == Direction::In && row.partner == *partner;
        if !offered || row.state != ExchangeState::Refused {
            // The number is in use. Its misuse is recorded once.
            let said = |e: &crate::store::IndexedEntry| {
                e.entry.kind() == EntryKind::ExchangeRefused && e.entry.actor() == partner.as_str()
            };
            let known = self.store().entries_about(&exchange.to_string()).await?.iter().any(said);
            return if known { Ok(()) } else { self.record(vec![entry]).await };
        }
        let again = row.refusal.as_ref() == Some(&code) || row.attempts > ENTRIES_MAX;
        row.attempts = row.attempts.saturating_add(1);
        row.updated = now;
        if again {
            return self.commit(vec![row.into()], Vec::new()).await;
        }
        (row.refusal, row.reason) = (Some(code), Some(not.why.clone()));
        self.commit(vec![row.into()], vec![entry]).await
    }

    /// Offers of the last day that were finally refused, newest first.
    ///
    /// # Errors
    /// [`GatewayError`] if the store cannot be read.
    pub async fn refused_offers(&self) -> Result<Vec<RefusedOffer>, GatewayError> {
        let filter = ExchangeFilter {
            direction: Some(Direction::In),
            states: [ExchangeState::Refused].into(),
            limit: SHOWN_MAX,
            ..ExchangeFilter::default()
        };
        let now = self.now();
        let rows = self.store().exchanges(&filter).await?;
        let offers = rows.iter().filter(|row| now.since(row.updated) < SHOWN).map(|row| {
            let code = row.refusal.as_deref().and_then(|code| RefusalCode::try_from(code.parse::<u16>().ok()?).ok());
            RefusedOffer {
                exchange: row.id.to_string(),
                partner: row.partner.to_string(),
                times: row.attempts.max(1),
                code: code.map(|code| code.to_string()).unwrap_or_default(),
                why: row.reason.clone().unwrap_or_default(),
                last: row.updated.to_string(),
            }
        });
        Ok(offers.collect())
    }
}

/// The row of an offer refused before anything was accepted. Nothing that its partner states is trusted.
fn refused(id: ExchangeId, partner: &PartnerId, now: Time, code: &str, why: &str) -> Exchange {
    let mut row = Exchange::new(id, Direction::In, partner.clone(), ExchangeState::Refused, now, now);
    row.attempts = 1;
    row.refusal = Some(code.to_owned());
    row.reason = Some(why.to_owned());
    row
}

impl Node {
    /// The refusal that a partner receives; the reason is written to our own log, a few times a minute for each code.
    pub(in crate::gateway) fn refusal_for(
        &self,
        partner: &PartnerId,
        exchange: ExchangeId,
        not: &Rejection,
    ) -> Refusal {
        let code = not.code.number();
        if let Some(suppressed) = self.rejection_log().admit(&format!("{partner} {code}"), "offer rejected", self.now())
        {
            tracing::warn!(partner.id = %partner, exchange.id = %exchange, code, why = not.why, suppressed, "offer rejected");
        }
        Refusal { code: not.code, retry_after: not.retry_after }
    }
}
