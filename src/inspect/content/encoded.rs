//! Encoded content in text: base64, hexadecimal digits, `data:` URLs, uuencode.
//!
//! Only the beginning is decoded, as much as is needed to recognise a file signature or a sentence. A run that decodes
//! to neither is considered a number or a key, unless it has more lines than those have.

use super::embedded::Embedded;

/// The shortest run that is decoded, in characters: enough for half a sentence, and longer than a number.
const RUN_MIN: usize = 32;
/// The shortest line that continues a run, if it consists of such characters only.
const LINE_MIN: usize = 16;
/// The number of characters of a run that are kept for decoding.
const HEAD_BYTES: usize = 128;
/// The number of printable bytes from which decoded data is considered text.
const TEXT_MIN: usize = 24;
/// The minimum number of decoded bytes for the two-byte zlib header to count: in shorter data, such as a number, the
/// two bytes can occur by chance.
const PACKED_MIN: usize = 48;
/// A run of this many lines of equal length, each at least `WIDTH_MIN` long, is considered a file even if its content
/// is not recognised.
const LINES_MIN: usize = 8;
const WIDTH_MIN: usize = 60;
/// The longest media type in a `data:` URL, in bytes.
const TYPE_BYTES_MAX: usize = 96;

/// A run of base64 or hexadecimal characters that continues from line to line.
#[derive(Default)]
pub(super) struct Encoded {
    head: Vec<u8>,
    /// The line on which it begins, counted from 1.
    line: usize,
    lines: usize,
    width: usize,
    /// Every line but the last has the length of the first.
    even: bool,
    /// It contains digits, upper-case and lower-case letters, and is not hexadecimal.
    mixed: bool,
}

/// Returns whether a byte is a base64 character, in the standard or the URL-safe alphabet (RFC 4648, 4 and 5).
fn is_letter(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'-' | b'_')
}

impl Encoded {
    /// Processes the next line with its number. Content that ends with it is reported to `note`.
    pub fn line(&mut self, line: &str, number: usize, note: &mut dyn FnMut(Embedded, usize)) {
        let bytes = line.trim_matches([' ', '\n', '"', '\'', ',', '>', '|']).as_bytes();
        let letters = bytes.strip_suffix(b"==").or_else(|| bytes.strip_suffix(b"=")).unwrap_or(bytes);
        if bytes.len() >= LINE_MIN && letters.iter().all(|b| is_letter(*b)) {
            self.add(bytes, letters, number);
            if letters.len() < bytes.len() {
                self.end(note);
            }
            return;
        }
        // The last line of a run may be short.
        if self.lines > 0 && letters.len() < LINE_MIN && !letters.is_empty() && letters.iter().all(|b| is_letter(*b)) {
            self.head.extend(letters.iter().take(HEAD_BYTES.saturating_sub(self.head.len())));
        }
        self.end(note);
        if line.len() >= RUN_MIN {
            runs(line.as_bytes(), &mut |run| {
                kind_of(run).into_iter().for_each(|inside| note(inside, number));
            });
        }
    }

    fn add(&mut self, bytes: &[u8], letters: &[u8], number: usize) {
        if self.lines == 0 {
            (self.line, self.width, self.even, self.mixed) = (number, bytes.len(), true, false);
        }
        self.head.extend(letters.iter().take(HEAD_BYTES.saturating_sub(self.head.len())));
        // A line of another length can only be the last one.
        self.even &= bytes.len() == self.width || letters.len() < bytes.len() || bytes.len() < self.width;
        let has = |is: fn(&u8) -> bool| letters.iter().any(is);
        self.mixed |= has(u8::is_ascii_digit)
            && has(u8::is_ascii_uppercase)
            && has(u8::is_ascii_lowercase)
            && has(|b| !b.is_ascii_hexdigit());
        self.lines += 1;
    }

