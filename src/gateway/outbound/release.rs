//! After the last approval: decide, seal, sign the manifest, and queue, in one commit. Nothing here reaches outside.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use futures_util::StreamExt as _;

use crate::digest::Digest;
use crate::gateway::node::panics::{Panicked, contained};
use crate::gateway::node::participants::Participants;
use crate::gateway::node::process::fatal::stops_the_node;
use crate::gateway::outbound::decision::dossier::Dossier;
use crate::gateway::outbound::sealing::Sealed;
use crate::gateway::{GatewayError, Node};
use crate::ident::RequestId;
use crate::ledger::{Entry, EntryKind};
use crate::release::{Outcome, Release, Stage};
use crate::store::{Change, Exchange, ExchangeState, Request, RequestState, StoreError, Waiting};
use crate::system::power_may_fail;

/// How many people must have approved before anything can be released, whatever policy asks for besides.
const PEOPLE: usize = 2;
/// How many are decided upon at once, before what they moved on is sent. More at a time would leave the sending with
/// nothing to do meanwhile.
const SLICE: usize = 8;

impl Node {
    /// Looks at exchanges that wait for a release, the most urgent first, and moves on what may move. `seen` remembers
    /// what each request was last decided on, so that nothing is decided twice on the same approvals, roster and policy.
    /// `true` if more requests wait to be looked at than one call takes; they are listed once for many calls, until
    /// [`Seen::list_again`].
    ///
    /// # Errors
    /// [`GatewayError`] if the store fails; one request that cannot be read does not stop the others.
    pub async fn promote(&self, seen: &mut Seen, roster: u64) -> Result<bool, GatewayError> {
        if seen.listed.is_empty() {
            let waiting = self.store().approved_waiting().await?;
            let mut news = seen.news(waiting, roster);
            // One approval is one person's, and it takes two: nothing can come of it yet.
            for waiting in news.extract_if(.., |waiting| waiting.approvals < PEOPLE as u64) {
                seen.decided(waiting, roster);
            }
            seen.listed = news.into();
        }
        let slice: Vec<Waiting> = seen.listed.drain(..seen.listed.len().min(SLICE)).collect();
        if slice.is_empty() {
            return Ok(false);
        }
        let more = !seen.listed.is_empty();
        let parties = &self.participants().await?;
        // Several at once, so that what they make durable shares its syncs.
        let mut decided = futures_util::stream::iter(slice)
            .map(|waiting| async move { (waiting, self.promote_contained(&waiting.request, parties).await) })
            .buffer_unordered(SLICE);
        while let Some((waiting, outcome)) = decided.next().await {
            match outcome {
                Ok(()) => seen.decided(waiting, roster),
                Err(GatewayError::Store(error)) if stops_the_node(&error) => return Err(error.into()),
                Err(error) => {
                    tracing::error!(request.id = %waiting.request, error = %error, "request cannot be moved on");
                    seen.failed.insert(waiting.request);
                }
            }
        }
        if !more {
            // Every request has had its turn: the next look tries again what failed.
            seen.failed.clear();
        }
        Ok(more)
    }

    /// A request that panics while it is put together is set aside, each of its exchanges that waits.
    async fn promote_contained(&self, id: &RequestId, parties: &Arc<Participants>) -> Result<(), GatewayError> {
        match contained(self.promote_request(id, parties)).await {
            Ok(done) => done,
            Err(Panicked) => {
                for exchange in self.exchanges_of(id).await? {
                    if matches!(exchange.state, ExchangeState::Requested | ExchangeState::Held) {
                        self.park_panicked(exchange.id, "putting together").await?;
                    }
                }
                Ok(())
            }
        }
    }

    async fn promote_request(&self, id: &RequestId, parties: &Arc<Participants>) -> Result<(), GatewayError> {
        let parties = self.parties_since(parties).await?;
        let dossier = self.dossier_with(self.whole_request(id).await?, parties).await?;
        let now = self.now();
        for exchange in &dossier.exchanges {
            let waits = matches!(exchange.state, ExchangeState::Requested | ExchangeState::Held);
            // Of what was stopped the partner may be asked just now whether it has it: its answer comes first.
            if waits && !exchange.is_claimed(now) {
                self.contained(exchange.id, "sealing", self.promote_exchange(&dossier, exchange)).await?;
            }
        }
        Ok(())
    }

