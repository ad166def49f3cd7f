//! The judgement of a page when all of it is painted: every letter and every image by what is left of it.

use std::rc::Rc;

use super::super::super::Fault;
use super::super::font::Font;
use super::super::image::Image;
use super::colour::Colour;
use super::geometry::Matrix;
use super::grid::Grid;
use super::pixels::{Blocks, Pixels};
use super::scene::{Clip, Kind, Letter, Look, Mark, Scene};
use super::stamp::Stamp;
use super::window::{Rows, SIDE, Window, count, cover};

/// The part of a letter's ink, and of a word's, that is left and stands out.
const LEFT: f32 = 0.6;
/// The part of what is closely around a letter that it stands out from.
const AROUND: f32 = 0.6;
/// The part of a letter's ink that is neither off the sheet nor cut away.
const INSIDE: f32 = 0.95;
/// The part of a letter that may lie on the ink of others; of an accent or a point, which may stand upon a letter.
const OVER: f32 = 0.15;
const OVER_POINT: f32 = 0.6;
/// As much ink of other letters, as a part of its own, may lie on it and closely around it.
const CLOSE: f32 = 0.25;
/// From this size on letters may be paler: what they stand out by counts four times.
const LARGE_POINTS: f64 = 24.0;
/// Words over each other are both read if one is so much paler, or so much larger and not of its colour.
const APART: f32 = 4.5;
const LARGER: f64 = 2.5;
/// The part of an image that may be covered, and touched by lines.
const COVERED: f32 = 0.01;
const TOUCHED: f32 = 0.2;

/// What is left of the ink of a letter, and what is around it, each as a part of the whole.
#[derive(Clone, Copy, Debug, Default)]
struct Left {
    inside: f32,
    left: f32,
    around: f32,
    over: f32,
    close: f32,
    image: f32,
    /// Cells of ink.
    ink: f32,
}

/// What is wrong with a letter; the worst first.
enum Wrong {
    Inkless,
    Outside,
    Covered,
    Colour,
    Image,
    Over,
}

impl Wrong {
    fn told(&self) -> &'static str {
        match self {
            Wrong::Inkless => "letters that are not drawn: remove them",
            Wrong::Outside => "words off the page, or cut away from it: move them onto it, or remove them",
            Wrong::Image => "words upon an image that they do not stand out from: put them beside it",
            Wrong::Covered => "words covered by what is painted over them: remove them, or what covers them",
            Wrong::Colour => {
                "words in the colour of what is beneath or around them: give them one that stands out, or remove them"
            }
            Wrong::Over => "words printed over each other: print each once, in a place of its own",
        }
    }
}

