//! Each side witnesses the other's ledger. When a partner shows a later checkpoint of our ledger than the store has,
//! the store was rolled back: the node stops before it appends anything that contradicts what others have seen.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::change::{CheckpointPlace, LostCheckpoints};
use crate::digest::Digest;
use crate::gateway::node::checkpoints::accepted::{accepted_losses, lost};
use crate::gateway::node::checkpoints::known::{extends, not_extended_message, remedy, save_shown};
use crate::gateway::{GatewayError, Node};
use crate::ident::PartnerId;
use crate::ledger::{Entry, EntryKind, LedgerKey, Proof, SignedCheckpoint};
use crate::store::{Change, Direction, ExchangeFilter, ExchangeState, TrafficChange};
use crate::time::Time;
use crate::wire::{CheckpointExchange, Consistency, RefusalCode};

/// How many of a partner's latest receipts are searched for the largest checkpoint.
const LATEST: u32 = 16;

/// What our ledger records about a partner's ledger.
struct LedgerAlarm {
    /// The last entry, if it was an alarm: its code, and how many entries had been seen.
    alarm: Option<(String, String)>,
    /// Whether the rate limit is reached; the last alarm then stays in force.
    is_often: bool,
}

/// Rate limit: this many alarms about a partner's ledger, and ends of them, within this time.
const OFTEN: usize = 8;
const OFTEN_WITHIN: Duration = Duration::from_secs(3600);

impl Node {
    /// The checkpoints of both ledgers that a partner is sent.
    pub(in crate::gateway) async fn checkpoints_for(
        &self,
        partner: &PartnerId,
    ) -> Result<CheckpointExchange, GatewayError> {
        let own = self.store().head().await?.as_str().to_owned();
        let seen = self.store().partner_checkpoint(partner).await?;
        // Without it, the partner proves less.
        let heard = self.heard(partner, seen.as_deref().and_then(size_of)).await.unwrap_or_default();
        Ok(CheckpointExchange { own, seen, heard })
    }

