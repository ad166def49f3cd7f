//! Finds JSON objects, markup elements, and JSON values that are markup, within a text.

/// The longest name of a member or element that is examined, in bytes.
const NAME_BYTES_MAX: usize = 64;
/// How far into a JSON value markup is searched for, in bytes.
const VALUE_BYTES_MAX: usize = 256;
/// The longest white space between a brace and the name of a member, in bytes.
const BLANKS_MAX: usize = 64;

/// Returns the first `most` bytes of a text, rounded down to a character boundary.
fn head(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or(text)
}

/// Returns the position of a JSON object, whether its quotes are plain, single, escaped or doubled.
pub(super) fn object(block: &str) -> Option<usize> {
    const QUOTES: [&str; 4] = ["\\\"", "\"\"", "\"", "'"];
    let begins = |at: usize| {
        let inside = head(&block[at + 1..], BLANKS_MAX + 2 * NAME_BYTES_MAX).trim_start();
        QUOTES.into_iter().any(|quote| {
            let Some(name) = inside.strip_prefix(quote) else { return false };
            let Some((name, behind)) = name.split_once(quote) else { return false };
            !name.is_empty()
                && name.len() <= NAME_BYTES_MAX
                && !name.contains('\n')
                && behind.trim_start().starts_with(':')
        })
    };
    block.match_indices('{').map(|(at, _)| at).find(|at| begins(*at))
}

/// Returns the name of an element after `<` or `</`, if there is one.
fn named(rest: &str) -> Option<&str> {
    let rest = head(rest, NAME_BYTES_MAX);
    let end =
        rest.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, ':' | '_' | '-' | '.')).unwrap_or(rest.len());
    rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_').then(|| &rest[..end])
}

/// Returns the position of a markup element in a text: a closing tag, or one with attributes, or an empty element.
pub(super) fn element(block: &str) -> Option<usize> {
    let is_tag = |at: usize| {
        let rest = &block[at + 1..];
        if let Some(closing) = rest.strip_prefix('/') {
            return named(closing).is_some_and(|name| closing[name.len()..].trim_start().starts_with('>'));
        }
        if rest.starts_with("!--") || rest.starts_with("![") {
            return true;
        }
        let Some(name) = named(rest) else { return false };
        let behind = &rest[name.len()..];
        let spaced = head(behind, BLANKS_MAX).trim_start();
        let attribute = behind.starts_with([' ', '\n'])
            && named(spaced).is_some_and(|attribute| {
                let value = spaced[attribute.len()..].trim_start().strip_prefix('=');
                value.is_some_and(|value| value.trim_start().starts_with(['"', '\'', '\\']))
            });
        attribute || spaced.starts_with("/>") && !name.contains(':') || spaced.starts_with('>') && is_empty(name)
    };
    block.match_indices('<').map(|(at, _)| at).find(|at| is_tag(*at))
}

/// Returns whether an HTML element has no closing tag, or often none.
fn is_empty(name: &str) -> bool {
    ["br", "hr", "p", "li", "td", "tr", "div", "span", "b", "i"].iter().any(|empty| name.eq_ignore_ascii_case(empty))
}

/// Returns the position of a JSON member whose value begins with markup.
pub(super) fn value(block: &str) -> Option<usize> {
    let is_markup = |at: usize| {
        let rest = &block[at + 1..];
        let line = head(rest, VALUE_BYTES_MAX).split('\n').next().unwrap_or_default();
        line.strip_prefix('<').is_some_and(|rest| named(rest).is_some() || rest.starts_with(['!', '?']))
            && element(line).is_some()
    };
    block.match_indices("\"<").map(|(at, _)| at).find(|at| is_markup(*at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_of_json_are_found_behind_words() {
        for text in
            ["EXERCISE: {\"a\": 1}", "{ 'a' : 1}", "say {\\\"a\\\":1}", "x,\"{\"\"a\"\": 1}\"", "{\n  \"a b\": []"]
        {
            assert!(object(text).is_some(), "{text}");
        }
        for text in ["{a}", "a set {1, 2}", "the \"{name}\" of it", "{\"quoted\"}", "{", "{{x}}", "\"\"{a}\"\": 1"] {
            assert_eq!(object(text), None, "{text}");
        }
    }

    #[test]
    fn elements_are_told_from_signs() {
        for text in
            ["some <b>bold</b> text", "<a href='x'>", "a <note/>", "it <br> breaks", "<x:y z=\"1\">", "<!-- x -->"]
        {
            assert!(element(text).is_some(), "{text}");
        }
        for text in [
            "a < b > c",
            "<http://exercise.example>",
            "<a@exercise.example>",
            "x <- y",
            "<name>",
            "5 </ 6",
            "<a b>",
            "<>",
        ] {
            assert_eq!(element(text), None, "{text}");
        }
        assert!(value("{\n \"a\": \"<p>EXERCISE</p>\"\n}").is_some());
        assert_eq!(value("{\n \"a\": \"<EXERCISE> says\",\n \"b\": \"x <b>y</b>\"\n}"), None);
    }

    #[test]
    fn headers_of_mails_are_found_with_their_line() {
        let found = |text: &str| {
            let mut mails = super::super::mail::MailSearch::default();
            text.lines().enumerate().find_map(|(n, line)| mails.line(line, n + 1))
        };
        let mail = "From: EXERCISE <a@exercise.example>\nSubject: EXERCISE\n";
        assert_eq!(found(mail), Some(1));
        assert_eq!(found(&format!("Words.\n\n{mail}")), Some(3));
        assert_eq!(found(&format!("Words.\n{}", mail.replace("Sub", "> Sub").replace("From", "> From"))), Some(2));
        assert_eq!(found("To: all\nSubject: EXERCISE\nDate: 20 November 2026\n"), None);
    }
}
