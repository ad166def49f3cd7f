//! The native check of the conditions of a release other than the markings, in code that policy cannot change.

use std::collections::BTreeSet;

use super::decision::{Reason, Source};
use super::decision_input::DecisionInput;
use super::exclusions;
use super::lattice::document_date;
use crate::approval::{Outline, Tally};
use crate::consent::{self, Need, SourceConsent};
use crate::digest::Digest;
use crate::marking::{DocumentDate, PartnerRights};
use crate::partner::{Agreement, Standing};
use crate::policy::Stage;
use crate::time::Time;

/// The number of people who must approve, whatever policy allows.
pub const PEOPLE_MIN: usize = 2;

/// The most consents that one release may rest on: its ledger record names each of them.
pub(super) const CONSENTS_MAX: usize = 8;

/// The consents on record that the cut names. Computing their digests is costly, so it is done once.
#[derive(Default)]
pub(super) struct NamedConsents {
    digests: Vec<Digest>,
    consents: Vec<SourceConsent>,
}

impl NamedConsents {
    pub fn of(proposal: &DecisionInput<'_>, cut: &Outline) -> NamedConsents {
        let digests = proposal.consents.iter().map(|consent| (consent.digest(), consent));
        let named = digests.filter(|(digest, _)| cut.consents.contains(digest));
        let (digests, consents) = named.map(|(digest, consent)| (digest, consent.clone())).unzip();
        NamedConsents { digests, consents }
    }
}

/// The rights of the link to the partner, including what the cut's consents add for this cut.
pub(super) fn link(proposal: &DecisionInput<'_>, cut: &Outline, named: &NamedConsents) -> PartnerRights {
    let partner = proposal.partner;
    let product = proposal.product.naming(cut.subjects.clone());
    let rights = consent::rights(&named.consents, (&partner.id, &product), proposal.now);
    partner.agreement.link_rights_with(rights)
}

/// The reasons against the release because a consent is missing, apart from the markings.
fn consents(proposal: &DecisionInput<'_>, cut: &Outline, named: &NamedConsents, reasons: &mut Vec<Reason>) {
    let mut against = |code: &str, sentence: &str| reasons.push(Reason::against(Source::Consent, code, sentence));
    let kept = named.digests.iter().zip(&named.consents).filter(|(_, consent)| consent.in_force(proposal.now));
    let in_force: BTreeSet<&Digest> = kept.map(|(digest, _)| digest).collect();
    if let Some(digest) = cut.consents.iter().find(|digest| !in_force.contains(digest)) {
        let which = digest.short();
        against("CONSENT-ENDED", &format!("consent {which}, which the release needs, has ended or was withdrawn"));
    }
    if cut.consents.len() > CONSENTS_MAX {
        against("CONSENTS-TOO-MANY", &format!("the release needs more than {CONSENTS_MAX} consents"));
    }
    let (partner, code) = (&proposal.partner.id, &proposal.partner.agreement.party.code);
    let product = proposal.product.naming(cut.subjects.clone());
    for received in cut.received.iter().filter(|received| received.needs_consent() && received.code != *code) {
        let need = [Need::of_source(&received.code)].into();
        if consent::chosen(&need, &named.consents, (partner, &product), proposal.now).is_empty() {
            let sentence =
                format!("{received}, and no consent of that partner to pass it on to `{partner}` is in force");
            against("RECEIVED-FROM-ANOTHER", &sentence);
        }
    }
}

/// Every reason against the release, apart from the markings.
pub(super) fn against(
    proposal: &DecisionInput<'_>,
    cut: Option<&Outline>,
    named: &NamedConsents,
    tally: &Tally,
) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let now = proposal.now;
    partner(proposal, cut, &mut reasons);
    terms(proposal, &mut reasons);
    if let Some(cut) = cut {
        consents(proposal, cut, named, &mut reasons);
        reasons.extend(exclusions::against(proposal, cut, tally));
    }
    if proposal.clock_in_doubt {
        reasons.push(Reason::against(Source::Clock, "CLOCK-IN-DOUBT", "our clock is in doubt"));
    }
    if proposal.stage != Stage::Forecast && tally.people() < PEOPLE_MIN {
        reasons.push(Reason::against(
            Source::Approval,
            "TOO-FEW-APPROVALS",
            &format!("awaiting approval: {} of {PEOPLE_MIN}", tally.people()),
        ));
    }
    // The epoch means that the clock was never set.
    if now == Time::EPOCH {
        reasons.push(Reason::against(Source::Clock, "CLOCK-UNSET", "our clock is not set"));
    }
    reasons
}

