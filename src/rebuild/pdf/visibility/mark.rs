//! The display list of a page: areas, letters and images, their styles and their clips.

use crate::rebuild::pdf::colour::Colour;
use crate::rebuild::pdf::geometry::{Area, Matrix, Pen};

/// What of a page is not cut away: what is inside a rectangle and inside the shape with this number, if there is one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::rebuild::pdf) struct Clip {
    pub area: Area,
    pub(super) cut: Option<u32>,
}

impl Clip {
    pub fn of(area: Area) -> Clip {
        Clip { area, cut: None }
    }

    /// What of it is also inside a rectangle.
    pub fn common(&self, area: &Area) -> Clip {
        Clip { area: self.area.common(area), cut: self.cut }
    }
}

/// A shape that a page is cut by, inside another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    pub edges: (u32, u32),
    pub even_odd: bool,
    pub outer: Option<u32>,
    pub depth: u8,
}

/// What is painted at once.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    /// The rectangle around it, as far as it is not cut away.
    pub area: Area,
    /// The number of the rectangle that it is cut by.
    pub clip: u32,
    pub kind: Kind,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// An area of one colour.
    Area {
        edges: (u32, u32),
        even_odd: bool,
        colour: Colour,
        /// How thickly it is laid on what is beneath.
        alpha: f32,
        /// Whether it is an upright rectangle: then it is all of `Mark::area`.
        upright: bool,
        /// Whether all of it is painted: a line with gaps is not.
        whole: bool,
        /// Whether it is shown in pictures: what only some readers paint is not.
        shown: bool,
    },
    /// The image with this number, in the unit square of a plane of its own.
    Image {
        number: usize,
        edges: (u32, u32),
        matrix: Box<Matrix>,
    },
    Letter(Letter),
}

/// A letter with ink.
#[derive(Clone, Copy, Debug)]
pub(super) struct Letter {
    /// The number of its look.
    pub look: u32,
    /// The number of its font in the document, and its code there.
    pub font: u32,
    pub code: u8,
    /// Whether it is a letter or a digit.
    pub spoken: bool,
    /// The number of its word on the page.
    pub word: u32,
    /// Where it stands.
    pub at: (f64, f64),
}

/// How letters look.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::rebuild::pdf) struct Look {
    /// From thousandths of the font's size to the plane in which lines are drawn, and from there to the sheet.
    pub text: Matrix,
    pub page: Matrix,
    pub fill: Option<Colour>,
    pub line: Option<(Colour, Pen)>,
    /// How thickly the one and the other are laid on what is beneath.
    pub alpha: [f32; 2],
    /// How high they are, in points.
    pub points: f64,
}

impl Look {
    /// From thousandths of the font's size to points, without the place.
    pub fn matrix(&self) -> Matrix {
        let [a, b, c, d, ..] = self.text.then(self.page).0;
        Matrix([a, b, c, d, 0.0, 0.0])
    }
}

/// A letter to be placed.
pub(in crate::rebuild::pdf) struct Placed {
    pub font: usize,
    pub code: u8,
    pub at: (f64, f64),
    pub bounds: [f64; 4],
    pub spoken: bool,
}
