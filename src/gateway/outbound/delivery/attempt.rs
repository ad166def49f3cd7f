//! One delivery attempt: decide again, claim, offer, send; [`super::outcome`] records the result.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};

use super::gates::{OfferBasis, is_being_sent};
use crate::digest::{Digest, Pieces};
use crate::edge::{PayloadSource, SourceError, Transport};
use crate::gateway::outbound::decision::permit::NOT_SEALED;
use crate::gateway::outbound::delivery::allowance::observed;
use crate::gateway::{GatewayError, Node};
use crate::ident::ExchangeId;
use crate::ledger::{Entry, EntryKind};
use crate::store::{Due, Exchange, ExchangeState, PayloadReader, StoreError};
use crate::system::fault_point;

impl Node {
    /// Tries to deliver one due exchange and records the outcome. A stopped exchange is not sent: its partner is
    /// asked whether it has it. If delivery panics, the exchange is parked with an alarm.
    ///
    /// # Errors
    /// [`GatewayError`] if the store fails. An unreachable partner or a refusal is an outcome, not an error.
    pub async fn attempt(self: &Arc<Self>, edge: &dyn Transport, due: Due) -> Result<(), GatewayError> {
        self.contained(due.exchange, "delivering", self.attempted(edge, due)).await
    }

    async fn attempted(self: &Arc<Self>, edge: &dyn Transport, due: Due) -> Result<(), GatewayError> {
        let parties = self.participants_now().await?;
        let partner = parties.partner(&due.partner)?;
        // It may have ended since it was found due.
        let row = self.store().exchange(&due.exchange).await?;
        let Some(exchange) = row.filter(|row| is_being_sent(row) || row.needs_receipt_query()) else { return Ok(()) };
        let basis = match self.offer_basis(&exchange, parties.clone()).await? {
            Ok(basis) => basis,
            Err(why) => return unless_moved(self.not_permitted(None, exchange, &why).await),
        };
        fault_point("offer-decided");
        let Some(claimed) = self.claim(&due, partner, &exchange, &basis).await? else { return Ok(()) };
        fault_point("attempt-claimed");
        let exchange = claimed.row();
        let attempt = self.in_flight().begin(exchange, claimed.owner(), parties.generation, self.now());
        if let OfferBasis::ReceiptOnly(why) = &basis {
            attempt.request_stop(why);
        }
        let Some(offer) = self.offer_of(&basis, &claimed) else {
            return match exchange.needs_receipt_query() {
                true => self.ask_again(&attempt, exchange.clone(), NOT_SEALED).await,
                false => self.hold(exchange.clone(), NOT_SEALED, Some(&attempt)).await,
            };
        };
        let source: Box<dyn PayloadSource> = match (&basis, SealedPayload::open(self, exchange).await) {
            (_, Ok(source)) => Box::new(source),
            (OfferBasis::ReceiptOnly(_), Err(_)) => Box::new(NoPayload),
            (_, Err(error)) => return self.not_readable(&attempt, exchange.clone(), &error.to_string()).await,
        };
        let manifest = offer.manifest.clone();
        let key = self.key_gate(&basis, &claimed);
        let result = edge.deliver(&exchange.partner, offer, source, key, attempt.stop_signal()).await;
        if let Some(observed) = observed(&result) {
            self.observe(&exchange.partner, observed).await?;
        }
        match result {
            Ok(receipt) => self.receipted(&attempt, partner, &manifest, &receipt).await,
            Err(failure) => self.not_delivered(&attempt, failure, edge).await,
        }
    }

    /// Records why a due exchange is not attempted.
    pub(in crate::gateway) async fn note_waiting(&self, id: &ExchangeId, why: &str) -> Result<(), GatewayError> {
        match self.store().exchange(id).await? {
            Some(exchange) if exchange.state == ExchangeState::Queued => self.postpone(exchange, why).await,
            // Another process moved it on meanwhile.
            _ => Ok(()),
        }
    }

    /// Records a reason for not attempting a queued exchange; its state and its number of attempts stay.
    pub(in crate::gateway) async fn postpone(&self, mut exchange: Exchange, why: &str) -> Result<(), GatewayError> {
        let now = self.now();
        exchange.reason = Some(why.to_owned());
        exchange.updated = now;
        let entry = Entry::new(now, EntryKind::ExchangeQueued, exchange.id, "gateway").with("why", why);
        unless_moved(self.commit(vec![exchange.into()], vec![entry]).await)
    }
}

/// Ignores a conflict: another process moved the exchange on.
fn unless_moved(outcome: Result<(), GatewayError>) -> Result<(), GatewayError> {
    match outcome {
        Err(GatewayError::Store(StoreError::Conflict { .. })) => Ok(()),
        other => other,
    }
}

/// A sealed payload for the edge: every piece is verified before it is sent.
struct SealedPayload {
    reader: PayloadReader,
    /// The expected digest of each piece.
    pieces: Pieces,
    /// The last piece read, and its offset.
    piece: (u64, Bytes),
}

/// The payload of a stopped exchange, which is no longer stored: nothing of it is sent.
struct NoPayload;

#[async_trait]
impl PayloadSource for NoPayload {
    async fn prefix_digest(&mut self, _: u64) -> Result<Digest, SourceError> {
        Err(SourceError("the exchange was stopped: nothing of it is sent".into()))
    }

    async fn read_at(&mut self, _: u64, _: usize) -> Result<Bytes, SourceError> {
        Err(SourceError("the exchange was stopped: nothing of it is sent".into()))
    }
}

impl SealedPayload {
    /// The payload of an exchange, if its length and the digests of its pieces are as recorded.
    async fn open(node: &Node, exchange: &Exchange) -> Result<SealedPayload, GatewayError> {
        let known = exchange.payload.zip(exchange.pieces_of_payload());
        let (payload, pieces) = known.ok_or_else(|| GatewayError::trouble(NOT_SEALED))?;
        // It is sealed for one partner and sent once.
        let reader = node.payload(payload).await?.once();
        if reader.size() != payload.size {
            return Err(GatewayError::trouble("the length of the sealed payload differs from the recorded one"));
        }
        Ok(SealedPayload { reader, pieces, piece: (0, Bytes::new()) })
    }

    /// Reads the piece at offset `begins` with `length` bytes.
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
            false => Err(SourceError(format!("the piece of the sealed payload at byte {begins} is damaged"))),
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
            // INVARIANT: a piece is verified completely before any of it leaves.
            self.piece = (begins, self.read_piece(begins, length).await?);
        }
        let piece = &self.piece.1;
        let from = usize::try_from(offset - begins).map_or(piece.len(), |from| from.min(piece.len()));
        Ok(piece.slice(from..piece.len().min(from.saturating_add(max))))
    }
}
