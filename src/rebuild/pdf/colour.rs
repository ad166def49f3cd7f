//! Colours as they are seen: RGB and relative luminance (WCAG 2, 1.4.3).

/// A colour, and how light it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::rebuild::pdf) struct Colour {
    /// Red, green and blue.
    pub rgb: [u8; 3],
    light: f32,
}

impl Colour {
    pub const BLACK: Colour = Colour { rgb: [0; 3], light: 0.0 };
    pub const WHITE: Colour = Colour { rgb: [255; 3], light: 1.0 };

    /// The colour of one, three or four parts, each from 0 to 1; `None` for any other.
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
        // Relative luminance, as the guidelines for readable text have it (WCAG 2, 1.4.3).
        let [r, g, b] = parts.map(|p| if p <= 0.040_45 { p / 12.92 } else { ((p + 0.055) / 1.055).powf(2.4) });
        Colour { rgb: parts.map(|p| (p * 255.0).round() as u8), light: (0.2126 * r + 0.7152 * g + 0.0722 * b) as f32 }
    }

    /// Whether it is lighter than another.
    pub fn is_lighter(self, other: Colour) -> bool {
        self.light > other.light
    }

    /// How much lighter the lighter of two is than the other: from 1 to 21.
    pub fn contrast(self, other: Colour) -> f32 {
        self.contrast_of(1.0, other)
    }

    /// How much ink of this colour stands out from what is around it, where only a part of what it is drawn on is ink: the
    /// eye sees the light of both together.
    pub fn contrast_of(self, part: f32, ground: Colour) -> f32 {
        let light = ground.light + (self.light - ground.light) * part;
        let (a, b) = (light + 0.05, ground.light + 0.05);
        if a > b { a / b } else { b / a }
    }

    /// What is seen where another colour is laid on this one so thickly, from 0 to 1 (ISO 32000-1, 11.3.3).
    pub fn beneath(self, other: Colour, alpha: f32) -> Colour {
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
