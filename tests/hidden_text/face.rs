//! The fonts that words are set in: those that every reader has, and two of our own with letters of little squares, one
//! of drawings and one TrueType, that can be made to lie.

use super::draw::Object;

/// What letters are taken from. Thin ones are left out: of a bar one pixel wide nobody can say whether it is seen.
pub const LETTERS: &[u8] = b"ABCDEFGHKLMNOPRSTUVXYZ23456789";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Face {
    /// One that every reader has, by name.
    Plain(&'static str),
    /// Of drawings (Type 3).
    Drawn,
    /// A TrueType program.
    Program,
}

pub const PLAIN: [&str; 8] = [
    "Helvetica",
    "Helvetica-Bold",
    "Helvetica-Oblique",
    "Times-Roman",
    "Times-Bold",
    "Times-Italic",
    "Courier",
    "Courier-Bold",
];

/// What is wrong with a font of our own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trick {
    None,
    /// Letters without ink.
    Blank,
    /// Every second letter without ink.
    BlankSome,
    /// Each part painted twice, one way round and the other, which paints nothing.
    Cancelled,
    /// Ink as thin as a hair.
    Thin,
    /// The same, gone round twelve times.
    Traced,
    /// All letters at one place, or each before the last.
    NoWidth,
    Negative,
    /// Ink far from where the letter stands.
    Elsewhere,
    /// Ink that the metrics of the program say is far away.
    Bearing,
    /// Ink too small to be seen.
    Tiny,
}

/// Five columns and seven rows of each letter, from the top, the leftmost column highest.
const SQUARES: [(u8, [u8; 7]); 30] = [
    (b'A', [14, 17, 17, 31, 17, 17, 17]),
    (b'B', [30, 17, 17, 30, 17, 17, 30]),
    (b'C', [14, 17, 16, 16, 16, 17, 14]),
    (b'D', [30, 17, 17, 17, 17, 17, 30]),
    (b'E', [31, 16, 16, 30, 16, 16, 31]),
    (b'F', [31, 16, 16, 30, 16, 16, 16]),
    (b'G', [14, 17, 16, 23, 17, 17, 15]),
    (b'H', [17, 17, 17, 31, 17, 17, 17]),
    (b'K', [17, 18, 20, 24, 20, 18, 17]),
    (b'L', [16, 16, 16, 16, 16, 16, 31]),
    (b'M', [17, 27, 21, 21, 17, 17, 17]),
    (b'N', [17, 25, 21, 19, 17, 17, 17]),
    (b'O', [14, 17, 17, 17, 17, 17, 14]),
    (b'P', [30, 17, 17, 30, 16, 16, 16]),
    (b'R', [30, 17, 17, 30, 20, 18, 17]),
    (b'S', [15, 16, 16, 14, 1, 1, 30]),
    (b'T', [31, 4, 4, 4, 4, 4, 4]),
    (b'U', [17, 17, 17, 17, 17, 17, 14]),
    (b'V', [17, 17, 17, 17, 17, 10, 4]),
    (b'X', [17, 17, 10, 4, 10, 17, 17]),
    (b'Y', [17, 17, 10, 4, 4, 4, 4]),
    (b'Z', [31, 1, 2, 4, 8, 16, 31]),
    (b'2', [14, 17, 1, 2, 4, 8, 31]),
    (b'3', [31, 2, 4, 2, 1, 17, 14]),
    (b'4', [2, 6, 10, 18, 31, 2, 2]),
    (b'5', [31, 16, 30, 1, 1, 17, 14]),
    (b'6', [6, 8, 16, 30, 17, 17, 14]),
    (b'7', [31, 1, 2, 4, 8, 8, 8]),
    (b'8', [14, 17, 17, 14, 17, 17, 14]),
    (b'9', [14, 17, 17, 15, 1, 2, 12]),
];