    /// The largest checkpoint of a partner's ledger in its latest receipts, if it is larger than `seen` entries.
    async fn heard(&self, partner: &PartnerId, seen: Option<u64>) -> Result<Option<String>, GatewayError> {
        let Some(key) = self.ledger_key_of(partner).await? else { return Ok(None) };
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

    /// The key of a partner's ledger, if it is well formed.
    async fn ledger_key_of(&self, partner: &PartnerId) -> Result<Option<LedgerKey>, GatewayError> {
        Ok(self.partner(partner).await?.description.ledger_key.parse().ok())
    }

    /// Consistency proof from the checkpoint of our ledger that the partner named in `shown` to the one in `ours`. Empty
    /// where there is no such proof, which the partner notices.
    pub(in crate::gateway) async fn prove_checkpoints(
        &self,
        ours: &CheckpointExchange,
        shown: &CheckpointExchange,
    ) -> Consistency {
        let Ok(own) = self.own_head(&ours.own) else { return Consistency::default() };
        Consistency {
            seen: self.hashes(&own, shown.seen.as_deref()).await,
            heard: self.hashes(&own, shown.heard.as_deref()).await,
        }
    }

    async fn hashes(&self, own: &SignedCheckpoint, shown: Option<&str>) -> Vec<Digest> {
        let Some(Ok(head)) = shown.map(|text| self.own_head(text)) else { return Vec::new() };
        if head.size() == 0 || head.size() > own.size() {
            return Vec::new();
        }
        let proof = self.store().prove_consistency(head.size(), own).await;
        proof.map(|proof| proof.hashes().to_vec()).unwrap_or_default()
    }

    /// Processes the checkpoints of both ledgers that a partner sent, with its proof that its ledger extends the
    /// checkpoint that `ours` named.
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
            tracing::error!(partner.id = %partner, error = %error, "a partner's checkpoints cannot be checked");
            RefusalCode::NotCompleted
        };
        let Some(heads) = heads else {
            return match self.size_shown(partner).await.map_err(failed)? {
                Some(entries) => Err(self.checkpoint_missing(partner, entries).await),
                // A new partner that has no checkpoint yet, or never showed one.
                None => Ok(()),
            };
        };
        // All of them are stored, so that the next start names each.
        let mut stops = None;
        for shown in heads.receiver_checkpoints() {
            stops = self.rollback_evidence(partner, shown).await.map_err(failed)?.or(stops);
        }
        if let Some(why) = stops {
            // Nothing more is recorded; the next start stops before this point.
            self.proved().stop(why.clone());
            self.fatal_stop().request(&why);
            return Err(RefusalCode::NotCompleted);
        }
        let key = self.ledger_key_of(partner).await.map_err(failed)?;
        let theirs = key.as_ref().and_then(|key| SignedCheckpoint::verify(&heads.own, key).ok());
        let (Some(key), Some(theirs)) = (key, theirs) else {
            tracing::warn!(partner.id = %partner, "the partner's checkpoint is not signed with its ledger key");
            return Err(RefusalCode::ProtocolError);
        };
        let told = ours.into_iter().flat_map(|ours| {
            let (seen, heard) = proof.map(|proof| (proof.seen.clone(), proof.heard.clone())).unwrap_or_default();
            [(ours.seen.as_deref(), seen), (ours.heard.as_deref(), heard)]
        });
        let told: Vec<_> = told.filter_map(|(text, hashes)| Some((text?, hashes))).collect();
        let fault = told.iter().find_map(|(text, hashes)| inconsistency(text, &key, &theirs, hashes));
        match fault {
            None => self.witness(partner, ours.and_then(|ours| ours.seen.as_deref()), theirs).await.map_err(failed),
            Some((how, seen)) => self.record_inconsistent_ledger(partner, &theirs, how, seen).await.map_err(failed),
        }
    }

    /// A partner that showed a checkpoint before and shows none now may have been rolled back and be hiding it.
    /// Nothing is received from it or sent to it.
    async fn checkpoint_missing(&self, partner: &PartnerId, seen: u64) -> RefusalCode {
        tracing::error!(
            partner.id = %partner,
            seen,
            "the partner sent no checkpoint of its ledger, but did before: link refused until it does; ask its operator"
        );
        if let Err(error) = self.record_ledger_alarm(partner, "not-shown", seen).await {
            tracing::error!(partner.id = %partner, error = %error, "the alarm could not be recorded");
        }
        RefusalCode::ProtocolError
    }

    /// Stores a checkpoint of a partner's ledger that provably extends the one with `seen` entries, or is the first
    /// one, and ends an earlier alarm. If another checkpoint was stored meanwhile, or none was sent, the proof does
    /// not apply to the stored one: that stays, and the next Hello asks for a proof of it.
    async fn witness(
        &self,
        partner: &PartnerId,
        seen: Option<&str>,
        head: SignedCheckpoint,
    ) -> Result<(), GatewayError> {
        let _turn = self.witness_lock().await;
        if self.store().partner_checkpoint(partner).await?.as_deref() != seen {
            return Ok(());
        }
        let entry =
            Entry::new(self.now(), EntryKind::PartnerWitnessed, partner, "gateway").with("entries", head.size());
        let said = self.last_ledger_alarm(partner).await?;
        // An intermittent fault stays an alarm for as long as it lasts.
        let said = said.alarm.is_some() && !said.is_often || self.size_shown(partner).await?.is_none();
        let witness = TrafficChange::Witness { partner: partner.clone(), head }.into();
        self.commit(vec![witness], said.then_some(entry).into_iter().collect()).await
    }

    /// A partner's ledger does not extend what was seen of it: entries that it signed may be missing. This raises an
    /// alarm here, and the checkpoint that was seen stays stored.
    async fn record_inconsistent_ledger(
        &self,
        partner: &PartnerId,
        head: &SignedCheckpoint,
        how: &'static str,
        seen: u64,
    ) -> Result<(), GatewayError> {
        let entries = head.size();
        tracing::error!(partner.id = %partner, entries, seen, how, "the partner's ledger is inconsistent with its earlier checkpoint: ask its operator");
        self.record_ledger_alarm(partner, how, seen).await
    }

    /// Records one alarm while the fault lasts, however often the partner connects, within the rate limit. An alarm
    /// that a good checkpoint has ended is raised again, even with the same text: a second rollback must not go
    /// unnoticed.
    async fn record_ledger_alarm(&self, partner: &PartnerId, how: &'static str, seen: u64) -> Result<(), GatewayError> {
        // Two simultaneous connections raise one alarm.
        let _turn = self.witness_lock().await;
        // If earlier alarms cannot be read, it is raised again.
        if let Ok(said) = self.last_ledger_alarm(partner).await
            && let Some(alarm) = said.alarm
            && (said.is_often || alarm == (how.to_owned(), seen.to_string()))
        {
            return Ok(());
        }
        let entry = Entry::new(self.now(), EntryKind::Alarm, partner, "gateway").with("ledger", how).with("seen", seen);
        self.record(vec![entry]).await
    }

    /// The change that stores the checkpoint in the receipt of a partner of whose ledger nothing was seen, and the
    /// entry that from then on requires a checkpoint in every Hello. A later checkpoint comes without a proof: it
    /// stays with its exchange, and the next Hello asks for the proof.
    pub(in crate::gateway) async fn first_witness(
        &self,
        partner: &PartnerId,
        head: SignedCheckpoint,
    ) -> Result<Option<(Change, Entry)>, GatewayError> {
        if self.size_shown(partner).await?.is_some() {
            return Ok(None);
        }
        let entry =
            Entry::new(self.now(), EntryKind::PartnerWitnessed, partner, "gateway").with("entries", head.size());
        Ok(Some((TrafficChange::Witness { partner: partner.clone(), head }.into(), entry)))
    }

    /// The last alarm about a partner's ledger, if it is still in force: `went-back`, `forked` or `not-shown`, and
    /// how many entries had been seen.
    pub(in crate::gateway) async fn ledger_alarm(
        &self,
        partner: &PartnerId,
    ) -> Result<Option<(String, String)>, GatewayError> {
        Ok(self.last_ledger_alarm(partner).await?.alarm)
    }

    async fn last_ledger_alarm(&self, partner: &PartnerId) -> Result<LedgerAlarm, GatewayError> {
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
        Ok(LedgerAlarm { alarm, is_often: recent.count() == OFTEN })
    }

    /// Size of a partner's ledger at the last checkpoint that it showed; `None` if it never showed one. The ledger is
    /// consulted as well: deleting the row is not enough to make a partner look new.
    async fn size_shown(&self, partner: &PartnerId) -> Result<Option<u64>, GatewayError> {
        if let Some(known) = self.store().partner_checkpoint(partner).await? {
            return Ok(Some(size_of(&known).unwrap_or_default()));
        }
        let entries = self.store().entries_about(partner.as_str()).await?;
        let shown = entries.iter().rev().find(|recorded| recorded.entry.kind() == EntryKind::PartnerWitnessed);
        Ok(shown.map(|shown| shown.entry.detail().get("entries").and_then(|n| n.parse().ok()).unwrap_or_default()))
    }

    /// The report if a checkpoint of our own ledger that a partner has seen proves that the store was rolled back;
    /// `None` if it does not.
    async fn rollback_evidence(&self, partner: &PartnerId, seen: &str) -> Result<Option<String>, GatewayError> {
        let Ok(head) = self.own_head(seen) else {
            // Only a checkpoint that we signed is evidence.
            tracing::warn!("a partner sent a checkpoint of our ledger that we did not sign");
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
        let file = save_shown(self.config(), partner, &head)?;
        let what = not_extended_message(&format!("partner `{partner}`"), &head, &ours);
        let remedy = remedy(&[format!("--head {partner}={}", file.display())]);
        Ok(Some(format!("{what}; {remedy}")))
    }

    /// Parses a checkpoint that this node signed.
    fn own_head(&self, text: &str) -> Result<SignedCheckpoint, GatewayError> {
        let key = self.ledger_key().parse::<LedgerKey>().map_err(GatewayError::trouble)?;
        SignedCheckpoint::verify(text, &key).map_err(GatewayError::trouble)
    }

    /// The accepted losses, plus the checkpoints in these texts and the missing files in these places, for officers
    /// to sign: each checkpoint signed by us, seen by the partner named or left beside the store (our own name), and
    /// not part of our ledger.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] if one was not signed by this node, was accepted before, or is not lost.
    pub(in crate::gateway) async fn proposed_losses(
        &self,
        heads: &[(PartnerId, String)],
        without: &BTreeSet<CheckpointPlace>,
    ) -> Result<LostCheckpoints, GatewayError> {
        let ours = self.store().head().await?;
        let own = PartnerId::from(self.config().node.name.clone());
        let accepted = accepted_losses(&**self.store()).await?;
        let mut all = self.with_lost_files(accepted.clone(), without.iter().copied(), &ours)?;
        for (partner, text) in heads {
            let shown = if *partner == own {
                self.proved().checkpoint_files().map(|heads| heads.parse(text.as_bytes())).unwrap_or_default()
            } else {
                self.partner(partner).await?;
                self.own_head(text).into_iter().collect()
            };
            if shown.is_empty() {
                return Err(GatewayError::refused(format!(
                    "the checkpoint given for `{partner}` was not signed by this node"
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
                (Some(size), _) => format!("the loss of {size} entries seen by `{partner}` was accepted already"),
                (None, kept) => format!(
                    "our ledger extends the checkpoint of {} entries that `{partner}` has seen: nothing is lost",
                    kept.unwrap_or_default()
                ),
            }));
        }
        Ok(all)
    }
}

/// How a partner's ledger at `theirs` fails to extend the checkpoint in `text`, and the size of that checkpoint;
/// `None` if `hashes` prove that it does, or if the checkpoint was signed with a key that the ledger no longer uses.
fn inconsistency(
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

/// The size in a checkpoint's text (C2SP tlog-checkpoint: the second line).
fn size_of(note: &str) -> Option<u64> {
    note.lines().nth(1)?.parse().ok()
}
