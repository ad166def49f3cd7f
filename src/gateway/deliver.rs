//! One delivery attempt: decide again, claim, offer, send, and put the receipt on record.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use super::flow::observed;
use super::gates::is_being_sent;
use super::{GatewayError, Node};
use crate::digest::Digest;
use crate::edge::{Carrier, DeliveryFailure, PayloadSource, SourceError};
use crate::envelope::{Manifest, Receipt};
use crate::ident::ExchangeId;
use crate::ledger::{Entry, EntryKind, LedgerKey, SignedCheckpoint};
use crate::partner::{Observed, Partner};
use crate::sign::Signed;
use crate::store::{Change, Due, Exchange, ExchangeState, FlowChange, Payload, PayloadReader, StoreError};
use crate::system::power_may_fail;
use crate::wire::RefusalCode;

impl Node {
    /// Tries to deliver one queued exchange that was found due, and puts the outcome on record.
    ///
    /// # Errors
    /// [`GatewayError`] if the store fails. That the partner cannot be reached or refuses is an outcome, not an error.
    pub async fn attempt(self: &Arc<Self>, edge: &dyn Carrier, due: Due) -> Result<(), GatewayError> {
        let parties = self.parties_now().await?;
        let partner = parties.partner(&due.partner)?;
        // It was found due a moment ago; somebody may have ended it since.
        let row = self.store().exchange(&due.exchange).await?;
        let Some(exchange) = row.filter(is_being_sent) else { return Ok(()) };
        let ground = match self.ground(&exchange, parties.clone()).await? {
            Ok(ground) => ground,
            Err(why) => return unless_moved(self.not_permitted(exchange, &why).await),
        };
        power_may_fail("offer-decided");
        let Some(claimed) = self.claim(&due, partner, &exchange, &ground).await? else { return Ok(()) };
        power_may_fail("attempt-claimed");
        let key = self.key_gate(&ground, &claimed);
        let exchange = claimed.into_row();
        let Some((offer, payload)) = self.offer_of(&exchange) else {
            return self.hold(exchange, "what is on record is not what was sealed").await;
        };
        let source = match SealedPayload::open(self, payload).await {
            Ok(source) => source,
            Err(error) => return self.failed(exchange, &error.to_string(), None).await,
        };
        let manifest = offer.manifest.clone();
        let result = edge.deliver(&exchange.partner, offer, Box::new(source), key).await;
        if let Some(observed) = observed(&result) {
            self.observe(&exchange.partner, observed).await?;
        }
        match result {
            Ok(receipt) => self.receipted(exchange, partner, &manifest, &receipt).await,
            Err(DeliveryFailure::Withdrawn) => {
                self.not_permitted(exchange, "the release no longer stood when its key was to leave").await
            }
            Err(DeliveryFailure::Refused(refusal))
                if refusal.code == RefusalCode::DigestMismatch && !self.is_whole(payload).await =>
            {
                // Ours is damaged, not what arrived: sending it again would only be refused again.
                self.park(exchange, "the sealed payload is missing or damaged", refusal.code).await
            }
            Err(DeliveryFailure::Refused(refusal)) => {
                let retry = refusal.code.retryable().then_some(refusal.retry_after.unwrap_or_default());
                match retry {
                    Some(after) => self.failed(exchange, refusal.code.text(), Some(after)).await,
                    None => {
                        let why = format!("the partner refused it: {}", refusal.code.text());
                        self.park(exchange, &why, refusal.code).await
                    }
                }
            }
            Err(DeliveryFailure::Throttled(after)) => {
                self.failed(exchange, "our own limit for this partner is used up", Some(after)).await
            }
            Err(DeliveryFailure::LinkDown) => {
                let why =
                    edge.link_failure(&exchange.partner).unwrap_or_else(|| "the link to the partner is down".into());
                self.failed(exchange, &why, None).await
            }
            Err(other) => self.failed(exchange, &other.to_string(), None).await,
        }
    }

