//! Receipts from partners: checked against what was sent, and recorded whatever the state of the exchange.

use super::outcome::TRIES;
use super::outcome::alarm;
use crate::digest::Digest;
use crate::envelope::{Manifest, Receipt, ReceiptFault};
use crate::gateway::node::process::in_flight::Attempt;
use crate::gateway::{GatewayError, Node};
use crate::ledger::{Entry, EntryKind, LedgerKey, SignedCheckpoint};
use crate::partner::{Observed, Partner};
use crate::sign::Signed;
use crate::store::{Exchange, ExchangeKind, ExchangeState, StoreError};
use crate::system::fault_point;

impl InvalidReceipt {
    fn new(why: impl Into<String>) -> InvalidReceipt {
        InvalidReceipt { why: why.into(), fault: None }
    }
}

/// Why a receipt is invalid, and its fault if its signature is valid.
pub(in crate::gateway::outbound) struct InvalidReceipt {
    why: String,
    fault: Option<ReceiptFault>,
}

/// Verifies the partner's receipt for exactly what was sent, with a checkpoint of its ledger.
pub(in crate::gateway::outbound) fn check_receipt(
    node: &Node,
    partner: &Partner,
    manifest: &[u8],
    receipt: &[u8],
) -> Result<(Signed<Receipt>, SignedCheckpoint), InvalidReceipt> {
    use crate::sign::Signer as _;
    let own = node.keys().signing.public();
    let manifest = node.verified().verify::<Manifest>(manifest, own);
    let manifest = manifest.map_err(|e| InvalidReceipt::new(format!("own manifest: {e}")))?;
    let receipt = Signed::<Receipt>::verify(receipt, &partner.description.signing_key)
        .map_err(|e| InvalidReceipt::new(format!("receipt: {e}")))?;
    // INVARIANT: only a recipient that opened the sealed content can state `opened`. So it does not matter whether
    // the key left in this attempt or in an earlier, forgotten one.
    receipt
        .statement()
        .answers(&manifest, node.now())
        .map_err(|fault| InvalidReceipt { why: fault.to_string(), fault: Some(fault) })?;
    let key: LedgerKey = partner
        .description
        .ledger_key
        .parse()
        .map_err(|_| InvalidReceipt::new("the partner's ledger key is malformed"))?;
    let head = SignedCheckpoint::verify(&receipt.statement().checkpoint, &key)
        .map_err(|e| InvalidReceipt::new(format!("checkpoint in the receipt: {e}")))?;
    Ok((receipt, head))
}

impl Node {
    /// Records a valid receipt, whatever the state of the row.
    pub(in crate::gateway) async fn receipted(
        &self,
        attempt: &Attempt,
        partner: &Partner,
        manifest: &[u8],
        receipt: &[u8],
    ) -> Result<(), GatewayError> {
        let (receipt, head) = match check_receipt(self, partner, manifest, receipt) {
            Ok(checked) => checked,
            Err(not) => return self.reject_receipt(attempt, partner, receipt, not).await,
        };
        fault_point("receipt-here");
        for _ in 1..TRIES {
            match self.record_receipt(attempt, partner, &receipt, &head).await {
                // The row changed meanwhile: the next try reads its new state.
                Err(GatewayError::Store(StoreError::Conflict { .. })) => {}
                other => return other,
            }
        }
        self.record_receipt(attempt, partner, &receipt, &head).await
    }

    /// Handles an invalid receipt: the exchange is not delivered, and the payload is kept. If the partner signed it
    /// without opening the content, it is not requested again automatically, because it would be the same.
    pub(in crate::gateway::outbound) async fn reject_receipt(
        &self,
        attempt: &Attempt,
        partner: &Partner,
        receipt: &[u8],
        InvalidReceipt { why, fault }: InvalidReceipt,
    ) -> Result<(), GatewayError> {
        let row = self.exchange_row(&attempt.exchange).await?;
        let why = match fault {
            // All other content of a receipt is in the offer as well.
            Some(ReceiptFault::Opened) if !self.key_was_sent(&row).await? => "receipt of what was never sent".into(),
            _ => why,
        };
        tracing::error!(exchange.id = %row.id, partner.id = %partner.id, why, "receipt rejected");
        self.observe(&partner.id, Observed::Failed).await?;
        if matches!(fault, Some(ReceiptFault::Opened | ReceiptFault::Time)) {
            let alarm = alarm(self.now(), &row, &why).with("receipt", Digest::of(receipt));
            self.commit_unless_repeated(Vec::new(), vec![alarm]).await?;
        }
        if ExchangeState::STOPPED.contains(&row.state) {
            return self.ask_again(attempt, row, &why).await;
        }
        match fault {
            Some(ReceiptFault::Opened) => self.park(attempt, row, &why, None, Vec::new()).await,
            _ => self.failed(attempt, row, &why, None).await,
        }
    }

