//! The page made of a cut holds the cut's words and nothing that acts: no script, no reference, no tag from a text.

use crate::vectors;
use portcullis::cut::{Cut, Terms, cut_for};
use portcullis::marking::{Level, PartnerKind, PartnerRights, Register};
use portcullis::product::{Bounds, Format, Product};

fn cut(source: &str) -> Cut {
    let (bounds, register) = (Bounds::default(), Register::compiled_in());
    let product = Product::read(source.as_bytes(), &bounds, register).unwrap_or_else(|f| panic!("{f:#?}\n{source}"));
    let gbr = PartnerRights::new("GBR", PartnerKind::Country, Level::Secret, []);
    let terms = Terms { attachments: ["text/csv".to_owned()].into() };
    cut_for(&product, &gbr, &terms, 0, &bounds, register).unwrap()
}

fn page(cut: &Cut) -> String {
    String::from_utf8(cut.rendered(Format::Html, Register::compiled_in()).unwrap()).unwrap()
}

/// A cut that holds `text` wherever a text may stand.
fn holding(text: &str) -> Cut {
    let text = text.trim_end();
    let subject = text.replace(';', ",");
    cut(&format!(
        "PORTCULLIS PRODUCT 1\nId: EXERCISE-1\nTitle: (C//REL TO USA, GBR) EXERCISE {text}\n\
         Originator: (U//REL TO USA, GBR) EXERCISE {text}\nDate: 2026-11-20\nKind: report\n\
         Subjects: (U//REL TO USA, GBR) EXERCISE {subject}\nContact: (U//REL TO USA, GBR) EXERCISE {text}\n\n\
         CONFIDENTIAL//REL TO USA, GBR\n\n(C//REL TO USA, GBR) EXERCISE {text}\nand {text}\n"
    ))
}

/// One piece of a page: a tag as it stands, or text with its references resolved.
#[derive(Debug, PartialEq)]
enum Piece {
    Tag(String),
    Text(String),
}

/// Splits a page as strictly as possible: every `<` begins a tag, every `&` one of five references.
fn pieces(page: &str) -> Vec<Piece> {
    let mut found = Vec::new();
    let mut rest = page;
    while !rest.is_empty() {
        if let Some(tag) = rest.strip_prefix('<') {
            let end = tag.find('>').expect("every tag ends");
            assert!(!tag[..end].contains('<'), "a tag inside a tag: {tag:.80}");
            found.push(Piece::Tag(tag[..end].to_owned()));
            rest = &tag[end + 1..];
            if found.last() == Some(&Piece::Tag("style".into())) {
                rest = &rest[rest.find("</style>").expect("the style ends")..];
            }
        } else {
            let end = rest.find('<').unwrap_or(rest.len());
            found.push(Piece::Text(resolved(&rest[..end])));
            rest = &rest[end..];
        }
    }
    found
}

fn resolved(text: &str) -> String {
    assert!(!text.contains('>'), "{text}");
    let mut out = text.to_owned();
    for (reference, sign) in [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "\u{0}")] {
        out = out.replace(reference, sign);
    }
    assert!(!out.contains('&'), "an unknown reference in {text}");
    out.replace('\u{0}', "&")
}

/// Every tag that a page may hold, to the letter; the policy's digest and the language are fixed as well.
fn is_ours(tag: &str) -> bool {
    const TAGS: [&str; 50] = [
        "!DOCTYPE html",
        "html lang=\"en\"",
        "/html",
        "head",
        "/head",
        "meta charset=\"utf-8\"",
        "meta name=\"referrer\" content=\"no-referrer\"",
        "meta name=\"viewport\" content=\"width=device-width\"",
        "title",
        "/title",
        "style",
        "/style",
        "body class=\"level-u\"",
        "body class=\"level-c\"",
        "body class=\"level-s\"",
        "/body",
        "div class=\"banner shown head\"",
        "div class=\"banner shown foot\"",
        "div class=\"banner room\" aria-hidden=\"true\"",
        "/div",
        "table class=\"page\" role=\"presentation\"",
        "table class=\"about\"",
        "/table",
        "thead",
        "/thead",
        "tfoot",
        "/tfoot",
        "tbody",
        "/tbody",
        "tr",
        "/tr",
        "td",
        "td class=\"digest\"",
        "/td",
        "th scope=\"row\"",
        "/th",
        "main",
        "/main",
        "h1",
        "/h1",
        "h2",
        "/h2",
        "p",
        "p class=\"origin\"",
        "/p",
        "span class=\"mark\"",
        "span class=\"sign\"",
        "span class=\"digest\"",
        "/span",
        "bdi class=\"text\"",
    ];
    TAGS.contains(&tag)
        || tag == "/bdi"
        || tag
            .strip_prefix(
                "meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-",
            )
            .is_some_and(|rest| rest.len() > 44 && rest[44..] == *"'; base-uri 'none'; form-action 'none'\"")
}

/// What a reader sees in each text of the page, the numbers of unseen characters turned back into them.
fn texts(page: &str) -> Vec<String> {
    let mut texts = Vec::new();
    let (mut current, mut sign): (Option<String>, bool) = (None, false);
    for piece in pieces(page) {
        match piece {
            Piece::Tag(tag) => {
                assert!(is_ours(&tag), "a tag that is not ours: {tag}");
                match tag.as_str() {
                    "bdi class=\"text\"" => current = Some(String::new()),
                    "/bdi" => texts.extend(current.take()),
                    "span class=\"sign\"" => sign = true,
                    "/span" => sign = false,
                    _ => {}
                }
            }
            Piece::Text(text) => {
                if let Some(current) = &mut current {
                    if sign {
                        let number = u32::from_str_radix(text.strip_prefix("U+").unwrap(), 16).unwrap();
                        current.push(char::from_u32(number).unwrap());
                    } else {
                        current.push_str(&text);
                    }
                }
            }
        }
    }
    texts
}

