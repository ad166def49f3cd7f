//! Short restrictions: fields that forbid sharing, and texts addressed to a closed list of readers.

use super::restriction_words::{CIRCLES, OF_INFORMATION, PEOPLE};
use super::{Finder, Hit, MarkKind};

/// The longest gap between the name of a field and its value, in bytes.
const GAP_BYTES_MAX: usize = 8;

/// Fields that say with whom something may be shared, in addition to [`OF_INFORMATION`].
const FIELDS: [&str; 3] = ["DISSEM", "RELEASABILITY", "RELEASABLETO"];
/// Words that say that something is forbidden.
const FORBIDDEN: [&str; 2] = ["FORBIDDEN", "PROHIBITED"];
const ALLOWED: [&str; 5] = ["ALLOWED", "AUTHORISED", "AUTHORIZED", "GRANTED", "PERMITTED"];

impl Finder<'_> {
    /// Returns such a restriction that begins with word `i`.
    pub(super) fn closed(&self, i: usize) -> Option<Hit> {
        let to = match self.words.word(i).as_bytes().first()?.to_ascii_uppercase() {
            b'F' => self.for_recipients(i).or_else(|| self.denied(i)),
            b'M' => self.shared_event(i),
            b'O' => self.only_for(i),
            b'U' => self.for_us(i),
            _ => self.denied(i),
        }?;
        Some(self.hit(MarkKind::Statement, i, to))
    }

    /// `Release: no`, `Dissem: NF`, `Sharing is prohibited`.
    fn denied(&self, i: usize) -> Option<usize> {
        let words = self.words;
        let shared = self.any(i, &OF_INFORMATION) || self.any(i, &FIELDS);
        if !shared && !self.any(i, &["CONTROL", "CONTROLS"]) || !self.begins(i) {
            return None;
        }
        let gap = words.gap(i + 1);
        if shared && gap == " " {
            let at = if self.any(i + 1, &["IS"]) { i + 2 } else { i + 1 };
            let to = if self.any(at, &FORBIDDEN) { Some(at + 1) } else { self.not_allowed(at) };
            return to.filter(|to| self.ends(*to));
        }
        if gap.len() > GAP_BYTES_MAX || !gap.contains([':', '=']) || gap.contains('\n') {
            return None;
        }
        if words.is(i + 1, "NF") && words.is_capitals(i + 1) {
            return Some(i + 2);
        }
        if !shared {
            return None;
        }
        let ends = self.ends(i + 2) || words.gap(i + 2).starts_with('"');
        // In a list of recipients these values mean that there are none.
        let listed = self.any(i, &FIELDS);
        let none = listed && (words.is(i + 1, "N") && words.is(i + 2, "A") || words.is(i + 1, "0") && ends);
        let nobody = self.any(i + 1, &["FALSE", "NIL", "NO", "NOBODY", "NONE"]) && ends;
        self.not_allowed(i + 1).or((nobody || none).then_some(i + 2))
    }

    /// `not permitted`, beginning with word `at`.
    fn not_allowed(&self, at: usize) -> Option<usize> {
        (self.any(at, &["NOT"]) && self.any(at + 1, &ALLOWED)).then_some(at + 2)
    }

    /// `For the eyes and ears of individual recipients only`.
    fn for_recipients(&self, i: usize) -> Option<usize> {
        const EYES_MAX: usize = 3;
        const ONLY_MAX: usize = 8;
        const NAMED: [&str; 4] = ["ADDRESSEE", "ADDRESSEES", "RECIPIENT", "RECIPIENTS"];
        if !self.any(i, &["FOR"]) {
            return None;
        }
        let named = self.within(i + 1, EYES_MAX, &NAMED).filter(|n| self.any(n + 1, &["ONLY"]));
        if let Some(named) = named {
            return Some(named + 2);
        }
        let eyes = self.within(i + 1, EYES_MAX, &["EYES"])?;
        let only = self.within(eyes + 1, ONLY_MAX, &["ONLY"])?;
        (eyes..only).any(|n| self.any(n, &CIRCLES) || self.any(n, &NAMED)).then_some(only + 1)
    }

    /// `Only for members of the CERT`, as a whole sentence.
    fn only_for(&self, i: usize) -> Option<usize> {
        const CIRCLE_MAX: usize = 4;
        const MORE_MAX: usize = 5;
        let bound = self.any(i, &["ONLY"]) && self.any(i + 1, &["FOR", "TO", "WITHIN", "INSIDE", "AMONG"]);
        if !bound || !self.begins(i) || !self.goes_on(i + 1) {
            return None;
        }
        let circle = self.within(i + 2, CIRCLE_MAX, &CIRCLES)?;
        let goes_on = |n: &usize| *n == circle + 1 || self.goes_on(n - 1);
        (circle + 1..=circle + MORE_MAX).take_while(goes_on).find(|n| self.ends(*n))
    }

    /// `U.S. ONLY` on its line, `U.S. EYES ONLY`, `for U.S. citizens only`.
    fn for_us(&self, i: usize) -> Option<usize> {
        let words = self.words;
        let letters = words.is(i, "U") && words.gap(i + 1) == "." && (words.is(i + 1, "S") || words.is(i + 1, "K"));
        if !letters {
            return None;
        }
        let at = if words.gap(i + 2) == "." && words.is(i + 2, "A") { i + 3 } else { i + 2 };
        let told = self.any(at, &PEOPLE) || self.any(at, &["EYES", "USE"]);
        let only = if told { at + 1 } else { at };
        let for_them = i.checked_sub(1).is_some_and(|n| self.any(n, &["FOR"])) && told;
        let stands = self.is_line(i, only + 1) && words.is_capitals(only) || for_them || self.any(at, &["EYES"]);
        (self.any(only, &["ONLY"]) && stands).then_some(only + 1)
    }

    /// The label that is written before cells of a MISP table: the distribution, or the sharing group (MISP core
    /// format, 2.2.1.8).
    fn shared_event(&self, i: usize) -> Option<usize> {
        let words = self.words;
        let valued =
            |n: usize| words.gap(n).starts_with(':') && !words.gap(n).contains('\n') && !words.word(n).is_empty();
        if !self.any(i, &["MISP"]) || !self.any(i + 1, &["DISTRIBUTION", "GROUP"]) || !valued(i + 2) {
            return None;
        }
        let open: &[&str] = if self.any(i + 1, &["GROUP"]) { &["0"] } else { &["2", "3"] };
        (!open.contains(&words.word(i + 2))).then_some(i + 3)
    }
}
