//! Content type detection: determines what a text is by its content, independent of its name and declared type.
//!
//! Input: text, at once or in blocks of lines. Output: faults where the content contradicts the declared type, with
//! advice on how to attach it. It searches for characteristic patterns in one pass and shares nothing with the parsers.
//! Whether a file is valid for its type is checked elsewhere.

mod byte_class;
mod kind;
mod embedded;
mod table;
mod mail;
mod markup;
mod encoded;
mod scan;

pub(super) use self::byte_class::{ANGLE, COLON, CONTROL, DASH, FOREIGN, classes};
pub(super) use self::mail::is_mail;

use self::embedded::Embedded;
use self::kind::Content;
use self::scan::EmbeddedScan;
use self::table::Rows;
use super::finding::Fault;

/// Returns whether files of this type are text that can be examined here.
pub(super) fn is_text(media_type: &str) -> bool {
    matches!(media_type, "text/plain" | "text/csv" | "application/json" | "application/stix+json")
}

/// Returns the contradictions between a whole text and its declared type.
pub(super) fn contradictions(media_type: &str, text: &str) -> Vec<Fault> {
    let mut sniffer = Sniffer::of(media_type);
    sniffer.take(text);
    sniffer.end()
}

/// The number of bytes at the beginning of a text that are kept to classify it as a whole.
const HEAD_BYTES: usize = 8 * 1024;

/// Classifies a text that arrives in blocks of whole lines.
pub(super) struct Sniffer {
    media_type: String,
    /// The beginning of the text, without leading white space.
    head: String,
    /// Its last byte that is not white space.
    last: u8,
    rows: Rows,
    within: EmbeddedScan,
}

impl Sniffer {
    /// Starts with an empty text.
    pub fn of(media_type: &str) -> Sniffer {
        let rows = Rows::of(media_type == "text/plain");
        Sniffer {
            media_type: media_type.to_owned(),
            head: String::new(),
            last: 0,
            rows,
            within: EmbeddedScan::default(),
        }
    }

    /// Processes the next lines.
    pub fn take(&mut self, block: &str) {
        if self.head.len() < HEAD_BYTES {
            let more = if self.head.is_empty() { block.trim_start() } else { block };
            self.head.push_str(&more[..more.floor_char_boundary(HEAD_BYTES - self.head.len())]);
        }
        self.last = block.trim_ascii_end().bytes().next_back().unwrap_or(self.last);
        self.rows.take(block);
        self.within.take(block);
    }

    /// Returns the contradictions to the declared type, after the last block.
    pub fn end(mut self) -> Vec<Fault> {
        self.within.end();
        let declared = &self.media_type;
        if let Some(content) = self.content() {
            if content.is_allowed_as(declared) {
                return self.inside(declared);
            }
            let message = format!("an attachment declared `{declared}` that is {content}: {}", content.advice());
            return vec![("types.kind", message)];
        }
        self.inside(declared)
    }

    /// Returns the faults for embedded content.
    fn inside(&self, declared: &str) -> Vec<Fault> {
        // JSON in a cell is also found as a JSON object: it is reported once.
        let twice = |inside| inside == Embedded::Object && declared == "text/csv" && self.within.has(Embedded::Cell);
        let found = self.within.found().filter(|(inside, _)| !inside.is_allowed_in(declared) && !twice(*inside));
        let told = |(inside, line): (Embedded, usize)| {
            let message = format!(
                "an attachment declared `{declared}` with {inside} in it, on line {line} of the file: {}",
                inside.advice()
            );
            ("types.within", message)
        };
        found.map(told).collect()
    }

    fn content(&self) -> Option<Content> {
        let (head, inside) = (self.head.as_str(), |inside| self.within.has(inside));
        if is_json(head, self.last) {
            return Some(match () {
                () if inside(Embedded::Stix) => Content::Stix,
                () if scan::is_event(head) => Content::Misp,
                () => Content::Json,
            });
        }
        if let Some(root) = root(head).filter(|_| self.last == b'>') {
            return Some(match () {
                () if inside(Embedded::Label) => Content::Label,
                () if inside(Embedded::Alert) => Content::Cap,
                () if is_html(&root) => Content::Html,
                () => Content::Xml,
            });
        }
        if is_mail(head) {
            return Some(Content::Mail);
        }
        self.rows.content()
    }
}

