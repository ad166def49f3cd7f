//! Checks of a product as a whole: banners cover their portions, levels never rise and audiences never shrink going down,
//! and protected tokens stay out of lower tearlines.

use std::collections::BTreeMap;

use crate::marking::{Audience, Rules, Shortfall, covers_portions};
use crate::product::bounds::Bounds;
use crate::product::confusable::Tokens;
use crate::product::fault::{FaultCode, Faults};
use crate::product::model::{ProductId, Tearline};

/// Checks tearlines all of whose parts read without a fault (spec 1.10, item 1).
pub(in crate::product) fn whole(
    id: &ProductId,
    tearlines: &[Tearline],
    bounds: &Bounds,
    rules: &Rules<'_>,
    faults: &mut Faults,
) {
    for tearline in tearlines {
        cover(tearline, rules, faults);
    }
    for pair in tearlines.windows(2) {
        ladder(&pair[0], &pair[1], rules, faults);
    }
    protected(id, tearlines, faults);
    detached(tearlines, bounds, faults);
}

/// What is kept beside the text, together: several tearlines may name the same bytes, which are kept once.
fn detached(tearlines: &[Tearline], bounds: &Bounds, faults: &mut Faults) {
    let mut seen = BTreeMap::new();
    let mut total = 0u64;
    for attachment in tearlines.iter().flat_map(|t| &t.attachments).filter(|a| a.is_detached()) {
        match seen.insert(attachment.digest(), attachment.size()) {
            None => total = total.saturating_add(attachment.size()),
            Some(size) if size == attachment.size() => {}
            Some(size) => faults.at(
                FaultCode::AttachmentBody,
                attachment.line,
                0..0,
                format!("the same SHA-256 stands above with {size} bytes, and here with {}", attachment.size()),
                "state the length of the attached bytes",
            ),
        }
    }
    if total > bounds.detached_total_max {
        let line = tearlines.first().map_or(1, |t| t.line);
        let max = bounds.detached_total_max;
        faults.at(
            FaultCode::Bounds,
            line,
            0..0,
            format!("attachments beside the text of {total} bytes in total; the limit is {max}"),
            "split the product, or ask the operator to raise `attachments_total_bytes`",
        );
    }
}

fn cover(tearline: &Tearline, rules: &Rules<'_>, faults: &mut Faults) {
    let marks: Vec<_> = tearline.marked().map(|(_, m)| m.clone()).collect();
    let short = if marks.is_empty() {
        Vec::new()
    } else {
        covers_portions(rules, &tearline.banner, &marks).err().unwrap_or_default()
    };
    for shortfall in short {
        let at = 0..tearline.banner.banner().len();
        faults.at(
            FaultCode::Cover,
            tearline.line,
            at,
            format!("the banner does not cover the portions beneath it: {}", lacking(shortfall)),
            "raise the banner, or take the portion out of this tearline",
        );
    }
}

/// What a banner lacks, for a message.
fn lacking(shortfall: Shortfall) -> &'static str {
    match shortfall {
        Shortfall::Level => "one of them has a higher level",
        Shortfall::Sci => "one of them has an SCI compartment that it lacks",
        Shortfall::Sap => "one of them has a special access program that it lacks",
        Shortfall::Aea => "one of them has atomic energy information that it does not state",
        Shortfall::Fgi => "one of them has foreign government information that it does not state",
        Shortfall::Dissem => "one of them has a dissemination control that it lacks",
        Shortfall::NonIc => "one of them has a control of another agency, or a category of CUI, that it lacks",
        Shortfall::Audience => "it allows a recipient that one of them does not",
    }
}

fn ladder(above: &Tearline, below: &Tearline, rules: &Rules<'_>, faults: &mut Faults) {
    let at = 0..below.banner.banner().len();
    if below.banner.level() > above.banner.level() {
        faults.at(
            FaultCode::Ladder,
            below.line,
            at.clone(),
            format!(
                "this tearline is {}, higher than the {} of the tearline above",
                below.banner.level(),
                above.banner.level()
            ),
            "order the tearlines from the most restricted to the widest",
        );
    }
    let (wide, narrow) = (rules.release_audience(&below.banner), rules.release_audience(&above.banner));
    if !rules.reaches_no_further(&above.banner, &below.banner) {
        let lost = missing(&narrow, &wide);
        faults.at(
            FaultCode::Ladder,
            below.line,
            at,
            format!("the tearline above is releasable to {}, and this one is not", lost.join(", ")),
            "order the tearlines from the most restricted to the widest, or widen this one's REL TO",
        );
    }
}

/// Codes that `of` releases to and `to` does not.
fn missing(of: &Audience, to: &Audience) -> Vec<String> {
    let countries = of.countries.difference(&to.countries);
    let organisations = of.unresolved.difference(&to.unresolved);
    countries.chain(organisations).map(ToString::to_string).collect()
}

fn protected(id: &ProductId, tearlines: &[Tearline], faults: &mut Faults) {
    let mut declared = vec![id.as_str()];
    for (above, below) in tearlines.iter().zip(tearlines.iter().skip(1)) {
        declared.extend(above.protected.iter().map(String::as_str));
        let tokens = Tokens::of(declared.iter().copied());
        let heads = below.head.items().map(|(_, item)| (item.line, item.text.as_str()));
        let portions = below.portions.iter().map(|p| (p.line, p.text.as_str()));
        let names = below.attachments.iter().map(|a| (a.line, a.name.as_str()));
        // What is kept beside the text is not here to be read: inspection looks into it, in every cut.
        let bodies = below.attachments.iter().filter_map(|a| Some((a.line, std::str::from_utf8(a.inline()?).ok()?)));
        for (line, text) in heads.chain(portions).chain(names).chain(bodies) {
            if tokens.stand_in(text) {
                faults.at(
                    FaultCode::Protected,
                    line,
                    0..0,
                    "a protected token, or the product's own id, stands in this part of a lower tearline",
                    "reword it, or take the token out of `Protected` if it may pass",
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::marking::Register;
    use crate::product::Product;

    #[test]
    fn a_token_stays_protected_in_every_tearline_below() {
        let line = "-".repeat(24);
        let product = |second: &str, third: &str| {
            let text = format!(
                "PORTCULLIS PRODUCT 1\nId: EXERCISE-1\nTitle: (U) EXERCISE\nOriginator: (U) EXERCISE\nDate: 2026-11-20\n\
                 Kind: report\nProtected: COPPER FINCH\n\nSECRET//NOFORN\n\n(S//NF) Copper Finch flew.\n\n{line}\n\n\
                 SECRET//REL TO USA, GBR\nProtected: GREY HERON\n\n(S//REL) {second}\n\n{line}\n\n\
                 SECRET//REL TO USA, FVEY\n\n(S//REL) {third}\n"
            );
            let read = Product::read(text.as_bytes(), &Bounds::default(), Register::compiled_in());
            read.err().unwrap_or_default().iter().map(|fault| fault.code.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(product("A grey heron flew.", "A bird flew."), [""; 0]);
        for (second, third) in [
            ("A bird.", "The copper finch flew."),
            ("A bird.", "A grey heron flew."),
            ("The copper finch flew.", "A bird."),
            ("See exercise 1.", "A bird."),
        ] {
            assert_eq!(product(second, third), ["P-PROTECTED"], "{second} {third}");
        }
    }
}
