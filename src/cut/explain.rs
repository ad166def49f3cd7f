//! Explains why a partner gets its cut: the verdict on each tearline. For this node's officers only.

use serde::Serialize;

use super::Cut;
use super::assemble::{Terms, assemble_selected, selection};
use super::reason::Reason;
use super::refusal::{CutRefusal, reasons_of};
use super::select::{ProductRefused, Selection, Verdict};
use crate::marking::{PartnerRights, Register};
use crate::product::{Bounds, Product, Tearline};

/// The verdict on every tearline of a product for one partner, and the resulting cut.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The verdicts, one for each tearline from the top.
    pub tearlines: Vec<TearlineVerdict>,
    /// The cut that the partner would get, or why it would get none.
    pub cut: Result<Cut, CutRefusal>,
}

/// The verdict on one tearline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TearlineVerdict {
    /// The index of the tearline, from zero at the top.
    pub index: usize,
    /// Its banner.
    pub banner: String,
    /// What is done with the tearline.
    pub fate: Fate,
    /// Every reason against it; empty if it was selected or not examined.
    pub reasons: Vec<Reason>,
}

/// What is done with a tearline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It is selected.
    Goes,
    /// It is not releasable.
    Refused,
    /// It is above the tearline that was requested.
    PassedOver,
    /// A higher tearline is selected, so this one was not examined.
    NotAsked,
}

/// Explains the verdict on each tearline of `product` for the partner of `link`. The arguments are those of [`cut_for`](super::cut_for).
pub fn explain(
    product: &Product,
    link: &PartnerRights,
    terms: &Terms,
    at_or_below: usize,
    bounds: &Bounds,
    register: &Register,
) -> Explanation {
    let selection = selection(product, link, at_or_below, register);
    let tearlines = product.tearlines().iter().enumerate();
    let mut tearlines: Vec<_> = tearlines.map(|(index, tearline)| verdict(index, tearline, &selection, link)).collect();
    let cut = assemble_selected(product, selection, link, terms, bounds, register);
    // The markings may permit a tearline that the agreement's terms do not.
    if let Err(refusal) = &cut {
        for tearline in tearlines.iter_mut().filter(|t| t.fate == Fate::Goes) {
            tearline.fate = Fate::Refused;
            tearline.reasons = vec![Reason { code: "TERMS".into(), sentence: refusal.to_string() }];
        }
    }
    Explanation { tearlines, cut }
}

/// The verdict on one tearline that follows from the selection.
fn verdict(index: usize, tearline: &Tearline, selection: &Selection, link: &PartnerRights) -> TearlineVerdict {
    let (fate, reasons) = match selection.per_tearline.get(index) {
        Some(Verdict::Releasable(_)) => (Fate::Goes, Vec::new()),
        Some(Verdict::Refused(refusals)) => (Fate::Refused, reasons_of(refusals, tearline, link)),
        Some(Verdict::PassedOver) => (Fate::PassedOver, Vec::new()),
        None if selection.refused.is_some() => {
            let whole = |refused: &ProductRefused| Reason {
                code: refused.to_string(),
                sentence: "the product is not valid as a whole".into(),
            };
            (Fate::Refused, selection.refused.iter().map(whole).collect())
        }
        None => (Fate::NotAsked, Vec::new()),
    };
    TearlineVerdict { index, banner: tearline.banner().banner(), fate, reasons }
}
