//! The verdict on a finished page: judges every glyph and every image, by remaining ink and contrast.

mod spatial_index;
mod images;
mod contrast;
mod remaining_ink;
mod defect;

use crate::rebuild::pdf::visibility::cells::{Rows, SIDE, Window};
use crate::rebuild::pdf::visibility::mark::{Clip, Cut, GlyphStyle, Kind, Letter, Mark};
use crate::rebuild::pdf::visibility::rasterize::{Covered, cover};
use crate::rebuild::pdf::visibility::scene::Scene;
use std::rc::Rc;

use super::coverage::Coverage;
use super::glyph_mask::{GlyphMask, Read};
use crate::rebuild::Fault;
use crate::rebuild::pdf::colour::Colour;
use crate::rebuild::pdf::font::Font;
use crate::rebuild::pdf::image::Image;
use contrast::Veil;
use defect::Defect;
use spatial_index::Grid;

/// Minimum fraction of a word's ink that remains and stands out.
const LEFT: f32 = 0.6;
/// Minimum fraction of the surroundings of a word's ink from which it must stand out.
const AROUND: f32 = 0.6;
/// Up to this size, glyphs need the configured contrast ratio. For larger ones, its excess over 1 decreases with the square
/// of their size, down to a quarter.
const LARGE_POINTS: f64 = 24.0;
const LARGE_LEAST: f64 = 0.25;

impl Scene {
    /// Judges everything on the page.
    ///
    /// # Errors
    /// `pdf.hidden` if something on it is invisible; `pdf.size` if the budget is exhausted.
    pub fn judge(&mut self, fonts: &[Font], images: &[Image]) -> Result<(), Fault> {
        let grid = Grid::new(self.sheet, &self.marks);
        self.context.budget.charge(20_000 + 8 * grid.entries() + 30 * self.marks.len())?;
        let shapes = self.looks.iter().map(|look| self.context.glyph_masks.shape(look)).collect();
        let (marks, words) = (std::mem::take(&mut self.marks), vec![[0.0; 3]; self.words as usize]);
        let (found, veils, worn) = (Vec::new(), Vec::new(), Coverage::default());
        let (marks_of, loaded) = (&marks, false);
        let mut judge =
            Judge { scene: self, marks: marks_of, fonts, images, grid, shapes, found, veils, worn, loaded, words };
        for (i, mark) in marks.iter().enumerate() {
            match &mark.kind {
                Kind::Letter(letter) => judge.letter(i, mark, letter)?,
                Kind::Image { number, matrix, .. } => {
                    let image = images.get(*number).map_or((0, 0), |image| (image.width, image.height));
                    let [a, b, c, d, ..] = matrix.0;
                    judge.size(mark, image, (a.hypot(b), c.hypot(d)))?;
                    judge.image(i, mark)?;
                }
                Kind::Area { .. } => {}
            }
        }
        // Points and accents are judged together with the word to which they belong.
        for mark in &marks {
            if let Kind::Letter(letter) = &mark.kind {
                let [ink, left, around] = judge.words.get(letter.word as usize).copied().unwrap_or_default();
                for (part, least, wrong) in [(left, LEFT, Defect::Covered), (around, AROUND, Defect::Colour)] {
                    if part < least * ink {
                        return Err(judge.scene.hidden(letter.at, wrong.message()));
                    }
                }
            }
        }
        self.marks = marks;
        Ok(())
    }
}

struct Judge<'a> {
    scene: &'a mut Scene,
    marks: &'a [Mark],
    fonts: &'a [Font],
    images: &'a [Image],
    grid: Grid,
    /// The shape of each style.
    shapes: Vec<u32>,
    /// The marks near the one that is judged, the last one first; and, below, the transparent ones above it.
    found: Vec<u32>,
    veils: Vec<Veil>,
    /// The remaining ink of the current glyph, if it was loaded.
    worn: Coverage,
    loaded: bool,
    /// For each word its ink, what remains of it, and what of it stands out.
    words: Vec<[f32; 3]>,
}

/// A colour of a glyph, and its opacity.
type InkColour = (Colour, f32);

/// Returns the colours of the ink of a glyph that is read as `read`.
fn dyes(look: &GlyphStyle, read: Read) -> Vec<InkColour> {
    let fill = look.fill.map(|fill| (fill, look.alpha[0])).filter(|_| read != Read::Line);
    let line = look.line.map(|(line, _)| (line, look.alpha[1])).filter(|_| read != Read::Fill);
    fill.into_iter().chain(line).collect()
}