/// Returns whether a text with this beginning and last byte is JSON, or accepted as JSON by lenient parsers.
fn is_json(head: &str, last: u8) -> bool {
    let next = |rest: &str| rest.trim_start().bytes().next();
    if let Some(rest) = head.strip_prefix('{') {
        return matches!(next(rest), Some(b'"' | b'\'')) || next(rest) == Some(b'}') && last == b'}';
    }
    let Some(rest) = head.strip_prefix('[').map(str::trim_start).filter(|_| last == b']') else { return false };
    let word = |word| rest.strip_prefix(word).is_some_and(|behind: &str| behind.trim_start().starts_with([',', ']']));
    matches!(rest.bytes().next(), Some(b'{' | b'[' | b'"' | b'\'')) || ["null", "true", "false"].into_iter().any(word)
}

/// Returns the name of the root element without its namespace prefix; the name of a declaration or processing
/// instruction in upper case, with its `!` or `?`.
fn root(head: &str) -> Option<String> {
    let rest = head.strip_prefix('<')?;
    let sign = rest.starts_with(['?', '!']);
    let name: String = rest.trim_start_matches(['?', '!', '-']).chars().take_while(|c| is_name(*c)).collect();
    let behind = rest.trim_start_matches(['?', '!', '-']).get(name.len()..)?;
    let ends = behind.is_empty() || behind.starts_with(|c: char| c.is_whitespace() || matches!(c, '>' | '/' | '?'));
    if sign {
        let declared = behind.trim_start().split(|c: char| !is_name(c)).next().unwrap_or_default();
        return Some(format!("{} {declared}", name.to_ascii_uppercase()));
    }
    (name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && !name.ends_with(':') && ends)
        .then(|| name.rsplit(':').next().unwrap_or_default().to_owned())
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, ':' | '_' | '.' | '-')
}

