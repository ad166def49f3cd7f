//! Writes a PDF in canonical form: version 1.4, with nothing but pages, fonts and images.

use std::fmt::Write as _;

use super::content::OPAQUE;
use super::document::Document;
use super::file::object::Object;
use super::font::{self, Font};
use super::print::{number, object};

/// Returns the bytes of the document as a PDF file.
pub(super) fn write(document: &Document) -> Vec<u8> {
    let mut out = b"%PDF-1.4\n%\xE2\xE3\xCF\xD3\n".to_vec();
    let mut places = Vec::new();
    let mut put = |out: &mut Vec<u8>, body: &[u8]| {
        places.push(out.len());
        out.extend(format!("{} 0 obj\n", places.len()).bytes());
        out.extend(body);
        out.extend(b"\nendobj\n");
    };
    // All object numbers are assigned before anything is written: a Type 3 font takes one, and one for each of its
    // glyphs.
    let mut fonts_at = Vec::new();
    let mut next = 3;
    for font in &document.fonts {
        fonts_at.push(next);
        next += match font {
            Font::Standard(..) => 1,
            Font::Type3(glyphs) => 2 + glyphs.len(),
        };
    }
    let images_at: Vec<usize> = (next..).take(document.images.len()).collect();
    let pages_at = next + document.images.len();
    put(&mut out, b"<< /Type /Catalog /Pages 2 0 R >>");
    let kids: Vec<String> = (0..document.pages.len()).map(|i| format!("{} 0 R", pages_at + 2 * i)).collect();
    let kids = kids.join(" ");
    put(&mut out, format!("<< /Type /Pages /Count {} /Kids [{kids}] >>", document.pages.len()).as_bytes());
    for (font, at) in document.fonts.iter().zip(&fonts_at) {
        match font {
            Font::Standard(name, windows) => {
                let encoding = if *windows { " /Encoding /WinAnsiEncoding" } else { "" };
                put(&mut out, format!("<< /Type /Font /Subtype /Type1 /BaseFont /{name}{encoding} >>").as_bytes());
            }
            Font::Type3(glyphs) => {
                let (head, drawings, letters) = font::print(glyphs, at + 1);
                put(&mut out, head.as_bytes());
                for data in drawings.iter().chain([&letters]) {
                    put(&mut out, &stream(&format!("<< /Length {} >>", data.len()), data.as_bytes()));
                }
            }
        }
    }
    for image in &document.images {
        let space = if image.grey { "/DeviceGray" } else { "/DeviceRGB" };
        let head = format!(
            "<< /Type /XObject /Subtype /Image /Width {} /Height {} /BitsPerComponent 8 /ColorSpace {space} /Filter /DCTDecode /Length {} >>",
            image.width,
            image.height,
            image.jpeg.len()
        );
        put(&mut out, &stream(&head, &image.jpeg));
    }
    for (i, page) in document.pages.iter().enumerate() {
        let mut head = String::from("<< /Type /Page /Parent 2 0 R /MediaBox ");
        object(&Object::List(page.sheet.iter().map(|n| Object::Number(*n)).collect()), &mut head);
        if page.rotate != 0 {
            let _ = write!(head, " /Rotate {}", page.rotate);
        }
        head.push_str(" /Resources <<");
        let kinds = [("Font", 'F', &page.fonts, &fonts_at), ("XObject", 'I', &page.images, &images_at)];
        for (key, letter, used, at) in kinds {
            if !used.is_empty() {
                let _ = write!(head, " /{key} <<");
                for number in used {
                    let _ = write!(head, " /{letter}{number} {} 0 R", at[*number]);
                }
                head.push_str(" >>");
            }
        }
        if !page.states.is_empty() {
            head.push_str(" /ExtGState <<");
            for [fill, line] in &page.states {
                let _ = write!(head, " /A{fill}x{line} <<");
                for (key, part) in [("ca", fill), ("CA", line)] {
                    let _ = write!(head, " /{key} ");
                    number(f64::from(*part) / f64::from(OPAQUE), &mut head);
                }
                head.push_str(" >>");
            }
            head.push_str(" >>");
        }
        let _ = write!(head, " >> /Contents {} 0 R >>", pages_at + 2 * i + 1);
        put(&mut out, head.as_bytes());
        put(&mut out, &stream(&format!("<< /Length {} >>", page.code.len()), page.code.as_bytes()));
    }
    let table = out.len();
    let mut end = format!("xref\n0 {}\n0000000000 65535 f \n", places.len() + 1);
    for place in &places {
        let _ = writeln!(end, "{place:010} 00000 n ");
    }
    let _ = write!(end, "trailer\n<< /Root 1 0 R /Size {} >>\nstartxref\n{table}\n%%EOF\n", places.len() + 1);
    out.extend(end.bytes());
    out
}

fn stream(head: &str, data: &[u8]) -> Vec<u8> {
    [head.as_bytes(), b"\nstream\n", data, b"\nendstream"].concat()
}
