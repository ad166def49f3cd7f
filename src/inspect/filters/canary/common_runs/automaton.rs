//! A suffix automaton over words.

use std::collections::BTreeMap;

use super::index::Word;

/// The longest run of a text that ends with the last scanned word.
#[derive(Clone, Copy, Default)]
pub(super) struct Match {
    pub state: u32,
    pub length: usize,
}

/// A suffix automaton over words: contains every run of words of one text, in memory linear in its length.
pub(super) struct Automaton {
    states: Vec<State>,
    /// Transitions of a state besides `first`; most states have only one.
    more: BTreeMap<(u32, Word), u32>,
}

#[derive(Clone, Copy)]
struct State {
    /// The length of the longest run that ends in this state.
    length: usize,
    /// The suffix link: the state of the longest suffix that also occurs elsewhere; `None` for the initial state.
    link: Option<u32>,
    /// The position in the text, in words, at which its runs first ended.
    end: usize,
    first: Option<(Word, u32)>,
}

impl Automaton {
    /// Builds the automaton of a text.
    pub fn of(words: &[Word]) -> Automaton {
        let start = State { length: 0, link: None, end: 0, first: None };
        let mut automaton = Automaton { states: vec![start], more: BTreeMap::new() };
        let mut last = 0;
        for word in words {
            last = automaton.add(last, *word);
        }
        automaton
    }

    /// Appends a word to the text that ends in state `last`, and returns the new last state.
    fn add(&mut self, last: u32, word: Word) -> u32 {
        let length = self.states[last as usize].length + 1;
        let new = self.push(State { length, link: Some(0), end: length, first: None });
        let mut at = Some(last);
        while let Some(state) = at.filter(|state| self.next(*state, word).is_none()) {
            self.lead(state, word, new);
            at = self.states[state as usize].link;
        }
        let Some(state) = at else { return new };
        // INVARIANT: the loop above ended at a state with a transition for this word.
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
        // INVARIANT: the size of a product is limited to far fewer words.
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

    /// Extends a match by one word; it becomes shorter if the text does not continue so.
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

    /// Returns the position in the text, in words, at which the runs of a state first ended.
    pub fn end_of(&self, state: u32) -> usize {
        self.states[state as usize].end
    }
}
