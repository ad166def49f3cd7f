//! What raster images of every format have in common: limits on their size, and blending of transparent pixels.

use super::{Fault, Limits, SAMPLES_FREE, SAMPLES_PER_BYTE};

/// Checks the width and height of an image, in pixels, against `limits`.
///
/// # Errors
/// `image.size` if a side is zero or too long, or if there are too many pixels.
pub(super) fn check_dimensions(width: u64, height: u64, limits: &Limits) -> Result<(), Fault> {
    let side = u64::from(limits.side_max);
    if width == 0 || height == 0 || width > side || height > side || width * height > limits.pixels_max {
        let message =
            format!("an image without pixels, or with more than {side} pixels a side or {} in all", limits.pixels_max);
        return Err(Fault::new("image.size", message));
    }
    Ok(())
}

/// Checks the number of samples of all images of a file of `bytes` bytes against what its length allows.
///
/// # Errors
/// `image.size` if there are more; the message names both numbers.
pub(super) fn check_samples(samples: u64, bytes: usize, limits: &Limits) -> Result<(), Fault> {
    let most = samples_max(bytes, limits);
    if samples > most {
        let message = format!(
            "images of {samples} samples in a file of {bytes} bytes, which allows {most}: save at a lower resolution"
        );
        return Err(Fault::new("image.size", message));
    }
    Ok(())
}

/// Returns how many samples all images of a file of `bytes` bytes may have together.
pub(super) fn samples_max(bytes: usize, limits: &Limits) -> u64 {
    let by_length = SAMPLES_FREE.saturating_add((bytes as u64).saturating_mul(SAMPLES_PER_BYTE));
    by_length.min(limits.unpacked_bytes_max as u64)
}

/// Blends one colour component of opacity `alpha` (255 is opaque) with white.
pub(super) fn blend_on_white(part: u8, alpha: u8) -> u8 {
    let (part, alpha) = (u32::from(part), u32::from(alpha));
    ((part * alpha + 255 * (255 - alpha) + 127) / 255) as u8
}
