//! Pieces of words: letters with no space between them. Short pieces may continue in others that are higher or lower,
//! on a wave, a stair or a curve. They are read in two ways: each before the nearest one that begins where it ends, and
//! each next to its nearest neighbours, from either end.

use super::chains::{self, NEAREST, Pair, matched, root};
use super::run::{Between, NONE, Run, Runs, dot, put};
use super::spatial_index::Grid;
use crate::rebuild::Fault;
use crate::rebuild::pdf::geometry::Area;
use crate::rebuild::pdf::visibility::Context;

/// Maximum characters of a piece that is read together with others at any height.
const SHORT: u32 = 3;
/// How far after a short piece, before its end, and above or below it the next one may begin, relative to its size.
const BEHIND: f64 = 2.5;
const BEFORE: f64 = 0.8;
const BESIDE: f64 = 2.0;
/// Weight of the vertical distance compared with the horizontal one.
const ACROSS: f64 = 0.5;
/// Maximum distance of short pieces along a path, relative to their size.
const AWAY: f64 = 2.5;
/// The factor by which a gap between words of a path is wider than its other gaps.
const WORDS_APART: f64 = 1.4;
/// By how much a gap between words of a line is wider than its other gaps, relative to the size of the letters.
const WORDS_ROOM: f64 = 0.5;
/// Maximum gap between the words of a line of prose, relative to the size of the letters.
const PROSE_ROOM: f64 = 0.65;
/// Minimum number of pieces of a line of prose; a single piece that is not short suffices as well.
const PROSE: usize = 6;
/// How far pieces may be from their line or column, relative to their size.
const OFF: f64 = 0.4;
/// How far pieces may be rotated against each other, as a cosine.
const TURNED: f64 = 0.9;
/// Minimum letters of a path or line.
const LETTERS: usize = 3;

/// Adjoining letters, with nothing close before or after them.
#[derive(Clone)]
pub(super) struct Piece {
    /// Its runs.
    pub runs: Vec<u32>,
    /// Number of characters.
    pub chars: u32,
    /// Number of characters that are letters.
    letters: usize,
    /// Whether any character is a letter or a digit.
    pub alphanumeric: bool,
    /// The piece that begins with the run that is read after its last one; `NONE` if no piece does.
    after: u32,
    /// Whether it is a word, or part of one, in a line of prose.
    among: bool,
    pub begin: Run,
    pub end: Run,
}

impl Piece {
    /// Returns all pieces of the chains in `next`; `between` returns what separates a run from the next of its chain.
    pub fn all(all: &Runs, next: &[u32], between: impl Fn(u32, u32) -> Between) -> Vec<Piece> {
        let runs = all.list.as_slice();
        let after = |i: u32| next.get(i as usize).copied().filter(|n| *n != NONE && between(i, *n) == Between::Nothing);
        let mut inner = vec![false; runs.len()];
        (0..runs.len() as u32).filter_map(after).for_each(|i| put(&mut inner, i, true));
        let mut out = Vec::new();
        for (begin, i) in runs.iter().zip(0..).filter(|(_, i)| inner.get(*i as usize) == Some(&false)) {
            let mut piece = Piece {
                runs: Vec::new(),
                chars: 0,
                letters: 0,
                alphanumeric: false,
                after: NONE,
                among: false,
                begin: *begin,
                end: *begin,
            };
            let mut at = Some(i);
            while let Some((i, run)) = at.and_then(|i| Some((i, runs.get(i as usize)?))) {
                piece.chars += run.chars;
                piece.letters += all.text(i).chars().filter(|c| c.is_alphabetic()).count();
                piece.alphanumeric |= all.text(i).contains(char::is_alphanumeric);
                piece.runs.push(i);
                (piece.end, at) = (*run, after(i));
            }
            out.push(piece);
        }
        Piece::lined(&mut out, next);
        out
    }

