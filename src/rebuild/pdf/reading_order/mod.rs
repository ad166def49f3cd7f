//! The reading order of the words of a page, derived from their positions, so that filters find words whose letters are
//! drawn out of order.
//!
//! The input is text runs. The output is the text of the page in drawing order and, where they differ, in the orders in
//! which a reader may read it: line by line in every baseline direction, along curves, and top to bottom in columns of
//! single letters. Right-to-left lines are given in logical order as well.
//!
//! It refuses single letters close together in no recognisable order. It does not detect columns of text: lines next to
//! each other are read as one.

mod bidi;
mod run;
mod spatial_index;
mod chains;
mod lines;
mod pieces;
mod columns;
mod styles;

use super::visibility::Scene;
use crate::rebuild::Fault;
use lines::Order;
use pieces::Piece;
use run::{Between, NONE, Run, put};

pub(super) use run::{Placed, Runs};

/// Returns the text of a page in every order in which it may be read, without empty lines.
///
/// # Errors
/// `pdf.hidden` for letters in no recognisable order; `pdf.size` if the budget is exhausted.
pub(super) fn read(runs: &Runs, scene: &mut Scene) -> Result<String, Fault> {
    if let Some(at) = runs.misplaced_joiner() {
        return Err(scene.hidden(at, "a joiner (U+200C) that is not between two letters that join: remove it"));
    }
    let list = runs.list.as_slice();
    let mut told = TextOutput { runs, text: String::new() };
    let mut order: Vec<u32> = (0..list.len() as u32).collect();
    let drawn = |a: u32, b: u32| separator(list, a, b, |run, next, _| run.drawn(next));
    told.line(&order, drawn);
    // Along lines. A run whose direction is between two others belongs to the lines of both.
    let standing = |a: u32, b: u32| separator(list, a, b, Run::standing);
    let (mut next, mut lines): (Vec<u32>, Vec<Vec<u32>>) = (vec![NONE; list.len()], Vec::new());
    // The direction in which each run is read before the next of its line.
    let mut within = vec![0; list.len()];
    for (direction, numbers) in lines::directions(list).into_iter().enumerate() {
        let Order { next: own, first } = lines::order(&lines::strips(list, &numbers), &mut scene.context)?;
        let number = |i: u32| numbers.get(i as usize).copied();
        for (i, after) in (0..).zip(&own) {
            if let (Some(i), Some(after)) = (number(i), number(*after)) {
                put(&mut next, i, after);
                put(&mut within, i, direction);
            }
        }
        let line = |i: u32| chain(&own, i).filter_map(number).collect::<Vec<u32>>();
        lines.extend(first.into_iter().map(line));
    }
    let is_drawn_so = {
        let flat = lines.iter().flatten();
        let inside = |line: &Vec<u32>| line.windows(2).all(|p| standing(p[0], p[1]) == drawn(p[0], p[1]));
        let ends = lines.windows(2).all(|p| match (p[0].last(), p[1].first()) {
            (Some(a), Some(b)) => drawn(*a, *b) == Between::Line,
            _ => true,
        });
        flat.eq(order.iter()) && lines.iter().all(inside) && ends
    };
    if !is_drawn_so {
        lines.iter().for_each(|line| told.line(line, standing));
    }
    for one in lines.iter().flat_map(|line| styles::apart(list, line)) {
        one.iter().for_each(|run| told.text.push_str(runs.text(*run)));
        told.text.push('\n');
    }
    // Along curves and waves.
    let near = chains::next(list, &next, &mut scene.context)?;
    let chained = |a: u32, b: u32| separator(list, a, b, Run::chained);
    let mut begins = vec![true; list.len()];
    near.iter().for_each(|after| put(&mut begins, *after, false));
    order.retain(|i| begins.get(*i as usize) == Some(&true));
    for first in order {
        let line: Vec<u32> = chain(&near, first).collect();
        let is_told = |as_told: &dyn Fn(u32, u32) -> bool| line.windows(2).all(|p| as_told(p[0], p[1]));
        // Skip chains that lie on one line; those on lines of several directions in turn are kept.
        let direction = within.get(first as usize);
        let stands = |a: u32, b: u32| {
            next.get(a as usize) == Some(&b) && within.get(a as usize) == direction && standing(a, b) == chained(a, b)
        };
        if !is_told(&|a, b| b == a + 1 && drawn(a, b) == chained(a, b)) && !is_told(&stands) {
            told.line(&line, chained);
        }
    }
    // Short pieces at any height.
    let level = |a: u32, b: u32| {
        separator(list, a, b, |run, next, drawn_next| match run.level(next) {
            true => run.chained(next, drawn_next),
            false => Between::Line,
        })
    };
    let pieces = Piece::all(runs, &near, level);
    for line in pieces::stepped_lines(&pieces, &mut scene.context)? {
        told.pieces(&pieces, &line, false);
    }
    for line in pieces::paths(&pieces, &mut scene.context)? {
        told.pieces(&pieces, &line, false);
        told.pieces(&pieces, &line, true);
    }
    // Letters one below the other.
    let alone: Vec<Piece> = Piece::all(runs, &near, chained).into_iter().filter(|piece| piece.chars <= ALONE).collect();
    for column in columns::columns(&alone, scene)? {
        let parted = columns::parted(&alone, &column);
        told.column(&alone, column.iter(), parted.iter());
        told.column(&alone, column.iter().rev(), parted.iter().rev());
    }
    let ends = |i: u32| alone.get(i as usize).and_then(|one| Some((*one.runs.first()?, *one.runs.last()?)));
    let follows = |a: u32, b: u32| match (ends(a), ends(b)) {
        (Some((_, end)), Some((begin, _))) => near.get(end as usize) == Some(&begin),
        _ => false,
    };
    columns::scattered(&alone, follows, scene)?;
    bidi::append_logical_lines(&mut told.text);
    Ok(told.text)
}

