//! Which format a source is in, determined from its content alone, never from file names or a sender's declaration.

use super::json::tree::Value;
use super::{json, markdown, text};
use crate::product::fault::{FaultCode, Faults, ProductFault};
use crate::product::format::Format;

/// What the first bytes show. The two formats in JSON are told apart once the JSON has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    Text,
    Markdown,
    Json,
}

/// Determines the family of `bytes` by their beginning. Whatever is not recognised counts as text, whose reader refuses it.
pub(super) fn family(bytes: &[u8]) -> Family {
    let first = bytes.split(|b| *b == b'\n').next().unwrap_or_default();
    let begins = bytes.iter().find(|b| !b" \t\r\n".contains(b));
    if begins.is_some_and(|b| *b == b'{' || *b == b'[') {
        Family::Json
    } else if first.starts_with(b"# PORTCULLIS") {
        Family::Markdown
    } else {
        Family::Text
    }
}

/// The fault of a product that is not in its `declared` format.
pub(super) fn wrong_format(declared: Format, found: Option<Format>) -> ProductFault {
    let found = found.map_or_else(String::new, |f| format!(": by its content it is {f}"));
    let hint = match declared {
        Format::Text => format!("begin the file with the line `{}`, or name another format", text::SIGNATURE),
        Format::Markdown => format!("begin the file with the line `{}`, or name another format", markdown::signature()),
        Format::Json => {
            "write one JSON object with the member `\"portcullis_product\": 1`, or name another format".into()
        }
        Format::Stix => "write one JSON object with the member `\"type\": \"bundle\"`, or name another format".into(),
        Format::Html => "a page for people is not read back: submit the product it was made from".into(),
    };
    ProductFault {
        code: FaultCode::Format.into(),
        line: 1,
        columns: 0..0,
        message: format!("the file is not a product in the format {declared}{found}"),
        hint,
        rule: FaultCode::Format.rule(),
        fix: None,
        pointer: None,
    }
}

/// Whether the source begins as text does. Unrecognised sources are tried as text as well, so this
/// is needed only for the message.
pub(super) fn is_text(source: &[u8]) -> bool {
    source.starts_with(text::SIGNATURE.as_bytes())
}

/// Determines whether JSON is a product or a STIX bundle, by the member that identifies each. Reports one with both or neither.
pub(super) fn json_format(root: &Value<'_>, faults: &mut Faults) -> Option<Format> {
    let product = root.member(json::SIGNATURE).is_some();
    let bundle = root.member("type").and_then(Value::text) == Some("bundle");
    let message = match (product, bundle) {
        (true, false) => return Some(Format::Json),
        (false, true) => return Some(Format::Stix),
        (true, true) => "JSON that calls itself a product and a bundle",
        (false, false) => "JSON that is neither a product nor a STIX bundle",
    };
    faults.at(
        FaultCode::Format,
        1,
        0..0,
        message,
        "begin a product with `\"portcullis_product\": 1`, and a bundle with `\"type\": \"bundle\"`",
    );
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_alone_tells_the_family() {
        for (bytes, expected) in [
            (&b"PORTCULLIS PRODUCT 1\n"[..], Family::Text),
            (b"# PORTCULLIS PRODUCT 1\n", Family::Markdown),
            (b" \r\n\t{", Family::Json),
            (b"[]", Family::Json),
            (b"", Family::Text),
            (b"\xef\xbb\xbf{}", Family::Text),
            (b"# Another heading\n", Family::Text),
            (b"<!DOCTYPE html>", Family::Text),
        ] {
            assert_eq!(family(bytes), expected, "{bytes:?}");
        }
    }
}
