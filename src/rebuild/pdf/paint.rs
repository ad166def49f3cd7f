//! Where marks fall on a page, coarsely: enough to tell words that are seen from words that are only there.

use super::super::Fault;

/// A transformation of the plane: `x' = a x + c y + e`, `y' = b x + d y + f`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Matrix(pub [f64; 6]);

impl Matrix {
    pub const UNIT: Matrix = Matrix([1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);

    /// This transformation, and then `after`.
    pub fn then(self, after: Matrix) -> Matrix {
        let ([a, b, c, d, e, f], [p, q, r, s, t, u]) = (self.0, after.0);
        Matrix([a * p + b * r, a * q + b * s, c * p + d * r, c * q + d * s, e * p + f * r + t, e * q + f * s + u])
    }

    pub fn point(self, x: f64, y: f64) -> (f64, f64) {
        let [a, b, c, d, e, f] = self.0;
        (a * x + c * y + e, b * x + d * y + f)
    }

    /// The rectangle around the image of a rectangle.
    pub fn area(self, [x0, y0, x1, y1]: [f64; 4]) -> Area {
        let mut area = Area::EMPTY;
        for (x, y) in [(x0, y0), (x1, y0), (x0, y1), (x1, y1)] {
            area.add(self.point(x, y));
        }
        area
    }
}

/// An upright rectangle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Area {
    pub x0: f64,
    pub y0: f64,
    pub x1: f64,
    pub y1: f64,
}

impl Area {
    /// Nothing.
    pub const EMPTY: Area = Area { x0: f64::INFINITY, y0: f64::INFINITY, x1: f64::NEG_INFINITY, y1: f64::NEG_INFINITY };

    pub fn add(&mut self, (x, y): (f64, f64)) {
        (self.x0, self.y0, self.x1, self.y1) = (self.x0.min(x), self.y0.min(y), self.x1.max(x), self.y1.max(y));
    }

    pub fn meets(&self, other: &Area) -> bool {
        self.x0 < other.x1 && other.x0 < self.x1 && self.y0 < other.y1 && other.y0 < self.y1
    }

    /// Whether `other` lies inside, give or take a point.
    pub fn holds(&self, other: &Area) -> bool {
        other.x0 >= self.x0 - 1.0 && other.x1 <= self.x1 + 1.0 && other.y0 >= self.y0 - 1.0 && other.y1 <= self.y1 + 1.0
    }

    pub fn common(&self, other: &Area) -> Area {
        Area {
            x0: self.x0.max(other.x0),
            y0: self.y0.max(other.y0),
            x1: self.x1.min(other.x1),
            y1: self.y1.min(other.y1),
        }
    }

    /// The shorter of its sides.
    fn breadth(&self) -> f64 {
        (self.x1 - self.x0).min(self.y1 - self.y0)
    }

    pub fn shrunk(&self, by: f64) -> Area {
        Area { x0: self.x0 + by, y0: self.y0 + by, x1: self.x1 - by, y1: self.y1 - by }
    }
}

/// One part of a path.
pub(super) struct Part {
    pub area: Area,
    /// Whether it is made of straight lines.
    pub straight: bool,
    /// Its first points.
    points: Vec<(f64, f64)>,
}

impl Default for Part {
    fn default() -> Part {
        Part { area: Area::EMPTY, straight: true, points: Vec::new() }
    }
}

impl Part {
    pub fn add(&mut self, point: (f64, f64)) {
        self.area.add(point);
        if self.points.len() <= 5 {
            self.points.push(point);
        }
    }

    /// Whether it is an upright rectangle and nothing else.
    pub fn is_rectangle(&self) -> bool {
        let small = |n: f64| n.abs() < 1e-6;
        let same = |a: (f64, f64), b: (f64, f64)| small(a.0 - b.0) && small(a.1 - b.1);
        let &[a, b, c, d, ref back @ ..] = self.points.as_slice() else { return false };
        let level = |a: (f64, f64), b: (f64, f64)| small(a.1 - b.1);
        let steep = |a: (f64, f64), b: (f64, f64)| small(a.0 - b.0);
        let round = level(a, b) && steep(b, c) && level(c, d) && steep(d, a)
            || steep(a, b) && level(b, c) && steep(c, d) && level(d, a);
        self.straight && round && (back.is_empty() || back.len() == 1 && same(back[0], a))
    }
}

/// What stands on a page so far.
pub(super) struct Page {
    /// The sheet.
    pub sheet: Area,
    /// Filled areas and images in the order of painting; an image has no brightness of its own.
    painted: Vec<(Area, Option<f64>)>,
    /// Runs of words, and how many thin areas lie upon each.
    words: Vec<(Area, usize)>,
}

/// Thin areas that may lie upon a run of words: words that are struck out are still read.
const STRIKES_MAX: usize = 2;

/// Filled areas and runs of words on one page at most; each new one is held against all before it.
const MARKS_MAX: usize = 20_000;

fn hidden(message: &str) -> Fault {
    Fault::new("pdf.hidden", message)
}

impl Page {
    pub fn new(sheet: Area) -> Page {
        Page { sheet, painted: Vec::new(), words: Vec::new() }
    }

    /// Words are drawn: they must be on the sheet, inside what is not cut away, and stand out from what is beneath.
    pub fn words(&mut self, area: Area, clip: &Area, brightness: f64) -> Result<(), Fault> {
        if !self.sheet.common(clip).holds(&area) {
            return Err(hidden("words off the page, or cut away from it"));
        }
        match self.painted.iter().rev().find(|(beneath, _)| beneath.meets(&area)) {
            Some((_, None)) => return Err(hidden("words upon an image, which may hide them")),
            Some((_, Some(beneath))) if (beneath - brightness).abs() < 0.25 => {
                return Err(hidden("words in the colour of what is beneath them"));
            }
            None if brightness > 0.75 => return Err(hidden("words in the colour of the page")),
            _ => {}
        }
        self.words.push((area, 0));
        self.bounded()
    }

    /// A letter is drawn that fills the area: no words that were drawn before may be beneath it.
    pub fn letter(&self, area: &Area) -> Result<(), Fault> {
        if self.words.iter().any(|(words, _)| words.meets(area)) {
            return Err(hidden("words covered by a letter drawn over them"));
        }
        Ok(())
    }

    /// An area is filled, or an image drawn where `brightness` is `None`: nothing may be beneath it.
    pub fn paint(&mut self, area: Area, brightness: Option<f64>) -> Result<(), Fault> {
        for (words, strikes) in self.words.iter_mut().filter(|(words, _)| words.meets(&area)) {
            *strikes += 1;
            if brightness.is_none() || area.breadth() > 0.4 * words.breadth() || *strikes > STRIKES_MAX {
                return Err(hidden("words covered by what is painted over them"));
            }
        }
        let inner = area.shrunk(0.5);
        if self.painted.iter().any(|(beneath, image)| image.is_none() && beneath.meets(&inner)) {
            return Err(hidden("an image covered by what is painted over it"));
        }
        self.painted.push((area, brightness));
        self.bounded()
    }

    fn bounded(&self) -> Result<(), Fault> {
        if self.painted.len() + self.words.len() > MARKS_MAX {
            return Err(Fault::new("pdf.size", "a page with more marks on it than are read"));
        }
        Ok(())
    }
}
