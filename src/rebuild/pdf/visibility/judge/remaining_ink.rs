//! The remaining ink of a glyph, by area: what is on the page, not clipped, and not covered by later marks. Cells with
//! edges count with their lower bound.

use super::Judge;
use super::contrast::Veil;
use crate::rebuild::Fault;
use crate::rebuild::pdf::visibility::cells::{Rows, SIDE, Window, any, both};
use crate::rebuild::pdf::visibility::coverage::{Bound, upright};
use crate::rebuild::pdf::visibility::glyph_mask::{GlyphMask, Inked};
use crate::rebuild::pdf::visibility::mark::{Clip, Kind, Mark};

/// The fractions of a glyph's ink that are inside the page and clip, and that remain visible.
#[derive(Clone, Copy, Debug)]
pub(super) struct RemainingInk {
    pub inside: f32,
    pub left: f32,
}

impl Judge<'_> {
    /// Computes the remaining ink of the mark `at`, whose neighbours are in `found`. Later marks that are transparent
    /// become `veils`.
    pub(super) fn left(
        &mut self,
        at: usize,
        mark: &Mark,
        window: &Window,
        (stamp, inked): (&GlyphMask, &Inked),
    ) -> Result<RemainingInk, Fault> {
        self.veils.clear();
        let clip = self.clip(mark);
        let mut ink = stamp.area;
        let (x, y) = (window.x - stamp.window.x, window.y - stamp.window.y);
        (ink.x0, ink.x1, ink.y0, ink.y1) = (ink.x0 + x, ink.x1 + x, ink.y0 + y, ink.y1 + y);
        let whole = clip.cut.is_none() && clip.area.contains(&ink, 0.0);
        let later = self.found.iter().take_while(|m| **m as usize > at).count();
        if whole && later == 0 {
            return Ok(of(inked, inked.all, inked.left));
        }
        self.loaded = false;
        let mut inside = inked.all;
        if !whole {
            self.wear((stamp, inked))?;
            self.cut(&clip, window, &inked.touched)?;
            // Fill that the glyph's own strokes cover is nevertheless inside.
            inside -= inked.left - self.worn.sum();
        }
        let found = std::mem::take(&mut self.found);
        let mut done = Ok(());
        for m in found.iter().take(later) {
            let Some(other) = self.marks.get(*m as usize) else { continue };
            done = self.taken(*m, other, window, (stamp, inked));
            if done.is_err() {
                break;
            }
        }
        self.found = found;
        done?;
        Ok(of(inked, inside, if self.loaded { self.worn.sum() } else { inked.left }))
    }

    /// Loads the glyph's ink, cell by cell, so that parts of it can be removed.
    fn wear(&mut self, (stamp, inked): (&GlyphMask, &Inked)) -> Result<(), Fault> {
        if !self.loaded {
            self.scene.context.budget.charge(10_000)?;
            stamp.load(inked.read, &mut self.worn);
            self.loaded = true;
        }
        Ok(())
    }

    /// Removes whole cells.
    fn gone(&mut self, cells: &Rows, of: (&GlyphMask, &Inked)) -> Result<(), Fault> {
        let cells = both(&of.1.touched, cells, false);
        if any(&cells) {
            self.wear(of)?;
            self.worn.change(&cells, |_, _, _| 0.0);
        }
        Ok(())
    }

    /// Removes what is clipped.
    fn cut(&mut self, clip: &Clip, window: &Window, ink: &Rows) -> Result<(), Fault> {
        if !clip.area.contains(&window.area(), 0.0) {
            self.worn.change(ink, |part, row, column| part.min(upright(&clip.area, window, row, column)));
        }
        let cuts: Vec<_> = self.scene.cuts_of(clip).collect();
        for cut in cuts {
            let covered = self.leaves(&cut, window)?;
            let (inner, outer) = (covered.inner(), covered.outer());
            self.worn.change(&both(ink, &outer, true), |_, _, _| 0.0);
            let along = both(&both(ink, &outer, false), &inner, true);
            if any(&along) {
                let edges = self.scene.edges.get(cut.edges.0 as usize..cut.edges.1 as usize).unwrap_or_default();
                let context = &mut self.scene.context;
                let part = &mut context.scratch.part;
                let area = (edges, cut.even_odd, (0.0, 0.0));
                part.measure(area, window, &along, Bound::Least, &mut context.budget)?;
                // Ink and the rest of the cell may be in different parts of it.
                self.worn.change(&along, |ink, row, column| (ink + part.at(row, column) - 1.0).max(0.0));
            }
        }
        Ok(())
    }

    /// Removes what a later mark covers.
    fn taken(&mut self, number: u32, other: &Mark, window: &Window, of: (&GlyphMask, &Inked)) -> Result<(), Fault> {
        if self.veil(number, other, window)? {
            return Ok(());
        }
        match &other.kind {
            Kind::Letter(letter) => {
                let stamp = self.stamp(letter)?;
                let context = &mut self.scene.context;
                let there = stamp.ink_in(window, letter.at, &mut context.scratch, &mut context.budget)?;
                self.gone(&there, of)?;
            }
            Kind::Image { .. } => {
                let (_, outer) = self.covered(other, window)?;
                self.gone(&outer, of)?;
            }
            Kind::Area { edges, even_odd, upright: straight, .. } => {
                let (inner, outer) = self.covered(other, window)?;
                self.gone(&inner, of)?;
                let along = both(&both(&of.1.touched, &outer, false), &inner, true);
                if !any(&along) {
                    return Ok(());
                }
                self.wear(of)?;
                if *straight {
                    let covers = |row, column| upright(&other.area, window, row, column);
                    self.worn.change(&along, |ink, row, column| (ink - covers(row, column)).max(0.0));
                } else {
                    let clip = self.clip(other);
                    let edges = self.scene.edges.get(edges.0 as usize..edges.1 as usize).unwrap_or_default();
                    let context = &mut self.scene.context;
                    let part = &mut context.scratch.part;
                    let area = (edges, *even_odd, (0.0, 0.0));
                    part.measure(area, window, &along, Bound::Most, &mut context.budget)?;
                    let covers = |row, column| part.at(row, column).min(upright(&clip.area, window, row, column));
                    self.worn.change(&along, |ink, row, column| (ink - covers(row, column)).max(0.0));
                }
            }
        }
        Ok(())
    }

    /// If a mark is transparent, adds what it covers of a window to the veils, the uppermost first. Returns whether it
    /// is.
    pub(super) fn veil(&mut self, number: u32, mark: &Mark, window: &Window) -> Result<bool, Fault> {
        match &mark.kind {
            Kind::Area { colour, alpha, whole, .. } if *alpha < 1.0 => {
                let (inner, outer) = self.covered(mark, window)?;
                let inner = if *whole { inner } else { [0; SIDE] };
                self.veils.push(Veil { number, inner, outer, dye: (*colour, *alpha) });
            }
            Kind::Letter(letter) => {
                let look = self.scene.looks[letter.look as usize];
                if look.alpha == [1.0; 2] {
                    return Ok(false);
                }
                let stamp = self.stamp(letter)?;
                let context = &mut self.scene.context;
                let [fill, line] = stamp.covers(window, letter.at, &mut context.scratch, &mut context.budget)?;
                let line = look.line.map(|(colour, _)| ((colour, look.alpha[1]), line));
                let fill = look.fill.map(|colour| ((colour, look.alpha[0]), fill));
                for (dye, covered) in line.into_iter().chain(fill) {
                    self.veils.push(Veil { number, inner: covered.inner(), outer: covered.outer(), dye });
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

fn of(inked: &Inked, inside: f32, cells: f32) -> RemainingInk {
    let all = inked.all.max(1e-6);
    RemainingInk { inside: inside / all, left: cells / all }
}
