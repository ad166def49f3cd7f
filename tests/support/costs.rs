//! The files that cost most for their length in each format, as far as they are known, and what is done with them.

use std::io::Cursor;

use portcullis::inspect::Settings;
use portcullis::marking::{DocumentDate, Register, Rules, stanag4774};
use portcullis::product::{Bounds, Format, Package as _, Zip};
use portcullis::rebuild::{InProcess, Kind, Limits, PdfFonts, Rebuilder as _, SAMPLES_FREE, SAMPLES_PER_BYTE, Task};

use super::support;
use super::vectors;
use super::zip::{Entry, Frame, archive};

/// What is done with a file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// A foreign format is written anew.
    Rebuild(Kind),
    /// One that a gateway wrote is examined.
    Examine(Kind),
    /// A product is read, whichever its format.
    Product,
    /// A product is read, cut and inspected as on the way out, with a list of words.
    Outward,
    /// A product is read, cut and written as a page for people.
    Page,
    /// A label of STANAG 4774 is read.
    Label,
    /// The product of an archive is unpacked.
    Package,
}

impl Way {
    pub fn all() -> Vec<Way> {
        let kinds = Kind::ALL.into_iter().flat_map(|kind| [Way::Rebuild(kind), Way::Examine(kind)]);
        kinds.chain([Way::Product, Way::Outward, Way::Page, Way::Label, Way::Package]).collect()
    }

    pub fn name(self) -> String {
        match self {
            Way::Rebuild(kind) => format!("rebuild {}", kind.media_type()),
            Way::Examine(kind) => format!("examine {}", kind.media_type()),
            Way::Product => "product".into(),
            Way::Outward => "outward".into(),
            Way::Page => "page".into(),
            Way::Label => "label".into(),
            Way::Package => "package".into(),
        }
    }

    /// Goes this way with one file; what it came to: `pass`, or why not.
    pub fn go(self, bytes: &[u8]) -> String {
        match self {
            Way::Rebuild(kind) => rebuilt(Task::Rebuild, kind, bytes),
            Way::Examine(kind) => rebuilt(Task::Examine, kind, bytes),
            Way::Product => support::read(bytes).map_or_else(first, |_| "pass".into()),
            Way::Outward => support::read(bytes).map_or_else(first, |product| {
                let settings: Settings = support::settings();
                first(support::codes(support::inspect_all(&product, None, &settings)))
            }),
            Way::Page => support::read(bytes).map_or_else(first, |product| {
                let page = support::cut(&product).rendered(Format::Html, Register::compiled_in());
                if page.is_ok() { "pass".into() } else { "no image".into() }
            }),
            Way::Label => {
                let rules = Rules::new(Register::compiled_in(), DocumentDate::Unknown);
                let label = stanag4774::read_label(&rules, &String::from_utf8_lossy(bytes));
                if label.is_ok() { "pass".into() } else { "label".into() }
            }
            Way::Package => {
                let bounds = Bounds::default();
                let zip = Zip::open(Box::new(Cursor::new(bytes.to_vec())));
                let text = zip.and_then(|mut zip| zip.text(bounds.bytes_max));
                text.map_or_else(
                    |faults| faults.first().map_or(String::new(), |f| format!("{:?}", f.code)),
                    |_| "pass".into(),
                )
            }
        }
    }

    /// A small sound file, to read before: what is made once in a process (the register) is not the file's cost.
    pub fn small(self) -> Vec<u8> {
        let product = || twice("(S//REL TO USA, GBR) EXERCISE. Two vessels.\n");
        match self {
            Way::Rebuild(kind) => small(kind),
            Way::Examine(kind) => anew(kind, &small(kind)),
            Way::Product | Way::Outward | Way::Page => product(),
            Way::Label => b"<label></label>".to_vec(),
            Way::Package => archive(&[Entry::deflated("product.txt", &product())], &Frame::default()),
        }
    }
}