    /// The release does not stand: held, unless that is only because the clock is in doubt. Then nothing is known of the
    /// release, and the exchange waits as it is.
    async fn not_permitted(&self, mut exchange: Exchange, why: &str) -> Result<(), GatewayError> {
        let Some(doubt) = self.clock_doubt().await? else { return self.hold(exchange, why).await };
        let now = self.now();
        exchange.reason = Some(doubt.clone());
        exchange.updated = now;
        let entry = Entry::new(now, EntryKind::ExchangeQueued, exchange.id, "gateway").with("why", doubt);
        self.commit_as_owner(exchange, vec![entry]).await
    }

    async fn receipted(
        &self,
        mut exchange: Exchange,
        partner: &Partner,
        manifest: &[u8],
        receipt: &[u8],
    ) -> Result<(), GatewayError> {
        let checked = check_receipt(self, partner, manifest, receipt);
        let (receipt, head) = match checked {
            Ok(checked) => checked,
            Err(why) => {
                tracing::error!(exchange.id = %exchange.id, partner.id = %partner.id, why, "receipt is not acceptable");
                self.observe(&partner.id, Observed::Failed).await?;
                return self.failed(exchange, &why, None).await;
            }
        };
        let now = self.now();
        let (id, said) = (exchange.id, receipt.statement());
        let entry = Entry::new(now, EntryKind::ExchangeDelivered, id, &partner.id)
            .with("receipt", receipt.digest())
            .with("disposition", format!("{:?}", said.disposition).to_lowercase());
        let entry = match &said.handled {
            Some(handled) => entry.with("about", handled.exchange).with("handled", handled.sentence()),
            None => entry,
        };
        if let Some(recalled) = self.order_about(&exchange).await? {
            // Recalled while it was on its way: the notice follows it.
            exchange.recalled = Some(recalled);
        }
        exchange.state = ExchangeState::Delivered;
        exchange.updated = now;
        exchange.reason = None;
        exchange.refusal = None;
        exchange.partner_checkpoint = Some(said.checkpoint.clone());
        exchange.receipt = Some(receipt.bytes().to_vec());
        let (payload, request) = (exchange.payload, exchange.request);
        let witness = FlowChange::Witness { partner: partner.id.clone(), head };
        power_may_fail("receipt-here");
        self.commit_as_owner_with(exchange, vec![witness.into()], vec![entry]).await?;
        power_may_fail("delivery-recorded");
        // The partner has it and has signed for it; the sealed copy is of no further use.
        if let Some(payload) = payload.filter(|payload| self.spool().has_any(payload.spool)) {
            self.spool().let_go(payload.spool).await.map_err(|e| self.spool_trouble(&e))?;
        }
        if let Some(request) = request {
            self.let_go_of_attachments(&request).await?;
        }
        tracing::info!(exchange.id = %id, partner.id = %partner.id, "delivered");
        Ok(())
    }

