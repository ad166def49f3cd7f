//! Words by the script they are written in: which of them are disguised among the words of another.
//!
//! A word of another script that reads as Latin is a disguise among Latin words, and a word like any other in a text of its
//! own script. What a text is of is told from the words around it that have letters like none of Latin: in the same line,
//! and in those of the same paragraph before it.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use unicode_security::confusable_detection::skeleton;
use unicode_security::mixed_script::AugmentedScriptSet;

/// So many letters of East Asia make a text in which Latin words stand among them without spaces.
const EAST_ASIAN_MIN: usize = 4;

/// So many words of a script, one after another, are that script whatever stands around them.
const RUN_MIN: usize = 2;

/// What was read of a paragraph, as far as it tells one script from another.
#[derive(Clone, Debug, Default)]
pub(in crate::inspect) struct Paragraph {
    latin: usize,
    /// Letters of scripts that Latin words stand among without spaces.
    east_asian: usize,
    /// How many words of each script have letters that are not like Latin ones.
    plain: Vec<(AugmentedScriptSet, usize)>,
    run: Option<Run>,
}

/// Words of one script, one behind the other.
#[derive(Clone, Debug)]
struct Run {
    script: AugmentedScriptSet,
    plain: usize,
    alike: usize,
}

impl Run {
    fn is_sound(&self) -> bool {
        self.alike == 0 || self.plain >= RUN_MIN && self.plain >= self.alike
    }
}

/// What is wrong with the scripts of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Disguises {
    /// Letters of several scripts in one word.
    pub mixed: bool,
    /// A word of another script that reads as Latin, among Latin words.
    pub alike: bool,
}

impl Paragraph {
    /// Reads the next line, which has characters outside ASCII.
    pub(super) fn line(&mut self, line: &str) -> Disguises {
        let (mut doubtful, mut mixed): (Vec<AugmentedScriptSet>, usize) = (Vec::new(), 0);
        let (mut here, mut styled) = (false, false);
        for word in words(text_of(line)) {
            if word.is_ascii() {
                if word.bytes().any(|b| b.is_ascii_alphabetic()) {
                    self.close(&mut doubtful, &mut here);
                    self.latin += 1;
                }
                continue;
            }
            self.east_asian += word.chars().filter(|c| is_east_asian(AugmentedScriptSet::for_char(*c))).count();
            let script = AugmentedScriptSet::for_str(word);
            if script.is_empty() {
                self.close(&mut doubtful, &mut here);
                if is_east_asian_and_latin(word) {
                    mixed += 1;
                } else {
                    return Disguises { mixed: true, alike: false };
                }
            } else if is_latin_script(script) {
                styled |= is_styled(word);
                if !script.is_all() {
                    self.close(&mut doubtful, &mut here);
                    self.latin += 1;
                }
            } else {
                let alike = reads_as_latin(word);
                if !self.run.as_ref().is_some_and(|run| meets(run.script, script)) {
                    self.close(&mut doubtful, &mut here);
                }
                let run = self.run.get_or_insert(Run { script, plain: 0, alike: 0 });
                if alike {
                    run.alike += 1;
                    here = true;
                } else {
                    run.plain += 1;
                    self.add_plain(script);
                }
            }
        }
        // What follows on the next line is not known yet, and need not be: the run is judged as it stands.
        if here && let Some(run) = self.run.as_ref().filter(|run| !run.is_sound()) {
            doubtful.push(run.script);
        }
        let own = |script: &AugmentedScriptSet| {
            let plain: usize = self.plain.iter().filter(|(known, _)| meets(*known, *script)).map(|(_, n)| n).sum();
            plain >= self.latin.max(1)
        };
        Disguises {
            mixed: mixed > 0 && (self.east_asian < EAST_ASIAN_MIN || self.east_asian < self.latin + mixed),
            alike: styled || !doubtful.iter().all(own),
        }
    }

    /// Ends the run that stands open, which is in doubt if it does not say by itself what script it is of.
    fn close(&mut self, doubtful: &mut Vec<AugmentedScriptSet>, here: &mut bool) {
        if let Some(run) = self.run.take()
            && std::mem::take(here)
            && !run.is_sound()
        {
            doubtful.push(run.script);
        }
    }

    fn add_plain(&mut self, script: AugmentedScriptSet) {
        match self.plain.iter_mut().find(|(known, _)| *known == script) {
            Some((_, count)) => *count += 1,
            None => self.plain.push((script, 1)),
        }
    }
}

/// The runs of letters, digits and marks of a line.
fn words(line: &str) -> impl Iterator<Item = &str> {
    let parts = |c: char| !c.is_alphanumeric() && !is_combining_mark(c);
    line.split(parts).filter(|word| !word.is_empty())
}

/// A line without what the format puts before its text: the name of a part of the head, and one mark.
fn text_of(line: &str) -> &str {
    const KEYS: [&str; 4] = ["Title: ", "Originator: ", "Subjects: ", "Contact: "];
    let line = KEYS.iter().find_map(|key| line.strip_prefix(key)).unwrap_or(line);
    let mark = line.strip_prefix('(').and_then(|rest| rest.split_once(") "));
    let is_mark = |mark: &str| {
        mark.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || matches!(b, b' ' | b',' | b'-' | b'/'))
    };
    mark.filter(|(mark, _)| is_mark(mark)).map_or(line, |(_, text)| text)
}

