//! The lists of REL TO and EYES ONLY: USA first, then at least one other code (spec 1.6).

use super::codes::ListKind;
use super::{Kind, Reader};
use crate::marking::diagnostic::RuleCode;
use crate::marking::model::{CodeList, Control};

impl<'t> Reader<'t, '_> {
    /// Takes over the list of the banner for `REL` and `EYES` in a portion.
    pub(super) fn inherit(&mut self, item: &'t str, control: Control, before: &mut Option<Control>) {
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

    /// Reports an EYES ONLY list in a document that is too recent for one (M16 B.5).
    pub(super) fn check_legacy_eyes(&mut self, item: &'t str) {
        if !self.rules.date.allows_eyes() {
            self.fault(RuleCode::Legacy, item, "EYES ONLY ended on 2017-10-01; the originator re-marks as REL TO");
        }
    }

    /// Checks the form of a REL TO or EYES ONLY list: USA first, then at least one other code.
    pub(super) fn check_release_list(&mut self, item: &'t str, list: &'t str, codes: CodeList) {
        // The common case: USA, then another code.
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

    /// Stores the list, unless there is one: a second list was reported.
    pub(super) fn take_release_list(&mut self, codes: CodeList) {
        if self.draft.marking.rel_to.is_empty() {
            self.draft.marking.rel_to = codes;
        }
    }

    /// Reads a REL TO item whose list text is `list`, for the CUI reader.
    pub(super) fn read_rel(&mut self, item: &'t str, list: &'t str) {
        self.note(Control::Rel, item);
        let codes = if list.is_empty() { CodeList::default() } else { self.read_codes(list, ListKind::Rel) };
        self.check_release_list(item, list, codes);
    }
}
