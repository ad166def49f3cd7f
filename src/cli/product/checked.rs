//! The answer of `product check`.

use std::fmt::Write as _;

use serde_json::json;

use super::limits::Limits;
use crate::cli::output::{Out, shown};
use crate::gateway::{CheckedPartner, CheckedProduct, ReasonView};
use crate::marking::Register;
use crate::product::{Product, Tearline};

/// Prints the result of a check of a product that could be parsed, with the reasons that a submission would give.
pub(super) fn answer(
    product: &Product,
    checked: &CheckedProduct,
    register: &Register,
    (limits, bytes): (&Limits, usize),
    out: Out,
) {
    let tearline = |t: &Tearline| {
        json!({ "banner": t.banner().banner(), "profile": t.profile().as_str(), "line": t.line(),
            "portions": t.portions().len(), "attachments": t.attachments().len(), "attachment_bytes": attached(t) })
    };
    let tearlines: Vec<_> = product.tearlines().iter().map(tearline).collect();
    let valid = checked.passes();
    let value = json!({
        "valid": valid, "format": product.format().as_str(), "id": product.id().as_str(), "digest": product.digest(),
        "register": register.version(), "tearlines": tearlines, "faults": [], "partners": checked.partners,
        "findings": checked.tearlines, "bytes": bytes, "limits": limits.json(),
    });
    out.answer(&value, |text| {
        let verdict = out.verdict(if valid { "valid" } else { "not valid" }, valid);
        let (kind, id, date) = (product.kind(), product.id(), product.date());
        let _ = writeln!(text, "{verdict}: {kind} {id} of {date}, in {}, {bytes} bytes", product.format());
        for (i, t) in product.tearlines().iter().enumerate() {
            let (portions, attachments) = (t.portions().len(), t.attachments().len());
            let banner = t.banner();
            let size = if attachments == 0 { String::new() } else { format!(" ({} bytes)", attached(t)) };
            let (portions, attachments) = (counted(portions, "portion"), counted(attachments, "attachment"));
            let _ = writeln!(text, "  tearline {}: {banner}, {portions}, {attachments}{size}", i + 1);
        }
        let _ = writeln!(text, "  {}", limits.sentence());
        checked.partners.iter().for_each(|partner| tell(text, partner));
        for found in &checked.tearlines {
            let to = found.to.as_deref().map_or_else(String::new, |code| format!(" to {code}"));
            let _ = writeln!(text, "  tearline {} would not go{to}:", found.tearline);
            reasons(text, &found.reasons);
        }
    });
}

/// A count with its noun, such as `1 portion` or `2 portions`.
fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// The total size of a tearline's attachments, in bytes.
fn attached(tearline: &Tearline) -> u64 {
    tearline.attachments().iter().fold(0, |sum: u64, attachment| sum.saturating_add(attachment.size()))
}

fn tell(text: &mut String, partner: &CheckedPartner) {
    match (partner.tearline, &partner.marking) {
        (Some(number), Some(marking)) if partner.reasons.is_empty() => {
            let _ = writeln!(text, "  {} would get tearline {number}: {}", partner.partner, shown(marking));
        }
        _ => {
            let _ = writeln!(text, "  {} would get nothing:", partner.partner);
        }
    }
    for change in &partner.changes {
        let _ = writeln!(text, "    changed before the cut is made: {change}");
    }
    for reason in &partner.waits {
        let _ = writeln!(text, "    it would wait: {} [{}]", shown(&reason.sentence), reason.code);
    }
    reasons(text, &partner.reasons);
}

fn reasons(text: &mut String, reasons: &[ReasonView]) {
    for reason in reasons.iter().filter(|reason| !reason.permits) {
        let _ = writeln!(text, "    {} [{}]", shown(&reason.sentence), reason.code);
    }
}
