//! The supported subset of PDF, and what is refused.

mod pages;

use crate::rebuild::{Kind, Limits, PdfFonts, Task, work};

/// A PDF of one page with this content, and further entries in its catalogue, page, resources, trailer and objects.
pub(super) struct Parts<'a> {
    pub code: &'a str,
    pub catalogue: &'a str,
    pub page: &'a str,
    pub resources: &'a str,
    pub more: &'a [&'a str],
    pub trailer: &'a str,
}

pub(super) const PLAIN: Parts<'_> = Parts {
    code: "BT /F1 12 Tf 72 700 Td (EXERCISE) Tj ET",
    catalogue: "",
    page: "",
    resources: "",
    more: &[],
    trailer: "",
};

pub(super) fn pdf(parts: &Parts<'_>) -> Vec<u8> {
    let sheet = if parts.page.contains("/MediaBox") { "" } else { "/MediaBox [0 0 612 792]" };
    let mut objects = vec![
        format!("<< /Type /Catalog /Pages 2 0 R {} >>", parts.catalogue).into_bytes(),
        b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>".to_vec(),
        format!(
            "<< /Type /Page /Parent 2 0 R {sheet} /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> {} >> {} >>",
            parts.resources, parts.page
        )
        .into_bytes(),
        stream("", parts.code.as_bytes()),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>".to_vec(),
    ];
    objects.extend(parts.more.iter().map(|m| m.as_bytes().to_vec()));
    file(&objects, parts.trailer)
}

/// A valid PDF of one page.
pub(in crate::rebuild) fn plain() -> Vec<u8> {
    pdf(&PLAIN)
}

fn stream(head: &str, data: &[u8]) -> Vec<u8> {
    let head = format!("<< /Length {} {head} >>\nstream\n", data.len());
    [head.as_bytes(), data, b"\nendstream"].concat()
}

fn file(objects: &[Vec<u8>], trailer: &str) -> Vec<u8> {
    let mut out = b"%PDF-1.4\n".to_vec();
    let mut places = Vec::new();
    for (i, object) in objects.iter().enumerate() {
        places.push(out.len());
        out.extend(format!("{} 0 obj\n", i + 1).bytes());
        out.extend(object);
        out.extend(b"\nendobj\n");
    }
    let table = out.len();
    out.extend(format!("xref\n0 {}\n0000000000 65535 f \n", places.len() + 1).bytes());
    places.iter().for_each(|at| out.extend(format!("{at:010} 00000 n \n").bytes()));
    let size = places.len() + 1;
    out.extend(format!("trailer\n<< /Root 1 0 R /Size {size} {trailer} >>\nstartxref\n{table}\n%%EOF\n").bytes());
    out
}

pub(super) fn code(bytes: &[u8]) -> &'static str {
    work(Task::Rebuild, Kind::Pdf, bytes, &Limits::default()).map_or_else(|f| f.code, |_| "pass")
}

pub(super) fn drawn(code_of_page: &str) -> &'static str {
    code(&pdf(&Parts { code: code_of_page, ..PLAIN }))
}

#[test]
fn writes_one_form_that_reads_as_itself() {
    let given = pdf(&Parts { trailer: "/Info 6 0 R", more: &["<< /Author (EXERCISE) >>"], ..PLAIN });
    let rebuilt = work(Task::Rebuild, Kind::Pdf, &given, &Limits::default()).unwrap();
    assert!(rebuilt.text.contains("EXERCISE"));
    assert_eq!(rebuilt.dropped.len(), 1);
    assert!(!rebuilt.bytes.windows(6).any(|w| w == b"Author"));
    let again = work(Task::Examine, Kind::Pdf, &rebuilt.bytes, &Limits::default()).unwrap();
    assert_eq!((again.bytes, again.text), (rebuilt.bytes, rebuilt.text));
    assert_eq!(work(Task::Examine, Kind::Pdf, &given, &Limits::default()).unwrap_err().code, "rebuild.other-form");
}

