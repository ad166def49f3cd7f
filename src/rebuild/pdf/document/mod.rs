//! The pages of a file with their content, fonts and images. It refuses a page tree that is damaged, too deep or too large.

mod resources;

use std::collections::{BTreeMap, BTreeSet};

use unicode_normalization::UnicodeNormalization as _;

use self::resources::{Used, knocks_out};
use super::content::{Interpreted, interpret};
use super::file::File;
use super::file::forbidden;
use super::file::object::{Dict, Object, form};
use super::font::{EmbeddedFont, Font};
use super::geometry::Area;
use super::image::Image;
use super::reading_order;
use super::visibility::{Context, Scene};
use crate::rebuild::{DrawLimits, Fault, Limits, Task};

/// An interpreted document.
#[derive(Default)]
pub(super) struct Document {
    pub pages: Vec<Page>,
    pub fonts: Vec<Font>,
    pub images: Vec<Image>,
    pub dropped: Vec<String>,
    /// The pages as PNG images, if they were requested.
    pub drawn: Vec<Vec<u8>>,
}

/// An interpreted page.
pub(super) struct Page {
    pub sheet: [f64; 4],
    pub rotate: usize,
    pub code: String,
    pub fonts: BTreeSet<usize>,
    pub images: BTreeSet<usize>,
    /// Every pair of opacities that is set, of fills and of strokes, in ten-thousandths.
    pub states: BTreeSet<[u16; 2]>,
    /// The page's text, in every order in which it may be read.
    text: String,
}

/// Attributes that a page has itself or inherits from the page tree (7.7.3.4).
#[derive(Clone, Copy, Default)]
struct Inherited<'f> {
    /// The object number of the parent node.
    parent: Option<u32>,
    resources: Option<&'f Dict>,
    sheet: Option<&'f Object>,
    crop: Option<&'f Object>,
    rotate: Option<&'f Object>,
}

impl Document {
    /// Interprets every page of `file`, which is `size` bytes long, and renders as many pages as `draw` allows.
    pub fn read(
        (file, size): (&File<'_>, usize),
        task: Task,
        limits: &Limits,
        draw: Option<DrawLimits>,
    ) -> Result<Document, Fault> {
        let mut document = Document::default();
        let root = file.trailer().get("Root").and_then(|root| file.dict(root));
        let root = root.filter(|d| file.at(d, "Type").and_then(Object::name) == Some("Catalog"));
        let root = root.ok_or_else(|| form("a PDF without a catalogue"))?;
        if let Some(action) = file.at(root, "OpenAction") {
            forbidden::check_open_action(action)?;
        }
        viewed(file, root)?;
        let known = ["Type", "Pages", "Version"];
        let extra = root.keys().filter(|key| !known.contains(&key.as_str())).count();
        let told = file.trailer().keys().filter(|key| matches!(key.as_str(), "Info" | "ID")).count();
        if extra + told > 0 {
            document.dropped.push(format!("{} entries of metadata, outline or structure", extra + told));
        }
        let pages = root.get("Pages").ok_or_else(|| form("a PDF without pages"))?;
        let context = Some(Context::new(limits, size, draw.is_some()));
        let (seen, sources) = (BTreeMap::new(), Vec::new());
        let mut builder = Builder { file, task, limits, document, seen, sources, links: 0, trimmed: 0, context, draw };
        builder.node(pages, Inherited::default(), 0, &mut BTreeSet::new())?;
        let Builder { mut document, links, trimmed, sources, .. } = builder;
        if document.pages.is_empty() {
            return Err(form("a PDF without pages"));
        }
        // Type 3 fonts are written as they were read, so they are not reported.
        let anew = sources.iter().filter(|(_, source)| source.is_program()).count();
        if anew > 0 {
            document
                .dropped
                .push(format!("{anew} embedded font(s) redrawn: their letters are as the file states them"));
        }
        if trimmed > 0 {
            document.dropped.push(format!("trim boxes of {trimmed} page(s): the whole page is shown"));
        }
        if links > 0 {
            document.dropped.push(format!("{links} link(s)"));
        }
        Ok(document)
    }

    /// Returns the text of all pages, in every order in which it may be read ([`reading_order`]).
    pub fn text(&self) -> String {
        let mut text = String::new();
        for page in &self.pages {
            text.push_str(&page.text);
            // Each page ends in an empty line, and no other line is empty, so a position in the text identifies its
            // page.
            text.push('\n');
        }
        text.nfc().collect()
    }
}

/// Refuses viewer preferences that select the part of the pages that is shown (ISO 32000-1, 12.2), except the defaults.
fn viewed(file: &File<'_>, root: &Dict) -> Result<(), Fault> {
    let preferences = file.at(root, "ViewerPreferences").and_then(|o| file.dict(o));
    let shows = |key: &str| preferences.and_then(|all| file.at(all, key));
    for area in ["ViewArea", "ViewClip"].into_iter().filter_map(shows) {
        if !matches!(area.name(), Some("CropBox" | "MediaBox")) {
            let what = "a PDF that has only a part of each page shown (`ViewArea`, `ViewClip`): print it to a new PDF";
            return Err(Fault::new("pdf.hidden", what));
        }
    }
    Ok(())
}

/// The state of reading a document.
pub(super) struct Builder<'f> {
    pub file: &'f File<'f>,
    pub task: Task,
    pub limits: &'f Limits,
    pub document: Document,
    /// For each image object of the file, its index in the document.
    pub seen: BTreeMap<u32, usize>,
    /// The embedded fonts of the file, each with its object number.
    pub sources: Vec<(u32, EmbeddedFont)>,
    links: usize,
    /// Number of pages with a trim, bleed or art box smaller than the page.
    trimmed: usize,
    /// State that is shared by all pages; while a page is interpreted, the page owns it.
    context: Option<Context>,
    draw: Option<DrawLimits>,
}

