//! A product is submitted: read, cut for each partner, inspected, and put on record as a request.

use std::collections::{BTreeMap, BTreeSet};

use super::contents::{NotKept, blocking};
use super::decision::{Asked, Candidate, NoCandidate};
use super::parties::Parties;
use super::views::{ExchangeForecast, PartnerRefusal, ReasonView, RequestOpened, SubmitOutcome};
use super::{GatewayError, Node};
use crate::approval::{Outline, Received, Terms};
use crate::consent::{self, Described, Need};
use crate::cut::Cut;
use crate::envelope::Precedence;
use crate::ident::{ExchangeId, OfficerId, PartnerId, RequestId};
use crate::ledger::{Entry, EntryKind};
use crate::partner::{Partner, Roster};
use crate::product::{Format, Package, Product, TextAlone};
use crate::release::Stage;
use crate::store::{Change, Direction, Exchange, ExchangeState, Request, RequestState, SpoolId, Version};
use crate::time::Time;

/// What a producer asks for.
#[derive(Clone, Debug)]
pub struct Submission {
    /// The product's bytes.
    pub product: Vec<u8>,
    /// The format it is said to be in; one whose content shows another is refused.
    pub format: Option<Format>,
    /// For whom.
    pub partners: BTreeSet<PartnerId>,
    /// Who submits.
    pub by: OfficerId,
    /// What it is for.
    pub purpose: String,
    /// The law or authority relied on.
    pub legal_basis: String,
    /// The policy relied on; the partners' agreements if `None`.
    pub policy_basis: Option<String>,
    /// Until when it may leave.
    pub expires: Time,
    /// How urgent it is.
    pub precedence: Precedence,
    /// The request whose product this one replaces.
    pub supersedes: Option<RequestId>,
    /// Take this tearline, counted from 0 at the top, or a lower one.
    pub from_tearline: usize,
}

impl Node {
    /// Opens a request for a text that came alone, or refuses the submission whole and says why. Either is on the
    /// ledger.
    ///
    /// # Errors
    /// [`GatewayError`] if a partner is unknown or the store does not take it; a refusal is not an error.
    pub async fn submit(&self, submission: Submission) -> Result<SubmitOutcome, GatewayError> {
        self.submit_with(submission, &mut TextAlone(Vec::new())).await
    }

    /// As [`Node::submit`], with the files that belong beside the text: they are read once, in pieces, into the node's
    /// own storage.
    ///
    /// # Errors
    /// As [`Node::submit`].
    pub async fn submit_with(
        &self,
        submission: Submission,
        package: &mut dyn Package,
    ) -> Result<SubmitOutcome, GatewayError> {
        let request = RequestId::new(self.now(), self.random());
        let outcome = self.submitted(request, submission, package).await;
        if !matches!(outcome, Ok(SubmitOutcome::Open(_))) {
            self.drop_attachments(request)?;
        }
        outcome
    }

    async fn submitted(
        &self,
        request: RequestId,
        submission: Submission,
        package: &mut dyn Package,
    ) -> Result<SubmitOutcome, GatewayError> {
        let now = self.now();
        let parties = self.parties().await?;
        let roster = &parties.roster;
        if let Some(unknown) = submission.partners.iter().find(|p| roster.partner(p).is_none()) {
            return Err(GatewayError::no_partner(unknown));
        }
        let read = Product::read_as(&submission.product, submission.format, self.bounds(), self.register());
        let product = match read {
            Ok(product) => product,
            Err(faults) => {
                let faults = faults.iter().map(ToString::to_string).collect();
                return self.refuse_submission(&request, &submission, Vec::new(), faults).await;
            }
        };
        let terms = self.terms(request, &submission, &product, roster);
        let mut faults: Vec<String> = terms.faults().iter().map(ToString::to_string).collect();
        let longest = now.plus(std::time::Duration::from_secs(86_400 * self.config().gateway.request_days_max));
        if terms.expires <= now || terms.expires > longest {
            faults.push(format!("expiry must be after now and before {longest}: a release is limited in duration"));
        }
        match blocking(|| self.keep_attachments(request, &product, package)) {
            Ok(()) => {}
            Err(NotKept::Trouble(error)) => return Err(error),
            Err(NotKept::Faults(found)) => {
                faults.extend(found.iter().map(ToString::to_string));
                return self.refuse_submission(&request, &submission, Vec::new(), faults).await;
            }
        }
        let contents = self.contents_of(request, &product)?;
        let earlier = self.earlier(&submission).await?;
        if submission.supersedes.is_some() && !submission.partners.iter().any(|p| earlier.contains_key(p)) {
            faults.push("the request to replace has nothing for any of these partners".to_owned());
        }
        let described = Described::of(&product);
        let mut candidates = BTreeMap::new();
        let mut refused = Vec::new();
        for partner in &submission.partners {
            // INVARIANT: unknown partners were refused above.
            let Some(partner) = roster.partner(partner) else { continue };
            let link = self.link(partner, &described, &parties);
            match self.candidate(&product, (partner, &link), submission.from_tearline, &contents) {
                Ok(candidate) => {
                    let outline = self.outline((&candidate, &product), (partner, &described), &parties).await?;
                    let reasons = not_to_go_on(&outline, partner, &described, &parties, now);
                    if !reasons.is_empty() {
                        refused.push(PartnerRefusal { partner: partner.id.to_string(), reasons });
                    }
                    candidates.insert(partner.id.clone(), (candidate, outline));
                }
                Err(no) => refused.push(PartnerRefusal { partner: partner.id.to_string(), reasons: no.reasons() }),
            }
        }
        if !refused.is_empty() || !faults.is_empty() {
            return self.refuse_submission(&request, &submission, refused, faults).await;
        }
        self.open_request(&submission, (&product, &described), &terms, &parties, candidates, &earlier).await
    }

