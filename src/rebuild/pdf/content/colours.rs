//! Colours of page content (ISO 32000-1, 8.6) and constant alpha (11.6.4.4). The alpha of a single object is written as
//! such; a transparency group over a blank page is written in the paler opaque colours that result.

use super::{Interpreter, operands};
use crate::rebuild::Fault;
use crate::rebuild::pdf::colour::Colour;
use crate::rebuild::pdf::file::object::Object;

/// Full opacity, in ten-thousandths as it is written.
pub(in crate::rebuild::pdf) const OPAQUE: u16 = 10_000;

/// A colour as set by the content.
#[derive(Clone, Copy, Debug)]
pub(in crate::rebuild::pdf) struct Ink {
    parts: [f64; 4],
    count: usize,
    /// Opacity, from 0 to 1.
    alpha: f64,
}

impl Ink {
    pub const BLACK: Ink = Ink { parts: [0.0; 4], count: 1, alpha: 1.0 };

    /// Number of components that a colour operator without a colour space takes.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Returns the components of the colour blended with white at opacity `alpha`, as they will be written. Viewers
    /// convert CMYK by rules of their own, so it is written as the RGB colour by which it is checked.
    fn on_white(&self, alpha: f64) -> Vec<f64> {
        let part = |part: &f64| if self.count == 4 { part * alpha } else { 1.0 - (1.0 - part) * alpha };
        let mut parts: Vec<f64> = self.parts.iter().take(self.count).map(part).collect();
        if let &[c, m, y, k] = parts.as_slice() {
            parts = [c, m, y].map(|ink| (1.0 - ink) * (1.0 - k)).to_vec();
        }
        parts.into_iter().map(|part| (part * 10_000.0).round() / 10_000.0).collect()
    }
}

impl Interpreter<'_> {
    /// Sets a colour space, and its initial colour, the darkest one.
    pub(in crate::rebuild::pdf) fn space(&mut self, name: &str, fill: bool) -> Result<(), Fault> {
        let unsupported = &mut self.state.unsupported[usize::from(!fill)];
        let parts = match self.resources.colour(name) {
            Ok(parts) => parts,
            Err(what) => {
                *unsupported = Some(what);
                return Ok(());
            }
        };
        let mut darkest = vec![0.0; parts];
        if parts == 4 {
            darkest[3] = 1.0;
        }
        self.coloured(parts, fill, &darkest)
    }

    /// Sets a colour of `parts` components, and writes it with an operator that needs no colour space.
    pub(in crate::rebuild::pdf) fn coloured(&mut self, parts: usize, fill: bool, n: &[f64]) -> Result<(), Fault> {
        if n.len() != parts || Colour::of(n).is_none() {
            return Err(operands());
        }
        let ink = &mut self.state.inks[usize::from(!fill)];
        self.state.unsupported[usize::from(!fill)] = None;
        ink.count = parts;
        ink.parts.iter_mut().zip(n).for_each(|(part, n)| *part = *n);
        self.apply_colour(fill)
    }

    /// Applies the current colour at its opacity.
    fn apply_colour(&mut self, fill: bool) -> Result<(), Fault> {
        let ink = self.state.inks[usize::from(!fill)];
        let parts = ink.on_white(if self.state.group_alpha < 1.0 { ink.alpha * self.state.group_alpha } else { 1.0 });
        let colour = Colour::of(&parts).ok_or_else(operands)?;
        let operator = match (parts.len(), fill) {
            (1, true) => "g",
            (1, false) => "G",
            (_, true) => "rg",
            (_, false) => "RG",
        };
        if fill {
            self.state.fill = colour;
        } else {
            self.state.stroke = colour;
        }
        self.emit(operator, &parts.into_iter().map(Object::Number).collect::<Vec<_>>());
        Ok(())
    }

    /// Sets the opacity of fills and of strokes, where given.
    pub(in crate::rebuild::pdf) fn set_alphas(&mut self, alphas: [Option<f64>; 2]) -> Result<(), Fault> {
        let before = self.state.inks.map(|ink| ink.alpha);
        for (ink, alpha) in self.state.inks.iter_mut().zip(alphas) {
            // Rounded as it is written, so that the checks see the same value.
            ink.alpha = alpha.map_or(ink.alpha, |alpha| (alpha * f64::from(OPAQUE)).round() / f64::from(OPAQUE));
        }
        if self.state.inks.map(|ink| ink.alpha) == before {
            return Ok(());
        }
        if self.state.group_alpha < 1.0 {
            for fill in [true, false] {
                self.apply_colour(fill)?;
            }
            if self.state.inks.iter().any(|ink| ink.alpha < 1.0) {
                self.state.marks_before = Some(self.page.marks());
            }
        } else {
            self.emit_alphas();
        }
        Ok(())
    }

    /// Returns the current opacity of fills and of strokes.
    pub(in crate::rebuild::pdf) fn alphas(&self) -> [f32; 2] {
        self.state.inks.map(|ink| if self.state.group_alpha < 1.0 { 1.0 } else { ink.alpha as f32 })
    }

    fn emit_alphas(&mut self) {
        let state = self.state.inks.map(|ink| (ink.alpha * f64::from(OPAQUE)).round() as u16);
        self.out.states.insert(state);
        self.emit("gs", &[Object::Name(format!("A{}x{}", state[0], state[1]))]);
    }

    /// Handles a transparency group of uniform opacity: its objects are made paler, and may overlap each other but no
    /// earlier mark.
    pub(in crate::rebuild::pdf) fn enter_group(&mut self) -> Result<(), Fault> {
        let alpha = self.state.inks[0].alpha;
        if self.state.inks.iter().all(|ink| ink.alpha >= 1.0) {
            return Ok(());
        }
        let written = self.state.group_alpha >= 1.0;
        self.state.group_alpha *= alpha;
        self.state.marks_before = (self.state.group_alpha < 1.0).then(|| self.page.marks());
        self.state.inks.iter_mut().for_each(|ink| ink.alpha = 1.0);
        if written {
            self.emit_alphas();
        }
        for fill in [true, false] {
            self.apply_colour(fill)?;
        }
        Ok(())
    }

    /// Whether the current opacity is less than full.
    pub(in crate::rebuild::pdf) fn is_transparent(&self) -> bool {
        self.state.inks[0].alpha * self.state.group_alpha < 1.0
    }
}
