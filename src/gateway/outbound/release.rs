//! Release after the last approval: decide, seal, sign the manifest and queue, in one commit. It does no network I/O.

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
use crate::system::fault_point;

/// Minimum number of approvers, regardless of the policy.
const APPROVERS_MIN: usize = 2;
/// Number of requests decided in one call, before the released ones are sent. A larger slice would leave the senders
/// idle.
const SLICE: usize = 8;

impl Node {
    /// Decides waiting requests, the most urgent first, and releases what is permitted. `seen` remembers the basis of
    /// each last decision, so that nothing is decided twice on the same approvals, roster and policy. Returns `true`
    /// if more requests wait than one call handles; the list is read once for many calls, until [`DecidedRequests::list_again`].
    ///
    /// # Errors
    /// [`GatewayError`] if the store fails; one request that cannot be read does not stop the others.
    pub async fn release_approved(&self, seen: &mut DecidedRequests, roster: u64) -> Result<bool, GatewayError> {
        if seen.listed.is_empty() {
            let waiting = self.store().approved_waiting().await?;
            let mut undecided = seen.undecided(waiting, roster);
            // Two people must approve: with one approval there is nothing to decide yet.
            for waiting in undecided.extract_if(.., |waiting| waiting.approvals < APPROVERS_MIN as u64) {
                seen.decided(waiting, roster);
            }
            seen.listed = undecided.into();
        }
        let slice: Vec<Waiting> = seen.listed.drain(..seen.listed.len().min(SLICE)).collect();
        if slice.is_empty() {
            return Ok(false);
        }
        let more = !seen.listed.is_empty();
        let parties = &self.participants().await?;
        // Concurrently, so that their commits share syncs.
        let mut decided = futures_util::stream::iter(slice)
            .map(|waiting| async move { (waiting, self.release_contained(&waiting.request, parties).await) })
            .buffer_unordered(SLICE);
        while let Some((waiting, outcome)) = decided.next().await {
            match outcome {
                Ok(()) => seen.decided(waiting, roster),
                Err(GatewayError::Store(error)) if stops_the_node(&error) => return Err(error.into()),
                Err(error) => {
                    tracing::error!(request.id = %waiting.request, error = %error, "request cannot be processed");
                    seen.failed.insert(waiting.request);
                }
            }
        }
        if !more {
            // Every request was tried: failed ones are retried at the next poll.
            seen.failed.clear();
        }
        Ok(more)
    }

    /// If assembling a request panics, each of its waiting exchanges is parked.
    async fn release_contained(&self, id: &RequestId, parties: &Arc<Participants>) -> Result<(), GatewayError> {
        match contained(self.release_request(id, parties)).await {
            Ok(done) => done,
            Err(Panicked) => {
                for exchange in self.exchanges_of(id).await? {
                    if matches!(exchange.state, ExchangeState::Requested | ExchangeState::Held) {
                        self.park_panicked(exchange.id, "assembling").await?;
                    }
                }
                Ok(())
            }
        }
    }

    async fn release_request(&self, id: &RequestId, parties: &Arc<Participants>) -> Result<(), GatewayError> {
        let parties = self.participants_since(parties).await?;
        let dossier = self.dossier_with(self.whole_request(id).await?, parties).await?;
        let now = self.now();
        for exchange in &dossier.exchanges {
            let waits = matches!(exchange.state, ExchangeState::Requested | ExchangeState::Held);
            // The partner may currently be asked about a stopped exchange: its answer comes first.
            if waits && !exchange.is_claimed(now) {
                self.contained(exchange.id, "sealing", self.release_exchange(&dossier, exchange)).await?;
            }
        }
        Ok(())
    }

    /// Expires every overdue open request, with its exchanges that have not left.
    ///
    /// # Errors
    /// [`GatewayError`] if the store fails.
    pub async fn expire_requests(&self) -> Result<(), GatewayError> {
        for request in self.overdue_requests().await? {
            let id = request.id;
            match self.expire(request).await {
                // A fault in one request does not affect others.
                Err(GatewayError::Store(error @ StoreError::Altered { .. })) => {
                    tracing::error!(request.id = %id, error = %error, "request cannot be expired");
                }
                ended => ended?,
            }
        }
        Ok(())
    }

