//! Renders a page for the officer, from the same marks that were judged.

use super::glyph::letter;
use super::mark::{Clip, Kind, Letter, Mark};
use super::pixels::Pixels;
use super::scene::Scene;
use crate::rebuild::pdf::colour::Colour;
use crate::rebuild::pdf::font::Font;
use crate::rebuild::pdf::geometry::{Area, Edge, Matrix, THIN, filled, lines, stroked};
use crate::rebuild::pdf::image::Image;
use crate::rebuild::{Fault, png};

/// Pixels for each point, and maximum pixels along the longer side.
const PER_POINT: f64 = 100.0 / 72.0;
const SIDE_MAX: f64 = 2200.0;
/// Scan lines for each row of pixels, and rows that are rendered together.
const LINES: usize = 4;
const BAND: usize = 16;

/// A page of pixels, the top row first.
struct Canvas {
    width: usize,
    height: usize,
    /// Red, green and blue, a byte each.
    pixels: Vec<u8>,
    /// The transformation from points of the sheet to pixels.
    matrix: Matrix,
    crossings: Vec<(u32, f32, i32)>,
    cover: Vec<f32>,
}

impl Scene {
    /// Renders the page, rotated as it is displayed, as a PNG image.
    ///
    /// # Errors
    /// `pdf.size` if the budget is exhausted, `pdf.image` if an image on it cannot be decoded.
    pub fn draw(&mut self, fonts: &[Font], images: &[Image]) -> Result<Vec<u8>, Fault> {
        let (across, up) = (self.sheet.x1 - self.sheet.x0, self.sheet.y1 - self.sheet.y0);
        let scale = PER_POINT.min(SIDE_MAX / across.max(up));
        let side = |length: f64| ((length * scale).ceil() as usize).max(1);
        let (width, height) = (side(across), side(up));
        let matrix = Matrix([scale, 0.0, 0.0, -scale, -self.sheet.x0 * scale, self.sheet.y1 * scale]);
        let (pixels, crossings, cover) = (vec![255; 3 * width * height], Vec::new(), Vec::new());
        let mut canvas = Canvas { width, height, pixels, matrix, crossings, cover };
        self.context.budget.charge(50 * width * height)?;
        let marks = std::mem::take(&mut self.marks);
        let mut edges = Vec::new();
        for mark in &marks {
            let clip =
                self.clips.get(mark.clip as usize).map_or(Clip::of(self.sheet), |clip| clip.intersection(&self.sheet));
            let cuts: Vec<(&[Edge], bool)> = self
                .cuts_of(&clip)
                .map(|cut| {
                    (self.edges.get(cut.edges.0 as usize..cut.edges.1 as usize).unwrap_or_default(), cut.even_odd)
                })
                .collect();
            let clip = (&clip.area, cuts.as_slice());
            match &mark.kind {
                Kind::Area { shown: false, .. } => {}
                Kind::Area { edges, even_odd, colour, alpha, .. } => {
                    let edges = self.edges.get(edges.0 as usize..edges.1 as usize).unwrap_or_default();
                    let steps = canvas.fill(edges, *even_odd, (*colour, *alpha), clip);
                    self.context.budget.charge(steps)?;
                }
                Kind::Letter(letter) => {
                    for (colour, from) in self.shapes(letter, fonts, &mut edges) {
                        let steps = canvas.fill(edges.get(from.0..from.1).unwrap_or_default(), false, colour, clip);
                        self.context.budget.charge(steps)?;
                    }
                }
                Kind::Image { number, matrix, .. } => {
                    let image = images.get(*number);
                    let image = image.ok_or_else(|| Fault::new("pdf.image", "a missing image"))?;
                    self.context.budget.charge(20 * image.width * image.height)?;
                    let steps = canvas.image(&Pixels::of(image)?, **matrix, mark);
                    self.context.budget.charge(steps)?;
                }
            }
        }
        self.marks = marks;
        let Canvas { width, height, pixels, .. } = canvas.turned(self.rotate);
        Ok(png::write(pixels, width, height, 3))
    }

