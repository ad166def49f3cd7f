//! A suffix automaton over words.

use std::collections::BTreeMap;

use super::index::Word;

/// The longest run of a text that ends with the word that was read last.
#[derive(Clone, Copy, Default)]
pub(super) struct Match {
    pub state: u32,
    pub length: usize,
}

/// A suffix automaton over words: every run of words of one text, in memory linear in its length.
pub(super) struct Automaton {
    states: Vec<State>,
    /// Where a state leads besides [`State::first`]; most lead to one other only.
    more: BTreeMap<(u32, Word), u32>,
}

#[derive(Clone, Copy)]
struct State {
    /// The longest run that ends in this state.
    length: usize,
    /// The state of the longest suffix that stands elsewhere too; none of the first.
    link: Option<u32>,
    /// How many words of the text were read when its runs ended first.
    end: usize,
    first: Option<(Word, u32)>,
}

impl Automaton {
    pub fn of(words: &[Word]) -> Automaton {
        let start = State { length: 0, link: None, end: 0, first: None };
        let mut automaton = Automaton { states: vec![start], more: BTreeMap::new() };
        let mut last = 0;
        for word in words {
            last = automaton.add(last, *word);
        }
        automaton
    }

    /// Adds a word behind the text that ends in state `last`, and gives the state that it ends in then.
    fn add(&mut self, last: u32, word: Word) -> u32 {
        let length = self.states[last as usize].length + 1;
        let new = self.push(State { length, link: Some(0), end: length, first: None });
        let mut at = Some(last);
        while let Some(state) = at.filter(|state| self.next(*state, word).is_none()) {
            self.lead(state, word, new);
            at = self.states[state as usize].link;
        }
        let Some(state) = at else { return new };
        // INVARIANT: the walk above ended at a state that has this word.
        let next = self.next(state, word).unwrap_or(0);
        let length = self.states[state as usize].length + 1;
        if self.states[next as usize].length == length {
            self.states[new as usize].link = Some(next);
            return new;
        }
        let copy = self.push(State { length, ..self.states[next as usize] });
        let more: Vec<(Word, u32)> =
            self.more.range((next, Word::MIN)..=(next, Word::MAX)).map(|((_, word), to)| (*word, *to)).collect();
        self.more.extend(more.into_iter().map(|(word, to)| ((copy, word), to)));
        let mut at = Some(state);
        while let Some(state) = at.filter(|state| self.next(*state, word) == Some(next)) {
            self.lead(state, word, copy);
            at = self.states[state as usize].link;
        }
        self.states[next as usize].link = Some(copy);
        self.states[new as usize].link = Some(copy);
        new
    }

    fn push(&mut self, state: State) -> u32 {
        self.states.push(state);
        // INVARIANT: a product is bounded far below as many words as would not fit.
        u32::try_from(self.states.len() - 1).expect("a product has fewer words")
    }

    fn next(&self, state: u32, word: Word) -> Option<u32> {
        match self.states[state as usize].first {
            Some((first, to)) if first == word => Some(to),
            Some(_) => self.more.get(&(state, word)).copied(),
            None => None,
        }
    }

    fn lead(&mut self, state: u32, word: Word, to: u32) {
        match &mut self.states[state as usize].first {
            Some((first, _)) if *first != word => {
                self.more.insert((state, word), to);
            }
            first => *first = Some((word, to)),
        }
    }

    pub fn step(&self, open: &mut Match, word: Word) {
        loop {
            if let Some(next) = self.next(open.state, word) {
                *open = Match { state: next, length: open.length + 1 };
                return;
            }
            match self.states[open.state as usize].link {
                Some(link) => *open = Match { state: link, length: self.states[link as usize].length },
                None => return,
            }
        }
    }

    pub fn end_of(&self, state: u32) -> usize {
        self.states[state as usize].end
    }
}
