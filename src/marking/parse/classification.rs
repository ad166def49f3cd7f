//! The classification: US, or after `//` JOINT, NATO or foreign (spec 1.2, M16 H.1-H.3).

use super::codes::{ENGLISH_CODES, ListKind};
use super::{Kind, Reader, double_slash};
use crate::marking::diagnostic::RuleCode;
use crate::marking::model::{CodeList, Level, System};

const US_WORDS: &str = "TOP SECRET, SECRET, CONFIDENTIAL, UNCLASSIFIED";

/// The kind of a foreign classification.
enum Foreign<'t> {
    Joint { level: &'t str, codes: &'t str },
    Nato { level: Level, activity: Option<&'t str>, proper: bool },
    NatoLevel,
    NonUs { codes: &'t str, level: &'t str },
    Unknown,
}

impl<'t> Reader<'t, '_> {
    /// Reads the classification. Returns the segments after it: `None` when there are none.
    pub(super) fn read_class(&mut self) -> Option<&'t str> {
        let body = self.body;
        if let Some(after) = body.strip_prefix("//") {
            let (class, rest) = split(after);
            self.draft.class = class;
            if class.is_empty() {
                self.fault(RuleCode::ClassMissing, body, "a classification follows `//`");
                return rest;
            }
            let foreign = self.recognise(class);
            self.take_foreign(class, foreign);
            return rest;
        }
        let (class, rest) = split(body);
        self.draft.class = class;
        if class.is_empty() {
            // Only a body that begins with a single slash gets here; the empty segment is reported with the segments.
            self.fault(RuleCode::ClassMissing, body, format!("begin with one of {US_WORDS}"));
            return Some(body);
        }
        if let Some(level) = self.read_level(class) {
            self.draft.level = Some(level);
            self.draft.marking.level = level;
            if level == Level::Restricted {
                self.fault(RuleCode::ClassNotUs, class, "RESTRICTED needs a foreign owner; write //XXX RESTRICTED");
            }
            return rest;
        }
        if matches!(class, "CUI" | "CONTROLLED") {
            self.fault(RuleCode::Profile, class, "CUI marks are read under the CUI profile");
            return None;
        }
        match self.recognise(class) {
            Foreign::Unknown => {}
            Foreign::NonUs { codes, .. } if !codes.split(' ').all(|c| self.is_owner(c)) => {}
            foreign => {
                self.fault(RuleCode::NonusPrefix, class, format!("write //{class}"));
                self.draft.guessed |= class.split(' ').any(|word| ENGLISH_CODES.contains(&word));
                self.take_foreign(class, foreign);
                return rest;
            }
        }
        if self.is_segment(class) {
            self.fault(RuleCode::ClassMissing, class, format!("begin with one of {US_WORDS}"));
            return Some(body);
        }
        let expected = match self.kind {
            Kind::Banner => US_WORDS,
            Kind::Portion => "TS, S, C, U",
        };
        self.fault(RuleCode::ClassUnknown, class, format!("not a classification; expected one of {expected}"));
        rest
    }

    /// A level in this kind's form, or in the other kind's with the fault of it.
    fn read_level(&mut self, text: &str) -> Option<Level> {
        let (own, other) = match self.kind {
            Kind::Banner => (Level::from_title(text), Level::from_abbreviation(text)),
            Kind::Portion => (Level::from_abbreviation(text), Level::from_title(text)),
        };
        if own.is_none()
            && let Some(level) = other
        {
            let hint = match self.kind {
                Kind::Banner => format!("portion form in a banner; write {}", level.title()),
                Kind::Portion => format!("banner form in a portion; write {}", level.abbreviation()),
            };
            self.fault(RuleCode::Form, text, hint);
        }
        own.or(other)
    }

    fn is_owner(&self, code: &str) -> bool {
        code == "FGI" || self.rules.register.by_code.find(code).is_some()
    }

    /// Determines what kind of foreign classification a text is, in either form.
    fn recognise(&self, class: &'t str) -> Foreign<'t> {
        if class == "JOINT" {
            return Foreign::Unknown;
        }
        if let Some(rest) = class.strip_prefix("JOINT ") {
            return match leading_level(rest) {
                Some((level, codes)) => Foreign::Joint { level, codes },
                None => Foreign::Unknown,
            };
        }
        if let Some(nato) = self.recognise_nato(class) {
            return nato;
        }
        match trailing_level(class) {
            Some((codes, level)) => Foreign::NonUs { codes, level },
            None => Foreign::Unknown,
        }
    }

    fn recognise_nato(&self, class: &'t str) -> Option<Foreign<'t>> {
        let banner = self.kind == Kind::Banner;
        if let Some(level) = class.strip_prefix("COSMIC ") {
            return match level {
                "TOP SECRET" => Some(Foreign::Nato { level: Level::TopSecret, activity: None, proper: banner }),
                "TS" => Some(Foreign::Nato { level: Level::TopSecret, activity: None, proper: false }),
                _ if any_level(level).is_some() => Some(Foreign::NatoLevel),
                _ => None,
            };
        }
        if let Some(rest) = class.strip_prefix("NATO ") {
            if let Some(level) = any_level(rest) {
                let proper = banner && Level::from_title(rest).is_some();
                return Some(match level {
                    Level::TopSecret => Foreign::NatoLevel,
                    _ => Foreign::Nato { level, activity: None, proper },
                });
            }
            let (activity, written) = rest.split_once(' ')?;
            let known = self.rules.config.nac_activities.contains(activity);
            let level = any_level(written).filter(|_| known)?;
            return Some(match level {
                Level::TopSecret => Foreign::NatoLevel,
                _ => Foreign::Nato {
                    level,
                    activity: Some(activity),
                    proper: banner && Level::from_title(written).is_some(),
                },
            });
        }
        if class == "CTS" {
            return Some(Foreign::Nato { level: Level::TopSecret, activity: None, proper: !banner });
        }
        let rest = class.strip_prefix('N')?;
        for level in [Level::Secret, Level::Confidential, Level::Restricted, Level::Unclassified] {
            if let Some(activity) = rest.strip_suffix(level.abbreviation()) {
                if activity.is_empty() {
                    return Some(Foreign::Nato { level, activity: None, proper: !banner });
                }
                if self.rules.config.nac_activities.contains(activity) {
                    return Some(Foreign::Nato { level, activity: Some(activity), proper: !banner });
                }
            }
        }
        None
    }

    fn take_foreign(&mut self, class: &'t str, foreign: Foreign<'t>) {
        match foreign {
            Foreign::Unknown => {
                let hint = "not a classification; expected JOINT, COSMIC TOP SECRET, NATO or owner codes and a level";
                self.fault(RuleCode::ClassUnknown, class, hint);
            }
            Foreign::NatoLevel => {
                self.draft.marking.system = System::Nato;
                let hint = if class.starts_with("COSMIC") {
                    "COSMIC only with TOP SECRET"
                } else {
                    "the highest NATO level is COSMIC TOP SECRET"
                };
                self.draft.marking.owners = CodeList::from_ordered(["NATO"]);
                self.fault(RuleCode::NatoLevel, class, hint);
            }
            Foreign::Nato { level, activity, proper } => {
                self.set(System::Nato, level);
                let owner = activity.map_or_else(|| "NATO".to_owned(), |a| format!("NATO:{a}"));
                self.draft.marking.owners = CodeList::from_canonical(owner);
                if !proper {
                    let hint = match self.kind {
                        Kind::Banner => "portion form in a banner; write the NATO level in words",
                        Kind::Portion => "banner form in a portion; write CTS, NS, NC, NR or NU",
                    };
                    self.fault(RuleCode::Form, class, hint);
                }
            }
            Foreign::Joint { level, codes } => self.take_joint(class, level, codes),
            Foreign::NonUs { codes, level } => self.take_nonus(codes, level),
        }
    }

    fn take_joint(&mut self, class: &'t str, level: &'t str, codes: &'t str) {
        let level_part = level;
        let Some(level) = self.read_level(level_part) else { return };
        self.set(System::Joint, level);
        if level == Level::Restricted {
            self.fault(RuleCode::JointRestricted, level_part, "JOINT levels are TS, S, C and U");
        }
        if codes.is_empty() {
            match self.banner.filter(|b| self.kind == Kind::Portion && b.system() == System::Joint) {
                Some(banner) => self.draft.marking.owners = banner.owners.clone(),
                None if self.kind == Kind::Portion => {
                    self.draft.inherits = true;
                    self.fault(
                        RuleCode::Context,
                        class,
                        "write the owners out; there is no JOINT banner to inherit from",
                    );
                }
                None => {}
            }
        } else {
            self.draft.marking.owners = self.read_codes(codes, ListKind::Joint);
        }
    }

    fn take_nonus(&mut self, codes: &'t str, level: &'t str) {
        let Some(level) = self.read_level(level) else { return };
        self.set(System::NonUs, level);
        if codes == "FGI" {
            self.draft.marking.concealed = true;
            self.draft.marking.owners = CodeList::from_ordered(["FGI"]);
            if self.kind == Kind::Banner {
                self.fault(RuleCode::FgiBanner, codes, "in a banner write the US level and FGI");
            }
        } else {
            self.draft.marking.owners = self.read_codes(codes, ListKind::Owners);
        }
    }

    fn set(&mut self, system: System, level: Level) {
        self.draft.marking.system = system;
        self.draft.marking.level = level;
        self.draft.level = Some(level);
    }
}

/// The text up to the next `//`, and what follows it.
fn split(text: &str) -> (&str, Option<&str>) {
    match double_slash(text) {
        Some(at) => (&text[..at], Some(&text[at + 2..])),
        None => (text, None),
    }
}

fn any_level(text: &str) -> Option<Level> {
    Level::from_title(text).or_else(|| Level::from_abbreviation(text))
}

/// Splits `SECRET CAN USA` into the level and the rest.
fn leading_level(text: &str) -> Option<(&str, &str)> {
    let end = if text.starts_with("TOP SECRET") { "TOP SECRET".len() } else { text.find(' ').unwrap_or(text.len()) };
    let (level, rest) = text.split_at(end);
    any_level(level)?;
    match rest.strip_prefix(' ') {
        Some(codes) => Some((level, codes)),
        None if rest.is_empty() => Some((level, rest)),
        None => None,
    }
}

/// Splits `CAN GBR TOP SECRET` into the codes and the level.
fn trailing_level(text: &str) -> Option<(&str, &str)> {
    let (codes, level) = match text.strip_suffix(" TOP SECRET") {
        Some(codes) => (codes, &text[codes.len() + 1..]),
        None => text.rsplit_once(' ')?,
    };
    (any_level(level).is_some() && text != "TOP SECRET").then_some((codes, level))
}
