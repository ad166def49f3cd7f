//! No mark stands where none belongs: in whatever text reaches a partner, anything that its reader would take for a
//! classification or control marking ([`marks`](crate::inspect::marks)), and the labels that data carry in their structure.
//!
//! It refuses to repair and to guess what was meant: a mark in a text is refused, and one in an attachment passes only
//! where the marking engine reads it and the attachment's own mark covers it.

mod labels;

use self::labels::Says;
use crate::inspect::attachment_text::{AttachmentText, text_of};
use crate::inspect::attestation::FilterName;
use crate::inspect::finding::{FINDINGS_MAX, Finding, NO_VERDICT, failed};
use crate::inspect::marks::{Layout, Look, Place, all, look_of, marks_in};
use crate::inspect::subject::{Filter, Subject};
use crate::marking::stix::Tlp;
use crate::marking::{Marking, Rules, covers_portions};
use crate::product::Attachment;

/// The filter of marks.
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

/// Marks in a text of the cut itself, whose own mark was read already and is none of it.
fn in_text(text: &str, at: usize, alone: bool) -> impl Iterator<Item = Finding> {
    marks_in(text, alone).into_iter().take(FINDINGS_MAX).map(move |mark| {
        let message = match mark.look {
            Look::Statement => format!(
                "{} inside a text: express it in the portion mark and remove it, with its originator's consent on record",
                mark.look
            ),
            Look::TrafficLight => format!(
                "{} inside a text: a marking belongs in the portion mark only, remove it; where the text is about the \
                 protocol itself, name no colour near it",
                mark.look
            ),
            _ => format!("{} inside a text: a marking belongs in the portion mark only, remove it", mark.look),
        };
        finding("marks.text", at + mark.line, message)
    })
}

/// Marks in the name of an attachment.
fn in_name(attachment: &Attachment) -> Option<Finding> {
    let name = attachment.name().as_str();
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let message = format!("{} in the name of an attachment: rename it", look_of(stem)?);
    Some(finding("marks.name", attachment.line(), message))
}

/// Marks in what the reader of an attachment sees, but for those that its own mark covers.
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
    let mut refused: Vec<(Look, bool, Place)> = found
        .marks
        .iter()
        .filter(|((look, text), _)| !is_covered(*look, text.as_deref(), attachment, rules))
        .map(|((look, text), place)| (*look, text.is_some(), *place))
        .collect();
    refused.sort_by_key(|(_, _, place)| *place);
    let told = |(look, read, place): (Look, bool, Place)| {
        let why = match look {
            Look::TrafficLight if !read => {
                "which is not understood: write `TLP:CLEAR` or `TLP:GREEN`, or, where the text is about the protocol \
                 itself, no colour and no value near its name"
            }
            Look::TrafficLight => {
                "what may go to a partner is TLP:CLEAR or TLP:GREEN, ask its originator for one of them; where the text is \
                 about the protocol itself, name no colour near it"
            }
            Look::Actions => {
                "it restricts what a partner may do, which no mark can express: ask its originator for PAP:CLEAR, or leave it out"
            }
            Look::Statement => {
                "which no mark expresses: express it in the attachment's mark and remove it, with its originator's consent on record"
            }
            Look::Reference => {
                "what may go to a partner is TLP:CLEAR or TLP:GREEN, and no other definition is known here"
            }
            _ => "which the attachment's own mark does not cover",
        };
        finding("marks.attachment", at, format!("{look} {place} of an attachment: {why}"))
    };
    let mut findings: Vec<Finding> = refused.into_iter().map(told).collect();
    findings.extend(labels_in(attachment, reading, rules));
    if found.more {
        let message = "an attachment with too many different marks".into();
        findings.push(finding("marks.attachment", at, message));
    }
    findings
}

/// Markings that data state by their structure, but for those that the attachment's own mark covers. Data that do not read
/// are refused for that.
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
        let (code, message) = match &stated.says {
            Says::Tlp(tlp) if tlp.may_be_shared_with_partners() => return None,
            Says::Tlp(tlp) => {
                let sharing = tlp.sharing();
                let why = "and goes to no partner: ask its originator for TLP:GREEN or TLP:CLEAR";
                ("marks.stated", format!("a TLP label {place} of an attachment: it may be shared {sharing}, {why}"))
            }
            Says::Mark(mark) if covers_portions(rules, own, &[own.clone(), Marking::clone(mark)]).is_ok() => {
                return None;
            }
            Says::Mark(_) => {
                let why = "which the attachment's own mark does not cover: mark the attachment so that it does";
                ("marks.stated", format!("a marking {place} of an attachment, {why}"))
            }
            Says::Withholds(what) => ("marks.stated", format!("{place} of an attachment: {what}")),
            Says::Unknown(what) => ("marks.unknown", format!("{place} of an attachment: {what}")),
        };
        Some(finding(code, at, message))
    };
    let mut refused: Vec<Finding> = labels::in_data(&data, rules).iter().filter_map(refusal).collect();
    refused.dedup();
    refused
}

/// The text of an attachment that occurs in the cut, as its reader sees it, and how it is laid out.
fn text_seen<'a>(attachment: &'a Attachment, reading: Option<&'a AttachmentText>) -> Option<(&'a str, Layout)> {
    match Layout::of(attachment) {
        // A reader of data sees what it comes to, whatever escapes it is written in.
        Layout::Values => {
            let seen = reading.and_then(|r| r.text.as_deref());
            seen.or_else(|| text_of(attachment, reading)).map(|text| (text, Layout::Values))
        }
        layout => text_of(attachment, reading).map(|text| (text, layout)),
    }
}

/// Whether a mark found in an attachment is a mark of the marking engine's, and says no more than the attachment's own:
/// no higher level, no other control, no smaller audience.
fn is_covered(look: Look, text: Option<&str>, attachment: &Attachment, rules: &Rules<'_>) -> bool {
    let Some(text) = text else { return false };
    match look {
        Look::Actions => return text == "clear",
        Look::Statement => return false,
        // A label says nothing of classification, and all of how far it may go.
        Look::TrafficLight => return Tlp::named(text).is_some_and(Tlp::may_be_shared_with_partners),
        // Data are asked what it leads to.
        Look::Reference if Layout::of(attachment) == Layout::Values => return true,
        Look::Reference => return Tlp::from_id(text).is_some_and(Tlp::may_be_shared_with_partners),
        _ => {}
    }
    let own = attachment.marking();
    let read = |text: &str| -> Option<Marking> {
        let rules = rules.in_profile_of(text);
        rules.parse_banner(text).or_else(|_| rules.parse_portion(text, Some(own))).ok()
    };
    let mark = read(text).or_else(|| read(&format!("({text})")));
    // Together with what the attachment is marked, as two portions of one text are.
    mark.is_some_and(|mark| covers_portions(rules, own, &[own.clone(), mark]).is_ok())
}