#[test]
fn refuses_whatever_a_reader_would_run_open_or_hide() {
    for (catalogue, page, more, expected) in [
        ("/OpenAction 6 0 R", "", "<< /S /JavaScript /JS (x) >>", "pdf.active"),
        ("", "", "<< /S /J#61vaScript >>", "pdf.active"),
        ("", "/AA << >>", "null", "pdf.active"),
        ("", "/Annots [6 0 R]", "<< /Subtype /Link /A << /S /Launch >> >>", "pdf.active"),
        ("/AcroForm << >>", "", "null", "pdf.form-fields"),
        ("/Names << /EmbeddedFiles 6 0 R >>", "", "<< >>", "pdf.embedded"),
        ("/OCProperties << >>", "", "null", "pdf.layers"),
        ("", "/Annots [6 0 R]", "<< /Subtype /FreeText /Contents (x) >>", "pdf.annotation"),
        ("", "/Annots [6 0 R]", "<< /Subtype /Link >>", "pass"),
        ("", "/CropBox [0 0 100 100]", "null", "pdf.hidden"),
        ("", "/UserUnit 1000", "null", "pdf.hidden"),
        ("/Metadata 6 0 R", "", "<< >>", "pass"),
        ("", "", "<< /FontFile2 1 0 R >>", "pdf.font"),
    ] {
        let bytes = pdf(&Parts { catalogue, page, more: &[more], ..PLAIN });
        assert_eq!(code(&bytes), expected, "{catalogue} {page} {more}");
    }
    assert_eq!(code(&pdf(&Parts { trailer: "/Encrypt << >>", ..PLAIN })), "pdf.encrypted");
    assert_eq!(code(&pdf(&Parts { trailer: "/Prev 9", ..PLAIN })), "pdf.update");
}

#[test]
fn refuses_words_that_are_there_and_not_to_be_seen() {
    for (drawing, expected) in [
        ("BT /F1 12 Tf 3 Tr 72 700 Td (x) Tj ET", "pdf.hidden"),
        ("BT /F1 12 Tf 7 Tr 72 700 Td (x) Tj ET", "pdf.hidden"),
        ("BT /F1 12 Tf 1 g 72 700 Td (x) Tj ET", "pdf.hidden"),
        ("1 1 1 rg BT /F1 12 Tf 72 700 Td (x) Tj ET", "pdf.hidden"),
        ("BT /F1 0.5 Tf 72 700 Td (x) Tj ET", "pdf.hidden"),
        ("BT /F1 12 Tf 1 Tz 72 700 Td (x) Tj ET", "pdf.hidden"),
        ("BT /F1 12 Tf 900 700 Td (x) Tj ET", "pdf.hidden"),
        ("BT /F1 12 Tf 72 -50 Td (x) Tj ET", "pdf.hidden"),
        ("BT /F1 12 Tf 72 700 Td (x) Tj ET 0 g 60 690 90 30 re f", "pdf.hidden"),
        ("0 g 60 690 90 30 re f BT /F1 12 Tf 72 700 Td (x) Tj ET", "pdf.hidden"),
        ("0 g 60 690 90 30 re f 1 g BT /F1 12 Tf 72 700 Td (x) Tj ET", "pass"),
        ("0 0 10 10 re W n BT /F1 12 Tf 72 700 Td (x) Tj ET", "pdf.hidden"),
        ("0 0 m 9 9 l 9 0 l W n BT /F1 12 Tf 72 700 Td (x) Tj ET", "pdf.hidden"),
        ("BT /F1 12 Tf 72 700 Td [(ab) 4000 (c)] TJ ET", "pdf.hidden"),
        ("20 w 60 704 m 200 704 l S BT /F1 12 Tf 72 700 Td (x) Tj ET", "pdf.hidden"),
        ("BT /F1 12 Tf 72 700 Td (x) Tj ET 1 w 60 698 m 200 698 l S", "pass"),
        ("BT /F1 12 Tf 72 700 Td (xxxx) Tj ET 70 702 90 1 re f", "pass"),
        ("BT /F1 12 Tf 72 700 Td (xxxx) Tj ET 70 702 90 3 re f", "pdf.hidden"),
        ("BT /F1 12 Tf 72 700 Td (xxxx) Tj ET 70 701 90 1 re f 70 703 90 1 re f 70 705 90 1 re f", "pdf.hidden"),
        ("0.9 g 60 690 90 30 re f 0 g BT /F1 12 Tf 72 700 Td (x) Tj ET", "pass"),
        ("1 G BT /F1 12 Tf 1 Tr 72 700 Td (x) Tj ET", "pdf.hidden"),
        ("1 g BT /F1 12 Tf 1 Tr 72 700 Td (x) Tj ET", "pass"),
        ("1 G 9 w BT /F1 12 Tf 2 Tr 72 700 Td (x) Tj ET", "pdf.hidden"),
        ("0 G BT /F1 12 Tf 2 Tr 72 700 Td (x) Tj ET", "pass"),
        ("[0.01 999] 0 d BT /F1 12 Tf 1 Tr 72 700 Td (x) Tj ET", "pdf.hidden"),
        ("[] 0 d BT /F1 12 Tf 1 Tr 72 700 Td (x) Tj ET", "pass"),
        ("0 0 m 600 0 l 600 790 l 0 790 l h W n BT /F1 12 Tf 72 700 Td (x) Tj ET", "pass"),
        ("0 0 m 60 0 l 60 79 l 0 79 l h W n BT /F1 12 Tf 72 700 Td (x) Tj ET", "pdf.hidden"),
        ("0 0 m 600 0 l 500 790 l 0 790 l h W n BT /F1 12 Tf 580 700 Td (x) Tj ET", "pdf.hidden"),
        ("0 0 m 600 0 600 790 0 790 c h W n BT /F1 12 Tf 400 700 Td (x) Tj ET", "pdf.hidden"),
        ("0 0 m 600 0 600 790 0 790 c h W n BT /F1 12 Tf 72 700 Td (x) Tj ET", "pass"),
        ("/DeviceGray cs 1 sc BT /F1 12 Tf 72 700 Td (x) Tj ET", "pdf.hidden"),
        ("/DeviceCMYK cs BT /F1 12 Tf 72 700 Td (x) Tj ET", "pass"),
    ] {
        assert_eq!(drawn(drawing), expected, "{drawing}");
    }
}