fn meets(one: AugmentedScriptSet, mut other: AugmentedScriptSet) -> bool {
    other.intersect_with(one);
    !other.is_empty()
}

fn is_latin_script(script: AugmentedScriptSet) -> bool {
    meets(script, AugmentedScriptSet::for_char('a'))
}

/// Whether a script is one of those among whose letters Latin words stand without spaces: Chinese characters, kana,
/// Hangul.
fn is_east_asian(script: AugmentedScriptSet) -> bool {
    !script.is_all() && (script.hanb || script.jpan || script.kore)
}

/// Whether a word is of Latin letters and those of East Asia, none of which is drawn like a Latin one.
fn is_east_asian_and_latin(word: &str) -> bool {
    let latin = |c: &char| is_latin_script(AugmentedScriptSet::for_char(*c));
    let other: String = word.chars().filter(|c| !latin(c)).collect();
    let like_latin = |c: char| skeleton(c.encode_utf8(&mut [0; 4])).all(|s| s.is_ascii());
    is_east_asian(AugmentedScriptSet::for_str(&other)) && !other.chars().any(like_latin)
}

/// Whether a word without Latin letters looks as if it had nothing else.
fn reads_as_latin(word: &str) -> bool {
    let mut seen = skeleton(word).filter(|c| !is_combining_mark(*c)).peekable();
    seen.peek().is_some() && seen.all(|c| c.is_ascii_alphanumeric() || is_small_capital(c)) && !is_latin(word)
}

/// What the table of look-alikes has for letters that are drawn like small capitals, as the Cyrillic ones for H, K, M and T.
fn is_small_capital(c: char) -> bool {
    matches!(
        c,
        '\u{138}'
            | '\u{1D00}'
            | '\u{299}'
            | '\u{1D04}'
            | '\u{1D05}'
            | '\u{1D07}'
            | '\u{262}'
            | '\u{29C}'
            | '\u{26A}'
            | '\u{1D0A}'
            | '\u{1D0B}'
            | '\u{29F}'
            | '\u{1D0D}'
            | '\u{274}'
            | '\u{1D0F}'
            | '\u{1D18}'
            | '\u{280}'
            | '\u{A731}'
            | '\u{1D1B}'
            | '\u{1D1C}'
            | '\u{1D20}'
            | '\u{1D21}'
            | '\u{28F}'
            | '\u{1D22}'
    )
}

/// Whether a word of Latin letters, or of none, has another form than it reads as: full width, bold, in circles.
fn is_styled(word: &str) -> bool {
    let plain = || word.nfkc().all(|c| c.is_ascii_alphanumeric());
    word.chars().any(|c| c > '\u{FF}') && plain() && !word.chars().all(char::is_numeric)
}

fn is_latin(word: &str) -> bool {
    // Latin letters decompose to an ASCII letter and marks; a look-alike from another script never does.
    word.nfd().any(|c| c.is_ascii_alphabetic()) || word.chars().all(|c| c.is_numeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is wrong with the last of some lines of one paragraph.
    fn found(lines: &[&str]) -> (bool, bool) {
        let mut paragraph = Paragraph::default();
        let last = lines.iter().map(|line| paragraph.line(line)).last().unwrap_or_default();
        (last.mixed, last.alike)
    }

    #[test]
    fn a_word_that_reads_as_latin_is_a_word_among_those_of_its_script() {
        for lines in [
            // One-letter words, and words of nothing but look-alikes, in Russian, Ukrainian and Greek.
            &[
                "\u{421}\u{443}\u{434}\u{43d}\u{43e} \u{438} \u{43e}\u{441}\u{430} \u{432} \u{43f}\u{43e}\u{440}\u{442}\u{443}",
            ][..],
            &["\u{41e} \u{440}\u{44b}\u{431}\u{435}"],
            &["Title: (S//REL TO USA, GBR) \u{41e} \u{440}\u{44b}\u{431}\u{435}"],
            &["\u{434}\u{438}\u{43c} \u{456} \u{432}\u{43e}\u{433}\u{43e}\u{43d}\u{44c}"],
            &[
                "\u{3bd}\u{3b1} \u{3b3}\u{3c1}\u{3ac}\u{3c8}\u{3c9} \u{3c4}\u{3bf} \u{3ba}\u{3b5}\u{3af}\u{3bc}\u{3b5}\u{3bd}\u{3bf}",
            ],
            // The end of a paragraph stands on a line of its own.
            &[
                "\u{41c}\u{44b} \u{432}\u{438}\u{434}\u{435}\u{43b}\u{438} \u{434}\u{43e}\u{43c}",
                "\u{435}\u{433}\u{43e}.",
            ],
            // Between two Latin names in a text of its script.
            &["\u{424}\u{438}\u{440}\u{43c}\u{44b} \u{43a}\u{443}\u{43f}\u{438}\u{43b}\u{438} Alpha \u{430} Beta"],
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
            // Russian elsewhere in an English paragraph does not make it one.
            &["we saw the \u{430}\u{445}\u{435} there and he said \u{414}\u{43e}\u{43c}"],
            &[
                "the town of \u{41c}\u{43e}\u{441}\u{43a}\u{432}\u{430} is large",
                "and its \u{430}\u{445}\u{435} is small",
            ],
            // More look-alikes than words beside them, in a text that is not theirs.
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