/// Maximum width of the border of a link, in points.
const LINK_BORDER_MAX: f64 = 1.5;

impl<'f> Builder<'f> {
    fn node(
        &mut self,
        node: &'f Object,
        mut from: Inherited<'f>,
        depth: usize,
        above: &mut BTreeSet<u32>,
    ) -> Result<(), Fault> {
        let Object::Ref(number) = node else { return Err(form("a page that is not an indirect object")) };
        if depth > self.limits.depth_max || !above.insert(*number) {
            return Err(form("a page tree that is cyclic or too deep"));
        }
        let file = self.file;
        let dict = file.dict(node).ok_or_else(|| form("a missing page"))?;
        // A viewer that follows `Parent` entries would otherwise inherit attributes from another node.
        let parent = match dict.get("Parent") {
            Some(Object::Ref(parent)) => Some(*parent),
            Some(Object::Null) | None => None,
            Some(_) => return Err(form("a page whose `Parent` is not an indirect object")),
        };
        if parent != from.parent {
            return Err(form("a page whose `Parent` is not the node that lists it: print it to a new PDF"));
        }
        from.parent = Some(*number);
        if let Some(own) = file.at(dict, "Resources") {
            from.resources = file.dict(own);
        }
        from.sheet = file.at(dict, "MediaBox").or(from.sheet);
        from.crop = file.at(dict, "CropBox").or(from.crop);
        from.rotate = file.at(dict, "Rotate").or(from.rotate);
        match file.at(dict, "Type").and_then(Object::name) {
            Some("Pages") => {
                let Some(Object::List(kids)) = file.at(dict, "Kids") else {
                    return Err(form("a missing page"));
                };
                let before = self.document.pages.len();
                for kid in kids {
                    self.node(kid, from, depth + 1, above)?;
                }
                // Some viewers show as many pages as `Count` says, while all of them are written.
                let pages = self.document.pages.len() - before;
                if file.at(dict, "Count").and_then(Object::count) != Some(pages) {
                    return Err(form(
                        "a page tree node with a wrong `Count`: print it \
                         to a new PDF",
                    ));
                }
            }
            Some("Page") => {
                let number = self.document.pages.len() + 1;
                self.page(dict, from).map_err(|fault| match fault.message.starts_with("page ") {
                    true => fault,
                    false => Fault::new(fault.code, format!("page {number}: {}", fault.message)),
                })?;
            }
            _ => return Err(form("a missing page")),
        }
        Ok(())
    }

