//! The automaton of a search (Shift-And, Baeza-Yates and Gonnet 1992): how far each beginning of a pattern has been read,
//! one bit for each, moved on with every character.

use super::pattern::{Pattern, Reach};

/// How far a pattern has been read.
#[derive(Clone, Copy, Debug)]
pub(super) struct States {
    /// In the text as it stands, or in the one case in which the token is looked for.
    pub first: State,
    /// In small letters, as long as that is not the same.
    pub small: Option<State>,
}

/// How far each beginning of a pattern has been read: bit n is set where its first n + 1 letters were read last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct State {
    /// Beginnings that count so far.
    open: u128,
    /// Those within the word that is being read.
    in_word: u128,
    /// Whether a word may begin here.
    pub edge: bool,
    /// Whether the pattern was read to its end, if a word ends here.
    ends: bool,
}

/// What a character is to a search.
#[derive(Clone, Copy)]
pub(super) enum Sign {
    /// A folded letter or digit.
    Letter(char),
    /// A sign that is drawn like a letter, and may be one.
    Like(char),
    /// A raised digit and its like, which may be the letter or digit that it is drawn like, and parts no word.
    Note(Option<char>),
    /// Whatever parts words.
    Gap,
}

impl State {
    pub const START: State = State::begun(true);

    /// Where nothing of a pattern was read; `edge` says whether a word may begin here.
    pub const fn begun(edge: bool) -> State {
        State { open: 0, in_word: 0, edge, ends: false }
    }

    /// Reads one more character; whether it completes the pattern.
    pub fn step(&mut self, token: &Pattern, sign: Sign, spells: bool) -> bool {
        let ended = self.ends && !matches!(sign, Sign::Letter(_));
        let begin = u128::from(token.reach == Reach::Anywhere || self.edge);
        let at = |c: char| if spells { token.at(c) } else { token.at(c) & token.digits };
        match sign {
            Sign::Letter(c) => {
                self.open = ((self.open << 1) | begin) & at(c);
                self.in_word = ((self.in_word << 1) | 1) & at(c);
                self.edge = false;
            }
            Sign::Like(c) => {
                let at = if spells { token.at(c) } else { 0 };
                self.open |= ((self.open << 1) | begin) & at;
                self.in_word = ((self.in_word << 1) | 1) & at;
                self.edge = true;
            }
            Sign::Note(c) => {
                let at = c.filter(|_| spells).map_or(0, |c| token.at(c));
                self.open |= ((self.open << 1) | begin) & at;
                self.in_word |= ((self.in_word << 1) | 1) & at;
                self.edge = true;
            }
            Sign::Gap => {
                self.in_word = 0;
                self.edge = true;
            }
        }
        self.ends = self.open & token.last != 0;
        ended
            || match token.reach {
                Reach::Words => false,
                Reach::InWord => self.in_word & token.last != 0,
                Reach::Anywhere => self.ends,
            }
    }
}
