//! The pages of a file, each interpreted, with what they draw with: fonts by name, and images as JPEG.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{Fault, Limits, Task, jpeg, jpeg_scan, jpeg_write, png};
use super::content::{Interpreted, Resources, Run, interpret};
use super::file::File;
use super::object::{Dict, Object, form};
use super::paint::{Area, Page as Marks};

/// The fonts that every reader has and that draw letters (ISO 32000-1, 9.6.2.2).
const FONTS: [&str; 12] = [
    "Courier",
    "Courier-Bold",
    "Courier-BoldOblique",
    "Courier-Oblique",
    "Helvetica",
    "Helvetica-Bold",
    "Helvetica-BoldOblique",
    "Helvetica-Oblique",
    "Times-Bold",
    "Times-BoldItalic",
    "Times-Italic",
    "Times-Roman",
];

/// A document, interpreted.
#[derive(Default)]
pub(super) struct Document {
    pub pages: Vec<Page>,
    /// Name of each font, and whether it has the Windows encoding.
    pub fonts: Vec<(String, bool)>,
    pub images: Vec<Image>,
    pub dropped: Vec<String>,
}

/// One page.
pub(super) struct Page {
    pub sheet: [f64; 4],
    pub rotate: usize,
    pub code: String,
    pub fonts: BTreeSet<usize>,
    pub images: BTreeSet<usize>,
    runs: Vec<Run>,
}

/// One image.
pub(super) struct Image {
    pub width: usize,
    pub height: usize,
    pub grey: bool,
    pub jpeg: Vec<u8>,
}

/// What a page has of its own or from the tree above it.
#[derive(Clone, Copy, Default)]
struct Inherited<'f> {
    resources: Option<&'f Dict>,
    sheet: Option<&'f Object>,
    rotate: Option<&'f Object>,
}

impl Document {
    /// Interprets every page of `file`.
    pub fn read(file: &File<'_>, task: Task, limits: &Limits) -> Result<Document, Fault> {
        let mut document = Document::default();
        let root = file.trailer().get("Root").and_then(|root| file.dict(root));
        let root = root.filter(|d| file.at(d, "Type").and_then(Object::name) == Some("Catalog"));
        let root = root.ok_or_else(|| form("a PDF without a catalogue"))?;
        let known = ["Type", "Pages", "Version"];
        let extra = root.keys().filter(|key| !known.contains(&key.as_str())).count();
        let told = file.trailer().keys().filter(|key| matches!(key.as_str(), "Info" | "ID")).count();
        if extra + told > 0 {
            document.dropped.push(format!("{} entries of metadata, outline or structure", extra + told));
        }
        let pages = root.get("Pages").ok_or_else(|| form("a PDF without pages"))?;
        let mut builder = Builder { file, task, limits, document, seen: BTreeMap::new(), links: 0 };
        builder.node(pages, Inherited::default(), 0, &mut BTreeSet::new())?;
        let Builder { mut document, links, .. } = builder;
        if document.pages.is_empty() {
            return Err(form("a PDF without pages"));
        }
        if links > 0 {
            document.dropped.push(format!("{links} link(s)"));
        }
        Ok(document)
    }

    /// The words of every page, first as they are drawn and then as they stand: line by line, from left to right.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for page in &self.pages {
            let mut last: Option<f64> = None;
            for run in &page.runs {
                if last.is_some_and(|y| (y - run.y).abs() > 1.0) {
                    text.push('\n');
                }
                last = Some(run.y);
                text.push_str(&run.text);
            }
            text.push('\n');
            let mut placed: Vec<&Run> = page.runs.iter().collect();
            placed.sort_by(|a, b| {
                let line = |run: &Run| (run.y / 3.0).round() as i64;
                line(b).cmp(&line(a)).then(a.x.total_cmp(&b.x))
            });
            for run in placed {
                text.push_str(&run.text);
                text.push(' ');
            }
            text.push('\n');
        }
        text
    }
}

