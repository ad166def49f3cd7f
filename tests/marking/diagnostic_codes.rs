//! Every code of a finding has a page in `docs/MARKINGS.md`, and what stands there is so: the mark before has the code, the mark
//! after has it not.

use portcullis::marking::{DocumentDate, Kind, Profile, Register, RuleCode, Rules};

const DOCUMENT: &str = include_str!("../../docs/MARKINGS.md");

/// The text of a page, by its code.
fn page(code: &str) -> &'static str {
    let heading = format!("#### {code}\n");
    let (_, rest) = DOCUMENT.split_once(&heading).unwrap_or_else(|| panic!("docs/MARKINGS.md has no page `{code}`"));
    rest.split("\n#").next().unwrap_or_default()
}

/// The mark behind `word` on a page.
fn mark(page: &str, word: &str) -> String {
    let (_, rest) = page.split_once(word).unwrap_or_else(|| panic!("no `{word}` in {page}"));
    let mark = rest.split('`').nth(1).expect("a mark").to_owned();
    match rest.split_once("` three hundred times") {
        // What is too long to be shown.
        Some((list, _)) => mark + &list.rsplit('`').next().expect("a list").repeat(300),
        None => mark.replace("<U+00A0>", "\u{a0}"),
    }
}

#[test]
fn each_code_has_a_page_whose_marks_are_as_it_says() {
    let mut wrong = Vec::new();
    for code in RuleCode::ALL {
        let page = page(code.as_str());
        let day = if *code == RuleCode::WarnMembershipUndated { "1990-01-01" } else { "2022-12-01" };
        let rules = Rules::new(Register::compiled_in(), DocumentDate::Known(day.parse().expect("a date")));
        let found = |mark: &str| {
            let kind = if mark.starts_with('(') { Kind::Portion } else { Kind::Banner };
            let checked = rules.clone().with_profile(Profile::of(mark)).check(mark, kind, None);
            (checked.codes(), checked.warnings(), checked.is_valid())
        };
        let (before, after) = (mark(page, "before: "), mark(page, "after: "));
        let (errors, warnings, valid) = found(&before);
        if valid != errors.is_empty() || !(errors.contains(code) || warnings.contains(code)) {
            wrong.push(format!("{code}: before: {before} has {errors:?} and {warnings:?}"));
        }
        let (errors, warnings, valid) = found(&after);
        if !valid || warnings.contains(code) {
            wrong.push(format!("{code}: after: {after} has {errors:?} and {warnings:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_document_has_no_page_for_what_is_no_code() {
    let pages = DOCUMENT.lines().filter_map(|line| line.strip_prefix("#### "));
    for page in pages.filter(|page| page.starts_with("E-") || page.starts_with("W-")) {
        assert!(RuleCode::ALL.iter().any(|code| code.as_str() == page), "{page}");
    }
}
