//! One delivery attempt: decide again, claim, offer, send; what becomes of it is put on record by [`super::outcome`].

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::flow::observed;
use super::gates::{Ground, is_being_sent};
use super::{GatewayError, Node};
use crate::digest::Digest;
use crate::edge::{Carrier, PayloadSource, SourceError};
use crate::ident::ExchangeId;
use crate::ledger::{Entry, EntryKind};
use crate::store::{Due, Exchange, ExchangeState, Payload, PayloadReader, StoreError};
use crate::system::power_may_fail;

impl Node {
    /// Tries to deliver one exchange that was found due, and puts the outcome on record. Of one that was stopped nothing
    /// is sent: its partner is asked whether it has it all the same.
    ///
    /// # Errors
    /// [`GatewayError`] if the store fails. That the partner cannot be reached or refuses is an outcome, not an error.
    pub async fn attempt(self: &Arc<Self>, edge: &dyn Carrier, due: Due) -> Result<(), GatewayError> {
        let parties = self.parties_now().await?;
        let partner = parties.partner(&due.partner)?;
        // It was found due a moment ago; somebody may have ended it since.
        let row = self.store().exchange(&due.exchange).await?;
        let Some(exchange) = row.filter(|row| is_being_sent(row) || row.is_to_be_asked()) else { return Ok(()) };
        let ground = match self.ground(&exchange, parties.clone()).await? {
            Ok(ground) => ground,
            Err(why) => return unless_moved(self.not_permitted(None, exchange, &why).await),
        };
        power_may_fail("offer-decided");
        let Some(claimed) = self.claim(&due, partner, &exchange, &ground).await? else { return Ok(()) };
        power_may_fail("attempt-claimed");
        let exchange = claimed.row();
        let attempt = self.live().begin(exchange, claimed.owner(), parties.generation, self.now());
        if let Ground::Asked(why) = &ground {
            attempt.order(why);
        }
        let Some((offer, payload)) = self.offer_of(exchange) else {
            let why = "what is on record is not what was sealed";
            return match exchange.is_to_be_asked() {
                true => self.ask_again(&attempt, exchange.clone(), why).await,
                false => self.hold(exchange.clone(), why, Some(&attempt)).await,
            };
        };
        let source: Box<dyn PayloadSource> = match (&ground, SealedPayload::open(self, payload).await) {
            (_, Ok(source)) => Box::new(source),
            (Ground::Asked(_), Err(_)) => Box::new(Nothing),
            (_, Err(error)) => return self.failed(&attempt, exchange.clone(), &error.to_string(), None).await,
        };
        let manifest = offer.manifest.clone();
        let key = self.key_gate(&ground, &claimed);
        let result = edge.deliver(&exchange.partner, offer, source, key, attempt.stop_signal()).await;
        if let Some(observed) = observed(&result) {
            self.observe(&exchange.partner, observed).await?;
        }
        match result {
            Ok(receipt) => self.receipted(&attempt, partner, &manifest, &receipt).await,
            Err(failure) => self.not_delivered(&attempt, failure, edge).await,
        }
    }

    /// Says on record why an exchange that is due is not even tried.
    pub(super) async fn note_waiting(&self, id: &ExchangeId, why: &str) -> Result<(), GatewayError> {
        match self.store().exchange(id).await? {
            Some(exchange) if exchange.state == ExchangeState::Queued => self.put_off(exchange, why).await,
            // Somebody moved it on in the meantime, which is better news.
            _ => Ok(()),
        }
    }

    pub(super) async fn put_off(&self, mut exchange: Exchange, why: &str) -> Result<(), GatewayError> {
        let now = self.now();
        exchange.reason = Some(why.to_owned());
        exchange.updated = now;
        let entry = Entry::new(now, EntryKind::ExchangeQueued, exchange.id, "gateway").with("why", why);
        unless_moved(self.commit(vec![exchange.into()], vec![entry]).await)
    }
}

/// That somebody else moved an exchange on in the meantime is no error: it is where they put it.
fn unless_moved(outcome: Result<(), GatewayError>) -> Result<(), GatewayError> {
    match outcome {
        Err(GatewayError::Store(StoreError::Conflict { .. })) => Ok(()),
        other => other,
    }
}

/// A sealed payload, as the edge reads it.
struct SealedPayload {
    reader: PayloadReader,
    /// What was read at once, and where it begins: several of the pieces that are asked for.
    read: (u64, Bytes),
}

/// The payload of what is only asked for, where it is kept no more: there is nothing to be sent of it.
struct Nothing;

#[async_trait]
impl PayloadSource for Nothing {
    async fn prefix_digest(&mut self, _: u64) -> Result<Digest, SourceError> {
        Err(SourceError("it was stopped: nothing of it is sent".into()))
    }

    async fn read_at(&mut self, _: u64, _: usize) -> Result<Bytes, SourceError> {
        Err(SourceError("it was stopped: nothing of it is sent".into()))
    }
}

/// Bytes of a payload that are read at once.
const READ: usize = 1024 * 1024;

impl SealedPayload {
    async fn open(node: &Node, payload: Payload) -> Result<SealedPayload, GatewayError> {
        // It was sealed for one partner, who is sent it once.
        let reader = node.payload(payload).await?.once();
        Ok(SealedPayload { reader, read: (0, Bytes::new()) })
    }
}

#[async_trait]
impl PayloadSource for SealedPayload {
    async fn prefix_digest(&mut self, length: u64) -> Result<Digest, SourceError> {
        self.reader.prefix_digest(length).await.map_err(|e| SourceError(e.to_string()))
    }

    async fn read_at(&mut self, offset: u64, max: usize) -> Result<Bytes, SourceError> {
        let within = |(start, read): &(u64, Bytes)| {
            let from = usize::try_from(offset.checked_sub(*start)?).ok().filter(|from| *from < read.len())?;
            Some(read.slice(from..read.len().min(from.saturating_add(max))))
        };
        if let Some(piece) = within(&self.read) {
            return Ok(piece);
        }
        let read = self.reader.read_at(offset, READ.max(max)).await.map_err(|e| SourceError(e.to_string()))?;
        self.read = (offset, read.into());
        Ok(within(&self.read).unwrap_or_default())
    }
}