struct Builder<'f> {
    file: &'f File<'f>,
    task: Task,
    limits: &'f Limits,
    document: Document,
    /// The number in the document of each image of the file.
    seen: BTreeMap<u32, usize>,
    links: usize,
}

impl<'f> Builder<'f> {
    fn node(
        &mut self,
        node: &'f Object,
        mut from: Inherited<'f>,
        depth: usize,
        above: &mut BTreeSet<u32>,
    ) -> Result<(), Fault> {
        let Object::Ref(number) = node else { return Err(form("a page that is no object of its own")) };
        if depth > self.limits.depth_max || !above.insert(*number) {
            return Err(form("a tree of pages that has no end"));
        }
        let file = self.file;
        let dict = file.dict(node).ok_or_else(|| form("a page that is not there"))?;
        if let Some(own) = file.at(dict, "Resources") {
            from.resources = file.dict(own);
        }
        from.sheet = file.at(dict, "MediaBox").or(from.sheet);
        from.rotate = file.at(dict, "Rotate").or(from.rotate);
        match file.at(dict, "Type").and_then(Object::name) {
            Some("Pages") => {
                let Some(Object::List(kids)) = file.at(dict, "Kids") else {
                    return Err(form("a page that is not there"));
                };
                for kid in kids {
                    self.node(kid, from, depth + 1, above)?;
                }
            }
            Some("Page") => self.page(dict, from)?,
            _ => return Err(form("a page that is not there")),
        }
        Ok(())
    }

    fn page(&mut self, dict: &'f Dict, from: Inherited<'f>) -> Result<(), Fault> {
        if self.document.pages.len() >= self.limits.pages_max {
            return Err(Fault::new("pdf.size", "more pages than are read"));
        }
        let sheet = self.sheet(from.sheet).ok_or_else(|| form("a page without its size"))?;
        for other in ["CropBox", "TrimBox", "BleedBox", "ArtBox"] {
            if dict.contains_key(other) && self.sheet(self.file.at(dict, other)) != Some(sheet) {
                return Err(Fault::new("pdf.hidden", "a page part of which is cut away"));
            }
        }
        if dict.contains_key("UserUnit") {
            return Err(Fault::new("pdf.hidden", "a page with units of its own"));
        }
        self.annotations(dict)?;
        let rotate = from.rotate.map_or(Some(0), Object::count).filter(|r| [0, 90, 180, 270].contains(r));
        let rotate = rotate.ok_or_else(|| form("a page that is turned by other than a right angle"))?;
        let code = self.code(dict)?;
        let mut marks = Marks::new(Area { x0: sheet[0], y0: sheet[1], x1: sheet[2], y1: sheet[3] });
        let mut used = Used { builder: self, from: from.resources, fonts: BTreeSet::new(), images: BTreeSet::new() };
        let depth_max = used.builder.limits.depth_max;
        let Interpreted { code, runs } = interpret(&code, &mut marks, &mut used, depth_max)?;
        let Used { fonts, images, .. } = used;
        self.document.pages.push(Page { sheet, rotate, code, fonts, images, runs });
        Ok(())
    }

    fn sheet(&self, object: Option<&Object>) -> Option<[f64; 4]> {
        let Some(Object::List(list)) = object else { return None };
        let numbers: Vec<f64> = list.iter().filter_map(|o| self.file.resolve(o).number()).collect();
        let &[x0, y0, x1, y1] = numbers.as_slice() else { return None };
        // Both as they will be written, so that what is read again is the same.
        let round = |n: f64| (n * 10_000.0).round() / 10_000.0;
        (x1 - x0 >= 3.0 && y1 - y0 >= 3.0 && [x0, y0, x1, y1].iter().all(|n| n.abs() <= 14_400.0))
            .then(|| [x0, y0, x1, y1].map(round))
    }

