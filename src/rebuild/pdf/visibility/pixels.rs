//! Decoded pixels of an image, and the range of colours in each block of it.

use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use crate::rebuild::Fault;
use crate::rebuild::pdf::colour::Colour;
use crate::rebuild::pdf::image::Image;

/// A decoded image.
pub(super) struct Pixels {
    pub width: usize,
    pub height: usize,
    channels: usize,
    bytes: Vec<u8>,
}

impl Pixels {
    /// Decodes an image of the document.
    ///
    /// # Errors
    /// `pdf.image` if it cannot be decoded.
    pub fn of(image: &Image) -> Result<Pixels, Fault> {
        let (space, channels) = if image.grey { (ColorSpace::Luma, 1) } else { (ColorSpace::RGB, 3) };
        let options = DecoderOptions::default().set_strict_mode(true).jpeg_set_out_colorspace(space);
        let broken = || Fault::new("pdf.image", "an image whose pixels cannot be decoded");
        let bytes = JpegDecoder::new_with_options(ZCursor::new(&image.jpeg), options).decode().map_err(|_| broken())?;
        let (width, height) = (image.width, image.height);
        if bytes.len() == width * height * channels {
            Ok(Pixels { width, height, channels, bytes })
        } else {
            Err(broken())
        }
    }

    /// Returns the colour at a position in the unit square, measured from the upper left corner.
    pub fn at(&self, u: f64, v: f64) -> Option<[u8; 3]> {
        if !(0.0..1.0).contains(&u) || !(0.0..1.0).contains(&v) {
            return None;
        }
        self.pixel((u * self.width as f64) as usize, (v * self.height as f64) as usize)
    }

    fn pixel(&self, x: usize, y: usize) -> Option<[u8; 3]> {
        let at = (y * self.width + x) * self.channels;
        match *self.bytes.get(at..at + self.channels)? {
            [grey] => Some([grey; 3]),
            [r, g, b] => Some([r, g, b]),
            _ => None,
        }
    }
}

/// Blocks along one side of an image.
const BLOCKS: usize = 192;

/// The darkest and the lightest colour of each block of an image.
pub(super) struct Blocks {
    across: usize,
    up: usize,
    ends: Vec<(Colour, Colour)>,
}

impl Blocks {
    /// Divides an image into at most [`BLOCKS`] by [`BLOCKS`] blocks.
    pub fn of(pixels: &Pixels) -> Blocks {
        let (across, up) = (pixels.width.min(BLOCKS), pixels.height.min(BLOCKS));
        let mut ends: Vec<([u8; 3], [u8; 3])> = vec![([255; 3], [0; 3]); across * up];
        let weight = |[r, g, b]: [u8; 3]| 2 * u32::from(r) + 7 * u32::from(g) + u32::from(b);
        for y in 0..pixels.height {
            for x in 0..pixels.width {
                let block = y * up / pixels.height * across + x * across / pixels.width;
                if let (Some(rgb), Some((dark, light))) = (pixels.pixel(x, y), ends.get_mut(block)) {
                    if weight(rgb) <= weight(*dark) {
                        *dark = rgb;
                    }
                    if weight(rgb) >= weight(*light) {
                        *light = rgb;
                    }
                }
            }
        }
        let colour = |rgb: [u8; 3]| Colour::of(&rgb.map(|part| f64::from(part) / 255.0)).unwrap_or(Colour::BLACK);
        Blocks { across, up, ends: ends.into_iter().map(|(dark, light)| (colour(dark), colour(light))).collect() }
    }

    /// Returns the darkest and the lightest colour around a position in the unit square, measured from the upper left
    /// corner.
    pub fn at(&self, u: f64, v: f64) -> Option<(Colour, Colour)> {
        if !(0.0..1.0).contains(&u) || !(0.0..1.0).contains(&v) {
            return None;
        }
        let (x, y) = ((u * self.across as f64) as usize, (v * self.up as f64) as usize);
        self.ends.get(y * self.across + x).copied()
    }
}
