//! A product is submitted: read, cut for each partner, inspected, and put on record as a request.

use std::collections::{BTreeMap, BTreeSet};

use super::consents::Links;
use super::contents::{KeptContents, NotKept, blocking};
use super::decision::{Asked, Candidate, reasons};
use super::parties::Parties;
use super::views::{ExchangeForecast, PartnerRefusal, ReasonView, RequestOpened, SubmitOutcome};
use super::{GatewayError, Node};
use crate::approval::{Aims, Outline, Submission, Submitted, Terms};
use crate::consent::Described;
use crate::cut::{self, Cut};
use crate::digest::Digest;
use crate::envelope::Precedence;
use crate::ident::{ExchangeId, OfficerId, PartnerId, RequestId};
use crate::ledger::{Entry, EntryKind};
use crate::partner::{Partner, Roster, Standing};
use crate::product::{Format, Package, Product, TextAlone};
use crate::release::Stage;
use crate::sign::{Signed, Signer};
use crate::store::{
    Change, Direction, Exchange, ExchangeState, FileHold, Request, RequestState, SpoolId, Statement, StatementKind,
    Version,
};
use crate::time::Time;

/// What a producer asks for, before it is signed.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The product's bytes.
    pub product: Vec<u8>,
    /// The format it is said to be in; one whose content shows another is refused.
    pub format: Option<Format>,
    /// For whom.
    pub partners: BTreeSet<PartnerId>,
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
    /// What it is to serve.
    pub aims: Aims,
    /// Take this tearline, counted from 0 at the top, or a lower one.
    pub from_tearline: usize,
}

/// What would go to one partner.
#[derive(Default)]
pub(super) struct WouldGo {
    /// The cut with what is to be said of it, if one can be made that the filters pass.
    pub candidate: Option<(Candidate, Outline)>,
    /// Why it never goes, whoever approves it.
    pub against: Vec<ReasonView>,
    /// What it would wait for.
    pub waits: Vec<ReasonView>,
}

/// A submission that is under way, as the ledger speaks of it whatever becomes of it.
struct Attempt<'a> {
    request: RequestId,
    by: &'a OfficerId,
    partners: &'a BTreeSet<PartnerId>,
    product: &'a [u8],
}

impl Node {
    /// Signs a submission of a text that came alone and opens its request, or refuses it whole and says why. Either is on
    /// the ledger.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] if whoever holds the key may not submit; [`GatewayError`] if a partner is unknown or the
    /// store does not take it. A refusal of the product or the terms is not an error.
    pub async fn submit(&self, draft: Draft, signer: &dyn Signer) -> Result<SubmitOutcome, GatewayError> {
        self.submit_with(draft, signer, &mut TextAlone(Vec::new())).await
    }

    /// As [`Node::submit`], with the files that belong beside the text: they are read once, in pieces, into the node's
    /// own storage.
    ///
    /// # Errors
    /// As [`Node::submit`].
    pub async fn submit_with(
        &self,
        draft: Draft,
        signer: &dyn Signer,
        package: &mut dyn Package,
    ) -> Result<SubmitOutcome, GatewayError> {
        let parties = self.parties().await?;
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
        self.verified().learn(&signed);
        self.take_in(&signed, &product, &attempt, &parties, package).await
    }

    /// Opens the request of a submission that was signed elsewhere, by a producer who has no access to this node, or
    /// refuses it as [`Node::submit`] does.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] if it is not a submission of exactly this product to this node, signed within
    /// [`Submission::LIFE`] by somebody who may submit, or was taken in before.
    pub async fn submit_signed(
        &self,
        product: &[u8],
        format: Option<Format>,
        signed: &[u8],
        package: &mut dyn Package,
    ) -> Result<SubmitOutcome, GatewayError> {
        let (parties, now) = (self.parties().await?, self.now());
        let (node, instance) = (&self.config().node.name, self.instance());
        let submitted = Submitted { node, instance, product: Digest::of(product) };
        let signed = Submission::verify(signed, &submitted, &parties.officers, now).map_err(GatewayError::refused)?;
        let said = signed.statement();
        said.is_fresh(&self.here(&parties.officers)).map_err(GatewayError::refused)?;
        let request = said.terms.request;
        // Before anything is kept under its number: what is there belongs to the first.
        if self.store().request(&request).await?.is_some() {
            return Err(GatewayError::refused(format!("this submission was taken in before: see `status {request}`")));
        }
        known(&said.partners, &parties)?;
        let attempt = Attempt { request, by: &said.terms.submitter, partners: &said.partners, product };
        let read = match self.read_submitted(product, format) {
            Ok(product) => product,
            Err(faults) => return self.refuse_submission(&attempt, Vec::new(), faults).await,
        };
        if said.terms.originator != read.originator() {
            let fault = "the submission names another originator than the product does".to_owned();
            return self.refuse_submission(&attempt, Vec::new(), vec![fault]).await;
        }
        self.take_in(&signed, &read, &attempt, &parties, package).await
    }

