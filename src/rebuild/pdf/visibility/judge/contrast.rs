//! The contrast of a glyph with its surroundings.
//!
//! There is one measure: the contrast of the resulting ink with its background. Transparent ink is blended with what is
//! beneath, hairlines count by the light that they leave, and transparent layers above are applied to both.

use super::images::{sides, upon};
use super::{InkColour, Judge};
use crate::rebuild::Fault;
use crate::rebuild::pdf::colour::Colour;
use crate::rebuild::pdf::visibility::budget::Budget;
use crate::rebuild::pdf::visibility::cells::{Rows, SIDE, Window, any, both, count, dilated};
use crate::rebuild::pdf::visibility::glyph_mask::{AROUND, GlyphMask, Inked};
use crate::rebuild::pdf::visibility::mark::{GlyphStyle, Kind, Mark};

/// Overlapping words are both legible if one is this much paler, or this much larger and of another colour.
const APART: f32 = 4.5;
const LARGER: f64 = 2.5;
/// Ink of other glyphs close before or after a glyph, where its neighbours on the line are, counts by this factor.
const BESIDE: f32 = 0.5;
/// The maximum distance of such a neighbour from the line, relative to the font size, and its maximum rotation, as a
/// slope.
const LEVEL: f64 = 0.05;
/// Maximum number of transparent marks over one glyph or its surroundings.
const VEILS_MAX: usize = 5;

/// A transparent mark.
#[derive(Clone, Copy)]
pub(super) struct Veil {
    /// The index of the mark.
    pub number: u32,
    /// The cells that are wholly inside it and, below, those that it touches.
    pub inner: Rows,
    pub outer: Rows,
    pub dye: InkColour,
}

/// How a glyph is seen, as fractions: of its surroundings, those from which it stands out, and those that are an image
/// from which it does not; of the glyph itself, what overlaps other ink, and the same with its close surroundings.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prominence {
    pub around: f32,
    pub image: f32,
    pub over: f32,
    pub close: f32,
}

/// A glyph in front of its surroundings.
struct Figure<'a> {
    number: u32,
    dyes: &'a [InkColour],
    /// How solid it appears, and the contrast that it needs.
    solid: f32,
    asked: f32,
    /// The cells near its ink, grouped by the set of marks above that ink.
    inks: Vec<(u32, Rows)>,
}

impl Figure<'_> {
    /// Returns the resulting colours of its ink on a background, and of that background, each beneath what is painted
    /// over it.
    fn seen(&self, ground: Colour, veils: &[Veil], here: u32, ink: u32) -> (Colour, impl Iterator<Item = Colour>) {
        let through = move |colour: Colour, which: u32, above: bool| {
            let veils = veils.iter().enumerate().rev();
            veils
                .filter(|(i, veil)| which >> i & 1 == 1 && (veil.number > self.number) == above)
                .fold(colour, |colour, (_, veil)| colour.blended_with(veil.dye.0, veil.dye.1))
        };
        let ground = through(ground, here, false);
        let inks = self.dyes.iter().map(move |dye| through(ground.blended_with(dye.0, dye.1), ink, true));
        (through(ground, here, true), inks)
    }

    /// Whether all its ink stands out from a background.
    fn out(&self, ground: Colour, veils: &[Veil], here: u32, ink: u32) -> bool {
        let (ground, mut inks) = self.seen(ground, veils, here, ink);
        inks.all(|ink| ink.contrast_of(self.solid, ground) >= self.asked)
    }

    /// Whether it stands out from both the lightest and the darkest colour of an image, in the same direction.
    fn out_of(&self, (dark, light): (Colour, Colour), veils: &[Veil], here: u32, ink: u32) -> bool {
        let both = self.out(dark, veils, here, ink) && self.out(light, veils, here, ink);
        let ((dark, inks), (light, others)) = (self.seen(dark, veils, here, ink), self.seen(light, veils, here, ink));
        both && sides(inks.chain(others), dark, light)
    }

    /// Returns the cells of `cells`, all of one background, from which it stands out. `out` decides that from the marks
    /// above the background and above the ink, and must hold for all ink nearby.
    fn standing(
        &self,
        cells: &Rows,
        veils: &[Veil],
        budget: &mut Budget,
        out: impl Fn(u32, u32, &Rows) -> Rows,
    ) -> Result<Rows, Fault> {
        if veils.is_empty() {
            return Ok(out(0, 0, cells));
        }
        let mut good = [0; SIDE];
        let parts = parted(cells, veils, false);
        budget.charge(200 * (1 + parts.len()) * (1 + self.inks.len()))?;
        for (here, cells) in parts {
            let mut stands = cells;
            for (ink, there) in &self.inks {
                let near = both(&cells, there, false);
                if any(&near) {
                    let bad = both(&near, &out(here, *ink, &near), true);
                    stands = both(&stands, &bad, true);
                }
            }
            good.iter_mut().zip(stands).for_each(|(good, stands)| *good |= stands);
        }
        Ok(good)
    }

    /// Returns the cells of `cells` from which it stands out if their background has this colour.
    fn plain(&self, colour: Colour, cells: &Rows, veils: &[Veil], budget: &mut Budget) -> Result<Rows, Fault> {
        self.standing(
            cells,
            veils,
            budget,
            |here, ink, cells| {
                if self.out(colour, veils, here, ink) { *cells } else { [0; SIDE] }
            },
        )
    }
}

