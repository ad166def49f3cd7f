//! Assembling the cut for a partner from the tearline it may have.

use std::collections::BTreeSet;

use super::Cut;
use super::read::{NotACut, generated_title, placeholder};
use super::refusal::{Places, Reason, refused};
use super::select::{self, MarkedTearline, Verdict};
use crate::marking::{AccessRefusal, LinkRights, Marking, Register, Rules, covers_portions, may_go};
use crate::partner::Agreement;
use crate::product::disguise::Tokens;
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

/// Why one tearline may not go to the partner: every reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TearlineRefusal {
    /// Which tearline, counted from the top.
    pub index: usize,
    /// Each reason.
    pub reasons: Vec<Reason>,
}

/// Why there is no cut for a partner. For our own side only: a partner learns nothing of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CutRefusal {
    /// The product as a whole is refused, whatever the partner.
    #[error("product is refused as a whole: {reason}")]
    Product {
        /// What is wrong with it, as the marking engine names it.
        reason: String,
    },
    /// No tearline may go to the partner.
    #[error("no tearline may go to this partner: {}", reasons(per_tearline))]
    NothingReleasable {
        /// The reasons, for each tearline from the top.
        per_tearline: Vec<TearlineRefusal>,
    },
    /// The tearline asked for is not there, or lies above the ones that may go.
    #[error("tearline {index} may not go to this partner: {}", codes(reasons))]
    Tearline {
        /// Which tearline, counted from the top.
        index: usize,
        /// Each reason.
        reasons: Vec<Reason>,
    },
    /// The product has no such tearline.
    #[error("product has {count} tearlines: there is no tearline {index} counted from zero")]
    NoSuchTearline {
        /// The one that was asked for.
        index: usize,
        /// How many there are.
        count: usize,
    },
    /// The tearline has an attachment of a type that the agreement does not name. It is not left out: a tearline goes
    /// whole or not at all.
    #[error(
        "attachment on line {line} has the media type `{media_type}`, which the agreement does not name: remove it from the tearline, or amend the agreement{}",
        or_lower(*.lower)
    )]
    AttachmentType {
        /// The declared media type.
        media_type: String,
        /// The line of the source on which it begins.
        line: usize,
        /// The first tearline beneath it that may go, counted from zero.
        lower: Option<usize>,
    },
    /// What was assembled does not read back as a cut. This is a fault of the gateway, and nothing goes.
    #[error("assembled cut does not read back: {0}")]
    NotACut(#[from] NotACut),
}

fn or_lower(lower: Option<usize>) -> String {
    lower.map_or_else(String::new, |index| {
        let number = index + 1;
        format!("; tearline {number} may go: to send it instead, submit with `--tearline {number}`")
    })
}

fn reasons(per_tearline: &[TearlineRefusal]) -> String {
    let one = |t: &TearlineRefusal| format!("tearline {}: {}", t.index, codes(&t.reasons));
    per_tearline.iter().map(one).collect::<Vec<_>>().join("; ")
}

fn codes(reasons: &[Reason]) -> String {
    reasons.iter().map(|reason| reason.code.as_str()).collect::<Vec<_>>().join(", ")
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
    let rules = Rules::new(register, product.as_of());
    let selection = select::select(&marked_tearlines(product), link, &rules, at_or_below);
    if let Some(refused) = selection.refused {
        return Err(CutRefusal::Product { reason: refused.to_string() });
    }
    let Some(index) = selection.tearline else {
        let per_tearline = selection.per_tearline.iter().zip(product.tearlines()).enumerate();
        let per_tearline = per_tearline.map(|(index, (verdict, tearline))| refusal(index, verdict, tearline)).collect();
        return Err(CutRefusal::NothingReleasable { per_tearline });
    };
    assemble(product, index, link, terms, bounds, register)
}

/// Which tearline, counted from the top, [`cut_for`] would take; `None` where there is none. It follows from the marks
/// alone, so it is the same before and after a tearline is made ready to be cut.
pub fn tearline_for(product: &Product, link: &LinkRights, at_or_below: usize, register: &Register) -> Option<usize> {
    let rules = Rules::new(register, product.as_of());
    let selection = select::select(&marked_tearlines(product), link, &rules, at_or_below);
    selection.tearline.filter(|_| selection.refused.is_none())
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
    let keep = Keep { own: index == 0, banner: tearline.banner(), protected, link, rules: &rules };
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
    let because = |refusals: Vec<AccessRefusal>| {
        let places = Places::of(tearline);
        CutRefusal::Tearline { index, reasons: refusals.iter().map(|refusal| refused(refusal, &places)).collect() }
    };
    may_go(tearline.banner(), &marks, link, rules).map(|_| ()).map_err(because)
}

fn refusal(index: usize, verdict: &Verdict, tearline: &Tearline) -> TearlineRefusal {
    let reasons = match verdict {
        Verdict::Refused(refusals) => {
            let places = Places::of(tearline);
            refusals.iter().map(|refusal| refused(refusal, &places)).collect()
        }
        other => vec![Reason { code: other.to_string(), sentence: "a lower tearline was asked for".into() }],
    };
    TearlineRefusal { index, reasons }
}

/// Decides which items of a head go with a tearline.
struct Keep<'a> {
    /// The tearline is the source version, whose head the front block is.
    own: bool,
    banner: &'a Marking,
    /// What may not stand below the tearlines above this one.
    protected: Tokens,
    link: &'a LinkRights,
    rules: &'a Rules<'a>,
}

impl Keep<'_> {
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
