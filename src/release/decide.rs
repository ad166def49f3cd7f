//! The decision itself.

use std::collections::BTreeMap;

use super::decision::{Decision, Outcome, Reason, Source};
use super::native::{self, Engine, Lattice};
use super::permit::{Record, Release, SendPermit};
use crate::approval::{self, Enrolment, NotSubmitted, Officers, Outline, Subject, Submission, Submitted, Tally, Terms};
use crate::consent::{Described, SourceConsent};
use crate::cut::Cut;
use crate::digest::Digest;
use crate::envelope::{Kind, Manifest};
use crate::ident::{NodeId, OfficerId, PartnerId};
use crate::inspect::Inspected;
use crate::marking::Register;
use crate::partner::{Partner, Standing};
use crate::policy::{
    self, AgreementTerms, ConsentTerms, CutTerms, Membership, Policies, ProductTerms, Question, RequestTerms, Stage,
    VoterTerms,
};
use crate::sign::Signed;
use crate::time::Time;

/// Everything a decision rests on; the same inputs always give the same decision.
#[derive(Clone, Copy, Debug)]
pub struct Proposal<'a> {
    /// Which decision.
    pub stage: Stage,
    /// To whom, as the roster has it now.
    pub partner: &'a Partner,
    /// The request's terms.
    pub terms: &'a Terms,
    /// The signed submission on record, and where which product was submitted: the release rests on it too.
    pub submission: &'a [u8],
    /// What that must be a submission of.
    pub submitted: Submitted<'a>,
    /// The cuts of the whole request, one a partner; approvals are over all of them.
    pub cuts: &'a BTreeMap<PartnerId, Outline>,
    /// What those partners are enrolled with, as the roster has them now.
    pub enrolments: &'a BTreeMap<PartnerId, Enrolment>,
    /// What consents may name of the product that the cuts are made from.
    pub product: &'a Described,
    /// The consents of sources that are on record, but for those withdrawn.
    pub consents: &'a [SourceConsent],
    /// What shows that this partner's cut is what its outline says, and passed inspection.
    pub evidence: Evidence<'a>,
    /// The signed approvals on file, in any order.
    pub approvals: &'a [Vec<u8>],
    /// The officers, as the roster has them now.
    pub officers: &'a Officers,
    /// The rules in force.
    pub policies: &'a Policies,
    /// Who belongs to which organisation, as policy reads it.
    pub membership: &'a Membership,
    /// The marking register in force.
    pub register: &'a Register,
    /// Now.
    pub now: Time,
    /// Whether the shell has reason to doubt its clock.
    pub clock_in_doubt: bool,
}

/// What shows that a cut is what its outline says.
#[derive(Clone, Copy, Debug)]
pub enum Evidence<'a> {
    /// The cut itself, and the content filters' attestation of it if it passed them.
    Cut(&'a Cut, Option<&'a Inspected>),
    /// The record of the release under which it was sealed, and our own signed manifest of what was sealed. Enough to send
    /// exactly that, and for nothing else: the plaintext is gone by then, and what was signed by the approving officers
    /// says the rest. Whose key signed the manifest is for whoever verified it to have asked.
    Sealed(&'a Record, &'a Signed<Manifest>),
}

/// Decides. Pure: what `explain` shows and what the gateway does are one function on the same inputs.
pub fn decide(proposal: &Proposal<'_>) -> Decision {
    decide_by(proposal, &Engine { register: proposal.register })
}

/// The decision with the marking engine as an argument, so that a test can plant one that says yes to everything.
pub(super) fn decide_by(proposal: &Proposal<'_>, lattice: &dyn Lattice) -> Decision {
    weigh(proposal, lattice, Grounds::of(proposal))
}

/// What a decision goes by besides the proposal; only `suppose` and `foresee` give others than the proposal's own.
pub(super) struct Grounds {
    /// The policy and the register that approvals must name.
    pub given_under: (Digest, Digest),
    /// Whether a submission on the proposal's terms is taken for granted.
    pub submitted: bool,
}

impl Grounds {
    pub fn of(proposal: &Proposal<'_>) -> Grounds {
        let given_under = (proposal.policies.digest(), native::register_digest(proposal.register));
        Grounds { given_under, submitted: false }
    }
}