    fn read_submitted(&self, product: &[u8], format: Option<Format>) -> Result<Product, Vec<String>> {
        Product::read_as(product, format, self.bounds(), self.register())
            .map_err(|faults| faults.iter().map(ToString::to_string).collect())
    }

    /// Opens the request of a submission that holds, or refuses it; nothing is kept of one that is refused.
    async fn take_in(
        &self,
        signed: &Signed<Submission>,
        product: &Product,
        attempt: &Attempt<'_>,
        parties: &Parties,
        package: &mut dyn Package,
    ) -> Result<SubmitOutcome, GatewayError> {
        let request = attempt.request;
        let outcome = self.judged(signed, product, attempt, parties, package).await;
        match &outcome {
            Ok(SubmitOutcome::Open(_)) => {}
            Ok(SubmitOutcome::Refused { .. }) => self.let_go_of_submitted(request).await?,
            // What is on record, or may be, keeps what belongs to it: this request, whatever failed once it was recorded, or
            // that of another submission of the same statement.
            Err(error) if error.is_outcome_unknown() => {}
            Err(_) => {
                if let Ok(None) = self.store().request(&request).await {
                    self.let_go_of_submitted(request).await?;
                }
            }
        }
        outcome.map_err(|error| error.of_commit(format_args!("request `{request}`"), format_args!("status {request}")))
    }

    /// Removes what was kept of a submission that is no request.
    async fn let_go_of_submitted(&self, request: RequestId) -> Result<(), GatewayError> {
        self.drop_attachments(request)?;
        self.spool().remove(SpoolId::Product(request)).await.map_err(GatewayError::trouble)
    }

    async fn judged(
        &self,
        signed: &Signed<Submission>,
        product: &Product,
        attempt: &Attempt<'_>,
        parties: &Parties,
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
        // Held until the request is on record, so that a server which starts meanwhile leaves them where they are.
        let _held = match blocking(|| self.keep_attachments(request, product, package)) {
            Ok(held) => held,
            Err(NotKept::Trouble(error)) => return Err(error),
            Err(NotKept::Faults(found)) => {
                faults.extend(found.iter().map(ToString::to_string));
                return self.refuse_submission(attempt, Vec::new(), faults).await;
            }
        };
        let contents = self.contents_of(request, product)?;
        let earlier = self.earlier(terms.supersedes).await?;
        if terms.supersedes.is_some() && !submission.partners.iter().any(|p| earlier.contains_key(p)) {
            faults.push("the request to replace has nothing for any of these partners".to_owned());
        }
        let described = Described::of(product);
        let from = usize::try_from(submission.from_tearline).unwrap_or(usize::MAX);
        let (mut candidates, mut refused) = (BTreeMap::new(), Vec::new());
        // INVARIANT: unknown partners were refused before.
        for partner in submission.partners.iter().filter_map(|id| roster.partner(id)) {
            let would = self.would_go((product, &described), (partner, from), &contents, (parties, terms)).await?;
            if !would.against.is_empty() {
                refused.push(PartnerRefusal { partner: partner.id.to_string(), reasons: would.against });
            }
            candidates.extend(would.candidate.map(|candidate| (partner.id.clone(), candidate)));
        }
        if submission.partners.is_empty() {
            faults.push("the submission names no partner".to_owned());
        }
        if !refused.is_empty() || !faults.is_empty() {
            return self.refuse_submission(attempt, refused, faults).await;
        }
        self.open_request(signed, (product, &described), attempt, parties, candidates, &earlier).await
    }

