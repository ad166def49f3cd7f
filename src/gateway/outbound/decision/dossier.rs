//! The release decision on recorded data: reassembled each time from the submitted product.

use super::reasons::reasons;
use crate::gateway::node::process::candidate::InspectedCut;
use crate::gateway::node::process::candidate::NoCandidate;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::approval::{Outline, Submitted, Terms};
use crate::consent::Described;
use crate::envelope::Manifest;
use crate::gateway::node::participants::Participants;
use crate::gateway::views::exchange::ReasonView;
use crate::gateway::{GatewayError, Node};
use crate::ident::{PartnerId, RequestId};
use crate::product::Product;
use crate::release::{self, Decision, DecisionInput, Evidence, Forecast, SendPermit, Stage};
use crate::sign::Signed;
use crate::store::{Exchange, Request, WholeRequest};

/// A request with everything that is subject to approval, assembled from the record.
pub(in crate::gateway) struct Dossier {
    pub product: Arc<Product>,
    /// The facts about the product that consents refer to.
    pub described: Described,
    pub terms: Terms,
    pub exchanges: Vec<Exchange>,
    /// The candidate for each partner; absent if there is none any more.
    pub candidates: BTreeMap<PartnerId, Arc<InspectedCut>>,
    /// The outline of each candidate, for the decision and the officers.
    pub outlines: BTreeMap<PartnerId, Outline>,
    /// For the other partners, why there is no candidate.
    pub refusals: BTreeMap<PartnerId, Vec<ReasonView>>,
    pub approvals: Vec<Vec<u8>>,
    /// The signed submission; empty, and therefore invalid, if none is on record.
    pub submission: Vec<u8>,
    /// Partners and officers.
    pub parties: Arc<Participants>,
}

/// The context of a decision besides the partner and the evidence: the whole request.
#[derive(Clone, Copy)]
pub(in crate::gateway) struct DecisionContext<'a> {
    pub product: &'a Described,
    pub terms: &'a Terms,
    pub submission: &'a [u8],
    pub cuts: &'a BTreeMap<PartnerId, Outline>,
    pub approvals: &'a [Vec<u8>],
    pub parties: &'a Participants,
}

/// A decision with its reasons in displayed form.
pub(in crate::gateway) struct Decided(pub Decision);

impl Decided {
    /// Whether the decision permits.
    pub fn permitted(&self) -> bool {
        self.0.permits()
    }

    /// All reasons for and against.
    pub fn reasons(&self) -> Vec<ReasonView> {
        reasons(&self.0.reasons)
    }

    /// All reasons against, in one line for the record; empty if there are none.
    pub fn against(&self) -> String {
        let mut sentences: Vec<String> = Vec::new();
        for reason in self.reasons_with_void().into_iter().filter(|r| !r.permits) {
            if !sentences.contains(&reason.sentence) {
                sentences.push(reason.sentence);
            }
        }
        sentences.join("; ")
    }

    /// The reasons, and why any approval does not count.
    pub fn reasons_with_void(&self) -> Vec<ReasonView> {
        let mut all = self.reasons();
        for void in &self.0.void {
            let whose = void.officer.as_ref().map_or("unknown officer".to_owned(), ToString::to_string);
            all.extend(void.reasons.iter().map(|why| ReasonView {
                source: "approval".into(),
                code: "void".into(),
                sentence: format!("approval by {whose} does not count: {why}"),
                permits: false,
            }));
        }
        all
    }
}

impl Dossier {
    /// Fails if the request can no longer be approved for one of its partners.
    pub fn check_cuts(&self) -> Result<(), GatewayError> {
        let Some((partner, reasons)) = self.refusals.iter().next() else { return Ok(()) };
        let why = reasons.first().map_or("", |r| r.sentence.as_str());
        let request = self.terms.request;
        Err(GatewayError::refused(format!("request `{request}` can no longer be approved for `{partner}`: {why}")))
    }

    /// The cuts of the request, one per partner: the subject of an approval.
    pub fn cuts(&self) -> &BTreeMap<PartnerId, Outline> {
        &self.outlines
    }

    fn context(&self) -> DecisionContext<'_> {
        DecisionContext {
            product: &self.described,
            terms: &self.terms,
            submission: &self.submission,
            cuts: &self.outlines,
            approvals: &self.approvals,
            parties: &self.parties,
        }
    }
}

impl Node {
    /// Everything on record about a request, with its cuts reassembled.
    pub(in crate::gateway) async fn dossier(&self, request: &RequestId) -> Result<Dossier, GatewayError> {
        self.dossier_with(self.whole_request(request).await?, self.participants().await?).await
    }

    /// As [`Node::dossier`], with participants that were read before.
    pub(in crate::gateway) async fn dossier_with(
        &self,
        whole: WholeRequest,
        parties: Arc<Participants>,
    ) -> Result<Dossier, GatewayError> {
        let WholeRequest { request, exchanges, approvals, submission } = whole;
        let product = self.product_of(&request).await?;
        let contents = self.contents_of(request.id, &product)?;
        let described = Described::of(&product);
        let (mut candidates, mut outlines, mut refusals) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for exchange in &exchanges {
            let partner = parties.roster.partner(&exchange.partner);
            let found = match partner {
                Some(partner) => self.candidate_of(&product, (partner, &described), &parties, exchange, &contents),
                None => Err(NoCandidate(Vec::new())),
            };
            match (found, partner) {
                (Ok(candidate), Some(partner)) => {
                    let outline = self.outline((&candidate, &product), (partner, &described), &parties).await?;
                    outlines.insert(exchange.partner.clone(), outline);
                    candidates.insert(exchange.partner.clone(), candidate);
                }
                (Ok(_), None) => {}
                (Err(no), _) => {
                    refusals.insert(exchange.partner.clone(), no.0);
                }
            }
        }
        let mut approvals: Vec<Vec<u8>> = approvals.into_iter().map(|a| a.statement).collect();
        approvals.sort();
        approvals.dedup();
        let terms = terms_on_record(&request, &product)?;
        let submission = submission.map(|statement| statement.bytes).unwrap_or_default();
        Ok(Dossier {
            product,
            described,
            terms,
            exchanges,
            candidates,
            outlines,
            refusals,
            approvals,
            submission,
            parties,
        })
    }

