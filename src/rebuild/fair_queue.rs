//! A fair queue for a few places: each party gets its share, so that the files of one do not delay those of all others.
//! It only decides whose turn it is; the caller waits.

use std::collections::{BTreeMap, VecDeque};

/// Somebody who waits for a place, or has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(u64);

/// So many places, and who has and wants them.
#[derive(Debug)]
pub struct FairQueue {
    at_once: usize,
    issued: u64,
    running: BTreeMap<Ticket, String>,
    /// In the order in which they asked.
    waiting: VecDeque<(Ticket, String)>,
    /// When each party that is here was given a place last, in places given.
    given: BTreeMap<String, u64>,
    given_in_all: u64,
}

impl FairQueue {
    /// So many places, none of them taken; at least one.
    pub fn new(at_once: usize) -> FairQueue {
        let (running, waiting, given) = (BTreeMap::new(), VecDeque::new(), BTreeMap::new());
        FairQueue { at_once: at_once.max(1), issued: 0, running, waiting, given, given_in_all: 0 }
    }

    /// The most places that one party has at once: half of them, so that there is room for others whatever it sends.
    fn share(&self) -> usize {
        (self.at_once / 2).max(1)
    }

    /// Asks for a place for this party.
    pub fn ask(&mut self, party: &str) -> Ticket {
        self.issued += 1;
        let ticket = Ticket(self.issued);
        self.waiting.push_back((ticket, party.to_owned()));
        ticket
    }

    /// Takes a place, if there is one and it is this one's turn; then the turn of another may have come.
    ///
    /// The next place goes to the party that has fewest; among those to the one that was given one longest ago, and for
    /// each to whom asked first.
    pub fn take(&mut self, ticket: Ticket) -> bool {
        let Some(at) = self.next().filter(|at| self.waiting.get(*at).is_some_and(|(next, _)| *next == ticket)) else {
            return false;
        };
        let Some((ticket, party)) = self.waiting.remove(at) else { return false };
        self.given_in_all += 1;
        self.given.insert(party.clone(), self.given_in_all);
        self.running.insert(ticket, party);
        true
    }

    /// Whoever waits next, as its place in the queue.
    fn next(&self) -> Option<usize> {
        if self.running.len() >= self.at_once {
            return None;
        }
        let mut had: BTreeMap<&str, usize> = BTreeMap::new();
        self.running.values().for_each(|party| *had.entry(party).or_default() += 1);
        let turn = |party: &str| (had.get(party).copied().unwrap_or(0), self.given.get(party).copied().unwrap_or(0));
        let may = self.waiting.iter().enumerate().filter(|(_, (_, party))| turn(party).0 < self.share());
        // The first of several that are equal: whoever asked first.
        may.min_by_key(|(_, (_, party))| turn(party)).map(|(at, _)| at)
    }

    /// Gives a place back, or asks for none any more.
    pub fn leave(&mut self, ticket: Ticket) {
        self.running.remove(&ticket);
        self.waiting.retain(|(waits, _)| *waits != ticket);
        // Nothing is kept of who is neither here nor waiting.
        let here =
            |party: &String| self.running.values().chain(self.waiting.iter().map(|(_, p)| p)).any(|p| p == party);
        let kept = self.given.iter().filter(|(party, _)| here(party)).map(|(party, at)| (party.clone(), *at)).collect();
        self.given = kept;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes whatever may be taken, and names the parties in that order.
    fn taken(places: &mut FairQueue, waiting: &mut Vec<(Ticket, &'static str)>) -> Vec<(Ticket, &'static str)> {
        let mut taken = Vec::new();
        while let Some(at) = waiting.iter().position(|(ticket, _)| places.take(*ticket)) {
            taken.push(waiting.remove(at));
        }
        taken
    }

    fn parties(taken: &[(Ticket, &'static str)]) -> Vec<&'static str> {
        taken.iter().map(|(_, party)| *party).collect()
    }

    #[test]
    fn one_party_takes_half_of_the_places_and_no_more_whatever_it_asks() {
        let mut places = FairQueue::new(4);
        let mut waiting: Vec<_> = (0..9).map(|_| (places.ask("flood"), "flood")).collect();
        let flood = taken(&mut places, &mut waiting);
        assert_eq!(parties(&flood), ["flood", "flood"]);
        // Whoever comes later finds a place at once.
        waiting.push((places.ask("other"), "other"));
        assert_eq!(parties(&taken(&mut places, &mut waiting)), ["other"]);
        waiting.push((places.ask("third"), "third"));
        assert_eq!(parties(&taken(&mut places, &mut waiting)), ["third"]);
        // All are taken; a place that is given back goes to whoever has fewest.
        waiting.push((places.ask("fourth"), "fourth"));
        assert!(taken(&mut places, &mut waiting).is_empty());
        places.leave(flood[0].0);
        assert_eq!(parties(&taken(&mut places, &mut waiting)), ["fourth"]);
    }

    #[test]
    fn with_one_place_the_parties_take_turns_and_each_its_own_in_order() {
        let mut places = FairQueue::new(1);
        let mut waiting: Vec<_> =
            ["a", "a", "a", "b", "b", "c"].into_iter().map(|party| (places.ask(party), party)).collect();
        let mut order = Vec::new();
        while let Some(one) = taken(&mut places, &mut waiting).pop() {
            places.leave(one.0);
            order.push(one);
        }
        assert_eq!(parties(&order), ["a", "b", "c", "a", "b", "a"]);
        let of_a: Vec<Ticket> = order.iter().filter(|(_, party)| *party == "a").map(|(ticket, _)| *ticket).collect();
        assert!(of_a.is_sorted());
    }

    #[test]
    fn whoever_gives_up_keeps_nobody_waiting_and_nothing_is_kept_of_it() {
        let mut places = FairQueue::new(1);
        let (first, second) = (places.ask("a"), places.ask("b"));
        assert!(!places.take(second) && places.take(first) && !places.take(second));
        let third = places.ask("c");
        places.leave(second);
        places.leave(first);
        assert!(!places.take(second) && places.take(third));
        places.leave(third);
        assert!(places.given.is_empty() && places.running.is_empty() && places.waiting.is_empty());
    }
}
