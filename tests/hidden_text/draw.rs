//! Chance, and writing PDF files of pages that each have objects of their own.

/// A sequence of numbers that follows from where it began (SplitMix64).
pub struct Rng(u64);

impl Rng {
    /// The sequence of one case of one seed.
    pub fn of(seed: u64, case: u64) -> Rng {
        let mut rng = Rng(seed ^ case.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        rng.next();
        rng
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    /// A number between two, to a hundredth of a point.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        let part = (self.next() >> 11) as f64 / (1u64 << 53) as f64;
        ((low + (high - low) * part) * 100.0).round() / 100.0
    }

    pub fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

/// An object: a dictionary, and the data of a stream. `@3@` refers to the fourth object of the page.
#[derive(Clone)]
pub struct Object {
    pub head: String,
    pub data: Option<Vec<u8>>,
}

impl Object {
    pub fn dict(head: impl Into<String>) -> Object {
        Object { head: head.into(), data: None }
    }

    pub fn stream(head: impl Into<String>, data: Vec<u8>) -> Object {
        Object { head: head.into(), data: Some(data) }
    }
}

/// A page by itself.
pub struct Page {
    /// Its boxes and the like.
    pub entries: String,
    /// What the tree above it says for it.
    pub above: String,
    pub resources: String,
    pub code: String,
    pub objects: Vec<Object>,
}

/// Puts numbers in the place of `@n@`; the first object of the page has the number `base`.
fn referred(text: &str, base: usize) -> String {
    let mut out = String::new();
    for (i, part) in text.split('@').enumerate() {
        match part.parse::<usize>() {
            Ok(n) if i % 2 == 1 => out.push_str(&format!("{} 0 R", base + n)),
            _ => out.push_str(part),
        }
    }
    out
}

/// A file of pages.
pub fn file(pages: &[Page]) -> Vec<u8> {
    let mut objects: Vec<(String, Option<&[u8]>)> =
        vec![("<< /Type /Catalog /Pages 2 0 R >>".into(), None), (String::new(), None)];
    let mut kids = String::new();
    for page in pages {
        let mut parent = 2;
        if !page.above.is_empty() {
            parent = objects.len() + 1;
            let node = format!("<< /Type /Pages /Parent 2 0 R /Count 1 /Kids [{} 0 R] {} >>", parent + 1, page.above);
            objects.push((node, None));
            kids.push_str(&format!("{parent} 0 R "));
        }
        let own = objects.len() + 1;
        let base = own + 2;
        if page.above.is_empty() {
            kids.push_str(&format!("{own} 0 R "));
        }
        objects.push((
            format!(
                "<< /Type /Page /Parent {parent} 0 R {} /Contents {} 0 R /Resources << {} >> >>",
                referred(&page.entries, base),
                own + 1,
                referred(&page.resources, base)
            ),
            None,
        ));
        objects.push(("<< >>".into(), Some(page.code.as_bytes())));
        objects.extend(page.objects.iter().map(|o| (referred(&o.head, base), o.data.as_deref())));
    }
    objects[1].0 = format!("<< /Type /Pages /Count {} /Kids [{}] >>", pages.len(), kids.trim_end());
    let mut out = b"%PDF-1.4\n".to_vec();
    let mut places = Vec::new();
    for (i, (head, data)) in objects.iter().enumerate() {
        places.push(out.len());
        out.extend(format!("{} 0 obj\n", i + 1).bytes());
        match data {
            None => out.extend(head.bytes()),
            Some(data) => {
                let head = head.trim_end().trim_end_matches(">>");
                out.extend(format!("{head} /Length {} >>\nstream\n", data.len()).bytes());
                out.extend(*data);
                out.extend(b"\nendstream");
            }
        }
        out.extend(b"\nendobj\n");
    }
    let table = out.len();
    let size = objects.len() + 1;
    out.extend(format!("xref\n0 {size}\n0000000000 65535 f \n").bytes());
    places.iter().for_each(|at| out.extend(format!("{at:010} 00000 n \n").bytes()));
    out.extend(format!("trailer\n<< /Root 1 0 R /Size {size} >>\nstartxref\n{table}\n%%EOF\n").bytes());
    out
}

/// The upright rectangle as a path.
pub fn rect([x, y, width, height]: [f64; 4]) -> String {
    format!("{x:.2} {y:.2} {width:.2} {height:.2} re\n")
}

/// An image of one colour or of given pixels, three bytes each.
pub fn image(width: usize, height: usize, pixels: &[u8]) -> Object {
    let packed = miniz_oxide::deflate::compress_to_vec_zlib(pixels, 6);
    Object::stream(
        format!(
            "<< /Type /XObject /Subtype /Image /Width {width} /Height {height} /BitsPerComponent 8 /ColorSpace /DeviceRGB \
             /Filter /FlateDecode >>"
        ),
        packed,
    )
}

/// A colour in its parts.
#[derive(Clone, Copy, Debug)]
pub struct Colour(pub [f64; 3]);

pub const WHITE: Colour = Colour([1.0; 3]);
pub const BLACK: Colour = Colour([0.0; 3]);

impl Colour {
    pub fn light(self) -> f64 {
        let [r, g, b] = self.0;
        0.299 * r + 0.587 * g + 0.114 * b
    }

    pub fn any(rng: &mut Rng) -> Colour {
        Colour([0; 3].map(|_: i32| rng.between(0.0, 1.0)))
    }

    /// One that is darker, or lighter, than `bound`.
    pub fn dark(rng: &mut Rng, bound: f64) -> Colour {
        loop {
            let colour = Colour::any(rng);
            if colour.light() < bound {
                return colour;
            }
        }
    }

    pub fn pale(rng: &mut Rng, bound: f64) -> Colour {
        loop {
            let colour = Colour::any(rng);
            if colour.light() > bound {
                return colour;
            }
        }
    }

    /// One that differs so little that nobody sees it.
    pub fn near(self, rng: &mut Rng, by: f64) -> Colour {
        Colour(self.0.map(|part| {
            let other = part + rng.between(-by, by);
            (other.clamp(0.0, 1.0) * 1000.0).round() / 1000.0
        }))
    }

    /// Set for areas and letters, in one of the ways to say it.
    pub fn fill(self, rng: &mut Rng) -> String {
        let [r, g, b] = self.0;
        if r == g && g == b && rng.chance(60) {
            return match rng.below(4) {
                0 => format!("{r} g\n"),
                1 => format!("/DeviceGray cs {r} sc\n"),
                2 => format!("0 0 0 {} k\n", ((1.0 - r) * 1000.0).round() / 1000.0),
                _ => format!("/DeviceGray cs {r} scn\n"),
            };
        }
        match rng.below(4) {
            0 => format!("/DeviceRGB cs {r} {g} {b} sc\n"),
            1 => format!("/DeviceRGB cs {r} {g} {b} scn\n"),
            _ => format!("{r} {g} {b} rg\n"),
        }
    }

    pub fn stroke(self) -> String {
        let [r, g, b] = self.0;
        format!("{r} {g} {b} RG\n")
    }

    pub fn pixel(self) -> [u8; 3] {
        self.0.map(|part| (part * 255.0).round() as u8)
    }
}