    /// Ends the current run, if there is one.
    pub fn end(&mut self, note: &mut dyn FnMut(Embedded, usize)) {
        if self.lines > 0 {
            let opaque = self.lines >= LINES_MIN && self.width >= WIDTH_MIN && self.even && self.mixed;
            let found = if self.head.len() >= RUN_MIN { kind_of(&self.head) } else { None };
            found.or(opaque.then_some(Embedded::Base64)).into_iter().for_each(|inside| note(inside, self.line));
        }
        self.head.clear();
        self.lines = 0;
    }
}

/// Passes each run that is long enough to `each`. Where there is none, only a few bytes are examined.
fn runs(bytes: &[u8], each: &mut dyn FnMut(&[u8])) {
    let mut from = 0;
    while let Some(window) = bytes.get(from..from + RUN_MIN) {
        match window.iter().rposition(|b| !is_letter(*b)) {
            Some(other) => from += other + 1,
            None => {
                let more = bytes[from..].iter().position(|b| !is_letter(*b)).unwrap_or(bytes.len() - from);
                each(&bytes[from..from + more]);
                from += more;
            }
        }
    }
}

/// Returns what a run decodes to, starting at its beginning or after any separator in it.
fn kind_of(run: &[u8]) -> Option<Embedded> {
    if let Some(bytes) = from_hex(run) {
        return recognised(&bytes).map(|file| if file { Embedded::HexFile } else { Embedded::HexText });
    }
    let signs = run.iter().enumerate().filter(|(_, b)| !b.is_ascii_alphanumeric()).map(|(at, _)| at + 1);
    std::iter::once(0).chain(signs).find_map(|from| {
        let part = run.get(from..).filter(|part| part.len() >= RUN_MIN && may_begin(part))?;
        recognised(&from_base64(part)).map(|file| if file { Embedded::Base64 } else { Embedded::Base64Text })
    })
}

/// Returns whether the first three decoded bytes can begin a text or a known file. This rejects most runs quickly.
fn may_begin(part: &[u8]) -> bool {
    let Some(first) = part.get(..4).map(from_base64) else { return false };
    let text = std::str::from_utf8(&first).map_or_else(|e| e.error_len().is_none(), |_| true);
    text || is_packed(&first) || SIGNATURES.iter().any(|magic| magic.iter().zip(&first).all(|(a, b)| a == b))
}

