//! The glyphs of the standard fonts: widths from the published metrics, outlines from metric-compatible fonts.
//! `scripts/standard-fonts` writes the data and documents its format.

use crate::rebuild::pdf::geometry::Step;

const DATA: &[u8] = include_bytes!("glyphs.bin");

/// One of the twelve standard text fonts.
#[derive(Clone, Copy, Debug)]
pub(in crate::rebuild::pdf) struct StandardFont {
    table: &'static [u8],
    /// The horizontal shift for each unit of height in an oblique font.
    slant: f64,
}

/// The tangent of twelve degrees, the slant of the oblique fonts.
const SLANT: f64 = 0.2126;

impl StandardFont {
    /// Returns the font with this PostScript name.
    pub fn of(name: &str) -> Option<StandardFont> {
        let (number, slant) = match name {
            "Courier" => (0, 0.0),
            "Courier-Oblique" => (0, SLANT),
            "Courier-Bold" => (1, 0.0),
            "Courier-BoldOblique" => (1, SLANT),
            "Helvetica" => (2, 0.0),
            "Helvetica-Oblique" => (2, SLANT),
            "Helvetica-Bold" => (3, 0.0),
            "Helvetica-BoldOblique" => (3, SLANT),
            "Times-Roman" => (4, 0.0),
            "Times-Bold" => (5, 0.0),
            "Times-Italic" => (6, 0.0),
            "Times-BoldItalic" => (7, 0.0),
            _ => return None,
        };
        let place = u32_at(DATA, 4 * number)?;
        Some(StandardFont { table: DATA.get(place..)?, slant })
    }

    /// Returns the advance width of a character and its outline, in thousandths of the font size.
    pub fn letter(&self, letter: char) -> Option<(f64, Vec<Step>)> {
        let code = u16::try_from(u32::from(letter)).ok()?;
        let (mut low, mut high) = (0, usize::from(u16_at(self.table, 0)?));
        while low < high {
            let middle = (low + high) / 2;
            if u16_at(self.table, 2 + 8 * middle)? < code { low = middle + 1 } else { high = middle }
        }
        let entry = self.table.get(2 + 8 * low..10 + 8 * low).filter(|entry| u16_at(entry, 0) == Some(code))?;
        let mut bytes = self.table.get(u32_at(entry, 4)?..)?.iter();
        Some((f64::from(u16_at(entry, 2)?), self.outline(&mut bytes)?))
    }

    fn outline(&self, bytes: &mut std::slice::Iter<'_, u8>) -> Option<Vec<Step>> {
        let mut steps = Vec::new();
        let mut at = (0i64, 0i64);
        for _ in 0..number(bytes)? {
            let mut points = Vec::new();
            for _ in 0..number(bytes)? {
                let across = number(bytes)?;
                at = (at.0 + signed(across >> 1), at.1 + signed(number(bytes)?));
                let (x, y) = (at.0 as f64, at.1 as f64);
                points.push(([x + self.slant * y, y], across & 1 == 1));
            }
            contour(&points, &mut steps);
        }
        Some(steps)
    }
}

/// Appends the segments of a contour of quadratic curves that begins with an on-curve point.
fn contour(points: &[([f64; 2], bool)], steps: &mut Vec<Step>) {
    let Some(&(first, _)) = points.first() else { return };
    steps.push(Step::To(first));
    let (mut from, mut bend) = (first, None);
    for &(point, on) in points.iter().skip(1).chain([&(first, true)]) {
        match (bend, on) {
            (Some(by), true) => {
                steps.push(curve(from, by, point));
                (from, bend) = (point, None);
            }
            // Between two off-curve points there is an implied on-curve point.
            (Some(by), false) => {
                let middle = [(by[0] + point[0]) / 2.0, (by[1] + point[1]) / 2.0];
                steps.push(curve(from, by, middle));
                (from, bend) = (middle, Some(point));
            }
            (None, true) => {
                steps.push(Step::Line(point));
                from = point;
            }
            (None, false) => bend = Some(point),
        }
    }
    steps.push(Step::Close);
}

/// The same curve as a cubic one.
fn curve(from: [f64; 2], by: [f64; 2], to: [f64; 2]) -> Step {
    let third = |end: f64, by: f64| end + (by - end) * 2.0 / 3.0;
    let [a, b] = [third(from[0], by[0]), third(from[1], by[1])];
    let [c, d] = [third(to[0], by[0]), third(to[1], by[1])];
    Step::Curve([a, b, c, d, to[0], to[1]])
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2).map(|b| u16::from(b[0]) << 8 | u16::from(b[1]))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<usize> {
    Some(usize::from(u16_at(bytes, at)?) << 16 | usize::from(u16_at(bytes, at + 2)?))
}

fn number(bytes: &mut std::slice::Iter<'_, u8>) -> Option<i64> {
    let (mut n, mut shift) = (0, 0);
    loop {
        let byte = bytes.next()?;
        n |= i64::from(byte & 0x7F) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            return Some(n);
        }
        if shift > 28 {
            return None;
        }
    }
}

fn signed(n: i64) -> i64 {
    if n & 1 == 1 { -(n >> 1) } else { n >> 1 }
}
