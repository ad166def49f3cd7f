//! Rolling portions up to their banner (spec 1.8, M16 D.2 Table 3), always from portions and never from banners.
//!
//! Its expansion of organisations replaces only what may be decomposed, works on the register's member lists, and
//! shares no code with the access expansion. What it builds is printed and read again under the same rules: roll-up
//! hands out nothing that the parser would refuse.

use crate::marking::diagnostic::Rejected;
use crate::marking::model::{CodeList, Control, ControlSet, Level, Marking, System};
use crate::marking::order::{ordered, union_trees};
use crate::marking::releasability::audience::DisclosureState;
use crate::marking::rules::{Expansion, Rules, UnclassifiedPolicy};

/// A portion that takes part in roll-up, or is kept out of it.
#[derive(Debug, Clone, Copy)]
pub struct PortionForRollup<'m> {
    /// Its mark.
    pub marking: &'m Marking,
    /// `excludeFromRollup` of the structured form: the portion is skipped.
    pub excluded: bool,
}

impl<'m> From<&'m Marking> for PortionForRollup<'m> {
    fn from(marking: &'m Marking) -> Self {
        Self { marking, excluded: false }
    }
}

/// What a product declares about itself that its portions do not say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RollupOptions {
    /// The product is declared JOINT.
    pub joint: bool,
    /// The product is a disseminated analytic product: every classified portion needs an FD&R (ISM-ID-00119).
    pub analytic: bool,
    /// Compilation raises the level to at least this one. It never lowers it.
    pub level_at_least: Option<Level>,
}

/// Why portions have no banner.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RollupError {
    /// Nothing takes part.
    #[error("no portion takes part in roll-up; mark at least one portion that is not excluded")]
    NoPortions,
    /// CUI does not roll up into an intelligence banner (ISM-ID-00478).
    #[error("portion {portion} is a CUI mark; CUI has no place in an intelligence banner")]
    Cui {
        /// Its place, from 0.
        portion: usize,
    },
    /// The parts contradict each other.
    #[error("the portions have no valid common banner: {0}")]
    NoBanner(Rejected),
}

