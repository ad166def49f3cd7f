//! The judgement of a page when all of it is painted: every letter and every image by what is left of it.

use std::rc::Rc;

use super::super::super::Fault;
use super::super::font::Font;
use super::super::image::Image;
use super::colour::Colour;
use super::grid::Grid;
use super::scene::{Kind, Letter, Look, Mark, Scene};
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
    image: f32,
    /// Cells of ink.
    ink: f32,
}

/// What is wrong with a letter; the worst first.
enum Wrong {
    Inkless,
    Outside,
    Image,
    Covered,
    Colour,
    Over,
}

impl Wrong {
    fn told(&self) -> &'static str {
        match self {
            Wrong::Inkless => "letters that are not drawn: remove them",
            Wrong::Outside => "words off the page, or cut away from it: move them onto it, or remove them",
            Wrong::Image => "words upon an image, which may hide them: put them beside it",
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
        let (marks, words) = (std::mem::take(&mut self.marks), vec![(0.0, 0.0); self.words as usize]);
        let mut judge = Judge { scene: self, marks: &marks, fonts, grid, shapes, found: Vec::new(), words };
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
                let (ink, left) = judge.words.get(letter.word as usize).copied().unwrap_or_default();
                if left < LEFT * ink {
                    return Err(judge.scene.hidden(letter.at, Wrong::Covered.told()));
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
    grid: Grid,
    /// The shape of each look.
    shapes: Vec<u32>,
    found: Vec<u32>,
    /// The ink of each word, and what is left of it.
    words: Vec<(f32, f32)>,
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
        // Letters that are filled and lined are read by both, or by either where the other is not to be seen.
        let without_line = minus(&stamp.fill, &stamp.line);
        let ways: Vec<(Rows, Rows, Vec<Colour>)> = match (look.fill, look.line) {
            (Some(fill), Some((line, _))) => vec![
                (stamp.ink(), [0; SIDE], vec![fill, line]),
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
                    if let Some((ink, sum)) = self.words.get_mut(letter.word as usize) {
                        *ink += left.ink;
                        *sum += left.ink * left.left;
                    }
                    return Ok(());
                }
                Some(wrong) => worst = wrong,
            }
        }
        Err(self.scene.hidden(letter.at, worst.told()))
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
                            over[r] |= there[r] & ink[r];
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
                    for r in 0..rows {
                        if later {
                            gone[r] |= inner[r] | once[r] & outer[r];
                            once[r] |= outer[r];
                        }
                        if contrasts {
                            good[r] |= inner[r] & open[r];
                            open[r] &= !inner[r];
                        } else {
                            open[r] &= !outer[r];
                        }
                    }
                }
                Kind::Image { .. } => {
                    let (_, outer) = self.covered(other, window)?;
                    for r in 0..rows {
                        if later {
                            gone[r] |= outer[r];
                        } else {
                            image[r] |= outer[r] & open[r];
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
            good.iter_mut().zip(&open).for_each(|(good, open)| *good |= open);
        }
        let clip =
            self.scene.clips.get(mark.clip as usize).map_or(self.scene.sheet, |clip| clip.common(&self.scene.sheet));
        let inside = if clip.holds(&window.area(), 0.0) { window.all() } else { window.rectangle(&clip).1 };
        let sum = |cells: &dyn Fn(usize) -> u64| (0..rows).map(|r| cells(r).count_ones()).sum::<u32>() as f32;
        let all = sum(&|r| ink[r]);
        let left = sum(&|r| ink[r] & inside[r] & !gone[r] & !once[r]);
        let half = sum(&|r| ink[r] & inside[r] & !gone[r] & once[r]);
        let around = sum(&|r| ring[r]).max(1.0);
        Ok(Left {
            inside: sum(&|r| ink[r] & inside[r]) / all.max(1.0),
            left: (left + half / 2.0) / all.max(1.0),
            around: sum(&|r| ring[r] & good[r]) / around,
            over: sum(&|r| over[r]) / all.max(1.0),
            image: sum(&|r| image[r] & (ink[r] | ring[r])) / (all + around),
            ink: all,
        })
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
        let clip = self.scene.clips.get(mark.clip as usize).map_or(self.scene.sheet, |clip| *clip);
        if !clip.holds(&window.area(), 0.0) {
            let (inside, touched) = window.rectangle(&clip);
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
        if small(pixels.0, points.0) || small(pixels.1, points.1) {
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
    if left.image > 0.1 {
        return Some(Wrong::Image);
    }
    if spoken && left.left < LEFT {
        return Some(Wrong::Covered);
    }
    if left.around < AROUND {
        return Some(Wrong::Colour);
    }
    if left.over > if spoken { OVER } else { OVER_POINT } {
        return Some(Wrong::Over);
    }
    None
}
