//! The native check of the release decision: whether one partner may have a banner with its portions over one link.
//!
//! It covers items 1 to 4 and 6 of spec 1.9, default deny; the release record of item 5 is `release`'s. It shares no
//! code with roll-up's expansion and none with the policy engine.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::audience::{self, AccessExpansion, DisclosureState};
use super::condition::{Condition, UNNAMED_PROGRAMS};
use crate::marking::model::{CONCEALED, CodeList, Level, Marking, System};
use crate::marking::rules::{Rules, UnclassifiedPolicy};

/// What kind of partner a link serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PartnerKind {
    /// A country, matched by name or by membership.
    Country,
    /// An organisation, matched by its exact code only.
    Organisation,
}

/// What the accreditation record says of one link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartnerRights {
    /// The partner: a trigraph or an organisation code.
    pub id: String,
    /// Which of the two it is.
    pub kind: PartnerKind,
    /// The highest level the link may carry, on the US scale.
    pub ceiling: Level,
    /// Conditions that are met, by the names [`Condition`] prints. `FGI-CONSENT` stands for the consent of every source;
    /// with a colon and a source's code, or `concealed`, for the consent of that one.
    pub accreditations: BTreeSet<String>,
    /// What the network under the link may carry, as a REL set of codes; `None` when it sets no bound of its own.
    pub network: Option<BTreeSet<String>>,
    /// The country whose gateway this is: never a partner, and in no need of its own consent. `USA` by default.
    pub home: String,
}

impl PartnerRights {
    /// The rights of a link to `id` over a network that sets no bound of its own.
    #[must_use]
    pub fn new(id: &str, kind: PartnerKind, ceiling: Level, accreditations: impl IntoIterator<Item = String>) -> Self {
        let accreditations = accreditations.into_iter().collect();
        Self { id: id.to_owned(), kind, ceiling, accreditations, network: None, home: Self::US.to_owned() }
    }

    /// The same rights at a gateway of another country. Release lists always name the United States, so there it is a
    /// partner like any other.
    #[must_use]
    pub fn with_home(mut self, country: &str) -> Self {
        country.clone_into(&mut self.home);
        self
    }

    const US: &'static str = "USA";
}

/// One reason why a release is refused. `Display` is the name used in output, such as `CONDITION:SCI:SI`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccessRefusal {
    /// The partner is not authorised by name.
    NotReleasable,
    /// The mark allows display to the partner, and no release.
    DisplayOnly,
    /// The level is above the link's ceiling.
    Ceiling,
    /// A condition is not on record as met.
    Condition(Condition),
    /// The network may not carry it to this partner.
    Network,
}

impl fmt::Display for AccessRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotReleasable => f.write_str("NOT-RELEASABLE"),
            Self::DisplayOnly => f.write_str("DISPLAY-ONLY"),
            Self::Ceiling => f.write_str("CEILING"),
            Self::Condition(condition) => write!(f, "CONDITION:{condition}"),
            Self::Network => f.write_str("NETWORK"),
        }
    }
}

/// Proof that the native check permitted one partner. Only [`AccessCheck::may_release`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permitted {
    partner: String,
    met: Vec<Condition>,
}

impl Permitted {
    /// The partner it is about.
    #[must_use]
    pub fn partner(&self) -> &str {
        &self.partner
    }

    /// The conditions that the marks raise and the link meets.
    #[must_use]
    pub fn met(&self) -> &[Condition] {
        &self.met
    }
}

/// The native check for a banner with its portions: expanded once, so that deciding on many partners is cheap.
#[derive(Debug, Clone)]
pub struct AccessCheck {
    level: Level,
    release: AccessExpansion,
    display: AccessExpansion,
    conditions: Vec<Condition>,
    /// Whether every mark that takes part has a release list, which always names the United States.
    names_us: bool,
    /// The codes that every mark that takes part names literally.
    named: BTreeSet<String>,
    /// The owners of all marks except joint ones.
    owners: BTreeSet<String>,
    /// The owners of each joint mark.
    joint: BTreeSet<BTreeSet<String>>,
}

