//! Finds content of other kinds embedded in a text, each by a line that such content must contain.

use std::collections::BTreeMap;

use super::embedded::Embedded;
use super::encoded::{Encoded, address, begins_file, word};
use super::mail::MailSearch;
use super::markup::{element as markup, object, value as markup_value};
use crate::inspect::marks::decoded;

/// The kinds of content found so far, each with the first line where it occurs.
#[derive(Default)]
pub(super) struct EmbeddedScan {
    lines: usize,
    encoded: Encoded,
    mails: MailSearch,
    /// The last line ended with `{`: a JSON object may begin there.
    open: bool,
    found: BTreeMap<Embedded, usize>,
}

impl EmbeddedScan {
    /// Processes the next lines.
    pub fn take(&mut self, block: &str) {
        self.search(block, &|at| at, block);
        // Percent-encoding, entities and escapes are also examined in decoded form.
        if let Some((seen, from)) = decoded(block) {
            self.search(&seen, &|at| from.get(at).map_or(block.len(), |at| *at as usize).min(block.len()), block);
        }
        let found = &mut self.found;
        let mut note = |inside, line| {
            found.entry(inside).or_insert(line);
        };
        for line in block.split_inclusive('\n') {
            self.lines += 1;
            self.encoded.line(line, self.lines, &mut note);
            if begins_file(line) {
                note(Embedded::File, self.lines);
            }
            if let Some(from) = self.mails.line(line, self.lines) {
                note(Embedded::Mail, from);
            }
            let goes_on = self.open && line.trim_start().starts_with(['"', '\'']) && line.contains(':');
            if goes_on {
                note(Embedded::Object, self.lines - 1);
            }
            self.open = line.trim_end().ends_with('{');
        }
    }

    /// Searches `seen` for patterns; `origin` maps its positions to positions in `block`.
    fn search(&mut self, seen: &str, origin: &dyn Fn(usize) -> usize, block: &str) {
        let quoted = seen.contains('"') || seen.contains('\'');
        let marked = seen.contains('<');
        // These checks run over files of up to a gigabyte; most blocks have neither character.
        let mut note = |inside, at: Option<usize>| {
            if let Some(at) = at {
                let before = block.as_bytes()[..origin(at)].iter().filter(|b| **b == b'\n').count();
                self.found.entry(inside).or_insert(self.lines + before + 1);
            }
        };
        if quoted {
            note(Embedded::Stix, stix(seen));
            note(Embedded::File, member(seen, "payload_bin", &|_| true));
            note(Embedded::Label, attribute(seen));
            note(Embedded::Cell, cell(seen));
            note(Embedded::Object, object(seen));
        }
        if marked {
            note(Embedded::Label, element(seen, "ConfidentialityLabel"));
            note(Embedded::Label, element(seen, "BindingInformation"));
            note(Embedded::Alert, seen.find("urn:oasis:names:tc:emergency:cap:"));
            note(Embedded::Markup, markup(seen));
            note(Embedded::Value, markup_value(seen));
        }
        note(Embedded::Stix, seen.contains("--").then(|| listed(seen)).flatten());
        note(Embedded::Address, address(seen));
        note(Embedded::Base64Text, word(seen));
    }

    /// Finishes the scan after the last block.
    pub fn end(&mut self) {
        let found = &mut self.found;
        self.encoded.end(&mut |inside, line| {
            found.entry(inside).or_insert(line);
        });
    }

    /// Returns whether this kind was found.
    pub fn has(&self, inside: Embedded) -> bool {
        self.found.contains_key(&inside)
    }

    /// Returns the kinds found, each with its first line, counted from 1.
    pub fn found(&self) -> impl Iterator<Item = (Embedded, usize)> + '_ {
        self.found.iter().map(|(inside, line)| (*inside, *line))
    }
}

/// Returns the position of a CSV cell that begins like a JSON object, or a list of them, with doubled quotes.
fn cell(block: &str) -> Option<usize> {
    let begun = |sign: &str| {
        let begins = |at: &usize| *at == 0 || block[..*at].ends_with([',', '\n']);
        block.match_indices(sign).map(|(at, _)| at).find(begins)
    };
    begun("\"{\"\"").or_else(|| begun("\"[{\"\""))
}