    /// The exchange of the request that is replaced, for each partner it had one for.
    async fn earlier(&self, submission: &Submission) -> Result<BTreeMap<PartnerId, ExchangeId>, GatewayError> {
        let Some(request) = submission.supersedes else { return Ok(BTreeMap::new()) };
        self.request_row(&request).await?;
        Ok(self.exchanges_of(&request).await?.into_iter().map(|row| (row.partner, row.id)).collect())
    }

    fn terms(&self, request: RequestId, submission: &Submission, product: &Product, roster: &Roster) -> Terms {
        let agreements = || {
            let ids: Vec<&str> =
                submission.partners.iter().filter_map(|p| Some(roster.partner(p)?.agreement.id.as_str())).collect();
            ids.join(", ")
        };
        Terms {
            request,
            submitter: submission.by.clone(),
            originator: product.originator().to_owned(),
            purpose: submission.purpose.clone(),
            legal_basis: submission.legal_basis.clone(),
            policy_basis: submission.policy_basis.clone().unwrap_or_else(agreements),
            expires: submission.expires,
            objective: None,
            engages: false,
            supports_outcome: false,
            precedence: submission.precedence,
            supersedes: submission.supersedes,
        }
    }

    async fn open_request(
        &self,
        submission: &Submission,
        (product, described): (&Product, &Described),
        terms: &Terms,
        parties: &Parties,
        candidates: BTreeMap<PartnerId, (Candidate, Outline)>,
        earlier: &BTreeMap<PartnerId, ExchangeId>,
    ) -> Result<SubmitOutcome, GatewayError> {
        let (now, request) = (self.now(), terms.request);
        let kept = self.keep_product(request, &submission.product).await?;
        let row = Request {
            id: request,
            product_digest: product.digest(),
            product_id: product.id().as_str().to_owned(),
            product: Some(kept),
            submitter: submission.by.to_string(),
            purpose: terms.purpose.clone(),
            // Neither basis can hold a line break, so the two are kept as two lines.
            basis: format!("{}\n{}", terms.legal_basis, terms.policy_basis),
            precedence: submission.precedence,
            expires: terms.expires,
            created: now,
            supersedes: terms.supersedes,
            state: RequestState::Open,
            reason: None,
            version: Version::NEW,
        };
        let cuts: BTreeMap<PartnerId, Outline> =
            candidates.iter().map(|(partner, (_, outline))| (partner.clone(), outline.clone())).collect();
        let mut changes = vec![Change::from(row.clone())];
        let mut entries = vec![
            Entry::new(now, EntryKind::RequestSubmitted, request, &submission.by)
                .with("product", product.digest())
                .with("partners", join(&submission.partners))
                .with("precedence", submission.precedence)
                .with("expires", terms.expires)
                .with("supersedes", terms.supersedes.map_or_else(|| "-".to_owned(), |id| id.to_string())),
        ];
        let mut exchanges = Vec::new();
        for (partner, (candidate, _)) in &candidates {
            let id = ExchangeId::new(now, self.random());
            let mut exchange =
                Exchange::new(id, Direction::Out, partner.clone(), ExchangeState::Requested, now, terms.expires);
            exchange.request = Some(request);
            exchange.about = earlier.get(partner).copied();
            exchange.precedence = submission.precedence;
            exchange.purpose = Some(terms.purpose.clone());
            exchange.product_id = Some(row.product_id.clone());
            describe(&mut exchange, &candidate.cut);
            if exchange.contact.is_none() {
                // The cut names nobody; whom to call at the partner is still part of the record.
                exchange.contact = parties.roster.partner(partner).map(|p| p.description.contact.clone());
            }
            entries.push(
                Entry::new(now, EntryKind::ExchangeRequested, id, &submission.by)
                    .with("request", request)
                    .with("partner", partner)
                    .with("cut", candidate.cut.digest())
                    .with("marking", candidate.cut.marking()),
            );
            changes.push(exchange.into());
            exchanges.push((id, partner.clone()));
        }
        self.commit(changes, entries).await?;
        let mut forecasts = Vec::new();
        for (id, partner) in exchanges {
            let (candidate, _) = &candidates[&partner];
            let asked = Asked { product: described, terms, cuts: &cuts, approvals: &[], parties };
            let decided = self.decide(Stage::Forecast, &partner, candidate.evidence(), asked)?;
            forecasts.push(ExchangeForecast {
                exchange: id.to_string(),
                partner: partner.to_string(),
                marking: candidate.cut.marking().to_string(),
                digest: candidate.cut.digest().to_string(),
                permitted: decided.permitted(),
                forecast: decided.reasons(),
            });
        }
        tracing::info!(request.id = %request, product.digest = %product.digest(), partners = candidates.len(), "request opened");
        // Said, not decided: whether they are to be told is for an officer.
        let not_replaced = earlier.keys().filter(|p| !candidates.contains_key(*p)).map(ToString::to_string).collect();
        Ok(SubmitOutcome::Open(RequestOpened { request: request.to_string(), exchanges: forecasts, not_replaced }))
    }