/// Groups cells by the veils above them. A cell that is partly inside a veil is in both groups if `may` is set, and in
/// neither otherwise.
fn parted(cells: &Rows, veils: &[Veil], may: bool) -> Vec<(u32, Rows)> {
    let mut parts = vec![(0, *cells)];
    for (i, veil) in veils.iter().enumerate() {
        let (inside, outside) = if may { (&veil.outer, &veil.inner) } else { (&veil.inner, &veil.outer) };
        let split = |(which, cells): (u32, Rows)| {
            [(which | 1 << i, both(&cells, inside, false)), (which, both(&cells, outside, true))]
        };
        parts = parts.into_iter().flat_map(split).filter(|(_, cells)| any(cells)).collect();
    }
    parts
}

/// Whether a glyph is on the same line as another, as its neighbours are.
fn is_level((look, at): (&GlyphStyle, (f64, f64)), (other, there): (&GlyphStyle, (f64, f64))) -> bool {
    let Some(back) = look.matrix().inverse() else { return false };
    let [along, up, ..] = other.matrix().0;
    let (direction, away) = (back.point(along, up), back.point(there.0 - at.0, there.1 - at.1));
    direction.0 > 0.0 && direction.1.abs() <= LEVEL * direction.0 && away.1.abs() <= LEVEL * 1000.0
}

