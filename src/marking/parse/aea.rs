//! Atomic energy items: RD and FRD with CNWDI and SIGMA.

use super::{Kind, Reader};
use crate::marking::diagnostic::RuleCode;
use crate::marking::model::Control;

impl<'t> Reader<'t, '_> {
    /// Reads an item of atomic energy information. `head` is its first word, `base` the control that it stands for, `before` the
    /// last control of the segment, for the order.
    pub(super) fn read_aea(&mut self, item: &'t str, head: &'t str, base: Control, before: &mut Option<Control>) {
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

    /// Reads the SIGMA numbers in `part`, which follow `word`.
    pub(super) fn read_sigma(&mut self, part: &'t str, word: &'t str) {
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
}