    fn page(&mut self, dict: &'f Dict, from: Inherited<'f>) -> Result<(), Fault> {
        if self.document.pages.len() >= self.limits.pages_max {
            return Err(Fault::new("pdf.size", "too many pages"));
        }
        let sheet = self.sheet(from.sheet).ok_or_else(|| form("a page without a valid `MediaBox`"))?;
        let [x0, y0, x1, y1] = sheet;
        let area = Area { x0, y0, x1, y1 };
        // Viewers show what is inside the crop box and on the sheet (ISO 32000-1, 14.11.2).
        let shown = |[x0, y0, x1, y1]: [f64; 4]| Area { x0, y0, x1, y1 }.contains(&area, 0.0);
        if from.crop.is_some_and(|crop| !self.sheet(Some(crop)).is_some_and(shown)) {
            let what = "a cropped page (`CropBox`): print the visible part to a new PDF";
            return Err(Fault::new("pdf.hidden", what));
        }
        // The other boxes apply to printing only. What they cut off is visible in viewers, and is written.
        let printed = ["TrimBox", "BleedBox", "ArtBox"].map(|other| self.file.at(dict, other));
        if printed.into_iter().flatten().any(|other| self.sheet(Some(other)) != Some(sheet)) {
            self.trimmed += 1;
        }
        if self.file.at(dict, "UserUnit").is_some_and(|unit| unit.number() != Some(1.0)) {
            return Err(Fault::new("pdf.hidden", "a page with units of its own (`UserUnit`): print it to a new PDF"));
        }
        self.file.at(dict, "Group").map_or(Ok(()), |group| knocks_out(self.file, group))?;
        self.annotations(dict)?;
        // Any multiple of a right angle, also negative.
        let rotate = from.rotate.map_or(Some(0.0), Object::number).map(|degrees| degrees.rem_euclid(360.0));
        let rotate = rotate.filter(|degrees| degrees.rem_euclid(90.0) == 0.0).map(|degrees| degrees as usize);
        let rotate = rotate
            .ok_or_else(|| form("a page that is not rotated by a multiple of 90 degrees: rotate it by 90 or 180"))?;
        let code = self.code(dict)?;
        let number = self.document.pages.len() + 1;
        let context = self.context.take().ok_or_else(|| form("a page nested in another page"))?;
        let mut scene = Scene::new(context, area, rotate, number);
        let depth_max = self.limits.depth_max;
        let mut used = Used::new(self, from.resources);
        used.plain_colours()?;
        let Interpreted { code, runs, states } = interpret(&code, &mut scene, &mut used, depth_max)?;
        let Used { fonts, images, .. } = used;
        let Document { fonts: all, images: pictures, drawn, .. } = &mut self.document;
        scene.judge(all, pictures)?;
        let text = reading_order::read(&runs, &mut scene)?;
        let bytes: usize = drawn.iter().map(Vec::len).sum();
        if self.draw.is_some_and(|draw| drawn.len() < draw.pages_max && bytes < draw.bytes_max) {
            let page = scene.draw(all, pictures)?;
            if self.draw.is_some_and(|draw| bytes + page.len() <= draw.bytes_max) {
                drawn.push(page);
            } else {
                // Rendered pages must be consecutive from the first one.
                self.draw = None;
            }
        }
        self.context = Some(scene.context);
        self.document.pages.push(Page { sheet, rotate, code, fonts, images, states, text });
        Ok(())
    }

    fn sheet(&self, object: Option<&Object>) -> Option<[f64; 4]> {
        let Some(Object::List(list)) = object else { return None };
        let numbers: Vec<f64> = list.iter().filter_map(|o| self.file.resolve(o).number()).collect();
        let &[x0, y0, x1, y1] = numbers.as_slice() else { return None };
        // Both are rounded as they will be written, so that reading the new file gives the same result.
        let round = |n: f64| (n * 10_000.0).round() / 10_000.0;
        (x1 - x0 >= 3.0 && y1 - y0 >= 3.0 && [x0, y0, x1, y1].iter().all(|n| n.abs() <= 14_400.0))
            .then(|| [x0, y0, x1, y1].map(round))
    }

    fn annotations(&mut self, dict: &'f Dict) -> Result<(), Fault> {
        let list = match self.file.at(dict, "Annots") {
            None => return Ok(()),
            Some(Object::List(list)) => list,
            Some(_) => return Err(form("`Annots` that is not an array")),
        };
        for annotation in list {
            let kind = self.file.dict(annotation).and_then(|d| self.file.at(d, "Subtype")).and_then(Object::name);
            if kind != Some("Link") {
                return Err(Fault::new("pdf.annotation", "an annotation: write it into the page or remove it"));
            }
            // Links are not copied. One that covers part of the page would hide it here, but not in the new file.
            if self.file.dict(annotation).is_some_and(|link| self.covers(link)) {
                let what = "a link that covers what is beneath it: remove its appearance, or its border";
                return Err(Fault::new("pdf.annotation", what));
            }
            self.links += 1;
        }
        Ok(())
    }

    /// Whether a link draws more than a thin border (ISO 32000-1, 12.5.4).
    fn covers(&self, link: &Dict) -> bool {
        let styled = self.file.at(link, "BS").and_then(|style| self.file.dict(style));
        let width = match (styled, self.file.at(link, "Border")) {
            (Some(style), _) => self.file.at(style, "W").map_or(Some(1.0), Object::number),
            (None, None) => Some(1.0),
            (None, Some(Object::List(border))) => border.get(2).map_or(Some(1.0), |w| self.file.resolve(w).number()),
            (None, Some(_)) => None,
        };
        link.contains_key("AP") || width.is_none_or(|width| width > LINK_BORDER_MAX)
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
            let (head, data) = self.file.stream(part).ok_or_else(|| form("page content that is not a stream"))?;
            code.extend(self.file.decoded(head, data)?);
            code.push(b'\n');
        }
        Ok(code)
    }
}
