//! What partners began to send and did not finish: how much of it there may be, and when it goes.
//!
//! A partner may keep so many unfinished payloads here, and so much of the room for payloads, and no more: beyond that its
//! offers are refused until there is room again. What is not gone on with is dropped when its manifest expires or after a
//! configured time, or by an operator. Nothing is lost by that: the sender has no receipt, and may offer it again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::inbound::NotTaken;
use super::{GatewayError, Node};
use crate::envelope::Kind;
use crate::ident::PartnerId;
use crate::ledger::{Entry, EntryKind};
use crate::partner::Partner;
use crate::store::{Direction, Exchange, ExchangeFilter, ExchangeState, ExclusiveFile, SpoolId, Spooled, Usage};
use crate::time::Time;
use crate::wire::RefusalCode;

/// How long there is no use in offering more when a partner's share is used up.
const NO_PLACE: Duration = Duration::from_secs(60);
/// How long what the store counted is gone on with before all of it is counted again: it can be many rows.
const COUNTED_FOR: Duration = Duration::from_secs(60);
/// How soon it is counted again for an offer that would be too much.
const COUNTED_AGAIN: Duration = Duration::from_secs(1);
/// In which payloads are here that were not taken.
const HERE: [ExchangeState; 3] = [ExchangeState::Receiving, ExchangeState::Received, ExchangeState::Quarantined];
/// So many times as long a payload may take in all, however often a little of it comes.
const IDLE_TIMES: u32 = 30;
/// Rows of one page.
const PAGE: u32 = 1000;

/// What each partner has here.
#[derive(Default)]
pub(super) struct Shares {
    counted: tokio::sync::Mutex<BTreeMap<PartnerId, Counted>>,
    /// What was accepted and is not on record yet.
    begun: Begun,
}

/// What the store counted of one partner, and what was accepted since.
#[derive(Clone, Copy, Debug)]
struct Counted {
    /// By how long the clock has run, which nobody sets back.
    at: Duration,
    unfinished: u64,
    /// Of all payloads, as offered.
    bytes: u64,
    /// Of those that are whole. The others may take less room than was offered.
    whole: u64,
}

#[derive(Clone, Default)]
struct Begun(Arc<Mutex<BTreeMap<PartnerId, Usage>>>);

impl Begun {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<PartnerId, Usage>> {
        // No code panics while it holds the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place of an offer that is accepted, until its row is on record.
pub(super) struct Place {
    begun: Begun,
    partner: PartnerId,
    bytes: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut begun = self.begun.lock();
        let Some(usage) = begun.get_mut(&self.partner) else { return };
        usage.exchanges = usage.exchanges.saturating_sub(1);
        usage.bytes = usage.bytes.saturating_sub(self.bytes);
        if usage.exchanges == 0 {
            begun.remove(&self.partner);
        }
    }
}

/// How much one partner may have here.
#[derive(Clone, Copy, Debug)]
struct Share {
    unfinished: u64,
    /// Of the bytes that payloads may take, in hundredths.
    percent: u64,
    /// Bytes free above the reserve.
    free: u64,
}

impl Share {
    /// Why one more payload of `size` bytes is too much for a partner that has this much already.
    fn exceeded(&self, has: &Counted, size: u64) -> Option<(RefusalCode, String)> {
        if has.unfinished >= self.unfinished {
            let why = format!(
                "the partner has {} unfinished payloads here, and may have {}: see [store] unfinished_max",
                has.unfinished, self.unfinished
            );
            return Some((RefusalCode::Busy, why));
        }
        let room = u128::from(self.free) + u128::from(has.whole);
        let allowed = room * u128::from(self.percent) / 100;
        let after = u128::from(has.bytes) + u128::from(size);
        (after > allowed).then(|| {
            let why = format!(
                "the partner has {} bytes of payloads here and offers {size}, and may have {allowed}: see \
                 [store] partner_percent, and take what is in the inbox",
                has.bytes
            );
            (RefusalCode::StorageUnavailable, why)
        })
    }
}

impl Node {
    /// A place for one more payload of a partner, or why there is none.
    pub(super) async fn place_for(&self, partner: &Partner, kind: Kind, size: u64) -> Result<Place, NotTaken> {
        let share = self.share_of(partner, kind)?;
        let shares = self.shares();
        let mut all = shares.counted.lock().await;
        let ran = self.running();
        let counted_for = |has: &Counted| ran.saturating_sub(has.at);
        let mut has = match all.get(&partner.id).copied().filter(|has| counted_for(has) < COUNTED_FOR) {
            Some(has) => has,
            None => self.count(&partner.id).await?,
        };
        if let Some((RefusalCode::Busy, _)) = share.exceeded(&has, size) {
            has.unfinished = self.count_unfinished(&partner.id).await?;
        }
        if let Some((RefusalCode::StorageUnavailable, _)) = share.exceeded(&has, size)
            && counted_for(&has) >= COUNTED_AGAIN
        {
            has = self.count(&partner.id).await?;
        }
        all.insert(partner.id.clone(), has);
        if let Some((code, why)) = share.exceeded(&has, size) {
            return Err(NotTaken { retry_after: Some(NO_PLACE), ..NotTaken::new(code, why) });
        }
        has.unfinished += 1;
        has.bytes = has.bytes.saturating_add(size);
        all.insert(partner.id.clone(), has);
        let mut begun = shares.begun.lock();
        let usage = begun.entry(partner.id.clone()).or_default();
        usage.exchanges += 1;
        usage.bytes = usage.bytes.saturating_add(size);
        Ok(Place { begun: shares.begun.clone(), partner: partner.id.clone(), bytes: size })
    }