    /// An attempt that did not deliver: tried again later, or parked after the last.
    async fn failed(&self, mut exchange: Exchange, why: &str, after: Option<Duration>) -> Result<(), GatewayError> {
        let parties = self.parties().await?;
        let partner = parties.partner(&exchange.partner)?;
        let now = self.now();
        exchange.attempts += 1;
        exchange.updated = now;
        exchange.reason = Some(why.to_owned());
        let wait = partner.agreement.retry.wait_after(exchange.attempts, self.random::<1>()[0]);
        let (id, attempts) = (exchange.id, exchange.attempts);
        let entry = match wait {
            Some(wait) => {
                exchange.state = ExchangeState::Queued;
                exchange.next_attempt = now.plus(wait.max(after.unwrap_or_default()));
                Entry::new(now, EntryKind::ExchangeQueued, id, "gateway")
            }
            None => {
                exchange.state = ExchangeState::Parked;
                Entry::new(now, EntryKind::ExchangeParked, id, "gateway")
            }
        };
        let parked = exchange.state == ExchangeState::Parked;
        self.commit_as_owner(exchange, vec![entry.with("attempts", attempts).with("why", why)]).await?;
        if parked {
            tracing::error!(exchange.id = %id, partner.id = %partner.id, attempts, why, "parked after the last attempt");
        } else {
            tracing::info!(exchange.id = %id, partner.id = %partner.id, attempts, why, "not delivered: will be tried again");
        }
        Ok(())
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

    /// Nothing is tried again by itself: an operator must look.
    async fn park(&self, mut exchange: Exchange, why: &str, code: RefusalCode) -> Result<(), GatewayError> {
        let now = self.now();
        let id = exchange.id;
        exchange.state = ExchangeState::Parked;
        exchange.attempts += 1;
        exchange.updated = now;
        exchange.refusal = Some(code.number().to_string());
        exchange.reason = Some(why.to_owned());
        let entry = Entry::new(now, EntryKind::ExchangeParked, id, &exchange.partner)
            .with("code", code.number())
            .with("why", why);
        self.commit_as_owner(exchange, vec![entry]).await?;
        tracing::error!(exchange.id = %id, code = code.number(), why, "refused by the partner: parked");
        Ok(())
    }

    pub(super) async fn commit_as_owner(&self, exchange: Exchange, entries: Vec<Entry>) -> Result<(), GatewayError> {
        self.commit_as_owner_with(exchange, Vec::new(), entries).await
    }

    async fn commit_as_owner_with(
        &self,
        exchange: Exchange,
        more: Vec<Change>,
        entries: Vec<Entry>,
    ) -> Result<(), GatewayError> {
        let owner = self.owner().to_owned();
        // The outcome of an attempt ends the claim with it. Every other state than the queue ends it by itself; what stays
        // in the queue would otherwise not be tried again before the lease ran out.
        let stays = exchange.state == ExchangeState::Queued;
        let unclaim = stays.then(|| Change::Unclaim { exchange: exchange.id, owner: owner.clone() });
        let change = Change::Exchange { row: Box::new(exchange), by: Some(owner), sealed: None };
        self.commit([change].into_iter().chain(unclaim).chain(more).collect(), entries).await
    }
}

/// That somebody else moved an exchange on in the meantime is no error: it is where they put it.
fn unless_moved(outcome: Result<(), GatewayError>) -> Result<(), GatewayError> {
    match outcome {
        Err(GatewayError::Store(StoreError::Conflict { .. })) => Ok(()),
        other => other,
    }
}

/// Whether bytes are the partner's receipt for exactly what was sent, with a checkpoint of its ledger.
fn check_receipt(
    node: &Node,
    partner: &Partner,
    manifest: &[u8],
    receipt: &[u8],
) -> Result<(Signed<Receipt>, SignedCheckpoint), String> {
    use crate::sign::Signer as _;
    let own = node.keys().signing.public();
    let manifest = node.verified().verify::<Manifest>(manifest, own).map_err(|e| format!("own manifest: {e}"))?;
    let receipt =
        Signed::<Receipt>::verify(receipt, &partner.description.signing_key).map_err(|e| format!("receipt: {e}"))?;
    receipt.statement().answers(&manifest).map_err(|e| format!("receipt: {e}"))?;
    let key: LedgerKey =
        partner.description.ledger_key.parse().map_err(|_| "the partner's ledger key does not read".to_owned())?;
    let head = SignedCheckpoint::verify(&receipt.statement().checkpoint, &key)
        .map_err(|e| format!("checkpoint in the receipt: {e}"))?;
    Ok((receipt, head))
}

/// A sealed payload, as the edge reads it.
struct SealedPayload {
    reader: PayloadReader,
    /// What was read at once, and where it begins: several of the pieces that are asked for.
    read: (u64, Bytes),
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
