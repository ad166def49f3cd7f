//! Officers' decisions: what they are shown, what they sign, and what becomes of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::contents::blocking;
use super::decision::Dossier;
use super::officer_views::{ApprovalOutcome, AwaitingCut, AwaitingRequest, RefusedRequest, RequestReview};
use super::officers::holder_of;
use super::views::ExchangeForecast;
use super::{GatewayError, Node, package};
use crate::approval::{self, Approval, Outline, Refusal, Role, Subject, VoidReason};
use crate::ident::{PartnerId, RequestId};
use crate::ledger::{Entry, EntryKind};
use crate::release::Stage;
use crate::sign::{Signed, Signer};
use crate::store::{self, Change, ExchangeState, Request, RequestState, StatementKind, StoreError};
use crate::system::power_may_fail;

/// How often a refusal is put together anew because an exchange moved on while it was.
const TRIES: usize = 8;

/// An approval as it would be signed: everything but who signs.
#[derive(Clone, Debug)]
pub struct Unsigned(pub(super) Approval);

impl Node {
    /// Writes what each partner of a request would get into a new file or folder of its own under `folder`, attachments
    /// included, so that an officer can look at all of it. Gives where they are.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] if the request is not open; [`GatewayError::Trouble`] if something cannot be written.
    pub async fn write_cuts(&self, request: &RequestId, folder: &Path) -> Result<Vec<PathBuf>, GatewayError> {
        let dossier = self.open_dossier(request).await?;
        let contents = self.contents_of(*request, &dossier.product)?;
        let mut places = Vec::new();
        for (partner, candidate) in &dossier.candidates {
            let place = folder.join(format!("{request}-{partner}"));
            let detached: Vec<_> = candidate.cut.detached().collect();
            let mut fill =
                |folder: &Path| detached.iter().try_for_each(|a| package::write_attachment(folder, a, &contents));
            let attachments: Option<&mut package::Fill<'_>> = if detached.is_empty() { None } else { Some(&mut fill) };
            blocking(|| package::write(&place, candidate.cut.bytes(), attachments)).map_err(GatewayError::Trouble)?;
            places.push(place);
        }
        Ok(places)
    }

    /// Signs and records an approval of exactly what `review` showed.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] if the signer is no officer or the request is not open. An approval that would not
    /// count is not recorded as one: the outcome says why.
    pub async fn approve(
        &self,
        request: &RequestId,
        review: &RequestReview,
        signer: &dyn Signer,
    ) -> Result<ApprovalOutcome, GatewayError> {
        let dossier = self.open_dossier(request).await?;
        self.sign_approval(dossier, review.approval.0.clone(), signer).await
    }

    /// Signs and records an approval of what a request would release as it is now, which nobody is asked to look at
    /// first: an officer may have looked at it elsewhere. With `listed`, only if that is exactly what was reviewed: purpose,
    /// precedence, expiry, and every partner's cut.
    ///
    /// # Errors
    /// As [`Node::approve`]; [`GatewayError::Refused`] if there is a partner for whom there is no cut any more, the request
    /// is not what was listed, or a cut has words in common with what is held back.
    pub async fn approve_unseen(
        &self,
        request: &RequestId,
        listed: Option<&AwaitingRequest>,
        signer: &dyn Signer,
    ) -> Result<ApprovalOutcome, GatewayError> {
        let dossier = self.open_dossier(request).await?;
        dossier.has_a_cut_for_each()?;
        if let Some(what) = listed.and_then(|listed| differs(listed, &dossier)) {
            return Err(GatewayError::refused(format!("its {what} not what was reviewed: review it again")));
        }
        // A list names cuts, and an officer who looked elsewhere saw cuts: neither shows what else has the same words.
        if dossier.outlines.values().any(|outline| !outline.shared.is_empty()) {
            return Err(GatewayError::refused(
                "it has words in common with what is held back, which each officer is shown: approve it by itself",
            ));
        }
        let approval = self.unsigned(&dossier);
        self.sign_approval(dossier, approval, signer).await
    }

    /// Signs `approval`, whoever's it was to be, as the signer's, and records it if it counts for what the dossier has.
    async fn sign_approval(
        &self,
        dossier: Dossier,
        approval: Approval,
        signer: &dyn Signer,
    ) -> Result<ApprovalOutcome, GatewayError> {
        let parties = Arc::clone(&dossier.parties);
        let officer = holder_of(&parties.officers, signer)?;
        let now = self.now();
        let statement = Approval {
            officer: officer.id.clone(),
            role: officer.strongest_role(),
            given_at: now,
            nonce: self.random(),
            ..approval
        };
        let signed = Signed::sign(statement, signer).map_err(GatewayError::trouble)?;
        self.verified().learn(&signed);
        self.record_approval(dossier, &signed).await
    }

