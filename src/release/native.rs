//! The second check: everything that policy is asked, answered again from the marking engine and from plain code.

use std::collections::BTreeSet;

use crate::approval::{Outline, Tally};
use crate::consent::{self, Need, SourceConsent};
use crate::cut::{self, Places, Reason as Said};
use crate::digest::Digest;
use crate::marking::{DocumentDate, LinkRights, Marking, Register, Rejected, Rules, covers_portions, may_go};
use crate::partner::Standing;
use crate::policy::Stage;
use crate::time::Time;

use super::decide::Proposal;
use super::decision::{Reason, Source};
use super::exclusions;

/// How many people must approve, whatever policy says.
pub(super) const PEOPLE_MIN: usize = 2;

/// How many consents one release may rest on: its record on the ledger names each.
pub(super) const CONSENTS_MAX: usize = 8;

/// What the marking engine says of one cut for one partner.
pub(super) trait Lattice {
    /// Every reason why the marks keep the cut from the partner over a link with these rights; empty if there is none.
    fn against(&self, cut: &Outline, link: &LinkRights) -> Vec<Reason>;
}

/// The marking engine itself.
pub(super) struct Engine<'a> {
    pub register: &'a Register,
}

impl Lattice for Engine<'_> {
    fn against(&self, cut: &Outline, link: &LinkRights) -> Vec<Reason> {
        let Some(date) = document_date(cut) else {
            return vec![reason("DATE-UNREADABLE", "the date of the cut is not a calendar date")];
        };
        let rules = Rules::new(self.register, date).in_profile_of(&cut.marking);
        let banner = match rules.parse_banner_canonical(&cut.marking) {
            Ok(banner) => banner,
            Err(rejected) => return vec![invalid("the banner", &rejected)],
        };
        let mut reasons = Vec::new();
        let mut portions: Vec<Marking> = Vec::new();
        for (number, text) in cut.portions.iter().enumerate() {
            match rules.parse_portion(text, None) {
                // A portion mark that leaves anything to the banner is not the form that was signed.
                Ok(portion) if portion.portion() == *text => portions.push(portion),
                Ok(_) => reasons.push(reason(
                    "INVALID-MARK",
                    &format!("portion mark {} of the cut is not in its canonical form", number + 1),
                )),
                Err(rejected) => reasons.push(invalid(&format!("portion mark {} of the cut", number + 1), &rejected)),
            }
        }
        if cut.portions.is_empty() {
            reasons.push(reason("NO-PORTIONS", "the cut has no portions"));
        }
        if !reasons.is_empty() {
            return reasons;
        }
        if let Err(shortfalls) = covers_portions(&rules, &banner, &portions) {
            reasons.extend(shortfalls.iter().map(|s| {
                reason(&format!("BANNER-UNDERSTATED:{s}"), "the banner says less than the portions beneath it")
            }));
        }
        if let Err(refusals) = may_go(&banner, &portions, link, &rules) {
            // The marks stand for their places: there may be no text any more.
            let parts = portions.iter().map(|mark| (format!("`{}`", mark.portion()), mark)).collect();
            let places = Places { banner: &banner, parts };
            reasons.extend(refusals.iter().map(|refusal| {
                let Said { code, sentence } = cut::refused(refusal, &places);
                reason(&code, &sentence)
            }));
        }
        reasons
    }
}

/// The consents that the cut names, of those on record. Their digests are worked out from their texts, so this is asked once.
#[derive(Default)]
pub(super) struct Named {
    digests: Vec<Digest>,
    consents: Vec<SourceConsent>,
}

impl Named {
    pub fn of(proposal: &Proposal<'_>, cut: &Outline) -> Named {
        let digests = proposal.consents.iter().map(|consent| (consent.digest(), consent));
        let named = digests.filter(|(digest, _)| cut.consents.contains(digest));
        let (digests, consents) = named.map(|(digest, consent)| (digest, consent.clone())).unzip();
        Named { digests, consents }
    }
}

/// What the link to the partner may carry, with what the consents that the cut names add for exactly this cut.
pub(super) fn link(proposal: &Proposal<'_>, cut: &Outline, named: &Named) -> LinkRights {
    let partner = proposal.partner;
    let product = proposal.product.naming(cut.subjects.clone());
    let rights = consent::rights(&named.consents, (&partner.id, &product), proposal.now);
    partner.agreement.link_rights_with(rights)
}

/// What stands against the release for want of a consent, besides the marks.
fn consents(proposal: &Proposal<'_>, cut: &Outline, named: &Named, reasons: &mut Vec<Reason>) {
    let mut against = |code: &str, sentence: &str| reasons.push(Reason::against(Source::Consent, code, sentence));
    let kept = named.digests.iter().zip(&named.consents).filter(|(_, consent)| consent.in_force(proposal.now));
    let in_force: BTreeSet<&Digest> = kept.map(|(digest, _)| digest).collect();
    if let Some(digest) = cut.consents.iter().find(|digest| !in_force.contains(digest)) {
        let which = digest.short();
        against("CONSENT-ENDED", &format!("consent {which}, on which the release rests, has ended or was withdrawn"));
    }
    if cut.consents.len() > CONSENTS_MAX {
        against("CONSENTS-TOO-MANY", &format!("the release would rest on more than {CONSENTS_MAX} consents"));
    }
    let (partner, code) = (&proposal.partner.id, &proposal.partner.agreement.party.code);
    let product = proposal.product.naming(cut.subjects.clone());
    for received in cut.received.iter().filter(|received| received.needs_consent() && received.code != *code) {
        let need = [Need::of_source(&received.code)].into();
        if consent::chosen(&need, &named.consents, (partner, &product), proposal.now).is_empty() {
            let sentence = format!("{received}, and no consent of theirs that it goes on to `{partner}` is in force");
            against("RECEIVED-FROM-ANOTHER", &sentence);
        }
    }
}

