//! One delivery attempt: decide again, claim, offer, send; what becomes of it is put on record by [`super::outcome`].

use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};

use super::gates::{Ground, is_being_sent};
use crate::digest::{Digest, Pieces};
use crate::edge::{PayloadSource, SourceError, Transport};
use crate::gateway::outbound::decision::permit::NOT_SEALED;
use crate::gateway::outbound::delivery::allowance::observed;
use crate::gateway::{GatewayError, Node};
use crate::ident::ExchangeId;
use crate::ledger::{Entry, EntryKind};
use crate::store::{Due, Exchange, ExchangeState, PayloadReader, StoreError};
use crate::system::power_may_fail;

impl Node {
    /// Tries to deliver one exchange that was found due, and puts the outcome on record. Of one that was stopped nothing
    /// is sent: its partner is asked whether it has it all the same. One whose delivery panics is parked, with an alarm.
    ///
    /// # Errors
    /// [`GatewayError`] if the store fails. That the partner cannot be reached or refuses is an outcome, not an error.
    pub async fn attempt(self: &Arc<Self>, edge: &dyn Transport, due: Due) -> Result<(), GatewayError> {
        self.contained(due.exchange, "delivering", self.attempted(edge, due)).await
    }

    async fn attempted(self: &Arc<Self>, edge: &dyn Transport, due: Due) -> Result<(), GatewayError> {
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
        let attempt = self.in_flight().begin(exchange, claimed.owner(), parties.generation, self.now());
        if let Ground::Asked(why) = &ground {
            attempt.order(why);
        }
        let Some(offer) = self.offer_of(&ground, &claimed) else {
            return match exchange.is_to_be_asked() {
                true => self.ask_again(&attempt, exchange.clone(), NOT_SEALED).await,
                false => self.hold(exchange.clone(), NOT_SEALED, Some(&attempt)).await,
            };
        };
        let source: Box<dyn PayloadSource> = match (&ground, SealedPayload::open(self, exchange).await) {
            (_, Ok(source)) => Box::new(source),
            (Ground::Asked(_), Err(_)) => Box::new(Nothing),
            (_, Err(error)) => return self.not_readable(&attempt, exchange.clone(), &error.to_string()).await,
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
    pub(in crate::gateway) async fn note_waiting(&self, id: &ExchangeId, why: &str) -> Result<(), GatewayError> {
        match self.store().exchange(id).await? {
            Some(exchange) if exchange.state == ExchangeState::Queued => self.put_off(exchange, why).await,
            // Somebody moved it on in the meantime, which is better news.
            _ => Ok(()),
        }
    }

    pub(in crate::gateway) async fn put_off(&self, mut exchange: Exchange, why: &str) -> Result<(), GatewayError> {
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

/// A sealed payload, as the edge reads it: what leaves here was held against what was sealed, piece by piece.
struct SealedPayload {
    reader: PayloadReader,
    /// What each piece must be.
    pieces: Pieces,
    /// The piece that was read last, and where it begins.
    piece: (u64, Bytes),
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

impl SealedPayload {
    /// The payload of an exchange, if it is as long as what was sealed, and it is known what its pieces must be.
    async fn open(node: &Node, exchange: &Exchange) -> Result<SealedPayload, GatewayError> {
        let known = exchange.payload.zip(exchange.pieces_of_payload());
        let (payload, pieces) = known.ok_or_else(|| GatewayError::trouble(NOT_SEALED))?;
        // It was sealed for one partner, who is sent it once.
        let reader = node.payload(payload).await?.once();
        if reader.size() != payload.size {
            return Err(GatewayError::trouble("the sealed payload is longer or shorter than what was sealed"));
        }
        Ok(SealedPayload { reader, pieces, piece: (0, Bytes::new()) })
    }

    /// Reads the piece that begins at `begins` and has `length` bytes.
    async fn read_piece(&mut self, begins: u64, length: u64) -> Result<Bytes, SourceError> {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let mut piece = BytesMut::new();
        while piece.len() < length {
            let at = begins + piece.len() as u64;
            let read = self.reader.read_at(at, length - piece.len()).await.map_err(|e| SourceError(e.to_string()))?;
            if read.is_empty() {
                break;
            }
            piece.extend_from_slice(&read);
        }
        match self.pieces.is_piece(begins, &piece) {
            true => Ok(piece.freeze()),
            false => {
                Err(SourceError(format!("the piece of the sealed payload at byte {begins} is not what was sealed")))
            }
        }
    }
}

#[async_trait]
impl PayloadSource for SealedPayload {
    async fn prefix_digest(&mut self, length: u64) -> Result<Digest, SourceError> {
        self.reader.prefix_digest(length).await.map_err(|e| SourceError(e.to_string()))
    }

    async fn read_at(&mut self, offset: u64, max: usize) -> Result<Bytes, SourceError> {
        let Some((begins, length)) = self.pieces.around(offset) else { return Ok(Bytes::new()) };
        if self.piece.0 != begins || self.piece.1.is_empty() {
            // INVARIANT: nothing of a piece leaves before all of it was found to be the one that was sealed.
            self.piece = (begins, self.read_piece(begins, length).await?);
        }
        let piece = &self.piece.1;
        let from = usize::try_from(offset - begins).map_or(piece.len(), |from| from.min(piece.len()));
        Ok(piece.slice(from..piece.len().min(from.saturating_add(max))))
    }
}
