//! Free names: SCI compartments and sub-compartments that the register does not list, SAP programs, their
//! compartments and sub-compartments (spec 1.2 note f).
//!
//! It refuses every word of the register as such a name, alone or as a part of one, and codes of countries and organisations
//! as a part of one. `SI-TK` is a typing error for `SI/TK`; read as a compartment, it would drop the conditions of TK.

use jiff::civil::Date;

use super::Reader;
use crate::marking::diagnostic::RuleCode;

impl<'t> Reader<'t, '_> {
    /// Checks the words of the name `text`, whose path in its tree is `path`, such as `SI-ABC` and `SAR-BP-123`.
    pub(super) fn check_name(&mut self, text: &'t str, path: impl Fn() -> String) {
        let register = self.rules.register;
        let several = text.contains(' ');
        let is_reserved =
            |word: &&str| register.reserved.find(word).is_some() || (several && register.by_code.find(word).is_some());
        for word in text.split(' ').filter(is_reserved) {
            let path = path();
            match self.excepted(&path) {
                Some(day) if self.rules.date.is_from(day) => {}
                Some(day) => self.fault(RuleCode::NameReserved, word, format!("this name exists from {day} on")),
                None => {
                    let hint =
                        format!("{word} is a word of the register; write `/` or `//` before a marking of its own");
                    self.fault(RuleCode::NameReserved, word, hint);
                }
            }
        }
    }

    /// The first day of a name that the register lists as an exception to these rules.
    fn excepted(&self, path: &str) -> Option<Date> {
        self.rules.register.names.iter().find(|(name, _)| **name == *path).map(|(_, day)| *day)
    }

    /// Whether the register lists this name as an exception on the day of the document.
    pub(super) fn is_named(&self, path: &str) -> bool {
        self.excepted(path).is_some_and(|day| self.rules.date.is_from(day))
    }
}
