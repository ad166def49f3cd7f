//! Mixed scripts: words that are disguised among the words of another script.
//!
//! A word of another script that looks Latin is a disguise among Latin words, and an ordinary word in a text of its own
//! script. The context is the same sentence and, if that has no Latin words, the preceding sentences of the paragraph.
//! A word that looks like a mark is always a finding.

use unicode_security::mixed_script::AugmentedScriptSet;

use super::lookalike::{as_latin, reads_as_latin};
use super::script_sets::{is_east_asian, is_east_asian_and_latin, is_greek, is_latin_script, is_styled, meets};
use super::sequences::is_wide_ascii;
use super::words::{ends_sentence, is_designator, is_quantity, text_of, words};
use crate::inspect::marks::{Alone, alone};

/// The minimum number of East Asian letters for a text in which Latin words are written without spaces around them.
const EAST_ASIAN_MIN: usize = 4;

/// The minimum number of consecutive words of a script that are accepted as that script in any context.
const RUN_MIN: usize = 2;

/// The longest abbreviation, in letters.
const ABBREVIATION_MAX: usize = 5;

/// The state of a paragraph, as far as it is needed to tell scripts apart.
#[derive(Clone, Debug, Default)]
pub(in crate::inspect) struct Paragraph {
    all: Words,
    sentence: Words,
    /// The previous sentence, if it has no Latin words.
    previous: Words,
    /// The number of letters of scripts in which Latin words are written without spaces.
    east_asian: usize,
    run: Option<Run>,
    /// The doubtful words of this sentence; `later` has those of earlier sentences of this line without Latin words,
    /// which are decided at the end of the line.
    doubts: Vec<Doubt>,
    later: Vec<Doubt>,
}

/// Counts of words.
#[derive(Clone, Debug, Default)]
struct Words {
    latin: usize,
    /// For each script, the number of words with letters that do not look Latin.
    plain: Vec<(AugmentedScriptSet, usize)>,
}

/// Consecutive words of one script in one sentence.
#[derive(Clone, Debug)]
struct Run {
    script: AugmentedScriptSet,
    plain: usize,
    /// The number of words that can be read as Latin, and of which kinds.
    alike: usize,
    kinds: Vec<Kind>,
}

/// The kind of a word that can be read as Latin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A single letter, which has no meaning in Latin script.
    Letter,
    /// A few capitals.
    Abbreviation,
    /// Any other word.
    Word,
    /// A part of a mark, such as `TOP`.
    Part,
}

/// What a word of another script may be mistaken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MistakenFor {
    /// A mark, in any context.
    Mark,
    /// A Latin word, in a context of Latin words.
    LatinWord,
}

/// A word that can be read as Latin and whose neighbours do not show that it is of its own script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Doubt {
    script: AugmentedScriptSet,
    kind: Kind,
}

/// What is wrong with the scripts of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ScriptFaults {
    /// One word has letters of several scripts.
    pub mixed: bool,
    /// A word of another script can be read as Latin, among Latin words.
    pub alike: bool,
    /// The number of the first such word, counted from 1 in words separated by spaces after the portion mark of the
    /// line; `None` if it is on an earlier line.
    pub word: Option<usize>,
}

impl Words {
    fn plain(&self, script: AugmentedScriptSet) -> usize {
        self.plain.iter().filter(|(known, _)| meets(*known, script)).map(|(_, n)| n).sum()
    }

    fn add_plain(&mut self, script: AugmentedScriptSet) {
        match self.plain.iter_mut().find(|(known, _)| *known == script) {
            Some((_, count)) => *count += 1,
            None => self.plain.push((script, 1)),
        }
    }

    /// Returns whether there are at most as many Latin words as words that are clearly of this script.
    fn are_of(&self, script: AugmentedScriptSet) -> bool {
        self.plain(script) >= self.latin.max(1)
    }
}

