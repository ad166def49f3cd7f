//! Assembles the cut for a partner from the tearline selected for it.

use std::collections::BTreeSet;

use super::Cut;
use super::read::{generated_title, placeholder};
use super::refusal::{CutRefusal, TearlineRefusal, reasons_of};
use super::select::{self, MarkedTearline, Selection};
use crate::marking::{AccessRefusal, Marking, PartnerRights, Register, Rules, covers_portions, may_release};
use crate::partner::Agreement;
use crate::product::confusable::Tokens;
use crate::product::{Bounds, Head, Item, Parts, Product, Tearline};

/// The terms of an agreement about the form of a cut.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Terms {
    /// The media types that attachments may have.
    pub attachments: BTreeSet<String>,
}

impl From<&Agreement> for Terms {
    fn from(agreement: &Agreement) -> Terms {
        Terms { attachments: agreement.attachments.clone() }
    }
}

/// Selects the first tearline from the top, at or below `at_or_below` (counted from zero), that is releasable to the partner of
/// `link`, and assembles the cut from it.
///
/// # Errors
/// [`CutRefusal`] with the reasons for every tearline.
pub fn cut_for(
    product: &Product,
    link: &PartnerRights,
    terms: &Terms,
    at_or_below: usize,
    bounds: &Bounds,
    register: &Register,
) -> Result<Cut, CutRefusal> {
    assemble_selected(product, selection(product, link, at_or_below, register), link, terms, bounds, register)
}

/// The index of the tearline, from zero at the top, that [`cut_for`] would select; `None` if there is none. It depends on the markings
/// only, so it is the same before and after a tearline is prepared.
pub fn tearline_for(product: &Product, link: &PartnerRights, at_or_below: usize, register: &Register) -> Option<usize> {
    let selection = selection(product, link, at_or_below, register);
    selection.tearline.filter(|_| selection.refused.is_none())
}

/// The verdicts on the tearlines of `product` for the partner of `link`, and the one selected.
pub(super) fn selection(product: &Product, link: &PartnerRights, at_or_below: usize, register: &Register) -> Selection {
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
    link: &PartnerRights,
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

/// Assembles the cut for the partner of `link` from the tearline `index` of `product`, counted from zero at the top. The marking engine
/// checks again that the tearline is releasable, independent of how it was selected.
///
/// # Errors
/// [`CutRefusal`] says why there is no cut.
pub fn assemble(
    product: &Product,
    index: usize,
    link: &PartnerRights,
    terms: &Terms,
    bounds: &Bounds,
    register: &Register,
) -> Result<Cut, CutRefusal> {
    let count = product.tearlines().len();
    let tearline = product.tearlines().get(index).ok_or(CutRefusal::NoSuchTearline { index, count })?;
    let rules = Rules::new(register, product.as_of());
    let may_release = |(index, tearline): (usize, &Tearline)| permitted(tearline, link, &rules, index);
    may_release((index, tearline))?;
    let not_agreed = |tearline: &Tearline| {
        let mut attachments = tearline.attachments().iter();
        attachments.find(|a| !terms.attachments.contains(a.media_type())).map(|a| (a.media_type().into(), a.line()))
    };
    if let Some((media_type, line)) = not_agreed(tearline) {
        let mut beneath = product.tearlines().iter().enumerate().skip(index + 1);
        let lower = beneath.find(|(n, lower)| not_agreed(lower).is_none() && may_release((*n, lower)).is_ok());
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
    // Items of the front block are now part of the cut, and the whole cut must still be releasable.
    permitted(cut.tearline(), link, &rules, index)?;
    Ok(cut)
}

fn permitted(tearline: &Tearline, link: &PartnerRights, rules: &Rules<'_>, index: usize) -> Result<(), CutRefusal> {
    let marks: Vec<Marking> = tearline.marked().map(|(_, m)| m.clone()).collect();
    let because =
        |refusals: Vec<AccessRefusal>| CutRefusal::Tearline { index, reasons: reasons_of(&refusals, tearline, link) };
    may_release(tearline.banner(), &marks, link, rules).map(|_| ()).map_err(because)
}

/// Decides which items of the front block are included with a tearline.
struct HeadFilter<'a> {
    /// Whether the tearline is the source version, whose head is the front block.
    own: bool,
    banner: &'a Marking,
    /// Words that the tearlines above protect and that must not appear in this one.
    protected: Tokens,
    link: &'a PartnerRights,
    rules: &'a Rules<'a>,
}

impl HeadFilter<'_> {
    /// The tearline's own item; otherwise that of the front block, if it is releasable by itself.
    fn one(&self, own: &Option<Item>, front: &Option<Item>) -> Option<Item> {
        own.clone().or_else(|| front.clone().filter(|item| self.may_keep(item)))
    }

    /// The tearline's own items; if it has none, those of the front block that are releasable by themselves.
    fn list(&self, own: &[Item], front: &[Item]) -> Vec<Item> {
        if own.is_empty() { front.iter().filter(|i| self.may_keep(i)).cloned().collect() } else { own.to_vec() }
    }

    /// Whether an item of the front block, which belongs to the source version, may be included with a lower tearline: its own mark
    /// releases it to this partner, the tearline's banner covers it, and it contains nothing that a tearline above protects.
    fn may_keep(&self, item: &Item) -> bool {
        let alone = std::slice::from_ref(&item.marking);
        self.own
            || may_release(&item.marking, alone, self.link, self.rules).is_ok()
                && covers_portions(self.rules, self.banner, alone).is_ok()
                && !self.protected.stand_in(&item.text)
    }
}

/// The generated title of a cut for which no title of the product is releasable. It is unclassified, because it reveals only that
/// there is a product.
fn untitled(rules: &Rules<'_>, tearline: &Tearline) -> Item {
    // INVARIANT: `(U)` is a valid mark under every register.
    let marking = rules.parse_portion("(U)", Some(tearline.banner())).expect("`(U)` is a mark");
    Item { marking, text: generated_title(placeholder().as_str()), line: 0 }
}

/// The markings of a product as input of the marking engine: everything below a banner is a portion of it, and the front block belongs
/// to the first.
pub fn marked_tearlines(product: &Product) -> Vec<MarkedTearline> {
    let portions = |t: &Tearline| t.marked().map(|(_, m)| m.clone()).collect();
    product.tearlines().iter().map(|t| MarkedTearline { banner: t.banner().clone(), portions: portions(t) }).collect()
}
