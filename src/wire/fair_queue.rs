//! The scheduler: decides which of several exchanges that share one allowance sends its next piece, by precedence and
//! without starvation.
//!
//! Start-time fair queueing over the four precedences, first come, first served within each. An idle precedence
//! accumulates no credit: when it becomes active it starts at the current virtual time, and the piece with the
//! earliest *finish* is next. A higher precedence therefore overtakes at its first piece, and a lower one keeps its
//! share of the bytes, however much more urgent traffic there is.

use std::collections::{BTreeMap, VecDeque};

use crate::envelope::Precedence;

/// An exchange that [`WeightedFairQueue`] serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowId(u64);

/// Start-time fair queueing over precedences. It has no clock and no payload bytes: the same calls in the same order
/// give the same results.
#[derive(Debug, Default)]
pub struct WeightedFairQueue {
    flows: BTreeMap<FlowId, Precedence>,
    queues: BTreeMap<Precedence, Queue>,
    /// The virtual time.
    virtual_now: u128,
    joined: u64,
}

#[derive(Debug, Default)]
struct Queue {
    /// Virtual start time of the next piece of this precedence.
    start: u128,
    /// Requests with their costs, in order of arrival.
    requested: VecDeque<(FlowId, u128)>,
}

impl WeightedFairQueue {
    /// Returns how many times more bytes a precedence gets than ROUTINE, while both always have requests.
    pub const fn weight(precedence: Precedence) -> u64 {
        match precedence {
            Precedence::Routine => 1,
            Precedence::Priority => 8,
            Precedence::Immediate => 64,
            Precedence::Flash => 512,
        }
    }

    /// Adds an exchange.
    pub fn join(&mut self, precedence: Precedence) -> FlowId {
        let id = FlowId(self.joined);
        self.joined += 1;
        self.flows.insert(id, precedence);
        id
    }

    /// Requests a piece of `bytes`, which counts as at least one byte. Has no effect while an earlier request of this
    /// exchange waits.
    pub fn request(&mut self, id: FlowId, bytes: u64) {
        let Some(&precedence) = self.flows.get(&id) else { return };
        let queue = self.queues.entry(precedence).or_default();
        if queue.requested.iter().any(|(requested, _)| *requested == id) {
            return;
        }
        if queue.requested.is_empty() {
            queue.start = queue.start.max(self.virtual_now);
        }
        // Scaled by the largest weight, which all weights divide, so that the division is exact.
        let scaled = u128::from(bytes.max(1)) * u128::from(WeightedFairQueue::weight(Precedence::Flash));
        queue.requested.push_back((id, scaled / u128::from(WeightedFairQueue::weight(precedence))));
    }

    /// Returns the flow to serve next, if there is a request: the one whose piece finishes first, or of two equal
    /// ones the more urgent.
    pub fn next(&self) -> Option<FlowId> {
        let heads = self.queues.iter().filter_map(|(precedence, queue)| {
            let (id, cost) = queue.requested.front()?;
            Some((queue.start + cost, std::cmp::Reverse(*precedence), *id))
        });
        heads.min().map(|(_, _, id)| id)
    }

    /// Removes the request of a flow that is served.
    pub fn take(&mut self, id: FlowId) {
        let Some(queue) = self.flows.get(&id).and_then(|precedence| self.queues.get_mut(precedence)) else { return };
        let Some(at) = queue.requested.iter().position(|(requested, _)| *requested == id) else { return };
        let cost = queue.requested.remove(at).map_or(0, |(_, cost)| cost);
        self.virtual_now = self.virtual_now.max(queue.start);
        queue.start += cost;
    }

    /// Cancels the request; the exchange stays.
    pub fn withdraw(&mut self, id: FlowId) {
        if let Some(queue) = self.flows.get(&id).and_then(|precedence| self.queues.get_mut(precedence)) {
            queue.requested.retain(|(requested, _)| *requested != id);
        }
    }

    /// Removes the exchange.
    pub fn leave(&mut self, id: FlowId) {
        self.withdraw(id);
        self.flows.remove(&id);
    }

