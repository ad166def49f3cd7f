//! The rules for recognising words as a classification or control marking.
//!
//! Every rule needs more than a word: `secret` and `restricted` are English, and `(S)` can be anything.
//! `docs/INSPECTION.md` documents what is recognised and what is not.

mod spaced;
mod bracket;
mod restriction_words;
mod closed_list;
mod colour;
mod field;
mod phrase;
mod statement;
mod tlp;

use super::vocabulary::Term;
use super::words::{Words, begins, ends, joins, slashes};

/// The kind of mark that something looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MarkKind {
    /// A classification, with or without controls after it.
    Classification,
    /// A classification in brackets before or after a text.
    Portion,
    /// A control without a classification.
    Control,
    /// A label of the Traffic Light Protocol.
    TrafficLight,
    /// A label of the Permissible Actions Protocol.
    Actions,
    /// A sentence that restricts dissemination.
    Statement,
    /// A reference to a STIX marking definition.
    Reference,
    /// A mark with separated letters.
    Spaced,
}

impl std::fmt::Display for MarkKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            MarkKind::Classification => "a classification",
            MarkKind::Portion => "a portion mark",
            MarkKind::Control => "a control marking",
            MarkKind::TrafficLight => "a Traffic Light Protocol label",
            MarkKind::Actions => "a Permissible Actions Protocol label",
            MarkKind::Statement => "a restriction in words",
            MarkKind::Reference => "a reference to a marking definition",
            MarkKind::Spaced => "a marking with spaced letters",
        })
    }
}

/// A mark, as a range of words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hit {
    pub kind: MarkKind,
    pub from: usize,
    pub to: usize,
    /// Whether it is in brackets.
    pub bracketed: bool,
    /// The resolved label of a TLP or PAP mark; `None` if it is not understood, and for other marks.
    pub label: Option<&'static str>,
}

impl Hit {
    /// Returns whether it is a resolved label, and not a mark to be parsed as written.
    pub fn is_label(&self) -> bool {
        matches!(self.kind, MarkKind::TrafficLight | MarkKind::Actions)
    }
}

/// State kept between windows: in an enumeration `(A)`, `(B)`, `(C)` the third item is not a mark.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Enumeration {
    next: Option<u8>,
}

/// Controls that are followed by a list of owners.
const LISTING: [&str; 5] = ["REL", "TO", "RELTO", "ONLY", "FGI"];
/// The number of groups of a UUID.
const UUID_GROUPS: usize = 5;
/// The maximum number of words in a mark.
const WORDS_MAX: usize = 256;

/// Applies the rules to the words of a text.
pub(super) struct Finder<'a> {
    pub words: &'a Words<'a>,
    /// Whether the text is a name or a heading. A level that is the whole text is then a mark in any case of letters.
    pub alone: bool,
    /// Whether the text is complete.
    pub last: bool,
    /// The maximum number of lines between the name of a protocol and its label.
    pub lines: usize,
}

