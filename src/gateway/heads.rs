//! Each side is the witness of the other's ledger: told of a later head of our own than we have, we were put back to an
//! older copy, and stop before anything is added to what others have seen differently.

use std::collections::BTreeSet;

use super::own_heads::{extends, keep_shown, not_extended, remedy};
use super::{GatewayError, Node};
use crate::change::{HeadPlace, LostHead, LostHeads};
use crate::ident::PartnerId;
use crate::ledger::{Entry, EntryKind, LedgerKey, SignedCheckpoint};
use crate::store::{Change, FlowChange, RESTORED, Store};
use crate::wire::{Heads, RefusalCode};

impl Node {
    /// What a partner is told of its ledger and ours.
    pub(super) async fn heads_for(&self, partner: &PartnerId) -> Result<Heads, GatewayError> {
        let own = self.store().head().await?.as_str().to_owned();
        Ok(Heads { own, seen: self.store().witnessed(partner).await? })
    }

    /// Takes in what a partner tells of our ledger and its own, if it does.
    ///
    /// # Errors
    /// The code with which the connection is closed.
    pub(super) async fn heads_from(&self, partner: &PartnerId, heads: Option<&Heads>) -> Result<(), RefusalCode> {
        let failed = |error: GatewayError| {
            tracing::error!(partner.id = %partner, error = %error, "a partner's heads cannot be judged");
            RefusalCode::NotCompleted
        };
        let Some(heads) = heads else {
            return match self.has_shown(partner).await.map_err(failed)? {
                Some(entries) => Err(self.head_not_shown(partner, entries).await),
                // One that was made just now and has nothing to show yet, or never showed anything.
                None => Ok(()),
            };
        };
        if let Some(seen) = &heads.seen
            && let Some(why) = self.put_back(partner, seen).await.map_err(failed)?
        {
            // Nothing more is put on record, and the next start does not get this far.
            self.proved().stop(why.clone());
            self.halt().because(&why);
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

    /// A partner that once showed a head, and says nothing of its ledger now, may have been put back to an older copy that it
    /// does not want us to see. Nothing is taken from it, and nothing is sent to it.
    async fn head_not_shown(&self, partner: &PartnerId, seen: u64) -> RefusalCode {
        tracing::error!(
            partner.id = %partner,
            seen,
            "the partner showed no head of its ledger, and did before: no link until it does; ask its operator"
        );
        let entry =
            Entry::new(self.now(), EntryKind::Alarm, partner, "gateway").with("ledger", "not-shown").with("seen", seen);
        if let Err(error) = self.commit_news(Vec::new(), vec![entry]).await {
            tracing::error!(partner.id = %partner, error = %error, "the alarm could not be put on record");
        }
        RefusalCode::ProtocolError
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
            let (witness, first) = self.witnessing(partner, head).await?;
            return self.commit(vec![witness], first.into_iter().collect()).await;
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
        self.commit_news(Vec::new(), vec![entry]).await
    }

    /// What remembers a verified head of a partner's ledger; with it, for the first, the entry after which the partner must
    /// show one in every Hello.
    pub(super) async fn witnessing(
        &self,
        partner: &PartnerId,
        head: SignedCheckpoint,
    ) -> Result<(Change, Option<Entry>), GatewayError> {
        let entry =
            || Entry::new(self.now(), EntryKind::PartnerWitnessed, partner, "gateway").with("entries", head.size());
        let first = self.has_shown(partner).await?.is_none().then(entry);
        Ok((FlowChange::Witness { partner: partner.clone(), head }.into(), first))
    }

    /// How many entries a partner's ledger had that it has shown a head of, as far as we remember; `None` if it never did.
    /// By the ledger as well: a row that somebody deletes is not enough to be taken for new.
    async fn has_shown(&self, partner: &PartnerId) -> Result<Option<u64>, GatewayError> {
        if let Some(known) = self.store().witnessed(partner).await? {
            return Ok(Some(size_of(&known).unwrap_or_default()));
        }
        let entries = self.store().entries_about(partner.as_str()).await?;
        let shown = entries.iter().rev().find(|recorded| recorded.entry.kind() == EntryKind::PartnerWitnessed);
        Ok(shown.map(|shown| shown.entry.detail().get("entries").and_then(|n| n.parse().ok()).unwrap_or_default()))
    }

    /// How a head of our own ledger, as a partner has seen it, shows that the store is an older copy of itself.
    async fn put_back(&self, partner: &PartnerId, seen: &str) -> Result<Option<String>, GatewayError> {
        let Ok(head) = self.own_head(seen) else {
            // Anybody can make up a text; only what we signed is evidence against us.
            tracing::warn!("a partner showed a head of our ledger that we did not sign");
            return Ok(None);
        };
        let ours = self.store().head().await?;
        if head.size() == 0 || lost_heads(&**self.store()).await?.accepts(&lost(partner, &head)) {
            return Ok(None);
        }
        if extends(&**self.store(), &ours, &head).await? {
            self.confirm();
            return Ok(None);
        }
        let file = keep_shown(self.config(), partner, &head)?;
        let what = not_extended(&format!("partner `{partner}`"), &head, &ours);
        let remedy = remedy(&[format!("--head {partner}={}", file.display())]);
        Ok(Some(format!("{what}; {remedy}")))
    }

    /// A head that we signed.
    fn own_head(&self, text: &str) -> Result<SignedCheckpoint, GatewayError> {
        let key = self.ledger_key().parse::<LedgerKey>().map_err(GatewayError::trouble)?;
        SignedCheckpoint::verify(text, &key).map_err(GatewayError::trouble)
    }

    /// Those that are accepted, the heads in these texts, and that the files in these places are missing, for officers to
    /// sign: each head signed by us, seen by the partner named or left beside the store (our own name), and not part of our
    /// ledger.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] if one is not a head that we signed, was accepted before, or is not lost.
    pub(super) async fn losing(
        &self,
        heads: &[(PartnerId, String)],
        without: &BTreeSet<HeadPlace>,
    ) -> Result<LostHeads, GatewayError> {
        let ours = self.store().head().await?;
        let own = PartnerId::from(self.config().node.name.clone());
        let mut all = self.losing_files(lost_heads(&**self.store()).await?, without.iter().copied(), &ours)?;
        for (partner, text) in heads {
            let shown = if *partner == own {
                self.proved().heads().map(|heads| heads.among(text.as_bytes())).unwrap_or_default()
            } else {
                self.partner(partner).await?;
                self.own_head(text).into_iter().collect()
            };
            if shown.is_empty() {
                return Err(GatewayError::refused(format!(
                    "what `{partner}` is to have seen is no head that this node signed"
                )));
            }
            let (mut kept, mut known) = (None, None);
            let before = all.clone();
            for head in shown {
                if extends(&**self.store(), &ours, &head).await? {
                    kept = Some(head.size());
                } else {
                    match all.with(lost(partner, &head)) {
                        Some(more) => all = more,
                        None => known = Some(head.size()),
                    }
                }
            }
            if all != before {
                continue;
            }
            return Err(GatewayError::refused(match (known, kept) {
                (Some(size), _) => format!("it is accepted already that {size} entries seen by `{partner}` are lost"),
                (None, kept) => format!(
                    "our ledger extends the head of {} entries that `{partner}` has seen: nothing of it is lost",
                    kept.unwrap_or_default()
                ),
            }));
        }
        Ok(all)
    }
}

/// Which heads of ours it was accepted that are lost.
pub(super) async fn lost_heads(store: &dyn Store) -> Result<LostHeads, GatewayError> {
    let damaged = || GatewayError::Trouble("the lost heads on record do not read: run `ledger verify`".into());
    let Some(setting) = store.setting(RESTORED).await? else { return Ok(LostHeads::default()) };
    let text = String::from_utf8(setting.value).map_err(|_| damaged())?;
    LostHeads::parse(&text).ok_or_else(damaged)
}

pub(super) fn lost(partner: &PartnerId, head: &SignedCheckpoint) -> LostHead {
    LostHead { partner: partner.clone(), entries: head.size(), root: head.root() }
}

/// The size in a head's text (C2SP tlog-checkpoint: the second line).
fn size_of(note: &str) -> Option<u64> {
    note.lines().nth(1)?.parse().ok()
}
