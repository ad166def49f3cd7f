//! The named resources of a page (ISO 32000-1, 7.8.3), resolved when content refers to them.

use std::collections::{BTreeMap, BTreeSet};

use super::Builder;
use crate::rebuild::pdf::content::{Face, GraphicsState, Resources, XObject};
use crate::rebuild::pdf::file::File;
use crate::rebuild::pdf::file::forbidden;
use crate::rebuild::pdf::file::object::{Dict, Object, form};
use crate::rebuild::pdf::font::{self, Font, Letter};
use crate::rebuild::pdf::visibility::{Measure, Scene};
use crate::rebuild::pdf::{image, standard_fonts};
use crate::rebuild::{Fault, PdfFonts};

/// The resources of one page and of its form XObjects, and which of them are used.
pub(in crate::rebuild::pdf) struct Used<'b, 'f> {
    builder: &'b mut Builder<'f>,
    /// The page's resource dictionary, followed by those of the form XObjects that are being interpreted.
    scopes: Vec<Option<&'f Dict>>,
    pub fonts: BTreeSet<usize>,
    pub images: BTreeSet<usize>,
    /// The font dictionaries that state widths, for each standard font of the document that represents them.
    stated: BTreeMap<usize, Vec<&'f Dict>>,
}

/// Maximum fonts of the same name with stated widths on a page, since each glyph is compared with all of them.
const STATED_MAX: usize = 16;

impl<'b, 'f> Used<'b, 'f> {
    /// Returns the resources of a page, of which none is used yet.
    pub fn new(builder: &'b mut Builder<'f>, page: Option<&'f Dict>) -> Used<'b, 'f> {
        Used { builder, scopes: vec![page], fonts: BTreeSet::new(), images: BTreeSet::new(), stated: BTreeMap::new() }
    }