    async fn refuse_submission(
        &self,
        request: &RequestId,
        submission: &Submission,
        refused: Vec<PartnerRefusal>,
        faults: Vec<String>,
    ) -> Result<SubmitOutcome, GatewayError> {
        let codes: BTreeSet<&str> = refused.iter().flat_map(|r| &r.reasons).map(|r| r.code.as_str()).collect();
        let entry = Entry::new(self.now(), EntryKind::RequestRefused, request, &submission.by)
            .with("product", crate::digest::Digest::of(&submission.product))
            .with("partners", join(&submission.partners))
            .with("codes", codes.into_iter().collect::<Vec<_>>().join(" "))
            .with("faults", faults.len());
        self.record(vec![entry]).await?;
        tracing::info!(request.id = %request, faults = faults.len(), "submission refused");
        Ok(SubmitOutcome::Refused { refused, faults })
    }

    async fn keep_product(&self, request: RequestId, product: &[u8]) -> Result<SpoolId, GatewayError> {
        let kept = self.keys().storage.keep(product).map_err(GatewayError::trouble)?;
        let payload = self.spool_bytes(SpoolId::Product(request), &kept).await?;
        Ok(payload.spool)
    }
}

/// What another partner sent and has not consented to have passed on to this one.
fn not_to_go_on(
    outline: &Outline,
    partner: &Partner,
    product: &Described,
    parties: &Parties,
    now: Time,
) -> Vec<ReasonView> {
    let theirs = |received: &&Received| received.needs_consent() && received.code != partner.agreement.party.code;
    let consented = |received: &Received| {
        let need = [Need::of_source(&received.code)].into();
        !consent::chosen(&need, &parties.consents, (&partner.id, product), now).is_empty()
    };
    let missing = outline.received.iter().filter(theirs).filter(|received| !consented(received));
    let reason = |received: &Received| ReasonView {
        source: "consent".into(),
        code: "received-from-another".into(),
        sentence: format!(
            "{received}, and no consent of `{}` that it goes on to `{}` is in force",
            received.code, partner.id
        ),
        permits: false,
    };
    missing.map(reason).collect()
}

/// Writes into the record what the cut's own marks allow to be shown of it: everything here is part of the cut itself.
pub(super) fn describe(exchange: &mut Exchange, cut: &Cut) {
    exchange.cut_digest = Some(cut.digest());
    exchange.cut_size = Some(cut.size());
    exchange.marking = Some(cut.marking().to_string());
    exchange.title = Some(cut.title().to_owned());
    exchange.title_marking = Some(cut.title_marking().portion());
    exchange.subjects = cut.head().subjects.iter().map(|s| s.text.clone()).collect();
    exchange.contact = cut.head().contact.as_ref().map(|c| c.text.clone());
}

impl NoCandidate {
    /// The refusal as reasons.
    pub(super) fn reasons(&self) -> Vec<ReasonView> {
        self.0.clone()
    }
}

fn join(partners: &BTreeSet<PartnerId>) -> String {
    partners.iter().map(PartnerId::as_str).collect::<Vec<_>>().join(" ")
}
