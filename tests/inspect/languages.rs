//! Texts of many languages pass every filter unchanged; disguised words among Latin words do not.

use std::collections::BTreeMap;

use crate::support::{inspect_all, inward, read, settings};

/// Articles of the Universal Declaration of Human Rights by language, written by `tests/vectors/languages/udhr.py`.
const UDHR: &str = include_str!("../vectors/languages/udhr.txt");

/// Wraps a text at spaces into lines of at most about 90 characters, as an editor does.
fn wrapped(text: &str) -> String {
    let (mut lines, mut length) = (String::new(), 0);
    for word in text.split(' ') {
        let more = word.chars().count() + 1;
        if length > 0 && length + more > 90 {
            lines.push('\n');
            length = 0;
        } else if length > 0 {
            lines.push(' ');
        }
        lines.push_str(word);
        length += more;
    }
    lines
}

fn product(title: &str, paragraphs: &[String]) -> Vec<u8> {
    let portions: String = paragraphs.iter().map(|text| format!("\n(S//REL TO USA, GBR) {text}\n")).collect();
    format!(
        "PORTCULLIS PRODUCT 1\nId: EXERCISE-2026-0003\nTitle: (S//REL TO USA, GBR) {title}\nOriginator: (U) EXERCISE Group\n\
         Date: 2026-11-20\nKind: report\n\nSECRET//REL TO USA, GBR\n{portions}"
    )
    .into_bytes()
}

/// Returns the findings that refuse a product of these paragraphs, each with its line.
fn against(title: &str, paragraphs: &[String]) -> Vec<String> {
    let text = product(title, paragraphs);
    let product = match read(&text) {
        Ok(product) => product,
        Err(faults) => return faults.into_iter().collect(),
    };
    let settings = settings();
    let refused = inspect_all(&product, None, &settings).err();
    let cut = String::from_utf8_lossy(&text).into_owned();
    let found: Vec<String> = refused
        .into_iter()
        .flat_map(|refused| refused.findings)
        .map(|f| format!("{} {} {:?}", f.code, f.message, f.line.and_then(|n| cut.lines().nth(n - 1))))
        .collect();
    assert_eq!(found.is_empty(), inward(&product, None, &settings).is_empty(), "{title}: the same filters work inward");
    found
}

fn languages() -> BTreeMap<&'static str, Vec<&'static str>> {
    let mut languages: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut name = "";
    for line in UDHR.lines() {
        match line.strip_prefix("# ") {
            Some(language) => name = language,
            None => languages.entry(name).or_default().push(line),
        }
    }
    languages
}

#[test]
fn paragraphs_of_many_languages_pass_the_reader_and_every_filter() {
    let languages = languages();
    assert!(languages.len() >= 90, "{}", languages.len());
    let mut refused = Vec::new();
    for (language, paragraphs) in &languages {
        let wrapped: Vec<String> = paragraphs.iter().map(|text| wrapped(text)).collect();
        refused.extend(against("EXERCISE", &wrapped).into_iter().map(|why| format!("{language}: {why}")));
    }
    assert!(refused.is_empty(), "{} refused:\n{}", refused.len(), refused.join("\n"));
}