    /// Records a signed approval if it counts for what the dossier has; otherwise records that it does not, and why.
    pub(super) async fn record_approval(
        &self,
        mut dossier: Dossier,
        signed: &Signed<Approval>,
    ) -> Result<ApprovalOutcome, GatewayError> {
        let parties = Arc::clone(&dossier.parties);
        let (request, officer, now) = (dossier.terms.request, &signed.statement().officer, self.now());
        let subject = Subject {
            terms: &dossier.terms,
            cuts: dossier.cuts(),
            enrolments: &dossier.parties.enrolments,
            policy: self.policies().digest(),
            register: crate::digest::Digest::from_bytes(self.register().digest()),
        };
        // Counted together with those on file, so that a second vote of one person is found now, not at the release.
        let mut all = dossier.approvals.clone();
        all.push(signed.bytes().to_vec());
        let tally = approval::count(&all, &subject, &parties.officers, now);
        // The same statement again is no second vote either.
        let again = dossier.approvals.iter().any(|bytes| bytes == signed.bytes());
        let counts = !again && tally.votes.iter().any(|v| v.statement == signed.digest());
        let mut void: Vec<String> = tally
            .void
            .iter()
            .filter(|v| v.statement == signed.digest())
            .flat_map(|v| v.reasons.iter().map(ToString::to_string))
            .collect();
        if again && void.is_empty() {
            void.push(VoidReason::SecondVote.to_string());
        }
        let entry = |kind| {
            Entry::new(now, kind, request, officer)
                .with("statement", signed.digest())
                .with("key", signed.key())
                .with("role", signed.statement().role)
        };
        if counts {
            let mut entries = Vec::new();
            let mut changes: Vec<Change> = Vec::new();
            for exchange in &dossier.exchanges {
                let approval = store::Approval {
                    request,
                    exchange: exchange.id,
                    officer: officer.clone(),
                    statement: signed.bytes().to_vec(),
                    given: now,
                };
                changes.push(approval.into());
                entries.push(
                    Entry::new(now, EntryKind::ApprovalGiven, exchange.id, officer)
                        .with("request", request)
                        .with("statement", signed.digest()),
                );
            }
            entries.push(entry(EntryKind::ApprovalGiven));
            self.commit(changes, entries).await?;
            power_may_fail("approval-recorded");
            tracing::info!(request.id = %request, officer.id = %officer, "approval recorded");
            dossier.approvals = all;
        } else {
            self.record(vec![entry(EntryKind::ApprovalVoid).with("why", void.join("; "))]).await?;
            tracing::warn!(request.id = %request, officer.id = %officer, "approval does not count");
        }
        let exchanges = self.forecasts(&dossier)?;
        let shared = |(partner, outline): (&PartnerId, &Outline)| {
            outline.shared.iter().map(|run| format!("to {partner}: {run}")).collect::<Vec<_>>()
        };
        Ok(ApprovalOutcome {
            request: request.to_string(),
            officer: officer.to_string(),
            counts,
            shared: dossier.cuts().iter().flat_map(shared).collect(),
            void,
            exchanges,
        })
    }

    /// Refuses a request by an officer's signed statement: nothing of it that has not left will leave, and whoever
    /// submitted it can read why.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] if the request is not open any more or the signer may not refuse it.
    pub async fn refuse(
        &self,
        request: &RequestId,
        why: &str,
        signer: &dyn Signer,
    ) -> Result<RefusedRequest, GatewayError> {
        for _ in 1..TRIES {
            match self.try_refuse(request, why, signer).await {
                // An exchange moved on while the refusal was put together: the next try sees where it is now.
                Err(GatewayError::Store(StoreError::Conflict { .. })) => {}
                other => return other,
            }
        }
        self.try_refuse(request, why, signer).await
    }

