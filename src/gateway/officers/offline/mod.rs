//! A request as one file, with everything that an approval binds: an officer reviews and signs it on their own
//! machine, without the node, its keys or its store.
//!
//! The file holds bytes and texts but no digests of them: every digest that is shown or signed is computed from the
//! content. It refuses a file whose parts do not match each other. `docs/RECORDS.md` gives the layout.

mod document;
mod file;

use crate::gateway::node::participants::holder_of;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use document::{CutPart, Document, OfficerPart, WithheldPart};
use file::{DOCUMENT_BYTES_MAX, FileContents, read_document, write};

use super::review::{CutUnderReview, RecordedParts};
use crate::approval::{Approval, Enrolment, Officer, Officers, Outline, Role, Submission, Submitted};
use crate::change::PolicyTexts;
use crate::config::Inspection;
use crate::cut::Cut;
use crate::digest::Digest;
use crate::gateway::node::policy::rules::Rules;
use crate::gateway::node::policy::settings::inspection as inspection_settings;
use crate::gateway::officers::attachments::write_renderings;
use crate::gateway::views::exchange::ReasonView;
use crate::gateway::views::officer::{ChangesView, CutWritten, RequestReview, Unsigned};
use crate::gateway::{ApprovalOutcome, GatewayError, Node, package};
use crate::ident::{NodeId, OfficerId, PartnerId, RequestId};
use crate::partner::{Agreement, Description, Partner, Standing};
use crate::product::{Attachment, Bounds};
use crate::rebuild::Rebuilder;
use crate::sign::{Instance, Signed, Signer};
use crate::time::Time;

/// A request read from its file: every part was parsed and checked against the others.
pub struct ExportedRequest {
    document: Document,
    /// What the submitter signed.
    submission: Signed<Submission>,
    cuts: Vec<(Cut, Partner)>,
    officers: Officers,
    /// The policy in the file.
    rules: Rules,
    /// When it was read: the time by which the guiding document classifies the release.
    read_at: Time,
    contents: FileContents,
    /// Reads and renders attachments, within the bounds of the policy in the file.
    rebuilder: Arc<dyn Rebuilder>,
}

impl Node {
    /// Writes a request into a new file, with everything that an approval of it binds.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] if the request is not open or can no longer be approved; [`GatewayError::Local`]
    /// if the file cannot be written.
    pub async fn export_request(&self, request: &RequestId, place: &Path) -> Result<(), GatewayError> {
        package::is_free(place).map_err(GatewayError::Refused)?;
        let review = self.review(request).await?;
        let dossier = self.open_dossier(request).await?;
        let contents = self.contents_of(*request, &dossier.product)?;
        let mut cuts = Vec::new();
        let mut detached: Vec<Attachment> = Vec::new();
        for (partner, candidate) in &dossier.candidates {
            let shown = review
                .cuts
                .iter()
                .find(|cut| cut.partner == partner.as_str() && cut.digest == candidate.cut.digest().to_string());
            let shown =
                shown.ok_or_else(|| GatewayError::refused("the request changed during the export: try again"))?;
            let enrolled = dossier.parties.partner(partner)?;
            // INVARIANT: every candidate has an outline.
            let Some(outline) = dossier.outlines.get(partner) else { continue };
            cuts.push(CutPart {
                partner: partner.clone(),
                text: candidate.cut.bytes().to_vec(),
                outline: outline.clone(),
                description: enrolled.description.to_json(),
                agreement: enrolled.agreement.to_toml(),
                withheld: shown.withheld.iter().map(WithheldPart::of).collect(),
                rewritten: shown.rewritten.clone(),
                against: shown
                    .forecast
                    .iter()
                    .filter(|r| !r.permits)
                    .map(|r| format!("{} [{}]", r.sentence, r.code))
                    .collect(),
                changed: shown.changes.summary.clone(),
                diff: shown.changes.diff.clone(),
                consents: shown.consents.clone(),
            });
            detached.extend(candidate.cut.detached().cloned());
        }
        let now = self.now();
        let texts = self.policy_texts().iter().filter(|(name, _)| !name.starts_with("words/"));
        let texts = PolicyTexts::new(texts.map(|(name, text)| (name.to_owned(), text.to_owned())));
        let officers = dossier.parties.officers.iter();
        let counting = self.approvals_of(&dossier).into_iter().filter(|on_file| on_file.void.is_empty());
        let mut approved_by: Vec<OfficerId> = counting.filter_map(|on_file| on_file.officer).collect();
        approved_by.sort();
        approved_by.dedup();
        let document = Document {
            node: self.config().node.name.clone(),
            instance: self.instance(),
            exported_ms: now.unix_ms(),
            submission: dossier.submission.clone(),
            cuts,
            policy: texts.map_err(GatewayError::trouble)?.to_bytes(),
            officers: officers.map(OfficerPart::of).collect(),
            approved_by,
        };
        self.progress().check().map_err(GatewayError::trouble)?;
        crate::gateway::content::attachments::blocking(|| write(place, &document, &detached, &contents))
            .map_err(GatewayError::Local)
    }

