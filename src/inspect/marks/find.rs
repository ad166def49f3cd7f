//! What a reader would take for a classification or control marking, by the words and by where they stand.
//!
//! Every rule asks for more than a word: `secret` and `restricted` are English, `(S)` may be anything, and a text that
//! speaks of secrets is no mark. `docs/INSPECTION.md` says what is taken for one and what is not.

mod apart;

use super::vocabulary::{Folded, PHRASES, Term, Written, is_run_together};
use super::words::{Words, begins, ends, joins, slashes};

/// What a mark looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Look {
    /// A classification, with or without controls behind it.
    Classification,
    /// A classification in brackets before or behind a text.
    Portion,
    /// A control by itself.
    Control,
    /// A label of the Traffic Light Protocol.
    TrafficLight,
    /// A mark whose letters stand apart.
    Apart,
}

impl std::fmt::Display for Look {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Look::Classification => "a classification",
            Look::Portion => "a portion mark",
            Look::Control => "a control marking",
            Look::TrafficLight => "a Traffic Light Protocol label",
            Look::Apart => "a marking with its letters set apart",
        })
    }
}

/// A mark by the numbers of its first word and of the one behind its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hit {
    pub look: Look,
    pub from: usize,
    pub to: usize,
    /// Whether a bracket stands before it and another behind.
    pub bracketed: bool,
}

/// What is remembered from one window to the next: in an enumeration `(A)`, `(B)`, `(C)` the third is no mark.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Enumeration {
    next: Option<u8>,
}

/// Words in a mark at most.
const WORDS_MAX: usize = 256;

/// The words of a text, judged one by one.
pub(super) struct Finder<'a> {
    pub words: &'a Words<'a>,
    /// Whether the text is a name or a heading of its own: then a level alone is a mark however it is written.
    pub alone: bool,
    /// Whether nothing follows the text.
    pub last: bool,
}

