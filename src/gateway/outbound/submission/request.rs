//! Records a request: its row, an exchange for each partner, and the product, encrypted.

use crate::approval::{Aims, Outline, Submission, Terms};
use crate::consent::Described;
use crate::cut::Cut;
use crate::envelope::Precedence;
use crate::gateway::node::participants::Participants;
use crate::gateway::node::process::candidate::InspectedCut;
use crate::gateway::outbound::decision::dossier::DecisionContext;
use crate::gateway::views::exchange::{ExchangeForecast, RequestOpened, SubmitOutcome};
use crate::gateway::{GatewayError, Node};
use crate::ident::{ExchangeId, OfficerId, PartnerId, RequestId};
use crate::ledger::{Entry, EntryKind};
use crate::partner::Roster;
use crate::product::{Format, Product};
use crate::release::Stage;
use crate::sign::Signed;
use crate::store::{
    Change, Direction, Exchange, ExchangeState, FileHold, Request, RequestState, SpoolId, Statement, StatementKind,
    Version,
};
use crate::time::Time;
use std::collections::{BTreeMap, BTreeSet};

/// A producer's submission before it is signed.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The product's bytes.
    pub product: Vec<u8>,
    /// The declared format; a product whose content shows another is refused.
    pub format: Option<Format>,
    /// The recipients.
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
    /// The outcome and objectives that it supports.
    pub aims: Aims,
    /// Use this tearline, counted from 0 at the top, or a lower one.
    pub from_tearline: usize,
}

/// A submission in progress, as the ledger records it whatever the outcome.
pub(in crate::gateway::outbound) struct Attempt<'a> {
    pub request: RequestId,
    pub by: &'a OfficerId,
    pub partners: &'a BTreeSet<PartnerId>,
    pub product: &'a [u8],
}

/// The draft as the terms of a request.
pub(in crate::gateway::outbound) fn terms(
    request: RequestId,
    draft: &Draft,
    by: &OfficerId,
    product: &Product,
    roster: &Roster,
) -> Terms {
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

/// Copies to the record what the cut's own markings allow to be shown: everything here is part of the cut.
pub(in crate::gateway) fn describe(exchange: &mut Exchange, cut: &Cut) {
    exchange.cut_digest = Some(cut.digest());
    exchange.cut_size = Some(cut.size());
    exchange.marking = Some(cut.marking().to_string());
    exchange.title = Some(cut.title().to_owned());
    exchange.title_marking = Some(cut.title_marking().portion());
    exchange.subjects = cut.head().subjects.iter().map(|s| s.text.clone()).collect();
    exchange.contact = cut.head().contact.as_ref().map(|c| c.text.clone());
}

/// The partners' names, separated by spaces.
pub(in crate::gateway::outbound) fn join(partners: &BTreeSet<PartnerId>) -> String {
    partners.iter().map(PartnerId::as_str).collect::<Vec<_>>().join(" ")
}

impl Node {
    /// Records an accepted submission as a request with an exchange for each candidate, in one commit.
    pub(in crate::gateway::outbound) async fn open_request(
        &self,
        signed: &Signed<Submission>,
        (product, described): (&Product, &Described),
        attempt: &Attempt<'_>,
        parties: &Participants,
        candidates: BTreeMap<PartnerId, (InspectedCut, Outline)>,
        earlier: &BTreeMap<PartnerId, ExchangeId>,
    ) -> Result<SubmitOutcome, GatewayError> {
        self.progress().check().map_err(GatewayError::refused)?;
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
                // The cut names no contact; the contact at the partner is still recorded.
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
            let asked = DecisionContext { product: described, terms, submission, cuts: &cuts, approvals: &[], parties };
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
        // For information only: an officer decides whether they are notified.
        let not_replaced = earlier.keys().filter(|p| !candidates.contains_key(*p)).map(ToString::to_string).collect();
        Ok(SubmitOutcome::Open(RequestOpened { request: request.to_string(), exchanges: forecasts, not_replaced }))
    }

    /// Stores the product of a request, encrypted. The returned hold protects the file until the request is on record.
    pub(in crate::gateway::outbound) async fn keep_product(
        &self,
        request: RequestId,
        product: &[u8],
    ) -> Result<(SpoolId, FileHold), GatewayError> {
        let kept = self.keys().storage.encrypt(product).map_err(GatewayError::trouble)?;
        let (payload, held) = self.spool_bytes(SpoolId::Product(request), &kept).await?;
        Ok((payload.spool, held))
    }

    /// The exchanges of the replaced request, by partner.
    pub(in crate::gateway::outbound) async fn earlier(
        &self,
        supersedes: Option<RequestId>,
    ) -> Result<BTreeMap<PartnerId, ExchangeId>, GatewayError> {
        let Some(request) = supersedes else { return Ok(BTreeMap::new()) };
        self.request_row(&request).await?;
        Ok(self.exchanges_of(&request).await?.into_iter().map(|row| (row.partner, row.id)).collect())
    }

    /// Removes the stored files of a submission that did not become a request.
    pub(in crate::gateway::outbound) async fn discard_submitted(&self, request: RequestId) -> Result<(), GatewayError> {
        self.drop_attachments(request)?;
        self.spool().remove(SpoolId::Product(request)).await.map_err(GatewayError::trouble)
    }
}
