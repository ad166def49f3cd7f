//! Whether what a page says is visible: everything that its content paints, in painting order, and a verdict on every
//! letter and image.
//!
//! In come marks; out go a verdict, and a picture of the page for the officer, made from the same marks. Every word must
//! have ink of its own that stands out from its surroundings when the page is finished.
//!
//! It refuses words that are off the page, clipped, covered, overprinted, too small, or without contrast, and images that
//! are covered, clipped or too small. It does not read pictures: what an image or a drawing shows is for the officer.

mod budget;
mod cells;
mod coverage;
mod rasterize;
mod mark;
mod glyph;
mod glyph_mask;
mod pixels;
mod context;
mod ink_map;
mod scene;
mod render;
mod judge;

pub(super) use self::context::Context;
pub(super) use self::glyph::Measure;
pub(super) use self::mark::{Clip, Look, Placed};
pub(super) use self::scene::Scene;

#[cfg(test)]
mod tests;