impl Paragraph {
    /// Reads the next line and returns what is wrong with it.
    pub(super) fn line(&mut self, line: &str) -> ScriptFaults {
        let (mut found, mut east_asian_and_latin) = (ScriptFaults::default(), 0);
        let text = text_of(line);
        let number = |end: usize| text.get(..end).map(|text| text.split_whitespace().count());
        // End positions of words: the first that is refused, and the first doubtful one of this sentence and of earlier
        // ones.
        let (mut refused, mut doubtful, mut first, mut narrow) = (None, None, None, None);
        for (word, behind, rest) in words(text) {
            let end = text.len() - rest.len() - behind.len();
            if word.is_ascii() {
                if word.bytes().any(|b| b.is_ascii_alphabetic()) {
                    self.latin();
                }
            } else {
                self.east_asian += word.chars().filter(|c| is_east_asian(AugmentedScriptSet::for_char(*c))).count();
                let script = AugmentedScriptSet::for_str(word);
                if script.is_empty() {
                    self.close();
                    if is_east_asian_and_latin(word) {
                        // Full-width letters are always allowed among them.
                        let is_narrow = |c: char| is_latin_script(AugmentedScriptSet::for_char(c)) && !is_wide_ascii(c);
                        let has_narrow = word.chars().any(|c| c.is_alphabetic() && is_narrow(c));
                        east_asian_and_latin += usize::from(has_narrow);
                        narrow = narrow.or(has_narrow.then_some(end));
                    } else if !is_quantity(word) {
                        return ScriptFaults { mixed: true, alike: false, word: number(end) };
                    }
                } else if is_latin_script(script) {
                    refused = refused.or(is_styled(word).then_some(end));
                    if !script.is_all() {
                        self.latin();
                    }
                } else {
                    match self.other(word, script, is_designator(word, behind, rest)) {
                        Some(MistakenFor::Mark) => refused = refused.or(Some(end)),
                        Some(MistakenFor::LatinWord) => doubtful = doubtful.or(Some(end)),
                        None => {}
                    }
                }
            }
            if ends_sentence(word, behind, rest) {
                if self.end_sentence() {
                    (found.alike, refused) = (true, refused.or(doubtful));
                }
                first = first.or(doubtful.take());
            }
        }
        // The next line is not known yet and is not needed: the sentence is judged as far as it goes, and the state is
        // restored.
        let (run, doubts) = (self.run.clone(), self.doubts.clone());
        self.close();
        if self.has_disguise() {
            (found.alike, refused) = (true, refused.or(doubtful));
        }
        if std::mem::take(&mut self.later).iter().any(|doubt| !self.all.are_of(doubt.script)) {
            (found.alike, refused) = (true, refused.or(first).or(doubtful));
        }
        found.alike |= refused.is_some();
        (self.run, self.doubts) = (run, doubts);
        let few = self.east_asian < EAST_ASIAN_MIN || self.east_asian < self.all.latin + east_asian_and_latin;
        found.mixed = east_asian_and_latin > 0 && few;
        found.word = if found.mixed { narrow } else { refused }.and_then(number);
        found
    }

    fn latin(&mut self) {
        self.close();
        self.all.latin += 1;
        self.sentence.latin += 1;
    }

    /// Counts a word of one script that is not Latin, and returns what a reader may mistake it for.
    fn other(&mut self, word: &str, script: AugmentedScriptSet, is_designator: bool) -> Option<MistakenFor> {
        if !self.run.as_ref().is_some_and(|run| meets(run.script, script)) {
            self.close();
        }
        let run = self.run.get_or_insert(Run { script, plain: 0, alike: 0, kinds: Vec::new() });
        if !reads_as_latin(word) {
            run.plain += 1;
            self.all.add_plain(script);
            self.sentence.add_plain(script);
            return None;
        }
        let letters = word.chars().filter(|c| c.is_alphabetic()).count();
        let kind = match alone(&as_latin(word)) {
            Alone::Mark => return Some(MistakenFor::Mark),
            Alone::Part => Kind::Part,
            // A single Greek letter is a symbol in any text.
            Alone::Other if is_designator || letters == 1 && is_greek(script) => return None,
            Alone::Other if letters == 1 => Kind::Letter,
            Alone::Other if letters <= ABBREVIATION_MAX && !word.chars().any(char::is_lowercase) => Kind::Abbreviation,
            Alone::Other => Kind::Word,
        };
        run.alike += 1;
        if !run.kinds.contains(&kind) {
            run.kinds.push(kind);
        }
        Some(MistakenFor::LatinWord)
    }

    /// Ends the current run. Its words are doubtful if the run does not show by itself which script it is of.
    fn close(&mut self) {
        let Some(run) = self.run.take() else { return };
        for kind in run.kinds {
            let doubt = Doubt { script: run.script, kind };
            let is_sound = match kind {
                Kind::Letter | Kind::Abbreviation => run.plain >= run.alike,
                Kind::Word => run.plain >= run.alike.max(RUN_MIN),
                Kind::Part => false,
            };
            if !is_sound && !self.doubts.contains(&doubt) {
                self.doubts.push(doubt);
            }
        }
    }