fn partner(proposal: &DecisionInput<'_>, cut: Option<&Outline>, reasons: &mut Vec<Reason>) {
    let agreement = &proposal.partner.agreement;
    let mut unless = |holds: bool, code: &str, sentence: &str| {
        if !holds {
            reasons.push(Reason::against(Source::Agreement, code, sentence));
        }
    };
    unless(proposal.partner.standing == Standing::Active, "SUSPENDED", "the partner is suspended");
    unless(agreement.flow.send, "DIRECTION", "the agreement does not allow sending to this partner");
    unless(agreement.in_force(proposal.now), "NOT-IN-FORCE", "the agreement is not in force today");
    let Some(cut) = cut else { return };
    reasons.extend(not_agreed(agreement, &cut.kind, &cut.attachments));
    let mut unless = |holds: bool, code: &str, sentence: &str| {
        if !holds {
            reasons.push(Reason::against(Source::Agreement, code, sentence));
        }
    };
    let (age, from_the_future) = age(document_date(cut), proposal.now);
    unless(!from_the_future, "DATED-IN-FUTURE", DATED_IN_FUTURE);
    let days = agreement.product_age_days_max;
    let too_old = format!("the product is older than the agreement allows ({days} days), or its date is unknown");
    unless(age.is_some_and(|age| age <= i64::from(days)), "TOO-OLD", &too_old);
    reasons.extend(too_large(agreement, cut.bytes));
}

/// The reasons of an agreement against this kind of product with attachments of these types.
fn not_agreed(agreement: &Agreement, kind: &str, attachments: &BTreeSet<String>) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let mut unless = |holds: bool, code: &str, sentence: &str| {
        if !holds {
            reasons.push(Reason::against(Source::Agreement, code, sentence));
        }
    };
    let named = agreement.kinds.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    let other = format!(
        "the agreement does not cover the kind `{kind}`, only {named}: correct the kind, or amend the agreement"
    );
    unless(agreement.kinds.contains(kind), "KIND", &other);
    unless(
        agreement.attachments.is_superset(attachments),
        "ATTACHMENT-TYPE",
        "the agreement does not cover the type of an attachment",
    );
    reasons
}

/// The reason against a cut that is larger than the agreement allows, if it is.
fn too_large(agreement: &Agreement, bytes: u64) -> Option<Reason> {
    let most = agreement.limits.payload_bytes_max;
    let sentence = format!("the cut is larger than the agreement allows ({bytes} bytes, limit {most})");
    (bytes > most).then(|| Reason::against(Source::Agreement, "TOO-LARGE", &sentence))
}

/// The reasons of an agreement against a product that has not been read completely: its kind, the types of its attachments, and its
/// size of at least `bytes`. The decision checks the same on the cut itself.
pub fn outside_agreement(agreement: &Agreement, kind: &str, attachments: &BTreeSet<String>, bytes: u64) -> Vec<Reason> {
    not_agreed(agreement, kind, attachments).into_iter().chain(too_large(agreement, bytes)).collect()
}

fn terms(proposal: &DecisionInput<'_>, reasons: &mut Vec<Reason>) {
    for fault in proposal.terms.faults() {
        reasons.push(Reason::against(Source::Request, "TERMS", &fault.to_string()));
    }
    if proposal.terms.expires <= proposal.now {
        reasons.push(Reason::against(Source::Request, "EXPIRED", "the request has expired"));
    }
}

/// The reason against releasing a product of this date now, if there is one.
pub fn not_yet(date: DocumentDate, now: Time) -> Option<Reason> {
    age(Some(date), now).1.then(|| Reason::against(Source::Agreement, "DATED-IN-FUTURE", DATED_IN_FUTURE))
}

const DATED_IN_FUTURE: &str = "the product is dated in the future: correct its date, or submit it on that day";

/// The age of a cut in days (UTC), if its date is known, and whether its date is in the future everywhere: local time can be up to
/// fourteen hours ahead of UTC.
fn age(date: Option<DocumentDate>, now: Time) -> (Option<i64>, bool) {
    let Some(DocumentDate::Known(date)) = date else { return (None, false) };
    let days = |until: jiff::civil::Date| until.duration_since(date).as_hours() / 24;
    (Some(days(now.date())), days(now.plus(std::time::Duration::from_secs(14 * 3600)).date()) < 0)
}
