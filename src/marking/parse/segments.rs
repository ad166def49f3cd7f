//! The segments after the classification: each of one category, in order, once (M16 A.6).

use super::codes::ListKind;
use super::items::{Item, next_item};
use super::{ITEMS_MAX, Kind, Reader, double_slash};
use crate::marking::diagnostic::RuleCode;
use crate::marking::model::{Category, CodeList, Control};

impl<'t> Reader<'t, '_> {
    /// Reads `rest`, the segments after the classification.
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
                // A second list would replace the first, and the consent of the first list's sources would not be required.
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

    /// Reports `control` if `before`, the last control of the segment, follows it in Register order.
    pub(super) fn order_controls(&mut self, item: &'t str, control: Control, before: &mut Option<Control>) {
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

    /// The form of `control` in this kind of mark.
    pub(super) fn named(&self, control: Control) -> &'static str {
        if self.kind == Kind::Portion { control.portion() } else { control.banner() }
    }
}
