//! A search for tokens that must not stand in a text, in whatever disguise: besides what folding takes away, digits and
//! signs that are drawn like letters (`F|NCH`, `C@PPER`, `BRAV0`), and pieces that follow each other across any border.
//!
//! Text is read once, piece by piece, and nothing of it is kept: the state of a search is a few numbers, however long the
//! text. It does not guess: a sign may be the letter that it looks like, or nothing, and both are tried.

use std::sync::Arc;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::automaton::{Sign, State, States};
use super::cache::FoldCache;
use super::character::{Case, fold_char, folded_letter};
use super::folding::without_phrases;
use super::lookalikes::{self, is_note, is_unspaced, looks_like};
use super::pattern::{CaseMode, Pattern, Reach};
use crate::invisible::joins;

/// Tokens to be looked for.
#[derive(Clone, Debug, Default)]
pub struct Tokens(Arc<[Pattern]>);

impl Tokens {
    /// Tokens by their texts. One without a letter or a digit stands nowhere.
    pub fn of<'t>(texts: impl IntoIterator<Item = &'t str>) -> Tokens {
        Tokens(texts.into_iter().flat_map(Pattern::of).collect())
    }

    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of them stands in `text`.
    pub fn stand_in(&self, text: &str) -> bool {
        let mut search = self.search();
        search.read(text);
        search.found()
    }

    /// A search that has read nothing yet.
    pub fn search(&self) -> Search {
        let has = |c: char| self.0.iter().any(|token| token.at(c) != 0);
        let ascii = (0..128u8).filter(|n| has(char::from(*n))).fold(0, |all, n| all | 1 << n);
        let mut others: Vec<char> = self.0.iter().flat_map(|token| token.others.iter().map(|(c, _)| *c)).collect();
        others.sort_unstable();
        others.dedup();
        Search {
            tokens: self.clone(),
            ascii,
            others: others.into(),
            idle: Some(true),
            states: vec![States { first: State::START, small: None }; self.0.len()],
            found: false,
            letters: [String::new(), String::new()],
            known: [FoldCache::of(Case::AsWritten), FoldCache::of(Case::Lower)],
        }
    }
}

/// Text as it is read, for every token at once.
#[derive(Debug)]
pub struct Search {
    tokens: Tokens,
    /// Which signs of ASCII stand in a token, and which others, ascending.
    ascii: u128,
    others: Box<[char]>,
    /// Where no token has begun: whether a word may begin here. Most of a text has nothing of a token.
    idle: Option<bool>,
    states: Vec<States>,
    found: bool,
    /// The letters of one character as it stands and as a small one, for as long as it is read.
    letters: [String; 2],
    known: [FoldCache; 2],
}

impl Search {
    /// Reads the next piece: what follows begins a word.
    pub fn read(&mut self, text: &str) {
        if self.tokens.is_empty() || self.found {
            return;
        }
        for word in text.split_whitespace() {
            // A number is a number: where there is no letter, signs and digits spell nothing short, but one by one.
            let spells = word.len() == 1 || word.chars().any(char::is_alphabetic);
            if word.is_ascii() {
                word.chars().for_each(|c| self.char(c, spells));
            } else {
                self.word(word, spells);
            }
            self.sign(Sign::Gap, spells);
        }
    }

    /// Whether one of the tokens was read.
    pub fn found(&self) -> bool {
        self.found
    }

    /// A word with other characters than those of ASCII.
    fn word(&mut self, word: &str, spells: bool) {
        for piece in word.split_inclusive(is_note) {
            let note = piece.chars().next_back().filter(|c| is_note(*c));
            let before = &piece[..piece.len() - note.map_or(0, char::len_utf8)];
            without_phrases(before.chars()).nfkc().filter(|c| !joins(*c)).for_each(|c| self.char(c, spells));
            if let Some(note) = note {
                let mut letters = String::new();
                note.nfkc().for_each(|c| fold_char(c, &mut letters));
                let mut letters = letters.chars();
                let one = letters.next().filter(|_| letters.next().is_none());
                self.sign(Sign::Note(one), spells);
            }
        }
    }