    fn annotations(&mut self, dict: &'f Dict) -> Result<(), Fault> {
        let list = match self.file.at(dict, "Annots") {
            None => return Ok(()),
            Some(Object::List(list)) => list,
            Some(_) => return Err(form("annotations that are no list")),
        };
        for annotation in list {
            let kind = self.file.dict(annotation).and_then(|d| self.file.at(d, "Subtype")).and_then(Object::name);
            if kind != Some("Link") {
                return Err(Fault::new("pdf.annotation", "an annotation: write it into the page or remove it"));
            }
            self.links += 1;
        }
        Ok(())
    }

    fn code(&self, dict: &'f Dict) -> Result<Vec<u8>, Fault> {
        let one = [dict.get("Contents").cloned().unwrap_or(Object::Null)];
        let parts: &[Object] = match self.file.at(dict, "Contents") {
            None => &[],
            Some(Object::List(list)) => list,
            Some(_) => &one,
        };
        let mut code = Vec::new();
        for part in parts {
            let (head, data) = self.file.stream(part).ok_or_else(|| form("the content of a page that is no stream"))?;
            code.extend(self.file.unpacked(head, data)?);
            code.push(b'\n');
        }
        Ok(code)
    }

    fn image(&self, object: &Object) -> Result<Image, Fault> {
        let refused = |what: &str| Fault::new("pdf.image", what.to_owned());
        let (head, data) = self.file.stream(object).ok_or_else(|| form("an image that is no stream"))?;
        let at = |key: &str| self.file.at(head, key);
        if at("Subtype").and_then(Object::name) != Some("Image") {
            return Err(Fault::new("pdf.nested", "a drawing inside the drawing of a page"));
        }
        if ["SMask", "Mask", "ImageMask", "Decode", "Alternates", "OPI", "OC"].iter().any(|key| at(key).is_some()) {
            return Err(refused("an image with a mask or another image behind it"));
        }
        let side = |key: &str| at(key).and_then(Object::count).unwrap_or(0);
        let (width, height) = (side("Width"), side("Height"));
        png::sized(width as u64, height as u64, self.limits)?;
        let grey = match at("ColorSpace").and_then(Object::name) {
            Some("DeviceGray") => true,
            Some("DeviceRGB") => false,
            _ => return Err(refused("an image whose colours are neither grey nor red, green and blue")),
        };
        if at("BitsPerComponent").and_then(Object::count) != Some(8) {
            return Err(refused("an image of other than eight bits a colour"));
        }
        let filter = match at("Filter") {
            Some(Object::List(list)) if list.len() == 1 => list[0].name(),
            other => other.and_then(Object::name),
        };
        let channels = if grey { 1 } else { 3 };
        let jpeg = if filter == Some("DCTDecode") && at("DecodeParms").is_none() {
            let shape = jpeg::walk(data, self.limits)?;
            if (shape.width, shape.height, shape.channels) != (width, height, channels) {
                return Err(refused("an image that is not of the size it is described with"));
            }
            match self.task {
                Task::Rebuild => jpeg::rebuild(data, self.limits)?.bytes,
                Task::Examine => jpeg_scan::examine(data, self.limits)?.bytes,
            }
        } else {
            let pixels = self.file.unpacked(head, data)?;
            if pixels.len() != width * height * channels {
                return Err(refused("an image that is not of the size it is described with"));
            }
            jpeg_write::write(&pixels, width, height, channels)
        };
        Ok(Image { width, height, grey, jpeg })
    }
}

/// The resources of one page, and which of them it uses.
struct Used<'b, 'f> {
    builder: &'b mut Builder<'f>,
    from: Option<&'f Dict>,
    fonts: BTreeSet<usize>,
    images: BTreeSet<usize>,
}

impl<'f> Used<'_, 'f> {
    fn named(&self, kind: &str, name: &str) -> Result<&'f Object, Fault> {
        let file = self.builder.file;
        let all = self.from.and_then(|r| file.at(r, kind)).and_then(|o| file.dict(o));
        all.and_then(|d| d.get(name)).ok_or_else(|| form("the content of a page with a name that nothing has"))
    }
}