impl AccessCheck {
    /// Expands a banner and its portions. It does not check that the banner covers them: see
    /// [`covers_portions`](crate::marking::covers_portions).
    #[must_use]
    pub fn new(rules: &Rules<'_>, banner: &Marking, portions: &[Marking]) -> Self {
        let mut whole = Self {
            level: banner.level().in_us_banner(),
            release: audience::release(rules, banner),
            display: audience::display(rules, banner),
            conditions: Vec::new(),
            names_us: names_us(banner),
            named: banner.rel_to().iter().map(str::to_owned).collect(),
            owners: BTreeSet::new(),
            joint: BTreeSet::new(),
        };
        whole.raise(banner);
        let mut before: Option<&Marking> = None;
        for portion in portions {
            // Neighbouring portions mostly have equal marks, which add nothing.
            if before == Some(portion) {
                continue;
            }
            before = Some(portion);
            whole.level = whole.level.max(portion.level().in_us_banner());
            whole.raise(portion);
            // A portion binds the audience too: an organisation is matched by its code in every one of them.
            // CUI is controlled by its class alone: a portion of it without a list is released to nobody.
            let unmarked = portion.disclosure_state(rules.date) == DisclosureState::UnmarkedUnclassified;
            if unmarked && portion.system() != System::Cui {
                let follows = !portion.is_caveated() || rules.unclassified == UnclassifiedPolicy::Manual;
                if follows {
                    continue;
                }
            }
            whole.names_us &= names_us(portion);
            whole.named.retain(|code| portion.rel_to().iter().any(|named| named == code));
            whole.release.intersect_with(&audience::release(rules, portion));
            whole.display.intersect_with(&audience::display(rules, portion));
        }
        whole
    }

    /// Every condition of the banner and of any portion, each once.
    #[must_use]
    pub fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    /// Decides whether the partner of `link` may have it (spec 1.9).
    ///
    /// # Errors
    ///
    /// Every reason for refusal, in the order of [`AccessRefusal`].
    pub fn may_release(&self, rules: &Rules<'_>, link: &PartnerRights) -> Result<Permitted, Vec<AccessRefusal>> {
        let mut refusals = Vec::new();
        let back_to_us = self.names_us && link.kind == PartnerKind::Country && link.id == PartnerRights::US;
        let released = link.id != link.home && (back_to_us || reaches(rules, &self.release, link));
        if !released {
            refusals.push(if reaches(rules, &self.display, link) {
                AccessRefusal::DisplayOnly
            } else {
                AccessRefusal::NotReleasable
            });
        }
        if self.level > link.ceiling.in_us_banner() {
            refusals.push(AccessRefusal::Ceiling);
        }
        let conditions = self.conditions_over(rules, link);
        for condition in &conditions {
            refusals.extend(unmet(condition, link).map(AccessRefusal::Condition));
        }
        if let Some(network) = &link.network {
            let known = |c: &&String| rules.register.by_code.find(c).is_some();
            let list = CodeList::from_ordered(network.iter().filter(known).map(String::as_str));
            // The register's expansions leave out the United States, which a network names like any other.
            let us = link.id == PartnerRights::US && network.contains(PartnerRights::US);
            if !us && !reaches(rules, &AccessExpansion::of(rules, &list), link) {
                refusals.push(AccessRefusal::Network);
            }
        }
        if refusals.is_empty() { Ok(Permitted { partner: link.id.clone(), met: conditions }) } else { Err(refusals) }
    }

    /// The conditions for one partner: those of the marks, and the consent of every owner and source other than the partner and
    /// the home country. A joint product may be released to each of its owners without the consent of the others. NATO's consent
    /// is not needed for a member that every mark names itself.
    fn conditions_over(&self, rules: &Rules<'_>, link: &PartnerRights) -> Vec<Condition> {
        let joint = self.joint.iter().filter(|joint| !joint.contains(&link.id)).flatten();
        let mut sources: BTreeSet<String> = self.owners.iter().chain(joint).cloned().collect();
        let mut concealed = false;
        let mut conditions = self.conditions.clone();
        conditions.retain_mut(|condition| match condition {
            Condition::FgiConsent { sources: acknowledged, concealed: is } => {
                sources.append(acknowledged);
                concealed |= *is;
                false
            }
            _ => true,
        });
        sources.retain(|source| *source != link.id && *source != link.home);
        if sources.contains(NATO) && self.named.contains(&link.id) && is_in_nato(rules, &link.id) {
            sources.remove(NATO);
        }
        if concealed || !sources.is_empty() {
            conditions.push(Condition::FgiConsent { sources, concealed });
            conditions.sort();
        }
        conditions
    }