    /// Imports an approval that was signed elsewhere, and records it if it counts for the request now.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] if it is not an enrolled officer's approval, or the request is not open.
    pub async fn import_approval(&self, signed: &[u8]) -> Result<ApprovalOutcome, GatewayError> {
        // Only the officer's name and the request are taken from the unverified statement.
        let claimed = Signed::<Approval>::peek(signed).map_err(GatewayError::refused)?;
        let dossier = self.open_dossier(&claimed.terms.request).await?;
        let parties = Arc::clone(&dossier.parties);
        let officer = parties.officers.officer(&claimed.officer);
        let officer = officer.ok_or_else(|| {
            GatewayError::refused(format!("no officer `{}` is enrolled: see `officer list`", claimed.officer))
        })?;
        let mut faults = officer.keys.iter().map(|key| self.verified().verify::<Approval>(signed, key));
        let verified = faults.find_map(Result::ok).ok_or_else(|| {
            GatewayError::refused(format!("the approval is not signed with a key of `{}`", claimed.officer))
        })?;
        self.record_approval(dossier, &verified).await
    }
}

impl ExportedRequest {
    /// Reads a file and checks every part against the others.
    ///
    /// # Errors
    /// [`GatewayError::NotFound`] if it cannot be read; [`GatewayError::Refused`] names the part that does not match.
    pub fn read(place: &Path, now: Time) -> Result<ExportedRequest, GatewayError> {
        let (document, file, begins) = read_document(place)?;
        let refused = |what: &str, why: &dyn std::fmt::Display| GatewayError::refused(format!("{what}: {why}"));
        let texts = PolicyTexts::from_bytes(&document.policy).map_err(|e| refused("policy", &e))?;
        let rules = Rules::load(texts).map_err(|e| refused("policy", &e))?;
        let officers = document.officers.iter().map(OfficerPart::to_officer).collect::<Result<Vec<_>, _>>()?;
        let officers = Officers::new(officers).map_err(|faults| refused("officers", &join(&faults)))?;
        let said = Signed::<Submission>::peek(&document.submission).map_err(|e| refused("submission", &e))?;
        let of = Submitted { node: &document.node, instance: document.instance, product: said.product };
        let submission =
            Submission::verify(&document.submission, &of, &officers, now).map_err(|e| refused("submission", &e))?;
        let bounds =
            Bounds { bytes_max: usize::try_from(DOCUMENT_BYTES_MAX).unwrap_or(usize::MAX), ..Bounds::default() };
        let mut cuts: Vec<(Cut, Partner)> = Vec::new();
        for part in &document.cuts {
            let what = format!("cut for `{}`", part.partner);
            if cuts.last().is_some_and(|(_, before)| before.id >= part.partner) {
                return Err(refused(&what, &"is out of order"));
            }
            let cut = Cut::read(&part.text, &bounds, &rules.register).map_err(|e| refused(&what, &e))?;
            if !part.outline.is_of(&cut, &part.outline.shared) {
                return Err(refused(&what, &"its outline does not match its text"));
            }
            let description = Description::parse(&part.description).map_err(|e| refused(&what, &e))?;
            let agreement = Agreement::parse(&part.agreement).map_err(|e| refused(&what, &e))?;
            if description.node.as_str() != part.partner.as_str() || agreement.to_toml() != part.agreement {
                return Err(refused(&what, &"its description or agreement belongs to another partner"));
            }
            let (id, standing) = (part.partner.clone(), Standing::Active);
            cuts.push((cut, Partner { id, description: description.into(), agreement, standing }));
        }
        let partners: BTreeSet<&PartnerId> = cuts.iter().map(|(_, partner)| &partner.id).collect();
        if !partners.iter().copied().eq(&submission.statement().partners) {
            return Err(refused("cuts", &"they do not match the partners of the submission"));
        }
        let detached: Vec<&Attachment> = cuts.iter().flat_map(|(cut, _)| cut.detached()).collect();
        let contents = FileContents::of(file, begins, &detached)?;
        // The node's filter program is not available here; this program runs the filters.
        let inspection = Inspection { program: None, ..rules.inspection.clone() };
        let rebuilder = inspection_settings(&inspection, Vec::new(), Bounds::default()).rebuilder;
        Ok(ExportedRequest { document, submission, cuts, officers, rules, read_at: now, contents, rebuilder })
    }

