//! A dry run of the filters over each tearline of a product, for every recipient its marks release it to. No partner is
//! needed.

use std::collections::BTreeSet;

use super::filter_name::FilterName;
use super::finding::{Finding, Refused};
use super::pipeline::outbound;
use super::prepare::{Prepared, prepare};
use super::settings::Settings;
use super::subject::Source;
use crate::cut::{self, Cut, CutRefusal, Terms};
use crate::marking::{AccessCheck, Level, Marking, PartnerKind, PartnerRights, Register, Rules, may_release};
use crate::product::{Contents, Product, Tearline};

/// A tearline that the filters would refuse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TearlineRefusal {
    /// Index of the tearline, counted from 0 at the top.
    pub tearline: usize,
    /// The recipient it would be refused for, as named in a release list; `None` if no cut could be made for any
    /// recipient.
    pub to: Option<String>,
    /// Whether the findings name lines of the product, because preparation failed before there was a cut.
    pub before_the_cut: bool,
    /// The findings.
    pub refused: Refused,
}

/// Inspects those tearlines of `product` whose index `wanted` accepts, each as it would be cut for every recipient that
/// its marks release it to, with every condition of a release met. A tearline that is released to no recipient is
/// skipped.
///
/// Returns the refusals, at most one for each distinct list of findings of a tearline; empty if every tearline would
/// pass.
pub fn tearlines(
    product: &Product,
    contents: &dyn Contents,
    settings: &Settings,
    register: &Register,
    wanted: &dyn Fn(usize) -> bool,
) -> Vec<TearlineRefusal> {
    let mut all = Vec::new();
    for (index, tearline) in product.tearlines().iter().enumerate().filter(|(index, _)| wanted(*index)) {
        let links = links(product, tearline, register);
        if !links.is_empty() {
            all.extend(not_passed(product, index, &links, contents, settings, register));
        }
    }
    all
}

/// Returns one link for each recipient that a tearline is released to.
fn links(product: &Product, tearline: &Tearline, register: &Register) -> Vec<PartnerRights> {
    let rules = Rules::new(register, product.as_of());
    let marks: Vec<Marking> = tearline.marked().map(|(_, m)| m.clone()).collect();
    let met: Vec<String> =
        AccessCheck::new(&rules, tearline.banner(), &marks).conditions().iter().map(ToString::to_string).collect();
    let audience = rules.release_audience(tearline.banner());
    let countries = audience.countries.iter().map(|code| (code, PartnerKind::Country));
    let organisations = audience.organisations.iter().map(|code| (code, PartnerKind::Organisation));
    let link = |(code, kind): (&crate::marking::Code, _)| {
        PartnerRights::new(code.as_str(), kind, Level::TopSecret, met.iter().cloned())
    };
    let released = |link: &PartnerRights| may_release(tearline.banner(), &marks, link, &rules).is_ok();
    countries.chain(organisations).map(link).filter(released).collect()
}

fn not_passed(
    product: &Product,
    index: usize,
    links: &[PartnerRights],
    contents: &dyn Contents,
    settings: &Settings,
    register: &Register,
) -> Vec<TearlineRefusal> {
    let refused = |to: Option<&PartnerRights>, before_the_cut, refused| TearlineRefusal {
        tearline: index,
        to: to.map(|link| link.id.clone()),
        before_the_cut,
        refused,
    };
    let prepared = match prepare(product, index, settings) {
        Ok(prepared) => prepared,
        Err(why) => return vec![refused(None, true, why)],
    };
    let types = prepared.product.tearlines().iter().flat_map(Tearline::attachments);
    let terms = Terms { attachments: types.map(|a| a.media_type().to_owned()).collect() };
    let (mut seen, mut all): (BTreeSet<_>, Vec<TearlineRefusal>) = (BTreeSet::new(), Vec::new());
    for link in links {
        let cut = match cut::assemble(&prepared.product, index, link, &terms, &settings.bounds, register) {
            Ok(cut) => cut,
            // With the front-block items that would be kept, the tearline is not releasable to this recipient.
            Err(CutRefusal::Tearline { .. }) => continue,
            Err(why) => {
                all.push(refused(Some(link), false, no_cut(&why)));
                continue;
            }
        };
        // Most recipients get the same cut, with the same parts withheld: it is inspected once.
        if !seen.insert((cut.digest(), withheld(&prepared, &cut, link, register))) {
            continue;
        }
        let source = Source { product: &prepared.product, tearline: index, register, link };
        if let Err(why) = outbound(&cut, source, contents, settings)
            && !all.iter().any(|other| other.refused.findings == why.findings)
        {
            all.push(refused(Some(link), false, why));
        }
    }
    all
}

/// Returns, for each marked part of the product, whether it is withheld from the recipient of this cut.
fn withheld(prepared: &Prepared, cut: &Cut, link: &PartnerRights, register: &Register) -> Vec<bool> {
    let rules = Rules::new(register, prepared.product.as_of());
    let is_withheld = |mark: &Marking| may_release(cut.marking(), std::slice::from_ref(mark), link, &rules).is_err();
    prepared.product.tearlines().iter().flat_map(Tearline::marked).map(|(_, mark)| is_withheld(mark)).collect()
}

fn no_cut(why: &CutRefusal) -> Refused {
    let finding =
        Finding { filter: FilterName::Structure, code: "structure.cut", line: None, message: why.to_string() };
    Refused { findings: vec![finding], attestations: Vec::new() }
}