/// The decision on these grounds.
pub(super) fn weigh(proposal: &Proposal<'_>, lattice: &dyn Lattice, grounds: Grounds) -> Decision {
    let (policy, register) = grounds.given_under;
    let policy_digest = proposal.policies.digest();
    let register_digest = native::register_digest(proposal.register);
    let (terms, cuts, enrolments) = (proposal.terms, proposal.cuts, proposal.enrolments);
    let instance = proposal.submitted.instance;
    let subject = Subject { instance, terms, cuts, enrolments, policy, register };
    let tally = approval::count(proposal.approvals, &subject, proposal.officers, proposal.now);
    let cut = proposal.cuts.get(&proposal.partner.id);

    let unproven = unproven(proposal, cut);
    let named = cut.map(|cut| native::Named::of(proposal, cut)).unwrap_or_default();
    let marks = match cut {
        Some(cut) => lattice.against(cut, &native::link(proposal, cut, &named)),
        None => Vec::new(),
    };
    let mut native = native::against(proposal, cut, &named, &tally);
    native.extend(unproven);
    let not_submitted = if grounds.submitted { None } else { submitted(proposal).err() };
    native.extend(not_submitted.iter().map(|why| Reason::against(Source::Request, "SUBMISSION", &why.to_string())));
    let verdict = cut.map(|cut| {
        let inspected = !native.iter().any(|r| r.source == Source::Inspection);
        policy::decide(
            proposal.policies,
            proposal.membership,
            &question(proposal, cut, &tally, (inspected, not_submitted.is_none())),
        )
    });

    let (mut permit, mut alarm) = (false, false);
    let mut reasons = Vec::new();
    if let Some(verdict) = verdict {
        let native_permits = marks.is_empty() && native.is_empty();
        permit = verdict.permit && native_permits;
        // Either check may be the one that is broken. What only policy asks for, such as a senior officer or a rule
        // of the operator's own, is no disagreement.
        let unexplained = !verdict.permit && verdict.reasons.is_empty();
        alarm = !verdict.errors.is_empty()
            || (verdict.permit && !native_permits)
            || verdict.marking_permits() != marks.is_empty()
            || (unexplained && native_permits);
        for fault in &verdict.errors {
            reasons.push(Reason::against(Source::Policy, "policy-fault", &fault.to_string()));
        }
        if unexplained && verdict.errors.is_empty() {
            reasons.push(Reason::against(Source::Policy, "no-rule-permits", "no rule permits this release"));
        }
        for hit in &verdict.reasons {
            let make = if verdict.permit { Reason::pro } else { Reason::against };
            reasons.push(make(Source::Policy, &hit.id, &hit.sentence));
        }
        if marks.is_empty() {
            reasons.push(Reason::pro(Source::Lattice, "OK", "the markings let this partner have it"));
        }
    }
    reasons.extend(marks);
    reasons.extend(native);
    if alarm {
        reasons.push(Reason::against(
            Source::Policy,
            "checks-disagree",
            "policy and marking engine do not agree, or policy failed: nothing is released, and somebody must look",
        ));
    }
    // INVARIANT: any reason against refuses, whatever set `permit`; a permit without a reason for it is none.
    permit &= !alarm && !reasons.iter().any(|r| r.against) && reasons.iter().any(|r| r.source == Source::Policy);
    if !permit {
        reasons.retain(|r| r.against);
    }
    reasons.sort();
    reasons.dedup();
    let outcome = match cut {
        Some(cut) if permit => outcome(proposal, cut, &tally, &reasons, (policy_digest, register_digest)),
        _ => Outcome::Refuse,
    };
    Decision {
        outcome,
        stage: proposal.stage,
        reasons,
        alarm,
        votes: tally.votes,
        void: tally.void,
        policy_digest,
        register_digest,
        at: proposal.now,
    }
}

/// Whether the terms' submitter signed exactly these terms, for exactly this product and at least these partners.
fn submitted(proposal: &Proposal<'_>) -> Result<(), NotSubmitted> {
    let signed = Submission::verify(proposal.submission, &proposal.submitted, proposal.officers, proposal.now)?;
    let said = signed.statement();
    said.is_of(proposal.terms, proposal.cuts.keys().chain([&proposal.partner.id]))?;
    match proposal.evidence {
        // What was released was held against it then, and has the same digest.
        Evidence::Sealed(..) => Ok(()),
        Evidence::Cut(cut, _) => match cut.tearline_index() {
            Some(index) if index as u64 >= said.from_tearline => Ok(()),
            _ => Err(NotSubmitted::HigherTearline),
        },
    }
}

