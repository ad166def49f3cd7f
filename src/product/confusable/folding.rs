//! Folding: a text is read character by character, in normal form, and added to a [`Folded`] as words.
//!
//! It is a mapping of characters, the same on every machine, and does not guess at meaning.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::cache::FoldCache;
use super::character::{Case, folded_letter};
use super::folded::{Folded, place};
use super::lookalikes::{self, is_note, is_over_nothing, is_phrase, is_unspaced, without_notes};
use crate::invisible::joins;

/// How what is drawn like a letter is read, and what is set beside a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signs {
    /// A sign that touches a letter is the letter that it is drawn like (`C@PPER`), and a note (`word²`) is nothing.
    Letters,
    /// A sign parts words, and a note is its digits or letters.
    Gaps,
}

impl Folded {
    /// Folds `text` as it stands, with signs for letters. Linear in its length.
    pub fn of(text: &str) -> Folded {
        let mut folded = Folded::default();
        folded.add(text, Signs::Letters, Case::AsWritten);
        folded
    }

    /// Whether signs may be read in two ways in `text`.
    pub(super) fn may_differ(text: &str) -> bool {
        // Signs are wide or small elsewhere, and what they come to is looked at when they are folded.
        let may =
            |c: char| matches!(c, '!' | '$' | '+' | '@' | '|') || !c.is_ascii() && (!c.is_alphanumeric() || is_note(c));
        text.chars().any(may)
    }

    /// Adds `text` behind what was folded before, as further words; whether there is a letter in it that is another in
    /// small ones.
    pub(super) fn add(&mut self, text: &str, signs: Signs, case: Case) -> bool {
        // Nothing in ASCII has another form, combines or is invisible, and a gigabyte of it passes through here.
        if text.is_ascii() {
            self.squeezed.reserve(text.len());
            self.add_chars(text.chars(), signs, case)
        } else {
            self.add_any(text, signs, case)
        }
    }

    fn add_any(&mut self, text: &str, signs: Signs, case: Case) -> bool {
        match signs {
            Signs::Letters => {
                self.add_chars(without_phrases(without_notes(text)).nfkc().filter(|c| !joins(*c)), signs, case)
            }
            Signs::Gaps => self.add_chars(without_phrases(text.chars()).nfkc().filter(|c| !joins(*c)), signs, case),
        }
    }

    fn add_chars(&mut self, chars: impl Iterator<Item = char>, signs: Signs, case: Case) -> bool {
        let mut adding = Folding {
            folded: self,
            signs,
            in_word: false,
            after_letter: false,
            open: Vec::new(),
            known: FoldCache::of(case),
            differs: false,
        };
        chars.for_each(|c| adding.char(c));
        adding.settle(false);
        adding.differs
    }
}

/// Text as it is folded, character by character.
struct Folding<'a> {
    folded: &'a mut Folded,
    signs: Signs,
    in_word: bool,
    /// Whether a letter was read last, but for signs.
    after_letter: bool,
    /// Signs behind it, for as long as it is not known whether a letter follows.
    open: Vec<char>,
    /// What characters were folded to before.
    known: FoldCache,
    /// Whether one of them is another as a small letter.
    differs: bool,
}

impl Folding<'_> {
    /// A character in its normal form that is not invisible.
    fn char(&mut self, c: char) {
        if c.is_ascii() {
            match folded_letter(c) {
                Some(letter) => {
                    self.settle(c.is_ascii_alphabetic());
                    self.letter(letter);
                    self.after_letter = c.is_ascii_alphabetic();
                }
                None => self.other(c),
            }
        } else if is_combining_mark(c) {
            // It belongs to the letter before it, and goes.
        } else if c.is_alphanumeric() || lookalikes::letter(c).is_some() {
            self.settle(true);
            let (begin, alone) = (self.folded.squeezed.len(), is_unspaced(c));
            self.differs |= self.known.fold(c, &mut self.folded.squeezed);
            if self.folded.squeezed.len() > begin && (alone || !self.in_word) {
                self.folded.starts.push(place(begin));
                self.in_word = true;
            }
            self.in_word &= !alone;
            self.after_letter = true;
        } else {
            self.other(c);
        }
    }

    /// What is no letter or digit.
    fn other(&mut self, c: char) {
        if self.signs == Signs::Letters && lookalikes::sign(c).is_some() {
            self.open.push(c);
        } else {
            self.settle(false);
            (self.in_word, self.after_letter) = (false, false);
        }
    }

    /// The signs that were read last, now that it is known whether a letter stands behind them.
    fn settle(&mut self, before_letter: bool) {
        if self.open.is_empty() {
            return;
        }
        let signs: Vec<(char, bool)> =
            std::mem::take(&mut self.open).into_iter().filter_map(lookalikes::sign).collect();
        // Those that need one letter beside them are letters themselves to those that need two.
        let touches = self.after_letter || before_letter;
        let ones = || signs.iter().map(|(_, both)| touches && !both);
        let (first, last) = (ones().position(|one| one), ones().rposition(|one| one));
        let after_letter = self.after_letter;
        for (n, (letter, both)) in signs.iter().enumerate() {
            let left = after_letter || first.is_some_and(|first| first < n);
            let right = before_letter || last.is_some_and(|last| last > n);
            if if *both { left && right } else { touches } {
                self.letter(*letter);
            } else {
                self.in_word = false;
            }
        }
    }

    fn letter(&mut self, letter: char) {
        if !self.in_word {
            self.in_word = true;
            self.folded.starts.push(place(self.folded.squeezed.len()));
        }
        self.folded.squeezed.push(letter);
    }
}