/// Rolls portions up to their banner.
///
/// # Errors
///
/// No portion takes part, or what they add up to is not a valid mark.
///
/// ```
/// use portcullis::marking::{DocumentDate, Register, RollupOptions, Rules, roll_up};
///
/// let rules = Rules::new(Register::compiled_in(), DocumentDate::Unknown);
/// let portions = ["(S//REL TO USA, FVEY)", "(C//REL TO USA, AUS, CAN)"].map(|t| rules.parse_portion(t, None).unwrap());
/// let parts: Vec<_> = portions.iter().map(Into::into).collect();
/// let banner = roll_up(&rules, &parts, RollupOptions::default()).unwrap();
/// assert_eq!(banner.to_string(), "SECRET//REL TO USA, AUS, CAN");
/// ```
pub fn roll_up(
    rules: &Rules<'_>,
    portions: &[PortionForRollup<'_>],
    options: RollupOptions,
) -> Result<Marking, RollupError> {
    if let Some(portion) = portions.iter().position(|p| !p.excluded && p.marking.system == System::Cui) {
        return Err(RollupError::Cui { portion });
    }
    let parts: Vec<&Marking> = portions.iter().filter(|p| !p.excluded).map(|p| p.marking).collect();
    if parts.is_empty() {
        return Err(RollupError::NoPortions);
    }
    if options.joint {
        // A JOINT banner releases to its owners. Where the portions do not allow that, it is a US product holding
        // their information (M16 H.3), which is never the wider of the two.
        let joint = assemble(rules, &parts, options, System::Joint);
        if let Ok(banner) = rules.parse_banner(&joint.banner())
            && banner == joint
        {
            return Ok(banner);
        }
    }
    let banner = assemble(rules, &parts, options, System::Us);
    let read = rules.parse_banner(&banner.banner()).map_err(RollupError::NoBanner)?;
    // INVARIANT: printing and reading are inverse for what was assembled; a difference is a defect, and refuses.
    if read == banner {
        Ok(read)
    } else {
        Err(RollupError::NoBanner(crate::marking::parse::not_canonical(&banner.banner(), &read.banner())))
    }
}

fn assemble(rules: &Rules<'_>, parts: &[&Marking], options: RollupOptions, system: System) -> Marking {
    let level = parts.iter().map(|m| m.level.in_us_banner()).max().unwrap_or(Level::TopSecret);
    let level = options.level_at_least.map_or(level, |least| level.max(least.in_us_banner()));
    let classified = level > Level::Unclassified;
    let mut out = Marking::bare(system, level);

    let all = parts.iter().fold(ControlSet::EMPTY, |set, m| set.union(m.controls));
    out.sci = union_trees(parts.iter().map(|m| &*m.sci)).into_boxed_str();
    out.sap = union_trees(parts.iter().map(|m| &*m.sap)).into_boxed_str();
    out.controls = all.intersection(ControlSet::of(&[Control::Balk, Control::Bohemia, Control::Atomal]));
    add_aea(&mut out, all, parts, classified);
    add_sources(rules, &mut out, parts);
    if system == System::Joint {
        let joint = || parts.iter().filter(|m| m.system == System::Joint);
        out.owners = ordered(rules, joint().flat_map(|m| m.owners.iter()));
    }

    for control in [Control::Rs, Control::Imc, Control::Pr, Control::Dsen, Control::Rawfisa, Control::Fisa] {
        if all.has(control) {
            out.controls.insert(control);
        }
    }
    if all.has(Control::Oc) {
        out.controls.insert(Control::Oc);
    } else if all.has(Control::OcUsgov) {
        out.controls.insert(Control::OcUsgov);
    }
    add_nonic(&mut out, all, classified);
    add_disclosure(rules, &mut out, all, parts, options);
    let others = ControlSet::DISSEM.without(ControlSet::FDR).union(ControlSet::AEA).union(ControlSet::NONIC);
    if all.has(Control::Fouo) && !classified && !out.controls.meets(others) {
        out.controls.insert(Control::Fouo);
    }
    out
}

/// RD absorbs FRD and TFNI, FRD absorbs TFNI, SIGMA moves along; UCNI stays in an unclassified banner only.
fn add_aea(out: &mut Marking, all: ControlSet, parts: &[&Marking], classified: bool) {
    out.sigma = parts.iter().fold(0, |bits, m| bits | m.sigma);
    if all.has(Control::Rd) {
        out.controls.insert(Control::Rd);
        if all.has(Control::RdCnwdi) {
            out.controls.insert(Control::RdCnwdi);
        }
        if out.sigma != 0 {
            out.controls.insert(Control::RdSg);
        }
    } else if all.has(Control::Frd) {
        out.controls.insert(Control::Frd);
        if out.sigma != 0 {
            out.controls.insert(Control::FrdSg);
        }
    } else if all.has(Control::Tfni) {
        out.controls.insert(Control::Tfni);
    }
    for control in [Control::Dcni, Control::Ucni] {
        if all.has(control) && !classified {
            out.controls.insert(control);
        }
    }
}

/// The union of acknowledged sources, or none of them when any source is concealed (M16 D.2, ISM-ID-00064).
fn add_sources(rules: &Rules<'_>, out: &mut Marking, parts: &[&Marking]) {
    out.concealed = parts.iter().any(|m| m.concealed);
    if out.concealed {
        return;
    }
    let us_product = out.system == System::Us;
    let mut sources: Vec<&str> = Vec::new();
    for part in parts {
        let joint_owners = part.owners.iter().filter(|o| us_product && part.system == System::Joint && *o != "USA");
        for source in part.sources().chain(joint_owners) {
            // The activity is not public vocabulary in an FGI list, so its information is NATO's there.
            let source = if source.starts_with("NATO:") { "NATO" } else { source };
            sources.push(source);
        }
    }
    out.sources = ordered(rules, sources.into_iter());
}

fn add_nonic(out: &mut Marking, all: ControlSet, classified: bool) {
    let mut put = |control| out.controls.insert(control);
    if all.has(Control::Ssi) {
        put(Control::Ssi);
    }
    if all.has(Control::Nd) {
        put(Control::Nd);
    } else if all.has(Control::Xd) {
        put(Control::Xd);
    }
    if classified {
        if all.has(Control::Les) || all.has(Control::LesNf) {
            put(Control::Les);
        }
        return;
    }
    if all.has(Control::Ds) {
        put(Control::Ds);
    }
    if all.has(Control::LesNf) {
        put(Control::LesNf);
    } else if all.has(Control::Les) {
        put(Control::Les);
    }
    if !all.has(Control::Nd) && !all.has(Control::Xd) {
        if all.has(Control::SbuNf) {
            put(Control::SbuNf);
        } else if all.has(Control::Sbu) {
            put(Control::Sbu);
        }
    }
}

/// What the portions together allow.
enum Disclosure {
    None,
    Noforn,
    Lists { relido: bool, rel: Vec<u16>, display: Vec<u16> },
}

fn add_disclosure(rules: &Rules<'_>, out: &mut Marking, all: ControlSet, parts: &[&Marking], options: RollupOptions) {
    match disclosure(rules, out.level, all, parts, options.analytic) {
        Disclosure::None => {}
        Disclosure::Noforn => out.controls.insert(Control::Nf),
        Disclosure::Lists { relido, rel, display } => {
            if relido {
                out.controls.insert(Control::Relido);
            }
            if !rel.is_empty() {
                out.controls.insert(Control::Rel);
                out.rel_to = CodeList::from_ordered(std::iter::once("USA").chain(names(rules, &rel)));
            }
            if !display.is_empty() {
                out.controls.insert(Control::DisplayOnly);
                out.display_to = CodeList::from_ordered(names(rules, &display));
            }
        }
    }
    if out.controls.has(Control::Xd) || out.controls.has(Control::Nd) {
        deny(out);
    }
    if out.controls.has(Control::Pr) && !out.controls.meets(ControlSet::FDR) {
        deny(out);
    }
    // An unclassified banner keeps SBU NOFORN or LES NOFORN as its only FD&R; next to another, they are told apart.
    if out.controls.meets(ControlSet::NONIC_NOFORN) {
        let another = all.meets(ControlSet::FDR)
            || out.controls.has(Control::Pr)
            || out.controls.has(Control::Xd)
            || out.controls.has(Control::Nd);
        if another {
            for (joined, plain) in [(Control::SbuNf, Control::Sbu), (Control::LesNf, Control::Les)] {
                if out.controls.has(joined) {
                    out.controls.remove(joined);
                    out.controls.insert(plain);
                }
            }
            deny(out);
        } else {
            out.controls.remove(Control::Nf);
        }
    }
}

fn deny(out: &mut Marking) {
    out.controls = out.controls.without(ControlSet::FDR);
    out.controls.insert(Control::Nf);
    out.rel_to = CodeList::default();
    out.display_to = CodeList::default();
}

/// Steps a to e of spec 1.8 item 8.
fn disclosure(rules: &Rules<'_>, level: Level, all: ControlSet, parts: &[&Marking], analytic: bool) -> Disclosure {
    let classified = level > Level::Unclassified;
    if classified && (all.has(Control::Dcni) || all.has(Control::Ucni)) {
        return Disclosure::Noforn;
    }
    let taking_part: Vec<(&Marking, DisclosureState)> = parts
        .iter()
        .map(|m| (*m, m.disclosure_state(rules.date)))
        .filter(|(m, state)| {
            *state != DisclosureState::UnmarkedUnclassified
                || (m.is_caveated() && rules.unclassified == UnclassifiedPolicy::Ism88)
        })
        .collect();
    let explicit = |m: &Marking| m.controls.meets(ControlSet::FDR.union(ControlSet::NONIC_NOFORN));
    let is_noforn = |s: &DisclosureState| *s == DisclosureState::Noforn;
    if !taking_part.iter().any(|(m, _)| explicit(m)) {
        if !analytic || !classified {
            return Disclosure::None;
        }
        let relido = !taking_part.iter().any(|(_, s)| is_noforn(s));
        return if relido { Disclosure::Lists { relido, rel: vec![], display: vec![] } } else { Disclosure::Noforn };
    }
    if taking_part.iter().any(|(_, s)| is_noforn(s)) {
        return Disclosure::Noforn;
    }
    // What is neither NOFORN nor marked counts as RELIDO without REL.
    let marked = |s: &DisclosureState| match *s {
        DisclosureState::Marked { rel, relido, display } => (rel, relido, display),
        _ => (false, true, false),
    };
    let every = |test: &dyn Fn((bool, bool, bool)) -> bool| taking_part.iter().all(|(_, s)| test(marked(s)));
    let relido = every(&|(_, relido, _)| relido);
    let mut rel = Vec::new();
    if every(&|(rel, _, _)| rel) {
        rel = common(rules, taking_part.iter().map(|(m, _)| numbers(rules, &[&m.rel_to])));
        rel.retain(|n| *n != rules.register.usa);
    }
    let mut display = Vec::new();
    let some_display = taking_part.iter().any(|(_, s)| marked(s).2);
    if some_display && every(&|(rel, _, display)| rel || display) {
        display = common(rules, taking_part.iter().map(|(m, _)| numbers(rules, &[&m.rel_to, &m.display_to])));
        let reached = RollupExpansion::of(rules, &rel);
        display.retain(|n| *n != rules.register.usa && !rel.contains(n) && !reached.0.contains(n));
    }
    if !relido && rel.is_empty() && display.is_empty() {
        return Disclosure::Noforn;
    }
    Disclosure::Lists { relido, rel, display }
}

/// The countries of a list after replacing every code that roll-up may decompose. Ascending.
struct RollupExpansion(Vec<u16>);

impl RollupExpansion {
    fn of(rules: &Rules<'_>, list: &[u16]) -> Self {
        let mut countries = Vec::with_capacity(list.len());
        for &number in list {
            if number < rules.register.country_count {
                countries.push(number);
            } else {
                countries.extend(Self::members(rules, number));
            }
        }
        countries.sort_unstable();
        countries.dedup();
        Self(countries)
    }

    fn members(rules: &Rules<'_>, organisation: u16) -> impl Iterator<Item = u16> {
        let membership = &rules.register.rollup[usize::from(organisation - rules.register.country_count)];
        let may = match rules.expansion {
            Expansion::Ismcat => membership.decomposable,
            Expansion::Manual2016 => membership.decomposable && membership.manual2016,
        };
        let date = rules.date;
        let members = if may { &membership.members[..] } else { &[] };
        members.iter().filter(move |m| m.since.is_none_or(|day| date.is_from(day))).map(|m| m.number)
    }
}

/// The common codes of lists (spec 1.8): literal codes in all, and countries in all after expansion, less those a
/// literal common code covers already. Never compressed back into an organisation.
fn common(rules: &Rules<'_>, lists: impl Iterator<Item = Vec<u16>>) -> Vec<u16> {
    let mut distinct: Vec<Vec<u16>> = Vec::new();
    for list in lists {
        if !distinct.contains(&list) {
            distinct.push(list);
        }
    }
    let Some((first, others)) = distinct.split_first() else { return Vec::new() };
    let mut literal = first.clone();
    literal.retain(|n| others.iter().all(|l| l.contains(n)));
    if others.is_empty() {
        return literal;
    }
    let mut countries = RollupExpansion::of(rules, first).0;
    for other in others {
        let expanded = RollupExpansion::of(rules, other).0;
        countries.retain(|n| expanded.binary_search(n).is_ok());
    }
    let covered = RollupExpansion::of(rules, &literal).0;
    literal.extend(countries.into_iter().filter(|n| covered.binary_search(n).is_err()));
    // Numbering order is list order: countries, then organisations, each alphabetical.
    literal.sort_unstable();
    literal
}

fn numbers(rules: &Rules<'_>, lists: &[&CodeList]) -> Vec<u16> {
    let codes = lists.iter().flat_map(|l| l.iter());
    let mut numbers: Vec<u16> = codes.filter_map(|c| rules.register.by_code.find(c)).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

fn names<'r>(rules: &Rules<'r>, numbers: &[u16]) -> impl Iterator<Item = &'r str> {
    let register = rules.register;
    numbers.iter().map(|n| register.entry(*n).code.as_str()).collect::<Vec<_>>().into_iter()
}
