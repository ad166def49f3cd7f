//! Who may receive and who may see what a marking covers: the access expansion (spec 1.9, ISM.ACES).
//!
//! It expands organisations whose members are listed, and no others. It shares no code with roll-up's expansion, so that a
//! mistake in one is not a mistake in the other.

use std::collections::BTreeSet;

use crate::marking::model::{Code, CodeList, Control, ControlSet, DocumentDate, Marking, System};
use crate::marking::register::{CountrySet, Register};
use crate::marking::rules::Rules;

/// The partners a list authorises: countries by membership, organisations by their exact code.
///
/// `USA` is never in it: this gateway serves foreign partners.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Audience {
    /// Countries named, or members of an organisation named.
    pub countries: BTreeSet<Code>,
    /// Organisations named literally.
    pub organisations: BTreeSet<Code>,
    /// The named organisations whose members are not public: nobody matches them by country.
    pub unresolved: BTreeSet<Code>,
}

/// An audience in the register's numbering, for decisions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::marking) struct AccessExpansion {
    /// Countries named, or members of an organisation named.
    pub countries: CountrySet,
    /// Literal organisations, by their number less that of the first organisation.
    pub organisations: CountrySet,
    /// Literal organisations without listed members.
    pub unresolved: CountrySet,
}

impl AccessExpansion {
    /// Nobody.
    pub const EMPTY: Self =
        Self { countries: CountrySet::EMPTY, organisations: CountrySet::EMPTY, unresolved: CountrySet::EMPTY };

    /// Expands a list. A deprecated code counts only for a document known to be older (spec 1.9).
    pub fn of(rules: &Rules<'_>, list: &CodeList) -> Self {
        let register = rules.register;
        let mut all = Self::EMPTY;
        for code in list.iter() {
            let Some(number) = register.by_code.find(code) else { continue };
            let entry = register.entry(number);
            let withdrawn = entry.deprecated_on.is_some_and(|day| !rules.date.is_before(day));
            let early = entry.valid_from.is_some_and(|day| !rules.date.is_from(day));
            if withdrawn || early || entry.fgi_only {
                continue;
            }
            if entry.organisation {
                let place = number - register.country_count;
                all.organisations.insert(place);
                let membership = &register.access[usize::from(place)];
                if membership.listed {
                    let mut members = membership.members;
                    for (day, number) in &membership.since {
                        if !rules.date.is_from(*day) {
                            members.remove(*number);
                        }
                    }
                    for (day, number) in &membership.joined {
                        if rules.date.is_from(*day) {
                            members.insert(*number);
                        }
                    }
                    members.subtract(&membership.left);
                    all.countries.union_with(&members);
                } else {
                    all.unresolved.insert(place);
                }
            } else {
                all.countries.insert(number);
            }
        }
        all.countries.remove(register.usa);
        all
    }

    /// Adds everyone that `other` reaches.
    pub fn union_with(&mut self, other: &Self) {
        self.countries.union_with(&other.countries);
        self.organisations.union_with(&other.organisations);
        self.unresolved.union_with(&other.unresolved);
    }

    /// Removes everyone that `other` does not reach.
    pub fn intersect_with(&mut self, other: &Self) {
        self.countries.intersect_with(&other.countries);
        self.organisations.intersect_with(&other.organisations);
        self.unresolved.intersect_with(&other.unresolved);
    }

    /// True when `other` reaches everyone that this reaches by country, or by a code that cannot be resolved to countries.
    pub fn is_within(&self, other: &Self) -> bool {
        self.countries.is_subset(&other.countries) && self.unresolved.is_subset(&other.unresolved)
    }

    /// The audience by codes, without `USA`.
    pub fn into_audience(self, register: &Register) -> Audience {
        let country = |n: u16| register.entry(n).code;
        let organisation = |n: u16| register.entry(n + register.country_count).code;
        Audience {
            countries: self.countries.iter().map(country).collect(),
            organisations: self.organisations.iter().map(organisation).collect(),
            unresolved: self.unresolved.iter().map(organisation).collect(),
        }
    }
}

/// The effective foreign-disclosure state of one mark (spec 1.7, M16 B.3 Table 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisclosureState {
    /// Not releasable.
    Noforn,
    /// As marked: any of REL TO, RELIDO, DISPLAY ONLY.
    Marked {
        /// REL TO, or the legacy EYES ONLY.
        rel: bool,
        /// RELIDO.
        relido: bool,
        /// DISPLAY ONLY.
        display: bool,
    },
    /// Classified, unmarked, uncaveated, made on or after 28 June 2010.
    Relido,
    /// Unclassified and unmarked: not decided, and not releasable here.
    UnmarkedUnclassified,
}

