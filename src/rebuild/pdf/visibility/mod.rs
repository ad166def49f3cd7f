//! Decides whether the content of a page is visible: records everything that it paints, in painting order, and judges
//! every glyph and image.
//!
//! The input is marks. The output is a verdict, and an image of the page for the officer, rendered from the same marks.
//! Every word must have ink of its own that stands out from its surroundings on the finished page.
//!
//! It refuses text that is off the page, clipped, covered, overprinted, too small, or without contrast, and images that
//! are covered, clipped or too small. It does not recognise the content of images: what an image or a drawing shows is
//! for the officer to check.

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
pub(super) use self::mark::{Clip, GlyphStyle, Placed};
pub(super) use self::scene::Scene;

#[cfg(test)]
mod tests;
