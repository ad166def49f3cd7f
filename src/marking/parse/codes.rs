//! Lists of country and organisation codes: membership of the register, order, repetition and separators.

use std::ops::Range;

use super::{CODES_MAX, Reader};
use crate::marking::diagnostic::RuleCode;
use crate::marking::model::{CodeList, DocumentDate};

/// Words that people write in a list and that are not codes.
const ENGLISH: [&str; 4] = ["ALL", "ONLY", "OR", "TO"];
/// English words that are also codes: of Andorra, the Emirates, Norway and Peru. `CAN` in capitals is Canada.
pub(in super::super) const ENGLISH_CODES: [&str; 4] = ["AND", "ARE", "NOR", "PER"];

/// Which list is read: the value sets and orders differ (spec 1.5, 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ListKind {
    /// REL TO: USA first, comma and space.
    Rel,
    /// DISPLAY ONLY: comma and space.
    Display,
    /// EYES ONLY: USA first, slashes, five-eyes countries.
    Eyes,
    /// The sources of an FGI segment: spaces, not USA, `AX1` allowed.
    Sources,
    /// The owners of a foreign mark: spaces, not USA.
    Owners,
    /// The owners of a JOINT mark: spaces, USA in its alphabetical place.
    Joint,
}

impl ListKind {
    /// The text up to the next separator, and what follows it.
    fn next(self, list: &str) -> (&str, Option<&str>) {
        let bytes = list.as_bytes();
        let at = match self {
            Self::Rel | Self::Display => {
                (1..bytes.len()).find(|&i| bytes[i] == b' ' && bytes[i - 1] == b',').map(|i| i - 1)
            }
            Self::Eyes => bytes.iter().position(|b| *b == b'/'),
            Self::Sources | Self::Owners | Self::Joint => bytes.iter().position(|b| *b == b' '),
        };
        let width = if matches!(self, Self::Rel | Self::Display) { 2 } else { 1 };
        match at {
            Some(at) => (&list[..at], Some(&list[at + width..])),
            None => (list, None),
        }
    }

    const fn usa_first(self) -> bool {
        matches!(self, Self::Rel | Self::Eyes)
    }
}

/// A code's place in canonical order: countries before organisations, unknown codes among the latter.
type Place<'t> = (bool, &'t str);