/// Decodes hexadecimal digits; `None` for anything else.
fn from_hex(run: &[u8]) -> Option<Vec<u8>> {
    let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    if run.len() < 2 * TEXT_MIN || !run.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    run.chunks_exact(2).take(HEAD_BYTES / 2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

/// Decodes the beginning of a run of base64.
fn from_base64(run: &[u8]) -> Vec<u8> {
    let value = |b: u8| -> u32 {
        match b {
            b'A'..=b'Z' => u32::from(b - b'A'),
            b'a'..=b'z' => u32::from(b - b'a') + 26,
            b'0'..=b'9' => u32::from(b - b'0') + 52,
            b'+' | b'-' => 62,
            _ => 63,
        }
    };
    let four = |part: &[u8]| part.iter().fold(0, |all, b| all << 6 | value(*b));
    let quads = run.chunks_exact(4).take(HEAD_BYTES / 4).map(four);
    quads.flat_map(|all| all.to_be_bytes().into_iter().skip(1)).collect()
}

/// First bytes of files with a signature. All are at least three bytes long: two bytes can occur by chance.
const SIGNATURES: [&[u8]; 27] = [
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"\x1f\x8b\x08",
    b"BZh",
    b"\xfd7zXZ",
    b"7z\xbc\xaf",
    b"Rar!",
    b"\x28\xb5\x2f\xfd",
    b"\x04\x22\x4d\x18",
    b"%PDF",
    b"%!PS",
    b"\xd0\xcf\x11\xe0",
    b"{\\rt",
    b"MZ\x90\0",
    b"\x7fELF",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",
    b"\0asm",
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"GIF8",
    b"RIFF",
    b"II*\0",
    b"MM\0*",
    b"SQLi",
    b"\xef\xbb\xbf",
    b"ITSF",
];

/// Returns whether bytes begin with a zlib header (RFC 1950, 2.2). It has only two bytes, with few possible values.
fn is_packed(bytes: &[u8]) -> bool {
    matches!(bytes, [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..])
}

/// Returns true for the bytes of a file, false for those of a text, and `None` for neither.
fn recognised(bytes: &[u8]) -> Option<bool> {
    if bytes.len() >= PACKED_MIN && is_packed(bytes) || SIGNATURES.iter().any(|magic| bytes.starts_with(magic)) {
        return Some(true);
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        // The data may end within a character.
        Err(e) if e.error_len().is_none() => std::str::from_utf8(&bytes[..e.valid_up_to()]).unwrap_or_default(),
        Err(_) => "",
    };
    let prints = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
    let wide = bytes.len() >= TEXT_MIN && bytes.chunks_exact(2).all(|pair| prints(char::from(pair[0])) && pair[1] == 0);
    (text.len() >= TEXT_MIN && text.chars().all(prints) || wide).then_some(false)
}

/// Returns the position of a `data:` URL that contains a file (RFC 2397).
pub(super) fn address(block: &str) -> Option<usize> {
    let bytes = block.as_bytes();
    let holds = |at: usize| {
        let before = at.checked_sub(5).and_then(|from| Some((from, bytes.get(from..at)?)));
        let Some((from, name)) = before else { return false };
        let glued = from.checked_sub(1).and_then(|n| bytes.get(n)).is_some_and(u8::is_ascii_alphanumeric);
        let rest = &bytes[at..bytes.len().min(at + TYPE_BYTES_MAX)];
        let end = rest.iter().position(|b| b.is_ascii_whitespace() || matches!(b, b'"' | b'\'' | b'<' | b'>'));
        let rest = &rest[..end.unwrap_or(rest.len())];
        let comma = rest.iter().position(|b| *b == b',');
        let told = comma.is_some_and(|comma| rest[..comma].contains(&b'/') || rest[..comma].starts_with(b";"));
        name.eq_ignore_ascii_case(b"data:") && !glued && told
    };
    block.match_indices(':').map(|(at, _)| at + 1).find(|at| holds(*at)).map(|at| at - 5)
}

/// Returns the position of an encoded word of an email header (RFC 2047, 2): `=?UTF-8?B?...?=`.
pub(super) fn word(block: &str) -> Option<usize> {
    block.match_indices("=?").map(|(at, _)| at).find(|at| {
        let rest = block.as_bytes().get(at + 2..).unwrap_or_default();
        let charset = rest
            .iter()
            .take(TYPE_BYTES_MAX)
            .take_while(|b| b.is_ascii_alphanumeric() || **b == b'-' || **b == b'_')
            .count();
        charset > 0 && matches!(rest.get(charset..charset + 3), Some([b'?', b'b' | b'B' | b'q' | b'Q', b'?']))
    })
}

/// Returns whether a line begins a uuencoded file.
pub(super) fn begins_file(line: &str) -> bool {
    let mode = |rest: &str| {
        rest.len() > 4 && rest.bytes().take(3).all(|b| (b'0'..b'8').contains(&b)) && rest[3..].starts_with(' ')
    };
    line.strip_prefix("begin ").is_some_and(mode)
        || line.starts_with("begin-base64 ")
        || line.starts_with("=ybegin ")
        || line.starts_with("<~")
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    fn found(text: &str) -> Vec<(Embedded, usize)> {
        let (mut encoded, mut found) = (Encoded::default(), Vec::new());
        let mut note = |inside, line| found.push((inside, line));
        text.split_inclusive('\n').enumerate().for_each(|(n, line)| encoded.line(line, n + 1, &mut note));
        encoded.end(&mut note);
        found
    }

    fn kinds(text: &str) -> Vec<Embedded> {
        found(text).into_iter().map(|(inside, _)| inside).collect()
    }

    #[test]
    fn what_is_written_in_base64_is_found_by_what_it_begins_with() {
        let padded = |head: &[u8]| [head, &[0x81; 60]].concat();
        for magic in SIGNATURES {
            let text = STANDARD.encode(padded(magic));
            assert_eq!(kinds(&format!("EXERCISE {text} it says\n")), [Embedded::Base64], "{magic:?}");
            let hex: String = padded(magic).iter().map(|b| format!("{b:02x}")).collect();
            assert_eq!(kinds(&format!("EXERCISE {hex}\n")), [Embedded::HexFile], "{magic:?}");
        }
        assert_eq!(kinds(&STANDARD.encode(padded(b"\x78\x9c"))), [Embedded::Base64]);
        for text in
            ["{\"type\": \"bundle\", \"EXERCISE\": 1}", "The EXERCISE says so, and more.\n", "Уже всё сказано было там"]
        {
            let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            let letters = STANDARD.encode(text);
            assert_eq!(kinds(&letters), [Embedded::Base64Text], "{text}");
            assert_eq!(
                kinds(&format!("https://exercise.example/{}", letters.trim_end_matches('='))),
                [Embedded::Base64Text]
            );
            if text.is_ascii() {
                assert_eq!(kinds(&STANDARD.encode(wide)), [Embedded::Base64Text], "{text}");
            }
        }
    }

    #[test]
    fn what_goes_on_from_line_to_line_is_one_file() {
        let bytes: Vec<u8> = (0..900u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        let wrapped = |text: &str, width: usize| -> String {
            text.as_bytes().chunks(width).map(|line| String::from_utf8_lossy(line).into_owned() + "\n").collect()
        };
        let noise = STANDARD.encode(bytes);
        assert_eq!(found(&format!("EXERCISE\n\n{}end\n", wrapped(&noise, 76))), [(Embedded::Base64, 3)]);
        let text = STANDARD.encode("The EXERCISE says so, and more than that it does not say.");
        assert_eq!(found(&format!("EXERCISE\n{}", wrapped(&text, 20))), [(Embedded::Base64Text, 2)]);
        // A few lines of it may be a key, and lists of numbers have one number per line.
        assert_eq!(found(&wrapped(&noise[..400], 76)), []);
        assert_eq!(found(&(0..40).map(|n| format!("{:064x}\n", 0xfedc_ba98_u64 * n)).collect::<String>()), []);
        assert_eq!(found(&(0..40).map(|n| format!("{}=\n", &noise[n * 20..n * 20 + 43])).collect::<String>()), []);
    }

    #[test]
    fn words_paths_and_lines_are_no_base64() {
        for text in [
            "/usr/share/doc/exercise/examples/of/paths/that/are/long/README",
            "----------------------------------------------------------------",
            "________________________________________________________________",
            "Donaudampfschifffahrtselektrizitaetenhauptbetriebswerkbauunterbeamtengesellschaft",
            "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
            "https://exercise.example/articles/2026/11/29/two-vessels-left-the-harbour-in-the-night",
            "1234567890123456789012345678901234567890123456789012345678901234567890",
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "aGVsbG8gd29ybGQ=",
        ] {
            assert_eq!(found(text), [], "{text}");
        }
    }

    #[test]
    fn addresses_that_hold_a_file_are_told_from_words() {
        for text in ["data:text/html,<b>", "see DATA:application/pdf;base64,AAAA", "(data:;base64,AA)"] {
            assert!(address(text).is_some(), "{text}");
        }
        for text in ["data: 1, 2", "the data:see/below it, and", "metadata:text/html,x", "data:", "a:b"] {
            assert_eq!(address(text), None, "{text}");
        }
        assert!(
            begins_file("begin 644 exercise.txt") && !begins_file("begin 12 km from here") && !begins_file("begin")
        );
    }
}
