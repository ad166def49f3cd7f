//! Whose turn it is: pieces of several exchanges that share one allowance, by precedence and without starvation.
//!
//! Start-time fair queueing over the four precedences, first come first served within each. A precedence that has
//! nothing to ask for saves nothing up; one that comes in while others are busy starts where they are, and whoever would
//! be *done* first is next. A higher precedence therefore overtakes at its first piece, and a lower one, however much
//! there is of what is more urgent, is sure of its share of the bytes.

use std::collections::{BTreeMap, VecDeque};

use crate::envelope::Precedence;

/// One exchange's place in [`Turns`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TurnId(u64);

/// Who may go next. It holds no time and no bytes: the same questions in the same order get the same answers.
#[derive(Debug, Default)]
pub struct Turns {
    places: BTreeMap<TurnId, Precedence>,
    queues: BTreeMap<Precedence, Queue>,
    /// Where the busiest precedence has come to.
    virtual_now: u128,
    joined: u64,
}

#[derive(Debug, Default)]
struct Queue {
    /// Where the next piece of this precedence starts.
    start: u128,
    /// Who asked, and what their piece costs, in the order they asked.
    asked: VecDeque<(TurnId, u128)>,
}

impl Turns {
    /// How many times more bytes a precedence gets than ROUTINE, when both always want more.
    pub const fn weight(precedence: Precedence) -> u64 {
        match precedence {
            Precedence::Routine => 1,
            Precedence::Priority => 8,
            Precedence::Immediate => 64,
            Precedence::Flash => 512,
        }
    }

    /// A place for an exchange.
    pub fn join(&mut self, precedence: Precedence) -> TurnId {
        let id = TurnId(self.joined);
        self.joined += 1;
        self.places.insert(id, precedence);
        id
    }

    /// Asks for a piece of `bytes`, which counts as at least one. Asking again before it was taken changes nothing.
    pub fn ask(&mut self, id: TurnId, bytes: u64) {
        let Some(&precedence) = self.places.get(&id) else { return };
        let queue = self.queues.entry(precedence).or_default();
        if queue.asked.iter().any(|(asked, _)| *asked == id) {
            return;
        }
        if queue.asked.is_empty() {
            queue.start = queue.start.max(self.virtual_now);
        }
        // Scaled by the largest weight, so that the division loses nothing.
        let scaled = u128::from(bytes.max(1)) * u128::from(Turns::weight(Precedence::Flash));
        queue.asked.push_back((id, scaled / u128::from(Turns::weight(precedence))));
    }

    /// Whose turn it is, if anybody asked: whose piece would be done first; of two precedences the more urgent.
    pub fn next(&self) -> Option<TurnId> {
        let heads = self.queues.iter().filter_map(|(precedence, queue)| {
            let (id, cost) = queue.asked.front()?;
            Some((queue.start + cost, std::cmp::Reverse(*precedence), *id))
        });
        heads.min().map(|(_, _, id)| id)
    }

    /// The piece that was asked for is taken.
    pub fn take(&mut self, id: TurnId) {
        let Some(queue) = self.places.get(&id).and_then(|precedence| self.queues.get_mut(precedence)) else { return };
        let Some(at) = queue.asked.iter().position(|(asked, _)| *asked == id) else { return };
        let cost = queue.asked.remove(at).map_or(0, |(_, cost)| cost);
        self.virtual_now = self.virtual_now.max(queue.start);
        queue.start += cost;
    }

    /// Withdraws what was asked for; the place is kept.
    pub fn give_up(&mut self, id: TurnId) {
        if let Some(queue) = self.places.get(&id).and_then(|precedence| self.queues.get_mut(precedence)) {
            queue.asked.retain(|(asked, _)| *asked != id);
        }
    }

    /// Gives up the place.
    pub fn leave(&mut self, id: TurnId) {
        self.give_up(id);
        self.places.remove(&id);
    }