impl Scene {
    /// Judges everything on the page.
    ///
    /// # Errors
    /// `pdf.hidden` where something on it is not to be seen; `pdf.size` where that costs too much to say.
    pub fn judge(&mut self, fonts: &[Font], images: &[Image]) -> Result<(), Fault> {
        let grid = Grid::new(self.sheet, &self.marks);
        self.sight.budget.charge(20_000 + 8 * grid.entries() + 30 * self.marks.len())?;
        let shapes = self.looks.iter().map(|look| self.sight.stamps.shape(look)).collect();
        let (marks, words) = (std::mem::take(&mut self.marks), vec![[0.0; 3]; self.words as usize]);
        let mut judge = Judge { scene: self, marks: &marks, fonts, images, grid, shapes, found: Vec::new(), words };
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
        // Points and accents are judged with the word that they are part of.
        for mark in &marks {
            if let Kind::Letter(letter) = &mark.kind {
                let [ink, left, around] = judge.words.get(letter.word as usize).copied().unwrap_or_default();
                for (part, least, wrong) in [(left, LEFT, Wrong::Covered), (around, AROUND, Wrong::Colour)] {
                    if part < least * ink {
                        return Err(judge.scene.hidden(letter.at, wrong.told()));
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
    /// The shape of each look.
    shapes: Vec<u32>,
    found: Vec<u32>,
    /// The ink of each word, what is left of it, and what of it stands out.
    words: Vec<[f32; 3]>,
}

impl Judge<'_> {
    fn stamp(&mut self, letter: &Letter) -> Result<Rc<Stamp>, Fault> {
        let (look, shape) = (letter.look as usize, letter.look as usize);
        let (look, shape) = (self.scene.looks[look], self.shapes[shape]);
        let sight = &mut self.scene.sight;
        sight.stamps.of((shape, &look), letter, self.fonts, &mut sight.scratch, &mut sight.budget)
    }

    /// How much letters of a look must stand out.
    fn asked(&self, look: &Look) -> f32 {
        let contrast = self.scene.sight.asked.contrast;
        if look.points >= LARGE_POINTS { 1.0 + (contrast - 1.0) / 4.0 } else { contrast }
    }

    fn letter(&mut self, i: usize, mark: &Mark, letter: &Letter) -> Result<(), Fault> {
        let stamp = self.stamp(letter)?;
        let look = self.scene.looks[letter.look as usize];
        let mut window = stamp.window;
        (window.x, window.y) = (window.x + letter.at.0, window.y + letter.at.1);
        let looked = self.grid.near(&window.area(), self.marks, &mut self.found);
        self.scene.sight.budget.charge(500 + 6 * looked + 40 * self.found.len() + 20 * window.rows)?;
        if let (&[_], Some(fill), None) = (self.found.as_slice(), look.fill, look.line) {
            // Nothing else is near: it stands on the sheet as it is.
            let seen = fill.contrast(Colour::WHITE) >= self.asked(&look);
            let clip = self.clip(mark);
            let whole = clip.cut.is_none() && clip.area.holds(&window.area(), 0.0);
            if seen && whole && count(&stamp.ink) > 0 {
                self.counted(letter, count(&stamp.ink) as f32, 1.0, 1.0);
                return Ok(());
            }
        }
        // Letters that are filled and lined are read by both, or by either where the other is not to be seen.
        let without_line = minus(&stamp.fill, &stamp.line);
        let ways: Vec<(Rows, Rows, Vec<Colour>)> = match (look.fill, look.line) {
            (Some(fill), Some((line, _))) => vec![
                (stamp.ink, [0; SIDE], vec![fill, line]),
                (stamp.line, [0; SIDE], vec![line]),
                (stamp.fill, minus(&stamp.fill, &without_line), vec![fill]),
            ],
            (Some(fill), None) => vec![(stamp.fill, [0; SIDE], vec![fill])],
            (None, Some((line, _))) => vec![(stamp.line, [0; SIDE], vec![line])],
            (None, None) => Vec::new(),
        };
        let mut worst = Wrong::Inkless;
        for (ink, gone, colours) in ways {
            let left = self.left(i, mark, &window, (&ink, &stamp.ring, gone), &colours, &look)?;
            match wrong(&left, letter.spoken) {
                None => {
                    self.counted(letter, left.ink, left.left, left.around);
                    return Ok(());
                }
                Some(wrong) => worst = wrong,
            }
        }
        Err(self.scene.hidden(letter.at, worst.told()))
    }

    /// Counts the ink of a letter for its word, the part of it that is left, and the part that stands out.
    fn counted(&mut self, letter: &Letter, ink: f32, left: f32, around: f32) {
        if let Some(word) = self.words.get_mut(letter.word as usize) {
            word.iter_mut().zip([1.0, left, around]).for_each(|(sum, part)| *sum += ink * part);
        }
    }

    /// What is not cut away around a mark.
    fn clip(&self, mark: &Mark) -> Clip {
        let sheet = self.scene.sheet;
        self.scene.clips.get(mark.clip as usize).map_or(Clip::of(sheet), |clip| clip.common(&sheet))
    }

    /// The cells of a window that are wholly inside what is not cut away, and those any of which is.
    fn uncut(&mut self, clip: &Clip, window: &Window) -> Result<(Rows, Rows), Fault> {
        let (mut inner, mut outer) = if clip.area.holds(&window.area(), 0.0) {
            (window.all(), window.all())
        } else {
            window.rectangle(&clip.area)
        };
        let cuts: Vec<_> = self.scene.cuts_of(clip).collect();
        for cut in cuts {
            let edges = self.scene.edges.get(cut.edges.0 as usize..cut.edges.1 as usize).unwrap_or_default();
            let sight = &mut self.scene.sight;
            sight.budget.charge(600 + 20 * edges.len())?;
            let covered = cover(edges, cut.even_odd, (0.0, 0.0), window, &mut sight.scratch);
            let (inside, touched) = (covered.inner(), covered.outer());
            for r in 0..SIDE {
                inner[r] &= inside[r];
                outer[r] &= touched[r];
            }
        }
        Ok((inner, outer))
    }

    /// What is left of `ink` in the window, where `gone` is covered already, and what is around it. The marks of the place
    /// are in `found`, the last one first: each cell shows the first that covers it.
    fn left(
        &mut self,
        at: usize,
        mark: &Mark,
        window: &Window,
        (ink, ring, mut gone): (&Rows, &Rows, Rows),
        colours: &[Colour],
        look: &Look,
    ) -> Result<Left, Fault> {
        let asked = self.asked(look);
        let out = |other: Colour| colours.iter().all(|colour| colour.contrast(other) >= asked);
        let rows = window.rows.min(SIDE);
        let (mut open, mut good) = (window.all(), [0; SIDE]);
        let (mut once, mut over, mut image) = ([0; SIDE], [0; SIDE], [0; SIDE]);
        let (mut dark, mut light) = ([0; SIDE], [0; SIDE]);
        let found = std::mem::take(&mut self.found);
        for (m, other) in found.iter().map(|m| (*m as usize, &self.marks[*m as usize])) {
            if m == at {
                continue;
            }
            let later = m > at;
            match &other.kind {
                Kind::Letter(letter) => {
                    let stamp = self.stamp(letter)?;
                    self.scene.sight.budget.charge(300 + 40 * stamp.edges())?;
                    let there = stamp.ink_in(window, letter.at, &mut self.scene.sight.scratch);
                    let others = self.scene.looks[letter.look as usize];
                    let seen = [others.fill, others.line.map(|(colour, _)| colour)];
                    let contrast = seen.iter().flatten().flat_map(|o| colours.iter().map(|c| c.contrast(*o)));
                    let contrast = contrast.fold(f32::INFINITY, f32::min);
                    let larger = (others.points / look.points).max(look.points / others.points) >= LARGER;
                    let apart = contrast >= APART || larger && contrast >= self.scene.sight.asked.contrast;
                    for r in 0..rows {
                        if later {
                            gone[r] |= there[r];
                        }
                        if !apart {
                            over[r] |= there[r] & (ink[r] | ring[r]);
                        }
                        if contrast >= asked {
                            good[r] |= there[r] & open[r];
                        }
                        open[r] &= !there[r];
                    }
                }
                Kind::Area { colour, whole, .. } => {
                    let (inner, outer) = self.covered(other, window)?;
                    let contrasts = *whole && out(*colour);
                    let lighter = colours.first().is_some_and(|own| colour.is_lighter(*own));
                    for r in 0..rows {
                        if later {
                            gone[r] |= inner[r] | once[r] & outer[r];
                            once[r] |= outer[r];
                        }
                        if contrasts {
                            // Fine marks of lighter and of darker colours come to one between.
                            let (own, other) = if lighter { (&mut light, &dark) } else { (&mut dark, &light) };
                            good[r] |= inner[r] & open[r] & !other[r];
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
                    if !later {
                        let blocks = self.blocks(*number)?;
                        self.scene.sight.budget.charge(100 * (count(ring) as usize))?;
                        let here = |r: usize| inner[r] & open[r] & ring[r];
                        let all = |dark, light| out(dark) && out(light) && sides(colours, dark, light);
                        upon(&blocks, matrix, window, here, all, &mut stands);
                    }
                    for r in 0..rows {
                        if later {
                            gone[r] |= outer[r];
                        } else {
                            good[r] |= stands[r];
                            image[r] |= outer[r] & open[r] & ring[r] & !stands[r];
                        }
                        open[r] &= !outer[r];
                    }
                }
            }
            if !later && (0..rows).all(|r| open[r] & (ring[r] | ink[r]) == 0) {
                break;
            }
        }
        self.found = found;
        if out(Colour::WHITE) {
            (0..rows).for_each(|r| good[r] |= open[r] & !dark[r]);
        }
        let clip = self.clip(mark);
        let inside = self.uncut(&clip, window)?.1;
        let sum = |cells: &dyn Fn(usize) -> u64| (0..rows).map(|r| cells(r).count_ones()).sum::<u32>() as f32;
        let all = sum(&|r| ink[r]);
        let left = sum(&|r| ink[r] & inside[r] & !gone[r] & !once[r]);
        let half = sum(&|r| ink[r] & inside[r] & !gone[r] & once[r]);
        let around = sum(&|r| ring[r]).max(1.0);
        Ok(Left {
            inside: sum(&|r| ink[r] & inside[r]) / all.max(1.0),
            left: (left + half / 2.0) / all.max(1.0),
            around: sum(&|r| ring[r] & good[r]) / around,
            over: sum(&|r| over[r] & ink[r]) / all.max(1.0),
            close: sum(&|r| over[r]) / all.max(1.0),
            image: sum(&|r| image[r]) / around,
            ink: all,
        })
    }

    /// The colours of an image that words stand upon.
    fn blocks(&mut self, number: usize) -> Result<Rc<Blocks>, Fault> {
        if let Some(blocks) = self.scene.sight.blocks.get(&number) {
            return Ok(Rc::clone(blocks));
        }
        let image = self.images.get(number).ok_or_else(|| Fault::new("pdf.image", "an image that is not there"))?;
        self.scene.sight.budget.charge(60 * image.width * image.height)?;
        let blocks = Rc::new(Blocks::of(&Pixels::of(image)?));
        // Few images have words upon them; those of a document share what is kept.
        if self.scene.sight.blocks.len() >= 8 {
            self.scene.sight.blocks.clear();
        }
        self.scene.sight.blocks.insert(number, Rc::clone(&blocks));
        Ok(blocks)
    }

    /// The cells of a window that lie wholly in an area or an image, and those that it touches.
    fn covered(&mut self, mark: &Mark, window: &Window) -> Result<(Rows, Rows), Fault> {
        let (edges, even_odd) = match &mark.kind {
            Kind::Area { upright: true, .. } => {
                self.scene.sight.budget.charge(300)?;
                return Ok(window.rectangle(&mark.area));
            }
            Kind::Area { edges, even_odd, .. } => (*edges, *even_odd),
            Kind::Image { edges, .. } => (*edges, false),
            Kind::Letter(_) => return Ok(([0; SIDE], [0; SIDE])),
        };
        let edges = self.scene.edges.get(edges.0 as usize..edges.1 as usize).unwrap_or_default();
        let sight = &mut self.scene.sight;
        sight.budget.charge(500 + 12 * edges.len())?;
        let covered = cover(edges, even_odd, (0.0, 0.0), window, &mut sight.scratch);
        sight.budget.charge(12 * (count(&covered.edge) as usize))?;
        let (mut inner, mut outer) = (covered.inner(), covered.outer());
        let clip = self.clip(mark);
        if clip.cut.is_some() || !clip.area.holds(&window.area(), 0.0) {
            let (inside, touched) = self.uncut(&clip, window)?;
            for r in 0..SIDE {
                inner[r] &= inside[r];
                outer[r] &= touched[r];
            }
        }
        Ok((inner, outer))
    }

    /// Whether an image is drawn so large that its pixels are to be seen.
    fn size(&self, mark: &Mark, pixels: (usize, usize), points: (f64, f64)) -> Result<(), Fault> {
        let small = |pixels: usize, points: f64| {
            pixels as f64 > points * self.scene.sight.asked.pixels_per_point || pixels > 4 && points < 4.0
        };
        if points.0.max(points.1) < 4.0 || small(pixels.0, points.0) || small(pixels.1, points.1) {
            let what = "an image too small to be seen: draw it larger, or with fewer pixels";
            return Err(self.scene.hidden((mark.area.x0, mark.area.y0), what));
        }
        Ok(())
    }

    fn image(&mut self, i: usize, mark: &Mark) -> Result<(), Fault> {
        let cells = SIDE - 2;
        let (across, up) = (mark.area.x1 - mark.area.x0, mark.area.y1 - mark.area.y0);
        let side = |length: f64| (length / cells as f64).max(1e-6);
        let (x, y) = (mark.area.x0, mark.area.y0);
        let window = Window { x, y, across: side(across), up: side(up), columns: cells, rows: cells };
        let looked = self.grid.near(&mark.area, self.marks, &mut self.found);
        self.scene.sight.budget.charge(2000 + 6 * looked + 40 * self.found.len())?;
        let own = self.covered(mark, &window)?.0;
        let (mut gone, mut once) = ([0; SIDE], [0; SIDE]);
        let found = std::mem::take(&mut self.found);
        for other in found.iter().take_while(|m| **m as usize > i).map(|m| &self.marks[*m as usize]) {
            if !matches!(other.kind, Kind::Letter(_)) {
                let (inner, outer) = self.covered(other, &window)?;
                for r in 0..SIDE {
                    gone[r] |= own[r] & (inner[r] | once[r] & outer[r]);
                    once[r] |= own[r] & outer[r];
                }
            }
        }
        self.found = found;
        let all = count(&own) as f32;
        if count(&gone) as f32 > COVERED * all || count(&once) as f32 > TOUCHED * all {
            let what = "an image covered by what is painted over it: cut the picture itself, or remove what covers it";
            return Err(self.scene.hidden((x, y), what));
        }
        Ok(())
    }
}

/// Whether two colours are both lighter than others, or both darker.
fn sides(colours: &[Colour], dark: Colour, light: Colour) -> bool {
    colours.iter().all(|colour| dark.is_lighter(*colour) == light.is_lighter(*colour))
}

/// Sets the cells of `here` where the colours of an image are all as `all` asks.
fn upon(
    blocks: &Blocks,
    matrix: &Matrix,
    window: &Window,
    here: impl Fn(usize) -> u64,
    all: impl Fn(Colour, Colour) -> bool,
    rows: &mut Rows,
) {
    let Some(back) = matrix.inverse() else { return };
    for (r, row) in rows.iter_mut().enumerate().take(window.rows) {
        let mut cells = here(r);
        while cells != 0 {
            let column = cells.trailing_zeros();
            cells &= cells - 1;
            let x = window.x + window.across * (f64::from(column) + 0.5);
            let (u, v) = back.point(x, window.y + window.up * (r as f64 + 0.5));
            if blocks.at(u, 1.0 - v).is_some_and(|(dark, light)| all(dark, light)) {
                *row |= 1 << column;
            }
        }
    }
}

fn minus(rows: &Rows, other: &Rows) -> Rows {
    let mut out = *rows;
    out.iter_mut().zip(other).for_each(|(row, other)| *row &= !other);
    out
}

fn wrong(left: &Left, spoken: bool) -> Option<Wrong> {
    if left.ink == 0.0 {
        return Some(Wrong::Inkless);
    }
    if left.inside < INSIDE {
        return Some(Wrong::Outside);
    }
    if spoken && left.left < LEFT {
        return Some(Wrong::Covered);
    }
    if spoken && left.around < AROUND {
        return Some(if left.image > 0.1 { Wrong::Image } else { Wrong::Colour });
    }
    let over = if spoken { left.over > OVER || left.close > CLOSE } else { left.over > OVER_POINT };
    over.then_some(Wrong::Over)
}