impl Finder<'_> {
    /// Returns the mark that begins with word `i`, if one does.
    pub fn at(&self, i: usize, enumeration: &mut Enumeration) -> Option<Hit> {
        let words = self.words;
        if !words.list.get(i).is_some_and(|word| word.may_begin) {
            return None;
        }
        let term = words.term(i);
        let found = match term {
            Some(Term::Tlp | Term::Traffic) => self.traffic_light(i),
            Some(Term::Actions) => self.actions(i),
            Some(Term::Control) => self.control(i),
            Some(Term::Banner) => Some(self.hit(MarkKind::Classification, i, self.run(i + 1))),
            Some(Term::Run) => self.run_together(i),
            Some(Term::Label | Term::Heading) => self.reference(i).or_else(|| self.field(i)),
            _ => None,
        };
        found
            .or_else(|| term.and_then(|_| self.phrase(i)))
            .or_else(|| term.and_then(|_| self.shared(i)))
            .or_else(|| term.and_then(|_| self.statement(i)))
            .or_else(|| term.and_then(|_| self.closed(i)))
            .or_else(|| self.bracketed(i, enumeration))
            .or_else(|| term.and_then(|_| self.level(i)))
            .or_else(|| self.weak(i))
            .or_else(|| self.owned(i))
            .or_else(|| self.apart(i))
            .or_else(|| if term.is_none() { self.traffic_light(i) } else { None })
            .or_else(|| self.broken(i))
    }

    fn hit(&self, kind: MarkKind, from: usize, to: usize) -> Hit {
        Hit { kind, from, to, bracketed: false, label: None }
    }

    /// Returns whether a phrase begins with word `i`.
    fn begins(&self, i: usize) -> bool {
        begins(self.words.gap(i), i == 0)
    }

    /// Returns whether a phrase ends before word `to`.
    fn ends(&self, to: usize) -> bool {
        ends(self.words.gap(to), self.last && to >= self.words.list.len())
    }

    /// Returns whether the words `from..to` are alone on their line, except for signs.
    fn is_line(&self, from: usize, to: usize) -> bool {
        let first = from == 0 || self.words.gap(from).contains('\n');
        let behind = self.words.gap(to);
        first && (behind.contains('\n') || self.last && to >= self.words.list.len())
    }

    /// Returns whether the surrounding words are all in capitals, so that capitals are not significant.
    fn is_shouted(&self, from: usize, to: usize) -> bool {
        let near = from.saturating_sub(6)..(to + 6).min(self.words.list.len());
        let others = near.filter(|i| !(from..to).contains(i));
        let letters = others.filter(|i| self.words.word(*i).bytes().any(|b| b.is_ascii_alphabetic()));
        let capitals: Vec<bool> = letters.map(|i| self.words.is_capitals(i)).collect();
        capitals.len() >= 3 && capitals.iter().all(|c| *c)
    }

    /// Returns the end of the mark that continues at `from`.
    fn run(&self, from: usize) -> usize {
        let words = self.words;
        let mut to = from;
        let (mut doubled, mut listing) = (false, false);
        while to < words.list.len() && to - from < WORDS_MAX {
            let gap = words.gap(to);
            let slashed = slashes(gap);
            doubled |= slashed >= 2;
            let comma = listing && matches!(gap, ", " | ",");
            // Text on the next line is a separate mark, unless slashes connect the two.
            if !joins(gap) && !comma || gap.contains('\n') && slashed == 0 {
                break;
            }
            let named = words.term(to).is_some_and(Term::is_of_marks);
            let known = named && (words.is_capitals(to) || slashed >= 2);
            let of_list = (doubled || listing) && words.is_capitals(to) && words.word(to).len() <= 15;
            if !known && !of_list {
                break;
            }
            listing |= words.word(to).len() <= 5 && LISTING.iter().any(|word| words.is(to, word));
            to += 1;
        }
        to
    }

    /// Finds a control that is no other word.
    fn control(&self, i: usize) -> Option<Hit> {
        let to = self.run(i + 1);
        // There are companies of that name.
        let firm = self.words.is(i, "ORCON") && !self.words.is_capitals(i);
        let set_apart = self.alone || to > i + 1 || self.begins(i) && self.ends(to) || slashes(self.words.gap(i)) > 0;
        (!firm || set_apart).then(|| self.hit(MarkKind::Control, i, to))
    }

    /// Finds an abbreviated level and controls in one word, if it is no other abbreviation.
    fn run_together(&self, i: usize) -> Option<Hit> {
        let words = self.words;
        let to = self.run(i + 1);
        let word = words.word(i);
        let unmistakable = word.len() > 3 && word.starts_with("TS") && word.ends_with("NF") || word.len() > 5;
        let named = word.ends_with("REL") && (words.is(i + 1, "TO") || words.term(i + 1) == Some(Term::Code));
        let goes_on = slashes(words.gap(i + 1)) >= 2 && to > i + 1 || named && joins(words.gap(i + 1));
        (unmistakable || goes_on || self.is_line(i, to)).then(|| self.hit(MarkKind::Classification, i, to))
    }

    /// Finds `marking-definition--` followed by a UUID.
    fn reference(&self, i: usize) -> Option<Hit> {
        let words = self.words;
        let definition = words.is(i, "MARKING") && words.gap(i + 1) == "-" && words.is(i + 1, "DEFINITION");
        let mut to = i + 2;
        while to < (i + 2 + UUID_GROUPS).min(words.list.len()) && matches!(words.gap(to), "-" | "--") {
            to += 1;
        }
        (definition && words.gap(i + 2) == "--").then(|| self.hit(MarkKind::Reference, i, to))
    }

    /// Returns the end of a spelled-out classification that begins with word `i`.
    fn level_words(&self, i: usize) -> Option<usize> {
        let words = self.words;
        let near = |i: usize| {
            let gap = words.gap(i);
            gap.len() <= 4 && !gap.is_empty() && !gap.contains("\n\n") && !gap.contains([',', '(', ')', '"', '\''])
        };
        match words.term(i)? {
            Term::Level => Some(i + 1),
            Term::Top if words.is(i + 1, "SECRET") && near(i + 1) => Some(i + 2),
            _ => None,
        }
    }

    /// Finds a spelled-out classification and what follows it.
    fn level(&self, i: usize) -> Option<Hit> {
        let words = self.words;
        match words.term(i)? {
            Term::Cosmic if words.term(i + 1) == Some(Term::Top) && self.level_words(i + 1).is_some() => {
                return Some(self.hit(MarkKind::Classification, i, self.run(i + 1)));
            }
            Term::Code => {
                let to = self.level_words(i + 1).filter(|_| joins(words.gap(i + 1)))?;
                let capitals = (i..to).all(|n| words.is_capitals(n));
                let titled = words.is(i, "NATO") && (i + 1..to).all(|n| words.begins_capital(n));
                return (capitals || titled).then(|| self.hit(MarkKind::Classification, i, self.run(to)));
            }
            Term::Letters | Term::Letter => return self.letters(i),
            _ => {}
        }
        let to = self.level_words(i)?;
        let end = self.run(to);
        let found = Some(self.hit(MarkKind::Classification, i, end));
        let behind = slashes(words.gap(to));
        // Two slashes after it, or a line like a banner: this is written only as a mark.
        if behind >= 2 && to < words.list.len() || slashes(words.gap(i)) >= 2 && self.is_line(i, to) {
            return found;
        }
        let control = |n: usize| matches!(words.term(n), Some(Term::Weak | Term::Control)) && words.is_capitals(n);
        let capitals = (i..to).all(|n| words.is_capitals(n));
        if end > to && control(to) && (capitals || behind == 1) {
            return found;
        }
        let titled = (i..to).all(|n| words.begins_capital(n));
        let (begins, ends) = (self.begins(i), self.ends(to));
        // The joined form of the highest level is no other word.
        let two = to - i == 2 || words.is(i, "TOPSECRET");
        let set_apart = match (capitals, titled) {
            _ if capitals && end == to && self.is_said_of_other(i, to) => false,
            // `SECRET SECRET SECRET` is as long as the mark itself.
            (true, _) if self.is_shouted(i, to) => begins && (ends || self.ends(end)),
            (true, _) => begins && ends || !self.is_part_of_name(i, to),
            (_, true) => self.is_line(i, to) || two && begins && ends,
            _ => {
                let spaced = to - i == 1 || words.gap(i + 1) == " ";
                self.is_line(i, to) && (self.alone || two && spaced)
            }
        };
        set_apart.then(|| self.hit(MarkKind::Classification, i, end))
    }

    /// `Status: RESTRICTED`, which is also used of a road or of airspace.
    fn is_said_of_other(&self, i: usize, to: usize) -> bool {
        const FIELDS: [&str; 8] =
            ["AIRSPACE", "AREA", "ENTRY", "MOVEMENT", "PARKING", "STATUS", "VISIBILITY", "WATERS"];
        let words = self.words;
        let field = i.checked_sub(1).is_some_and(|n| FIELDS.iter().any(|field| words.is(n, field)));
        field && words.is(i, "RESTRICTED") && words.gap(i).trim() == ":" && slashes(words.gap(to)) == 0
    }

    /// Returns whether the words are part of a longer name, such as `CLIENT_SECRET` or `SECRET-KEY`.
    fn is_part_of_name(&self, i: usize, to: usize) -> bool {
        let words = self.words;
        let ties = |gap: &str| matches!(gap, "_" | "-" | "." | "/" | "'" | "::" | "=" | "$" | "${" | "%");
        // `RESTRICTED` is also used of other things, next to another word in capitals.
        let other = |n: usize| words.is_capitals(n) && words.term(n).is_none() && words.word(n).len() > 3;
        let said_of = words.is(i, "RESTRICTED")
            && (i > 0 && other(i - 1) && matches!(words.gap(i), " " | "\n")
                || other(to) && matches!(words.gap(to), " " | "\n"));
        i > 0 && ties(words.gap(i)) || to < words.list.len() && ties(words.gap(to)) || said_of
    }

    /// Finds an abbreviated classification without brackets: `S//NF`, `TS/SCI`, `S-NF`.
    fn letters(&self, i: usize) -> Option<Hit> {
        let words = self.words;
        let gap = words.gap(i + 1);
        let next = words.term(i + 1)?;
        let control = matches!(next, Term::Weak | Term::Control);
        let long = words.term(i) == Some(Term::Letters);
        let capitals = words.is_capitals(i) && words.is_capitals(i + 1);
        let forbids = words.is(i + 1, "NF") || words.is(i + 1, "SCI") && long;
        let marks = match slashes(gap) {
            2.. => control || next == Term::Code && capitals,
            1 => control && capitals,
            0 => control && capitals && joins(gap) && (forbids || long && gap != "."),
        };
        marks.then(|| self.hit(MarkKind::Classification, i, self.run(i + 1)))
    }

    /// Finds a control that is one only next to other parts of a mark.
    fn weak(&self, i: usize) -> Option<Hit> {
        let words = self.words;
        if words.term(i) != Some(Term::Weak) {
            return None;
        }
        let capitals = words.is_capitals(i);
        let (before, gap) = (words.gap(i), words.gap(i + 1));
        let next = words.term(i + 1);
        let code = next == Some(Term::Code);
        // `OC/NF`: a control before one that forbids all foreign release is a mark.
        let forbids = capitals
            && words.is(i + 1, "NF")
            && words.is_capitals(i + 1)
            && !words.is(i, "NF")
            && (slashes(gap) > 0 || gap == "-");
        let category = words.is(i, "CUI") && words.is(i + 1, "SP") && joins(gap) && words.gap(i + 2) == "-";
        let alone =
            ["CUI", "NF", "SBU", "LES", "FEDCON", "NOCON"].iter().any(|w| words.is(i, w)) && self.is_line(i, i + 1);
        let towards = words.gap(i + 2);
        let to_code = words.is(i + 1, "TO") && joins(gap) && (joins(towards) || towards.trim() == ":") && {
            let named = words.term(i + 2) == Some(Term::Code);
            named || capitals && words.is_capitals(i + 1)
        };
        let sensitive = ["SBU", "LES"].iter().any(|w| words.is(i, w)) && joins(gap) && words.is(i + 1, "NF");
        let released = (words.is(i, "REL") && (to_code || code && capitals && (joins(gap) || gap.trim() == ":")))
            || words.is(i, "RELTO") && capitals;
        let double = slashes(gap) >= 2 && matches!(next, Some(Term::Weak | Term::Control)) && capitals
            || slashes(gap) >= 2 && words.is(i, "CUI") && capitals;
        let behind_slashes = before.ends_with("//") && !before.ends_with("://") && capitals && !self.is_path(i);
        (alone && capitals
            || forbids
            || category && capitals
            || released
            || double
            || behind_slashes
            || sensitive && capitals)
            .then(|| self.hit(MarkKind::Control, i, self.run(i + 1)))
    }

    /// Returns whether the word continues as a URL or a path does.
    fn is_path(&self, i: usize) -> bool {
        let gap = self.words.gap(i + 1);
        gap.starts_with('.') && !gap.starts_with(". ") && i + 1 < self.words.list.len()
    }

    /// Finds a foreign classification: two slashes, its owner, a level.
    fn owned(&self, i: usize) -> Option<Hit> {
        let words = self.words;
        let before = words.gap(i);
        let slashed = before.ends_with("//") && !before.ends_with("://");
        if !slashed || !words.is_capitals(i) || words.word(i).len() > 5 {
            return None;
        }
        let own = matches!(words.term(i), Some(Term::Letters)) || matches!(words.word(i), "NS" | "NC" | "NR" | "NU");
        let gap = words.gap(i + 1);
        let next = words.is_capitals(i + 1) && matches!(gap, " " | "  " | "-" | "_" | "/");
        let level = next && matches!(words.term(i + 1), Some(Term::Level | Term::Top | Term::Letter | Term::Letters));
        (own || level).then(|| self.hit(MarkKind::Classification, i, self.run(i + 1)))
    }
}