    fn raise(&mut self, marking: &Marking) {
        let owners = marking.owned_by().map(str::to_owned);
        match marking.system() {
            System::Joint => _ = self.joint.insert(owners.collect()),
            _ => self.owners.extend(owners),
        }
        for condition in marking.conditions() {
            if let Condition::FgiConsent { sources, concealed } = &condition {
                let held = self.conditions.iter_mut().find_map(|held| match held {
                    Condition::FgiConsent { sources, concealed } => Some((sources, concealed)),
                    _ => None,
                });
                // The sources of all marks are the sources of the whole.
                if let Some((all, any_concealed)) = held {
                    all.extend(sources.iter().cloned());
                    *any_concealed |= concealed;
                    continue;
                }
            }
            if !self.conditions.contains(&condition) {
                self.conditions.push(condition);
            }
        }
    }
}

/// Decides whether one partner may have a banner with its portions: [`AccessCheck::new`] and [`AccessCheck::may_release`] in one.
///
/// # Errors
///
/// Every reason for refusal, in the order of [`AccessRefusal`].
///
/// ```
/// use portcullis::marking::{DocumentDate, Level, PartnerRights, PartnerKind, Register, Rules, may_release};
///
/// let rules = Rules::new(Register::compiled_in(), DocumentDate::Unknown);
/// let banner = rules.parse_banner("SECRET//SI//REL TO USA, GBR").unwrap();
/// let portions = [rules.parse_portion("(S//SI//REL TO USA, GBR)", None).unwrap()];
/// let mut link = PartnerRights::new("GBR", PartnerKind::Country, Level::Secret, []);
/// let refused = may_release(&banner, &portions, &link, &rules).unwrap_err();
/// assert_eq!(refused[0].to_string(), "CONDITION:SCI:SI");
/// link.accreditations.insert("SCI:SI".into());
/// assert!(may_release(&banner, &portions, &link, &rules).is_ok());
/// ```
pub fn may_release(
    banner: &Marking,
    portions: &[Marking],
    link: &PartnerRights,
    rules: &Rules<'_>,
) -> Result<Permitted, Vec<AccessRefusal>> {
    AccessCheck::new(rules, banner, portions).may_release(rules, link)
}

fn reaches(rules: &Rules<'_>, audience: &AccessExpansion, link: &PartnerRights) -> bool {
    let register = rules.register;
    let Some(number) = register.by_code.find(&link.id) else { return false };
    match link.kind {
        PartnerKind::Country => {
            number < register.country_count && number != register.usa && audience.countries.contains(number)
        }
        PartnerKind::Organisation => {
            number >= register.country_count && audience.organisations.contains(number - register.country_count)
        }
    }
}

const NATO: &str = "NATO";

/// Whether NATO had this country among its members on the day of the document.
fn is_in_nato(rules: &Rules<'_>, country: &str) -> bool {
    let register = rules.register;
    let members = AccessExpansion::of(rules, &CodeList::from_ordered([NATO])).countries;
    let number = register.by_code.find(country).filter(|number| *number < register.country_count);
    // The register's expansions leave out the United States, which founded it.
    number.is_some_and(|number| number == register.usa || members.contains(number))
}

/// Whether a mark has a release list that counts, which always names the United States (E-REL-NO-USA).
fn names_us(marking: &Marking) -> bool {
    !audience::denies_all(marking) && marking.rel_to().iter().any(|code| code == PartnerRights::US)
}

/// The unmet part of a condition over the link; of a consent, the sources whose consent is missing.
fn unmet(condition: &Condition, link: &PartnerRights) -> Option<Condition> {
    let unnamed = *condition == Condition::Sap(UNNAMED_PROGRAMS.to_owned());
    if link.accreditations.contains(&condition.to_string()) && !unnamed {
        return None;
    }
    let Condition::FgiConsent { sources, concealed } = condition else { return Some(condition.clone()) };
    let asked = |source: &str| !link.accreditations.contains(&format!("{condition}:{source}"));
    let sources: BTreeSet<String> = sources.iter().filter(|source| asked(source)).cloned().collect();
    let concealed = *concealed && asked(CONCEALED);
    (concealed || !sources.is_empty()).then_some(Condition::FgiConsent { sources, concealed })
}
