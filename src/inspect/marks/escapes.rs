//! Decodes escapes in text: percent-encoding, entities, backslash escapes.

/// Named entities that can be used to write a mark.
const ENTITIES: [(&str, char); 18] = [
    ("amp", '&'),
    ("apos", '\''),
    ("bsol", '\\'),
    ("colon", ':'),
    ("gt", '>'),
    ("hyphen", '-'),
    ("lbrack", '['),
    ("lowbar", '_'),
    ("lpar", '('),
    ("lsqb", '['),
    ("lt", '<'),
    ("nbsp", ' '),
    ("period", '.'),
    ("quot", '"'),
    ("rpar", ')'),
    ("rsqb", ']'),
    ("sol", '/'),
    ("vert", '|'),
];
/// The longest escape, in bytes, such as `&#x0000053;`.
const ESCAPE_BYTES_MAX: usize = 12;

/// Decodes the percent-encoding, entities and backslash escapes of `text` once. Returns the decoded text and, for each
/// of its bytes, the position in `text`; `None` if there is nothing to decode. Linear in the length of the text.
pub(in crate::inspect) fn decoded(text: &str) -> Option<(String, Vec<u32>)> {
    taken(text, |_, _| None)
}

/// Like [`decoded`], and also joins words hyphenated at a line end.
pub(super) fn unbroken(text: &str) -> Option<(String, Vec<u32>)> {
    taken(text, broken)
}

/// Decodes `text` once, and omits the bytes for which `left_out` returns a length.
fn taken(text: &str, left_out: impl Fn(&[u8], usize) -> Option<usize>) -> Option<(String, Vec<u32>)> {
    let bytes = text.as_bytes();
    let mut at = bytes.iter().position(|b| b"%&\\-".contains(b))?;
    let (mut out, mut copied, mut any) = (String::with_capacity(text.len()), 0, false);
    let mut origin: Vec<u32> = Vec::with_capacity(text.len());
    let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    while at < bytes.len() {
        let escape = match bytes[at] {
            b'-' => left_out(bytes, at).map(|length| (None, length)),
            b'%' => percent(&bytes[at..]).map(seen),
            b'&' => entity(&bytes[at..]).map(seen),
            b'\\' => backslash(&bytes[at..]).map(seen),
            _ => None,
        };
        let Some((c, length)) = escape else {
            at += 1;
            continue;
        };
        out.push_str(&text[copied..at]);
        origin.extend((copied..at).map(place));
        // Non-printing characters separate words, as they appear to a reader.
        out.extend(c.map(|c| if c.is_control() && c != '\n' { ' ' } else { c }));
        origin.resize(out.len(), place(at));
        at += length;
        (copied, any) = (at, true);
    }
    out.push_str(&text[copied..]);
    origin.extend((copied..text.len()).map(place));
    any.then_some((out, origin))
}

fn seen((c, length): (char, usize)) -> (Option<char>, usize) {
    (Some(c), length)
}

/// Returns the length of a hyphen between two letters and the line end after it.
fn broken(bytes: &[u8], at: usize) -> Option<usize> {
    let letter = |at: usize| bytes.get(at).is_some_and(|b| b.is_ascii_alphabetic() || !b.is_ascii());
    let spaces = |at: usize| bytes.iter().skip(at).take(ESCAPE_BYTES_MAX).take_while(|b| **b == b' ').count();
    let end = at + 1 + spaces(at + 1);
    let behind = end + 1 + spaces(end + 1);
    let parts = bytes.get(end) == Some(&b'\n') && at.checked_sub(1).is_some_and(letter) && letter(behind);
    parts.then_some(behind - at)
}

fn hex(digits: &[u8]) -> Option<u32> {
    let digits = std::str::from_utf8(digits).ok().filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))?;
    u32::from_str_radix(digits, 16).ok()
}

/// Decodes `%2F`, including characters of several bytes.
fn percent(bytes: &[u8]) -> Option<(char, usize)> {
    let byte = |n: usize| {
        let escape = bytes.get(3 * n..3 * n + 3).filter(|e| e[0] == b'%')?;
        hex(&escape[1..]).and_then(|b| u8::try_from(b).ok())
    };
    let first = byte(0)?;
    let length = match first {
        0..0x80 => 1,
        0xC0..0xE0 => 2,
        0xE0..0xF0 => 3,
        _ => 4,
    };
    let all: Vec<u8> = (0..length).map_while(byte).collect();
    let c = std::str::from_utf8(&all).ok().and_then(|s| s.chars().next())?;
    Some((c, 3 * length))
}

/// Decodes `&#47;`, `&#x2F;` and `&sol;`.
fn entity(bytes: &[u8]) -> Option<(char, usize)> {
    let end = bytes.iter().take(ESCAPE_BYTES_MAX).position(|b| *b == b';')?;
    let c = match &bytes[1..end] {
        [b'#', b'x' | b'X', digits @ ..] => char::from_u32(hex(digits)?)?,
        [b'#', digits @ ..] => char::from_u32(std::str::from_utf8(digits).ok()?.parse().ok()?)?,
        name => ENTITIES.iter().find(|(entity, _)| entity.as_bytes() == name)?.1,
    };
    Some((c, end + 1))
}

/// Decodes `\u0053`, `\u{53}`, `\x53` and `\123`.
fn backslash(bytes: &[u8]) -> Option<(char, usize)> {
    let (digits, length) = match bytes.get(1..)? {
        [b'u', b'{', rest @ ..] => {
            let end = rest.iter().take(7).position(|b| *b == b'}')?;
            (&rest[..end], end + 4)
        }
        [b'u', rest @ ..] => (rest.get(..4)?, 6),
        [b'x', rest @ ..] => (rest.get(..2)?, 4),
        [a @ b'0'..=b'1', b @ b'0'..=b'7', c @ b'0'..=b'7', ..] => {
            let code = (a - b'0') * 64 + (b - b'0') * 8 + (c - b'0');
            return code.is_ascii_graphic().then_some((char::from(code), 4));
        }
        _ => return None,
    };
    Some((char::from_u32(hex(digits)?)?, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_each_way_once_and_knows_where_each_byte_comes_from() {
        for (text, seen) in [
            ("SECRET%2F%2FNOFORN", "SECRET//NOFORN"),
            ("&#40;S&#47;&#x2f;NF&rpar;", "(S//NF)"),
            ("\\u0053ECRET\\x2f\\u{2F}", "SECRET//"),
            ("caf%C3%A9 %2541", "caf\u{e9} %41"),
            ("\\124LP", "TLP"),
        ] {
            let (out, origin) = decoded(text).unwrap();
            assert_eq!((out.as_str(), origin.len()), (seen, seen.len()));
            assert!(origin.is_sorted());
        }
        assert_eq!(decoded("a%2Fb").unwrap().1, [0, 1, 4]);
        assert_eq!(unbroken("on-\n ward"), Some(("onward".into(), vec![0, 1, 5, 6, 7, 8])));
        assert_eq!((decoded("on-\nward"), unbroken("on- ward\n- a -\nb")), (None, None));
    }

    #[test]
    fn what_is_no_escape_is_left_alone() {
        for text in ["100% sure & safe", "C:\\users\\x", "AT&T; R&D", "%zz &#; &#xD800; \\uD800 %FF %+1", "plain"] {
            assert_eq!(decoded(text), None, "{text}");
        }
    }
}
