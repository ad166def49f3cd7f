//! Whether a banner covers what its portions roll up to (spec 1.10 item 1).

use std::collections::BTreeSet;
use std::fmt;

use super::banner::{PortionForRollup, RollupError, RollupOptions, roll_up};
use crate::marking::model::{Control, ControlSet, Level, Marking, System, Tree, cui, trees};
use crate::marking::releasability::audience;
use crate::marking::rules::Rules;

/// What a banner lacks compared with its portions. `Display` is the name used in output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shortfall {
    /// The level is lower.
    Level,
    /// An SCI system, compartment or sub-compartment is missing.
    Sci,
    /// A special access program is missing.
    Sap,
    /// An atomic energy marking is missing.
    Aea,
    /// A foreign source is missing, or a concealed one is revealed.
    Fgi,
    /// A dissemination control is missing.
    Dissem,
    /// A non-IC control is missing.
    NonIc,
    /// The release or display audience is wider.
    Audience,
}

impl fmt::Display for Shortfall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Level => "level",
            Self::Sci => "sci",
            Self::Sap => "sap",
            Self::Aea => "aea",
            Self::Fgi => "fgi",
            Self::Dissem => "dissem",
            Self::NonIc => "nonic",
            Self::Audience => "audience",
        })
    }
}

/// Checks that `banner` covers the roll-up of `portions`.
///
/// # Errors
///
/// Every shortfall, in the order of [`Shortfall`]. Portions without a common banner are covered by none: that is an
/// audience shortfall.
pub fn covers_portions(rules: &Rules<'_>, banner: &Marking, portions: &[Marking]) -> Result<(), Vec<Shortfall>> {
    let parts: Vec<PortionForRollup<'_>> = portions.iter().map(Into::into).collect();
    if banner.system == System::Cui || portions.iter().any(|p| p.system == System::Cui) {
        return covers_cui(rules, banner, portions);
    }
    let options = RollupOptions {
        joint: banner.system == System::Joint,
        analytic: false,
        // Compilation may raise the banner above its portions; it then loses the controls of unclassified banners only.
        level_at_least: Some(banner.level),
    };
    let rolled = match roll_up(rules, &parts, options) {
        Ok(rolled) => rolled,
        Err(RollupError::NoPortions | RollupError::Cui { .. } | RollupError::NoBanner(_)) => {
            return Err(vec![Shortfall::Audience]);
        }
    };
    let highest = portions.iter().map(|p| p.level).max();
    let mut short = shortfalls(rules, banner, &rolled);
    let foreign = matches!(banner.system, System::NonUs | System::Nato);
    let level = |l: Level| if foreign { l } else { l.in_us_banner() };
    if highest.is_some_and(|h| level(banner.level) < level(h)) {
        short.insert(0, Shortfall::Level);
    }
    if short.is_empty() { Ok(()) } else { Err(short) }
}

/// Checks that `banner` covers `rolled`, a marking that [`roll_up`] made. Levels are compared on the US scale.
///
/// # Errors
///
/// Every shortfall, in the order of [`Shortfall`].
pub fn covers(rules: &Rules<'_>, banner: &Marking, rolled: &Marking) -> Result<(), Vec<Shortfall>> {
    let mut short = shortfalls(rules, banner, rolled);
    if banner.level.in_us_banner() < rolled.level.in_us_banner() {
        short.insert(0, Shortfall::Level);
    }
    if short.is_empty() { Ok(()) } else { Err(short) }
}

fn shortfalls(rules: &Rules<'_>, banner: &Marking, rolled: &Marking) -> Vec<Shortfall> {
    let mut short = Vec::new();
    let mut judge = |fine: bool, what| {
        if !fine {
            short.push(what);
        }
    };
    judge(holds_trees(&banner.sci, &rolled.sci), Shortfall::Sci);
    judge(holds_trees(&banner.sap, &rolled.sap), Shortfall::Sap);
    judge(holds_aea(banner, rolled), Shortfall::Aea);
    judge(holds_sources(banner, rolled), Shortfall::Fgi);
    let dissem = ControlSet::DISSEM.without(ControlSet::FDR);
    let mut missing = rolled.controls.without(banner.controls);
    if banner.has(Control::Oc) {
        missing.remove(Control::OcUsgov);
    }
    judge(!missing.intersects(dissem), Shortfall::Dissem);
    for (covering, covered) in
        [(Control::Nd, Control::Xd), (Control::SbuNf, Control::Sbu), (Control::LesNf, Control::Les)]
    {
        if banner.has(covering) {
            missing.remove(covered);
        }
    }
    // The combined forms mean NOFORN and the control; a banner may also have the two separately.
    for (joined, plain) in [(Control::SbuNf, Control::Sbu), (Control::LesNf, Control::Les)] {
        if banner.has(plain) && banner.has(Control::Nf) {
            missing.remove(joined);
        }
    }
    judge(!missing.intersects(ControlSet::NONIC), Shortfall::NonIc);
    judge(is_no_wider(rules, banner, rolled), Shortfall::Audience);
    short
}

