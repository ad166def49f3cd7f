//! Each side is the witness of the other's ledger: told of a later head of our own than we have, we were put back to an
//! older copy, and stop before anything is added to what others have seen differently.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::change::{HeadPlace, LostHeads};
use crate::digest::Digest;
use crate::gateway::node::checkpoints::accepted::{accepted_losses, lost};
use crate::gateway::node::checkpoints::known::{extends, keep_shown, not_extended, remedy};
use crate::gateway::{GatewayError, Node};
use crate::ident::PartnerId;
use crate::ledger::{Entry, EntryKind, LedgerKey, Proof, SignedCheckpoint};
use crate::store::{Change, Direction, ExchangeFilter, ExchangeState, TrafficChange};
use crate::time::Time;
use crate::wire::{CheckpointExchange, Consistency, RefusalCode};

/// How many of a partner's latest receipts are looked at for the greatest head.
const LATEST: u32 = 16;

/// What was said in the ledger of a partner's ledger.
struct Said {
    /// The last of it, if that was an alarm: which, and how many entries were seen.
    alarm: Option<(String, String)>,
    /// Whether so much was said lately that no more is: an alarm that was said last stays.
    is_often: bool,
}

/// So many alarms of a partner's ledger, and ends of them, within such a time are often.
const OFTEN: usize = 8;
const OFTEN_WITHIN: Duration = Duration::from_secs(3600);

impl Node {
    /// What a partner is told of its ledger and ours.
    pub(in crate::gateway) async fn checkpoints_for(
        &self,
        partner: &PartnerId,
    ) -> Result<CheckpointExchange, GatewayError> {
        let own = self.store().head().await?.as_str().to_owned();
        let seen = self.store().witnessed(partner).await?;
        // Without it, the partner proves less.
        let heard = self.heard(partner, seen.as_deref().and_then(size_of)).await.unwrap_or_default();
        Ok(CheckpointExchange { own, seen, heard })
    }

    /// The greatest head of a partner's ledger among its latest receipts, if it is greater than the one of `seen` entries.
    async fn heard(&self, partner: &PartnerId, seen: Option<u64>) -> Result<Option<String>, GatewayError> {
        let Some(key) = self.partners_ledger(partner).await? else { return Ok(None) };
        let filter = ExchangeFilter {
            direction: Some(Direction::Out),
            partner: Some(partner.clone()),
            states: [ExchangeState::Delivered, ExchangeState::DeliveredAfterStop].into(),
            limit: LATEST,
            ..ExchangeFilter::default()
        };
        let rows = self.store().exchanges(&filter).await?;
        let heads =
            rows.iter().filter_map(|row| SignedCheckpoint::verify(row.partner_checkpoint.as_deref()?, &key).ok());
        let greatest = heads.max_by_key(SignedCheckpoint::size).filter(|head| Some(head.size()) > seen);
        Ok(greatest.map(|head| head.as_str().to_owned()))
    }

    /// The key of a partner's ledger, if it reads.
    async fn partners_ledger(&self, partner: &PartnerId) -> Result<Option<LedgerKey>, GatewayError> {
        Ok(self.partner(partner).await?.description.ledger_key.parse().ok())
    }

    /// What proves our ledger, at the head that `ours` tells, against the heads of it that a partner `told`. Where there is no
    /// such proof it is empty, and the partner sees that.
    pub(in crate::gateway) async fn prove_checkpoints(
        &self,
        ours: &CheckpointExchange,
        told: &CheckpointExchange,
    ) -> Consistency {
        let Ok(own) = self.own_head(&ours.own) else { return Consistency::default() };
        Consistency {
            seen: self.hashes(&own, told.seen.as_deref()).await,
            heard: self.hashes(&own, told.heard.as_deref()).await,
        }
    }

    async fn hashes(&self, own: &SignedCheckpoint, told: Option<&str>) -> Vec<Digest> {
        let Some(Ok(head)) = told.map(|text| self.own_head(text)) else { return Vec::new() };
        if head.size() == 0 || head.size() > own.size() {
            return Vec::new();
        }
        let proof = self.store().prove_consistency(head.size(), own).await;
        proof.map(|proof| proof.hashes().to_vec()).unwrap_or_default()
    }

