//! Approvals: what officers are shown and sign, and how it is recorded.

use crate::gateway::node::participants::holder_of;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use crate::approval::{self, Approval, Outline, Role, Subject, Tally, VoidReason};
use crate::digest::Digest;
use crate::gateway::content::attachments::blocking;
use crate::gateway::outbound::decision::dossier::Dossier;
use crate::gateway::views::exchange::ExchangeForecast;
use crate::gateway::views::officer::{ApprovalOutcome, AwaitingCut, AwaitingRequest, CutWritten, RequestReview};
use crate::gateway::{GatewayError, Node, package};
use crate::ident::{OfficerId, PartnerId, RequestId};
use crate::ledger::{Entry, EntryKind};
use crate::release::Stage;
use crate::sign::{Signed, Signer};
use crate::store::{self, Change, Request, RequestState, StoreError};
use crate::system::fault_point;

/// An approval on record.
pub(in crate::gateway) struct RecordedApproval {
    /// Its digest.
    pub statement: Digest,
    /// The officer that it claims to be from.
    pub officer: Option<OfficerId>,
    /// Why it does not count; empty if it does.
    pub void: Vec<String>,
    second: bool,
}

impl RecordedApproval {
    /// Whether its only fault is that the same person's other approval counts.
    fn is_second_vote(&self) -> bool {
        self.second
    }
}

impl Node {
    /// Writes each partner's cut of a request to a new file or folder under `folder`, attachments included, with
    /// renderings of the attachments beside it, so that an officer can inspect all of it. Returns the paths.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] if the request is not open; [`GatewayError::Local`] if something cannot be written.
    pub async fn write_cuts(&self, request: &RequestId, folder: &Path) -> Result<Vec<CutWritten>, GatewayError> {
        let dossier = self.open_dossier(request).await?;
        let contents = self.contents_of(*request, &dossier.product)?;
        let mut written = Vec::new();
        for (partner, candidate) in &dossier.candidates {
            let place = folder.join(format!("{request}-{partner}"));
            package::is_free(&place).map_err(GatewayError::Refused)?;
            let detached: Vec<_> = candidate.cut.detached().collect();
            let mut fill =
                |folder: &Path| detached.iter().try_for_each(|a| package::write_attachment(folder, a, &contents));
            let attachments: Option<&mut package::Fill<'_>> = if detached.is_empty() { None } else { Some(&mut fill) };
            blocking(|| package::write(&place, candidate.cut.bytes(), attachments)).map_err(GatewayError::Local)?;
            let attachments = self.write_renderings(&place, &candidate.cut)?;
            written.push(CutWritten { place, attachments });
        }
        Ok(written)
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

    /// Signs and records an approval of a request's current cuts without a prior review; the officer may have
    /// reviewed them elsewhere. With `listed`, only if purpose, precedence, expiry and every partner's cut are
    /// exactly those listed.
    ///
    /// # Errors
    /// As [`Node::approve`]; [`GatewayError::Refused`] if there is no cut for a partner any more, the request differs
    /// from the list, or a cut shares words with withheld content.
    pub async fn approve_unseen(
        &self,
        request: &RequestId,
        listed: Option<&AwaitingRequest>,
        signer: &dyn Signer,
    ) -> Result<ApprovalOutcome, GatewayError> {
        let dossier = self.open_dossier(request).await?;
        dossier.check_cuts()?;
        if let Some(what) = listed.and_then(|listed| differs(listed, &dossier)) {
            return Err(GatewayError::refused(format!("its {what} not as reviewed: review it again")));
        }
        // A list names only cuts, and neither a list nor a review elsewhere shows what else contains the same words.
        if dossier.outlines.values().any(|outline| !outline.shared.is_empty()) {
            return Err(GatewayError::refused(
                "it has words in common with withheld content, which each officer must be shown: approve it alone, at a \
                 terminal or with the number of runs (`--in-common`)",
            ));
        }
        let approval = self.unsigned(&dossier);
        self.sign_approval(dossier, approval, signer).await
    }

    /// Signs `approval` in the signer's name, and records it if it counts for the dossier.
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
        self.verified().insert(&signed);
        self.record_approval(dossier, &signed).await
    }