/// The bars that a letter is made of, in thousandths of its size: left, bottom, right, top.
pub fn bars(letter: u8) -> Vec<[i32; 4]> {
    let Some((_, rows)) = SQUARES.iter().find(|(l, _)| *l == letter) else { return Vec::new() };
    let mut bars = Vec::new();
    for (row, bits) in rows.iter().enumerate() {
        let (y, mut x) = (600 - 100 * row as i32, 0);
        while x < 5 {
            let set = |x: i32| x < 5 && bits >> (4 - x) & 1 == 1;
            let from = x;
            while set(x) {
                x += 1;
            }
            if x > from {
                bars.push([50 + 100 * from, y, 50 + 100 * x, y + 100]);
            }
            x += 1;
        }
    }
    bars
}

/// How much of the square of its size a letter of our own inks.
pub fn ink(letter: u8) -> f64 {
    bars(letter).iter().map(|[x0, y0, x1, y1]| f64::from((x1 - x0) * (y1 - y0)) / 1e6).sum()
}

/// The same letters as paths, placed and scaled.
pub fn paths(word: &str, (x, y): (f64, f64), size: f64) -> String {
    let mut out = String::new();
    for (i, letter) in word.bytes().enumerate() {
        for [x0, y0, x1, y1] in bars(letter) {
            let at = |n: i32| f64::from(n) * size / 1000.0;
            out.push_str(&super::draw::rect([
                x + 0.6 * size * i as f64 + at(x0),
                y + at(y0),
                at(x1 - x0),
                at(y1 - y0),
            ]));
        }
    }
    out
}

impl Face {
    /// More than any letter moves, in its size; exact for letters of one breadth.
    pub fn breadth(self) -> f64 {
        match self {
            Face::Plain(name) if !name.starts_with("Courier") => 0.95,
            _ => 0.6,
        }
    }

    /// Less than any letter moves.
    pub fn breadth_min(self) -> f64 {
        match self {
            Face::Plain(name) if !name.starts_with("Courier") => 0.5,
            _ => 0.6,
        }
    }

    /// The objects of the font, the first of which is it; `first` is the number that it will have among the page's.
    pub fn objects(self, trick: Trick, first: usize) -> Vec<Object> {
        match self {
            Face::Plain(name) => {
                // One that states widths need not have those of its name.
                let stated =
                    if matches!(trick, Trick::NoWidth | Trick::Negative) { widths(trick) } else { String::new() };
                vec![Object::dict(format!(
                    "<< /Type /Font /Subtype /Type1 /BaseFont /{name} /Encoding /WinAnsiEncoding {stated} >>"
                ))]
            }
            Face::Drawn => drawn(trick, first),
            Face::Program => program(trick, first),
        }
    }
}

fn tricked(letter: u8, i: usize, trick: Trick) -> Vec<[i32; 4]> {
    let bars = bars(letter);
    match trick {
        Trick::Blank => Vec::new(),
        Trick::BlankSome if i.is_multiple_of(2) => Vec::new(),
        Trick::Elsewhere => bars.into_iter().map(|[x0, y0, x1, y1]| [x0 - 30_000, y0, x1 - 30_000, y1]).collect(),
        Trick::Thin | Trick::Traced => bars.into_iter().map(|[x0, y0, _, y1]| [x0, y0, x0 + 1, y1]).collect(),
        Trick::Tiny => bars.into_iter().map(|bar| bar.map(|n| n / 12)).filter(|[a, _, b, _]| a < b).collect(),
        _ => bars,
    }
}

fn width(trick: Trick) -> i32 {
    match trick {
        Trick::NoWidth => 0,
        Trick::Negative => -500,
        _ => 600,
    }
}

fn widths(trick: Trick) -> String {
    let all: Vec<String> = (b' '..=b'Z')
        .map(|c| if c == b' ' || LETTERS.contains(&c) { width(trick) } else { 0 })
        .map(|n| n.to_string())
        .collect();
    format!("/FirstChar 32 /LastChar 90 /Widths [{}]", all.join(" "))
}

