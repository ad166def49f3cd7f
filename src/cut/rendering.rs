//! Renderings: a cut in other formats. Each is a pure function of the cut, so it contains nothing that the cut does not. What is
//! approved, hashed and sent is always the cut itself.

use super::Cut;
use super::read::NotACut;
use crate::marking::Register;
use crate::product::{Bounds, Form, Format, NoImage, print, read_format, write_format};

impl Cut {
    /// Writes the cut in `format`, UTF-8. For [`Format::Text`] this is [`Cut::bytes`].
    ///
    /// # Errors
    /// [`NoImage`] if the format cannot represent a part of the cut; nothing is left out.
    pub fn rendered(&self, format: Format, register: &Register) -> Result<Vec<u8>, NoImage> {
        let text = write_format(format, self.id.as_str(), self.date, &self.kind, &self.tearline, register)?;
        Ok(text.into_bytes())
    }

    /// Parses a rendering. Accepts only exactly what [`Cut::rendered`] writes, so an altered rendering is refused. HTML cannot be parsed
    /// at all.
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