/// Everything besides the markings that stands against the release.
pub(super) fn against(proposal: &Proposal<'_>, cut: Option<&Outline>, named: &Named, tally: &Tally) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let now = proposal.now;
    partner(proposal, cut, &mut reasons);
    terms(proposal, &mut reasons);
    if let Some(cut) = cut {
        consents(proposal, cut, named, &mut reasons);
        reasons.extend(exclusions::against(proposal, cut, tally));
    }
    if proposal.clock_in_doubt {
        reasons.push(Reason::against(
            Source::Clock,
            "CLOCK-IN-DOUBT",
            "our clock is in doubt: nothing that has a date is decided",
        ));
    }
    if proposal.stage != Stage::Forecast && tally.people() < PEOPLE_MIN {
        reasons.push(Reason::against(
            Source::Approval,
            "TOO-FEW-APPROVALS",
            &format!("{} of {PEOPLE_MIN} people have validly approved exactly this", tally.people()),
        ));
    }
    // Times before anything that can be dated here mean that the clock was never set.
    if now == Time::EPOCH {
        reasons.push(Reason::against(Source::Clock, "CLOCK-UNSET", "our clock shows no time"));
    }
    reasons
}

fn partner(proposal: &Proposal<'_>, cut: Option<&Outline>, reasons: &mut Vec<Reason>) {
    let agreement = &proposal.partner.agreement;
    let mut unless = |holds: bool, code: &str, sentence: &str| {
        if !holds {
            reasons.push(Reason::against(Source::Agreement, code, sentence));
        }
    };
    unless(proposal.partner.standing == Standing::Active, "SUSPENDED", "the partner is suspended");
    unless(agreement.flow.send, "DIRECTION", "the agreement lets nothing be sent to this partner");
    unless(agreement.in_force(proposal.now), "NOT-IN-FORCE", "the agreement is not in force today");
    let Some(cut) = cut else { return };
    let named = agreement.kinds.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    let kind = format!(
        "the agreement names other kinds of product than `{}`: {named}; correct the kind, or amend the agreement",
        cut.kind
    );
    unless(agreement.kinds.contains(&cut.kind), "KIND", &kind);
    unless(
        agreement.attachments.is_superset(&cut.attachments),
        "ATTACHMENT-TYPE",
        "the agreement does not name the type of an attachment",
    );
    let (age, from_the_future) = age(document_date(cut), proposal.now);
    unless(!from_the_future, "DATED-IN-FUTURE", DATED_IN_FUTURE);
    let days = agreement.product_age_days_max;
    let too_old = format!("the product is older than the agreement allows ({days} days), or its date is not known");
    unless(age.is_some_and(|age| age <= i64::from(days)), "TOO-OLD", &too_old);
    let most = agreement.limits.payload_bytes_max;
    let too_large =
        format!("what would go is larger than the agreement allows ({} of at most {most} bytes)", cut.bytes);
    unless(cut.bytes <= most, "TOO-LARGE", &too_large);
}

fn terms(proposal: &Proposal<'_>, reasons: &mut Vec<Reason>) {
    for fault in proposal.terms.faults() {
        reasons.push(Reason::against(Source::Request, "TERMS", &fault.to_string()));
    }
    if proposal.terms.expires <= proposal.now {
        reasons.push(Reason::against(Source::Request, "EXPIRED", "the permission asked for has expired"));
    }
}

/// What keeps a product of this date from everybody now.
pub fn not_yet(date: DocumentDate, now: Time) -> Option<Reason> {
    age(Some(date), now).1.then(|| Reason::against(Source::Agreement, "DATED-IN-FUTURE", DATED_IN_FUTURE))
}

const DATED_IN_FUTURE: &str = "the product is dated after today: correct its date, or submit it then";

/// How many days before today's date (UTC) the cut is dated, if that is known, and whether its date has not begun
/// anywhere on Earth yet: a producer's calendar may be fourteen hours ahead of UTC.
fn age(date: Option<DocumentDate>, now: Time) -> (Option<i64>, bool) {
    let Some(DocumentDate::Known(date)) = date else { return (None, false) };
    let days = |until: jiff::civil::Date| until.duration_since(date).as_hours() / 24;
    (Some(days(now.date())), days(now.plus(std::time::Duration::from_secs(14 * 3600)).date()) < 0)
}

/// The date a cut's marks are judged by; `None` if it states one that is none.
pub(super) fn document_date(cut: &Outline) -> Option<DocumentDate> {
    match &cut.date {
        None => Some(DocumentDate::Unknown),
        // Only the printed form of a date is one: what was signed has a single reading.
        Some(text) => {
            let date: jiff::civil::Date = text.parse().ok()?;
            (date.to_string() == *text).then_some(DocumentDate::Known(date))
        }
    }
}

/// The register's digest as decisions and approvals cite it.
pub(super) fn register_digest(register: &Register) -> Digest {
    Digest::from_bytes(register.digest())
}

fn invalid(what: &str, rejected: &Rejected) -> Reason {
    let code = rejected.diagnostics.first().map_or("", |d| d.code.as_str());
    reason("INVALID-MARK", &format!("{what} is not a valid canonical mark ({code})"))
}

fn reason(code: &str, sentence: &str) -> Reason {
    Reason::against(Source::Lattice, code, sentence)
}