    /// Ends every open request whose time has passed, and whose exchanges have not left by then.
    ///
    /// # Errors
    /// [`GatewayError`] if the store fails.
    pub async fn expire_requests(&self) -> Result<(), GatewayError> {
        for request in self.overdue_requests().await? {
            let id = request.id;
            match self.expire(request).await {
                // What is wrong with one request keeps no other open.
                Err(GatewayError::Store(error @ StoreError::Altered { .. })) => {
                    tracing::error!(request.id = %id, error = %error, "request cannot be ended");
                }
                ended => ended?,
            }
        }
        Ok(())
    }

    async fn promote_exchange(&self, dossier: &Dossier, exchange: &Exchange) -> Result<(), GatewayError> {
        let Some(decided) = self.decide_on(Stage::Approve, dossier, &exchange.partner)? else {
            let why = dossier.refusals.get(&exchange.partner).and_then(|r| r.first()).map(|r| r.sentence.clone());
            return self
                .note_refusal(exchange, "no-cut", &why.unwrap_or_else(|| "there is no cut any more".into()))
                .await;
        };
        if !decided.permitted() {
            let against: Vec<String> =
                decided.reasons().iter().filter(|r| !r.permits).map(|r| r.code.clone()).collect();
            // Waiting for the second officer is the ordinary course of things, not a refusal to put on record.
            return if decided.0.votes.len() + decided.0.void.len() < PEOPLE {
                Ok(())
            } else {
                self.note_refusal(exchange, &against.join(" "), &decided.against()).await
            };
        }
        let Outcome::Release(release) = decided.0.outcome else { return Ok(()) };
        self.seal_and_queue(dossier, exchange, &release).await
    }

    /// Puts a refusal on record once; the same refusal again changes nothing.
    async fn note_refusal(&self, exchange: &Exchange, codes: &str, why: &str) -> Result<(), GatewayError> {
        if exchange.reason.as_deref() == Some(why) {
            return Ok(());
        }
        let mut row = exchange.clone();
        row.reason = Some(why.to_owned());
        row.updated = self.now();
        let entry = Entry::new(self.now(), EntryKind::ReleaseRefused, exchange.id, "gateway").with("codes", codes);
        self.commit(vec![row.into()], vec![entry]).await?;
        tracing::warn!(exchange.id = %exchange.id, partner.id = %exchange.partner, codes, "release refused");
        Ok(())
    }

    async fn seal_and_queue(
        &self,
        dossier: &Dossier,
        exchange: &Exchange,
        release: &Release,
    ) -> Result<(), GatewayError> {
        // INVARIANT: a release was decided upon this candidate a moment ago.
        let Some(candidate) = dossier.candidates.get(&exchange.partner) else { return Ok(()) };
        let now = self.now();
        power_may_fail("release-decided");
        let Sealed { manifest, payload, pieces, header, short, held } =
            match self.sealed_before(exchange, candidate, release).await? {
                Some(sealed) => sealed,
                None => {
                    let formats = &dossier.parties.partner(&exchange.partner)?.agreement.formats;
                    let formats = (!formats.is_empty()).then(|| formats.iter().cloned().collect());
                    self.seal_anew(dossier, exchange, candidate, release, formats).await?
                }
            };
        power_may_fail("payload-spooled");
        let record = release.record();
        let mut row = exchange.clone();
        row.state = ExchangeState::Queued;
        row.reason = None;
        row.manifest = Some(manifest.bytes().to_vec());
        row.payload = Some(payload);
        row.pieces = pieces;
        row.header = Some(header);
        row.next_attempt = now;
        row.updated = now;
        row.policy_digest = Some(self.policies().digest());
        row.register_digest = Some(Digest::from_bytes(self.register().digest()));
        let officers: Vec<&str> = record.officers.iter().map(crate::ident::OfficerId::as_str).collect();
        let mut decided = Entry::new(now, EntryKind::ReleaseDecided, exchange.id, "gateway")
            .with("record", record.digest())
            .with("cut", candidate.cut.digest())
            .with("partner", &exchange.partner)
            .with("officers", officers.join(" "))
            .with("policy", self.policies().digest())
            .with("agreement", record.agreement);
        for (number, consent) in record.cut.consents.iter().enumerate() {
            decided = decided.with(&format!("consent-{}", number + 1), consent);
        }
        let mut entries = vec![
            decided,
            Entry::new(now, EntryKind::ExchangeSealed, exchange.id, "gateway")
                .with("payload", payload.digest)
                .with("manifest", manifest.digest())
                .with("recipient", Digest::of(release.recipient().as_bytes())),
        ];
        let kept_in_store = short.is_some();
        let mut changes = vec![Change::with_payload(row, short), self.sent(&candidate.cut, exchange.id).await?];
        let unneeded = self.supersede(exchange, &mut changes, &mut entries).await?;
        // A change that came between the decision and this commit makes it a conflict, and the next look decides anew.
        if let Err(error) = self.commit_while(self.stands(dossier.parties.generation), changes, entries).await {
            // Somebody else moved the exchange: what was sealed here is an orphan, and is nobody's to send. Where it is not
            // known whether it is on record, it may be what is to be sent.
            if exchange.payload != Some(payload) && !kept_in_store && !error.is_outcome_unknown() {
                let _ = self.spool().remove(payload.spool).await;
            }
            return Err(error);
        }
        drop(held);
        power_may_fail("release-recorded");
        if let Some(unneeded) = unneeded {
            let _ = self.spool().remove(unneeded).await;
        }
        tracing::info!(exchange.id = %exchange.id, partner.id = %exchange.partner, precedence = %exchange.precedence, "released and queued");
        Ok(())
    }