/// Returns what separates two runs, by `how`, whose last argument is whether the second is drawn next.
fn separator(list: &[Run], a: u32, b: u32, how: impl Fn(&Run, &Run, bool) -> Between) -> Between {
    match (list.get(a as usize), list.get(b as usize)) {
        (Some(one), Some(other)) => how(one, other, b == a + 1),
        _ => Between::Line,
    }
}

/// Returns the runs that are read one after the other.
fn chain(next: &[u32], first: u32) -> impl Iterator<Item = u32> {
    let at = |i: u32| Some(i).filter(|i| *i != NONE);
    std::iter::successors(at(first), move |i| at(next.get(*i as usize).copied().unwrap_or(NONE)))
}

/// Maximum characters of a piece that counts as single letters.
const ALONE: u32 = 2;

struct TextOutput<'r> {
    runs: &'r Runs,
    text: String,
}

impl TextOutput<'_> {
    fn line(&mut self, line: &[u32], between: impl Fn(u32, u32) -> Between) {
        for (i, run) in line.iter().enumerate() {
            self.text.push_str(self.runs.text(*run));
            line.get(i + 1).map_or(Between::Line, |next| between(*run, *next)).put(&mut self.text);
        }
    }

    fn column<'a>(
        &mut self,
        alone: &[Piece],
        column: impl Iterator<Item = &'a u32>,
        mut parted: impl Iterator<Item = &'a bool>,
    ) {
        for i in column {
            let runs = alone.get(*i as usize).map_or(&[][..], |one| &one.runs);
            runs.iter().for_each(|run| self.text.push_str(self.runs.text(*run)));
            if parted.next() == Some(&true) {
                self.text.push(' ');
            }
        }
        self.text.push('\n');
    }

    /// Appends short pieces twice: with spaces where words end, and without.
    fn pieces(&mut self, all: &[Piece], line: &pieces::Line, backward: bool) {
        let none = vec![false; line.parted.len()];
        let parted = line.parted.contains(&true).then_some(&line.parted);
        for parted in parted.into_iter().chain([&none]) {
            match backward {
                false => self.column(all, line.pieces.iter(), parted.iter()),
                true => self.column(all, line.pieces.iter().rev(), parted.iter().rev()),
            }
        }
    }
}

#[cfg(test)]
mod tests;