    /// Whether the record shows that the exchange's header left, in this attempt or an earlier one.
    pub(in crate::gateway::outbound) async fn key_was_sent(&self, row: &Exchange) -> Result<bool, GatewayError> {
        let entries = self.store().entries_about(&row.id.to_string()).await?;
        // A recall notice has no header and is sent as it is.
        let sent = |kind| kind == EntryKind::ExchangeSent || row.kind == ExchangeKind::Recall;
        Ok(entries.iter().any(|recorded| sent(recorded.entry.kind())))
    }

    /// Records a verified receipt: the exchange is delivered, or delivered after it was stopped.
    pub(in crate::gateway::outbound) async fn record_receipt(
        &self,
        attempt: &Attempt,
        partner: &Partner,
        receipt: &Signed<Receipt>,
        head: &SignedCheckpoint,
    ) -> Result<(), GatewayError> {
        let id = attempt.exchange;
        let mut row = self.exchange_row(&id).await?;
        if row.is_delivered() {
            return Ok(());
        }
        let stopped = match (attempt.stop_reason(), self.stopped(&row).await?) {
            (Some(why), _) => Some(why),
            (None, Some(stopped)) => Some(stopped.sentence()),
            (None, None) => match row.state {
                ExchangeState::Queued | ExchangeState::Sending => None,
                state => Some(row.reason.clone().unwrap_or_else(|| format!("it was {state}"))),
            },
        };
        let (now, said) = (self.now(), receipt.statement());
        let (state, kind) = match stopped {
            None => (ExchangeState::Delivered, EntryKind::ExchangeDelivered),
            Some(_) => (ExchangeState::DeliveredAfterStop, EntryKind::ExchangeDeliveredAfterStop),
        };
        let entry = Entry::new(now, kind, id, &partner.id)
            .with("receipt", receipt.digest())
            .with("disposition", said.disposition);
        let entry = match &said.handled {
            Some(handled) => entry.with("about", handled.exchange).with("handled", handled.sentence()),
            None => entry,
        };
        let mut entries = Vec::new();
        if let Some(why) = &stopped {
            let alarm = Entry::new(now, EntryKind::Alarm, id, "gateway").with("delivered", "after-stop");
            entries.push(alarm.with("partner", &partner.id).with("stopped", why));
        }
        entries.push(match &stopped {
            Some(why) => entry.with("was", row.state).with("stopped", why),
            None => entry,
        });
        if let Some(recalled) = self.recall_order_of(&row).await? {
            // Recalled in transit: the notice follows it.
            row.recalled = Some(recalled);
        }
        row.state = state;
        row.updated = now;
        row.unanswered = None;
        row.reason = stopped.clone();
        row.refusal = None;
        row.partner_checkpoint = Some(said.checkpoint.clone());
        row.receipt = Some(receipt.bytes().to_vec());
        let (payload, request) = (row.payload, row.request);
        let (witness, first) = self.first_witness(&partner.id, head.clone()).await?.unzip();
        entries.extend(first);
        self.commit_as(attempt, row, witness.into_iter().collect(), entries).await?;
        fault_point("delivery-recorded");
        match stopped {
            None => tracing::info!(exchange.id = %id, partner.id = %partner.id, "delivered"),
            Some(why) => {
                tracing::error!(exchange.id = %id, partner.id = %partner.id, why, "delivered after it was stopped");
            }
        }
        // The partner has signed for it: the sealed copy is no longer needed.
        if let Some(payload) = payload.filter(|payload| self.spool().has_any(payload.spool)) {
            self.spool().recycle(payload.spool).await.map_err(|e| self.spool_trouble(&e))?;
        }
        if let Some(request) = request {
            self.release_attachments(&request).await?;
        }
        Ok(())
    }
}
