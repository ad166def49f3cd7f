//! Unfinished transfers from partners: how many may be stored, and when they are removed.
//!
//! A partner may have a limited number of unfinished payloads here and a limited share of the storage; beyond that
//! its offers are refused. An unfinished payload is dropped when its manifest expires, after a configured time, or by
//! an operator. Nothing is lost: the sender has no receipt and may offer it again.

use crate::gateway::node::process::payload_quota::{PartnerUsage, PayloadQuota, PayloadReservation};
use std::collections::BTreeMap;
use std::time::Duration;

use crate::envelope::Kind;
use crate::gateway::inbound::answer::Rejection;
use crate::gateway::{GatewayError, Node};
use crate::ident::PartnerId;
use crate::ledger::{Entry, EntryKind};
use crate::partner::Partner;
use crate::store::{Direction, Exchange, ExchangeFilter, ExchangeState, ExclusiveFile, SpoolId, Spooled};
use crate::time::Time;
use crate::wire::RefusalCode;

/// Retry delay for a partner whose share is used up.
const QUOTA_RETRY: Duration = Duration::from_secs(60);
/// How long a count from the store is used before all rows are counted again, which can be many.
const COUNT_LIFETIME: Duration = Duration::from_secs(60);
/// How soon it is counted again for an offer that would exceed the share.
const RECOUNT_AFTER: Duration = Duration::from_secs(1);
/// States in which payloads are stored here and not taken.
const HERE: [ExchangeState; 3] = [ExchangeState::Receiving, ExchangeState::Received, ExchangeState::Quarantined];
/// A transfer may take this many idle times in total, however often a little of it arrives.
const IDLE_TIMES: u32 = 30;
/// Rows of one page.
const PAGE: u32 = 1000;

impl Node {
    /// Reserves space for one more payload of a partner, or returns why there is none.
    pub(in crate::gateway) async fn reserve_payload(
        &self,
        partner: &Partner,
        kind: Kind,
        size: u64,
    ) -> Result<PayloadReservation, Rejection> {
        let share = self.quota_of(partner, kind)?;
        let shares = self.payload_usage();
        let mut all = shares.counted.lock().await;
        let ran = self.running();
        let counted_for = |has: &PartnerUsage| ran.saturating_sub(has.at);
        let mut has = match all.get(&partner.id).copied().filter(|has| counted_for(has) < COUNT_LIFETIME) {
            Some(has) => has,
            None => self.count(&partner.id).await?,
        };
        if let Some((RefusalCode::Busy, _)) = share.exceeded(&has, size) {
            has.unfinished = self.count_unfinished(&partner.id).await?;
        }
        if let Some((RefusalCode::StorageUnavailable, _)) = share.exceeded(&has, size)
            && counted_for(&has) >= RECOUNT_AFTER
        {
            has = self.count(&partner.id).await?;
        }
        all.insert(partner.id.clone(), has);
        if let Some((code, why)) = share.exceeded(&has, size) {
            return Err(Rejection { retry_after: Some(QUOTA_RETRY), ..Rejection::new(code, why) });
        }
        has.unfinished += 1;
        has.bytes = has.bytes.saturating_add(size);
        all.insert(partner.id.clone(), has);
        let mut begun = shares.begun.lock();
        let usage = begun.entry(partner.id.clone()).or_default();
        usage.exchanges += 1;
        usage.bytes = usage.bytes.saturating_add(size);
        Ok(PayloadReservation { begun: shares.begun.clone(), partner: partner.id.clone(), bytes: size })
    }

    fn quota_of(&self, partner: &Partner, kind: Kind) -> Result<PayloadQuota, Rejection> {
        let store = &self.config().store;
        let free = self.spool().free_bytes().map_err(Rejection::full)?;
        // A partner that may send so many at once needs space for each.
        let unfinished = store.unfinished_max.max(u64::from(partner.agreement.limits.concurrent));
        let share =
            PayloadQuota { unfinished, percent: store.partner_percent, free: free.saturating_sub(store.reserve_bytes) };
        Ok(match kind {
            Kind::Product => share,
            // A recall is short and only reduces what is readable here: it has as many places again when products
            // have used all.
            Kind::Recall => PayloadQuota { unfinished: unfinished.saturating_mul(2), percent: 100, ..share },
        })
    }

    async fn count(&self, partner: &PartnerId) -> Result<PartnerUsage, GatewayError> {
        let at = self.running();
        // Read first: rows recorded in between are counted twice and never missed.
        let begun = self.payload_usage().begun.lock().get(partner).copied().unwrap_or_default();
        let held = self.store().inbound_usage(partner, &HERE).await?;
        let unfinished = held.get(&ExchangeState::Receiving).map_or(0, |usage| usage.exchanges);
        let bytes = held.values().fold(begun.bytes, |sum, usage| sum.saturating_add(usage.bytes));
        let is_whole = |state: &ExchangeState| *state != ExchangeState::Receiving;
        let whole = held.iter().filter(|(state, _)| is_whole(state)).map(|(_, usage)| usage.bytes).sum();
        Ok(PartnerUsage { at, unfinished: unfinished + begun.exchanges, bytes, whole })
    }