fn to_unicode() -> Object {
    let mut map = String::from(
        "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n/CMapName /Letters def\n/CMapType 2 def\n1 \
         begincodespacerange\n<00> <FF>\nendcodespacerange\n",
    );
    map.push_str(&format!("{} beginbfchar\n<20> <0020>\n", LETTERS.len() + 1));
    LETTERS.iter().for_each(|c| map.push_str(&format!("<{c:02X}> <{c:04X}>\n")));
    map.push_str("endbfchar\nendcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n");
    Object::stream("<< >>", map.into_bytes())
}

fn drawn(trick: Trick, first: usize) -> Vec<Object> {
    let all: Vec<u8> = std::iter::once(b' ').chain(LETTERS.iter().copied()).collect();
    let (mut names, mut procedures, mut glyphs) = (String::new(), String::new(), Vec::new());
    for (i, letter) in all.iter().enumerate() {
        names.push_str(&format!(" {letter} /g{letter}"));
        procedures.push_str(&format!(" /g{letter} @{}@", first + 2 + i));
        let bars = tricked(*letter, i, trick);
        let side = |n: usize, least: bool| {
            let all = bars.iter().map(|bar| bar[n]);
            if least { all.min() } else { all.max() }.unwrap_or(0)
        };
        let mut code = format!(
            "{} 0 {} {} {} {} d1\n",
            width(trick),
            side(0, true),
            side(1, true),
            side(2, false),
            side(3, false)
        );
        for [x0, y0, x1, y1] in &bars {
            let times = if trick == Trick::Traced { 12 } else { 1 };
            code.push_str(&format!("{x0} {y0} m\n{x1} {y0} l\n{x1} {y1} l\n{x0} {y1} l\nh\n").repeat(times));
            if trick == Trick::Cancelled {
                code.push_str(&format!("{x0} {y0} m\n{x0} {y1} l\n{x1} {y1} l\n{x1} {y0} l\nh\n"));
            }
        }
        if !bars.is_empty() {
            code.push_str("f\n");
        }
        glyphs.push(Object::stream("<< >>", code.into_bytes()));
    }
    let mut objects = vec![
        Object::dict(format!(
            "<< /Type /Font /Subtype /Type3 /FontBBox [0 0 0 0] /FontMatrix [0.001 0 0 0.001 0 0] {} /Encoding << /Type \
             /Encoding /Differences [{}] >> /CharProcs <<{procedures} >> /Resources << >> /ToUnicode @{}@ >>",
            widths(trick),
            names.trim_start(),
            first + 1
        )),
        to_unicode(),
    ];
    objects.extend(glyphs);
    objects
}

fn program(trick: Trick, first: usize) -> Vec<Object> {
    vec![
        Object::dict(format!(
            "<< /Type /Font /Subtype /TrueType /BaseFont /AAAAAA+Squares {} /FontDescriptor @{}@ /ToUnicode @{}@ >>",
            widths(trick),
            first + 2,
            first + 1
        )),
        to_unicode(),
        Object::dict(format!(
            "<< /Type /FontDescriptor /FontName /AAAAAA+Squares /Flags 4 /FontBBox [0 0 600 700] /ItalicAngle 0 /Ascent \
             700 /Descent 0 /CapHeight 700 /StemV 100 /FontFile2 @{}@ >>",
            first + 3
        )),
        Object::stream("<< >>", true_type(trick)),
    ]
}

