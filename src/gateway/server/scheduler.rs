//! Chooses the exchanges to start next, from what waits, what runs and each partner's allowance.
//!
//! It refuses to exceed the slots, to give slots reserved for urgent exchanges to others, to let one partner use all
//! slots, and to start an exchange before its elders where the agreement requires order.

use std::collections::{BTreeMap, BTreeSet};

use crate::envelope::Precedence;
use crate::ident::{ExchangeId, PartnerId};

/// An exchange that waits or runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::gateway) struct Candidate {
    pub exchange: ExchangeId,
    pub partner: PartnerId,
    pub precedence: Precedence,
}

/// One partner's allowance.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(in crate::gateway) struct PartnerSlots {
    /// Maximum concurrent exchanges; 0 while its circuit is open.
    pub slots: usize,
    /// Where order is agreed: the eldest of each precedence in its queue, due or not. Only these may start.
    pub eldest: Option<BTreeSet<ExchangeId>>,
}

/// Which of `waiting` to start now, in this order. `waiting` is oldest first within a precedence; a partner without
/// an allowance gets nothing; `slots` is the number of concurrent exchanges over all partners.
pub(in crate::gateway) fn begin(
    waiting: &[Candidate],
    running: &[Candidate],
    allowances: &BTreeMap<PartnerId, PartnerSlots>,
    slots: usize,
) -> Vec<ExchangeId> {
    let mut busy = Busy::of(running);
    let mut begun = Vec::new();
    for precedence in Precedence::ALL.into_iter().rev() {
        let mut queues: BTreeMap<&PartnerId, Vec<(usize, &Candidate)>> = BTreeMap::new();
        // Reversed, so that the oldest of each partner is last and can be popped.
        for (place, candidate) in waiting.iter().enumerate().rev().filter(|(_, c)| c.precedence == precedence) {
            queues.entry(&candidate.partner).or_default().push((place, candidate));
        }
        // The partner with the fewest running goes first; of several, the one whose oldest has waited longest.
        let turn = |queues: &BTreeMap<&PartnerId, Vec<(usize, &Candidate)>>, busy: &Busy| {
            let heads = queues.iter().filter_map(|(id, queue)| Some((busy.of_partner(id), queue.last()?.0)));
            heads.min().map(|(_, place)| place)
        };
        while let Some(place) = turn(&queues, &busy) {
            // INVARIANT: the index is that of a candidate at the end of its partner's queue.
            let candidate = &waiting[place];
            queues.get_mut(&candidate.partner).and_then(Vec::pop);
            let Some(allowance) = allowances.get(&candidate.partner) else { continue };
            let in_order = allowance.eldest.as_ref().is_none_or(|eldest| eldest.contains(&candidate.exchange));
            if in_order && busy.has_room(candidate, allowance.slots, slots) {
                busy.add(candidate);
                begun.push(candidate.exchange);
            }
        }
    }
    begun
}

/// One partner's maximum of concurrent exchanges, given the `agreed` number and all `slots`: at most half of all, so
/// that a slow partner does not block the others.
pub(in crate::gateway) fn share(agreed: usize, slots: usize) -> usize {
    agreed.min((slots / 2).max(1))
}

/// How many of `slots` a precedence may use: a quarter, but at least one, is reserved for IMMEDIATE and FLASH, and of
/// that at least one for FLASH alone. A single slot is open to all.
fn usable(precedence: Precedence, slots: usize) -> usize {
    let kept = if slots < 2 { 0 } else { (slots / 4).max(1) };
    match precedence {
        Precedence::Flash => slots,
        Precedence::Immediate => slots - usize::from(kept > 1),
        Precedence::Priority | Precedence::Routine => slots - kept,
    }
}

#[derive(Default)]
struct Busy {
    all: BTreeMap<Precedence, usize>,
    partners: BTreeMap<PartnerId, BTreeMap<Precedence, usize>>,
}

impl Busy {
    fn of(running: &[Candidate]) -> Busy {
        let mut busy = Busy::default();
        running.iter().for_each(|candidate| busy.add(candidate));
        busy
    }

    fn add(&mut self, candidate: &Candidate) {
        *self.all.entry(candidate.precedence).or_default() += 1;
        *self.partners.entry(candidate.partner.clone()).or_default().entry(candidate.precedence).or_default() += 1;
    }

