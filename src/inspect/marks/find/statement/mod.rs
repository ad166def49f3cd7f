//! Sentences that restrict dissemination: `Not for onward distribution`.
//!
//! Most consist of the same few words. They are distinguished from reports of events by their beginning and by their
//! subject: a document, or those who must not have it.

mod distribution;

use super::super::vocabulary::Term;
use super::restriction_words::{
    CONSENTS, FURTHER, KEPT_OUT, NATIONS, NOUNS, OF_INFORMATION, OWNERS, PEOPLE, READERS, SUBJECTS, VERBS,
};
use super::{Finder, Hit, MarkKind};

/// The maximum number of words between the two ends of such a sentence.
const REACH_MAX: usize = 10;
/// The number of words before it that are searched for its subject.
const SUBJECT_MAX: usize = 8;
/// The maximum number of words that name the excluded readers.
const OUT_MAX: usize = 4;

/// The number of bytes from which a line is considered wrapped because it is full.
const WRAPPED_BYTES: usize = 45;

impl Finder<'_> {
    /// Returns the restriction in words whose first characteristic word is at `i`.
    pub(super) fn statement(&self, i: usize) -> Option<Hit> {
        let words = self.words;
        if !matches!(words.term(i), Some(Term::Saying | Term::Phrase | Term::Code | Term::Label | Term::Level)) {
            return None;
        }
        // The first letter excludes most words.
        let to = match words.word(i).as_bytes().first().map(u8::to_ascii_uppercase)? {
            b'N' => self.forbidden(i).or_else(|| self.eyes(i)),
            b'D' => self.forbidden(i).or_else(|| self.eyes(i)).or_else(|| self.passing_on(i)),
            b'C' => {
                self.forbidden(i).or_else(|| self.eyes(i)).or_else(|| self.passing_on(i)).or_else(|| self.narrow(i))
            }
            b'O' => self.consent(i).or_else(|| self.only_to(i)).or_else(|| self.passing_on(i)),
            b'W' => self.consent(i).or_else(|| self.passing_on(i)),
            b'L' | b'R' => self.narrow(i).or_else(|| self.passing_on(i)),
            _ => self.eyes(i).or_else(|| self.passing_on(i)),
        }?;
        Some(self.hit(MarkKind::Statement, i, to))
    }

    /// Returns whether word `n` is one of these, in any case.
    pub(super) fn any(&self, n: usize, names: &[&str]) -> bool {
        let word = self.words.word(n);
        word.len() > 1 && names.iter().any(|name| name.len() == word.len() && word.eq_ignore_ascii_case(name))
    }

    /// Returns whether word `n` continues the sentence of the word before it.
    pub(super) fn goes_on(&self, n: usize) -> bool {
        let gap = self.words.gap(n);
        gap == " "
            || n < self.words.list.len()
                && gap.len() <= 4
                && !gap.contains("\n\n")
                && !gap.bytes().any(|b| matches!(b, b'.' | b';' | b'!' | b'?' | b':'))
    }

    /// Returns the first of these words after `from` in the same sentence, among the next `most` words.
    pub(super) fn within(&self, from: usize, most: usize, names: &[&str]) -> Option<usize> {
        (from..from + most).take_while(|n| self.goes_on(*n)).find(|n| self.any(*n, names))
    }

    /// Returns whether the sentence is about a document, judging by the words before `i`.
    fn is_about_document(&self, i: usize) -> bool {
        (i.saturating_sub(SUBJECT_MAX)..i).rev().take_while(|n| self.goes_on(n + 1)).any(|n| self.any(n, &SUBJECTS))
    }

    /// Returns whether `not` at word `i` refers to the text itself: `This must not be shared`, `Must not be shared`.
    /// `It` may refer to something earlier, unless the sentence says nothing else.
    fn is_about_this(&self, i: usize, ends: bool) -> bool {
        let Some(modal) = (if self.any(i, &["CANNOT"]) { Some(i) } else { i.checked_sub(1) }) else { return false };
        let subject = modal.checked_sub(1).filter(|n| self.goes_on(modal) && self.begins(*n) && !self.is_wrapped(*n));
        let of_this = |n: usize| self.any(n, &["THIS", "THESE"]) || ends && self.any(n, &["IT", "THEY"]);
        subject.is_some_and(of_this)
            || self.begins(modal) && !self.is_wrapped(modal) && !self.any(modal, &["IS", "ARE"])
    }

    /// Returns whether word `i` begins a line only because a long line was wrapped.
    fn is_wrapped(&self, i: usize) -> bool {
        let (words, gap) = (self.words, self.words.gap(i));
        let start = words.list.get(i).map_or(0, |word| word.start.saturating_sub(gap.len()));
        let before = words.text().get(..start).unwrap_or_default();
        let from = before.floor_char_boundary(before.len().saturating_sub(WRAPPED_BYTES));
        let long = before.len() > WRAPPED_BYTES && !before[from..].contains('\n');
        gap.contains('\n') && gap.trim().is_empty() && !gap.contains("\n\n") && long && !words.begins_capital(i)
    }

    /// Returns whether a sentence begins with word `i`, possibly after `please`.
    fn is_said(&self, i: usize) -> bool {
        let asked = |n: usize| self.any(n, &["PLEASE"]) || self.any(n, &["AND"]) && self.goes_on(i);
        self.begins(i) && !self.is_wrapped(i) || i.checked_sub(1).is_some_and(asked)
    }

    /// `Not to be passed to`, `do not share with`, `may not be released`, `not for onward distribution`, `no further release`.
    fn forbidden(&self, i: usize) -> Option<usize> {
        let words = self.words;
        let before = |names: &[&str]| i.checked_sub(1).is_some_and(|n| self.goes_on(i) && self.any(n, names));
        if self.any(i, &["NO"]) {
            let passed = self.any(i + 1, &FURTHER) && self.any(i + 2, &NOUNS)
                || self.any(i + 1, &["THIRD"]) && self.any(i + 3, &NOUNS);
            // `No release to foreign nationals`
            let towards = self.any(i + 1, &OF_INFORMATION) && self.goes_on(i + 1) && self.is_said(i);
            if towards && self.ends(i + 2) {
                return Some(i + 2);
            }
            let out = self
                .within(i + 2, 4, &KEPT_OUT)
                .filter(|_| towards && self.any(i + 2, &["TO", "OUTSIDE", "BEYOND", "WITHOUT", "WITH"]));
            if let Some(out) = out.filter(|out| (out + 1..=out + OUT_MAX).any(|n| self.ends(n))) {
                return Some(out + 1);
            }
            let to = i + if self.any(i + 2, &NOUNS) { 3 } else { 4 };
            let ends = self.ends(to)
                || self.any(to, &KEPT_OUT)
                || self.any(to, &["IS", "PERMITTED", "ALLOWED", "AUTHORISED", "AUTHORIZED", "OF", "OR"])
                    && self
                        .within(to, 4, &["THIS"])
                        .or(self.within(to, 3, &["PERMITTED", "ALLOWED", "AUTHORISED", "AUTHORIZED"]))
                        .is_some();
            return (passed && self.is_said(i) && ends).then_some(to);
        }
        let dont = self.any(i, &["DON"]) && words.is(i + 1, "T") && words.gap(i + 1).len() == 1;
        if !self.any(i, &["NOT"]) && !self.any(i, &["NEVER"]) && !self.any(i, &["CANNOT"]) && !dont {
            return None;
        }
        let behind = if dont { i + 2 } else { i + 1 };
        if self.any(behind, &["FOR"]) && self.goes_on(behind) {
            return self.not_for(i, behind + 1);
        }
        // `to be passed`, `be passed`, or an imperative.
        let infinitive = self.any(behind, &["TO"]) && self.any(behind + 1, &["BE"]);
        let passive = infinitive || self.any(behind, &["BE"]);
        let at = behind + if infinitive { 2 } else { usize::from(passive) };
        let verb = self.within(at, 2, &VERBS)?;
        let kept_out = self.within(verb + 1, REACH_MAX, &KEPT_OUT);
        // `Without` is common with other verbs.
        let kept_out = kept_out.filter(|n| passive || !self.any(*n, &["WITHOUT"]));
        let document = || self.is_about_document(i) || self.within(verb + 1, 3, &SUBJECTS).is_some();
        let first = if before(&["DO", "MUST", "MAY", "SHALL", "SHOULD", "IS"]) { i - 1 } else { i };
        let asked = dont || self.any(i, &["NEVER"]) || before(&["DO"]);
        let said = self.is_said(first);
        // `Recipients may not share`, `you must not forward`.
        let told = before(&["MUST", "MAY", "SHALL", "SHOULD"])
            && i.checked_sub(2).is_some_and(|n| self.goes_on(n + 1) && self.any(n, &READERS));
        let restrains = if passive {
            let towards = infinitive && self.any(verb + 1, &["TO", "WITH", "BY"]);
            let bound = kept_out.is_some() || self.ends(verb + 1) || towards;
            let modal = before(&["MUST", "MAY", "SHALL", "SHOULD", "IS", "ARE"]) || self.any(i, &["CANNOT"]);
            let this = modal && self.is_about_this(i, self.ends(verb + 1));
            bound && (infinitive && said || this || (infinitive || modal) && self.is_about_document(i))
        } else if told {
            kept_out.is_some() || self.ends(verb + 1) || document() || self.any(verb + 1, &["THIS", "IT"])
        } else if asked {
            let ends = self.ends(verb + 1) || self.any(verb + 1, &["OR", "THIS", "IT"]);
            said && (kept_out.is_some() || ends || document())
        } else {
            // `Not releasable to`, `must not leave`: said only of a document.
            said && kept_out.is_some() || self.any(verb, &["RELEASABLE"]) && document()
        };
        restrains.then(|| kept_out.unwrap_or(verb) + 1)
    }

    /// Returns the end of what is `not for` something, beginning with word `at`.
    fn not_for(&self, i: usize, at: usize) -> Option<usize> {
        let noun = self.within(at, 4, &NOUNS)?;
        let further = (at..noun).any(|n| self.any(n, &FURTHER) || self.any(n, &["THIRD"]));
        let ends = self.ends(noun + 1)
            || self.any(noun + 1, &KEPT_OUT)
            || self.any(noun + 1, &["TO", "OR", "BY", "WITH", "IN"]);
        let only =
            noun == at && !self.any(noun, &["SALE", "USE"]) && (self.is_said(i) || self.is_about_document(i)) && ends;
        let used = self.any(noun, &["USE", "SALE"]);
        (further && !used || only).then_some(noun + 1)
    }

    /// `Originator's consent required`, `without the consent of the originator`.
    fn consent(&self, i: usize) -> Option<usize> {
        let before = |names: &[&str]| {
            (i.saturating_sub(3)..i).rev().take_while(|n| self.goes_on(n + 1)).any(|n| self.any(n, names))
        };
        if self.any(i, &["ORIGINATOR"]) || self.any(i, &["ORIGINATORS"]) {
            // `The originator must be consulted before any release`, `to be cleared with the originator`.
            let must = self.any(i + 1, &["MUST", "SHALL", "SHOULD"]);
            let first = self.within(i + 2, REACH_MAX, &["BEFORE", "PRIOR"]).filter(|_| must);
            if let Some(noun) = first.and_then(|first| self.within(first + 1, 5, &NOUNS)) {
                return Some(noun + 1);
            }
            if before(&["CLEARED", "AGREED", "COORDINATED"]) {
                return Some(i + 1);
            }
            let consent = self.within(i + 1, 5, &CONSENTS)?;
            let asked = self.within(
                consent + 1,
                REACH_MAX,
                &["REQUIRED", "NEEDED", "NECESSARY", "MUST", "BEFORE", "PRIOR", "SHALL", "APPLIES"],
            );
            let needs = before(&["WITHOUT", "REQUIRE", "REQUIRES", "REQUIRED", "SUBJECT", "NEEDS", "OBTAIN", "UNDER"]);
            let stands = self.begins(i) && self.ends(consent + 1);
            return (asked.is_some() || needs || stands).then(|| asked.unwrap_or(consent) + 1);
        }
        if !self.any(i, &["WITHOUT"]) {
            return None;
        }
        let consent = self.within(i + 1, 6, &CONSENTS)?;
        let owner = self.within(consent + 1, 4, &OWNERS).or_else(|| self.within(i + 1, 3, &OWNERS));
        owner.map(|owner| owner.max(consent) + 1)
    }

    /// `UK EYES ONLY`, in any case; `for UK use only`.
    fn eyes(&self, i: usize) -> Option<usize> {
        let words = self.words;
        let capitals = words.is_capitals(i) || words.begins_capital(i) && words.word(i).len() > 4;
        let nation = |n: usize| self.any(n, &NATIONS);
        let eyes = self.spelt(i + 1, "EYES").and_then(|only| self.spelt(only, "ONLY"));
        if nation(i) && (capitals || self.any(i, &["NATIONAL"])) && self.goes_on(i + 1) && eyes.is_some() {
            return eyes;
        }
        // `US ONLY` on its line, and `for US only`.
        let only = i + if self.any(i + 1, &PEOPLE) { 2 } else { 1 };
        let alone = nation(i) && words.is_capitals(i) && self.any(only, &["ONLY"]) && self.goes_on(i + 1);
        let for_one = i.checked_sub(1).is_some_and(|n| self.any(n, &["FOR"]) && self.begins(n)) && self.ends(only + 1);
        // `UK/US ONLY`
        let tied = |n: &usize| matches!(words.gap(n + 1), "/" | "//" | ", " | " / ") && nation(*n);
        let first = (i.saturating_sub(REACH_MAX)..i).rev().take_while(tied).last().unwrap_or(i);
        if alone && (self.is_line(first, only + 1) || for_one) {
            return Some(only + 1);
        }
        let five =
            i.checked_sub(1).is_some_and(|n| self.any(n, &["FIVE", "NINE", "FOURTEEN"]) && words.begins_capital(n));
        if five && self.any(i, &["EYES"]) && self.any(i + 1, &["ONLY"]) && words.begins_capital(i) {
            return Some(i + 2);
        }
        // `For UK use only`, `UK/US EYES ONLY` after other owners.
        let only = self.any(i, &["FOR"]) && nation(i + 1) && words.is_capitals(i + 1) && self.any(i + 3, &["ONLY"]);
        let used = self.any(i + 2, &["EYES", "USE", "PERSONNEL", "NATIONALS", "RECIPIENTS", "CITIZENS"]);
        (only && used).then_some(i + 4)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::text::marks_in;

    fn restrains(text: &str) -> bool {
        !marks_in(text, false).is_empty()
    }

    #[test]
    fn restrictions_in_words_are_found() {
        for text in [
            "Not to be passed to any foreign government",
            "Not to be passed to any foreign government without the prior consent of the originator.",
            "This report is not to be released to third parties.",
            "Not for onward distribution",
            "not for further dissemination",
            "Not for release outside the recipient organisation",
            "The material is not for publication.",
            "UK EYES ONLY",
            "US EYES ON LY",
            "REL T O USA",
            "C UI",
            "Not for on-\nward distribution",
            "Do not for-\nward this report",
            "This is for UK eyes only.",
            "For UK use only.",
            "Originator's consent required before further distribution",
            "Requires the originator's prior approval.",
            "Subject to originator consent.",
            "Do not share with third parties",
            "EXERCISE. Please do not forward.",
            "Don't share this.",
            "Do not share this report with others.",
            "Restricted distribution",
            "restricted distribution\nEXERCISE",
            "RESTRICTED DISTRIBUTION",
            "Distribution: restricted",
            "Distribution: limited to addressees only, internal use only.",
            "This document may not be disclosed.",
            "The information must not be\nshared outside the ministry.",
            "This information may only be shared with the police.",
            "No further distribution.",
            "No onward release without permission.",
            "Further distribution is not permitted.",
            "Unauthorised disclosure of this document is prohibited.",
            "Release of this information outside the ministry requires approval.",
            "It may go on, but not without the consent of the originator.",
            "The third party rule applies.",
            "For internal use only.",
            "Never pass on to anyone.",
            "NE PAS DIFFUSER",
            "For US only",
            "US ONLY",
            "This is for Five Eyes only.",
            "Not to be shown to the French.",
            "Share only within your organisation.",
            "Sharing is limited to the members of the group.",
            "Recipients may not share this with any third party.",
            "You may not forward this message.",
            "Further dissemination only with originator approval.",
            "The originator must be consulted before any onward release.",
            "Any onward disclosure must be cleared with the originator.",
            "Do not brief partners.",
            "Not for partner release.",
            "Commercial in confidence",
            "non-releasable",
            "Nicht zur Weitergabe bestimmt.",
        ] {
            assert!(restrains(text), "{text}");
        }
    }

    #[test]
    fn what_is_told_of_others_is_none() {
        for text in [
            "The government did not share the results with third parties.",
            "They do not share a border with any foreign state.",
            "The species has a restricted distribution.",
            "No further distribution of food took place.",
            "He did not pass the letter on to anyone.",
            "The hostages were not to be released before noon.",
            "Distribution limited to the coast is what the species has.",
            "The captain may not be released until Monday.",
            "The results were not for sale.",
            "The crew left without permission.",
            "The originator of the rumour is not known.",
            "Only the pilot may share the cabin.",
            "Distribution of alcohol is prohibited in the town.",
            "Do not pass the pilot boat on its left side.",
            "The distribution was limited.",
            "Further release of water is not permitted there.",
            "A licence may not be issued to a minor.",
            "The eyes only saw the shore.",
            "It is not for everybody to use the quay.",
            "The press was not given a copy, and nobody asked.",
            "Sharing is caring.",
            "You don't need to pass that information.",
            "It was for us only a day.",
            "The distribution is limited to the coast.",
            "The originator must rest before the race.",
            "You may not pass the lock at night.",
            "Share the road only with care.",
            "A commercial port, in confidence of its trade.",
            "The use of the road requires a permit.",
        ] {
            assert!(!restrains(text), "{text}");
        }
    }
}
