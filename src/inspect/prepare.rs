//! Prepares a tearline before it is cut: strips hidden characters if the operator configured that, and rebuilds
//! attachments. Nothing after this step changes a byte.

use std::collections::BTreeMap;

use unicode_normalization::UnicodeNormalization;

use super::content;
use super::filter_name::FilterName;
use super::filters::is_part;
use super::finding::{Finding, Refused};
use super::settings::{Hidden, Settings};
use crate::invisible::Invisible;
use crate::product::{Attachment, Item, Product, Tearline};
use crate::rebuild::{Kind, Task};

/// One change made to what the producer wrote, as shown to the approving officer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Alteration {
    /// The line of the product at which the changed part begins, counted from 1.
    pub line: usize,
    /// What was changed: kinds and counts, never the content.
    pub what: String,
}

impl std::fmt::Display for Alteration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {} of the product: {}", self.line, self.what)
    }
}

/// A product with one tearline ready to be cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// The product, with that tearline and the front block as they will be cut. All other parts are unchanged.
    pub product: Product,
    /// The differences from what the producer wrote.
    pub changes: Vec<Alteration>,
}

/// Prepares tearline `index` of `product` (counted from 0 at the top) for cutting.
///
/// # Errors
/// [`Refused`] with one finding for each attachment that cannot be rebuilt.
pub fn prepare(product: &Product, index: usize, settings: &Settings) -> Result<Prepared, Refused> {
    let mut tearlines = product.tearlines().to_vec();
    let mut changes = Vec::new();
    let mut findings = Vec::new();
    if let Some(tearline) = tearlines.get_mut(index) {
        for attachment in &mut tearline.attachments {
            match prepare_attachment(attachment, settings, &mut changes) {
                Ok(Some(prepared)) => *attachment = prepared,
                Ok(None) => {}
                Err(finding) => findings.push(finding),
            }
        }
        if settings.hidden == Hidden::Strip {
            strip_texts(tearline, &mut changes);
        }
    }
    // Items of the front block may be kept in the cut of a lower tearline, so they are prepared with it.
    if settings.hidden == Hidden::Strip
        && index > 0
        && let Some(first) = tearlines.first_mut()
    {
        strip_front_block(first, &mut changes);
    }
    if !findings.is_empty() {
        return Err(Refused { findings, attestations: Vec::new() });
    }
    Ok(Prepared { product: product.with_tearlines(tearlines), changes })
}

/// Returns the attachment as it is to be cut; `None` if it is unchanged.
fn prepare_attachment(
    attachment: &Attachment,
    settings: &Settings,
    changes: &mut Vec<Alteration>,
) -> Result<Option<Attachment>, Finding> {
    let line = attachment.line();
    // A detached attachment is too long to be rewritten here: it passes unchanged or is refused by the filters.
    let Some(given) = attachment.inline() else { return Ok(None) };
    let mut bytes = given.to_vec();
    let mut note = |what: String| changes.push(Alteration { line, what: format!("attachment: {what}") });
    if settings.hidden == Hidden::Strip
        && (attachment.media_type() == "text/plain" || Kind::of(attachment.media_type()).is_some_and(Kind::is_text))
        && let Ok(text) = std::str::from_utf8(&bytes)
        && let Some((stripped, counts)) = strip(text)
    {
        note(description(&counts));
        bytes = stripped.into_bytes();
    }
    // Check the content type first: the parser would only report that a file of another type is malformed.
    let text = std::str::from_utf8(&bytes).ok().filter(|_| content::is_text(attachment.media_type()));
    let contradicts = text.map(|text| content::contradictions(attachment.media_type(), text)).unwrap_or_default();
    if let Some((code, message)) = contradicts.into_iter().next() {
        return Err(Finding { filter: FilterName::Types, code, line: Some(line), message });
    }
    if let Some(kind) = Kind::of(attachment.media_type()) {
        // No processing would both be repeatable, byte for byte, and remove such a message.
        if matches!(kind, Kind::Png | Kind::Jpeg) {
            note("an image: a message hidden in its least significant bits would not be removed".to_owned());
        }
        let rebuilt = settings.work(Task::Rebuild, kind, &bytes).map_err(|fault| Finding {
            filter: FilterName::Rebuild,
            code: fault.code,
            line: Some(line),
            message: fault.message,
        })?;
        rebuilt.dropped.into_iter().for_each(|what| note(format!("left out: {what}")));
        bytes = rebuilt.bytes;
    }
    Ok((bytes != given).then(|| attachment.with_bytes(bytes)))
}

fn strip_texts(tearline: &mut Tearline, changes: &mut Vec<Alteration>) {
    strip_front_block(tearline, changes);
    for portion in &mut tearline.portions {
        replace(&mut portion.text, portion.line, changes);
    }
}

fn strip_front_block(tearline: &mut Tearline, changes: &mut Vec<Alteration>) {
    let head = &mut tearline.head;
    let items = head.title.iter_mut().chain(&mut head.originator).chain(&mut head.subjects).chain(&mut head.contact);
    for Item { text, line, .. } in items {
        replace(text, *line, changes);
    }
}