impl Judge<'_> {
    fn stamp(&mut self, letter: &Letter) -> Result<Rc<GlyphMask>, Fault> {
        let (look, shape) = (letter.look as usize, letter.look as usize);
        let (look, shape) = (self.scene.looks[look], self.shapes[shape]);
        let context = &mut self.scene.context;
        context.glyph_masks.of((shape, &look), letter, self.fonts, &mut context.scratch, &mut context.budget)
    }

    /// Returns the contrast that glyphs of a style need.
    fn asked(&self, look: &GlyphStyle) -> f32 {
        let relief = (LARGE_POINTS / look.points).powi(2).clamp(LARGE_LEAST, 1.0) as f32;
        1.0 + (self.scene.context.thresholds.contrast - 1.0) * relief
    }

    fn letter(&mut self, i: usize, mark: &Mark, letter: &Letter) -> Result<(), Fault> {
        let stamp = self.stamp(letter)?;
        let look = self.scene.looks[letter.look as usize];
        let mut window = stamp.window;
        (window.x, window.y) = (window.x + letter.at.0, window.y + letter.at.1);
        let looked = self.grid.near(&window.area(), self.marks, &mut self.found);
        self.scene.context.budget.charge(500 + 6 * looked + 40 * self.found.len() + 20 * window.rows)?;
        if let (&[_], [inked]) = (self.found.as_slice(), stamp.inks.as_slice()) {
            // Nothing else is nearby: the glyph is on the blank sheet.
            let (asked, solid) = (self.asked(&look), inked.solid(1.0, look.points));
            let out =
                |dye: InkColour| Colour::WHITE.blended_with(dye.0, dye.1).contrast_of(solid, Colour::WHITE) >= asked;
            let clip = self.clip(mark);
            let whole = clip.cut.is_none() && clip.area.contains(&window.area(), 0.0);
            let inkless = defect::inkless(inked.all, &window, look.points, letter.alphanumeric);
            if whole && !inkless && dyes(&look, inked.read).into_iter().all(out) {
                self.counted(letter, inked.all, 1.0, 1.0);
                return Ok(());
            }
        }
        self.scene.context.budget.charge(3000)?;
        let mut worst = Defect::Inkless;
        for inked in &stamp.inks {
            if defect::inkless(inked.all, &window, look.points, letter.alphanumeric) {
                continue;
            }
            let dyes = dyes(&look, inked.read);
            let left = self.left(i, mark, &window, (&stamp, inked))?;
            let solid = inked.solid(left.left, look.points);
            let seen = self.around(i, mark, &window, (&stamp, inked), (&dyes, solid), &look)?;
            match defect::defect(&left, &seen, letter.alphanumeric) {
                None => {
                    self.counted(letter, inked.all, left.left, seen.around);
                    return Ok(());
                }
                Some(wrong) => worst = wrong,
            }
        }
        Err(self.scene.hidden(letter.at, worst.message()))
    }

    /// Adds the ink of a glyph to its word: all of it, the part that remains, and the part that stands out.
    fn counted(&mut self, letter: &Letter, ink: f32, left: f32, around: f32) {
        if let Some(word) = self.words.get_mut(letter.word as usize) {
            word.iter_mut().zip([1.0, left, around]).for_each(|(sum, part)| *sum += ink * part);
        }
    }

    /// Returns the clip of a mark.
    fn clip(&self, mark: &Mark) -> Clip {
        let sheet = self.scene.sheet;
        self.scene.clips.get(mark.clip as usize).map_or(Clip::of(sheet), |clip| clip.intersection(&sheet))
    }

    /// Returns what one clip shape leaves of a window.
    fn leaves(&mut self, cut: &Cut, window: &Window) -> Result<Covered, Fault> {
        let edges = self.scene.edges.get(cut.edges.0 as usize..cut.edges.1 as usize).unwrap_or_default();
        let context = &mut self.scene.context;
        context.budget.charge(600 + 20 * edges.len())?;
        Ok(cover(edges, cut.even_odd, (0.0, 0.0), window, &mut context.scratch))
    }

    /// Returns the cells of a window that are wholly inside a clip, and those that are inside at least in part.
    fn uncut(&mut self, clip: &Clip, window: &Window) -> Result<(Rows, Rows), Fault> {
        let (mut inner, mut outer) = if clip.area.contains(&window.area(), 0.0) {
            (window.all(), window.all())
        } else {
            window.rectangle(&clip.area)
        };
        let cuts: Vec<_> = self.scene.cuts_of(clip).collect();
        for cut in cuts {
            let covered = self.leaves(&cut, window)?;
            let (inside, touched) = (covered.inner(), covered.outer());
            for r in 0..SIDE {
                inner[r] &= inside[r];
                outer[r] &= touched[r];
            }
        }
        Ok((inner, outer))
    }

    /// Returns the cells of a window that lie wholly in an area or an image, and those that it touches.
    fn covered(&mut self, mark: &Mark, window: &Window) -> Result<(Rows, Rows), Fault> {
        let (edges, even_odd) = match &mark.kind {
            Kind::Area { upright: true, .. } => {
                self.scene.context.budget.charge(300)?;
                return Ok(window.rectangle(&mark.area));
            }
            Kind::Area { edges, even_odd, .. } => (*edges, *even_odd),
            Kind::Image { edges, .. } => (*edges, false),
            Kind::Letter(_) => return Ok(([0; SIDE], [0; SIDE])),
        };
        let edges = self.scene.edges.get(edges.0 as usize..edges.1 as usize).unwrap_or_default();
        let context = &mut self.scene.context;
        context.budget.charge(500 + 12 * edges.len())?;
        let covered = cover(edges, even_odd, (0.0, 0.0), window, &mut context.scratch);
        context.budget.charge(12 * (super::cells::count(&covered.edge) as usize))?;
        let (mut inner, mut outer) = (covered.inner(), covered.outer());
        let clip = self.clip(mark);
        if clip.cut.is_some() || !clip.area.contains(&window.area(), 0.0) {
            let (inside, touched) = self.uncut(&clip, window)?;
            for r in 0..SIDE {
                inner[r] &= inside[r];
                outer[r] &= touched[r];
            }
        }
        Ok((inner, outer))
    }
}
