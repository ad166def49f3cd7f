//! Lines of text in one baseline direction, in reading order.

use std::collections::BTreeMap;

use super::run::{NONE, Run, dot};
use crate::rebuild::Fault;
use crate::rebuild::pdf::visibility::Context;

/// A piece of a line: where it begins and ends along the line, and the height of its core above the baseline.
#[derive(Clone, Copy, Debug)]
pub(super) struct Strip {
    pub from: (f64, f64),
    pub to: (f64, f64),
    pub core: f64,
    /// Maximum distance of the next piece.
    pub reach: f64,
}

/// For each piece the index of the one after it, and the first pieces of all lines.
pub(super) struct Order {
    pub next: Vec<u32>,
    pub first: Vec<u32>,
}

/// The fraction of a letter's size above the baseline by which its line is determined. Small and capital letters fill
/// it, and it leaves a gap between closely set lines.
pub(super) const CORE: f64 = 0.5;
/// Minimum overlap of two pieces of a line, as a fraction of the thinner one.
const SEEN: f64 = 0.25;
/// Units across a line, for each point.
const FINE: f64 = 64.0;
/// The range of directions that are read together, in degrees, and the step to the next range.
const TOGETHER: f64 = 6.0;
const ON: f64 = 3.0;

/// Returns the runs of each direction, by index. A run between two directions belongs to both.
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
        // A range that adds no run to the previous one is skipped.
        if to > before {
            out.push(all.get(from..to).unwrap_or_default().iter().map(|(_, i)| *i).collect());
            before = to;
        }
        from = all.partition_point(|(angle, _)| *angle <= begin + ON);
    }
    out
}

/// Returns the runs with these indices as pieces of lines in the direction of the middle one.
pub(super) fn strips(runs: &[Run], numbers: &[u32]) -> Vec<Strip> {
    let at = |i: u32| runs.get(i as usize);
    let Some(middle) = numbers.get(numbers.len() / 2).and_then(|i| at(*i)) else { return Vec::new() };
    let (along, across) = (middle.along, (-middle.along.1, middle.along.0));
    let place = |point| (dot(point, along), dot(point, across));
    let strip =
        |run: &Run| Strip { from: place(run.at), to: place(run.end), core: CORE * run.height, reach: f64::INFINITY };
    numbers.iter().filter_map(|i| at(*i)).map(strip).collect()
}

/// Arranges pieces in lines, from the top.
///
/// # Errors
/// `pdf.size` if the budget is exhausted.
pub(super) fn order(strips: &[Strip], context: &mut Context) -> Result<Order, Fault> {
    let mut along: Vec<u32> = (0..strips.len() as u32).collect();
    let strip = |i: u32| strips.get(i as usize);
    let begin = |i: &u32| strip(*i).map_or(0.0, |s| s.from.0);
    along.sort_unstable_by(|a, b| begin(a).total_cmp(&begin(b)).then(a.cmp(b)));
    context.budget.charge(400 * strips.len())?;
    let mut horizon = Horizon::default();
    // Of the pieces read after one, the one with the largest overlap.
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

/// The range across the line that a piece fills, in units.
fn span(from: f64, core: f64) -> (i64, i64) {
    let begin = (from * FINE).round() as i64;
    (begin, begin + ((core * FINE).round() as i64).max(1))
}

/// What is visible looking back along the line: the last piece at each position across it.
#[derive(Default)]
struct Horizon {
    /// The start of each piece across the line; it ends where the next one starts.
    pieces: BTreeMap<i64, u32>,
    looked: Vec<(u32, i64)>,
}

impl Horizon {
    /// Returns the pieces visible from a range, with the visible length of each.
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

    /// Puts a piece in front of those that are there; returns the number of pieces that it hides.
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