#[test]
fn refuses_content_that_is_not_understood_whole() {
    for (drawing, expected) in [
        ("BI /W 1 /H 1 ID x EI", "pdf.operator"),
        ("/Sh sh", "pdf.operator"),
        ("1 2 3 frob", "pdf.operator"),
        ("q", "pdf.form"),
        ("Q", "pdf.form"),
        ("BT", "pdf.form"),
        ("(x) Tj", "pdf.form"),
        ("BT /F9 12 Tf ET", "pdf.form"),
        ("BT /F1 12 Tf (a\\001) Tj ET", "pdf.letters"),
        ("1 2 3", "pdf.form"),
        ("q 50 0 0 50 9 9 cm /Im Do Q", "pdf.form"),
        ("q 1 0 0 1 5 5 cm 0 0 m 5 5 l S Q", "pass"),
        // Viewers ignore a line without a starting point, and differ in how they treat other operators inside a path.
        ("5 5 l S", "pdf.form"),
        ("60 690 l 200 690 l 200 720 l 60 720 l f 1 g BT /F1 12 Tf 72 700 Td (x) Tj ET", "pdf.form"),
        ("60 690 m 200 690 l 200 720 l 60 720 l f 1 g BT /F1 12 Tf 72 700 Td (x) Tj ET", "pass"),
        ("1 1 2 2 3 3 c S", "pdf.form"),
        ("1 1 2 2 v S", "pdf.form"),
        ("1 1 2 2 y S", "pdf.form"),
        ("h S", "pdf.form"),
        ("0 0 m 5 5 l h 9 9 l S", "pass"),
        ("0 0 m 2 0 0 2 0 0 cm 5 5 l S", "pdf.form"),
        ("0 0 5 5 re W 1 1 m n", "pdf.form"),
        ("W n", "pdf.operator"),
        ("/P << /ActualText (x) >> BDC EMC", "pass"),
    ] {
        assert_eq!(drawn(drawing), expected, "{drawing}");
    }
}

