//! Submission: a product is parsed, cut for each partner, inspected and recorded as a request.

use super::request::Attempt;
use super::request::Draft;
use super::request::join;
use super::request::terms;
use std::collections::{BTreeMap, BTreeSet};

use crate::approval::{Submission, Submitted, Terms};
use crate::consent::Described;
use crate::digest::Digest;
use crate::gateway::content::attachments::{NotStored, blocking};
use crate::gateway::node::participants::Participants;
use crate::gateway::views::exchange::{PartnerRefusal, SubmitOutcome};
use crate::gateway::{GatewayError, Node};
use crate::ident::{PartnerId, RequestId};
use crate::ledger::{Entry, EntryKind};
use crate::partner::{Roster, Standing};
use crate::product::{Format, Package, Product, TextAlone};
use crate::progress::Unit;
use crate::sign::{Signed, Signer};

impl Node {
    /// Signs a submission of a text without files and opens its request, or refuses all of it with the reasons. Both
    /// are recorded in the ledger.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] if the holder of the key may not submit; [`GatewayError`] if a partner is unknown or
    /// the commit fails. A refusal of the product or the terms is not an error.
    pub async fn submit(&self, draft: Draft, signer: &dyn Signer) -> Result<SubmitOutcome, GatewayError> {
        self.submit_with(draft, signer, &mut TextAlone(Vec::new())).await
    }

    /// As [`Node::submit`], with accompanying files: they are read once, in pieces, into the node's own storage.
    ///
    /// # Errors
    /// As [`Node::submit`].
    pub async fn submit_with(
        &self,
        draft: Draft,
        signer: &dyn Signer,
        package: &mut dyn Package,
    ) -> Result<SubmitOutcome, GatewayError> {
        let parties = self.participants().await?;
        let by =
            Submission::authority(&parties.officers, signer.public(), self.now()).map_err(GatewayError::refused)?;
        let request = RequestId::new(self.now(), self.random());
        let attempt = Attempt { request, by: &by.id, partners: &draft.partners, product: &draft.product };
        known(&draft.partners, &parties)?;
        let product = match self.read_submitted(&draft.product, draft.format) {
            Ok(product) => product,
            Err(faults) => return self.refuse_submission(&attempt, Vec::new(), faults).await,
        };
        let submission = Submission {
            node: self.config().node.name.clone(),
            instance: self.instance(),
            product: product.digest(),
            partners: draft.partners.clone(),
            from_tearline: draft.from_tearline as u64,
            terms: terms(request, &draft, &by.id, &product, &parties.roster),
            given_at: self.now(),
        };
        let signed = Signed::sign(submission, signer).map_err(GatewayError::trouble)?;
        self.verified().insert(&signed);
        self.process_submission(&signed, &product, &attempt, &parties, package).await
    }

    /// Opens the request of a submission that was signed elsewhere by a producer without access to this node, or
    /// refuses it as [`Node::submit`] does.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] if it is not a submission of exactly this product to this node, signed within
    /// [`Submission::LIFE`] by somebody who may submit, or was submitted before.
    pub async fn submit_signed(
        &self,
        product: &[u8],
        format: Option<Format>,
        signed: &[u8],
        package: &mut dyn Package,
    ) -> Result<SubmitOutcome, GatewayError> {
        let (parties, now) = (self.participants().await?, self.now());
        let (node, instance) = (&self.config().node.name, self.instance());
        let submitted = Submitted { node, instance, product: Digest::of(product) };
        let signed = Submission::verify(signed, &submitted, &parties.officers, now).map_err(GatewayError::refused)?;
        let said = signed.statement();
        said.is_fresh(&self.here(&parties.officers)).map_err(GatewayError::refused)?;
        let request = said.terms.request;
        // Before anything is stored under its number: stored data belongs to the first submission.
        if self.store().request(&request).await?.is_some() {
            return Err(GatewayError::refused(format!("this submission was processed before: see `status {request}`")));
        }
        known(&said.partners, &parties)?;
        let attempt = Attempt { request, by: &said.terms.submitter, partners: &said.partners, product };
        let read = match self.read_submitted(product, format) {
            Ok(product) => product,
            Err(faults) => return self.refuse_submission(&attempt, Vec::new(), faults).await,
        };
        if said.terms.originator != read.originator() {
            let fault = "the originator in the submission differs from the product's".to_owned();
            return self.refuse_submission(&attempt, Vec::new(), vec![fault]).await;
        }
        self.process_submission(&signed, &read, &attempt, &parties, package).await
    }

    fn read_submitted(&self, product: &[u8], format: Option<Format>) -> Result<Product, Vec<String>> {
        Product::read_as(product, format, self.bounds(), self.register())
            .map_err(|faults| faults.iter().map(ToString::to_string).collect())
    }

    /// Opens the request of a valid submission, or refuses it; nothing of a refused one is stored.
    async fn process_submission(
        &self,
        signed: &Signed<Submission>,
        product: &Product,
        attempt: &Attempt<'_>,
        parties: &Participants,
        package: &mut dyn Package,
    ) -> Result<SubmitOutcome, GatewayError> {
        let request = attempt.request;
        // Lasts until everything is rolled back if it is cancelled.
        let _step = self.progress().step("submitting", Unit::Bytes, None);
        let outcome = self.evaluate_submission(signed, product, attempt, parties, package).await;
        match &outcome {
            Ok(SubmitOutcome::Open(_)) => {}
            Ok(SubmitOutcome::Refused { .. }) => self.discard_submitted(request).await?,
            // Data is kept if it is or may be on record: this request, whatever failed after its commit, or that of
            // another submission of the same statement.
            Err(error) if error.is_outcome_unknown() => {}
            Err(_) => {
                if let Ok(None) = self.store().request(&request).await {
                    self.discard_submitted(request).await?;
                }
            }
        }
        outcome.map_err(|error| error.of_commit(format_args!("request `{request}`"), format_args!("status {request}")))
    }