impl std::fmt::Display for DisclosureState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Self::Noforn => f.write_str("NOFORN"),
            Self::Relido => f.write_str("RELIDO"),
            Self::UnmarkedUnclassified => f.write_str("UNMARKED-U"),
            Self::Marked { rel, relido, display } => {
                let mut separator = "";
                for (_, word) in [(rel, "REL"), (relido, "RELIDO"), (display, "DISPLAY ONLY")]
                    .into_iter()
                    .filter(|(there, _)| *there)
                {
                    write!(f, "{separator}{word}")?;
                    separator = "/";
                }
                Ok(())
            }
        }
    }
}

/// The day from which an unmarked, uncaveated classified portion counts as RELIDO (M16 B.3).
const PIVOT: jiff::civil::Date = jiff::civil::date(2010, 6, 28);

impl Marking {
    /// The effective foreign-disclosure state for a document of this date.
    #[must_use]
    pub fn disclosure_state(&self, date: DocumentDate) -> DisclosureState {
        let controls = self.controls;
        if controls.has(Control::Nf) || controls.intersects(ControlSet::NONIC_NOFORN) {
            return DisclosureState::Noforn;
        }
        if controls.intersects(ControlSet::FDR) {
            return DisclosureState::Marked {
                rel: controls.has(Control::Rel) || controls.has(Control::Eyes),
                relido: controls.has(Control::Relido),
                display: controls.has(Control::DisplayOnly),
            };
        }
        if self.has_foreign_information() || self.system == System::Joint {
            return DisclosureState::Noforn;
        }
        if self.level == crate::marking::model::Level::Unclassified {
            return DisclosureState::UnmarkedUnclassified;
        }
        if self.is_caveated() || !date.is_from(PIVOT) { DisclosureState::Noforn } else { DisclosureState::Relido }
    }

    /// True when it carries AEA, SAP, IC dissemination or non-IC controls; SCI alone is no caveat (spec 1.7).
    #[must_use]
    pub fn is_caveated(&self) -> bool {
        let caveats = ControlSet::AEA.union(ControlSet::DISSEM).union(ControlSet::NONIC);
        self.controls.intersects(caveats) || !self.sap.is_empty()
    }

    /// True for a mark that may carry BALK, BOHEMIA or ATOMAL: NATO is its owner or source, or its source is concealed
    /// and so may be NATO (ISM-ID-00163).
    pub(in crate::marking) fn may_hold_nato(&self) -> bool {
        let nato = |c: &str| c == "NATO" || c.starts_with("NATO:");
        self.concealed || self.owners.iter().any(nato) || self.sources.iter().any(nato)
    }
}

impl Rules<'_> {
    /// Whom the mark authorises for release: necessary for a release, never sufficient (spec 1.9 item 2).
    #[must_use]
    pub fn release_audience(&self, marking: &Marking) -> Audience {
        release(self, marking).into_audience(self.register)
    }

    /// Whom the mark authorises to see it, which includes those it authorises to have it (rule 26).
    #[must_use]
    pub fn display_audience(&self, marking: &Marking) -> Audience {
        display(self, marking).into_audience(self.register)
    }

    /// True when everybody whom `above` authorises for release, `below` authorises too: going down a product, the
    /// audience never shrinks (spec 1.10).
    #[must_use]
    pub fn reaches_no_further(&self, above: &Marking, below: &Marking) -> bool {
        release(self, above).is_within(&release(self, below))
    }
}

/// True when the mark excludes every partner, whatever its release lists say.
pub(in crate::marking) fn denies_all(marking: &Marking) -> bool {
    let controls = marking.controls;
    controls.has(Control::Nf) || controls.intersects(ControlSet::NONIC_NOFORN) || marking.prohibited_by().is_some()
}

pub(in crate::marking) fn release(rules: &Rules<'_>, marking: &Marking) -> AccessExpansion {
    if denies_all(marking) || marking.rel_to.is_empty() {
        return AccessExpansion::EMPTY;
    }
    AccessExpansion::of(rules, &marking.rel_to)
}

pub(in crate::marking) fn display(rules: &Rules<'_>, marking: &Marking) -> AccessExpansion {
    let mut all = release(rules, marking);
    if !denies_all(marking) && !marking.display_to.is_empty() {
        all.union_with(&AccessExpansion::of(rules, &marking.display_to));
    }
    all
}

/// True when REL TO names every owner of a JOINT mark, literally or after expansion (spec 1.6, ISM-ID-00377).
pub(in crate::marking) fn covers_owners(rules: &Rules<'_>, marking: &Marking) -> bool {
    let reached = AccessExpansion::of(rules, &marking.rel_to);
    marking.owners.iter().all(|owner| {
        owner == "USA"
            || marking.rel_to.contains(owner)
            || rules
                .register
                .by_code
                .find(owner)
                .is_some_and(|n| n < rules.register.country_count && reached.countries.contains(n))
    })
}
