//! The display list of a page: areas, glyphs and images, with their styles and clips.

use crate::rebuild::pdf::colour::Colour;
use crate::rebuild::pdf::geometry::{Area, Matrix, Pen};

/// The clip of a page: the intersection of a rectangle and, if there is one, the clip shape with this index.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::rebuild::pdf) struct Clip {
    pub area: Area,
    pub(super) cut: Option<u32>,
}

impl Clip {
    /// Returns the clip of a rectangle.
    pub fn of(area: Area) -> Clip {
        Clip { area, cut: None }
    }

    /// Returns its intersection with a rectangle.
    pub fn intersection(&self, area: &Area) -> Clip {
        Clip { area: self.area.intersection(area), cut: self.cut }
    }
}

/// A clip shape, inside an outer one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    pub edges: (u32, u32),
    pub even_odd: bool,
    pub outer: Option<u32>,
    pub depth: u8,
}

/// One painted object.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    /// Its bounding box inside the clip.
    pub area: Area,
    /// The index of its clip.
    pub clip: u32,
    pub kind: Kind,
}

/// The type of a mark.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// An area of one colour.
    Area {
        edges: (u32, u32),
        even_odd: bool,
        colour: Colour,
        /// Opacity, from 0 to 1.
        alpha: f32,
        /// Whether it is an axis-aligned rectangle; then it fills all of `Mark::area`.
        upright: bool,
        /// Whether all of the area inside `edges` is painted. It is not for dashed lines, and for caps and joins that are
        /// approximated by larger areas.
        whole: bool,
        /// Whether it is rendered for officers; what only some viewers paint is not.
        shown: bool,
    },
    /// The image with this index, in the unit square of its own coordinates.
    Image {
        number: usize,
        edges: (u32, u32),
        matrix: Box<Matrix>,
    },
    Letter(Letter),
}

/// A glyph with ink.
#[derive(Clone, Copy, Debug)]
pub(super) struct Letter {
    /// The index of its style.
    pub look: u32,
    /// The index of its font in the document, and its code in that font.
    pub font: u32,
    pub code: u8,
    /// Whether it is a letter or a digit.
    pub alphanumeric: bool,
    /// The index of its word on the page.
    pub word: u32,
    /// Its origin.
    pub at: (f64, f64),
}

/// The style of glyphs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::rebuild::pdf) struct GlyphStyle {
    /// The transformation from thousandths of the font size to user space, in which strokes are drawn, and from there
    /// to the page.
    pub text: Matrix,
    pub page: Matrix,
    pub fill: Option<Colour>,
    pub line: Option<(Colour, Pen)>,
    /// Opacity of the fill and of the stroke.
    pub alpha: [f32; 2],
    /// Font size in points of the page.
    pub points: f64,
}

impl GlyphStyle {
    /// Returns the transformation from thousandths of the font size to points of the page, without the origin.
    pub fn matrix(&self) -> Matrix {
        let [a, b, c, d, ..] = self.text.then(self.page).0;
        Matrix([a, b, c, d, 0.0, 0.0])
    }
}

/// A glyph to be placed on the page.
pub(in crate::rebuild::pdf) struct Placed {
    pub font: usize,
    pub code: u8,
    pub at: (f64, f64),
    pub bounds: [f64; 4],
    pub alphanumeric: bool,
}
