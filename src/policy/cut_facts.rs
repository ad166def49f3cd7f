//! The facts about a cut that the rules see: all its marks merged, the strictest of everything.

use std::collections::BTreeSet;

use jiff::civil::Date;
use serde::Serialize;

use super::cedar_values::long;
use super::mark_reader::{Mark, read_mark};
use super::membership::{Membership, Party};
use super::terms::{AgreementTerms, CutTerms};

/// The facts as the rules see them; the names are the schema's.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CutFacts {
    understood: bool,
    level: i64,
    controls: BTreeSet<String>,
    compartments: BTreeSet<String>,
    programs: BTreeSet<String>,
    releasable_to: BTreeSet<String>,
    releasable_to_organisations: BTreeSet<String>,
    display_only_to: BTreeSet<String>,
    named_to: BTreeSet<String>,
    pub foreign_sources: BTreeSet<String>,
    concealed_source: bool,
    nato: bool,
    nato_owned: bool,
    received_from: BTreeSet<String>,
    kind: String,
    attachments: BTreeSet<String>,
    bytes: i64,
    shared_runs: i64,
    shared_words: i64,
}

const NATO: &str = "NATO";

/// The countries and organisations that a list of codes covers, organisations with their listed members.
#[derive(Default)]
pub(super) struct CodeMembers {
    pub countries: BTreeSet<String>,
    pub organisations: BTreeSet<String>,
}

impl CodeMembers {
    /// What `codes` cover in a document of `date`, by name or as listed members.
    pub fn by<'c>(codes: impl Iterator<Item = &'c String>, membership: &Membership, date: Option<Date>) -> CodeMembers {
        let mut reached = CodeMembers::default();
        for code in codes {
            match membership.look_up(code, date) {
                Some(Party::Country) => _ = reached.countries.insert(code.clone()),
                Some(Party::Organisation(members)) => {
                    reached.organisations.insert(code.clone());
                    reached.countries.extend(members.into_iter().filter(|m| *m != "USA").map(str::to_owned));
                }
                // An unknown code covers nobody.
                None => {}
            }
        }
        reached
    }
}

/// The members of an organisation on a day.
pub(super) fn members<'m>(code: &str, membership: &'m Membership, date: Option<Date>) -> Option<BTreeSet<&'m str>> {
    match membership.look_up(code, date)? {
        Party::Organisation(members) => Some(members),
        Party::Country => None,
    }
}

/// Merges the marks of a cut: the strictest of everything.
pub(super) fn merge(cut: &CutTerms, partner: &AgreementTerms, membership: &Membership) -> CutFacts {
    let banner = read_mark(&cut.banner, membership, cut.date);
    let portions: Vec<Mark> = cut.portions.iter().map(|p| read_mark(p, membership, cut.date)).collect();
    // A bare unclassified portion does not narrow the audience of the whole.
    let taking_part = || std::iter::once(&banner).chain(portions.iter().filter(|p| !(p.bare && p.level == 0)));
    let all = || std::iter::once(&banner).chain(&portions);
    let common = |of: fn(&Mark) -> &BTreeSet<String>| {
        let mut common = of(&banner).clone();
        taking_part().for_each(|s| common.retain(|code| of(s).contains(code)));
        common
    };
    let union = |of: fn(&Mark) -> &BTreeSet<String>| -> BTreeSet<String> { all().flat_map(of).cloned().collect() };
    let releasable_to = common(|s| &s.countries);
    let releasable_to_organisations = common(|s| &s.organisations);
    // Every owner is a source, except us and the partner; each owner of a joint product may have it without consent.
    let mut foreign_sources = union(|s| &s.sources);
    let joint = all().map(|s| &s.joint).filter(|joint| !joint.contains(&partner.code)).flatten();
    let states = all().any(|s| s.states).then(|| "USA".to_owned());
    foreign_sources.extend(joint.cloned().chain(states).filter(|owner| *owner != partner.home));
    // NATO's consent has a rule of its own, whether NATO owns the information or gave it.
    let nato_owned = foreign_sources.remove(NATO) || all().any(|s| s.nato_owned);
    let mut display_only_to = union(|s| &s.display);
    display_only_to.retain(|c| !releasable_to.contains(c) && !releasable_to_organisations.contains(c));
    // CUI may be mixed only with CUI and with bare unclassified marks.
    let of_cui = |s: &Mark| s.cui || s.bare && s.level == 0;
    let mixed = all().any(|s| s.cui) && !(banner.cui && portions.iter().all(of_cui));
    CutFacts {
        // A cut without portions is not understood.
        understood: !portions.is_empty() && !mixed && all().all(|s| s.understood),
        level: all().map(|s| s.level).max().unwrap_or(i64::MAX),
        controls: union(|s| &s.controls),
        compartments: union(|s| &s.compartments),
        programs: union(|s| &s.programs),
        releasable_to,
        releasable_to_organisations,
        display_only_to,
        named_to: common(|s| &s.named),
        foreign_sources,
        concealed_source: all().any(|s| s.concealed),
        nato: all().any(|s| s.nato),
        nato_owned: nato_owned && partner.home != NATO,
        received_from: cut.received_from.clone(),
        kind: cut.kind.clone(),
        attachments: cut.attachments.clone(),
        bytes: long(cut.bytes),
        shared_runs: long(cut.shared_runs as u64),
        shared_words: i64::from(cut.shared_words),
    }
}
