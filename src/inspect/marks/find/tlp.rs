//! Labels of the Traffic Light Protocol and the Permissible Actions Protocol, in any wording.
//!
//! A mention of TLP must resolve to a label. The words of the same sentence are searched, and the strictest level
//! counts. Anything else in the place of a label is reported as not understood.

use super::super::vocabulary::Term;
use super::colour::{Level, OTHERS};
use super::{Finder, Hit, MarkKind};

/// The number of words after, and before, a mention in which a level is searched.
const BEHIND_MAX: usize = 12;
const BEFORE_MAX: usize = 8;
/// The number of words after a mention in which a colour that TLP does not define is reported as not understood.
const OTHER_MAX: usize = 3;
/// The maximum number of words between a mention and its label: `TLP v2.0 level: red`.
const QUALIFIERS_MAX: usize = 6;
/// The maximum length of the signs between a name and its label.
const SIGNS_MAX: usize = 24;
/// The number of words before a mention that are searched for the beginning of a URL.
const ADDRESS_MAX: usize = 8;

/// Where the label of a mention must be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// Anywhere around it.
    Around,
    /// Directly after it, because the mention is part of a URL.
    Behind,
    /// After it and an assignment sign, because `traffic light` has other meanings.
    Given,
}

/// Words that can be between the name of the protocol and a label.
const QUALIFIERS: [&str; 19] = [
    "AS",
    "CLASSIFICATION",
    "CODE",
    "COLOR",
    "COLOUR",
    "DESIGNATION",
    "IS",
    "LABEL",
    "LEVEL",
    "MARKED",
    "MARKING",
    "NAME",
    "PROTOCOL",
    "RATING",
    "STATUS",
    "TAG",
    "VALUE",
    "VERSION",
    "WAS",
];
impl Finder<'_> {
    /// Returns the label of a mention of TLP that begins with word `i`.
    pub(super) fn traffic_light(&self, i: usize) -> Option<Hit> {
        let (to, reach) = self.mention(i)?;
        let (label, end) = match self.given(to, reach) {
            Some((level, end)) => self.beside(level, end, i),
            None if reach == Reach::Around => (self.around(i, to)?, to),
            None => return None,
        };
        Some(Hit { kind: MarkKind::TrafficLight, from: i, to: end, bracketed: false, label: label.label() })
    }

    /// `PAP:RED`: what may be done with something. The abbreviation has other meanings, so the label must follow
    /// directly.
    pub(super) fn actions(&self, i: usize) -> Option<Hit> {
        let words = self.words;
        let spelt = words.is(i + 1, "ACTIONS") && words.is(i + 2, "PROTOCOL");
        if !words.is(i, "PAP") && !spelt {
            return None;
        }
        let to = if spelt { i + 3 } else { i + 1 };
        let (level, end) = self.given(to, Reach::Behind).filter(|(level, _)| *level != Level::Other)?;
        let gap = words.gap(to);
        let signed = (to..end).any(|n| words.gap(n).contains([':', '=', '-', '_']));
        let shouted = gap == " " && words.is_capitals(i) && words.is_capitals(end - 1);
        let (level, end) = self.beside(level, end, i);
        let hit = Hit { kind: MarkKind::Actions, from: i, to: end, bracketed: false, label: level.label() };
        (spelt || signed || shouted || self.is_below(i, to, end)).then_some(hit)
    }

    /// `Sharing: amber`, a field that says with whom something may be shared.
    pub(super) fn shared(&self, i: usize) -> Option<Hit> {
        const FIELDS: [&str; 5] = ["DISSEMINATION", "DISTRIBUTION", "SHAREABILITY", "SHARING", "SHARINGLEVEL"];
        const OTHER_FIELDS: [&str; 6] =
            ["CLASSIFICATION", "CONFIDENTIALITY", "HANDLING", "MARKING", "RELEASABILITY", "SENSITIVITY"];
        let words = self.words;
        let any = |n: usize, names: &[&str]| self.any(n, names);
        let (of_sharing, of_marks) = (any(i, &FIELDS), any(i, &OTHER_FIELDS));
        if !of_sharing && !of_marks {
            return None;
        }
        let at = if any(i + 1, &["LABEL", "LEVEL", "CODE", "COLOR", "COLOUR"]) { i + 2 } else { i + 1 };
        let (level, to) = self.level_of(at)?;
        let gap = words.gap(at);
        let assigned = gap.len() <= 8 && gap.contains([':', '=']) && !gap.contains("\n\n");
        // Buoys and plants on a map have colours too, but not amber.
        let telling =
            of_sharing || (at..to).all(|n| words.is_capitals(n)) || matches!(level, Level::Amber | Level::Strict);
        let stands = telling && (assigned || self.is_below(i, at, to)) && self.ends(to);
        let hit = Hit { kind: MarkKind::TrafficLight, from: i, to, bracketed: false, label: level.label() };
        stands.then_some(hit)
    }

    /// Returns whether the words `at..to` are the whole line below the line that consists of the name `i..at`.
    fn is_below(&self, i: usize, at: usize, to: usize) -> bool {
        self.words.gap(at) == "\n" && self.is_line(i, at) && self.is_line(at, to)
    }

    /// Returns the end of a mention of TLP that begins with word `i`, and where its label must be.
    fn mention(&self, i: usize) -> Option<(usize, Reach)> {
        let words = self.words;
        let near = |n: usize| words.gap(n).len() <= 4 && !words.gap(n).contains("\n\n");
        match words.term(i) {
            Some(Term::Tlp) if self.is_in_address(i) => Some((i + 1, Reach::Behind)),
            Some(Term::Tlp) => Some((i + 1, Reach::Around)),
            Some(Term::Traffic) if words.is(i, "TRAFFICLIGHT") => Some(self.protocol(i + 1)),
            Some(Term::Traffic) => self.light(i + 1),
            // `Traf fic Light`
            _ if words.word(i).len() > 1 && words.word(i).as_bytes()[1].eq_ignore_ascii_case(&b'r') => {
                self.light(self.spelt(i, "TRAFFIC")?)
            }
            // `TL P` and `T.L.P.`
            _ => {
                let pieces = self.spelt(i, "TLP").filter(|to| *to == i + 2 && words.is_capitals(i));
                if let Some(to) = pieces {
                    return Some((to, Reach::Around));
                }
                let letter = |n: usize, letter: &str| words.word(n).len() == 1 && words.is(n, letter);
                let spelt = letter(i, "T") && letter(i + 1, "L") && letter(i + 2, "P");
                let apart = |n: usize| near(n) && (words.is_capitals(n) || words.gap(n).contains('.'));
                let whole = !(i > 0 && words.word(i - 1).len() == 1 && words.gap(i).len() == 1);
                (spelt && whole && apart(i + 1) && apart(i + 2)).then_some((i + 3, Reach::Around))
            }
        }
    }

    /// Reads `light`, after `traffic`, and what follows it.
    fn light(&self, at: usize) -> Option<(usize, Reach)> {
        let near = self.words.gap(at).len() <= 4 && !self.words.gap(at).contains("\n\n");
        self.spelt(at, "LIGHT").filter(|_| near).map(|to| self.protocol(to))
    }

    /// Returns whether it names the protocol, and where its label must be.
    fn protocol(&self, to: usize) -> (usize, Reach) {
        let named = ["PROTOCOL", "MARKING", "LABEL", "DESIGNATION", "CLASSIFICATION"];
        let near = self.words.gap(to).len() <= 4 && !self.words.gap(to).contains("\n\n");
        let protocol = named.iter().find_map(|name| self.spelt(to, name)).filter(|_| near);
        protocol.map_or((to, Reach::Given), |to| (to, Reach::Around))
    }

    /// Returns whether the word is inside a URL, where the scheme distinguishes it from prose.
    fn is_in_address(&self, i: usize) -> bool {
        let words = self.words;
        let joined = |n: &usize| !words.gap(*n).contains([' ', '\n']);
        (i.saturating_sub(ADDRESS_MAX)..=i).rev().take_while(joined).any(|n| words.gap(n).contains("://"))
    }

    /// Returns the label directly after a mention, and the end of it.
    fn given(&self, to: usize, reach: Reach) -> Option<(Level, usize)> {
        let words = self.words;
        let gives = |gap: &str| gap.contains([':', '=']);
        let qualifies = |n: usize| {
            let word = words.word(n);
            let version = matches!(word.as_bytes(), [b'v' | b'V' | b'0'..=b'9', ..])
                && word.trim_start_matches(['v', 'V']).bytes().all(|b| b.is_ascii_digit());
            version && !gives(words.gap(n)) || self.any(n, &QUALIFIERS)
        };
        let (mut at, mut given) = (to, false);
        while at < to + QUALIFIERS_MAX && qualifies(at) && !words.gap(at).contains("\n\n") {
            given |= gives(words.gap(at));
            at += 1;
        }
        let gap = words.gap(at);
        given |= gives(gap);
        let field = self.is_line(to.saturating_sub(2), to) && gap == "\n" && at == to;
        let below = gap.bytes().all(|b| matches!(b, b' ' | b'\n'))
            && self.level_of(at).is_some_and(|(_, end)| self.is_line(at, end));
        let parted = gap.len() > SIGNS_MAX || gap.contains(". ") || gap.contains("\n\n") && !given && !below;
        if parted || reach == Reach::Given && !given && !gap.contains('_') && !field {
            return None;
        }
        let level = self.level_of(at);
        if level.is_some() {
            return level;
        }
        let here = at < words.list.len();
        // A colour that TLP does not define, or any other value assigned on the same line.
        let other = here && self.any(at, &OTHERS);
        let value = given && here && !gap.contains([')', ']', '\n']) && self.mention(at).is_none();
        (other || value && reach != Reach::Behind).then_some((Level::Other, at + 1))
    }

    /// Returns the strictest of a label and those joined to it, before the mention `i` and after the label.
    fn beside(&self, level: Level, to: usize, i: usize) -> (Level, usize) {
        let words = self.words;
        let tied = |gap: &str, a: usize, b: usize| {
            let alike =
                words.is_capitals(a) == words.is_capitals(b) && words.begins_capital(a) == words.begins_capital(b);
            let signed = gap.contains(['/', '|', '+', '&', '(', '<', '>', '\\']) || gap == "-";
            gap.len() <= 6 && !gap.contains('\n') && (signed || alike && gap.trim_matches([',', ' ', '-']).is_empty())
        };
        let (mut strictest, mut end) = (level, to);
        loop {
            let linked = ["AND", "OR", "TO"].iter().any(|word| words.is(end, word)) && words.gap(end) == " ";
            let at = end + usize::from(linked);
            let gap = words.gap(at);
            match self.level_of(at) {
                Some((other, behind)) if linked && gap == " " || tied(gap, end - 1, at) => {
                    strictest = strictest.max(other);
                    end = behind;
                }
                // `GREEN+LIMITED` is not a label.
                _ if gap == "+" && at < words.list.len() => return (Level::Other, at + 1),
                _ => break,
            }
        }
        if let Some(before) = i.checked_sub(1)
            && let Some((other, behind)) = self.level_of(before)
            && behind == i
            && !words.gap(i).contains(',')
            && tied(words.gap(i), before, i)
        {
            strictest = strictest.max(other);
        }
        (strictest, end)
    }

    /// Returns the strictest level anywhere around the mention `i..to`: on its line or the next ones, or before it.
    fn around(&self, i: usize, to: usize) -> Option<Level> {
        let words = self.words;
        let mut found: Option<Level> = None;
        let mut lines = 0;
        for n in to..(to + BEHIND_MAX).min(words.list.len()) {
            lines += words.gap(n).bytes().filter(|b| *b == b'\n').count();
            if lines > self.lines || words.gap(n).contains("\n\n") || self.mention(n).is_some() {
                break;
            }
            let other = || (n < to + OTHER_MAX && self.any(n, &OTHERS)).then_some(Level::Other);
            found = found.max(self.said(n).or_else(other));
        }
        lines = 0;
        for n in (i.saturating_sub(BEFORE_MAX)..i).rev() {
            lines += words.gap(n + 1).bytes().filter(|b| *b == b'\n').count();
            if lines > self.lines || words.gap(n + 1).contains("\n\n") || words.term(n) == Some(Term::Tlp) {
                break;
            }
            found = found.max(self.said(n));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::scan::{Layout, all};
    use super::*;

    /// Returns the labels of TLP and PAP in a text, as resolved.
    fn labels(text: &str, layout: Layout) -> Vec<String> {
        let found = all(text, layout).marks.into_keys();
        let of_colours = found.filter(|(kind, _)| matches!(kind, MarkKind::TrafficLight | MarkKind::Actions));
        of_colours.map(|(_, says)| says.unwrap_or_else(|| "other".into())).collect()
    }

    #[track_caller]
    fn says(text: &str, expected: &[&str]) {
        assert_eq!(labels(text, Layout::Lines), expected, "{text:?}");
    }

    #[test]
    fn a_label_is_read_however_it_is_put() {
        for text in [
            "TLP:RED",
            "TLP RED",
            "tlp-red",
            "tlp_red",
            "TLP=RED",
            "T.L.P.: RED",
            "T L P: RED",
            "TL P:RED",
            "T LP:RED",
            "TL-P:RED",
            "TL.P:RED",
            "T_LP:RED",
            "TL-\nP:RED",
            "\\124LP:RED",
            "Traf fic Light Protocol: RED",
            "traffic li-\nght proto-\ncol: red",
            "TLPRED",
            "tlpRed",
            "RED (TLP)",
            "TLP level is red",
            "TLP v2.0: red",
            "TLP marking for this report is RED",
            "TLP:GREEN/RED",
            "TLP:RED/GREEN",
            "Traffic Light Protocol: red",
            "traffic-light protocol is RED",
            "Traffic light: red",
            "traffic_light=RED",
            "Handle as red under the TLP please.",
            "The TLP of this report, as the desk has it, is red.",
            "TLP:\nRED",
            "TLP:\n\nRED",
            "TLP: R E D",
            "TLP:R3D",
            "TLP\u{ff1a}\u{ff32}\u{ff25}\u{ff24}",
            "\u{ff34}\u{ff2c}\u{ff30} RED",
            "TLP:GREEN or RED",
            "TLP:CLEAR, RED",
            "TLP (version 1): red",
            "The report is RED.\nThis is by the TLP.",
            "trafficLightProtocol: red",
            "reportTlpLevel: red",
            "TLP\n\nRED",
            "Sharing: red",
            "distribution = RED",
            "TLP:RE-\nD",
            "RED/TLP:GREEN",
        ] {
            says(text, &["red"]);
        }
        says("Traffic Light Protocol: AMBER+STRICT", &["amber+strict"]);
        says("TLP:AM-\nBER", &["amber"]);
        says("TLP:AMBER-STRICT", &["amber+strict"]);
        says("Marking: amber", &["amber"]);
        for text in [
            "TLP:GREEN",
            "tlp green",
            "TLP: Green\nRed Cross",
            "TLP:GREEN. Red Cross",
            "EXERCISE Red Team (TLP:GREEN)",
            "TLP:GREEN (see red line)",
        ] {
            says(text, &["green"]);
        }
        says("PAP:RED, PAP: WHITE", &["clear", "red"]);
        says("PAP AMBER", &["amber"]);
        says("Permissible Actions Protocol: red", &["red"]);
        assert_eq!(labels("light\nRED\nprotocol\nTLP\n", Layout::Values), ["red"]);
    }

    #[test]
    fn a_label_that_is_none_is_not_understood() {
        for text in [
            "TLP:ORANGE",
            "TLP:R",
            "TLP: see the annex",
            "TLP level: high",
            "tlp=3",
            "TLP:GREEN+LIMITED",
            "TLP orange",
            "TLP:ROUGE",
        ] {
            says(text, &["other"]);
        }
    }

    #[test]
    fn what_speaks_of_no_label_is_left_alone() {
        for text in [
            "This follows the TLP of FIRST.",
            "The Traffic Light Protocol (TLP): it has four labels.",
            "TLP makes it clear.",
            "The traffic light was red.",
            "traffic lights: red and green flicker",
            "A red light.",
            "TLPs of the year",
            "see https://exercise.example/tlp/ for the red one",
            "PAP smear: red cells",
            "The pap was red.",
            "Markings: red and white.",
            "The TLP.\n\nThe red boat left.",
            "TLP\n\nRed boats",
            "ATLP red",
            "The marking: red paint on steel.",
        ] {
            says(text, &[]);
        }
        assert_eq!(
            labels("tlp\nlabel\nAMBER\nurl\nhttps://exercise.example/tlp/\ntitle\nRed boats\n", Layout::Values),
            ["amber"]
        );
        assert_eq!(labels("tlp,name\n,Red\ngreen,Bravo\n", Layout::Table), ["green"]);
    }
}