/// Files that are read in one process, and what they may cost together. Where that is what one of them may cost, each is
/// held to it by itself, and counting starts only once.
pub struct Case {
    pub name: String,
    pub way: Way,
    /// Each with what it comes to, where it matters: one that is refused at once would show nothing.
    pub files: Vec<(Vec<u8>, Option<&'static str>)>,
    /// How many units (64 KiB: 50 ms, 16 MiB) they may cost.
    pub units: f64,
    /// How many times as many instructions as the rule allows are known to be taken; 1 where the rule holds.
    pub known: f64,
}

/// See `unoptimised`.
pub const UNOPTIMISED_JPEG: f64 = 24.0;
pub const UNOPTIMISED_PDF: f64 = 15.0;

/// These in one process, for what one of them may cost.
fn together(name: &str, cases: Vec<Case>) -> Case {
    let (way, units) = (cases[0].way, cases[0].units);
    Case { name: name.into(), way, files: cases.into_iter().flat_map(|case| case.files).collect(), units, known: 1.0 }
}

fn first(codes: std::collections::BTreeSet<String>) -> String {
    codes.into_iter().next().unwrap_or_else(|| "pass".into())
}

fn here() -> InProcess {
    InProcess { limits: Limits { pdf_fonts: PdfFonts::Mapped, ..Limits::default() } }
}

fn rebuilt(task: Task, kind: Kind, bytes: &[u8]) -> String {
    here().work(task, kind, bytes).map_or_else(|fault| fault.code.into(), |_| "pass".into())
}

fn anew(kind: Kind, bytes: &[u8]) -> Vec<u8> {
    here().work(Task::Rebuild, kind, bytes).unwrap().bytes
}

fn small(kind: Kind) -> Vec<u8> {
    let wanted = |v: &vectors::Vector| v.value("attachment").ends_with(kind.media_type());
    let all = vectors::read_all("inspect").into_iter().filter(|v| v.name.starts_with("sound_") && wanted(v));
    all.map(|vector| support::body(&vector)).min_by_key(Vec::len).unwrap()
}

/// Bytes of a file that is counted.
const PIECE: usize = 64 << 10;

pub fn cases() -> Vec<Case> {
    let mut all = images();
    all.push(together("pdf marks", pages()));
    all.extend(values());
    all.extend(texts());
    all.extend(attached());
    all.extend(formats());
    all.extend(bombs());
    all
}

/// Vectors of as many samples as a file may have: the cases of images are a part of them.
const LARGE: [&str; 2] = ["bomb_pdf_jpegs_flat", "bomb_pdf_white"];

/// Every other vector of a file that is made to cost.
fn bombs() -> Vec<Case> {
    let all =
        vectors::read_all("inspect").into_iter().filter(|v| v.name.starts_with("bomb") && !LARGE.contains(&&*v.name));
    let all: Vec<_> =
        all.filter_map(|v| Some((Kind::of(v.value("attachment").split_once(' ')?.1)?, support::body(&v)))).collect();
    let case = |kind: Kind| Case {
        name: format!("vectors of {kind}"),
        way: Way::Rebuild(kind),
        files: all.iter().filter(|(k, _)| *k == kind).map(|(_, bytes)| (bytes.clone(), None)).collect(),
        units: 1.0,
        known: 1.0,
    };
    Kind::ALL.into_iter().map(case).filter(|case| !case.files.is_empty()).collect()
}

/// A PNG of three colours, packed by the library.
fn png(width: u32, height: u32, pixels: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_compression(png::Compression::High);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(pixels).unwrap();
    writer.finish().unwrap();
    out
}

/// Bytes that no packer makes shorter.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 7u32;
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..length).map(next).collect()
}

