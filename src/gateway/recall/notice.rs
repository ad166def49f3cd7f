//! Recall notices to partners: created with the order, and created again for the same order if one is lost or damaged
//! before delivery.

use bytes::Bytes;

use crate::digest::Digest;
use crate::envelope::{Kind, Manifest, OpeningSecret, Precedence, Recall, RecallCode};
use crate::gateway::node::process::in_flight::Attempt;
use crate::gateway::{GatewayError, Node};
use crate::ident::ExchangeId;
use crate::ledger::{Entry, EntryKind};
use crate::sign::Signed;
use crate::store::{
    Change, Direction, Exchange, ExchangeFilter, ExchangeKind, ExchangeState, FileHold, Payload, Recalled, SpoolId,
    StoreError,
};
use crate::time::Time;

/// Lifetime of a notice: as long as a partner may take to become reachable again.
const NOTICE_LIFETIME: std::time::Duration = std::time::Duration::from_secs(365 * 86_400);

/// A notice that is not yet on record.
pub(in crate::gateway) struct Notice {
    /// The exchange that carries it.
    pub row: Exchange,
    /// The ledger entry that records it.
    pub entry: Entry,
    /// Its payload, if the store keeps it beside the row; otherwise it is in the spool.
    pub kept: Option<Bytes>,
    /// Its spool file, if it has one, held until it is on record.
    pub held: Option<FileHold>,
}

impl Node {
    /// The notice that `of` is recalled, as ordered at `ordered`.
    pub(in crate::gateway) async fn notice(
        &self,
        of: &Exchange,
        why: RecallCode,
        ordered: Time,
    ) -> Result<Notice, GatewayError> {
        let now = self.now();
        let id = ExchangeId::new(now, self.random());
        let (sender, recipient) = (self.config().node.name.clone(), of.partner.clone().into());
        let recall = Recall {
            version: Recall::VERSION,
            notice: id,
            sender: sender.clone(),
            recipient,
            exchange: of.id,
            why,
            ordered_at_ms: ordered.unix_ms(),
            secret: OpeningSecret::new(self.random()),
        };
        let recall = Signed::sign(recall, &self.keys().signing).map_err(GatewayError::trouble)?;
        let size = recall.bytes().len() as u64;
        // Committed together with the order where possible, so that neither exists without the other.
        let (payload, kept, held) = match self.spool().is_inline(size) {
            true => {
                let payload = Payload { spool: SpoolId::Envelope(id), size, digest: Digest::of(recall.bytes()) };
                (payload, Some(Bytes::copy_from_slice(recall.bytes())), None)
            }
            false => {
                let (payload, held) = self.spool_bytes(SpoolId::Envelope(id), recall.bytes()).await?;
                (payload, None, Some(held))
            }
        };
        let expires = now.plus(NOTICE_LIFETIME);
        // Highest precedence: somebody may be reading what they should not have.
        let precedence = Precedence::Flash;
        let manifest = Manifest {
            version: Manifest::VERSION,
            exchange: id,
            kind: Kind::Recall,
            sender,
            recipient: of.partner.clone().into(),
            marking: of.marking.clone().unwrap_or_default(),
            cut_digest: recall.digest(),
            payload_digest: payload.digest,
            payload_size: payload.size,
            precedence,
            sealed_at_ms: now.unix_ms(),
            expires_at_ms: expires.unix_ms(),
            about: Some(of.id),
            formats: None,
            header: None,
            opening: recall.statement().proof(recall.digest()).commitment(),
        };
        let manifest = Signed::sign(manifest, &self.keys().signing).map_err(GatewayError::trouble)?;
        let mut row = Exchange::new(id, Direction::Out, of.partner.clone(), ExchangeState::Queued, now, expires);
        row.kind = ExchangeKind::Recall;
        row.about = Some(of.id);
        row.precedence = precedence;
        row.marking = of.marking.clone();
        row.product_id = of.product_id.clone();
        row.manifest = Some(manifest.bytes().to_vec());
        row.payload = Some(payload);
        let entry = Entry::new(now, EntryKind::ExchangeQueued, id, "gateway")
            .with("recalls", of.id)
            .with("partner", &of.partner)
            .with("manifest", manifest.digest());
        Ok(Notice { row, entry, kept, held })
    }

    /// Recreates every waiting notice whose payload differs from the record: the order is still valid, and the partner
    /// must be notified.
    ///
    /// # Errors
    /// [`GatewayError`] if store or spool cannot be read or written.
    pub(in crate::gateway) async fn recreate_notices(&self) -> Result<(), GatewayError> {
        let filter = ExchangeFilter {
            direction: Some(Direction::Out),
            kind: Some(ExchangeKind::Recall),
            states: [ExchangeState::Queued, ExchangeState::Parked].into(),
            limit: u32::MAX,
            ..ExchangeFilter::default()
        };
        for row in self.store().exchanges(&filter).await? {
            let whole = match row.payload {
                Some(payload) => self.is_whole(payload).await,
                None => false,
            };
            if whole || row.is_claimed(self.now()) {
                continue;
            }
            match self.recreate_notice(row, None).await {
                // Another process moved it on meanwhile.
                Ok(_) | Err(GatewayError::Store(StoreError::Conflict { .. })) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Replaces a lost or damaged notice by one with a new number, because the partner may have part or all of the
    /// lost one. Returns `false` if no order is on record for it. `by` is the attempt that claimed it, if any.
    pub(in crate::gateway) async fn recreate_notice(
        &self,
        lost: Exchange,
        by: Option<&Attempt>,
    ) -> Result<bool, GatewayError> {
        let Some(about) = lost.about else { return Ok(false) };
        let of = self.exchange_row(&about).await?;
        let ordered = match of.recalled.clone() {
            Some(ordered) => Some(ordered),
            None => self.recall_order_of(&of).await?,
        };
        let Some((Recalled { at, .. }, why)) = ordered.and_then(|ordered| {
            let why = RecallCode::ALL.into_iter().find(|code| code.as_str() == ordered.why)?;
            Some((ordered, why))
        }) else {
            return Ok(false);
        };
        let Notice { row, entry, kept, held } = self.notice(&of, why, at).await?;
        let (now, id) = (self.now(), row.id);
        let sentence = format!("its payload was lost or damaged: {id} takes its place");
        let cancelled = Entry::new(now, EntryKind::ExchangeCancelled, lost.id, "gateway").with("why", &sentence);
        let entries = vec![cancelled, entry.with("in-place-of", lost.id)];
        tracing::error!(exchange.id = %lost.id, partner.id = %lost.partner, by = %id, "a recall notice was lost or damaged: a new one was created");
        let lost = Exchange { state: ExchangeState::Cancelled, reason: Some(sentence), updated: now, ..lost };
        let new = Change::with_payload(row, kept);
        let made = match by {
            Some(attempt) => self.commit_as(attempt, lost, vec![new], entries).await,
            None => self.commit(vec![lost.into(), new], entries).await,
        };
        drop(held);
        if let Err(error) = &made
            && !error.is_outcome_unknown()
        {
            let _ = self.spool().remove(SpoolId::Envelope(id)).await;
        }
        made.map(|()| true)
    }
}