/// Returns whether JSON with this beginning is a MISP event, or a list of them.
pub(super) fn is_event(head: &str) -> bool {
    let object = |rest: &str| rest.trim_start().starts_with('{');
    head.match_indices("\"Event\"")
        .any(|(at, name)| head[at + name.len()..].trim_start().strip_prefix(':').is_some_and(object))
}

/// Returns the position of a STIX bundle or object, recognised by its type or its identifier (STIX 2.1, 2.9).
fn stix(block: &str) -> Option<usize> {
    let bundle = || member(block, "type", &|value| value.strip_prefix("bundle").is_some_and(is_over));
    let identified = || member(block, "id", &|value| is_identifier(value));
    let found = block.contains("bundle").then(bundle).flatten();
    found.or_else(|| block.contains("--").then(identified).flatten())
}

/// Returns the position of a STIX object in a notation without quotes, such as YAML, recognised by a line with its
/// identifier.
fn listed(block: &str) -> Option<usize> {
    let named = |at: usize| {
        let from = block.floor_char_boundary(at.saturating_sub(NAME_BYTES_MAX));
        let before = block[from..at].rsplit('\n').next().unwrap_or_default();
        let value = block[at + 2..].trim_start_matches(' ').strip_prefix([':', '=']);
        before.trim_matches([' ', '-', '\t']).is_empty()
            && value.is_some_and(|v| is_identifier(v.trim_start_matches(' ')))
    };
    block.match_indices("id").map(|(at, _)| at).find(|at| named(*at))
}

/// Returns whether a text begins with a STIX identifier: a type, two hyphens and a UUID.
fn is_identifier(text: &str) -> bool {
    let kind = text.bytes().take_while(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-').count();
    let uuid = |at: usize| text.get(at + 2..at + 38).is_some_and(|u| u.parse::<uuid::Uuid>().is_ok());
    text.get(..kind).is_some_and(|run| run.match_indices("--").any(|(at, _)| at > 0 && uuid(at)))
}

fn is_over(rest: &str) -> bool {
    rest.starts_with(['"', '\'', '\\'])
}

/// Returns the position of a member `name` whose value satisfies `so`: in plain JSON, in JSON inside a JSON string, or
/// in a cell of a table.
fn member(block: &str, name: &str, so: &dyn Fn(&str) -> bool) -> Option<usize> {
    let quotes = |c: char| matches!(c, '"' | '\'' | '\\');
    let blanks = |c: char| matches!(c, ' ' | '\t');
    let named = |at: usize| {
        let rest = &block[at + name.len()..];
        let behind = rest.trim_start_matches(quotes);
        let value = behind.trim_start_matches(blanks).strip_prefix(':')?;
        let value = value.trim_start_matches(blanks).trim_start_matches(quotes);
        (block[..at].ends_with(quotes) && behind.len() < rest.len()).then_some(value)
    };
    block.match_indices(name).map(|(at, _)| at).find(|at| named(*at).is_some_and(so))
}

/// Attributes of ISM in XML; the classification with its usual prefix.
const ATTRIBUTES: [&str; 4] = ["ism:classification", "ISM:classification", "ownerProducer", "disseminationControls"];

/// Returns the position of an ISM attribute.
fn attribute(block: &str) -> Option<usize> {
    let valued = |rest: &str| {
        let value = rest.trim_start_matches([' ', '\t']).strip_prefix('=');
        value.is_some_and(|value| value.trim_start_matches([' ', '\t', '\\']).starts_with(['"', '\'']))
    };
    let found = |name: &&str| block.match_indices(*name).map(|(at, _)| at).find(|at| valued(&block[at + name.len()..]));
    ATTRIBUTES.iter().find_map(found)
}

/// The longest part of an element's name before the searched ending, in bytes.
const NAME_BYTES_MAX: usize = 128;

/// Returns the position of an XML element whose name ends with `name`.
fn element(block: &str, name: &str) -> Option<usize> {
    block.match_indices(name).map(|(at, _)| at).find(|at| {
        // The search backwards is limited, so that a text consisting of such names is still processed in linear time.
        let from = block.floor_char_boundary(at.saturating_sub(NAME_BYTES_MAX));
        let before = block[from..*at]
            .trim_end_matches(|c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '_' | '-' | '.'));
        before.ends_with('<')
    })
}