    /// Records a signed approval if it counts for the dossier; otherwise records that it does not, and why.
    pub(in crate::gateway) async fn record_approval(
        &self,
        mut dossier: Dossier,
        signed: &Signed<Approval>,
    ) -> Result<ApprovalOutcome, GatewayError> {
        // What was read while the work was cancelled proves nothing about the approval.
        self.progress().check().map_err(GatewayError::trouble)?;
        let (request, officer, now) = (dossier.terms.request, &signed.statement().officer, self.now());
        // Counted with those on record, so that a second approval by one person is found now and not at release.
        let mut all = dossier.approvals.clone();
        all.push(signed.bytes().to_vec());
        let tally = self.tally(&dossier, &all);
        // The same statement submitted again does not count either.
        let again = dossier.approvals.iter().any(|bytes| bytes == signed.bytes());
        let counts = !again && tally.votes.iter().any(|v| v.statement == signed.digest());
        let mut void: Vec<String> = tally
            .void
            .iter()
            .filter(|v| v.statement == signed.digest())
            .flat_map(|v| &v.reasons)
            .map(|reason| match reason {
                VoidReason::SecondVote => already_approved(officer),
                other => other.to_string(),
            })
            .collect();
        if again && void.is_empty() {
            void.push(already_approved(officer));
        }
        let entry = |kind| {
            Entry::new(now, kind, request, officer)
                .with("statement", signed.digest())
                .with("key", signed.key())
                .with("role", signed.statement().role)
        };
        if counts {
            self.check_first_of(&dossier, officer)?;
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
            self.commit(changes, entries).await.map_err(|error| match error {
                GatewayError::Store(StoreError::Conflict { .. }) => GatewayError::refused(format!(
                    "`{officer}` approved request `{request}` at the same moment: see `status --awaiting`"
                )),
                other => other.of_commit(format_args!("the approval of `{request}`"), format_args!("status {request}")),
            })?;
            fault_point("approval-recorded");
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

    /// Checks that the holder of a key may approve a request, before it is shown to them.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] if no officer holds it, or their earlier approval of the request no longer counts.
    pub async fn check_approver(&self, request: &RequestId, signer: &dyn Signer) -> Result<(), GatewayError> {
        let dossier = self.open_dossier(request).await?;
        let officer = holder_of(&dossier.parties.officers, signer)?;
        self.check_first_of(&dossier, &officer.id)
    }

    /// Fails if the officer's recorded approval no longer counts: an officer's approval of an exchange is recorded
    /// once and cannot be replaced.
    fn check_first_of(&self, dossier: &Dossier, officer: &OfficerId) -> Result<(), GatewayError> {
        let void = self.approvals_of(dossier).into_iter().find(|on_file| {
            on_file.officer.as_ref() == Some(officer) && !on_file.void.is_empty() && !on_file.is_second_vote()
        });
        let Some(void) = void else { return Ok(()) };
        Err(GatewayError::refused(format!(
            "Not counted: `{officer}` has already approved request `{}`; that approval no longer counts ({}) and cannot be repeated: let \
             another officer approve it, or submit the product again, which any officer may approve",
            dossier.terms.request,
            void.void.join("; ")
        )))
    }

    /// The approvals of a request that are on record, with the reason for each that does not count now.
    pub(in crate::gateway) async fn approvals_on_file(
        &self,
        request: &RequestId,
    ) -> Result<Vec<RecordedApproval>, GatewayError> {
        let why = match self.dossier(request).await {
            Ok(dossier) => return Ok(self.approvals_of(&dossier)),
            Err(GatewayError::Local(why)) => why,
            Err(error) => return Err(error),
        };
        // A request that cannot be assembled is still shown; no approval counts for it.
        let given: BTreeSet<Vec<u8>> =
            self.store().approvals(request).await?.into_iter().map(|given| given.statement).collect();
        let on_file = |bytes: &Vec<u8>| RecordedApproval {
            statement: Digest::of(bytes),
            officer: Signed::<Approval>::peek(bytes).ok().map(|approval| approval.officer),
            second: false,
            void: vec![why.clone()],
        };
        Ok(given.iter().map(on_file).collect())
    }

    /// As [`Node::approvals_on_file`], from a dossier.
    pub(in crate::gateway) fn approvals_of(&self, dossier: &Dossier) -> Vec<RecordedApproval> {
        let tally = self.tally(dossier, &dossier.approvals);
        let on_file = |bytes: &Vec<u8>| {
            let statement = Digest::of(bytes);
            let void = tally.void.iter().find(|void| void.statement == statement);
            RecordedApproval {
                statement,
                // Parsed only for the officer's name; whether it counts is in the tally alone.
                officer: Signed::<Approval>::peek(bytes).ok().map(|approval| approval.officer),
                second: void.is_some_and(|void| void.reasons == [VoidReason::SecondVote]),
                void: void.map_or_else(Vec::new, |void| void.reasons.iter().map(ToString::to_string).collect()),
            }
        };
        dossier.approvals.iter().map(on_file).collect()
    }

    /// Which of `approvals` count for the dossier.
    fn tally(&self, dossier: &Dossier, approvals: &[Vec<u8>]) -> Tally {
        let subject = Subject {
            instance: self.instance(),
            terms: &dossier.terms,
            cuts: dossier.cuts(),
            enrolments: &dossier.parties.enrolments,
            policy: self.policies().digest(),
            register: Digest::from_bytes(self.register().digest()),
        };
        approval::count(approvals, &subject, &dossier.parties.officers, self.now())
    }

    /// What each exchange of a request still needs before its release.
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
                state: exchange.state.to_string(),
                permitted: decided.permitted(),
                forecast: decided.reasons(),
            });
        }
        Ok(forecasts)
    }

    /// The approval of a dossier as it would be signed; signer, role and time are placeholders.
    pub(in crate::gateway) fn unsigned(&self, dossier: &Dossier) -> Approval {
        Approval {
            terms: dossier.terms.clone(),
            cuts: Approval::cuts_of(dossier.cuts(), &dossier.parties.enrolments),
            policy: self.policies().digest(),
            register: Digest::from_bytes(self.register().digest()),
            // Placeholders, replaced on signing; a statement is never signed with these.
            officer: dossier.terms.submitter.clone(),
            role: Role::Originator,
            given_at: crate::time::Time::EPOCH,
            nonce: [0; 16],
            instance: self.instance(),
        }
    }

    /// The row of a request that can still be approved or refused.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] if it is closed or has expired.
    pub(in crate::gateway) async fn open_row(&self, request: &RequestId) -> Result<Request, GatewayError> {
        let row = self.request_row(request).await?;
        self.is_open(&row)?;
        Ok(row)
    }

    /// The dossier of a request that can still be approved or refused.
    pub(in crate::gateway) async fn open_dossier(&self, request: &RequestId) -> Result<Dossier, GatewayError> {
        let whole = self.whole_request(request).await?;
        self.is_open(&whole.request)?;
        self.dossier_with(whole, self.participants().await?).await
    }

    fn is_open(&self, row: &Request) -> Result<(), GatewayError> {
        let request = row.id;
        if row.state != RequestState::Open {
            let why = row.reason.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
            return Err(GatewayError::refused(format!(
                "request `{request}` is {}{why}: to release its product all the same, submit it again",
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

/// The reason against a second approval by the same person.
fn already_approved(officer: &OfficerId) -> String {
    format!("{officer} has already approved this request")
}

/// How a request differs from what the officer reviewed, if it does.
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
