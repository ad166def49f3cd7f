//! The question to the policy: the inputs of a decision in the terms of the rules.

use super::decision_input::DecisionInput;
use crate::approval::{Outline, Tally};
use crate::consent::SourceConsent;
use crate::digest::Digest;
use crate::ident::OfficerId;
use crate::partner::{Partner, Standing};
use crate::policy::{AgreementTerms, ConsentTerms, CutTerms, ProductTerms, Question, RequestTerms, VoterTerms};

/// Creates the question to the policy from the proposal, with markings as text.
pub(super) fn question(
    proposal: &DecisionInput<'_>,
    cut: &Outline,
    tally: &Tally,
    (inspected, submitted): (bool, bool),
) -> Question {
    let agreement = &proposal.partner.agreement;
    Question {
        stage: proposal.stage,
        partner: AgreementTerms {
            partner: proposal.partner.id.to_string(),
            code: agreement.party.code.clone(),
            home: agreement.ours.clone(),
            organisation: is_organisation(proposal.partner),
            suspended: proposal.partner.standing != Standing::Active,
            ceiling: agreement.ceiling.abbreviation().to_owned(),
            accreditations: agreement.accreditations.clone(),
            network: agreement.network.clone(),
            kinds: agreement.kinds.clone(),
            attachments: agreement.attachments.clone(),
            sends: agreement.flow.send,
            valid_from: agreement.valid_from,
            valid_until: agreement.valid_until,
            age_days_max: agreement.product_age_days_max,
            bytes_max: agreement.limits.payload_bytes_max,
        },
        cut: CutTerms {
            banner: cut.marking.clone(),
            portions: cut.portions.clone(),
            kind: cut.kind.clone(),
            attachments: cut.attachments.clone(),
            bytes: cut.bytes,
            date: cut.date.as_ref().and_then(|d| d.parse().ok()),
            product: ProductTerms {
                number: proposal.product.number.clone(),
                digest: proposal.product.digest.to_string(),
                subjects: cut.subjects.clone(),
                originator: proposal.product.originator.clone(),
            },
            consents: cut.consents.iter().map(Digest::to_string).collect(),
            received_from: cut.received.iter().filter(|r| r.needs_consent()).map(|r| r.code.clone()).collect(),
            shared_runs: cut.shared.len(),
            shared_words: cut.shared_words(),
        },
        request: RequestTerms {
            expires: proposal.terms.expires,
            complete: proposal.terms.faults().is_empty() && submitted,
            objective: proposal.terms.objective.clone().unwrap_or_default(),
            engages: proposal.terms.engages,
            supports_outcome: proposal.terms.supports_outcome,
        },
        consents: proposal.consents.iter().map(consent_terms).collect(),
        people: tally.people(),
        senior: tally.senior(),
        voters: tally.votes.iter().map(|vote| voter(&vote.officer, proposal)).collect(),
        submitter: proposal.terms.submitter.to_string(),
        inspected,
        now: proposal.now,
        clock_in_doubt: proposal.clock_in_doubt,
    }
}

/// The data of an officer who approved, as in the current roster.
fn voter(id: &OfficerId, proposal: &DecisionInput<'_>) -> VoterTerms {
    let officer = proposal.officers.officer(id);
    VoterTerms {
        id: id.to_string(),
        name: officer.map_or_else(String::new, |officer| officer.name.clone()),
        in_office: officer.is_some_and(|officer| officer.in_office(proposal.now)),
    }
}

fn consent_terms(consent: &SourceConsent) -> ConsentTerms {
    ConsentTerms {
        id: consent.digest().to_string(),
        condition: consent.condition.clone(),
        source: consent.source.clone(),
        partners: consent.partners.iter().map(ToString::to_string).collect(),
        from: consent.valid_from,
        until: consent.valid_until,
        product: consent.covers.product.clone(),
        digest: consent.covers.digest.map(|digest| digest.to_string()),
        kind: consent.covers.kind.clone(),
        subject: consent.covers.subject.clone(),
    }
}

fn is_organisation(partner: &Partner) -> bool {
    partner.agreement.party.kind == crate::marking::PartnerKind::Organisation
}
