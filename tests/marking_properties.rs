//! The algebra of markings (spec 1.11), over random marks. Seeds are fixed, so a failure is the same everywhere.
//!
//! `PORTCULLIS_CASES` raises the number of cases for a long run.

use std::collections::BTreeSet;

use portcullis::marking::{
    Audience, Control, DocumentDate, Kind, Level, Marking, PortionForRollup, Register, RollupOptions, Rules,
    UnclassifiedPolicy, covers_portions, roll_up,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// Portions that between them carry every control, list shape and system.
const PORTIONS: &[&str] = &[
    "(U)",
    "(C)",
    "(S)",
    "(TS)",
    "(U//FOUO)",
    "(U//NF)",
    "(U//RELIDO)",
    "(U//REL TO USA, FVEY)",
    "(U//SBU)",
    "(U//SBU-NF)",
    "(U//LES)",
    "(U//LES-NF)",
    "(U//SSI)",
    "(U//DS)",
    "(U//DCNI)",
    "(U//UCNI)",
    "(U//PR)",
    "(U//DSEN)",
    "(U//FISA)",
    "(U//REL TO USA, GBR//LES)",
    "(U//NF//XD)",
    "(U//NF//ND)",
    "(C//RELIDO)",
    "(C//OC)",
    "(C//OC-USGOV/NF)",
    "(C//SI)",
    "(C//SI//REL TO USA, FVEY)",
    "(S//NF)",
    "(S//RELIDO)",
    "(S//REL TO USA, GBR)",
    "(S//REL TO USA, FVEY)",
    "(S//REL TO USA, AUS, CAN)",
    "(S//REL TO USA, NATO)",
    "(S//REL TO USA, DEU)",
    "(S//REL TO USA, GBR, KFOR)",
    "(S//REL TO USA, KFOR)",
    "(S//REL TO USA, EU, GMIF)",
    "(S//REL TO USA, ACGU/RELIDO)",
    "(S//DISPLAY ONLY GBR)",
    "(S//DISPLAY ONLY FVEY)",
    "(S//REL TO USA, GBR/DISPLAY ONLY AUS, FRA)",
    "(S//REL TO USA, FRA/DISPLAY ONLY NATO)",
    "(S//OC/REL TO USA, GBR)",
    "(S//OC/NF)",
    "(S//IMC/REL TO USA, FVEY)",
    "(S//RS/NF)",
    "(S//PR)",
    "(S//NF/PR)",
    "(S//FISA)",
    "(S//REL TO USA, GBR/FISA)",
    "(S//RAWFISA)",
    "(S//TK//REL TO USA, FVEY)",
    "(S//HCS-O//OC/NF)",
    "(S//HCS-P//NF)",
    "(TS//HCS-P JJJ//OC/NF)",
    "(TS//SI-G ABCD//OC/NF)",
    "(TS//SI-G EFGH-XYZ//OC/REL TO USA, GBR)",
    "(TS//SI-EU)",
    "(TS//TK-BLFH ABCD-IDIT//NF)",
    "(TS//KLM-R//NF)",
    "(S//KLM-ABC//OC)",
    "(TS//MVL)",
    "(S//RSV-123//NF)",
    "(S//BUR-BLG//NF)",
    "(TS//SAR-BP-123/CA-XYZ YYY//NF)",
    "(S//SAR-CD//REL TO USA, GBR)",
    "(S//RD//NF)",
    "(S//RD-CNWDI//NF)",
    "(S//RD-SG 14 20//NF)",
    "(S//FRD-SG 15//REL TO USA, GBR)",
    "(C//TFNI//REL TO USA, GBR)",
    "(//GBR S)",
    "(//GBR S//REL TO USA, GBR)",
    "(//CAN GBR R//REL TO USA, CAN, GBR)",
    "(//FGI S//REL TO USA, ACGU)",
    "(//FGI TS)",
    "(//NS//REL TO USA, NATO)",
    "(//NU)",
    "(//NS//ATOMAL//NF)",
    "(//CTS//BOHEMIA//REL TO USA, NATO)",
    "(//CTS//BALK)",
    "(S//FGI DEU//REL TO USA, DEU, FRA)",
    "(S//FGI//RELIDO)",
    "(S//FGI NATO//REL TO USA, NATO)",
    "(//JOINT S GBR USA//REL TO USA, GBR)",
    "(//JOINT S CAN GBR USA//FGI NZL//REL TO USA, FVEY)",
    "(//JOINT S GBR USA//SI//REL TO USA, FVEY)",
    "(S//NF//LES)",
    "(S//NF//SSI)",
    "(S//REL TO USA, FVEY//LES)",
];

fn rules() -> Rules<'static> {
    Rules::new(Register::compiled_in(), DocumentDate::Known("2022-12-01".parse().expect("a date")))
}