    fn of_partner(&self, partner: &PartnerId) -> usize {
        self.partners.get(partner).map_or(0, |counts| counts.values().sum())
    }

    fn has_room(&self, candidate: &Candidate, partner_slots: usize, slots: usize) -> bool {
        let nobody = BTreeMap::new();
        let partner = self.partners.get(&candidate.partner).unwrap_or(&nobody);
        fits(partner, candidate.precedence, partner_slots) && fits(&self.all, candidate.precedence, slots)
    }
}

/// Whether another of `precedence` fits without using slots reserved for the more urgent.
fn fits(counts: &BTreeMap<Precedence, usize>, precedence: Precedence, slots: usize) -> bool {
    Precedence::ALL.into_iter().filter(|level| *level >= precedence).all(|level| {
        let below: usize = counts.range(..=level).map(|(_, n)| n).sum();
        below < usable(level, slots)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::time::Time;

    fn candidate(n: u8, partner: &str, precedence: Precedence) -> Candidate {
        Candidate { exchange: ExchangeId::new(Time::EPOCH, [n; 10]), partner: partner.parse().unwrap(), precedence }
    }

    fn allow(partners: &[&str], slots: usize) -> BTreeMap<PartnerId, PartnerSlots> {
        partners.iter().map(|p| (p.parse().unwrap(), PartnerSlots { slots, eldest: None })).collect()
    }

    fn routine(from: u8, partner: &str, n: u8) -> Vec<Candidate> {
        (from..from + n).map(|n| candidate(n, partner, Precedence::Routine)).collect()
    }

    #[test]
    fn a_flash_finds_a_slot_however_much_routine_there_is() {
        let running = routine(0, "exercise-gbr", 3);
        let mut waiting = vec![candidate(99, "exercise-gbr", Precedence::Flash)];
        waiting.extend(routine(10, "exercise-gbr", 5));
        let begun = begin(&waiting, &running, &allow(&["exercise-gbr"], 4), 8);
        assert_eq!(begun, [waiting[0].exchange]);
    }

    #[test]
    fn what_is_kept_for_the_urgent_is_not_taken_by_the_two_below_together() {
        let running: Vec<Candidate> = (0..3).map(|n| candidate(n, "exercise-gbr", Precedence::Priority)).collect();
        assert_eq!(begin(&routine(10, "exercise-gbr", 1), &running, &allow(&["exercise-gbr"], 4), 8), []);
        let immediate = [candidate(20, "exercise-gbr", Precedence::Immediate)];
        assert_eq!(begin(&immediate, &running, &allow(&["exercise-gbr"], 4), 8).len(), 1);
    }

    #[test]
    fn one_partner_never_takes_the_others_slots() {
        let mut waiting = routine(0, "exercise-gbr", 40);
        waiting.extend(routine(50, "exercise-aus", 2));
        let share = share(100, 8);
        let begun = begin(&waiting, &[], &allow(&["exercise-gbr", "exercise-aus"], share), 8);
        assert!(waiting[40..].iter().all(|c| begun.contains(&c.exchange)), "{begun:?}");
        let later = begin(&routine(60, "exercise-can", 1), &waiting[..3], &allow(&["exercise-can"], share), 8);
        assert_eq!(later.len(), 1);
    }

    #[test]
    fn a_quarter_is_kept_for_the_urgent_and_one_partner_has_half_at_most() {
        let routine = [1, 2, 3, 7, 8, 32].map(|slots| usable(Precedence::Routine, slots));
        assert_eq!(routine, [1, 1, 2, 6, 6, 24]);
        assert_eq!([1, 4, 8, 32].map(|slots| usable(Precedence::Immediate, slots)), [1, 4, 7, 31]);
        assert_eq!([1, 8].map(|slots| usable(Precedence::Flash, slots)), [1, 8]);
        assert_eq!([share(100, 8), share(2, 8), share(4, 1)], [4, 2, 1]);
    }

    #[test]
    fn a_free_slot_goes_to_whoever_has_least_in_hand() {
        let running = [routine(0, "exercise-gbr", 3), routine(10, "exercise-aus", 2)].concat();
        let waiting = [routine(20, "exercise-aus", 1), routine(30, "exercise-can", 1)].concat();
        let allowed = allow(&["exercise-gbr", "exercise-aus", "exercise-can"], 4);
        assert_eq!(begin(&waiting, &running, &allowed, 8), [waiting[1].exchange]);
    }

    #[test]
    fn refuses_whoever_has_no_allowance_or_an_open_circuit() {
        let waiting = routine(0, "exercise-gbr", 2);
        assert_eq!(begin(&waiting, &[], &BTreeMap::new(), 8), []);
        assert_eq!(begin(&waiting, &[], &allow(&["exercise-gbr"], 0), 8), []);
        assert_eq!(begin(&waiting, &[], &allow(&["exercise-gbr"], 1), 8).len(), 1);
    }

    #[test]
    fn where_order_was_agreed_only_the_eldest_of_a_precedence_is_begun() {
        let mut waiting = vec![candidate(9, "exercise-gbr", Precedence::Flash)];
        waiting.extend(routine(1, "exercise-gbr", 3));
        let allowance = |eldest: &[&Candidate]| {
            let eldest = Some(eldest.iter().map(|c| c.exchange).collect());
            BTreeMap::from([("exercise-gbr".parse().unwrap(), PartnerSlots { slots: 8, eldest })])
        };
        let both = begin(&waiting, &[], &allowance(&[&waiting[0], &waiting[1]]), 8);
        assert_eq!(both, [waiting[0].exchange, waiting[1].exchange]);
        // The eldest is not due: those behind it wait with it.
        let elder = candidate(77, "exercise-gbr", Precedence::Routine);
        assert_eq!(begin(&waiting[1..], &[], &allowance(&[&elder]), 8), []);
    }

    fn several() -> impl Strategy<Value = Vec<Candidate>> {
        let one = (0..4usize, prop::sample::select(&Precedence::ALL[..]));
        prop::collection::vec(one, 0..30).prop_map(|all| {
            let names = ["exercise-aus", "exercise-can", "exercise-gbr", "exercise-nzl"];
            let mut all: Vec<Candidate> = all
                .into_iter()
                .enumerate()
                .map(|(n, (p, precedence))| candidate(n as u8, names[p], precedence))
                .collect();
            all.sort_by_key(|c| std::cmp::Reverse(c.precedence));
            all
        })
    }

    proptest! {
        #[test]
        fn never_exceeds_a_limit_and_wastes_no_slot(all in several(), split in 0..30usize, slots in 1..12usize, agreed in 1..6usize) {
            let names = ["exercise-aus", "exercise-can", "exercise-gbr", "exercise-nzl"];
            let partner_slots = share(agreed, slots);
            let allowances = allow(&names, partner_slots);
            // What runs is what an earlier call began.
            let (first, rest) = all.split_at(split.min(all.len()));
            let started = begin(first, &[], &allowances, slots);
            let running: Vec<Candidate> = first.iter().filter(|c| started.contains(&c.exchange)).cloned().collect();
            let begun = begin(rest, &running, &allowances, slots);
            let mut now = running.clone();
            now.extend(rest.iter().filter(|c| begun.contains(&c.exchange)).cloned());
            prop_assert!(now.len() <= slots);
            for name in names {
                prop_assert!(now.iter().filter(|c| c.partner.as_str() == name).count() <= partner_slots);
            }
            // Nothing that was left could have been begun as well.
            let left: Vec<Candidate> = rest.iter().filter(|c| !begun.contains(&c.exchange)).cloned().collect();
            prop_assert_eq!(begin(&left, &now, &allowances, slots), []);
        }

        #[test]
        fn within_a_partner_and_precedence_the_oldest_goes_first(all in several(), slots in 1..12usize) {
            let names = ["exercise-aus", "exercise-can", "exercise-gbr", "exercise-nzl"];
            let begun = begin(&all, &[], &allow(&names, share(4, slots)), slots);
            for (at, younger) in all.iter().enumerate().filter(|(_, c)| begun.contains(&c.exchange)) {
                let elders = all[..at].iter().filter(|c| c.partner == younger.partner && c.precedence == younger.precedence);
                for elder in elders {
                    prop_assert!(begun.contains(&elder.exchange));
                }
            }
        }
    }
}