impl Finder<'_> {
    /// The mark that begins with the word `i`, if one does.
    pub fn at(&self, i: usize, enumeration: &mut Enumeration) -> Option<Hit> {
        let words = self.words;
        if !words.list.get(i).is_some_and(|word| word.may_begin) {
            return None;
        }
        let term = words.term(i);
        let found = match term {
            Some(Term::Tlp) => self.traffic_light(i),
            Some(Term::Control) => Some(self.hit(Look::Control, i, self.run(i + 1))),
            Some(Term::Phrase) => self.phrase(i),
            Some(Term::Label) => self.field(i),
            _ => None,
        };
        found
            .or_else(|| self.bracketed(i, enumeration))
            .or_else(|| term.and_then(|_| self.level(i)))
            .or_else(|| self.weak(i))
            .or_else(|| self.owned(i))
            .or_else(|| self.apart(i))
            .or_else(|| self.broken(i))
    }

    fn hit(&self, look: Look, from: usize, to: usize) -> Hit {
        Hit { look, from, to, bracketed: false }
    }

    /// Whether a phrase begins with the word `i`.
    fn begins(&self, i: usize) -> bool {
        begins(self.words.gap(i), i == 0)
    }

    /// Whether a phrase ends before the word `to`.
    fn ends(&self, to: usize) -> bool {
        ends(self.words.gap(to), self.last && to >= self.words.list.len())
    }

    /// Whether the words `from..to` are all that stands on their line, but for signs.
    fn is_line(&self, from: usize, to: usize) -> bool {
        let first = from == 0 || self.words.gap(from).contains('\n');
        let behind = self.words.gap(to);
        first && (behind.contains('\n') || self.last && to >= self.words.list.len())
    }

    /// Whether the words around are all in capitals, where capitals set nothing apart.
    fn is_shouted(&self, from: usize, to: usize) -> bool {
        let near = from.saturating_sub(6)..(to + 6).min(self.words.list.len());
        let others = near.filter(|i| !(from..to).contains(i));
        let letters = others.filter(|i| self.words.word(*i).bytes().any(|b| b.is_ascii_alphabetic()));
        let capitals: Vec<bool> = letters.map(|i| self.words.is_capitals(i)).collect();
        capitals.len() >= 3 && capitals.iter().all(|c| *c)
    }

    /// The first word behind `from` that does not belong to the mark which goes on there.
    fn run(&self, from: usize) -> usize {
        let words = self.words;
        let mut to = from;
        let (mut doubled, mut listing) = (false, false);
        while to < words.list.len() && to - from < WORDS_MAX {
            let gap = words.gap(to);
            let slashed = slashes(gap);
            doubled |= slashed >= 2;
            let comma = listing && matches!(gap, ", " | ",");
            // What stands on the next line is a mark of its own, unless slashes tie it to this one.
            if !joins(gap) && !comma || gap.contains('\n') && slashed == 0 {
                break;
            }
            let known = words.term(to).is_some_and(|t| t != Term::Label) && (words.is_capitals(to) || slashed >= 2);
            let of_list = (doubled || listing) && words.is_capitals(to) && words.word(to).len() <= 15;
            if !known && !of_list {
                break;
            }
            listing |= ["REL", "TO", "RELTO", "ONLY", "FGI"].iter().any(|word| words.is(to, word));
            to += 1;
        }
        to
    }

    /// `TLP:RED` and its kin.
    fn traffic_light(&self, i: usize) -> Option<Hit> {
        let gap = self.words.gap(i + 1);
        let coloured = self.words.term(i + 1) == Some(Term::Colour) && gap.len() <= 5 && !gap.contains("\n\n");
        coloured.then(|| {
            let strict = self.words.is(i + 2, "STRICT") && self.words.gap(i + 2).len() <= 3;
            self.hit(Look::TrafficLight, i, i + 2 + usize::from(strict))
        })
    }

    /// A control of several words.
    fn phrase(&self, i: usize) -> Option<Hit> {
        let words = self.words;
        let first = Folded::of(words.word(i))?;
        PHRASES.iter().filter(|(phrase, _)| phrase.as_bytes().starts_with(first.as_bytes())).find_map(
            |(phrase, written)| {
                let mut to = i;
                for (n, part) in phrase.split(' ').enumerate() {
                    let near = n == 0 || words.gap(to).len() <= 4 && !words.gap(to).contains("\n\n");
                    if !near || !words.is(to, part) {
                        return None;
                    }
                    to += 1;
                }
                let capitals = (i..to).all(|n| words.is_capitals(n));
                let set_apart = self.begins(i) && self.ends(to);
                let marks = match written {
                    Written::Anyhow => true,
                    Written::Capitals => {
                        capitals && (!self.is_shouted(i, to) || self.begins(i) || self.ends(to))
                            || set_apart && words.begins_capital(i)
                    }
                    Written::Field => words.gap(to).trim_start().starts_with(':') && self.begins(i),
                };
                // What is for your eyes only is a film.
                let yours = *phrase == "EYES ONLY" && i.checked_sub(1).is_some_and(|before| words.is(before, "YOUR"));
                (marks && !yours).then(|| self.hit(Look::Control, i, self.run(to)))
            },
        )
    }

    /// `Classification: secret`, and a name with its value on the next line.
    fn field(&self, i: usize) -> Option<Hit> {
        let words = self.words;
        let gap = words.gap(i + 1);
        let signed = gap.len() <= 6 && gap.bytes().any(|b| b":=|\t".contains(&b)) && !gap.contains("\n\n");
        let level = self.level_words(i + 1);
        let to = level.unwrap_or(i + 2);
        let below = gap == "\n" && self.is_line(i, i + 1) && self.is_line(i + 1, to);
        let valued = match words.term(i + 1) {
            _ if level.is_some() => true,
            Some(Term::Weak) => words.is_capitals(i + 1),
            Some(Term::Letters | Term::Letter) => self.ends(to) || slashes(words.gap(to)) > 0,
            _ => false,
        };
        ((signed || below) && valued).then(|| self.hit(Look::Classification, i + 1, self.run(to)))
    }

    /// The word behind a classification that is written out and begins with the word `i`.
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

    /// A classification and what follows it.
    fn level(&self, i: usize) -> Option<Hit> {
        let words = self.words;
        match words.term(i)? {
            Term::Cosmic if words.term(i + 1) == Some(Term::Top) && self.level_words(i + 1).is_some() => {
                return Some(self.hit(Look::Classification, i, self.run(i + 1)));
            }
            Term::Code => {
                let to = self.level_words(i + 1).filter(|_| joins(words.gap(i + 1)))?;
                let capitals = (i..to).all(|n| words.is_capitals(n));
                let titled = words.is(i, "NATO") && (i + 1..to).all(|n| words.begins_capital(n));
                return (capitals || titled).then(|| self.hit(Look::Classification, i, self.run(to)));
            }
            Term::Letters | Term::Letter => return self.letters(i),
            _ => {}
        }
        let to = self.level_words(i)?;
        let end = self.run(to);
        let found = Some(self.hit(Look::Classification, i, end));
        let behind = slashes(words.gap(to));
        // Two slashes, or the ends of a banner: nobody writes so who does not mark.
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
        let set_apart = match (capitals, titled) {
            (true, _) if self.is_shouted(i, to) => begins && ends,
            (true, _) => begins && ends || !self.is_part_of_name(i, to),
            (_, true) => self.is_line(i, to) || to - i == 2 && begins && ends,
            _ => self.is_line(i, to) && (self.alone || to - i == 2 && words.gap(i + 1) == " "),
        };
        set_apart.then(|| self.hit(Look::Classification, i, end))
    }

    /// Whether the words are part of a longer name, such as `CLIENT_SECRET` or `SECRET-KEY`.
    fn is_part_of_name(&self, i: usize, to: usize) -> bool {
        let words = self.words;
        let ties = |gap: &str| matches!(gap, "_" | "-" | "." | "/" | "'" | "::" | "=" | "$" | "${" | "%");
        // `RESTRICTED` is said of other things too, and then in the company of another word in capitals.
        let other = |n: usize| words.is_capitals(n) && words.term(n).is_none() && words.word(n).len() > 3;
        let said_of = words.is(i, "RESTRICTED")
            && (i > 0 && other(i - 1) && matches!(words.gap(i), " " | "\n")
                || other(to) && matches!(words.gap(to), " " | "\n"));
        i > 0 && ties(words.gap(i)) || to < words.list.len() && ties(words.gap(to)) || said_of
    }

    /// A classification by its letters, without brackets: `S//NF`, `TS/SCI`, `S-NF`.
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
        marks.then(|| self.hit(Look::Classification, i, self.run(i + 1)))
    }

    /// A control that is one only beside others, where it stands as one.
    fn weak(&self, i: usize) -> Option<Hit> {
        let words = self.words;
        if words.term(i) != Some(Term::Weak) {
            return None;
        }
        let capitals = words.is_capitals(i);
        let (before, gap) = (words.gap(i), words.gap(i + 1));
        let next = words.term(i + 1);
        let code = next == Some(Term::Code);
        let alone = ["CUI", "NF", "SBU", "LES"].iter().any(|w| words.is(i, w)) && self.is_line(i, i + 1);
        let to_code = words.is(i + 1, "TO") && joins(gap) && joins(words.gap(i + 2)) && {
            let named = words.term(i + 2) == Some(Term::Code);
            named || capitals && words.is_capitals(i + 1)
        };
        let sensitive = ["SBU", "LES"].iter().any(|w| words.is(i, w)) && joins(gap) && words.is(i + 1, "NF");
        let released =
            (words.is(i, "REL") && (to_code || code && capitals && joins(gap))) || words.is(i, "RELTO") && capitals;
        let double = slashes(gap) >= 2 && matches!(next, Some(Term::Weak | Term::Control)) && capitals
            || slashes(gap) >= 2 && words.is(i, "CUI") && capitals;
        let behind_slashes = before.ends_with("//") && !before.ends_with("://") && capitals && !self.is_path(i);
        (alone && capitals || released || double || behind_slashes || sensitive && capitals)
            .then(|| self.hit(Look::Control, i, self.run(i + 1)))
    }

    /// Whether the word goes on as an address or a path does.
    fn is_path(&self, i: usize) -> bool {
        let gap = self.words.gap(i + 1);
        gap.starts_with('.') && !gap.starts_with(". ") && i + 1 < self.words.list.len()
    }

    /// A foreign classification: two slashes, its owner, a level.
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
        (own || level).then(|| self.hit(Look::Classification, i, self.run(i + 1)))
    }

    /// A mark in brackets.
    fn bracketed(&self, i: usize, enumeration: &mut Enumeration) -> Option<Hit> {
        let words = self.words;
        let before = words.gap(i).trim_end_matches([' ', '/', '*', '-', '_', '.']);
        if !before.ends_with(['(', '[', '{', '<']) {
            return None;
        }
        let mut to = i + 1;
        let closes = |to: usize| {
            words.gap(to).trim_start_matches([' ', '/', '*', '-', '_', '.']).starts_with([')', ']', '}', '>'])
        };
        while !closes(to) {
            let gap = words.gap(to);
            let near = gap.len() <= 5 && !gap.bytes().any(|b| b"\n()[]{}<>".contains(&b));
            if !near || to - i >= WORDS_MAX || to >= words.list.len() {
                return None;
            }
            to += 1;
        }
        let mark = |look| Some(Hit { look, from: i, to, bracketed: true });
        let (term, capitals) = (words.term(i), (i..to).all(|n| words.is_capitals(n)));
        if to - i > 1 {
            return self.is_mark_of_words(i, to, capitals).then_some(Hit {
                look: Look::Portion,
                from: i,
                to,
                bracketed: true,
            });
        }
        match term {
            Some(Term::Letter) if capitals && words.word(i).len() == 1 => {
                self.single(i, before, enumeration).then_some(Hit { look: Look::Portion, from: i, to, bracketed: true })
            }
            Some(Term::Letter) if capitals && self.stands_before_text(i, before) => mark(Look::Portion),
            Some(Term::Letters) if capitals || self.stands_before_text(i, before) => mark(Look::Portion),
            Some(Term::Level) if capitals || words.begins_capital(i) && self.stands_before_text(i, before) => {
                mark(Look::Portion)
            }
            Some(Term::Weak) if capitals && words.is(i, "NF") => mark(Look::Control),
            Some(Term::Weak) if capitals && ["CUI", "SBU", "LES"].iter().any(|w| words.is(i, w)) => {
                self.stands_before_text(i, before).then_some(Hit { look: Look::Control, from: i, to, bracketed: true })
            }
            None if capitals && Folded::of(words.word(i)).is_some_and(|f| is_run_together(f.as_bytes())) => {
                // A conjunctive normal form has the letters of a mark.
                let other = words.is(i, "CNF") && !self.stands_before_text(i, before);
                (!other).then_some(Hit { look: Look::Portion, from: i, to, bracketed: true })
            }
            _ => {
                // Any other capital in its order goes on with an enumeration.
                if let ([letter @ b'A'..=b'Z'], true) = (words.word(i).as_bytes(), capitals) {
                    enumeration.next = (*letter == b'A' || enumeration.next == Some(*letter)).then(|| letter + 1);
                }
                None
            }
        }
    }

    /// Whether several words in brackets are a mark.
    fn is_mark_of_words(&self, i: usize, to: usize, capitals: bool) -> bool {
        let words = self.words;
        let of_mark = |n: usize| {
            let term = words.term(n);
            let known = term.is_some_and(|t| !matches!(t, Term::Label | Term::Tlp | Term::Colour | Term::Phrase));
            known || words.is_capitals(n) && words.word(n).len() <= 15
        };
        let gaps = || (i + 1..to).map(|n| words.gap(n));
        let level = matches!(words.term(i), Some(Term::Letter | Term::Letters)) || self.level_words(i).is_some();
        let control = |n: usize| matches!(words.term(n), Some(Term::Weak | Term::Control));
        let slashed = gaps().any(|gap| slashes(gap) > 0);
        let doubled = gaps().any(|gap| slashes(gap) >= 2);
        if !(i..to).all(of_mark) {
            return false;
        }
        let written_out = self.level_words(i).is_some_and(|end| end == to);
        if written_out {
            return capitals || words.begins_capital(i) && words.begins_capital(to - 1);
        }
        let first_control = self.level_words(i).unwrap_or(i + 1);
        let forbids = (i..to).any(|n| words.is(n, "NF") || words.is(n, "REL"));
        level && doubled && (control(first_control) || capitals)
            || level && control(first_control) && (slashed || capitals && (forbids || gaps().all(|g| g != " ")))
    }

    /// Whether a bracket that begins behind `before` stands where a portion mark does, before the text that it marks.
    fn stands_before_text(&self, i: usize, before: &str) -> bool {
        let outside = before[..before.len().saturating_sub(1)].trim_end_matches(' ');
        // Before it: nothing, the end of a sentence or of another cell, or the sign of an item.
        let item = outside.trim_end_matches(['-', '*', '>', '#', ' ']);
        let first = i == 0 && item.is_empty()
            || item.ends_with('\n')
            || outside.ends_with(['.', ':', ';', '!', '?', '|', ')', '"', ',']);
        let behind = self.words.gap(i + 1).trim_start_matches(' ');
        let closed = behind.strip_prefix([')', ']', '}', '>']).unwrap_or(behind);
        let spaced = closed.starts_with(' ') && !closed.contains('\n');
        first
            && spaced
            && i + 1 < self.words.list.len()
            && self.words.word(i + 1).starts_with(|c: char| !c.is_ascii_lowercase())
    }

    /// Whether one letter in brackets is a mark, and not a sign, an item of an enumeration or an initial.
    fn single(&self, i: usize, before: &str, enumeration: &mut Enumeration) -> bool {
        let words = self.words;
        let letter = words.word(i).as_bytes()[0];
        let item = enumeration.next == Some(letter);
        enumeration.next = item.then(|| letter + 1);
        let next = words.word(i + 1);
        let year = next.len() == 4 && next.bytes().all(|b| b.is_ascii_digit());
        let rights = ["COPYRIGHT", "COPR", "COPYLEFT"].iter().any(|w| words.is(i + 1, w)) || year;
        let claimed = i.checked_sub(1).is_some_and(|n| words.is(n, "COPYRIGHT") || words.is(n, "COPR"));
        !item && !(letter == b'C' && (rights || claimed)) && self.stands_before_text(i, before)
    }
}