    /// Returns whether one of the doubtful words is a disguise, given the sentence so far.
    fn has_disguise(&self) -> bool {
        !self.doubts.iter().all(|Doubt { script, kind }| {
            let here = self.sentence.plain(*script);
            // A sentence without other words belongs to the text before it.
            self.sentence.are_of(*script)
                || self.sentence.latin == 0 && (self.all.are_of(*script) || self.previous.plain(*script) > 0)
                || match kind {
                    Kind::Letter => here > 0 || self.all.are_of(*script),
                    Kind::Abbreviation => here > 1 || self.all.are_of(*script),
                    Kind::Word | Kind::Part => false,
                }
        })
    }

    fn end_sentence(&mut self) -> bool {
        self.close();
        let found = self.sentence.latin > 0 && self.has_disguise();
        let doubts = std::mem::take(&mut self.doubts);
        if self.sentence.latin == 0 {
            let known = |doubt: &Doubt| self.sentence.plain(doubt.script) + self.previous.plain(doubt.script) > 0;
            self.later.extend(doubts.into_iter().filter(|doubt| !known(doubt)));
        }
        let ended = std::mem::take(&mut self.sentence);
        self.previous = if ended.latin == 0 { ended } else { Words::default() };
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns what is wrong with the last of several lines of one paragraph.
    fn found(lines: &[&str]) -> (bool, bool) {
        let mut paragraph = Paragraph::default();
        let last = lines.iter().map(|line| paragraph.line(line)).last().unwrap_or_default();
        (last.mixed, last.alike)
    }

    #[test]
    fn a_word_that_reads_as_latin_is_a_word_among_those_of_its_script() {
        for lines in [
            // One-letter words, and words consisting only of look-alikes, in Russian, Ukrainian and Greek.
            &[
                "\u{421}\u{443}\u{434}\u{43d}\u{43e} \u{438} \u{43e}\u{441}\u{430} \u{432} \u{43f}\u{43e}\u{440}\u{442}\u{443}",
            ][..],
            &["\u{41e} \u{440}\u{44b}\u{431}\u{435}"],
            &["Title: (S//REL TO USA, GBR) \u{41e} \u{440}\u{44b}\u{431}\u{435}"],
            &["\u{434}\u{438}\u{43c} \u{456} \u{432}\u{43e}\u{433}\u{43e}\u{43d}\u{44c}"],
            &[
                "\u{3bd}\u{3b1} \u{3b3}\u{3c1}\u{3ac}\u{3c8}\u{3c9} \u{3c4}\u{3bf} \u{3ba}\u{3b5}\u{3af}\u{3bc}\u{3b5}\u{3bd}\u{3bf}",
            ],
            // The end of a paragraph on a line of its own.
            &[
                "\u{41c}\u{44b} \u{432}\u{438}\u{434}\u{435}\u{43b}\u{438} \u{434}\u{43e}\u{43c}",
                "\u{435}\u{433}\u{43e}.",
            ],
            // Between two Latin names in a text of its own script.
            &["\u{424}\u{438}\u{440}\u{43c}\u{44b} \u{43a}\u{443}\u{43f}\u{438}\u{43b}\u{438} Alpha \u{430} Beta"],
            // Ships with Latin names, and an abbreviation consisting only of look-alikes.
            &[
                "\u{424}\u{43b}\u{43e}\u{442} \u{421}\u{421}\u{421}\u{420} \u{438} USS Harry S Truman, HMS Queen Elizabeth; \u{412}\u{41c}\u{421} \u{421}\u{421}\u{421}\u{420}.",
            ],
            &[
                "\u{42d}\u{442}\u{43e} \u{431}\u{44b}\u{43b} \u{443}\u{434}\u{430}\u{440} \u{43f}\u{43e} USS Truman. \u{412}\u{41c}\u{421} \u{421}\u{421}\u{421}\u{420}, HMS Victory.",
            ],
            &[
                "\u{424}\u{43b}\u{43e}\u{442} \u{438}",
                "USS Harry S Truman, HMS Queen Elizabeth",
                "\u{438} \u{424}\u{43b}\u{43e}\u{442} \u{421}\u{421}\u{421}\u{420}",
            ],
            // Russian names in English, and aircraft types.
            &[
                "Meeting at \u{41c}\u{43e}\u{441}\u{43a}\u{432}\u{430} today, with a \u{421}\u{443}-27, a \u{422}\u{443}-154\u{41c} and a \u{422}-72",
            ],
            // Symbols of quantities and units.
            &[
                "The letters \u{3b1}, \u{3b2} and \u{394}t; 5 \u{3bc}m, 10\u{3bc}F, 5 k\u{3a9}, 10 \u{3a9}, \u{3bd} = 3, 5 \u{b5}F",
            ],
            // The name of an alliance, in Greek.
            &[
                "\u{3a4}\u{3bf} \u{39d}\u{391}\u{3a4}\u{39f} \u{3b1}\u{3c0}\u{3bf}\u{3c6}\u{3ac}\u{3c3}\u{3b9}\u{3c3}\u{3b5}",
            ],
            // A run of several words in an English text.
            &["They wrote \"\u{414}\u{43e}\u{43c} \u{443} \u{43c}\u{43e}\u{440}\u{44f}\" on the wall of the old house"],
        ] {
            assert_eq!(found(lines), (false, false), "{lines:?}");
        }
    }

    #[test]
    fn a_word_that_reads_as_latin_is_a_disguise_among_latin_words() {
        for lines in [
            &["the \u{455}\u{435}\u{441}\u{433}\u{435}\u{442} plan"][..],
            &["\u{455}\u{435}\u{441}\u{433}\u{435}"],
            &["\u{421}\u{410}\u{420}"],
            &["the \u{421}\u{410}\u{420} \u{421}\u{410}\u{420} \u{420}\u{41e}\u{421}"],
            &["(U) an \u{430}\u{445}\u{435} was left"],
            // Russian text elsewhere in an English paragraph does not make the paragraph Russian.
            &["we saw the \u{430}\u{445}\u{435} there and he said \u{414}\u{43e}\u{43c}"],
            &[
                "the town of \u{41c}\u{43e}\u{441}\u{43a}\u{432}\u{430} is large",
                "and its \u{430}\u{445}\u{435} is small",
            ],
            // Nor does a Russian sentence before it, or one or two names next to it.
            &[
                "\u{41c}\u{44b} \u{432}\u{438}\u{434}\u{435}\u{43b}\u{438} \u{434}\u{43e}\u{43c} \u{438} \u{434}\u{44b}\u{43c}. The \u{430}\u{445}\u{435} is small.",
            ],
            &[
                "\u{41c}\u{44b} \u{432}\u{438}\u{434}\u{435}\u{43b}\u{438} \u{434}\u{43e}\u{43c}. \u{422}\u{41e}\u{420} \u{434}\u{43e}\u{43c} it is",
            ],
            &[
                "\u{41c}\u{44b} \u{432}\u{438}\u{434}\u{435}\u{43b}\u{438}. The \u{422}\u{41e}\u{420} \u{434}\u{43e}\u{43c}",
                "is a place",
            ],
            // A word that can be read as a mark, in any text.
            &[
                "\u{42d}\u{442}\u{43e} \u{434}\u{43e}\u{43c} \u{455}\u{435}\u{441}\u{433}\u{435}\u{442} \u{438} \u{434}\u{44b}\u{43c}",
            ],
            &[
                "\u{42d}\u{442}\u{43e} \u{434}\u{43e}\u{43c} \u{421}\u{41e}\u{405}\u{41c}\u{406}\u{421} \u{438} \u{434}\u{44b}\u{43c}",
            ],
            &["the \u{436}\u{443}\u{43a} \u{430}\u{445}\u{435} is small and old"],
            // A letter of another script is not a unit.
            &["an \u{430} was left"],
            // More look-alikes than clear words next to them, in a text of another script.
            &["the \u{421}\u{410}\u{420} \u{421}\u{410}\u{420} \u{434}\u{43e}\u{43c} and more of it"],
        ] {
            assert!(found(lines).1, "{lines:?}");
        }
    }

    #[test]
    fn several_scripts_in_one_word_are_refused_but_where_latin_words_stand_without_spaces() {
        for line in [
            "p\u{430}ssword",
            "\u{43f}op\u{442} \u{434}\u{43e}\u{43c} \u{434}\u{43e}\u{43c} \u{434}\u{43e}\u{43c}",
            "b\u{585}at",
            "SECRE\u{4e05} of the ship",
            "\u{3b1}lpha",
            "the S\u{415}CR\u{415}T plan",
            "\u{3a3}ECRET",
            "\u{3c9}arship",
            "\u{394}TOMAL",
            "k\u{39f}",
        ] {
            assert!(found(&[line]).0, "{line:?}");
        }
        for line in [
            "\u{6700}\u{65b0}\u{306e}ISO\u{898f}\u{683c}\u{306b}\u{3088}\u{308b}",
            "\u{c778}\u{acf5}\u{c9c0}\u{b2a5} AI\u{b97c} \u{c0ac}\u{c6a9}",
        ] {
            assert_eq!(found(&[line]), (false, false), "{line:?}");
        }
    }
}