#[test]
fn what_else_people_write_passes_and_a_disguise_among_latin_words_does_not() {
    let text = |text: &str| vec![text.to_owned()];
    for (title, paragraph) in [
        (
            "\u{41e} \u{440}\u{44b}\u{431}\u{435}",
            "\u{41f}\u{440}\u{438}\u{43a}\u{430}\u{437} \u{2116} 5 \u{43e}\u{442} \u{41a}\u{438}\u{435}\u{432}\u{430}",
        ),
        ("EXERCISE", "Il dit\u{a0}: \u{ab}\u{a0}Rien\u{a0}\u{bb}, 40\u{202f}000 fois."),
        ("EXERCISE", "\u{645}\u{6cc}\u{200c}\u{62e}\u{648}\u{627}\u{647}\u{645} \u{628}\u{631}\u{648}\u{645}"),
        (
            "EXERCISE",
            "All well \u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467} \u{26a0}\u{fe0f} 1\u{fe0f}\u{20e3} \u{1f6a2}\n\u{1f6a2}\nand so on.",
        ),
        (
            "EXERCISE",
            "\u{6700}\u{65b0}\u{306e}ISO\u{898f}\u{683c}\u{306b}\u{3088}\u{308b}\u{3001}\u{8239}\u{3000}\u{8239}\u{3002}",
        ),
        (
            "EXERCISE",
            "Meeting at \u{41c}\u{43e}\u{441}\u{43a}\u{432}\u{430} today, with a \u{421}\u{443}-27 and a \u{422}-72.",
        ),
        (
            "EXERCISE",
            "\u{424}\u{43b}\u{43e}\u{442} \u{421}\u{421}\u{421}\u{420} \u{438} USS Harry S Truman, HMS Queen Elizabeth\n\u{438} \u{421}\u{421}\u{421}\u{420}.",
        ),
        ("EXERCISE", "In \u{394}t = 5 \u{3bc}s, 5 \u{b5}F and 10 \u{3a9} or k\u{3a9}, an angle \u{3b1} of 20\u{b0}."),
        (
            "EXERCISE",
            "Ships of \u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f} and \u{1f1ec}\u{1f1e7}.",
        ),
        (
            "\u{ff2e}\u{ff21}\u{ff34}\u{ff2f}\u{4f1a}\u{8b70}",
            "\u{6a29}\u{5229}\u{3002}\u{ff2e}\u{ff21}\u{ff34}\u{ff2f}\u{ff11}\u{3002}",
        ),
    ] {
        assert_eq!(against(title, &text(paragraph)), Vec::<String>::new(), "{paragraph}");
    }
    for (title, paragraph, code) in [
        ("EXERCISE", "They took the \u{455}\u{435}\u{441}\u{433}\u{435}\u{442} plan.", "text.lookalike"),
        ("EXERCISE", "A \u{421}\u{410}\u{420} was there.", "text.lookalike"),
        ("\u{421}\u{410}\u{420}", "EXERCISE.", "text.lookalike"),
        ("EXERCISE", "We saw the \u{430}\u{445}\u{435} there and he said \u{414}\u{43e}\u{43c}.", "text.lookalike"),
        ("EXERCISE", "a p\u{430}ssword", "text.mixed"),
        // A sentence of Russian does not affect the next one, and a mark is found in any sentence.
        (
            "EXERCISE",
            "\u{41c}\u{44b} \u{432}\u{438}\u{434}\u{435}\u{43b}\u{438} \u{431}\u{43e}\u{43b}\u{44c}\u{448}\u{43e}\u{439} \u{434}\u{43e}\u{43c}. The \u{422}\u{41e}\u{420} paper.",
            "text.lookalike",
        ),
        (
            "EXERCISE",
            "\u{41c}\u{44b} \u{432}\u{438}\u{434}\u{435}\u{43b}\u{438} \u{434}\u{43e}\u{43c}. A S\u{415}CR\u{415}T paper.",
            "text.mixed",
        ),
        (
            "EXERCISE",
            "\u{41c}\u{44b} \u{432}\u{438}\u{434}\u{435}\u{43b}\u{438} \u{455}\u{435}\u{441}\u{433}\u{435}\u{442} \u{434}\u{43e}\u{43c}.",
            "text.lookalike",
        ),
        ("EXERCISE", "a \u{3bc}alpha", "text.mixed"),
        ("EXERCISE", "the \u{ff33}\u{ff25}\u{ff23} plan", "text.styled"),
        ("EXERCISE", "\u{1f3f4}\u{e0053}\u{e0045}\u{e0043}\u{e007f}", "text.tag"),
        ("EXERCISE", "a\u{200c}b", "text.invisible"),
        ("EXERCISE", "\u{62f}\u{200c}\u{647}", "text.invisible"),
        ("EXERCISE", "all well\u{fe0f}", "text.invisible"),
        ("EXERCISE", "two\u{a0}\u{a0}spaces", "text.space"),
        ("EXERCISE", "two \u{202f}spaces", "text.space"),
        ("EXERCISE", "the TOP\u{a0}SECRET annex", "marks.text"),
    ] {
        let found = against(title, &text(paragraph));
        assert!(found.iter().any(|why| why.starts_with(code)), "{paragraph:?}: {found:?}");
    }
}
