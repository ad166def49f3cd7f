//! Officers' decisions: what they are shown, what they sign, and what becomes of it.

use std::path::{Path, PathBuf};

use super::contents::blocking;
use super::decision::Dossier;
use super::views::{ApprovalOutcome, CutReview, ExchangeForecast, RequestReview};
use super::{GatewayError, Node, package};
use crate::approval::{self, Approval, Officer, Role, Subject};
use crate::ident::RequestId;
use crate::ledger::{Entry, EntryKind};
use crate::release::Stage;
use crate::sign::{Signed, Signer};
use crate::store::{self, Change, ExchangeState, Request, RequestState};

/// An approval as it would be signed: everything but who signs.
#[derive(Clone, Debug)]
pub struct Unsigned(Approval);

impl Node {
    /// What an officer is asked to approve: the exact cuts, the terms, and what stands in the way.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] if the request is not open or a cut can no longer be made.
    pub async fn review(&self, request: &RequestId) -> Result<RequestReview, GatewayError> {
        let dossier = self.dossier(self.open_row(request).await?).await?;
        if let Some((partner, reasons)) = dossier.refusals.iter().next() {
            let why = reasons.first().map_or("", |r| r.sentence.as_str());
            return Err(GatewayError::refused(format!(
                "request `{request}` can no longer be approved for `{partner}`: {why}"
            )));
        }
        let mut cuts = Vec::new();
        for (partner, candidate) in &dossier.candidates {
            let decided = self.decide_on(Stage::Forecast, &dossier, partner).await?;
            let cut = &candidate.cut;
            let above = cut.tearline_index().unwrap_or(0);
            cuts.push(CutReview {
                partner: partner.to_string(),
                marking: cut.marking().to_string(),
                digest: cut.digest().to_string(),
                bytes: cut.size(),
                text: String::from_utf8_lossy(cut.bytes()).into_owned(),
                held_back: format!(
                    "{above} of {} tearlines stand above it and do not go",
                    dossier.product.tearlines().len()
                ),
                changes: candidate.changes.iter().map(ToString::to_string).collect(),
                forecast: decided.map(|d| d.reasons()).unwrap_or_default(),
            });
        }
        let approval = Unsigned(self.unsigned(&dossier));
        Ok(RequestReview { request: request.to_string(), terms: dossier.terms, cuts, approval })
    }

    /// Writes what each partner of a request would get into a new file or folder of its own under `folder`, attachments
    /// included, so that an officer can look at all of it. Gives where they are.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] if the request is not open; [`GatewayError::Trouble`] if something cannot be written.
    pub async fn write_cuts(&self, request: &RequestId, folder: &Path) -> Result<Vec<PathBuf>, GatewayError> {
        let dossier = self.dossier(self.open_row(request).await?).await?;
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
        let row = self.open_row(request).await?;
        let officers = self.officers().await?;
        let officer = officers.iter().find(|o| o.keys.contains(signer.public())).ok_or_else(|| {
            GatewayError::refused(format!(
                "no officer is enrolled with key `{}`: see `officer list`",
                signer.public().fingerprint().short()
            ))
        })?;
        let now = self.now();
        let statement = Approval {
            officer: officer.id.clone(),
            role: strongest_role(officer),
            given_at: now,
            nonce: self.random(),
            ..review.approval.0.clone()
        };
        let signed = Signed::sign(statement, signer).map_err(GatewayError::trouble)?;
        let dossier = self.dossier(row).await?;
        let cuts = dossier.cuts();
        let subject = Subject {
            terms: &dossier.terms,
            cuts: &cuts,
            enrolments: &dossier.enrolments,
            policy: self.policies().digest(),
            register: crate::digest::Digest::from_bytes(self.register().digest()),
        };
        // Counted together with those on file, so that a second vote of one person is found now, not at the release.
        let mut all = dossier.approvals.clone();
        all.push(signed.bytes().to_vec());
        let tally = approval::count(&all, &subject, &officers, now);
        let counts = tally.votes.iter().any(|v| v.statement == signed.digest());
        let void: Vec<String> = tally
            .void
            .iter()
            .filter(|v| v.statement == signed.digest())
            .flat_map(|v| v.reasons.iter().map(ToString::to_string))
            .collect();
        let entry = |kind| {
            Entry::new(now, kind, request, &officer.id)
                .with("statement", signed.digest())
                .with("key", signed.key())
                .with("role", signed.statement().role)
        };
        if counts {
            let mut entries = Vec::new();
            let mut changes: Vec<Change> = Vec::new();
            for exchange in &dossier.exchanges {
                let approval = store::Approval {
                    request: *request,
                    exchange: exchange.id,
                    officer: officer.id.clone(),
                    statement: signed.bytes().to_vec(),
                    given: now,
                };
                changes.push(approval.into());
                entries.push(
                    Entry::new(now, EntryKind::ApprovalGiven, exchange.id, &officer.id)
                        .with("request", request)
                        .with("statement", signed.digest()),
                );
            }
            entries.push(entry(EntryKind::ApprovalGiven));
            self.commit(changes, entries).await?;
            tracing::info!(request.id = %request, officer.id = %officer.id, "approval recorded");
        } else {
            self.record(vec![entry(EntryKind::ApprovalVoid).with("why", void.join("; "))]).await?;
            tracing::warn!(request.id = %request, officer.id = %officer.id, "approval does not count");
        }
        let exchanges = self.forecasts(request).await?;
        Ok(ApprovalOutcome { request: request.to_string(), officer: officer.id.to_string(), counts, void, exchanges })
    }

