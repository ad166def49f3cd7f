//! The marks filter: no stray marks in any text that reaches a partner. It searches for anything that a reader would
//! take for a classification or control marking ([`marks`](crate::inspect::marks)), and for labels in structured data.
//!
//! It neither repairs nor guesses: a mark within a text is refused, and one in an attachment passes only if the marking
//! engine can parse it and the attachment's own mark covers it.

mod labels;

use self::labels::Meaning;
use crate::inspect::attachment_text::{AttachmentText, text_of};
use crate::inspect::filter_name::FilterName;
use crate::inspect::finding::{FINDINGS_MAX, Finding, NO_VERDICT, failed};
use crate::inspect::marks::{Layout, MarkKind, Place, all, kind_of_name, marks_in};
use crate::inspect::subject::{Filter, Subject};
use crate::marking::stix::Tlp;
use crate::marking::{Marking, Rules, covers_portions};
use crate::product::Attachment;

/// The marks filter.
pub(in crate::inspect) struct Marks;

impl Filter for Marks {
    fn name(&self) -> FilterName {
        FilterName::Marks
    }

    fn examine(&self, subject: &Subject<'_>) -> Vec<Finding> {
        let cut = subject.cut;
        let mut findings = Vec::new();
        for (_, item) in cut.head().items() {
            findings.extend(in_text(&item.text, item.line, true));
        }
        for portion in cut.portions() {
            findings.extend(in_text(&portion.text, portion.line, false));
        }
        let rules = Rules::new(subject.register, cut.as_of());
        for (attachment, reading) in subject.attachments() {
            if findings.len() >= FINDINGS_MAX {
                break;
            }
            findings.extend(in_name(attachment));
            findings.extend(in_attachment(attachment, reading, &rules));
        }
        findings
    }
}

fn finding(code: &'static str, line: usize, message: String) -> Finding {
    Finding { filter: FilterName::Marks, code, line: Some(line), message }
}

/// Returns the marks within a text of the cut; the text's own mark is not part of `text`.
fn in_text(text: &str, at: usize, alone: bool) -> impl Iterator<Item = Finding> {
    marks_in(text, alone).into_iter().take(FINDINGS_MAX).map(move |mark| {
        let message = match mark.kind {
            MarkKind::Statement => format!(
                "{} inside a text: express it in the portion mark and remove it, with its originator's consent on record",
                mark.kind
            ),
            MarkKind::TrafficLight => format!(
                "{} inside a text: a marking belongs in the portion mark only, remove it; where the text is about the \
                 protocol itself, name no colour near it",
                mark.kind
            ),
            _ => format!("{} inside a text: a marking belongs in the portion mark only, remove it", mark.kind),
        };
        finding("marks.text", at + mark.line, message)
    })
}

/// Returns the mark in the name of an attachment, if there is one.
fn in_name(attachment: &Attachment) -> Option<Finding> {
    let name = attachment.name().as_str();
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let message = format!("{} in the name of an attachment: rename it", kind_of_name(stem)?);
    Some(finding("marks.name", attachment.line(), message))
}

/// Returns the marks in the extracted text of an attachment that its own mark does not cover.
fn in_attachment(attachment: &Attachment, reading: Option<&AttachmentText>, rules: &Rules<'_>) -> Vec<Finding> {
    let at = attachment.line();
    let found = if attachment.is_detached() {
        let Some(scanned) = reading.and_then(|reading| reading.lines.as_ref()) else {
            return vec![failed(FilterName::Marks, NO_VERDICT)];
        };
        if let Some((code, message)) = &scanned.unread {
            return vec![finding(code, at, message.clone())];
        }
        scanned.marks.clone()
    } else if let Some((text, layout)) = text_seen(attachment, reading) {
        all(text, layout)
    } else {
        return vec![finding("marks.unread", at, "an attachment that cannot be searched for marks".into())];
    };
    let mut refused: Vec<(MarkKind, bool, Place)> = found
        .marks
        .iter()
        .filter(|((kind, text), _)| !is_covered(*kind, text.as_deref(), attachment, rules))
        .map(|((kind, text), place)| (*kind, text.is_some(), *place))
        .collect();
    refused.sort_by_key(|(_, _, place)| *place);
    let told = |(kind, read, place): (MarkKind, bool, Place)| {
        let why = match kind {
            MarkKind::TrafficLight if !read => {
                "which is not understood: write `TLP:CLEAR` or `TLP:GREEN`, or, where the text is about the protocol \
                 itself, no colour and no value near its name"
            }
            MarkKind::TrafficLight => {
                "only TLP:CLEAR and TLP:GREEN may go to a partner: ask its originator for one of them; where the text is about \
                 the protocol itself, name no colour near it"
            }
            MarkKind::Actions => {
                "it restricts what a partner may do, which no mark can express: ask its originator for PAP:CLEAR, or leave it out"
            }
            MarkKind::Statement => {
                "which no mark expresses: express it in the attachment's mark and remove it, with its originator's consent on record"
            }
            MarkKind::Reference => {
                "only TLP:CLEAR and TLP:GREEN may go to a partner, and other definitions are not supported"
            }
            _ => "which the attachment's own mark does not cover",
        };
        finding("marks.attachment", at, format!("{kind} {place} of an attachment: {why}"))
    };
    let mut findings: Vec<Finding> = refused.into_iter().map(told).collect();
    findings.extend(labels_in(attachment, reading, rules));
    if found.more {
        let message = "an attachment with too many different marks".into();
        findings.push(finding("marks.attachment", at, message));
    }
    findings
}

