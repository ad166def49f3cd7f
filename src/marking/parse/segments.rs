//! The segments after the classification: each of one category, in order, once (M16 A.6).

use super::super::code::CodeList;
use super::super::control::{Category, Control};
use super::super::diagnostic::RuleCode;
use super::super::register::{SciSystem, Word};
use super::codes::ListKind;
use super::{ITEMS_MAX, Kind, Reader, double_slash};

/// What an item of a segment is.
#[derive(Clone, Copy)]
enum Item<'t> {
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
    fn category(&self) -> Option<Category> {
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
    pub(super) fn read_segments(&mut self, rest: &'t str) {
        let mut rest = Some(rest);
        let mut last: Option<Category> = None;
        while let Some(text) = rest {
            let segment = match double_slash(text) {
                Some(at) => {
                    rest = Some(&text[at + 2..]);
                    &text[..at]
                }
                None => {
                    rest = None;
                    text
                }
            };
            if segment.is_empty() {
                let part = self.or_before(segment, 2);
                self.fault(RuleCode::Separator, part, "a category is missing between the separators");
                continue;
            }
            self.read_segment(segment, &mut last);
        }
    }

    /// True when `text` would begin a segment of a known category.
    pub(super) fn is_segment(&self, text: &'t str) -> bool {
        let (first, _) = next_item(self, text);
        self.identify(first).category().is_some()
    }

    fn read_segment(&mut self, segment: &'t str, last: &mut Option<Category>) {
        let mut category: Option<Category> = None;
        let mut before: Option<Control> = None;
        let mut sci_before: Option<&'t str> = None;
        let mut rest = Some(segment);
        let mut count = 0;
        while let Some(text) = rest {
            let (item, after) = next_item(self, text);
            rest = after;
            count += 1;
            if item.is_empty() {
                let part = self.or_before(item, 1);
                self.fault(RuleCode::Separator, part, "nothing between the slashes; remove one");
                continue;
            }
            if item == "CUI" && category.is_none() {
                self.fault(RuleCode::Profile, item, "CUI has no place in an intelligence mark (ISM-ID-00478)");
                return;
            }
            let mut found = self.identify(item);
            if category == Some(Category::Sap) && !matches!(found, Item::Program { .. }) {
                found = Item::Program { program: item, spelled_out: false };
            } else if category == Some(Category::Sap) {
                self.fault(RuleCode::SapRepeatedIndicator, item, "write SAR- once, then the programs between slashes");
            }
            match category {
                None => {
                    category = found.category();
                    let Some(category) = category else {
                        // An unknown first word makes the whole segment unknown: nothing in it is guessed.
                        self.fault(RuleCode::TokenUnknown, item, "not in the register");
                        return;
                    };
                    self.enter(category, segment, last);
                }
                Some(category) => {
                    if found.category().is_some_and(|c| c != category) {
                        self.fault(RuleCode::CategoryMixed, item, "this control belongs to another category");
                    }
                }
            }
            self.read_item(item, found, &mut before, &mut sci_before);
        }
        if count > ITEMS_MAX {
            self.fault(RuleCode::Limit, segment, format!("a segment has at most {ITEMS_MAX} items"));
        }
    }

    fn enter(&mut self, category: Category, segment: &'t str, last: &mut Option<Category>) {
        if self.has_seen(category) {
            self.fault(RuleCode::CategoryRepeated, segment, "write each category once, its values between slashes");
        } else if last.is_some_and(|l| l > category) {
            let hint = "the order is SCI, SAP, AEA, FGI, dissemination, non-IC";
            self.fault(RuleCode::CategoryOrder, segment, hint);
        }
        self.draft.seen[category as usize] = true;
        *last = Some(last.map_or(category, |l| l.max(category)));
    }

    /// Tells what an item is. Lists are recognised by their opening, everything else by the register.
    fn identify(&self, item: &'t str) -> Item<'t> {
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

    fn read_item(
        &mut self,
        item: &'t str,
        found: Item<'t>,
        before: &mut Option<Control>,
        sci_before: &mut Option<&'t str>,
    ) {
        match found {
            Item::Control { control, in_banner, in_portion } => {
                self.check_form(item, control, in_banner, in_portion);
                if control.category() == Category::Sci {
                    self.order_systems(item, item, sci_before);
                    self.read_nato_sci(item, control);
                } else {
                    self.order_controls(item, control, before);
                }
            }
            Item::Rel(list) => {
                if self.kind == Kind::Portion && !item.starts_with("REL TO") {
                    self.fault(RuleCode::Form, item, "banner form in a portion; write REL TO");
                }
                self.order_controls(item, Control::Rel, before);
                let codes = if list.is_empty() { CodeList::default() } else { self.read_codes(list, ListKind::Rel) };
                self.check_release_list(item, list, codes);
            }
            Item::RelBare => self.inherit(item, Control::Rel, before),
            Item::Eyes(list) => {
                self.order_controls(item, Control::Eyes, before);
                self.check_legacy_eyes(item);
                let codes = self.read_codes(list, ListKind::Eyes);
                self.check_release_list(item, list, codes);
            }
            Item::EyesBare => {
                self.check_legacy_eyes(item);
                self.inherit(item, Control::Eyes, before);
            }
            Item::Display(list) => {
                self.order_controls(item, Control::DisplayOnly, before);
                if list.is_empty() {
                    self.fault(RuleCode::DisplayEmpty, item, "name at least one country or organisation");
                } else {
                    let codes = self.read_codes(list, ListKind::Display);
                    if self.draft.marking.display_to.is_empty() {
                        self.draft.marking.display_to = codes;
                    }
                }
            }
            Item::Fgi(list) => {
                if self.kind == Kind::Portion && !item.starts_with("FGI") {
                    self.fault(RuleCode::Form, item, "banner form in a portion; write FGI");
                }
                // A second list would take the place of the first, and its sources would be asked for nothing.
                if self.draft.marking.concealed || !self.draft.marking.sources.is_empty() {
                    self.fault(RuleCode::CategoryRepeated, item, "write FGI once, its sources parted by spaces");
                }
                if list.is_empty() {
                    self.draft.marking.concealed = true;
                } else {
                    self.draft.marking.sources = self.read_codes(list, ListKind::Sources);
                }
            }
            Item::Sci { head, system, in_portion } => {
                self.order_systems(item, system.abbreviation(), sci_before);
                self.read_sci(item, head, system, in_portion);
            }
            Item::Unpublished => {
                let head = item.split('-').next().unwrap_or(item);
                self.order_systems(item, head, sci_before);
                self.read_unpublished(item);
            }
            Item::Program { program, spelled_out } => self.read_program(program, spelled_out),
            Item::Aea { head, control, in_banner, in_portion } => {
                self.read_aea(item, head, control, before);
                self.check_form(head, control, in_banner, in_portion);
            }
            Item::Legacy(_) => {
                self.fault(RuleCode::Legacy, item, "retired; ask the originator");
                // The retired CNWDI suffix still says that restricted data is here.
                for (form, control) in [("RD-N", Control::Rd), ("FRD-N", Control::Frd)] {
                    if item == form || item.strip_suffix("-N") == Some(control.title()) {
                        self.note(control, item);
                    }
                }
            }
            Item::Profile(_) => self.fault(RuleCode::Profile, item, "DoD marking; not valid in IC documents"),
            Item::Unknown => self.fault(RuleCode::TokenUnknown, item, "not in the register"),
        }
    }

    fn check_form(&mut self, item: &'t str, control: Control, in_banner: bool, in_portion: bool) {
        match self.kind {
            Kind::Banner if !in_banner => {
                self.fault(RuleCode::Form, item, format!("portion form in a banner; write {}", control.banner()));
            }
            Kind::Portion if !in_portion => {
                self.fault(RuleCode::Form, item, format!("banner form in a portion; write {}", control.portion()));
            }
            _ => {}
        }
    }

    fn order_controls(&mut self, item: &'t str, control: Control, before: &mut Option<Control>) {
        if let Some(last) = *before
            && last.category() == control.category()
            && last > control
        {
            self.fault(RuleCode::Order, item, format!("Register order puts this before {}", self.named(last)));
        }
        if !self.note(control, item) {
            self.doubled(item, "write each control once");
        }
        *before = Some(control);
    }

    fn order_systems(&mut self, item: &'t str, system: &'t str, before: &mut Option<&'t str>) {
        match before.map(|b| b.cmp(system)) {
            Some(std::cmp::Ordering::Greater) => self.fault(RuleCode::Order, item, "control systems ascend"),
            Some(std::cmp::Ordering::Equal) => self.doubled(item, "write each control system once"),
            _ => {}
        }
        *before = Some(system);
    }

    fn read_aea(&mut self, item: &'t str, head: &'t str, base: Control, before: &mut Option<Control>) {
        self.order_controls(item, base, before);
        if item.len() == head.len() {
            return;
        }
        let sigma_control = if base == Control::Rd { Control::RdSg } else { Control::FrdSg };
        for part in item[head.len() + 1..].split('-') {
            let word = part.split(' ').next().unwrap_or_default();
            match word {
                "CNWDI" if base == Control::Rd && part == word && !self.has(sigma_control) => {
                    if !self.note(Control::RdCnwdi, item) {
                        self.doubled(part, "write CNWDI once");
                    }
                }
                "CNWDI" => self.fault(RuleCode::AeaSub, part, "CNWDI stands directly behind RD"),
                "SIGMA" | "SG" => {
                    if (word == "SG") != (self.kind == Kind::Portion) {
                        let hint = match self.kind {
                            Kind::Banner => "portion form in a banner; write SIGMA",
                            Kind::Portion => "banner form in a portion; write SG",
                        };
                        self.fault(RuleCode::Form, word, hint);
                    }
                    if !self.note(sigma_control, item) {
                        self.doubled(part, "write SIGMA once");
                    }
                    self.read_sigma(part, word);
                }
                _ => self.fault(RuleCode::AeaSub, part, "RD and FRD have SIGMA, and RD has CNWDI"),
            }
        }
    }

    fn read_sigma(&mut self, part: &'t str, word: &'t str) {
        let mut last = 0;
        if part.len() == word.len() {
            self.fault(RuleCode::Sigma, part, "name the SIGMA categories");
            return;
        }
        for text in part[word.len() + 1..].split(' ') {
            let current = &self.rules.register.rows.sigma;
            let number =
                text.parse::<u8>().ok().filter(|n| current.contains(n) && *n < 64 && !text.starts_with(['0', '+']));
            let Some(number) = number else {
                let list = current.iter().map(u8::to_string).collect::<Vec<_>>().join(", ");
                self.fault(RuleCode::Sigma, text, format!("current SIGMA categories are {list}"));
                continue;
            };
            if number == last {
                self.doubled(text, "write each SIGMA category once");
            } else if number < last {
                self.fault(RuleCode::Order, text, "SIGMA categories ascend");
            }
            last = number;
            self.draft.marking.sigma |= 1 << number;
        }
    }

    /// Takes over the list of the banner for `REL` and `EYES` in a portion.
    fn inherit(&mut self, item: &'t str, control: Control, before: &mut Option<Control>) {
        self.order_controls(item, control, before);
        if self.kind == Kind::Banner {
            self.fault(RuleCode::Form, item, "portion form in a banner; write the list out");
            return;
        }
        match self.banner.filter(|b| b.has(control)) {
            Some(banner) => self.draft.marking.rel_to = banner.rel_to.clone(),
            None => {
                let hint = "write the list out; there is no banner list to inherit from";
                self.fault(RuleCode::Context, item, hint);
            }
        }
    }

    fn check_legacy_eyes(&mut self, item: &'t str) {
        if !self.rules.date.allows_eyes() {
            self.fault(RuleCode::Legacy, item, "EYES ONLY ended on 2017-10-01; the originator re-marks as REL TO");
        }
    }

    /// The shape of REL TO and EYES ONLY: USA, first, and somebody else.
    fn check_release_list(&mut self, item: &'t str, list: &'t str, codes: CodeList) {
        // What every proper list looks like: USA, and behind it somebody else.
        if codes.as_str().strip_prefix("USA ").is_some_and(|others| !others.starts_with("USA")) {
            self.take_release_list(codes);
            return;
        }
        let usa = codes.iter().position(|c| c == "USA");
        let count = codes.iter().count();
        match usa {
            _ if count == 0 => self.fault(RuleCode::RelEmpty, item, "name USA and at least one other"),
            None => self.fault(RuleCode::RelNoUsa, item, "USA must come first"),
            Some(0) if codes.iter().all(|c| c == "USA") => {
                self.fault(RuleCode::RelSoleUsa, item, "name at least one other country or organisation");
            }
            Some(0) => {}
            Some(_) => {
                let at = list.match_indices("USA").find(|(i, _)| {
                    let end = list.as_bytes().get(i + 3);
                    (*i == 0 || !list.as_bytes()[i - 1].is_ascii_alphanumeric())
                        && end.is_none_or(|b| !b.is_ascii_alphanumeric())
                });
                let part = at.map_or(item, |(i, usa)| &list[i..i + usa.len()]);
                self.fault(RuleCode::RelUsaNotFirst, part, "move USA to the front");
            }
        }
        self.take_release_list(codes);
    }

    /// Keeps the first list; a second one is a fault already.
    fn take_release_list(&mut self, codes: CodeList) {
        if self.draft.marking.rel_to.is_empty() {
            self.draft.marking.rel_to = codes;
        }
    }

    /// Reads a REL TO item whose list text is `list`, for the CUI reader.
    pub(in super::super) fn read_rel(&mut self, item: &'t str, list: &'t str) {
        self.note(Control::Rel, item);
        let codes = if list.is_empty() { CodeList::default() } else { self.read_codes(list, ListKind::Rel) };
        self.check_release_list(item, list, codes);
    }

    pub(super) fn named(&self, control: Control) -> &'static str {
        if self.kind == Kind::Portion { control.portion() } else { control.banner() }
    }
}

/// The text behind `word` and a space; empty when there is only the word.
fn opening<'t>(item: &'t str, word: &str) -> Option<&'t str> {
    let rest = item.strip_prefix(word)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix(' ') }
}

/// The next item of a segment and what follows it. EYES ONLY is taken whole: its slashes bind tighter (spec 1.2 c).
fn next_item<'t>(reader: &Reader<'t, '_>, text: &'t str) -> (&'t str, Option<&'t str>) {
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