    /// What is wrong with what a submission is to serve, by the guiding document in force today.
    fn aims_faults(&self, terms: &Terms, partners: &BTreeSet<PartnerId>, roster: &Roster) -> Vec<String> {
        let Some(objective) = &terms.objective else {
            let outcome =
                "the submission supports an outcome and cites no objective that prefers one: give the objective";
            return terms.supports_outcome.then(|| outcome.to_owned()).into_iter().collect();
        };
        let Some(guiding) = self.priorities() else {
            return vec![
                "the submission cites an objective, and no guiding document (`priorities.toml`) is in force".into(),
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
                    true => "it has none with it today".to_owned(),
                    false => format!("it has: {}", known.join(", ")),
                };
                format!(
                    "the guiding document in force pursues no such objective with `{partner}` today as the submission cites; \
                     {known}"
                )
            })
            .collect()
    }

    /// What would go to one partner on these terms, whoever approved it, and every reason why it would not: what a
    /// submission and a check of a product have in common, so that neither says what the other does not.
    pub(super) async fn would_go(
        &self,
        (product, described): (&Product, &Described),
        (partner, from_tearline): (&Partner, usize),
        contents: &KeptContents<'_>,
        (parties, terms): (&Parties, &Terms),
    ) -> Result<WouldGo, GatewayError> {
        let links = self.links(partner, (product, described), parties);
        let (link, from) = self.link_for(&links, product, from_tearline);
        let candidate = match self.candidate(product, (partner, link), from, contents) {
            Ok(candidate) => candidate,
            Err(no) => return Ok(WouldGo { against: no.0, ..WouldGo::default() }),
        };
        let outline = self.outline((&candidate, product), (partner, described), parties).await?;
        let cuts = [(partner.id.clone(), outline.clone())].into();
        let asked = Asked { product: described, terms, submission: &[], cuts: &cuts, approvals: &[], parties };
        let foreseen = self.foresee(&partner.id, candidate.evidence(), asked)?;
        let mut against = reasons(&foreseen.against);
        if let Some(large) = against.iter_mut().find(|reason| reason.code == "TOO-LARGE")
            && let Some(lower) = self.lower(&links, product, &candidate.cut)
        {
            large.sentence +=
                &format!("; its marks let tearline {lower} go too: ask for that with `--tearline {lower}`");
        }
        Ok(WouldGo { candidate: Some((candidate, outline)), against, waits: reasons(&foreseen.waits) })
    }

    /// The first tearline below that of a cut that its marks let go, counted from 1 at the top. It is not taken unasked:
    /// who is to have less than they may is for the producer to say.
    fn lower(&self, links: &Links, product: &Product, cut: &Cut) -> Option<usize> {
        let below = cut.tearline_index()? + 1;
        let (link, from) = self.link_for(links, product, below);
        cut::tearline_for(product, link, from.max(below), self.register()).map(|index| index + 1)
    }

    /// The exchange of the request that is replaced, for each partner it had one for.
    async fn earlier(&self, supersedes: Option<RequestId>) -> Result<BTreeMap<PartnerId, ExchangeId>, GatewayError> {
        let Some(request) = supersedes else { return Ok(BTreeMap::new()) };
        self.request_row(&request).await?;
        Ok(self.exchanges_of(&request).await?.into_iter().map(|row| (row.partner, row.id)).collect())
    }

    async fn open_request(
        &self,
        signed: &Signed<Submission>,
        (product, described): (&Product, &Described),
        attempt: &Attempt<'_>,
        parties: &Parties,
        candidates: BTreeMap<PartnerId, (Candidate, Outline)>,
        earlier: &BTreeMap<PartnerId, ExchangeId>,
    ) -> Result<SubmitOutcome, GatewayError> {
        let (now, request, terms) = (self.now(), attempt.request, &signed.statement().terms);
        let (kept, _held) = self.keep_product(request, attempt.product).await?;
        let row = Request {
            id: request,
            product_digest: product.digest(),
            product_id: product.id().as_str().to_owned(),
            product: Some(kept),
            submitter: terms.submitter.to_string(),
            purpose: terms.purpose.clone(),
            // Neither basis can hold a line break, so the two are kept as two lines.
            basis: format!("{}\n{}", terms.legal_basis, terms.policy_basis),
            precedence: terms.precedence,
            expires: terms.expires,
            created: now,
            supersedes: terms.supersedes,
            aims: terms.aims(),
            state: RequestState::Open,
            reason: None,
            version: Version::NEW,
        };
        let cuts: BTreeMap<PartnerId, Outline> =
            candidates.iter().map(|(partner, (_, outline))| (partner.clone(), outline.clone())).collect();
        let statement = Statement {
            subject: request.to_string(),
            kind: StatementKind::Submission,
            signer: terms.submitter.clone(),
            bytes: signed.bytes().to_vec(),
            given: now,
        };
        let mut changes = vec![Change::from(row.clone()), statement.into()];
        let mut entries = vec![
            Entry::new(now, EntryKind::RequestSubmitted, request, attempt.by)
                .with("product", product.digest())
                .with("partners", join(attempt.partners))
                .with("statement", signed.digest())
                .with("key", signed.key())
                .with("precedence", terms.precedence)
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
            exchange.precedence = terms.precedence;
            exchange.purpose = Some(terms.purpose.clone());
            exchange.product_id = Some(row.product_id.clone());
            describe(&mut exchange, &candidate.cut);
            if exchange.contact.is_none() {
                // The cut names nobody; whom to call at the partner is still part of the record.
                exchange.contact = parties.roster.partner(partner).map(|p| p.description.contact.clone());
            }
            entries.push(
                Entry::new(now, EntryKind::ExchangeRequested, id, attempt.by)
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
            let submission = signed.bytes();
            let asked = Asked { product: described, terms, submission, cuts: &cuts, approvals: &[], parties };
            let decided = self.decide(Stage::Forecast, &partner, candidate.evidence(), asked)?;
            forecasts.push(ExchangeForecast {
                exchange: id.to_string(),
                partner: partner.to_string(),
                marking: candidate.cut.marking().to_string(),
                digest: candidate.cut.digest().to_string(),
                state: ExchangeState::Requested.to_string(),
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
        attempt: &Attempt<'_>,
        refused: Vec<PartnerRefusal>,
        faults: Vec<String>,
    ) -> Result<SubmitOutcome, GatewayError> {
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

    async fn keep_product(&self, request: RequestId, product: &[u8]) -> Result<(SpoolId, FileHold), GatewayError> {
        let kept = self.keys().storage.keep(product).map_err(GatewayError::trouble)?;
        let (payload, held) = self.spool_bytes(SpoolId::Product(request), &kept).await?;
        Ok((payload.spool, held))
    }
}

/// Refuses a partner that is not enrolled.
pub(super) fn known(partners: &BTreeSet<PartnerId>, parties: &Parties) -> Result<(), GatewayError> {
    match partners.iter().find(|id| parties.roster.partner(id).is_none_or(|p| p.standing == Standing::Removed)) {
        Some(unknown) => Err(GatewayError::no_partner(unknown)),
        None => Ok(()),
    }
}

/// What is asked for, as the terms of a request.
fn terms(request: RequestId, draft: &Draft, by: &OfficerId, product: &Product, roster: &Roster) -> Terms {
    let agreements = || {
        let ids: Vec<&str> =
            draft.partners.iter().filter_map(|p| Some(roster.partner(p)?.agreement.id.as_str())).collect();
        ids.join(", ")
    };
    Terms {
        request,
        submitter: by.clone(),
        originator: product.originator().to_owned(),
        purpose: draft.purpose.clone(),
        legal_basis: draft.legal_basis.clone(),
        policy_basis: draft.policy_basis.clone().unwrap_or_else(agreements),
        expires: draft.expires,
        objective: draft.aims.objective.clone(),
        engages: draft.aims.engages,
        supports_outcome: draft.aims.supports_outcome,
        precedence: draft.precedence,
        supersedes: draft.supersedes,
    }
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

fn join(partners: &BTreeSet<PartnerId>) -> String {
    partners.iter().map(PartnerId::as_str).collect::<Vec<_>>().join(" ")
}