/// A TrueType program with the tables that a font in a PDF must have (ISO 32000-1, 9.9), a letter a code.
fn true_type(trick: Trick) -> Vec<u8> {
    let letters: Vec<u8> = std::iter::once(b' ').chain(LETTERS.iter().copied()).collect();
    let (mut glyf, mut loca, mut hmtx) = (Vec::new(), Vec::new(), Vec::new());
    let mut cmap_codes = vec![0u8; 256];
    // The first letter is the one that stands for those that are not there.
    for (i, letter) in std::iter::once(&b' ').chain(&letters).enumerate() {
        loca.extend((glyf.len() as u32).to_be_bytes());
        if i > 0 {
            cmap_codes[usize::from(*letter)] = i as u8;
        }
        let bars = tricked(*letter, i.saturating_sub(1), trick);
        // Readers move a letter to where this says that its left edge is.
        hmtx.extend(600u16.to_be_bytes());
        let away = if trick == Trick::Bearing { 28_000 } else { 0 };
        hmtx.extend(((bars.iter().map(|bar| bar[0]).min().unwrap_or(0) + away) as i16).to_be_bytes());
        if !bars.is_empty() {
            simple_glyph(&bars, trick == Trick::Cancelled, &mut glyf);
        }
    }
    loca.extend((glyf.len() as u32).to_be_bytes());
    let count = (letters.len() + 1) as u16;
    let words = |list: &[i32]| list.iter().flat_map(|n| (*n as i16).to_be_bytes()).collect::<Vec<u8>>();
    let mut head = words(&[1, 0, 1, 0]);
    head.extend([0, 0, 0, 0, 0x5F, 0x0F, 0x3C, 0xF5]);
    head.extend(words(&[0, 1000]));
    head.extend([0; 16]);
    head.extend(words(&[0, 0, 600, 700, 0, 8, 2, 1, 0]));
    let mut hhea = words(&[1, 0, 700, 0, 0, 600, 0, 0, 600, 1, 0, 0, 0, 0, 0, 0, 0]);
    hhea.extend(count.to_be_bytes());
    let mut maxp = words(&[1, 0]);
    maxp.extend(count.to_be_bytes());
    maxp.extend(words(&[400, 100, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]));
    let mut cmap = words(&[0, 1, 1, 0]);
    cmap.extend(12u32.to_be_bytes());
    cmap.extend(words(&[0, 262, 0]));
    cmap.extend(cmap_codes);
    let tables: [(&[u8; 4], Vec<u8>); 7] = [
        (b"cmap", cmap),
        (b"glyf", glyf),
        (b"head", head),
        (b"hhea", hhea),
        (b"hmtx", hmtx),
        (b"loca", loca),
        (b"maxp", maxp),
    ];
    let mut out = vec![0, 1, 0, 0];
    out.extend(words(&[tables.len() as i32, 64, 2, 48]));
    let mut at = 12 + 16 * tables.len();
    for (name, table) in &tables {
        out.extend(*name);
        out.extend(0u32.to_be_bytes());
        out.extend((at as u32).to_be_bytes());
        out.extend((table.len() as u32).to_be_bytes());
        at += table.len().next_multiple_of(4);
    }
    for (_, table) in &tables {
        out.extend(table);
        out.resize(out.len().next_multiple_of(4), 0);
    }
    out
}

fn simple_glyph(bars: &[[i32; 4]], cancelled: bool, out: &mut Vec<u8>) {
    let mut push = |n: i32| out.extend((n as i16).to_be_bytes());
    let parts = if cancelled { 2 * bars.len() } else { bars.len() };
    push(parts as i32);
    push(bars.iter().map(|b| b[0]).min().unwrap_or(0));
    push(bars.iter().map(|b| b[1]).min().unwrap_or(0));
    push(bars.iter().map(|b| b[2]).max().unwrap_or(0));
    push(bars.iter().map(|b| b[3]).max().unwrap_or(0));
    (1..=parts).for_each(|i| push(4 * i as i32 - 1));
    push(0);
    let round = |[x0, y0, x1, y1]: &[i32; 4]| [(*x0, *y0), (*x0, *y1), (*x1, *y1), (*x1, *y0)];
    let mut points: Vec<(i32, i32)> = bars.iter().flat_map(round).collect();
    if cancelled {
        points.extend(bars.iter().flat_map(|bar| round(bar).into_iter().rev()));
    }
    out.extend(std::iter::repeat_n(1u8, points.len()));
    let mut last = 0;
    for (x, _) in &points {
        out.extend(((x - last) as i16).to_be_bytes());
        last = *x;
    }
    last = 0;
    for (_, y) in &points {
        out.extend(((y - last) as i16).to_be_bytes());
        last = *y;
    }
    out.resize(out.len().next_multiple_of(4), 0);
}