impl Judge<'_> {
    /// Determines how the glyph `at` is seen in front of its surroundings. The marks nearby are in `found`, the last
    /// one first: each cell shows the first that covers it.
    pub(super) fn around(
        &mut self,
        at: usize,
        mark: &Mark,
        window: &Window,
        (stamp, inked): (&GlyphMask, &Inked),
        (dyes, solid): (&[InkColour], f32),
        look: &GlyphStyle,
    ) -> Result<Prominence, Fault> {
        let found = std::mem::take(&mut self.found);
        let seen = self.surroundings(at, &found, window, (stamp, inked), (dyes, solid), look);
        self.found = found;
        match seen? {
            Some(seen) => Ok(seen),
            None => {
                let what = "words with too many transparent layers above or below: use opaque colours";
                Err(self.scene.hidden((mark.area.x0, mark.area.y0), what))
            }
        }
    }

    fn surroundings(
        &mut self,
        at: usize,
        found: &[u32],
        window: &Window,
        (stamp, inked): (&GlyphMask, &Inked),
        (dyes, solid): (&[InkColour], f32),
        look: &GlyphStyle,
    ) -> Result<Option<Prominence>, Fault> {
        if self.veils.len() > VEILS_MAX {
            return Ok(None);
        }
        let (asked, own, number) = (self.asked(look), dyes.to_vec(), at as u32);
        let near = |(which, cells): (u32, Rows)| (which, dilated(&cells, AROUND + 1, window));
        let inks = match self.veils.is_empty() {
            // Without veils all ink looks alike, so cells need not be grouped by the ink nearby.
            true => vec![(0, window.all())],
            false => parted(&inked.cells, &self.veils, true).into_iter().map(near).collect(),
        };
        let figure = Figure { number, dyes: &own, solid, asked, inks };
        let (ink, ring, beside, rows) = (&inked.cells, &stamp.ring, &stamp.beside, window.rows.min(SIDE));
        let place = (window.x - stamp.window.x, window.y - stamp.window.y);
        let (mut open, mut good) = (window.all(), [0; SIDE]);
        let (mut over, mut next, mut image) = ([0; SIDE], [0; SIDE], [0; SIDE]);
        let (mut dark, mut light) = ([0; SIDE], [0; SIDE]);
        for (m, other) in found.iter().filter_map(|m| Some((*m, self.marks.get(*m as usize)?))) {
            if m == number {
                continue;
            }
            if m < number && self.veil(m, other, window)? && self.veils.len() > VEILS_MAX {
                return Ok(None);
            }
            // Only veils above a background are seen over it; veils are in the order of the marks.
            let above = self.veils.iter().take_while(|veil| veil.number > m).count();
            let veils: Vec<Veil> = self.veils.iter().take(above).copied().collect();
            match &other.kind {
                Kind::Letter(letter) => {
                    let others = self.scene.looks[letter.look as usize];
                    let stamp = self.stamp(letter)?;
                    let context = &mut self.scene.context;
                    let there = stamp.ink_in(window, letter.at, &mut context.scratch, &mut context.budget)?;
                    let white = |(colour, alpha): InkColour| Colour::WHITE.blended_with(colour, alpha);
                    let fill = others.fill.map(|fill| white((fill, others.alpha[0])));
                    let line = others.line.map(|(line, _)| white((line, others.alpha[1])));
                    let seen = [fill, line];
                    let contrast = seen.iter().flatten().flat_map(|o| own.iter().map(|dye| white(*dye).contrast(*o)));
                    let contrast = contrast.fold(f32::INFINITY, f32::min);
                    let larger = (others.points / look.points).max(look.points / others.points) >= LARGER;
                    let apart = contrast >= APART || larger && contrast >= self.scene.context.thresholds.contrast;
                    let veiled = others.alpha != [1.0; 2];
                    let level = is_level((look, place), (&others, letter.at));
                    for r in 0..rows {
                        if !apart {
                            let beside = if level { beside[r] } else { 0 };
                            over[r] |= there[r] & (ink[r] | ring[r] & !beside);
                            next[r] |= there[r] & beside;
                        }
                        if !veiled {
                            if contrast >= asked && veils.is_empty() {
                                good[r] |= there[r] & open[r];
                            }
                            open[r] &= !there[r];
                        }
                    }
                }
                Kind::Area { alpha, .. } if *alpha < 1.0 => {}
                Kind::Area { colour, whole, .. } => {
                    let (inner, outer) = self.covered(other, window)?;
                    let here = both(&both(&inner, &open, false), ring, false);
                    let stands = figure.plain(*colour, &here, &veils, &mut self.scene.context.budget)?;
                    let contrasts =
                        *whole && if veils.is_empty() { figure.out(*colour, &[], 0, 0) } else { any(&stands) };
                    let lighter = own.first().is_some_and(|dye| colour.is_lighter(dye.0));
                    for r in 0..rows {
                        if contrasts {
                            // Fine marks of lighter and darker colours average to one in between.
                            let (own, other) = if lighter { (&mut light, &dark) } else { (&mut dark, &light) };
                            good[r] |= stands[r] & !other[r];
                            own[r] |= outer[r] & !inner[r] & open[r];
                            open[r] &= !inner[r];
                        } else {
                            open[r] &= !outer[r];
                        }
                    }
                }
                Kind::Image { number, matrix, .. } => {
                    let (inner, outer) = self.covered(other, window)?;
                    let mut stands = [0; SIDE];
                    if m < figure.number {
                        let blocks = self.blocks(*number)?;
                        self.scene.context.budget.charge(100 * (count(ring) as usize))?;
                        let here = both(&both(&inner, &open, false), ring, false);
                        stands =
                            figure.standing(&here, &veils, &mut self.scene.context.budget, |here, ink, cells| {
                                let mut rows = [0; SIDE];
                                let all = |dark, light| figure.out_of((dark, light), &veils, here, ink);
                                upon(&blocks, matrix, window, cells, all, &mut rows);
                                rows
                            })?;
                    }
                    for r in 0..rows {
                        if m < figure.number {
                            good[r] |= stands[r];
                            image[r] |= outer[r] & open[r] & ring[r] & !stands[r];
                        }
                        open[r] &= !outer[r];
                    }
                }
            }
            if m < number && (0..rows).all(|r| open[r] & (ring[r] | ink[r]) == 0) {
                break;
            }
        }
        let bare = both(&both(&open, ring, false), &dark, true);
        let veils = std::mem::take(&mut self.veils);
        let sheet = figure.plain(Colour::WHITE, &bare, &veils, &mut self.scene.context.budget)?;
        self.veils = veils;
        self.veils.retain(|veil| veil.number > number);
        good.iter_mut().zip(sheet).for_each(|(good, sheet)| *good |= sheet);
        let sum = |cells: &dyn Fn(usize) -> u64| (0..rows).map(|r| cells(r).count_ones()).sum::<u32>() as f32;
        let all = sum(&|r| ink[r]).max(1.0);
        let around = sum(&|r| ring[r]).max(1.0);
        Ok(Some(Prominence {
            around: sum(&|r| ring[r] & good[r]) / around,
            image: sum(&|r| image[r]) / around,
            over: sum(&|r| over[r] & ink[r]) / all,
            close: (sum(&|r| over[r]) + BESIDE * sum(&|r| next[r] & !over[r])) / all,
        }))
    }
}