    /// How many have asked.
    pub fn waiting(&self) -> usize {
        self.queues.values().map(|queue| queue.asked.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PIECE: u64 = 256 * 1024;

    /// Lets everybody in `places` ask for a piece again and again, and counts what each gets in `rounds` turns.
    fn run(turns: &mut Turns, places: &[TurnId], rounds: usize) -> Vec<usize> {
        let mut got = vec![0; places.len()];
        for _ in 0..rounds {
            places.iter().for_each(|id| turns.ask(*id, PIECE));
            let next = turns.next().unwrap();
            turns.take(next);
            got[places.iter().position(|id| *id == next).unwrap()] += 1;
        }
        got
    }

    #[test]
    fn a_piece_costs_by_its_bytes_and_its_precedence_however_small_it_is() {
        let mut turns = Turns::default();
        assert_eq!(turns.waiting(), 0);
        let (routine, flash) = (turns.join(Precedence::Routine), turns.join(Precedence::Flash));
        // Five hundred bytes of FLASH cost less than one of ROUTINE, and six hundred more.
        for (bytes, first) in [(500, flash), (600, routine)] {
            turns.ask(routine, 1);
            turns.ask(flash, bytes);
            assert_eq!((turns.next(), turns.waiting()), (Some(first), 2), "{bytes}");
            turns.give_up(routine);
            turns.give_up(flash);
            assert_eq!(turns.waiting(), 0);
        }
    }

    #[test]
    fn a_flash_that_comes_in_the_middle_is_next() {
        let mut turns = Turns::default();
        let routine: Vec<TurnId> = (0..16).map(|_| turns.join(Precedence::Routine)).collect();
        run(&mut turns, &routine, 100);
        routine.iter().for_each(|id| turns.ask(*id, PIECE));
        let flash = turns.join(Precedence::Flash);
        turns.ask(flash, PIECE);
        assert_eq!(turns.next(), Some(flash));
    }

    #[test]
    fn routine_still_moves_beside_a_flash_that_never_ends() {
        let mut turns = Turns::default();
        let places = [turns.join(Precedence::Flash), turns.join(Precedence::Routine)];
        assert_eq!(run(&mut turns, &places, 5130)[1], 10);
    }

    #[test]
    fn who_was_idle_has_saved_nothing_up() {
        let mut turns = Turns::default();
        let (busy, idle) = (turns.join(Precedence::Routine), turns.join(Precedence::Routine));
        run(&mut turns, &[busy], 1000);
        let got = run(&mut turns, &[busy, idle], 100);
        assert!(got[1] <= 51, "{got:?}");
        // Nor has one of another precedence: it gets its share from now on, eight of nine, and not what it left.
        let urgent = turns.join(Precedence::Priority);
        let got = run(&mut turns, &[busy, urgent], 900);
        assert!((99..=101).contains(&got[0]), "{got:?}");
    }

    #[test]
    fn who_left_or_gave_up_holds_up_nobody() {
        let mut turns = Turns::default();
        let (flash, gone, routine) =
            (turns.join(Precedence::Flash), turns.join(Precedence::Flash), turns.join(Precedence::Routine));
        [flash, gone, routine].iter().for_each(|id| turns.ask(*id, PIECE));
        turns.leave(gone);
        turns.give_up(flash);
        assert_eq!((turns.next(), turns.waiting()), (Some(routine), 1));
        turns.take(routine);
        assert_eq!(turns.next(), None);
    }

    fn precedences() -> impl Strategy<Value = Vec<Precedence>> {
        prop::collection::vec(prop::sample::select(&Precedence::ALL[..]), 1..12)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn every_precedence_gets_the_share_of_its_weight_and_shares_it_evenly(all in precedences()) {
            let mut turns = Turns::default();
            let places: Vec<TurnId> = all.iter().map(|p| turns.join(*p)).collect();
            let rounds = 4_000;
            let got = run(&mut turns, &places, rounds);
            let present: std::collections::BTreeSet<Precedence> = all.iter().copied().collect();
            let total: u64 = present.iter().map(|p| Turns::weight(*p)).sum();
            for precedence in present {
                let of: Vec<usize> =
                    all.iter().zip(&got).filter(|(p, _)| **p == precedence).map(|(_, got)| *got).collect();
                let sum: usize = of.iter().sum();
                let share = rounds as u64 * Turns::weight(precedence) / total;
                prop_assert!((sum as u64).abs_diff(share) <= Turns::weight(precedence) + 2, "{precedence}: {sum} of {share}");
                prop_assert!(of.iter().max().unwrap() - of.iter().min().unwrap() <= 1, "{precedence}: {of:?}");
            }
        }

        #[test]
        fn nobody_waits_for_longer_than_the_others_shares(all in precedences()) {
            let mut turns = Turns::default();
            let places: Vec<TurnId> = all.iter().map(|p| turns.join(*p)).collect();
            let (mut last, mut worst) = (vec![0usize; all.len()], vec![0usize; all.len()]);
            for round in 1..=4_000usize {
                places.iter().for_each(|id| turns.ask(*id, PIECE));
                let next = turns.next().unwrap();
                turns.take(next);
                let at = places.iter().position(|id| *id == next).unwrap();
                worst[at] = worst[at].max(round - last[at]);
                last[at] = round;
            }
            let present: std::collections::BTreeSet<Precedence> = all.iter().copied().collect();
            let total: u64 = present.iter().map(|p| Turns::weight(*p)).sum();
            for (precedence, worst) in all.iter().zip(worst) {
                let peers = all.iter().filter(|p| *p == precedence).count() as u64;
                let bound = (peers + 1) * (total.div_ceil(Turns::weight(*precedence)) + 1);
                prop_assert!(worst as u64 <= bound, "{precedence}: {worst} turns, at most {bound}");
            }
        }
    }
}