    async fn try_refuse(
        &self,
        request: &RequestId,
        why: &str,
        signer: &dyn Signer,
    ) -> Result<RefusedRequest, GatewayError> {
        let mut row = self.open_row(request).await?;
        let now = self.now();
        let officers = self.officers().await?;
        let submitter = row.submitter.parse().map_err(GatewayError::trouble)?;
        let (officer, role) =
            Refusal::authority(&officers, signer, &submitter, why, now).map_err(GatewayError::refused)?;
        let by = officer.id.clone();
        let statement = Refusal {
            request: *request,
            why: why.to_owned(),
            officer: by.clone(),
            role,
            given_at: now,
            nonce: self.random(),
        };
        let signed = Signed::sign(statement, signer).map_err(GatewayError::trouble)?;
        row.state = RequestState::Refused;
        row.reason = Some(why.to_owned());
        let kept = store::Statement {
            subject: request.to_string(),
            kind: StatementKind::Refusal,
            signer: by.clone(),
            bytes: signed.bytes().to_vec(),
            given: now,
        };
        let mut changes: Vec<Change> = vec![row.into(), kept.into()];
        let mut entries = Vec::new();
        let mut unneeded = Vec::new();
        for mut exchange in self.exchanges_of(request).await? {
            let waiting = matches!(
                exchange.state,
                ExchangeState::Requested
                    | ExchangeState::Held
                    | ExchangeState::Approved
                    | ExchangeState::Queued
                    | ExchangeState::Parked
            );
            // What is being sent is its attempt's to move: this statement stops it.
            if waiting && !exchange.is_claimed(now) {
                exchange.state = ExchangeState::Refused;
                exchange.updated = now;
                exchange.reason = Some("the request was refused".into());
                unneeded.extend(exchange.payload.map(|payload| payload.spool));
                entries.push(Entry::new(now, EntryKind::ExchangeRefused, exchange.id, &by).with("request", request));
                changes.push(exchange.into());
            }
        }
        entries.push(
            Entry::new(now, EntryKind::RequestRefused, request, &by)
                .with("why", why)
                .with("statement", signed.digest())
                .with("key", signed.key())
                .with("role", role),
        );
        self.commit(changes, entries).await?;
        for payload in unneeded {
            let _ = self.spool().remove(payload).await;
        }
        self.let_go_of_attachments(request).await?;
        tracing::info!(request.id = %request, officer.id = %by, "request refused");
        Ok(RefusedRequest {
            request: request.to_string(),
            state: "refused".into(),
            officer: by.to_string(),
            role: role.to_string(),
            why: why.to_owned(),
        })
    }

    /// What stands between each exchange of a request and its release.
    fn forecasts(&self, dossier: &Dossier) -> Result<Vec<ExchangeForecast>, GatewayError> {
        let mut forecasts = Vec::new();
        for exchange in &dossier.exchanges {
            let Some(candidate) = dossier.candidates.get(&exchange.partner) else { continue };
            let Some(decided) = self.decide_on(Stage::Approve, dossier, &exchange.partner)? else { continue };
            forecasts.push(ExchangeForecast {
                exchange: exchange.id.to_string(),
                partner: exchange.partner.to_string(),
                marking: candidate.cut.marking().to_string(),
                digest: candidate.cut.digest().to_string(),
                permitted: decided.permitted(),
                forecast: decided.reasons(),
            });
        }
        Ok(forecasts)
    }

    pub(super) fn unsigned(&self, dossier: &Dossier) -> Approval {
        Approval {
            terms: dossier.terms.clone(),
            cuts: Approval::cuts_of(dossier.cuts(), &dossier.parties.enrolments),
            policy: self.policies().digest(),
            register: crate::digest::Digest::from_bytes(self.register().digest()),
            // Replaced by whoever signs; a statement is never signed with these.
            officer: dossier.terms.submitter.clone(),
            role: Role::Originator,
            given_at: crate::time::Time::EPOCH,
            nonce: [0; 16],
        }
    }

    pub(super) async fn open_row(&self, request: &RequestId) -> Result<Request, GatewayError> {
        let row = self.request_row(request).await?;
        self.is_open(&row)?;
        Ok(row)
    }

    /// The dossier of a request that can still be approved or refused.
    pub(super) async fn open_dossier(&self, request: &RequestId) -> Result<Dossier, GatewayError> {
        let whole = self.whole_request(request).await?;
        self.is_open(&whole.request)?;
        self.dossier_with(whole, self.parties().await?).await
    }

    fn is_open(&self, row: &Request) -> Result<(), GatewayError> {
        let request = row.id;
        if row.state != RequestState::Open {
            return Err(GatewayError::refused(format!(
                "request `{request}` is {}: submit the product again",
                row.state
            )));
        }
        if row.expires <= self.now() {
            return Err(GatewayError::refused(format!(
                "request `{request}` expired at {}: submit the product again",
                row.expires
            )));
        }
        Ok(())
    }
}

/// In what a request is not what an officer reviewed, if in anything.
fn differs(listed: &AwaitingRequest, dossier: &Dossier) -> Option<&'static str> {
    let mut cuts = listed.cuts.clone();
    cuts.sort_by(|a, b| a.partner.cmp(&b.partner));
    let found = dossier.candidates.iter().map(|(partner, candidate)| AwaitingCut {
        partner: partner.to_string(),
        digest: candidate.cut.digest().to_string(),
        marking: candidate.cut.marking().to_string(),
    });
    let terms = &dossier.terms;
    let same = [
        ("purpose is", listed.purpose == terms.purpose),
        ("precedence is", listed.precedence == terms.precedence.to_string()),
        ("expiry is", listed.expires == terms.expires.to_string()),
        ("cuts are", found.eq(cuts)),
    ];
    same.into_iter().find(|(_, same)| !same).map(|(what, _)| what)
}
