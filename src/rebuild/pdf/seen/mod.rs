//! What is seen on a page: everything that its content paints, in order, in the plane of the sheet, and the judgement of
//! it. Every word must stand on ink of its own that stands out from what is around it when the page is done.
//!
//! It refuses words off the sheet or cut away, words in the colour of what is beneath, words covered by what is painted
//! later, words printed over each other, letters and images too small to be seen, and images that are covered or cut. It
//! does not read pictures: what an image or a drawing shows is for the officer, for whom the same page is drawn.

mod colour;
mod draw;
mod geometry;
mod judge;
mod pixels;
mod plane;
mod scene;
mod sight;
mod stamp;
mod standard;
mod window;

pub(super) use colour::Colour;
pub(super) use geometry::{Area, Matrix, Pen, Step};
pub(super) use scene::{Clip, Look, Placed, Scene, rectangle};
pub(super) use sight::{Measure, Sight};
pub(super) use standard::Standard;

#[cfg(test)]
mod tests;
