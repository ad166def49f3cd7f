//! Paragraphs of English out of files that packages hold: pages, plain texts, manual sources, dictionaries.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Words that hardly any English paragraph is without.
const COMMON: [&str; 14] =
    ["the", "of", "and", "to", "in", "is", "that", "it", "for", "was", "with", "as", "you", "his"];
/// The fewest words of a paragraph.
const WORDS_MIN: usize = 10;

/// Every file under a folder, in the order of its path.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                Ok(kind) if kind.is_file() => found.push(entry.path()),
                _ => {}
            }
        }
    }
    found.sort();
    found
}

/// The paragraphs of a file that are English prose, each once.
pub fn of_file(path: &Path, seen: &mut BTreeSet<u64>) -> Vec<String> {
    let Ok(bytes) = std::fs::read(path) else { return Vec::new() };
    if bytes.contains(&0) {
        return Vec::new();
    }
    let text = String::from_utf8_lossy(&bytes).replace("\r\n", "\n");
    let is_page = path.extension().is_some_and(|e| e == "html" || e == "htm");
    let text = if is_page { page(&text) } else { roff(&text) };
    let parts = text.split("\n\n").flat_map(|part| part.split("\n%\n"));
    let mut paragraphs: Vec<String> = parts.map(str::trim).filter(|p| is_prose(p)).map(str::to_owned).collect();
    paragraphs.retain(|p| seen.insert(hash(p)));
    paragraphs
}

/// Whether a paragraph is English, and not a table, a program or a list of names.
fn is_prose(text: &str) -> bool {
    let words: Vec<String> =
        text.split_whitespace().map(|w| w.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase()).collect();
    let common = COMMON.iter().filter(|c| words.iter().any(|w| w == *c)).count();
    let plain = text.chars().filter(|c| c.is_alphabetic() || c.is_whitespace() || ",.'".contains(*c)).count();
    words.len() >= WORDS_MIN && common >= 2 && plain * 100 >= text.chars().count() * 85
}

/// FNV-1a, to know a paragraph again.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, b| (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
}

/// A page as its reader sees it: tags taken out, blocks apart.
fn page(text: &str) -> String {
    const BLOCKS: [&str; 22] = [
        "p",
        "div",
        "br",
        "li",
        "ul",
        "ol",
        "dl",
        "dt",
        "dd",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "tr",
        "td",
        "th",
        "table",
        "blockquote",
        "pre",
        "hr",
    ];
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        out.push_str(&rest[..at]);
        let Some(end) = rest[at..].find('>').map(|end| at + end) else { break };
        let tag = rest[at + 1..end].trim_start_matches('/');
        let name: String = tag.chars().take_while(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
        if BLOCKS.contains(&name.as_str()) {
            out.push_str("\n\n");
        }
        rest = &rest[end + 1..];
        if matches!(name.as_str(), "pre" | "script" | "style") && !text[..text.len() - rest.len()].ends_with("/>") {
            let close = format!("</{name}");
            if let Some(end) = rest.to_lowercase().find(&close).filter(|_| !tag.is_empty()) {
                rest = rest.get(end..).unwrap_or_default();
            }
        }
    }
    out.push_str(rest);
    for (entity, sign) in [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&nbsp;", " "),
        ("&#160;", " "),
        ("&rsquo;", "\u{2019}"),
        ("&lsquo;", "\u{2018}"),
        ("&ldquo;", "\u{201c}"),
        ("&rdquo;", "\u{201d}"),
        ("&mdash;", "\u{2014}"),
        ("&ndash;", "\u{2013}"),
        ("&copy;", "\u{a9}"),
        ("&amp;", "&"),
    ] {
        out = out.replace(entity, sign);
    }
    let lines: Vec<&str> = out.lines().map(str::trim).collect();
    lines.join("\n")
}

/// The source of a manual page without its commands; any other text as it is.
fn roff(text: &str) -> String {
    if !text.lines().take(400).any(|line| line.starts_with(".SH") || line.starts_with(".TH")) {
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        return lines.join("\n");
    }
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        let words = ["B", "I", "BR", "IR", "BI", "RB", "RI", "IB"];
        match line.strip_prefix('.') {
            Some(command) => match command.split_once(' ') {
                Some((name, argument)) if words.contains(&name) => {
                    // Of two letters, the words change their face and have no space between them.
                    out.push_str(&if name.len() == 2 { argument.replace([' ', '"'], "") } else { argument.to_owned() });
                    out.push('\n');
                }
                _ => out.push_str("\n\n"),
            },
            None => {
                out.push_str(line);
                out.push('\n');
            }
        }
    }
    ["\\fB", "\\fI", "\\fR", "\\fP", "\\&"].iter().fold(out, |out, code| out.replace(code, "")).replace("\\-", "-")
}