    /// Takes in what a partner tells of our ledger and its own, if it does, with its proof that its ledger extends what `ours`
    /// told of it.
    ///
    /// # Errors
    /// The code with which the connection is closed.
    pub(in crate::gateway) async fn checkpoints_from(
        &self,
        partner: &PartnerId,
        ours: Option<&CheckpointExchange>,
        heads: Option<&CheckpointExchange>,
        proof: Option<&Consistency>,
    ) -> Result<(), RefusalCode> {
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
        // Each is kept, so that the next start names all of them.
        let mut stops = None;
        for told in heads.told() {
            stops = self.put_back(partner, told).await.map_err(failed)?.or(stops);
        }
        if let Some(why) = stops {
            // Nothing more is put on record, and the next start does not get this far.
            self.proved().stop(why.clone());
            self.fatal_stop().because(&why);
            return Err(RefusalCode::NotCompleted);
        }
        let key = self.partners_ledger(partner).await.map_err(failed)?;
        let theirs = key.as_ref().and_then(|key| SignedCheckpoint::verify(&heads.own, key).ok());
        let (Some(key), Some(theirs)) = (key, theirs) else {
            tracing::warn!(partner.id = %partner, "the partner's ledger head is not signed with its ledger key");
            return Err(RefusalCode::ProtocolError);
        };
        let told = ours.into_iter().flat_map(|ours| {
            let (seen, heard) = proof.map(|proof| (proof.seen.clone(), proof.heard.clone())).unwrap_or_default();
            [(ours.seen.as_deref(), seen), (ours.heard.as_deref(), heard)]
        });
        let told: Vec<_> = told.filter_map(|(text, hashes)| Some((text?, hashes))).collect();
        let fault = told.iter().find_map(|(text, hashes)| not_extending(text, &key, &theirs, hashes));
        match fault {
            None => self.witness(partner, ours.and_then(|ours| ours.seen.as_deref()), theirs).await.map_err(failed),
            Some((how, seen)) => self.not_what_it_was(partner, &theirs, how, seen).await.map_err(failed),
        }
    }

    /// A partner that once showed a head, and says nothing of its ledger now, may have been put back to an older copy that it
    /// does not want us to see. Nothing is taken from it, and nothing is sent to it.
    async fn head_not_shown(&self, partner: &PartnerId, seen: u64) -> RefusalCode {
        tracing::error!(
            partner.id = %partner,
            seen,
            "the partner showed no head of its ledger, and did before: no link until it does; ask its operator"
        );
        if let Err(error) = self.alarm_of_ledger(partner, "not-shown", seen).await {
            tracing::error!(partner.id = %partner, error = %error, "the alarm could not be put on record");
        }
        RefusalCode::ProtocolError
    }

    /// Remembers a head of a partner's ledger that was proven to extend the one that was `seen` of it, or the first one. It
    /// ends what was said of an earlier one. Where another was taken in meanwhile, or none was told, the proof says nothing of
    /// what is remembered, and that stays: the next Hello asks for a proof of it.
    async fn witness(
        &self,
        partner: &PartnerId,
        seen: Option<&str>,
        head: SignedCheckpoint,
    ) -> Result<(), GatewayError> {
        let _turn = self.witness_turn().await;
        if self.store().witnessed(partner).await?.as_deref() != seen {
            return Ok(());
        }
        let entry =
            Entry::new(self.now(), EntryKind::PartnerWitnessed, partner, "gateway").with("entries", head.size());
        let said = self.said_of_ledger(partner).await?;
        // One that comes and goes stays an alarm for as long as it does.
        let said = said.alarm.is_some() && !said.is_often || self.has_shown(partner).await?.is_none();
        let witness = TrafficChange::Witness { partner: partner.clone(), head }.into();
        self.commit(vec![witness], said.then_some(entry).into_iter().collect()).await
    }

    /// The ledger of a partner does not extend what was seen of it: what it signed before may be missing from it. That is the
    /// partner's trouble, and an alarm of ours, and the head that was seen stays.
    async fn not_what_it_was(
        &self,
        partner: &PartnerId,
        head: &SignedCheckpoint,
        how: &'static str,
        seen: u64,
    ) -> Result<(), GatewayError> {
        let entries = head.size();
        tracing::error!(partner.id = %partner, entries, seen, how, "the partner's ledger is not what it was: ask its operator");
        self.alarm_of_ledger(partner, how, seen).await
    }

    /// One alarm while it lasts, however often the partner connects, and only so many where it comes and goes. One that a good
    /// head has ended since is given again, also where it says the same: who goes back a second time must not go unnoticed.
    async fn alarm_of_ledger(&self, partner: &PartnerId, how: &'static str, seen: u64) -> Result<(), GatewayError> {
        // Two connections at once are one alarm too.
        let _turn = self.witness_turn().await;
        // Where it cannot be read what was said, it is said again.
        if let Ok(said) = self.said_of_ledger(partner).await
            && let Some(alarm) = said.alarm
            && (said.is_often || alarm == (how.to_owned(), seen.to_string()))
        {
            return Ok(());
        }
        let entry = Entry::new(self.now(), EntryKind::Alarm, partner, "gateway").with("ledger", how).with("seen", seen);
        self.record(vec![entry]).await
    }