    /// Sets for each piece the one after it, and whether it belongs to a line of prose.
    fn lined(pieces: &mut [Piece], next: &[u32]) {
        let mut begins = vec![NONE; next.len()];
        for (piece, i) in pieces.iter().zip(0..) {
            piece.runs.first().into_iter().for_each(|run| put(&mut begins, *run, i));
        }
        for piece in pieces.iter_mut() {
            let after = piece.runs.last().and_then(|run| next.get(*run as usize)).and_then(|n| begins.get(*n as usize));
            piece.after = after.copied().unwrap_or(NONE);
        }
        let mut line: Vec<u32> = (0..pieces.len() as u32).collect();
        for (piece, i) in pieces.iter().zip(0..) {
            let Some(other) = pieces.get(piece.after as usize) else { continue };
            let (gap, size) = (piece.end.seen(other.begin.at).0, piece.end.height.max(other.begin.height));
            if gap <= PROSE_ROOM * size && piece.end.level(&other.begin) {
                let (a, b) = (root(&mut line, i), root(&mut line, piece.after));
                put(&mut line, a, b);
            }
        }
        let mut counts = vec![0; pieces.len()];
        for (piece, i) in pieces.iter().zip(0..) {
            if let Some(count) = counts.get_mut(root(&mut line, i) as usize) {
                *count += if piece.short() { 1 } else { PROSE };
            }
        }
        for (piece, i) in pieces.iter_mut().zip(0..) {
            piece.among = counts.get(root(&mut line, i) as usize).is_some_and(|count| *count >= PROSE);
        }
    }

    /// The middle of the piece, in points of the page.
    pub fn middle(&self) -> (f64, f64) {
        let (along, half) = (self.begin.along, 0.35 * self.begin.height);
        let (x, y) = ((self.begin.at.0 + self.end.end.0) / 2.0, (self.begin.at.1 + self.end.end.1) / 2.0);
        (x - along.1 * half, y + along.0 * half)
    }

    fn short(&self) -> bool {
        self.chars <= SHORT
    }

    /// The length of the piece.
    fn length(&self) -> f64 {
        (self.end.end.0 - self.begin.at.0).hypot(self.end.end.1 - self.begin.at.1)
    }

    /// The position of another piece relative to the middle of this one, along its baseline and across it.
    fn toward(&self, other: &Piece) -> (f64, f64) {
        let (a, b, along) = (self.middle(), other.middle(), self.begin.along);
        let away = (b.0 - a.0, b.1 - a.1);
        (dot(away, along), dot(away, (-along.1, along.0)))
    }

    /// The distance to another piece from middle to middle, as if each were a single letter.
    pub fn away(&self, other: &Piece) -> f64 {
        let (right, up) = self.toward(other);
        let longer = (self.length() + other.length()) / 2.0 - self.begin.height.max(other.begin.height) * 0.6;
        (right.abs() - longer.max(0.0)).max(0.0).hypot(up)
    }

    /// Whether another piece is on the same line, and whether it is in the same column: by their middles and, if `ends`
    /// is set, also by their starts or ends.
    fn stands(&self, other: &Piece, ends: bool) -> [bool; 2] {
        let size = self.begin.height.max(other.begin.height);
        let (right, up) = self.toward(other);
        let longer = if ends { (self.length() - other.length()).abs() / 2.0 } else { 0.0 };
        let column = right.abs() <= OFF * size || (right.abs() - longer).abs() <= OFF * size;
        let alike = dot(self.begin.along, other.begin.along) >= TURNED;
        [alike && up.abs() <= OFF * size, alike && column]
    }

    /// Whether another piece is on the same line or in the same column.
    pub fn stands_with(&self, other: &Piece) -> bool {
        self.stands(other, false).contains(&true)
    }

    /// Whether other pieces may be read with it: it is part of a word, and not a word of another line.
    fn seeks(&self) -> bool {
        self.short() && !self.among && (self.letters > 0 || !self.alphanumeric)
    }

    /// The deviation of another piece from the direction in which this one continues; `None` if it cannot be read after
    /// this one.
    fn cost(&self, other: &Piece) -> Option<f64> {
        if !self.short() || !other.short() {
            return chains::cost(&self.end, &other.begin);
        }
        let (gap, across) = self.end.seen(other.begin.at);
        let (size, turned) = (self.end.height.max(other.begin.height), dot(self.end.along, other.begin.along));
        let (gap, across) = (gap / size, across.abs() / size);
        let fits = (-BEFORE..=BEHIND).contains(&gap) && across <= BESIDE && turned >= chains::TURNED;
        fits.then(|| gap.max(-2.0 * gap) + ACROSS * across + 0.5 * (1.0 - turned))
    }
}

