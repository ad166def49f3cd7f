//! Displayed reasons of a decision, a cut and an inspection.

use crate::cut::CutRefusal;
use crate::gateway::views::exchange::ReasonView;
use crate::ident::PartnerId;
use crate::inspect::{self, Finding};
use crate::product::Product;
use crate::release::Reason;

/// The displayed form of reasons.
pub(in crate::gateway) fn reasons(reasons: &[Reason]) -> Vec<ReasonView> {
    reasons
        .iter()
        .map(|r| ReasonView {
            source: r.source.to_string(),
            code: r.code.clone(),
            sentence: r.sentence.clone(),
            permits: !r.against,
        })
        .collect()
}

/// Why there is no cut for `partner`, in displayed form: one reason for each refusal of each tearline.
pub(in crate::gateway::outbound) fn cut_reasons(refusal: &CutRefusal, partner: &PartnerId) -> Vec<ReasonView> {
    let reason = |code: &str, sentence: String| ReasonView {
        source: "markings".into(),
        code: code.into(),
        sentence,
        permits: false,
    };
    match refusal {
        CutRefusal::NothingReleasable { per_tearline } => per_tearline
            .iter()
            .flat_map(|t| t.reasons.iter().map(move |r| (t.index + 1, r)))
            .map(|(number, r)| {
                reason(&r.code, format!("tearline {number} is not releasable to `{partner}`: {}", r.sentence))
            })
            .collect(),
        CutRefusal::Product { .. } => vec![reason("product-refused", refusal.to_string())],
        CutRefusal::AttachmentType { .. } => vec![reason("attachment-type", refusal.to_string())],
        CutRefusal::Tearline { .. } | CutRefusal::NoSuchTearline { .. } => {
            vec![reason("tearline", refusal.to_string())]
        }
        CutRefusal::NotACut(_) => vec![reason("not-a-cut", refusal.to_string())],
    }
}

/// The queue in which files wait for a filter: one per originator.
pub(in crate::gateway::outbound) fn producer(product: &Product) -> String {
    format!("producer {}", product.originator())
}

/// Filter findings in a tearline, counted from the top, as reasons; none quotes content. Before a cut exists they
/// name lines of the product.
pub(in crate::gateway) fn inspection_reasons(
    refused: &inspect::Refused,
    tearline: usize,
    before: bool,
) -> Vec<ReasonView> {
    let number = tearline + 1;
    let sentence = |f: &Finding| match f.line {
        Some(line) if before => format!("tearline {number}: {} [{}] at line {line} of the product", f.message, f.code),
        _ => format!("tearline {number}: {f}"),
    };
    let reason = |f: &Finding| ReasonView {
        source: "inspection".into(),
        code: f.code.to_owned(),
        sentence: sentence(f),
        permits: false,
    };
    refused.findings.iter().map(reason).collect()
}
