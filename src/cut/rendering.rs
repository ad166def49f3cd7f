//! Renderings: a cut in other formats. Each is a pure function of the cut, so it can hold nothing that the cut does not; what
//! is approved, digested and sent is always the cut itself.

use super::Cut;
use super::read::NotACut;
use crate::marking::Register;
use crate::product::{Bounds, Form, Format, NoImage, print, read_format, write_format};

impl Cut {
    /// The cut in `format`. For [`Format::Text`] that is [`Cut::bytes`].
    ///
    /// # Errors
    /// [`NoImage`] if the format has no place for something in it: nothing is left out to make it fit.
    pub fn rendered(&self, format: Format, register: &Register) -> Result<Vec<u8>, NoImage> {
        let text = write_format(format, self.id.as_str(), self.date, &self.kind, &self.tearline, register)?;
        Ok(text.into_bytes())
    }

    /// Reads a rendering back. Accepts only exactly what [`Cut::rendered`] writes, so that a rendering that was
    /// touched is not one; a page for people is not read back at all.
    ///
    /// # Errors
    /// [`NotACut`], as for [`Cut::read`].
    pub fn read_rendering(bytes: &[u8], format: Format, bounds: &Bounds, register: &Register) -> Result<Cut, NotACut> {
        let (_, parts) = read_format(bytes, Some(format), bounds, register, Form::Cut).map_err(NotACut::Faults)?;
        // INVARIANT: `Form::Cut` accepts exactly one tearline.
        let tearline = parts.tearlines.first().expect("a cut has one tearline");
        let text = print(parts.id.as_str(), parts.date, &parts.kind, tearline);
        let cut = Cut::read(text.as_bytes(), bounds, register)?;
        match cut.rendered(format, register) {
            Ok(again) if again == bytes => Ok(cut),
            _ => Err(NotACut::OtherForm),
        }
    }
}