    async fn release_exchange(&self, dossier: &Dossier, exchange: &Exchange) -> Result<(), GatewayError> {
        let Some(decided) = self.decide_on(Stage::Approve, dossier, &exchange.partner)? else {
            let why = dossier.refusals.get(&exchange.partner).and_then(|r| r.first()).map(|r| r.sentence.clone());
            return self
                .note_refusal(exchange, "no-cut", &why.unwrap_or_else(|| "no cut can be made any more".into()))
                .await;
        };
        if !decided.permitted() {
            let against: Vec<String> =
                decided.reasons().iter().filter(|r| !r.permits).map(|r| r.code.clone()).collect();
            // Waiting for the second officer is normal, not a refusal to record.
            return if decided.0.votes.len() + decided.0.void.len() < APPROVERS_MIN {
                Ok(())
            } else {
                self.note_refusal(exchange, &against.join(" "), &decided.against()).await
            };
        }
        let Outcome::Release(release) = decided.0.outcome else { return Ok(()) };
        self.seal_and_queue(dossier, exchange, &release).await
    }

    /// Records a refusal once; repetitions change nothing.
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
        // INVARIANT: the release was decided on this candidate.
        let Some(candidate) = dossier.candidates.get(&exchange.partner) else { return Ok(()) };
        let now = self.now();
        fault_point("release-decided");
        let Sealed { manifest, payload, pieces, header, short, held } =
            match self.sealed_before(exchange, candidate, release).await? {
                Some(sealed) => sealed,
                None => {
                    let formats = &dossier.parties.partner(&exchange.partner)?.agreement.formats;
                    let formats = (!formats.is_empty()).then(|| formats.iter().cloned().collect());
                    self.seal_anew(dossier, exchange, candidate, release, formats).await?
                }
            };
        fault_point("payload-spooled");
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
        // A change between the decision and this commit is a conflict; the next poll decides again.
        if let Err(error) = self.commit_while(self.stands(dossier.parties.generation), changes, entries).await {
            // Another process changed the exchange: the file sealed here is an orphan. If the outcome is unknown, it
            // may be the one on record.
            if exchange.payload != Some(payload) && !kept_in_store && !error.is_outcome_unknown() {
                let _ = self.spool().remove(payload.spool).await;
            }
            return Err(error);
        }
        drop(held);
        fault_point("release-recorded");
        if let Some(unneeded) = unneeded {
            let _ = self.spool().remove(unneeded).await;
        }
        tracing::info!(exchange.id = %exchange.id, partner.id = %exchange.partner, precedence = %exchange.precedence, "released and queued");
        Ok(())
    }

    /// Expires a request; what has left stays as it is.
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
        self.release_attachments(&id).await?;
        tracing::info!(request.id = %id, "request expired");
        Ok(())
    }
}

/// The basis of each request's last decision, and those that failed in this round.
#[derive(Debug, Default)]
pub struct DecidedRequests {
    /// Number of approvals and roster generation.
    decided: BTreeMap<RequestId, (u64, u64)>,
    /// Failed requests, not retried before all others were tried.
    failed: BTreeSet<RequestId>,
    /// The rest of the last list of waiting requests, the most urgent first.
    listed: VecDeque<Waiting>,
}

impl DecidedRequests {
    /// Clears everything: all waiting requests are decided again.
    pub fn clear(&mut self) {
        *self = DecidedRequests::default();
    }

    /// Requests a new list: after a change, another request may be the most urgent.
    pub fn list_again(&mut self) {
        self.listed.clear();
    }

    /// The waiting requests not yet decided on their current basis; forgets those that no longer wait.
    fn undecided(&mut self, waiting: Vec<Waiting>, roster: u64) -> Vec<Waiting> {
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
        let mut seen = DecidedRequests::default();
        seen.decided(waiting(1, 1), 7);
        assert_eq!(seen.undecided(vec![waiting(1, 1)], 7), []);
        assert_eq!(seen.undecided(vec![waiting(1, 2)], 7), [waiting(1, 2)]);
        assert_eq!(seen.undecided(vec![waiting(1, 1)], 8), [waiting(1, 1)]);
        seen.clear();
        assert_eq!(seen.undecided(vec![waiting(1, 1)], 7), [waiting(1, 1)]);
    }

    #[test]
    fn a_failed_request_waits_until_the_others_were_tried() {
        let mut seen = DecidedRequests::default();
        seen.failed.insert(waiting(1, 2).request);
        assert_eq!(seen.undecided(vec![waiting(1, 2), waiting(2, 2)], 7), [waiting(2, 2)]);
        seen.failed.clear();
        assert_eq!(seen.undecided(vec![waiting(1, 2), waiting(2, 2)], 7), [waiting(1, 2), waiting(2, 2)]);
    }
}