#[test]
fn no_text_becomes_a_tag_or_is_hidden() {
    let all = vectors::read_all("product/html");
    assert!(all.len() >= 25);
    for vector in &all {
        assert_eq!(vector.expected(), ["escaped"], "{}", vector.name);
        let cut = holding(std::str::from_utf8(&vector.body).unwrap());
        let page = page(&cut);
        let mut expected: Vec<String> = Vec::new();
        let head = cut.head();
        for item in head.title.iter().chain(&head.originator).chain(&head.subjects).chain(&head.contact) {
            expected.push(item.text.clone());
        }
        expected.extend(cut.portions().iter().map(|p| p.text.clone()));
        assert_eq!(texts(&page), expected, "{}", vector.name);
        let unseen = |c: char| matches!(c, '\u{200b}' | '\u{202e}' | '\u{2067}' | '\u{ad}' | '\u{e0041}');
        assert!(!page.contains(unseen), "{}", vector.name);
    }
}

#[test]
fn a_page_refers_to_nothing_outside_it_and_allows_only_its_own_style() {
    let page = page(&cut(include_str!("../../samples/EXERCISE-northern-lantern.txt")));
    for word in
        ["<script", "javascript:", "http:", "https:", "src=", "href=", "url(", "@import", "<link", "<iframe", "on load"]
    {
        assert!(!page.contains(word), "{word}");
    }
    let style = page.split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
    let digest = portcullis::digest::Digest::of(style.as_bytes());
    use base64::Engine as _;
    let digest = base64::engine::general_purpose::STANDARD.encode(digest.as_bytes());
    assert!(
        page.contains(&format!("default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"))
    );
    assert!(!style.contains("<"));
}

#[test]
fn the_banner_stands_at_the_head_and_the_foot_and_keeps_its_room_on_every_page() {
    let cut = cut(include_str!("../../samples/EXERCISE-northern-lantern.txt"));
    let page = page(&cut);
    let banner = cut.marking().banner();
    for place in ["shown head\">", "shown foot\">", "room\" aria-hidden=\"true\">"] {
        assert!(page.contains(&format!("<div class=\"banner {place}{banner}</div>")), "{place}");
    }
    assert!(page.contains("<body class=\"level-s\">"));
    assert!(page.contains("position: fixed"));
    for portion in cut.portions() {
        assert!(page.contains(&format!("<span class=\"mark\">{}</span>", portion.marking.portion())));
    }
}

#[test]
fn a_page_is_not_read_back_and_is_no_product() {
    let cut = holding("text");
    let page = page(&cut);
    let register = Register::compiled_in();
    assert!(Cut::read_rendering(page.as_bytes(), Format::Html, &Bounds::default(), register).is_err());
    assert!(Product::read(page.as_bytes(), &Bounds::default(), register).is_err());
    assert!(Product::read_as(page.as_bytes(), Some(Format::Html), &Bounds::default(), register).is_err());
}

/// Prints a long page with a real browser: `cargo test --test product html:: -- --ignored`, with chromium and poppler's
/// tools installed.
#[test]
#[ignore = "needs chromium, pdfinfo and pdftotext"]
fn a_browser_prints_the_banner_twice_on_every_page() {
    let run = |program: &str, arguments: &[&str]| {
        let output = std::process::Command::new(program).args(arguments).output().unwrap();
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let sentence = "The quick brown exercise jumps over the lazy harbour. ".repeat(12);
    let portions: String =
        (0..60).map(|n| format!("\n(S//REL TO USA, JPN, FVEY) EXERCISE {n}. {sentence}\n")).collect();
    let cut = cut(&format!(
        "PORTCULLIS PRODUCT 1\nId: EXERCISE-1\nTitle: (S//REL TO USA, JPN, FVEY) EXERCISE\nOriginator: (U) EXERCISE\n\
         Date: 2026-11-20\nKind: report\n\nSECRET//REL TO USA, JPN, FVEY\n{portions}"
    ));
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(path("page.html"), page(&cut)).unwrap();
    let (profile, pdf) = (format!("--user-data-dir={}", path("profile")), path("page.pdf"));
    let print = format!("--print-to-pdf={pdf}");
    let quiet =
        ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-pdf-header-footer"];
    let address = format!("file://{}", path("page.html"));
    run("chromium", &[&quiet[..], &[&profile, &print, &address]].concat());
    let info = run("pdfinfo", &[&pdf]);
    let pages: usize = info.lines().find_map(|l| l.strip_prefix("Pages:")).unwrap().trim().parse().unwrap();
    assert!(pages >= 8, "{pages} pages are too few to show anything");
    for number in (1..=pages).map(|n| n.to_string()) {
        let text = run("pdftotext", &["-layout", "-f", &number, "-l", &number, &pdf, "-"]);
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|l| !l.is_empty() && *l != "\u{c}").collect();
        let banner = cut.marking().banner();
        let at: Vec<usize> = (0..lines.len()).filter(|i| lines[*i] == banner).collect();
        assert_eq!(at, [0, lines.len() - 1], "page {number}:\n{text}");
    }
}