fn is_no_wider(rules: &Rules<'_>, banner: &Marking, rolled: &Marking) -> bool {
    let denied = |m: &Marking| m.has(Control::Nf) || m.controls.intersects(ControlSet::NONIC_NOFORN);
    // A banner without NOFORN over NOFORN portions leaves the decision to an official who must not have it.
    if denied(rolled) && !denied(banner) {
        return false;
    }
    audience::release(rules, banner).is_within(&audience::release(rules, rolled))
        && audience::display(rules, banner).is_within(&audience::display(rules, rolled))
}

fn holds_trees(banner: &str, rolled: &str) -> bool {
    if banner == rolled || rolled.is_empty() {
        return true;
    }
    trees(rolled).all(|wanted| trees(banner).any(|held| held.id == wanted.id && holds_compartments(&held, &wanted)))
}

fn holds_compartments(held: &Tree<'_>, wanted: &Tree<'_>) -> bool {
    wanted.compartments().all(|(id, subs)| {
        let held = held.compartments().find(|(other, _)| *other == id);
        held.is_some_and(|(_, held_subs)| {
            let held_subs: BTreeSet<&str> = held_subs.collect();
            subs.into_iter().all(|s| held_subs.contains(s))
        })
    })
}

fn holds_aea(banner: &Marking, rolled: &Marking) -> bool {
    let mut missing = rolled.controls.intersection(ControlSet::AEA).without(banner.controls);
    if banner.has(Control::Rd) {
        // Restricted data takes FRD, its SIGMA and TFNI in (ISM-ID-00072..00079).
        missing = missing.without(ControlSet::of(&[Control::Frd, Control::FrdSg, Control::Tfni]));
    }
    if banner.has(Control::Frd) {
        missing.remove(Control::Tfni);
    }
    missing.is_empty() && rolled.sigma & !banner.sigma == 0
}

fn holds_sources(banner: &Marking, rolled: &Marking) -> bool {
    if rolled.concealed {
        // Naming any source beside a concealed one would reveal what it is not, and may reveal what it is.
        return banner.concealed && banner.sources.is_empty();
    }
    if banner.concealed {
        return true;
    }
    let fold = |code: &str| if code.starts_with("NATO:") { "NATO".to_owned() } else { code.to_owned() };
    let held: BTreeSet<String> = banner.sources().chain(banner.owners.iter()).map(fold).collect();
    rolled.sources().all(|s| held.contains(&fold(s)))
}

/// CUI covers CUI of the same words, and unmarked unclassified text.
fn covers_cui(rules: &Rules<'_>, banner: &Marking, portions: &[Marking]) -> Result<(), Vec<Shortfall>> {
    let mut short = BTreeSet::new();
    for portion in portions {
        match (&banner.cui, &portion.cui) {
            (Some(held), Some(wanted)) => {
                if !wanted.categories.iter().all(|c| held.categories.contains(c)) {
                    short.insert(Shortfall::NonIc);
                }
                let lists = ControlSet::FDR;
                let needed =
                    |c: &&u8| !matches!(cui::LDC[usize::from(**c)].banner, "REL TO" | "DISPLAY ONLY" | "RELIDO");
                if !wanted.controls.iter().filter(needed).all(|c| held.controls.contains(c)) {
                    short.insert(Shortfall::Dissem);
                }
                let unlisted = !portion.controls.intersects(lists);
                if !is_no_wider(rules, banner, portion) || (unlisted && !banner.rel_to.is_empty()) {
                    short.insert(Shortfall::Audience);
                }
            }
            (Some(_), None) if portion.is_unclassified_uncontrolled() => {}
            _ => {
                short.insert(Shortfall::Level);
            }
        }
    }
    if short.is_empty() { Ok(()) } else { Err(short.into_iter().collect()) }
}