/// What is missing to show that the cut is what its outline says, and passed the filters.
fn unproven(proposal: &Proposal<'_>, cut: Option<&Outline>) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let mut against = |code, sentence| reasons.push(Reason::against(Source::Inspection, code, sentence));
    let Some(cut) = cut else {
        against("NO-CUT", "the request has no cut for this partner");
        return reasons;
    };
    let (enrolled, known) = (Enrolment::of(proposal.partner), proposal.enrolments.get(&proposal.partner.id));
    if known.map(|e| e.description) != Some(enrolled.description) {
        against("OTHER-ENROLMENT", "the partner is enrolled with other keys than the request was decided upon with");
    }
    if known.map(|e| e.agreement) != Some(enrolled.agreement) {
        against("OTHER-AGREEMENT", "the agreement is another than the request was decided upon with");
    }
    match proposal.evidence {
        Evidence::Cut(actual, inspected) => {
            if !cut.is_of(actual, inspected.map_or(&[], Inspected::shared)) {
                against("OTHER-CUT", "the cut is not the one that the request describes");
            }
            match inspected {
                Some(inspected) if inspected.cut() == actual.digest() => {}
                Some(_) => against("OTHER-INSPECTED", "the content filters passed another cut"),
                None => against("NOT-INSPECTED", "the content filters have not passed this cut"),
            }
        }
        Evidence::Sealed(..) if proposal.stage != Stage::Send => {
            against("NO-CUT", "only the cut itself shows what would be released: a record of it does not");
        }
        Evidence::Sealed(record, manifest) => {
            let same = record.cut == *cut
                && record.partner == proposal.partner.id
                && record.request == proposal.terms.request
                && record.expires() == proposal.terms.expires;
            if !same {
                against("OTHER-RELEASE", "the record of release is for another cut, partner or request");
            }
            if record.decided_at() > proposal.now {
                against("RELEASE-FROM-THE-FUTURE", "the record of release is dated after now: check the clock");
            }
            if let Some(what) = sealed_otherwise(proposal, record, manifest.statement()) {
                against("OTHER-SEALED", &format!("what was sealed has another {what} than what was released"));
            }
        }
    }
    reasons
}

/// What of the manifest is not what was released, if anything is.
fn sealed_otherwise(proposal: &Proposal<'_>, record: &Record, said: &Manifest) -> Option<&'static str> {
    let parts = [
        ("version", said.version == Manifest::VERSION),
        ("kind", said.kind == Kind::Product),
        ("sender", said.sender == *proposal.submitted.node),
        ("recipient", said.recipient == NodeId::from(record.partner.clone())),
        ("marking", said.marking == record.cut.marking),
        ("cut", said.cut_digest == record.cut.digest),
        ("payload size", said.payload_size > 0),
        ("expiry", said.expires_at_ms == record.expires_ms),
        ("date", said.sealed_at_ms <= proposal.now.unix_ms()),
        ("header", said.header.is_some_and(|header| header.is_possible())),
        ("earlier exchange", said.about != Some(said.exchange)),
    ];
    parts.into_iter().find_map(|(what, same)| (!same).then_some(what))
}

fn outcome(
    proposal: &Proposal<'_>,
    cut: &Outline,
    tally: &Tally,
    reasons: &[Reason],
    (policy, register): (Digest, Digest),
) -> Outcome {
    match (proposal.stage, proposal.evidence) {
        (Stage::Forecast, _) => Outcome::Foresee,
        (Stage::Approve, Evidence::Cut(_, Some(inspected))) => {
            let rules = reasons.iter().filter(|r| r.source == Source::Policy && !r.against);
            let record = Record {
                request: proposal.terms.request,
                partner: proposal.partner.id.clone(),
                cut: cut.clone(),
                approvals: tally.votes.iter().map(|v| v.statement).collect(),
                officers: tally.votes.iter().map(|v| v.officer.clone()).collect(),
                agreement: proposal.partner.agreement.digest(),
                policy,
                register,
                rules: rules.map(|r| r.code.clone()).collect(),
                inspection: inspected.settings(),
                expires_ms: proposal.terms.expires.unix_ms(),
                decided_ms: proposal.now.unix_ms(),
            };
            let recipient = proposal.partner.description.payload_recipient.clone();
            Outcome::Release(Box::new(Release::new(record, recipient)))
        }
        (Stage::Send, Evidence::Sealed(record, manifest)) => match manifest.statement().header {
            Some(header) => Outcome::Send(Box::new(SendPermit::new(record, manifest, header, proposal.now))),
            None => Outcome::Refuse,
        },
        _ => Outcome::Refuse,
    }
}

/// The question to policy: everything in plain terms, the marks as text.
fn question(proposal: &Proposal<'_>, cut: &Outline, tally: &Tally, (inspected, submitted): (bool, bool)) -> Question {
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

/// Whoever voted, as the roster has them now.
fn voter(id: &OfficerId, proposal: &Proposal<'_>) -> VoterTerms {
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

#[cfg(test)]
mod tests;