fn replace(text: &mut String, line: usize, changes: &mut Vec<Alteration>) {
    if let Some((stripped, counts)) = strip(text) {
        changes.push(Alteration { line, what: description(&counts) });
        *text = stripped;
    }
}

fn description(counts: &BTreeMap<&'static str, usize>) -> String {
    counts.iter().map(|(what, count)| format!("{count} {what}")).collect::<Vec<_>>().join(", ")
}

/// Removes invisible characters from a text. Returns the text and counts of what was removed; `None` if nothing was.
/// Look-alikes and styled letters stay and are refused later, as the gateway does not guess which letter was meant.
fn strip(text: &str) -> Option<(String, BTreeMap<&'static str, usize>)> {
    let mut counts = BTreeMap::new();
    let mut count = |what| *counts.entry(what).or_insert(0) += 1;
    let mut kept = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        let belongs = || is_part(c, &text[..at], &text[at + c.len_utf8()..]);
        if matches!(c, '\n' | ' '..='~') || belongs() {
            kept.push(c);
            continue;
        }
        match Invisible::of(c) {
            // Attachments may come from systems that end lines with CR LF. In the text itself the product reader
            // refuses CR.
            _ if c == '\r' => count("carriage return(s) removed"),
            Some(Invisible::Control) => count("control character(s) removed"),
            Some(Invisible::Direction) => count("bidirectional control(s) removed"),
            Some(Invisible::Tag) => count("tag character(s) removed"),
            Some(Invisible::Ignorable) => count("invisible character(s) removed"),
            // The gateway does not guess whether it was meant as a line end: it stays, and is refused later.
            Some(Invisible::Separator) => kept.push(c),
            None if c.is_whitespace() => {
                count("space(s) replaced with U+0020");
                kept.push(' ');
            }
            None => kept.push(c),
        }
    }
    let composed: String = kept.nfc().collect();
    if composed != kept {
        count("part(s) normalised to NFC");
    }
    // Removing an invisible character between two spaces must not leave two spaces: the cut would not be canonical.
    let tidy = composed
        .split('\n')
        .map(|line| line.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" "))
        .collect::<Vec<_>>()
        .join("\n");
    let tidy = if counts.is_empty() { composed } else { tidy };
    (!counts.is_empty()).then_some((tidy, counts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_out_what_nobody_sees_and_counts_it() {
        let (text, counts) = strip("a\u{200b}b \u{202e}c\u{a0}d e\u{301}\u{e0041}").unwrap();
        assert_eq!(text, "ab c d \u{e9}");
        assert_eq!(
            description(&counts),
            "1 bidirectional control(s) removed, 1 invisible character(s) removed, 1 part(s) normalised to NFC, 1 space(s) replaced with U+0020, 1 tag character(s) removed"
        );
    }

    #[test]
    fn leaves_alone_what_is_seen() {
        let joined = ["\u{645}\u{6cc}\u{200c}\u{62e}", "\u{1f468}\u{200d}\u{1f469} \u{26a0}\u{fe0f}"];
        let plain = ["plain", "d\u{e9}j\u{e0}  vu", "p\u{430}ssword", "\u{ff33}ECRET", "a\u{fffd}b"];
        for text in plain.into_iter().chain(joined) {
            assert_eq!(strip(text), None, "{text}");
        }
    }

    #[test]
    fn the_front_block_is_made_ready_with_a_lower_tearline_and_by_itself() {
        let text = format!(
            "PORTCULLIS PRODUCT 1\nId: EXERCISE-1\nTitle: (U) EXER\u{200b}CISE\nOriginator: (U) EXERCISE\nDate: 2026-11-20\n\
             Kind: report\n\nSECRET//NOFORN\n\n(S//NF) EXER\u{200b}CISE.\n\n{}\n\nSECRET//REL TO USA, GBR\n\n\
             (S//REL TO USA, GBR) EXER\u{200b}CISE.\n",
            "-".repeat(24)
        );
        let register = crate::marking::Register::compiled_in();
        let product = Product::read(text.as_bytes(), &crate::product::Bounds::default(), register).unwrap();
        let hidden = |hidden, index| {
            let prepared = prepare(&product, index, &Settings { hidden, ..Settings::default() }).unwrap();
            let [first, second] = prepared.product.tearlines() else { panic!("two tearlines") };
            let title = first.head().title.as_ref().unwrap();
            let texts = [&title.text, &first.portions()[0].text, &second.portions()[0].text];
            texts.map(|text| text.contains('\u{200b}'))
        };
        assert_eq!(hidden(Hidden::Strip, 1), [false, true, false], "what does not go stays as it is");
        assert_eq!(hidden(Hidden::Strip, 0), [false, false, true]);
        assert_eq!(hidden(Hidden::Refuse, 1), [true; 3]);
    }
}