    /// Returns what a glyph paints: the colours with their opacity, and the range of `edges` that each fills.
    fn shapes(&self, of: &Letter, fonts: &[Font], edges: &mut Vec<Edge>) -> Vec<((Colour, f32), (usize, usize))> {
        edges.clear();
        let (Some(look), Some((_, steps))) =
            (self.looks.get(of.look as usize), letter(fonts, of.font as usize, of.code))
        else {
            return Vec::new();
        };
        let linear = |matrix: Matrix| Matrix([matrix.0[0], matrix.0[1], matrix.0[2], matrix.0[3], 0.0, 0.0]);
        let [a, b, c, d, ..] = look.page.0;
        let page = Matrix([a, b, c, d, of.at.0, of.at.1]);
        let text = linear(look.text);
        let mut placed = lines(&steps, look.matrix().determinant().abs().sqrt() * PER_POINT);
        for point in placed.iter_mut().flat_map(|line| &mut line.points) {
            *point = text.point(point.0, point.1);
        }
        let mut out = Vec::new();
        if let Some(colour) = look.fill {
            filled(&placed, page, edges);
            out.push(((colour, look.alpha[0]), (0, edges.len())));
        }
        if let Some((colour, pen)) = &look.line {
            let from = edges.len();
            placed.iter_mut().for_each(|line| line.closed = true);
            stroked(&placed, pen, THIN, page, edges);
            out.push(((*colour, look.alpha[1]), (from, edges.len())));
        }
        out
    }
}

impl Canvas {
    /// Returns the pixels that an area of the sheet touches, as ranges of columns and rows.
    fn range(&self, area: &Area) -> [std::ops::Range<usize>; 2] {
        let mut placed = Area::EMPTY;
        placed.add(self.matrix.point(area.x0, area.y0));
        placed.add(self.matrix.point(area.x1, area.y1));
        let held = |at: f64, most: usize| (at as i64).clamp(0, most as i64) as usize;
        let along = |from: f64, to: f64, most| held(from.floor(), most)..held(to.ceil(), most);
        [along(placed.x0, placed.x1, self.width), along(placed.y0, placed.y1, self.height)]
    }

    /// Fills the area within `edges`; returns approximately the number of steps that it took.
    fn fill(
        &mut self,
        edges: &[Edge],
        even_odd: bool,
        (colour, alpha): (Colour, f32),
        (clip, cuts): (&Area, &[(&[Edge], bool)]),
    ) -> usize {
        let mut area = Area::EMPTY;
        for [x0, y0, x1, y1] in edges {
            area.add((f64::from(*x0), f64::from(*y0)));
            area.add((f64::from(*x1), f64::from(*y1)));
        }
        if area.is_empty() || area.intersection(clip).is_empty() {
            return 10;
        }
        let [columns, rows] = self.range(&area.intersection(clip));
        let mut steps = 100;
        let mut top = rows.start;
        while top < rows.end {
            let end = (top + BAND).min(rows.end);
            self.band(edges, even_odd, &columns, top..end);
            for (edges, even_odd) in cuts {
                let before = std::mem::take(&mut self.cover);
                self.band(edges, *even_odd, &columns, top..end);
                self.cover.iter_mut().zip(before).for_each(|(part, before)| *part = part.min(1.0) * before.min(1.0));
                steps += 10 * edges.len() + 60 * self.crossings.len() + 8 * (end - top) * columns.len();
            }
            steps += 10 * edges.len() + 60 * self.crossings.len() + 8 * (end - top) * columns.len();
            for y in top..end {
                for x in columns.clone() {
                    let part = self.cover[(y - top) * columns.len() + x - columns.start].min(1.0) * alpha;
                    if part > 0.0 {
                        let at = 3 * (y * self.width + x);
                        for (pixel, ink) in self.pixels[at..at + 3].iter_mut().zip(colour.rgb) {
                            let (below, above) = (f32::from(*pixel), f32::from(ink));
                            *pixel = (below + (above - below) * part).round() as u8;
                        }
                    }
                }
            }
            top = end;
        }
        steps
    }