    async fn evaluate_submission(
        &self,
        signed: &Signed<Submission>,
        product: &Product,
        attempt: &Attempt<'_>,
        parties: &Participants,
        package: &mut dyn Package,
    ) -> Result<SubmitOutcome, GatewayError> {
        let (now, roster) = (self.now(), &parties.roster);
        let (submission, request) = (signed.statement(), attempt.request);
        let terms = &submission.terms;
        let mut faults: Vec<String> = terms.faults().iter().map(ToString::to_string).collect();
        faults.extend(self.aims_faults(terms, &submission.partners, roster));
        let longest = now.plus(std::time::Duration::from_secs(86_400 * self.config().gateway.request_days_max));
        if terms.expires <= now || terms.expires > longest {
            faults.push(format!("expiry must be after now and before {longest}: a release is limited in duration"));
        }
        let refused_by_agreement = self.refused_by_agreement(product, submission, parties);
        if !refused_by_agreement.is_empty() {
            return self.refuse_submission(attempt, refused_by_agreement, faults).await;
        }
        // Held until the request is on record, so that a server starting meanwhile does not set them aside.
        let _held = match blocking(|| self.store_attachments(request, product, package)) {
            Ok(held) => held,
            Err(NotStored::Trouble(error)) => return Err(error),
            Err(NotStored::Faults(found)) => {
                faults.extend(found.iter().map(ToString::to_string));
                return self.refuse_submission(attempt, Vec::new(), faults).await;
            }
        };
        let contents = self.contents_of(request, product)?;
        let earlier = self.earlier(terms.supersedes).await?;
        if terms.supersedes.is_some() && !submission.partners.iter().any(|p| earlier.contains_key(p)) {
            faults.push("the request to replace has no exchange with any of these partners".to_owned());
        }
        let described = Described::of(product);
        let from = usize::try_from(submission.from_tearline).unwrap_or(usize::MAX);
        let (mut candidates, mut refused) = (BTreeMap::new(), Vec::new());
        // INVARIANT: unknown partners were refused before.
        for partner in submission.partners.iter().filter_map(|id| roster.partner(id)) {
            let would = self.forecast_for((product, &described), (partner, from), &contents, (parties, terms)).await?;
            if !would.against.is_empty() {
                refused.push(PartnerRefusal { partner: partner.id.to_string(), reasons: would.against });
            }
            candidates.extend(would.candidate.map(|candidate| (partner.id.clone(), candidate)));
        }
        if submission.partners.is_empty() {
            faults.push("the submission does not name a partner".to_owned());
        }
        if !refused.is_empty() || !faults.is_empty() {
            return self.refuse_submission(attempt, refused, faults).await;
        }
        self.open_request(signed, (product, &described), attempt, parties, candidates, &earlier).await
    }

    /// Faults of a submission's aims under the guiding document in force today.
    fn aims_faults(&self, terms: &Terms, partners: &BTreeSet<PartnerId>, roster: &Roster) -> Vec<String> {
        let Some(objective) = &terms.objective else {
            let outcome = "the submission supports an outcome but cites no objective for it: give the objective";
            return terms.supports_outcome.then(|| outcome.to_owned()).into_iter().collect();
        };
        let Some(guiding) = self.priorities() else {
            return vec![
                "the submission cites an objective, but no guiding document (`priorities.toml`) is in force".into(),
            ];
        };
        let today = self.now().date();
        let code = |partner: &PartnerId| roster.partner(partner).map(|p| p.agreement.party.code.clone());
        let codes = partners.iter().filter_map(|partner| Some((partner, code(partner)?)));
        let without = codes.filter(|(_, code)| guiding.objective(objective, code, today).is_none());
        without
            .map(|(partner, code)| {
                let known: Vec<&str> = guiding.cited_for(&code, today).map(|known| known.id.as_str()).collect();
                let known = match known.is_empty() {
                    true => "it has none for that partner".to_owned(),
                    false => format!("it has: {}", known.join(", ")),
                };
                format!(
                    "the guiding document in force has no objective `{objective}` for `{partner}` today; \
                     {known}"
                )
            })
            .collect()
    }

    async fn refuse_submission(
        &self,
        attempt: &Attempt<'_>,
        refused: Vec<PartnerRefusal>,
        faults: Vec<String>,
    ) -> Result<SubmitOutcome, GatewayError> {
        self.progress().check().map_err(GatewayError::refused)?;
        let codes: BTreeSet<&str> = refused.iter().flat_map(|r| &r.reasons).map(|r| r.code.as_str()).collect();
        let entry = Entry::new(self.now(), EntryKind::RequestRefused, attempt.request, attempt.by)
            .with("product", Digest::of(attempt.product))
            .with("partners", join(attempt.partners))
            .with("codes", codes.into_iter().collect::<Vec<_>>().join(" "))
            .with("faults", faults.len());
        self.record(vec![entry]).await?;
        tracing::info!(request.id = %attempt.request, faults = faults.len(), "submission refused");
        Ok(SubmitOutcome::Refused { refused, faults })
    }
}

/// Fails if a partner is not enrolled.
pub(in crate::gateway) fn known(partners: &BTreeSet<PartnerId>, parties: &Participants) -> Result<(), GatewayError> {
    let enrolled = || parties.roster.iter().filter(|partner| partner.standing != Standing::Removed).map(|p| &p.id);
    match partners.iter().find(|id| enrolled().all(|known| known != *id)) {
        Some(unknown) => Err(GatewayError::no_partner_among(unknown, enrolled())),
        None => Ok(()),
    }
}
