//! Colours as displayed: RGB and relative luminance (WCAG 2, 1.4.3).

/// A colour with its luminance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::rebuild::pdf) struct Colour {
    /// Red, green and blue, 0 to 255 each.
    pub rgb: [u8; 3],
    luminance: f32,
}

impl Colour {
    pub const BLACK: Colour = Colour { rgb: [0; 3], luminance: 0.0 };
    pub const WHITE: Colour = Colour { rgb: [255; 3], luminance: 1.0 };

    /// Returns the colour of one (grey), three (RGB) or four (CMYK) components, each from 0 to 1; `None` for any other
    /// number.
    pub fn of(parts: &[f64]) -> Option<Colour> {
        if parts.iter().any(|part| !(0.0..=1.0).contains(part)) {
            return None;
        }
        Some(match *parts {
            [grey] => Colour::rgb([grey; 3]),
            [r, g, b] => Colour::rgb([r, g, b]),
            [c, m, y, k] => Colour::rgb([c, m, y].map(|ink| (1.0 - ink) * (1.0 - k))),
            _ => return None,
        })
    }

    fn rgb(parts: [f64; 3]) -> Colour {
        // Relative luminance (WCAG 2, 1.4.3).
        let [r, g, b] = parts.map(|p| if p <= 0.040_45 { p / 12.92 } else { ((p + 0.055) / 1.055).powf(2.4) });
        Colour {
            rgb: parts.map(|p| (p * 255.0).round() as u8),
            luminance: (0.2126 * r + 0.7152 * g + 0.0722 * b) as f32,
        }
    }

    /// Whether this colour is lighter than `other`.
    pub fn is_lighter(self, other: Colour) -> bool {
        self.luminance > other.luminance
    }

    /// Returns the contrast ratio of two colours, from 1 to 21 (WCAG 2, 1.4.3).
    pub fn contrast(self, other: Colour) -> f32 {
        self.contrast_of(1.0, other)
    }

    /// Returns the contrast of ink of this colour with `ground`, where ink covers only the fraction `part` of an area:
    /// the eye sees the average of both.
    pub fn contrast_of(self, part: f32, ground: Colour) -> f32 {
        let light = ground.luminance + (self.luminance - ground.luminance) * part;
        let (a, b) = (light + 0.05, ground.luminance + 0.05);
        if a > b { a / b } else { b / a }
    }

    /// Returns the result of painting `other` over this colour with opacity `alpha`, from 0 to 1 (ISO 32000-1, 11.3.3).
    pub fn blended_with(self, other: Colour, alpha: f32) -> Colour {
        if alpha >= 1.0 {
            return other;
        }
        let mut parts = [0.0; 3];
        for ((part, own), other) in parts.iter_mut().zip(self.rgb).zip(other.rgb) {
            *part = (f64::from(own) + (f64::from(other) - f64::from(own)) * f64::from(alpha)) / 255.0;
        }
        Colour::rgb(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_pale_from_dark() {
        let of = |parts: &[f64]| Colour::of(parts).unwrap();
        assert!(Colour::BLACK.contrast(Colour::WHITE) > 20.9);
        assert!(of(&[0.75]).contrast(Colour::WHITE) > 1.8 && of(&[0.77]).contrast(Colour::WHITE) < 1.8);
        assert!(of(&[1.0, 1.0, 0.0]).contrast(Colour::WHITE) < 1.1);
        assert_eq!(of(&[0.0, 0.0, 0.0, 1.0]), Colour::BLACK);
        assert_eq!((Colour::of(&[1.2]), Colour::of(&[0.1, 0.2])), (None, None));
    }
}