    /// As [`Node::count`], of unfinished payloads alone: these are few.
    async fn count_unfinished(&self, partner: &PartnerId) -> Result<u64, GatewayError> {
        let begun = self.payload_usage().begun.lock().get(partner).map_or(0, |usage| usage.exchanges);
        let held = self.store().inbound_usage(partner, &[ExchangeState::Receiving]).await?;
        Ok(held.get(&ExchangeState::Receiving).map_or(begun, |usage| usage.exchanges + begun))
    }

    /// Drops transfers that partners did not finish in time.
    pub(in crate::gateway) async fn expire_unfinished(&self) -> Result<(), GatewayError> {
        let listing = self.spool().list().await.map_err(|e| self.spool_trouble(&e))?;
        let mut files = BTreeMap::<SpoolId, Vec<&Spooled>>::new();
        listing.files.iter().for_each(|file| files.entry(file.id).or_default().push(file));
        for row in self.unfinished().await? {
            let files = files.get(&SpoolId::Envelope(row.id)).map_or(&[][..], Vec::as_slice);
            let last = files.iter().map(|file| file.modified).fold(row.updated, Time::max);
            // If the store is an older copy, a complete payload may have been received since.
            let may_be_more = files.iter().any(|file| file.whole) && self.confirmed().is_none_or(|until| last >= until);
            if let Some(why) = self.is_over(&row, last).filter(|_| !may_be_more) {
                // The transfer may just be continuing.
                let _ = self.drop_unfinished(row, "gateway", &why).await?;
            }
        }
        Ok(())
    }

    /// Every exchange whose payload is arriving or was left unfinished.
    async fn unfinished(&self) -> Result<Vec<Exchange>, GatewayError> {
        let mut filter = ExchangeFilter {
            direction: Some(Direction::In),
            states: [ExchangeState::Receiving].into(),
            limit: PAGE,
            ..ExchangeFilter::default()
        };
        let mut rows = Vec::new();
        loop {
            let page = self.store().exchanges(&filter).await?;
            let Some(last) = page.last() else { return Ok(rows) };
            filter.before = Some(last.id);
            rows.extend(page);
        }
    }

    /// Why an unfinished payload, of which nothing arrived after `last`, is dropped.
    fn is_over(&self, row: &Exchange, last: Time) -> Option<String> {
        let (now, hours) = (self.now(), self.config().store.unfinished_hours);
        if row.expires <= now {
            return Some(format!("not finished before it expired at {}", row.expires));
        }
        let idle = Duration::from_secs(hours.saturating_mul(3600));
        if now.since(row.updated) >= idle.saturating_mul(IDLE_TIMES) {
            return Some(format!("not finished in {} hours", hours.saturating_mul(IDLE_TIMES.into())));
        }
        (now.since(last) >= idle).then(|| format!("not finished: nothing came for {hours} hours"))
    }

    /// Drops what has arrived of an exchange, after recording that. `false` if it is arriving now.
    pub(in crate::gateway) async fn drop_unfinished(
        &self,
        row: Exchange,
        by: &str,
        why: &str,
    ) -> Result<bool, GatewayError> {
        let (id, spool) = (row.id, SpoolId::Envelope(row.id));
        let Some(_turn) = self.arriving().take(id) else { return Ok(false) };
        let Some(files) = self.lock_files(spool).await? else { return Ok(false) };
        let now = self.now();
        let partner = row.partner.clone();
        let row = Exchange {
            state: ExchangeState::Refused,
            payload: None,
            updated: now,
            reason: Some(why.to_owned()),
            ..row
        };
        let entry = Entry::new(now, EntryKind::ExchangeRefused, id, by).with("why", why);
        self.commit(vec![row.into()], vec![entry]).await?;
        tracing::warn!(exchange.id = %id, partner.id = %partner, by, why, "dropped what had arrived of a payload");
        for file in files {
            file.remove().await.map_err(|e| self.spool_trouble(&e))?;
        }
        Ok(true)
    }

    /// The files of a payload, each locked; `None` if another holds one of them.
    async fn lock_files(&self, id: SpoolId) -> Result<Option<Vec<ExclusiveFile>>, GatewayError> {
        let listing = self.spool().list().await.map_err(|e| self.spool_trouble(&e))?;
        let mut files = Vec::new();
        for found in listing.files.iter().filter(|file| file.id == id) {
            let loose = self.spool().lock_exclusive(found).await.map_err(|e| self.spool_trouble(&e))?;
            let Some(loose) = loose else { return Ok(None) };
            files.push(loose);
        }
        Ok(Some(files))
    }
}
