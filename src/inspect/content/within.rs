//! What of another kind stands somewhere in a text, by the one line that it cannot do without.

use std::collections::BTreeMap;
use std::fmt;

use super::Content;

/// What is found inside a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Inside {
    /// A STIX bundle or object.
    Stix,
    /// A file in a member of an object.
    File,
    /// Data in a cell of a table.
    Cell,
    /// A CAP alert in XML.
    Alert,
    /// A confidentiality label, or an attribute of one.
    Label,
}

impl Inside {
    /// Whether it may be a part of what is declared as `media_type`.
    pub fn may_stand_in(self, media_type: &str) -> bool {
        match self {
            Inside::Stix => media_type == "application/stix+json",
            // Data in a text of data are looked into.
            Inside::Cell => media_type != "text/csv",
            Inside::File | Inside::Alert | Inside::Label => false,
        }
    }

    /// The content that it is a part of.
    pub fn content(self) -> Option<Content> {
        match self {
            Inside::Stix => Some(Content::Stix),
            Inside::File => None,
            Inside::Cell => Some(Content::Json),
            Inside::Alert => Some(Content::Cap),
            Inside::Label => Some(Content::Label),
        }
    }
}

impl fmt::Display for Inside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Inside::Stix => "a STIX object",
            Inside::File => "a file",
            Inside::Cell => "a cell of JSON",
            Inside::Alert => "a CAP alert",
            Inside::Label => "a confidentiality label",
        })
    }
}

/// What was found in the blocks that came, each kind once, with the line where it stands first.
#[derive(Default)]
pub(super) struct Within {
    lines: usize,
    found: BTreeMap<Inside, usize>,
}

impl Within {
    /// The next lines.
    pub fn take(&mut self, block: &str) {
        let quoted = block.contains('"') || block.contains('\'');
        let marked = block.contains('<');
        // A gigabyte passes through here: most of it has neither of these signs.
        let mut note = |inside, at: Option<usize>| {
            if let Some(at) = at {
                let before = block.as_bytes()[..at].iter().filter(|b| **b == b'\n').count();
                self.found.entry(inside).or_insert(self.lines + before + 1);
            }
        };
        if quoted {
            note(Inside::Stix, stix(block));
            note(Inside::File, member(block, "payload_bin", &|_| true));
            note(Inside::Label, attribute(block));
            note(Inside::Cell, cell(block));
        }
        if marked {
            note(Inside::Label, element(block, "ConfidentialityLabel"));
            note(Inside::Label, element(block, "BindingInformation"));
            note(Inside::Alert, block.find("urn:oasis:names:tc:emergency:cap:"));
        }
        self.lines += block.as_bytes().iter().filter(|b| **b == b'\n').count();
    }

    pub fn has(&self, inside: Inside) -> bool {
        self.found.contains_key(&inside)
    }

    pub fn found(&self) -> impl Iterator<Item = (Inside, usize)> + '_ {
        self.found.iter().map(|(inside, line)| (*inside, *line))
    }
}

/// Where a cell begins as an object of JSON does, or a list of them, its quotes doubled.
fn cell(block: &str) -> Option<usize> {
    let begun = |sign: &str| {
        let begins = |at: &usize| *at == 0 || block[..*at].ends_with([',', '\n']);
        block.match_indices(sign).map(|(at, _)| at).find(begins)
    };
    begun("\"{\"\"").or_else(|| begun("\"[{\"\""))
}

/// Whether JSON that begins so is a MISP event, or a list of them.
pub(super) fn is_event(head: &str) -> bool {
    let object = |rest: &str| rest.trim_start().starts_with('{');
    head.match_indices("\"Event\"")
        .any(|(at, name)| head[at + name.len()..].trim_start().strip_prefix(':').is_some_and(object))
}

/// Where a STIX bundle or object stands: by its type, or by its identifier (STIX 2.1, 2.9).
fn stix(block: &str) -> Option<usize> {
    let bundle = || member(block, "type", &|value| value.strip_prefix("bundle").is_some_and(is_over));
    let identified = || member(block, "id", &|value| is_identifier(value));
    let found = block.contains("bundle").then(bundle).flatten();
    found.or_else(|| block.contains("--").then(identified).flatten())
}

/// Whether a text begins with the identifier of an object: a type, two hyphens and a UUID.
fn is_identifier(text: &str) -> bool {
    let kind = text.bytes().take_while(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-').count();
    let uuid = |at: usize| text.get(at + 2..at + 38).is_some_and(|u| u.parse::<uuid::Uuid>().is_ok());
    text.get(..kind).is_some_and(|run| run.match_indices("--").any(|(at, _)| at > 0 && uuid(at)))
}

fn is_over(rest: &str) -> bool {
    rest.starts_with(['"', '\'', '\\'])
}

/// Where a member of this name stands with a value that is `so`, in JSON as it is written, inside another text of JSON, or
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

/// Attributes of ISM, the classification by its usual prefix, in XML.
const ATTRIBUTES: [&str; 4] = ["ism:classification", "ISM:classification", "ownerProducer", "disseminationControls"];

/// Where an attribute of ISM stands.
fn attribute(block: &str) -> Option<usize> {
    let valued = |rest: &str| {
        let value = rest.trim_start_matches([' ', '\t']).strip_prefix('=');
        value.is_some_and(|value| value.trim_start_matches([' ', '\t', '\\']).starts_with(['"', '\'']))
    };
    let found = |name: &&str| block.match_indices(*name).map(|(at, _)| at).find(|at| valued(&block[at + name.len()..]));
    ATTRIBUTES.iter().find_map(found)
}

/// The longest beginning of an element's name that is looked at.
const NAME_BYTES_MAX: usize = 128;

/// Where an element stands whose name ends so.
fn element(block: &str, name: &str) -> Option<usize> {
    block.match_indices(name).map(|(at, _)| at).find(|at| {
        // No further back than a name may be long, so that a text of nothing but names is read in one pass.
        let from = block.floor_char_boundary(at.saturating_sub(NAME_BYTES_MAX));
        let before = block[from..*at]
            .trim_end_matches(|c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '_' | '-' | '.'));
        before.ends_with('<')
    })
}
