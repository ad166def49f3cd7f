//! Single letters: stacked ones are read as a column; ones in no recognisable order are refused.

use std::collections::BTreeSet;

use super::chains::root;
use super::lines::{Strip, directions, order};
use super::pieces::Piece;
use super::run::{NONE, Run, dot, put};
use super::spatial_index::Grid;
use crate::rebuild::Fault;
use crate::rebuild::pdf::geometry::Area;
use crate::rebuild::pdf::visibility::Scene;

/// How far below a letter the next one of its column may begin, relative to its size.
const BENEATH: f64 = 3.5;
/// Minimum letters of a column.
const COLUMN: usize = 3;
/// The factor by which a gap between words is wider than other gaps of a column.
const WORDS_APART: f64 = 1.5;
/// Maximum distance between the middles of letters that belong together, relative to their size.
const CLOSE: f64 = 1.7;
/// Maximum letters that belong together and are neither on a line nor in a column.
const SCATTERED: usize = 4;

/// Returns the columns of single letters, from the top.
///
/// # Errors
/// `pdf.size` if the budget is exhausted.
pub(super) fn columns(alone: &[Piece], scene: &mut Scene) -> Result<BTreeSet<Vec<u32>>, Fault> {
    let begins: Vec<Run> = alone.iter().map(|one| one.begin).collect();
    let mut out = BTreeSet::new();
    for numbers in directions(&begins) {
        let Some(along) = numbers.get(numbers.len() / 2).and_then(|i| begins.get(*i as usize)).map(|r| r.along) else {
            continue;
        };
        // As if each letter were rotated on a line that runs downwards.
        let (down, across) = ((along.1, -along.0), along);
        let strips: Vec<Strip> = numbers
            .iter()
            .filter_map(|i| alone.get(*i as usize))
            .map(|one| {
                let (size, middle) = (one.begin.height, one.middle());
                let (at, side) = (dot(middle, down), dot(middle, across) - 0.25 * size);
                let half = 0.35 * size;
                Strip { from: (at - half, side), to: (at + half, side), core: 0.5 * size, reach: BENEATH * size }
            })
            .collect();
        let order = order(&strips, &mut scene.context)?;
        for first in order.first {
            let at = |i: u32| Some(i).filter(|i| *i != NONE);
            let column = std::iter::successors(at(first), |i| at(order.next.get(*i as usize).copied().unwrap_or(NONE)));
            let column: Vec<u32> = column.filter_map(|i| numbers.get(i as usize).copied()).collect();
            let alphanumeric = column.iter().any(|i| alone.get(*i as usize).is_some_and(|one| one.alphanumeric));
            if column.len() >= COLUMN && alphanumeric {
                out.insert(column);
            }
        }
    }
    Ok(out)
}

/// Returns for each letter of a column whether a word ends after it.
pub(super) fn parted(alone: &[Piece], column: &[u32]) -> Vec<bool> {
    let middle = |i: &u32| alone.get(*i as usize).map_or((0.0, 0.0), Piece::middle);
    let steps: Vec<f64> = column
        .windows(2)
        .map(|pair| {
            let (a, b) = (pair.first().map_or((0.0, 0.0), middle), pair.last().map_or((0.0, 0.0), middle));
            (a.0 - b.0).hypot(a.1 - b.1)
        })
        .collect();
    let least = steps.iter().copied().fold(f64::INFINITY, f64::min);
    steps.into_iter().map(|step| step > WORDS_APART * least).collect()
}

/// Refuses letters that are close together but neither on lines nor in columns; `near` says whether two are read one
/// after the other anyway.
///
/// # Errors
/// `pdf.hidden` if there are such letters; `pdf.size` if the budget is exhausted.
pub(super) fn scattered(alone: &[Piece], near: impl Fn(u32, u32) -> bool, scene: &mut Scene) -> Result<(), Fault> {
    let alphanumeric: Vec<(u32, (f64, f64), f64)> = (0..)
        .zip(alone)
        .filter(|(_, one)| one.alphanumeric)
        .map(|(i, one)| (i, one.middle(), one.begin.height))
        .collect();
    let grid = Grid::new(alphanumeric.iter().map(|(i, middle, size)| (*middle, *size, *i)));
    scene.context.budget.charge(400 * alone.len())?;
    // The nearest letter of each, and which of them are in no order.
    let mut group: Vec<u32> = (0..alone.len() as u32).collect();
    let mut lost = vec![false; alone.len()];
    for (i, (x, y), size) in &alphanumeric {
        let reach = CLOSE * size;
        let area = Area { x0: x - reach, y0: y - reach, x1: x + reach, y1: y + reach };
        let (mut nearest, mut close, mut visited) = (None, Vec::new(), 0);
        grid.near(&area, *size, |other| {
            visited += 1;
            let (a, b) = alone.get(other as usize).map_or((f64::INFINITY, 0.0), Piece::middle);
            let far = (a - x).hypot(b - y);
            if other != *i && far <= reach {
                close.push(other);
                if nearest.is_none_or(|(least, _)| far < least) {
                    nearest = Some((far, other));
                }
            }
        });
        scene.context.budget.charge(300 + 60 * visited)?;
        let Some((_, other)) = nearest else { continue };
        let (Some(one), Some(two)) = (alone.get(*i as usize), alone.get(other as usize)) else { continue };
        for other in close {
            let (a, b) = (root(&mut group, *i), root(&mut group, other));
            put(&mut group, a, b);
        }
        put(&mut lost, *i, !(one.stands_with(two) || near(*i, other) || near(other, *i)));
    }
    let mut counts = vec![0; alone.len()];
    for i in (0..alone.len() as u32).filter(|i| lost.get(*i as usize) == Some(&true)) {
        if let Some(count) = counts.get_mut(root(&mut group, i) as usize) {
            *count += 1;
            if *count > SCATTERED {
                let at = alone.get(i as usize).map_or((0.0, 0.0), |one| one.begin.at);
                let what = "single letters close together that stand neither on a line nor in a column, so that nobody can \
                            tell in what order they are read: set them on one line, or draw them as a picture";
                return Err(scene.hidden(at, what));
            }
        }
    }
    Ok(())
}
