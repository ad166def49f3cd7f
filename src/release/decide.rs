//! The decision itself.

use super::decision::{Decision, Outcome, Reason, Source};
use super::decision_input::{DecisionInput, Evidence};
use super::lattice::{Engine, Lattice, register_digest};
use super::permit::{Record, Release, SendPermit};
use super::question::question;
use crate::approval::{self, Enrolment, NotSubmitted, Outline, Subject, Submission, Tally};
use crate::digest::Digest;
use crate::envelope::{Kind, Manifest};
use crate::ident::NodeId;
use crate::inspect::Inspected;
use crate::policy::{self, Stage};
use crate::release::conditions;

/// Decides on a proposal. A pure function: `explain` and the gateway call it with the same inputs and get the same result.
pub fn decide(proposal: &DecisionInput<'_>) -> Decision {
    decide_by(proposal, &Engine { register: proposal.register })
}

/// Decides with the marking engine as an argument, so that a test can use one that permits everything.
pub(super) fn decide_by(proposal: &DecisionInput<'_>, lattice: &dyn Lattice) -> Decision {
    decide_on(proposal, lattice, Grounds::of(proposal))
}

/// The assumptions of a decision besides the proposal. Only `what_if` and `forecast` use others than the proposal's own.
pub(super) struct Grounds {
    /// Digests of the policy and the register that approvals must name.
    pub given_under: (Digest, Digest),
    /// Whether a valid submission with the proposal's terms is assumed.
    pub submitted: bool,
}

impl Grounds {
    pub fn of(proposal: &DecisionInput<'_>) -> Grounds {
        let given_under = (proposal.policies.digest(), register_digest(proposal.register));
        Grounds { given_under, submitted: false }
    }
}

/// Decides on these grounds.
pub(super) fn decide_on(proposal: &DecisionInput<'_>, lattice: &dyn Lattice, grounds: Grounds) -> Decision {
    let (policy, register) = grounds.given_under;
    let policy_digest = proposal.policies.digest();
    let register_digest = register_digest(proposal.register);
    let (terms, cuts, enrolments) = (proposal.terms, proposal.cuts, proposal.enrolments);
    let instance = proposal.submitted.instance;
    let subject = Subject { instance, terms, cuts, enrolments, policy, register };
    let tally = approval::count(proposal.approvals, &subject, proposal.officers, proposal.now);
    let cut = proposal.cuts.get(&proposal.partner.id);

    let unproven = unproven(proposal, cut);
    let named = cut.map(|cut| conditions::NamedConsents::of(proposal, cut)).unwrap_or_default();
    let marks = match cut {
        Some(cut) => lattice.against(cut, &conditions::link(proposal, cut, &named)),
        None => Vec::new(),
    };
    let mut native = conditions::against(proposal, cut, &named, &tally);
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
        // Either check may be the faulty one. Conditions that only policy has, such as the operator's own rules, are not a
        // disagreement.
        let unexplained = !verdict.permit && verdict.reasons.is_empty();
        alarm = !verdict.errors.is_empty()
            || (verdict.permit && !native_permits)
            || verdict.marking_permits() != marks.is_empty()
            || (unexplained && native_permits);
        for fault in &verdict.errors {
            reasons.push(Reason::against(Source::Policy, "policy-fault", &fault.to_string()));
        }
        if unexplained && verdict.errors.is_empty() {
            reasons.push(Reason::against(Source::Policy, "no-rule-permits", "no policy rule permits this release"));
        }
        for hit in &verdict.reasons {
            let make = if verdict.permit { Reason::pro } else { Reason::against };
            reasons.push(make(Source::Policy, &hit.id, &hit.sentence));
        }
        if marks.is_empty() {
            reasons.push(Reason::pro(Source::Lattice, "OK", "the markings permit it for this partner"));
        }
    }
    reasons.extend(marks);
    reasons.extend(native);
    if alarm {
        reasons.push(Reason::against(
            Source::Policy,
            "checks-disagree",
            "policy and marking engine disagree, or policy failed: nothing is released; an operator must investigate",
        ));
    }
    // INVARIANT: any reason against refuses, whatever set `permit`; so does the absence of a reason of policy for it.
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

