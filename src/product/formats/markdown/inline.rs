//! Text within a line: every sign stands for itself, or is refused. A backslash before a sign makes it stand for
//! itself where Markdown would take it for markup.

use std::borrow::Cow;

/// Reads `raw`, and reports through `fault` what is markup: the part of `raw`, the message and the remedy.
pub(super) fn read<'t>(raw: &'t str, mut fault: impl FnMut(&str, &str, &str)) -> Cow<'t, str> {
    if !raw.contains(SPECIAL) {
        return Cow::Borrowed(raw);
    }
    let mut text = String::with_capacity(raw.len());
    let mut before = None;
    let mut rest = raw;
    while let Some(c) = rest.chars().next() {
        let mut taken = c.len_utf8();
        let after = rest[taken..].chars().next();
        if c == '\\' {
            match after.filter(char::is_ascii_punctuation) {
                Some(sign) => {
                    text.push(sign);
                    taken += 1;
                    before = Some(sign);
                }
                None => fault(
                    &rest[..1],
                    "a backslash that escapes nothing",
                    "write `\\\\` for a backslash; a line break needs none",
                ),
            }
        } else {
            if let Some((message, hint)) = markup(c, before, after, rest) {
                fault(&rest[..taken], message, hint);
            }
            text.push(c);
            before = Some(c);
        }
        rest = &rest[taken..];
    }
    Cow::Owned(text)
}

/// Writes `text` so that [`read`] gives it back, and a renderer shows it.
pub(super) fn write(text: &str, out: &mut String) {
    for c in text.chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '<' | '&' | '[' | ']' | '~' | '!' | '#') {
            out.push('\\');
        }
        out.push(c);
    }
}

const SPECIAL: [char; 10] = ['\\', '`', '*', '_', '<', '&', '!', '[', ']', '~'];

/// What is wrong with the sign `c` between `before` and `after`, and what to do about it.
fn markup(c: char, before: Option<char>, after: Option<char>, rest: &str) -> Option<(&'static str, &'static str)> {
    let space = |c: Option<char>| c.is_none_or(|c| c == ' ');
    let word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    match c {
        '`' => Some(("a code span", "remove the backticks, or write ``\\` `` if the sign itself is meant")),
        // Between spaces it neither opens nor closes emphasis (CommonMark 0.31, 6.2).
        '*' if space(before) && space(after) => None,
        '*' => {
            Some(("emphasis, which a product does not carry", "remove it, or write `\\*` if the sign itself is meant"))
        }
        '_' if space(before) && space(after) || word(before) && word(after) => None,
        '_' => {
            Some(("emphasis, which a product does not carry", "remove it, or write `\\_` if the sign itself is meant"))
        }
        '~' if space(before) && word(after) => None,
        '~' => Some(("strikethrough", "remove it, or write `\\~` if the sign itself is meant")),
        '<' if after.is_some_and(|c| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?')) => {
            Some(("HTML or a link in angle brackets", "write the text alone, or `\\<` if the sign itself is meant"))
        }
        '&' if is_entity(rest) => {
            Some(("a character reference, which shows as another character", "write the character itself, or `\\&`"))
        }
        '!' if after == Some('[') => Some(("an image", "attach it as a file")),
        '[' if after == Some('^') => Some(("a footnote", "write it as a portion with its own mark")),
        ']' if matches!(after, Some('(' | '[' | ':')) => Some((
            "a link, whose target the rendering hides",
            "write the target as text, with its words beside it, or `\\]` if the sign itself is meant",
        )),
        _ => None,
    }
}

/// Whether `text` begins with something that HTML would replace: `&name;`, `&#1;` or `&#x1;`.
fn is_entity(text: &str) -> bool {
    let body = &text[1..];
    let end = body.find(|c: char| !c.is_ascii_alphanumeric() && c != '#').unwrap_or(body.len());
    end > 0 && body[end..].starts_with(';')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(raw: &str) -> usize {
        let mut count = 0;
        read(raw, |_, _, _| count += 1);
        count
    }

    #[test]
    fn what_shows_as_it_is_written_is_text() {
        for raw in [
            "2 * 3 = 6",
            "R&D, A & B;",
            "draft < 6 m",
            "exercise_desk@example.invalid",
            "[sic]",
            "~50 vessels to ~60",
            "no! (U) yes",
            "a > b",
            "C:\\\\x",
            "AT&T;",
            "50% | 60%",
        ] {
            let expected = if raw == "AT&T;" { 1 } else { 0 };
            assert_eq!(faults(raw), expected, "{raw}");
        }
    }

    #[test]
    fn refuses_markup() {
        for raw in [
            "*not*",
            "**not**",
            "_not_",
            "__not__",
            "`(S)`",
            "<b>",
            "</b>",
            "<!-- a -->",
            "<http://a.invalid>",
            "<?x?>",
            "&lt;",
            "&#x202e;",
            "![a](b)",
            "[a](b)",
            "[a][b]",
            "[a]: b",
            "[^1]",
            "~~no~~",
            "a\\",
            "a\\b",
            "word*s",
            "snake_",
            "a~b~",
        ] {
            assert!(faults(raw) > 0, "{raw}");
        }
    }

    #[test]
    fn writes_what_it_reads_back() {
        let all: String = (' '..='~').chain("\u{e9}\u{65e5}".chars()).collect();
        let mut written = String::new();
        write(&all, &mut written);
        assert_eq!(read(&written, |part, message, _| panic!("{part}: {message}")), all);
    }
}