    /// Ends a request whose time has passed; what has left stays as it is.
    async fn expire(&self, mut request: Request) -> Result<(), GatewayError> {
        let now = self.now();
        let id = request.id;
        request.state = RequestState::Expired;
        let mut changes = vec![request.into()];
        let mut entries = vec![Entry::new(now, EntryKind::RequestExpired, id, "gateway")];
        for mut exchange in self.exchanges_of(&id).await? {
            let waits =
                matches!(exchange.state, ExchangeState::Requested | ExchangeState::Held | ExchangeState::Approved);
            if waits && !exchange.is_claimed(now) {
                exchange.state = ExchangeState::Expired;
                exchange.updated = now;
                exchange.reason = Some("the request expired before it was released".into());
                entries.push(Entry::new(now, EntryKind::ExchangeExpired, exchange.id, "gateway"));
                changes.push(exchange.into());
            }
        }
        self.commit(changes, entries).await?;
        self.let_go_of_attachments(&id).await?;
        tracing::info!(request.id = %id, "request expired");
        Ok(())
    }
}

/// What each request was last decided on, and which could not be decided upon in this round.
#[derive(Debug, Default)]
pub struct Seen {
    /// How many approvals, and which roster.
    decided: BTreeMap<RequestId, (u64, u64)>,
    /// What failed is not tried again before every other request had its turn.
    failed: BTreeSet<RequestId>,
    /// What waited when it was last listed and was not looked at yet, the most urgent first.
    listed: VecDeque<Waiting>,
}

impl Seen {
    /// Forgets everything: all that waits is decided again.
    pub fn clear(&mut self) {
        *self = Seen::default();
    }

    /// Has what waits listed anew: something changed, and what is most urgent may be something else.
    pub fn list_again(&mut self) {
        self.listed.clear();
    }

    /// What of that which waits was not decided yet as it stands now; forgets what no longer waits.
    fn news(&mut self, waiting: Vec<Waiting>, roster: u64) -> Vec<Waiting> {
        let requests: BTreeSet<RequestId> = waiting.iter().map(|waiting| waiting.request).collect();
        self.decided.retain(|request, _| requests.contains(request));
        let known = |w: &Waiting| self.decided.get(&w.request) == Some(&(w.approvals, roster));
        waiting.into_iter().filter(|w| !known(w) && !self.failed.contains(&w.request)).collect()
    }

    fn decided(&mut self, waiting: Waiting, roster: u64) {
        self.decided.insert(waiting.request, (waiting.approvals, roster));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::precedence::Precedence;

    fn waiting(n: u64, approvals: u64) -> Waiting {
        let request = format!("rq-{n:032x}").parse().expect("a request's name");
        Waiting { request, approvals, precedence: Precedence::Routine }
    }

    #[test]
    fn nothing_is_decided_twice_on_the_same_approvals_and_roster() {
        let mut seen = Seen::default();
        seen.decided(waiting(1, 1), 7);
        assert_eq!(seen.news(vec![waiting(1, 1)], 7), []);
        assert_eq!(seen.news(vec![waiting(1, 2)], 7), [waiting(1, 2)]);
        assert_eq!(seen.news(vec![waiting(1, 1)], 8), [waiting(1, 1)]);
        seen.clear();
        assert_eq!(seen.news(vec![waiting(1, 1)], 7), [waiting(1, 1)]);
    }

    #[test]
    fn what_failed_waits_until_the_others_had_their_turn() {
        let mut seen = Seen::default();
        seen.failed.insert(waiting(1, 2).request);
        assert_eq!(seen.news(vec![waiting(1, 2), waiting(2, 2)], 7), [waiting(2, 2)]);
        seen.failed.clear();
        assert_eq!(seen.news(vec![waiting(1, 2), waiting(2, 2)], 7), [waiting(1, 2), waiting(2, 2)]);
    }
}