/// Checks that the submitter signed exactly these terms, for exactly this product and at least these partners.
fn submitted(proposal: &DecisionInput<'_>) -> Result<(), NotSubmitted> {
    let signed = Submission::verify(proposal.submission, &proposal.submitted, proposal.officers, proposal.now)?;
    let submission = signed.statement();
    submission.is_of(proposal.terms, proposal.cuts.keys().chain([&proposal.partner.id]))?;
    match proposal.evidence {
        // It was checked when it was released, and has the same digest.
        Evidence::Sealed(..) => Ok(()),
        Evidence::Cut(cut, _) => match cut.tearline_index() {
            Some(index) if index as u64 >= submission.from_tearline => Ok(()),
            _ => Err(NotSubmitted::HigherTearline),
        },
    }
}

/// The reasons why it is not proven that the cut matches its outline and passed the filters.
fn unproven(proposal: &DecisionInput<'_>, cut: Option<&Outline>) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let mut against = |code, sentence| reasons.push(Reason::against(Source::Inspection, code, sentence));
    let Some(cut) = cut else {
        against("NO-CUT", "the request has no cut for this partner");
        return reasons;
    };
    let (enrolled, known) = (Enrolment::of(proposal.partner), proposal.enrolments.get(&proposal.partner.id));
    if known.map(|e| e.description) != Some(enrolled.description) {
        against("OTHER-ENROLMENT", "the partner's keys have changed since the request was made");
    }
    if known.map(|e| e.agreement) != Some(enrolled.agreement) {
        against("OTHER-AGREEMENT", "the agreement has changed since the request was made");
    }
    match proposal.evidence {
        Evidence::Cut(actual, inspected) => {
            if !cut.is_of(actual, inspected.map_or(&[], Inspected::shared)) {
                against("OTHER-CUT", "the cut is not the one in the request");
            }
            match inspected {
                Some(inspected) if inspected.cut() == actual.digest() => {}
                Some(_) => against("OTHER-INSPECTED", "the content filters passed another cut"),
                None => against("NOT-INSPECTED", "the content filters have not passed this cut"),
            }
        }
        Evidence::Sealed(..) if proposal.stage != Stage::Send => {
            against("NO-CUT", "a record is not enough at this stage: the cut itself is needed");
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
                against("RELEASE-FROM-THE-FUTURE", "the record of release is dated in the future: check the clock");
            }
            if let Some(what) = sealed_otherwise(proposal, record, manifest.statement()) {
                against("OTHER-SEALED", &format!("the sealed payload differs from the release: {what}"));
            }
        }
    }
    reasons
}

/// The first field of the manifest that differs from the release, if any.
fn sealed_otherwise(proposal: &DecisionInput<'_>, record: &Record, manifest: &Manifest) -> Option<&'static str> {
    let parts = [
        ("version", manifest.version == Manifest::VERSION),
        ("kind", manifest.kind == Kind::Product),
        ("sender", manifest.sender == *proposal.submitted.node),
        ("recipient", manifest.recipient == NodeId::from(record.partner.clone())),
        ("marking", manifest.marking == record.cut.marking),
        ("cut", manifest.cut_digest == record.cut.digest),
        ("payload size", manifest.payload_size > 0),
        ("expiry", manifest.expires_at_ms == record.expires_ms),
        ("date", manifest.sealed_at_ms <= proposal.now.unix_ms()),
        ("header", manifest.header.is_some_and(|header| header.is_valid_size())),
        ("earlier exchange", manifest.about != Some(manifest.exchange)),
    ];
    parts.into_iter().find_map(|(what, same)| (!same).then_some(what))
}

fn outcome(
    proposal: &DecisionInput<'_>,
    cut: &Outline,
    tally: &Tally,
    reasons: &[Reason],
    (policy, register): (Digest, Digest),
) -> Outcome {
    match (proposal.stage, proposal.evidence) {
        (Stage::Forecast, _) => Outcome::Forecast,
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

#[cfg(test)]
mod tests;