fn is_html(root: &str) -> bool {
    const ROOTS: [&str; 22] = [
        "a", "b", "body", "br", "center", "div", "font", "form", "h1", "h2", "head", "html", "img", "li", "link",
        "meta", "ol", "p", "span", "style", "table", "ul",
    ];
    let root = root.to_ascii_lowercase();
    ROOTS.contains(&root.as_str()) || root == "doctype html"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(media_type: &str, text: &str) -> Vec<&'static str> {
        contradictions(media_type, text).into_iter().map(|(code, _)| code).collect()
    }

    const BUNDLE: &str =
        "{\"type\": \"bundle\", \"id\": \"bundle--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f\", \"objects\": []}";
    const OBJECT: &str =
        "{\n \"id\": \"identity--8e2e2d2b-17d4-4cbf-938f-98ee46b3cd3f\",\n \"type\": \"identity\"\n}\n";

    #[test]
    fn a_text_is_what_it_is_whatever_it_is_declared_as() {
        for (text, content) in [
            (BUNDLE, Content::Stix),
            (OBJECT, Content::Stix),
            ("[{'type': 'bundle'}]", Content::Stix),
            ("{\"Event\": {\"info\": \"EXERCISE\"}}", Content::Misp),
            ("{\"response\": [{\"Event\": {\"info\": \"EXERCISE\"}}]}", Content::Misp),
            (" \n{\"a\": 1}\n{\"a\": 2}\n", Content::Json),
            ("{}", Content::Json),
            ("[null]", Content::Json),
            ("<alert xmlns=\"urn:oasis:names:tc:emergency:cap:1.2\"><scope>Restricted</scope></alert>", Content::Cap),
            ("<doc ism:classification=\"TS\" ism:ownerProducer=\"USA\">EXERCISE</doc>", Content::Label),
            ("<s:originatorConfidentialityLabel xmlns:s=\"urn:x\"></s:originatorConfidentialityLabel>", Content::Label),
            ("<note><to>EXERCISE</to></note>\n", Content::Xml),
            ("<!-- a --><note/>", Content::Xml),
            ("<p>EXERCISE</p>", Content::Html),
            ("<!DOCTYPE html><title>EXERCISE</title>", Content::Html),
            ("name,count\nAlpha,3\n", Content::Table),
            ("name;count\nAlpha;3\n", Content::Semicolons),
            (
                "From: EXERCISE <a@exercise.example>\nTo: b@exercise.example\nSubject: EXERCISE\n\nText.\n",
                Content::Mail,
            ),
            ("Received: by exercise.example\n with EXERCISE\nSubject: EXERCISE\n\nText.\n", Content::Mail),
        ] {
            let mut sniffer = Sniffer::of("text/plain");
            sniffer.take(text);
            assert_eq!(sniffer.content(), Some(content), "{text}");
            assert_eq!(codes("text/plain", text), ["types.kind"], "{text}");
            let mut sniffer = Sniffer::of("text/plain");
            text.split_inclusive('\n').for_each(|line| sniffer.take(line));
            assert_eq!(sniffer.content(), Some(content), "{text}, line by line");
        }
    }

    #[test]
    fn words_are_words_whatever_they_begin_with() {
        for text in [
            "",
            "\n",
            "EXERCISE.\n",
            "[1] EXERCISE report, page 3 [2]",
            "[draft] Two vessels [left]",
            "{EXERCISE}",
            "<http://exercise.example> says so >",
            "< 3 vessels, > 2 boats",
            "From: EXERCISE desk\nTo: all\nSubject: EXERCISE\n\nText.\n",
            "Note: a@exercise.example is the contact.\n\nText.\n",
            "Alpha, Bravo\nCharlie, Delta\n",
            "Total 1,000\nRest 2,500\n",
            "Dear Sir,\nthank you,\n",
            "one line,with a comma",
            "int a;\nint b;\n",
            "Two vessels left; they came back.\nThree left; they did not.\n",
            "A bundle--of papers. The type: bundle. An indicator--8e2e2d2b of EXERCISE.\n",
        ] {
            assert_eq!(codes("text/plain", text), [""; 0], "{text}");
        }
    }

    #[test]
    fn what_stands_somewhere_in_a_text_is_found_with_its_line() {
        for text in [
            format!("EXERCISE.\n\n{BUNDLE}\n"),
            format!("EXERCISE.\n\n\"{}\"\n", BUNDLE.replace('"', "\\\"")),
            format!("EXERCISE.\n\n\"{}\"\n", BUNDLE.replace('"', "\"\"")),
            "EXERCISE.\n\nthe member \"payload_bin\": \"QQ==\"\n".to_owned(),
            "EXERCISE.\n\n<p ism:classification='TS'>EXERCISE</p> it says\n".to_owned(),
            "EXERCISE.\n\n<alert xmlns=\"urn:oasis:names:tc:emergency:cap:1.2\"> it says\n".to_owned(),
            "EXERCISE.\n\n<s:originatorConfidentialityLabel> it says\n".to_owned(),
        ] {
            for media_type in ["text/plain", "text/csv"] {
                let faults = contradictions(media_type, &text);
                let there = |(code, message): &Fault| *code == "types.within" && message.contains("on line 3");
                assert!(!faults.is_empty() && faults.iter().all(there), "{text}: {faults:?}");
            }
        }
    }

    #[test]
    fn data_are_declared_as_what_they_are() {
        for (media_type, text, found) in [
            ("application/json", "{\"a\": 1}", ""),
            ("application/json", "{\"Event\": {\"info\": \"EXERCISE\"}}", ""),
            ("application/json", BUNDLE, "types.kind"),
            ("application/json", OBJECT, "types.kind"),
            ("application/json", "\"EXERCISE\"", ""),
            ("application/json", "{\n \"a\": \"{\\\"payload_bin\\\": 1}\"\n}", "types.within"),
            ("application/json", "<note/>", "types.kind"),
            ("application/stix+json", BUNDLE, ""),
            ("application/stix+json", "{\"a\": 1}", "types.kind"),
            ("text/csv", "name,count\nAlpha,3\n", ""),
            ("text/csv", "name\nAlpha\n", ""),
            ("text/csv", "name;count\nAlpha;3\n", "types.kind"),
            ("text/csv", "[1,\"b\"]\n", ""),
            ("text/csv", "[\"a\",\"b\"]\n", "types.kind"),
            ("text/csv", "name,note\nAlpha,\"{\"\"a\"\": 1}\"\n", "types.within"),
            ("text/csv", "name,note\nAlpha,\"say \"\"{a}\"\"\"\n", ""),
        ] {
            assert_eq!(codes(media_type, text).concat(), found, "{media_type} {text}");
        }
    }
}