/// A part of the samples that a file may have, and of what it may cost: what an image costs is in proportion to them.
fn images() -> Vec<Case> {
    const ROWS: usize = 56;
    let samples = (1000 * ROWS * 3) as f64;
    // A file of nearly nothing may have as many as are free, and one of a unit as many more as its bytes bring.
    let (short, unit) = (SAMPLES_FREE as f64, (SAMPLES_FREE + SAMPLES_PER_BYTE * PIECE as u64) as f64);
    let case = |name: &str, way, bytes: Vec<u8>, units: f64, known| {
        let units = units.max(bytes.len() as f64 / PIECE as f64);
        Case { name: name.into(), way, files: vec![(bytes, Some("pass"))], units, known }
    };
    let page = |pixels: &[u8]| {
        let packed = miniz_oxide::deflate::compress_to_vec_zlib(pixels, 9);
        let head = format!(
            "/Type /XObject /Subtype /Image /BitsPerComponent 8 /ColorSpace /DeviceRGB /Width 1000 /Height {ROWS} \
             /Filter /FlateDecode"
        );
        pdf("q 500 0 0 28 9 9 cm /I Do Q", "/XObject << /I 5 0 R >>", &[(&head, &packed)])
    };
    // Each row like the one before, and each eighth like the one before that.
    let (rows, noisy) = (noise(3000).repeat(ROWS), noise(3000 * 8).repeat(ROWS / 8));
    // A page that is written anew holds its image as a JPEG.
    let written = anew(Kind::Pdf, &page(&rows));
    let begins = written.windows(3).position(|w| w == [0xff, 0xd8, 0xff]).unwrap();
    let ends = written.windows(2).rposition(|w| w == [0xff, 0xd9]).unwrap() + 2;
    let jpeg = written[begins..ends].to_vec();
    let png = png(1000, ROWS as u32, &rows);
    // What is written as a JPEG counts twice.
    let twice = 2.0 * samples / unit;
    let as_pdf = |times: f64, unoptimised: f64| times * unoptimised / UNOPTIMISED_PDF;
    let alone = |name: &str, pixels: &[u8], known| {
        let case = case(name, Way::Rebuild(Kind::Pdf), page(pixels), 0.0, known);
        // Here the image is all that is meant: a page of this length could have many more.
        Case { units: twice, ..case }
    };
    vec![
        case("png", Way::Rebuild(Kind::Png), png.clone(), samples / short, 1.0),
        case("png examined", Way::Examine(Kind::Png), anew(Kind::Png, &png), samples / short, 1.0),
        case("jpeg", Way::Rebuild(Kind::Jpeg), jpeg.clone(), twice, 1.0),
        case("jpeg examined", Way::Examine(Kind::Jpeg), anew(Kind::Jpeg, &jpeg), samples / short, 1.0),
        // Some 45 instructions for each sample, optimised, and 90 where every coefficient is coded.
        alone("pdf image", &rows, as_pdf(1.1, 48.0)),
        alone("pdf image of noise", &noisy, as_pdf(2.2, UNOPTIMISED_JPEG)),
        case("pdf image examined", Way::Examine(Kind::Pdf), written, samples / short, 1.0),
    ]
}

/// A PDF of one page with these streams behind it.
fn pdf(code: &str, resources: &str, streams: &[(&str, &[u8])]) -> Vec<u8> {
    let stream = |head: &str, data: &[u8]| {
        let head = format!("<< /Length {} {head} >>\nstream\n", data.len());
        [head.as_bytes(), data, b"\nendstream"].concat()
    };
    let mut objects = vec![
        b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
        b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>".to_vec(),
        format!("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << {resources} >> >>")
            .into_bytes(),
        stream("", code.as_bytes()),
    ];
    objects.extend(streams.iter().map(|(head, data)| stream(head, data)));
    let (mut out, mut places) = (b"%PDF-1.4\n".to_vec(), Vec::new());
    for (i, object) in objects.iter().enumerate() {
        places.push(out.len());
        out.extend([format!("{} 0 obj\n", i + 1).as_bytes(), object, b"\nendobj\n"].concat());
    }
    let table = out.len();
    out.extend(format!("xref\n0 {}\n0000000000 65535 f \n", places.len() + 1).bytes());
    places.iter().for_each(|at| out.extend(format!("{at:010} 00000 n \n").bytes()));
    let size = places.len() + 1;
    out.extend(format!("trailer\n<< /Root 1 0 R /Size {size} >>\nstartxref\n{table}\n%%EOF\n").bytes());
    out
}

/// As many of these lines as make a piece; `line` is given a number.
fn lines(bytes: usize, line: impl Fn(usize) -> String) -> String {
    let mut out = String::new();
    for number in 0.. {
        let next = line(number);
        if out.len() + next.len() > bytes {
            break;
        }
        out += &next;
    }
    out
}

/// Pages of many marks.
fn pages() -> Vec<Case> {
    let font = "/Font << /F << /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >> >>";
    let case = |code: String| Case {
        name: String::new(),
        way: Way::Rebuild(Kind::Pdf),
        files: vec![(pdf(&code, font, &[]), Some("pass"))],
        units: 1.0,
        known: 1.0,
    };
    let words = |n: usize| {
        let (x, y) = (20 + n % 8 * 70, 780 - n / 8 * 7);
        format!("BT /F 6 Tf {x} {y} Td (EXERCISE {n}) Tj ET\n")
    };
    // Letters by themselves, out of order, along lines that are not straight and in columns.
    let letter = |n: usize| {
        let (column, row) = (n * 37 % 70, n / 70);
        format!("BT /F 6 Tf {} {} Td (E) Tj ET\n", 20 + 8 * column, 780 - 8 * row + column % 2)
    };
    let page = |n: usize| if n < 880 { words(n) } else { format!("{} {} 0.1 0.1 re f\n", n % 600, n % 3) };
    vec![
        case(lines(PIECE, page)),
        case(lines(PIECE, letter)),
        case(lines(PIECE, |n| format!("{} {} 500 600 re f\n", n % 100, n % 90))),
        case(lines(PIECE, |n| format!("{} 9 m {} 780 l S\n", n % 600, n * 7 % 600))),
        case(lines(PIECE, |n| format!("9 9 m {n} 700 0 {n} 500 5 c S\n"))),
    ]
}

