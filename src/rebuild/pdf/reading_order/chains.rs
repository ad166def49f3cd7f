//! Text along a curve: each letter is read before the nearest one that begins where it ends.

use super::run::{NONE, Run, dot, put};
use super::spatial_index::Grid;
use crate::rebuild::Fault;
use crate::rebuild::pdf::geometry::Area;
use crate::rebuild::pdf::visibility::Context;

/// How far after a letter, before its end, and above or below it the next one may begin, relative to its size.
const BEHIND: f64 = 2.5;
const BEFORE: f64 = 0.4;
const BESIDE: f64 = 0.8;
/// The next letter of the same line is taken without a search for a nearer one if it is this close and this level.
const NEAR: f64 = 0.5;
const LEVEL: f64 = 0.1;
/// How far letters of one word may be rotated against each other, as a cosine.
pub(super) const TURNED: f64 = 0.5;
/// Number of nearby letters that are considered.
pub(super) const NEAREST: usize = 4;

/// A letter that may be read after another, and its deviation from the expected place.
pub(super) struct Pair {
    pub cost: f64,
    pub from: u32,
    pub to: u32,
}

impl Pair {
    /// Compares by deviation, and then by index.
    pub fn order(&self, other: &Pair) -> std::cmp::Ordering {
        self.cost.total_cmp(&other.cost).then((self.from, self.to).cmp(&(other.from, other.to)))
    }
}

/// Returns for each run the index of the run that is read after it; `lines` gives the next one of its line.
///
/// # Errors
/// `pdf.size` if the budget is exhausted.
pub(super) fn next(runs: &[Run], lines: &[u32], context: &mut Context) -> Result<Vec<u32>, Fault> {
    let grid = Grid::new(runs.iter().zip(0..).map(|(run, i)| (run.at, run.height, i)));
    context.budget.charge(400 * runs.len())?;
    let mut pairs = Vec::new();
    for ((run, from), level) in runs.iter().zip(0..).zip(lines) {
        let same = runs.get(*level as usize).map(|other| (cost(run, other), run.seen(other.at)));
        if let Some((Some(cost), (gap, across))) = same
            && gap <= NEAR * run.size
            && across.abs() <= LEVEL * run.height
        {
            pairs.push(Pair { cost, from, to: *level });
            continue;
        }
        let (mut found, visited) = near(&grid, runs, run, from);
        found.sort_unstable_by(Pair::order);
        pairs.extend(found.into_iter().take(NEAREST));
        context.budget.charge(600 + 60 * visited)?;
    }
    context.budget.charge(200 * pairs.len())?;
    Ok(matched(pairs, runs.len()))
}

/// Matches each of `count` items with the one that is read after it: the pair with the least deviation first, each item
/// once, and without cycles.
pub(super) fn matched(mut pairs: Vec<Pair>, count: usize) -> Vec<u32> {
    pairs.sort_unstable_by(Pair::order);
    let mut next = vec![NONE; count];
    let mut taken = vec![false; count];
    let mut chain: Vec<u32> = (0..count as u32).collect();
    for Pair { from, to, .. } in pairs {
        let (a, b) = (root(&mut chain, from), root(&mut chain, to));
        let free = next.get(from as usize) == Some(&NONE) && taken.get(to as usize) == Some(&false);
        if free && a != b {
            put(&mut next, from, to);
            put(&mut taken, to, true);
            put(&mut chain, a, b);
        }
    }
    next
}

/// Returns the representative of the chain of a run (union-find).
pub(super) fn root(chain: &mut [u32], mut run: u32) -> u32 {
    while let Some(above) = chain.get(run as usize).copied().filter(|above| *above != run) {
        let higher = chain.get(above as usize).copied().unwrap_or(above);
        put(chain, run, higher);
        run = above;
    }
    run
}

/// The deviation of `other` from the expected place after `run`; `None` if it cannot be read after it.
pub(super) fn cost(run: &Run, other: &Run) -> Option<f64> {
    let (gap, across) = run.seen(other.at);
    let turned = dot(run.along, other.along);
    let (gap, across) = (gap / breadth(run), across.abs() / run.height);
    let fits = (-BEFORE..=BEHIND).contains(&gap) && across <= BESIDE && turned >= TURNED;
    fits.then(|| gap.max(-2.0 * gap) + 1.5 * across + 0.5 * (1.0 - turned))
}

/// The size of letters along their baseline, limited to what is still legible.
fn breadth(run: &Run) -> f64 {
    run.size.min(3.0 * run.height)
}

/// Returns the runs that may be read after one, and the number of runs that were examined.
fn near(grid: &Grid, runs: &[Run], run: &Run, number: u32) -> (Vec<Pair>, usize) {
    let (along, across) = (run.along, (-run.along.1, run.along.0));
    let mut area = Area::EMPTY;
    for a in [-BEFORE * breadth(run), BEHIND * breadth(run)] {
        for b in [-BESIDE * run.height, BESIDE * run.height] {
            area.add((run.end.0 + a * along.0 + b * across.0, run.end.1 + a * along.1 + b * across.1));
        }
    }
    let (mut out, mut visited) = (Vec::new(), 0);
    grid.near(&area, run.height, |other| {
        visited += 1;
        let cost = runs.get(other as usize).filter(|_| other != number).and_then(|o| cost(run, o));
        out.extend(cost.map(|cost| Pair { cost, from: number, to: other }));
    });
    (out, visited)
}