    /// What the officer is shown: exactly what would be signed.
    pub fn review(&self) -> RequestReview {
        let terms = self.submission.statement().terms.clone();
        let aims = terms.aims();
        let cut = |((cut, partner), part): (&(Cut, Partner), &CutPart)| {
            let against = |why: &String| ReasonView {
                source: "node".into(),
                code: "exported".into(),
                sentence: why.clone(),
                permits: false,
            };
            let recorded = RecordedParts {
                consents: part.consents.clone(),
                withheld: part.withheld.iter().map(WithheldPart::view).collect(),
                source: String::new(),
                rewritten: part.rewritten.clone(),
                changes: ChangesView {
                    since: None,
                    when: None,
                    summary: part.changed.clone(),
                    diff: part.diff.clone(),
                },
                forecast: part.against.iter().map(against).collect(),
            };
            let under_review = CutUnderReview {
                cut,
                partner,
                outline: &part.outline,
                contents: &self.contents,
                rebuilder: &*self.rebuilder,
                register: &self.rules.register,
                priorities: self.rules.priorities.as_ref(),
                aims: &aims,
                now: self.read_at,
            };
            under_review.review(recorded)
        };
        RequestReview {
            request: terms.request.to_string(),
            cuts: self.cuts.iter().zip(&self.document.cuts).map(cut).collect(),
            approval: Unsigned(self.unsigned()),
            terms,
        }
    }

    /// The node that wrote it (name and instance), when, and who had approved by then.
    pub fn origin(&self) -> (&NodeId, Instance, Time, &[OfficerId]) {
        let Document { node, instance, exported_ms, approved_by, .. } = &self.document;
        (node, *instance, Time::from_unix_ms(*exported_ms), approved_by)
    }

    /// Writes each partner's cut to a new file or folder under `folder`, attachments included.
    ///
    /// # Errors
    /// [`GatewayError::Local`] if something cannot be written.
    pub fn write_cuts(&self, folder: &Path) -> Result<Vec<CutWritten>, GatewayError> {
        let request = self.submission.statement().terms.request;
        let write = |(cut, partner): &(Cut, Partner)| {
            let place = folder.join(format!("{request}-{}", partner.id));
            package::is_free(&place).map_err(GatewayError::Refused)?;
            let detached: Vec<_> = cut.detached().collect();
            let mut fill =
                |folder: &Path| detached.iter().try_for_each(|a| package::write_attachment(folder, a, &self.contents));
            let attachments: Option<&mut package::Fill<'_>> = if detached.is_empty() { None } else { Some(&mut fill) };
            package::write(&place, cut.bytes(), attachments).map_err(GatewayError::Local)?;
            let attachments = write_renderings(&place, cut, &*self.rebuilder)?;
            Ok(CutWritten { place, attachments })
        };
        self.cuts.iter().map(write).collect()
    }

    /// Signs an approval of exactly what [`ExportedRequest::review`] shows, as the officer who holds the key.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] if no officer in office holds it, or they submitted the request.
    pub fn approve(&self, signer: &dyn Signer, nonce: [u8; 16], now: Time) -> Result<Vec<u8>, GatewayError> {
        let officer = self.approver(signer, now)?;
        let approval = Approval {
            officer: officer.id.clone(),
            role: officer.strongest_role(),
            given_at: now,
            nonce,
            ..self.unsigned()
        };
        Ok(Signed::sign(approval, signer).map_err(GatewayError::trouble)?.bytes().to_vec())
    }

    /// The officer who would approve with a key, before anything is shown to them.
    ///
    /// # Errors
    /// As [`ExportedRequest::approve`].
    pub fn approver(&self, signer: &dyn Signer, now: Time) -> Result<&Officer, GatewayError> {
        let officer = holder_of(&self.officers, signer)?;
        if !officer.in_office(now) || !officer.strongest_role().approves_release() {
            return Err(GatewayError::refused(format!("officer `{}` may not approve requests now", officer.id)));
        }
        if self.officers.is_same_person(&officer.id, &self.submission.statement().terms.submitter) {
            return Err(GatewayError::refused(
                "officer submitted the request: submitters cannot approve their own request",
            ));
        }
        Ok(officer)
    }

    fn unsigned(&self) -> Approval {
        let terms = self.submission.statement().terms.clone();
        let outlines: BTreeMap<PartnerId, Outline> =
            self.document.cuts.iter().map(|part| (part.partner.clone(), part.outline.clone())).collect();
        let enrolments = self.cuts.iter().map(|(_, partner)| (partner.id.clone(), Enrolment::of(partner))).collect();
        Approval {
            cuts: Approval::cuts_of(&outlines, &enrolments),
            policy: self.rules.policies.digest(),
            register: Digest::from_bytes(self.rules.register.digest()),
            // Placeholders, replaced on signing; a statement is never signed with these.
            officer: terms.submitter.clone(),
            role: Role::Originator,
            given_at: Time::EPOCH,
            nonce: [0; 16],
            instance: self.document.instance,
            terms,
        }
    }
}

fn join<E: std::fmt::Display>(faults: &[E]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