/// Returns the labels in structured data that the attachment's own mark does not cover. Data that cannot be parsed is
/// refused.
fn labels_in(attachment: &Attachment, reading: Option<&AttachmentText>, rules: &Rules<'_>) -> Vec<Finding> {
    let (at, own) = (attachment.line(), attachment.marking());
    let sound = reading.is_some_and(|reading| reading.fault.is_none());
    let (Layout::Values, Some(bytes), true) = (Layout::of(attachment), attachment.inline(), sound) else {
        return Vec::new();
    };
    let Ok(data) = serde_json::from_slice(bytes) else {
        return vec![finding("marks.unread", at, "data that cannot be searched for markings".into())];
    };
    let refusal = |stated: &labels::Label| {
        let place = stated.place;
        let (code, message) = match &stated.meaning {
            Meaning::Tlp(tlp) if tlp.may_be_shared_with_partners() => return None,
            Meaning::Tlp(tlp) => {
                let sharing = tlp.sharing();
                let why = "and must not go to a partner: ask its originator for TLP:GREEN or TLP:CLEAR";
                ("marks.stated", format!("a TLP label {place} of an attachment: it may be shared {sharing}, {why}"))
            }
            Meaning::Mark(mark) if covers_portions(rules, own, &[own.clone(), Marking::clone(mark)]).is_ok() => {
                return None;
            }
            Meaning::Mark(_) => {
                let why = "which the attachment's own mark does not cover: mark the attachment so that it does";
                ("marks.stated", format!("a marking {place} of an attachment, {why}"))
            }
            Meaning::Restricted(what) => ("marks.stated", format!("{place} of an attachment: {what}")),
            Meaning::Unknown(what) => ("marks.unknown", format!("{place} of an attachment: {what}")),
        };
        Some(finding(code, at, message))
    };
    let mut refused: Vec<Finding> = labels::in_data(&data, rules).iter().filter_map(refusal).collect();
    refused.dedup();
    refused
}

/// Returns the text of an attachment as its reader sees it, and its layout.
fn text_seen<'a>(attachment: &'a Attachment, reading: Option<&'a AttachmentText>) -> Option<(&'a str, Layout)> {
    match Layout::of(attachment) {
        // For JSON, the values with their escapes decoded.
        Layout::Values => {
            let seen = reading.and_then(|r| r.text.as_deref());
            seen.or_else(|| text_of(attachment, reading)).map(|text| (text, Layout::Values))
        }
        layout => text_of(attachment, reading).map(|text| (text, layout)),
    }
}

/// Returns whether a mark found in an attachment can be parsed by the marking engine and is covered by the attachment's
/// own mark: no higher level, no other control, no smaller audience.
fn is_covered(kind: MarkKind, text: Option<&str>, attachment: &Attachment, rules: &Rules<'_>) -> bool {
    let Some(text) = text else { return false };
    match kind {
        MarkKind::Actions => return text == "clear",
        MarkKind::Statement => return false,
        // A TLP label has no classification, and completely determines how far the text may be shared.
        MarkKind::TrafficLight => return Tlp::named(text).is_some_and(Tlp::may_be_shared_with_partners),
        // In structured data the target of a reference is checked as a label.
        MarkKind::Reference if Layout::of(attachment) == Layout::Values => return true,
        MarkKind::Reference => return Tlp::from_id(text).is_some_and(Tlp::may_be_shared_with_partners),
        _ => {}
    }
    let own = attachment.marking();
    let read = |text: &str| -> Option<Marking> {
        let rules = rules.in_profile_of(text);
        rules.parse_banner(text).or_else(|_| rules.parse_portion(text, Some(own))).ok()
    };
    let mark = read(text).or_else(|| read(&format!("({text})")));
    // They are compared like two portions of one text.
    mark.is_some_and(|mark| covers_portions(rules, own, &[own.clone(), mark]).is_ok())
}