/// Form XObjects that each draw the next twenty times exceed the limits, however short they are.
#[test]
fn refuses_drawings_of_drawings_that_come_to_more_than_is_read() {
    let form = |next: &str, times: usize| {
        let code = format!("{next} ").repeat(times);
        let head = format!("<< /Type /XObject /Subtype /Form /BBox [0 0 612 792] /Length {} >>", code.len());
        format!("{head}\nstream\n{code}\nendstream")
    };
    let twenty = |next| form(next, 20);
    let forms = [twenty("/B Do"), twenty("/C Do"), twenty("/D Do"), twenty("/E Do"), form("0 g", 1)];
    let more: Vec<&str> = forms.iter().map(String::as_str).collect();
    let resources = "/XObject << /A 6 0 R /B 7 0 R /C 8 0 R /D 9 0 R /E 10 0 R >>";
    let limits = Limits { unpacked_bytes_max: 100_000, ..Limits::default() };
    for (name, expected) in [("/D Do", "pass"), ("/A Do", "pdf.bomb")] {
        let bytes = pdf(&Parts { code: name, resources, more: &more, ..PLAIN });
        let found = work(Task::Rebuild, Kind::Pdf, &bytes, &limits).map_or_else(|f| f.code, |_| "pass");
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn refuses_objects_of_more_values_than_a_file_so_short_may_have() {
    let list = |count: usize| format!("[{}]", "0 ".repeat(count));
    for (lists, expected) in [
        (vec![list(60_000)], "pass"),
        (vec![list(70_000)], "pdf.size"),
        // Each value takes two bytes here, and one for each byte is allowed.
        (vec![list(60_000); 3], "pass"),
        (vec![format!("[{}]", "[]".repeat(60_000)); 2], "pass"),
    ] {
        let more: Vec<&str> = lists.iter().map(String::as_str).collect();
        assert_eq!(code(&pdf(&Parts { more: &more, ..PLAIN })), expected, "{} lists", lists.len());
    }
    // In page content as well, however well it is compressed.
    let drawn = |count: usize| crate::rebuild::deflate::zlib(format!("{} 0 d", list(count)).as_bytes());
    let packed = |count: usize| code(&with_stream(stream("/Filter /FlateDecode", &drawn(count))));
    assert_eq!((packed(8), packed(70_000)), ("pass", "pdf.size"));
}

#[test]
fn refuses_bytes_that_belong_to_nothing_and_files_within_files() {
    let plain = pdf(&PLAIN);
    let text = String::from_utf8(plain.clone()).unwrap();
    assert_eq!(code(&plain), "pass");
    assert_eq!(code(&[b"x", &plain[..]].concat()), "pdf.form");
    assert_eq!(code(&[&plain[..], b"PK\x03\x04"].concat()), "pdf.trailing");
    assert_eq!(code(&[&plain[..], &plain[..]].concat()), "pdf.remnant");
    // A comment of the same length as what it replaces keeps all offsets unchanged.
    let gap = text.replacen("endobj\n2 0 obj", "endobj%2 0 obj", 1);
    assert_ne!(code(gap.as_bytes()), "pass");
    let hidden = text.replace("%PDF-1.4\n", "%PDF-1.4\n%a comment that is far longer than it must be\n");
    assert_ne!(code(hidden.as_bytes()), "pass");
    assert_eq!(code(text.replace("/Helvetica", "/Helvetic_").as_bytes()), "pdf.font");
    assert_eq!(code(text.replace("/Type1", "/Type3").as_bytes()), "pdf.font");
}

fn with_stream(content: Vec<u8>) -> Vec<u8> {
    let objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
        b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>".to_vec(),
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R >>".to_vec(),
        content,
    ];
    file(&objects, "")
}

#[test]
fn refuses_streams_that_unpack_to_more_than_is_read() {
    let limits = Limits { unpacked_bytes_max: 100_000, ..Limits::default() };
    for (length, expected) in [(50_000, "pass"), (200_000, "pdf.bomb")] {
        let packed = crate::rebuild::deflate::zlib(&vec![b' '; length]);
        let bytes = with_stream(stream("/Filter /FlateDecode", &packed));
        let found = work(Task::Rebuild, Kind::Pdf, &bytes, &limits).map_or_else(|f| f.code, |_| "pass");
        assert_eq!(found, expected);
    }
    let packed = crate::rebuild::deflate::zlib(&vec![b' '; 200_000]);
    let bytes = with_stream(stream("/Type /ObjStm /N 1 /First 4 /Filter /FlateDecode", &packed));
    assert_eq!(work(Task::Rebuild, Kind::Pdf, &bytes, &limits).unwrap_err().code, "pdf.bomb");
    assert_eq!(code(&with_stream(stream("/Filter [/FlateDecode /FlateDecode]", b"x"))), "pdf.filter");
    assert_eq!(code(&with_stream(stream("/Filter /ASCIIHexDecode", b"x"))), "pdf.filter");
    assert_eq!(code(&with_stream(stream("/Type /ObjStm", b"q"))), "pdf.packed-objects");
}
