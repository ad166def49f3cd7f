//! Checks, without decoding, that images, PDF and tables have the restricted form in which a gateway writes them.

/// Returns what is wrong with a PNG image: it may consist only of header, pixels and end, each once.
pub(super) fn png(bytes: &[u8]) -> Option<&'static str> {
    let Some(mut rest) = bytes.strip_prefix(b"\x89PNG\r\n\x1a\n") else { return Some("that does not start like one") };
    for expected in [b"IHDR", b"IDAT", b"IEND"] {
        let Some((head, after)) = rest.split_at_checked(8) else { return Some("that is truncated") };
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        if &head[4..] != expected {
            return Some("with another chunk than header, pixels and end");
        }
        match after.get(length.saturating_add(4)..) {
            Some(behind) => rest = behind,
            None => return Some("that is truncated"),
        }
    }
    (!rest.is_empty()).then_some("with data after its end")
}

/// Returns what is wrong with a JPEG image: it may consist only of the basic segments in their order, and pixel data up
/// to the end.
pub(super) fn jpeg(bytes: &[u8]) -> Option<&'static str> {
    let Some(mut rest) = bytes.strip_prefix(b"\xFF\xD8") else { return Some("that does not start like one") };
    let mut order = Vec::new();
    while order.last() != Some(&0xDA) {
        let [0xFF, marker, high, low, ..] = rest else { return Some("that is truncated") };
        let length = usize::from(*high) << 8 | usize::from(*low);
        order.push(*marker);
        match rest.get(length + 2..) {
            Some(behind) => rest = behind,
            None => return Some("that is truncated"),
        }
    }
    let grey: &[u8] = &[0xE0, 0xDB, 0xC0, 0xC4, 0xC4, 0xDA];
    let colour: &[u8] = &[0xE0, 0xDB, 0xDB, 0xC0, 0xC4, 0xC4, 0xC4, 0xC4, 0xDA];
    if order != grey && order != colour {
        return Some("with another segment than a plain one has");
    }
    let Some(coded) = rest.strip_suffix(b"\xFF\xD9") else { return Some("with data after its end") };
    coded.windows(2).any(|pair| pair[0] == 0xFF && pair[1] != 0).then_some("with a marker among its pixels")
}

/// Returns what is wrong with a PDF: it must have one beginning, one end, and no key for anything beyond displaying
/// pages.
pub(super) fn pdf(bytes: &[u8]) -> Option<&'static str> {
    const NEVER: [&[u8]; 18] = [
        b"/JavaScript",
        b"/JS",
        b"/OpenAction",
        b"/AA",
        b"/Launch",
        b"/EmbeddedFile",
        b"/Filespec",
        b"/Encrypt",
        b"/ObjStm",
        b"/AcroForm",
        b"/XFA",
        b"/RichMedia",
        b"/Annot",
        b"/URI",
        b"/Info",
        b"/Metadata",
        b"/FontFile",
        b"/Prev",
    ];
    let count = |word: &[u8]| bytes.windows(word.len()).filter(|w| *w == word).count();
    if !bytes.starts_with(b"%PDF-1.") || !bytes.ends_with(b"%%EOF\n") {
        return Some("that does not begin or end as one");
    }
    if count(b"%%EOF") != 1 || count(b"startxref") != 1 || count(b"%PDF-") != 1 {
        return Some("with more than one beginning or end");
    }
    if count(b" 3 Tr") + count(b" 7 Tr") > 0 {
        return Some("with letters that are not drawn");
    }
    NEVER.iter().any(|word| count(word) > 0).then_some("with a key that is not allowed")
}

/// Returns whether a cell of a table begins like a formula. Numbers, a single minus, and telephone numbers of digits
/// and spaces are excepted, as no program takes them for a formula. Cells are split at every comma, quoted or not: this
/// may refuse too much, but misses nothing that is quoted.
pub(super) fn computes(text: &str) -> bool {
    text.split([',', '\n']).any(|cell| {
        let cell = cell.trim_matches(|c: char| c.is_whitespace() || c == '"' || c == '\'');
        let sign = |c| "=+-@|%\u{ff1d}\u{ff0b}\u{ff0d}\u{ff20}\u{2212}\u{fe62}\u{fe63}\u{fe66}\u{fe6b}".contains(c);
        cell.starts_with(sign) && cell != "-" && !counts(cell) && !dials(cell)
    })
}

/// Returns whether a cell is a number: a sign, digits and a point, then optionally an exponent, and a percent sign.
fn counts(cell: &str) -> bool {
    let signed = |part: &str| part.starts_with(['+', '-']);
    let of_digits = |part: &str, point: bool| {
        let part = part.get(usize::from(signed(part))..).unwrap_or_default();
        let digits = part.bytes().all(|b| b.is_ascii_digit() || point && b == b'.');
        digits && part.bytes().any(|b| b.is_ascii_digit())
    };
    let mut parts = cell.strip_suffix('%').unwrap_or(cell).splitn(2, ['e', 'E']);
    parts.next().is_some_and(|number| of_digits(number, true)) && parts.all(|exponent| of_digits(exponent, false))
}

/// Returns whether a cell is a telephone number: a plus, then seven to fifteen digits (ITU-T E.164) in groups with one
/// space between.
fn dials(cell: &str) -> bool {
    let Some(number) = cell.strip_prefix('+') else { return false };
    let groups = number.split(' ').all(|group| !group.is_empty() && group.bytes().all(|b| b.is_ascii_digit()));
    groups && (7..=15).contains(&number.bytes().filter(u8::is_ascii_digit).count())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rebuild::{InProcess, Kind, Rebuilder as _, Task};

    #[test]
    fn a_quoted_comma_does_not_hide_a_formula_and_numbers_are_none() {
        for text in [
            "a\n=1\n",
            "a,b\n1,\"=2\"\n",
            "a\n'=1\n",
            "a\n+cmd\n",
            "a\n--\n",
            "a\n-inf\n",
            "a\n-$5\n",
            "a\n-1e-\n",
            "a\n-1e5+A1\n",
            "a\n-5%%\n",
            "a\n+44-20-7946-0000\n",
            "a\n+44  20 7946\n",
        ] {
            assert!(computes(text), "{text}");
        }
        for text in [
            "a\n-1\n",
            "a\n+1.5\n",
            "a\n-1e-05\n",
            "a\n-2.5E+10\n",
            "a\n-5.2%\n",
            "a\n-\n",
            "a\n1-2\n",
            "\n",
            "a\n+44 20 7946 0000\n",
            "a,\"x, y\"\n",
        ] {
            assert!(!computes(text), "{text}");
        }
    }

    #[test]
    fn what_is_written_anew_has_the_plain_shape() {
        let grey = crate::rebuild::sample(Kind::Png);
        let anew = InProcess::default().work(Task::Rebuild, Kind::Png, &grey).unwrap().bytes;
        assert_eq!(png(&anew), None);
        assert!(png(&[&anew[..], b"x"].concat()).is_some());
        let photo = crate::rebuild::sample(Kind::Jpeg);
        let anew = InProcess::default().work(Task::Rebuild, Kind::Jpeg, &photo).unwrap().bytes;
        assert_eq!(jpeg(&anew), None);
        assert!(jpeg(&[&anew[..], b"x"].concat()).is_some());
        let page = crate::rebuild::sample(Kind::Pdf);
        let anew = InProcess::default().work(Task::Rebuild, Kind::Pdf, &page).unwrap().bytes;
        assert_eq!(pdf(&anew), None);
        assert!(pdf(&[&anew[..], b"x"].concat()).is_some());
    }
}