impl<'t> Reader<'t, '_> {
    /// Reads the text of a list. The result is canonical only if no fault was recorded.
    pub(super) fn read_codes(&mut self, text: &'t str, kind: ListKind) -> CodeList {
        let mut out = String::with_capacity(text.len());
        let mut before: Option<Place<'t>> = None;
        let mut unordered = false;
        let mut count = 0;
        let usa = kind.usa_first() && (text.starts_with("USA") || mentions_usa(text, kind));
        let mut rest = Some(text);
        while let Some(list) = rest {
            let (code, after) = kind.next(list);
            rest = after;
            let comma_list = matches!(kind, ListKind::Rel | ListKind::Display);
            if comma_list && (code.is_empty() || code.bytes().any(|b| matches!(b, b' ' | b','))) {
                self.read_badly_separated(code, kind, &mut |reader, code| {
                    reader.read_code(code, kind, &mut out, &mut before, &mut unordered, usa);
                    count += 1;
                });
                continue;
            }
            self.read_code(code, kind, &mut out, &mut before, &mut unordered, usa);
            count += 1;
        }
        if count > CODES_MAX {
            self.fault(RuleCode::Limit, text, format!("a list has at most {CODES_MAX} codes"));
        }
        if unordered {
            self.report_distant_repeats(text, kind);
        }
        let usa_leads = !kind.usa_first() || out.starts_with("USA");
        if !self.diagnostics.is_empty() || !usa_leads {
            self.refuse_guesses(text, kind, usa_leads);
        }
        CodeList::from_canonical(out)
    }

    fn read_code(
        &mut self,
        code: &'t str,
        kind: ListKind,
        out: &mut String,
        before: &mut Option<Place<'t>>,
        unordered: &mut bool,
        usa: bool,
    ) {
        let organisation = self.check_code(code, kind);
        // In REL TO, USA has its own place and its own faults; the order of a list that does not begin with USA is not checked.
        let judged = !kind.usa_first() || (code != "USA" && usa && out.starts_with("USA"));
        if judged {
            let place = (organisation, code);
            match before {
                Some(last) if *last > place => {
                    let hint = if last.0 && !place.0 { "trigraphs before tetragraphs" } else { "alphabetical order" };
                    self.fault(RuleCode::CodeOrder, code, hint);
                    *unordered = true;
                }
                Some(last) if *last == place => self.doubled(code, "name each code once"),
                _ => {}
            }
            *before = Some(place);
        } else if code == "USA" && out.split(' ').any(|c| c == "USA") {
            self.doubled(code, "name each code once");
        }
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(code);
    }

    /// Looks for words that a fix would turn into countries, in a list that is not in canonical form: there `and` is read as
    /// English, and so is a lower-case word among codes in capitals. Also looks for a surplus space or code in a list of owners
    /// or sources, where the code of an owner or source may be missing whose consent is needed.
    #[cold]
    fn refuse_guesses(&mut self, list: &'t str, kind: ListKind, usa_leads: bool) {
        let span = self.span(list);
        let touches = |at: &Range<usize>| span.start <= at.end && at.start <= span.end;
        let near: Vec<usize> = (0..self.diagnostics.len()).filter(|n| touches(&self.diagnostics[*n].span)).collect();
        let asked = matches!(kind, ListKind::Sources | ListKind::Owners | ListKind::Joint);
        let lost = |n: &usize| matches!(self.diagnostics[*n].code, RuleCode::Whitespace | RuleCode::Dup);
        if asked && near.iter().any(lost) {
            self.draft.guessed = true;
        }
        let words = || list.split([' ', ',', '/']).filter(|word| !word.is_empty());
        let lowered = |reader: &Self, word| {
            let span = reader.span(word);
            near.iter().map(|n| &reader.diagnostics[*n]).any(|d| d.code == RuleCode::Case && d.span == span)
        };
        let all_lowered = words().all(|word| lowered(self, word));
        for word in words().filter(|word| self.rules.register.by_code.find(word).is_some()) {
            let hint = if ENGLISH_CODES.contains(&word) && (!near.is_empty() || !usa_leads) {
                let name = self.rules.register.name_of(word).unwrap_or_default();
                format!("read as English, for the list is not in its form ({word} is the code of {name})")
            } else if lowered(self, word) && !all_lowered {
                format!("a word in lower case is not read as a code; write {word} if it is meant")
            } else {
                continue;
            };
            self.draft.guessed = true;
            let at = self.span(word);
            let about =
                |n: &&usize| self.diagnostics[**n].span.start <= at.end && at.start <= self.diagnostics[**n].span.end;
            if let Some(n) = near.iter().find(about).or(near.first()) {
                self.diagnostics[*n].hint = hint;
            }
        }
    }

    /// Checks one code against the register; says whether it counts as an organisation for order.
    fn check_code(&mut self, code: &'t str, kind: ListKind) -> bool {
        let register = self.rules.register;
        let Some(number) = register.by_code.find(code) else {
            let hint = match kind {
                ListKind::Eyes => "EYES ONLY is for AUS, CAN, GBR and NZL",
                _ if ENGLISH.contains(&code) => {
                    "read as English; a list holds codes and the separators between them alone"
                }
                _ => "not a code of the register; a code is never guessed",
            };
            let rule = if kind == ListKind::Eyes { RuleCode::EyesCountry } else { RuleCode::CodeUnknown };
            self.fault(rule, code, hint);
            return true;
        };
        let entry = register.entry(number);
        let (organisation, fgi_only) = (entry.organisation, entry.fgi_only);
        if number == register.usa {
            match kind {
                ListKind::Sources => self.fault(RuleCode::FgiUsa, code, "USA is not a foreign source"),
                ListKind::Owners => {
                    self.fault(RuleCode::NonusUsa, code, "USA is not a foreign owner; use JOINT or FGI")
                }
                _ => {}
            }
            return false;
        }
        if kind == ListKind::Eyes {
            if !register.may_be_in_eyes_only(code) {
                self.fault(RuleCode::EyesCountry, code, "EYES ONLY is for AUS, CAN, GBR and NZL");
            }
            return organisation;
        }
        if fgi_only && kind != ListKind::Sources {
            self.fault(RuleCode::CodeUnknown, code, "this code stands in FGI lists only");
            return organisation;
        }
        if let Some(day) = entry.deprecated_on
            && !self.rules.date.is_before(day)
        {
            let hint = match self.rules.date {
                DocumentDate::Known(_) => format!("withdrawn on {day}; name the members or the successor"),
                DocumentDate::Unknown => format!("withdrawn on {day}, and the document's date is unknown"),
            };
            self.fault(RuleCode::CodeDeprecated, code, hint);
        }
        if let Some(day) = entry.valid_from
            && !self.rules.date.is_from(day)
        {
            self.fault(RuleCode::CodeUnknown, code, format!("this code exists from {day} on"));
        }
        organisation
    }

    /// Reads a piece between valid separators that contains an invalid one: reports each of those, then reads code by code.
    fn read_badly_separated(&mut self, piece: &'t str, kind: ListKind, each: &mut dyn FnMut(&mut Self, &'t str)) {
        if piece.is_empty() {
            self.fault(RuleCode::ListSeparator, piece, "a code is missing between the commas");
            return;
        }
        let mut rest = piece;
        while let Some(at) = rest.find([' ', ',']) {
            let run = rest[at..].len() - rest[at..].trim_start_matches([' ', ',']).len();
            let hint =
                if kind == ListKind::Rel || kind == ListKind::Display { "comma and one space" } else { "one space" };
            self.fault(RuleCode::ListSeparator, &rest[at..at + run], hint);
            if at > 0 {
                each(self, &rest[..at]);
            }
            rest = &rest[at + run..];
        }
        if !rest.is_empty() {
            each(self, rest);
        }
    }

    /// In an unordered list equal codes need not be neighbours: this slower search finds them, for the report only.
    #[cold]
    fn report_distant_repeats(&mut self, text: &'t str, kind: ListKind) {
        let codes: Vec<&str> = text.split([' ', ',', '/']).filter(|c| !c.is_empty()).collect();
        for (i, code) in codes.iter().enumerate() {
            let neighbour = i > 0 && codes[i - 1] == *code;
            let usa = kind.usa_first() && *code == "USA";
            if !neighbour && !usa && codes[..i].contains(code) {
                self.doubled(code, "name each code once");
            }
        }
    }
}

fn mentions_usa(text: &str, kind: ListKind) -> bool {
    match kind {
        ListKind::Eyes => text.split('/').any(|c| c == "USA"),
        _ => text.split([' ', ',']).any(|c| c == "USA"),
    }
}