    /// Returns the number of waiting requests.
    pub fn waiting(&self) -> usize {
        self.queues.values().map(|queue| queue.requested.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PIECE: u64 = 256 * 1024;

    /// Lets all `flows` request pieces continuously, and counts how many each gets in `rounds` rounds.
    fn run(scheduler: &mut WeightedFairQueue, flows: &[FlowId], rounds: usize) -> Vec<usize> {
        let mut got = vec![0; flows.len()];
        for _ in 0..rounds {
            flows.iter().for_each(|id| scheduler.request(*id, PIECE));
            let next = scheduler.next().unwrap();
            scheduler.take(next);
            got[flows.iter().position(|id| *id == next).unwrap()] += 1;
        }
        got
    }

    #[test]
    fn a_piece_costs_by_its_bytes_and_its_precedence_however_small_it_is() {
        let mut scheduler = WeightedFairQueue::default();
        assert_eq!(scheduler.waiting(), 0);
        let (routine, flash) = (scheduler.join(Precedence::Routine), scheduler.join(Precedence::Flash));
        // 500 bytes of FLASH cost less than one byte of ROUTINE, and 600 bytes more.
        for (bytes, first) in [(500, flash), (600, routine)] {
            scheduler.request(routine, 1);
            scheduler.request(flash, bytes);
            assert_eq!((scheduler.next(), scheduler.waiting()), (Some(first), 2), "{bytes}");
            scheduler.withdraw(routine);
            scheduler.withdraw(flash);
            assert_eq!(scheduler.waiting(), 0);
        }
    }

    #[test]
    fn a_flash_that_comes_in_the_middle_is_next() {
        let mut scheduler = WeightedFairQueue::default();
        let routine: Vec<FlowId> = (0..16).map(|_| scheduler.join(Precedence::Routine)).collect();
        run(&mut scheduler, &routine, 100);
        routine.iter().for_each(|id| scheduler.request(*id, PIECE));
        let flash = scheduler.join(Precedence::Flash);
        scheduler.request(flash, PIECE);
        assert_eq!(scheduler.next(), Some(flash));
    }

    #[test]
    fn routine_progresses_next_to_an_endless_flash() {
        let mut scheduler = WeightedFairQueue::default();
        let flows = [scheduler.join(Precedence::Flash), scheduler.join(Precedence::Routine)];
        assert_eq!(run(&mut scheduler, &flows, 5130)[1], 10);
    }

    #[test]
    fn an_idle_flow_accumulates_no_credit() {
        let mut scheduler = WeightedFairQueue::default();
        let (busy, idle) = (scheduler.join(Precedence::Routine), scheduler.join(Precedence::Routine));
        run(&mut scheduler, &[busy], 1000);
        let got = run(&mut scheduler, &[busy, idle], 100);
        assert!(got[1] <= 51, "{got:?}");
        // Another precedence has no credit either: it gets its share from now on, eight of nine, and not what it did
        // not use.
        let urgent = scheduler.join(Precedence::Priority);
        let got = run(&mut scheduler, &[busy, urgent], 900);
        assert!((99..=101).contains(&got[0]), "{got:?}");
    }

    #[test]
    fn a_flow_that_left_or_withdrew_delays_no_other() {
        let mut scheduler = WeightedFairQueue::default();
        let (flash, gone, routine) =
            (scheduler.join(Precedence::Flash), scheduler.join(Precedence::Flash), scheduler.join(Precedence::Routine));
        [flash, gone, routine].iter().for_each(|id| scheduler.request(*id, PIECE));
        scheduler.leave(gone);
        scheduler.withdraw(flash);
        assert_eq!((scheduler.next(), scheduler.waiting()), (Some(routine), 1));
        scheduler.take(routine);
        assert_eq!(scheduler.next(), None);
    }

    fn precedences() -> impl Strategy<Value = Vec<Precedence>> {
        prop::collection::vec(prop::sample::select(&Precedence::ALL[..]), 1..12)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn every_precedence_gets_the_share_of_its_weight_and_shares_it_evenly(all in precedences()) {
            let mut scheduler = WeightedFairQueue::default();
            let flows: Vec<FlowId> = all.iter().map(|p| scheduler.join(*p)).collect();
            let rounds = 4_000;
            let got = run(&mut scheduler, &flows, rounds);
            let present: std::collections::BTreeSet<Precedence> = all.iter().copied().collect();
            let total: u64 = present.iter().map(|p| WeightedFairQueue::weight(*p)).sum();
            for precedence in present {
                let of: Vec<usize> =
                    all.iter().zip(&got).filter(|(p, _)| **p == precedence).map(|(_, got)| *got).collect();
                let sum: usize = of.iter().sum();
                let share = rounds as u64 * WeightedFairQueue::weight(precedence) / total;
                prop_assert!((sum as u64).abs_diff(share) <= WeightedFairQueue::weight(precedence) + 2, "{precedence}: {sum} of {share}");
                prop_assert!(of.iter().max().unwrap() - of.iter().min().unwrap() <= 1, "{precedence}: {of:?}");
            }
        }

        #[test]
        fn no_flow_waits_longer_than_the_shares_of_the_others(all in precedences()) {
            let mut scheduler = WeightedFairQueue::default();
            let flows: Vec<FlowId> = all.iter().map(|p| scheduler.join(*p)).collect();
            let (mut last, mut worst) = (vec![0usize; all.len()], vec![0usize; all.len()]);
            for round in 1..=4_000usize {
                flows.iter().for_each(|id| scheduler.request(*id, PIECE));
                let next = scheduler.next().unwrap();
                scheduler.take(next);
                let at = flows.iter().position(|id| *id == next).unwrap();
                worst[at] = worst[at].max(round - last[at]);
                last[at] = round;
            }
            let present: std::collections::BTreeSet<Precedence> = all.iter().copied().collect();
            let total: u64 = present.iter().map(|p| WeightedFairQueue::weight(*p)).sum();
            for (precedence, worst) in all.iter().zip(worst) {
                let peers = all.iter().filter(|p| *p == precedence).count() as u64;
                let bound = (peers + 1) * (total.div_ceil(WeightedFairQueue::weight(*precedence)) + 1);
                prop_assert!(worst as u64 <= bound, "{precedence}: {worst} scheduler, at most {bound}");
            }
        }
    }
}