/// The text with a gap for every character that is a whole phrase, so that it folds to little more than it is long, and
/// without marks over nothing, so that none parts a word.
pub(super) fn without_phrases(chars: impl Iterator<Item = char>) -> impl Iterator<Item = char> {
    chars.filter(|c| !is_over_nothing(*c)).map(|c| if is_phrase(c) { ' ' } else { c })
}

#[cfg(test)]
mod tests {
    use super::super::readings::Readings;
    use super::*;

    fn holds(text: &str, token: &str) -> bool {
        Folded::of(text).holds(&Folded::of(token))
    }

    #[test]
    fn ascii_folds_the_same_on_both_ways() {
        let every: String = (0..128u8).map(char::from).collect();
        for text in ["", " ", "The 5 roses, 3 of them red\n", "-a-B--c-", "x", "1 l", &every, "a\u{0}b"] {
            let (mut fast, mut slow) = (Folded::of("before"), Folded::of("before"));
            for signs in [Signs::Letters, Signs::Gaps] {
                fast.add(text, signs, Case::AsWritten);
                slow.add_any(text, signs, Case::AsWritten);
                assert_eq!(fast, slow, "{text:?}");
            }
        }
    }

    #[test]
    fn finds_a_token_in_every_disguise() {
        for text in [
            "the copper finch report",
            "COPPER FINCH",
            "copper-finch",
            "Copper\nFinch",
            "C O P P E R  F I N C H",
            "c\u{043e}pper finch",
            "C\u{200b}opper\u{00ad} Finch",
            "C0PPER F1NCH",
            "\u{ff23}\u{ff2f}\u{ff30}\u{ff30}\u{ff25}\u{ff32} FINCH",
            "co\u{301}pper f\u{ed}nch",
            "(COPPER_FINCH)",
            "COPPER FINCH!",
            "xxCopperFinchxx",
            "xxCopper\u{fc5e}F\u{37a}in\u{fe76}chxx",
            "C\u{39f}PPER F\u{399}NC\u{397}",
            "\u{0421}\u{041e}\u{0420}\u{0420}\u{0415}R FIN\u{0421}\u{041d}",
        ] {
            assert!(holds(text, "Copper Finch"), "{text:?}");
        }
    }

    #[test]
    fn does_not_find_a_token_across_the_middle_of_words() {
        assert!(!holds("the rose", "hero"));
        assert!(!holds("finches", "finch"));
        assert!(!holds("EXERCISE: lists", "exercise-1"));
        assert!(holds("nightheronx", "nightheron"));
        // A letter whose normal form has a space parts no word.
        assert!(holds("xnight\u{fe70}ownx", "nightown") && !holds("xnight ownx", "nightown"));
        assert!(holds("xnightown", "nightown"));
        assert!(!holds("the heron", "hero"));
        assert!(!holds("anything", ""));
    }

    #[test]
    fn finds_an_overlapping_token() {
        assert!(holds("aab ab ab", "ab ab"));
        assert!(holds("xab ab ab", "ab ab"));
    }

    #[test]
    fn words_come_back_one_by_one() {
        let folded = Folded::of("Ten vessels, (two) fast!");
        assert_eq!(folded.words().collect::<Vec<_>>(), ["ten", "vessels", "two", "fast"]);
        assert!(Folded::of(" -- \u{200b} ").is_empty());
    }

