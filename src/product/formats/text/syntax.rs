//! The fixed words and signs of the text format: its first line, the delimiter between tearlines, the keywords of
//! attachments and the base64 of their bodies.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The first line of every product.
pub const SIGNATURE: &str = "PORTCULLIS PRODUCT 1";

/// The delimiter between two tearlines, as we write it.
pub const HYPHENS: &str = "------------------------------------------------------------------------";

/// Characters of base64 on one line of a body.
pub(in crate::product) const BODY_COLUMNS: usize = 76;

/// What the begin line of an attachment says after its mark.
pub(crate) const BEGIN: &str = "BEGIN ATTACHMENT";

/// What ends an attachment's body.
pub(crate) const END: &str = "END ATTACHMENT";

/// What the one line of a detached attachment says after its mark.
pub(crate) const DETACHED: &str = "ATTACHMENT";

/// Whether `line` is the delimiter between two tearlines: at least twenty hyphens and nothing else.
pub(crate) fn is_delimiter(line: &str) -> bool {
    line.len() >= 20 && line.bytes().all(|b| b == b'-')
}

/// Whether `line` separates nothing yet looks as if it did: no letter and no digit in it, or one foreign sign over
/// and over. Twenty or more hyphens and nothing else are the real delimiter and are for the caller to recognise.
pub(in crate::product) fn looks_like_delimiter(line: &str) -> bool {
    let mut visible = line.chars().filter(|c| !c.is_whitespace()).take(200).peekable();
    // Most lines begin with a letter or digit, which is no sign of a line drawn whatever follows.
    if visible.peek().is_none_or(char::is_ascii_alphanumeric) {
        return false;
    }
    let visible: Vec<char> = visible.collect();
    let Some(first) = visible.first() else { return false };
    if is_rule_sign(*first) && visible.len() >= 3 && visible[..3].iter().all(|c| c == first) {
        return true;
    }
    // A line may begin behind a word, with the sign that ends its sentence, and a picture draws no line by itself.
    if visible.len() < 3 && visible.iter().all(|c| ends_sentence(*c) || is_picture(*c)) {
        return false;
    }
    if visible.iter().all(|c| !c.is_alphanumeric()) {
        return true;
    }
    // Letters such as U+30FC or U+4E00 draw a line as well as a dash does.
    visible.len() >= 3 && visible.iter().all(|c| c == first)
}

/// Signs of India and Tibet behind which a sentence ends, and before which there may be a space.
fn ends_sentence(c: char) -> bool {
    matches!(c, '\u{964}' | '\u{965}' | '\u{F0D}' | '\u{F0E}')
}

/// Emoji.
fn is_picture(c: char) -> bool {
    matches!(c, '\u{1F300}'..='\u{1F64F}' | '\u{1F680}'..='\u{1F6FF}' | '\u{1F900}'..='\u{1F9FF}')
}

/// Signs that people draw lines with.
fn is_rule_sign(c: char) -> bool {
    matches!(c, '-' | '=' | '_' | '*' | '~' | '#' | '+' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{2500}'..='\u{257F}')
}

/// The lines of an attachment's body: standard base64, 76 characters a line.
pub(in crate::product) fn body_lines(bytes: &[u8]) -> impl Iterator<Item = String> + '_ {
    // 57 bytes make 76 characters exactly, so only the last line can be padded.
    bytes.chunks(BODY_COLUMNS / 4 * 3).map(|chunk| STANDARD.encode(chunk))
}

/// Decodes one line of a body; `last` says whether it may be short. `None` for anything but the canonical form.
pub(in crate::product) fn decode_line(line: &str, last: bool, into: &mut Vec<u8>) -> Option<()> {
    if line.is_empty() || line.len() > BODY_COLUMNS || (!last && (line.len() != BODY_COLUMNS || line.ends_with('='))) {
        return None;
    }
    // The standard engine demands padding and refuses trailing bits, so each body has one spelling.
    STANDARD.decode_vec(line, into).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_has_one_spelling() {
        let bytes: Vec<u8> = (0..=255).collect();
        let lines: Vec<String> = body_lines(&bytes).collect();
        let mut back = Vec::new();
        for (i, line) in lines.iter().enumerate() {
            decode_line(line, i + 1 == lines.len(), &mut back).unwrap();
        }
        assert_eq!(back, bytes);
        let mut out = Vec::new();
        assert!(decode_line("QQ==", true, &mut out).is_some());
        for (line, last) in
            [("QR==", true), ("QQ=", true), ("QQ", true), ("Q Q=", true), ("", true), ("QQ==", false), ("QUJD", false)]
        {
            assert!(decode_line(line, last, &mut out).is_none(), "{line} {last}");
        }
    }

    #[test]
    fn knows_a_delimiter_from_its_impostors() {
        assert!(is_delimiter(&"-".repeat(20)));
        for text in [
            "-------------------",
            "-------------------- ",
            "- - - - - - - - - - -",
            "=====",
            "\u{2014}\u{2014}\u{2014}",
            "***",
            "\u{30fc}\u{30fc}\u{30fc}\u{30fc}",
            "\u{4e00} \u{4e00} \u{4e00}",
            "---\u{200b}---",
            "_",
            "---- CUT HERE ----",
        ] {
            assert!(!is_delimiter(text), "{text:?}");
            assert!(looks_like_delimiter(text), "{text:?}");
        }
        assert!(looks_like_delimiter("\u{964} \u{964} \u{964}") && looks_like_delimiter("\u{1f6a2}\u{1f6a2}\u{1f6a2}"));
        for text in ["a - b", "(U) text", "1.", "Noted.", "aaa", "\u{964}", "\u{f0d}", "\u{1f6a2}"] {
            assert!(!looks_like_delimiter(text), "{text:?}");
        }
    }
}
