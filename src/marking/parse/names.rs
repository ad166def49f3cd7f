//! Names of somebody's choice: SCI compartments and sub-compartments that the register does not list, SAP programs, their
//! compartments and sub-compartments (spec 1.2 note f).
//!
//! It refuses every word of the register as such a name, alone or as a part of one, and codes of countries and organisations
//! as a part of one. `SI-TK` is a slip for `SI/TK`, and read as a compartment it would lose what TK asks for.

use jiff::civil::Date;

use super::Reader;
use crate::marking::diagnostic::RuleCode;

impl<'t> Reader<'t, '_> {
    /// Checks the words of the name `text`, whose place in its tree is `path`, such as `SI-ABC` and `SAR-BP-123`.
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

    /// From which day on the register's data has this name, be it in no form that names have.
    fn excepted(&self, path: &str) -> Option<Date> {
        self.rules.register.names.iter().find(|(name, _)| **name == *path).map(|(_, day)| *day)
    }

    /// Whether the register's data has this name on the day of the document.
    pub(super) fn is_named(&self, path: &str) -> bool {
        self.excepted(path).is_some_and(|day| self.rules.date.is_from(day))
    }
}