/// JSON, STIX and tables of many small values.
fn values() -> Vec<Case> {
    let times = |text: &str, n: usize| text.repeat(n / text.len());
    let names = lines(PIECE, |n| format!("\"a{n:04}\":0,"));
    let bundle = |objects: &str| {
        format!(
            "{{\"type\":\"bundle\",\"id\":\"bundle--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f\",\"objects\":[{objects}]}}"
        )
    };
    let identity = lines(PIECE, |n| {
        format!(
            "{{\"type\":\"identity\",\"spec_version\":\"2.1\",\"id\":\"identity--8e2e2d2b-17d4-4cbf-938f-98ee46b3{n:04x}\",\
             \"name\":\"EXERCISE\"}},"
        )
    });
    let case = |kind, text: String| Case {
        name: String::new(),
        way: Way::Rebuild(kind),
        files: vec![(text.into_bytes(), Some("pass"))],
        units: 1.0,
        known: 1.0,
    };
    let json = vec![
        case(Kind::Json, format!("[{}{{}}]", times("{},", PIECE))),
        case(Kind::Json, format!("{{{names}\"b\":0}}")),
        case(Kind::Json, format!("[{}\"\"]", times(&format!("\"{}\",", times("\\u00e9", 6000)), PIECE))),
        case(Kind::Json, format!("[{}0]", times("1.7976931348623157e308,", PIECE))),
    ];
    let tables = vec![
        case(Kind::Csv, format!("a,b\n{}", times("1,2\n", PIECE))),
        case(Kind::Csv, format!("a,b\n{}", times("\"\"\"\",\"\"\"\"\n", PIECE))),
    ];
    let stix = vec![case(Kind::Stix, bundle(identity.trim_end_matches(',')))];
    vec![together("json", json), together("stix", stix), together("csv", tables)]
}

/// A product of two tearlines that say the same.
fn twice(paragraphs: &str) -> Vec<u8> {
    format!(
        "PORTCULLIS PRODUCT 1\nId: EXERCISE-2026-0003\nTitle: (S//NF) EXERCISE: above the line\n\
         Originator: (U) EXERCISE Group\nProtected: Copper Finch\nDate: 2026-11-20\nKind: report\n\nSECRET//NOFORN\n\n\
         (S//NF) EXERCISE. The version above the line.\n\n{paragraphs}\n------------------------\n\n\
         SECRET//REL TO USA, GBR\nTitle: (S//REL) EXERCISE: below the line\n\n{paragraphs}"
    )
    .into_bytes()
}

/// Paragraphs of this text, of so many bytes in all.
fn paragraphs(text: &str, bytes: usize) -> String {
    let line = text.repeat(2000 / text.len().max(1)).trim_end().to_owned();
    let paragraph = format!("(S//REL TO USA, GBR) EXERCISE {line}\n");
    let all = vec![paragraph.as_str(); (bytes / paragraph.len()).max(1)];
    all.join("\n")
}

/// Text, read, cut and inspected as on the way out, against its source and a list of words.
fn texts() -> Vec<Case> {
    let case = |name: &str, text: &str, known| {
        let bytes = twice(&paragraphs(text, PIECE / 16));
        let units = bytes.len() as f64 / PIECE as f64;
        Case { name: format!("text of {name}"), way: Way::Outward, files: vec![(bytes, Some("pass"))], units, known }
    };
    vec![
        case("letters apart", "a b c d e f g h ", 1.0),
        // Each sign of three bytes is six of a word, of three bytes each.
        case("squared words", "\u{3316} ", 1.1),
        case(
            "capitals outside Latin",
            "\u{411}\u{43e}\u{43b}\u{44c}\u{448}\u{43e}\u{439} \u{434}\u{43e}\u{43c}. ",
            1.0,
        ),
        case("escapes", "&#83;%53\\u0053 ", 1.0),
    ]
}