    /// Computes the coverage of each pixel of some rows by `edges`, into `cover`.
    fn band(&mut self, edges: &[Edge], even_odd: bool, columns: &std::ops::Range<usize>, rows: std::ops::Range<usize>) {
        let width = columns.len();
        self.cover.clear();
        self.cover.resize(width * rows.len(), 0.0);
        self.crossings.clear();
        let (left, top, most) = (columns.start as f32, (rows.start * LINES) as f32, (rows.len() * LINES) as f32);
        let [scale, _, _, _, e, f] = self.matrix.0.map(|n| n as f32);
        for [x0, y0, x1, y1] in edges {
            let (ax, bx) = (x0 * scale + e - left, x1 * scale + e - left);
            let (ay, by) = ((f - y0 * scale) * LINES as f32 - top, (f - y1 * scale) * LINES as f32 - top);
            let (low, high) = if ay < by { (ay, by) } else { (by, ay) };
            if high < 0.0 || low > most || high <= low {
                continue;
            }
            let slope = (bx - ax) / (by - ay);
            let first = (low - 0.5).ceil().clamp(0.0, most) as u32;
            let last = (high - 0.5).ceil().clamp(0.0, most) as u32;
            for line in first..last {
                let x = ax + (line as f32 + 0.5 - ay) * slope;
                self.crossings.push((line, x.clamp(0.0, width as f32), if ay < by { 1 } else { -1 }));
            }
        }
        self.crossings.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let (mut wound, mut line, mut from) = (0, u32::MAX, 0.0);
        for (at, x, way) in &self.crossings {
            if *at != line {
                (line, wound) = (*at, 0);
            }
            if wound != 0 {
                let row = *at as usize / LINES * width;
                span(&mut self.cover[row..row + width], from, *x);
            }
            wound = if even_odd { 1 - wound } else { wound + way };
            from = *x;
        }
    }

    /// Draws an image in the unit square of `matrix`.
    fn image(&mut self, image: &Pixels, matrix: Matrix, mark: &Mark) -> usize {
        let Some(back) = matrix.then(self.matrix).inverse() else { return 10 };
        let [columns, rows] = self.range(&mark.area);
        // Where image pixels are finer than page pixels, several are averaged.
        let [a, b, c, d, ..] = back.0;
        let fine = (a.hypot(c) * image.width as f64).max(b.hypot(d) * image.height as f64);
        let parts = (fine.ceil() as usize).clamp(1, 4);
        for y in rows.clone() {
            for x in columns.clone() {
                let (mut sum, mut count) = ([0u32; 3], 0);
                for i in 0..parts * parts {
                    let part = |i: usize| (i as f64 + 0.5) / parts as f64;
                    let (u, v) = back.point(x as f64 + part(i % parts), y as f64 + part(i / parts));
                    if let Some(rgb) = image.at(u, 1.0 - v) {
                        sum.iter_mut().zip(rgb).for_each(|(sum, part)| *sum += u32::from(part));
                        count += 1;
                    }
                }
                if 2 * count >= (parts * parts) as u32 && count > 0 {
                    let at = 3 * (y * self.width + x);
                    let pixel = self.pixels[at..at + 3].iter_mut().zip(sum);
                    pixel.for_each(|(pixel, sum)| *pixel = (sum / count) as u8);
                }
            }
        }
        40 * rows.len() * columns.len() * parts * parts
    }

    /// Returns the page rotated clockwise by `rotate` degrees.
    fn turned(self, rotate: usize) -> Canvas {
        if rotate == 0 {
            return self;
        }
        let (w, h) = (self.width, self.height);
        let (width, height) = if rotate == 180 { (w, h) } else { (h, w) };
        let mut pixels = Vec::with_capacity(self.pixels.len());
        for y in 0..height {
            for x in 0..width {
                let (x, y) = match rotate {
                    90 => (y, h - 1 - x),
                    180 => (w - 1 - x, h - 1 - y),
                    _ => (w - 1 - y, x),
                };
                let at = 3 * (y * w + x);
                pixels.extend_from_slice(&self.pixels[at..at + 3]);
            }
        }
        Canvas { width, height, pixels, ..self }
    }
}

/// Adds the coverage of a span of a scan line.
fn span(row: &mut [f32], from: f32, to: f32) {
    let share = 1.0 / LINES as f32;
    let (first, last) = (from as usize, to as usize);
    if first == last {
        if let Some(pixel) = row.get_mut(first) {
            *pixel += (to - from) * share;
        }
        return;
    }
    if let Some(pixel) = row.get_mut(first) {
        *pixel += (first as f32 + 1.0 - from) * share;
    }
    let end = last.min(row.len());
    row.get_mut(first + 1..end).unwrap_or_default().iter_mut().for_each(|pixel| *pixel += share);
    if let Some(pixel) = row.get_mut(last) {
        *pixel += (to - last as f32) * share;
    }
}