    fn char(&mut self, c: char, spells: bool) {
        if c.is_ascii_alphanumeric() {
            self.sign(Sign::Letter(folded_letter(c).unwrap_or(c)), spells);
        } else if c.is_alphanumeric() || lookalikes::letter(c).is_some() {
            // Where words have no spaces, each character has a border of words on either side.
            let alone = is_unspaced(c) && !is_combining_mark(c);
            if alone {
                self.sign(Sign::Gap, spells);
            }
            let [mut letters, mut small] = std::mem::take(&mut self.letters);
            let [known, known_small] = &mut self.known;
            if known.fold(c, &mut letters) {
                known_small.fold(c, &mut small);
                self.either(&letters, &small, spells);
            } else {
                letters.chars().for_each(|letter| self.sign(Sign::Letter(letter), spells));
            }
            letters.clear();
            small.clear();
            self.letters = [letters, small];
            if alone {
                self.sign(Sign::Gap, spells);
            }
        } else if looks_like(c).is_some() {
            self.sign(Sign::Like(c), spells);
        } else if !is_combining_mark(c) {
            self.sign(Sign::Gap, spells);
        }
    }

    fn sign(&mut self, sign: Sign, spells: bool) {
        let edge = !matches!(sign, Sign::Letter(_));
        if self.idle.is_some() && !self.may_begin(sign) {
            self.idle = Some(edge);
            return;
        }
        self.wake();
        for (token, states) in self.tokens.0.iter().zip(&mut self.states) {
            let spells = spells || token.reach != Reach::Words;
            self.found |= states.first.step(token, sign, spells);
            if let Some(small) = &mut states.small {
                self.found |= small.step(token, sign, spells);
                states.small = states.small.filter(|small| *small != states.first);
            }
        }
        let idle = State::begun(edge);
        self.idle = self.states.iter().all(|states| states.small.is_none() && states.first == idle).then_some(edge);
    }

    /// Whether a token may have this sign.
    fn may_begin(&self, sign: Sign) -> bool {
        match sign {
            Sign::Letter(c) | Sign::Like(c) | Sign::Note(Some(c)) if c.is_ascii() => self.ascii >> (c as u32) & 1 == 1,
            Sign::Letter(c) | Sign::Like(c) | Sign::Note(Some(c)) => {
                self.others.last().is_some_and(|last| c <= *last) && self.others.binary_search(&c).is_ok()
            }
            Sign::Note(None) | Sign::Gap => false,
        }
    }

    /// Steps are taken from here on.
    fn wake(&mut self) {
        if let Some(edge) = self.idle.take() {
            self.states.iter_mut().for_each(|states| states.first.edge = edge);
        }
    }