fn runner(cases: u32) -> TestRunner {
    let cases = std::env::var("PORTCULLIS_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(cases);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]))
}

fn portions() -> Vec<Marking> {
    PORTIONS.iter().map(|p| rules().parse_portion(p, None).unwrap_or_else(|e| panic!("{p}: {e}"))).collect()
}

fn roll(rules: &Rules<'_>, parts: &[Marking]) -> Marking {
    let parts: Vec<PortionForRollup<'_>> = parts.iter().map(Into::into).collect();
    roll_up(rules, &parts, RollupOptions::default()).expect("valid portions have a banner")
}

/// Whom an audience reaches by country, or by a code that stands for nobody's countries.
fn reached(audience: &Audience) -> BTreeSet<String> {
    audience.countries.iter().chain(&audience.unresolved).map(ToString::to_string).collect()
}

fn choice(max: usize) -> impl Strategy<Value = Vec<usize>> {
    proptest::collection::vec(0..PORTIONS.len(), 1..=max)
}

#[test]
fn roll_up_is_commutative_idempotent_closed_monotone_and_never_wider() {
    let (rules, all) = (rules(), portions());
    runner(6_000)
        .run(&choice(4), |chosen| {
            let parts: Vec<Marking> = chosen.iter().map(|i| all[*i].clone()).collect();
            let banner = roll(&rules, &parts);
            let reversed: Vec<Marking> = parts.iter().rev().cloned().collect();
            prop_assert_eq!(&roll(&rules, &reversed), &banner);
            let twice: Vec<Marking> = parts.iter().chain(&parts).cloned().collect();
            prop_assert_eq!(&roll(&rules, &twice), &banner);
            // Closed: what comes out is a valid banner, and covers what it came from.
            prop_assert_eq!(&rules.parse_banner_canonical(&banner.banner()).expect("closed"), &banner);
            prop_assert!(covers_portions(&rules, &banner, &parts).is_ok(), "{} over {:?}", banner, parts);
            let (release, display) = (rules.release_audience(&banner), rules.display_audience(&banner));
            for part in &parts {
                prop_assert!(banner.level() >= part.level().in_us_banner());
                let uncaveated = part.is_unclassified_uncontrolled();
                if !uncaveated {
                    prop_assert!(
                        reached(&release).is_subset(&reached(&rules.release_audience(part))),
                        "{} {}",
                        banner,
                        part
                    );
                    prop_assert!(
                        reached(&display).is_subset(&reached(&rules.display_audience(part))),
                        "{} {}",
                        banner,
                        part
                    );
                }
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn one_more_portion_never_widens_the_audience() {
    let (rules, all) = (rules(), portions());
    runner(4_000)
        .run(&(choice(3), 0..PORTIONS.len()), |(chosen, more)| {
            let mut parts: Vec<Marking> = chosen.iter().map(|i| all[*i].clone()).collect();
            let before = roll(&rules, &parts);
            parts.push(all[more].clone());
            let after = roll(&rules, &parts);
            prop_assert!(after.level() >= before.level());
            // Portions that take no part leave no audience to compare with.
            let silent = |m: &Marking| m.is_unclassified_uncontrolled();
            if !parts[..parts.len() - 1].iter().all(silent) {
                prop_assert!(
                    reached(&rules.release_audience(&after)).is_subset(&reached(&rules.release_audience(&before)))
                );
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn rolling_up_banners_again_is_never_wider_than_rolling_up_their_portions() {
    let (rules, all) = (rules(), portions());
    runner(4_000)
        .run(&(choice(3), choice(3)), |(left, right)| {
            let pick = |chosen: &[usize]| chosen.iter().map(|i| all[*i].clone()).collect::<Vec<_>>();
            let (left, right) = (pick(&left), pick(&right));
            let whole = roll(&rules, &[left.clone(), right.clone()].concat());
            let again = roll(&rules, &[roll(&rules, &left), roll(&rules, &right)]);
            let (again, whole) = (rules.release_audience(&again), rules.release_audience(&whole));
            prop_assert!(reached(&again).is_subset(&reached(&whole)));
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_joint_product_rolls_up_to_something_valid_and_no_wider() {
    let (rules, all) = (rules(), portions());
    runner(4_000)
        .run(&choice(4), |chosen| {
            let parts: Vec<Marking> = chosen.iter().map(|i| all[*i].clone()).collect();
            let refs: Vec<PortionForRollup<'_>> = parts.iter().map(Into::into).collect();
            let options = RollupOptions { joint: true, ..RollupOptions::default() };
            let banner = roll_up(&rules, &refs, options).expect("valid portions have a banner");
            let us = roll(&rules, &parts);
            prop_assert_eq!(rules.release_audience(&banner), rules.release_audience(&us));
            Ok(())
        })
        .unwrap();
}

/// Words of every category and form, right and wrong, from which texts are thrown together.
const WORDS: &[&str] = &[
    "TOP SECRET",
    "SECRET",
    "CONFIDENTIAL",
    "UNCLASSIFIED",
    "RESTRICTED",
    "TS",
    "S",
    "C",
    "U",
    "R",
    "//",
    "//",
    "//",
    "/",
    "/",
    " ",
    ", ",
    "-",
    "JOINT ",
    "NATO ",
    "COSMIC ",
    "CTS",
    "NS",
    "FGI",
    "FGI GBR",
    "USA",
    "GBR",
    "AUS",
    "FVEY",
    "NATO",
    "KFOR",
    "ISAF",
    "XYZ",
    "REL TO USA, GBR",
    "REL TO USA, FVEY",
    "REL TO ",
    "REL",
    "DISPLAY ONLY FRA",
    "DISPLAY ONLY ",
    "USA/GBR EYES ONLY",
    "EYES",
    "NOFORN",
    "NF",
    "RELIDO",
    "ORCON",
    "OC",
    "ORCON-USGOV",
    "OC-USGOV",
    "IMCON",
    "IMC",
    "RSEN",
    "RS",
    "PROPIN",
    "PR",
    "FOUO",
    "FISA",
    "RAWFISA",
    "DSEN",
    "DEA SENSITIVE",
    "SI",
    "SI-G",
    "SI-G ABCD",
    "SI-EU",
    "TK",
    "TK-BLFH",
    "HCS",
    "HCS-O",
    "HCS-P",
    "HCS-P ABC",
    "KLM",
    "KLM-R",
    "MVL",
    "RSV-ABC",
    "BUR-BLG",
    "BALK",
    "BOHEMIA",
    "SAR-BP",
    "SAR-BP-123",
    "RD",
    "RD-CNWDI",
    "RD-SIGMA 14",
    "RD-SG 14",
    "FRD",
    "TFNI",
    "DCNI",
    "DOD UCNI",
    "ATOMAL",
    "LES",
    "LES-NF",
    "LES NOFORN",
    "SBU",
    "SBU-NF",
    "SSI",
    "XD",
    "EXDIS",
    "ND",
    "NODIS",
    "DS",
    "LIMDIS",
    "COMINT",
    "KDK",
    "\u{200b}",
    "\u{202e}",
    "\u{a0}",
    "\u{41e}",
    "\u{2215}",
    "(",
    ")",
    "a",
    "0",
    "\t",
    "\n",
];

fn thrown_together() -> impl Strategy<Value = String> {
    proptest::collection::vec(0..WORDS.len(), 1..12).prop_map(|chosen| chosen.iter().map(|i| WORDS[*i]).collect())
}

/// A valid portion with a few of its bytes changed, dropped, doubled or moved.
fn mutated() -> impl Strategy<Value = String> {
    let edit = (0_usize..64, 0_u8..5, 0..WORDS.len());
    (0..PORTIONS.len(), proptest::collection::vec(edit, 1..4)).prop_map(|(start, edits)| {
        let mut text: Vec<char> = PORTIONS[start].chars().collect();
        for (at, how, word) in edits {
            let at = at % text.len().max(1);
            match how {
                0 if !text.is_empty() => drop(text.remove(at)),
                1 if !text.is_empty() => text.insert(at, text[at]),
                2 if text.len() > 1 => text.swap(at, (at + 1) % 2),
                _ => drop(text.splice(at..at, WORDS[word].chars())),
            }
        }
        text.into_iter().collect()
    })
}

#[test]
fn whatever_is_accepted_round_trips_and_every_span_is_inside_the_text() {
    let rules = rules();
    runner(30_000)
        .run(&(prop_oneof![thrown_together(), mutated()], any::<bool>()), |(text, portion)| {
            let kind = if portion { Kind::Portion } else { Kind::Banner };
            let checked = rules.check(&text, kind, None);
            for diagnostic in &checked.diagnostics {
                let span = &diagnostic.span;
                prop_assert!(span.start <= span.end && span.end <= text.len(), "{:?} {:?}", text, diagnostic);
                prop_assert!(
                    text.is_char_boundary(span.start) && text.is_char_boundary(span.end),
                    "{:?} {:?}",
                    text,
                    diagnostic
                );
                if let Some(fix) = &diagnostic.fix {
                    let fixed = rules.check(&fix.replacement, kind, None);
                    prop_assert!(fixed.is_valid(), "{:?} -> {:?}", text, fix);
                    // A fix names no code that the text did not name.
                    let marking = fixed.marking.expect("valid");
                    let upper = text.to_ascii_uppercase();
                    for code in marking.rel_to().iter().chain(marking.display_to().iter()) {
                        prop_assert!(upper.contains(code), "{:?} -> {:?}", text, fix);
                    }
                }
            }
            let Some(marking) = checked.marking else {
                prop_assert!(!checked.codes().is_empty());
                prop_assert!(checked.releasable_to.is_empty());
                return Ok(());
            };
            prop_assert!(text.bytes().all(|b| (b' '..=b'~').contains(&b)));
            let again = match kind {
                Kind::Banner => rules.parse_banner_canonical(&marking.banner()),
                Kind::Portion => rules.parse_portion(&marking.portion(), None),
            };
            prop_assert_eq!(again, Ok(marking.clone()));
            if kind == Kind::Banner {
                prop_assert_eq!(rules.parse_banner(&marking.banner_titled()), Ok(marking));
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn adding_a_control_other_than_a_release_list_never_adds_a_country() {
    let rules = rules();
    let others: Vec<Control> =
        Control::ALL.iter().copied().filter(|c| !matches!(c, Control::Rel | Control::Eyes)).collect();
    let (all, mut tried, mut accepted) = (portions(), 0, 0);
    for marking in &all {
        let before = reached(&rules.release_audience(marking));
        for control in &others {
            // Put the word into every place it could stand in.
            let text = marking.portion();
            for at in text.char_indices().map(|(i, _)| i).filter(|i| *i > 0) {
                for glue in ["/", "//"] {
                    for edited in [
                        format!("{}{glue}{}{}", &text[..at], control.portion(), &text[at..]),
                        format!("{}{}{glue}{}", &text[..at], control.portion(), &text[at..]),
                    ] {
                        tried += 1;
                        if let Ok(after) = rules.parse_portion(&edited, None) {
                            accepted += 1;
                            let after = reached(&rules.release_audience(&after));
                            assert!(after.is_subset(&before), "{text} -> {edited}");
                        }
                    }
                }
            }
        }
    }
    assert!(tried > 50_000 && accepted > 200, "{tried} tried, {accepted} accepted");
}

#[test]
fn an_unknown_date_never_releases_more_than_a_known_one() {
    let register = Register::compiled_in();
    let unknown = Rules::new(register, DocumentDate::Unknown);
    for year in [2005, 2010, 2016, 2018, 2022, 2026] {
        let known = Rules::new(register, DocumentDate::Known(format!("{year}-06-28").parse().expect("a date")));
        for portion in PORTIONS {
            let Ok(at_unknown) = unknown.parse_portion(portion, None) else { continue };
            let at_known = known.parse_portion(portion, None).expect("what stands without a date stands with one");
            let (less, more) = (unknown.release_audience(&at_unknown), known.release_audience(&at_known));
            assert!(reached(&less).is_subset(&reached(&more)), "{portion} {year}");
        }
    }
}

#[test]
fn the_manual_policy_is_the_only_one_that_lets_fouo_follow_a_release_banner() {
    let strict = rules();
    let manual = rules().with_unclassified_policy(UnclassifiedPolicy::Manual);
    let parts = ["(S//REL TO USA, AUS)", "(U//FOUO)"].map(|p| strict.parse_portion(p, None).expect("valid"));
    assert_eq!(roll(&strict, &parts).banner(), "SECRET//NOFORN");
    assert_eq!(roll(&manual, &parts).banner(), "SECRET//REL TO USA, AUS");
    assert_eq!(roll(&strict, &parts).level(), Level::Secret);
}
