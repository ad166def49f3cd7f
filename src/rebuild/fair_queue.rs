//! A fair queue for a fixed number of slots: each party gets its share, so that the files of one party do not delay
//! those of all others. The queue only decides which ticket is next; the caller does the waiting.

use std::collections::{BTreeMap, VecDeque};

/// Identifies one request for a slot, waiting or running.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(u64);

/// A fixed number of slots, with the tickets that hold them and those that wait.
#[derive(Debug)]
pub struct FairQueue {
    slots: usize,
    issued: u64,
    running: BTreeMap<Ticket, String>,
    /// Waiting tickets, in order of arrival.
    waiting: VecDeque<(Ticket, String)>,
    /// For each party that is running or waiting, the sequence number of the slot it acquired last.
    last_acquired: BTreeMap<String, u64>,
    acquired_total: u64,
}

impl FairQueue {
    /// Returns a queue with `slots` free slots, and at least one.
    pub fn new(slots: usize) -> FairQueue {
        let (running, waiting, last_acquired) = (BTreeMap::new(), VecDeque::new(), BTreeMap::new());
        FairQueue { slots: slots.max(1), issued: 0, running, waiting, last_acquired, acquired_total: 0 }
    }

    /// The most slots that one party holds at once: half of them, so that others always find room.
    fn share(&self) -> usize {
        (self.slots / 2).max(1)
    }

    /// Enqueues a request for `party` and returns its ticket.
    pub fn enqueue(&mut self, party: &str) -> Ticket {
        self.issued += 1;
        let ticket = Ticket(self.issued);
        self.waiting.push_back((ticket, party.to_owned()));
        ticket
    }

    /// Acquires a slot for `ticket` and returns whether it did: a slot must be free and the ticket must be next. After
    /// each success the caller should try the other tickets again, since another one may be next now.
    ///
    /// The next slot is for the party that holds the fewest; among equals for the one whose last slot was acquired
    /// longest ago; within a party for the earliest ticket.
    pub fn try_acquire(&mut self, ticket: Ticket) -> bool {
        let Some(at) = self.next().filter(|at| self.waiting.get(*at).is_some_and(|(next, _)| *next == ticket)) else {
            return false;
        };
        let Some((ticket, party)) = self.waiting.remove(at) else { return false };
        self.acquired_total += 1;
        self.last_acquired.insert(party.clone(), self.acquired_total);
        self.running.insert(ticket, party);
        true
    }

    /// The index of the next ticket in the waiting list.
    fn next(&self) -> Option<usize> {
        if self.running.len() >= self.slots {
            return None;
        }
        let mut had: BTreeMap<&str, usize> = BTreeMap::new();
        self.running.values().for_each(|party| *had.entry(party).or_default() += 1);
        let turn =
            |party: &str| (had.get(party).copied().unwrap_or(0), self.last_acquired.get(party).copied().unwrap_or(0));
        let may = self.waiting.iter().enumerate().filter(|(_, (_, party))| turn(party).0 < self.share());
        // `min_by_key` returns the first of several equal entries, which arrived earliest.
        may.min_by_key(|(_, (_, party))| turn(party)).map(|(at, _)| at)
    }

    /// Releases the slot that `ticket` holds, or cancels its request.
    pub fn release(&mut self, ticket: Ticket) {
        self.running.remove(&ticket);
        self.waiting.retain(|(waits, _)| *waits != ticket);
        // Forget parties that are neither running nor waiting.
        let here =
            |party: &String| self.running.values().chain(self.waiting.iter().map(|(_, p)| p)).any(|p| p == party);
        let kept = self
            .last_acquired
            .iter()
            .filter(|(party, _)| here(party))
            .map(|(party, at)| (party.clone(), *at))
            .collect();
        self.last_acquired = kept;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Acquires every slot that is available, and returns the tickets and parties in that order.
    fn taken(places: &mut FairQueue, waiting: &mut Vec<(Ticket, &'static str)>) -> Vec<(Ticket, &'static str)> {
        let mut taken = Vec::new();
        while let Some(at) = waiting.iter().position(|(ticket, _)| places.try_acquire(*ticket)) {
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
        let mut waiting: Vec<_> = (0..9).map(|_| (places.enqueue("flood"), "flood")).collect();
        let flood = taken(&mut places, &mut waiting);
        assert_eq!(parties(&flood), ["flood", "flood"]);
        // A party that arrives later gets a slot at once.
        waiting.push((places.enqueue("other"), "other"));
        assert_eq!(parties(&taken(&mut places, &mut waiting)), ["other"]);
        waiting.push((places.enqueue("third"), "third"));
        assert_eq!(parties(&taken(&mut places, &mut waiting)), ["third"]);
        // All slots are taken; one that is released is acquired by the party with the fewest.
        waiting.push((places.enqueue("fourth"), "fourth"));
        assert!(taken(&mut places, &mut waiting).is_empty());
        places.release(flood[0].0);
        assert_eq!(parties(&taken(&mut places, &mut waiting)), ["fourth"]);
    }

    #[test]
    fn with_one_place_the_parties_take_turns_and_each_its_own_in_order() {
        let mut places = FairQueue::new(1);
        let mut waiting: Vec<_> =
            ["a", "a", "a", "b", "b", "c"].into_iter().map(|party| (places.enqueue(party), party)).collect();
        let mut order = Vec::new();
        while let Some(one) = taken(&mut places, &mut waiting).pop() {
            places.release(one.0);
            order.push(one);
        }
        assert_eq!(parties(&order), ["a", "b", "c", "a", "b", "a"]);
        let of_a: Vec<Ticket> = order.iter().filter(|(_, party)| *party == "a").map(|(ticket, _)| *ticket).collect();
        assert!(of_a.is_sorted());
    }

    #[test]
    fn whoever_gives_up_keeps_nobody_waiting_and_nothing_is_kept_of_it() {
        let mut places = FairQueue::new(1);
        let (first, second) = (places.enqueue("a"), places.enqueue("b"));
        assert!(!places.try_acquire(second) && places.try_acquire(first) && !places.try_acquire(second));
        let third = places.enqueue("c");
        places.release(second);
        places.release(first);
        assert!(!places.try_acquire(second) && places.try_acquire(third));
        places.release(third);
        assert!(places.last_acquired.is_empty() && places.running.is_empty() && places.waiting.is_empty());
    }
}
