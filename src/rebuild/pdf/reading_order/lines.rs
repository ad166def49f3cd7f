//! Lines of text in one baseline direction, in the order in which they are read.

use std::collections::BTreeMap;

use super::run::{NONE, Run, dot};
use crate::rebuild::Fault;
use crate::rebuild::pdf::visibility::Context;

/// A piece of a line: where it begins and ends along the line, and how much lies across it, from there on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Strip {
    pub from: (f64, f64),
    pub to: (f64, f64),
    pub core: f64,
    /// How far away the next piece may be.
    pub reach: f64,
}

/// Which piece is read behind which, by number, and those before which there is none.
pub(super) struct Order {
    pub next: Vec<u32>,
    pub first: Vec<u32>,
}

/// The part of a letter's size, from the baseline up, by which it is of a line. Lines of small letters as well as of large
/// ones fill it, and it leaves room between lines that are set close.
pub(super) const CORE: f64 = 0.5;
/// The part of the thinner of two pieces that must be seen of one from the other.
const SEEN: f64 = 0.25;
/// FairQueue across a line, in a point.
const FINE: f64 = 64.0;
/// Directions that are read together, in degrees, and how far the next that are read together begin behind.
const TOGETHER: f64 = 6.0;
const ON: f64 = 3.0;

/// The runs of each direction, by number. A run that is between two directions is of both.
pub(super) fn directions(runs: &[Run]) -> Vec<Vec<u32>> {
    let degrees = |run: &Run| {
        let degrees = (run.along.1.atan2(run.along.0).to_degrees() * 1000.0).round() / 1000.0;
        degrees.rem_euclid(360.0)
    };
    let mut all: Vec<(f64, u32)> = runs.iter().zip(0..).map(|(run, i)| (degrees(run), i)).collect();
    all.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let round: Vec<_> = all.iter().take_while(|(angle, _)| *angle < TOGETHER).map(|(a, i)| (a + 360.0, *i)).collect();
    all.extend(round);
    let (mut out, mut from, mut before) = (Vec::new(), 0, 0);
    while let Some((begin, _)) = all.get(from).filter(|(begin, _)| *begin < 360.0) {
        let to = all.partition_point(|(angle, _)| *angle <= begin + TOGETHER);
        // What was all read with the directions before is not read again.
        if to > before {
            out.push(all.get(from..to).unwrap_or_default().iter().map(|(_, i)| *i).collect());
            before = to;
        }
        from = all.partition_point(|(angle, _)| *angle <= begin + ON);
    }
    out
}

/// The runs with these numbers as pieces of lines in the direction of the one in the middle.
pub(super) fn strips(runs: &[Run], numbers: &[u32]) -> Vec<Strip> {
    let at = |i: u32| runs.get(i as usize);
    let Some(middle) = numbers.get(numbers.len() / 2).and_then(|i| at(*i)) else { return Vec::new() };
    let (along, across) = (middle.along, (-middle.along.1, middle.along.0));
    let place = |point| (dot(point, along), dot(point, across));
    let strip =
        |run: &Run| Strip { from: place(run.at), to: place(run.end), core: CORE * run.height, reach: f64::INFINITY };
    numbers.iter().filter_map(|i| at(*i)).map(strip).collect()
}

/// Puts pieces in lines; the lines from above.
///
/// # Errors
/// `pdf.size` where that costs too much.
pub(super) fn order(strips: &[Strip], context: &mut Context) -> Result<Order, Fault> {
    let mut along: Vec<u32> = (0..strips.len() as u32).collect();
    let strip = |i: u32| strips.get(i as usize);
    let begin = |i: &u32| strip(*i).map_or(0.0, |s| s.from.0);
    along.sort_unstable_by(|a, b| begin(a).total_cmp(&begin(b)).then(a.cmp(b)));
    context.budget.charge(400 * strips.len())?;
    let mut horizon = Horizon::default();
    // Of those that are read behind a piece, the one of which most is seen.
    let mut next: Vec<(u32, u32)> = vec![(NONE, 0); strips.len()];
    let mut before = vec![NONE; strips.len()];
    for i in along {
        let Some(own) = strip(i) else { continue };
        let looked = horizon.back(span(own.from.1, own.core));
        let (mut best, count): (Option<(u32, f64, u32)>, usize) = (None, looked.len());
        for (other, seen) in looked {
            let Some(piece) = strip(*other) else { continue };
            let part = (*seen as f64 / FINE / piece.core.min(own.core)).min(1.0);
            if part < SEEN || own.from.0 - piece.to.0 > piece.reach {
                continue;
            }
            let rank = ((part / SEEN) as u32, piece.to.0);
            if best.is_none_or(|(most, end, _)| (rank.0, rank.1) > (most, end)) {
                best = Some((rank.0, rank.1, *other));
            }
        }
        if let Some((rank, _, other)) = best
            && let Some(slot) = next.get_mut(other as usize)
            && rank > slot.1
        {
            if let Some(given_up) = before.get_mut(slot.0 as usize) {
                *given_up = NONE;
            }
            *slot = (i, rank);
            if let Some(own) = before.get_mut(i as usize) {
                *own = other;
            }
        }
        let steps = 200 + 40 * count + 60 * horizon.paint(span(own.to.1, own.core), i);
        context.budget.charge(steps)?;
    }
    let mut first: Vec<u32> = (0..).zip(&before).filter(|(_, b)| **b == NONE).map(|(i, _)| i).collect();
    let place = |i: u32| strip(i).map_or((0.0, 0.0), |s| (s.from.1, s.from.0));
    first.sort_by(|a, b| place(*b).0.total_cmp(&place(*a).0).then(place(*a).1.total_cmp(&place(*b).1)));
    Ok(Order { next: next.into_iter().map(|(i, _)| i).collect(), first })
}

/// FairQueue across the line that a piece fills.
fn span(from: f64, core: f64) -> (i64, i64) {
    let begin = (from * FINE).round() as i64;
    (begin, begin + ((core * FINE).round() as i64).max(1))
}

/// What is seen when looking back: the last piece at each place across the line.
#[derive(Default)]
struct Horizon {
    /// Where each piece begins; it ends where the next begins.
    pieces: BTreeMap<i64, u32>,
    looked: Vec<(u32, i64)>,
}

impl Horizon {
    /// The pieces that are seen from a place, and how much of each.
    fn back(&mut self, (from, to): (i64, i64)) -> &[(u32, i64)] {
        self.looked.clear();
        let first = self.pieces.range(..=from).next_back().map_or(NONE, |(_, piece)| *piece);
        let (mut at, mut piece) = (from, first);
        for (begin, other) in self.pieces.range(from + 1..to) {
            self.looked.push((piece, begin - at));
            (at, piece) = (*begin, *other);
        }
        self.looked.push((piece, to - at));
        self.looked.sort_unstable_by_key(|(piece, _)| *piece);
        self.looked.dedup_by(|b, a| {
            let same = a.0 == b.0;
            a.1 += if same { b.1 } else { 0 };
            same
        });
        &self.looked
    }

    /// Puts a piece before what is there; returns how many that hid.
    fn paint(&mut self, (from, to): (i64, i64), piece: u32) -> usize {
        let behind = self.pieces.range(..=to).next_back().map_or(NONE, |(_, piece)| *piece);
        let hidden: Vec<i64> = self.pieces.range(from..to).map(|(begin, _)| *begin).collect();
        hidden.iter().for_each(|begin| {
            self.pieces.remove(begin);
        });
        self.pieces.insert(from, piece);
        self.pieces.entry(to).or_insert(behind);
        hidden.len()
    }
}
