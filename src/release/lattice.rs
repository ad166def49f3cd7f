//! The check of the marking engine: whether the markings of one cut permit it for one partner.

use super::decision::{Reason, Source};
use crate::approval::Outline;
use crate::cut::{self, Places, Reason as CutReason};
use crate::digest::Digest;
use crate::marking::{DocumentDate, Marking, PartnerRights, Register, Rejected, Rules, covers_portions, may_release};

/// A check of markings, of one cut for one partner.
pub(super) trait Lattice {
    /// Every reason why the markings do not permit the cut over a link with these rights; empty if they do.
    fn against(&self, cut: &Outline, link: &PartnerRights) -> Vec<Reason>;
}

/// The marking engine itself.
pub(super) struct Engine<'a> {
    pub register: &'a Register,
}

impl Lattice for Engine<'_> {
    fn against(&self, cut: &Outline, link: &PartnerRights) -> Vec<Reason> {
        let Some(date) = document_date(cut) else {
            return vec![reason("DATE-UNREADABLE", "the date of the cut is invalid")];
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
                // Only the canonical form was signed; a mark that inherits from the banner is not canonical.
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
            reasons.extend(
                shortfalls.iter().map(|s| {
                    reason(&format!("BANNER-UNDERSTATED:{s}"), "the banner is lower than the portions below it")
                }),
            );
        }
        if let Err(refusals) = may_release(&banner, &portions, link, &rules) {
            // Places are named by their marks, because the text may no longer be available.
            let parts = portions.iter().map(|mark| (format!("`{}`", mark.portion()), mark)).collect();
            let places = Places { banner: &banner, parts };
            reasons.extend(refusals.iter().map(|refusal| {
                let CutReason { code, sentence } = cut::refused(refusal, &places, &link.id);
                reason(&code, &sentence)
            }));
        }
        reasons
    }
}

/// The date by which a cut's markings are interpreted; `None` if it is invalid.
pub(super) fn document_date(cut: &Outline) -> Option<DocumentDate> {
    match &cut.date {
        None => Some(DocumentDate::Unknown),
        // Only the canonical form is accepted, so that what was signed has only one meaning.
        Some(text) => {
            let date: jiff::civil::Date = text.parse().ok()?;
            (date.to_string() == *text).then_some(DocumentDate::Known(date))
        }
    }
}

/// The register's digest, as cited in decisions and approvals.
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