/// Short pieces that are read in this order, by index, and for each whether a word ends after it.
pub(super) struct Line {
    pub pieces: Vec<u32>,
    pub parted: Vec<bool>,
}

/// Returns the lines of short pieces at different heights, each piece after the one that ends before it.
///
/// # Errors
/// `pdf.size` if the budget is exhausted.
pub(super) fn stepped_lines(pieces: &[Piece], context: &mut Context) -> Result<Vec<Line>, Fault> {
    let grid = Grid::new(pieces.iter().zip(0..).map(|(piece, i)| (piece.begin.at, piece.begin.height, i)));
    context.budget.charge(400 * pieces.len())?;
    let mut pairs = Vec::new();
    for (piece, from) in pieces.iter().zip(0..) {
        if !piece.seeks() {
            let cost = pieces.get(piece.after as usize).and_then(|other| piece.cost(other));
            pairs.extend(cost.map(|cost| Pair { cost, from, to: piece.after }));
            continue;
        }
        let (along, across) = (piece.end.along, (-piece.end.along.1, piece.end.along.0));
        let (end, size) = (piece.end.end, piece.end.height);
        let mut area = Area::EMPTY;
        for a in [-BEFORE * size, BEHIND * size] {
            for b in [-BESIDE * size, BESIDE * size] {
                area.add((end.0 + a * along.0 + b * across.0, end.1 + a * along.1 + b * across.1));
            }
        }
        let (mut found, mut visited) = (Vec::new(), 0);
        grid.near(&area, piece.end.height, |to| {
            visited += 1;
            let cost = pieces.get(to as usize).filter(|_| to != from).and_then(|other| piece.cost(other));
            found.extend(cost.map(|cost| Pair { cost, from, to }));
        });
        context.budget.charge(600 + 60 * visited)?;
        nearest(found, &mut pairs);
    }
    context.budget.charge(200 * pairs.len())?;
    let next = matched(pairs, pieces.len());
    let mut begins = vec![true; pieces.len()];
    next.iter().for_each(|after| put(&mut begins, *after, false));
    let at = |i: u32| pieces.get(i as usize);
    let mut out = Vec::new();
    for first in (0..).zip(&begins).filter(|(_, begins)| **begins).map(|(i, _)| i) {
        let line: Vec<u32> = super::chain(&next, first).collect();
        for line in line.chunk_by(|a, b| at(*a).is_some_and(Piece::short) == at(*b).is_some_and(Piece::short)) {
            let steps = || line.windows(2).filter_map(|pair| Some((at(*pair.first()?)?, at(*pair.last()?)?)));
            let steep = |(a, b): (&Piece, &Piece)| !a.end.level(&b.begin);
            if steps().all(|(a, b)| a.short() && b.short()) && steps().any(steep) && lettered(pieces, line) {
                let rooms: Vec<f64> = steps().map(|(a, b)| a.end.seen(b.begin.at).0 / a.end.height).collect();
                let least = rooms.iter().copied().fold(f64::INFINITY, f64::min);
                let parted = rooms.iter().map(|room| *room > least + WORDS_ROOM).collect();
                out.push(Line { pieces: line.to_vec(), parted });
            }
        }
    }
    Ok(out)
}