    #[test]
    fn scripts_without_spaces_have_a_word_a_character_and_others_have_not() {
        let words = |text: &str| Folded::of(text).words().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words("\u{6f14}\u{7fd2}\u{306e}\u{8239}1").len(), 5);
        assert_eq!(words("\u{e01}\u{e32}\u{e23}").len(), 3);
        assert_eq!(words("abc\u{8239}def"), ["abc", "\u{8239}", "def"]);
        // The neighbours: Korean, Russian and Arabic have spaces.
        for text in [
            "\u{d6c8}\u{b828} \u{c120}\u{bc15}",
            "\u{443}\u{447}\u{435} \u{43d}\u{438}\u{435}",
            "\u{633}\u{641} \u{64a}\u{646}",
        ] {
            assert_eq!(words(text).len(), 2, "{text}");
        }
        // A token of two characters stands anywhere in a sentence, also where it is drawn half as wide.
        assert!(holds("\u{6f14}\u{7fd2}\u{306e}\u{8239}\u{8236}", "\u{7fd2}\u{306e}"));
        assert!(holds("\u{ff76}\u{ff8b}\u{ff7a}", "\u{30ab}\u{30d2}"));
        assert!(!holds("\u{6f14}\u{7fd2}\u{306e}\u{8239}", "\u{6f14}\u{306e}"));
        // No character is lost because it looks like a dash or a slash.
        assert_eq!(words("\u{30ce}\u{30fc}\u{30c8}").len(), 3);
    }

    #[test]
    fn notes_beside_words_say_nothing() {
        let plain = Folded::of("the agent reported the count of gulls");
        for text in [
            "the agent\u{b9} reported\u{b2} the\u{b3} count\u{aa} of\u{ba} gulls\u{bd}",
            "the agent\u{ae} reported\u{2122} the count\u{2074} of gulls\u{2460}",
            "\u{b9}the ag\u{b2}ent reported \u{b3} the count \u{bc} of gulls\u{2776}",
        ] {
            assert_eq!(Folded::of(text), plain, "{text}");
        }
        // Between letters an ordinal is drawn like one; and digits that are no notes are part of what is said.
        assert!(holds("a c\u{ba}pper finch", "copper finch"));
        assert!(!holds("agent 2", "agent 3"));
        // The other reading has the digit, and a list that names `CO2` is not blind to it.
        let readings = Readings::of("40 t of CO\u{b2}");
        assert!(readings.iter().count() == 2 && readings.hold(&Folded::of("CO2")));
    }

    #[test]
    fn signs_that_touch_letters_are_letters_in_one_reading_and_nothing_in_the_other() {
        for text in ["c@pper", "C@PP\u{20ac}R", "(\u{a2}@pper)", "\u{a9}apper"] {
            assert!(holds(text, "capper"), "{text}");
        }
        for (text, token) in [
            ("la$t", "last"),
            ("$eal", "seal"),
            ("F!NCH", "finch"),
            ("F|NCH", "finch"),
            ("ca+tle", "cattle"),
            ("\u{2203}nd", "end"),
            ("h!$", "his"),
        ] {
            assert!(holds(text, token), "{text}");
        }
        // The neighbours: signs that are what they are, and words beside them.
        for (text, folded) in [
            ("Stop! Go!", "stop go"),
            ("$5 and 5$, 3 + 4 = 7 | 8", "s and s e a t 8"),
            ("one | two + three", "one two three"),
        ] {
            assert_eq!(Folded::of(text).words().collect::<Vec<_>>().join(" "), folded);
            assert_eq!(Readings::of(text).iter().count(), 1, "{text}");
        }
        for text in ["@heron", "heron+stork", "heron|stork", "heron$", "exercise@heron.example"] {
            assert!(Readings::of(text).hold(&Folded::of("heron")), "{text}");
        }
    }

    #[test]
    fn letters_of_no_table_are_the_letters_that_they_are_drawn_like() {
        for (text, plain) in [
            ("\u{1d1b}\u{29c}\u{1d07} \u{1d00}\u{262}\u{1d07}\u{274}\u{1d1b}", "the agent"),
            ("th\u{25b} ag\u{1dd}nt", "the agent"),
            ("c\u{254}\u{28b}\u{25b}\u{27e} t\u{28a}\u{280}\u{274}", "cover turn"),
            ("\u{a783}o\u{a785}\u{a787}e\u{280} \u{1d79}ull", "roster gull"),
            ("\u{186}N\u{18e} \u{1a7}I\u{190}G\u{190} \u{23b}L\u{14a} \u{a7fc}", "one siege cln p"),
            ("\u{1f170}\u{1f176}", "ag"),
        ] {
            assert_eq!(Folded::of(text), Folded::of(plain), "{text}");
        }
        // The neighbours: letters that are drawn like no plain one.
        assert_ne!(Folded::of("\u{436}"), Folded::of("x"));
        assert_ne!(Folded::of("\u{3c8}"), Folded::of("y"));
    }
}