/// Text and data attached, of nothing but what restrictions, labels and escaped data begin with.
fn attached() -> Vec<Case> {
    let product = |name: &str, file: &str, media_type: &str, content: &str| {
        let product = support::with_attachment(file, media_type, content.as_bytes());
        let units = product.len() as f64 / PIECE as f64;
        let files = vec![(product, Some("pass"))];
        Case { name: format!("attached {name}"), way: Way::Outward, files, units, known: 1.0 }
    };
    let text = |name: &str, words: &str| {
        let line = format!("{}\n", words.repeat(60 / words.len()));
        product(&format!("text of {name}"), "a.txt", "text/plain", &line.repeat(PIECE / 4 / line.len()))
    };
    let object = " {\n  \"accessRights\": \"open\",\n  \"rel\": \"next\",\n  \"restriction\": \"4 t\"\n },\n";
    let objects = object.repeat(PIECE / 4 / object.len());
    let data = format!("[\n{}\n]\n", objects.trim_end_matches(",\n"));
    vec![
        text("restrictions", "not to be "),
        text("circles", "Only for a "),
        text("nations", "UK/US "),
        text("labels", "TLP "),
        text("escapes", "%7B%22 "),
        product("data of standards", "a.json", "application/json", &data),
    ]
}

/// The other formats of products, labels, archives and pages for people.
fn formats() -> Vec<Case> {
    let times = |text: &str, n: usize| text.repeat(n / text.len());
    let case = |way, bytes, comes_to| Case {
        name: String::new(),
        way,
        files: vec![(bytes, Some(comes_to))],
        units: 1.0,
        known: 1.0,
    };
    let head = "# PORTCULLIS PRODUCT 1\n- Id: EXERCISE-1\n- Title: (U) EXERCISE\n- Originator: (U) EXERCISE\n\
                - Date: 2026-11-20\n- Kind: report\n\n## UNCLASSIFIED\n\n";
    let markdown = |text: &str| {
        let paragraph = format!("(U) EXERCISE {}\n\n", times(text, 2000));
        format!("{head}{}", times(&paragraph, PIECE).trim_end().to_owned() + "\n").into_bytes()
    };
    let portions = times(&format!("{{\"mark\":\"(U)\",\"text\":\"{}\"}},", "a ".repeat(20)), PIECE);
    let json = format!(
        "{{\"portcullis_product\":1,\"id\":\"EXERCISE-1\",\"date\":\"2026-11-20\",\"kind\":\"report\",\"tearlines\":[{{\
         \"banner\":\"UNCLASSIFIED\",\"title\":{{\"mark\":\"(U)\",\"text\":\"a\"}},\"originator\":{{\"text\":\"b\"}},\
         \"portions\":[{}]}}]}}",
        portions.trim_end_matches(',')
    );
    let mut many: Vec<Entry> = (0..600).map(|n| Entry::stored(&format!("attachments/{n}.csv"), b"a")).collect();
    many.insert(0, Entry::stored("product.txt", b"a"));
    // As much as an entry of no more than a piece may unpack to.
    let long = vec![Entry::deflated("product.txt", &[vec![b' '; 8 << 20], noise(50 << 10)].concat())];
    let products = vec![
        case(Way::Product, markdown("a "), "pass"),
        case(Way::Product, markdown("\\*"), "pass"),
        case(Way::Product, json.into_bytes(), "pass"),
    ];
    let attributes = lines(PIECE, |n| format!(" a{n}=\"b\""));
    let labels = vec![
        case(Way::Label, times("<a>", PIECE).into_bytes(), "label"),
        case(Way::Label, format!("<a>{}</a>", times("&amp;", PIECE)).into_bytes(), "label"),
        case(Way::Label, format!("<a{attributes}/>").into_bytes(), "label"),
    ];
    let packages = vec![
        case(Way::Package, archive(&many, &Frame::default()), "pass"),
        case(Way::Package, archive(&long, &Frame::default()), "pass"),
    ];
    let page = vec![case(Way::Page, twice(&paragraphs("<&>\" ", PIECE / 2)), "pass")];
    vec![
        together("products in markdown and json", products),
        together("labels", labels),
        together("packages", packages),
        together("page for people", page),
    ]
}