    fn share_of(&self, partner: &Partner, kind: Kind) -> Result<Share, NotTaken> {
        let store = &self.config().store;
        let free = self.spool().free_bytes().map_err(NotTaken::full)?;
        // Whoever may send so many at once needs a place for each.
        let unfinished = store.unfinished_max.max(u64::from(partner.agreement.limits.concurrent));
        let share =
            Share { unfinished, percent: store.partner_percent, free: free.saturating_sub(store.reserve_bytes) };
        Ok(match kind {
            Kind::Product => share,
            // It is short, and only ever makes less readable here: where products have taken all places, it has as many.
            Kind::Recall => Share { unfinished: unfinished.saturating_mul(2), percent: 100, ..share },
        })
    }

    async fn count(&self, partner: &PartnerId) -> Result<Counted, GatewayError> {
        let at = self.running();
        // First: what comes on record in between is counted twice, and never missed.
        let begun = self.shares().begun.lock().get(partner).copied().unwrap_or_default();
        let held = self.store().held(partner, &HERE).await?;
        let unfinished = held.get(&ExchangeState::Receiving).map_or(0, |usage| usage.exchanges);
        let bytes = held.values().fold(begun.bytes, |sum, usage| sum.saturating_add(usage.bytes));
        let is_whole = |state: &ExchangeState| *state != ExchangeState::Receiving;
        let whole = held.iter().filter(|(state, _)| is_whole(state)).map(|(_, usage)| usage.bytes).sum();
        Ok(Counted { at, unfinished: unfinished + begun.exchanges, bytes, whole })
    }

    /// As [`Node::count`], of what is not finished alone: these are few.
    async fn count_unfinished(&self, partner: &PartnerId) -> Result<u64, GatewayError> {
        let begun = self.shares().begun.lock().get(partner).map_or(0, |usage| usage.exchanges);
        let held = self.store().held(partner, &[ExchangeState::Receiving]).await?;
        Ok(held.get(&ExchangeState::Receiving).map_or(begun, |usage| usage.exchanges + begun))
    }

    /// Drops what partners did not finish in time.
    pub(super) async fn expire_unfinished(&self) -> Result<(), GatewayError> {
        let listing = self.spool().list().await.map_err(|e| self.spool_trouble(&e))?;
        let mut files = BTreeMap::<SpoolId, Vec<&Spooled>>::new();
        listing.files.iter().for_each(|file| files.entry(file.id).or_default().push(file));
        for row in self.unfinished().await? {
            let files = files.get(&SpoolId::Envelope(row.id)).map_or(&[][..], Vec::as_slice);
            let last = files.iter().map(|file| file.modified).fold(row.updated, Time::max);
            // Were the store an older copy, what is whole may have been received since.
            let may_be_more = files.iter().any(|file| file.whole) && self.confirmed().is_none_or(|until| last >= until);
            if let Some(why) = self.is_over(&row, last).filter(|_| !may_be_more) {
                // Somebody may be going on with it just now.
                let _ = self.drop_unfinished(row, "gateway", &why).await?;
            }
        }
        Ok(())
    }

    /// Every exchange of which a payload is arriving or was left.
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

    /// Why an unfinished payload, of which nothing came after `last`, is not waited for any more.
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

    /// Drops what has arrived of an exchange: on record first. False if it is arriving at this moment.
    pub(super) async fn drop_unfinished(&self, row: Exchange, by: &str, why: &str) -> Result<bool, GatewayError> {
        let (id, spool) = (row.id, SpoolId::Envelope(row.id));
        let Some(_turn) = self.arriving().take(id) else { return Ok(false) };
        let Some(files) = self.loose_files(spool).await? else { return Ok(false) };
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

    /// The files of a payload, each locked; nothing if somebody has one of them.
    async fn loose_files(&self, id: SpoolId) -> Result<Option<Vec<ExclusiveFile>>, GatewayError> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partner_may_have_so_many_and_so_much_of_the_room() {
        let share = Share { unfinished: 2, percent: 50, free: 60 };
        let has = |unfinished, bytes| Counted { at: Duration::ZERO, unfinished, bytes, whole: bytes.min(40) };
        // 60 free and 40 its own: half of that is 50.
        let code = |share: Share, has: &Counted, size| share.exceeded(has, size).map(|(code, _)| code);
        assert_eq!(code(share, &has(1, 40), 10), None);
        assert_eq!(code(share, &has(1, 40), 11), Some(RefusalCode::StorageUnavailable));
        assert_eq!(code(share, &has(2, 0), 1), Some(RefusalCode::Busy));
        assert_eq!(code(share, &has(0, u64::MAX), u64::MAX), Some(RefusalCode::StorageUnavailable));
        assert_eq!(code(Share { percent: 100, ..share }, &has(1, 40), 60), None);
    }
}
