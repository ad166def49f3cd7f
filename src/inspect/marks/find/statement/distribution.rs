//! Restrictions of distribution: it is limited or prohibited, requires consent, or is for certain readers only.

use super::super::Finder;
use super::super::restriction_words::{ANSWERS, CIRCLES, CONSENTS, FURTHER, NOUNS, SUBJECTS, VERBS};
use super::REACH_MAX;

impl Finder<'_> {
    /// `Further distribution is prohibited`, `distribution: restricted`, `release outside the ministry requires approval`.
    pub(super) fn passing_on(&self, i: usize) -> Option<usize> {
        let further = self.any(i, &FURTHER);
        let noun = if further { i + 1 } else { i };
        if !self.any(noun, &NOUNS) || further && !self.goes_on(noun) {
            return None;
        }
        let gap = self.words.gap(noun + 1);
        let given = gap.len() <= 8 && gap.contains([':', '=']) && !gap.contains("\n\n");
        let closed = ["RESTRICTED", "LIMITED", "INTERNAL", "NONE", "PROHIBITED", "CONTROLLED", "CLOSED", "FORBIDDEN"];
        if !further
            && given
            && self.any(noun + 1, &closed)
            && self.any(noun, &["CIRCULATION", "DISSEMINATION", "DISTRIBUTION", "RELEASE", "SHARING"])
        {
            let goes_on = self.any(noun + 2, &["ONLY", "TO", "USE", "WITHIN"]);
            return (goes_on || self.ends(noun + 2)).then_some(noun + 2);
        }
        if self.any(noun, &["USE"]) {
            return None;
        }
        // `Dissemination limited to the ministry`, `further release only with approval`.
        let is = usize::from(self.any(noun + 1, &["IS", "ARE"]));
        let narrow =
            self.any(noun + 1 + is, &["LIMITED", "RESTRICTED", "CONFINED"]) && self.any(noun + 2 + is, &["TO"]);
        if narrow && self.is_said(i) && self.within(noun + 3 + is, 4, &CIRCLES).is_some() {
            return Some(noun + 3 + is);
        }
        if further && self.is_said(i) && self.any(noun + 1, &["ONLY"]) {
            return Some(noun + 2);
        }
        let end = self.within(noun + 1, REACH_MAX, &ANSWERS)?;
        let asks = self.any(end, &["REQUIRES", "REQUIRE", "REQUIRED"]);
        let denies = self.any(end, &["PROHIBITED", "FORBIDDEN", "DISCOURAGED"])
            || end > 0 && self.any(end - 1, &["NOT"])
            || self.any(end.saturating_sub(2), &["NOT"]);
        let asked =
            asks && (self.within(end + 1, 6, &CONSENTS).is_some() || (noun..end).any(|n| self.any(n, &CONSENTS)));
        let outside = (noun + 1..end).any(|n| self.any(n, &["OUTSIDE", "BEYOND", "THIRD"]) || self.any(n, &SUBJECTS));
        let direct = further && self.any(noun + 1, &["IS", "ARE", "OF", "REQUIRES", "MUST"]) && (end <= noun + 4);
        ((denies || asked) && (outside || direct)).then_some(end + 1)
    }

    /// `restricted distribution` is also said of plants; alone on its line it refers to a document.
    pub(super) fn narrow(&self, i: usize) -> Option<usize> {
        let narrow = self.any(i, &["CONTROLLED", "LIMITED", "RESTRICTED"]);
        let noun = self.any(i + 1, &["CIRCULATION", "DISSEMINATION", "DISTRIBUTION", "RELEASE"]);
        (narrow && noun && self.goes_on(i + 1) && self.is_line(i, i + 2)).then_some(i + 2)
    }

    /// `May only be shared with`: said of a document.
    pub(super) fn only_to(&self, i: usize) -> Option<usize> {
        let behind = || self.any(i + 1, &["WITHIN", "WITH", "INSIDE", "TO", "AMONG"]);
        let shared = i.checked_sub(1).is_some_and(|n| {
            let verbs = ["CIRCULATE", "DISCLOSE", "DISSEMINATE", "DISTRIBUTE", "FORWARD", "RELEASE", "SHARE"];
            self.goes_on(i) && self.is_said(n) && self.any(n, &verbs)
        });
        if self.any(i, &["ONLY"]) && shared && behind() {
            return Some(i + 2);
        }
        if !self.any(i, &["ONLY"]) || !self.any(i + 1, &["BE"]) || !self.goes_on(i + 1) {
            return None;
        }
        let verb = self.within(i + 2, 2, &VERBS)?;
        let bound = self.any(verb + 1, &["TO", "WITH", "WITHIN", "INSIDE", "BY", "AMONG", "IF", "AFTER"]);
        let modal = i.checked_sub(1).is_some_and(|n| self.any(n, &["MAY", "MUST", "CAN", "SHALL", "SHOULD", "TO"]));
        (bound && modal && self.is_about_document(i)).then_some(verb + 1)
    }
}