    fn find(&self, kind: &str, name: &str) -> Option<&'f Object> {
        let file = self.builder.file;
        let all = self.scopes.last().copied().flatten().and_then(|r| file.at(r, kind)).and_then(|o| file.dict(o));
        all.and_then(|d| d.get(name))
    }

    /// Refuses resources that redefine the device colour spaces (ISO 32000-1, 8.6.5.6), unless as the same space with
    /// an ICC profile.
    pub fn plain_colours(&self) -> Result<(), Fault> {
        for (name, count) in [("DefaultGray", 1), ("DefaultRGB", 3), ("DefaultCMYK", 4)] {
            let other =
                self.find("ColorSpace", name).is_some_and(|s| image::parts(self.builder.file, s) != Some(count));
            if other {
                return Err(Fault::new("pdf.hidden", "a page that redefines the device colour spaces"));
            }
        }
        Ok(())
    }

    fn named(&self, kind: &str, name: &str) -> Result<&'f Object, Fault> {
        self.find(kind, name).ok_or_else(|| form("page content that refers to a missing resource"))
    }

    fn form(&mut self, head: &'f Dict, data: &[u8]) -> Result<XObject, Fault> {
        let file = self.builder.file;
        let nested = || Fault::new("pdf.nested", "an unsupported XObject");
        file.at(head, "Group").map_or(Ok(()), |group| knocks_out(file, group))?;
        let plain_group = |group: &Object| {
            file.dict(group).is_some_and(|g| file.at(g, "S").and_then(Object::name) == Some("Transparency"))
        };
        if ["Ref", "OPI", "PS", "OC", "Subtype2"].iter().any(|key| file.at(head, key).is_some())
            || file.at(head, "Group").is_some_and(|group| !plain_group(group))
        {
            return Err(nested());
        }
        let numbers = |key: &str| match file.at(head, key) {
            None => Ok(None),
            Some(Object::List(list)) => {
                let all: Option<Vec<f64>> = list.iter().map(|o| file.resolve(o).number()).collect();
                all.map(Some).ok_or_else(nested)
            }
            Some(_) => Err(nested()),
        };
        let matrix = numbers("Matrix")?.unwrap_or_else(|| vec![1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
        let matrix: [f64; 6] = matrix.try_into().map_err(|_| nested())?;
        let sheet: [f64; 4] = numbers("BBox")?.and_then(|b| b.try_into().ok()).ok_or_else(nested)?;
        // A form XObject is decompressed each time it is drawn, so that nested ones are charged for their full cost.
        let code = file.decoded(head, data)?;
        let own = file.at(head, "Resources").and_then(|o| file.dict(o));
        self.scopes.push(own.or(self.scopes.last().copied().flatten()));
        self.plain_colours()?;
        Ok(XObject::Form { code, matrix, sheet, group: file.at(head, "Group").is_some() })
    }
}

/// Refuses a knockout group (ISO 32000-1, 11.4.6.2): its objects hide what is beneath them, and groups are not written.
pub(in crate::rebuild::pdf) fn knocks_out(file: &File<'_>, group: &Object) -> Result<(), Fault> {
    let set = file.dict(group).and_then(|group| file.at(group, "K"));
    if set.is_some_and(|set| *set != Object::Bool(false)) {
        let what = "a knockout group (`K`): save the file without transparency, or \
                    print it to PDF from a browser";
        return Err(Fault::new("pdf.hidden", what));
    }
    Ok(())
}

impl Resources for Used<'_, '_> {
    fn font(&mut self, name: &str) -> Result<Face, Fault> {
        let refused =
            || Fault::new("pdf.font", "a font other than Courier, Helvetica and Times, or with a custom encoding");
        let file = self.builder.file;
        let object = self.named("Font", name)?;
        let dict = file.dict(object).ok_or_else(refused)?;
        let at = |key: &str| file.at(dict, key).and_then(Object::name);
        let described = dict.contains_key("FontDescriptor") || at("Subtype") != Some("Type1");
        let encoded = matches!(file.at(dict, "Encoding"), Some(Object::Dict(_))) || dict.contains_key("ToUnicode");
        if (described || encoded) && self.builder.limits.pdf_fonts == PdfFonts::Mapped {
            let Object::Ref(number) = object else { return Err(refused()) };
            let sources = &mut self.builder.sources;
            let known = sources.iter().position(|(known, _)| known == number);
            if known.is_none() {
                sources.push((*number, font::read(file, dict, self.builder.limits.depth_max)?));
            }
            return Ok(Face::Embedded(known.unwrap_or(sources.len() - 1)));
        }
        if described && matches!(at("Subtype"), Some("Type0" | "TrueType" | "Type3")) {
            return Err(forbidden::embedded_font());
        }
        let base = at("BaseFont").filter(|base| standard_fonts::FONTS.contains(base)).ok_or_else(refused)?;
        // A font with a descriptor may have glyphs and widths of its own.
        if described || dict.contains_key("ToUnicode") {
            return Err(refused());
        }
        let windows = match file.at(dict, "Encoding") {
            None => false,
            Some(Object::Name(name)) if name == "StandardEncoding" => false,
            Some(Object::Name(name)) if name == "WinAnsiEncoding" => true,
            Some(_) => return Err(refused()),
        };
        let fonts = &mut self.builder.document.fonts;
        let same = |font: &Font| matches!(font, Font::Standard(name, w) if *name == base && *w == windows);
        let number = fonts.iter().position(same).unwrap_or_else(|| {
            fonts.push(Font::Standard(base.to_owned(), windows));
            fonts.len() - 1
        });
        self.fonts.insert(number);
        if dict.contains_key("Widths") {
            let stated = self.stated.entry(number).or_default();
            if !stated.iter().any(|known| std::ptr::eq(*known, dict)) {
                stated.push(dict);
            }
            if stated.len() > STATED_MAX {
                return Err(Fault::new("pdf.font", "too many fonts of one name"));
            }
        }
        Ok(Face::Standard(number, windows))
    }

    fn plain(&mut self, page: &mut Scene, font: usize, code: u8) -> Result<Option<Measure>, Fault> {
        let Some(measure) = page.context.plain(&self.builder.document.fonts, font, code) else { return Ok(None) };
        let file = self.builder.file;
        for dict in self.stated.get(&font).into_iter().flatten() {
            // Viewers advance by the widths that the file states, and none are written (ISO 32000-1, 9.6.2.2).
            let first = file.at(dict, "FirstChar").and_then(Object::count).unwrap_or(0);
            let listed = match file.at(dict, "Widths") {
                Some(Object::List(list)) => usize::from(code).checked_sub(first).and_then(|i| list.get(i)),
                _ => None,
            };
            let width = listed.map_or(Some(0.0), |width| file.resolve(width).number());
            if width.is_none_or(|width| (width - measure.width).abs() > 1.0) {
                let what = "a standard font with widths other than its own: embed the font, or remove the widths";
                return Err(Fault::new("pdf.font", what));
            }
        }
        Ok(Some(measure))
    }

    fn letters(&mut self, source: usize, bytes: &[u8]) -> Result<Vec<Letter>, Fault> {
        let Builder { sources, document, .. } = &mut *self.builder;
        let (_, source) = sources.get_mut(source).ok_or_else(|| form("words without a font"))?;
        let letters = source.letters(bytes, &mut document.fonts)?;
        self.fonts.extend(letters.iter().map(|letter| letter.font));
        Ok(letters)
    }

    fn xobject(&mut self, name: &str) -> Result<XObject, Fault> {
        let file = self.builder.file;
        let object = self.named("XObject", name)?;
        let none = || form("an image that is not a stream");
        let Object::Ref(id) = object else { return Err(none()) };
        if let Some(number) = self.builder.seen.get(id) {
            self.images.insert(*number);
            return Ok(XObject::Image(*number));
        }
        let (head, data) = file.stream(object).ok_or_else(none)?;
        match file.at(head, "Subtype").and_then(Object::name) {
            Some("Image") => {}
            Some("Form") => return self.form(head, data),
            _ => return Err(Fault::new("pdf.nested", "an unsupported XObject")),
        }
        let image = image::read(file, head, data, self.builder.task, self.builder.limits)?;
        self.builder.document.images.push(image);
        let number = self.builder.document.images.len() - 1;
        self.builder.seen.insert(*id, number);
        self.images.insert(number);
        Ok(XObject::Image(number))
    }

    fn leave_form(&mut self) {
        self.scopes.pop();
    }

    fn colour(&mut self, name: &str) -> Result<usize, &'static str> {
        let (file, own) = (self.builder.file, Object::Name(name.to_owned()));
        let space = self.find("ColorSpace", name).unwrap_or(&own);
        let kind = match file.resolve(space) {
            Object::List(list) => list.first().and_then(|kind| file.resolve(kind).name()),
            other => other.name(),
        };
        image::parts(file, space).ok_or(match kind {
            Some("Pattern") => {
                "something filled with a gradient or a pattern, which is not read: fill it with one colour, or put it into \
                 a picture"
            }
            _ => "an unsupported colour space, such as a spot colour: use grey, RGB or CMYK",
        })
    }

    fn state(&mut self, name: &str) -> Result<GraphicsState, Fault> {
        let file = self.builder.file;
        let dict = file.dict(self.named("ExtGState", name)?).ok_or_else(|| form("an invalid graphics state"))?;
        let mut sets = GraphicsState::default();
        for (key, value) in dict {
            let value = file.resolve(value);
            let line = match key.as_str() {
                "LW" => Some("w"),
                "LC" => Some("J"),
                "LJ" => Some("j"),
                "ML" => Some("M"),
                _ => None,
            };
            if let Some(operator) = line {
                sets.lines.push((operator, value.clone()));
                continue;
            }
            match (key.as_str(), value) {
                ("SMask", Object::Dict(_)) => sets.effects[0] = Some(true),
                ("SMask", other) if other.name() == Some("None") => sets.effects[0] = Some(false),
                ("BM", other) => sets.effects[1] = Some(other.name() != Some("Normal")),
                _ => {}
            }
            let plain = match key.as_str() {
                "Type" | "SA" | "OPM" => true,
                "CA" | "ca" => {
                    let alpha = value.number().filter(|alpha| (0.0..=1.0).contains(alpha));
                    sets.alphas[usize::from(key == "CA")] = alpha;
                    alpha.is_some()
                }
                "BM" => true,
                "SMask" => sets.effects[0].is_some(),
                "AIS" | "OP" | "op" => *value == Object::Bool(false),
                _ => false,
            };
            if !plain {
                let what = "a graphics state that can hide what is drawn: save the file without transparency, or print it \
                            to PDF from a browser";
                return Err(Fault::new("pdf.hidden", what));
            }
        }
        Ok(sets)
    }
}
