//! Assembling the cut for a partner from the tearline it may have.

use std::collections::BTreeSet;

use super::Cut;
use super::read::{generated_title, placeholder};
use super::refusal::{CutRefusal, TearlineRefusal, reasons_of};
use super::select::{self, MarkedTearline, Selection};
use crate::marking::{AccessRefusal, LinkRights, Marking, Register, Rules, covers_portions, may_go};
use crate::partner::Agreement;
use crate::product::confusable::Tokens;
use crate::product::{Bounds, Head, Item, Parts, Product, Tearline};

/// What an agreement says about the form of a cut.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Terms {
    /// Media types an attachment may have.
    pub attachments: BTreeSet<String>,
}

impl From<&Agreement> for Terms {
    fn from(agreement: &Agreement) -> Terms {
        Terms { attachments: agreement.attachments.clone() }
    }
}

/// Selects the first tearline from the top, at or below `at_or_below`, that may go to the partner behind `link`, and
/// assembles the cut from it.
///
/// # Errors
/// [`CutRefusal`] with the reasons for every tearline.
pub fn cut_for(
    product: &Product,
    link: &LinkRights,
    terms: &Terms,
    at_or_below: usize,
    bounds: &Bounds,
    register: &Register,
) -> Result<Cut, CutRefusal> {
    assemble_selected(product, selection(product, link, at_or_below, register), link, terms, bounds, register)
}

/// Which tearline, counted from the top, [`cut_for`] would take; `None` where there is none. It follows from the marks
/// alone, so it is the same before and after a tearline is made ready to be cut.
pub fn tearline_for(product: &Product, link: &LinkRights, at_or_below: usize, register: &Register) -> Option<usize> {
    let selection = selection(product, link, at_or_below, register);
    selection.tearline.filter(|_| selection.refused.is_none())
}

/// The verdicts on the tearlines of `product` for the partner behind `link`, and the one selected.
pub(super) fn selection(product: &Product, link: &LinkRights, at_or_below: usize, register: &Register) -> Selection {
    let rules = Rules::new(register, product.as_of());
    select::select(&marked_tearlines(product), link, &rules, at_or_below)
}

/// Assembles the cut from the tearline that was selected.
///
/// # Errors
/// As for [`cut_for`].
pub(super) fn assemble_selected(
    product: &Product,
    selection: Selection,
    link: &LinkRights,
    terms: &Terms,
    bounds: &Bounds,
    register: &Register,
) -> Result<Cut, CutRefusal> {
    if let Some(refused) = selection.refused {
        return Err(CutRefusal::Product { reason: refused.to_string() });
    }
    let Some(index) = selection.tearline else {
        let per_tearline = selection.per_tearline.iter().zip(product.tearlines()).enumerate();
        let per_tearline =
            per_tearline.map(|(index, (verdict, t))| TearlineRefusal::of(index, verdict, t, link)).collect();
        return Err(CutRefusal::NothingReleasable { per_tearline });
    };
    assemble(product, index, link, terms, bounds, register)
}

