//! The text of a request that an officer reviews before signing.

use std::fmt::Write as _;

use crate::cli::output::{grouped, shown, shown_lines};
use crate::cli::request::write_out::told_pages;
use crate::gateway::{AttachmentShown, CutReview, ExportedRequest, RequestReview};

/// Appends a request as officers review it, with its source if `source`.
pub(in crate::cli) fn tell_review(text: &mut String, review: &RequestReview, source: bool) {
    let _ = writeln!(text, "request {}", review.request);
    let supersedes = review.terms.supersedes.map(|id| id.to_string()).unwrap_or_default();
    for (name, value) in [
        ("submitted by", &review.terms.submitter.to_string()),
        ("originator", &review.terms.originator),
        ("purpose", &review.terms.purpose),
        ("legal basis", &review.terms.legal_basis),
        ("policy basis", &review.terms.policy_basis),
        ("precedence", &review.terms.precedence.to_string()),
        ("replaces", &supersedes),
        ("expires", &review.terms.expires.to_string()),
    ] {
        if !value.is_empty() {
            let _ = writeln!(text, "  {name:<13} {}", shown(value));
        }
    }
    for (name, said) in review.terms.aims().lines() {
        let _ = writeln!(text, "  {name:<13} {}", shown(&said));
    }
    for cut in review.cuts.iter().filter(|cut| !cut.effort.is_empty()) {
        let _ = writeln!(text, "  {:<13} {}: {}", "category", cut.partner, shown(&cut.effort));
    }
    for cut in &review.cuts {
        tell_cut(text, cut);
        if source {
            let _ = writeln!(text, "── the source, with what is withheld: for our own side only ──");
            let _ = writeln!(text, "{}", shown_lines(&cut.source));
        }
        let against: Vec<_> = cut.forecast.iter().filter(|r| !r.permits).collect();
        if !against.is_empty() {
            let _ = writeln!(text, "── what prevents the release ──");
        }
        for reason in against {
            let _ = writeln!(text, "  {} [{}]", shown(&reason.sentence), reason.code);
        }
    }
}

fn tell_cut(text: &mut String, cut: &CutReview) {
    let _ = writeln!(
        text,
        "\n── exactly what {} would get ({}, {} bytes, sha256 {}) ──",
        cut.partner,
        shown(&cut.marking),
        cut.bytes,
        cut.digest
    );
    let _ = writeln!(text, "  enrolled as {}  under agreement {}", cut.enrolment, cut.agreement);
    let _ = writeln!(text, "{}", shown_lines(&cut.text));
    for attachment in &cut.attachments {
        let AttachmentShown { name, media_type, marking, bytes, pages, digest, text: seen } = attachment;
        let pages = told_pages(*pages);
        let _ = writeln!(
            text,
            "── attachment {} ({media_type}, {}, {bytes} bytes{pages}, sha256 {digest}) as its reader sees it ──",
            shown(name),
            shown(marking)
        );
        let _ = writeln!(text, "{}", shown_lines(seen));
    }
    let _ = writeln!(text, "── withheld from {} ──", cut.partner);
    if cut.withheld.is_empty() {
        let _ = writeln!(text, "  nothing: the product has no other tearline");
    }
    for tearline in &cut.withheld {
        let _ = writeln!(
            text,
            "  tearline {} ({}): {} paragraphs, {} attachments",
            tearline.tearline,
            shown(&tearline.marking),
            tearline.portions,
            tearline.attachments
        );
        for why in &tearline.why {
            let _ = writeln!(text, "      {}", shown(why));
        }
    }
    if !cut.consents.is_empty() {
        let _ = writeln!(text, "── consents that its release to {} would rest on ──", cut.partner);
    }
    for consent in &cut.consents {
        let _ = writeln!(text, "  {}", shown(consent));
    }
    if !cut.received.is_empty() {
        let _ = writeln!(text, "── what in it came from other partners ──");
    }
    for received in &cut.received {
        let _ = writeln!(text, "  {}", shown(received));
    }
    if !cut.named.is_empty() {
        let _ = writeln!(text, "── recipients named in the banner ──");
    }
    for named in &cut.named {
        let _ = writeln!(text, "  {}", shown(named));
    }
    for warning in &cut.warnings {
        let _ = writeln!(text, "  WARNING: {}", shown(warning));
    }
    if !cut.shared.is_empty() {
        let (count, partner) = (cut.shared.len(), &cut.partner);
        let _ = writeln!(text, "── {count} run(s) of words in common with what is not released to {partner} ──");
    }
    for run in &cut.shared {
        let _ = writeln!(text, "  {}", shown(run));
    }
    for change in &cut.rewritten {
        let _ = writeln!(text, "  changed before this cut was made: {}", shown(change));
    }
    let since = match (&cut.changes.since, &cut.changes.when) {
        (Some(exchange), Some(when)) => format!(" ({exchange}, {when})"),
        _ => String::new(),
    };
    let _ = writeln!(text, "── changed since the last release to {}{since} ──", cut.partner);
    let _ = writeln!(text, "  {}", shown(&cut.changes.summary));
    if let Some(diff) = &cut.changes.diff {
        let _ = writeln!(text, "{}", shown_lines(diff));
    }
}

/// Appends the origin of an exported request: node, time, ledger key, and who had approved it.
pub(in crate::cli) fn tell_origin(text: &mut String, exported: &ExportedRequest) {
    let (node, instance, when, approved_by) = exported.origin();
    let _ = writeln!(text, "from node {node}, written {when}");
    let _ = writeln!(text, "  ledger key    {}", grouped(&instance.to_string()));
    if !approved_by.is_empty() {
        let names: Vec<&str> = approved_by.iter().map(crate::ident::OfficerId::as_str).collect();
        let _ = writeln!(text, "  approved by then by {}", names.join(", "));
    }
}