    /// Refuses a request: nothing of it that has not left will leave.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] if the request is not open any more.
    pub async fn refuse(&self, request: &RequestId, why: &str, by: &str) -> Result<(), GatewayError> {
        let mut row = self.open_row(request).await?;
        let now = self.now();
        row.state = RequestState::Refused;
        row.reason = Some(why.to_owned());
        let mut changes: Vec<Change> = vec![row.into()];
        let mut entries = vec![Entry::new(now, EntryKind::RequestRefused, request, by).with("why", why)];
        for mut exchange in self.exchanges_of(request).await? {
            let waiting = matches!(
                exchange.state,
                ExchangeState::Requested
                    | ExchangeState::Held
                    | ExchangeState::Approved
                    | ExchangeState::Queued
                    | ExchangeState::Parked
            );
            if waiting {
                exchange.state = ExchangeState::Refused;
                exchange.updated = now;
                exchange.reason = Some("the request was refused".into());
                entries.push(Entry::new(now, EntryKind::ExchangeRefused, exchange.id, by).with("request", request));
                changes.push(exchange.into());
            }
        }
        self.commit(changes, entries).await?;
        self.let_go_of_attachments(request).await?;
        tracing::info!(request.id = %request, "request refused");
        Ok(())
    }

    /// What stands between each exchange of a request and its release, now.
    async fn forecasts(&self, request: &RequestId) -> Result<Vec<ExchangeForecast>, GatewayError> {
        let dossier = self.dossier(self.request_row(request).await?).await?;
        let mut forecasts = Vec::new();
        for exchange in &dossier.exchanges {
            let Some(candidate) = dossier.candidates.get(&exchange.partner) else { continue };
            let Some(decided) = self.decide_on(Stage::Approve, &dossier, &exchange.partner).await? else { continue };
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

    fn unsigned(&self, dossier: &Dossier) -> Approval {
        Approval {
            terms: dossier.terms.clone(),
            cuts: Approval::cuts_of(&dossier.cuts(), &dossier.enrolments),
            policy: self.policies().digest(),
            register: crate::digest::Digest::from_bytes(self.register().digest()),
            // Replaced by whoever signs; a statement is never signed with these.
            officer: dossier.terms.submitter.clone(),
            role: Role::Originator,
            given_at: crate::time::Time::EPOCH,
            nonce: [0; 16],
        }
    }

    async fn open_row(&self, request: &RequestId) -> Result<Request, GatewayError> {
        let row = self.request_row(request).await?;
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
        Ok(row)
    }
}

/// The role in which an officer's approval has most authority.
fn strongest_role(officer: &Officer) -> Role {
    officer.roles.iter().next_back().copied().unwrap_or(Role::Originator)
}