    /// Decides for one partner of a dossier; `None` if no cut can be made any more.
    pub(in crate::gateway) fn decide_on(
        &self,
        stage: Stage,
        dossier: &Dossier,
        partner: &PartnerId,
    ) -> Result<Option<Decided>, GatewayError> {
        let Some(candidate) = dossier.candidates.get(partner) else { return Ok(None) };
        self.decide(stage, partner, candidate.evidence(), dossier.context()).map(Some)
    }

    /// Decides again, on the current record, whether what was sealed may leave: first the release itself, on the cut
    /// assembled now, then the sending of exactly what `manifest` states. Returns the permission to send or the
    /// reason against it.
    pub(in crate::gateway) fn decide_to_send(
        &self,
        dossier: &Dossier,
        partner: &PartnerId,
        manifest: &Signed<Manifest>,
    ) -> Result<Result<SendPermit, String>, GatewayError> {
        let Some(decided) = self.decide_on(Stage::Approve, dossier, partner)? else {
            let why = dossier.refusals.get(partner).and_then(|r| r.first()).map(|r| r.sentence.clone());
            return Ok(Err(why.unwrap_or_else(|| "no cut can be made any more".into())));
        };
        let why = decided.against();
        let Ok(release) = decided.0.release() else { return Ok(Err(why)) };
        let evidence = Evidence::Sealed(release.record(), manifest);
        let decided = self.decide(Stage::Send, partner, evidence, dossier.context())?;
        let why = decided.against();
        Ok(decided.0.send().map_err(|_| why))
    }

    /// The release decision under the current policy, register and time; all decisions use this function.
    pub(in crate::gateway) fn decide(
        &self,
        stage: Stage,
        partner: &PartnerId,
        evidence: Evidence<'_>,
        asked: DecisionContext<'_>,
    ) -> Result<Decided, GatewayError> {
        let proposal = self.proposal(stage, partner, evidence, asked)?;
        let decision = release::decide(&proposal);
        if decision.alarm {
            alarm(&proposal);
        }
        Ok(Decided(decision))
    }

    /// Reasons against a cut that no approval can remove: asked before anything about it is recorded.
    pub(in crate::gateway) fn forecast_evidence(
        &self,
        partner: &PartnerId,
        evidence: Evidence<'_>,
        asked: DecisionContext<'_>,
    ) -> Result<Forecast, GatewayError> {
        let proposal = self.proposal(Stage::Forecast, partner, evidence, asked)?;
        let foreseen = release::forecast(&proposal);
        if foreseen.alarm {
            alarm(&proposal);
        }
        Ok(foreseen)
    }

    fn proposal<'a>(
        &'a self,
        stage: Stage,
        partner: &PartnerId,
        evidence: Evidence<'a>,
        asked: DecisionContext<'a>,
    ) -> Result<DecisionInput<'a>, GatewayError> {
        let (node, instance) = (&self.config().node.name, self.instance());
        Ok(DecisionInput {
            stage,
            partner: asked.parties.partner(partner)?,
            terms: asked.terms,
            submission: asked.submission,
            submitted: Submitted { node, instance, product: asked.product.digest },
            cuts: asked.cuts,
            enrolments: &asked.parties.enrolments,
            product: asked.product,
            consents: &asked.parties.consents,
            evidence,
            approvals: asked.approvals,
            officers: &asked.parties.officers,
            policies: self.policies(),
            membership: self.membership(),
            register: self.register(),
            now: self.now(),
            clock_in_doubt: asked.parties.clock_in_doubt,
        })
    }
}

fn alarm(proposal: &DecisionInput<'_>) {
    let (partner, request) = (&proposal.partner.id, proposal.terms.request);
    tracing::error!(partner.id = %partner, request.id = %request, "policy and markings disagree: refused");
}

/// The terms a request was submitted under.
fn terms_on_record(request: &Request, product: &Product) -> Result<Terms, GatewayError> {
    let damaged = |what| GatewayError::Local(format!("the recorded {what} of request `{}` is malformed", request.id));
    let (legal, policy) = request.basis.split_once('\n').ok_or_else(|| damaged("basis"))?;
    Ok(Terms {
        request: request.id,
        submitter: request.submitter.parse().map_err(|_| damaged("submitter"))?,
        originator: product.originator().to_owned(),
        purpose: request.purpose.clone(),
        legal_basis: legal.to_owned(),
        policy_basis: policy.to_owned(),
        expires: request.expires,
        objective: request.aims.objective.clone(),
        engages: request.aims.engages,
        supports_outcome: request.aims.supports_outcome,
        precedence: request.precedence,
        supersedes: request.supersedes,
    })
}