/// Assembles the cut for the partner behind `link` from the tearline `index` of `product`, counted from the top. Asks
/// the marking engine again whether that tearline may go: whoever selected it is not trusted here.
///
/// # Errors
/// [`CutRefusal`] says why there is none.
pub fn assemble(
    product: &Product,
    index: usize,
    link: &LinkRights,
    terms: &Terms,
    bounds: &Bounds,
    register: &Register,
) -> Result<Cut, CutRefusal> {
    let count = product.tearlines().len();
    let tearline = product.tearlines().get(index).ok_or(CutRefusal::NoSuchTearline { index, count })?;
    let rules = Rules::new(register, product.as_of());
    let may_go = |(index, tearline): (usize, &Tearline)| permitted(tearline, link, &rules, index);
    may_go((index, tearline))?;
    let not_agreed = |tearline: &Tearline| {
        let mut attachments = tearline.attachments().iter();
        attachments.find(|a| !terms.attachments.contains(a.media_type())).map(|a| (a.media_type().into(), a.line()))
    };
    if let Some((media_type, line)) = not_agreed(tearline) {
        let mut beneath = product.tearlines().iter().enumerate().skip(index + 1);
        let lower = beneath.find(|(n, lower)| not_agreed(lower).is_none() && may_go((*n, lower)).is_ok());
        return Err(CutRefusal::AttachmentType { media_type, line, lower: lower.map(|(n, _)| n) });
    }
    let front = product.tearlines()[0].head();
    let above = product.tearlines()[..index].iter().flat_map(Tearline::protected).map(String::as_str);
    let protected = Tokens::of(above.chain([product.id().as_str()]));
    let keep = HeadFilter { own: index == 0, banner: tearline.banner(), protected, link, rules: &rules };
    let title = keep.one(&tearline.head().title, &front.title);
    let titled = title.is_some();
    let head = Head {
        title: Some(title.unwrap_or_else(|| untitled(&rules, tearline))),
        originator: keep.one(&tearline.head().originator, &front.originator),
        subjects: keep.list(&tearline.head().subjects, &front.subjects),
        contact: keep.one(&tearline.head().contact, &front.contact),
    };
    let built = Tearline {
        banner: tearline.banner().clone(),
        head,
        portions: tearline.portions().to_vec(),
        attachments: tearline.attachments().to_vec(),
        protected: Vec::new(),
        line: 0,
    };
    let parts = Parts {
        id: placeholder(),
        date: product.date(),
        kind: product.kind().clone(),
        originator: None,
        tearlines: Vec::new(),
    };
    let cut = Cut::made(&parts, &built, titled, index, bounds, register)?;
    // What was kept of the front block is now part of the whole, and the whole must still be allowed to go.
    permitted(cut.tearline(), link, &rules, index)?;
    Ok(cut)
}

fn permitted(tearline: &Tearline, link: &LinkRights, rules: &Rules<'_>, index: usize) -> Result<(), CutRefusal> {
    let marks: Vec<Marking> = tearline.marked().map(|(_, m)| m.clone()).collect();
    let because =
        |refusals: Vec<AccessRefusal>| CutRefusal::Tearline { index, reasons: reasons_of(&refusals, tearline, link) };
    may_go(tearline.banner(), &marks, link, rules).map(|_| ()).map_err(because)
}

/// Decides which items of a head go with a tearline.
struct HeadFilter<'a> {
    /// The tearline is the source version, whose head the front block is.
    own: bool,
    banner: &'a Marking,
    /// What may not stand below the tearlines above this one.
    protected: Tokens,
    link: &'a LinkRights,
    rules: &'a Rules<'a>,
}

impl HeadFilter<'_> {
    /// The tearline's own item; failing that the front block's, if that may go by itself.
    fn one(&self, own: &Option<Item>, front: &Option<Item>) -> Option<Item> {
        own.clone().or_else(|| front.clone().filter(|item| self.may_keep(item)))
    }

    /// The tearline's own items; failing any, those of the front block that may go by themselves.
    fn list(&self, own: &[Item], front: &[Item]) -> Vec<Item> {
        if own.is_empty() { front.iter().filter(|i| self.may_keep(i)).cloned().collect() } else { own.to_vec() }
    }

    /// An item of the front block belongs to the source version. It goes with a lower tearline only if its own mark
    /// releases it to this partner, the tearline's banner covers it, and it holds nothing that is protected above.
    fn may_keep(&self, item: &Item) -> bool {
        let alone = std::slice::from_ref(&item.marking);
        self.own
            || may_go(&item.marking, alone, self.link, self.rules).is_ok()
                && covers_portions(self.rules, self.banner, alone).is_ok()
                && !self.protected.stand_in(&item.text)
    }
}

/// The title of a cut for which the product has none that may go: unclassified, because it says only that there is a
/// product.
fn untitled(rules: &Rules<'_>, tearline: &Tearline) -> Item {
    // INVARIANT: `(U)` is a valid mark under every register.
    let marking = rules.parse_portion("(U)", Some(tearline.banner())).expect("`(U)` is a mark");
    Item { marking, text: generated_title(placeholder().as_str()), line: 0 }
}

/// The marks of a product as the marking engine judges them: everything beneath a banner is a portion of it, and the
/// front block stands beneath the first.
pub fn marked_tearlines(product: &Product) -> Vec<MarkedTearline> {
    let portions = |t: &Tearline| t.marked().map(|(_, m)| m.clone()).collect();
    product.tearlines().iter().map(|t| MarkedTearline { banner: t.banner().clone(), portions: portions(t) }).collect()
}