    /// Letters that are others in small ones.
    fn either(&mut self, letters: &str, small: &str, spells: bool) {
        self.wake();
        for (token, states) in self.tokens.0.iter().zip(&mut self.states) {
            let spells = spells || token.reach != Reach::Words;
            let found = &mut self.found;
            let mut step = |state: &mut State, letters: &str| {
                letters.chars().for_each(|letter| *found |= state.step(token, Sign::Letter(letter), spells));
            };
            match token.reads {
                CaseMode::AsWritten => step(&mut states.first, letters),
                CaseMode::Lower => step(&mut states.first, small),
                CaseMode::Either => {
                    let mut other = states.small.unwrap_or(states.first);
                    step(&mut states.first, letters);
                    step(&mut other, small);
                    states.small = Some(other);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(text: &str, token: &str) -> bool {
        Tokens::of([token]).stand_in(text)
    }

    fn pieces(pieces: &[&str], token: &str) -> bool {
        let mut search = Tokens::of([token]).search();
        pieces.iter().for_each(|piece| search.read(piece));
        search.found()
    }

    #[test]
    fn finds_a_token_in_every_disguise() {
        for text in [
            "the copper finch report",
            "COPPER FINCH",
            "copper-finch",
            "Copper\nFinch",
            "C O P P E R  F I N C H",
            "c\u{43e}pper finch",
            "C\u{200b}opper\u{ad} Finch",
            "C0PPER F1NCH",
            "\u{ff23}\u{ff2f}\u{ff30}\u{ff30}\u{ff25}\u{ff32} FINCH",
            "co\u{301}pper f\u{ed}nch",
            "(COPPER_FINCH)",
            "xxCopperFinchxx",
            "COPPER F|NCH",
            "C0PPER F!NCH",
            "COPP\u{20ac}R FIN(#",
            "c0pp3r/f!nch!",
        ] {
            assert!(holds(text, "Copper Finch"), "{text:?}");
        }
    }

    #[test]
    fn finds_short_tokens_with_signs_and_digits_for_letters_and_letters_for_digits() {
        for (text, token) in [
            ("the F|NCH sang", "finch"),
            ("\"F!NCH!\"", "finch"),
            ("|NK.", "ink"),
            ("a ca$tle", "castle"),
            ("C@PPER", "capper"),
            ("C@PPER", "copper"),
            ("BRAV0", "bravo"),
            ("8RAVO", "bravo"),
            ("6REY", "grey"),
            ("9REY", "grey"),
            ("2ULU", "zulu"),
            ("UNIT B2", "unit 82"),
            ("UNIT 8Z", "unit 82"),
            ("unit IO", "unit 10"),
            ("UNIT 10", "unit 10"),
            ("C 0 P P E R", "copper"),
            ("K@9", "K@9"),
            ("FLNCH", "finch"),
        ] {
            assert!(holds(text, token), "{text:?} {token:?}");
        }
    }

    #[test]
    fn notes_letters_of_no_table_and_scripts_without_spaces_hide_no_token() {
        for (text, token) in [
            ("the finch\u{b9} sang", "finch"),
            ("the fi\u{b2}nch sang", "finch"),
            ("\u{b3}finch", "finch"),
            ("c\u{ba}pper", "copper"),
            ("nig\u{b9}htown", "nightown"),
            ("xnig\u{b9}htownx", "nightown"),
            ("H\u{b2}O plant", "H2O plant"),
            ("\u{a9}opper", "copper"),
            ("\u{1d04}\u{1d0f}\u{1d18}\u{1d18}\u{1d07}\u{280}", "copper"),
            ("c\u{254}pp\u{25b}r", "copper"),
            ("\u{1f172}\u{1f17e}\u{1f17f}\u{1f17f}ER", "copper"),
            ("\u{6f14}\u{7fd2}\u{306e}\u{8239}\u{8236}", "\u{7fd2}\u{306e}"),
            ("\u{6f14}finch\u{7fd2}", "finch"),
            ("\u{e01}\u{e32}\u{e23}\u{e1d}\u{e36}\u{e01}", "\u{e23}\u{e1d}\u{e36}"),
        ] {
            assert!(holds(text, token), "{text:?} {token:?}");
        }
        for (text, token) in [
            ("finches\u{b9}", "finch"),
            ("UNIT 6\u{b2}", "unit 9"),
            ("\u{6f14}\u{7fd2}\u{306e}\u{8239}", "\u{6f14}\u{306e}"),
            ("\u{254}pp\u{25b}r", "copper"),
        ] {
            assert!(!holds(text, token), "{text:?} {token:?}");
        }
    }

    #[test]
    fn case_hides_no_token_in_any_script_and_makes_none() {
        for (text, token, is) in super::super::readings::CASES {
            assert_eq!(holds(text, token), is, "{token} in {text}");
        }
    }

    #[test]
    fn what_is_short_is_no_part_of_words_or_numbers() {
        for (text, token) in [
            ("the rose", "hero"),
            ("finches", "finch"),
            ("the heron", "hero"),
            ("the count is 816.", "big"),
            ("515 crates", "sis"),
            ("$50 each", "sso"),
            ("unit 83", "unit 82"),
            ("2026-0006", "2026-0009"),
            ("UNIT 6", "unit 9"),
            ("fin ches", "finch"),
            ("F|NCHES", "finch"),
            ("anything", ""),
            ("f and n, c, h", "finch"),
        ] {
            assert!(!holds(text, token), "{text:?} {token:?}");
        }
        assert!(holds("nightheronx", "nightheron") && holds("xnightown", "nightown"));
        assert!(!holds("xnight ownx", "nightown") && holds("night own", "nightown"));
    }

    #[test]
    fn finds_what_is_split_between_pieces() {
        assert!(pieces(&["They met the grey", "stork at night."], "grey stork"));
        assert!(pieces(&["gr", "", "--", "ey", "stork"], "grey stork"));
        assert!(pieces(&["the f", "inch"], "finch"));
        assert!(!pieces(&["the f", "inches"], "finch"));
        assert!(!pieces(&["of", "inch"], "finch"));
    }

    #[test]
    fn a_token_beyond_what_is_followed_is_found_by_its_beginning() {
        let long = "abcdefghijk".repeat(13);
        assert!(holds(&format!("x {long} x"), &long) && holds(&long[..128], &long));
        assert!(!holds(&long[..127], &long));
    }
}