/// Returns the paths along which short pieces with letters or digits are placed, each next to its nearest neighbours,
/// except lines and columns.
///
/// # Errors
/// `pdf.size` if the budget is exhausted.
pub(super) fn paths(pieces: &[Piece], context: &mut Context) -> Result<Vec<Line>, Fault> {
    let takes_part = |(_, piece): &(u32, &Piece)| piece.short() && piece.alphanumeric;
    let own = || (0..).zip(pieces).filter(takes_part);
    let grid = Grid::new(own().map(|(i, piece)| (piece.middle(), piece.begin.height, i)));
    context.budget.charge(400 * pieces.len())?;
    let mut pairs = Vec::new();
    for (from, piece) in own().filter(|(_, piece)| piece.seeks()) {
        let ((x, y), size) = (piece.middle(), piece.begin.height);
        // From the middle of this piece to that of another. Larger pieces search for this one themselves.
        let (along, across) = (piece.begin.along, (-piece.begin.along.1, piece.begin.along.0));
        let (right, up) = ((AWAY + 0.3 * f64::from(SHORT)) * size + 0.5 * piece.length(), AWAY * size);
        let mut area = Area::EMPTY;
        for (a, b) in [(-right, -up), (-right, up), (right, -up), (right, up)] {
            area.add((x + a * along.0 + b * across.0, y + a * along.1 + b * across.1));
        }
        let (mut found, mut visited) = (Vec::new(), 0);
        grid.near(&area, size, |to| {
            visited += 1;
            if let Some(other) = pieces.get(to as usize).filter(|_| to != from) {
                let cost = piece.away(other) / size.max(other.begin.height);
                if cost <= AWAY {
                    found.push(Pair { cost, from, to });
                }
            }
        });
        context.budget.charge(600 + 60 * visited)?;
        nearest(found, &mut pairs);
    }
    context.budget.charge(200 * pairs.len())?;
    pairs.sort_unstable_by(Pair::order);
    // At most two neighbours each.
    let mut beside = vec![[NONE; 2]; pieces.len()];
    let mut path: Vec<u32> = (0..pieces.len() as u32).collect();
    for Pair { from, to, .. } in pairs {
        let free = |i: u32| beside.get(i as usize).and_then(|ends| ends.iter().position(|end| *end == NONE));
        let (a, b) = (root(&mut path, from), root(&mut path, to));
        if let (Some(one), Some(other)) = (free(from), free(to))
            && a != b
        {
            for (i, end, slot) in [(from, to, one), (to, from, other)] {
                if let Some(end_of) = beside.get_mut(i as usize).and_then(|ends| ends.get_mut(slot)) {
                    *end_of = end;
                }
            }
            put(&mut path, a, b);
        }
    }
    let mut out = Vec::new();
    let mut walked = vec![false; pieces.len()];
    for (first, _) in own() {
        let ends = |i: u32| beside.get(i as usize).copied().unwrap_or([NONE; 2]);
        if walked.get(first as usize) == Some(&true) || ends(first).iter().all(|end| *end != NONE) {
            continue;
        }
        let (mut line, mut at, mut before) = (Vec::new(), first, NONE);
        while at != NONE {
            line.push(at);
            put(&mut walked, at, true);
            let next = ends(at).into_iter().find(|end| *end != NONE && *end != before);
            (before, at) = (at, next.unwrap_or(NONE));
        }
        out.extend(path_of(pieces, line));
    }
    Ok(out)
}

/// Returns a path that is neither a line nor a column.
fn path_of(pieces: &[Piece], line: Vec<u32>) -> Option<Line> {
    let at = |i: &u32| pieces.get(*i as usize);
    let steps = || line.windows(2).filter_map(|pair| Some((at(pair.first()?)?, at(pair.last()?)?)));
    let straight = |side: usize| steps().all(|(a, b)| a.stands(b, true).get(side) == Some(&true));
    if line.len() < LETTERS || straight(0) || straight(1) || !lettered(pieces, &line) {
        return None;
    }
    let ways: Vec<f64> = steps().map(|(a, b)| a.away(b)).collect();
    let least = ways.iter().copied().fold(f64::INFINITY, f64::min);
    let parted = ways.iter().map(|way| *way > WORDS_APART * least).collect();
    Some(Line { pieces: line, parted })
}

/// Whether a line has enough letters to be a word, and most of it does not belong to words of other lines.
fn lettered(pieces: &[Piece], line: &[u32]) -> bool {
    let own = || line.iter().filter_map(|i| pieces.get(*i as usize));
    let letters: usize = own().map(|piece| piece.letters).sum();
    letters >= LETTERS && 2 * own().filter(|piece| piece.among).count() <= line.len()
}

/// Appends the nearest few of the pairs found.
fn nearest(mut found: Vec<Pair>, pairs: &mut Vec<Pair>) {
    found.sort_unstable_by(Pair::order);
    pairs.extend(found.into_iter().take(NEAREST));
}
