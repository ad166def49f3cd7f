//! Receipts for received payloads: signed once, when payload and record are durable, and repeated unchanged.
//!
//! It refuses to sign for content that was not opened: a receipt contains a proof that only the recipient of the
//! content can give.

use crate::digest::Digest;
use crate::envelope::{Disposition, Manifest, OpeningProof, Receipt};
use crate::gateway::Node;
use crate::gateway::inbound::answer::{ReceivedPayload, Rejection};
use crate::ledger::{Entry, EntryKind, SignedCheckpoint};
use crate::sign::{Signed, Signer as _};
use crate::store::{Change, Exchange, ExchangeState};
use crate::system::fault_point;
use crate::time::Time;
use crate::wire::RefusalCode;

/// The ledger detail with the proof of opening that receipts contain.
pub(in crate::gateway) const OPENED: &str = "opened";

impl Node {
    /// The receipt of an exchange that is durable here; an error if it has another manifest.
    pub(in crate::gateway) async fn receipt_again(
        &self,
        row: &Exchange,
        manifest: &Signed<Manifest>,
    ) -> Result<Option<Vec<u8>>, Rejection> {
        let here = matches!(row.state, ExchangeState::Received | ExchangeState::Taken | ExchangeState::Quarantined);
        if !here {
            return Ok(None);
        }
        if row.manifest.as_deref() != Some(manifest.bytes()) {
            return Err(Rejection::new(RefusalCode::Conflict, "the exchange is complete with another manifest"));
        }
        match &row.receipt {
            Some(receipt) if self.is_own_receipt(receipt, row, manifest) => Ok(Some(receipt.clone())),
            // The node stopped between receiving and signing, or the stored receipt is damaged: it is signed again
            // now.
            kept => {
                if kept.is_some() {
                    tracing::error!(exchange.id = %row.id, partner.id = %row.partner, "the stored receipt is damaged: it is signed again");
                }
                let proof = self.proof_on_record(row, manifest.statement()).await?;
                self.sign_receipt(row.clone(), None, proof).await.map(Some)
            }
        }
    }

    /// Whether the stored receipt is signed by this node and for exactly this exchange. Otherwise the sender would
    /// reject it every time.
    fn is_own_receipt(&self, kept: &[u8], row: &Exchange, manifest: &Signed<Manifest>) -> bool {
        let Ok(receipt) = Signed::<Receipt>::verify(kept, self.keys().signing.public()) else { return false };
        let (said, offered) = (receipt.statement(), manifest.statement());
        said.exchange == row.id
            && (&said.sender, &said.recipient) == (&offered.sender, &offered.recipient)
            && (said.manifest_digest, said.payload_digest) == (Digest::of(manifest.bytes()), offered.payload_digest)
    }

    /// When the exchange was recorded as received.
    async fn received_at(&self, row: &Exchange) -> Result<Time, Rejection> {
        let entries = self.store().entries_about(&row.id.to_string()).await?;
        let received = entries
            .iter()
            .rev()
            .map(|recorded| &recorded.entry)
            .find(|entry| matches!(entry.kind(), EntryKind::ExchangeReceived | EntryKind::ExchangeQuarantined));
        Ok(received.map_or(row.updated, Entry::time))
    }

    /// The proof that this node opened the payload, as recorded then.
    async fn proof_on_record(&self, row: &Exchange, said: &Manifest) -> Result<OpeningProof, Rejection> {
        let entries = self.store().entries_about(&row.id.to_string()).await?;
        let proofs = entries.iter().rev().filter_map(|recorded| recorded.entry.detail().get(OPENED)?.parse().ok());
        let proof = proofs.map(OpeningProof::from_digest).find(|proof| said.opening.commits_to(proof));
        proof.ok_or_else(|| Rejection::new(RefusalCode::NotCompleted, "no proof of opening is on record"))
    }

    /// Commits that the exchange was received, with all accompanying changes, and only then signs the receipt.
    pub(in crate::gateway) async fn durable_then_receipt(
        &self,
        ReceivedPayload { row, short }: ReceivedPayload,
        more: Vec<Change>,
        entries: Vec<Entry>,
        proof: OpeningProof,
    ) -> Result<Vec<u8>, Rejection> {
        let changes = std::iter::once(Change::with_payload(row.clone(), short)).chain(more).collect();
        let committed = self.commit_with_checkpoint(changes, entries).await?;
        fault_point("inbox-recorded");
        // The row just committed is current; if it changed since, the receipt is a conflict.
        let row = Exchange { version: row.version.next(), ..row };
        self.sign_receipt(row, Some(committed), proof).await
    }

    /// Signs the receipt of a durable exchange and records it before anybody sees it.
    async fn sign_receipt(
        &self,
        mut row: Exchange,
        head: Option<SignedCheckpoint>,
        proof: OpeningProof,
    ) -> Result<Vec<u8>, Rejection> {
        let missing = || Rejection::new(RefusalCode::NotCompleted, "the record of the exchange is not complete");
        let manifest = row.manifest.as_deref().ok_or_else(missing)?;
        let payload = row.payload.ok_or_else(missing)?;
        let (head, received) = match head {
            Some(head) => (head, row.updated),
            None => (self.store().head().await?, self.received_at(&row).await?),
        };
        let receipt = Receipt {
            version: Receipt::VERSION,
            exchange: row.id,
            sender: row.partner.clone().into(),
            recipient: self.config().node.name.clone(),
            manifest_digest: Digest::of(manifest),
            payload_digest: payload.digest,
            disposition: if row.state == ExchangeState::Quarantined {
                Disposition::Quarantined
            } else {
                Disposition::Accepted
            },
            received_at_ms: received.unix_ms(),
            checkpoint: head.as_str().to_owned(),
            handled: self.handled(&row).await?,
            opened: proof,
        };
        let signed =
            Signed::sign(receipt, &self.keys().signing).map_err(|e| Rejection::new(RefusalCode::NotCompleted, e))?;
        let now = self.now();
        let entry = Entry::new(now, EntryKind::ExchangeReceipted, row.id, "gateway").with("receipt", signed.digest());
        let entry = match &row.receipt {
            Some(damaged) => entry.with("in-place-of", Digest::of(damaged)),
            None => entry,
        };
        row.receipt = Some(signed.bytes().to_vec());
        row.updated = now;
        self.commit(vec![row.into()], vec![entry]).await?;
        fault_point("receipt-recorded");
        Ok(signed.bytes().to_vec())
    }
}