    /// What remembers the head in a receipt of a partner's of whose ledger nothing was seen, with the entry after which the
    /// partner must show one in every Hello. A later one comes without a proof: it stays with its exchange, and the next
    /// Hello asks for the proof.
    pub(in crate::gateway) async fn witnessing(
        &self,
        partner: &PartnerId,
        head: SignedCheckpoint,
    ) -> Result<Option<(Change, Entry)>, GatewayError> {
        if self.has_shown(partner).await?.is_some() {
            return Ok(None);
        }
        let entry =
            Entry::new(self.now(), EntryKind::PartnerWitnessed, partner, "gateway").with("entries", head.size());
        Ok(Some((TrafficChange::Witness { partner: partner.clone(), head }.into(), entry)))
    }

    /// What was said last of a partner's ledger, if it was an alarm: `went-back`, `forked` or `not-shown`, and how many entries
    /// were seen of it.
    pub(in crate::gateway) async fn ledger_alarm(
        &self,
        partner: &PartnerId,
    ) -> Result<Option<(String, String)>, GatewayError> {
        Ok(self.said_of_ledger(partner).await?.alarm)
    }

    async fn said_of_ledger(&self, partner: &PartnerId) -> Result<Said, GatewayError> {
        let entries = self.store().entries_about(partner.as_str()).await?;
        let mut said = entries.iter().rev().map(|recorded| &recorded.entry).filter(|entry| match entry.kind() {
            EntryKind::Alarm => entry.detail().contains_key("ledger"),
            kind => kind == EntryKind::PartnerWitnessed,
        });
        let last = said.next();
        let alarm = last.filter(|entry| entry.kind() == EntryKind::Alarm).map(|entry| {
            let detail = |name: &str| entry.detail().get(name).cloned().unwrap_or_default();
            (detail("ledger"), detail("seen"))
        });
        let since = self.now().minus(OFTEN_WITHIN);
        let recent = last.into_iter().chain(said).take_while(|entry| entry.time() > since).take(OFTEN);
        Ok(Said { alarm, is_often: recent.count() == OFTEN })
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
        if head.size() == 0 || accepted_losses(&**self.store()).await?.accepts(&lost(partner, &head)) {
            return Ok(None);
        }
        if extends(&**self.store(), &ours, &head).await? {
            let last = self.store().entries(head.size() - 1, 1).await?.pop();
            self.confirm(last.map_or(Time::EPOCH, |last| last.entry.time()));
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
    pub(in crate::gateway) async fn losing(
        &self,
        heads: &[(PartnerId, String)],
        without: &BTreeSet<HeadPlace>,
    ) -> Result<LostHeads, GatewayError> {
        let ours = self.store().head().await?;
        let own = PartnerId::from(self.config().node.name.clone());
        let accepted = accepted_losses(&**self.store()).await?;
        let mut all = self.losing_files(accepted.clone(), without.iter().copied(), &ours)?;
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
            let (mut kept, mut known, mut named) = (None, None, false);
            for head in shown {
                if extends(&**self.store(), &ours, &head).await? {
                    kept = Some(head.size());
                } else {
                    let lost = lost(partner, &head);
                    match all.with(lost.clone()) {
                        Some(more) => (all, named) = (more, true),
                        None if accepted.accepts(&lost) => known = Some(head.size()),
                        // The files beside the database and in the spool hold the same.
                        None => named = true,
                    }
                }
            }
            if named {
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

/// How a partner's ledger with the head `theirs` fails to extend a head of it in `text`, and how many entries that had; `None` if
/// `hashes` prove that it does, or the head was signed with a key that is not the ledger's any more.
fn not_extending(
    text: &str,
    key: &LedgerKey,
    theirs: &SignedCheckpoint,
    hashes: &[Digest],
) -> Option<(&'static str, u64)> {
    let told = match SignedCheckpoint::verify(text, key) {
        Ok(told) => told,
        Err(_) => return size_of(text).filter(|size| theirs.size() < *size).map(|size| ("went-back", size)),
    };
    if told.size() == 0 || told.as_str() == theirs.as_str() {
        return None;
    }
    if theirs.size() < told.size() || theirs.size() == told.size() && theirs.root() != told.root() {
        return Some(("went-back", told.size()));
    }
    let proof = Proof::from_hashes(hashes.to_vec());
    let proven = proof.check_consistency(told.size(), told.root(), theirs.size(), theirs.root());
    proven.err().map(|_| ("forked", told.size()))
}

/// The size in a head's text (C2SP tlog-checkpoint: the second line).
fn size_of(note: &str) -> Option<u64> {
    note.lines().nth(1)?.parse().ok()
}
