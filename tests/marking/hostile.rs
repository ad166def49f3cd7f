//! Text made to deceive a reader or to exhaust one.

use portcullis::marking::{DocumentDate, Kind, Register, RuleCode, Rules};

fn rules() -> Rules<'static> {
    Rules::new(Register::compiled_in(), DocumentDate::Known("2022-12-01".parse().expect("a date")))
}

fn codes(text: &str, kind: Kind) -> Vec<RuleCode> {
    rules().check(text, kind, None).codes()
}

#[test]
fn names_each_character_that_deceives() {
    for (text, number, name) in [
        ("SECRET//NOF\u{41e}RN", "U+041E", "Cyrillic"),
        ("SECRET\u{200b}//NOFORN", "U+200B", "ZERO WIDTH SPACE"),
        ("\u{202e}SECRET//NOFORN", "U+202E", "RIGHT-TO-LEFT OVERRIDE"),
        ("SECRET//REL TO\u{a0}USA, GBR", "U+00A0", "NO-BREAK SPACE"),
        ("SECRET\u{2215}\u{2215}NOFORN", "U+2215", "DIVISION SLASH"),
        ("SECRET//NOFORN\u{feff}", "U+FEFF", "ZERO WIDTH NO-BREAK SPACE"),
        ("\u{ff33}ECRET//NOFORN", "U+FF33", "full-width"),
        ("SECRET//REL TO USA, GBR\u{e0041}", "U+E0041", "tag"),
        ("SECRET\t//NOFORN", "U+0009", "TABULATION"),
        ("SECRET//NOFORN\n", "U+000A", "LINE FEED"),
        ("SECRET//N\0FORN", "U+0000", "NULL"),
    ] {
        let checked = rules().check(text, Kind::Banner, None);
        let found = checked.diagnostics.iter().find(|d| d.code == RuleCode::Charset).expect("E-CHARSET");
        assert!(!checked.is_valid());
        assert!(found.hint.contains(number) && found.hint.contains(name), "{text:?}: {}", found.hint);
        let (at, hostile) = text.char_indices().find(|(_, c)| !matches!(c, ' '..='~')).expect("one");
        assert_eq!(found.span, at..at + hostile.len_utf8(), "{text:?}");
    }
}

#[test]
fn takes_no_look_alike_for_what_it_looks_like() {
    // Every character of a releasing mark replaced by every other: none but the mark itself is that mark.
    let mark = "SECRET//REL TO USA, GBR";
    let own = rules().parse_banner(mark).expect("valid");
    for (at, original) in mark.char_indices() {
        for other in (' '..='~').chain(['\u{a0}', '\u{410}', '\u{421}', '\u{ff0c}', '\u{2044}', '\u{130}']) {
            if other == original {
                continue;
            }
            let text = format!("{}{other}{}", &mark[..at], &mark[at + 1..]);
            if let Ok(marking) = rules().parse_banner(&text) {
                assert_ne!(marking, own, "{text}");
            }
        }
    }
}

#[test]
fn refuses_a_mebibyte_of_anything_at_once() {
    for unit in
        ["/", "//", "A", " ", "SECRET//", "REL TO USA, GBR, ", "(", "\u{202e}", "SI-G ABCD-", "USA/GBR EYES ONLY/"]
    {
        let text = unit.repeat((1 << 20) / unit.len());
        for kind in [Kind::Banner, Kind::Portion] {
            let checked = rules().check(&text, kind, None);
            assert!(!checked.is_valid() && checked.codes().contains(&RuleCode::Limit));
            // One finding for the length and one for the first hostile character: the work is one pass.
            assert!(checked.diagnostics.len() <= 2, "{unit:?}");
        }
    }
}

#[test]
fn refuses_the_longest_marks_of_every_shape_without_harm() {
    for unit in
        ["/", "//", "A", " ", "SI/", "SI-G ABCD-", "GBR, ", "USA/GBR EYES ONLY/", "NF/", "X-", "SAR-A/", "\u{202e}"]
    {
        for start in ["", "SECRET//", "SECRET//REL TO USA, ", "//JOINT S ", "("] {
            let mut text = start.to_owned();
            while text.len() + unit.len() <= 1024 {
                text.push_str(unit);
            }
            for kind in [Kind::Banner, Kind::Portion] {
                assert!(!rules().check(&text, kind, None).is_valid(), "{text}");
            }
        }
    }
}

#[test]
fn refuses_every_known_way_of_losing_a_control() {
    // Each of these was accepted, or read as something else, by some other implementation.
    for (text, code) in [
        ("SECRET//NOFORN//REL TO USA, GBR", RuleCode::CategoryRepeated),
        ("SECRET//FGI DEU/FGI FRA//REL TO USA, FRA", RuleCode::CategoryRepeated),
        ("SECRET//FGI NATO/FGI//REL TO USA, NATO", RuleCode::CategoryRepeated),
        ("SECRET//FGI/FGI DEU//REL TO USA, DEU", RuleCode::CategoryRepeated),
        ("SECRET//REL TO USA CAN", RuleCode::ListSeparator),
        ("SECRET//REL TO CAN", RuleCode::RelNoUsa),
        ("UNCLASSIFIED//LIMDIS/", RuleCode::Separator),
        ("TOP SECRET////NOFORN", RuleCode::Separator),
        ("RESTRICTED//NOFORN", RuleCode::ClassNotUs),
        ("SECRET//MADE-UP", RuleCode::TokenUnknown),
        ("//JOINT SECRET GBR USA", RuleCode::Requires),
        ("SERCET//NOFORN", RuleCode::ClassUnknown),
        ("SECRET//REL TO USA, GBER", RuleCode::CodeUnknown),
        ("SECRET//SI/NOFORN", RuleCode::CategoryMixed),
        ("SECRET//FOUO", RuleCode::ClassCeiling),
        ("CUI//SP-CTI", RuleCode::Profile),
    ] {
        let found = codes(text, Kind::Banner);
        assert!(found.contains(&code), "{text}: {found:?}");
    }
}

#[test]
fn takes_only_the_canonical_banner_from_the_wire() {
    let rules = rules();
    for text in [
        "SECRET//NOT RELEASABLE TO FOREIGN NATIONALS",
        "SECRET//RESTRICTED DATA//NOFORN",
        "TOP SECRET//SI-GAMMA//ORCON/NOFORN",
    ] {
        let marking = rules.parse_banner(text).expect("valid at submission");
        let refused = rules.parse_banner_canonical(text).expect_err("not from the wire");
        assert_eq!(refused.diagnostics[0].code, RuleCode::Form);
        assert_eq!(rules.parse_banner_canonical(&marking.banner()), Ok(marking));
    }
}
