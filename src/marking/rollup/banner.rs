//! Rolling portions up to their banner (spec 1.8, M16 D.2 Table 3), always from portions and never from banners.
//!
//! The result is printed and parsed again under the same rules: roll-up never returns a mark that the parser would refuse.

use crate::marking::diagnostic::Rejected;
use crate::marking::model::{CodeList, Control, ControlSet, Level, Marking, System};
use crate::marking::order::{ordered, union_trees};
use crate::marking::releasability::audience::DisclosureState;
use crate::marking::rollup::expansion::{RollupExpansion, common, names, numbers};
use crate::marking::rules::{Rules, UnclassifiedPolicy};

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
    /// No portion takes part in roll-up.
    #[error("no portion takes part in roll-up; mark at least one portion that is not excluded")]
    NoPortions,
    /// CUI does not roll up into an intelligence banner (ISM-ID-00478).
    #[error("portion {portion} is a CUI mark; CUI has no place in an intelligence banner")]
    Cui {
        /// Its index, from 0.
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
/// [`RollupError`]: no portion takes part, one is CUI, or the result is not a valid mark.
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
    // INVARIANT: printing and reading are inverse for what was assembled; a difference is a defect, and is refused.
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
    out.controls = all.iter().filter(|control| rolls_up_unconditionally(*control)).collect();
    add_aea(&mut out, all, parts, classified);
    add_sources(rules, &mut out, parts);
    if system == System::Joint {
        let joint = || parts.iter().filter(|m| m.system == System::Joint);
        out.owners = ordered(rules, joint().flat_map(|m| m.owners.iter()));
    }

    if all.has(Control::Oc) {
        out.controls.insert(Control::Oc);
    } else if all.has(Control::OcUsgov) {
        out.controls.insert(Control::OcUsgov);
    }
    add_nonic(&mut out, all, classified);
    add_disclosure(rules, &mut out, all, parts, options);
    let others = ControlSet::DISSEM.without(ControlSet::FDR).union(ControlSet::AEA).union(ControlSet::NONIC);
    if all.has(Control::Fouo) && !classified && !out.controls.intersects(others) {
        out.controls.insert(Control::Fouo);
    }
    out
}

/// Whether a banner has `control` whenever one of its portions has it (spec 1.8). For every other control, the function named
/// here decides from the portions as a whole.
///
/// The match has no wildcard, so a new control does not compile until its roll-up is decided.
const fn rolls_up_unconditionally(control: Control) -> bool {
    match control {
        Control::Rs | Control::Imc | Control::Pr | Control::Dsen | Control::Rawfisa | Control::Fisa => true,
        Control::Atomal | Control::Balk | Control::Bohemia => true,
        // `assemble`
        Control::Fouo | Control::Oc | Control::OcUsgov => false,
        // `add_disclosure`
        Control::Nf | Control::Rel | Control::Relido | Control::Eyes | Control::DisplayOnly => false,
        // `add_nonic`
        Control::Ds | Control::Xd | Control::Nd | Control::Sbu | Control::SbuNf => false,
        Control::Les | Control::LesNf | Control::Ssi => false,
        // `add_aea`
        Control::Rd | Control::RdCnwdi | Control::RdSg | Control::Frd | Control::FrdSg => false,
        Control::Dcni | Control::Ucni | Control::Tfni => false,
    }
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
            // An FGI list has no word for a NATO activity, so its information counts as NATO's there.
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

/// The disclosure markings that the portions together allow.
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
    if out.controls.has(Control::Pr) && !out.controls.intersects(ControlSet::FDR) {
        deny(out);
    }
    // An unclassified banner keeps SBU NOFORN or LES NOFORN as its only FD&R; next to another, each is split into the control and NOFORN.
    if out.controls.intersects(ControlSet::NONIC_NOFORN) {
        let another = all.intersects(ControlSet::FDR)
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
    let explicit = |m: &Marking| m.controls.intersects(ControlSet::FDR.union(ControlSet::NONIC_NOFORN));
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
