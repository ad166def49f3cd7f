//! Each side is the witness of the other's ledger: told of a later head of our own than we have, we were put back to an
//! older copy, and stop before anything is added to what others have seen differently.

use super::{GatewayError, Node};
use crate::ident::PartnerId;
use crate::ledger::{Entry, EntryKind, LedgerKey, SignedCheckpoint};
use crate::store::{FlowChange, Setting, Version};
use crate::wire::{Heads, RefusalCode};

/// The setting that holds how many entries of an earlier ledger of ours partners may have seen, after an operator has put
/// the store back from a copy knowingly.
const RESTORED: &str = "restored";

impl Node {
    /// What a partner is told of its ledger and ours.
    pub(super) async fn heads_for(&self, partner: &PartnerId) -> Result<Heads, GatewayError> {
        let own = self.store().head().await?.as_str().to_owned();
        Ok(Heads { own, seen: self.store().witnessed(partner).await? })
    }

    /// Takes in what a partner tells of our ledger and its own.
    ///
    /// # Errors
    /// The code with which the connection is closed.
    pub(super) async fn heads_from(&self, partner: &PartnerId, heads: &Heads) -> Result<(), RefusalCode> {
        let failed = |error: GatewayError| {
            tracing::error!(partner.id = %partner, error = %error, "a partner's heads cannot be judged");
            RefusalCode::NotCompleted
        };
        if let Some(seen) = &heads.seen
            && let Some(why) = self.put_back(seen).await.map_err(failed)?
        {
            self.halt().because(&format!("partner `{partner}` {why}"));
            return Err(RefusalCode::NotCompleted);
        }
        let key = self.partner(partner).await.map_err(failed)?.description.ledger_key.clone();
        let theirs = key.parse::<LedgerKey>().ok().and_then(|key| SignedCheckpoint::verify(&heads.own, &key).ok());
        let Some(theirs) = theirs else {
            tracing::warn!(partner.id = %partner, "the partner's ledger head is not signed with its ledger key");
            return Err(RefusalCode::ProtocolError);
        };
        self.witness(partner, theirs).await.map_err(failed)
    }

    /// Remembers a verified head of a partner's ledger. One that is smaller than, or differs from, what was seen before
    /// is the partner's trouble, and an alarm of ours: what it signed before may be missing from its ledger.
    async fn witness(&self, partner: &PartnerId, head: SignedCheckpoint) -> Result<(), GatewayError> {
        let known = self.store().witnessed(partner).await?;
        let size = known.as_deref().and_then(size_of);
        let went_back = match (&known, size) {
            (Some(known), Some(size)) => head.size() < size || head.size() == size && head.as_str() != known,
            _ => false,
        };
        if !went_back {
            return self.commit(vec![FlowChange::Witness { partner: partner.clone(), head }.into()], Vec::new()).await;
        }
        tracing::error!(
            partner.id = %partner,
            entries = head.size(),
            seen = size,
            "the partner's ledger is not what it was: ask its operator"
        );
        let entry = Entry::new(self.now(), EntryKind::Alarm, partner, "gateway")
            .with("ledger", "went-back")
            .with("entries", head.size())
            .with("seen", size.unwrap_or_default());
        self.record(vec![entry]).await
    }

    /// How a head of our own ledger, as a partner has seen it, shows that the store is an older copy of itself.
    async fn put_back(&self, seen: &str) -> Result<Option<String>, GatewayError> {
        let Ok(seen) = self
            .ledger_key()
            .parse::<LedgerKey>()
            .map_err(GatewayError::trouble)
            .and_then(|key| SignedCheckpoint::verify(seen, &key).map_err(GatewayError::trouble))
        else {
            // Anybody can make up a text; only what we signed is evidence against us.
            tracing::warn!("a partner showed a head of our ledger that we did not sign");
            return Ok(None);
        };
        let head = self.store().head().await?;
        if seen.size() == 0 || seen.size() <= self.restored().await? {
            return Ok(None);
        }
        let remedy = format!(
            "put the newest copy back, or, if there is none, accept the loss with `portcullis ledger resume --entries {}`",
            seen.size()
        );
        if seen.size() > head.size() {
            let (theirs, ours) = (seen.size(), head.size());
            return Ok(Some(format!(
                "holds a head of our ledger of {theirs} entries, and it has {ours}: the store is an older copy; {remedy}"
            )));
        }
        let proof = self.store().prove_consistency(seen.size(), &head).await?;
        let extends = proof.check_consistency(seen.size(), seen.root(), head.size(), head.root()).is_ok();
        Ok((!extends).then(|| {
            format!(
                "holds a head of {} entries that our ledger does not extend: the store was an older copy; {remedy}",
                seen.size()
            )
        }))
    }

    /// Up to which size partners may have seen another ledger of ours.
    async fn restored(&self) -> Result<u64, GatewayError> {
        let setting = self.store().setting(RESTORED).await?;
        let number = setting.and_then(|s| String::from_utf8(s.value).ok()).and_then(|text| text.parse().ok());
        Ok(number.unwrap_or(0))
    }

    /// An operator has put the store back from a copy, and knows that partners have seen `entries` entries of what is lost.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] if that was accepted before.
    pub async fn resume_ledger(&self, entries: u64, why: &str) -> Result<(), GatewayError> {
        let before = self.restored().await?;
        if entries <= before {
            return Err(GatewayError::refused(format!(
                "{before} entries are accepted as lost already: nothing was changed"
            )));
        }
        let version = self.store().setting(RESTORED).await?.map_or(Version::NEW, |setting| setting.version);
        let now = self.now();
        let value = entries.to_string().into_bytes();
        let row = Setting { name: RESTORED.to_owned(), value, changed: now, version };
        let entry =
            Entry::new(now, EntryKind::SettingChanged, RESTORED, "operator").with("entries", entries).with("why", why);
        self.commit(vec![row.into()], vec![entry]).await
    }
}

/// The size in a head's text (C2SP tlog-checkpoint: the second line).
fn size_of(note: &str) -> Option<u64> {
    note.lines().nth(1)?.parse().ok()
}
