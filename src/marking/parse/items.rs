//! What an item of a segment is: determined from its text alone, before anything is checked.

use super::Reader;
use crate::marking::model::{Category, Control, SciSystem};
use crate::marking::register::Word;

/// What an item of a segment is.
#[derive(Clone, Copy)]
pub(super) enum Item<'t> {
    Control { control: Control, in_banner: bool, in_portion: bool },
    Rel(&'t str),
    RelBare,
    Display(&'t str),
    Eyes(&'t str),
    EyesBare,
    Fgi(&'t str),
    Sci { head: &'t str, system: SciSystem, in_portion: bool },
    Unpublished,
    Program { program: &'t str, spelled_out: bool },
    Aea { head: &'t str, control: Control, in_banner: bool, in_portion: bool },
    Legacy(Category),
    Profile(Category),
    Unknown,
}

impl Item<'_> {
    /// The category whose segment it belongs in; `None` if that is unknown.
    pub fn category(&self) -> Option<Category> {
        match self {
            Self::Control { control, .. } | Self::Aea { control, .. } => Some(control.category()),
            Self::Rel(_) | Self::RelBare | Self::Display(_) | Self::Eyes(_) | Self::EyesBare => Some(Category::Dissem),
            Self::Fgi(_) => Some(Category::Fgi),
            Self::Sci { .. } | Self::Unpublished => Some(Category::Sci),
            Self::Program { .. } => Some(Category::Sap),
            Self::Legacy(category) | Self::Profile(category) => Some(*category),
            Self::Unknown => None,
        }
    }
}

impl<'t> Reader<'t, '_> {
    /// True when `text` would begin a segment of a known category.
    pub(super) fn is_segment(&self, text: &'t str) -> bool {
        let (first, _) = next_item(self, text);
        self.identify(first).category().is_some()
    }

    /// Determines what `item` is. Lists are recognised by their opening, everything else by the register.
    pub(super) fn identify(&self, item: &'t str) -> Item<'t> {
        // The first letter rules most of these out at once.
        let list = match item.as_bytes().first() {
            Some(b'R') => opening(item, "REL TO").map(Item::Rel),
            Some(b'A') => opening(item, "AUTHORIZED FOR RELEASE TO").map(Item::Rel),
            Some(b'D') => opening(item, "DISPLAY ONLY").map(Item::Display),
            Some(b'F') => {
                opening(item, "FGI").or_else(|| opening(item, "FOREIGN GOVERNMENT INFORMATION")).map(Item::Fgi)
            }
            _ => None,
        };
        if let Some(list) = list {
            return list;
        }
        let register = self.rules.register;
        match register.words.find(item) {
            Some(Word::Control { control: control @ (Control::Rd | Control::Frd), in_banner, in_portion }) => {
                return Item::Aea { head: item, control, in_banner, in_portion };
            }
            Some(Word::Control { control, in_banner, in_portion }) => {
                return Item::Control { control, in_banner, in_portion };
            }
            Some(Word::Sci { system, in_portion }) => return Item::Sci { head: item, system, in_portion },
            Some(Word::Legacy(category)) => return Item::Legacy(category),
            Some(Word::Profile(category)) => return Item::Profile(category),
            None => {}
        }
        match item {
            "REL" => return Item::RelBare,
            "EYES" => return Item::EyesBare,
            _ => {}
        }
        if let Some(list) = item.strip_suffix(" EYES ONLY") {
            return Item::Eyes(list);
        }
        if let Some(program) = item.strip_prefix("SAR-") {
            return Item::Program { program, spelled_out: false };
        }
        if let Some(program) = item.strip_prefix("SPECIAL ACCESS REQUIRED-") {
            return Item::Program { program, spelled_out: true };
        }
        if let Some(nickname) = item.strip_prefix("ACCM-") {
            let shaped = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b' ');
            let fits = (1..=61).contains(&nickname.len()) && nickname.bytes().all(shaped);
            return if fits { Item::Profile(Category::NonIc) } else { Item::Unknown };
        }
        let head = item.split('-').next().unwrap_or(item);
        match register.words.find(head) {
            Some(Word::Sci { system, in_portion }) if head.len() < item.len() => {
                return Item::Sci { head, system, in_portion };
            }
            Some(Word::Control { control: control @ (Control::Rd | Control::Frd), in_banner, in_portion }) => {
                return Item::Aea { head, control, in_banner, in_portion };
            }
            _ => {}
        }
        if self.rules.config.unpublished_sci.contains(head) {
            return Item::Unpublished;
        }
        let word = item.split(['-', ' ']).next().unwrap_or(item);
        match register.words.find(word) {
            // `KDK-AAA`, `EL-EU`, `ECI ABC`: a retired system with anything behind it is retired too.
            Some(Word::Legacy(category))
                if matches!(word, "KDK" | "KLONDIKE" | "EL" | "ENDSEAL" | "ECI" | "COMINT") =>
            {
                Item::Legacy(category)
            }
            _ => Item::Unknown,
        }
    }
}

/// The text after `word` and a space; empty when there is only the word.
fn opening<'t>(item: &'t str, word: &str) -> Option<&'t str> {
    let rest = item.strip_prefix(word)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix(' ') }
}

/// The next item of a segment and what follows it. EYES ONLY is taken whole: its slashes bind tighter (spec 1.2 c).
pub(super) fn next_item<'t>(reader: &Reader<'t, '_>, text: &'t str) -> (&'t str, Option<&'t str>) {
    let Some(slash) = text.find('/') else { return (text, None) };
    let first = &text[..slash];
    // Only a country can begin such a list, so the common item costs one comparison.
    if first.len() == 3 && text.contains(" EYES ONLY") && reader.rules.register.is_country(first) {
        let mut end = 0;
        for piece in text.split('/') {
            end += piece.len();
            if let Some(code) = piece.strip_suffix(" EYES ONLY") {
                if code.len() > 4 || code.is_empty() {
                    break;
                }
                return (&text[..end], text.get(end + 1..));
            }
            if piece.len() != 3 || !reader.rules.register.is_country(piece) {
                break;
            }
            end += 1;
        }
    }
    (first, Some(&text[slash + 1..]))
}