impl Resources for Used<'_, '_> {
    fn font(&mut self, name: &str) -> Result<(usize, bool), Fault> {
        let refused =
            || Fault::new("pdf.font", "a font other than Courier, Helvetica and Times, or with an encoding of its own");
        let file = self.builder.file;
        let dict = file.dict(self.named("Font", name)?).ok_or_else(refused)?;
        let at = |key: &str| file.at(dict, key).and_then(Object::name);
        let base = at("BaseFont").filter(|base| FONTS.contains(base)).ok_or_else(refused)?;
        // A font that describes itself may have letters and widths of its own.
        if at("Subtype") != Some("Type1") || dict.contains_key("FontDescriptor") || dict.contains_key("ToUnicode") {
            return Err(refused());
        }
        let windows = match file.at(dict, "Encoding") {
            None => false,
            Some(Object::Name(name)) if name == "StandardEncoding" => false,
            Some(Object::Name(name)) if name == "WinAnsiEncoding" => true,
            Some(_) => return Err(refused()),
        };
        let font = (base.to_owned(), windows);
        let fonts = &mut self.builder.document.fonts;
        let number = fonts.iter().position(|f| *f == font).unwrap_or_else(|| {
            fonts.push(font);
            fonts.len() - 1
        });
        self.fonts.insert(number);
        Ok((number, windows))
    }

    fn image(&mut self, name: &str) -> Result<usize, Fault> {
        let object = self.named("XObject", name)?;
        let Object::Ref(id) = object else { return Err(form("an image that is no stream")) };
        let number = match self.builder.seen.get(id) {
            Some(number) => *number,
            None => {
                let image = self.builder.image(object)?;
                self.builder.document.images.push(image);
                let number = self.builder.document.images.len() - 1;
                self.builder.seen.insert(*id, number);
                number
            }
        };
        self.images.insert(number);
        Ok(number)
    }

    fn state(&mut self, name: &str) -> Result<(), Fault> {
        let file = self.builder.file;
        let dict = file.dict(self.named("ExtGState", name)?).ok_or_else(|| form("a graphics state that is none"))?;
        for (key, value) in dict {
            let value = file.resolve(value);
            let plain = match key.as_str() {
                "Type" | "SA" | "OPM" | "LW" | "LC" | "LJ" | "ML" => true,
                "CA" | "ca" => value.number() == Some(1.0),
                "BM" => value.name() == Some("Normal"),
                "SMask" => value.name() == Some("None"),
                "AIS" | "OP" | "op" => *value == Object::Bool(false),
                _ => false,
            };
            if !plain {
                return Err(Fault::new("pdf.hidden", "transparency or another state that can hide what is drawn"));
            }
        }
        Ok(())
    }
}

/// The letters that bytes are in one of the two encodings (ISO 32000-1, Annex D).
pub(super) fn decode(bytes: &[u8], windows: bool) -> Result<String, Fault> {
    const UPPER: [u16; 32] = [
        0x20AC, 0, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0, 0x017D,
        0, 0, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0,
        0x017E, 0x0178,
    ];
    let letter = |b: u8| match b {
        b'\'' if !windows => Some('\u{2019}'),
        b'`' if !windows => Some('\u{2018}'),
        0x20..=0x7E => Some(char::from(b)),
        0x80..=0x9F if windows => char::from_u32(u32::from(UPPER[usize::from(b - 0x80)])).filter(|c| *c != '\0'),
        0xA1..=0xAC | 0xAE..=0xFF if windows => Some(char::from(b)),
        _ => None,
    };
    let letters: Option<String> = bytes.iter().map(|b| letter(*b)).collect();
    letters.ok_or_else(|| Fault::new("pdf.letters", "letters that the encoding of a font does not have"))
}
